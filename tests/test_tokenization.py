"""Windows of words and pieces, word ranges of character spans, batches, and the two spellings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ahdath.errors import AlignmentError, ConfigError
from ahdath.lexicon import AFFIXES, StemLexicon, character_ngrams
from ahdath.text import sentences, words
from ahdath.tokenization import CONTEXT, Window, WordTokenizer, arabert_spelling, collate, word_span
from tiny import LETTERS, tiny_tokenizer, vocabulary

PIECES = tiny_tokenizer("قصف", "حلب", "الطائرات")
ID = {piece: number for number, piece in enumerate(vocabulary("قصف", "حلب", "الطائرات"))}
UNKNOWN, CLS, SEP = ID["[UNK]"], ID["[CLS]"], ID["[SEP]"]
LEXICON = StemLexicon(["قصف", "حلب"], {"قصف": -2.0, "حلب": -2.0, "+": -0.5, "و+": -1.0, "+ت": -1.0, "": -16.0})


def tokenizer(max_length: int = 64, lexicon: StemLexicon | None = None) -> WordTokenizer:
    return WordTokenizer(PIECES, max_length=max_length, lexicon=lexicon)


# ---------------------------------------------------------------------- pieces


def test_each_word_has_its_pieces_between_the_special_ones() -> None:
    text = "قصفت حلب"
    (window,), borders = tokenizer().windows(text)
    assert window.spans == ((0, 4), (5, 8))
    assert window.input_ids == (CLS, ID["قصف"], ID["##ت"], ID["حلب"], SEP)
    assert window.pieces == ((1, 2), (3, 3))
    assert window.sentence == (0, 0)
    assert window.owned == (True, True)
    assert (window.type_ids, window.rows, window.affixes, window.ngrams) == (None, None, None, None)
    assert borders == [(0, 8)]


@pytest.mark.parametrize("word", ["ـ", "😀", "\ud800", "\x07", "漢", "ـ\u064b"])
def test_a_word_without_pieces_gets_the_unknown_piece(word: str) -> None:
    (window,), _ = tokenizer().windows(f"حلب {word} حلب")
    assert window.input_ids == (CLS, ID["حلب"], UNKNOWN, ID["حلب"], SEP)
    assert window.pieces == ((1, 1), (2, 2), (3, 3))


def test_a_lexicon_feeds_stems_and_tells_the_affixes_apart() -> None:
    (window,), _ = tokenizer(lexicon=LEXICON).windows("وقصفت حلب غزة")
    assert window.input_ids == (CLS, ID["قصف"], ID["حلب"], ID["غ"], ID["##ز"], ID["##ه"], SEP)
    assert window.type_ids == (0, AFFIXES["و", "ت"], 0, 0, 0, 0, 0)
    assert window.affixes == (AFFIXES["و", "ت"], 0, 0)
    assert window.rows == (1, 2, 0)
    assert window.ngrams == tuple(tuple(character_ngrams(word)) for word in ("وقصفت", "حلب", "غزه"))


def test_an_endless_word_keeps_its_head_and_lets_others_live() -> None:
    (window,), _ = tokenizer(64).windows("حلب " + "ا" * 500 + " حلب")
    assert window.pieces == ((1, 1), (2, 17), (18, 18))
    assert window.input_ids[-2:] == (ID["حلب"], SEP)


@pytest.mark.parametrize("text", ["", " \n\u200f", "\u202b"])
def test_a_text_without_words_has_no_windows(text: str) -> None:
    assert tokenizer().windows(text)[0] == []


def test_words_are_read_alike_whatever_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ahdath.tokenization._REMEMBERED", 3)
    texts = ["وقصفت حلب غزة", "حلب", "قصف قصف وحلب.", "غزة حلب", "وقصفت حلب غزة"]
    one = tokenizer(lexicon=LEXICON)
    assert [one.windows(text) for text in texts] == [tokenizer(lexicon=LEXICON).windows(text) for text in texts]
    assert one.pieces(["وحلب", "حلب"]) == tokenizer(lexicon=LEXICON).pieces(["وحلب", "حلب"])


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigError, match="spelling 'bert' is unknown; expected one of"):
        WordTokenizer(PIECES, max_length=64, spelling="bert")
    with pytest.raises(ConfigError, match="at least 16"):
        tokenizer(15)
    without = tiny_tokenizer()
    without.unk_token = None
    with pytest.raises(ConfigError, match="unknown token"):
        WordTokenizer(without, max_length=64)


# ---------------------------------------------------------------------- windows


def long_text(lengths: list[int]) -> str:
    """Sentences of so many words, each word one piece and different from its neighbours' spelling."""
    return " ".join(" ".join(["قصف", "حلب"][n % 2] for n in range(length)) + "." for length in lengths)


