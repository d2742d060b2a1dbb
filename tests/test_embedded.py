"""The default that ships: it is there, small, safe to load, and still does what docs/benchmarks.json says it did."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ahdath
from ahdath import EventExtractor
from ahdath.corpus import read_jsonl
from ahdath.proof import article, robustness
from ahdath.proof.pages import SECTIONS
from ahdath.schema import Document
from ahdath.shipping import LIMIT, digest

ROOT = Path(__file__).parents[1]
FOLDER = Path(ahdath.__file__).parent / "models" / "embedded"
RANK = {"no": 0, "overlap": 1, "exact": 2}


@pytest.fixture(scope="module")
def shipped() -> EventExtractor:
    return EventExtractor.from_pretrained()


@pytest.fixture(scope="module")
def paragraphs() -> list[Document]:
    return read_jsonl(ROOT / "seeds" / "article.jsonl")


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    return found


def test_it_is_complete_and_small() -> None:
    files = {path.name: path.stat() for path in FOLDER.iterdir()}
    assert sorted(files) == [
        "README.md", "config.json", "graphs.json", "lexicon.json", "model.safetensors", "pairs.onnx", "tokenizer.json",
        "tokenizer_config.json", "words.onnx",
    ]  # fmt: skip
    assert sum(stat.st_size for stat in files.values()) <= LIMIT == 30_000_000
    assert all(stat.st_mode & 0o044 for stat in files.values())  # readable for whoever installs it


def test_nothing_in_it_is_a_pickle() -> None:
    for path in FOLDER.iterdir():
        head = path.read_bytes()[:64]
        assert path.suffix in (".json", ".md", ".onnx", ".safetensors")
        if path.suffix == ".safetensors":
            assert head[8:9] == b"{"  # eight bytes of length, then JSON: the layout of safetensors
        elif path.suffix == ".onnx":
            assert head[:2] == b"\x08\x08"  # ir_version 8, the first field of a protobuf graph
        else:
            path.read_bytes().decode("utf-8")


def test_it_holds_no_path_of_who_trained_it() -> None:
    for name in ("config.json", "tokenizer_config.json"):
        assert "_or_path" not in (FOLDER / name).read_text(encoding="utf-8")


def test_all_numbers_are_of_these_weights(numbers: dict[str, Any]) -> None:
    """A failure here means: a new model was put in; run `python scripts/benchmark.py all` and `readme`."""
    assert list(numbers) == list(SECTIONS)
    assert {name: numbers[name]["model"] for name in SECTIONS} == dict.fromkeys(SECTIONS, digest(FOLDER))


def test_it_has_the_packaged_ontology_and_is_calibrated(shipped: EventExtractor) -> None:
    assert shipped.ontology == ahdath.Ontology.default()
    assert 0.2 <= shipped.config.threshold <= 0.8


def test_the_article_still_passes_what_it_passed(shipped: EventExtractor, numbers: dict[str, Any]) -> None:
    recorded = numbers["article"]
    found = article(shipped, ROOT / "seeds")
    assert len(found["checks"]) == len(recorded["checks"]) == 15
    for now, before in zip(found["checks"], recorded["checks"], strict=True):
        assert now["name"] == before["name"]
        assert now["found"] >= before["found"], now
        assert RANK[now["argument"]] >= RANK[before["argument"]], now
    for kind in ("paragraphs", "whole"):
        for measure, scores in recorded[kind].items():
            assert found[kind][measure]["f1"] > scores["f1"] - 0.01, (kind, measure)


def test_it_finds_at_least_the_withdrawal_and_the_air_raids(numbers: dict[str, Any]) -> None:
    """Whatever a new model gains elsewhere: an article about a withdrawal and bombing must show both."""
    found = {(row["type"], row["trigger"]) for row in numbers["article"]["checks"] if row["found"]}
    assert {("Conflict.Withdraw", "سحب"), ("Conflict.Attack", "قصفت")} <= found


def test_spellings_that_normalisation_undoes_change_nothing(shipped: EventExtractor, paragraphs: list[Document]) -> None:
    for seed in range(3):
        found = robustness(shipped, paragraphs, seed=seed, typo_seeds=1)["spelling"]
        assert found["changed_words"] > 150
        assert found["events"] > 10
        assert found["changed_events"] == 0


def test_a_paragraph_has_the_same_events_alone_and_in_a_file(shipped: EventExtractor, paragraphs: list[Document]) -> None:
    alone = list(shipped.classify_many(document.text for document in paragraphs))
    together = shipped.classify("\n".join(document.text for document in paragraphs))
    start, events = 0, []
    for document in alone:
        for event in document.events:
            spans = (event.trigger, *(argument.span for argument in event.arguments))
            events.append((event.type, [(span.start + start, span.end + start) for span in spans]))
        start += len(document.text) + 1
    assert events == [
        (event.type, [(span.start, span.end) for span in (event.trigger, *(a.span for a in event.arguments))])
        for event in together.events
    ]


def test_the_public_functions_use_it(shipped: EventExtractor, paragraphs: list[Document]) -> None:
    text = paragraphs[0].text
    assert replace(ahdath.classify(text), model=None) == replace(shipped.classify(text), model=None)
    assert [document.text for document in ahdath.classify_many([text, text])] == [text, text]


def test_importing_loads_nothing_heavy() -> None:
    program = "import sys, ahdath; print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_card_is_filled() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "no human reader checked them" in card
    assert "not measured" not in card
