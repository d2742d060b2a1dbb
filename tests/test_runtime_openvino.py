"""OpenVINO: its graphs say what torch says in every shape, ranges are measured on text, and it is chosen where it pays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from ahdath import decoding
from ahdath.cli import app
from ahdath.errors import ConfigError, DataError, ModelError
from ahdath.inference import EventExtractor
from ahdath.runtime import Engine
from ahdath.runtime.export import export
from ahdath.runtime.loading import load
from ahdath.runtime.onnx_engine import OnnxEngine, _mirror
from ahdath.runtime.openvino_engine import OPENVINO_FILES, OpenVinoEngine, padded
from ahdath.runtime.ranges import measure, read_texts
from ahdath.runtime.torch_engine import TorchEngine
from ahdath.schema import Document
from ahdath.tokenization import collate

KINDS = ("embedded", "arabert")
PRECISIONS = ("float32", "bfloat16", "int8")
# Of probabilities; the noisy models of the tests multiply differences of logits by fifteen, and OpenVINO approximates exp.
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.2, "int8": 0.3}
MEAN = {"float32": 1e-4, "bfloat16": 0.02, "int8": 0.03}


@pytest.fixture(scope="module")
def folders(
    embedded: EventExtractor, arabert: EventExtractor, documents: list[Document], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Path]:
    """(kind of model, "torch" or precision of the products) -> folder."""
    root, made = tmp_path_factory.mktemp("exported"), {}
    texts = [document.text for document in documents]
    for kind, extractor in (("embedded", embedded), ("arabert", arabert)):
        made[kind, "torch"] = root / kind
        extractor.save_pretrained(root / kind)
        for precision in PRECISIONS:
            made[kind, precision] = root / f"{kind}-{precision}"
            calibration = texts if precision == "int8" else None
            export(root / kind, made[kind, precision], int8=precision != "float32", calibration=calibration)
    return made


@pytest.fixture(scope="module")
def engines(folders: dict[tuple[str, str], Path], embedded: EventExtractor, arabert: EventExtractor) -> dict[Any, Engine]:
    pytest.importorskip("openvino")
    found: dict[Any, Engine] = {key: OpenVinoEngine(folder, threads=1) for key, folder in folders.items() if key[1] != "torch"}
    return found | {("embedded", "torch"): embedded.engine, ("arabert", "torch"): arabert.engine}


def batch_of(extractor: EventExtractor, texts: list[str]) -> dict[str, Any]:
    return collate([window for text in texts for window in extractor.tokenizer.windows(text)[0]], 0)


def shapes(documents: list[Document]) -> list[list[str]]:
    """One window, one word, unequal lengths, several windows of a text."""
    texts = [document.text for document in documents]
    return [texts[:1], ["قصف"], [texts[0], "قصف", texts[5], texts[6], texts[1]], [" ".join(texts * 3)]]


# ---------------------------------------------------------------------- parity


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_word_scores_are_those_of_torch(
    engines: dict[Any, Engine], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document],
    kind: str, precision: str,
) -> None:  # fmt: skip
    extractor = embedded if kind == "embedded" else arabert
    for texts in shapes(documents):
        batch = batch_of(extractor, texts)
        ours, theirs = (engines[kind, runtime].read_words(batch) for runtime in (precision, "torch"))
        inside = (batch["sentence"] - batch["sentence"][:, :1]).max(1, where=batch["word_mask"], initial=0)
        real = np.arange(inside.max() + 1) <= inside[:, None]
        for name, mask in (("trigger", batch["word_mask"]), ("continuation", batch["word_mask"]), ("sentence", real)):
            one, other = getattr(ours, name), getattr(theirs, name)
            assert one.shape[:2] == mask.shape
            gap = np.abs(decoding.sigmoid(one) - decoding.sigmoid(other))[mask]
            # OpenVINO's softplus has an error of 6e-8 a word, which counts where no word of a sentence is likely.
            limit = max(TOLERANCE[precision], 5e-3) if name == "sentence" else TOLERANCE[precision]
            assert gap.max() < limit, (name, gap.max())
            assert gap.mean() < MEAN[precision], (name, gap.mean())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_argument_scores_are_those_of_torch(
    engines: dict[Any, Engine], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document],
    kind: str, precision: str,
) -> None:  # fmt: skip
    """One event, a few, and more than the pair head reads at once."""
    extractor = embedded if kind == "embedded" else arabert
    batch = batch_of(extractor, [document.text for document in documents])
    lengths = batch["word_mask"].sum(1)
    for count in (1, 3, 300):
        rng = np.random.default_rng(count)
        rows = rng.integers(0, len(lengths), count)
        events = np.stack([rows, rng.integers(0, lengths[rows]), rng.integers(0, 35, count)], 1)
        said = []
        for runtime in (precision, "torch"):
            engine = engines[kind, runtime]
            said.append(engine.read_pairs(engine.read_words(batch).state, events))
        assert [one.shape for one in said[0]] == [one.shape for one in said[1]]
        own = batch["word_mask"][rows]
        powers = [np.exp(one - one.max(-1, keepdims=True)) for one, _ in said]
        gap = np.abs(powers[0] / powers[0].sum(-1, keepdims=True) - powers[1] / powers[1].sum(-1, keepdims=True))[own]
        assert gap.mean() < MEAN[precision]
        values = [decoding.sigmoid(one) for _, one in said]
        assert np.abs(values[0] - values[1]).mean() < MEAN[precision]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_have_the_events_that_torch_finds(
    engines: dict[Any, Engine], embedded: EventExtractor, arabert: EventExtractor, documents: list[Document], kind: str
) -> None:
    base = embedded if kind == "embedded" else arabert
    texts = ["", *(document.text for document in documents), "الطقس معتدل.", " ".join(d.text for d in documents * 3)]
    expected = list(base.classify_many(texts))
    exact = EventExtractor(engines[kind, "float32"], base.tokenizer)
    for one, other in zip(expected, exact.classify_many(texts), strict=True):
        assert [(e.type, e.trigger, [(a.role, a.span) for a in e.arguments], e.modality) for e in one.events] == [
            (e.type, e.trigger, [(a.role, a.span) for a in e.arguments], e.modality) for e in other.events
        ]
    wanted = {(e.type, e.trigger.start) for document in expected for e in document.events}
    assert len(wanted) > 8
    for precision in ("bfloat16", "int8"):
        quick = EventExtractor(engines[kind, precision], base.tokenizer)
        found = {(e.type, e.trigger.start) for document in quick.classify_many(texts) for e in document.events}
        assert len(wanted & found) >= 0.75 * len(wanted | found)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_company_and_padding_change_next_to_nothing(
    engines: dict[Any, Engine], arabert: EventExtractor, documents: list[Document], precision: str
) -> None:
    engine, texts = engines["arabert", precision], [document.text for document in documents]
    together = engine.read_words(batch_of(arabert, texts)).trigger
    long = padded(padded(batch_of(arabert, texts)))  # a multiple stays as it is
    assert long["input_ids"].shape[1] % 16 == long["word_mask"].shape[1] % 16 == 0
    for row, text in enumerate(texts):
        alone = engine.read_words(batch_of(arabert, [text])).trigger[0]
        gap = decoding.sigmoid(together[row, : len(alone)]) - decoding.sigmoid(alone)
        assert np.abs(gap).max() < 1e-3


def test_a_row_is_turned_round_and_its_padding_stays() -> None:
    assert _mirror(np.array([3, 1, 4]), 4).tolist() == [[2, 1, 0, 3], [4, 5, 6, 7], [11, 10, 9, 8]]


# ---------------------------------------------------------------------- ranges


def test_ranges_are_measured_for_every_product(folders: dict[tuple[str, str], Path], documents: list[Document]) -> None:
    found = measure(folders["arabert", "torch"], [document.text for document in documents])
    config = json.loads((folders["arabert", "torch"] / "config.json").read_text(encoding="utf-8"))["encoder"]
    heads = {"trigger.0", "pairs.word", "pairs.product", "pairs.tags", "pairs.context.steps.0", "pairs.context.steps.1"}
    assert len(found) == 4 * config["num_hidden_layers"] + 1 + len(heads)
    assert heads < set(found)
    assert all(low < 0 < high for low, high in found.values())
    for name, (low, _) in found.items():
        if name.endswith("output.dense") and "attention" not in name:
            assert low > -0.1701  # behind a GELU
    assert measure(folders["arabert", "torch"], ["قصف"]) != found


def test_graphs_have_the_ranges_and_only_where_they_are_measured(folders: dict[tuple[str, str], Path]) -> None:
    def products(precision: str) -> int:
        graph = onnx.load(folders["arabert", precision] / OPENVINO_FILES[0]).graph
        return sum(node.op_type == "QuantizeLinear" for node in graph.node)

    layers = json.loads((folders["arabert", "int8"] / "config.json").read_text(encoding="utf-8"))["encoder"]["num_hidden_layers"]
    assert [products(precision) for precision in PRECISIONS] == [0, 0, 4 * layers + 3]  # two of the heads


def test_texts_are_read_evenly_from_rows_and_from_plain_text(tmp_path: Path) -> None:
    texts = [f"قصفت القوات المدينة {number} مرة." for number in range(10)]
    (tmp_path / "a.txt").write_text("\n\n".join(texts), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": one, "id": 1}) for one in texts), encoding="utf-8")
    for name in ("a.txt", "a.jsonl"):
        assert read_texts(tmp_path / name) == texts
        assert read_texts(tmp_path / name, 3) == [texts[0], texts[3], texts[6]]
    (tmp_path / "none.txt").write_text(" \n\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"none\.txt: expected text to measure ranges on, found none; name a file"):
        read_texts(tmp_path / "none.txt")
    for content in ('{"title": "x"}', "[1]", "{"):
        (tmp_path / "bad.jsonl").write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=r"bad\.jsonl: expected rows of JSON with a text"):
            read_texts(tmp_path / "bad.jsonl")
    with pytest.raises(DataError, match="expected a text file, found none"):
        read_texts(tmp_path / "missing.txt")


def test_float32_has_nothing_to_calibrate(folders: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="calibration is for products in eight bits"):
        export(folders["arabert", "torch"], tmp_path / "out", int8=False, calibration=["قصف"])
    assert not (tmp_path / "out").exists()


def test_the_command_line_calibrates(folders: dict[tuple[str, str], Path], documents: list[Document], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("\n".join(document.text for document in documents), encoding="utf-8")
    place = [str(folders["arabert", "torch"]), str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["export", *place, "--calibrate", str(tmp_path / "text.txt")])
    assert done.exit_code == 0, done.output
    for name in OPENVINO_FILES:
        assert (tmp_path / "out" / name).read_bytes() == (folders["arabert", "int8"] / name).read_bytes()


# ---------------------------------------------------------------------- loading


def test_wide_encoders_are_run_by_openvino(folders: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    folder = folders["arabert", "int8"]
    assert type(load(folder)[0]) is OnnxEngine  # 32 dimensions
    monkeypatch.setattr("ahdath.runtime.openvino_engine._WIDE", 32)
    monkeypatch.setattr("ahdath.runtime.openvino_engine._has_bfloat16", lambda core: True)
    for runtime in ("auto", "int8"):
        assert type(load(folder, runtime=runtime)[0]) is OpenVinoEngine
    assert type(load(folders["arabert", "torch"])[0]) is TorchEngine
    monkeypatch.setattr("ahdath.runtime.openvino_engine._has_bfloat16", lambda core: False)
    assert type(load(folder)[0]) is OnnxEngine
    monkeypatch.setattr("ahdath.runtime.loading.is_available", lambda: False)  # nothing else would run it
    assert type(load(folder)[0]) is OpenVinoEngine


def test_without_openvino_it_is_onnx_runtime(folders: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdath.runtime.openvino_engine._WIDE", 32)
    monkeypatch.setattr("ahdath.runtime.loading.is_openvino_available", lambda: False)
    assert type(load(folders["arabert", "int8"])[0]) is OnnxEngine
    monkeypatch.setattr("ahdath.runtime.openvino_engine.is_openvino_available", lambda: False)
    with pytest.raises(ModelError, match="needs OpenVINO, found none: pip install 'ahdath"):
        OpenVinoEngine(folders["arabert", "int8"])


@pytest.mark.parametrize("name", OPENVINO_FILES)
@pytest.mark.parametrize("damage", ["cut", "emptied", "noise"])
def test_a_damaged_graph_is_told(folders: dict[tuple[str, str], Path], tmp_path: Path, name: str, damage: str) -> None:
    pytest.importorskip("openvino")
    EventExtractor.from_pretrained(folders["arabert", "int8"]).save_pretrained(tmp_path)
    whole = (tmp_path / name).read_bytes()
    damaged = {"cut": whole[: len(whole) // 2], "emptied": b"", "noise": np.random.default_rng(0).bytes(200)}[damage]
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(ModelError, match=name.partition(".")[0] + r"\.onnx: expected a graph that fits the weights"):
        OpenVinoEngine(tmp_path)
