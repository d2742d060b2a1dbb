"""`proof.encoders`: runs that differ in their encoder -> differences, the table of cheap gains, docs/encoder.md."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ahdath.corpus import write_jsonl
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.metrics import compare
from ahdath.proof import encoders, pages
from ahdath.proof.encoders import Gain, compared, differing, gains_table, parse_runs, read_gains, table
from ahdath.schema import Document

ROOT = Path(__file__).parents[1]


def without(documents: list[Document], *names: str) -> list[Document]:
    """The documents, those of `names` without events."""
    return [
        replace(d, events=(), sentences=tuple(replace(s, types=()) for s in d.sentences)) if d.id in names else d
        for d in documents
    ]


def run(folder: Path, **settings: Any) -> Path:
    """A folder that looks like a finished run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")
    return folder


# ---------------------------------------------------------------------- comparing


def test_scores_of_each_seed_and_pooled_differences(documents: list[Document]) -> None:
    weak, weaker = without(documents, "tiny-1"), without(documents, "tiny-1", "tiny-5")
    found = compared(documents, {"start": [weak, weaker], "best": [documents, documents]}, against="start", bootstrap=200)
    events = sum(len(d.events) for d in documents)  # tiny-1 and tiny-5 have two each
    assert events == 12
    assert found["documents"] == 8
    assert [one["TC"] for one in found["systems"]["start"]] == [round(100 * 20 / 22, 3), round(100 * 16 / 20, 3)]
    assert found["systems"]["best"] == [{"TC": 100.0, "AC+": 100.0, "sentence types": 100.0}] * 2
    gap = found["differences"]["best"]["TC"]
    pooled = round(100 * 2 * 18 / (24 + 18), 3)  # 10 and 8 right of 24
    assert (gap["a"], gap["b"], gap["difference"]) == (100.0, pooled, round(100 - pooled, 3))
    assert 0 <= gap["interval"][0] < gap["difference"] < gap["interval"][1]
    assert set(found["differences"]) == {"best"}


def test_one_seed_is_what_metrics_compare_says(documents: list[Document]) -> None:
    weak = without(documents, "tiny-2", "tiny-6")
    found = compared(documents, {"a": [weak], "b": [documents]}, against="b", bootstrap=100, seed=3)["differences"]["a"]
    for name, told in compare(documents, weak, documents, bootstrap=100, seed=3).items():
        if name in found:
            assert told.interval is not None
            assert found[name]["difference"] == pytest.approx(100 * told.difference, abs=1e-3)
            assert found[name]["interval"] == pytest.approx([100 * edge for edge in told.interval], abs=1e-3)
            assert found[name]["p"] == pytest.approx(told.p, abs=1e-4)
    assert set(found) == set(encoders.MEASURES)


def test_an_encoder_against_itself_differs_in_nothing(documents: list[Document]) -> None:
    found = compared(documents, {"a": [documents], "b": [documents]}, against="a", bootstrap=50)["differences"]["b"]["TC"]
    assert found == {"a": 100.0, "b": 100.0, "difference": 0.0, "interval": [0.0, 0.0], "p": 1.0}


def test_answers_about_other_texts_are_refused(documents: list[Document]) -> None:
    with pytest.raises(DataError):
        compared(documents, {"a": [documents[:-1]]}, against="a", bootstrap=10)


# ---------------------------------------------------------------------- runs


def test_runs_are_read_from_a_command_line(tmp_path: Path) -> None:
    one, two, three = (run(tmp_path / name) for name in ("a-0", "a-1", "b-0"))
    assert parse_runs([f"half hour={one}, {two}", f"final={three}"]) == {"half hour": (one, two), "final": (three,)}
    for given in ("half hour", "=x", "a=", "a= , "):
        with pytest.raises(ConfigError, match="expected name=folder"):
            parse_runs([given])
    with pytest.raises(ConfigError, match="expected each name once"):
        parse_runs([f"a={one}", f"a={two}"])
    with pytest.raises(ConfigError, match=r"expected a finished run \(training.json\)"):
        parse_runs([f"a={tmp_path / 'nothing'}"])


def test_settings_that_differ_are_named(tmp_path: Path) -> None:
    one = run(tmp_path / "0", encoder="a", seed=0, output="x", epochs=14, loss_weights={})
    two = run(tmp_path / "1", encoder="b", seed=1, output="y", epochs=14, loss_weights={}, newer=True)
    three = run(tmp_path / "2", encoder="b", seed=1, output="y", epochs=12, loss_weights={"mention": 1.0})
    assert differing({"a": [one], "b": [two]}) == []
    assert differing({"a": [one], "b": [two, three]}) == ["epochs", "loss_weights"]
    (three / "training.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="expected a finished run"):
        differing({"b": [three]})


def test_an_unknown_base_is_told_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"against 'half': expected one of final, halfs \(did you mean 'halfs'"):
        encoders.measure({"final": (), "halfs": ()}, {}, against="half")


# ---------------------------------------------------------------------- cheap gains


