"""`ahdath convert`, and the dict of formats."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ahdath.cli import app
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.formats import FORMATS
from ahdath.ontology import Ontology
from format_documents import GOLDEN, known, quiet

FILES = {
    "textee": "textee.jsonl", "brat": "brat", "label-studio": "label_studio.json", "doccano": "doccano.jsonl",
    "conll": "conll.tsv", "dygie": "dygie.jsonl", "omnievent": "omnievent.jsonl",
}  # fmt: skip


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_every_format_with_a_reader_has_a_golden_file() -> None:
    assert {name for name, format in FORMATS.items() if format.read} == {"ahdath", *FILES}


@pytest.mark.parametrize("name", FILES)
def test_into_ahdath_and_out_again(name: str, tmp_path: Path) -> None:
    middle, back = tmp_path / "middle.jsonl", tmp_path / "back"
    assert run(GOLDEN / FILES[name], middle, "--from", name) == (0, "", f"ahdath: {middle}: 1 documents\n")
    (document,) = read_jsonl(middle)
    assert document.id == "known"
    assert document.sentences
    code, _, told = run(middle, back, "--to", name)
    assert code == 0
    assert all(line.startswith("ahdath: ") for line in told.splitlines())
    with quiet():
        read = FORMATS[name].read
        assert read is not None
        assert [e.type for e in read(back)[0].events] == ["Conflict.Attack", "Conflict.Withdraw"]


def test_what_is_lost_is_told_on_stderr(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [known()])
    code, out, told = run(tmp_path / "in.jsonl", tmp_path / "out.csv", "--to", "table")
    assert (code, out) == (0, "")
    assert told == (
        "ahdath: table: not kept: 2 sentences, 1 arguments that fill no column\n"
        f"ahdath: {tmp_path / 'out.csv'}: 1 documents\n"
    )


@pytest.mark.parametrize(("name", "file"), [("dygie", "dygie.jsonl"), ("acled", "acled.csv")])
def test_a_dash_is_stdout_with_nothing_but_the_file(name: str, file: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [known()])
    code, out, told = run(tmp_path / "in.jsonl", "-", "--to", name)
    assert (code, out) == (0, (GOLDEN / file).read_text(encoding="utf-8"))
    assert told.endswith("ahdath: stdout: 1 documents\n")
    assert run(tmp_path / "in.jsonl", "-", "--to", "table")[1].startswith("document,event,type")
    code, out, told = run(tmp_path / "in.jsonl", "-", "--to", "brat")
    assert (code, out, "expected a folder, found - (stdout)" in told) == (2, "", True)


OWN = """
version: 1
roles: {Agent: {definition: d}, Place: {definition: d}, Time: {definition: d}, Object: {definition: d}}
types:
  Conflict.Attack: {definition: d, roles: [Agent, Place, Time], plover: {event: COERCE}}
  Conflict.Withdraw: {definition: d, roles: [Object]}
attributes: {modality: {values: [real, planned]}}
"""


@pytest.mark.parametrize("name", FILES)
def test_attributes_of_an_own_ontology_come_from_every_format(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    own = ("--ontology", tmp_path / "own.yaml")
    events = tuple(replace(event, modality="real") for event in known().events)
    write_jsonl(tmp_path / "in.jsonl", [replace(known(), events=events)])
    _, _, told = run(tmp_path / "in.jsonl", tmp_path / "there", "--to", name, *own)
    assert not re.search("[23] modalities", told)  # real is the default; the one left is a negative polarity
    assert run(tmp_path / "there", tmp_path / "back.jsonl", "--from", name, *own)[0] == 0
    found = read_jsonl(tmp_path / "back.jsonl", Ontology.from_yaml(tmp_path / "own.yaml"))
    assert [event.modality for event in found[0].events] == ["real", "real"]
    run(tmp_path / "there", tmp_path / "out.csv", "--from", name, "--to", "table", *own)
    assert "COERCE" in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "dygi"), "--to: expected one of ahdath, textee"),
        (("--to", "dygi"), "did you mean 'dygie'?"),
        (("--from", "table"), "expected a format that can be read"),
        (("--from", "textee"), "in.jsonl:1: expected the key 'doc_id'"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [known()])
    code, _, told = run(tmp_path / "in.jsonl", tmp_path / "out", *arguments)
    assert code == 2
    assert message in told


def test_exports_that_number_alike_are_put_together_with_prefixes(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": "قصفت"}\n{"text": "حلب"}\n', encoding="utf-8")
    for prefix in ("ls-", "dc-"):
        code, _, _ = run(tmp_path / "in.jsonl", tmp_path / prefix, "--from", "doccano", "--id-prefix", prefix)
        assert code == 0
    (tmp_path / "all.jsonl").write_bytes((tmp_path / "ls-").read_bytes() + (tmp_path / "dc-").read_bytes())
    assert [document.id for document in read_jsonl(tmp_path / "all.jsonl")] == ["ls-1", "", "dc-1", ""]


def test_a_file_is_not_written_over_itself(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [known()])
    code, _, told = run(tmp_path / "in.jsonl", tmp_path / "in.jsonl", "--to", "textee")
    assert (code, "expected another file than INPUT" in told) == (2, True)
