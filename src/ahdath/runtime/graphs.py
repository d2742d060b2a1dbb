"""The network as two static graphs for ONNX Runtime: windows -> word scores, and events -> argument scores.

The graphs hold no weights. Each initialiser is named in a plan beside them that says which tensors of the model it is
made of (`weights.make`), so one file of weights serves torch and the exported engine alike. Built with the operators
of ONNX and the fused ones of ONNX Runtime (`com.microsoft`); batch, length and events are dynamic.

`builder` says how products are quantised: by ranges or by rows, never by batches; the sum over a padded sentence in the attention
is part of a matrix product, which adds in order. So what a paragraph gives does not depend on who shares its batch, to the last
bit of the encoder. Only the exporter (extra `ahdath[export]`) imports this module.

Dimensions: B windows, L pieces, T = B x L, W words, N = B x W, S sentences, E events; sizes as in `modeling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onnx import TensorProto

from ..errors import ModelError
from .builder import Builder, Rows

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Graphs", "build", "pairs_graph", "words_graph"]

_ACTIVATIONS = {"gelu": "Gelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu", "gelu_fast": "FastGelu"}
_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")  # these count positions from behind the padding id on
_INTEGER, _FLOAT = TensorProto.INT64, TensorProto.FLOAT


@dataclass(frozen=True)
class Graphs:
    """Both graphs without weights, and for each the plan: initialiser -> [recipe, names of tensors]."""

    words: ModelProto
    pairs: ModelProto
    plan: dict[str, dict[str, list[str]]]


def build(
    config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], *, int8: bool = True,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Graphs:  # fmt: skip
    """The graphs of a model.

    Args:
        config: config.json of the model; shapes: its tensors by name.
        int8: quantise the products of encoder and word states, and those of the heads that `ranges` knows; else all is float32.
        ranges: layer -> lowest and highest value of its input; what has none is quantised row by row.

    Raises:
        ModelError: the encoder is of an architecture that has no graph.
    """
    _check_architecture(config["encoder"])
    words, pairs = (Builder(shapes, int8, ranges or {}) for _ in range(2))
    return Graphs(words_graph(words, config), pairs_graph(pairs, config), {"words": words.plan, "pairs": pairs.plan})


def _check_architecture(encoder: Mapping[str, Any]) -> None:
    """Raises ModelError for the config of an encoder that has no graph."""
    if encoder["model_type"] not in ("bert", *_FROM_PADDING) or encoder.get("hidden_act", "gelu") not in _ACTIVATIONS:
        raise ModelError(
            f"encoder {encoder['model_type']!r} with activation {encoder.get('hidden_act')!r}: expected one like BERT or "
            "RoBERTa with gelu, no other can be exported; use runtime='torch'"
        )


def words_graph(g: Builder, config: Mapping[str, Any]) -> ModelProto:
    """Scores and states of words, as `modeling.AhdathModel.word_heads` has them."""
    hidden = _encoder(g, config["encoder"])
    states = _word_states(g, hidden, config)
    first = g.fused("Gelu", g.dense(states, "trigger.0"))
    trigger = g.linear(first, "trigger.3")
    outputs = {
        "trigger": trigger,
        "continuation": g.op("Squeeze", g.linear(states, "continuation"), g.constant([2])),
        "sentence": _sentences(g, states, trigger),
        "states": states,
        "projected": g.dense(states, "pairs.word"),
    }
    inputs: dict[str, tuple[int, list[Any]]] = {
        "input_ids": (_INTEGER, ["B", "L"]),
        "padding": (_FLOAT, ["B", 1, 1, "L"]),
        "inside": (_FLOAT, ["B", "S", "W"]),
        "lengths": (TensorProto.INT32, ["B"]),
        "word_mask": (_FLOAT, ["B", "W", 1]),
        "token_type_ids": (_INTEGER, ["B", "L"]),
        **_pool_inputs(config["pooling"]),
    }
    if config["lexicon_size"]:
        inputs |= {name: (_INTEGER, ["B", "W"]) for name in ("rows", "prefixes", "suffixes")}
    if config["ngram_buckets"]:
        inputs |= {"ngrams": (_INTEGER, ["B", "W", "G"]), "ngram_roots": (_FLOAT, ["B", "W", 1])}
    return g.model(inputs, outputs)


def _encoder(g: Builder, encoder: Mapping[str, Any]) -> str:
    """States of the pieces. Shape: (T, hidden)."""
    at, size, epsilon = "encoder.embeddings", encoder["hidden_size"], encoder["layer_norm_eps"]
    start = encoder["pad_token_id"] + 1 if encoder["model_type"] in _FROM_PADDING else 0
    length = g.op("Gather", g.op("Shape", "input_ids"), g.constant([1]))
    places = g.op("Slice", g.table(f"{at}.position_embeddings.weight"), g.constant([start]),
                  g.op("Add", length, g.constant([start])), g.constant([0]))  # fmt: skip
    pieces = g.op("Add", g.look_up(f"{at}.word_embeddings.weight", "input_ids"),
                  g.look_up(f"{at}.token_type_embeddings.weight", "token_type_ids"))  # fmt: skip
    summed = g.op("Add", pieces, g.op("Cast", places, to=_FLOAT))
    states = g.op("Reshape", g.normalized(summed, f"{at}.LayerNorm", epsilon), g.constant([-1, size]))
    for number in range(encoder["num_hidden_layers"]):
        states = _layer(g, states, f"encoder.encoder.layer.{number}", encoder)
    return str(states)


def _layer(g: Builder, states: str, at: str, encoder: Mapping[str, Any]) -> str:
    epsilon = encoder["layer_norm_eps"]
    here = g.rows(states, f"{at}.attention.self.query")
    mixed = g.rows(_attention(g, here, f"{at}.attention.self", encoder), f"{at}.attention.output.dense")
    # The weights of the attention sum to one: what they weigh may get its bias behind them, and the output layer apply it.
    sources = [f"{at}.attention.{name}" for name in ("output.dense.bias", "output.dense.weight", "self.value.bias")]
    bias = g.weight("moved bias", *sources, shape=g.shapes[sources[0]])
    out = g.product(mixed, f"{at}.attention.output.dense.weight", bias)
    states = g.added(out, states, f"{at}.attention.output.LayerNorm", epsilon)

    def dense(x: str, name: str, *, activated: bool = False) -> str:
        rows = g.rows(x, f"{at}.{name}", activated=activated)
        return g.product(rows, f"{at}.{name}.weight", g.vector(f"{at}.{name}.bias"))

    kind = _ACTIVATIONS[encoder.get("hidden_act", "gelu")]
    inner = g.fused(kind, dense(states, "intermediate.dense"))
    return g.added(dense(inner, "output.dense", activated=True), states, f"{at}.output.LayerNorm", epsilon)


def _attention(g: Builder, states: Rows, at: str, encoder: Mapping[str, Any]) -> str:
    """What each piece takes from the others. Shape: (T, hidden).

    The keys have no bias: it would add the same to all scores of a query.
    """
    heads, size = encoder["num_attention_heads"], encoder["hidden_size"]
    batch = g.op("Gather", g.op("Shape", "input_ids"), g.constant([0]))
    shape = g.op("Concat", batch, g.constant([-1, heads, size // heads]), axis=0)

    def split(x: str, order: list[int]) -> str:
        return str(g.op("Transpose", g.op("Reshape", x, shape), perm=order))

    query = g.product(states, f"{at}.query.weight", g.vector(f"{at}.query.bias"))
    key, value = g.product(states, f"{at}.key.weight"), g.product(states, f"{at}.value.weight")
    scores = g.op("MatMul", split(query, [0, 2, 1, 3]), split(key, [0, 2, 3, 1]))
    scores = g.op("Mul", scores, g.constant((size // heads) ** -0.5, _FLOAT))
    mixed = g.op("MatMul", g.op("Softmax", g.op("Add", scores, "padding"), axis=-1), split(value, [0, 2, 1, 3]))
    return str(g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.constant([-1, size])))


def _pool_inputs(pooling: str) -> dict[str, tuple[int, list[Any]]]:
    if pooling == "mean":
        return {"shares": (_FLOAT, ["B", "W", "L"])}
    places: dict[str, tuple[int, list[Any]]] = {"first": (_INTEGER, ["N"]), "last": (_INTEGER, ["N"])}
    return {"first": places["first"]} if pooling == "first" else places


def _word_states(g: Builder, hidden: str, config: Mapping[str, Any]) -> str:
    """Word states as `layers.WordEncoder` makes them, padding zero. Shape: (B, W, H)."""
    size, inner, pooling = config["word_size"], config["encoder"]["hidden_size"], config["pooling"]
    if pooling == "mean":
        batch = g.op("Gather", g.op("Shape", "input_ids"), g.constant([0]))
        states = g.op("Reshape", hidden, g.op("Concat", batch, g.constant([-1, inner]), axis=0))
        pooled = g.op("Reshape", g.op("MatMul", "shares", states), g.constant([-1, inner]))
    else:
        taken = [g.op("Gather", hidden, name) for name in _pool_inputs(pooling)]
        pooled = taken[0] if len(taken) == 1 else g.op("Concat", *taken, axis=1)
    rows = g.rows(pooled, "words.from_pieces")
    states = g.product(rows, "words.from_pieces.weight", g.vector("words.from_pieces.bias"))
    shape = g.op("Concat", g.op("Slice", g.op("Shape", "word_mask"), g.constant([0]), g.constant([2])), g.constant([size]), axis=0)
    states = g.op("Reshape", states, shape)
    if config["lexicon_size"]:
        known = g.op("Cast", g.op("Gather", g.weight("vectors", "words.vectors", shape=g.shapes["words.vectors"], kind="int8"),
                                  "rows"), to=_FLOAT)  # fmt: skip
        scaled = g.weight("scaled", "words.from_vectors.weight", "words.vector_scale",
                          shape=g.shapes["words.from_vectors.weight"][::-1])  # fmt: skip
        states = g.op("Add", states, g.op("MatMul", known, scaled))
        prefix = g.op("Gather", g.vector("words.prefixes.weight"), "prefixes")
        states = g.op("Add", g.op("Add", states, prefix), g.op("Gather", g.vector("words.suffixes.weight"), "suffixes"))
    if config["ngram_buckets"]:
        summed = g.op("ReduceSum", g.look_up("words.ngrams.weight", "ngrams"), g.constant([2]), keepdims=0)
        states = g.op("Add", states, g.linear(g.op("Div", summed, "ngram_roots"), "words.from_ngrams"))
    states = g.normalized(states, "words.norm", 1e-5)
    both = g.op("Concat", states, g.lstm(states, "lengths", "words.context"), axis=2)
    return str(g.op("Mul", both, "word_mask"))


def _sentences(g: Builder, states: str, trigger: str) -> str:
    """Noisy-or of the triggers of each sentence, mixed with attention over its words. Shape: (B, S, types)."""
    absent = g.op("Max", g.op("Neg", g.op("Softplus", trigger)), g.constant(-12.0, _FLOAT))
    none = g.op("Min", g.op("MatMul", "inside", absent), g.constant(-1e-4, _FLOAT))
    some = g.some(none)
    score = g.op("Min", g.op("Exp", g.linear(states, "sentence_attention")), g.constant(1e4, _FLOAT))
    valued = g.op("MatMul", "inside", g.op("Mul", score, g.linear(states, "sentence_values")))
    total = g.op("Max", g.op("MatMul", "inside", score), g.constant(1e-6, _FLOAT))
    both = g.op("Concat", *(g.op("Unsqueeze", x, g.constant([3])) for x in (some, g.op("Div", valued, total))), axis=3)
    return str(g.op("Squeeze", g.linear(both, "sentence_mix"), g.constant([3])))


def pairs_graph(g: Builder, config: Mapping[str, Any]) -> ModelProto:
    """Arguments and attributes of events, as `layers.PairHead` reads them."""
    size = config["pair_size"]
    u = g.op("Gather", "projected", "window")
    v = g.op("Unsqueeze", g.linear("triggers", "pairs.trigger"), g.constant([1]))
    kind = g.op("Unsqueeze", g.op("Gather", g.vector("pairs.kind.weight"), "kind"), g.constant([1]))
    tables = [f"pairs.{name}.weight" for name in ("distance", "sentence")]
    rows = g.shapes[tables[0]][0] * g.shapes[tables[1]][0]
    place = g.op("Gather", g.weight("crossed", *tables, shape=(rows, size)), "place")
    pair = g.op("Add", g.op("Add", u, g.op("Add", v, kind)), place)
    pair = g.op("Add", pair, g.dense(g.op("Mul", u, v), "pairs.product"))
    read = own = g.fused("Gelu", g.normalized(pair, "pairs.norm", 1e-5))
    for number, step in enumerate(config["pair_dilations"]):
        given = g.op("Mul", g.normalized(read, f"pairs.context.norms.{number}", 1e-5), "words")
        read = g.op("Add", read, g.fused("Gelu", g.convolution(given, f"pairs.context.steps.{number}", step)))
    weights = g.op("Softmax", g.op("Add", g.linear(read, "pairs.cue"), "padding"), axis=1)
    cues = g.op("MatMul", g.op("Transpose", weights, perm=[0, 2, 1]), read)
    here = g.op("Gather", g.op("Reshape", read, g.constant([-1, size])), "here")
    inner = g.fused("Gelu", g.linear(g.op("Concat", here, g.op("Squeeze", cues, g.constant([1])), axis=1), "pairs.values.0"))
    inputs = {
        "projected": (_FLOAT, ["B", "W", size]),
        "triggers": (_FLOAT, ["E", g.shapes["pairs.trigger.weight"][1]]),
        "window": (_INTEGER, ["E"]),
        "kind": (_INTEGER, ["E"]),
        "here": (_INTEGER, ["E"]),
        "place": (_INTEGER, ["E", "W"]),
        "words": (_FLOAT, ["E", "W", 1]),
        "padding": (_FLOAT, ["E", "W", 1]),
    }
    tags = g.dense(g.op("Concat", own, read, axis=2), "pairs.tags")
    return g.model(inputs, {"argument": tags, "attribute": g.linear(inner, "pairs.values.3")})
