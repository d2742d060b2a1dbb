"""The segmentation model, the hashed n-grams, the reading of text, the vectors."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ahdath.errors import DataError, ModelError
from ahdath.lexicon import (
    AFFIXES,
    StemLexicon,
    character_ngrams,
    normalized_words,
    read_lines,
    train_vectors,
)
from ahdath.text import PREFIXES, SUFFIXES, Segments, normalize

COUNTS = {"القصف": 9, "قصف": 8, "وقصفت": 3, "قصفت": 4, "بغداد": 9, "ببغداد": 2, "البلاد": 5, "بلاد": 4}


@pytest.fixture(scope="module")
def lexicon() -> StemLexicon:
    return StemLexicon.train(COUNTS)


def test_the_lexicon_finds_the_stems_that_explain_most_forms(lexicon: StemLexicon) -> None:
    assert lexicon.segment("وقصفت") == Segments("و", "قصف", "ت")
    assert lexicon.segment("القصف") == Segments("ال", "قصف", "")
    assert lexicon.segment("بغداد") == Segments("", "بغداد", "")
    assert lexicon.segment("ببغداد") == Segments("ب", "بغداد", "")


def test_rows_follow_the_stems_the_most_frequent_first(lexicon: StemLexicon) -> None:
    assert lexicon.stems == ("قصف", "بغداد", "بلاد")
    assert lexicon.rows == {"قصف": 0, "بغداد": 1, "بلاد": 2}
    assert StemLexicon.train(COUNTS, size=1).stems == ("قصف",)


def test_training_does_not_depend_on_the_order_of_the_counts(lexicon: StemLexicon) -> None:
    again = StemLexicon.train(dict(reversed(COUNTS.items())))
    assert (again.stems, again.scores) == (lexicon.stems, lexicon.scores)


@given(st.text(max_size=30))
def test_any_word_is_cut_into_parts_that_spell_it(string: str) -> None:
    word = normalize(string)
    cut = StemLexicon(["قصف"], {"قصف": -2.0, "": -12.0}).segment(word)
    assert cut.prefix + cut.stem + cut.suffix == word
    assert (cut.prefix, cut.suffix) in AFFIXES


def test_saved_and_loaded_it_cuts_alike(lexicon: StemLexicon, tmp_path: Path) -> None:
    lexicon.save(tmp_path / "lexicon.json")
    loaded = StemLexicon.load(tmp_path / "lexicon.json")
    assert (loaded.stems, loaded.scores, loaded.rows) == (lexicon.stems, lexicon.scores, lexicon.rows)
    for word in (*COUNTS, "فالبلاد", "مجهول"):
        assert loaded.segment(word) == lexicon.segment(word)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"stems": []}',
        b'{"stems": 3, "affixes": {}}',
        b'{"stems": {}, "affixes": 3}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"lexicon\.json: expected a stem lexicon"):
        StemLexicon.load(path)


def test_a_cut_off_file_is_refused(lexicon: StemLexicon, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.json"
    lexicon.save(path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ModelError, match="rebuild it"):
        StemLexicon.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        StemLexicon.load(tmp_path / "none.json")


def test_affixes_have_ids_of_their_own_and_none_is_zero() -> None:
    assert AFFIXES["", ""] == 0
    assert sorted(AFFIXES.values()) == list(range(len(PREFIXES) * len(SUFFIXES)))


# Trained models hold these numbers in their embedding tables: a change of the hash makes them worthless.
@pytest.mark.parametrize(
    ("word", "options", "expected"),
    [
        ("قصف", {}, [8516, 9968, 5733, 2232, 1150]),
        ("قصف", {"buckets": 64}, [47, 53, 3, 12, 16]),
        ("a", {}, [1133]),
        ("", {}, []),
    ],
)
def test_hashes_of_ngrams_never_change(word: str, options: dict[str, int], expected: list[int]) -> None:
    assert character_ngrams(word, **options) == expected  # type: ignore[arg-type]


@given(st.text(max_size=60), st.integers(2, 5000))
def test_ngram_ids_leave_zero_for_padding(word: str, buckets: int) -> None:
    ids = character_ngrams(word, buckets=buckets)
    marked = min(len(word), 40) + 2
    assert len(ids) == max(0, marked - 2) + max(0, marked - 3)
    assert all(1 <= number < buckets for number in ids)


def test_only_the_head_of_an_endless_word_is_hashed() -> None:
    assert character_ngrams("ا" * 10_000) == character_ngrams("ا" * 40)


def test_lines_come_from_plain_and_packed_files_in_order_of_name(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("قصف\nحلب\n", encoding="utf-8")
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress("بغداد\n".encode()))
    (tmp_path / "notes.md").write_text("# no text", encoding="utf-8")
    assert list(read_lines(tmp_path)) == ["بغداد\n", "قصف\n", "حلب\n"]
    assert list(read_lines(tmp_path / "b.txt")) == ["قصف\n", "حلب\n"]


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none; check the path"):
        list(read_lines(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt.xz", b"no xz"), ("a.txt.xz", lzma.compress(b"a" * 99)[:-9]), ("a.txt", b"\xff")]
)
def test_a_file_that_cannot_be_read_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        list(read_lines(tmp_path))


def test_normalized_words_leave_out_what_normalises_to_nothing() -> None:
    assert normalized_words("قُصِفَت ـ مدينةُ حلب.") == ["قصفت", "مدينه", "حلب", "."]


def test_vectors_are_centred_of_unit_size_and_zero_for_the_unseen() -> None:
    pytest.importorskip("gensim")
    np = pytest.importorskip("numpy")
    lines = [["قصف", "حلب"], ["قصف", "دمشق"], ["حلب", "دمشق", "مجهول"]] * 20
    stems = ["قصف", "حلب", "غائب", "دمشق"]
    vectors = train_vectors(lines, stems, size=8, epochs=2)
    assert vectors.shape == (4, 8)
    assert vectors.dtype == np.float32
    assert not vectors[2].any()
    known = vectors[[0, 1, 3]]
    np.testing.assert_allclose(known.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose((known**2).mean(), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors, train_vectors(lines, stems, size=8, epochs=2))


def test_the_file_is_plain_json(lexicon: StemLexicon, tmp_path: Path) -> None:
    lexicon.save(tmp_path / "lexicon.json")
    assert json.loads((tmp_path / "lexicon.json").read_text(encoding="utf-8"))["stems"].keys() == {"قصف", "بغداد", "بلاد"}
