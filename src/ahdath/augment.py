"""Changed copies of annotated paragraphs: typos and swapped names for training, spellings for measuring robustness.

Everything rests on `edit`, which replaces stretches of a document's text and moves all offsets with them. What
is random is drawn from the Generator that the caller gives, so the same Generator gives the same document. No
type or role is known by name here, and nothing of tokenizers or models.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from unicodedata import normalize as unicode_normalize

from .errors import ConfigError, DataError, shown
from .schema import Argument, Document, Event, Sentence, Span
from .text import normalize, words

if TYPE_CHECKING:
    import numpy as np

__all__ = ["augment", "edit", "spelling_variants", "typo"]

Edit = tuple[int, int, str]

# ---------------------------------------------------------------------- moving offsets


def edit(document: Document, edits: Sequence[Edit]) -> Document:
    """`document` with each `(start, end, new)` replaced in its text and every span moved along.

    An edit inside a span changes the span's text, one outside moves it. What is inserted right at an edge of a
    span (`start == end`) stays outside of it. Without edits the same object comes back.

    Raises DataError where edits overlap or leave the text, or where one crosses an edge of a span or deletes it.

    >>> document = Document("قصف حلب", (Event("Conflict.Attack", Span(0, 3, "قصف")),))
    >>> edit(document, [(0, 0, "أمس "), (2, 3, "فف")]).events[0].trigger
    Span(start=4, end=8, text='قصفف')
    """
    if not edits:
        return document
    ordered = sorted(edits, key=lambda change: change[:2])
    pieces, at = [""], 0
    for start, end, new in ordered:
        if not at <= start <= end <= len(document.text):
            raise DataError(
                f"edit {start}:{end} {shown(new)}: expected edits inside the text that do not overlap, found one "
                f"that starts before {at} or ends behind {len(document.text)}; correct the offsets"
            )
        pieces += (document.text[at:start], new)
        at = end
    move = _Mover(ordered, "".join(pieces) + document.text[at:])
    return Document(
        move.text,
        tuple(_moved_event(event, move) for event in document.events),
        tuple(Sentence(*move.place(s.start, s.end), s.types, s.scores) for s in document.sentences),
        document.id, document.meta, document.model, document.ontology, document.types,
    )  # fmt: skip


class _Mover:
    """Where spans of the old text lie in the new one."""

    def __init__(self, ordered: Sequence[Edit], text: str) -> None:
        self.text = text
        self.starts = [start for start, _, _ in ordered]
        self.ends = [end for _, end, _ in ordered]
        self.shifts = [0, *accumulate(len(new) - (end - start) for start, end, new in ordered)]

    def place(self, start: int, end: int) -> tuple[int, int, str]:
        """New start, end and text of an old span."""
        low, high = bisect_right(self.ends, start), bisect_right(self.ends, end)
        while high and self.starts[high - 1] == end:
            high -= 1  # inserted right behind the span: not part of it
        for index, edge in ((low, start), (high, end)):
            if index < len(self.starts) and self.starts[index] < edge < self.ends[index]:
                raise DataError(
                    f"edit {self.starts[index]}:{self.ends[index]} crosses an edge of the span {start}:{end}; "
                    "expected edits inside or outside of each span; split the edit at the edge"
                )
        first, last = start + self.shifts[low], end + self.shifts[high]
        if first >= last:
            raise DataError(f"span {start}:{end} would be empty; expected edits that leave a letter of each span")
        return first, last, self.text[first:last]

    def span(self, span: Span) -> Span:
        return Span(*self.place(span.start, span.end))


def _moved_event(event: Event, move: _Mover) -> Event:
    arguments = tuple(Argument(a.role, move.span(a.span), a.score) for a in event.arguments)
    rest = (event.modality, event.polarity, event.score, event.ontology)
    return Event(event.type, move.span(event.trigger), arguments, *rest)


# ---------------------------------------------------------------------- typos

_ARABIC = re.compile("[\u0621-\u063a\u0641-\u064a]+")
_CONFUSED = str.maketrans("ضظذز", "ظضزذ")
_SHORTEST, _SHORTEST_SPLIT = 4, 5  # letters of the shortest word that gets a typo, that is torn in two


class _Site:
    """What a typo in a paragraph must know: its words, its triggers, where spans begin and end."""

    def __init__(self, document: Document, spans: list[tuple[int, int]]) -> None:
        self.text, self.spans = document.text, spans
        self.triggers = [(event.trigger.start, event.trigger.end) for event in document.events]
        kept = [*self.triggers, *((a.span.start, a.span.end) for e in document.events for a in e.arguments)]
        kept += [(sentence.start, sentence.end) for sentence in document.sentences]
        self.starts, self.ends = {start for start, _ in kept}, {end for _, end in kept}

    def fits(self, index: int) -> bool:
        start, end = self.spans[index]
        return end - start >= _SHORTEST and _ARABIC.fullmatch(self.text, start, end) is not None

    def is_trigger(self, index: int) -> bool:
        start, end = self.spans[index]
        return any(start < last and first < end for first, last in self.triggers)

    def joins(self, index: int) -> bool:
        """Whether word `index` and the next can lose the space between them and no span an edge."""
        if index + 1 >= len(self.spans) or self.is_trigger(index) or self.is_trigger(index + 1):
            return False
        end, (start, last) = self.spans[index][1], self.spans[index + 1]
        if self.text[end:start] != " " or end in self.ends or start in self.starts:
            return False
        return _ARABIC.fullmatch(self.text, start, last) is not None


def _typo(site: _Site, index: int, rng: np.random.Generator) -> tuple[Edit | None, bool]:
    """A typo in one word that fits, None where what was drawn changes nothing; whether it takes the next word too."""
    start, end = site.spans[index]
    word = site.text[start:end]
    kinds = ["drop", "double"]
    if word.translate(_CONFUSED) != word:
        kinds.append("confuse")
    if not site.is_trigger(index):
        kinds.append("exchange")
        if len(word) >= _SHORTEST_SPLIT:
            kinds.append("split")
        if site.joins(index):
            kinds.append("join")
    kind = kinds[rng.integers(len(kinds))]
    if kind == "join":
        return (end, end + 1, ""), True
    if kind == "split":
        at = start + int(rng.integers(2, len(word) - 1))
        return (at, at, " "), False
    new = _misspelled(word, kind, rng)
    # أا written as اأ, or one of two ll dropped where both read alike, is no typo for the model.
    return (None if normalize(new) == normalize(word) else (start, end, new)), False


def _misspelled(word: str, kind: str, rng: np.random.Generator) -> str:
    if kind == "confuse":
        places = [i for i, letter in enumerate(word) if letter in "ضظذز"]
        at = places[rng.integers(len(places))]
        return word[:at] + word[at].translate(_CONFUSED) + word[at + 1 :]
    at = int(rng.integers(len(word) - (kind == "exchange")))
    middle = {"drop": "", "double": word[at] * 2, "exchange": word[at : at + 2][::-1]}[kind]
    return word[:at] + middle + word[at + (2 if kind == "exchange" else 1) :]


def _with_typos(document: Document, site: _Site, chosen: Iterable[int], rng: np.random.Generator) -> Document:
    """Typos in the chosen words, in ascending order; words that do not fit stay as they are."""
    edits: list[Edit] = []
    taken = -1
    for index in chosen:
        if index > taken and site.fits(index):
            change, joined = _typo(site, index, rng)
            if change is not None:
                edits.append(change)
                taken = index + joined
    return edit(document, edits)


def _random_typos(document: Document, share: float, rng: np.random.Generator) -> Document:
    spans = words(document.text)
    chosen = (rng.random(len(spans)) < share).nonzero()[0].tolist()
    return _with_typos(document, _Site(document, spans), chosen, rng) if chosen else document


def typo(document: Document, rng: np.random.Generator, every: int = 15) -> Document:
    """One typo that normalisation does not undo in each `every` words of a paragraph, where one is possible.

    What is left at the end, fewer than `every` words, gets one with that share of probability. Raises
    ConfigError for `every` below 1.

    >>> import numpy as np
    >>> typo(Document("قصفت الطائرات حلب"), np.random.default_rng(1), every=3).text
    'قصتف الطائرات حلب'
    """
    if every < 1:
        raise ConfigError(f"every {every}: expected 1 or more words for each typo")
    spans = words(document.text)
    site, chosen = _Site(document, spans), []
    for low in range(0, len(spans), every):
        block = [index for index in range(low, min(low + every, len(spans))) if site.fits(index)]
        rest = len(spans) - low
        if block and (rest >= every or rng.random() < rest / every):
            chosen.append(block[rng.integers(len(block))])
    return _with_typos(document, site, chosen, rng)


# ---------------------------------------------------------------------- names and places swapped

_MOST_WORDS = 3
_SHORT_SHARE = 0.8  # of a role's spans; a topic or a penalty is a clause and fits nowhere else
_CLITICS = "وبل"


class _Names:
    """Short argument spans by role, number of words and attached preposition."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.vocabulary: set[str] = set()
        lengths: dict[str, Counter[bool]] = {}
        found: Counter[tuple[str, str]] = Counter()
        for document in documents:
            self.vocabulary.update(normalize(document.text[a:b]) for a, b in words(document.text))
            for argument in (argument for event in document.events for argument in event.arguments):
                short = argument.span.text.count(" ") < _MOST_WORDS
                lengths.setdefault(argument.role, Counter())[short] += 1
                found[argument.role, argument.span.text] += 1
        self.roles = {role for role, count in lengths.items() if count[True] >= _SHORT_SHARE * count.total()}
        self.pools: dict[tuple[str, int, str], list[str]] = {}
        for role, text in sorted(found):
            key = self.key(role, text)
            if key is not None:
                self.pools.setdefault(key, []).append(text)
        self.members = {key: frozenset(texts) for key, texts in self.pools.items()}

    def key(self, role: str, text: str) -> tuple[str, int, str] | None:
        """The pool a span belongs to; None for one that is not to be swapped."""
        parts = text.split(" ")
        if role not in self.roles or len(parts) > _MOST_WORDS or not all(map(_ARABIC.fullmatch, parts)):
            return None
        return role, len(parts), self._clitic(normalize(parts[0]))

    def _clitic(self, word: str) -> str:
        """The preposition or conjunction that a normalised word begins with: what follows is a known word."""
        if word.startswith("لل"):
            return "ل"
        attached = word[:1] in _CLITICS and len(word) > 3 and word[1:] in self.vocabulary
        return word[:1] if attached else ""


