"""Words, sentences, paragraphs, spelling and clitics of a raw string; the one owner of character offsets.

Everything here is pure and works on the text as given: offsets are half-open, in Unicode code points, and
always index the raw string. Normalisation changes lengths, so it is only ever applied to single words, after
their offsets are fixed. This module knows nothing of tokenizers, models or ontologies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize as unicode_normalize

__all__ = [
    "PREFIXES",
    "SUFFIXES",
    "Segments",
    "light_stem",
    "normalize",
    "paragraphs",
    "segment",
    "segmentations",
    "sentences",
    "words",
]

# Harakat, Quranic marks, superscript alef, tatweel: written on or between letters, never words of their own.
_MARKS = "\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08ff\ufe00-\ufe0f"
# Zero-width, bidi and soft-hyphen controls: invisible, so they neither make nor break a word.
_INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_LETTER = r"[^\W\d_]"
_WORDS = re.compile(
    rf"\d+(?:[.,:/\u066b\u066c\u060d]\d+)*"  # 1,500 · 30/9/2015 · 10:30 · ٣٫٥
    rf"|{_LETTER}(?:[{_MARKS}{_INVISIBLE}]*(?:{_LETTER}|[{_MARKS}]))*"
    rf"|[^\s{_INVISIBLE}]"
)
_PARAGRAPHS = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")

_END = ".!؟?…۔"
_SENTENCE_END = re.compile(rf"[{_END}]+[\"'»”’)\]]*")
_DROP = re.compile(f"[{_MARKS}{_INVISIBLE}]")
_LETTERS = str.maketrans(
    {
        **dict.fromkeys("أإآٱٲٳٵ", "ا"),
        **dict.fromkeys("ىیېئۍێ", "ي"),
        "ة": "ه",
        "ۀ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ؤ": "و",
        "ک": "ك",
        "ڪ": "ك",
        **{chr(0x660 + d): str(d) for d in range(10)},
        **{chr(0x6F0 + d): str(d) for d in range(10)},
    }
)
_PRESENTATION = re.compile("[\ufb50-\ufdff\ufe70-\ufeff]")
_CONTENT = re.compile(r"[^\W_]")  # what str.isalnum accepts
_UNSAFE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# Clitics and inflection as they stand in a normalised word, longest first is not needed: all fits are tried.
PREFIXES = (
    "", "ال", "و", "وال", "ب", "بال", "ل", "لل", "ف", "فال", "ك", "كال", "س", "وس",
    "وب", "وبال", "ول", "ولل", "فب", "فل", "وك", "فس", "فلل", "وكال",
)  # fmt: skip
_PRONOUNS = ("ه", "ها", "هم", "هما", "هن", "نا", "كم", "ني", "ك")
SUFFIXES = (
    "", *_PRONOUNS, "ا", "ات", "ون", "ين", "ان", "ت", "ي", "يه", "وا", "تا", "تان", "تين", "يا", "يين", "يون",
    "ته", "تها", "تهم", "تهما", "تنا", "اته", "اتها", "اتهم", "اتنا", "يها", "يهم", "يته", "يتها", "اه", "وه", "وها", "وهم",
)  # fmt: skip
# Those that a word may have, by its first and its last letter: a word is tried against few.
_PREFIXES_BY_FIRST = {letter: tuple(p for p in PREFIXES if p[:1] in ("", letter)) for letter in {p[0] for p in PREFIXES if p}}
_SUFFIXES_BY_LAST = {letter: tuple(s for s in SUFFIXES if s[-1:] in ("", letter)) for letter in {s[-1] for s in SUFFIXES if s}}


def words(text: str) -> list[tuple[int, int]]:
    """Offsets of the words of `text`: letters with their marks, numbers, and single symbols.

    >>> text = "قصفت القوات «تلبيسة» بـ3,5 أطنان."
    >>> [text[a:b] for a, b in words(text)]
    ['قصفت', 'القوات', '«', 'تلبيسة', '»', 'بـ', '3,5', 'أطنان', '.']
    """
    return [match.span() for match in _WORDS.finditer(text)]


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of the paragraphs of `text`: runs between line ends, trimmed of white space; blank ones are left out."""
    for match in _PARAGRAPHS.finditer(text):
        trimmed = _trim(text, *match.span())
        if trimmed:
            yield trimmed


