"""The network as exported graphs, run by ONNX Runtime on the CPU: int8 in the encoder and, where ranges were measured, in the
large layers of the heads.

Reads config.json, the graphs and one safetensors file; loads no torch and no transformers. `graphs` says what the
graphs compute, `weights` how their initialisers are made.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import ModelError
from . import WordScores, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FILES", "VERSION", "WEIGHTS", "OnnxEngine", "Settings", "is_available", "is_exported"]

#: Graphs and plan of an exported model, and the file of weights that an export has and the embedded model does without.
FILES = ("words.onnx", "pairs.onnx", "graphs.json")
WEIGHTS = "graphs.safetensors"
#: Version of plan and graphs; another one is refused.
VERSION = 2

_EVENTS = 256  # events that the pair head reads at once
_DISTANCES = 32  # as in layers
_FAR = np.float32(-1e9)
_WIDE = 512  # dimensions of an encoder from which on threads gain by sharing a product
_SIDE_BY_SIDE = 4  # batches; what is Python in more of them would wait for each other


@dataclass
class Settings:
    """What config.json says of reading; see `modeling.AhdathConfig`, whose defaults need not be repeated: all is written."""

    encoder: dict[str, Any] | None
    ontology: dict[str, Any]
    spelling: str
    segmentation: bool
    window_length: int
    lexicon_size: int
    ngram_buckets: int
    context_size: int
    pooling: str
    trigger_temperature: float
    argument_temperature: float
    threshold: float
    sentence_threshold: float

    @classmethod
    def load(cls, folder: Path) -> Settings:
        """Read config.json. Raises ModelError for a missing or damaged file, or that of another kind of model."""
        path = folder / "config.json"
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told.get("model_type") != "ahdath":
                raise ModelError(f"{path}: expected an ahdath model, found model_type {told.get('model_type')!r}")
            return cls(**{field.name: told[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{path}: expected the config of an ahdath model, found: {error!r}; save it again") from error


def is_available() -> bool:
    """Whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None


def is_exported(folder: Path) -> bool:
    """Whether a model folder has graphs."""
    return all((folder / name).exists() for name in FILES)


class Session(Protocol):
    """A graph that is ready to run; ONNX Runtime's own sessions are, as far as they are used."""

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
        """The outputs that are named."""


