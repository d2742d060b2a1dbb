"""`datasets.Dataset` -> the same with columns of events."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any

from ahdath.bulk.settings import LabelSettings
from ahdath.bulk.shards import nested
from ahdath.bulk.version import model_version, resolved
from ahdath.bulk.worker import ONE_THREAD
from ahdath.errors import ConfigError, DataError, shown

if TYPE_CHECKING:
    from datasets import Dataset, Features

    from ahdath.inference import EventExtractor

__all__ = ["event_features", "map_dataset"]


def event_features() -> Features:
    """The columns that `map_dataset` adds, laid out as in documents/ of a labelled folder."""
    from datasets import Features, List, Value

    text, offset, score = Value("string"), Value("int64"), Value("float64")
    span = {"text": text, "start": offset, "end": offset}
    scored = List({"type": text, "score": score})
    argument = {"role": text, **span, "score": score}
    event = {"type": text, "trigger": span, "modality": text, "polarity": text, "score": score}
    sentence = {"start": offset, "end": offset, "types": List(text), "scores": scored}
    return Features({
        "events": List({**event, "arguments": List(argument)}),
        "sentences": List(sentence),
        "types": scored,
        "model": text,
        "model_digest": text,
        "ontology": text,
    })  # fmt: skip


def map_dataset(
    dataset: Dataset, *, text_column: str = "text", model: str | PathLike[str] | None = None, batch_size: int = 16,
    threshold: float | None = None, types: Sequence[str] | None = None, sentences_only: bool = False,
    num_proc: int | None = None,
) -> Dataset:  # fmt: skip
    """The dataset with the columns of `event_features` beside its own, through `Dataset.map` and its cache.

    The model is loaded once in every process, `num_proc` of them (None: in this one), not handed over. The options are those
    of `EventExtractor.classify_many`.

    Raises:
        DataError: no `Dataset`, a row whose text is no text, or a column that is there already. ConfigError: no such
        column, a bad option. ModelError: no such model.

    >>> from datasets import Dataset                                                       # doctest: +SKIP
    >>> labelled = map_dataset(Dataset.from_dict({"text": ["قصفت الطائرات حلب أمس."]}))     # doctest: +SKIP
    >>> labelled[0]["events"][0]["trigger"]                                                # doctest: +SKIP
    {'text': 'قصفت', 'start': 0, 'end': 4}
    """
    from datasets import Dataset, Features

    if not isinstance(dataset, Dataset):
        remedy = "pass one split, dataset['train']" if isinstance(dataset, dict) else "pass a datasets.Dataset"
        raise DataError(f"dataset: expected a Dataset, found {type(dataset).__name__}; {remedy}")
    added = event_features()
    if text_column not in dataset.column_names:
        raise ConfigError(f"text_column: expected one of {', '.join(dataset.column_names)}, found {text_column!r}")
    taken = [name for name in added if name in dataset.column_names]
    if taken:
        raise DataError(f"dataset: expected no column of the name {taken[0]!r}, found one; rename it with rename_column")
    asked = LabelSettings(
        text_column=text_column, batch_size=batch_size, threshold=threshold, types=None if types is None else tuple(types),
        sentences_only=sentences_only,
    )  # fmt: skip
    name = None if model is None else str(model)
    version = model_version(name)
    told = json.dumps([dataset._fingerprint, asked.to_dict(), version])  # noqa: SLF001  the cache's key, as `map` makes it
    return dataset.map(
        _Labeller(resolved(name), version.weights, version.files, asked),
        batched=True,
        batch_size=16 * batch_size,  # as far as the extractor looks ahead
        with_indices=True,
        with_rank=True,
        num_proc=num_proc,
        features=Features({**dataset.features, **added}),
        new_fingerprint=hashlib.sha256(told.encode()).hexdigest()[:16],
        desc="events",
    )


@dataclass(frozen=True, slots=True)
class _Labeller:
    """What `map` calls, in whatever process; it holds no model, so it can be handed to another."""

    model: str | None
    weights: str
    files: str
    settings: LabelSettings

    def __call__(self, batch: dict[str, list[Any]], indices: list[int], rank: int | None) -> dict[str, list[Any]]:
        texts = batch[self.settings.text_column]
        for number, text in zip(indices, texts, strict=True):
            if not isinstance(text, str):
                column = self.settings.text_column
                raise DataError(f"row {number}: expected a text in {column!r}, found {shown(text)}; filter it out first")
        extractor = _extractor(self.model, self.files, os.getpid(), rank is not None)
        rows = [nested(document) for document in extractor.classify_many(texts, **self.settings.question())]
        columns = {name: [row[name] for row in rows] for name in ("events", "sentences", "types", "model", "ontology")}
        return {**columns, "model_digest": [self.weights] * len(rows)}


@lru_cache(maxsize=1)
def _extractor(model: str | None, files: str, process: int, one_of_several: bool) -> EventExtractor:
    """The model of this process. A fork has the extractor of its parent, with threads that did not come along."""
    torch = sys.modules.get("torch")
    if one_of_several:
        os.environ.update(ONE_THREAD)
        if torch is not None:
            torch.set_num_threads(1)
    from ahdath.inference import EventExtractor

    return EventExtractor.from_pretrained(model)
