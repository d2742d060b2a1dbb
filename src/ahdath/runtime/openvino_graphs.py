"""The graphs of `graphs` as OpenVINO runs them best: standard operators, ranges fixed beforehand, weights as inputs.

OpenVINO keeps whole chains of layers in eight
bits, on the matrix units of a CPU that has them, but only where it knows the range of every product beforehand: `ranges` measures
it. Without ranges the weights stay in eight bits and the products are in bfloat16, which loses nothing. Both graphs take the
initialisers of the plan as inputs, which `openvino_engine` fills in: one file of weights serves either engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper

from .builder import OPSET, Builder, Rows
from .graphs import pairs_graph, words_graph

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["build_for_openvino"]

_INTEGER, _FLOAT = TensorProto.INT64, TensorProto.FLOAT


class _StaticBuilder(Builder):
    """A `Builder` that rounds what goes into a product to the levels of its range, and leaves the product to OpenVINO."""

    def rows(self, x: str, at: str, *, activated: bool = False) -> Rows:
        """What goes into a product, rounded to the levels of its range. Shape: (T, K)."""
        if not self.knows(at):
            return Rows(x)
        low, high = self.ranges[at]
        if not activated:  # symmetric: what has no zero point to subtract is the faster product
            high = max(-low, high)
            low = -high
        scale = max((high - low) / 255, 1e-12)
        # The product wants its zero among the levels.
        scales = self.constant(scale, _FLOAT), self.constant(round(-low / scale) if activated else 128, TensorProto.UINT8)
        return Rows(self.op("DequantizeLinear", self.op("QuantizeLinear", x, *scales), *scales))

    def product(self, x: Rows, name: str, bias: str = "") -> str:
        """x times a weight, plus a bias if one is named. Shape: (T, K) -> (T, N)."""
        if not self.int8:
            return super().product(x, name, bias)
        out, size = self.matrix(name)
        weight = self.weight("int8", name, shape=(size, out), kind="int8")
        scale = self.weight("scale", name, shape=(out,))
        result = self.op("MatMul", x.values, self.op("DequantizeLinear", weight, scale, axis=1))
        return str(self.op("Add", result, bias) if bias else result)

    def some(self, none: str) -> str:
        """log(exp(y) - 1), y = -none: by a series below one, where the difference would be lost in bfloat16."""
        one, y = self.constant(1.0, _FLOAT), self.op("Neg", none)
        near, far = self.op("Min", y, one), self.op("Max", y, one)
        square = self.op("Mul", self.op("Mul", near, near), self.constant(1 / 24, _FLOAT))
        series = self.op("Add", self.op("Mul", near, self.constant(0.5, _FLOAT)), square)  # the next term is y^4 / 2880
        below = self.op("Add", self.op("Log", near), series)
        above = self.op("Add", far, self.op("Log", self.op("Sub", one, self.op("Exp", self.op("Neg", far)))))
        return str(self.op("Where", self.op("Less", y, one), below, above))

    def lstm(self, x: str, lengths: str, name: str) -> str:
        """Both directions over the whole width: OpenVINO has no fast LSTM that stops at a length.

        The way back reads `mirror`, which holds the words of a window turned round and its padding in place.
        """
        gates, size = self.shapes[f"{name}.ahead.weight_ih_l0"]
        hidden = gates // 4
        weights = self.lstm_weights(name)
        ahead, back = (
            [self.op("Slice", one, *(self.constant([n]) for n in (side, side + 1, 0))) for one in weights] for side in (0, 1)
        )

        def read(states: str, side: list[str]) -> str:
            found = self.op("LSTM", self.op("Transpose", states, perm=[1, 0, 2]), *side, hidden_size=hidden)
            return str(self.op("Transpose", self.op("Squeeze", found, self.constant([1])), perm=[1, 0, 2]))

        def turned(states: str, width: int) -> str:
            return str(self.op("Gather", self.op("Reshape", states, self.constant([-1, width])), "mirror"))

        return str(self.op("Concat", read(x, ahead), turned(read(turned(x, size), back), hidden), axis=2))

    def model(self, inputs: Mapping[str, tuple[int, list[Any]]], outputs: Mapping[str, str]) -> ModelProto:
        """The finished graph, its planned initialisers among the inputs."""
        asked = dict(inputs)
        if asked.pop("lengths", None):
            asked["mirror"] = (_INTEGER, ["B", "W"])
        given = [helper.make_tensor_value_info(name, *what) for name, what in asked.items()]
        given += [
            helper.make_tensor_value_info(name, self.initializers[name].data_type, list(self.initializers[name].dims))
            for name in self.plan
        ]
        nodes = [*self.nodes, *(helper.make_node("Identity", [inner], [name]) for name, inner in outputs.items())]
        results = [helper.make_tensor_value_info(name, _FLOAT, None) for name in outputs]
        kept = [value for name, value in self.initializers.items() if name not in self.plan]
        graph = helper.make_graph(nodes, "ahdath", given, results, kept)
        opsets = [helper.make_opsetid(*one) for one in OPSET]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="ahdath")


def build_for_openvino(
    config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], *, int8: bool = True,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[ModelProto, ModelProto]:  # fmt: skip
    """The graphs of words and of pairs; they have the plan of `graphs.build`.

    Args:
        config, shapes, int8: see `graphs.build`, which refuses what has no graph.
        ranges: layer -> lowest and highest value of its input; products of other layers take eight-bit weights alone.
    """
    words, pairs = (_StaticBuilder(shapes, int8, ranges or {}) for _ in range(2))
    return words_graph(words, config), pairs_graph(pairs, config)