def check_windows(text: str, max_length: int) -> list[Window]:
    """What holds for the windows of any text."""
    spans, borders = words(text), sentences(text)
    windows, told = tokenizer(max_length).windows(text)
    assert told == borders
    owners = [0] * len(spans)
    for window in windows:
        low, high = window.first, window.first + len(window.spans)
        assert window.spans == tuple(spans[low:high])
        assert len(window.input_ids) <= max_length
        assert (window.input_ids[0], window.input_ids[-1]) == (CLS, SEP)
        assert window.pieces[0][0] == 1
        assert window.pieces[-1][1] == len(window.input_ids) - 2
        assert all(b + 1 == c for (_, b), (c, _) in pairwise(window.pieces))
        assert all(a <= b for a, b in window.pieces)
        for (start, end), number in zip(window.spans, window.sentence, strict=True):
            assert borders[number][0] <= start < end <= borders[number][1]
        for index, owned in enumerate(window.owned, low):
            owners[index] += owned
    assert owners == [1] * len(spans)
    assert all(a.first < b.first for a, b in pairwise(windows))
    return windows


def contexts(windows: list[Window], total: int) -> Iterator[int]:
    """For each word, how many words its window has beside it on the poorer side where the text goes on."""
    endless = 10**9
    for window in windows:
        low, high = window.first, window.first + len(window.spans)
        for index, owned in enumerate(window.owned, low):
            if owned:
                left = index - low if low else endless
                right = high - 1 - index if high < total else endless
                yield min(left, right)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 60), min_size=10, max_size=60))
def test_words_of_a_long_paragraph_have_words_of_context(lengths: list[int]) -> None:
    text = long_text(lengths)
    windows = check_windows(text, 256)
    assert min(contexts(windows, len(words(text)))) >= CONTEXT
    assert (len(windows) == 1) == (len(words(text)) <= 254)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 100), min_size=10, max_size=60))
def test_windows_end_at_sentence_ends_where_sentences_are_short(lengths: list[int]) -> None:
    text = long_text(lengths)
    ends = {end for _, end in sentences(text)}
    for window in check_windows(text, 256)[:-1]:
        assert window.spans[-1][1] in ends


@pytest.mark.parametrize("max_length", [16, 17, 40, 256])
def test_one_endless_sentence_is_cut_between_words(max_length: int) -> None:
    windows = check_windows(long_text([2000]), max_length)
    assert len(windows) > 7
    if max_length == 256:
        assert min(contexts(windows, 2001)) >= CONTEXT


@settings(deadline=None)
@given(
    st.one_of(st.text(alphabet=st.characters(codec=None, exclude_categories=())), st.text(alphabet=LETTERS + " ..")),
    st.sampled_from([16, 31]),
)
def test_no_text_breaks_the_windows(text: str, max_length: int) -> None:
    check_windows(text, max_length)


def test_the_number_of_windows_grows_with_the_text_only() -> None:
    text = long_text([30] * 1000)
    windows = check_windows(text, 256)
    assert sum(len(window.spans) for window in windows) < 4 * len(words(text))


# ---------------------------------------------------------------------- spans


SPANS = ((0, 4), (5, 12), (12, 13))  # a word, a word, a full stop right behind it


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(0, 4, (0, 1)), (5, 12, (1, 2)), (0, 12, (0, 2)), (5, 13, (1, 3)), (12, 13, (2, 3))]
)
def test_word_ranges(start: int, end: int, expected: tuple[int, int]) -> None:
    assert word_span(SPANS, start, end) == expected


@pytest.mark.parametrize(
    ("start", "end"), [(1, 4), (0, 3), (4, 5), (0, 5), (4, 12), (5, 11), (13, 14), (0, 0), (5, 5), (12, 5)]
)
def test_a_span_that_is_no_run_of_words_is_refused(start: int, end: int) -> None:
    with pytest.raises(
        AlignmentError, match=f"span {start}:{end} does not begin and end at word edges; expected .* correct"
    ):
        word_span(SPANS, start, end)


def test_no_words_no_range() -> None:
    with pytest.raises(AlignmentError):
        word_span((), 0, 1)


# ---------------------------------------------------------------------- batches


