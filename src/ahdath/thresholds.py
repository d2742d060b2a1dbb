"""From which probability on a trigger counts, and what probabilities mean, set on dev.

`calibration` measures whether scores mean what they say; this module makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .decoding import decode_arguments, sigmoid
from .labels import label_window
from .tokenization import collate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .inference import EventExtractor
    from .schema import Document

__all__ = ["argument_scores", "calibrate", "trigger_scores"]

_TEMPERATURES = np.geomspace(0.5, 4, 60)


def calibrate(extractor: EventExtractor, documents: Sequence[Document]) -> None:
    """Set on dev what decoding goes by.

    Triggers: temperature (so that a score is a probability) and threshold (best F1), one for all types: a dev set has too few
    mentions of each to set its own. Arguments: the temperature that makes the score of a span the probability that the
    annotation has it too, where triggers are those of the annotation.
    """
    _calibrate_triggers(extractor, documents)
    logits, tags, admitted = argument_scores(extractor, documents)
    if logits:
        best = min(_TEMPERATURES, key=lambda t: _span_loss([scores / t for scores in logits], tags, admitted))
        extractor.model.config.argument_temperature = float(best)


def _span_loss(logits: Sequence[NDArray[Any]], tags: Sequence[NDArray[Any]], admitted: Sequence[NDArray[Any]]) -> float:
    """Mean log-loss of the scores of the spans that decoding gives; temperature changes the scores only."""
    width = max(map(len, logits))
    padded = np.stack([np.pad(scores, ((0, width - len(scores)), (0, 0))) for scores in logits])
    found = decode_arguments(padded, np.stack(admitted), [len(scores) for scores in logits])
    right = [(span.first, span.last, span.role) in gold for own, gold in zip(found, map(_spans, tags), strict=True) for span in own]
    scores = np.clip([span.score for own in found for span in own], 1e-6, 1 - 1e-6)
    return float(-np.log(np.where(right, scores, 1 - scores)).mean()) if right else 0.0


def _calibrate_triggers(extractor: EventExtractor, documents: Sequence[Document]) -> None:
    logits, labels = trigger_scores(extractor, documents)
    config = extractor.model.config
    config.trigger_temperature = float(min(_TEMPERATURES, key=lambda t: _log_loss(logits / t, labels)))
    scores = sigmoid(logits / config.trigger_temperature)
    grid = np.arange(0.2, 0.7, 0.02)
    config.threshold = float(round(max(grid, key=lambda t: _f1_at(scores, labels, t)), 3))


def trigger_scores(extractor: EventExtractor, documents: Sequence[Document]) -> tuple[Any, Any]:
    """Trigger logits and gold labels of all words that windows own. Shape of each: (words, T)."""
    logits, labels = [], []
    for document in documents:
        windows, _ = extractor.tokenizer.windows(document.text)
        for window in windows:
            arrays = collate([window], extractor.tokenizer.tokenizer.pad_token_id or 0)
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            with torch.inference_mode():
                keep = np.array(window.owned)
                logits.append(extractor.model(**tensors).trigger[0].float().numpy()[keep])
            labels.append(label_window(window, document, extractor.ontology).trigger[keep])
    return np.concatenate(logits), np.concatenate(labels)


def argument_scores(
    extractor: EventExtractor, documents: Sequence[Document]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]], list[NDArray[Any]]]:
    """Of each annotated event: tag logits, gold tags, admitted tags. Shape: (W, 2R+1), (W,), (2R+1,)."""
    logits, tags, admitted = [], [], []
    allowed = extractor.model.allowed.cpu().numpy()
    for document in documents:
        windows, _ = extractor.tokenizer.windows(document.text)
        for window in windows:
            events = [e for e in label_window(window, document, extractor.ontology).events if window.owned[e.first]]
            if not events:
                continue
            said = extractor.engine.read_words(collate([window], extractor.tokenizer.tokenizer.pad_token_id or 0))
            given = np.array([(0, event.first, event.type) for event in events])
            found, _ = extractor.engine.read_pairs(said.state, given)
            for event, scores in zip(events, found, strict=True):
                logits.append(np.where(allowed[event.type], scores[: len(event.tags)], -1e4))
                tags.append(event.tags)
                admitted.append(allowed[event.type])
    return logits, tags, admitted


def _spans(tags: NDArray[Any]) -> set[tuple[int, int, int]]:
    """First word, end and role of the spans of gold tags, which are well-formed."""
    ends = [*np.flatnonzero(tags % 2 == 1).tolist(), len(tags)]
    found = set()
    for first, limit in pairwise(ends):
        last = first + 1
        while last < limit and tags[last] == tags[first] + 1:
            last += 1
        found.add((first, last, (int(tags[first]) - 1) // 2))
    return found


def _log_loss(logits: Any, labels: Any) -> float:
    return float(np.mean(np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))))


def _f1_at(scores: Any, labels: Any, threshold: float) -> float:
    predicted = scores >= threshold
    hits = (predicted & (labels > 0)).sum()
    return float(2 * hits / max(predicted.sum() + labels.sum(), 1))
