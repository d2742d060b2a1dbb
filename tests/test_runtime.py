"""Engines: the exported graphs say what torch says, whatever the batch; models load without torch; damage is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from ahdath import decoding
from ahdath.errors import ConfigError, ModelError
from ahdath.inference import EventExtractor
from ahdath.modeling import AhdathModel
from ahdath.runtime import Engine, WordScores, weights
from ahdath.runtime.batching import PIECES, batches, overlapped
from ahdath.runtime.export import export
from ahdath.runtime.loading import load
from ahdath.runtime.onnx_engine import FILES, OnnxEngine, _buckets
from ahdath.runtime.torch_engine import TorchEngine
from ahdath.schema import Document
from ahdath.tokenization import Window, collate

# Of probabilities, at most; the noisy models of the tests multiply differences of logits by fifteen. The embedded default
# differs by 0.02 at most (test_embedded).
TOLERANCE = {"float32": 1e-4, "int8": 0.12}
KINDS = ("embedded", "arabert")


@pytest.fixture(scope="module")
def folders(
    embedded: EventExtractor, arabert: EventExtractor, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """(kind of model, "torch" or precision of the export) -> folder."""
    root, made = tmp_path_factory.mktemp("exported"), {}
    for kind, extractor in (("embedded", embedded), ("arabert", arabert)):
        made[kind, "torch"] = root / kind
        extractor.save_pretrained(root / kind)
        for precision in ("float32", "int8"):
            made[kind, precision] = root / f"{kind}-{precision}"
            export(root / kind, made[kind, precision], int8=precision == "int8")
    return made


@pytest.fixture(scope="module")
def engines(folders: dict[tuple[str, str], Path], embedded: EventExtractor, arabert: EventExtractor) -> dict[Any, Engine]:
    found: dict[Any, Engine] = {key: OnnxEngine(folder) for key, folder in folders.items() if key[1] != "torch"}
    return found | {("embedded", "torch"): embedded.engine, ("arabert", "torch"): arabert.engine}


def batch_of(extractor: EventExtractor, texts: list[str]) -> tuple[list[Window], dict[str, Any]]:
    found = [window for text in texts for window in extractor.tokenizer.windows(text)[0]]
    return found, collate(found, 0)


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def assert_alike(one: WordScores, other: WordScores, windows: list[Window], tolerance: float) -> None:
    for row, window in enumerate(windows):
        count, inside = len(window.spans), window.sentence[-1] - window.sentence[0] + 1
        for name, length in (("trigger", count), ("continuation", count), ("sentence", inside)):
            mine, theirs = (decoding.sigmoid(getattr(scores, name)[row, :length]) for scores in (one, other))
            assert mine.shape == theirs.shape
            assert np.abs(mine - theirs).max() < tolerance, (row, name)


# ---------------------------------------------------------------------- parity


def shapes(documents: list[Document]) -> dict[str, list[str]]:
    texts = [document.text for document in documents]
    return {
        "one window": texts[:1],
        "one word": ["قصف"],
        "unequal lengths": [texts[0], "قصف", texts[5], texts[6], texts[1]],
        "a long window": [" ".join(texts)[:400], texts[6]],
        "several windows": [" ".join(texts * 3)],
    }


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", ["one window", "one word", "unequal lengths", "a long window", "several windows"])
def test_word_scores_are_those_of_torch(
    engines: dict[Any, Engine], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document],
    kind: str, precision: str, shape: str,
) -> None:  # fmt: skip
    extractor = embedded if kind == "embedded" else arabert
    windows, batch = batch_of(extractor, shapes(documents)[shape])
    found = [engines[kind, runtime].read_words(batch) for runtime in (precision, "torch")]
    assert_alike(found[0], found[1], windows, TOLERANCE[precision])
    assert all(np.isfinite(getattr(found[0], name)).all() for name in ("trigger", "continuation", "sentence"))


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 3, 600])
def test_argument_scores_are_those_of_torch(
    engines: dict[Any, Engine], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document],
    kind: str, precision: str, count: int,
) -> None:  # fmt: skip
    """One event, a few, and more than the pair head reads at once; near and far from their words."""
    extractor = embedded if kind == "embedded" else arabert
    windows, batch = batch_of(extractor, [document.text for document in documents])
    rng = np.random.default_rng(count)
    rows = rng.integers(0, len(windows), count)
    events = np.array([(row, rng.integers(0, len(windows[row].spans)), rng.integers(0, 35)) for row in rows])
    said = {}
    for runtime in (precision, "torch"):
        engine = engines[kind, runtime]
        said[runtime] = engine.read_pairs(engine.read_words(batch).state, events)
    width, tags = batch["word_mask"].shape[1], 2 * len(extractor.ontology.role_names) + 1
    assert said[precision][0].shape == said["torch"][0].shape == (count, width, tags)
    own = batch["word_mask"][rows]
    gap = np.abs(softmax(said[precision][0]) - softmax(said["torch"][0]))[own]
    assert gap.max() < (1e-4 if precision == "float32" else 0.35)  # the noisy head multiplies a difference by fifteen
    assert gap.mean() < (1e-6 if precision == "float32" else 2e-3)
    values = [decoding.sigmoid(one[1]) for one in said.values()]
    assert np.abs(values[0] - values[1]).max() < (1e-4 if precision == "float32" else 0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_have_the_events_that_torch_finds(
    folders: dict[tuple[str, str], Path], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document], kind: str
) -> None:
    texts = ["", *(document.text for document in documents), "الطقس معتدل.", " ".join(d.text for d in documents * 3)]
    expected = list((embedded if kind == "embedded" else arabert).classify_many(texts))
    exact = EventExtractor.from_pretrained(folders[kind, "float32"])
    for one, other in zip(expected, exact.classify_many(texts), strict=True):
        assert [(e.type, e.trigger, [(a.role, a.span) for a in e.arguments], e.modality) for e in one.events] == [
            (e.type, e.trigger, [(a.role, a.span) for a in e.arguments], e.modality) for e in other.events
        ]
        assert [e.score for e in one.events] == pytest.approx([e.score for e in other.events], abs=1.01e-4)
    quick = EventExtractor.from_pretrained(folders[kind, "int8"])
    places = [
        {(e.type, e.trigger.start) for document in found for e in document.events}
        for found in (expected, quick.classify_many(texts))
    ]
    assert len(places[0] & places[1]) >= 0.8 * len(places[0] | places[1])
    assert len(places[0]) > 8


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("kind", KINDS)
def test_company_changes_nothing(
    folders: dict[tuple[str, str], Path], documents: list[Document], kind: str, precision: str
) -> None:
    """The same events with the same scores alone, in a file, and in batches of any size."""
    extractor = EventExtractor.from_pretrained(folders[kind, precision])
    assert isinstance(extractor.engine, OnnxEngine)
    texts = [*(document.text for document in documents), "قصف", " ".join(document.text for document in documents)]
    alone = [extractor.classify(text) for text in texts]
    for batch_size in (1, 2, 16):
        assert list(extractor.classify_many(texts, batch_size=batch_size)) == alone
    together = extractor.classify("\n".join(texts))
    start, expected = 0, []
    for document in alone:
        expected += [(e.type, e.trigger.start + start, e.score, [a.score for a in e.arguments]) for e in document.events]
        start += len(document.text) + 1
    assert len(expected) > 10
    assert [(e.type, e.trigger.start, e.score, [a.score for a in e.arguments]) for e in together.events] == expected


def test_gold_triggers_are_read_by_the_graphs(folders: dict[tuple[str, str], Path], documents: list[Document]) -> None:
    extractor = EventExtractor.from_pretrained(folders["embedded", "int8"])
    for gold, found in zip(documents, extractor.with_gold_triggers(documents), strict=True):
        assert {(e.type, e.trigger) for e in found.events} == {(e.type, e.trigger) for e in gold.events}


@pytest.mark.parametrize("changes", [{"pooling": "mean"}, {"pooling": "first"}, {"lexical_features": False, "ngram_buckets": 0}])
def test_every_way_to_make_words_has_a_graph(
    noisy: Callable[..., EventExtractor], documents: list[Document], tmp_path: Path, changes: dict[str, Any]
) -> None:
    extractor = noisy("embedded", **changes)
    extractor.save_pretrained(tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", int8=False)
    windows, batch = batch_of(extractor, [document.text for document in documents])
    assert_alike(OnnxEngine(tmp_path / "out").read_words(batch), extractor.engine.read_words(batch), windows, 1e-4)


def test_encoders_that_count_from_their_padding_have_a_graph(arabert: EventExtractor, tmp_path: Path) -> None:
    config = XLMRobertaConfig(vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                              max_position_embeddings=98, type_vocab_size=1)  # fmt: skip
    torch.manual_seed(0)
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "encoder")
    model = AhdathModel.from_encoder(tmp_path / "encoder", word_size=32, context_size=32, pair_size=32)
    model.save_pretrained(tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", int8=False)
    windows, batch = batch_of(arabert, ["قصفت القوات مدينة تلبيسة", "أمس"])
    batch["input_ids"][batch["attention_mask"] == 0] = config.pad_token_id
    found = [engine.read_words(batch) for engine in (OnnxEngine(tmp_path / "out"), TorchEngine(model))]
    assert_alike(found[0], found[1], windows, 1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_known_ranges_take_the_place_of_those_of_rows(
    engines: dict[Any, Engine], folders: dict[tuple[str, str], Path], documents: list[Document], embedded: EventExtractor,
    arabert: EventExtractor, tmp_path: Path, kind: str,
) -> None:  # fmt: skip
    extractor = embedded if kind == "embedded" else arabert
    texts = [document.text for document in documents]
    export(folders[kind, "torch"], tmp_path / "known", calibration=texts)
    kinds = [
        {node.op_type for name in FILES[:2] for node in onnx.load(folder / name, load_external_data=False).graph.node}
        for folder in (folders[kind, "int8"], tmp_path / "known")
    ]
    assert [{"ReduceMax", "ConstantOfShape"} <= found for found in kinds] == [True, False]
    windows, batch = batch_of(extractor, texts)
    engine, torch_engine = OnnxEngine(tmp_path / "known"), engines[kind, "torch"]
    said = [one.read_words(batch) for one in (engine, torch_engine)]
    assert_alike(said[0], said[1], windows, 0.3)  # the tiny models' outliers are cut; the mean says what is usual
    events = np.array([(row, 0, row % 35) for row in range(len(windows))])
    chances = [softmax(one.read_pairs(told.state, events)[0]) for one, told in zip((engine, torch_engine), said, strict=True)]
    assert np.abs(chances[0] - chances[1])[batch["word_mask"]].mean() < 5e-3


def test_distances_have_the_buckets_of_the_model() -> None:
    from ahdath.layers import _bucket

    assert _buckets(700).tolist() == _bucket(torch.arange(-700, 701)).tolist()


# ---------------------------------------------------------------------- weights


def test_a_weight_is_quantised_by_output() -> None:
    weight = np.array([[0.51, -1.0, 0.25], [0.0, 0.0, 0.0], [100.0, 50.0, -100.0]], np.float32)
    values, scale = weights.quantized(weight)
    assert values.dtype == np.int8
    assert values.shape == (3, 3)
    assert np.abs(values).max() == weights.LEVELS == 63
    assert values.T.tolist() == [[32, -63, 16], [0, 0, 0], [63, 32, -63]]
    assert np.abs(values.T * scale[:, None] - weight).max(1).tolist() == pytest.approx([0.008, 0, 0.8], abs=0.01)


def test_a_convolution_is_a_layer_over_its_places() -> None:
    rng = np.random.default_rng(0)
    weight, states = rng.normal(size=(2, 4, 3)).astype(np.float32), rng.normal(size=(1, 4, 5)).astype(np.float32)
    reference = torch.nn.functional.conv1d(torch.from_numpy(states), torch.from_numpy(weight))[0].T.numpy()
    flat = weights.make({"w": ["transposed", "w"]}, {"w": weight})["w"]
    rows = np.stack([states[0, :, at : at + 3].T.ravel() for at in range(3)])
    assert rows @ flat == pytest.approx(reference, abs=1e-5)
    values, scale = weights.quantized(weight)
    assert values * scale == pytest.approx(flat, abs=0.02)


def test_two_tables_are_crossed() -> None:
    made = weights.make({"x": ["crossed", "a", "b"]}, {"a": np.array([[1.0], [10.0]]), "b": np.array([[0.0], [0.5]])})
    assert made["x"].tolist() == [[1.0], [1.5], [10.0], [10.5]]


def test_gates_and_biases_are_put_in_the_order_of_onnx() -> None:
    gates = np.arange(8, dtype=np.float32)  # two for each of input, forget, cell, output
    plan = {"w": ["lstm", "ahead", "back"], "b": ["lstm bias", "ahead", "back", "back", "ahead"]}
    made = weights.make(plan, {"ahead": gates, "back": -gates})
    assert made["w"].tolist() == [[0, 1, 6, 7, 2, 3, 4, 5], [0, -1, -6, -7, -2, -3, -4, -5]]
    assert made["b"].shape == (2, 16)
    assert made["b"][0].tolist() == [*made["w"][0].tolist(), *made["w"][1].tolist()]


def test_the_bias_of_values_moves_behind_the_attention() -> None:
    rng = np.random.default_rng(0)
    bias, out, value = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=4)
    made = weights.make({"b": ["moved bias", "bias", "out", "value"]}, {"bias": bias, "out": out, "value": value})
    assert made["b"] == pytest.approx(bias + out @ value)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ModelError, match="recipe 'melt' is unknown; expected one of float, half"):
        weights.make({"x": ["melt", "y"]}, {"y": np.zeros(1)})


# ---------------------------------------------------------------------- loading


def test_auto_takes_the_graphs_where_they_are(
    folders: dict[tuple[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported, plain = folders["embedded", "int8"], folders["embedded", "torch"]
    assert isinstance(load(exported)[0], OnnxEngine)
    assert isinstance(load(plain)[0], TorchEngine)
    EventExtractor.from_pretrained(plain).save_pretrained(tmp_path / "both")
    for name in FILES:  # graphs beside the weights that they are made of, as in the embedded default
        (tmp_path / "both" / name).write_bytes((exported / name).read_bytes())
    assert isinstance(load(tmp_path / "both")[0], OnnxEngine)
    for options in ({"runtime": "torch"}, {"dtype": "float32"}, {"dtype": "bfloat16"}):
        assert isinstance(load(tmp_path / "both", **options)[0], TorchEngine)  # type: ignore[arg-type]
    monkeypatch.setattr("ahdath.runtime.loading.is_available", lambda: False)
    monkeypatch.setattr("ahdath.runtime.loading.is_openvino_available", lambda: False)
    assert isinstance(load(tmp_path / "both")[0], TorchEngine)
    monkeypatch.setattr("ahdath.runtime.onnx_engine.is_available", lambda: False)
    with pytest.raises(ModelError, match="needs ONNX Runtime, found none: pip install onnxruntime"):
        load(tmp_path / "both", runtime="int8")


def test_graphs_beside_the_weights_give_what_an_export_gives(
    folders: dict[tuple[str, str], Path], documents: list[Document], tmp_path: Path
) -> None:
    EventExtractor.from_pretrained(folders["embedded", "torch"]).save_pretrained(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes((folders["embedded", "int8"] / name).read_bytes())
    text = documents[0].text
    found = [EventExtractor.from_pretrained(place, runtime="int8") for place in (tmp_path, folders["embedded", "int8"])]
    assert found[0].classify(text).events == found[1].classify(text).events != ()


def test_options_that_cannot_be_are_refused(folders: dict[tuple[str, str], Path]) -> None:
    with pytest.raises(ConfigError, match=r"runtime 'int88': expected one of auto, torch, int8 \(did you mean 'int8'\?\)"):
        load(folders["embedded", "int8"], runtime="int88")
    for options in ({"dtype": "bfloat16"}, {"compiled": True}):
        with pytest.raises(ConfigError, match="runtime 'int8' has a precision of its own"):
            load(folders["embedded", "int8"], runtime="int8", **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="dtype 'float16': expected 'float32' or 'bfloat16'"):
        load(folders["embedded", "torch"], dtype="float16")
    with pytest.raises(ModelError, match="expected exported graphs, found none; make them with: ahdath export"):
        load(folders["embedded", "torch"], runtime="int8")


def test_an_engine_without_torch_has_no_torch_model(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    extractor = EventExtractor.from_pretrained(folders["embedded", "int8"])
    with pytest.raises(ModelError, match=r"found OnnxEngine; load it with from_pretrained\(…, runtime='torch'\)"):
        _ = extractor.model
    assert extractor.config.threshold == 0.5
    extractor.save_pretrained(tmp_path / "copy")
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == {
        path.name: path.read_bytes() for path in folders["embedded", "int8"].iterdir()
    }
    before = {path: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    EventExtractor.from_pretrained(tmp_path / "copy").save_pretrained(tmp_path / "copy")  # into itself
    assert {path: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == before


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_those_of_transformers(folders: dict[tuple[str, str], Path], documents: list[Document], kind: str) -> None:
    texts = [*(document.text for document in documents), "", "Hello 3.5 km", "\ud800 ـ 😀", "ق" * 300, "قَصَفَتِ ﻗﺼﻔﺖ أمس"]
    ours, theirs = (load(folders[kind, runtime])[1] for runtime in ("int8", "torch"))
    assert type(ours.tokenizer) is not type(theirs.tokenizer)
    for text in texts:
        assert ours.windows(text) == theirs.windows(text)


@pytest.mark.parametrize("name", [*FILES, "graphs.safetensors", "config.json", "tokenizer.json", "lexicon.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "noise"])
def test_a_damaged_file_is_told(folders: dict[tuple[str, str], Path], tmp_path: Path, name: str, damage: str) -> None:
    EventExtractor.from_pretrained(folders["embedded", "int8"]).save_pretrained(tmp_path)
    whole = (tmp_path / name).read_bytes()
    damaged = {"cut": whole[: len(whole) // 2], "emptied": b"", "noise": np.random.default_rng(0).bytes(200)}[damage]
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(ModelError, match=name.partition(".")[0]):
        EventExtractor.from_pretrained(tmp_path)


def test_weights_of_another_model_are_told(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    EventExtractor.from_pretrained(folders["embedded", "int8"]).save_pretrained(tmp_path)
    plan = json.loads((tmp_path / "graphs.json").read_text(encoding="utf-8"))
    (tmp_path / "graphs.json").write_text(json.dumps({**plan, "version": 99}), encoding="utf-8")
    with pytest.raises(ModelError, match="expected graphs of version 2, found 99; export the model again"):
        OnnxEngine(tmp_path)
    (tmp_path / "graphs.json").write_text(json.dumps({**plan, "words": {"a": ["float", "b"]}}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"graphs\.safetensors: expected a safetensors file with the weights"):
        OnnxEngine(tmp_path)
    (tmp_path / "graphs.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: expected a safetensors file with the weights"):
        OnnxEngine(tmp_path)


def test_nothing_of_torch_is_loaded(folders: dict[tuple[str, str], Path]) -> None:
    program = (
        "import sys\nfrom ahdath import EventExtractor\n"
        f"extractor = EventExtractor.from_pretrained({str(folders['embedded', 'int8'])!r}, runtime='int8')\n"
        "found = list(extractor.classify_many(['قصفت القوات السورية مدينة تلبيسة أمس.'] * 40))\n"
        "assert len(found) == 40\n"
        "print(sorted({'torch', 'transformers', 'onnx', 'accelerate', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# ---------------------------------------------------------------------- export


def test_an_export_is_small_whole_and_repeatable(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    size = export(folders["embedded", "torch"], tmp_path / "again")
    made = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert size == sum(map(len, made.values()))
    assert made == {path.name: path.read_bytes() for path in folders["embedded", "int8"].iterdir()}
    assert sorted(made) == ["README.md", "config.json", "graphs.json", "graphs.safetensors", "lexicon.json",
                            "pairs-openvino.onnx", "pairs.onnx", "tokenizer.json", "tokenizer_config.json",
                            "words-openvino.onnx", "words.onnx"]  # fmt: skip
    assert max(len(one) for name, one in made.items() if name.endswith(".onnx")) < 60_000  # weights are elsewhere
    assert export(folders["embedded", "torch"], tmp_path / "again") == size


def test_what_cannot_be_exported_is_told(folders: dict[tuple[str, str], Path], arabert_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json: expected the config of an ahdath model"):
        export(tmp_path / "none", tmp_path / "out")
    with pytest.raises(ModelError, match=r"config\.json: expected an ahdath model, found model_type 'bert'"):
        export(arabert_encoder, tmp_path / "out")
    with pytest.raises(ModelError, match=r"expected a new folder or an earlier export, found model\.safetensors"):
        export(folders["embedded", "torch"], folders["embedded", "torch"])
    EventExtractor.from_pretrained(folders["embedded", "torch"]).save_pretrained(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    config["encoder"]["hidden_act"] = "swish"
    (tmp_path / "model" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="encoder 'bert' with activation 'swish': expected one like BERT"):
        export(tmp_path / "model", tmp_path / "out")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match=r"model\.safetensors: expected the weights of an ahdath model"):
        export(tmp_path / "model", tmp_path / "out")


def test_a_model_goes_from_the_command_line_to_its_export(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from ahdath.cli import app

    done = CliRunner().invoke(app, ["export", str(folders["arabert", "torch"]), str(tmp_path / "out")])
    assert (done.exit_code, done.stdout.startswith(f"{tmp_path / 'out'}: 0.")) == (0, True)
    assert isinstance(load(tmp_path / "out")[0], OnnxEngine)
    assert CliRunner().invoke(app, ["export", str(tmp_path / "none"), str(tmp_path / "other")]).exit_code == 2


# ---------------------------------------------------------------------- torch


def test_a_compiled_encoder_says_the_same(embedded: EventExtractor, documents: list[Document], monkeypatch: Any) -> None:
    """What torch.compile does is torch's; that it is asked to, and that what it gives is used, is ours."""
    asked = []
    monkeypatch.setattr(torch, "compile", lambda function, **options: asked.append(options) or function)
    engine = TorchEngine(embedded.model, compiled=True)
    windows, batch = batch_of(embedded, [documents[0].text, documents[7].text])
    assert_alike(engine.read_words(batch), embedded.engine.read_words(batch), windows, 1e-6)
    assert asked == [{"dynamic": True}]


