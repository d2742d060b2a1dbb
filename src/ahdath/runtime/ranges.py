"""What range of values goes into each product of an encoder, measured on text: what static int8 has to know.

The range of a layer is one for all its rows, so a paragraph gives the same whatever its company. The rarest values, one in
ten thousand, lie outside and are cut: a few of them would take the levels of all others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError

if TYPE_CHECKING:
    import torch

__all__ = ["measure", "read_texts"]

#: Paragraphs that are enough: more change the ranges little.
ENOUGH = 100
_QUANTILES = (1e-4, 1 - 1e-4)


def read_texts(path: str | Path, limit: int = ENOUGH) -> list[str]:
    """At most `limit` texts, evenly spread over a file: `text` of the rows of .jsonl, paragraphs of another.

    Raises DataError for a missing or damaged file, and for one without text.
    """
    from ..textfiles import read_paragraphs

    lines = [paragraph.text for paragraph in read_paragraphs([str(path)])]
    if Path(path).suffix == ".jsonl":
        try:
            lines = [json.loads(line)["text"] for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected rows of JSON with a text, found: {error!r}") from error
    texts = [text for text in lines if isinstance(text, str) and text.strip()]
    if not texts:
        raise DataError(f"{path}: expected text to measure ranges on, found none; name a file with some paragraphs of news")
    return texts[:: max(1, len(texts) // limit)][:limit]


def measure(model: str | Path, texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Layer of the encoder -> lowest and highest value that goes into it, but for the rarest.

    model: a folder with weights, which torch runs. Query, key and value read the same: the query stands for them.

    >>> measure("runs/mine", ["قصفت القوات مدينة تلبيسة أمس."])      # doctest: +SKIP
    {'encoder.encoder.layer.0.attention.self.query': (-3.71, 3.69), …}
    """
    import torch

    from ..inference import EventExtractor

    extractor = EventExtractor.from_pretrained(model, runtime="torch")
    seen: dict[str, list[tuple[float, float]]] = {}
    hooks = [
        layer.register_forward_pre_hook(_watch(seen.setdefault(name, [])))
        for name, layer in extractor.model.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv1d) and _is_product(name)
    ]
    try:
        for text in texts:
            extractor.classify(text)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (min(low for low, _ in found), max(high for _, high in found)) for name, found in seen.items() if found}


def _is_product(name: str) -> bool:
    """Whether a layer has many rows to read: those of the encoder, and the first of each head."""
    if name.startswith("encoder.encoder."):
        return name.endswith((".query", ".dense"))
    heads = ("words.from_pieces", "trigger.0", "pairs.word", "pairs.product", "pairs.tags")
    return name in heads or name.startswith("pairs.context.steps.")


def _watch(seen: list[tuple[float, float]]) -> Any:
    def watch(layer: torch.nn.Module, given: Sequence[torch.Tensor]) -> None:
        values = given[0].detach().float().numpy()
        low, high = np.quantile(values, _QUANTILES)
        seen.append((float(low), float(high)))

    return watch