def test_gains_are_read_and_shown(tmp_path: Path) -> None:
    rows = [{"name": "base", "changed": "–", "validation_loss": 5.25, "TC": 76, "AC+": 40.25},
            {"name": "masks", "changed": "15 | 20 %", "validation_loss": None}]  # fmt: skip
    (tmp_path / "gains.json").write_text(json.dumps(rows), encoding="utf-8")
    found = read_gains(tmp_path / "gains.json")
    assert found == [Gain("base", "–", 5.25, 76, 40.25), Gain("masks", "15 | 20 %")]
    assert found[0].to_dict() == rows[0]
    assert gains_table(found).splitlines()[2:] == ["| base | – | 5.250 | 76.0 | 40.2 |", "| masks | 15 \\| 20 % | – | – | – |"]
    assert gains_table([]) == "Not measured yet."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected a JSON list of measured rows, found: "),
        ("{}", "expected a JSON list of measured rows, found dict"),
        ("[1]", "row 1: expected an object, found 1"),
        ('[{"name": "a", "changed": "b"}, {"name": "a"}]', "row 2: expected changed, found none"),
        ('[{"name": "a", "changed": "b", "loss": 1}]', "row 1: unknown key 'loss'"),
        ('[{"name": "a", "changed": "b", "TC": "76"}]', "row 1, TC: expected a number or null, found '76'"),
        ('[{"name": "a", "changed": "b", "TC": true}]', "row 1, TC: expected a number or null, found True"),
        ('[{"name": 1, "changed": "b"}]', "row 1, name: expected a text, found 1"),
    ],
)
def test_damaged_gains_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "gains.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_gains(tmp_path / "gains.json")


# ---------------------------------------------------------------------- tables and the page


def test_the_table_says_what_the_numbers_say(documents: list[Document]) -> None:
    weak = without(documents, "tiny-1")
    answers = {"start": [weak, documents], "best": [documents, documents]}
    part = compared(documents, answers, against="start", bootstrap=100)
    told = table({"against": "start", "bootstrap": 100, "differing": ["epochs"], "data": {"dev": part}})
    assert told.startswith("dev, 8 paragraphs:\n\n| encoder | seeds | TC |")
    low, high = (part["differences"]["best"]["TC"]["interval"][at] for at in (0, 1))
    gap = f"{part['differences']['best']['TC']['difference']:+.1f} ({low:+.1f} … {high:+.1f})"
    assert f"| best | 2 | 100.0 (100.0–100.0) | 100.0 (100.0–100.0) | 100.0 (100.0–100.0) | {gap} |" in told
    assert "| start | 2 | 95.5 (90.9–100.0) |" in told
    assert {line.count("|") for line in told.splitlines() if line.startswith("|")} == {9}
    assert told.endswith("The runs differ in more than encoder and seed: epochs.")
    assert table(None) == "Not measured yet."


def test_the_script_reads_runs_and_fills_the_page(
    documents: list[Document], noisy: Callable[..., EventExtractor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for seed in (0, 1):
        noisy("embedded", seed).save_pretrained(tmp_path / f"run-{seed}")
        run(tmp_path / f"run-{seed}", encoder=str(seed), seed=seed)
    for name, part in (("dev", documents[:4]), ("test", documents[4:])):
        write_jsonl(tmp_path / f"{name}.jsonl", part)
    (tmp_path / "gains.json").write_text('[{"name": "base", "changed": "nothing", "TC": 76.5}]', encoding="utf-8")
    docs = tmp_path / "docs"
    docs.mkdir()
    page = (ROOT / "docs" / "encoder.md").read_text(encoding="utf-8")
    (docs / "encoder.md").write_text(page, encoding="utf-8")
    asked = ["encoders.py", "--runs", f"half-hour={tmp_path / 'run-0'}", "--runs", f"final={tmp_path / 'run-1'}", "--seeds",
             str(tmp_path), "--bootstrap", "20", "--output", str(docs), "--gains", str(tmp_path / "gains.json")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", asked)
    runpy.run_path(str(ROOT / "scripts" / "encoders.py"), run_name="__main__")
    assert "final: " in capsys.readouterr().out
    kept = json.loads((docs / "encoder.json").read_text(encoding="utf-8"))
    assert set(kept) == {"encoders", "gains"}
    assert {part: one["documents"] for part, one in kept["encoders"]["data"].items()} == {"dev": 4, "test": 4}
    own = EventExtractor.from_pretrained(tmp_path / "run-1", runtime="torch")
    answers = [replace(own.classify(d.text), id=d.id) for d in documents[4:]]
    again = compared(documents[4:], {"final": [answers]}, against="final", bootstrap=1)
    assert kept["encoders"]["data"]["test"]["systems"]["final"] == again["systems"]["final"]
    filled = (docs / "encoder.md").read_text(encoding="utf-8")
    assert "| base | nothing | – | 76.5 | – |" in filled
    assert "dev, 4 paragraphs:" in filled
    monkeypatch.setattr(sys, "argv", ["encoders.py", "--output", str(docs)])  # the page anew from the numbers
    (docs / "encoder.md").write_text(page, encoding="utf-8")
    runpy.run_path(str(ROOT / "scripts" / "encoders.py"), run_name="__main__")
    assert (docs / "encoder.md").read_text(encoding="utf-8") == filled


def test_the_committed_page_is_that_of_the_committed_numbers(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "encoder.md").read_text(encoding="utf-8")
    assert pages.places(page) == ["ner", "ner-types", "encoders", "gains"]
    (tmp_path / "encoder.md").write_text(pages.fill(page, dict.fromkeys(pages.places(page), "")), encoding="utf-8")
    if (ROOT / "docs" / "encoder.json").exists():
        (tmp_path / "encoder.json").write_bytes((ROOT / "docs" / "encoder.json").read_bytes())
    encoders.write_page(tmp_path)
    assert (tmp_path / "encoder.md").read_text(encoding="utf-8") == page


def test_a_page_without_a_place_is_refused_and_no_page_is_none(tmp_path: Path) -> None:
    encoders.write_page(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "encoder.md").write_text("# empty\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected the marks"):
        encoders.write_page(tmp_path)
