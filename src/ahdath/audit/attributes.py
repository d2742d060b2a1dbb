"""Cues of modality and polarity near a trigger that has the default value, and other values without any cue.

A cue governs the first trigger after it, within its reach and without punctuation between them; `سـ` stands on
the trigger itself. The reverse asks much less: any word in the sentence that could be the reason will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ahdath.audit.findings import Finding, Reading, forms_of
from ahdath.schema import Event
from ahdath.text import normalize

__all__ = ["NEGATIONS", "attribute_findings"]


@dataclass(frozen=True, slots=True)
class _Cue:
    """Words (normalised on use) that ask for a value of an attribute on the first trigger after them.

    `reach` counts words from cue to trigger; with `through`, one of these must stand between (or be joined to
    the trigger, for `ب`), and the reach counts from there; `only` is what the trigger's form has to look like, and
    `not_behind` the word before the cue that makes it something else.
    """

    words: str
    attribute: str
    reach: int
    reason: str
    through: str = ""
    only: str = ""
    not_behind: str = ""


_IMPERFECT = "[يتنا]"
_ONLY = forms_of("إلا سوى غير وحدهم وحده وحدها")
"""Behind a denied verb they turn it round: `لم يصل سوى واحد` says that one arrived."""

_CUES = (
    _Cue("لم ولم فلم", "polarity", 1, "`لم` denies the verb behind it; `ما لم` is `unless`", not_behind="ما"),
    _Cue("لن ولن فلن", "polarity", 1, "`لن` denies what is to come (rule 19)"),
    _Cue("لن ولن فلن", "modality", 1, "`لن` speaks of what is to come (rule 18)"),
    _Cue("لا ولا", "polarity", 1, "`لا` denies the verb behind it", only=_IMPERFECT),
    _Cue(
        "نفى نفت نفوا نفيا ينفي تنفي نافيا نافية نافين ونفى ونفت كنفي نفي ونفي",
        "polarity",
        5,
        "what is denied is negative (rule 4); accusations denied were made all the same",
        only="(?!.*(?:اتهام|تهم))",
    ),
    _Cue("فشل فشلت فشلا فشلوا يفشل تفشل أخفق أخفقت يخفق تخفق وفشل وفشلت", "polarity", 4, "failed (rule 19)", "في"),
    _Cue("دون بدون ودون", "polarity", 2, "`دون` says that it did not happen"),
    _Cue("عدم بعدم لعدم وعدم", "polarity", 2, "`عدم` denies the noun behind it"),
    _Cue("سوف وسوف", "modality", 1, "`سوف` is the future (rule 18)"),
    _Cue("قد وقد", "modality", 1, "`قد` before an imperfect is `may` (rule 18)", only="ي"),
    _Cue("يعتزم تعتزم يعتزمون ينوي تنوي ينوون يخطط تخطط يستعد تستعد", "modality", 4, "planned (rule 18)"),
    _Cue("المقرر المتوقع المنتظر المرتقب المزمع المحتمل", "modality", 4, "expected (rule 18)"),
    _Cue("إذا وإذا", "modality", 3, "conditional (rule 18)"),
    _Cue("حال", "modality", 3, "`في حال` is conditional (rule 18)", only="(?!(?:ال)?(?:تاهب|استنفار|طوار))"),
    _Cue("دعا دعت دعوا يدعو تدعو داعيا داعية ودعا ودعت", "modality", 3, "what is called for (rule 18)", "إلى"),
    _Cue("طالب طالبت طالبوا يطالب تطالب مطالبا مطالبة مطالبين وطالب وطالبت", "modality", 6, "demanded (rule 18)", "ب"),
    _Cue("هدد هددت هددوا يهدد تهدد مهددا مهددة وهدد وهددت", "modality", 4, "threatened (rule 18)", "ب"),
)

NEGATIONS = frozenset(form for cue in _CUES if cue.attribute == "polarity" for form in forms_of(cue.words))
"""The words, as `normalize` has them, that may deny what follows: `لم`, `لن`, `لا`, `نفى`, `فشل`, `دون`, `عدم` …"""

_LIGHT = forms_of("يتم تتم يقع تقع يجر تجر يجري تجري يسفر تسفر يسجل تسجل يحدث تحدث يشهد تشهد يعد تعد")
"""Verbs without content: `لم يتم سحب`, `لم تقع اشتباكات`; the cue reaches through them."""

_FUTURE = re.compile("[وف]?س[يتن].{3,}")
_NO_FUTURE = re.compile("[وف]?(?:سيطر|سيول|سيل|سياس|سيار|سيد|ستين|سنو|سيق(?:وا|ت)?$)")
"""The `س` of these is a letter of the root, not the particle."""

_NEGATIVE = re.compile(
    "لم|لن|لا|الا|بالا|ما|غير|ابي|كف|تكف|يكف|رد|ردت|ليس.*|ليست|دون|بدون|عدم|وقف|بلا|سوي|الا|قبل|انعدام|غياب|لولا"
    "|.*(?:نفي|نفت|نفو|ناف|فشل|اخفق|اخفاق|رفض|الغ[ياوت]|لغي|احبط|احباط|تصد|صد|خرق|انتهاك|انتهك|منع|امتن|نجا|نج[تو]|حال|عرقل|تعثر"
    "|تعذر|افشل|تراجع|علق|تعليق|توقف|اوقف|انه[يا]|استبعد|استبعاد|كذب|حظر|جمد|تجميد|انقطع|خلا|نقض|مستحيل|حول|فض|ابطل|ابطال|انكر|انكار|اعترض|اعتراض|اجهض|مستبعد|تخل[يت]|عجز|تجاهل|خسار|هزيم|خفق|بعدم|لعدم|تاخر|فسخ|حاول|محاول|قطع|ادني|انسحب|تفاد|تجنب|جنب|سقط).*"
)
_OTHER = re.compile(
    "لن|سوف|هل|لا|ابي|ابت|وشيك|وشيكه|ابتداء|الجمعه|ان|الا|لو|اذا|حال|قد|ربما|لعل|ليت|كي|لكي|حتي|بان|لان|غدا|مقبل.*|نحو|او"
    "|[وف]?س[يتن].{2,}|[ولفب]?ل[يتنا].{2,}"
    "|.*(?:عتزم|اعتزام|نوي|نيه|نوايا|خطط|خطه|مقرر|توقع|نتظر|رتقب|مزمع|محتمل|احتمال|مقترح|اقتر|عرض|طالب|مطلب|طلب|دعا|دعو|دعت|داعي|ناشد|يجب|ضروره|وجوب|هدد|تهديد"
    "|توعد|تعهد|وعد|التزم|التزام|هدف|امل|يامل|تمني|سعي|يسع|تسع|ساع|استعد|مستعد|قرر|قرار|امر|اوامر|كلف|تكليف|وافق|موافقه|اتفق|اتفاق|حذر|تحذير|خشي|مخاوف|خوف|قادم|مقبل"
    "|لاحق|بحث|ناقش|مناقش|درس|دراس|يمكن|تمكن|امكان|حث|رغب|شرط|اشترط|اوص|توصي|مشروع|تحضير|تمهيد|جهز|تجهيز|اقرب|محاول|حاول|استهداف|انذار|مهله|موعد|سمح|اذن|نفي|نفت|رفض|استبعد|منع|كان|لحين|ريث|لوح|تلويح|اتهم|تهم|زعم|اعلن|ايد|دعم|قض[تي]|حكم|الزم|فرض|وجه|ترشح|مرشح|حدد|تحديد|بدء|استئناف|ستبعد|شتبه|ينص|نصت|بموجب|تتفق|يتفق|حظر|يعفي|تخصص|تعد|يعد|ابدي|مفترض|شبهه).*"
)
"""Wide on purpose: a value is told as uncalled for only where nothing in its sentence could call for it."""

_STOP = frozenset('،,.؛;:!؟?…«»"“”()[]–—-\n') | forms_of("ذلك إلغاء")
"""No cue reaches over them: punctuation, what is denied in a word (`تنفي ذلك`), and what turns the sense (`نفت إلغاء عقود`)."""


def attribute_findings(readings: Sequence[Reading], attributes: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """`cue-polarity` and `cue-modality`: a cue, yet the default; `no-cue-polarity`, `no-cue-modality`: the reverse.

    `attributes` gives every attribute its values, the default first; one that is not there is not asked.
    """
    cues = [(_Cues(cue), cue) for cue in _CUES if cue.attribute in attributes]
    for reading in readings:
        events: dict[int, list[Event]] = {}  # by the trigger's first word
        for event in reading.document.events:
            inside = reading.within(event.trigger)
            if inside:
                events.setdefault(inside[0], []).append(event)
        for at, here in sorted(events.items()):
            for finder, cue in cues:
                word = finder.before(reading, at, events)
                if word is not None:
                    wrong = [e for e in here if getattr(e, cue.attribute) == attributes[cue.attribute][0]]
                    yield from (_cued(reading, event, word, cue.attribute, cue.reason) for event in wrong)
            form = reading.forms[at]
            if "modality" in attributes and _FUTURE.fullmatch(form) and not _NO_FUTURE.match(form):
                wrong = [e for e in here if e.modality == attributes["modality"][0]]
                yield from (_cued(reading, event, at, "modality", "`س` is the future (rule 18)") for event in wrong)
            for name, enough in (("polarity", _NEGATIVE), ("modality", _OTHER)):
                other = [e for e in here if name in attributes and getattr(e, name) != attributes[name][0]]
                if other and not _has(reading, at, enough):
                    yield from (_uncued(reading, event, name) for event in other)


class _Cues:
    """A cue made ready: sets of forms."""

    def __init__(self, cue: _Cue) -> None:
        self.forms = forms_of(cue.words)
        self.cue = cue
        self.only = re.compile(cue.only) if cue.only else None
        self.through = normalize(cue.through)
        self.joined = len(cue.through) == 1

    def before(self, reading: Reading, at: int, events: Mapping[int, object]) -> int | None:
        """The word with the cue that governs the trigger at `at`, or None."""
        form = reading.forms[at]
        if (self.only and not self.only.match(form)) or (self.joined and not form.startswith(self.through)):
            return None
        passed = not self.through or self.joined
        reach = self.cue.reach + (0 if passed else 3)
        for back in range(at - 1, max(-1, at - 2 - reach), -1):
            here = reading.forms[back]
            if here in self.forms and passed and (at - back <= reach or self._lightly(reading, back, at)):
                return None if self._is_turned(reading, back, at) else back
            if here in _STOP or reading.sentence[back] != reading.sentence[at]:
                return None
            passed = passed or (here == self.through and at - back <= self.cue.reach)
            if back in events and not self.through:
                return None  # the cue governs that trigger; with `through`, another word says what it governs
        return None

    def _is_turned(self, reading: Reading, cue: int, at: int) -> bool:
        """Whether the word before the cue, or `only` behind the denied trigger, takes its sense away."""
        if self.cue.not_behind and cue > 0 and reading.forms[cue - 1] == self.cue.not_behind:
            return True
        after = range(at + 1, min(at + 9, len(reading.forms)))
        same = [near for near in after if reading.sentence[near] == reading.sentence[at]]
        return self.cue.attribute == "polarity" and any(reading.forms[near] in _ONLY for near in same)

    def _lightly(self, reading: Reading, cue: int, at: int) -> bool:
        return at - cue == self.cue.reach + 1 and reading.forms[cue + 1] in _LIGHT


def _has(reading: Reading, at: int, enough: re.Pattern[str]) -> bool:
    """Whether the sentence of word `at` has a word, with or without `و` or `ف`, that would do."""
    number = reading.sentence[at]
    first = at
    while first > 0 and reading.sentence[first - 1] == number:
        first -= 1
    for near in range(first, len(reading.forms)):
        if reading.sentence[near] != number:
            return False
        form = reading.forms[near]
        if enough.fullmatch(form) or (form[:1] in ("و", "ف") and enough.fullmatch(form[1:])):
            return True
    return False


def _cued(reading: Reading, event: Event, cue: int, attribute: str, reason: str) -> Finding:
    start, end = reading.spans[cue]
    word = reading.document.text[start:end]
    message = f"{event.type} {event.trigger.text!r} is {getattr(event, attribute)}, but {word!r}: {reason}"
    return Finding(f"cue-{attribute}", reading.place(event.trigger.start, event.trigger.end), message)


def _uncued(reading: Reading, event: Event, attribute: str) -> Finding:
    message = f"{event.type} {event.trigger.text!r} is {getattr(event, attribute)}, but nothing in its sentence says so"
    return Finding(f"no-cue-{attribute}", reading.place(event.trigger.start, event.trigger.end), message)
