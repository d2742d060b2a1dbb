"""The network: shapes, padding, gradients, and that a saved model comes back bit by bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertModel

from ahdath.errors import ConfigError, ModelError
from ahdath.inference import EventExtractor
from ahdath.layers import BiLSTM, Neighbours, WordEncoder, _bucket
from ahdath.losses import binary
from ahdath.modeling import LOSSES, AhdathConfig, AhdathModel
from ahdath.ontology import Ontology
from ahdath.schema import Document
from ahdath.tokenization import collate
from ahdath.training import TrainConfig, build_extractor
from ahdath.trainset import TrainingSet, collate_labels

KINDS = ("embedded", "arabert")
TYPES, ROLES = len(Ontology.default().type_names), len(Ontology.default().role_names)
LETTERS = "أُمَّة إلى القصف مسؤول 2015 ."


def labelled(extractor: EventExtractor, documents: Sequence[Document]) -> dict[str, Tensor]:
    """A training batch of documents, one window each."""
    data = TrainingSet(documents, extractor.tokenizer, extractor.ontology)
    return collate_labels([data[index] for index in range(len(data))], 0)


def inputs(extractor: EventExtractor, texts: Sequence[str]) -> dict[str, Tensor]:
    windows = [extractor.tokenizer.windows(text)[0][0] for text in texts]
    return {name: torch.from_numpy(array) for name, array in collate(windows, 0).items()}


def events_of(extractor: EventExtractor, documents: Sequence[Document]) -> list[Any]:
    return [extractor.classify(document.text).to_dict()["events"] for document in documents]


def everything(model: AhdathModel) -> dict[str, Tensor]:
    """All parameters and all buffers, those too that are in no file."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def assert_same(model: AhdathModel, other: AhdathModel) -> None:
    mine, theirs = everything(model), everything(other)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert tensor.dtype == theirs[name].dtype, name
        assert torch.equal(tensor, theirs[name]), name


# ---------------------------------------------------------------------- shapes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_shapes_of_all_heads(kind: str, count: int, noisy: Callable[..., EventExtractor], documents: list[Document]) -> None:
    extractor = noisy(kind)
    batch = labelled(extractor, documents[:2])  # one paragraph of two sentences, one of one
    batch = {name: tensor[:count] if name in ("events", "attribute_labels", "argument_labels") else tensor
             for name, tensor in batch.items()}  # fmt: skip
    output = extractor.model(**batch)
    windows, words = batch["word_mask"].shape
    assert output.trigger.shape == (windows, words, TYPES)
    assert output.continuation.shape == (windows, words)
    assert output.sentence.shape == batch["sentence_labels"].shape == (windows, 2, TYPES)
    assert output.words.shape == (windows, words, 64)
    assert not output.words[~batch["word_mask"]].any()
    if count:
        assert output.argument.shape == (count, words, 2 * ROLES + 1)
        assert output.attribute.shape == (count, 2)
    else:
        assert output.argument is None
        assert output.attribute is None
    expected = set(LOSSES) - (set() if count else {"argument", "attribute"})
    assert set(output.losses) == expected
    assert output.loss.isfinite()
    assert torch.isclose(output.loss, sum(LOSSES[name] * value for name, value in output.losses.items()))


def test_without_labels_there_is_no_loss(embedded: EventExtractor, documents: list[Document]) -> None:
    output = embedded.model(**inputs(embedded, [documents[0].text]))
    assert output.loss is None
    assert output.argument is None


def test_lexical_features_are_asked_for(embedded: EventExtractor, documents: list[Document]) -> None:
    batch = inputs(embedded, [documents[0].text])
    del batch["rows"]
    with pytest.raises(ModelError, match="expected rows and affixes, found none"):
        embedded.model(**batch)


def test_attributes_of_one_value_teach_nothing(tiny_settings: Callable[..., TrainConfig], documents: list[Document]) -> None:
    told = Ontology.default().to_dict()
    told["attributes"] = {"modality": {"values": ["asserted"]}, "polarity": {"values": ["positive"]}}
    ontology = Ontology.from_dict(told)
    base = build_extractor(tiny_settings("arabert"))
    with pytest.warns(UserWarning, match="zero-element"):
        model = AhdathModel.from_encoder(tiny_settings("arabert").encoder, ontology=ontology, word_size=32, context_size=32)
    extractor = EventExtractor(model, base.tokenizer)
    output = model(**labelled(extractor, documents[1:2]))
    assert output.loss.isfinite()
    model.config.threshold = 0.0
    (event, *_) = extractor.classify("قصف", types=["Conflict.Attack"]).events
    assert (event.modality, event.polarity) == ("asserted", "positive")


