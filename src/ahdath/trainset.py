"""What a network is trained on: windows with labels, changed anew in every epoch, in padded batches of like length.

This module knows no network and no training loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers.trainer_pt_utils import LengthGroupedSampler

from .errors import DataError
from .labels import WindowLabels, label_window
from .tokenization import Window, WordTokenizer, collate

if TYPE_CHECKING:
    from .ontology import Ontology
    from .schema import Document

__all__ = ["ByLength", "Collator", "TrainingSet", "collate_labels"]


class TrainingSet(torch.utils.data.Dataset[tuple[Window, WindowLabels]]):
    """Windows with labels. With augmentation a document is changed anew in every epoch, by (seed, epoch, index)."""

    def __init__(
        self, documents: Sequence[Document], tokenizer: WordTokenizer, ontology: Ontology,
        change: Callable[[Document, np.random.Generator], Document] | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.tokenizer, self.ontology, self.change, self.seed = tokenizer, ontology, change, seed
        self.epoch = 0
        self.items: list[tuple[Document, int]] = []
        self.plain: list[tuple[Window, WindowLabels]] = []
        for document in documents:
            for number, item in enumerate(self._windows(document)):
                self.items.append((document, number))
                self.plain.append(item)
        if not self.items:
            raise DataError("training data: expected paragraphs with words, found none; check the file")

    def _windows(self, document: Document) -> list[tuple[Window, WindowLabels]]:
        windows, _ = self.tokenizer.windows(document.text)
        return [(window, label_window(window, document, self.ontology)) for window in windows]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Window, WindowLabels]:
        document, number = self.items[index]
        if self.change is None:
            return self.plain[index]
        changed = self.change(document, np.random.default_rng((self.seed, self.epoch, index)))
        if changed is document:
            return self.plain[index]
        windows = self._windows(changed)
        return windows[number] if number < len(windows) else self.plain[index]


def collate_labels(items: Sequence[tuple[Window, WindowLabels]], pad_id: int) -> dict[str, torch.Tensor]:
    """A training batch: the arrays of `tokenization.collate` and the labels, padded.

    Shape of events: (E, 3) = window, first word, type; trigger_labels: (B, W, T); continuation_labels: (B, W);
    mention_labels: (B, W), -100 is padding; sentence_labels: (B, S, T), -1 is padding; attribute_labels:
    (E, values); argument_labels: (E, W), -100 is padding.
    """
    batch = collate([window for window, _ in items], pad_id)
    size, width = batch["word_mask"].shape
    types = items[0][1].trigger.shape[1]
    most = max(len(labels.sentence) for _, labels in items)
    count = sum(len(labels.events) for _, labels in items)
    values = max((len(e.attributes) for _, labels in items for e in labels.events), default=1)
    made: dict[str, Any] = {
        "trigger_labels": np.zeros((size, width, types), np.float32),
        "continuation_labels": np.zeros((size, width), np.float32),
        "mention_labels": np.full((size, width), -100, np.int64),
        "sentence_labels": np.full((size, most, types), -1, np.float32),
        "events": np.zeros((count, 3), np.int64),
        "attribute_labels": np.zeros((count, values), np.float32),
        "argument_labels": np.full((count, width), -100, np.int64),
    }
    at = 0
    for row, (window, labels) in enumerate(items):
        words = len(window.spans)
        made["trigger_labels"][row, :words] = labels.trigger
        made["continuation_labels"][row, :words] = labels.continuation
        made["mention_labels"][row, :words] = labels.mention
        made["sentence_labels"][row, : len(labels.sentence)] = labels.sentence
        for event in labels.events:
            made["events"][at] = (row, event.first, event.type)
            made["attribute_labels"][at] = event.attributes
            made["argument_labels"][at, :words] = event.tags
            at += 1
    return {name: torch.from_numpy(array) for name, array in (batch | made).items()}


class Collator:
    """Padding by `pad`, and word dropout: some words become unknown, so that the context must speak for them."""

    def __init__(
        self, tokenizer: WordTokenizer, word_dropout: float,
        pad: Callable[[Sequence[Any], int], dict[str, torch.Tensor]] = collate_labels,
    ) -> None:  # fmt: skip
        self.batch = pad
        self.pad = tokenizer.tokenizer.pad_token_id or 0
        self.unknown = tokenizer.tokenizer.unk_token_id
        self.share = word_dropout

    def __call__(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        batch = self.batch(items, self.pad)
        if self.share:
            hidden = (torch.rand(batch["word_mask"].shape) < self.share) & batch["word_mask"]
            for row, word in hidden.nonzero().tolist():
                first, last = batch["pieces"][row, word].tolist()
                batch["input_ids"][row, first : last + 1] = self.unknown
            if "rows" in batch:
                batch["rows"][hidden] = 0
                batch["ngrams"][hidden] = 0
        return batch


class ByLength(LengthGroupedSampler):  # type: ignore[misc]
    """Paragraphs of like length together: news has headlines beside long reports, and padding costs time.

    The order depends on seed and epoch alone, so that a resumed run sees the batches of an unbroken one.
    """

    def __init__(self, data: TrainingSet, *, batch_size: int, seed: int) -> None:
        super().__init__(batch_size, lengths=[len(window.spans) for window, _ in data.plain])
        self.data, self.seed = data, seed

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(self.seed * 10_007 + self.data.epoch)
        return iter(super().__iter__())
