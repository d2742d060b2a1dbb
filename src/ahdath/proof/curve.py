"""The learning curve of the corpus: F1 by number of paragraphs learned from, and what a straight line makes of the next doubling.

Within a seed the subsets lie in each other, and every batch is in each of them in its proportion (`subset`). All trainings have
the settings of the plan, so a small subset has as many epochs as the whole, and fewer steps. Points go to a file as they come;
what is there is not measured again, and a training that was broken off goes on (`Plan.trained`, which `batches` uses too).
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log2
from pathlib import Path
from statistics import linear_regression, median
from typing import TYPE_CHECKING, Any

from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.errors import ConfigError
from ahdath.proof.encoders import MEASURES
from ahdath.proof.ner import spread
from ahdath.proof.numbers import Points, fingerprint
from ahdath.proof.slices import answered, f1
from ahdath.report.curves import LearningCurves
from ahdath.report.figures import curves, standalone
from ahdath.text import words

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.schema import Document
    from ahdath.training import TrainConfig

__all__ = ["SHARES", "Plan", "doubling", "fit", "measure", "picture", "subset", "table"]

SHARES = (12, 25, 50)
"""Percent of train that is drawn; all of it comes from finished runs."""

LAST = 3
"""Sizes, the largest, that the line goes through: below them the curve bends too much."""

_PARTS = ("dev", "test")
_OWN = ("encoder", "train", "dev", "output", "seed")  # settings in which the runs of a curve differ by their nature


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything is: `file` of points, `folder` of runs, `corpus` with train, dev and test, encoder, settings.

    `overrides` are settings over those of `config`, as `key=value`.
    """

    file: Path = Path("docs/corpus.json")
    folder: Path = Path("runs/corpus")
    corpus: Path = Path("seeds")
    encoder: str = "runs/encoder"
    config: Path = Path("configs/embedded.yaml")
    overrides: tuple[str, ...] = ()

    def documents(self, name: str) -> list[Document]:
        """Those of a file of the corpus: train, dev or test."""
        return read_jsonl(self.corpus / f"{name}.jsonl")

    def settings(self) -> TrainConfig:
        """The settings that all runs share; train and output are put in by `trained`."""
        from ahdath.config import read_config
        from ahdath.training import TrainConfig

        given = [f"encoder={self.encoder}", f"dev={self.corpus / 'dev.jsonl'}", *self.overrides]
        return read_config(TrainConfig, self.config, given)

    def stamp(self) -> dict[str, Any]:
        """What numbers must share to stand in one table: digests of corpus and encoder, and every shared setting."""
        shared = {name: value for name, value in asdict(self.settings()).items() if name not in _OWN}
        files = {name: fingerprint([self.corpus / f"{name}.jsonl"]) for name in ("train", *_PARTS)}
        weights = sorted(Path(self.encoder).glob("*.safetensors"))
        return {**files, "encoder": fingerprint(weights) if weights else self.encoder, **shared}

    def trained(self, name: str, train: Sequence[Document], **changes: Any) -> EventExtractor:
        """The model of a training of that name, in float32; one that is finished is loaded, a broken one goes on.

        Its folder is named by all that it depends on but test, so that no other corpus or setting goes on with it. Checkpoints
        of a finished training are deleted.
        """
        from ahdath.inference import EventExtractor

        told = {key: value for key, value in self.stamp().items() if key != "test"}
        tag = hashlib.sha256(json.dumps([told, changes, [d.id for d in train]], sort_keys=True).encode()).hexdigest()[:8]
        place = self.folder / f"{name}-{tag}"
        run, file = place / "run", place / "train.jsonl"
        if not (run / "training.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            write_jsonl(file, train)
            _train(replace(self.settings(), train=str(file), output=str(run), **changes))
        for path in (*run.glob("checkpoint-*"), run / "best"):
            shutil.rmtree(path, ignore_errors=True)
        return EventExtractor.from_pretrained(run, runtime="torch")

    def points(self, section: str, **settings: Any) -> Points:
        """The points of a section of the file; `settings` are what they share beside the stamp."""
        return Points(self.file, (section,), {**self.stamp(), **settings})


def _train(settings: TrainConfig) -> None:
    from ahdath.training import train

    train(settings)


# ---------------------------------------------------------------------- points


def subset(documents: Sequence[Document], percent: float, seed: int) -> list[Document]:
    """So many percent of the documents, whole paragraphs, in their order; every batch in its proportion, to one paragraph.

    A smaller subset of a seed lies in every larger one. Each batch is shuffled and spread evenly over [0, 1) from a start that
    is drawn too; the paragraphs that come first are taken. Raises ConfigError for a share that is none.

    >>> from ahdath.schema import Document
    >>> crowd = [Document(f"خبر {n}", id=str(n), meta={"batch": "war" if n % 2 else "egypt"}) for n in range(20)]
    >>> sorted(one.meta["batch"] for one in subset(crowd, 10, seed=0))
    ['egypt', 'war']
    """
    if not 0 < percent <= 100:
        raise ConfigError(f"share {percent:g}: expected percent of train, more than 0 and at most 100")
    batches: dict[str, list[int]] = {}
    for at, document in enumerate(documents):
        batches.setdefault(str(document.meta.get("batch") or ""), []).append(at)
    places: list[tuple[float, int]] = []
    for name, members in sorted(batches.items()):
        dice = random.Random(f"{seed} {name}")
        dice.shuffle(members)
        start = dice.random()
        places += [((rank + start) / len(members), at) for rank, at in enumerate(members)]
    chosen = {at for _, at in sorted(places)[: max(1, round(len(documents) * percent / 100))]}
    return [document for at, document in enumerate(documents) if at in chosen]


def measure(
    plan: Plan, *, shares: Sequence[float] = SHARES, seeds: Sequence[int] = (0, 1, 2), full: Sequence[Path] = (),
    say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Measure the points of the curve that are missing: `shares` of train for each seed, and the finished runs `full`.

    Runs in `full` must have started from the plan's encoder and learned from its train.jsonl as it is now; neither is checked. Raises ConfigError where the points that are there
    were measured otherwise (`Points.there`), or a folder of `full` holds no finished run.
    """
    runs = [_finished(folder, plan) for folder in full]
    train, parts = plan.documents("train"), {part: plan.documents(part) for part in _PARTS}
    points = plan.points("curve")
    there = points.there()
    for seed in seeds:
        for share in shares:
            name = f"{share:g} % · {seed}"
            if name in there:
                continue
            chosen = subset(train, share, seed)
            extractor = plan.trained(f"curve-{share:g}-{seed}", chosen, seed=seed)
            point = _point(share, seed, chosen) | _scores(extractor, parts)
            points.keep(name, point)
            say(f"{name}: {_told(point)}")
    for folder, settings, differing in runs:
        from ahdath.inference import EventExtractor
        from ahdath.shipping import digest

        name, seed = f"100 % · {settings['seed']}", int(settings["seed"])
        weights = digest(folder)
        if there.get(name, {}).get("weights") == weights:
            continue
        point = _point(100, seed, train) | _scores(EventExtractor.from_pretrained(folder, runtime="torch"), parts)
        points.keep(name, {**point, "weights": weights, "differing": differing})
        say(f"{name}: {_told(point)}")


def _finished(folder: Path, plan: Plan) -> tuple[Path, dict[str, Any], list[str]]:
    """A finished run, its settings, and those of them that are not the plan's; what an older run does not know is not counted."""
    try:
        settings = json.loads((folder / "training.json").read_text(encoding="utf-8"))["settings"]
        int(settings["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder}: expected a finished run (training.json with settings), found {error!r}") from error
    mine = asdict(plan.settings())
    odd = sorted(name for name, value in settings.items() if name not in _OWN and name in mine and mine[name] != value)
    return folder, settings, odd


def _point(share: float, seed: int, documents: Sequence[Document]) -> dict[str, Any]:
    return {
        "share": share,
        "seed": seed,
        "paragraphs": len(documents),
        "words": sum(len(words(document.text)) for document in documents),
        "events": sum(len(document.events) for document in documents),
    }


def _scores(extractor: EventExtractor, parts: Mapping[str, Sequence[Document]]) -> dict[str, dict[str, float]]:
    return {part: f1(documents, answered(extractor, documents)) for part, documents in parts.items()}


def _told(point: Mapping[str, Any]) -> str:
    scores = "; ".join(f"{part} " + ", ".join(f"{name} {point[part][name]:.1f}" for name in MEASURES) for part in _PARTS)
    return f"{point['paragraphs']} paragraphs; {scores}"


# ---------------------------------------------------------------------- the line


def fit(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares of F1 = a + b·log2(n) through (n, F1): (a, b), so that b is what a doubling brings.

    >>> fit([(500, 60.0), (1000, 64.0), (2000, 68.0)])[1]
    4.0
    """
    slope, intercept = linear_regression([log2(n) for n, _ in points], [score for _, score in points])
    return intercept, slope


def doubling(points: Mapping[str, Mapping[str, Any]], part: str, name: str) -> dict[str, list[float]] | None:
    """What a doubling brings in a measure, one value a seed: `line`, by the line through the last sizes; `last`, the gain
    measured between the last two, for each doubling between them; `next`, F1 of the line at twice the largest size.

    Only seeds that have the largest `LAST` sizes of all count; None where there is none.
    """
    by_seed: dict[int, dict[int, float]] = {}
    for point in points.values():
        by_seed.setdefault(point["seed"], {})[point["paragraphs"]] = point[part][name]
    sizes = sorted({size for found in by_seed.values() for size in found})[-LAST:]
    whole = [found for _, found in sorted(by_seed.items()) if set(sizes) <= found.keys()]
    if len(sizes) < LAST or not whole:
        return None
    fits = [fit([(size, found[size]) for size in sizes]) for found in whole]
    return {
        "line": [b for _, b in fits],
        "last": [(found[sizes[-1]] - found[sizes[-2]]) / log2(sizes[-1] / sizes[-2]) for found in whole],
        "next": [a + b * log2(2 * sizes[-1]) for a, b in fits],
    }


# ---------------------------------------------------------------------- numbers -> table and picture


def table(found: Mapping[str, Any] | None) -> str:
    """The curve and what the next doubling promises, as Markdown."""
    points = found["points"] if found else {}
    if not points:
        return "Not measured yet."
    head = ["share", "paragraphs", "events", *(f"{label}, {part}" for part in _PARTS for label in MEASURES.values()), "seeds"]
    lines = [f"| {' | '.join(head)} |", "|---:" * len(head) + "|"]
    for share in sorted({point["share"] for point in points.values()}):
        runs = [point for point in points.values() if point["share"] == share]
        sizes = [f"{median(run[what] for run in runs):,.0f}" for what in ("paragraphs", "events")]
        cells = [spread([run[part][name] for run in runs]) for part in _PARTS for name in MEASURES]
        lines.append(f"| {share:g} % | {' | '.join([*sizes, *cells])} | {len(runs)} |")
    odd = sorted({name for point in points.values() for name in point.get("differing", [])})
    notes = [f"The runs on all of train differ from the others in: {', '.join(odd)}."] if odd else []
    return "\n\n".join(["\n".join(lines), "F1 in percent, median (lowest–highest) of the seeds.", *notes, _promise(points)])


def _promise(points: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["measure", "a doubling, by the line", "by the last two sizes", "F1 by the line at twice the paragraphs"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    seeds = 0
    for part in _PARTS:
        for name, label in MEASURES.items():
            gains = doubling(points, part, name)
            if gains is not None:
                seeds = len(gains["line"])
                lines.append(f"| {label}, {part} | {' | '.join(spread(gains[key]) for key in ('line', 'last', 'next'))} |")
    if not seeds:
        return f"What another doubling promises: not measured yet, it takes a seed with the largest {LAST} sizes."
    return "\n\n".join(
        [
            "What another doubling promises:",
            "\n".join(lines),
            f"Points of F1; the line is F1 = a + b·log2(paragraphs), fitted to the largest {LAST} sizes, one for each of {seeds} "
            "seed(s): median (lowest–highest). **An extrapolation, not a measurement**: curves flatten, so more paragraphs of the "
            "same kind may well bring less.",
        ]
    )


def picture(found: Mapping[str, Any] | None, part: str = "test") -> str | None:
    """The curve on one part as an SVG file; None where nothing is measured."""
    points = found["points"].values() if found else ()
    if not points:
        return None
    rows = {label: [(point["paragraphs"], point[part][name] / 100) for point in points] for name, label in MEASURES.items()}
    lines = LearningCurves("paragraphs", "F1", rows)
    about = "Median over seeds by paragraphs of train; upright lines are lowest to highest."
    drawn = curves({label: lines.spread(label) for label in rows}, ("paragraphs", "F1, %"), f"Learning curve, {part}", about)
    return standalone(drawn)