# ---------------------------------------------------------------------- padding


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_no_score(
    kind: str, tiny_settings: Callable[..., TrainConfig], documents: list[Document]
) -> None:
    extractor = build_extractor(tiny_settings(kind))
    model = extractor.model
    long = labelled(extractor, documents)
    together = model(**long)
    at = 0
    for row, document in enumerate(documents):
        alone = labelled(extractor, [document])
        words, count = alone["word_mask"].shape[1], len(alone["events"])
        output = model(**alone)
        pairs = [
            (output.trigger[0], together.trigger[row, :words]),
            (output.continuation[0], together.continuation[row, :words]),
            (output.sentence[0], together.sentence[row, : output.sentence.shape[1]]),
        ]
        if count:
            pairs.append((output.argument, together.argument[at : at + count, :words]))
            pairs.append((output.attribute, together.attribute[at : at + count]))
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        at += count
    assert at == len(long["events"])


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_no_event(kind: str, request: pytest.FixtureRequest, documents: list[Document]) -> None:
    extractor: EventExtractor = request.getfixturevalue(kind)
    texts = [document.text for document in documents]
    alone = [next(extractor.classify_many([text], batch_size=1)) for text in texts]
    together = list(extractor.classify_many(texts, batch_size=len(texts)))
    assert sum(len(document.events) for document in alone) > 20
    for one, other in zip(alone, together, strict=True):
        shapes = [[(e.type, e.trigger, e.modality, e.polarity, [(a.role, a.span) for a in e.arguments]) for e in d.events]
                  for d in (one, other)]  # fmt: skip
        assert shapes[0] == shapes[1]


def test_the_two_lstms_are_a_bidirectional_one() -> None:
    ours, reference = BiLSTM(6, 8), nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    reference.load_state_dict(
        {name: getattr(ours.ahead, name) for name in names} | {f"{name}_reverse": getattr(ours.back, name) for name in names}
    )
    lengths = torch.tensor([5, 2, 1])
    states, mask = torch.randn(3, 5, 6), torch.arange(5)[None] < lengths[:, None]
    packed = nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(ours(states, mask) * mask[..., None], expected, rtol=1e-5, atol=1e-6)


def test_words_see_four_neighbours_to_each_side_and_no_padding() -> None:
    layer = Neighbours(6, [1, 3], 0.0).eval()
    states, mask = torch.randn(1, 14, 6), torch.arange(14)[None] < 12
    read = layer(states, mask)
    torch.testing.assert_close(read[:, :12], layer(states[:, :12], mask[:, :12]))
    for place, seen in ((5, range(1, 10)), (13, range(13, 14))):  # a word, and padding
        changed = states.clone()
        changed[0, place, 0] += 5.0
        moved = (layer(changed, mask) - read)[0].abs().max(-1).values > 1e-6
        assert moved.nonzero().flatten().tolist() == list(seen)


# ---------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("first", [[1, 1], [2, 20]]), ("mean", [[1, 1], [4, 40]]), ("first+last", [[1, 1, 1, 1], [2, 20, 6, 60]])],
)
def test_words_are_pooled_from_their_pieces(pooling: str, expected: list[list[int]]) -> None:
    encoder = WordEncoder(AhdathConfig(pooling=pooling, word_size=4, context_size=4), 2)
    hidden = torch.tensor([[[9.0, 9], [1, 1], [2, 20], [4, 40], [6, 60], [9, 9]]])
    pooled = encoder.pool(hidden, torch.tensor([[[1, 1], [2, 4]]]))
    assert pooled.tolist() == [expected]


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="pooling 'last': expected 'first', 'mean' or 'first\\+last'"):
        AhdathConfig(pooling="last")


def test_a_config_without_encoder_says_how_to_build_one() -> None:
    with pytest.raises(ConfigError, match="from_encoder"):
        AhdathModel(AhdathConfig())


def test_distances_fall_into_signed_buckets() -> None:
    distances = torch.tensor([-1000, -16, -2, -1, 0, 1, 2, 16, 32, 64, 1000])
    assert (_bucket(distances) - 32).tolist() == [-32, -16, -2, -1, 0, 1, 2, 16, 20, 24, 32]