def test_a_batch_is_padded_as_it_says() -> None:
    (long,), _ = tokenizer().windows("غز حلب.")
    (short,), _ = tokenizer().windows("قصف")
    batch = collate([long, short], pad_id=9)
    full_stop, gh, z = ID["."], ID["غ"], ID["##ز"]
    expected = {
        "input_ids": [[CLS, gh, z, ID["حلب"], full_stop, SEP], [CLS, ID["قصف"], SEP, 9, 9, 9]],
        "attention_mask": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]],
        "pieces": [[[1, 2], [3, 3], [4, 4]], [[1, 1], [0, 0], [0, 0]]],
        "word_mask": [[True, True, True], [True, False, False]],
        "sentence": [[0, 0, 0], [0, 0, 0]],
    }
    assert {name: array.tolist() for name, array in batch.items()} == expected
    assert {array.dtype for name, array in batch.items() if name != "word_mask"} == {np.dtype(np.int64)}


def test_a_batch_with_a_lexicon_has_its_features_too() -> None:
    (long,), _ = tokenizer(lexicon=LEXICON).windows("وقصفت ب")
    (short,), _ = tokenizer(lexicon=LEXICON).windows("حلب")
    batch = collate([long, short], pad_id=0)
    both = AFFIXES["و", "ت"]
    first, second, third = (character_ngrams(word) for word in ("وقصفت", "ب", "حلب"))
    assert batch["token_type_ids"].tolist() == [[0, both, 0, 0], [0, 0, 0, 0]]
    assert batch["rows"].tolist() == [[1, 0], [2, 0]]
    assert batch["affixes"].tolist() == [[both, 0], [0, 0]]
    assert batch["ngrams"].shape == (2, 2, len(first))
    assert batch["ngrams"][0].tolist() == [first, second + [0] * (len(first) - len(second))]
    assert batch["ngrams"][1].tolist() == [third + [0] * (len(first) - len(third)), [0] * len(first)]


# ---------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("الأُمَّـــة", "الأمة"),
        ("إلى", "إلى"),
        ("رئيس", "رئيس"),
        ("٢٠١٥/٩/٣٠", "2015-9-30"),
        ("/", "-"),
        ("۱۲", "12"),
        ("هههههه", "هه"),
        ("هه", "هه"),
        ("111111", "111111"),
        ("گورباتشوف", "كورباتشوف"),
        ("کابل", "كابل"),
        ("ا\u0654كد", "أكد"),
        ("\ufefb", "لا"),
        ("NATO", "NATO"),
        ("café", "caf"),
        ("«", "«"),
        ("؟", "؟"),
        ("٪", "٪"),
        ("&", ""),
        ("😀", ""),
        ("\ud800", ""),
        ("حل\u200dب", "حلب"),
    ],
)
def test_arabert_spelling(word: str, expected: str) -> None:
    assert arabert_spelling(word) == expected


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_arabert_spelling_takes_anything_and_settles(word: str) -> None:
    once = arabert_spelling(word)
    assert arabert_spelling(once) == once
    once.encode("utf-8")
    assert not any(character.isspace() for character in once)


# ---------------------------------------------------------------------- saved tokenizers

SAMPLE = ["أمة", "إلى", "قصف", "حلب", "علىٰ", "مسؤول", "2015", ".", "NATO"]


def test_pieces_are_the_same_after_saving_and_loading(tmp_path: Path) -> None:
    before = WordTokenizer(PIECES, max_length=64, spelling="arabert").pieces(SAMPLE)
    PIECES.save_pretrained(tmp_path)
    loaded = WordTokenizer(AutoTokenizer.from_pretrained(tmp_path), max_length=64, spelling="arabert")
    assert loaded.pieces(SAMPLE) == before
    assert loaded.windows("قصفت حلب.") == tokenizer().windows("قصفت حلب.")


def test_a_checkpoint_like_arabert_keeps_its_hamzas(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary()), encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    settings_file = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "max_len": 512}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings_file), encoding="utf-8")
    arabert = WordTokenizer(AutoTokenizer.from_pretrained(tmp_path), max_length=64, spelling="arabert")
    pieces, affixes, spelled = arabert.pieces(["أُمَّة", "إلى"])
    assert spelled == ["أمة", "إلى"]
    assert affixes is None
    assert pieces == [[ID["أ"], ID["##م"], ID["##ة"]], [ID["إ"], ID["##ل"], ID["##ى"]]]
    assert arabert.windows("حلب")[0][0].input_ids == (CLS, ID["ح"], ID["##ل"], ID["##ب"], SEP)
