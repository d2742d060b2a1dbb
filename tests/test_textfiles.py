"""Paragraphs of files with their offsets, read as a stream; an output that takes any text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdath.errors import DataError
from ahdath.text import paragraphs
from ahdath.textfiles import Paragraph, open_output, read_paragraphs, write_whole


def test_offsets_count_the_byte_order_mark_and_every_kind_of_line_end(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    whole = "\ufeffأ ب\rج\u2028د\r\n\x0bه\u0085و"
    path.write_bytes(whole.encode())
    found = list(read_paragraphs([str(path)]))
    assert [paragraph.text for paragraph in found] == ["أ ب", "ج", "د", "ه", "و"]
    assert [paragraph.start for paragraph in found] == [1, 5, 7, 11, 13]


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.text("اب \n\r\u2028\u200f😀"))
def test_line_by_line_gives_the_paragraphs_of_the_whole(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode())
    expected = [Paragraph(str(path), start, text[start:end]) for start, end in paragraphs(text)]
    assert list(read_paragraphs([str(path)])) == expected


def test_an_endless_pipe_gives_its_paragraphs_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield "وصل الوفد.\n".encode()

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": endless()}))
    stream = read_paragraphs(["-"])
    assert [next(stream).start for _ in range(3)] == [0, 11, 22]


@pytest.mark.parametrize(("damage", "byte"), [(b"\xff", 5), (b"ab\xd9", 7), ("حلب".encode("cp1256"), 5)])
def test_damage_is_told_with_the_offset_of_its_first_byte(tmp_path: Path, damage: bytes, byte: int) -> None:
    path = tmp_path / "damaged.txt"
    path.write_bytes("قص\n".encode() + damage)
    stream = read_paragraphs([str(path)])
    assert next(stream).text == "قص"
    with pytest.raises(DataError, match=rf"damaged\.txt: expected UTF-8, found [0-9a-f]{{2}} at byte {byte}; convert"):
        next(stream)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("قصفت\nحلب".encode("utf-16"), r"found UTF-16; .*iconv -f UTF-16 -t"),
        (b"\xfe\xff" + "قصفت".encode("utf-16-be"), r"found UTF-16; .*iconv -f UTF-16 -t"),
        ("قصفت".encode("utf-32"), r"found UTF-32; .*iconv -f UTF-32 -t"),
        ("قصفت حلب".encode("utf-16-le"), r"found 00 at byte 9; .*iconv -f UTF-16 -t"),
        ("قصفت".encode("cp1256"), r"found de at byte 0; .*iconv -f WINDOWS-1256 -t"),
    ],
)
def test_other_encodings_are_refused_by_name(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "notepad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"notepad\.txt: expected UTF-8, {told} UTF-8"):
        list(read_paragraphs([str(path)]))


def test_a_missing_file_is_told_before_another_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("وصل الوفد.", encoding="utf-8")
    with pytest.raises(DataError, match=r"two\.txt: expected a text file, found none"):
        next(read_paragraphs([str(path), str(tmp_path / "two.txt")]))


def test_output_files_take_any_text(tmp_path: Path) -> None:
    with open_output(tmp_path / "out.txt") as stream:
        stream.write("قصف \ud800\n")
    assert (tmp_path / "out.txt").read_bytes() == "قصف \\ud800\n".encode()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "أخبار.json"
    write_whole(file, "قديم")
    write_whole(file, "جديد")
    assert file.read_text(encoding="utf-8") == "جديد"
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "نصف \ud800")
    assert file.read_text(encoding="utf-8") == "جديد"
