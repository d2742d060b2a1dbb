"""brat: a pair of files for every document, code points, end exclusive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, brat
from ahdath.schema import Argument, Document, Event, Span
from format_documents import GOLDEN, documents, known, quiet


def test_the_known_document_is_the_golden_pair(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning, match=r"^brat: not kept: 2 sentences$"):
        brat.write([known()], tmp_path / "out")
    for name in ("known.txt", "known.ann"):
        assert (tmp_path / "out" / name).read_bytes() == (GOLDEN / "brat" / name).read_bytes()


def test_the_golden_pair_is_the_known_document() -> None:
    (found,) = brat.read(GOLDEN / "brat")
    expected = known()
    assert (found.id, found.text, found.events) == ("known", expected.text, expected.events)


def test_offsets_are_code_points_and_the_end_is_exclusive() -> None:
    lines = brat.dump(known())[1].splitlines()
    assert lines[0] == "T1\tConflict.Attack 2 6\tقصفت"  # the emoji before it is one character
    assert "E1\tConflict.Attack:T1 Agent:T2 Place:T3 Time:T4" in lines
    assert "A4\tpolarity E2 negative" in lines


@settings(max_examples=40, deadline=None)
@given(documents())
def test_documents_come_back(document: Document) -> None:
    text, annotations = brat.dump(document)
    with quiet():
        assert brat.load(text, annotations, id=document.id) == document


def test_a_line_break_cuts_a_span_in_two() -> None:
    text = "وقف\nإطلاق النار"
    document = Document(text, (Event("Conflict.Ceasefire", Span.of(text, 0, len(text))),))
    annotations = brat.dump(document)[1]
    assert annotations.splitlines()[0] == "T1\tConflict.Ceasefire 0 3;4 15\tوقف إطلاق النار"
    assert brat.load(text, annotations) == document


def test_arguments_of_one_role_are_numbered() -> None:
    text = "التقى زيد عمرا وبكرا"
    spans = [Span.of(text, a, b) for a, b in ((6, 9), (10, 14), (15, 20))]
    event = Event("Contact.Meet", Span.of(text, 0, 5), tuple(Argument("Participant", s) for s in spans))
    annotations = brat.dump(Document(text, (event,)))[1]
    assert "E1\tContact.Meet:T1 Participant:T2 Participant2:T3 Participant3:T4" in annotations
    assert brat.load(text, annotations).events == (event,)


def test_a_role_that_ends_in_a_number_keeps_it() -> None:
    text = "a b c"
    spans = [Span.of(text, n, n + 1) for n in (0, 2, 4)]
    event = Event("X", spans[0], (Argument("Arg1", spans[1]), Argument("Arg1", spans[2]), Argument("Arg2", spans[1])))
    document = Document(text, (event,))
    assert "Arg1:T2 Arg12:T3 Arg2:T2" in brat.dump(document)[1]
    assert brat.load(*brat.dump(document)) == document
    clash = Event("X", spans[0], (Argument("Arg", spans[1]), Argument("Arg", spans[2]), Argument("Arg2", spans[1])))
    with pytest.raises(DataError, match="expected no role 'Arg2' beside two arguments 'Arg'"):
        brat.dump(Document(text, (clash,)))


def test_what_ahdath_does_not_have_is_counted() -> None:
    annotations = (
        "T1\tX 0 1\ta\nT2\tEntity 2 3\tb\nT3\tEntity 0 1;4 5\ta c\nE1\tX:T1 Arg:E2\nE2\tX:T1\n"
        "A1\tSpeculation E1\nR1\tpart Arg1:T1 Arg2:T2\n*\tEquiv T1 T2\n#1\tAnnotatorNotes T1\tsure?\n"
    )
    with pytest.warns(FormatWarning) as told:
        document = brat.load("a b c", annotations)
    assert [str(w.message) for w in told] == [
        "ahdath from brat: not kept: 1 gaps in spans (closed), 1 attributes that ahdath does not have, 2 relations, "
        "1 notes, 1 events that are arguments (their trigger is taken), 2 annotated spans outside of events"
    ]
    assert document.events[0].arguments[0].span.text == "a"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T1\tX 0 2\tqs", r"f:1: expected 'قص', the text at 0 2, found 'qs'; the .txt must be"),
        ("T1\tX 0 9\tقصفت", r"f:1: expected 0 <= start < end <= 4 in code points"),
        ("T1\tX 2 2\t", r"found \[2, 2\]"),
        ("T1\tX a b\tقصفت", r"f:1: expected Type start end, found 'X a b'"),
        ("E1\tX:T9", r"f: E1: expected a line T9"),
        ("E1\tX", r"f:1: expected Type:T1 Role:T2 …, found 'X'"),
        ("قصفت", r"f:1: expected a line T…"),
    ],
)
def test_damaged_lines_are_refused(line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        brat.load("قصفت", line, "f")


def test_folders_and_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a folder with .txt and .ann files"):
        brat.read(tmp_path)
    (tmp_path / "a.txt").write_text("قصفت", encoding="utf-8")
    with pytest.raises(DataError, match=r"a.ann: expected a readable file"):
        brat.read(tmp_path)
    for bad in ("a/b", "..", ".a"):
        with pytest.raises(DataError, match="expected an id that can be a file name"):
            brat.write([Document("قصفت", id=bad)], tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(DataError, match="a name without spaces and colons"):
        brat.dump(Document("قصفت", (Event("a b", Span(0, 4, "قصفت")),)))


def test_a_place_that_is_no_file_name_does_not_name_the_files(tmp_path: Path) -> None:
    places = [Document("قصفت", meta={"file": file, "start": 0}) for file in ("a.txt", "news/a.txt")]
    with quiet():
        brat.write(places, tmp_path)
    assert sorted(p.name for p in tmp_path.glob("*.txt")) == ["a.txt#0.txt", "document-2.txt"]


def test_documents_come_back_in_order(tmp_path: Path) -> None:
    texts = [f"قصفت {number}" for number in range(12)]
    with quiet():
        brat.write([Document(text) for text in texts], tmp_path / "numbers")
        brat.write([Document(text, meta={"file": "a", "start": 40 * n}) for n, text in enumerate(texts)], tmp_path / "places")
    for folder in ("numbers", "places"):
        assert [document.text for document in brat.read(tmp_path / folder)] == texts


def test_a_folder_with_other_documents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "annotation.conf").touch()
    for _ in range(2):  # the same ones may be written again
        brat.write([Document("قصفت", id="a"), Document("حلب", id="b")], tmp_path)
    remedy = "name another folder or remove them"
    message = rf"expected a folder without .txt and .ann files of other documents, found \['b.ann', 'b.txt'\]; {remedy}"
    with pytest.raises(DataError, match=message):
        brat.write([Document("دمشق", id="a"), Document("حمص", id="c")], tmp_path)
    assert [document.text for document in brat.read(tmp_path)] == ["قصفت", "حلب"]


def test_a_byte_order_mark_counts_as_a_character(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + "قصفت".encode())
    (tmp_path / "a.ann").write_text("T1\tX 1 5\tقصفت\nE1\tX:T1\n", encoding="utf-8")
    assert brat.read(tmp_path)[0].events[0].trigger.text == "قصفت"
