"""Words, sentences, paragraphs, spelling and clitics: offsets that hold for any text that Python can store."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ahdath import text
from ahdath.text import (
    Segments,
    light_stem,
    normalize,
    paragraphs,
    segment,
    segmentations,
    sentences,
    words,
)

INVISIBLE = re.compile(f"[{text._INVISIBLE}]")
ARABIC = "".join(map(chr, [*range(0x621, 0x63B), *range(0x641, 0x64B)]))
MARKS = "\u064b\u064e\u0651\u0652\u0670\u0640\u0653\u0654"
HIDDEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\u061c\ufeff\u00ad"
SYMBOLS = ".!؟?…،؛:\"'«»()[]{}-–—/\\_%٪٫٬$€@#&*+=😀👨\u200d👩\u200d👧🇸🇾"
OTHER = "\ufe8d\ufee0\ufdfa\ufdf2\ufefb\ud800\udfff\x00\x07\x1f\x7f\x85\xa0\u2028\u2029\u3000\n\r\t\v\f 09٠٩۰۹٣²½ⅧaZéßİıΣςñ漢ひ\u0301"

any_text = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=200)
news_text = st.text(alphabet=ARABIC + MARKS + HIDDEN + SYMBOLS + OTHER + "   \n....", max_size=200)
texts = st.one_of(any_text, news_text)
one_word = st.text(alphabet=ARABIC, min_size=1, max_size=16)


def shown(found: list[tuple[int, int]], of: str) -> list[str]:
    return [of[start:end] for start, end in found]


def is_hidden(character: str) -> bool:
    return character.isspace() or INVISIBLE.fullmatch(character) is not None


# ---------------------------------------------------------------------- words


@given(texts)
def test_words_cover_every_visible_character_once_and_in_order(string: str) -> None:
    covered = 0
    for start, end in words(string):
        assert covered <= start < end
        assert all(map(is_hidden, string[covered:start]))
        assert not is_hidden(string[start])
        assert not is_hidden(string[end - 1])
        assert not any(character.isspace() for character in string[start:end])
        covered = end
    assert all(map(is_hidden, string[covered:]))


@given(texts)
def test_a_word_alone_is_one_word(string: str) -> None:
    for start, end in words(string):
        assert words(string[start:end]) == [(0, end - start)]


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("قصفت القوات «تلبيسة».", ["قصفت", "القوات", "«", "تلبيسة", "»", "."]),
        ("الأُمَّـــة المُتَّحِدة", ["الأُمَّـــة", "المُتَّحِدة"]),
        ("بـ3,5 أطنان", ["بـ", "3,5", "أطنان"]),
        ("في 30/9/2015 عند 10:30", ["في", "30/9/2015", "عند", "10:30"]),
        ("٣٫٥ و١٬٥٠٠", ["٣٫٥", "و", "١٬٥٠٠"]),
        ("50%.", ["50", "%", "."]),
        ("حلب\u200f، \u202bدمشق\u202c", ["حلب", "،", "دمشق"]),
        ("نيم\u200cفاصله", ["نيم\u200cفاصله"]),
        ("أ.ف.ب", ["أ", ".", "ف", ".", "ب"]),
        ("B52 وF-16", ["B", "52", "وF", "-", "16"]),
        ("اسم_المستخدم", ["اسم", "_", "المستخدم"]),
        ("ـ \u064b 😀\ud800\x00", ["ـ", "\u064b", "😀", "\ud800", "\x00"]),
        ("\u200f \n", []),
        ("", []),
    ],
)
def test_words_of_examples(string: str, expected: list[str]) -> None:
    assert shown(words(string), string) == expected


# ---------------------------------------------------------------------- paragraphs and sentences


@given(texts)
def test_paragraphs_are_trimmed_ordered_and_hold_every_word(string: str) -> None:
    found = list(paragraphs(string))
    at = 0
    for start, end in found:
        assert at <= start < end
        assert not is_hidden(string[start])
        assert not is_hidden(string[end - 1])
        assert "\n" not in string[start:end]
        assert "\u2029" not in string[start:end]
        at = end
    for a, b in words(string):
        assert sum(start <= a and b <= end for start, end in found) == 1


@given(texts)
def test_sentences_are_trimmed_ordered_and_every_word_lies_in_one(string: str) -> None:
    found, blocks = sentences(string), list(paragraphs(string))
    at = 0
    for start, end in found:
        assert at <= start < end
        assert not is_hidden(string[start])
        assert not is_hidden(string[end - 1])
        assert sum(first <= start and end <= last for first, last in blocks) == 1
        at = end
    for a, b in words(string):
        assert sum(start <= a and b <= end for start, end in found) == 1


@given(texts)
def test_a_sentence_has_a_letter_or_digit_unless_its_paragraph_has_none(string: str) -> None:
    for start, end in sentences(string):
        block = next(string[a:b] for a, b in paragraphs(string) if a <= start < b)
        assert any(map(str.isalnum, string[start:end])) or not any(map(str.isalnum, block))


@given(st.lists(texts, max_size=4))
def test_sentences_of_a_text_are_those_of_its_paragraphs(parts: list[str]) -> None:
    string = "\n".join(parts)
    apart = [(a + start, a + end) for a, b in paragraphs(string) for start, end in sentences(string[a:b])]
    assert sentences(string) == apart


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("وصل د. سامر الخطيب إلى جنيف. ولن يلتقي أحدا!", ["وصل د. سامر الخطيب إلى جنيف.", "ولن يلتقي أحدا!"]),
        ("بلغ 3.5 مليون. ثم 4.", ["بلغ 3.5 مليون.", "ثم 4."]),
        ("نقلت أ.ف.ب عن مصدر. وقال.", ["نقلت أ.ف.ب عن مصدر.", "وقال."]),
        ("هدمت منازلهم.قال الشاهد.", ["هدمت منازلهم.", "قال الشاهد."]),
        ("زار www.example.com أمس. ورحل.", ["زار www.example.com أمس.", "ورحل."]),
        ("على بعد 5 كم. من حلب.", ["على بعد 5 كم. من حلب."]),
        ("عام 1436 هـ. وفيه قصف.", ["عام 1436 هـ. وفيه قصف."]),
        ("هل قصف؟! نعم… ربما.", ["هل قصف؟!", "نعم…", "ربما."]),
        ("قال: «سنرد.» ثم انصرف.", ["قال: «سنرد.»", "ثم انصرف."]),
        ("قصف\n\nنزوح", ["قصف", "نزوح"]),
        ("انتهى. ***", ["انتهى. ***"]),
        ("... قصف", ["... قصف"]),
        ("...", ["..."]),
        (" \u200f\n ", []),
    ],
)
def test_sentences_of_examples(string: str, expected: list[str]) -> None:
    assert shown(sentences(string), string) == expected


@pytest.mark.parametrize("written", ["د", "دـ", "\ufea9", "دَ"])
def test_an_abbreviation_is_known_in_every_spelling_that_normalisation_undoes(written: str) -> None:
    assert len(sentences(f"وصل {written}. سامر الخطيب إلى جنيف.")) == 1


# ---------------------------------------------------------------------- normalisation


@given(texts)
def test_normalize_is_idempotent_and_can_be_written_as_utf8(string: str) -> None:
    once = normalize(string)
    assert normalize(once) == once
    once.encode("utf-8")


@given(texts)
def test_no_normalised_word_holds_marks_controls_or_white_space(string: str) -> None:
    for start, end in words(string):
        word = normalize(string[start:end])
        assert not re.search(rf"[\s{text._MARKS}{text._INVISIBLE}\x00-\x1f\ud800-\udfff]", word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("الأُمَّـــة", "الامه"),
        ("إلى", "الي"),
        ("آثار", "اثار"),
        ("ٱلله", "الله"),
        ("مسؤول", "مسوول"),
        ("رئيس", "رييس"),
        ("علىٰ", "علي"),
        ("کابل", "كابل"),
        ("فارسی", "فارسي"),
        ("٢٠١٥", "2015"),
        ("۲۰۱۵", "2015"),
        ("\ufefb\ufe97\ufed4\ufe8e\ufed5", "لاتفاق"),
        ("\ufdf2", "الله"),
        ("NATO", "nato"),
        ("İ", "i"),
        ("أ\u0654", "ا"),
        ("حل\u200dب", "حلب"),
        ("\ud83d", "\ufffd"),
        ("\x07", "\ufffd"),
        ("ـ", ""),
    ],
)
def test_normalize_examples(word: str, expected: str) -> None:
    assert normalize(word) == expected


# ---------------------------------------------------------------------- clitics


@given(one_word)
def test_segments_spell_the_word_and_leave_a_stem(string: str) -> None:
    word = normalize(string)
    cuts = segmentations(word)
    assert cuts[0] == Segments("", word, "")
    assert len(set(cuts)) == len(cuts)
    for cut in cuts:
        assert cut.prefix + cut.stem + cut.suffix == word
        assert cut.prefix in text.PREFIXES
        assert cut.suffix in text.SUFFIXES
        assert len(cut.stem) >= 3 or cut.stem == word
    assert segment(word) in cuts
    assert segment(word, {"": -10.0}) in cuts


@given(texts)
def test_any_string_can_be_segmented_and_stemmed(string: str) -> None:
    cut = segment(normalize(string))
    assert cut.prefix + cut.stem + cut.suffix == normalize(string)
    light_stem(string)


@pytest.mark.parametrize("word", ["بغداد", "وزير", "لبنان", "كابول", "سوريا", "باريس", "لندن", "كان"])
def test_the_rule_leaves_names_and_short_words_whole(word: str) -> None:
    assert segment(word) == Segments("", word, "")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("والقوات", Segments("وال", "قوات", "")),
        ("بالمدفعيه", Segments("بال", "مدفعيه", "")),
        ("للمدنيين", Segments("لل", "مدنيين", "")),
        ("منازلهم", Segments("", "منازل", "هم")),
        ("ومستشفياتها", Segments("و", "مستشفيات", "ها")),
    ],
)
def test_the_rule_cuts_article_and_pronoun(word: str, expected: Segments) -> None:
    assert segment(word) == expected


def test_the_most_probable_cut_wins() -> None:
    stems = {"قصف": -3.0, "وقصف": -9.0, "و+": -1.0, "+": -0.5, "+ت": -1.0, "": -12.0}
    assert segment("وقصفت", stems) == Segments("و", "قصف", "ت")
    assert segment("وقصفت", {**stems, "وقصفت": -1.0}) == Segments("", "وقصفت", "")


def test_the_future_particle_stands_before_an_imperfect_verb_only() -> None:
    assert Segments("س", "يقصف", "") in segmentations("سيقصف")
    assert Segments("س", "لاحه", "") not in segmentations("سلاحه")


def test_light_stems() -> None:
    forms = ("وقصفت", "الغارات", "بغداد", "المُظاهرين", "مظاهرات")
    assert [light_stem(form) for form in forms] == ["وقصف", "غار", "بغداد", "مظاهر", "مظاهر"]


# ---------------------------------------------------------------------- cost

MEGABYTE = 1_000_000
HOSTILE = {
    "one word": "ا",
    "stops": ". ",
    "exclamation marks": "! ",
    "dotted letters": "أ.",
    "marks behind a letter": "\u064b",
    "invisible characters": "\u200f",
    "marks and invisible characters": "\u064b\u200f",
    "numbers": "1.",
    "quotation marks": ".»",
    "line ends": "\n",
    "letters and surrogates": "ا\ud800",
    "sentences": "قصف. ",
}


@pytest.mark.parametrize("function", [words, sentences, lambda string: list(paragraphs(string))])
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_takes_linear_time(unit: str, function: Callable[[str], list[tuple[int, int]]]) -> None:
    string = "ا" + unit * (MEGABYTE // len(unit))
    before = time.process_time()
    found = function(string)
    # Seconds where it is linear; quadratic cost would be 10¹¹ steps and more.
    assert time.process_time() - before < 30
    assert found[0][0] == 0


def test_normalisation_and_segmentation_of_an_endless_word_take_linear_time() -> None:
    word = "وال" + "قصف" * (MEGABYTE // 3)
    before = time.process_time()
    assert segment(normalize(word)).prefix == "وال"
    assert time.process_time() - before < 30