def test_binary_loss_counts_what_the_mask_shows() -> None:
    logits = torch.tensor([[[0.0, 0.0], [50.0, 50.0]]])
    labels = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert torch.isclose(binary(logits, labels, torch.tensor([[True, False]])), torch.tensor(2.0).log())
    assert binary(logits, labels, torch.tensor([[False, False]])) == 0


def test_vectors_are_stored_as_bytes_close_to_what_they_were(embedded_encoder: Path) -> None:
    vectors = np.load(embedded_encoder / "vectors.npy")
    model = AhdathModel.from_encoder(embedded_encoder, vectors=vectors, word_size=32, context_size=32)
    table, scale = model.words.vectors, model.words.vector_scale
    assert table.dtype == torch.int8
    assert table.shape == (len(vectors) + 1, 16)
    assert not table[0].any()
    assert np.abs(table[1:].numpy() * scale.numpy() - vectors).max() <= float(scale) * 0.51


def test_ngram_ids_fold_into_few_buckets(noisy: Callable[..., EventExtractor], documents: list[Document]) -> None:
    extractor = noisy("embedded", ngram_buckets=2)
    assert extractor.classify(documents[0].text).sentences
    table = extractor.model.words.ngrams
    assert table.num_embeddings == 2
    assert not table.weight[0].any()


# ---------------------------------------------------------------------- roles


@pytest.mark.parametrize("kind", KINDS)
def test_forbidden_roles_are_never_predicted(kind: str, request: pytest.FixtureRequest, documents: list[Document]) -> None:
    extractor: EventExtractor = request.getfixturevalue(kind)
    ontology = extractor.ontology
    batch = labelled(extractor, documents)
    logits = extractor.model(**batch).argument
    for event, (_, _, type_id) in enumerate(batch["events"].tolist()):
        name = ontology.type_names[type_id]
        forbidden = [role for role in range(ROLES) if not ontology.allows(name, ontology.role_names[role])]
        columns = [2 * role + side for role in forbidden for side in (1, 2)]
        assert (logits[event][:, columns] == -1e4).all()
        assert (logits[event][:, [c for c in range(2 * ROLES + 1) if c not in columns]] > -1e3).all()
    found = [event for document in documents for event in extractor.classify(document.text).events]
    assert sum(len(event.arguments) for event in found) > 50
    assert all(ontology.allows(event.type, argument.role) for event in found for argument in event.arguments)


def test_a_predicted_type_takes_the_place_of_the_gold_one(embedded: EventExtractor) -> None:
    model, ontology = embedded.model, embedded.ontology
    attack, ceasefire = ontology.type_id("Conflict.Attack"), ontology.type_id("Conflict.Ceasefire")
    agent, target = ontology.role_id("Agent"), ontology.role_id("Target")  # a ceasefire has no Target
    trigger = torch.zeros(1, 3, TYPES)
    trigger[0, 1, ceasefire] = 5.0
    events = torch.tensor([[0, 1, attack]])
    labels = torch.tensor([[2 * agent + 1, 0, 2 * target + 1, 2 * target + 2, -100]])
    try:
        model.predicted_triggers = 1.0
        kinds, changed = model._with_predicted_types(trigger, events, labels)
        assert kinds.tolist() == [[0, 1, ceasefire]]
        assert changed.tolist() == [[2 * agent + 1, 0, 0, 0, -100]]
        model.predicted_triggers = 0.0
        kinds, changed = model._with_predicted_types(trigger, events, labels)
        assert (kinds.tolist(), changed.tolist()) == (events.tolist(), labels.tolist())
    finally:
        model.predicted_triggers = 0.0


# ---------------------------------------------------------------------- gradients

# A constant added to all scores that a softmax compares changes nothing.
WITHOUT_EFFECT = ("pairs.cue.bias", "sentence_attention.bias", "self.key.bias")


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_moves_every_parameter(
    kind: str, tiny_settings: Callable[..., TrainConfig], documents: list[Document]
) -> None:
    extractor = build_extractor(tiny_settings(kind, dropout=0.0))
    model = extractor.model.train()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    optimizer = torch.optim.SGD(model.parameters(), lr=10.0)  # no decay and no momentum: only a gradient moves anything
    model(**labelled(extractor, documents)).loss.backward()
    optimizer.step()
    still = {name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])}
    assert {name for name in still if not name.endswith(WITHOUT_EFFECT)} == set()
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


