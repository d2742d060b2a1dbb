"""How long texts are best cut: paragraphs joined into long ones, read in windows of several lengths and overlaps.

The joined paragraphs tell of different things, so they are harder than a text that was written as one; what ranks here is the cutting.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ahdath.proof.founding import as_one_text
from ahdath.proof.slices import answered, f1

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.schema import Document

__all__ = ["joined", "measure", "table"]


def joined(documents: Sequence[Document], size: int, *, seed: int = 0) -> list[Document]:
    """`size` documents at a time, drawn by lot, as one paragraph each, with all their events.

    «قُتل جندي.» and «استقال الوزير.» become «قُتل جندي. استقال الوزير.» with two events.
    """
    order = list(documents)
    random.Random(seed).shuffle(order)
    whole = []
    for at in range(0, len(order), size):
        text, parts = "", []
        for document in order[at : at + size]:
            text += " " if text else ""
            parts.append(replace(document, meta={"start": len(text)}))
            text += document.text.replace("\n", " ")
        whole.append(replace(as_one_text(text, parts), id=f"joined-{at // size}"))
    return whole


def measure(
    extractor: EventExtractor, documents: Sequence[Document], settings: Sequence[tuple[int, int]], *, size: int = 8
) -> list[dict[str, Any]]:
    """TC and AC+ on joined documents by window length (pieces) and context (words), and how many pieces were read.

    The first row is of the same documents read one by one. The tokenizer is left as it was.
    """
    tokenizer, texts = extractor.tokenizer, joined(documents, size)
    before = tokenizer.max_length, tokenizer.context
    rows: list[dict[str, Any]] = [{"length": None, "context": None, "pieces": None, **f1(documents, answered(extractor, documents))}]
    try:
        for tokenizer.max_length, tokenizer.context in settings:
            pieces = sum(len(window.input_ids) for text in texts for window in tokenizer.windows(text.text)[0])
            rows.append({"length": tokenizer.max_length, "context": tokenizer.context, "pieces": pieces,
                         **f1(texts, answered(extractor, texts))})  # fmt: skip
    finally:
        tokenizer.max_length, tokenizer.context = before
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| window, pieces | context, words | pieces read | TC | AC+ |", "|---:|---:|---:|---:|---:|"]
    for row in rows:
        first = f"{row['length']} | {row['context']} | {row['pieces']:,}" if row["length"] else "not joined | – | –"
        lines.append(f"| {first} | {row['TC']:.1f} | {row['AC+']:.1f} |")
    return "\n".join(lines)
