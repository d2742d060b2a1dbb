"""spaCy: words that spell the text; the error without spaCy; Docs with spans where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError, ModelError
from ahdath.formats import FormatWarning, spacy
from ahdath.schema import Argument, Document, Event, Span
from format_documents import documents, known


@settings(max_examples=60, deadline=None)
@given(documents())
def test_the_words_and_spaces_spell_the_text(document: Document) -> None:
    forms, spaces, starts = spacy.tokens(document.text)
    assert "".join(form + " " * space for form, space in zip(forms, spaces, strict=True)) == document.text
    assert all(document.text.startswith(form, start) for form, start in zip(forms, starts, strict=True))
    assert all(forms)


def test_spaces_as_spacy_has_them() -> None:
    assert spacy.tokens(" قصفت  حلب.") == (
        [" ", "قصفت", " ", "حلب", "."],
        [False, True, False, False, False],
        [0, 1, 6, 7, 10],
    )


def test_without_spacy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ModelError, match=r"pip install 'ahdath\[spacy\]'"):
        spacy.write([known()], tmp_path / "out.spacy")


def test_docs_have_the_events_as_spans(tmp_path: Path) -> None:
    real = pytest.importorskip("spacy")
    (doc,) = spacy.to_docs([known()])
    assert doc.text == known().text
    assert [(s.text, s.label_) for s in doc.spans["events"]] == [
        ("قصفت", "Conflict.Attack"),
        ("سحب", "Conflict.Withdraw"),
    ]
    assert [(s.text, s.label_) for s in doc.spans["arguments"]] == [
        ("القوات السورية", "Agent"), ("حلب", "Place"), ("أمس", "Time"), ("قواته", "Object"),
    ]  # fmt: skip
    assert Document.from_dict(doc.user_data["ahdath"]) == known()
    spacy.write([known()], tmp_path / "out.spacy")
    (back,) = (
        real.tokens.DocBin(store_user_data=True).from_disk(tmp_path / "out.spacy").get_docs(real.blank("ar").vocab)
    )
    assert [s.text for s in back.spans["events"]] == ["قصفت", "سحب"]


def test_a_lone_surrogate_is_refused() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(DataError, match=r"^Document 'a': 2: expected text that UTF-8 can hold, found '\\ud800'; replace it"):
        spacy.to_docs([known(), Document("ق \ud800", id="a")])


@pytest.mark.parametrize("document", [Document("قصف", id="a\ud800"), Document("قصف", meta={"source": "\ud800"})])
def test_a_lone_surrogate_beside_the_text_keeps_a_file_from_being_written(document: Document, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r": id or meta: expected text that UTF-8 can hold, found '\\ud800'; replace it"):
        spacy.write([known(), document], tmp_path / "a.spacy")
    assert not list(tmp_path.iterdir())


def test_a_value_that_json_does_not_have_keeps_a_file_from_being_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^Document 'a': meta: size: expected a value that JSON has, found b'x'"):
        spacy.write([known(), Document("قصف", id="a", meta={"size": b"x"})], tmp_path / "a.spacy")
    assert not list(tmp_path.iterdir())


def test_spans_without_a_word_are_left_out_and_counted() -> None:
    pytest.importorskip("spacy")
    text = "قصفت حلب "
    attack = Event(
        "Conflict.Attack", Span.of(text, 0, 4), (Argument("Place", Span.of(text, 8, 9)), Argument("Place", Span.of(text, 5, 8)))
    )
    between = Event("Conflict.Attack", Span.of(text, 4, 5), (Argument("Place", Span.of(text, 5, 8)),))
    with pytest.warns(FormatWarning) as told:
        (doc,) = spacy.to_docs([Document(text, (attack, between))])
    assert [str(w.message) for w in told] == [
        "spaCy: not kept: 1 arguments that have no word, 1 events whose trigger has no word, 1 arguments of events that are left out"
    ]
    assert [[s.text for s in doc.spans[key]] for key in ("events", "arguments")] == [["قصفت"], ["حلب"]]
