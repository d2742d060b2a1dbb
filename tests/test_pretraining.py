"""From text to a small encoder, in miniature: two hundred lines, a network of one layer, a clock that we turn."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from ahdath import preparation, pretraining
from ahdath.config import read_config
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.lexicon import AFFIXES, StemLexicon
from ahdath.masked_lm import MaskedLanguageModel, initial_embeddings
from ahdath.optimization import Progress, load_checkpoint, rate_scale, save_checkpoint
from ahdath.precision import in_bfloat16
from ahdath.pretraining import PretrainConfig, pretrain, sequence_length
from ahdath.processes import Processes
from ahdath.schema import Document
from ahdath.streams import (
    Stream,
    build_tokenizer,
    candidate_chance,
    mask_batch,
    own_share,
    sequences,
    tokenizer_stats,
    with_candidates,
)
from ahdath.tokenization import WordTokenizer
from ahdath.training import TrainConfig, build_extractor


def pool(spelled: str) -> list[str]:
    return spelled.split()


WHO = pool(
    "الجيش الشرطة الحكومة المعارضة الرئيس الوزير البرلمان "
    "المحكمة المتظاهرون الأطباء المزارعون الطلاب التجار الصيادون"
)
DID = pool("قصف حاصر أعلن رفض زار غادر استقبل اعتقل هاجم دعم انتقد طالب افتتح أغلق راقب حذر وعد نفى")
WHAT = pool(
    "المدينة والقرية المطار الميناء الجسر المدرسة المستشفى "
    "السوق الطريق السفارة القافلة المصنع بالحدود المخيم"
)
WHEN = pool("أمس اليوم صباحا مساء الجمعة السبت الأحد الاثنين الثلاثاء الأربعاء الخميس فجرا")
WHERE = pool(
    "دمشق وحلب وبغداد بيروت عمان القاهرة تونس الجزائر "
    "الرباط طرابلس الخرطوم صنعاء وعدن الدوحة مسقط الكويت المنامة"
)
MORE = pool(
    "وزارة لجنة منظمة حركة حزب فريق مجلس قيادة نقابة هيئة شركة جامعة صحيفة قناة وكالة بلدية محافظة كتيبة "
    "سفير قاض محام عمدة طبيب مهندس صحفي شيخ أمير ملك قائد ضابط جندي تاجر فلاح معلم"
)
ALSO = pool("ولم وقد ثم لكن حيث بينما وكان وكانت فيما ومن وعلى وفي")


def lines() -> list[str]:
    """Two hundred lines of news that never were."""
    rng = np.random.default_rng(0)

    def sentence() -> str:
        return " ".join(some[rng.integers(len(some))] for some in (DID, WHO, MORE, WHAT, WHERE, WHEN, ALSO, DID, MORE)) + "."

    return [f"{sentence()} {sentence()}" for _ in range(200)]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "news.txt").write_text("\n".join(lines()), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of gensim, which is an extra: vectors drawn by lot, of unit mean square."""

    def drawn(cut_lines: list[list[str]], stems: tuple[str, ...], *, size: int, **_: Any) -> Any:
        assert {stem for line in cut_lines for stem in line} >= set(stems)
        return np.random.default_rng(1).normal(size=(len(stems), size)).astype(np.float32)

    monkeypatch.setattr(preparation, "train_vectors", drawn)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock that shows the number of steps begun: each takes 60/64 seconds, whatever the machine is doing."""
    ticks = [0]
    inner = pretraining.with_candidates

    def ticking(*args: Any, **kwargs: Any) -> Any:
        ticks[0] += 1
        return inner(*args, **kwargs)

    monkeypatch.setattr(pretraining, "with_candidates", ticking)
    monkeypatch.setattr(pretraining.time, "monotonic", lambda: ticks[0] * 60 / 64)
    return ticks


def toy(text: Path, output: Path, steps: int = 48, **changes: Any) -> PretrainConfig:
    """Settings for so many steps."""
    settings = PretrainConfig(
        text=str(text), output=str(output), minutes=steps / 64, stems=150, vocabulary=260, vector_size=16, hidden_size=32,
        layers=1, heads=2, intermediate_size=64, max_length=64, sequence_lengths=[16, 32], sequence_shares=[0.5, 0.5],
        batch_positions=512, optimizer="adamw", learning_rate=5e-3, compile=False, checkpoint_minutes=1000.0,
    )  # fmt: skip
    return replace(settings, **changes)


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "sgd"}, "optimizer 'sgd': expected 'adamw' or 'muon'"),
        ({"sequence_lengths": [16, 128]}, r"sequence_lengths \[16, 128\]: expected 8 to max_length 64"),
        ({"sequence_shares": [0.5, 0.6]}, "sequence_shares: expected one share for each of sequence_lengths, together 1"),
        ({"sequence_shares": [1.0]}, "sequence_shares: expected one share"),
        ({"batch_positions": 31}, r"batch_positions 31: expected room for one of \[16, 32\]"),
        ({"heads": 3}, "hidden_size 32 is not a multiple of heads 3"),
        ({"vector_size": 64}, "vector_size 64 is above hidden_size 32: lower it"),
        ({"mask_share": 1.0}, "mask_share 1.0: expected more than 0 and less than 1"),
        ({"minutes": 0}, "minutes 0: expected more than 0"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        toy(tmp_path, tmp_path, **change)


def test_the_shipped_config_is_read() -> None:
    path = Path(__file__).parents[1] / "configs" / "pretrain.yaml"
    config = read_config(PretrainConfig, path, ["sequence_lengths=[16, 32]", "sequence_shares=[0.5, 0.5]"])
    assert (config.sequence_lengths, config.sequence_shares) == ([16, 32], [0.5, 0.5])
    with pytest.raises(ConfigError, match=r"sequence_lengths: expected a list, found int: 16"):
        read_config(PretrainConfig, path, ["sequence_lengths=16"])
    with pytest.raises(ConfigError, match=r"sequence_lengths\[1\]: expected a whole number, found str: 'b'"):
        read_config(PretrainConfig, path, ["sequence_lengths=[1, b]"])


def test_sequences_grow_with_the_run() -> None:
    config = toy(Path(), Path(), sequence_lengths=[8, 16, 64], sequence_shares=[0.6, 0.3, 0.1])
    assert [sequence_length(config, share) for share in (0, 0.59, 0.61, 0.89, 0.91, 0.999, 1.0)] == [8, 8, 16, 16, 64, 64, 64]


def test_the_rates_rise_stay_and_fall() -> None:
    assert [round(rate_scale(share, 0.1), 6) for share in (0, 0.05, 0.1, 0.3, 0.65, 1)] == [0.001, 0.5, 1, 1, 0.5, 0.001]


# ---------------------------------------------------------------------- tokenizer

STEMS = ["".join(letters) for letters in itertools.product("ابتثج", repeat=3)]


def test_frequent_stems_are_one_piece_and_others_several() -> None:
    tokenizer = build_tokenizer(Counter({stem: 200 - number for number, stem in enumerate(STEMS)}), 100, 32)
    assert len(tokenizer) == 100
    assert tokenizer.convert_ids_to_tokens(range(5)) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert [tokenizer.tokenize(stem) for stem in STEMS[:80]] == [[stem] for stem in STEMS[:80]]
    assert tokenizer.tokenize("أَبـــتْ") == ["ابت"]
    rare = [tokenizer.tokenize(stem) for stem in STEMS[100:]]
    assert ["".join(pieces).replace("##", "") for pieces in rare] == STEMS[100:]
    assert {len(pieces) for pieces in rare} <= {2, 3}
    assert tokenizer.tokenize("قصف") == ["[UNK]"]
    assert tokenizer("ابت")["input_ids"] == [2, tokenizer.get_vocab()["ابت"], 3]


def test_pieces_of_a_word_are_counted_in_running_text() -> None:
    """Four words: one whole, one of three pieces, one unknown, one whole and seen before; [SEP] is none."""
    text = Stream(
        np.array([7, 8, 9, 10, 3, 1, 7], np.int32), np.zeros(7, np.int16), np.array([5, 6, 6, 6, -1, 7, 8], np.int32)
    )
    tokenizer = build_tokenizer(Counter(STEMS), 100, 32)
    found = tokenizer_stats(text, tokenizer)
    assert found == {"vocabulary": 100, "words": 4, "pieces_per_word": 1.5, "whole_stems": 0.5, "unknown": 0.25}
    nothing = Stream(np.array([3, 3], np.int32), np.zeros(2, np.int16), np.array([-1, -1], np.int32))
    with pytest.raises(DataError, match="expected words to count pieces of, found none; check the folder of text"):
        tokenizer_stats(nothing, tokenizer)


def test_the_tokenizer_is_the_same_beside_an_encoder(text: Path, tmp_path: Path) -> None:
    """config.json says `bert` there, and the BertTokenizer of transformers 5 would forget the normalizer."""
    config = toy(text, tmp_path, steps=1)
    preparation.prepare(config, report=lambda _: None)
    before = AutoTokenizer.from_pretrained(tmp_path)
    pretrain(config)
    after = AutoTokenizer.from_pretrained(tmp_path)
    assert type(after) is type(before)
    assert after.backend_tokenizer.to_str() == before.backend_tokenizer.to_str()
    assert after.tokenize("الأُمَّـــة") == after.tokenize("الامه")
    lexicon = StemLexicon.load(tmp_path / "lexicon.json")
    words = [word for line in lines()[:9] for word in line.split()]
    pieces = [WordTokenizer(one, max_length=64, lexicon=lexicon).pieces(words) for one in (before, after)]
    assert pieces[0] == pieces[1]
    assert sum(len(ids) for ids in pieces[0][0]) < 1.3 * len(words)  # most stems are whole


def test_embeddings_start_from_the_vectors(text: Path, tmp_path: Path) -> None:
    preparation.prepare(toy(text, tmp_path), report=lambda _: None)
    tokenizer, lexicon = AutoTokenizer.from_pretrained(tmp_path), StemLexicon.load(tmp_path / "lexicon.json")
    vectors = np.load(tmp_path / "vectors.npy")
    table = initial_embeddings(tokenizer, lexicon, vectors, 32, seed=0)
    known = [(index, lexicon.rows[piece]) for piece, index in tokenizer.get_vocab().items() if piece in lexicon.rows]
    assert len(known) > 50
    mine = table[[index for index, _ in known]].numpy()
    theirs = vectors[[row for _, row in known]] * 0.04
    np.testing.assert_allclose(mine @ mine.T, theirs @ theirs.T, atol=1e-5)  # turned, but as far apart as they were
    assert torch.equal(table, initial_embeddings(tokenizer, lexicon, vectors, 32, seed=0))


# ---------------------------------------------------------------------- masks


def stream(words: int, seed: int = 0) -> Stream:
    """Words of one to four pieces, a separator after every seventh."""
    rng = np.random.default_rng(seed)
    ids, types, number = [], [], []
    for word in range(words):
        size = int(rng.integers(1, 5))
        ids += rng.integers(5, 99, size).tolist()
        types += [int(rng.integers(1, len(AFFIXES))), *[0] * (size - 1)]
        number += [word] * size
        if word % 7 == 6:
            ids, types, number = [*ids, 3], [*types, 0], [*number, -1]
    return Stream(np.array(ids, np.int32), np.array(types, np.int16), np.array(number, np.int32))


class Marks:
    cls_token_id, mask_token_id = 2, 4


def test_whole_words_are_masked() -> None:
    config = toy(Path(), Path(), mask_share=0.25)
    text = stream(900)
    ids, types, word = sequences(text, 1, length=32, positions=config.batch_positions, cls_id=2, seed=config.seed)
    assert ids.shape == types.shape == word.shape == (16, 32)
    assert (ids[:, 0] == 2).all()
    assert (word[:, 0] == -1).all()
    batch = mask_batch(ids, types, word, config.mask_share, Marks.mask_token_id, 99, np.random.default_rng(0))
    places = batch["places"].numpy()
    assert len(places) == len(set(places.tolist())) == int(512 * 0.25)
    flat = word.reshape(-1)
    assert (flat[places] >= 0).all()  # neither [CLS] nor [SEP]
    masked = Counter(flat[places].tolist())
    whole = Counter(flat[flat >= 0].tolist())
    cut = [name for name, count in masked.items() if count < whole[name]]
    assert len(cut) <= 1  # the last word drawn, where the number of positions is full
    assert any(whole[name] > 1 for name in masked)
    assert batch["targets"].tolist() == ids.reshape(-1)[places].tolist()
    assert batch["affix"].tolist() == types.reshape(-1)[places].tolist()
    untouched = np.ones(512, bool)
    untouched[places] = False
    assert (batch["ids"].numpy().reshape(-1)[untouched] == ids.reshape(-1)[untouched]).all()
    assert (batch["types"].numpy().reshape(-1)[untouched] == types.reshape(-1)[untouched]).all()


def test_most_masked_words_are_hidden_with_their_affixes_some_replaced_some_kept() -> None:
    config = toy(Path(), Path())
    text, seen = stream(3000), Counter[str]()
    for step in range(40):
        ids, types, word = sequences(text, step, length=32, positions=config.batch_positions, cls_id=2, seed=config.seed)
        batch = mask_batch(ids, types, word, config.mask_share, 4, 99, np.random.default_rng(step))
        places = batch["places"]
        shown, kept = batch["ids"].flatten()[places], batch["types"].flatten()[places]
        hidden = shown == 4
        assert not kept[hidden].any()
        seen["hidden"] += int(hidden.sum())
        seen["same"] += int((shown == batch["targets"]).sum())
        seen["affix kept"] += int(((kept == batch["affix"]) & (batch["affix"] > 0)).sum())
        seen["affix"] += int((batch["affix"] > 0).sum())
        seen["all"] += len(places)
    assert seen["hidden"] / seen["all"] == pytest.approx(0.8, abs=0.03)
    assert seen["same"] / seen["all"] == pytest.approx(0.1, abs=0.03)
    assert seen["affix kept"] / seen["affix"] == pytest.approx(0.1, abs=0.03)


def test_candidates_are_the_targets_and_others_to_a_fixed_number() -> None:
    text, config = stream(900), toy(Path(), Path())
    parts = sequences(text, 0, length=32, positions=512, cls_id=2, seed=0)
    batch = mask_batch(*parts, config.mask_share, 4, 200, np.random.default_rng(0))
    made = with_candidates(batch, 150, 200, np.random.default_rng(1))
    assert made["candidates"].shape == (150,)
    assert made["candidates"].unique().tolist() == made["candidates"].tolist()
    assert made["candidates"][made["targets"]].tolist() == batch["targets"].tolist()
    assert made["candidates"].tolist() != with_candidates(batch, 150, 200, np.random.default_rng(2))["candidates"].tolist()
    assert with_candidates(batch, 0, 200, np.random.default_rng(1)) is batch
    assert with_candidates(batch, 200, 200, np.random.default_rng(1)) is batch
    with pytest.raises(DataError, match=r"candidates 9: expected room for the [0-9]+ different stems of a batch; raise it"):
        with_candidates(batch, 9, 200, np.random.default_rng(1))


@pytest.mark.parametrize("processes", [2, 3])
def test_shares_of_a_step_add_up_to_it(processes: int) -> None:
    """Sequences, masks, losses and gradients of some processes are those of one."""
    batch = mask_batch(*sequences(stream(900), 1, length=32, positions=512, cls_id=2, seed=0), 0.25, 4, 99, np.random.default_rng(0))
    batch = with_candidates(batch, 90, 99, np.random.default_rng(1))
    assert own_share(batch, 0, 1) is batch
    shares = [own_share(batch, number, processes) for number in range(processes)]
    assert torch.equal(torch.cat([share["ids"] for share in shares]), batch["ids"])
    assert torch.equal(torch.cat([share["types"] for share in shares]), batch["types"])
    assert len({len(share["targets"]) for share in shares}) == 1
    known = [share["targets"] >= 0 for share in shares]
    starts = np.cumsum([0, *(share["ids"].numel() for share in shares)])
    for name, shift in (("places", starts), ("targets", 0 * starts), ("affix", 0 * starts)):
        joined = [share[name][real] + int(start) for share, real, start in zip(shares, known, shift, strict=False)]
        assert torch.equal(torch.cat(joined), batch[name]), name
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=99, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, type_vocab_size=len(AFFIXES), hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = MaskedLanguageModel(BertModel(shape, add_pooling_layer=False))
    whole = torch.stack(model(**batch))
    parts = [torch.stack(model(**share)) * (real.sum() / len(batch["targets"])) for share, real in zip(shares, known, strict=True)]
    torch.testing.assert_close(torch.stack(parts).sum(0), whole)
    weights = list(model.parameters())
    for one, other in zip(torch.autograd.grad(whole.sum(), weights), torch.autograd.grad(sum(parts).sum(), weights), strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=1e-4)
    nothing = {**shares[0], "targets": torch.full_like(shares[0]["targets"], -100)}
    assert [loss.item() for loss in model(**nothing)] == [0.0, 0.0]


def test_a_share_with_many_masked_places_has_room_for_them() -> None:
    places = torch.arange(20)
    batch = {
        "ids": torch.zeros(4, 32, dtype=torch.long), "types": torch.zeros(4, 32, dtype=torch.long), "places": places,
        "targets": places, "affix": places,
    }  # fmt: skip
    first, second = own_share(batch, 0, 2), own_share(batch, 1, 2)
    assert first["targets"].tolist() == [*range(20), *[-100] * 6]  # twice the room of 13
    assert second["targets"].tolist() == [-100] * 13


def test_the_chance_of_a_candidate_is_how_often_it_is_one() -> None:
    rng = np.random.default_rng(0)
    ids = np.minimum(rng.geometric(0.1, 40_000) + 4, 99).astype(np.int32)
    chance, seen = candidate_chance(ids, 64, 50, 100), np.zeros(100)
    for _ in range(400):
        batch = {"targets": torch.from_numpy(rng.choice(ids, 64).astype(np.int64))}
        seen[with_candidates(batch, 50, 100, rng)["candidates"].numpy()] += 1
    np.testing.assert_allclose(seen / 400, chance, atol=0.12)


def test_the_text_is_read_once_in_an_epoch_and_then_in_another_order() -> None:
    config = toy(Path(), Path(), batch_positions=64)
    count = 24
    whole = np.arange(count * 15, dtype=np.int32)
    text = Stream(whole, np.zeros(len(whole), np.int16), whole)
    epochs = []
    for epoch in range(2):
        steps = [sequences(text, epoch * 6 + step, length=16, positions=64, cls_id=2, seed=config.seed)[0][:, 1:] for step in range(6)]
        read = np.concatenate(steps)
        assert sorted(read.reshape(-1).tolist()) == whole.tolist()
        epochs.append(read[:, 0].tolist())
    assert epochs[0] != epochs[1]


def test_too_little_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("قصفت القوات المدينة أمس", encoding="utf-8")
    with pytest.raises(DataError, match="expected running text, found 4 different words; check the folder"):
        preparation.prepare(toy(tmp_path, tmp_path / "out"), report=lambda _: None)
    short = Stream(np.ones(9, np.int32), np.zeros(9, np.int16), np.arange(9, dtype=np.int32))
    with pytest.raises(DataError, match="expected at least 15 pieces for one sequence, found 9; give more text"):
        sequences(short, 0, length=16, positions=512, cls_id=2, seed=0)


# ---------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def reports() -> list[str]:
    return []


@pytest.fixture
def encoder(text: Path, tmp_path: Path) -> Path:
    return pretrain(toy(text, tmp_path / "encoder"), report=lambda _: None)


def masked_loss(folder: Path, encoder: BertModel, weights: dict[str, Any] | None = None) -> float:
    """Loss of masked stems on fixed sequences."""
    config = toy(Path(), Path())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = MaskedLanguageModel(encoder)
    if weights is not None:
        model.load_state_dict(weights, strict=False)
    text = Stream(**np.load(folder / "stream.npz"))
    ids, types, word = sequences(text, 7, length=32, positions=512, cls_id=tokenizer.cls_token_id, seed=config.seed)
    batch = mask_batch(ids, types, word, config.mask_share, tokenizer.mask_token_id, len(tokenizer), np.random.default_rng(9))
    with torch.no_grad():
        return float(model.eval()(**batch)[0])


def test_a_toy_run_gives_an_encoder_that_has_learned(
    encoder: Path, tiny_settings: Callable[..., TrainConfig], documents: list[Document]
) -> None:
    model, told = AutoModel.from_pretrained(encoder, output_loading_info=True, add_pooling_layer=False)
    assert isinstance(model, BertModel)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert model.config.type_vocab_size == len(AFFIXES)
    assert model.config.hidden_dropout_prob == 0.1
    checkpoint = load_file(encoder / "checkpoint" / "model.safetensors")
    assert all(torch.equal(tensor, checkpoint[f"encoder.{name}"]) for name, tensor in model.state_dict().items()
               if f"encoder.{name}" in checkpoint)  # fmt: skip
    torch.manual_seed(0)
    fresh = BertModel(model.config, add_pooling_layer=False)
    assert masked_loss(encoder, model, checkpoint) < masked_loss(encoder, fresh) - 0.2
    extractor = build_extractor(tiny_settings("embedded", encoder=str(encoder)))
    assert isinstance(extractor, EventExtractor)
    assert extractor.classify(documents[0].text).sentences


def test_an_encoder_learns_on_from_where_it_was(encoder: Path, text: Path, tmp_path: Path) -> None:
    told: list[str] = []
    further = pretrain(replace(toy(text, tmp_path / "further"), start=str(encoder)), report=told.append)
    for name in ("tokenizer.json", "lexicon.json", "vectors.npy"):
        assert (further / name).read_bytes() == (encoder / name).read_bytes()
    before, after = (load_file(folder / "model.safetensors") for folder in (encoder, further))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    record, old = (json.loads((folder / "pretraining.json").read_text(encoding="utf-8")) for folder in (further, encoder))
    assert record["validation_loss"] < old["validation_loss"]
    assert any("pieces a word" in line for line in told)


def test_an_encoder_of_another_shape_or_without_its_words_is_refused(encoder: Path, text: Path, tmp_path: Path) -> None:
    config = replace(toy(text, tmp_path / "further"), start=str(encoder))
    with pytest.raises(ConfigError, match=r"expected an encoder of the shape that hidden_size, .* found another in embeddings\."):
        pretrain(replace(config, hidden_size=2 * config.hidden_size), report=lambda _: None)
    (encoder / "vectors.npy").unlink()
    with pytest.raises(DataError, match=r"that `ahdath pretrain` finished, found no vectors\.npy; check start"):
        pretrain(replace(config, output=str(tmp_path / "other")), report=lambda _: None)


def test_the_stages_are_there_once(encoder: Path, text: Path, clock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.name: path.stat().st_mtime_ns for path in encoder.iterdir() if path.is_file()}
    assert files.keys() >= {"config.json", "model.safetensors", "tokenizer.json", "lexicon.json", "vectors.npy", "stream.npz"}
    assert not list(encoder.glob("*partial*")) + list(encoder.glob("checkpoint.*"))
    monkeypatch.setattr(preparation, "read_lines", lambda _: pytest.fail("the text was read again"))
    before = clock[0]
    pretrain(toy(text, encoder))
    assert clock[0] == before  # not one step more


def test_progress_is_reported_and_recorded(text: Path, tmp_path: Path) -> None:
    told: list[str] = []
    config = toy(text, tmp_path, steps=128)
    pretrain(config, report=told.append)
    assert told.pop() == f"{tmp_path}: encoder, tokenizer, stem lexicon and vectors"
    stats = json.loads((tmp_path / "tokenizer.stats.json").read_text(encoding="utf-8"))
    assert 1 <= stats["pieces_per_word"] < 1.3
    assert told[0] == (
        f"tokenizer: {stats['vocabulary']:,} entries, {stats['pieces_per_word']:.3f} pieces a word, "
        f"{stats['whole_stems']:.1%} of words whole stems, {stats['unknown']:.2%} unknown"
    )
    assert [line.split("  ")[0] for line in told[1:-1]] == ["step 50", "step 100", "step 128"]
    assert "  0.8/2 min  ETA 0 h 01 min  " in told[1]
    assert told[-2].endswith(" at 32 positions")
    first, second, held_out = (float(line.split("loss ")[1].split()[0]) for line in told[1:-1])
    assert second < first < math.log(260) + 1
    assert held_out < first
    assert told[-1] == "finished: 128 steps, 65,536 positions in 2.0 min, 546 positions/s"
    record = json.loads((tmp_path / "pretraining.json").read_text(encoding="utf-8"))
    assert PretrainConfig(**record.pop("settings")) == config
    assert f"{record.pop('validation_loss'):.3f}" == f"{held_out:.3f}"
    assert record.pop("loss") == pytest.approx(second, abs=0.1)
    assert 0 < record.pop("affix_loss") < 5
    assert record == {
        "steps": 128, "minutes": 2.0, "positions": 65_536, "validation_length": 32, "positions_per_second": 546.1, "processes": 1,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "precision": "bfloat16" if in_bfloat16(None) else "float32",
    }  # fmt: skip


def test_a_finished_run_is_recorded_once(encoder: Path, text: Path) -> None:
    """Begun again it leaves the record alone, writes it anew where a kill took it, and where there were more minutes."""
    record, told = encoder / "pretraining.json", list[str]()
    before = record.read_text(encoding="utf-8")
    record.write_text(before + " ", encoding="utf-8")
    pretrain(toy(text, encoder), report=told.append)
    assert record.read_text(encoding="utf-8") == before + " "
    assert told == [f"{encoder}: encoder, tokenizer, stem lexicon and vectors"]
    record.unlink()
    pretrain(toy(text, encoder), report=told.append)
    assert record.read_text(encoding="utf-8") == before
    (encoder / "model.safetensors").unlink()
    assert AutoModel.from_pretrained(pretrain(toy(text, encoder), report=told.append)).config.hidden_size == 32
    pretrain(toy(text, encoder, steps=50), report=told.append)
    assert json.loads(record.read_text(encoding="utf-8"))["positions"] == 50 * 512


def test_muon_and_a_last_phase(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("torch.optim.Muon came with torch 2.9")
    (tmp_path / "news.txt").write_text("\n".join(lines()[:60]), encoding="utf-8")
    sizes: list[int] = []
    inner = pretraining.sequences

    def noted(read: Stream, *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(read.ids))
        return inner(read, *args, **kwargs)

    monkeypatch.setattr(pretraining, "sequences", noted)
    monkeypatch.setattr(pretraining, "validation_loss", lambda *_: 0.0)
    config = toy(text, tmp_path / "out", steps=16, optimizer="muon", last_phase=str(tmp_path), last_phase_share=0.25)
    assert all(parameter.isfinite().all() for parameter in AutoModel.from_pretrained(pretrain(config)).parameters())
    assert len(sizes) == 16
    assert len(set(sizes[:12])) == len(set(sizes[13:])) == 1
    assert sizes[0] > sizes[-1]


class _Kill(BaseException):
    """A kill, as far as the disk can tell."""


def test_a_killed_run_goes_on_where_it_was(
    encoder: Path, text: Path, tmp_path: Path, clock: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the 31st step, nine after a checkpoint: it goes on at the 23rd and ends with the same weights."""
    config = toy(text, tmp_path / "killed", checkpoint_minutes=21 / 64)
    inner, steps = pretraining.sequences, []

    def noted(read: Stream, step: int, **kwargs: Any) -> Any:
        steps.append(step)
        if len(steps) == 31:
            raise _Kill
        return inner(read, step, **kwargs)

    monkeypatch.setattr(pretraining, "sequences", noted)
    monkeypatch.setattr(pretraining, "validation_loss", lambda *_: 0.0)
    with pytest.raises(_Kill):
        pretrain(config)
    assert steps == list(range(31))
    clock[0] += 1000  # hours later
    steps[:] = [-1] * 40
    pretrain(config)
    assert steps[40:] == list(range(22, 48))
    mine, theirs = (load_file(folder / "model.safetensors") for folder in (tmp_path / "killed", encoder))
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