def sentences(text: str) -> list[tuple[int, int]]:
    """Offsets of the sentences of `text`, in order, trimmed; every word lies in exactly one of them.

    A sentence ends after `. ! ? ؟ …` (and closing quotes) or at the end of a paragraph. A full stop does not
    end one inside a number, after an abbreviation, or between letters of an abbreviation (`أ.ف.ب`).

    >>> text = "وصل د. سامر الخطيب إلى جنيف. ولن يلتقي أحدا!"
    >>> [text[a:b] for a, b in sentences(text)]
    ['وصل د. سامر الخطيب إلى جنيف.', 'ولن يلتقي أحدا!']
    """
    found: list[tuple[int, int]] = []
    for first, last in paragraphs(text):
        start, content = first, _content(text, first, last)
        for match in _SENTENCE_END.finditer(text, first, last):
            # `content` is looked for once a sentence: `! ! ! …` without a letter must not cost quadratic time.
            if content < match.end() and _ends_sentence(text, match, first, last):
                found.append((start, match.end()))
                start, content = match.end(), _content(text, match.end(), last)
        rest = _trim(text, start, last)
        if rest and found and found[-1][0] >= first and content == last:
            found[-1] = (found[-1][0], rest[1])  # trailing symbols belong to the sentence before them
        elif rest:
            found.append(rest)
    return [trimmed for span in found if (trimmed := _trim(text, *span))]


def _content(text: str, start: int, end: int) -> int:
    """Where the first letter or digit stands, `end` where there is none."""
    match = _CONTENT.search(text, start, end)
    return match.start() if match else end


def _ends_sentence(text: str, match: re.Match[str], first: int, last: int) -> bool:
    if match.end() >= last or match[0][0] != "." or len(match[0]) > 1:
        return True
    before = re.search(rf"[^\s.{_END}]*\Z", text[max(first, match.start() - 24) : match.start()])
    word = normalize(before[0]).lstrip("(«\"'[“‘") if before else ""
    after = text[match.end()]
    if word in _ABBREVIATIONS:
        return False
    if after.isspace():
        return True
    # A careless missing space (`منازلهم.قال`) ends a sentence; `أ.ف.ب`, `3.5`, `www.example.com` do not.
    return len(word) >= 3 and after.isalpha() and not after.isascii() and not word.isascii()


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    blank = " \t\u00a0"
    while start < end and (text[start].isspace() or text[start] in blank or _is_invisible(text[start])):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in blank or _is_invisible(text[end - 1])):
        end -= 1
    return (start, end) if start < end else None


@lru_cache(maxsize=4096)
def _is_invisible(character: str) -> bool:
    return re.fullmatch(f"[{_INVISIBLE}]", character) is not None


@lru_cache(maxsize=1 << 16)
def normalize(word: str) -> str:
    """One spelling for the many of a word: what the embedded model reads in place of it. May be empty.

    Removes tashkeel, tatweel, zero-width and bidi controls; resolves presentation forms and Arabic-Indic
    digits; writes أإآٱ as ا, ى ئ ی as ي, ة as ه, ؤ as و, ک as ك; lower-cases Latin. Lone surrogates and
    control characters become U+FFFD, so that every tokenizer can take the result.

    >>> normalize("الأُمَّـــة"), normalize("علىٰ"), normalize("٢٠١٥")
    ('الامه', 'علي', '2015')
    """
    if _PRESENTATION.search(word):
        word = _PRESENTATION.sub(lambda match: unicode_normalize("NFKC", match[0]).replace(" ", ""), word)
    return _UNSAFE.sub("\ufffd", _DROP.sub("", word.translate(_LETTERS).lower()))


