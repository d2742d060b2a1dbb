"""Which model it is, found out without loading it: its name, its weights, all its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ahdath.bulk.inputs import file_digest
from ahdath.errors import ModelError
from ahdath.ontology import Ontology

__all__ = ["ModelVersion", "check_types", "model_version", "resolved"]

_EMBEDDED = Path(__file__).parent.parent / "models" / "embedded"
_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_SUFFIXES = {".json", ".safetensors", ".txt", ".model", ".onnx", ".xml", ".bin", ".data", ".npy", ".yaml"}


class ModelVersion(NamedTuple):
    """A model by `name`; `weights` is the head of their SHA-256, as `shipping.digest` has it; `files` is of all files.

    Thresholds and the ontology are in the configuration, so results depend on more than weights; and on the `engine`, whose
    scores differ in the second or third place.
    """

    name: str
    weights: str
    files: str
    engine: str


def model_version(model: str | None) -> ModelVersion:
    """The version of the embedded default (None), of a folder, or of a name on the hub, which is downloaded.

    Raises ModelError when there is no model.
    """
    from ahdath.runtime.loading import engine_of

    folder = _folder(model)
    digests = {
        path.name: file_digest(path)
        for path in sorted(folder.iterdir())
        if path.suffix in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    }
    if _WEIGHTS not in digests:
        raise ModelError(f"{folder}: expected a model folder with {_WEIGHTS}, found none; check the path")
    told = "\n".join(f"{name} {digest}" for name, digest in digests.items())
    name = "embedded" if model is None else Path(model).name
    return ModelVersion(name, digests[_WEIGHTS][:16], hashlib.sha256(told.encode()).hexdigest()[:16], engine_of(folder))


def check_types(model: str | None, types: Sequence[str]) -> None:
    """Raises OntologyError for a type that the model does not know, ModelError for a damaged configuration.

    A configuration without an ontology is left to whoever loads the model.
    """
    path = _folder(model) / _CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("ontology")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: expected the configuration of a model, found: {error}; check the path") from error
    if found is not None:
        ontology = Ontology.from_dict(found, source=str(path))
        for name in types:
            ontology.event_type(name)


def _folder(model: str | None) -> Path:
    if model is None:
        return _EMBEDDED
    if Path(model).is_dir():
        return Path(model)
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise ModelError(f"{model}: expected a model folder, found none; check the path")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model))
    except Exception as error:  # no network, no such repository, no right to read it: many kinds for one cause
        raise ModelError(f"{model}: expected a model on the Hugging Face hub or a folder, found: {error}") from error


def resolved(model: str | None) -> str | None:
    """A folder by its full path, which other processes need; a name on the hub, and None, as they are."""
    return str(Path(model).resolve()) if model is not None and Path(model).is_dir() else model
