"""docs/corpus.md and the picture beside it, from the numbers of docs/corpus.json."""

from __future__ import annotations

from pathlib import Path

from ahdath.proof import batches, confusions, curve, pages, slices
from ahdath.proof.numbers import read_numbers

__all__ = ["write_page"]

PICTURE = "corpus.svg"


def write_page(folder: Path) -> None:
    """Fill the tables of `folder`/corpus.md from `folder`/corpus.json, and draw `folder`/corpus.svg where there is a curve.

    Raises DataError where the page lacks a place or the numbers cannot be read.
    """
    numbers, page = read_numbers(folder / "corpus.json"), folder / "corpus.md"
    drawn = curve.picture(numbers.get("curve"))
    told = curve.table(numbers.get("curve"))
    if drawn is not None:
        (folder / PICTURE).write_text(drawn, encoding="utf-8")
        told = f"![F1 on test by paragraphs of train]({PICTURE})\n\n{told}"
    bodies = {
        "curve": told,
        "batches": batches.table(numbers.get("batches")),
        "slices": slices.table(numbers.get("slices")),
        "confusions": confusions.types_table(numbers.get("confusions")),
        "roles": confusions.roles_table(numbers.get("confusions")),
        "worst": confusions.changes_table(numbers.get("confusions"), numbers.get("before")),
    }
    page.write_text(pages.fill(page.read_text(encoding="utf-8"), bodies), encoding="utf-8")
