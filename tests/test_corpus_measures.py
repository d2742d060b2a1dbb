"""What the corpus is worth: slices, confusions, the learning curve, batches held out, and the page of them."""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ahdath.audit import spelling_of
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.counting import mistakes
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.metrics import score
from ahdath.proof import batches, confusions, corpus_page, curve, pages, slices
from ahdath.proof.curve import Plan
from ahdath.proof.numbers import read_numbers, write_numbers
from ahdath.schema import Document, Event, Span
from ahdath.training import TrainConfig
from conftest import document, event, paragraphs

ROOT = Path(__file__).parents[1]


def only(name: str, found: Document) -> bool:
    """Whether a paragraph belongs to the slice of that name."""
    (one,) = (one for one in slices.SLICES if one.name == name)
    return one.holds(found)


class Reader:
    """A model that knows some texts by heart and sees nothing in others."""

    def __init__(self, *known: Document) -> None:
        self.known = {one.text: one for one in known}

    def classify_many(self, texts: Iterable[str]) -> Iterator[Document]:
        for text in texts:
            known = self.known.get(text, Document(text))
            yield Document(text, known.events, known.sentences)


# ---------------------------------------------------------------------- slices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("إصابة ثلاثة عمال في انفجار بميناء عدن", True),
        ("عاجل | مقتل جندي في كمين شرقي المدينة", True),
        ("الوزير لـ«النهار»: لن نوقع", True),
        ("أصيب ثلاثة عمال في عدن.", False),
        ("هل يوقع الطرفان غدا؟", False),
        ("قال «لن نوقع.»", False),
        ("وصل الوفد. التقى الوزير", False),
        (" ".join(["كلمة"] * 14), True),
        (" ".join(["كلمة"] * 15), False),
    ],
)
def test_a_headline_is_short_and_does_not_stop(text: str, expected: bool) -> None:
    assert slices.is_headline(text) is expected


def test_negation_needs_two_turned_events_and_a_word_that_denies() -> None:
    denied = "نفى الوزير قصف القرية، ولم تقتل الغارة أحدا."
    both = document("a", denied, event(denied, "Conflict.Attack", "قصف", polarity="negative"),
                    event(denied, "Life.Die", "تقتل", polarity="negative"))  # fmt: skip
    assert slices.is_negation_dense(both)
    assert not slices.is_negation_dense(replace(both, events=both.events[:1]))
    asserted = tuple(replace(one, polarity="positive") for one in both.events)
    assert not slices.is_negation_dense(replace(both, events=asserted))
    assert slices.is_negation_dense(replace(both, events=(replace(asserted[0], modality="other"), both.events[1])))
    planned = "يعتزم الرئيس زيارة تونس ولقاء نظيره."
    told = (event(planned, "Movement.Travel", "زيارة", modality="other"), event(planned, "Contact.Meet", "ولقاء", modality="other"))
    assert not slices.is_negation_dense(document("b", planned, *told))
    nor = f"ليس صحيحا أن {planned}"
    moved = tuple(event(nor, one.type, one.trigger.text, modality="other") for one in told)
    assert slices.is_negation_dense(document("c", nor, *moved))


def test_every_paragraph_has_one_spelling_and_one_length() -> None:
    texts = ["وصل الرئيس الي القاهرة", "اعلن الوزير ان الوفد وصل", "قُتِل رجل وجُرِح", "وصل الوفد إلى جنيف أمس",
             *(" ".join(["كلمة،"] * count) for count in (34, 35, 45, 46))]  # fmt: skip
    rows = [Document(text) for text in texts]
    named = [[one.name for one in slices.SLICES if one.name.startswith("spelling") and one.holds(row)] for row in rows]
    assert [spelling_of(text) for text in texts[:4]] == ["egyptian", "careless", "tashkeel", "standard"]
    assert [name for (name,) in named[:4]] == [
        "spelling: Egyptian", "spelling: careless", "spelling: with vowel marks", "spelling: standard"
    ]  # fmt: skip
    lengths = [[one.name for one in slices.SLICES if one.name.startswith("length") and one.holds(row)] for row in rows]
    assert [name for (name,) in lengths[4:]] == [
        "length: up to 34 words", "length: 35–45 words", "length: 35–45 words", "length: 46 words and more"
    ]  # fmt: skip
    assert only("all", rows[0])