# ---------------------------------------------------------------------- encoders


def damaged(source: Path, folder: Path, *, without: str = "", **tensors: Tensor) -> Path:
    """A copy of an encoder folder whose weights lack some names, or have others."""
    shutil.copytree(source, folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not without or without not in name}
    save_file({**kept, **tensors}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_missing_weight_of_the_encoder_is_an_error(arabert_encoder: Path, tmp_path: Path) -> None:
    folder = damaged(arabert_encoder, tmp_path / "bad", without="layer.1.attention.self.query")
    with pytest.raises(ModelError, match=r"2 weights of the encoder are missing \(encoder\.layer\.1\.attention\.self\.query"):
        AhdathModel.from_encoder(folder)


def test_a_missing_pooler_is_none(arabert_encoder: Path, tmp_path: Path) -> None:
    folder = damaged(arabert_encoder, tmp_path / "fine", without="pooler")
    model = AhdathModel.from_encoder(folder, word_size=32, context_size=32)
    assert not any("pooler" in name for name in model.state_dict())
    expected = load_file(folder / "model.safetensors")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.encoder.state_dict().items())


def test_an_encoder_that_cannot_be_read_is_an_error(arabert_encoder: Path, tmp_path: Path) -> None:
    small = damaged(arabert_encoder, tmp_path / "small", **{"embeddings.word_embeddings.weight": torch.zeros(3, 32)})
    torn = damaged(arabert_encoder, tmp_path / "torn")
    (torn / "model.safetensors").write_bytes((torn / "model.safetensors").read_bytes()[:100])
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (small, torn, empty, tmp_path / "none"):
        with pytest.raises(ModelError, match="expected an encoder that AutoModel loads, found"):
            AhdathModel.from_encoder(folder)


def test_half_precision_weights_become_float32(arabert_encoder: Path, tmp_path: Path) -> None:
    BertModel.from_pretrained(arabert_encoder, dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    model = AhdathModel.from_encoder(tmp_path / "half", word_size=32, context_size=32)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    model.save_pretrained(tmp_path / "model")
    loaded = AhdathModel.from_pretrained(tmp_path / "model")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert_same(model, loaded)


def test_windows_are_as_long_as_the_encoder_allows(arabert: EventExtractor) -> None:
    assert arabert.model.config.window_length == 96
    assert arabert.tokenizer.max_length == 96


# ---------------------------------------------------------------------- saving


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_gives_the_same_events(
    kind: str, request: pytest.FixtureRequest, documents: list[Document], tmp_path: Path
) -> None:
    extractor: EventExtractor = request.getfixturevalue(kind)
    extractor.save_pretrained(tmp_path / kind)
    loaded = EventExtractor.from_pretrained(tmp_path / kind)
    assert_same(extractor.model, loaded.model)
    batch = labelled(extractor, documents)
    one, other = extractor.model(**batch), loaded.model(**batch)
    for name in ("loss", "trigger", "continuation", "sentence", "argument", "attribute"):
        assert torch.equal(one[name], other[name]), name
    assert events_of(loaded, documents) == events_of(extractor, documents)


@pytest.mark.parametrize("kind", KINDS)
def test_auto_classes_read_our_folder(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    extractor: EventExtractor = request.getfixturevalue(kind)
    extractor.save_pretrained(tmp_path)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), AhdathConfig)
    model = AutoModel.from_pretrained(tmp_path)
    assert isinstance(model, AhdathModel)
    assert_same(extractor.model, model)
    assert callable(model.push_to_hub)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["AhdathModel"]


