"""From which probability on a trigger counts, and what its probability is: temperature and thresholds, set on dev.

`calibration` measures whether scores mean what they say; this module makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .decoding import sigmoid
from .labels import label_window
from .tokenization import collate

if TYPE_CHECKING:
    from .inference import EventExtractor
    from .schema import Document

__all__ = ["calibrate", "trigger_scores"]


def calibrate(extractor: EventExtractor, documents: Sequence[Document]) -> None:
    """Set temperature (so that a score is a probability) and threshold (best F1) of the triggers, on dev.

    One threshold for all types; a type gets its own only with 30 or more mentions in dev and a gain of two points.
    """
    logits, labels = trigger_scores(extractor, documents)
    config = extractor.model.config
    temperatures = np.geomspace(0.5, 4, 60)
    config.trigger_temperature = float(min(temperatures, key=lambda t: _log_loss(logits / t, labels)))
    scores = sigmoid(logits / config.trigger_temperature)
    grid = np.arange(0.2, 0.7, 0.02)
    config.threshold = float(round(max(grid, key=lambda t: _f1_at(scores, labels, t)), 3))
    own = {}
    for index, name in enumerate(extractor.ontology.type_names):
        column, gold = scores[:, index], labels[:, index]
        if gold.sum() >= 30:
            best = max(grid, key=lambda t: _f1_at(column, gold, t))
            if _f1_at(column, gold, best) - _f1_at(column, gold, config.threshold) > 0.02:
                own[name] = float(round(best, 3))
    config.type_thresholds = own


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


def _log_loss(logits: Any, labels: Any) -> float:
    return float(np.mean(np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))))


def _f1_at(scores: Any, labels: Any, threshold: float) -> float:
    predicted = scores >= threshold
    hits = (predicted & (labels > 0)).sum()
    return float(2 * hits / max(predicted.sum() + labels.sum(), 1))
