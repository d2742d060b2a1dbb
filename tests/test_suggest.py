"""What to annotate next: ranking, diversity, nothing twice; the command; the measured page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ahdath.cli import app
from ahdath.cli_suggest import Strategy
from ahdath.corpus import compile_record, read_jsonl, write_jsonl
from ahdath.errors import ConfigError, DataError
from ahdath.formats import doccano, label_studio
from ahdath.inference import EventExtractor
from ahdath.ontology import Ontology
from ahdath.proof import suggesting
from ahdath.proof.numbers import read_numbers, write_numbers
from ahdath.schema import Argument, Document, Event, Sentence, Span
from ahdath.suggest import STRATEGIES, record, suggest, uncertainty
from ahdath.text import words
from ahdath.training import TrainConfig

ONTOLOGY = Ontology.default()
SURE, UNSURE, BLIND = "قصفت الطائرات مدينة حلب فجرا.", "شن الجيش حملة واسعة على الريف.", "الطقس معتدل في العاصمة."
COPY = "شنّ الجيش حملة واسعة على الريف."  # UNSURE in another spelling
NEAR = "شن الجيش حملة واسعة على الريف أيضا."
OTHER = "تبادل الجانبان الأسرى بعد وساطة طويلة."


class Toy:
    """An event on the first word, with the score that `scores` has for the text; remembers what it read."""

    scores: ClassVar = {SURE: 0.95, UNSURE: 0.5, BLIND: 0.0, COPY: 0.5, NEAR: 0.5, OTHER: 0.4}

    def __init__(self) -> None:
        self.read: list[str] = []
        self.most_ahead = 0

    def classify_many(
        self, texts: Iterable[str], *, batch_size: int = 16, threshold: float | None = None
    ) -> Iterator[Document]:
        limit = 0.5 if threshold is None else threshold
        for text in texts:
            self.read.append(text)
            score = self.scores.get(text, 0.3)
            first = Span.of(text, *words(text)[0])
            found = (Event("Conflict.Attack", first, score=score),) if score and score >= limit else ()
            yield Document(text, found, model="toy")


def pool(*texts: str) -> list[Document]:
    return [Document(text, id=str(number), meta={"desk": "x"}) for number, text in enumerate(texts)]


def texts(found: list[Document]) -> list[str]:
    return [document.text for document in found]


# ---------------------------------------------------------------------- uncertainty


def scored(text: str, *events: tuple[float, tuple[float, ...]]) -> Document:
    spans = [Span.of(text, start, end) for start, end in words(text)]
    made = [
        Event("Life.Die", spans[n], tuple(Argument("Place", span, s) for s, span in zip(given, spans[1:], strict=False)), score=p)
        for n, (p, given) in enumerate(events)
    ]
    return Document(text, tuple(made))


def test_entropy_counts_every_decision_and_arguments_as_likely_as_their_trigger() -> None:
    assert uncertainty(scored("قتل جندي هنا", (0.5, ()))) == pytest.approx(1.0)
    assert uncertainty(scored("قتل جندي هنا", (0.5, (0.5,)))) == pytest.approx(1.5)
    assert uncertainty(scored("قتل جندي هنا", (1.0, (0.5, 0.5)))) == pytest.approx(2.0)
    quarter = 0.811278  # -1/4 log2 1/4 - 3/4 log2 3/4
    assert uncertainty(scored("قتل جندي هنا", (0.25, ()), (0.75, ()))) == pytest.approx(2 * quarter, abs=1e-5)
    assert uncertainty(Document("قتل جندي هنا")) == 0


def test_the_other_measures() -> None:
    document = scored("قتل جندي هنا اليوم", (0.9, (0.5,)), (0.3, ()))
    assert uncertainty(document, "margin") == pytest.approx(0.6)
    assert uncertainty(document, "entropy-per-word") == pytest.approx(uncertainty(document) / 4)
    assert uncertainty(Document("", ()), "entropy-per-word") == 0
    assert uncertainty(Document("قتل"), "margin") == 0


# ---------------------------------------------------------------------- what is chosen


@pytest.mark.parametrize("strategy", ["entropy", "margin"])
def test_the_least_sure_come_first_with_what_the_model_says_at_its_own_threshold(strategy: str) -> None:
    found = suggest(Toy(), pool(BLIND, SURE, OTHER, UNSURE), count=3, strategy=strategy)
    assert texts(found) == [UNSURE, OTHER, SURE]
    assert [document.id for document in found] == ["3", "2", "1"]
    assert [len(document.events) for document in found] == [1, 0, 1]  # OTHER's 0.4 is a doubt, not an answer
    assert [document.meta["rank"] for document in found] == [1, 2, 3]
    assert found[0].meta == {"desk": "x", "rank": 1, "uncertainty": 1.0}
    assert found[0].model == "toy"


def test_a_doubt_below_the_floor_counts_for_nothing() -> None:
    found = suggest(Toy(), pool(OTHER, SURE), count=2, floor=0.6)
    assert [(d.text, d.meta["uncertainty"] > 0) for d in found] == [(SURE, True), (OTHER, False)]


def test_copies_in_another_spelling_are_suggested_once() -> None:
    model = Toy()
    assert texts(suggest(model, pool(UNSURE, COPY, UNSURE, "  ", ""), count=5)) == [UNSURE]
    assert model.read == [UNSURE, UNSURE]  # once to rank, once to annotate


def test_near_copies_give_way_unless_diversity_is_off() -> None:
    crowd = pool(UNSURE, NEAR, OTHER)
    assert texts(suggest(Toy(), crowd, count=2)) == [UNSURE, OTHER]
    assert texts(suggest(Toy(), crowd, count=2, diversity=0.0)) == [UNSURE, NEAR]
    assert texts(suggest(Toy(), crowd, count=3)) == [UNSURE, OTHER, NEAR]


def test_what_is_annotated_is_not_suggested_and_its_like_is_worth_less() -> None:
    assert texts(suggest(Toy(), pool(UNSURE, NEAR, OTHER), count=2, known=[COPY])) == [OTHER, NEAR]


def test_chance_reads_only_what_it_takes() -> None:
    crowd = pool(*(f"خبر رقم {number} من المدينة" for number in range(60)))
    model = Toy()
    found = suggest(model, crowd, count=20, strategy="random", seed=1)
    assert len(set(texts(found))) == len(model.read) == 20
    assert texts(found) == texts(suggest(Toy(), crowd, count=20, strategy="random", seed=1))
    assert texts(found) != texts(suggest(Toy(), crowd, count=20, strategy="random", seed=2))
    assert texts(found) != [document.text for document in crowd[:20]]


def test_a_pool_is_streamed() -> None:
    """The model is given the next paragraph only when it asks; what is dropped is not kept."""
    taken = 0

    def endless() -> Iterator[Document]:
        nonlocal taken
        for number in range(500):
            taken += 1
            yield Document(f"خبر {number}")

    class Impatient(Toy):
        def classify_many(self, texts: Iterable[str], **options: Any) -> Iterator[Document]:
            for text in texts:
                assert taken == len(self.read) + 1 or options.get("threshold") is None
                yield from super().classify_many([text], **options)

    assert len(suggest(Impatient(), endless(), count=3)) == 3
    assert taken == 500


def test_an_empty_pool_gives_nothing() -> None:
    assert suggest(Toy(), [], count=3) == []
    assert suggest(Toy(), [], count=3, strategy="random") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count 0: expected 1 or more"),
        ({"strategy": "entrpy"}, r"strategy 'entrpy': expected one of entropy, .* \(did you mean 'entropy'\?\)"),
        ({"diversity": 1.5}, "diversity 1.5: expected a number from 0 to 1"),
        ({"floor": -0.1}, "floor -0.1: expected a number from 0 to 1"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        suggest(Toy(), pool(SURE), **options)


def test_bare_strings_are_refused_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"pool: expected Documents, found str; write Document\(text\)"):
        suggest(Toy(), ["نص"])  # type: ignore[list-item]


def test_with_a_network(embedded: EventExtractor, documents: list[Document]) -> None:
    bare = [Document(document.text, id=document.id) for document in documents]
    found = suggest(embedded, bare, count=4, floor=0.01)
    assert len({document.id for document in found}) == 4
    for document in found:
        assert document.events == embedded.classify(document.text).events
        low = embedded.classify(document.text, threshold=0.01)
        assert document.meta["uncertainty"] == pytest.approx(uncertainty(low), abs=0.01)
    assert found[0].meta["uncertainty"] == max(document.meta["uncertainty"] for document in found)


def test_strange_texts_pass_through(embedded: EventExtractor) -> None:
    strange = ["\ud800 قصف", "‏قصفت‎ حلب", "؟؟؟", "😀😀", "قصف\nحلب"]
    found = suggest(embedded, pool(*strange), count=10)
    assert sorted(texts(found)) == sorted(text for text in strange if text != "😀😀")  # no word, like ؟؟؟


# ---------------------------------------------------------------------- lines for an editor


def events_of(document: Document) -> list[tuple[Any, ...]]:
    return [(e.type, e.trigger, e.arguments, e.modality, e.polarity) for e in document.events]


def test_a_record_compiles_to_the_same_events() -> None:
    text = "قصف حلب ثم قصف حمص"
    event = Event("Conflict.Attack", Span.of(text, 11, 14), (Argument("Target", Span.of(text, 15, 18)),), "other", "negative")
    made = record(Document(text, (event,), id="1", meta={"rank": 1, "tags": ["a"], "text": "x"}))
    assert made == {
        "id": "1",
        "text": text,
        "events": [
            {"type": "Conflict.Attack", "trigger": "قصف#2", "args": [["Target", "حمص"]], "modality": "other",
             "polarity": "negative"}
        ],
        "rank": 1,
    }  # fmt: skip
    assert events_of(compile_record(made, ONTOLOGY)) == events_of(Document(text, (event,)))


def test_spans_inside_words_grow_and_are_told_once() -> None:
    text = "ارتفع 50% في ف16"
    spans = [Span.of(text, text.index("%"), text.index("%") + 1), Span.of(text, 6, 8), Span.of(text, 14, 16)]
    events = tuple(Event("Economy.Transact", span) for span in (*spans, spans[2]))
    compiled = compile_record(record(Document(text, events, id="1")), ONTOLOGY)
    assert [event.trigger.text for event in compiled.events] == ["50%", "50", "ف16"]


@given(st.lists(st.sampled_from(["قصف", "قصفت", "حلب", "حمص", "#2", "في", "و", "50%"]), min_size=1, max_size=12), st.data())
def test_whatever_words_are_marked_are_found_again(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    places = words(text)
    first = data.draw(st.integers(0, len(places) - 1))
    start, end = places[first]
    event = Event("Conflict.Attack", Span.of(text, start, end))
    compiled = compile_record(record(Document(text, (event,), id="1")), ONTOLOGY)
    trigger = compiled.events[0].trigger
    assert trigger.start <= start < end <= trigger.end
    if text[max(start - 1, 0) : start] in ("", " ") and text[end : end + 1] in ("", " "):
        assert trigger == event.trigger


# ---------------------------------------------------------------------- the command


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: made)
    return made


def run(*args: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["suggest", *map(str, args)], input=stdin, catch_exceptions=False)


def test_tasks_for_label_studio(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "pool.txt").write_text(f"{SURE}\n\n{UNSURE}\n{BLIND}\n", encoding="utf-8")
    result = run(tmp_path / "pool.txt", "--output", tmp_path / "tasks.json", "--count", "2")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'tasks.json'}: 2 paragraphs with 2 events to correct\n")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["text"] for task in tasks] == [UNSURE, SURE]
    assert tasks[0]["predictions"][0]["model_version"] == "toy"
    first, second = label_studio.read(tmp_path / "tasks.json")
    assert first.id == f"{tmp_path / 'pool.txt'}:{len(SURE) + 2}"
    assert [event.trigger.text for document in (first, second) for event in document.events] == ["شن", "قصفت"]


def test_lines_for_doccano(toy: Toy, tmp_path: Path) -> None:
    result = run("-", "--to", "doccano", "-o", tmp_path / "tasks.jsonl", "-n", "1", stdin=f"{SURE}\n{UNSURE}\n")
    assert result.exit_code == 0
    assert "doccano: not kept" in result.stderr
    (document,) = doccano.read(tmp_path / "tasks.jsonl")
    assert (document.text, document.id) == (UNSURE, f"-:{len(SURE) + 1}")


def test_lines_for_an_editor_and_what_is_annotated_left_out(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "pool.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in ({"id": "a", "text": SURE}, {"text": OTHER}, {"id": 7, "text": UNSURE})),
        encoding="utf-8",
    )
    (tmp_path / "done.jsonl").write_text(json.dumps({"id": "d", "text": COPY, "events": []}) + "\n", encoding="utf-8")
    target = tmp_path / "next.jsonl"
    result = run(tmp_path / "pool.jsonl", "--to", "jsonl", "-o", target, "--exclude", tmp_path / "done.jsonl")
    assert result.exit_code == 0
    assert "the pool has 2 paragraphs that are not annotated yet, fewer than 100" in result.stderr
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["rank"]) for row in rows] == [(f"{tmp_path / 'pool.jsonl'}#1", 1), ("a", 2)]
    compiled = [compile_record(row, ONTOLOGY) for row in rows]
    assert [[event.type for event in document.events] for document in compiled] == [[], ["Conflict.Attack"]]


def test_a_pool_of_ndjson_keeps_its_ids(toy: Toy, tmp_path: Path) -> None:
    pool, target = tmp_path / "pool.ndjson", tmp_path / "next.jsonl"
    pool.write_text("".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate((SURE, UNSURE))), encoding="utf-8")
    assert run(pool, "--to", "jsonl", "-o", target).exit_code == 0
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert {row["id"]: row["text"] for row in rows} == {"0": SURE, "1": UNSURE}


def test_what_cannot_be_used_is_told(toy: Toy, tmp_path: Path) -> None:
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"text": 3}\n', encoding="utf-8")
    result = run(pool, "-o", tmp_path / "out.json")
    assert (result.exit_code, "pool.jsonl:1: expected an object with a text" in result.stderr) == (2, True)
    result = run(pool, "-o", pool)
    assert (result.exit_code, "expected another file than those that are read" in result.stderr) == (2, True)
    result = run(tmp_path / "none.txt", "-o", tmp_path / "out.json")
    assert (result.exit_code, "expected a text file, found none" in result.stderr) == (2, True)
    assert not (tmp_path / "out.json").exists()


def test_the_command_knows_every_strategy() -> None:
    assert tuple(strategy.value for strategy in Strategy) == STRATEGIES


# ---------------------------------------------------------------------- the measurement

ROOT = Path(__file__).parents[1]
COURTS = ROOT / "docs" / "own-events" / "courts.yaml"


def corpus_of(folder: Path, count: int = 60) -> Path:
    """Train, dev and test: every second paragraph arrests somebody, every third attacks."""
    folder.mkdir()
    for name in ("train", "dev", "test"):
        made = []
        for number in range(count):
            text = f"اعتقل الجيش رجلا ثم قصف قرية {name} {number}"

            def span(part: str, text: str = text) -> Span:
                return Span.of(text, text.index(part), text.index(part) + len(part))

            arrest = Event("Justice.Arrest", span("اعتقل"), (Argument("Agent", span("الجيش")),))
            events = (arrest,) * (number % 2 == 0) + (Event("Conflict.Attack", span("قصف")),) * (number % 3 == 0)
            sentence = Sentence(0, len(text), text, tuple(event.type for event in events))
            made.append(Document(text, events, (sentence,), id=f"{name}-{number}"))
        write_jsonl(folder / f"{name}.jsonl", made)
    return folder


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[suggesting.Plan, list[TrainConfig]]:
    """A plan, and the settings of all trainings, which make no model; TC is how many there were."""
    runs: list[TrainConfig] = []

    def trained(settings: TrainConfig) -> Toy:
        Path(settings.output).mkdir(parents=True)
        (Path(settings.output) / "training.json").write_text("{}", encoding="utf-8")
        runs.append(settings)
        return Toy()

    monkeypatch.setattr(suggesting, "_trained", trained)
    monkeypatch.setattr(suggesting, "_scores", lambda *_: {"TC": float(len(runs)), "AC+": 1.0, "AC+ (gold triggers)": 2.0})
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: Toy())
    plan = suggesting.Plan(
        file=tmp_path / "points.json", folder=tmp_path / "runs", corpus=corpus_of(tmp_path / "corpus"),
        config=ROOT / "configs" / "embedded.yaml", ontology=COURTS,
    )  # fmt: skip
    return plan, runs


def test_new_types_are_renamed_and_others_left_out(tmp_path: Path) -> None:
    ontology = Ontology.from_yaml(COURTS)
    assert tuple(suggesting.NEW_TYPES.values()) == ontology.type_names
    (document,) = (d for d in read_jsonl(corpus_of(tmp_path / "c") / "train.jsonl", ONTOLOGY) if d.id == "train-0")
    new = suggesting.renamed(document, ontology)
    assert [(e.type, e.trigger.text, e.arguments[0].role) for e in new.events] == [("Courts.Detain", "اعتقل", "Agent")]
    assert new.sentences[0].types == ("Courts.Detain",)
    new.check(ontology)


def test_a_newcomer_draws_a_fifth_for_dev_and_small_draws_lie_in_large_ones() -> None:
    crowd = [Document(f"خبر {n}", (Event("Life.Die", Span(0, 3, "خبر")),) * (n % 2), id=str(n)) for n in range(100)]
    train, dev = suggesting.drawn(crowd, 30, seed=1)
    assert (len(train), len(dev)) == (24, 6)
    assert sum(bool(d.events) for d in train + dev) == 20
    more, more_dev = suggesting.drawn(crowd, 60, seed=1)
    assert {d.id for d in train} < {d.id for d in more}
    assert {d.id for d in dev} < {d.id for d in more_dev}
    assert train != suggesting.drawn(crowd, 30, seed=2)[0]


def test_starts_are_measured_once_and_the_donor_has_not_seen_the_types(
    measured: tuple[suggesting.Plan, list[TrainConfig]],
) -> None:
    plan, runs = measured
    starts = ("pre-trained encoder", "model without these types, all of it")
    suggesting.own_events(plan, starts=starts, sizes=(10,), seeds=(0, 1))
    donor = plan.folder / "donor" / "run"
    assert [(run.encoder, run.seed) for run in runs] == [
        ("runs/encoder", 0), ("runs/encoder", 0), (str(donor), 0), ("runs/encoder", 1), (str(donor), 1)
    ]  # fmt: skip
    assert runs[1].output == str(donor)
    seen = read_jsonl(plan.folder / "donor" / "train.jsonl")
    assert len(seen) == 30
    assert not any(event.type in suggesting.NEW_TYPES for document in seen for event in document.events)
    assert len(runs) == 5
    before = read_numbers(plan.file)
    suggesting.own_events(plan, starts=starts, sizes=(10,), seeds=(0, 1))
    assert len(runs) == 5
    assert read_numbers(plan.file) == before
    table = suggesting.own_events_table(before)
    assert "| pre-trained encoder | 10 | 2.5 (1.0–4.0) | 1.0 (1.0–1.0) | 2.0 (2.0–2.0) | 2 |" in table


def test_points_of_another_corpus_are_refused(measured: tuple[suggesting.Plan, list[TrainConfig]]) -> None:
    plan, runs = measured
    suggesting.choosing(plan, steps=(10,), seeds=(0,))
    write_jsonl(plan.corpus / "train.jsonl", read_jsonl(plan.corpus / "train.jsonl")[1:])
    with pytest.raises(ConfigError, match=r"expected points of 'choice' that were measured alike, found others \(train "):
        suggesting.choosing(plan, steps=(10,), seeds=(1,))
    assert len(runs) == 1


def test_both_choices_start_alike_and_grow(measured: tuple[suggesting.Plan, list[TrainConfig]]) -> None:
    plan, runs = measured
    suggesting.choosing(plan, steps=(10, 20, 40), seeds=(3,))
    found = read_numbers(plan.file)["choice"]["points"]
    assert list(found) == ["random · 10 · 3", "random · 20 · 3", "random · 40 · 3", "entropy · 20 · 3", "entropy · 40 · 3"]
    ids = {name: point["ids"] for name, point in found.items()}
    assert {name: len(set(taken)) for name, taken in ids.items()} == {name: int(name.split(" · ")[1]) for name in found}
    for who in ("random", "entropy"):
        assert ids[f"{who} · 20 · 3"][:10] == ids["random · 10 · 3"]
        assert ids[f"{who} · 40 · 3"][:20] == ids[f"{who} · 20 · 3"]
    assert ids["random · 20 · 3"] != ids["entropy · 20 · 3"]
    assert found["entropy · 20 · 3"]["words"] == 8 * 20
    assert len(runs) == 5
    kept = {"stamp": read_numbers(plan.file)["choice"]["stamp"], "points": {name: found[name] for name in list(found)[:3]}}
    write_numbers(plan.file, {"choice": kept})
    for run in runs[3:]:
        Path(run.output, "training.json").unlink()
        Path(run.output).rmdir()
    suggesting.choosing(plan, steps=(10, 20, 40), seeds=(3,))
    assert len(runs) == 7
    assert {name: point["ids"] for name, point in read_numbers(plan.file)["choice"]["points"].items()} == ids
    table = suggesting.choosing_table(read_numbers(plan.file))
    assert "- 20 paragraphs, TC: +4.0 (seed by seed +4.0)" in table


def test_nothing_measured_is_said() -> None:
    assert suggesting.own_events_table({}) == "Not measured yet."
    assert suggesting.choosing_table({}) == "Not measured yet."
