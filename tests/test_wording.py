"""Wording: the sets are sound, toys are judged as counted by hand, and the shipped model is as steady as docs/wording.json says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import ahdath
from ahdath import EventExtractor
from ahdath.corpus import read_jsonl
from ahdath.errors import DataError
from ahdath.proof.wording import Wording, WordingSet, consistency, is_even_handed, page, read_sets
from ahdath.schema import Document, Event, Span
from ahdath.shipping import digest
from ahdath.text import words

ROOT = Path(__file__).parents[1]
FOLDER = Path(ahdath.__file__).parent / "models" / "embedded"
NUMBERS = json.loads((ROOT / "docs" / "wording.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sets() -> list[WordingSet]:
    return read_sets()


class Toy:
    """Finds the events of sets that a function lets through, with a score of its own."""

    def __init__(self, sets: Iterable[WordingSet], kinds: dict[str, str | None]) -> None:
        """`kinds` gives the type found for a term instead of the right one; None: nothing is found."""
        self.events: dict[str, list[Event]] = {}
        for group in sets:
            for one in group.wordings:
                kind = kinds.get(one.term, one.event.type)
                found = (
                    []
                    if kind is None
                    else [Event(kind, one.event.trigger, (), one.event.modality, one.event.polarity, 0.9)]
                )
                self.events[one.text] = found

    def classify_many(self, texts: Iterable[str], /) -> Iterator[Document]:
        for text in texts:
            yield Document(text, tuple(self.events[text]))

    def with_gold_triggers(self, documents: Sequence[Document], /) -> list[Document]:
        return list(documents)


# ---------------------------------------------------------------------- the sets


def test_the_sets_are_many_and_minimal(sets: list[WordingSet]) -> None:
    assert len(sets) == len({group.name for group in sets}) >= 40
    assert {"dead", "occupation", "fighters", "government"} <= {group.contrast for group in sets}
    assert len({group.type for group in sets}) >= 15
    texts = [one.text for group in sets for one in group.wordings]
    assert len(set(texts)) == len(texts)
    for group in sets:
        assert 2 <= len(group.wordings) <= 4
        first = {group.wordings[0].text[a:b] for a, b in words(group.wordings[0].text)}
        for one in group.wordings[1:]:
            other = {one.text[a:b] for a, b in words(one.text)}
            assert len(other - first) <= 3, one.text  # a choice of words, not another sentence


def test_denied_and_feared_events_are_among_them(sets: list[WordingSet]) -> None:
    told = [(group.wordings[0].event.polarity, group.wordings[0].event.modality) for group in sets]
    assert told.count(("negative", "asserted")) >= 2
    assert told.count(("positive", "other")) >= 2
    for group in sets:
        assert len({(one.event.polarity, one.event.modality) for one in group.wordings}) == 1


def test_no_sentence_stands_in_the_corpus(sets: list[WordingSet]) -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        found = [text[a:b] for a, b in words(text)]
        return {tuple(found[at : at + 6]) for at in range(len(found) - 5)}

    seen = {
        run
        for name in ("train", "dev", "test")
        for one in read_jsonl(ROOT / "seeds" / f"{name}.jsonl")
        for run in runs(one.text)
    }
    assert [one.text for group in sets for one in group.wordings if runs(one.text) & seen] == []


GOOD = {
    "name": "raid", "contrast": "attack", "type": "Conflict.Attack",
    "wordings": [
        {"term": "هجوم", "trigger": "هجوم", "text": "وقع هجوم أمس."},
        {"term": "عدوان", "trigger": "عدوان", "text": "وقع عدوان أمس."},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "Conflict.Atack"}, "type: expected one of the packaged ontology, found 'Conflict.Atack'"),
        ({"modus": "other"}, "expected an object with the keys name"),
        ({"wordings": GOOD["wordings"][:1]}, "wordings: expected two or more"),
        ({"wordings": [GOOD["wordings"][0]] * 2}, "each with a term of its own; found هجوم, هجوم"),
        ({"wordings": [{"term": "هجوم", "text": "وقع هجوم"}]}, "objects with term, trigger and text"),
        (
            {"wordings": [{"term": "a", "trigger": "هجو", "text": "وقع هجوم"}]},
            "expected it once among the words .* found 0",
        ),
        ({"wordings": [{"term": "a", "trigger": "قصف", "text": "قصف ثم قصف"}]}, "found 2"),
    ],
)
def test_an_unsound_set_is_refused(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = tmp_path / "sets.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, **change}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"sets.jsonl:2: .*{told}"):
        read_sets(path)
    path.write_text(json.dumps(GOOD) + "\n{", encoding="utf-8")
    with pytest.raises(DataError, match=r"sets\.jsonl:2: "):
        read_sets(path)


# ---------------------------------------------------------------------- toys


def test_a_system_that_reads_all_alike_is_right_everywhere(sets: list[WordingSet]) -> None:
    found = consistency(Toy(sets, {}))
    n, sentences = len(sets), sum(len(group.wordings) for group in sets)
    assert {key: found[key] for key in ("sets", "same_type", "same_told", "same_sentence", "right")} == dict.fromkeys(
        ("sets", "same_type", "same_told", "same_sentence", "right"), n
    )
    assert (found["wordings"], found["found"], found["differing"]) == (sentences, sentences, [])
    assert found["score"] == {"mean_spread": 0.0, "max_spread": 0.0}
    assert sum(one["sets"] for one in found["contrasts"].values()) == n


def test_a_system_that_does_not_know_martyrs_is_caught(sets: list[WordingSet]) -> None:
    dead = [group for group in sets if group.contrast == "dead"]
    with_term = [group for group in dead if any(one.term == "شهيد" for one in group.wordings)]
    found = consistency(Toy(dead, {"شهيد": None}), dead)
    assert found["same_type"] == found["right"] == len(dead) - len(with_term)
    assert len(found["differing"]) == len(with_term) > 5
    term = found["contrasts"]["dead"]["terms"]["شهيد"]
    assert term == {"n": len(with_term), "found": 0, "difference": pytest.approx(-0.9)}
    assert found["contrasts"]["dead"]["terms"]["قتيل"]["difference"] is None  # always the first of its set
    assert found["score"]["max_spread"] == pytest.approx(0.9)


def test_the_same_mistake_everywhere_is_the_same_but_not_right(sets: list[WordingSet]) -> None:
    dead = [group for group in sets if group.contrast == "dead"]
    terms = {one.term for group in dead for one in group.wordings}
    found = consistency(Toy(dead, dict.fromkeys(terms, "Life.Injure")), dead)
    assert (found["same_type"], found["right"], found["found"]) == (len(dead), 0, 0)


def test_polarity_and_other_events_of_the_sentence_count_apart() -> None:
    texts = ("وقع هجوم أمس.", "وقع عدوان أمس.")
    triggers = (Span.of(texts[0], 4, 8), Span.of(texts[1], 4, 9))
    terms = [span.text for span in triggers]
    wordings = [
        Wording(*row) for row in zip(terms, texts, (Event("Conflict.Attack", one) for one in triggers), strict=True)
    ]
    toy = Toy([], {})
    toy.events[texts[0]] = [Event("Conflict.Attack", triggers[0])]
    toy.events[texts[1]] = [
        Event("Conflict.Attack", triggers[1], polarity="negative"),
        Event("Life.Die", Span.of(texts[1], 10, 13)),
    ]
    found = consistency(toy, [WordingSet("raid", "attack", tuple(wordings))])
    assert (found["same_type"], found["same_told"], found["same_sentence"], found["right"]) == (1, 0, 0, 1)
    assert found["differing"][0]["wordings"][1]["told"] == [["Conflict.Attack", "negative", "asserted"]]
    text = page({"model": "0" * 64, **found})
    assert "| every wording gets the same type | 1 of 1 (100 %) |" in text
    assert "| raid | Conflict.Attack | عدوان | عدوان | Conflict.Attack negative | 1.00 |" in text
    with pytest.raises(DataError, match="no sets of wordings"):
        consistency(toy, [])


# ---------------------------------------------------------------------- the shipped model


def test_the_numbers_are_of_these_weights_and_sets(sets: list[WordingSet]) -> None:
    """A failure here means: a new model or new sets; run `python scripts/wording.py`."""
    assert NUMBERS["model"] == digest(FOLDER)
    assert (NUMBERS["sets"], NUMBERS["wordings"]) == (len(sets), sum(len(group.wordings) for group in sets))
    assert (ROOT / "docs" / "wording.md").read_text(encoding="utf-8") == page(NUMBERS)


def test_most_sets_are_read_alike() -> None:
    """Whatever a new model gains elsewhere: who the dead, the soldiers and the fighters are called may hardly matter."""
    assert is_even_handed(NUMBERS)
    one_less = {name: {**one, "same_type": one["same_type"] - (name == "fighters")} for name, one in NUMBERS["contrasts"].items()}
    assert not is_even_handed({**NUMBERS, "contrasts": one_less})


def test_the_shipped_model_is_as_steady_as_it_was(sets: list[WordingSet]) -> None:
    contrast = [group for group in sets if group.contrast == "dead"]
    now, before = consistency(EventExtractor.from_pretrained(), contrast), NUMBERS["contrasts"]["dead"]
    assert (now["sets"], now["wordings"]) == (before["sets"], before["wordings"])
    for key in ("same_type", "same_told", "right", "found"):
        assert now[key] >= before[key], key
    assert now["score"]["mean_spread"] < before["score"]["mean_spread"] + 0.01