def shelled(name: str, *kinds: str, number: int = 0) -> Document:
    """`قصفت الطائرات قرية وسقط قتلى N`, with an event of each kind on `قصفت`, `قتلى`, … in this order."""
    text = f"قصفت الطائرات قرية وسقط قتلى {number}."
    return document(name, text, *(event(text, kind, word) for kind, word in zip(kinds, ("قصفت", "قتلى", "قرية"), strict=False)))


def test_scores_of_a_slice_are_those_of_its_paragraphs_alone() -> None:
    long = document("long", "توقعت الأرصاد " + " ".join(["يوم"] * 40) + ".")
    gold = [shelled("a", "Conflict.Attack", "Life.Die"), long]
    right, half = [gold[0], long], [shelled("a", "Conflict.Attack", "Life.Injure"), replace(long, events=(Event(
        "Life.Die", Span.of(long.text, 0, 5)),))]  # fmt: skip
    found = slices.slices(gold, [right, half])
    short, middle = (found["slices"][name] for name in ("length: up to 34 words", "length: 35–45 words"))
    assert (short["paragraphs"], short["events"]) == (1, 2)
    assert [one["TC"] for one in short["scores"]] == [100.0, 50.0]
    assert [one["TC"] for one in found["slices"]["all"]["scores"]] == [100.0, 40.0]
    assert middle == {"paragraphs": 1, "events": 0, "scores": []}
    assert found["empty"] == {"paragraphs": 1, "words": 42, "events": [0, 1], "with_events": [0, 1]}
    told = slices.table({"models": [{"name": "a"}, {"name": "b"}], "parts": {"dev": found}})
    assert "| length: up to 34 words | 1 | 2 | 75.0 (50.0–100.0) |" in told
    assert "| length: 35–45 words | 1 | 0 | – | – | – |" in told
    assert "| dev | 1 | 42 | 11.9 (0.0–23.8) | 50.0 (0.0–100.0) |" in told
    assert "median (lowest–highest) of 2 model(s): `a`, `b`" in told


def test_nothing_to_score_is_no_error() -> None:
    full = [shelled("a", "Conflict.Attack")]
    found = slices.slices(full, [full])
    assert found["empty"] == {"paragraphs": 0, "words": 0, "events": [], "with_events": []}
    assert "| dev | 0 | 0 | – | – |" in slices.table({"models": [], "parts": {"dev": found}})


