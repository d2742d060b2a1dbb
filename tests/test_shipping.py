"""Shipping: what is stored in how many bits, that it loads as it was, and an encoder out of a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ahdath.errors import ModelError
from ahdath.inference import EventExtractor
from ahdath.schema import Document
from ahdath.shipping import LIMIT, agreement, digest, extract_encoder, pack, ship
from ahdath.training import TrainConfig, build_extractor


def test_packing_halves_matrices_and_keeps_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {
        "matrix": torch.linspace(-1, 1, 12).view(3, 4),
        "norm": torch.tensor([0.1, 0.2]),
        "vectors": torch.ones(2, 2, dtype=torch.int8),
        "allowed": torch.ones(2, 2, dtype=torch.bool),
        "table": torch.full((40, 50), 0.3),
    }
    monkeypatch.setattr("ahdath.shipping._EIGHT_BITS", 1999)
    packed = pack(weights)
    kinds = {name: tensor.dtype for name, tensor in packed.items()}
    assert kinds == {
        "matrix": torch.float16,
        "norm": torch.float32,
        "vectors": torch.int8,
        "allowed": torch.bool,
        "table": torch.float8_e4m3fn,
    }
    assert float((packed["table"].float() - 0.3).abs().max()) < 0.3 / 16
    with pytest.raises(ModelError, match="matrix: expected weights of at most 65504"):
        pack({"matrix": torch.full((2, 2), 1e6)})
    with pytest.raises(ModelError, match="matrix"):
        pack({"matrix": torch.full((2, 2), float("nan"))})


def test_a_shipped_model_loads_as_float32_and_gives_the_same_events(
    embedded: EventExtractor, documents: list[Document], tmp_path: Path
) -> None:
    run, target = tmp_path / "run", tmp_path / "models" / "embedded"
    embedded.save_pretrained(run)
    (run / "training.json").write_text("{}", encoding="utf-8")
    target.mkdir(parents=True)
    (target / "stale.bin").write_text("", encoding="utf-8")
    size = ship(run, target)
    assert size == sum(path.stat().st_size for path in target.iterdir()) < LIMIT
    assert sorted(path.name for path in target.iterdir()) == [
        "config.json", "graphs.json", "lexicon.json", "model.safetensors", "pairs.onnx", "tokenizer.json",
        "tokenizer_config.json", "words.onnx",
    ]  # fmt: skip
    shipped = EventExtractor.from_pretrained(target, runtime="torch")
    assert {p.dtype for p in shipped.model.parameters()} == {torch.float32}
    assert sum(len(document.events) for document in embedded.classify_many(d.text for d in documents)) > 8
    found = agreement(EventExtractor.from_pretrained(run), shipped, documents)
    assert found["changed"] < 0.05
    assert found["before TC f1"] == pytest.approx(found["after TC f1"], abs=2)
    quick = agreement(EventExtractor.from_pretrained(target, runtime="int8"), shipped, documents)
    assert quick["before TC f1"] == pytest.approx(quick["after TC f1"], abs=5)  # noisy and eight bits: an event may change
    assert len(digest(target)) == 16
    assert digest(target) != digest(run)


def test_no_path_of_the_maker_is_shipped(embedded: EventExtractor, tmp_path: Path) -> None:
    embedded.save_pretrained(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    config["encoder"]["_name_or_path"] = "somewhere/of/mine"
    (tmp_path / "run" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    ship(tmp_path / "run", tmp_path / "shipped")
    for path in (tmp_path / "shipped").glob("*.json"):
        assert "somewhere/of/mine" not in path.read_text(encoding="utf-8")


def test_what_cannot_be_shipped_leaves_the_old_model(
    embedded: EventExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.save_pretrained(tmp_path / "run")
    ship(tmp_path / "run", tmp_path / "target")
    before = digest(tmp_path / "target")
    monkeypatch.setattr("ahdath.shipping.LIMIT", 1000)
    with pytest.raises(ModelError, match="at most 0 MB"):
        ship(tmp_path / "run", tmp_path / "target")
    (tmp_path / "run" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        ship(tmp_path / "run", tmp_path / "target")
    assert digest(tmp_path / "target") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "target"]


def test_training_can_start_from_an_extracted_encoder(
    embedded: EventExtractor, tiny_settings: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    embedded.save_pretrained(tmp_path / "run")
    extract_encoder(tmp_path / "run", tmp_path / "start")
    made = build_extractor(replace(tiny_settings("embedded"), encoder=str(tmp_path / "start")))
    for name, weight in embedded.model.encoder.state_dict().items():
        assert torch.equal(made.model.encoder.state_dict()[name], weight), name
    old, new = (e.model.words.vectors.float() * e.model.words.vector_scale for e in (embedded, made))
    assert float((old - new).abs().max()) < 0.05
    text = "قصفت القوات السورية مدينة تلبيسة أمس."
    assert made.tokenizer.windows(text) == embedded.tokenizer.windows(text)


def test_weights_that_numpy_cannot_read_get_no_graphs(
    embedded: EventExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.save_pretrained(tmp_path / "run")
    monkeypatch.setattr("ahdath.shipping._EIGHT_BITS", 100)
    ship(tmp_path / "run", tmp_path / "target")
    assert not (tmp_path / "target" / "words.onnx").exists()
    assert EventExtractor.from_pretrained(tmp_path / "target").model.config.lexicon_size > 0  # torch reads it


def test_a_model_saved_over_an_export_leaves_no_graphs_of_it(embedded: EventExtractor, tmp_path: Path) -> None:
    embedded.save_pretrained(tmp_path)
    for name in ("words.onnx", "pairs.onnx", "graphs.json", "graphs.safetensors"):
        (tmp_path / name).write_text("", encoding="utf-8")
    embedded.save_pretrained(tmp_path)
    assert not {"words.onnx", "pairs.onnx", "graphs.json", "graphs.safetensors"} & {p.name for p in tmp_path.iterdir()}
