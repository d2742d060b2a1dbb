"""Reports and tables over a toy extractor, scoring of files, and the metric that `evaluate` loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import ahdath.metric
from ahdath.corpus import write_jsonl
from ahdath.errors import DataError
from ahdath.evaluation import evaluate, predict, report, score_files
from ahdath.metrics import compare, score
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.scores import aggregate
from ahdath.tables import comparison_markdown, differences_markdown

TEXTS = ("قصفت القوات مدينة حلب", "زار الوزير حلب أمس", "فاز الفريق على ضيفه")


def event(text: str, type: str, trigger: str, *args: tuple[str, str], modality: str = "asserted") -> Event:
    def place(words: str) -> Span:
        return Span.of(text, text.index(words), text.index(words) + len(words))

    arguments = tuple(Argument(role, place(words), 0.75) for role, words in args)
    return Event(type, place(trigger), arguments, modality=modality, score=0.75)


GOLD = [
    Document(
        TEXTS[0],
        (event(TEXTS[0], "Conflict.Attack", "قصفت", ("Agent", "القوات"), ("Place", "مدينة حلب")),),
        id="a",
    ),
    Document(TEXTS[1], (event(TEXTS[1], "Movement.Travel", "زار", ("Agent", "الوزير"), ("Time", "أمس")),), id="b"),
    Document(TEXTS[2], (), id="c"),
]


class Toy:
    """Finds قصفت and, wrongly, فاز; gives every trigger the word behind it as Agent."""

    def classify_many(self, texts: Iterable[str]) -> Iterator[Document]:
        for text in texts:
            triggers = [("قصفت", "Conflict.Attack"), ("فاز", "Personnel.Elect")]
            found = [event(text, kind, word) for word, kind in triggers if word in text]
            yield Document(text, tuple(self._filled(text, one) for one in found), model="toy")

    def with_gold_triggers(self, documents: Sequence[Document]) -> list[Document]:
        return [replace(d, events=tuple(self._filled(d.text, e) for e in d.events)) for d in documents]

    def _filled(self, text: str, one: Event) -> Event:
        word = text[one.trigger.end :].split()[0]
        start = text.index(word, one.trigger.end)
        agent = Argument("Agent", Span(start, start + len(word), word), 0.75)
        return replace(one, arguments=(agent,))


class Broken(Toy):
    def with_gold_triggers(self, documents: Sequence[Document]) -> list[Document]:
        return [replace(d, events=()) for d in documents]


def test_evaluate_scores_predicted_and_gold_triggers() -> None:
    found = evaluate(Toy(), GOLD, name="toy", data="three.jsonl", bootstrap=20)
    tc, ac = found.scores.measures["TC"], found.scores.measures["AC+"]
    assert (tc.gold, tc.predicted, tc.correct) == (2, 2, 1)
    assert (ac.gold, ac.predicted, ac.correct) == (4, 2, 1)
    assert found.gold_triggers is not None
    given = found.gold_triggers.measures["AC+"]
    assert (given.gold, given.predicted, given.correct) == (4, 2, 2)
    assert found.scores.false_alarms.events == 1
    assert found.ontology == Ontology.default().digest


def test_headline_has_gold_trigger_numbers_beside_the_others() -> None:
    headline = evaluate(Toy(), GOLD, bootstrap=0).headline()
    assert headline["TC f1"] == 0.5
    assert headline["AC+ f1"] == pytest.approx(1 / 3)
    assert headline["gold triggers AC+ f1"] == pytest.approx(2 / 3)
    assert headline["gold triggers modality accuracy"] == 1.0
    assert "gold triggers TC f1" not in headline


def test_report_is_saved_as_json_and_markdown(tmp_path: Path) -> None:
    found = evaluate(Toy(), GOLD, name="toy", data="three.jsonl", bootstrap=20)
    found.save(tmp_path / "new" / "folder")
    stored = json.loads((tmp_path / "new/folder/report.json").read_text(encoding="utf-8"))
    assert stored["name"] == "toy"
    assert stored["headline"] == found.headline()
    assert stored["scores"] == found.scores.to_dict()
    assert stored["gold_triggers"]["measures"]["AC+"]["correct"] == 2
    page = (tmp_path / "new/folder/report.md").read_text(encoding="utf-8")
    assert page.startswith("# toy on three.jsonl\n")
    assert "| TC | 2 | 2 | 1 | 50.0 | 50.0 | 50.0 |" in page
    assert "| AC+ | 4 | 2 | 2 | 100.0 | 50.0 | 66.7 |" in page, "with gold triggers"
    assert "| Movement.Travel | none | 1 |" in page
    assert "| none | Personnel.Elect | 1 |" in page
    assert "1 events in 1 paragraphs without any (4 words): 250.0 per 1,000 words." in page
    assert "Expected calibration error of event scores: 25.0 (n = 2)." in page


def test_a_report_without_gold_triggers_or_predictions() -> None:
    empty = [replace(d, events=()) for d in GOLD]
    found = report("silent", GOLD, empty, bootstrap=0)
    assert found.gold_triggers is None
    assert "With gold triggers" not in found.to_markdown()
    assert "No event to judge." in found.to_markdown()
    assert not any(name.startswith("gold triggers") for name in found.headline())


def test_answers_to_gold_triggers_must_keep_the_triggers() -> None:
    with pytest.raises(DataError, match=r"toy, document 'a': Conflict\.Attack on 'قصفت' \(0:4\)"):
        evaluate(Broken(), GOLD, name="toy")


def test_an_extractor_that_loses_a_document_is_refused() -> None:
    answers = predict(Toy(), GOLD)
    with pytest.raises(DataError, match="3 gold documents but 2 predicted"):
        report("toy", GOLD, answers.from_text[:2])


def test_score_files(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "gold.jsonl", GOLD)
    write_jsonl(tmp_path / "toy.jsonl", predict(Toy(), GOLD).from_text)
    found = score_files(tmp_path / "gold.jsonl", tmp_path / "toy.jsonl", bootstrap=10)
    assert (found.name, found.data) == ("toy", "gold.jsonl")
    assert found.scores == report("toy", GOLD, predict(Toy(), GOLD).from_text, bootstrap=10).scores


def test_score_files_checks_types_when_given_an_ontology(tmp_path: Path) -> None:
    odd = replace(GOLD[2], events=(event(TEXTS[2], "Sport.Match", "فاز"),))
    write_jsonl(tmp_path / "gold.jsonl", GOLD)
    write_jsonl(tmp_path / "odd.jsonl", [*GOLD[:2], odd])
    assert score_files(tmp_path / "gold.jsonl", tmp_path / "odd.jsonl").scores.false_alarms.events == 1
    with pytest.raises(DataError, match=r"Sport\.Match"):
        score_files(tmp_path / "gold.jsonl", tmp_path / "odd.jsonl", ontology=Ontology.default())


def test_aggregate_over_seeds() -> None:
    spreads = aggregate([{"TC f1": 0.6}, {"TC f1": 0.5, "event ece": 0.1}, {"TC f1": 0.9}, {"TC f1": 0.7}])
    tc = spreads["TC f1"]
    assert (tc.low, tc.high, tc.n) == (0.5, 0.9, 4)
    assert tc.median == pytest.approx(0.65)
    assert spreads["event ece"].n == 1
    assert aggregate([]) == {}


def test_comparison_table() -> None:
    page = comparison_markdown(
        {
            "lexicon": [{"TC f1": 0.531, "AC+ f1": 0.0}],
            "model": [{"TC f1": 0.7, "AC+ f1": 0.3}, {"TC f1": 0.72, "AC+ f1": 0.31}],
        }
    )
    head, rule, lexicon, model, _, note = page.splitlines()
    assert head.startswith("| system | TI | TC | AI | AC | AI+ | AC+ |")
    assert rule.count("---") == head.count("|") - 1
    assert lexicon.startswith("| lexicon | – | 53.1 | – | – | – | – |"), "nothing right reads like none"
    assert model.startswith("| model (2 seeds) | – | 71.0 (70.0–72.0) | – | – | – | 30.5 (30.0–31.0) |")
    assert "median" in note


def test_reports_go_into_the_comparison() -> None:
    found = evaluate(Toy(), GOLD, bootstrap=0)
    page = comparison_markdown({"toy": [found.headline()]})
    assert "| toy | 50.0 | 50.0 | 33.3 | 33.3 | 33.3 | 33.3 | 33.3 | 66.7 | 66.7 |" in page


def test_differences_table() -> None:
    gold = GOLD[:2]
    empty = [replace(d, events=()) for d in gold]
    page = differences_markdown(compare(gold, gold, empty, bootstrap=99), "gold", "empty")
    assert page.splitlines()[0] == "| measure | gold | empty | difference | 95 % interval | p |"
    assert "| TC | 100.0 | 0.0 | +100.0 | 100.0–100.0 | 0.020 |" in page


# ---------------------------------------------------------------------------- evaluate.Metric

_LOAD = """
import json, socket, sys

