"""Tensors of a model file -> the initialisers of its graphs: the recipes that a plan may name.

A recipe is pure NumPy, so that a model loads without torch. This module knows nothing of graphs or sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEVELS", "RECIPES", "make", "quantized", "read_tensors"]

#: Weights take 127 levels and not 255: a pair of products then fits the 16 bits in which CPUs without VNNI add them.
LEVELS = 63


def read_tensors(path: str | Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Tensors of a safetensors file by name, all of them if `names` is None.

    Raises ModelError for a missing or damaged file, and for a tensor that it lacks.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            return {name: file.get_tensor(name) for name in (file.keys() if names is None else names)}
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise ModelError(
            f"{path}: expected a safetensors file with the weights of the model, found: {error}; the file is damaged or of "
            "another version: save or download the model again"
        ) from error


def _matrix(weight: NDArray[Any]) -> NDArray[np.float32]:
    """A layer's weight; that of a convolution for its places one after the other. Shape: (N, K) or (N, K, places) -> (N, …)."""
    flat = weight if weight.ndim == 2 else weight.transpose(0, 2, 1).reshape(len(weight), -1)
    return flat.astype(np.float32)


def quantized(weight: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A layer's weight in signed bytes, and the scale of each output. Shape: (N, K) -> (K, N), (N,)."""
    whole = _matrix(weight)
    scale = np.maximum(np.abs(whole).max(1), 1e-12) / np.float32(LEVELS)
    return np.ascontiguousarray(np.rint(whole / scale[:, None]).astype(np.int8).T), scale.astype(np.float32)


def _gates(weight: NDArray[Any]) -> NDArray[np.float32]:
    """torch orders the gates of an LSTM input, forget, cell, output; ONNX input, output, forget, cell."""
    i, f, c, o = np.split(weight.astype(np.float32), 4)
    return np.concatenate([i, o, f, c])


def _lstm(*sides: NDArray[Any]) -> NDArray[np.float32]:
    return np.stack([_gates(side) for side in sides])


#: Recipe -> how the initialiser is made of the tensors that the plan names with it.
RECIPES: Mapping[str, Callable[..., NDArray[Any]]] = {
    "float": lambda x: np.ascontiguousarray(x, np.float32),
    "half": lambda x: np.ascontiguousarray(x, np.float16),
    "transposed": lambda x: np.ascontiguousarray(_matrix(x).T),
    "int8": lambda x: quantized(x)[0],
    "scale": lambda x: quantized(x)[1],
    "crossed": lambda one, other: (one[:, None].astype(np.float32) + other).reshape(-1, one.shape[1]),
    "moved bias": lambda bias, out, value: bias + out.astype(np.float32) @ value,
    "vectors": lambda x: np.ascontiguousarray(x, np.int8),
    "scaled": lambda x, scale: np.ascontiguousarray(x.T.astype(np.float32) * scale),
    "lstm": _lstm,
    "lstm bias": lambda *x: np.stack([np.concatenate([_gates(x[i]), _gates(x[i + 1])]) for i in (0, 2)]),
}


def make(plan: Mapping[str, Sequence[str]], tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The initialisers of a plan. Raises ModelError for a recipe that is unknown, or does not fit its tensors."""
    made = {}
    for name, (recipe, *sources) in plan.items():
        if recipe not in RECIPES:
            raise ModelError(f"recipe {recipe!r} is unknown; expected one of {', '.join(RECIPES)}; export the model again")
        made[name] = RECIPES[recipe](*(tensors[source] for source in sources))
    return made
