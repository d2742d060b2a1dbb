"""Encoders on the event corpus: finished runs that differ in their encoder, compared seed by seed and paragraph by paragraph.

Also what each cheap gain in pre-training was worth, from rows measured elsewhere, and docs/encoder.md, the page of all tables on
encoders. The interval of a difference is from a paired bootstrap over paragraphs: every sample draws the same paragraphs of both
encoders, with the counts of all their seeds added up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ahdath.corpus import read_jsonl
from ahdath.counting import align, tally
from ahdath.errors import ConfigError, DataError, did_you_mean, shown
from ahdath.ontology import Ontology
from ahdath.proof import ner, pages
from ahdath.proof.numbers import read_numbers
from ahdath.significance import f1_of, percentile_interval, resample, two_sided_p

if TYPE_CHECKING:
    from ahdath.schema import Document

__all__ = ["MEASURES", "Gain", "compared", "differing", "gains_table", "measure", "parse_runs", "read_gains", "table", "write_page"]

MEASURES = {"TC": "TC", "AC+": "AC+", "sentence types": "sentence types, micro"}
"""The measures of `ahdath.metrics` that are compared, and what the table calls them."""

_FREE = ("encoder", "output", "seed")  # settings in which compared runs may differ


def parse_runs(given: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """`half-hour=runs/embedded-0,runs/embedded-1` as given on a command line -> folders by name, in order.

    Raises ConfigError for text of another form, a name that stands twice, or a folder that holds no finished run.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for one in given:
        name, equals, listed = one.partition("=")
        folders = tuple(Path(part.strip()) for part in listed.split(",") if part.strip())
        if not equals or not name.strip() or not folders:
            raise ConfigError(f"runs {one!r}: expected name=folder,folder,…, as in half-hour=runs/embedded-0,runs/embedded-1")
        if name.strip() in found:
            raise ConfigError(f"runs {name.strip()!r}: expected each name once, found it twice; list its folders together")
        for folder in folders:
            if not (folder / "training.json").is_file():
                raise ConfigError(f"{folder}: expected a finished run (training.json), found none; let `ahdath train` end")
        found[name.strip()] = folders
    return found


# ---------------------------------------------------------------------- runs -> numbers