class OnnxEngine:
    """Two sessions of ONNX Runtime over the graphs of a model folder. `OpenVinoEngine` runs the same in another library.

    Args:
        folder: an exported model, see `ahdath export`, or one with graphs beside its weights, as the embedded default is.
        threads: to compute in; by default OMP_NUM_THREADS, as for torch, or one a core.

    Raises:
        ModelError: ONNX Runtime is missing, or a file is missing, damaged or of another version.
    """

    def __init__(self, folder: str | Path, *, threads: int | None = None) -> None:
        self.folder = Path(folder)
        self._config = Settings.load(self.folder)
        self._require()
        plan, self.quantized = self._plan()
        stored = self.folder / WEIGHTS
        if stored.exists():
            made = weights.read_tensors(stored, sorted({name for part in plan.values() for name in part}))
        else:
            sources = sorted({source for part in plan.values() for _, *names in part.values() for source in names})
            made = {}
            tensors = weights.read_tensors(self.folder / "model.safetensors", sources)
            for part in plan.values():
                made |= weights.make(part, tensors)
        wanted = threads or int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
        self._threads = wanted or _cores()
        self._words, self._inputs = self._session("words", {name: made[name] for name in plan["words"]}, wanted)
        self._pairs, _ = self._session("pairs", {name: made[name] for name in plan["pairs"]}, wanted)

    def _require(self) -> None:
        if not is_available():
            raise ModelError("the int8 engine needs ONNX Runtime, found none: pip install onnxruntime; or use runtime='torch'")

    @property
    def config(self) -> Settings:
        """What config.json says; a threshold that is changed counts at once."""
        return self._config

    @property
    def workers(self) -> int:
        """Wide: two, what is serial in one is filled by the other. Narrow: one a thread. A single thread is the caller's own."""
        if self._threads == 1:
            return 0
        return 2 if self._is_wide else min(self._threads, _SIDE_BY_SIDE)

    @property
    def _is_wide(self) -> bool:
        encoder = self._config.encoder
        return encoder is not None and encoder["hidden_size"] >= _WIDE

    @property
    def room(self) -> int:
        """Four: what the layers hand on then stays in the cache of a core; sixteen took a third longer with 768 dimensions."""
        return 4

    def _plan(self) -> tuple[dict[str, dict[str, list[str]]], bool]:
        path = self.folder / "graphs.json"
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            version, plan = told["version"], {"words": dict(told["words"]), "pairs": dict(told["pairs"])}
            if version == VERSION:
                return plan, bool(told["int8"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: expected the plan of exported graphs, found: {error!r}; export the model again") from error
        raise ModelError(f"{path}: expected graphs of version {VERSION}, found {version!r}; export the model again")

    def _session(self, name: str, made: Mapping[str, NDArray[Any]], threads: int) -> tuple[Session, set[str]]:
        """A graph with its initialisers, and the names of its inputs."""
        import onnxruntime

        path = self.folder / f"{name}.onnx"
        options = onnxruntime.SessionOptions()
        # Narrow products are done before another thread is awake: there every batch has a thread to itself.
        options.intra_op_num_threads = threads if self._is_wide else 1
        # Workers that spin between two products are in the way of whoever shares the machine, our own tokeniser first.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The graphs hold the fused operators that pay; those that the optimiser would put in are slower here.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 3
        held = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in made.values()]
        try:
            options.add_external_initializers(list(made), held)
            session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises many kinds for one cause: graph and weights are no model
            first = str(error).splitlines()[0]
            raise ModelError(f"{path}: expected a graph that fits the weights, found: {first}; export the model again") from error
        return session, {given.name for given in session.get_inputs()}

    def copy(self, folder: str | Path) -> None:
        """Copy the files of the model."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        if target.samefile(self.folder):
            return
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix in (".json", ".safetensors", ".onnx", ".md"):
                shutil.copyfile(path, target / path.name)

    def read_words(self, batch: Mapping[str, NDArray[Any]]) -> WordScores:
        """See `Engine.read_words`."""
        made, lengths = self._prepared(batch), batch["word_mask"].sum(1).astype(np.int32)
        names = ["trigger", "continuation", "sentence", "states", "projected"]
        trigger, continuation, sentence, states, projected = self._words.run(names, made)
        return WordScores(trigger, continuation, sentence, (states, projected, batch["sentence"], lengths))

    def _prepared(self, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The inputs of the graph: what is cheap in NumPy and clumsy in a graph is done here."""
        ids, mask, pieces = batch["input_ids"], batch["word_mask"], batch["pieces"]
        size, length = ids.shape
        local = batch["sentence"] - batch["sentence"][:, :1]
        lengths = mask.sum(1)
        local[~mask] = -1
        starts = np.arange(size)[:, None] * length
        made = {
            "input_ids": ids,
            "token_type_ids": batch.get("token_type_ids", np.zeros_like(ids)),
            "padding": ((batch["attention_mask"] == 0) * _FAR).astype(np.float32)[:, None, None],
            "inside": (local[:, None] == np.arange(local.max() + 1)[None, :, None]).astype(np.float32),
            "lengths": lengths.astype(np.int32),
            "word_mask": mask[..., None].astype(np.float32),
            "first": (pieces[..., 0] + starts).ravel(),
            "last": (pieces[..., 1] + starts).ravel(),
        }
        if "shares" in self._inputs:
            places = np.arange(length)
            held = (places >= pieces[..., :1]) & (places <= pieces[..., 1:])
            made["shares"] = (held / held.sum(-1, keepdims=True)).astype(np.float32)
        if "rows" in self._inputs:
            self._lexical(batch, made)
        if "mirror" in self._inputs:
            made["mirror"] = _mirror(lengths, mask.shape[1])
        return {name: made[name] for name in self._inputs}

    def _lexical(self, batch: Mapping[str, NDArray[Any]], made: dict[str, NDArray[Any]]) -> None:
        from ..text import SUFFIXES

        if "rows" not in batch:
            raise ModelError("this model reads lexical features: expected rows and affixes, found none; "
                             "make batches with tokenization.WordTokenizer and its stem lexicon")  # fmt: skip
        rows, buckets = batch["rows"], self.config.ngram_buckets
        made["rows"] = np.where(rows <= self.config.lexicon_size, rows, 0)  # rarer stems of the lexicon have no vector
        made["prefixes"], made["suffixes"] = np.divmod(batch["affixes"], len(SUFFIXES))
        if "ngrams" in self._inputs:
            ngrams = batch["ngrams"]
            made["ngrams"] = np.where(ngrams > 0, (ngrams - 1) % (buckets - 1) + 1, 0)
            made["ngram_roots"] = np.sqrt(np.maximum((ngrams > 0).sum(-1, keepdims=True), 1)).astype(np.float32)

    def read_pairs(self, state: Any, events: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Engine.read_pairs`."""
        states, projected, sentence, lengths = state
        width = states.shape[1]
        buckets = _buckets(width)
        found = []
        for at in range(0, len(events), _EVENTS):
            window, first, kind = events[at : at + _EVENTS].T
            places = np.arange(width)
            own = (places < lengths[window][:, None])[..., None].astype(np.float32)
            same = sentence[window] == sentence[window, first][:, None]
            given = {
                "projected": projected, "triggers": states[window, first], "window": window, "kind": kind,
                "here": np.arange(len(window)) * width + first, "place": buckets[places - first[:, None] + width] * 2 + same,
                "words": own, "padding": (1 - own) * _FAR,
            }  # fmt: skip
            found.append(self._pairs.run(["argument", "attribute"], given))
        if len(found) == 1:
            return found[0][0], found[0][1]
        argument, attribute = zip(*found, strict=True)
        return np.concatenate(argument), np.concatenate(attribute)


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mirror(lengths: NDArray[Any], width: int) -> NDArray[np.int64]:
    """Places of the words of each row turned round, in the flattened batch; padding stays. Shape: (N,) -> (N, W)."""
    places = np.arange(width)[None]
    turned = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return np.asarray(turned + np.arange(len(lengths))[:, None] * width, np.int64)


@lru_cache(maxsize=1 << 10)
def _buckets(width: int) -> NDArray[np.int64]:
    """Bucket of each distance from -width to width, as `layers._bucket` has them."""
    distance = np.arange(-width, width + 1)
    far = np.maximum(np.abs(distance), 1).astype(np.float32)
    size = np.where(far <= 16, far, 16 + 4 * np.log2(far / 16))
    limited = np.minimum(np.floor(size), _DISTANCES).astype(np.int64)
    return np.where(distance == 0, 0, limited) * np.sign(distance) + _DISTANCES