def refuse(*_):
    raise OSError("no network in this test")

socket.socket.connect = refuse
import evaluate
from ahdath.errors import DataError

metric = evaluate.load(sys.argv[1], cache_dir=sys.argv[2])
data = json.load(sys.stdin)
found = [metric.compute(**data, bootstrap=30, seed=2)]
metric.add_batch(predictions=data["predictions"][:1], references=data["references"][:1])
metric.add(prediction=data["predictions"][1], reference=data["references"][1])
found.append(metric.compute())
try:
    metric.compute(predictions=["{"], references=["{}"])
except DataError as error:
    found.append(str(error))
print(json.dumps(found))
"""


def test_metric_loads_offline_from_its_folder_and_gives_the_same_numbers(tmp_path: Path) -> None:
    folder = Path(ahdath.metric.__file__).parent
    answers = predict(Toy(), GOLD).from_text
    rows = {
        "predictions": [json.dumps(d.to_dict(), ensure_ascii=False) for d in answers],
        "references": [json.dumps(d.to_dict(), ensure_ascii=False) for d in GOLD],
    }
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    path = os.pathsep.join([str(folder.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD, str(folder), str(tmp_path / "cache")],
        input=json.dumps(rows),
        env={**os.environ, **offline, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    whole, two, refusal = json.loads(ran.stdout)
    expected = score(GOLD, answers, bootstrap=30, seed=2)
    assert {name: whole[name] for name in expected.flat()} == expected.flat()
    assert (whole["TC f1 low"], whole["TC f1 high"]) == expected.measures["TC"].interval
    assert two == score(GOLD[:2], answers[:2], bootstrap=0).flat()
    assert refusal.startswith("entry 1 of references: expected a document as JSON")