def test_the_order_of_types_and_roles_survives_saving(arabert_encoder: Path, tmp_path: Path) -> None:
    told = Ontology.default().to_dict()
    ontology = Ontology.from_dict(
        {**told, "types": sorted(told["types"], key=lambda t: t["name"][::-1]), "roles": told["roles"][::-1]}
    )
    assert ontology.type_names != Ontology.default().type_names
    sizes = {"word_size": 32, "context_size": 32, "pair_size": 16, "threshold": 0.4}
    model = AhdathModel.from_encoder(arabert_encoder, ontology=ontology, pooling="mean", **sizes)
    model.config.trigger_temperature = 1.7
    model.save_pretrained(tmp_path)
    config = AhdathConfig.from_pretrained(tmp_path)
    read = Ontology.from_dict(config.ontology)
    assert (read.type_names, read.role_names, read.digest) == (ontology.type_names, ontology.role_names, ontology.digest)
    ignored = ("transformers_version", "architectures", "dtype", "_name_or_path")
    one, other = (json.loads(json.dumps({k: v for k, v in c.to_dict().items() if k not in ignored}))
                  for c in (model.config, config))  # fmt: skip
    assert one == other
    assert str(arabert_encoder) not in (tmp_path / "config.json").read_text()  # no path of the machine that trained it
    assert (config.trigger_temperature, config.threshold) == (1.7, 0.4)
    assert config.loss_weights == LOSSES
    assert_same(model, AhdathModel.from_pretrained(tmp_path))


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Memory that nobody has written holds NaN, or the greatest whole number, while this lasts."""
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        assert torch.empty(9).isnan().all()
        assert (torch.empty(9, dtype=torch.int8) == 127).all()
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_loads_into_poisoned_memory(
    kind: str, request: pytest.FixtureRequest, documents: list[Document], tmp_path: Path
) -> None:
    """transformers builds a model on the meta device and fills in what the file holds: nothing may be left over."""
    extractor: EventExtractor = request.getfixturevalue(kind)
    extractor.save_pretrained(tmp_path)
    with poisoned_memory():
        loaded = EventExtractor.from_pretrained(tmp_path)
    assert_same(extractor.model, loaded.model)
    assert "allowed" in everything(loaded.model)
    assert loaded.model.allowed.tolist() == [
        [True, *(loaded.ontology.allows(name, role) for role in loaded.ontology.role_names for _ in "BI")]
        for name in loaded.ontology.type_names
    ]
    assert events_of(loaded, documents) == events_of(extractor, documents)


def test_a_model_builds_in_poisoned_memory(tiny_settings: Callable[..., TrainConfig]) -> None:
    with poisoned_memory():
        model = build_extractor(tiny_settings("embedded")).model
    assert all(tensor.isfinite().all() for tensor in everything(model).values())


def test_a_model_without_some_of_its_weights_is_refused(arabert: EventExtractor, tmp_path: Path) -> None:
    arabert.save_pretrained(tmp_path / "whole")
    folder = damaged(tmp_path / "whole", tmp_path / "part", without="trigger.0")
    with pytest.raises(ModelError, match=r"expected all weights of the model, found none for \['trigger.0.bias'"):
        EventExtractor.from_pretrained(folder)


# ---------------------------------------------------------------------- tokenizers


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_the_same_before_saving_and_after(
    kind: str, request: pytest.FixtureRequest, documents: list[Document], tmp_path: Path
) -> None:
    extractor: EventExtractor = request.getfixturevalue(kind)
    words = [word for text in (LETTERS, *(document.text for document in documents)) for word in text.split()]
    encoder: Path = request.getfixturevalue(f"{kind}_encoder")
    before = extractor.tokenizer.pieces(words)
    extractor.save_pretrained(tmp_path)
    for folder in (encoder, tmp_path):
        extractor_like = EventExtractor.from_pretrained(tmp_path)
        extractor_like.tokenizer.tokenizer = AutoTokenizer.from_pretrained(folder)
        assert extractor_like.tokenizer.pieces(words) == before
    own = extractor.tokenizer.tokenizer
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert type(again) is type(own)
    assert again.get_vocab() == own.get_vocab()
    assert json.loads(again.backend_tokenizer.to_str()) == json.loads(own.backend_tokenizer.to_str())


def test_the_hamza_survives_in_a_checkpoint_like_arabert(arabert: EventExtractor, tmp_path: Path) -> None:
    arabert.save_pretrained(tmp_path)
    for extractor in (arabert, EventExtractor.from_pretrained(tmp_path)):
        tokenizer = extractor.tokenizer.tokenizer
        pieces, _, _ = extractor.tokenizer.pieces(["أمس", "إلى", "أمة"])
        assert [tokenizer.convert_ids_to_tokens(ids) for ids in pieces] == [["أمس"], ["إ", "##ل", "##ى"], ["أ", "##م", "##ة"]]


def test_the_embedded_tokenizer_keeps_its_normalizer(embedded: EventExtractor, tmp_path: Path) -> None:
    embedded.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.tokenize("الأُمَّـــة") == tokenizer.tokenize("الامه")
    assert tokenizer("قصف")["input_ids"][0] == tokenizer.cls_token_id