def _swapped(document: Document, names: _Names, rng: np.random.Generator) -> Document:
    """Half of the short arguments of a paragraph, at least one, replaced by others of the same role."""
    roles: dict[str, list[str]] = {}
    for argument in (argument for event in document.events for argument in event.arguments):
        known = roles.setdefault(argument.span.text, [])
        if argument.role not in known:
            known.append(argument.role)
    candidates = [text for text, of in roles.items() if all(names.key(role, text) in names.pools for role in of)]
    if not candidates:
        return document
    count = max(1, int(rng.binomial(len(candidates), 0.5)))
    edges = words(document.text)
    edits: list[Edit] = []
    for index in rng.permutation(len(candidates))[:count]:
        old = candidates[index]
        new = _substitute(old, roles[old], names, rng)
        if new is None or new in document.text or any(new == used for _, _, used in edits):
            continue  # two who were told apart must not become one
        places = _occurrences(document.text, old, edges)
        apart = all(b <= start or end <= a for a, b in places for start, end, _ in edits)
        if apart and _replaceable(places, document.events):
            edits.extend((a, b, new) for a, b in places)
    return edit(document, edits)


def _substitute(old: str, roles: Sequence[str], names: _Names, rng: np.random.Generator) -> str | None:
    """Another span that stands in the pools of all roles of `old`; None where a few draws find none."""
    keys = [key for role in roles if (key := names.key(role, old)) is not None]
    pool = names.pools[keys[0]]
    for draw in rng.integers(len(pool), size=8).tolist():
        new: str = pool[draw]
        if new != old and all(new in names.members[key] for key in keys[1:]):
            return new
    return None


