"""The audit of a corpus: every check finds what it is for, and leaves correct annotation alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ahdath.audit import Finding, agreement, audit, length_of, overview, report, spelling_of
from ahdath.audit.findings import Reading
from ahdath.cli import app
from ahdath.corpus import write_jsonl
from ahdath.errors import DataError
from ahdath.schema import Argument, Document, Event, Span

SHELLED = "قصفت القوات السورية مدينة تلبيسة أمس."


def span(text: str, part: str) -> Span:
    start = text.index(part)
    return Span.of(text, start, start + len(part))


def event(text: str, kind: str, trigger: str, *arguments: tuple[str, str], **attributes: Any) -> Event:
    made = tuple(Argument(role, span(text, part)) for role, part in arguments)
    return Event(kind, span(text, trigger), made, **attributes)


def one(
    text: str, trigger: str, *arguments: tuple[str, str], kind: str = "Conflict.Attack", **attributes: Any
) -> Document:
    return Document(text, (event(text, kind, trigger, *arguments, **attributes),), id="d")


def found(documents: Sequence[Document]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.place.context.partition("⟦")[2].partition("⟧")[0]) for finding in audit(documents)]


# ---------------------------------------------------------------------- spans


@pytest.mark.parametrize(
    ("role", "argument", "kind"),
    [
        ("Place", "في حلب", "span-preposition"),
        ("Place", "على حلب", "span-preposition"),
        ("Time", "منذ أمس", "span-preposition"),
        ("Agent", "القوات في", "span-preposition"),
        ("Agent", "هم", "span-pronoun"),
        ("Topic", "ذلك", "span-pronoun"),
        ("Place", "حلب،", "span-edge"),
        ("Place", "«حلب»", "span-edge"),
        ("Place", "(حلب", "span-edge"),
        ("Agent", "القوات التي وصلت", "span-relative"),
        ("Agent", "القوات والتي وصلت", "span-relative"),
        ("Topic", "رفع أجور عمال مصانع نسيج قطن مدينة حلب القديمة", "span-long-topic"),
    ],
)
def test_a_span_that_breaks_a_rule(role: str, argument: str, kind: str) -> None:
    assert found([one(f"قصفت {argument} أخيرا", "قصفت", (role, argument))]) == [(kind, argument)]


@pytest.mark.parametrize(
    "argument",
    [
        "حلب",
        "علي حسن",
        "بمحافظة إدلب",
        'قرية "تيرمعلة"',
        "«النصرة» و«أحرار الشام»",
        "30%",
        "شرق دير الزور",
        "عدد من الجنود",
        "هذا الاتفاق",
        "نحو 20 شخصا",
        "آلي السير",
        "والي قفصة",
        "بعد ظهر الأحد",
        "كيم مين-هو",
        "رفع أجور عمال مصانع نسيج قطن مدينة حلب",
    ],
)
def test_a_span_that_keeps_the_rules(argument: str) -> None:
    assert found([one(f"قصفت {argument} أخيرا", "قصفت", ("Topic", argument))]) == []


def test_an_argument_equal_to_its_trigger() -> None:
    text = "سقط 17 قتيلا في حلب"
    assert found([one(text, "قتيلا", ("Victim", "17 قتيلا"), kind="Life.Die")]) == []
    assert found([one(text, "قتيلا", ("Victim", "قتيلا"), kind="Life.Die")]) == [("span-trigger", "قتيلا")]


def test_triggers_of_several_words() -> None:
    assert found([one("شن الجيش غارات أمس", "شن الجيش غارات")]) == [("trigger-words", "شن الجيش غارات")]
    for fixed in ("إطلاق النار", "ألقت القبض", "لقوا مصرعهم", "وأطلق سراح"):
        assert found([one(f"أمس {fixed} في حلب", fixed)]) == []
    rare = [one(f"{name} وضعت اليد أمس", "وضعت اليد") for name in ("زيد", "عمرو", "هند")]
    assert ("trigger-words", "وضعت اليد") in found(rare[:2])
    assert "trigger-words" not in dict(found(rare))  # what three triggers end in is an expression of the corpus


# ---------------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    ("text", "trigger", "kinds"),
    [
        ("لم تقصف القوات حلب", "تقصف", ["cue-polarity"]),
        ("لم تقع اشتباكات", "اشتباكات", ["cue-polarity"]),
        ("لن تقصف القوات حلب", "تقصف", ["cue-modality", "cue-polarity"]),
        ("سيقصف الجيش حلب", "سيقصف", ["cue-modality"]),
        ("سوف يقصف الجيش حلب", "يقصف", ["cue-modality"]),
        ("قد يقصف الجيش حلب", "يقصف", ["cue-modality"]),
        ("نفى المتحدث قصف حلب", "قصف", ["cue-polarity"]),
        ("فشل الجيش في قصف حلب", "قصف", ["cue-polarity"]),
        ("مر اليوم دون وقوع اشتباكات", "اشتباكات", ["cue-polarity"]),
        ("من المقرر أن يقصف الجيش حلب", "يقصف", ["cue-modality"]),
        ("طالبت المعارضة الجيش بقصف حلب", "بقصف", ["cue-modality"]),
        ("دعت المعارضة الجيش إلى قصف حلب", "قصف", ["cue-modality"]),
    ],
)
def test_a_cue_without_its_value(text: str, trigger: str, kinds: list[str]) -> None:
    assert [kind for kind, _ in found([one(text, trigger)])] == kinds
    right = {"cue-modality": {"modality": "other"}, "cue-polarity": {"polarity": "negative"}}
    assert found([one(text, trigger, **{name: value for kind in kinds for name, value in right[kind].items()})]) == []


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("سيطر الجيش على حلب", "سيطر"),
        ("قد قصف الجيش حلب", "قصف"),
        ("لم يعلق الوزير على قصف حلب", "قصف"),
        ("لم ينم أحد. قصف الجيش حلب", "قصف"),
        ("قصف الجيش حلب، ولن يعلق", "قصف"),
        ("فشل قصف الجيش حلب", "قصف"),
        ("نفى الوزير، وقصف الجيش حلب", "وقصف"),
        ("لن نهدأ ما لم تقصف القوات حلب", "تقصف"),
        ("لم يقصف الجيش سوى حلب", "يقصف"),
        ("وضع الجيش في حال تأهب", "تأهب"),
        ("نفى الوزير الاتهامات", "الاتهامات"),
        ("نفى الوزير إلغاء عقود", "عقود"),
    ],
)
def test_what_only_looks_like_a_cue(text: str, trigger: str) -> None:
    assert found([one(text, trigger)]) == []


def test_a_cue_governs_the_first_trigger_behind_it() -> None:
    text = "لن يزور حلب، ونفى قصف مقتل القائد"
    events = (
        event(text, "Movement.Travel", "يزور", modality="other", polarity="negative"),
        event(text, "Diplomacy.Reject", "ونفى"),
        event(text, "Conflict.Attack", "قصف", polarity="negative"),
        event(text, "Life.Die", "مقتل"),
    )
    assert audit([Document(text, events, id="d")]) == []


def test_a_value_without_a_cue() -> None:
    assert found([one("قصف الجيش حلب أمس", "قصف", modality="other")]) == [("no-cue-modality", "قصف")]
    assert found([one("قصف الجيش حلب أمس", "قصف", polarity="negative")]) == [("no-cue-polarity", "قصف")]
    assert found([one("أحبط الجيش هجوما أمس", "هجوما", polarity="negative")]) == []
    assert found([one("هدد الجيش بقصف حلب", "بقصف", modality="other")]) == []


# ---------------------------------------------------------------------- triggers


def attacks(count: int) -> list[Document]:
    names = ("زيد", "عمرو", "هند", "بكر", "سعد", "ليلى")
    return [
        Document(f"هاجموا بيت {name}", (event("هاجموا", "Conflict.Attack", "هاجموا"),), id=name)
        for name in names[:count]
    ]


def test_a_word_that_is_a_trigger_everywhere_else() -> None:
    text = "وقد هاجموا قرية بعد وصول الوفد"
    left = Document(text, (event(text, "Movement.Travel", "وصول"),), id="left")
    [finding] = audit([*attacks(5), left])
    assert (finding.kind, finding.place.document, finding.weight) == ("trigger-left", "left", 5 / 6)
    assert finding.message == "'هاجموا' is a trigger in 5 of 6 places (Conflict.Attack), not here"
    assert finding.other is not None
    assert finding.other.context == "⟦هاجموا⟧ بيت زيد"
    assert audit([*attacks(2), left]) == []
    [finding] = audit([*attacks(5), Document(text, id="left")])
    assert finding.kind == "trigger-left-empty"


def test_a_word_that_is_no_trigger_anywhere_else() -> None:
    elsewhere = [Document(f"هاجموا بيت {n}", id=str(n)) for n in range(12)]
    [finding] = [f for f in audit([*elsewhere, *attacks(1)]) if f.kind.startswith("trigger")]
    assert (finding.kind, finding.place.document) == ("trigger-odd", "زيد")
    assert finding.message == "Conflict.Attack: 'هاجموا' is a trigger in 1 of 13 places only"


def test_words_behind_the_first_of_a_trigger_count_neither_way() -> None:
    shots = [
        Document(f"إطلاق النار {n}", (event("إطلاق النار", "Conflict.Attack", "إطلاق النار"),), id=str(n))
        for n in range(5)
    ]
    assert audit([*shots, Document("اشتعلت النار", id="fire")]) == []


# ---------------------------------------------------------------------- repeats

LONG = "أعلنت وزارة الصحة في بيان صدر مساء أمس أن فرقها الطبية بدأت حملة تطعيم واسعة في القرى النائية"


def test_copies_and_near_copies() -> None:
    copy, near = Document(f"{LONG}.", id="b"), Document(LONG.replace("النائية", "القريبة من الحدود"), id="c")
    findings = audit([Document(LONG, id="a"), copy, near])
    assert [(f.kind, f.place.document, f.other.document if f.other else "") for f in findings] == [
        ("duplicate", "b", "a"),
        ("near-duplicate", "c", "a"),
    ]
    assert findings[1].place.context.startswith("⟦أعلنت وزارة")
    assert audit([Document(LONG, id="a"), Document("توقعت الأرصاد طقسا معتدلا على أغلب أنحاء البلاد", id="b")]) == []


def test_a_skeleton_with_other_names() -> None:
    def made(*agents: str) -> Document:
        text = "دعا {} عمال {} إلى إضراب {} غدا احتجاجا {} على خفض {} الأجور".format(*agents)
        return one(
            text, "إضراب", *(("Agent", agent) for agent in agents), kind="Conflict.Demonstrate", modality="other"
        )

    first = made("مجلس", "النقل", "البريد", "شامل", "كبير")
    second = made("اتحاد الأطباء", "الصحة", "المدارس", "عام", "حاد")
    [finding] = audit([replace(first, id="a"), replace(second, id="b")])
    assert (finding.kind, finding.place.document, finding.weight) == ("skeleton", "b", 0.8)
    assert finding.message.endswith("longest: دعا <Agent> عمال <Agent> الي اضراب <Agent> غدا احتجاجا <Agent> علي خفض")


def test_many_copies_take_no_quadratic_time() -> None:
    findings = audit([Document(f"{LONG} {n}", id=str(n)) for n in range(200)])
    assert {f.other.document for f in findings if f.other} == {"0"}
    assert len(findings) == 199


# ---------------------------------------------------------------------- overview and report


def test_spelling_and_length() -> None:
    assert spelling_of("وصل علي حسن إلى القاهرة يوم الأحد") == "standard"
    assert spelling_of("وصل الرئيس الي القاهرة أمس") == "egyptian"
    assert spelling_of("اعلن الوزير ان الوفد وصل الى جنيف") == "careless"
    assert spelling_of("وصل إلى مدينه حلب") == "careless"
    assert spelling_of("قُتل وزير وجُرح آخر إلى جانبه") == "tashkeel"
    assert (length_of("كلمة، واحدة"), length_of("كلمة " * 15), length_of("كلمة " * 130)) == (
        "1–14 (headline)",
        "15–24",
        "over 120",
    )


def test_the_overview_counts() -> None:
    shelled = one(SHELLED, "قصفت", ("Agent", "القوات السورية"), ("Time", "أمس"), modality="other")
    lines = [" ".join(line.split()) for line in overview([shelled, Document("طقس", id="x")]).splitlines()]
    assert "Conflict.Attack 1" in lines
    assert "Agent 1" in lines
    assert "standard 2 7 1 2 100.0% 0.0% 1" in lines
    assert "all 2 7 1 2 100.0% 0.0% 1" in lines


def test_the_report_counts_and_cuts() -> None:
    findings = audit([one(f"قصفت في حلب {n}", "قصفت", ("Place", "في حلب")) for n in range(3)])
    told = report(findings, top=1)
    assert told.startswith("3 findings\n  span-preposition")
    assert "… and 2 more" in told
    assert told.count("⟦") == 1
    assert report([]) == "0 findings"


def test_a_finding_is_plain_data() -> None:
    [finding] = audit([one("قصفت في حلب", "قصفت", ("Place", "في حلب"))])
    assert json.loads(json.dumps(finding.to_dict())) == {
        "kind": "span-preposition",
        "id": "d",
        "start": 5,
        "end": 11,
        "message": "Place 'في حلب' starts with the separate preposition 'في'",
        "weight": 1.0,
        "context": "قصفت ⟦في حلب⟧",
        "other": None,
    }


# ---------------------------------------------------------------------- agreement


def kinds(findings: Sequence[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def test_agreement_with_itself_is_whole() -> None:
    mine = [one(SHELLED, "قصفت", ("Agent", "القوات السورية"))]
    same = agreement(mine, mine, bootstrap=0)
    assert same.disagreements == []
    assert same.scores.measures["AC+"].f1 == 1.0
    assert "| TC | 1 | 1 | 1 | 100.0 |  |" in same.to_markdown().splitlines()


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (Document(SHELLED, id="d"), "event-first"),
        (one(SHELLED, "قصفت", ("Agent", "القوات السورية"), kind="Conflict.Destroy"), "event-type"),
        (one(SHELLED, "قصفت القوات", ("Agent", "القوات السورية")), "event-trigger"),
        (one(SHELLED, "قصفت", ("Agent", "القوات السورية"), modality="other"), "modality"),
        (one(SHELLED, "قصفت", ("Agent", "القوات السورية"), polarity="negative"), "polarity"),
        (one(SHELLED, "قصفت"), "argument-first"),
        (one(SHELLED, "قصفت", ("Agent", "القوات السورية"), ("Time", "أمس")), "argument-second"),
        (one(SHELLED, "قصفت", ("Agent", "القوات")), "argument-span"),
        (one(SHELLED, "قصفت", ("Target", "القوات السورية")), "argument-role"),
    ],
)
def test_every_kind_of_disagreement(other: Document, kind: str) -> None:
    mine = [one(SHELLED, "قصفت", ("Agent", "القوات السورية"))]
    here, there = agreement(mine, [other], bootstrap=0), agreement([other], mine, bootstrap=0)
    assert kinds(here.disagreements) == [kind]
    turned = {"first": "second", "second": "first"}
    stem, _, side = kind.partition("-")
    assert kinds(there.disagreements) == [f"{stem}-{turned[side]}" if side in turned else kind]
    for measure in ("TI", "TC", "AC+"):
        assert here.scores.measures[measure].f1 == there.scores.measures[measure].f1  # F1 has no side


def test_agreement_is_over_common_ids() -> None:
    a, b, c = (Document(SHELLED, id=name) for name in "abc")
    found = agreement([a, b], [c, b], bootstrap=0)
    assert (found.scores.paragraphs, found.left_out) == (1, 2)
    with pytest.raises(DataError, match="no id that both sides have"):
        agreement([a], [b])
    with pytest.raises(DataError, match="first: expected an id of its own"):
        agreement([a, a], [a])
    with pytest.raises(DataError, match="texts differ"):
        agreement([a], [Document("غير ذلك", id="a")])


# ---------------------------------------------------------------------- command line


def run(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_the_command_audit(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_jsonl(file, [one("قصفت في حلب", "قصفت", ("Place", "في حلب"))])
    result = run("corpus", "audit", file)
    assert result.exit_code == 0
    assert "by spelling" in result.stdout
    assert "1 finding\n" in result.stdout
    rows = [json.loads(line) for line in run("corpus", "audit", file, "--format", "jsonl").stdout.splitlines()]
    assert [(row["kind"], row["id"]) for row in rows] == [("span-preposition", "d")]


def test_the_command_agreement(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    mine = one(SHELLED, "قصفت", ("Agent", "القوات السورية"))
    write_jsonl(first, [mine, Document("طقس", id="x")])
    write_jsonl(second, [one(SHELLED, "قصفت", ("Agent", "القوات"))])
    result = run("corpus", "agreement", first, second, "--bootstrap", 0)
    assert result.exit_code == 0
    assert "| AC+ | 1 | 1 | 0 | 0.0 |  |" in result.stdout
    assert "argument-span" not in result.stdout
    assert "1 paragraph(s) stand in one file only" in result.stderr
    assert "argument-span (1)" in run("corpus", "agreement", first, second, "--bootstrap", 0, "--list").stdout


# ---------------------------------------------------------------------- anything at all

SAID = "لم لن نفى فشل في إلى قصف سيقصف الذي هو 12 ، . « » إطلاق النار ـ"
WORDS = st.sampled_from([*SAID.split(), '"', "\n", "\u200f"])
TEXT = st.one_of(st.lists(WORDS, min_size=1, max_size=12).map(" ".join), st.text(min_size=1, max_size=30))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXT)

    def any_span() -> Span:
        start = draw(st.integers(0, len(text) - 1))
        return Span.of(text, start, draw(st.integers(start + 1, len(text))))

    events = [
        Event(
            draw(st.sampled_from(["Life.Die", "Conflict.Attack", "made up"])),
            any_span(),
            [Argument(draw(st.sampled_from(["Topic", "Place"])), any_span()) for _ in range(draw(st.integers(0, 2)))],
            draw(st.sampled_from(["asserted", "other"])),
            draw(st.sampled_from(["positive", "negative"])),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Document(text, events, id=draw(st.sampled_from(["", "a", "b"])))


@settings(max_examples=60, deadline=None)
@given(st.lists(documents(), max_size=6))
def test_any_documents_are_audited_and_always_alike(corpus: list[Document]) -> None:
    findings = audit(corpus)
    assert findings == audit(corpus)
    assert findings == sorted(findings, key=lambda f: (f.kind, -f.weight))
    texts = {Reading.of(document, number).name: document.text for number, document in enumerate(corpus, 1)}
    for finding in findings:
        assert 0 < finding.weight <= 1
        assert finding.place.document in texts
        json.dumps(finding.to_dict())
    overview(corpus)
    report(findings)


@settings(max_examples=40, deadline=None)
@given(documents())
def test_any_annotation_is_compared_with_none_and_with_itself(drawn: Document) -> None:
    mine = Document(drawn.text, drawn.events, id="a")
    none = Document(drawn.text, id="a")
    assert bool(agreement([mine], [none], bootstrap=0).disagreements) == bool(mine.events)
    assert agreement([mine], [mine], bootstrap=0).disagreements == []
