"""What few annotated paragraphs are worth: three new types from 50 to 200 of them, and who chooses them.

`own_events` gives F1 of a model of three types that its start has never seen, by number of paragraphs and by what is kept
of the start. The start is trained here, on `train` without the paragraphs of those types: the shipped model has
learned them. `choosing` gives F1 by number of paragraphs when `ahdath.suggest` picks them and when chance does, from an
encoder that has seen no annotation. Trainings are short, to rank choices, not to be compared with docs/benchmarks.md.

Every point is written to a file as soon as it is there, and what is there is not measured again (`numbers.Points`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.errors import DataError
from ahdath.ontology import Ontology
from ahdath.proof.numbers import Points, fingerprint
from ahdath.schema import Document
from ahdath.suggest import suggest
from ahdath.text import words

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.training import TrainConfig

__all__ = ["NEW_TYPES", "Plan", "choosing", "choosing_table", "own_events", "own_events_table"]

NEW_TYPES: dict[str, str] = json.loads(Path(__file__).with_name("new_types.json").read_text(encoding="utf-8"))
"""Types of the corpus that play the new ones, and what the ontology of the measurement calls them."""

STARTS = {
    "pre-trained encoder": None,
    "model without these types, its encoder": "encoder",
    "model without these types, encoder and words": "words",
    "model without these types, all of it": "all",
}
"""What a training starts from; the value is `keep` of its settings, None for the encoder without a model."""

_VARIED = ("encoder", "ontology", "train", "dev", "output", "seed", "epochs", "evaluate_from", "batch_size", "keep")

SIZES, CHOICES, STEPS = (50, 100, 200), ("random", "entropy"), (100, 200, 400)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything is: `file` of points, `folder` of runs, the corpus, the encoder, the settings that are varied."""

    file: Path = Path("docs/suggest.json")
    folder: Path = Path("runs/suggest")
    corpus: Path = Path("seeds")
    encoder: str = "runs/encoder"
    config: Path = Path("configs/embedded.yaml")
    ontology: Path = Path("docs/own-events/courts.yaml")
    donor_epochs: int = 5

    def points(self, section: str) -> Points:
        """The points of `own` or `choice`: all from the same corpus, encoder and settings."""
        from ahdath.config import read_config
        from ahdath.training import TrainConfig

        settings = asdict(read_config(TrainConfig, self.config, [f"encoder={self.encoder}"]))
        told = {name: value for name, value in settings.items() if name not in _VARIED}
        files = {name: fingerprint([self.corpus / f"{name}.jsonl"]) for name in ("train", "dev", "test")}
        weights = sorted(Path(self.encoder).glob("*.safetensors"))
        stamp = {**files, "encoder": fingerprint(weights) if weights else self.encoder, "donor_epochs": self.donor_epochs, **told}
        return Points(self.file, (section,), stamp)

    def settings(self, name: str, train: Sequence[Document], dev: Sequence[Document], **changes: Any) -> TrainConfig:
        """Settings of a run of that name, its data written beside it. Few paragraphs are read often, in small batches."""
        from ahdath.config import read_config
        from ahdath.training import TrainConfig

        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        write_jsonl(place / "train.jsonl", train)
        write_jsonl(place / "dev.jsonl", dev)
        base = read_config(TrainConfig, self.config, [f"encoder={self.encoder}"])
        epochs = max(10, min(40, 3000 // max(len(train), 1)))
        files = {"train": str(place / "train.jsonl"), "dev": str(place / "dev.jsonl"), "output": str(place / "run")}
        usual = {"epochs": epochs, "batch_size": 8, **changes}
        return replace(base, **{**files, **usual, "evaluate_from": usual["epochs"]})


def _trained(settings: TrainConfig) -> EventExtractor:
    from ahdath.training import train

    return train(settings)


def _scores(model: EventExtractor, test: Sequence[Document]) -> dict[str, float]:
    """F1 in percent: TC, AC+, AC+ with gold triggers."""
    from ahdath.training import dev_scores

    found = dev_scores(model, test)
    return {"TC": found["eval_tc"], "AC+": found["eval_ac"], "AC+ (gold triggers)": found["eval_ac_gold"]}


# ---------------------------------------------------------------------- three new types


def renamed(document: Document, ontology: Ontology) -> Document:
    """The document with its events of NEW_TYPES under their new names, and no others."""
    events = [
        replace(event, type=NEW_TYPES[event.type], ontology=ontology) for event in document.events if event.type in NEW_TYPES
    ]
    sentences = [
        replace(one, types=tuple(NEW_TYPES[name] for name in one.types if name in NEW_TYPES)) for one in document.sentences
    ]
    return replace(document, events=tuple(events), sentences=tuple(sentences))


def drawn(documents: Sequence[Document], count: int, seed: int) -> tuple[list[Document], list[Document]]:
    """Train and dev of a newcomer with `count` paragraphs: two in three have an event, one in five is for dev.

    Smaller draws of a seed are inside larger ones.
    """
    dice = random.Random(seed)
    sides = [[d for d in documents if d.events], [d for d in documents if not d.events]]
    for side in sides:
        dice.shuffle(side)
    chosen = [sides[number % 3 == 2].pop() for number in range(count)]
    return [d for n, d in enumerate(chosen) if n % 5 != 4], [d for n, d in enumerate(chosen) if n % 5 == 4]


def own_events(
    plan: Plan, *, starts: Sequence[str] = tuple(STARTS), sizes: Sequence[int] = SIZES, seeds: Sequence[int] = (0, 1, 2)
) -> None:
    """Measure the points that are missing; the starts in turn, so that a broken-off run can be compared."""
    ontology = Ontology.from_yaml(plan.ontology)
    names = ("train", "dev", "test")
    found = {name: [renamed(d, ontology) for d in read_jsonl(plan.corpus / f"{name}.jsonl")] for name in names}
    test, points = found["dev"] + found["test"], plan.points("own")
    for seed in seeds:
        for size in sizes:
            for start in starts:
                name = f"{start} · {size} · {seed}"
                if name in points.there():
                    continue
                keep = STARTS[start]
                train, dev = drawn(found["train"], size, seed)
                changes = {} if keep is None else {"encoder": str(donor(plan)), "keep": keep}
                settings = plan.settings(
                    f"own-{keep}-{size}-{seed}", train, dev, ontology=str(plan.ontology), seed=seed, **changes
                )
                point = {"start": start, "paragraphs": size, "seed": seed, "epochs": settings.epochs}
                points.keep(name, point | _scores(_trained(settings), test))


def donor(plan: Plan) -> Path:
    """A model that has seen nothing of NEW_TYPES: no paragraph that has one of them."""
    place = plan.folder / "donor" / "run"
    if not (place / "training.json").exists():
        sides = [
            [d for d in read_jsonl(plan.corpus / f"{name}.jsonl") if not any(e.type in NEW_TYPES for e in d.events)]
            for name in ("train", "dev")
        ]
        _trained(plan.settings("donor", sides[0], sides[1][::2], epochs=plan.donor_epochs, batch_size=16))
    return place


# ---------------------------------------------------------------------- who chooses


def choosing(
    plan: Plan, *, choices: Sequence[str] = CHOICES, steps: Sequence[int] = STEPS, seeds: Sequence[int] = (0, 1, 2)
) -> None:
    """Measure the points that are missing. The first step is drawn by lot, the same for all choices of a seed."""
    train, dev, test = (read_jsonl(plan.corpus / f"{name}.jsonl") for name in ("train", "dev", "test"))
    points = plan.points("choice")
    for seed in seeds:
        for choice in choices:
            taken = [d.id for d in random.Random(seed).sample(train, steps[0])]
            model: Path | None = None
            for size in steps:
                who = CHOICES[0] if size == steps[0] else choice
                name = f"{who} · {size} · {seed}"
                before = points.there().get(name)
                if before is None:
                    taken = _further(plan, choice, train, taken, size, model, seed)
                    annotated = [d for d in train if d.id in set(taken)]
                    settings = plan.settings(f"choice-{who}-{size}-{seed}", annotated, dev[::3], seed=seed)
                    point = {"choice": who, "paragraphs": size, "seed": seed, "epochs": settings.epochs, "ids": taken}
                    point["words"] = sum(len(words(d.text)) for d in annotated)
                    point["events"] = sum(len(d.events) for d in annotated)
                    points.keep(name, point | _scores(_trained(settings), test))
                else:
                    taken = before["ids"]
                model = plan.folder / f"choice-{who}-{size}-{seed}" / "run"


def _further(
    plan: Plan, choice: str, train: Sequence[Document], taken: list[str], size: int, model: Path | None, seed: int
) -> list[str]:
    """`taken` and what `choice` adds up to `size`."""
    if size == len(taken):
        return taken
    left = [Document(d.text, id=d.id) for d in train if d.id not in set(taken)]
    if choice == "random":
        return taken + [d.id for d in random.Random(f"{seed}-{size}").sample(left, size - len(taken))]
    if model is None or not model.exists():
        raise DataError(f"{model}: expected the model of the step before, found none; take its point out of {plan.file}")
    from ahdath.inference import EventExtractor

    known = [d.text for d in train if d.id in set(taken)]
    found = suggest(EventExtractor.from_pretrained(model), left, count=size - len(taken), strategy=choice, known=known)
    return taken + [d.id for d in found]


# ---------------------------------------------------------------------- tables


def own_events_table(found: Mapping[str, Any]) -> str:
    """F1 by start and number of paragraphs, median and range over seeds."""
    return _table(_points(found, "own"), "start", list(STARTS))


def choosing_table(found: Mapping[str, Any]) -> str:
    """F1 by choice and number of paragraphs, what was annotated, and the paired differences."""
    rows = _points(found, "choice")
    made = _table(rows, "choice", list(CHOICES), ("words", "events"))
    by = {(row["choice"], row["paragraphs"], row["seed"]): row for row in rows}
    lines = []
    for size in sorted({row["paragraphs"] for row in rows}):
        for measure in ("TC", "AC+"):
            gaps = [
                row[measure] - by[CHOICES[0], size, row["seed"]][measure]
                for row in rows
                if row["choice"] == CHOICES[1] and row["paragraphs"] == size and (CHOICES[0], size, row["seed"]) in by
            ]
            if gaps:
                told = ", ".join(f"{gap:+.1f}" for gap in gaps)
                lines.append(f"- {size} paragraphs, {measure}: {median(gaps):+.1f} (seed by seed {told})")
    return made + ("\n\nPoints that uncertainty gains over chance, seed by seed:\n\n" + "\n".join(lines) if lines else "")


def _points(found: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    return list(found[section]["points"].values()) if section in found else []


def _table(rows: Any, key: str, order: Sequence[str], also: Sequence[str] = ()) -> str:
    measures = ("TC", "AC+", "AC+ (gold triggers)")
    head = (key, "paragraphs", *measures, *also, "seeds")
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row[key], row["paragraphs"]), []).append(row)
    for (name, size), runs in sorted(groups.items(), key=lambda item: (item[0][1], order.index(item[0][0]))):
        cells = [_spread([run[measure] for run in runs]) for measure in measures]
        cells += [f"{median(run[what] for run in runs):,.0f}" for what in also]
        lines.append(f"| {name} | {size} | {' | '.join(cells)} | {len(runs)} |")
    return "\n".join(lines) if groups else "Not measured yet."


def _spread(values: Sequence[float]) -> str:
    middle = f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f}–{max(values):.1f})"
