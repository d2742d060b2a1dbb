"""Proof: the article, spelling, speed and the table of systems, with toys whose numbers are counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ahdath import proof
from ahdath.augment import typo
from ahdath.corpus import read_jsonl, with_sentences
from ahdath.errors import DataError
from ahdath.inference import EventExtractor
from ahdath.proof import pages, speed, systems
from ahdath.proof.founding import Check, as_one_text, read_checks, run_checks
from ahdath.proof.spelling import event_changes
from ahdath.proof.systems import Answers
from ahdath.schema import Argument, Document, Event, Span
from ahdath.text import normalize, words
from ahdath.training import TrainConfig

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"
TEXT = "قصفت القوات حلب ثم قصفت إدلب"
SECOND = TEXT.rindex("قصفت")


def place(text: str, part: str, start: int = 0) -> Span:
    at = text.index(part, start)
    return Span(at, at + len(part), part)


def attack(trigger: int, *arguments: tuple[str, str], kind: str = "Conflict.Attack") -> Event:
    made = tuple(Argument(role, place(TEXT, part)) for role, part in arguments)
    return Event(kind, Span(trigger, trigger + 4, "قصفت"), made)


class Says:
    """Answers a text with what it was told, and any other with nothing."""

    def __init__(self, *documents: Document) -> None:
        self.known = {document.text: document for document in documents}

    def classify(self, text: str) -> Document:
        return self.known.get(text, Document(text))

    def classify_many(self, texts: Iterable[str]) -> Iterator[Document]:
        return (self.classify(text) for text in texts)

    def with_gold_triggers(self, documents: Sequence[Document]) -> list[Document]:
        return list(documents)


# ---------------------------------------------------------------------- the article


@pytest.fixture(scope="module")
def paragraphs() -> list[Document]:
    return read_jsonl(SEEDS / "article.jsonl")


@pytest.fixture(scope="module")
def checks(paragraphs: list[Document]) -> list[Check]:
    return read_checks(SEEDS / "article.checks.jsonl", paragraphs)


def test_the_fifteen_events_are_those_that_a_reader_would_miss(checks: list[Check]) -> None:
    assert len(checks) == len({(c.document, c.event.trigger, c.event.type) for c in checks}) == 15
    chosen = {(check.event.type, check.event.trigger.text, check.key.span.text) for check in checks}
    assert chosen >= {
        ("Conflict.Withdraw", "سحب", "القوات الروسية"),
        ("Contact.Meet", "لقائه", "بالرئيس السوري بشار الاسد"),
        ("Movement.Travel", "زيارة", "لقاعدة حميميم الروسية"),
        ("Conflict.Attack", "قصفت", "مدينة تلبيسة"),
        ("Conflict.SeizeControl", "طردت", "تنظيم داعش"),
        ("Life.Die", "قتيل", "17 ارهابيا"),
        ("Life.Injure", "ومصاب", "17 ارهابيا"),
    }
    talbiseh = next(check for check in checks if check.key.span.text == "مدينة تلبيسة")
    assert (talbiseh.document, talbiseh.event.trigger.start) == ("seed-09", 187)  # the second قصفت


def test_a_system_that_knows_the_article_passes_everything(paragraphs: list[Document]) -> None:
    whole = as_one_text((SEEDS / "article.txt").read_bytes().decode("utf-8"), paragraphs)
    assert len(whole.events) == sum(len(document.events) for document in paragraphs) == 49
    found = proof.article(Says(whole, *paragraphs), SEEDS)
    perfect = {name: {"precision": 1.0, "recall": 1.0, "f1": 1.0} for name in ("TC", "AC+", "AC+ overlap")}
    assert found["paragraphs"] == found["whole"] == perfect
    assert found["passed"] == {"of": 15, "trigger": 15, "exact": 15, "overlap": 15}
    assert pages.section("article", found).count("| pass |") == 30


def test_a_system_that_knows_one_paragraph_is_scored_by_hand(paragraphs: list[Document]) -> None:
    """seed-01 has 4 of the 49 events and three of the checks; its text alone says nothing of the whole."""
    found = proof.article(Says(paragraphs[0]), SEEDS)
    assert found["paragraphs"]["TC"] == {"precision": 1.0, "recall": 4 / 49, "f1": 2 * 4 / (49 + 4)}
    assert found["whole"]["TC"]["f1"] == 0.0
    assert found["passed"] == {"of": 15, "trigger": 3, "exact": 3, "overlap": 3}
    assert [row["name"] for row in found["checks"] if row["found"]] == [row["name"] for row in found["checks"][:3]]


def test_a_check_asks_for_trigger_type_and_key_argument() -> None:
    wanted = Check("the bombing", "a", attack(SECOND, ("Target", "إدلب")))

    def run(*events: Event) -> tuple[bool, str]:
        (row,) = run_checks([wanted], [Document(TEXT, events, id="a")])
        return row["found"], row["argument"]

    assert run() == (False, "no")
    assert run(attack(0, ("Target", "إدلب"))) == (False, "no")  # the first قصفت is another event
    assert run(attack(SECOND, ("Target", "إدلب"), kind="Conflict.Threaten")) == (False, "no")
    assert run(attack(SECOND)) == (True, "no")
    assert run(attack(SECOND, ("Place", "إدلب"))) == (True, "no")
    assert run(attack(SECOND, ("Target", "قصفت إدلب"))) == (True, "overlap")
    assert run(attack(SECOND, ("Target", "حلب"), ("Target", "إدلب"))) == (True, "exact")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"document": "seed-99"}, "seed-99"),
        ({"type": "Contact.Call"}, "annotated with"),
        ({"trigger": {"text": "سحب", "occurrence": 2}}, "annotated with"),
        ({"argument": {"role": "Object", "text": "سوريا"}}, "annotated with"),
    ],
)
def test_a_check_that_the_annotation_lacks_is_refused(
    change: dict[str, Any], told: str, paragraphs: list[Document], tmp_path: Path
) -> None:
    row = json.loads((SEEDS / "article.checks.jsonl").read_text(encoding="utf-8").splitlines()[0])
    (tmp_path / "checks.jsonl").write_text(json.dumps({**row, **change}), encoding="utf-8")
    with pytest.raises(DataError, match=f"checks.jsonl:1: .*{told}"):
        read_checks(tmp_path / "checks.jsonl", paragraphs)


# ---------------------------------------------------------------------- spelling


class Finds:
    """Says that every word of a set is an attack, its neighbour on the left the target; `spell` comes first."""

    def __init__(self, spell: Callable[[str], str], *triggers: str) -> None:
        self.spell, self.triggers = spell, {spell(word) for word in triggers}

    def classify_many(self, texts: Iterable[str]) -> Iterator[Document]:
        for text in texts:
            spans = words(text)
            events = []
            for (start, end), after in zip(spans, [*spans[1:], None], strict=True):
                if self.spell(text[start:end]) in self.triggers:
                    targets = () if after is None else (Argument("Target", Span.of(text, *after)),)
                    events.append(Event("Conflict.Attack", Span.of(text, start, end), targets))
            yield with_sentences(Document(text, tuple(events)))

    def with_gold_triggers(self, documents: Sequence[Document]) -> list[Document]:
        return list(documents)


BOMBED = "قصفت الطائرات المدينة الأولى ثم هاجمت القوات القرية وقصفت إحدى المناطق البعيدة مدافع الجيش"


def bombed(copies: int) -> list[Document]:
    """Paragraphs of 14 words with three attacks each, annotated as `Finds` finds them."""
    (document,) = Finds(normalize, "قصفت", "هاجمت", "وقصفت").classify_many([BOMBED])
    assert len(document.events) == 3
    return [replace(document, id=str(number)) for number in range(copies)]


def test_a_system_that_normalises_is_blind_to_spelling() -> None:
    found = proof.robustness(Finds(normalize, "قصفت", "هاجمت", "وقصفت"), bombed(20))["spelling"]
    assert (found["words"], found["events"], found["changed_events"]) == (280, 60, 0)
    assert 100 < found["changed_words"] < 200


def test_a_system_that_does_not_normalise_is_caught() -> None:
    found = proof.robustness(Finds(str, "قصفت", "هاجمت", "وقصفت"), bombed(20))["spelling"]
    assert found["events"] == 60
    assert 20 < found["changed_events"] <= 60  # lost ones only: respelled triggers become no others


def test_what_typos_cost_is_the_difference_of_tc() -> None:
    """A system that finds one word only: TC before is 1, after it 2c / (n + c), c the triggers that stay."""
    documents = bombed(12)
    found = proof.robustness(Finds(normalize, "قصفت", "هاجمت", "وقصفت"), documents, typo_seeds=2, every=4)["typo"]
    assert (found["before"], found["every"], len(found["runs"])) == (1.0, 4, 2)
    expected = []
    for number in (1, 2):
        kept = 0
        for at, document in enumerate(documents):
            changed = typo(document, np.random.default_rng((number, at)), 4)
            kept += sum(normalize(e.trigger.text) in {"قصفت", "هاجمت", "وقصفت"} for e in changed.events)
        assert 0 < kept < 36
        expected.append(2 * kept / (36 + kept))
    assert found["runs"] == pytest.approx(expected)
    assert found["after"] == pytest.approx(sum(expected) / 2)
    assert found["drop"] == pytest.approx(100 - 50 * sum(expected))


def test_any_change_of_an_event_counts() -> None:
    def answer(*events: Event) -> Document:
        return Document(TEXT, events)

    plain = attack(0, ("Agent", "القوات"), ("Target", "حلب"))
    assert event_changes(answer(plain), answer(replace(plain, score=0.5))) == 0
    for other in (
        replace(plain, modality="other"),
        replace(plain, polarity="negative"),
        replace(plain, type="Conflict.Threaten"),
        replace(plain, arguments=plain.arguments[:1]),
        attack(0, ("Agent", "القوات حلب"), ("Target", "حلب")),
        attack(SECOND, ("Agent", "القوات"), ("Target", "حلب")),
    ):
        assert event_changes(answer(plain), answer(other)) == 2
    assert event_changes(answer(plain), answer(plain, attack(SECOND))) == 1


# ---------------------------------------------------------------------- speed


def test_latency_is_median_and_p95_after_the_warm_up() -> None:
    """Twelve singles of 1, 2, … 12 ms, of which two warm up, then three passes of 100, 300 and 200 ms."""
    ticks = [0.0]
    for milliseconds in [*range(1, 13), 100, 300, 200]:
        ticks += [ticks[-1], ticks[-1] + milliseconds / 1000]
    clock = iter(ticks[1:])
    texts = ["حلب " * 60, "حلب " * 59, "حلب"]
    found = proof.latency(Says(), texts, runs=10, warm_up=2, clock=lambda: next(clock))
    assert found["median_ms"] == pytest.approx(7.5)
    assert found["p95_ms"] == pytest.approx(float(np.percentile(range(3, 13), 95)))
    assert found["paragraphs_per_s"] == pytest.approx(3 / 0.2)
    assert found["words_per_s"] == pytest.approx(120 / 0.2)
    assert found["words"] == {"shortest": 1, "longest": 60}
    with pytest.raises(DataError, match="paragraphs to time"):
        proof.latency(Says(), [])


def test_cold_start_measures_fresh_processes(embedded: EventExtractor, tmp_path: Path) -> None:
    embedded.save_pretrained(tmp_path / "model")
    (tmp_path / "text.txt").write_text("قصفت القوات السورية مدينة تلبيسة أمس.", encoding="utf-8")
    found = proof.cold_start(tmp_path / "text.txt", model=tmp_path / "model", runs=1)
    assert found["heavy"] == []
    assert 0 < found["import_s"] < found["first_answer_s"] < 120
    assert 50 < found["peak_mib"] < 4000
    assert found["events"] == len(embedded.classify((tmp_path / "text.txt").read_text(encoding="utf-8")).events)


def test_a_fresh_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_ANSWER", "import sys; sys.exit('no ' + sys.argv[1])")
    with pytest.raises(DataError, match="a fresh process failed: no model"):
        proof.cold_start("model")


def test_fine_tuning_is_timed_over_one_epoch_more(tiny_settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    """One epoch takes 30 s, two take 50: so 20 s an epoch and 10 s beside them; seven epochs of 8 paragraphs are 150 s."""
    ticks = iter([0.0, 30.0, 100.0, 150.0])
    settings = tiny_settings("embedded", tmp_path / "never", epochs=7)
    found = proof.fine_tuning(settings, clock=lambda: next(ticks))
    assert found == {"paragraphs": 8, "epochs": 7, "epoch_s": 20.0, "once_s": 10.0, "minutes_per_1000": 2.5 * 125}
    assert not (tmp_path / "never").exists()


def test_the_environment_names_what_times_depend_on() -> None:
    found = speed.environment()
    assert all(found.values())
    assert found["torch"] == torch.__version__


# ---------------------------------------------------------------------- the table of systems


def answers(system: str, run: str, *found: Event) -> Answers:
    return Answers(system, run, [Document(TEXT, found)], [Document(TEXT, GOLD.events)])


GOLD = Document(TEXT, (attack(0, ("Target", "حلب")), attack(SECOND, ("Target", "إدلب"))), id="gold")
WRONG = attack(0, kind="Conflict.Threaten")


def test_seeds_median_coder_and_shipped_stand_in_one_table() -> None:
    """TC F1 of the seeds: 1 (both right), 2/3 (one of two), 0; the median is the second of them."""
    found = systems.table(
        [GOLD],
        [
            answers("embedded", "s0", *GOLD.events),
            answers("embedded", "s1", attack(0, ("Target", "حلب"))),
            answers("embedded", "s2", WRONG),
            answers("embedded, as shipped", "embedded", *GOLD.events),
            Answers("lexicon coder", "", [Document(TEXT, (WRONG, attack(SECOND)))], None),
        ],
        bootstrap=20,
    )
    assert [run["TC f1"] for run in found["systems"]["embedded"]] == [1.0, 0.66667, 0.0]
    assert found["median"] == "s1"
    assert found["systems"]["lexicon coder"][0]["TC f1"] == 0.5
    tc = found["differences"]["TC"]
    assert (tc["a"], tc["b"]) == (pytest.approx(2 / 3), 0.5)
    assert tc["difference"] == pytest.approx(1 / 6)
    shipped = found["shipped"]
    assert shipped["measures"]["AC+"]["f1"] == 1.0
    assert shipped["gold_triggers"]["measures"]["AC+"]["correct"] == 2
    assert shipped["types"] == {"Conflict.Attack": shipped["types"]["Conflict.Attack"]}
    assert shipped["confusion"] == []
    json.dumps(found)
    page = pages.section("quality", {"data": "test.jsonl", "train": "train.jsonl", **found})
    assert "| embedded (3 seeds) |" in page
    assert "66.7 (0.0–100.0)" in page
    assert "s1, the median seed, against the lexicon coder" in page
    assert "Expected calibration error: 0.0 % of event scores (n = 2), 0.0 % of argument scores (n = 2)." in page


def test_goals_are_filled_where_measured() -> None:
    empty = pages.goals({})
    assert empty.count("not measured") == 16
    spelling = {"words": 9, "changed_words": 4, "events": 5, "changed_events": 0}
    typo = {"every": 15, "before": 0.7, "after": 0.65, "runs": [0.65], "drop": 5.0}
    page = pages.goals({"robustness": {"documents": 1, "spelling": spelling, "typo": typo}})
    assert "| events changed by spellings that normalisation undoes | 0 | 0 of 5 |" in page
    assert "| TC lost to a typo in every 15 words, points | ≤ 6 | 5.0 |" in page


def test_only_what_stands_between_marks_is_written() -> None:
    page = "a <!-- numbers:x -->old<!-- /numbers:x --> b <!-- numbers:y -->old<!-- /numbers:y --> c"
    assert pages.places(page) == ["x", "y"]
    filled = pages.fill(page, {"x": "new"})
    assert filled == "a <!-- numbers:x -->\nnew\n<!-- /numbers:x --> b <!-- numbers:y -->old<!-- /numbers:y --> c"
    assert pages.fill(filled, {"x": "new"}) == filled
    with pytest.raises(DataError, match="numbers:z"):
        pages.fill(page, {"z": "new"})


def test_quality_runs_models_shipped_and_coder(embedded: EventExtractor, documents: list[Document], corpus_file: Path,
                                               tmp_path: Path) -> None:  # fmt: skip
    embedded.save_pretrained(tmp_path / "seed-0")
    found = proof.quality([tmp_path / "seed-0"], corpus_file, corpus_file, shipped=tmp_path / "seed-0", bootstrap=5)
    assert list(found["systems"]) == ["embedded", "embedded, as shipped", "lexicon coder"]
    assert found["systems"]["embedded"] == found["systems"]["embedded, as shipped"]
    assert (found["documents"], found["median"], found["data"]) == (8, "seed-0", "tiny.jsonl")


def test_the_stock_classifiers_read_stems_as_the_encoder_does(embedded_encoder: Path, corpus_file: Path,
                                                              embedded: EventExtractor, tmp_path: Path) -> None:  # fmt: skip
    embedded.save_pretrained(tmp_path / "seed-0")
    stock = systems.Stock(str(embedded_encoder), seeds=2, epochs=1, rate=1e-3)
    found = proof.quality([], corpus_file, corpus_file, shipped=tmp_path / "seed-0", stock=stock, bootstrap=5)
    assert [len(found["systems"][name]) for name in ("stock token classifier", "stock sentence classifier")] == [2, 2]
    encode = systems.stem_pieces(embedded_encoder)
    assert encode is not None
    encoded = encode(["وقصفت", "حلب"])
    window = embedded.tokenizer.windows("وقصفت حلب")[0][0]
    assert (tuple(encoded.input_ids), encoded.type_ids) == (window.input_ids, list(window.type_ids or ()))
    assert systems.stem_pieces(tmp_path) is None
