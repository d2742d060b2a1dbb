"""The network as exported graphs, run by OpenVINO on the CPU: int8 or bfloat16 on its matrix units, heads in bfloat16.

For encoders of some hundred dimensions, where the products take the time, on a CPU that has bfloat16. Reads the
folder that `onnx_engine` reads, the graphs in files of their own; loads no torch and no transformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError
from . import WordScores
from .onnx_engine import OnnxEngine, Session, Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OPENVINO_FILES", "OpenVinoEngine", "has_openvino_graphs", "is_openvino_available", "padded", "suits_openvino"]

#: Graphs of words and of pairs, beside the plan and the weights that they share with those for ONNX Runtime.
OPENVINO_FILES = ("words-openvino.onnx", "pairs-openvino.onnx")

_WIDE = 512  # dimensions of an encoder from which on its products are most of the time
#: OpenVINO prepares its kernels for every new shape, some 10 ms each: lengths are rounded up to multiples of these.
_PIECES, _WORDS = 16, 16
#: And events to one of these numbers.
_EVENTS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


def is_openvino_available() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def has_openvino_graphs(folder: Path) -> bool:
    """Whether a model folder has graphs for OpenVINO."""
    return all((folder / name).exists() for name in OPENVINO_FILES)


def suits_openvino(folder: Path) -> bool:
    """Whether OpenVINO runs a model faster than ONNX Runtime: the encoder is wide, and the CPU has bfloat16.

    Narrow ones gain too little for a start that takes longer. Raises ModelError for a damaged config.
    """
    encoder = Settings.load(folder).encoder
    if encoder is None or encoder["hidden_size"] < _WIDE:
        return False
    import openvino

    return _has_bfloat16(openvino.Core())


class _Requests:
    """A compiled graph and the requests that run it: each is used by one thread at a time, and used again."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._free: list[Any] = []  # append and pop are atomic

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
        try:
            request = self._free.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        request.infer(dict(input_feed), share_inputs=True)
        found = [np.array(request.get_tensor(name).data) for name in output_names]
        self._free.append(request)
        return found


class OpenVinoEngine(OnnxEngine):
    """Two compiled models of OpenVINO over the graphs of a model folder. Arguments and errors: see `OnnxEngine`.

    A paragraph gives the same alone and in company, but for roundings of bfloat16 that depend on the shape of a batch.

    >>> engine = OpenVinoEngine("runs/mine-int8")                                            # doctest: +SKIP
    >>> EventExtractor(engine, tokenizer).classify("قصفت القوات المدينة.")                    # doctest: +SKIP
    """

    @property
    def room(self) -> int:
        """Sixteen: with four, the weights are fetched for too few rows, a seventh of the time."""
        return 16

    def _require(self) -> None:
        if not is_openvino_available():
            raise ModelError("this engine needs OpenVINO, found none: pip install 'ahdath[openvino]'; or use runtime='torch'")

    def _session(self, name: str, made: Mapping[str, NDArray[Any]], threads: int) -> tuple[Session, set[str]]:
        import openvino
        from openvino import opset13

        path = self.folder / f"{name}-openvino.onnx"
        core = openvino.Core()
        options: dict[str, Any] = {"NUM_STREAMS": 1, **({"INFERENCE_NUM_THREADS": threads} if threads else {})}
        options["INFERENCE_PRECISION_HINT"] = "bf16" if self.quantized and _has_bfloat16(core) else "f32"
        try:
            model = core.read_model(path.read_bytes())
            for given in model.get_parameters():
                if given.get_friendly_name() in made:
                    given.output(0).replace(opset13.constant(made[given.get_friendly_name()], shared_memory=True).output(0))
                    model.remove_parameter(given)
            model.validate_nodes_and_infer_types()
            compiled = core.compile_model(model, "CPU", options)
        except (OSError, RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[-1]
            raise ModelError(f"{path}: expected a graph that fits the weights, found: {first}; export the model again") from error
        return _Requests(compiled), {given.get_any_name() for given in compiled.inputs}

    def read_words(self, batch: Mapping[str, NDArray[Any]]) -> WordScores:
        """See `Engine.read_words`."""
        width = batch["word_mask"].shape[1]
        sentences = int((batch["sentence"] - batch["sentence"][:, :1])[batch["word_mask"]].max()) + 1
        said = super().read_words(padded(batch))
        return WordScores(said.trigger[:, :width], said.continuation[:, :width], said.sentence[:, :sentences], (said.state, width))

    def read_pairs(self, state: Any, events: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """See `Engine.read_pairs`."""
        inner, width = state
        count = len(events)
        room = next((size for size in _EVENTS if size >= count), count)
        given = np.concatenate([events, np.repeat(events[:1], room - count, 0)])
        argument, attribute = super().read_pairs(inner, given)
        return argument[:count, :width], attribute[:count]


def padded(batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A batch with its pieces and its words padded to one of few lengths."""
    pieces = -batch["input_ids"].shape[1] % _PIECES
    words = -batch["word_mask"].shape[1] % _WORDS
    made = {}
    for name, array in batch.items():
        more = pieces if name in ("input_ids", "attention_mask", "token_type_ids") else words
        made[name] = np.pad(array, [(0, 0), (0, more), *[(0, 0)] * (array.ndim - 2)])
    return made


def _has_bfloat16(core: Any) -> bool:
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