# The last word before a full stop that does not end a sentence, normalised: titles, honorifics, units, initials.
_ABBREVIATIONS = frozenset(
    map(normalize, "د أ م ص ب ت ج ر س ع ف ق ك ل ن هـ و ي ط ش ح خ ذ ز ض ظ غ ث أد مم كم سم كلم dr mr mrs st no vs".split())  # noqa: SIM905  a list of forty strings reads worse
)


@dataclass(frozen=True, slots=True)
class Segments:
    """A normalised word cut into its clitics and its stem; the three together spell the word."""

    prefix: str
    stem: str
    suffix: str


def segmentations(word: str) -> list[Segments]:
    """All ways to cut a normalised word into a known prefix, a stem of enough letters and a known suffix.

    The uncut word comes first; at least three letters stay in a stem. Which cut is right, a lexicon says.
    """
    cuts = [Segments("", word, "")]
    if len(word) < 4 or not word.isalpha():
        return cuts
    suffixes = [suffix for suffix in _SUFFIXES_BY_LAST.get(word[-1], ("",)) if word.endswith(suffix)]
    for prefix in _PREFIXES_BY_FIRST.get(word[0], ("",)):
        if not word.startswith(prefix):
            continue
        if prefix.endswith("س") and word[len(prefix) : len(prefix) + 1] not in ("ي", "ت", "ن", "ا"):
            continue  # the future particle stands before an imperfect verb only
        for suffix in suffixes:
            stem = word[len(prefix) : len(word) - len(suffix)]
            if len(stem) >= 3 and (prefix or suffix):
                cuts.append(Segments(prefix, stem, suffix))
    return cuts


def segment(word: str, stems: Mapping[str, float] | None = None) -> Segments:
    """The best cut of a normalised word.

    With `stems` (stem or `prefix+` or `+suffix` -> log probability, see `lexicon.StemLexicon`) it is the most
    probable one; without, a rule: the article and what stands before it are cut, other clitics only where at
    least five letters remain, so that `بغداد`, `وزير` and `لبنان` stay whole.

    >>> segment("والقوات")
    Segments(prefix='وال', stem='قوات', suffix='')
    >>> segment("لبنان").stem
    'لبنان'
    """
    cuts = segmentations(word)
    if stems is None:
        return _by_rule(word, cuts)
    unseen = stems.get("", -16.0)
    best, best_score = cuts[0], float("-inf")
    for cut in cuts:
        score = stems.get(cut.stem, unseen - 0.5 * len(cut.stem))
        score += stems.get(cut.prefix + "+", -12.0) + stems.get("+" + cut.suffix, -12.0)
        if score > best_score:
            best, best_score = cut, score
    return best


def _by_rule(word: str, cuts: list[Segments]) -> Segments:
    def fits(cut: Segments) -> bool:
        prefix_ok = cut.prefix == "" or cut.prefix.endswith(("ال", "لل")) or len(cut.stem) >= 5
        suffix_ok = cut.suffix == "" or (len(cut.suffix) > 1 and cut.suffix in _PRONOUNS and len(cut.stem) >= 3)
        return prefix_ok and suffix_ok

    return max(filter(fits, cuts), key=lambda cut: (len(cut.prefix) + len(cut.suffix), len(cut.prefix)), default=cuts[0])


def light_stem(word: str) -> str:
    """A raw or normalised word without clitics and inflection, by rule (after light10: Larkey et al., 2007).

    >>> light_stem("وقصفت"), light_stem("الغارات"), light_stem("بغداد")
    ('وقصف', 'غار', 'بغداد')
    """
    stem = segment(normalize(word)).stem
    for suffix in ("ات", "ون", "ين", "ان", "يه", "وا", "ت", "ه", "ي", "ا"):
        if stem.endswith(suffix) and len(stem) - len(suffix) >= 3:
            return stem[: len(stem) - len(suffix)]
    return stem
