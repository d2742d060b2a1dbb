"""docs/own-events.md and docs/suggest.md: every block runs, in order, from an ontology of three new types to suggestions."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ahdath import warmstart
from ahdath.cli import app
from ahdath.corpus import check, compile_record, read_jsonl
from ahdath.formats import label_studio
from ahdath.inference import EventExtractor
from ahdath.ontology import Ontology
from ahdath.proof import pages, suggesting
from ahdath.proof.numbers import read_numbers
from ahdath.proof.run import python_blocks

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "own-events"
PAGE = (ROOT / "docs" / "own-events.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noisy: Callable[..., EventExtractor]) -> Path:
    """A copy of the page's folder, in which `embedded` is a tiny model."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    noisy("embedded").save_pretrained(tmp_path / "tiny")
    monkeypatch.setattr(warmstart, "_EMBEDDED", tmp_path / "tiny")
    shutil.copytree(FOLDER, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def blocks() -> Iterator[tuple[str, str]]:
    for match in BLOCK.finditer(PAGE):
        yield match[1], match[2]


def command(line: str) -> str:
    """Run a line of a `sh` block; training is cut short."""
    if not line.startswith("ahdath "):
        done = subprocess.run(line, shell=True, check=True, capture_output=True, encoding="utf-8")
        return done.stdout
    short = ["--set", "epochs=6", "--set", "bf16=false"] if line.startswith("ahdath train") else []
    result = CliRunner().invoke(app, [*shlex.split(line)[1:], *short], catch_exceptions=False)
    assert result.exit_code == 0, (line, result.output)
    return result.stdout


def test_every_block_of_the_page_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran: Counter[str] = Counter()
    said: dict[str, str] = {}
    for kind, body in blocks():
        ran[kind] += 1
        if kind == "sh":
            said |= {line: command(line) for line in body.splitlines()}
        elif kind == "python":
            exec(compile(body, "docs/own-events.md", "exec"), {})
        elif kind == "yaml":
            assert any(body in path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")), body
        elif kind == "json":
            assert len(compile_record(json.loads(body), Ontology.from_yaml("sports.yaml")).events) == 1
    assert ran == {"sh": 5, "python": 3, "yaml": 2, "json": 1}
    assert "'Sport.Win', 'Sport.Transfer', 'Sport.Injury'" in capsys.readouterr().out
    _has_made_everything(folder, said)


def _has_made_everything(folder: Path, said: dict[str, str]) -> None:
    ontology = Ontology.from_yaml(folder / "sports.yaml")
    counts = {name: len(read_jsonl(folder / "compiled" / f"{name}.jsonl", ontology)) for name in ("all", "dev", "test")}
    assert counts == {"all": 34, "dev": 8, "test": 8}
    trained = EventExtractor.from_pretrained(folder / "runs" / "sports")
    assert trained.ontology == ontology
    record = json.loads((folder / "runs" / "sports" / "training.json").read_text(encoding="utf-8"))
    assert record["settings"]["encoder"] == "embedded"
    assert [epoch["epoch"] for epoch in record["dev"]] == [6]
    report = next(text for line, text in said.items() if line.startswith("ahdath evaluate"))
    assert "Sport.Win" in report
    assert "Conflict.Attack" not in report
    assert len(read_jsonl(folder / "events.jsonl")) == 5
    assert (folder / "events.csv").read_text(encoding="utf-8-sig").startswith("document")
    tasks = label_studio.read(folder / "next.json")
    lines = [json.loads(line) for line in (folder / "next.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [task.text for task in tasks] == [line["text"] for line in lines]
    assert len(tasks) == 3
    assert 'value="Sport.Injury"' in (folder / "interface.xml").read_text(encoding="utf-8")


def test_the_training_learns_the_new_types(folder: Path) -> None:
    """Not well, with a tiny network: but what it learns by heart is what the files say."""
    for line in next(body for kind, body in blocks() if "corpus compile" in body).splitlines():
        command(line)
    overrides = {"epochs": 25, "evaluate_from": 25, "learning_rate": 1e-2, "encoder_learning_rate": 2e-3, "averaging": 0.0,
                 "dropout": 0.0, "word_dropout": 0.0, "swap_share": 0.0, "bf16": "false", "dev": "compiled/all.jsonl"}  # fmt: skip
    result = CliRunner().invoke(
        app, ["train", "train.yaml", *(part for key, value in overrides.items() for part in ("--set", f"{key}={value}"))]
    )
    assert result.exit_code == 0, result.output
    final = json.loads(Path("runs/sports/training.json").read_text(encoding="utf-8"))["final"]
    assert final["eval_tc"] > 90
    assert final["eval_ac"] > 60


def test_the_corpus_is_sound_and_varied() -> None:
    ontology = Ontology.from_yaml(FOLDER / "sports.yaml")
    files = sorted((FOLDER / "written").glob("*.jsonl"))
    assert check(files, ontology, disjoint=True) == []
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    written = [compile_record(json.loads(line), ontology) for line in lines]
    assert len(written) == 32
    kinds = Counter(event.type for document in written for event in document.events)
    assert min(kinds[name] for name in ontology.type_names) >= 7
    assert sum(not document.events for document in written) >= 6
    events = [event for document in written for event in document.events]
    assert {event.polarity for event in events} == {"positive", "negative"}
    assert {event.modality for event in events} == {"asserted", "other"}


# ---------------------------------------------------------------------- the measured numbers


@pytest.mark.parametrize(
    ("page", "table"), [("own-events", suggesting.own_events_table), ("suggest", suggesting.choosing_table)]
)
def test_pages_show_what_was_measured(page: str, table: Callable[..., str]) -> None:
    """A failure here means: run `python scripts/suggest.py pages`."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert pages.places(text) == [page]
    assert text == pages.fill(text, {page: table(read_numbers(ROOT / "docs" / "suggest.json"))})


def test_the_example_of_the_other_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = python_blocks((ROOT / "docs" / "suggest.md").read_text(encoding="utf-8"))
    exec(compile(block, "docs/suggest.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert "الطقس" not in "".join(lines)
