"""A finished run -> the model folder that the package carries, small enough for a wheel; and an encoder out of it.

Matrices are stored in half precision, a table of more than eight million numbers in eight bits (float8 e4m3); vectors
stay int8 as they are and everything is float32 again once loaded, by the usual `from_pretrained`. Graphs without weights
stand beside them, so that the int8 engine reads the same file. Paths of the machine that trained are left out. This module
knows nothing of what the folder is good for; `proof` measures that.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath.errors import ModelError
from ahdath.evaluation import predict, report
from ahdath.proof.spelling import event_changes
from ahdath.runtime.export import write_graphs
from ahdath.runtime.openvino_engine import OPENVINO_FILES
from ahdath.runtime.ranges import measure

if TYPE_CHECKING:
    from torch import Tensor

    from ahdath.inference import EventExtractor
    from ahdath.schema import Document

__all__ = ["LIMIT", "add_graphs", "agreement", "digest", "extract_encoder", "pack", "ship"]

LIMIT = 30_000_000
"""Bytes that the shipped folder may have."""

_WEIGHTS = "model.safetensors"
_COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "lexicon.json")
_EIGHT_BITS = 8_000_000  # elements from which a matrix is stored in eight bits
_PATHS = ("_name_or_path", "name_or_path")


def ship(run: str | Path, target: str | Path, *, calibration: Sequence[str] | None = None) -> int:
    """Write the model of the folder `run` to `target`, replacing what is there; its size in bytes.

    calibration: texts like those to be read, on which the ranges of the int8 products are measured; see `runtime.export`.

    Raises ModelError when a file is missing, a weight does not fit, or the folder would exceed `LIMIT`; `target`
    is then as it was.
    """
    from safetensors.torch import load_file, save_file

    source, place = Path(run), Path(target)
    missing = [name for name in (_WEIGHTS, *_COPIED[:-1]) if not (source / name).exists()]
    if missing:
        raise ModelError(f"{source}: expected a finished model, found no {', '.join(missing)}; train it to its end")
    fresh = place.with_name(place.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in _COPIED:
        if (source / name).exists():
            text = (source / name).read_text(encoding="utf-8")
            (fresh / name).write_text(_without_paths(text) if "config" in name else text, encoding="utf-8")
    save_file(pack(load_file(str(source / _WEIGHTS))), str(fresh / _WEIGHTS), metadata={"format": "pt"})
    (fresh / _WEIGHTS).chmod(0o644)
    add_graphs(fresh, calibration=calibration)
    size = sum(path.stat().st_size for path in fresh.iterdir())
    if size > LIMIT:
        shutil.rmtree(fresh)
        raise ModelError(
            f"{source}: expected a model of at most {LIMIT / 1e6:.0f} MB when packed, found {size / 1e6:.1f} MB; pre-train "
            "with a smaller vocabulary or fewer stems"
        )
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    return size


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as they are stored: large float matrices in eight bits, other float matrices in sixteen.

    Vectors (norms, biases) and what is no float stay as they are. Raises ModelError for a value that the smaller
    type cannot hold.
    """
    import torch

    packed = {}
    for name, tensor in weights.items():
        small = tensor
        if tensor.is_floating_point() and tensor.ndim > 1:
            kind = torch.float8_e4m3fn if tensor.numel() > _EIGHT_BITS else torch.float16
            most, limit = float(tensor.abs().max()), torch.finfo(kind).max
            if not most <= limit:
                raise ModelError(f"{name}: expected weights of at most {limit:g}, found {most:g}; train it anew")
            small = tensor.to(kind)
        packed[name] = small.contiguous()
    return packed


def add_graphs(folder: str | Path, *, calibration: Sequence[str] | None = None) -> None:
    """Write the graphs of a packed model beside its weights, where NumPy can read these: it knows no float8.

    Only those of ONNX Runtime, which runs small encoders best and is always there. Needs the extra `ahdath[export]`. Raises
    ModelError without it, and for an encoder that has no graph.
    """
    from safetensors import safe_open

    place = Path(folder)
    with safe_open(str(place / _WEIGHTS), framework="np") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  no mapping
        shapes = {name: tuple(one.get_shape()) for name, one in slices.items()}
        readable = all(not one.get_dtype().startswith("F8") for one in slices.values())
    if readable:
        ranges = None if calibration is None else measure(place, calibration)
        write_graphs(json.loads((place / "config.json").read_text(encoding="utf-8")), shapes, place, ranges=ranges)
        for name in OPENVINO_FILES:
            (place / name).unlink()


def _without_paths(text: str) -> str:
    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleaned(inner) for key, inner in value.items() if key not in _PATHS}
        return value

    return json.dumps(cleaned(json.loads(text)), ensure_ascii=False, indent=2) + "\n"


def digest(folder: str | Path) -> str:
    """A name for the very weights of a model folder: the head of their SHA-256."""
    return hashlib.sha256((Path(folder) / _WEIGHTS).read_bytes()).hexdigest()[:16]


def agreement(one: EventExtractor, other: EventExtractor, documents: Sequence[Document]) -> dict[str, float]:
    """Two models on annotated documents: the share of events that differ in anything, and F1 in percent of both.

    `changed` counts events of either side without an equal on the other, over the events of both.
    """
    answers = [predict(extractor, documents) for extractor in (one, other)]
    pairs = list(zip(answers[0].from_text, answers[1].from_text, strict=True))
    total = sum(len(document.events) for pair in pairs for document in pair)
    result = {"changed": sum(event_changes(*pair) for pair in pairs) / max(total, 1)}
    for side, found in zip(("before", "after"), answers, strict=True):
        scores = report(side, documents, found.from_text, found.gold_triggers, bootstrap=0).headline()
        for name in ("TC f1", "AC+ f1", "gold triggers AC+ f1"):
            result[f"{side} {name}"] = 100 * scores[name]
    return result


def extract_encoder(model: str | Path, folder: str | Path) -> None:
    """Write the encoder of a model folder so that `ahdath train` can start from it: encoder, tokenizer, lexicon, vectors.

    It has seen the model's own training data; what is trained from it should be judged on other text.
    """
    import numpy as np

    from ahdath.inference import EventExtractor

    extractor, place = EventExtractor.from_pretrained(Path(model), runtime="torch"), Path(folder)
    extractor.model.encoder.save_pretrained(place)
    extractor.tokenizer.tokenizer.save_pretrained(place)
    if extractor.tokenizer.lexicon is not None:
        extractor.tokenizer.lexicon.save(place / "lexicon.json")
    if extractor.model.config.lexicon_size:
        words = extractor.model.words
        vectors = words.vectors[1:].float() * words.vector_scale
        np.save(place / "vectors.npy", vectors.numpy().astype(np.float32))