def test_a_kill_inside_a_save_leaves_a_whole_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torn at each step of the second save, and at each step of the third after that: one of them can be read."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    names = ("rename", "mkdir", "write_text")
    originals = {name: getattr(Path, name) for name in names}

    def reached(step: int) -> Progress:
        return Progress(step, step / 64, step * 500, 5.0 - step, 1.0)

    def torn_save(folder: Path, step: int, stop: int) -> bool:
        """Save with a kill before the `stop`-th change of the disk; whether it came to that."""
        calls = itertools.count(1)

        def wrap(name: str) -> Callable[..., Any]:
            def changed(path: Path, *args: Any, **kwargs: Any) -> Any:
                if next(calls) == stop:
                    raise _Kill
                return originals[name](path, *args, **kwargs)

            return changed

        with monkeypatch.context() as patch:
            for name in names:
                patch.setattr(Path, name, wrap(name))
            try:
                save_checkpoint(folder, model, [optimizer], reached(step))
            except _Kill:
                return True
        return False

    for first, second in itertools.product(range(1, 6), repeat=2):
        folder = tmp_path / f"{first}-{second}"
        folder.mkdir()
        save_checkpoint(folder, model, [optimizer], reached(1))
        done = 1
        for step, stop in ((2, first), (3, second)):
            torn = torn_save(folder, step, stop)
            found = load_checkpoint(folder, model, [optimizer], batch_positions=512)
            assert found == reached(done if torn else step), (first, second)
            done = found.step
        save_checkpoint(folder, model, [optimizer], reached(4))
        assert load_checkpoint(folder, model, [optimizer], batch_positions=512) == reached(4)
        assert [path.name for path in folder.iterdir()] == ["checkpoint"]


