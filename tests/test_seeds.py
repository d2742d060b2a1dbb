"""The published corpus: that it is what its sources, its data card and its licence say."""

from __future__ import annotations

import json
import os
from itertools import combinations
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub

from ahdath.corpus import (
    check,
    compile_corpus,
    features,
    from_dataset,
    read_jsonl,
    shared_ngrams,
    statistics,
    statistics_markdown,
)
from ahdath.ontology import Ontology
from ahdath.schema import Document

SEEDS = Path(__file__).parents[1] / "seeds"
NAMES = ("train", "dev", "test", "article")
BEGIN, END = "<!-- stats:begin -->\n", "<!-- stats:end -->"
REGENERATE = """the card's tables are out of date; put this between its markers:
python -c "from ahdath.corpus import *; print(statistics_markdown({n: read_jsonl(f'seeds/{n}.jsonl') \
for n in ('train', 'dev', 'test', 'article')}))"
"""


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Document]]:
    return {name: read_jsonl(SEEDS / f"{name}.jsonl", Ontology.default()) for name in NAMES}


def test_nothing_is_wrong_and_no_two_files_share_an_eight_gram() -> None:
    assert check([SEEDS / f"{name}.jsonl" for name in NAMES], disjoint=True) == []


@pytest.mark.parametrize(("one", "other"), list(combinations(NAMES, 2)))
def test_no_eight_gram_of_words_crosses_a_split(
    splits: dict[str, list[Document]], one: str, other: str
) -> None:
    assert shared_ngrams(splits[one], splits[other], n=8) == {}


def test_the_leak_test_can_fail(splits: dict[str, list[Document]]) -> None:
    assert len(shared_ngrams(splits["dev"], splits["dev"][:1], n=8)) > 3


def test_the_files_are_compiled_from_the_sources(tmp_path: Path) -> None:
    (tmp_path / "article.txt").write_bytes((SEEDS / "article.txt").read_bytes())
    counts = compile_corpus(SEEDS / "source", tmp_path)
    assert sorted(counts) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (SEEDS / f"{name}.jsonl").read_bytes(), (
            f"seeds/{name}.jsonl is not what its sources say: run `ahdath corpus compile`"
        )


def test_every_batch_is_where_the_split_file_puts_it(splits: dict[str, list[Document]]) -> None:
    split = json.loads((SEEDS / "source" / "SPLIT.json").read_text(encoding="utf-8"))
    assert split["test"] == ["africa", "maghreb"]
    assert split["dev"] == ["world", "local"]
    batches = {name: {d.meta["batch"] for d in documents} for name, documents in splits.items()}
    assert batches["test"] == set(split["test"])
    assert batches["dev"] == set(split["dev"])
    assert batches["article"] == set(split["apart"]) == {"seed-article"}
    every = {path.stem for path in (SEEDS / "source").glob("*.jsonl")}
    assert batches["train"] == every - batches["test"] - batches["dev"] - batches["article"]


def test_the_held_out_slices_are_fixed(splits: dict[str, list[Document]]) -> None:
    assert {name: len(splits[name]) for name in ("dev", "test", "article")} == {
        "dev": 180,
        "test": 180,
        "article": 12,
    }
    assert len(splits["train"]) >= 1160


def test_the_article_stands_at_its_offsets(splits: dict[str, list[Document]]) -> None:
    article = (SEEDS / "article.txt").read_bytes().decode("utf-8")
    ends = [0]
    for document in splits["article"]:
        start = document.meta["start"]
        assert article[start : start + len(document.text)] == document.text
        assert not article[ends[-1] : start].strip()  # nothing of the article is left out
        ends.append(start + len(document.text))
    assert not article[ends[-1] :].strip()


def test_rows_are_compact_and_have_the_same_keys() -> None:
    for name in NAMES:
        lines = (SEEDS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        for line in lines:
            row = json.loads(line)
            assert list(row) == ["id", "text", "events", "sentences", "meta"]
            assert list(row["meta"]) == ["batch", "start"]
            assert line == json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def test_triggers_lie_in_sentences_of_their_type(splits: dict[str, list[Document]]) -> None:
    for documents in splits.values():
        for document in documents:
            for event in document.events:
                inside = [s for s in document.sentences if s.start <= event.trigger.start < s.end]
                assert [event.type in sentence.types for sentence in inside] == [True], document.id


def test_every_type_and_role_has_examples_to_learn_from(splits: dict[str, list[Document]]) -> None:
    found = statistics(splits["train"])
    assert set(found["by_type"]) == set(Ontology.default().type_names)
    assert set(found["by_role"]) == set(Ontology.default().role_names)
    assert min(found["by_type"].values()) >= 50


def test_datasets_loads_it_offline(splits: dict[str, list[Document]], tmp_path: Path) -> None:
    from datasets import load_dataset

    files = {name: str(SEEDS / f"{name}.jsonl") for name in NAMES}
    loaded = load_dataset("json", data_files=files, features=features(), cache_dir=str(tmp_path))
    assert loaded["train"].features == features()
    for name, documents in splits.items():
        assert from_dataset(loaded[name], Ontology.default()) == documents
    assert any(not row["events"] for row in loaded["train"])


def test_the_data_card_is_up_to_date(splits: dict[str, list[Document]]) -> None:
    card = (SEEDS / "DATACARD.md").read_text(encoding="utf-8")
    tables = card[card.index(BEGIN) + len(BEGIN) : card.index(END)]
    assert tables.strip() == statistics_markdown(splits).strip(), REGENERATE


def test_the_data_card_says_plainly_how_it_came_to_be() -> None:
    card = " ".join((SEEDS / "DATACARD.md").read_text(encoding="utf-8").replace("**", "").split())
    for said in (
        "composed by language models",
        "annotations were made by language models",
        "re-read and corrected once, by another pass",
        "between such passes",
        "No human reader has checked the corpus",
        "CC BY 4.0",
    ):
        assert said in card


def test_the_files_that_the_card_names_are_there() -> None:
    card = (SEEDS / "DATACARD.md").read_text(encoding="utf-8")
    listing = card[card.index("## Files") : card.index("## A row")]
    for line in listing.splitlines():
        if line.startswith("    "):
            for name in line[4:].split("   ")[0].split():
                assert list(SEEDS.glob(name)), name


def test_licences() -> None:
    apache = (SEEDS.parent / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in apache
    assert "END OF TERMS AND CONDITIONS" in apache
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in (SEEDS / "LICENSE").read_text(
        encoding="utf-8"
    )


def test_the_card_shows_a_real_row(splits: dict[str, list[Document]]) -> None:
    row = next(document for document in splits["test"] if document.id == "africa-002")
    (event,) = row.events
    assert (event.type, event.trigger.to_dict()) == (
        "Movement.Displace",
        {"text": "وصلوا", "start": 37, "end": 42},
    )
    origin = next(a for a in event.arguments if a.role == "Origin")
    assert (origin.span.text, origin.span.start, origin.span.end) == ("الفاشر", 30, 36)
    assert (row.sentences[0].start, row.sentences[0].end) == (0, 63)