def test_every_engine_is_one(engines: dict[Any, Engine], embedded: EventExtractor) -> None:
    assert all(isinstance(engine, Engine) for engine in engines.values())
    assert not isinstance(embedded.model, Engine)


@pytest.mark.parametrize(("threads", "narrow", "wide"), [("1", 0, 0), ("2", 2, 2), ("16", 4, 2)])
def test_threads_go_to_batches_or_to_products(
    folders: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch, threads: str, narrow: int, wide: int
) -> None:
    """A narrow encoder: batches side by side, one thread each. A wide one: products are shared. One thread: the caller's."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    engine = OnnxEngine(folders["embedded", "int8"])
    assert engine.workers == narrow
    assert engine._words.get_session_options().intra_op_num_threads == 1
    monkeypatch.setattr("ahdath.runtime.onnx_engine._WIDE", 1)
    engine = OnnxEngine(folders["embedded", "int8"])
    assert engine.workers == wide
    assert engine._words.get_session_options().intra_op_num_threads == int(threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_text_has_the_same_answer_with_any_number_of_threads(
    folders: dict[tuple[str, str], Path], documents: list[Document], threads: int
) -> None:
    folder = folders["embedded", "int8"]
    one = EventExtractor.from_pretrained(folder)
    other = EventExtractor(OnnxEngine(folder, threads=threads), one.tokenizer, name=one.name)
    texts = [document.text for document in documents] * 5
    assert list(other.classify_many(texts)) == [one.classify(text) for text in texts[: len(documents)]] * 5


# ---------------------------------------------------------------------- batching


def test_a_batch_has_room_for_so_many_padded_pieces() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 4, 16):
        lengths = rng.integers(3, 500, 200).tolist()
        found = list(batches(lengths, size))
        assert sorted(index for batch in found for index in batch) == list(range(200))
        for batch in found:
            widest = max(lengths[index] for index in batch)
            assert len(batch) == 1 or len(batch) * widest <= size * PIECES
        assert [lengths[index] for batch in found for index in batch] == sorted(lengths, reverse=True)
    assert list(batches([], 3)) == []
    assert [len(batch) for batch in batches([12] * 100, 4)] == [32, 32, 32, 4]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_things_come_back_in_order_when_their_parts_are_done(workers: int) -> None:
    done: set[tuple[int, int]] = set()
    made = []

    def things() -> Any:
        for number in range(20):
            made.append(number)
            yield number

    stream = overlapped(things(), lambda n: [(n, part) for part in range(n % 4)], lambda part: done.add(part), workers=workers)
    for number, thing in enumerate(stream):
        assert thing == number
        assert {(number, part) for part in range(number % 4)} <= done
        assert len(made) <= number + 2
    assert len(made) == 20


@pytest.mark.parametrize("workers", [0, 2])
def test_what_fails_is_raised_after_what_was_done(workers: int) -> None:
    def broken() -> Any:
        yield 1
        yield 2
        raise ValueError("third")

    taken: list[int] = []
    with pytest.raises(ValueError, match="third"):
        taken.extend(overlapped(broken(), lambda n: [n], lambda _: None, workers=workers))
    assert taken == [1, 2]

    def fails(part: int) -> None:
        if part == 3:
            raise RuntimeError("three")

    taken = []
    with pytest.raises(RuntimeError, match="three"):
        taken.extend(overlapped(iter(range(9)), lambda n: [n], fails, workers=workers))
    assert taken == [0, 1, 2]


def test_a_stream_that_is_left_ends_its_threads() -> None:
    import threading

    stream = overlapped(iter(range(100)), lambda n: [n], lambda _: None, workers=2)
    assert next(stream) == 0
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahdath")]
