"""Encoders on a public table: named entities of ANERcorp (CAMeL split), a plain head, seqeval, several seeds.

The data are read from a folder that the caller has (`train.txt`, `test.txt`, `test_clean.txt`: a word and its BIO label a line, a
blank line between sentences); nothing of them is kept but scores. A row of the table is a head on an encoder of given or of random
weights. Epochs are fixed in advance; rate and dropout are chosen for every row on the last tenth of `train.txt`, which no
training of the choice has read, never on a test file. Then all of `train.txt` is learned, once a seed.

Every score is written into a JSON file as soon as it is there, and what is there is not measured again.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from ahdath.errors import ConfigError, DataError, ModelError, did_you_mean, shown
from ahdath.proof.numbers import Points, fingerprint, read_numbers

if TYPE_CHECKING:
    from ahdath.training import TrainConfig

__all__ = ["EPOCHS", "ROWS", "TESTS", "Plan", "Sentence", "measure", "read_sentences", "score", "table",
           "types_table"]  # fmt: skip

EPOCHS = 12
"""Fixed before anything was measured on a test file."""

TESTS = ("test", "test_clean")
"""The official test file with its defect, which published figures are on, and the same sentences undamaged."""

ROWS = {
    "plain": ("plain", "pretrained", "plain head"),
    "random": ("plain", "random", "plain head, encoder of random weights"),
    "package": ("package", "pretrained", "as the package uses it: stem vectors, n-grams and BiLSTM below the head"),
    "package-random": ("package", "random", "the same, encoder of random weights"),
}
"""Head and start of each row (see `proof.tagger`), and what the table calls it."""

PUBLISHED = (
    ("AraBERT v0.1", 83.1, "CAMeL-split notebook of github.com/aub-mind/arabert"),
    ("AraBERT v0.2 base", 83.7, "model table of the same repository"),
    ("AraELECTRA base", 84.0, "model table of the same repository"),
    ("CAMeLBERT-MSA", 82.4, "model card on the Hugging Face hub"),
    ("CAMeLBERT-MSA, 6 GB of text", 80.8, "model card on the Hugging Face hub (MSA-1/16)"),
)
"""Micro-F1 on `test.txt` with plain heads, as the authors give it; encoders of about 110M parameters and more."""

_LABEL = re.compile(r"O|[BI]-\S+")
_say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words as written and a BIO label for each."""

    words: tuple[str, ...]
    labels: tuple[str, ...]


