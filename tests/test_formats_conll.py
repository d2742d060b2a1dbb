"""CoNLL-style columns: a word a line, BIO, a column of arguments for every trigger."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, conll
from ahdath.schema import Argument, Document, Event, Sentence, Span
from format_documents import GOLDEN, documents, in_words, known, named, quiet


def test_the_known_document_is_the_golden_file_and_back(tmp_path: Path) -> None:
    with quiet():
        conll.write([known()], tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_bytes() == (GOLDEN / "conll.tsv").read_bytes()
    (found,) = conll.read(GOLDEN / "conll.tsv")
    assert (found.id, found.text, found.sentences) == ("known", known().text, known().sentences)
    assert in_words(found) == in_words(known())


@settings(max_examples=40, deadline=None)
@given(documents(inside=True, apart=True))
def test_words_events_and_arguments_come_back(document: Document) -> None:
    with quiet():
        (found,) = conll.loads(conll.dumps([document]))
    assert found.id == named(document)
    assert in_words(found) == in_words(document)


def test_what_shares_a_word_is_counted() -> None:
    text = "اغتيال قائد\nالشرطة"
    place = Span.of(text, 7, 11)
    events = (
        Event("Conflict.Attack", Span.of(text, 0, 6), (Argument("Target", place), Argument("Agent", place))),
        Event("Life.Die", Span.of(text, 0, 6), (Argument("Victim", place),)),
    )
    document = Document(text, events, (Sentence(0, len(text), text),), id="a")
    with pytest.warns(FormatWarning) as told:
        content = conll.dumps([document])
    assert [str(w.message) for w in told] == [
        "CoNLL: not kept: 1 events on the word of another, 1 arguments of events that are left out, 1 arguments on the word of another, "
        "1 line breaks and tabs inside sentences"
    ]
    assert "# text = اغتيال قائد الشرطة\n" in content


def test_gaps_and_texts_without_a_word_are_counted() -> None:
    with pytest.warns(FormatWarning) as told:
        found = conll.loads(conll.dumps([Document("   "), Document("قصفت.\n\nثم"), Document("")]))
    assert [str(w.message) for w in told] == [
        "CoNLL: not kept: 1 texts without a word, 1 gaps between sentences that are not one space (made one)"
    ]
    assert [document.text for document in found] == ["", "قصفت. ثم", ""]


def test_columns_without_comments_are_read() -> None:
    (found,) = conll.loads("قصفت\tB-X\nقوات\tI-X\nحلب\tO\n\nثم\tO\n")
    assert (found.text, found.events[0].trigger.text, len(found.sentences)) == ("قصفت قوات حلب ثم", "قصفت قوات", 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("قصفت\n", r"f:1: expected 2 columns"),
        ("قصفت\tB-X\tO\nحلب\tO\n", r"f:2: expected 3 columns"),
        ("قصفت\tX\n", r"f:1: expected B-…, I-… or O, found 'X'"),
        ("قصفت\tO\nحلب\tI-X\n", r"f:2: expected B-X before I-X, found 'O'"),
        ("قصفت\tB-X\tO\tO\n", r"f:1: expected 1 columns of arguments, one for every trigger, found 2"),
        ("# text = دمشق\nقصفت\tO\n", r"token 0: expected a token that stands in the text"),
    ],
)
def test_damage_is_refused(content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        conll.loads(content, "f")


def test_names_with_spaces_are_refused() -> None:
    with pytest.raises(DataError, match="without white space"):
        conll.dumps([Document("قصفت", (Event("a b", Span(0, 4, "قصفت")),))])
    with pytest.raises(DataError, match="an id on one line"):
        conll.dumps([Document("قصفت", id="a\nb")])