def measure(
    runs: Mapping[str, Sequence[Path]], data: Mapping[str, Path], *, against: str, bootstrap: int = 1000, seed: int = 0,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:  # fmt: skip
    """Read every file of `data` with every run, and compare each encoder with `against`; see `compared` for the numbers.

    Raises ConfigError where `against` is none of `runs`, and what reading files and models raises.
    """
    from ahdath.inference import EventExtractor

    if against not in runs:
        raise ConfigError(f"against {against!r}: expected one of {', '.join(runs)}{did_you_mean(against, runs)}")
    gold = {name: read_jsonl(path) for name, path in data.items()}
    answers: dict[str, dict[str, list[list[Document]]]] = {name: {} for name in data}
    for name, folders in runs.items():
        for folder in folders:
            extractor = EventExtractor.from_pretrained(folder, runtime="torch")
            for part, documents in gold.items():
                found = extractor.classify_many(document.text for document in documents)
                named = [replace(answer, id=document.id) for answer, document in zip(found, documents, strict=True)]
                answers[part].setdefault(name, []).append(named)
            say(f"{name}: {folder} read")
    scored = {
        part: compared(gold[part], found, against=against, bootstrap=bootstrap, seed=seed) for part, found in answers.items()
    }
    return {"against": against, "bootstrap": bootstrap, "differing": differing(runs), "data": scored}


def compared(
    gold: Sequence[Document], answers: Mapping[str, Sequence[Sequence[Document]]], *, against: str, bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score the answers of all encoders, one list of documents a seed.

    Gives "documents", how many; "systems", by encoder the F1 of each seed by measure, in percent; "differences", by encoder other
    than `against` and by measure `a` and `b` (F1 of the encoder and of `against`, counts of all seeds added up), their
    `difference`, its `interval` and `p`, as `scores.Difference` has them, in percent.
    """
    counts = {name: [_counts(gold, one) for one in found] for name, found in answers.items()}
    systems = {
        name: [
            {measure: round(float(f1), 3) for measure, f1 in zip(MEASURES, _points(one.sum(0)), strict=True)} for one in found
        ]
        for name, found in counts.items()
    }
    added = {name: np.sum(found, axis=0) for name, found in counts.items()}
    differences = {name: _differences(one, added[against], bootstrap, seed) for name, one in added.items() if name != against}
    return {"documents": len(gold), "systems": systems, "differences": differences}


def _counts(gold: Sequence[Document], answers: Sequence[Document]) -> NDArray[np.int64]:
    """Counts (gold, predicted, correct) of each paragraph. Shape: (paragraphs, measures, 3)."""
    counted = tally(align(gold, answers), Ontology.default().attributes)
    chosen: NDArray[np.int64] = counted.counts[:, [counted.columns.index((name,)) for name in MEASURES]]
    return chosen


def _points(counts: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 in percent, 0 where there is nothing. Shape: (…, 3) -> (…,)."""
    return 100 * np.nan_to_num(f1_of(counts))


def _differences(one: NDArray[np.int64], other: NDArray[np.int64], bootstrap: int, seed: int) -> dict[str, dict[str, Any]]:
    """Paired, in points. Shape of both: (paragraphs, measures, 3), counts of all seeds."""
    points = [_points(side.sum(0)) for side in (one, other)]
    drawn = [_points(resample(side, bootstrap, seed)) for side in (one, other)]
    found = {}
    for at, name in enumerate(MEASURES):
        gap = drawn[0][:, at] - drawn[1][:, at]
        a, b = (round(float(side[at]), 3) for side in points)
        interval = percentile_interval(gap)
        edges = None if interval is None else [round(edge, 3) for edge in interval]
        found[name] = {"a": a, "b": b, "difference": round(a - b, 3), "interval": edges, "p": round(two_sided_p(gap), 4)}
    return found


def differing(runs: Mapping[str, Sequence[Path]]) -> list[str]:
    """Settings other than encoder, output and seed in which the runs differ, by their training.json; best none.

    A setting that an older run does not know is not counted.
    """
    told: dict[str, set[str]] = {}
    for folders in runs.values():
        for folder in folders:
            try:
                settings = json.loads((folder / "training.json").read_text(encoding="utf-8"))["settings"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{folder}: expected a finished run (training.json with settings), found {error!r}") from error
            for name, value in settings.items():
                told.setdefault(name, set()).add(json.dumps(value, sort_keys=True))
    return sorted(name for name, values in told.items() if len(values) > 1 and name not in _FREE)


# ---------------------------------------------------------------------- cheap gains


@dataclass(frozen=True, slots=True)
class Gain:
    """A change of pre-training and what came of it; `validation_loss` in nats, TC and AC+ in percent, None: not measured."""

    name: str
    changed: str
    validation_loss: float | None = None
    tc: float | None = None
    ac: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as `read_gains` reads it."""
        return {key: getattr(self, name) for key, name in _GAIN_KEYS.items()}


_GAIN_KEYS = {"name": "name", "changed": "changed", "validation_loss": "validation_loss", "TC": "tc", "AC+": "ac"}


def read_gains(path: Path) -> list[Gain]:
    """Rows of a JSON list of objects: `name`, `changed`, and where measured `validation_loss`, `TC`, `AC+`.

    Raises DataError that names file, row and key for anything else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a JSON list of measured rows, found: {error}") from error
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a JSON list of measured rows, found {type(rows).__name__}")
    return [_gain(row, f"{path}, row {number}") for number, row in enumerate(rows, 1)]


def _gain(row: Any, where: str) -> Gain:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object, found {shown(row)}")
    for key, value in row.items():
        if key not in _GAIN_KEYS:
            raise DataError(f"{where}: unknown key {key!r}{did_you_mean(key, _GAIN_KEYS)}; known: {', '.join(_GAIN_KEYS)}")
        text = key in ("name", "changed")
        fits = isinstance(value, str) if text else value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        if not fits:
            raise DataError(f"{where}, {key}: expected {'a text' if text else 'a number or null'}, found {shown(value)}")
    for key in ("name", "changed"):
        if not row.get(key):
            raise DataError(f"{where}: expected {key}, found none; add it")
    return Gain(**{_GAIN_KEYS[key]: value for key, value in row.items()})


# ---------------------------------------------------------------------- tables and the page


def table(found: Mapping[str, Any] | None) -> str:
    """The comparison as Markdown, a table for each data file; `found` is what `measure` gives."""
    if not found:
        return "Not measured yet."
    parts = []
    for part, one in found["data"].items():
        head = ["encoder", "seeds", *MEASURES.values(), *(f"{name}, points more" for name in MEASURES)]
        lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
        for name, runs in one["systems"].items():
            cells = [name, str(len(runs)), *(ner.spread([run[measure] for run in runs]) for measure in MEASURES)]
            gaps = one["differences"].get(name)
            cells += [_gap(gaps[measure]) if gaps else "" for measure in MEASURES]
            lines.append(f"| {' | '.join(cells)} |")
        parts.append(f"{part}, {one['documents']} paragraphs:\n\n" + "\n".join(lines))
    odd = found["differing"]
    alike = f"The runs differ in more than encoder and seed: {', '.join(odd)}." if odd else "The runs differ in encoder and seed alone."
    note = (
        f"F1 in percent, median (lowest–highest) of the seeds. Points more than {found['against']}: all seeds together, with the "
        f"95 % interval of a paired bootstrap over paragraphs ({found['bootstrap']} samples). {alike}"
    )
    return "\n\n".join([*parts, note])


def _gap(found: Mapping[str, Any]) -> str:
    edges = "({:+.1f} … {:+.1f})".format(*found["interval"]) if found["interval"] else ""
    return f"{found['difference']:+.1f} {edges}".rstrip()


def gains_table(rows: Sequence[Gain]) -> str:
    """What each change of pre-training was worth, as Markdown."""
    if not rows:
        return "Not measured yet."
    lines = ["| run | what changed | validation loss | TC | AC+ |", "|---|---|---:|---:|---:|"]
    for row in rows:
        loss = "–" if row.validation_loss is None else f"{row.validation_loss:.3f}"
        scores = " | ".join("–" if value is None else f"{value:.1f}" for value in (row.tc, row.ac))
        lines.append(f"| {_cell(row.name)} | {_cell(row.changed)} | {loss} | {scores} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write_page(folder: Path) -> None:
    """Fill the tables of `folder`/encoder.md from the numbers of `folder`/encoder.json; a folder without the page gets none.

    Raises DataError where the page lacks a place.
    """
    numbers, page = read_numbers(folder / "encoder.json"), folder / "encoder.md"
    if not page.exists():
        return
    gains = [_gain(row, f"gains, row {number}") for number, row in enumerate(numbers.get("gains", []), 1)]
    measured = numbers.get("ner", {})
    bodies = {
        "ner": ner.table(measured),
        "ner-types": ner.types_table(measured),
        "encoders": table(numbers.get("encoders")),
        "gains": gains_table(gains),
    }
    page.write_text(pages.fill(page.read_text(encoding="utf-8"), bodies), encoding="utf-8")
