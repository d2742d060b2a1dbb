"""How well a batch of train is read by a model that has not seen it: every batch held out once.

A training for each batch would be too dear. The batches are dealt into folds; one training leaves out all batches of a fold, with
fewer epochs than a model that is shipped, and each of them is scored by itself. A fold takes several batches away, so the
figures are a little lower than if only one were missing. Folds go to a file as they come.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from ahdath.errors import ConfigError
from ahdath.metrics import score
from ahdath.proof.curve import Plan
from ahdath.proof.encoders import MEASURES
from ahdath.proof.ner import spread
from ahdath.proof.slices import answered, f1

if TYPE_CHECKING:
    from ahdath.schema import Document

__all__ = ["folds", "measure", "table"]

EPOCHS = 8
"""Of a fold's training."""

_COUNTS = ("gold", "predicted", "correct")


def folds(documents: Sequence[Document], count: int, seed: int = 0) -> list[list[str]]:
    """The names of the batches in so many folds of about the same number of paragraphs, dealt by lot.

    Raises ConfigError for fewer than two folds, or more than there are batches.
    """
    sizes: dict[str, int] = {}
    for document in documents:
        name = str(document.meta.get("batch") or "")
        sizes[name] = sizes.get(name, 0) + 1
    if not 2 <= count <= len(sizes):
        raise ConfigError(f"folds {count}: expected 2 or more, and at most the {len(sizes)} batches of train (meta.batch)")
    names = sorted(sizes)
    random.Random(seed).shuffle(names)
    dealt: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(names, key=lambda name: -sizes[name]):
        min(dealt, key=lambda fold: (sum(sizes[one] for one in fold), len(fold))).append(name)
    return [sorted(fold) for fold in dealt]


def measure(
    plan: Plan, *, count: int = 7, seed: int = 0, epochs: int = EPOCHS, say: Callable[[str], None] = print
) -> None:  # fmt: skip
    """Train and score the folds that are missing, all else by the settings of the plan.

    Raises what `folds` and `Points.there` raise.
    """
    plan = replace(plan, overrides=(*plan.overrides, f"epochs={epochs}"))
    train, test = plan.documents("train"), plan.documents("test")
    dealt = folds(train, count, seed)
    points = plan.points("batches", folds=count, seed=seed)
    there = points.there()
    for number, left_out in enumerate(dealt, 1):
        name = f"fold {number}"
        if name in there:
            continue
        seen = [document for document in train if str(document.meta.get("batch") or "") not in left_out]
        extractor = plan.trained(f"batches-{number}", seen, seed=seed)
        found = {}
        for batch in left_out:
            here = [document for document in train if str(document.meta.get("batch") or "") == batch]
            found[batch] = _counts(here, answered(extractor, here))
        point = {"paragraphs": len(seen), "test": f1(test, answered(extractor, test)), "batches": found}
        points.keep(name, point)
        say(f"{name}: " + ", ".join(f"{batch} TC {_f1(one['TC']):.1f}" for batch, one in found.items()))


def _counts(gold: Sequence[Document], answers: Sequence[Document]) -> dict[str, Any]:
    """`paragraphs`, gold `events`, and by measure [gold, predicted, correct]."""
    found = score(gold, answers, bootstrap=0).measures
    counts = {name: [getattr(found[name], key) for key in _COUNTS] for name in MEASURES}
    return {"paragraphs": len(gold), "events": sum(len(document.events) for document in gold), **counts}


def _f1(counts: Sequence[int]) -> float:
    gold, predicted, correct = counts
    return 200 * correct / (gold + predicted) if gold + predicted else 0.0


def table(found: Mapping[str, Any] | None) -> str:
    """Every batch as a model that has not seen it reads it, the hardest first, as Markdown."""
    points = found["points"] if found else {}
    if not found or not points:
        return "Not measured yet."
    rows = [(name, one, fold) for fold, point in points.items() for name, one in point["batches"].items()]
    head = ["batch", "paragraphs", "events", *MEASURES.values(), "left out in"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 2) + "---|"]
    for name, one, fold in sorted(rows, key=lambda row: (_f1(row[1]["TC"]), row[0])):
        lines.append(f"| {name or '–'} | {_cells(one)} | {fold} |")
    summed: dict[str, Any] = {key: sum(one[key] for _, one, _ in rows) for key in ("paragraphs", "events")}
    summed |= {name: [sum(one[name][at] for _, one, _ in rows) for at in range(3)] for name in MEASURES}
    lines.append(f"| all together | {_cells(summed)} | |")
    stamp = found["stamp"]
    seen = [point["paragraphs"] for point in points.values()]
    tests = ", ".join(f"{label} {spread([point['test'][name] for point in points.values()])}" for name, label in MEASURES.items())
    missing = stamp["folds"] - len(points)
    note = (
        f"F1 in percent. {stamp['folds']} folds, {stamp['epochs']} epochs, one seed; each model learned from about "
        f"{median(seen):,.0f} paragraphs. The same models on test: {tests} (median, lowest–highest)."
    )
    return "\n\n".join(["\n".join(lines), note + (f" {missing} fold(s) not measured yet." if missing else "")])


def _cells(one: Mapping[str, Any]) -> str:
    return " | ".join([f"{one['paragraphs']:,}", f"{one['events']:,}", *(f"{_f1(one[name]):.1f}" for name in MEASURES)])
