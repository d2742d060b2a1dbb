"""The operators that `graphs` is written in: nodes, constants, weights by name, and products in eight bits.

What goes into a product is quantised by a range that was measured beforehand (`ranges`), or, where none was, row by row, each by
its own largest value. This module knows ONNX and no network.

Dimensions: T rows, K inputs, N outputs, B windows, W words, E events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OPSET", "Builder", "Rows"]

OPSET = [("", 17), ("com.microsoft", 1)]
_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "int8": TensorProto.INT8}
_INTEGER, _FLOAT = TensorProto.INT64, TensorProto.FLOAT


@dataclass
class Rows:
    """A matrix quantised to unsigned bytes around `middle`. Shape: (T, K).

    scale: of all its rows, a constant; or scales: of each row. Shape: (T, 1). Without either it is the matrix itself, as float
    graphs have it.
    """

    values: str
    scales: str = ""
    middle: int = 128
    scale: float = 0.0


@dataclass
class Builder:
    """Collects nodes, small constants and planned initialisers of one graph.

    `ranges`: layer -> lowest and highest value of its input, see `ranges.measure`.
    """

    shapes: Mapping[str, tuple[int, ...]]
    int8: bool
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, list[str]] = field(default_factory=dict)

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Add a node; the name of its output, or the names of all of them."""
        names = [f"{kind}_{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def fused(self, kind: str, *inputs: str, **attributes: Any) -> Any:
        """An operator of ONNX Runtime's own."""
        return self.op(kind, *inputs, domain="com.microsoft", **attributes)

    def constant(self, values: Sequence[float] | float, kind: int = _INTEGER) -> str:
        """A small constant inside the graph."""
        shape = [] if isinstance(values, int | float) else [len(values)]
        listed = [values] if isinstance(values, int | float) else list(values)
        name = f"constant_{kind}_{'_'.join(map(str, listed))}_{len(shape)}"
        self.initializers.setdefault(name, helper.make_tensor(name, kind, shape, listed))
        return name

    def weight(self, recipe: str, *sources: str, shape: Sequence[int], kind: str = "float32") -> str:
        """An initialiser that the loader makes of tensors of the model by a recipe of `weights.make`."""
        name = f"{sources[0]}:{recipe}"
        if name not in self.plan:
            self.plan[name] = [recipe, *sources]
            tensor = TensorProto(name=name, data_type=_TYPES[kind], dims=shape, data_location=TensorProto.EXTERNAL)
            tensor.external_data.add(key="location", value="injected")
            self.initializers[name] = tensor
        return name

    def vector(self, name: str) -> str:
        """A small tensor in float32, as it stands."""
        return self.weight("float", name, shape=self.shapes[name])

    def table(self, name: str) -> str:
        """An embedding table, in half precision beside products in eight bits."""
        recipe, kind = ("half", "float16") if self.int8 else ("float", "float32")
        return self.weight(recipe, name, shape=self.shapes[name], kind=kind)

    def look_up(self, name: str, ids: str) -> str:
        """Rows of an embedding table, in float32."""
        return str(self.op("Cast", self.op("Gather", self.table(name), ids), to=_FLOAT))

    def rows(self, x: str, at: str, *, activated: bool = False) -> Rows:
        """Quantise x by the range that is known of it, or each of its rows by its largest value. Shape: (T, K).

        at: the layer that reads them.
        activated: x comes from a GELU, which never falls below -0.17: nearly all levels go to the positive side.
        """
        if not self.int8:
            return Rows(x)
        if self.knows(at):
            low, high = min(self.ranges[at][0], 0.0), max(self.ranges[at][1], 0.0)
            scale = max((high - low) / 255, 1e-12)
            middle = round(-low / scale)
            levels = self.constant(scale, _FLOAT), self.constant(middle, TensorProto.UINT8)
            return Rows(self.op("QuantizeLinear", x, *levels), middle=middle, scale=scale)
        middle = 16 if activated else 128
        largest = self.op("ReduceMax", x if activated else self.op("Abs", x), axes=[1], keepdims=1)
        least = self.constant(0.17 / middle if activated else 1e-12, _FLOAT)
        scales = self.op("Max", self.op("Mul", largest, self.constant(1 / (255 - middle), _FLOAT)), least)
        flat = self.op("Reshape", scales, self.constant([-1]))
        value = helper.make_tensor("value", TensorProto.UINT8, [1], [middle])
        middles = self.op("ConstantOfShape", self.op("Shape", flat), value=value)
        return Rows(self.op("QuantizeLinear", x, flat, middles, axis=0), scales, middle)

    def product(self, x: Rows, name: str, bias: str = "") -> str:
        """x times a weight, plus a bias if one is named. Shape: (T, K) -> (T, N)."""
        out, size = self.matrix(name)
        if not (x.scales or x.scale):
            result = self.op("MatMul", x.values, self.weight("transposed", name, shape=(size, out)))
            return str(self.op("Add", result, bias) if bias else result)
        weight, scale = self.weight("int8", name, shape=(size, out), kind="int8"), self.weight("scale", name, shape=(out,))
        scales = self.constant(x.scale or 1.0, _FLOAT), scale, self.constant(x.middle, TensorProto.UINT8)
        if x.scale:
            return str(self.fused("MatMulIntegerToFloat", x.values, weight, *scales, *(("", bias) if bias else ())))
        result = self.op("Mul", self.fused("MatMulIntegerToFloat", x.values, weight, *scales), x.scales)
        return str(self.op("Add", result, bias) if bias else result)

    def matrix(self, name: str) -> tuple[int, int]:
        """Outputs and inputs of a weight; a convolution reads its places one after the other."""
        out, size, *places = self.shapes[name]
        return out, size * (places[0] if places else 1)

    def linear(self, x: str, name: str) -> str:
        """A layer in float32. Shape: (…, K) -> (…, N)."""
        out, size = self.matrix(f"{name}.weight")
        result = self.op("MatMul", x, self.weight("transposed", f"{name}.weight", shape=(size, out)))
        return str(self.op("Add", result, self.vector(f"{name}.bias")) if f"{name}.bias" in self.shapes else result)

    def knows(self, name: str) -> bool:
        """Whether the input of a layer is quantised by a range that was measured."""
        return self.int8 and name in self.ranges

    def dense(self, x: str, name: str) -> str:
        """A layer of a head: in eight bits where the range of its input is known, else in float32. Shape: (…, K) -> (…, N)."""
        if not self.knows(name):
            return self.linear(x, name)
        bias = self.vector(f"{name}.bias") if f"{name}.bias" in self.shapes else ""
        return self.product(self.rows(x, name), f"{name}.weight", bias)

    def convolution(self, x: str, name: str, step: int) -> str:
        """Three words, `step` apart, as `layers.Neighbours` reads them; zeros stand at the ends. Shape: (E, W, K) -> (E, W, N)."""
        read = self.rows(x, name) if self.knows(name) else Rows(x)
        zero = self.constant(read.middle, TensorProto.UINT8) if read.scale else self.constant(0.0, _FLOAT)
        wide = self.op("Pad", read.values, self.constant([0, step, 0, 0, step, 0]), zero)
        ends = (-2 * step, -step, 2**62)
        parts = [
            self.op("Slice", wide, self.constant([number * step]), self.constant([end]), self.constant([1]))
            for number, end in enumerate(ends)
        ]
        read.values = self.op("Concat", *parts, axis=2)
        if not self.knows(name):
            return self.linear(read.values, name)
        return self.product(read, f"{name}.weight", self.vector(f"{name}.bias"))

    def normalized(self, x: str, name: str, epsilon: float) -> str:
        weights = (self.vector(f"{name}.weight"), self.vector(f"{name}.bias"))
        return str(self.op("LayerNormalization", x, *weights, epsilon=epsilon, axis=-1))

    def added(self, x: str, skip: str, norm: str, epsilon: float) -> str:
        """Layer norm of x + skip (the fused operator for it took ten times as long)."""
        return self.normalized(self.op("Add", x, skip), norm, epsilon)

    def some(self, none: str) -> str:
        """Logit of anything, from the logarithm of the probability of nothing, which is below zero."""
        return str(self.op("Sub", self.op("Log", self.op("Sub", self.constant(1.0, _FLOAT), self.op("Exp", none))), none))

    def lstm(self, x: str, lengths: str, name: str) -> str:
        """Both directions of `layers.BiLSTM`: padding is never read. Shape: (B, W, K) -> (B, W, 2 x hidden)."""
        hidden = self.shapes[f"{name}.ahead.weight_ih_l0"][0] // 4
        turned = self.op("Transpose", x, perm=[1, 0, 2])
        read = self.op("LSTM", turned, *self.lstm_weights(name), lengths, hidden_size=hidden, direction="bidirectional")
        return str(self.op("Reshape", self.op("Transpose", read, perm=[2, 0, 1, 3]), self.constant([0, 0, 2 * hidden])))

    def lstm_weights(self, name: str) -> tuple[str, str, str]:
        """Of input, state and bias, both directions in each. Shape: (2, 4 x hidden, K), (2, 4 x hidden, hidden), (2, 8 x hidden)."""
        gates, size = self.shapes[f"{name}.ahead.weight_ih_l0"]

        def part(recipe: str, kinds: Sequence[str], *shape: int) -> str:
            names = [f"{name}.{side}.{kind}_l0" for side in ("ahead", "back") for kind in kinds]
            return self.weight(recipe, *names, shape=(2, *shape))

        return (part("lstm", ["weight_ih"], gates, size), part("lstm", ["weight_hh"], gates, gates // 4),
                part("lstm bias", ["bias_ih", "bias_hh"], 2 * gates))  # fmt: skip

    def model(self, inputs: Mapping[str, tuple[int, list[Any]]], outputs: Mapping[str, str]) -> ModelProto:
        """The finished graph; `outputs` maps the name that callers see to the name of a node's output."""
        given = [helper.make_tensor_value_info(name, *what) for name, what in inputs.items()]
        nodes = [*self.nodes, *(helper.make_node("Identity", [inner], [name]) for name, inner in outputs.items())]
        results = [helper.make_tensor_value_info(name, _FLOAT, None) for name in outputs]
        graph = helper.make_graph(nodes, "ahdath", given, results, list(self.initializers.values()))
        opsets = [helper.make_opsetid(*one) for one in OPSET]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="ahdath")
