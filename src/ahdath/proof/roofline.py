"""How near to the machine: the multiplications that an encoder pass needs, and the rate at which matrices are multiplied here.

The rate is that of the layers' own matrices: float types by torch, eight bits by the operator of ONNX Runtime that the
exported engine uses. An addition and a multiplication count as two operations, of integers too. This module knows no
text and no model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ahdath.errors import ConfigError, DataError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DTYPES", "ROWS", "EncoderShape", "products"]

DTYPES = ("float32", "bfloat16", "int8")
"""The types whose rate `products` measures."""

ROWS = 1536
"""Pieces in the matrices: the room of a batch of `classify_many`."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The sizes of a transformer encoder like BERT."""

    layers: int
    hidden: int
    inner: int

    def __post_init__(self) -> None:
        if min(self.layers, self.hidden, self.inner) < 1:
            raise DataError(f"encoder shape: expected sizes from 1 up, found {self}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> EncoderShape:
        """The sizes that an encoder's config.json tells."""
        return cls(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """In and out of the six weights of a layer: query, key, value, output, and the two of the inner layer."""
        square = (self.hidden, self.hidden)
        return (square, square, square, square, (self.hidden, self.inner), (self.inner, self.hidden))

    def flops(self, lengths: Iterable[int]) -> int:
        """Operations of one encoder pass over windows of so many pieces; padding is no work.

        For each piece twice the weights of a layer; for each window of L pieces 4 · L² · hidden for the scores of
        its attention and what they weigh. Norms, softmax, activations and embeddings are left out.

        >>> EncoderShape(layers=12, hidden=768, inner=3072).flops([128])
        22347251712
        """
        weights = sum(rows * columns for rows, columns in self.matrices)
        return self.layers * sum(2 * weights * length + 4 * self.hidden * length * length for length in lengths)

    def product_flops(self, rows: int) -> int:
        """Operations of the weights alone on a matrix of `rows` pieces: what a call of `products` does."""
        return self.layers * 2 * rows * sum(a * b for a, b in self.matrices)


def products(shape: EncoderShape, dtype: str, *, rows: int = ROWS) -> Callable[[int], None]:
    """What multiplies matrices of `rows` pieces with all weights of an encoder of that shape, and does nothing else.

    The argument of the result, the number of the run, is not used. Raises ConfigError for
    another dtype than DTYPES, ModelError where eight bits cannot be measured.
    """
    if dtype not in DTYPES:
        raise ConfigError(f"dtype {dtype!r}: expected one of {', '.join(DTYPES)}")
    return _int8_products(shape, rows) if dtype == "int8" else _torch_products(shape, dtype, rows)


def _torch_products(shape: EncoderShape, dtype: str, rows: int) -> Callable[[int], None]:
    import torch

    kind = getattr(torch, dtype)
    inputs = {size: torch.rand(rows, size).to(kind) for size in (shape.hidden, shape.inner)}
    weights = [torch.rand(out, size).to(kind) for _ in range(shape.layers) for size, out in shape.matrices]

    def run(_: int) -> None:
        with torch.inference_mode():
            for weight in weights:
                torch.nn.functional.linear(inputs[weight.shape[1]], weight)

    return run


def _int8_products(shape: EncoderShape, rows: int) -> Callable[[int], None]:
    """Inputs and outputs stay where they are between runs, so that nothing is copied."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0") or 0)  # as the engine has them
    options.log_severity_level = 3
    sizes = shape.matrices * shape.layers
    session = onnxruntime.InferenceSession(_int8_graph(shape, sizes, rows), options, providers=["CPUExecutionProvider"])
    binding, rng = session.io_binding(), np.random.default_rng(0)
    for size in sorted({shape.hidden, shape.inner}):
        x: NDArray[np.uint8] = rng.integers(0, 256, (rows, size), np.uint8)
        binding.bind_ortvalue_input(f"x{size}", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    results = {
        out: onnxruntime.OrtValue.ortvalue_from_shape_and_type((rows, out), np.float32, "cpu", 0) for _, out in sizes
    }
    for number, (_, out) in enumerate(sizes):
        binding.bind_ortvalue_output(f"y{number}", results[out])  # the products run one after the other and may share

    def run(_: int) -> None:
        session.run_with_iobinding(binding)

    return run


def _int8_graph(shape: EncoderShape, sizes: tuple[tuple[int, int], ...], rows: int) -> bytes:
    """The products as the exported graphs have them: unsigned bytes times signed bytes, scaled to float32."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError as error:
        raise ModelError("measuring eight bits needs the package onnx, found none: pip install 'ahdath[export]'") from error
    rng = np.random.default_rng(0)
    constants = [numpy_helper.from_array(np.array(1.0, np.float32), "one"), numpy_helper.from_array(np.array(128, np.uint8), "middle")]
    nodes = []
    for number, (size, out) in enumerate(sizes):
        weight: NDArray[np.int8] = rng.integers(-63, 64, (size, out)).astype(np.int8)
        constants.append(numpy_helper.from_array(weight, f"w{number}"))
        inputs = [f"x{size}", f"w{number}", "one", "one", "middle"]
        nodes.append(helper.make_node("MatMulIntegerToFloat", inputs, [f"y{number}"], domain="com.microsoft"))
    given = [
        helper.make_tensor_value_info(f"x{size}", TensorProto.UINT8, [rows, size])
        for size in sorted({shape.hidden, shape.inner})
    ]
    told = [helper.make_tensor_value_info(f"y{n}", TensorProto.FLOAT, [rows, out]) for n, (_, out) in enumerate(sizes)]
    graph = helper.make_graph(nodes, "products", given, told, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    made: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return made