def _occurrences(text: str, part: str, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where `part` stands in the text as whole words, without overlap."""
    starts, ends = {a for a, _ in edges}, {b for _, b in edges}
    found, at = [], text.find(part)
    while at >= 0:
        end = at + len(part)
        whole = at in starts and end in ends
        found += [(at, end)] if whole else []
        at = text.find(part, end if whole else at + 1)
    return found


def _replaceable(places: Sequence[tuple[int, int]], events: Sequence[Event]) -> bool:
    """Each trigger lies apart from the places; each argument is equal to a place, holds it whole or lies apart."""
    for a, b in places:
        for event in events:
            if a < event.trigger.end and event.trigger.start < b:
                return False
            for span in (argument.span for argument in event.arguments):
                if not (b <= span.start or span.end <= a or (span.start <= a and b <= span.end)):
                    return False
    return True


def augment(
    documents: Sequence[Document], *, typos: float, swaps: float
) -> Callable[[Document, np.random.Generator], Document] | None:
    """What changes a training paragraph anew each time; None when there is nothing to change.

    Args:
        documents: where swapped-in arguments come from.
        typos: probability that a word gets a typo that normalisation does not undo: a missing or extra space, a
            dropped or doubled letter, two letters exchanged, ض for ظ. Arabic words of four letters and more only;
            a trigger stays one word.
        swaps: probability that short arguments (names, places, times) of a paragraph are replaced by others that
            fill the same role elsewhere, every occurrence in the paragraph alike.

    Returns:
        A function of a document and a Generator. It gives a valid document, all offsets moved and all spans on
        word edges, or the very same object where nothing was changed. None where both shares are 0.

    Raises:
        ConfigError: a share outside 0 … 1.

    >>> import numpy as np
    >>> text = "قصفت الطائرات حلب"
    >>> change = augment([Document(text)], typos=1.0, swaps=0.0)
    >>> change(Document(text), np.random.default_rng(3)).text
    'قصفتالطائرات حلب'
    """
    for name, share in (("typos", typos), ("swaps", swaps)):
        if not 0 <= share <= 1:
            raise ConfigError(f"{name} {share}: expected a probability from 0 to 1")
    if not typos and not swaps:
        return None
    names = _Names(documents) if swaps else None

    def change(document: Document, rng: np.random.Generator) -> Document:
        if names is not None and rng.random() < swaps:
            document = _swapped(document, names, rng)
        return _random_typos(document, typos, rng) if typos else document

    return change


# ---------------------------------------------------------------------- spellings that normalisation undoes

_TASHKEEL = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652"
_TO_ARABIC_INDIC = {ord(str(digit)): chr(0x660 + digit) for digit in range(10)}
_BARE_ALEF = str.maketrans("أإآ", "ااا")
_FINAL = {"ى": "ي", "ي": "ى", "ة": "ه", "ه": "ة"}
# One presentation form for each letter that has one, isolated where there is a choice.
_FORMS = {
    base: chr(code)
    for code in range(0xFEF4, 0xFE7F, -1)
    if len(base := unicode_normalize("NFKC", chr(code))) == 1 and _ARABIC.fullmatch(base)
}


def spelling_variants(document: Document, rng: np.random.Generator) -> Document:
    """`document` in the spellings of careless or careful writers that `text.normalize` undoes.

    About half of the words change: tashkeel or tatweel added, hamza dropped from an alef, final ى and ي or ة and ه
    exchanged, Arabic-Indic digits, letters as presentation forms. The number of words stays the same.

    >>> import numpy as np
    >>> spelling_variants(Document("إلى مدينة حلب"), np.random.default_rng(0)).text
    'الى مـدينة حلب'
    """
    edits: list[Edit] = []
    for start, end in words(document.text):
        word = document.text[start:end]
        new = _respelled(word, rng) if rng.random() < 0.7 else word
        if new != word and normalize(new) == normalize(word):
            edits.append((start, end, new))
    return edit(document, edits)


def _respelled(word: str, rng: np.random.Generator) -> str:
    if not _ARABIC.fullmatch(word):
        return word.translate(_TO_ARABIC_INDIC)
    kind = int(rng.integers(5))
    if kind == 0:
        return "".join(letter + _TASHKEEL[rng.integers(8)] * bool(rng.random() < 0.6) for letter in word)
    if kind == 1 and len(word) > 1:
        at = int(rng.integers(1, len(word)))
        return word[:at] + "\u0640" * int(rng.integers(1, 4)) + word[at:]
    if kind == 2:
        return word.translate(_BARE_ALEF)
    if kind == 3:
        return word[:-1] + _FINAL.get(word[-1], word[-1])
    return "".join(_FORMS.get(letter, letter) for letter in word)