def test_a_checkpoint_from_before_positions_were_counted_is_read(encoder: Path, text: Path) -> None:
    (encoder / "checkpoint" / "state.json").write_text('{"step": 48, "minutes": 0.75}', encoding="utf-8")
    pretrain(toy(text, encoder, steps=49), report=lambda _: None)
    state = json.loads((encoder / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    assert (state["step"], state["minutes"], state["positions"]) == (49, 49 / 64, 49 * 512)


# ---------------------------------------------------------------------- several processes

# What each process runs. The clock of the second runs seven times as fast, which must not matter; both are killed at the tenth
# step, four after a checkpoint, and go on.
TWO = """
import os, sys
from ahdath import preparation, pretraining
from ahdath.config import read_config

ticks, inner = [0], pretraining.with_candidates

def ticking(*args):
    ticks[0] += 1
    if ticks[0] == 10:
        raise KeyboardInterrupt
    return inner(*args)

pretraining.with_candidates = ticking
pretraining._LOG_EVERY = 1
pretraining.time.monotonic = lambda: ticks[0] * (60 / 64) * (1 if os.environ["RANK"] == "0" else 7)
config = read_config(pretraining.PretrainConfig, sys.argv[1])
try:
    pretraining.pretrain(config)
except KeyboardInterrupt:
    pretraining.pretrain(config)
"""


def test_two_processes_train_one_encoder(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under accelerate's launcher, on CPUs: gloo, one process a half of each step, as the only one has all of it."""
    config = toy(text, tmp_path / "one", steps=16, checkpoint_minutes=5 / 64)
    preparation.prepare(config, report=lambda _: None)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    monkeypatch.setattr(pretraining, "_LOG_EVERY", 1)
    alone: list[str] = []
    pretrain(config, report=alone.append)
    settings = {**vars(config), "output": str(tmp_path / "two")}
    (tmp_path / "two.yaml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    (tmp_path / "two.py").write_text(TWO, encoding="utf-8")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0",
               str(tmp_path / "two.py"), str(tmp_path / "two.yaml")]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    steps, together = ([line for line in lines if " min  " in line] for lines in (alone, done.stdout.splitlines()))
    together = together[:6] + together[9:]  # three steps were done twice
    assert [line.split("  ")[:2] for line in steps] == [line.split("  ")[:2] for line in together]
    losses = [[[float(line.split(name)[1].split()[0]) for name in ("loss ", "affixes ")] for line in found] for found in (steps, together)]
    np.testing.assert_allclose(losses[1], losses[0], atol=0.005)
    records = [json.loads((tmp_path / name / "pretraining.json").read_text(encoding="utf-8")) for name in ("one", "two")]
    assert [(record["processes"], record["steps"], record["positions"], record["minutes"]) for record in records] == [
        (1, 16, 16 * 512, 0.25), (2, 16, 16 * 512, 0.25),
    ]  # fmt: skip
    assert records[1]["validation_loss"] == pytest.approx(records[0]["validation_loss"], abs=0.005)
    assert AutoModel.from_pretrained(tmp_path / "two").config.hidden_dropout_prob == 0.1


def test_only_several_processes_need_accelerate(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert (pretrain(toy(text, tmp_path, steps=2), report=lambda _: None) / "model.safetensors").exists()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="several processes need accelerate, found none: pip install accelerate"):
        Processes()


def test_a_step_has_a_sequence_for_each_process(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "Processes", lambda: SimpleNamespace(count=17))
    with pytest.raises(ConfigError, match="batch_positions 512: expected a sequence of 32 for each of 17 processes; raise it"):
        pretrain(toy(text, tmp_path))