def read_sentences(path: str | os.PathLike[str]) -> list[Sentence]:
    """The sentences of a file in the layout of ANERcorp, `بغداد B-LOC` a line and a blank line after each sentence.

    Raises DataError, with file and line, for a file that cannot be read, has no sentence, or a line of another form.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, found: {error.strerror or error}; check the folder") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8, found {error}; save the file as UTF-8") from error
    found: list[Sentence] = []
    rows: list[tuple[str, str]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        line = line.rstrip("\r")
        if line.strip():
            word, space, label = line.rpartition(" ")
            if not space or not word.strip() or not _LABEL.fullmatch(label):
                raise DataError(f"{path}:{number}: expected a word, a space and O, B-… or I-…, found {shown(line)}; mend the line")
            rows.append((word, label))
        elif rows:
            found.append(Sentence(*(tuple(side) for side in zip(*rows, strict=True))))
            rows = []
    if not found:
        raise DataError(f"{path}: expected sentences with labels, found none; check the file")
    return found


def score(gold: Sequence[Sentence], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Entities by seqeval in its default mode: micro `f1`, `precision`, `recall`, and `types`, the F1 of each; in percent.

    A type that stands on neither side has no F1; where nothing is right F1 is 0. Raises ModelError without seqeval.

    >>> score([Sentence(("بغداد",), ("B-LOC",))], [["B-LOC"]])["types"]
    {'LOC': 100.0}
    """
    try:
        from seqeval.metrics import classification_report
    except ImportError as error:
        raise ModelError("scoring entities needs seqeval, found none: pip install 'ahdath[test]'") from error
    wanted, answers = [list(one.labels) for one in gold], [list(row) for row in predicted]
    if not any(label != "O" for row in (*wanted, *answers) for label in row):  # seqeval stumbles where there is no entity
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0, "types": {}}
    rows: Mapping[str, Any] = classification_report(wanted, answers, output_dict=True, zero_division=0)
    micro = {"f1": "f1-score", "precision": "precision", "recall": "recall"}
    return {
        **{name: round(100 * float(rows["micro avg"][key]), 3) for name, key in micro.items()},
        "types": {kind: round(100 * float(one["f1-score"]), 3) for kind, one in rows.items() if not kind.endswith(" avg")},
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: an encoder by its `name` in the table, on the files of `data`.

    settings: of the training (see `proof.tagger.fit`); its encoder, epochs, dropout and rate are what counts most. rates, dropouts:
    the choices of the encoder's rate and of dropout; one of each leaves nothing to choose. limit: so many sentences of each
    file alone, for a trial. file: JSON that the scores are kept in.
    """

    name: str
    settings: TrainConfig
    data: Path
    file: Path = Path("docs/encoder.json")
    rows: tuple[str, ...] = ("plain", "random", "package")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rates: tuple[float, ...] = ()
    dropouts: tuple[float, ...] = (0.1, 0.3)
    limit: int | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if row not in ROWS:
                raise ConfigError(f"row {row!r}: expected one of {', '.join(ROWS)}{did_you_mean(row, ROWS)}")
        if not self.seeds or not self.dropouts:
            raise ConfigError("seeds and dropouts: expected one at least of each, found none")
        if self.limit is not None and self.limit < 10:
            raise ConfigError(f"limit {self.limit}: expected 10 sentences or more")

    def choices(self) -> list[dict[str, Any]]:
        """The points of the grid; without `rates`, the rate of the settings and two and a half times that."""
        own = self.settings.encoder_learning_rate
        return [
            {"encoder_learning_rate": rate, "dropout": dropout}
            for rate, dropout in product(self.rates or (own, 2.5 * own), self.dropouts)
        ]

    def points(self) -> Points:
        """Where the scores stand; all of one name share the encoder, the data, and the settings that no grid changes."""
        names = ("epochs", "batch_size", "learning_rate", "layer_decay", "freeze_embeddings", "weight_decay", "warmup_share",
                 "word_dropout", "word_size", "context_size", "vector_rows", "ngram_buckets", "pooling", "spelling",
                 "segmentation", "bf16")  # fmt: skip
        told = {name: getattr(self.settings, name) for name in names}
        files = {name: fingerprint([self.data / f"{name}.txt"]) for name in ("train", *TESTS)}
        weights = Path(self.settings.encoder) / "model.safetensors"
        encoder = fingerprint([weights]) if weights.exists() else self.settings.encoder
        stamp = {"encoder": encoder, **files, "limit": self.limit, "choices": self.choices(), **told}
        return Points(self.file, ("ner", self.name), stamp)


def measure(plan: Plan, say: Callable[[str], None] = _say) -> dict[str, Any]:
    """Measure what is missing of `plan`, tell each score to `say`, and give the numbers of the file.

    Raises ConfigError where the file has scores of that name with other settings, and what `read_sentences` and
    `proof.tagger.fit` raise.
    """
    sides = {name: read_sentences(plan.data / f"{name}.txt")[: plan.limit] for name in ("train", *TESTS)}
    points = plan.points()
    for row in plan.rows:
        chosen = _choose(plan, row, sides["train"], say)
        for seed in plan.seeds:
            name = f"{row} · {seed}"
            if name in points.there():
                continue
            began = time.monotonic()
            settings = replace(plan.settings, seed=seed, **chosen)
            found, sizes = _run(settings, row, sides["train"], {test: sides[test] for test in TESTS})
            seconds = round(time.monotonic() - began, 1)
            points.keep(name, {"row": row, "seed": seed, "chosen": chosen, **found, "sizes": sizes, "seconds": seconds})
            told = ", ".join(f"{test} {found[test]['f1']:.1f}" for test in TESTS)
            say(f"{plan.name}, {row}, seed {seed}: {told} ({seconds:.0f} s)")
    return read_numbers(plan.file)


def _choose(plan: Plan, row: str, train: Sequence[Sentence], say: Callable[[str], None]) -> dict[str, Any]:
    """The point of the grid with the best F1 on the last tenth of `train`: of whole articles, as the test file is."""
    choices, points = plan.choices(), plan.points()
    points.there()
    if len(choices) == 1:
        return choices[0]
    cut = len(train) - max(1, len(train) // 10)
    for choice in choices:
        name = f"{row} · {_point(choice)}"
        if name not in points.there():
            found, _ = _run(replace(plan.settings, seed=0, **choice), row, train[:cut], {"held out": train[cut:]})
            points.keep(name, {"row": row, "held out": found["held out"]["f1"]})
            say(f"{plan.name}, {row}, {_point(choice)}: held out {found['held out']['f1']:.1f}")
    there = points.there()
    return max(choices, key=lambda choice: float(there[f"{row} · {_point(choice)}"]["held out"]))


def _point(point: Mapping[str, Any]) -> str:
    return f"rate {point['encoder_learning_rate']:g}, dropout {point['dropout']:g}"


def _run(
    settings: TrainConfig, row: str, train: Sequence[Sentence], tests: Mapping[str, Sequence[Sentence]]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Scores by file of a tagger that has learned `train`, and the parameters of its encoder's body and of all of it."""
    from ahdath.proof.tagger import fit

    head, start, _ = ROWS[row]
    fitted = fit(settings, [one.words for one in train], [one.labels for one in train], head=head, start=start)
    scores = {name: score(gold, fitted.tags([one.words for one in gold])) for name, gold in tests.items()}
    return scores, {"body": fitted.body, "parameters": fitted.parameters}


# ---------------------------------------------------------------------- tables


def table(numbers: Mapping[str, Any]) -> str:
    """Micro-F1 by encoder and head, median and range over seeds, with the published figures below; `numbers` is the "ner" part.

    Says so where nothing was measured.
    """
    lines = ["| encoder | head | parameters (of the layers) | F1, test.txt | mean | F1, test_clean.txt | seeds | seconds a seed |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
    notes = []
    for name, one in numbers.items():
        for row, (_, _, label) in ROWS.items():
            runs = _runs(one, row)
            if not runs:
                continue
            sizes, told = runs[0]["sizes"], runs[0]["chosen"]
            f1 = {test: [run[test]["f1"] for run in runs] for test in TESTS}
            cells = [name, label, f"{sizes['parameters'] / 1e6:.1f}M ({sizes['body'] / 1e6:.1f}M)", f"**{spread(f1['test'])}**",
                     f"{fmean(f1['test']):.1f}", spread(f1["test_clean"]), str(len(runs)),
                     f"{median(run['seconds'] for run in runs):,.0f}"]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
            grid = [point["held out"] for point in one["points"].values() if point["row"] == row and "held out" in point]
            choice = f", the best of {len(grid)} on held-out sentences of train.txt ({max(grid):.1f})" if grid else ""
            notes.append(f"- {name}, {label}: {_point(told)}{choice}; {one['stamp']['epochs']} epochs{_trial(one)}.")
    measured = bool(notes)
    lines += [f"| {name} | plain head, published: {source} | ≥ 110M | {f1:.1f} | | | | |" for name, f1, source in PUBLISHED]
    tail = "F1 in percent, median (lowest–highest) and mean of the seeds.\n\n" + "\n".join(notes) if measured else "Not measured yet."
    return "\n".join(lines) + "\n\n" + tail


def types_table(numbers: Mapping[str, Any]) -> str:
    """F1 by type of entity on test.txt, median and range over seeds."""
    rows = []
    for name, one in numbers.items():
        for row, (_, _, label) in ROWS.items():
            runs = _runs(one, row)
            if runs:
                rows.append((f"{name}, {label}", [run["test"]["types"] for run in runs]))
    if not rows:
        return "Not measured yet."
    kinds = sorted({kind for _, runs in rows for run in runs for kind in run})
    lines = [f"| encoder and head | {' | '.join(kinds)} |", "|---|" + "---:|" * len(kinds)]
    for label, runs in rows:
        values = [[run[kind] for run in runs if kind in run] for kind in kinds]
        lines.append(f"| {label} | {' | '.join(spread(some) if some else '–' for some in values)} |")
    return "\n".join(lines)


def _runs(one: Mapping[str, Any], row: str) -> list[dict[str, Any]]:
    """The trainings of a row on all of train.txt."""
    return [point for point in one["points"].values() if point["row"] == row and "seed" in point]


def spread(values: Sequence[float]) -> str:
    """Median and range, one decimal; the value alone where there is one."""
    middle = f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f}–{max(values):.1f})"


def _trial(one: Mapping[str, Any]) -> str:
    limit = one["stamp"]["limit"]
    return "" if limit is None else f", a trial on {limit} sentences of each file"