def model_folder(folder: Path, **settings: Any) -> Path:
    """What a finished run leaves, as far as the measurements look."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(folder.name.encode())
    (folder / "training.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")
    return folder


def test_models_are_measured_on_each_part_and_on_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = {"dev": [shelled("a", "Conflict.Attack")], "test": [shelled("b", "Life.Die", number=1)]}
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: Reader(*data["dev"]))
    models = [model_folder(tmp_path / "one")]
    found = slices.measure(models, data)
    assert list(found["parts"]) == ["dev + test", "dev", "test"]
    scores = {part: one["slices"]["all"]["scores"][0]["TC"] for part, one in found["parts"].items()}
    assert scores == {"dev + test": pytest.approx(66.667), "dev": 100.0, "test": 0.0}
    assert [one["name"] for one in found["models"]] == ["one"]
    missed = confusions.measure(models, [*data["dev"], *data["test"]])["types"]["Life.Die"]
    assert (missed["gold"], missed["missed"], missed["missed_words"]) == (1, 1, ["قصفت"])
    with pytest.raises(ConfigError, match="expected the folders of finished runs, found none"):
        slices.measure([], data)


# ---------------------------------------------------------------------- confusions


def test_confusions_are_counted_with_their_words() -> None:
    gold = [shelled(str(n), "Conflict.Attack", "Life.Die", number=n) for n in range(3)]
    one = [shelled("0", "Conflict.Attack", "Life.Injure"), shelled("1", "Disaster.Accident", "Life.Die", number=1),
           shelled("2", "Conflict.Attack", number=2)]  # fmt: skip
    other = [shelled("0", "Conflict.Attack", "Life.Injure"), shelled("1", "Conflict.Attack", "Life.Die", "Contact.Meet", number=1),
             gold[2]]  # fmt: skip
    found = confusions.confusions(gold, [one, other])
    assert found["paragraphs"] == 3
    assert found["confusions"] == [
        {"gold": "Life.Die", "predicted": "Life.Injure", "count": 2, "words": ["قتلى"]},
        {"gold": "Conflict.Attack", "predicted": "Disaster.Accident", "count": 1, "words": ["قصفت"]},
    ]
    assert found["types"]["Life.Die"] == {
        "gold": 6, "predicted": 3, "correct": 3, "missed": 1, "invented": 0, "missed_words": ["قتلى"], "invented_words": []
    }  # fmt: skip
    assert found["types"]["Contact.Meet"]["invented_words"] == ["قرية"]
    assert found["types"]["Contact.Meet"]["gold"] == 0
    told = confusions.types_table({"models": [{}, {}], **found})
    assert "| Life.Die | 3 | 100.0 | 50.0 | 66.7 | 0.5 | قتلى | 0 |  |" in told
    assert "| Contact.Meet | 0 | 0.0 | – | 0.0 | 0 |  | 0.5 | قرية |" in told
    assert "| Life.Die | Life.Injure | 1 | قتلى |" in told


def test_confused_roles_are_those_of_one_span_of_a_right_event() -> None:
    text = "سلّم الجيش القرية للشرطة أمس."

    def told(*arguments: tuple[str, str], kind: str = "Conflict.Withdraw") -> list[Document]:
        return [document("a", text, event(text, kind, "سلّم", *arguments))]

    gold = told(("Agent", "الجيش"), ("Object", "القرية"), ("Time", "أمس"))
    swapped = told(("Object", "الجيش"), ("Origin", "القرية"), ("Time", "أمس"))
    found = confusions.confusions(gold, [swapped, told(("Object", "الجيش القرية")), gold])["roles"]
    assert found == [
        {"gold": "Agent", "predicted": "Object", "count": 1, "words": ["سلّم: الجيش"]},
        {"gold": "Object", "predicted": "Origin", "count": 1, "words": ["سلّم: القرية"]},
    ]
    assert "| Agent | Object | 0.3 | سلّم: الجيش |" in confusions.roles_table({"models": [{}] * 3, "roles": found})
    assert confusions.confusions(gold, [told(("Agent", "القرية"), kind="Conflict.SeizeControl")])["roles"] == []


def test_examples_are_three_short_and_the_commonest_first() -> None:
    words = ["قصف", "غارة", "قصف", "هجوم\nبري", "تفجير", "قصف", "غارة", "كلمة " * 20]
    assert confusions._examples(words) == ["قصف", "غارة", "هجوم بري"]
    (cut,) = confusions._examples(["كلمة " * 20])
    assert len(cut) == 30
    assert cut.endswith("…")
    many = (((f"A{n:02}", "B"), "قصف") for n in range(20))
    assert [row["gold"] for row in confusions._rows(many)] == [f"A{n:02}" for n in range(10)]


def test_mistakes_are_what_scores_count() -> None:
    text = "اغتيال القائد في بغداد بعد لقاء."
    gold = document("a", text, event(text, "Conflict.Attack", "اغتيال"), event(text, "Life.Die", "اغتيال"),
                    event(text, "Contact.Meet", "لقاء"))  # fmt: skip
    guess = document("a", text, event(text, "Life.Injure", "اغتيال"), event(text, "Life.Die", "القائد"))
    found = list(mistakes(gold, guess))
    assert found == [
        ((0, 6), "Conflict.Attack", "Life.Injure"), ((0, 6), "Life.Die", None), ((7, 13), None, "Life.Die"),
        ((27, 31), "Contact.Meet", None),
    ]  # fmt: skip
    tc = score([gold], [guess], bootstrap=0).measures["TC"]
    assert sum(lost is not None for _, lost, _ in found) == tc.gold - tc.correct
    assert sum(extra is not None for _, _, extra in found) == tc.predicted - tc.correct


# ---------------------------------------------------------------------- subsets and the line


def crowd(**sizes: int) -> list[Document]:
    return [Document(f"خبر {name} {n}", id=f"{name}-{n}", meta={"batch": name}) for name, count in sizes.items() for n in range(count)]


def test_subsets_lie_in_each_other_and_have_every_batch_in_its_proportion() -> None:
    train = crowd(war=90, egypt=90, nile=80, tiny=10)
    drawn = {share: subset_ids(train, share, 0) for share in (12, 25, 50, 100)}
    assert [len(ids) for ids in drawn.values()] == [32, 68, 135, 270]
    assert set(drawn[12]) < set(drawn[25]) < set(drawn[50]) < set(drawn[100])
    sizes = Counter(one.meta["batch"] for one in train)
    for share, ids in drawn.items():
        taken = Counter(name.partition("-")[0] for name in ids)
        for batch, size in sizes.items():
            assert abs(taken[batch] - size * share / 100) <= 1, (share, batch)
    order = [one.id for one in train]
    assert drawn[25] == [name for name in order if name in set(drawn[25])]
    assert drawn[25] == subset_ids(train, 25, 0) != subset_ids(train, 25, 1)


def subset_ids(train: list[Document], share: float, seed: int) -> list[str]:
    return [one.id for one in curve.subset(train, share, seed)]


@pytest.mark.parametrize("share", [0, -1, 101])
def test_a_share_is_a_percent(share: float) -> None:
    with pytest.raises(ConfigError, match="more than 0 and at most 100"):
        curve.subset(crowd(war=3), share, 0)
    assert len(curve.subset(crowd(war=3), 1, 0)) == 1


def points_of(**gains: float) -> dict[str, dict[str, Any]]:
    """Points of a seed for each gain: F1 on test rises by it with each doubling from 250 to 1,000, from 40 on."""
    found = {}
    for seed, gain in enumerate(gains.values()):
        for doublings, (size, share) in enumerate([(100, 10), (250, 25), (500, 50), (1000, 100)]):
            f1 = 10.0 if size == 100 else 40 + gain * (doublings - 1)
            scores = {"TC": f1, "AC+": f1 / 2, "sentence types": f1 + 5}
            found[f"{share} % · {seed}"] = {
                "share": share, "seed": seed, "paragraphs": size, "words": size * 40, "events": size * 4, "dev": scores, "test": scores
            }  # fmt: skip
    return found


def test_the_line_gives_back_what_it_was_made_of() -> None:
    a, b = curve.fit([(250, 40.0), (500, 43.0), (1000, 46.0)])
    assert b == pytest.approx(3)
    assert a + b * 7.965784 == pytest.approx(40)  # log2(250)
    bent = curve.fit([(250, 40.0), (500, 44.0), (1000, 46.0)])
    assert bent[1] == pytest.approx(3), "the middle of three even steps does not turn the line"


def test_a_doubling_is_read_off_the_largest_sizes_seed_by_seed() -> None:
    gains = curve.doubling(points_of(a=3, b=5), "test", "TC")
    assert gains is not None
    assert gains["line"] == pytest.approx([3, 5])
    assert gains["last"] == pytest.approx([3, 5])
    assert gains["next"] == pytest.approx([49, 55])
    points = points_of(a=3, b=5)
    del points["50 % · 1"]
    found = curve.doubling(points, "test", "TC")
    assert found is not None
    assert found["line"] == pytest.approx([3]), "the second seed lacks a size"
    few = {name: one for name, one in points.items() if one["share"] in (50, 100)}
    assert curve.doubling(few, "test", "TC") is None
    assert curve.doubling({}, "test", "TC") is None


def test_the_table_of_the_curve_says_that_it_extrapolates() -> None:
    points = points_of(a=3, b=5)
    points["100 % · 0"]["differing"] = ["epochs"]
    told = curve.table({"points": points})
    assert "| 50 % | 500 | 2,000 | 44.0 (43.0–45.0) |" in told
    assert "| TC, test | 4.0 (3.0–5.0) | 4.0 (3.0–5.0) | 52.0 (49.0–55.0) |" in told
    assert "An extrapolation, not a measurement" in told
    assert "The runs on all of train differ from the others in: epochs." in told
    few = curve.table({"points": {name: one for name, one in points.items() if one["share"] <= 25}})
    assert "not measured yet, it takes a seed with the largest 3 sizes" in few


def test_the_picture_is_a_file_of_its_own() -> None:
    drawn = curve.picture({"points": points_of(a=3, b=5)})
    assert drawn is not None
    svg = ElementTree.fromstring(drawn)
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.get("width") == svg.get("viewBox", "").split()[2]
    titles = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert "TC, 500: 44.0 (43.0–45.0)" in titles
    assert "--line:" in drawn
    assert curve.picture(None) is curve.picture({"points": {}}) is None


# ---------------------------------------------------------------------- measuring, and going on


def corpus_of(folder: Path) -> Path:
    """Eight paragraphs in each of three batches of train, and eight each in dev and test."""
    folder.mkdir()
    for name in ("train", "dev", "test"):
        made = []
        for batch in ("war", "nile", "gulf") if name == "train" else (name,):
            for number, one in enumerate(paragraphs()):
                made.append(replace(one, id=f"{batch}-{number}", meta={"batch": batch}))
        write_jsonl(folder / f"{name}.jsonl", made)
    return folder


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, list[TrainConfig]]:
    """A plan, and the settings of all trainings, which make no model; the reader knows the first paragraphs of the corpus."""
    runs: list[TrainConfig] = []

    def trained(settings: TrainConfig) -> None:
        model_folder(Path(settings.output))
        (Path(settings.output) / "checkpoint-1").mkdir()
        runs.append(settings)

    monkeypatch.setattr(curve, "_train", trained)
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: Reader(*paragraphs()[:3]))
    plan = Plan(tmp_path / "corpus.json", tmp_path / "runs", corpus_of(tmp_path / "corpus"), "some/encoder",
                ROOT / "configs" / "embedded.yaml")  # fmt: skip
    return plan, runs


def quiet(_: str) -> None:
    pass


def test_points_of_the_curve_are_measured_once(measured: tuple[Plan, list[TrainConfig]], tmp_path: Path) -> None:
    plan, runs = measured
    curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    first = read_numbers(plan.file)["curve"]["points"]
    assert list(first) == ["25 % · 0"]
    curve.measure(plan, shares=(25, 50), seeds=(0, 1), say=quiet)
    points = read_numbers(plan.file)["curve"]["points"]
    assert list(points) == ["25 % · 0", "50 % · 0", "25 % · 1", "50 % · 1"]
    assert points["25 % · 0"] == first["25 % · 0"]
    assert len(runs) == 4
    epochs = plan.settings().epochs
    assert [(run.seed, run.epochs, run.encoder) for run in runs] == [(seed, epochs, "some/encoder") for seed in (0, 0, 1, 1)]
    learned = [{one.id for one in read_jsonl(run.train)} for run in runs]
    assert [len(ids) for ids in learned] == [6, 12, 6, 12]
    assert learned[0] < learned[1]
    assert not list(plan.folder.rglob("checkpoint-*"))
    gold = read_jsonl(plan.corpus / "test.jsonl")
    expected = slices.f1(gold, [one if n < 3 else Document(one.text, (), one.sentences, id=one.id) for n, one in enumerate(gold)])
    assert points["25 % · 0"]["test"]["TC"] == expected["TC"] == 50.0


def test_a_training_that_was_finished_before_the_break_is_not_run_again(
    measured: tuple[Plan, list[TrainConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, runs = measured

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(curve, "f1", broken)
        with pytest.raises(KeyboardInterrupt):
            curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    assert read_numbers(plan.file)["curve"]["points"] == {}
    curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    assert len(runs) == 1
    assert list(read_numbers(plan.file)["curve"]["points"]) == ["25 % · 0"]


def test_points_of_other_data_or_settings_are_not_mixed(measured: tuple[Plan, list[TrainConfig]]) -> None:
    plan, runs = measured
    curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    with pytest.raises(ConfigError, match=r"expected points of 'curve' that were measured alike.*epochs \d+, now 99"):
        curve.measure(replace(plan, overrides=("epochs=99",)), shares=(25,), seeds=(0,), say=quiet)
    write_jsonl(plan.corpus / "train.jsonl", read_jsonl(plan.corpus / "train.jsonl")[1:])
    with pytest.raises(ConfigError, match="take them out of the file"):
        curve.measure(plan, shares=(25,), seeds=(1,), say=quiet)
    assert len(runs) == 1
    numbers = read_numbers(plan.file)
    del numbers["curve"]
    write_numbers(plan.file, numbers)
    curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    assert len(runs) == 2, "the finished run learned from another train.jsonl"
    numbers = read_numbers(plan.file)
    del numbers["curve"]["stamp"]["dropout"]  # as written before the setting was known
    write_numbers(plan.file, numbers)
    curve.measure(plan, shares=(25,), seeds=(0,), say=quiet)
    assert len(runs) == 2


def test_all_of_train_is_taken_from_finished_runs(measured: tuple[Plan, list[TrainConfig]], tmp_path: Path) -> None:
    plan, runs = measured
    usual = plan.settings().epochs
    full = [model_folder(tmp_path / "embedded-0", seed=0, epochs=usual), model_folder(tmp_path / "embedded-1", seed=1, epochs=usual + 6)]
    curve.measure(plan, shares=(), seeds=(), full=full, say=quiet)
    points = read_numbers(plan.file)["curve"]["points"]
    assert [(name, one["paragraphs"], one["differing"]) for name, one in points.items()] == [
        ("100 % · 0", 24, []), ("100 % · 1", 24, ["epochs"])
    ]  # fmt: skip
    assert runs == []
    (full[0] / "model.safetensors").write_bytes(b"trained again")
    said: list[str] = []
    curve.measure(plan, shares=(), seeds=(), full=full, say=said.append)
    assert [line.partition(":")[0] for line in said] == ["100 % · 0"]
    with pytest.raises(ConfigError, match=r"expected a finished run \(training.json with settings\)"):
        curve.measure(plan, full=[tmp_path / "none"], say=quiet)


def test_a_corpus_that_is_not_there_is_told(measured: tuple[Plan, list[TrainConfig]], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train.jsonl"):
        curve.measure(replace(measured[0], corpus=tmp_path / "none"), say=quiet)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_tiny_model_is_trained_measured_and_loaded_again(
    embedded_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = ("epochs=1", "evaluate_from=1", "batch_size=4", "bf16=false", "word_size=32", "context_size=32", "pair_size=32",
            "ngram_buckets=256")  # fmt: skip
    plan = Plan(tmp_path / "corpus.json", tmp_path / "runs", corpus_of(tmp_path / "corpus"), str(embedded_encoder),
                ROOT / "configs" / "embedded.yaml", tiny)  # fmt: skip
    curve.measure(plan, shares=(50,), seeds=(3,), say=quiet)
    numbers = read_numbers(plan.file)
    (run,) = plan.folder.glob("curve-50-3-*/run")
    assert json.loads((run / "training.json").read_text(encoding="utf-8"))["settings"]["seed"] == 3
    assert not (run / "best").exists()
    point = numbers["curve"]["points"].pop("50 % · 3")
    assert (point["paragraphs"], set(point["test"])) == (12, {"TC", "AC+", "sentence types"})
    write_numbers(plan.file, numbers)

    def never(_: TrainConfig) -> None:
        raise AssertionError("trained twice")

    monkeypatch.setattr(curve, "_train", never)
    curve.measure(plan, shares=(50,), seeds=(3,), say=quiet)
    assert read_numbers(plan.file)["curve"]["points"] == {"50 % · 3": point}


# ---------------------------------------------------------------------- batches


def test_folds_hold_every_batch_once_and_are_of_a_size() -> None:
    train = crowd(a=90, b=90, c=80, d=40, e=40, f=20)
    dealt = batches.folds(train, 3)
    assert sorted(name for fold in dealt for name in fold) == list("abcdef")
    sizes = Counter(one.meta["batch"] for one in train)
    assert sorted(sum(sizes[name] for name in fold) for fold in dealt) == [110, 120, 130]
    assert dealt == batches.folds(train, 3)
    assert sorted(batches.folds(train, 6)) == [[name] for name in "abcdef"]
    for count in (1, 7):
        with pytest.raises(ConfigError, match="expected 2 or more, and at most the 6 batches of train"):
            batches.folds(train, count)


def test_every_batch_is_scored_by_a_model_that_has_not_seen_it(measured: tuple[Plan, list[TrainConfig]]) -> None:
    plan, runs = measured
    batches.measure(plan, count=2, epochs=4, say=quiet)
    points = read_numbers(plan.file)["batches"]["points"]
    assert [sorted(point["batches"]) for point in points.values()] == batches.folds(read_jsonl(plan.corpus / "train.jsonl"), 2)
    for run, point in zip(runs, points.values(), strict=True):
        seen = {one.meta["batch"] for one in read_jsonl(run.train)}
        assert seen == {"war", "nile", "gulf"} - set(point["batches"])
        assert run.epochs == 4
    assert points["fold 1"]["batches"].popitem()[1]["TC"] == [12, 4, 4]
    numbers = read_numbers(plan.file)
    del numbers["batches"]["points"]["fold 2"]
    write_numbers(plan.file, numbers)
    half = batches.table(numbers["batches"])
    assert "1 fold(s) not measured yet." in half
    batches.measure(plan, count=2, epochs=4, say=quiet)
    assert len(runs) == 2, "the finished run of the second fold is loaded"
    told = batches.table(read_numbers(plan.file)["batches"])
    assert "| all together | 24 | 36 | 50.0 |" in told
    assert "| gulf | 8 | 12 | 50.0 |" in told
    assert "2 folds, 4 epochs, one seed; each model learned from about 12 paragraphs." in told
    with pytest.raises(ConfigError, match="folds 2, now 3"):
        batches.measure(plan, count=3, epochs=4, say=quiet)


def test_the_hardest_batch_comes_first() -> None:
    def one(correct: int) -> dict[str, Any]:
        return {"paragraphs": 9, "events": 1000, **{name: [10, 10, correct] for name in ("TC", "AC+", "sentence types")}}

    point = {"paragraphs": 80, "test": {"TC": 1.0, "AC+": 2.0, "sentence types": 3.0}, "batches": {"easy": one(9), "hard": one(1)}}
    lines = batches.table({"stamp": {"folds": 1, "epochs": 8}, "points": {"fold 1": point}}).splitlines()
    assert lines[2] == "| hard | 9 | 1,000 | 10.0 | 10.0 | 10.0 | fold 1 |"
    assert lines[4] == "| all together | 18 | 2,000 | 50.0 | 50.0 | 50.0 | |"


# ---------------------------------------------------------------------- the page


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    """A failure here means: run `python scripts/corpus.py pages`."""
    text = (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")
    assert pages.places(text) == ["curve", "batches", "slices", "confusions", "roles", "worst"]
    (tmp_path / "corpus.md").write_text(text, encoding="utf-8")
    numbers = ROOT / "docs" / "corpus.json"
    if numbers.exists():
        (tmp_path / "corpus.json").write_bytes(numbers.read_bytes())
    corpus_page.write_page(tmp_path)
    assert (tmp_path / "corpus.md").read_text(encoding="utf-8") == text
    drawn, shown = tmp_path / "corpus.svg", ROOT / "docs" / "corpus.svg"
    assert drawn.exists() == shown.exists()
    assert not drawn.exists() or drawn.read_text(encoding="utf-8") == shown.read_text(encoding="utf-8")


def test_every_place_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = ("curve", "batches", "slices", "confusions", "roles", "worst")
    (tmp_path / "corpus.md").write_text("".join(f"<!-- numbers:{name} --><!-- /numbers:{name} -->\n" for name in places))
    corpus_page.write_page(tmp_path)
    page = (tmp_path / "corpus.md").read_text(encoding="utf-8")
    assert page.count("Not measured yet.") == len(places)
    assert not (tmp_path / "corpus.svg").exists()
    gold = [shelled("a", "Conflict.Attack")]
    models = [{"name": "embedded-0", "weights": "ab"}]
    write_numbers(tmp_path / "corpus.json", {
        "curve": {"stamp": {}, "points": points_of(a=3)},
        "slices": {"models": models, "parts": {"dev": slices.slices(gold, [gold])}},
        "confusions": {"models": models, **confusions.confusions(gold, [gold])},
    })  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["corpus.py", "pages", "--output", str(tmp_path)])
    runpy.run_path(str(ROOT / "scripts" / "corpus.py"), run_name="__main__")
    page = (tmp_path / "corpus.md").read_text(encoding="utf-8")
    assert page.count("Not measured yet.") == 2, "the batches and what changed"
    assert "![F1 on test by paragraphs of train](corpus.svg)" in page
    assert (tmp_path / "corpus.svg").read_text(encoding="utf-8") == curve.picture({"points": points_of(a=3)})
    assert "| Conflict.Attack | 1 | 100.0 | 100.0 | 100.0 | 0 |" in page


def test_what_changed_is_told_of_the_types_that_were_worst() -> None:
    gold = [shelled("a", "Conflict.Attack"), shelled("b", "Conflict.Attack"), shelled("c", "Life.Die")]
    wrong = [replace(gold[0], events=()), shelled("b", "Life.Die"), gold[2]]
    before, now = ({"models": [{}], **confusions.confusions(gold, [answers])} for answers in (wrong, gold))
    table = confusions.changes_table(now, before)
    assert "| Conflict.Attack | – → 100.0 | 0.0 → 100.0 | 0.0 → 100.0 |" in table
    assert "| Conflict.Attack taken for Life.Die, times a model | 1 → no longer among the 10 commonest | | |" in table
    assert table.index("Conflict.Attack |") < table.index("Life.Die |")
    assert confusions.changes_table(now, None) == "Not measured yet."


def test_the_script_measures_slices_and_confusions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, model = corpus_of(tmp_path / "corpus"), model_folder(tmp_path / "embedded-0")
    (tmp_path / "corpus.md").write_text((ROOT / "docs" / "corpus.md").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(EventExtractor, "from_pretrained", lambda *_, **__: Reader(*paragraphs()))
    for section in ("slices", "confusions"):
        monkeypatch.setattr(sys, "argv", ["corpus.py", section, "--models", str(model), "--corpus", str(corpus), "--output", str(tmp_path)])
        runpy.run_path(str(ROOT / "scripts" / "corpus.py"), run_name="__main__")
    numbers = read_numbers(tmp_path / "corpus.json")
    assert {"slices", "confusions"} <= set(numbers)
    assert numbers["slices"]["parts"]["dev + test"]["slices"]["all"]["scores"] == [
        {"TC": 100.0, "AC+": 100.0, "sentence types": 100.0}
    ]
    assert numbers["confusions"]["confusions"] == []
    assert "| all | 16 | 24 | 100.0 | 100.0 | 100.0 |" in (tmp_path / "corpus.md").read_text(encoding="utf-8")
