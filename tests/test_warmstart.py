"""Starting from a finished model: which weights come along, under the same and under another ontology."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ahdath import warmstart
from ahdath.errors import ConfigError, ModelError
from ahdath.inference import EventExtractor
from ahdath.modeling import AhdathModel
from ahdath.ontology import Ontology
from ahdath.schema import Document
from ahdath.training import TrainConfig, build_extractor, train

#: Attack shares a type and a role with the packaged ontology, Match only the role; roles stand in another order.
OTHER = {
    "version": 1,
    "roles": {"Score": {"definition": "result"}, "Place": {"definition": "where"}},
    "types": {
        "Match": {"definition": "a match is played", "roles": ["Score", "Place"]},
        "Conflict.Attack": {"definition": "someone attacks", "roles": ["Place"]},
    },
    "attributes": {"modality": {"values": ["asserted", "other"]}, "polarity": {"values": ["positive", "negative"]}},
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="module")
def donor(embedded: EventExtractor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("donor")
    embedded.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ontology") / "other.yaml"
    path.write_text(json.dumps(OTHER), encoding="utf-8")  # JSON is YAML
    return path


def settings(donor: Path | str, corpus: Path, output: Path | str = "unused", **changes: Any) -> TrainConfig:
    """As a newcomer writes them: no key about the shape of the network."""
    own = {"epochs": 1, "batch_size": 4, "bf16": False, **changes}
    return TrainConfig(str(donor), str(corpus), str(corpus), str(output), **own)


def test_under_the_same_ontology_everything_comes_along(
    donor: Path, embedded: EventExtractor, corpus_file: Path, documents: list[Document]
) -> None:
    made = build_extractor(settings(donor, corpus_file))
    mine, theirs = made.model.state_dict(), embedded.model.state_dict()
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []
    assert made.classify(documents[0].text).events == embedded.classify(documents[0].text).events


def test_of_the_last_layers_rows_of_the_same_name_come_along(
    donor: Path, embedded: EventExtractor, corpus_file: Path, other: Path
) -> None:
    torch.manual_seed(7)
    made = build_extractor(settings(donor, corpus_file, ontology=str(other)))
    old, new = embedded.model, made.model
    place, attack = embedded.ontology.role_id("Place"), embedded.ontology.type_id("Conflict.Attack")
    for theirs, mine in (
        (old.trigger[-1].weight, new.trigger[-1].weight),
        (old.trigger[-1].bias, new.trigger[-1].bias),
        (old.sentence_attention.weight, new.sentence_attention.weight),
        (old.sentence_values.bias, new.sentence_values.bias),
        (old.pairs.kind.weight, new.pairs.kind.weight),
    ):
        assert torch.equal(mine[1], theirs[attack])
        assert not any(torch.equal(mine[0], row) for row in theirs)
    assert new.trigger[-1].bias[0] == -4  # a new type starts from the base rate
    tags = [0, 2 * place + 1, 2 * place + 2]
    assert torch.equal(new.pairs.tags.weight[[0, 3, 4]], old.pairs.tags.weight[tags])
    assert not torch.equal(new.pairs.tags.weight[1], old.pairs.tags.weight[1])
    assert torch.equal(new.pairs.values[-1].weight, old.pairs.values[-1].weight)
    assert new.allowed.tolist() == [[True] * 5, [True, False, False, True, True]]
    whole = ("encoder.", "words.", "trigger.0.", "continuation.", "mention.", "sentence_mix.", "pairs.word.", "pairs.context.")
    theirs = old.state_dict()
    for name, tensor in new.state_dict().items():
        if name.startswith(whole):
            assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize(("keep", "kept"), [("words", ("encoder.", "words.")), ("encoder", ("encoder.", "words.vector"))])
def test_less_may_be_kept(keep: str, kept: tuple[str, ...], donor: Path, embedded: EventExtractor, corpus_file: Path) -> None:
    torch.manual_seed(7)  # not the dice that the donor was drawn with
    mine = build_extractor(settings(donor, corpus_file, keep=keep)).model.state_dict()
    theirs = embedded.model.state_dict()
    same = {name for name in mine if torch.equal(mine[name], theirs[name])}
    assert {name for name in mine if name.startswith(kept)} <= same
    fresh = {"trigger.0.weight", "pairs.tags.weight", "pairs.context.ahead.weight_ih_l0", "sentence_values.weight"}
    assert not fresh & same
    assert ("words.from_pieces.weight" in same) == ("words.ngrams.weight" in same) == (keep == "words")


def test_it_is_trained_saved_and_gone_on_with(
    donor: Path, embedded: EventExtractor, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings("embedded", corpus_file, tmp_path / "run")
    monkeypatch.setattr(warmstart, "_EMBEDDED", donor)
    trained = train(made)
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    told = record["settings"]
    assert (told["encoder"], told["spelling"], told["segmentation"], told["lexical_features"]) == ("embedded", "ahdath", True, True)
    assert (told["word_size"], told["ngram_buckets"], told["pooling"]) == (32, 256, "first+last")
    assert told["vector_rows"] == embedded.model.config.lexicon_size > 0
    names = ("words.ngrams.weight", "trigger.3.weight", "pairs.tags.weight", "encoder.encoder.layer.0.output.dense.weight")
    old, new = embedded.model.state_dict(), trained.model.state_dict()
    assert not any(torch.equal(old[name], new[name]) for name in names)
    again = train(made)  # finished: the same model, and no complaint about other settings
    assert torch.equal(again.model.state_dict()["trigger.3.weight"], new["trigger.3.weight"])


def test_an_encoder_is_no_model(embedded_encoder: Path, arabert_encoder: Path, donor: Path, tmp_path: Path) -> None:
    assert warmstart.is_model(str(donor))
    for folder in (embedded_encoder, arabert_encoder, tmp_path, tmp_path / "none"):
        assert not warmstart.is_model(str(folder))


def test_settings_of_an_encoder_stay_as_they_are(tiny_settings: Callable[..., TrainConfig]) -> None:
    given = tiny_settings("embedded")
    assert warmstart.adopted(given) is given
    with pytest.raises(ConfigError, match=r"keep words: expected an ahdath model as encoder, found .*; leave keep out"):
        warmstart.adopted(replace(given, keep="words"))


def test_another_network_is_refused(donor: Path, corpus_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"word_size 64: expected 32, as the model .* has it; leave the key out"):
        build_extractor(settings(donor, corpus_file, word_size=64))
    same = settings(donor, corpus_file, word_size=32, spelling="ahdath", segmentation=True)
    assert warmstart.adopted(same).word_size == 32
    with pytest.raises(ConfigError, match=r"keep 'wrods': expected one of all, words, encoder \(did you mean 'words'\?\)"):
        settings(donor, corpus_file, keep="wrods")


def test_weights_of_another_shape_are_refused(embedded: EventExtractor) -> None:
    changed = {"pair_size": 16}
    config = type(embedded.model.config).from_dict({**embedded.model.config.to_dict(), **changed})
    with pytest.raises(ModelError, match=r"pairs\.\w+.*: expected weights of the shape \(.*\), found \(.*; start from a model"):
        warmstart.carry_over(embedded.model, AhdathModel(config))


def test_every_layer_that_depends_on_the_ontology_is_known(embedded: EventExtractor) -> None:
    """A new head would else be refused only where somebody's ontology has another size."""
    config = type(embedded.model.config).from_dict({**embedded.model.config.to_dict(), "ontology": OTHER})
    fresh = AhdathModel(config)
    warmstart.carry_over(embedded.model, fresh)
    theirs = embedded.model.state_dict()
    sized = {name for name, tensor in fresh.state_dict().items() if tensor.shape != theirs[name].shape}
    known = (*warmstart._BY_TYPE, *warmstart._BY_TAG, *warmstart._BY_VALUE, "allowed")
    assert sized
    assert all(name.startswith(known) for name in sized)


def test_the_shipped_model_starts_another(corpus_file: Path, other: Path) -> None:
    made = build_extractor(settings("embedded", corpus_file, ontology=str(other)))
    shipped = EventExtractor.from_pretrained(runtime="torch")
    assert made.ontology == Ontology.from_dict(OTHER)
    assert torch.equal(made.model.words.ngrams.weight, shipped.model.words.ngrams.weight)
    assert made.classify("قصفت القوات السورية مدينة تلبيسة أمس.").sentences
