"""Text -> windows of token ids, with the pieces of each word; character spans <-> word spans.

The tokenizer is given words, never text, and only `word_ids` of what it returns is used: offsets belong to
`text.py`. For the embedded encoder a word is spelled by `text.normalize` and cut by a `StemLexicon`: its stem is
what the tokenizer sees, its clitics and inflection are one token-type id, so a word of a known stem is one
position. This module knows nothing of labels, heads or scores.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import normalize as unicode_normalize

from .errors import AlignmentError, ConfigError
from .lexicon import AFFIXES, StemLexicon, character_ngrams
from .text import normalize, sentences, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

    from .pieces import PieceTokenizer

__all__ = ["SPELLINGS", "Window", "WordTokenizer", "collate", "word_span"]

#: Words of context on each side of a window that was cut out of a longer paragraph.
CONTEXT = 50


#: Words whose pieces are remembered.
_REMEMBERED = 100_000

# What ArabertPreprocessor("bert-base-arabertv02") does to characters; the Persian letters are our addition, since it
# would tear a word at each of them.
_ARABERT = str.maketrans(
    {**{chr(zero + digit): str(digit) for zero in (0x660, 0x6F0) for digit in range(10)},
     "/": "-", "ک": "ك", "گ": "ك", "ی": "ي", "ہ": "ه", "ھ": "ه"}
)  # fmt: skip
_ARABERT_MARKS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_ARABERT_REPEATED = re.compile(r"(\D)\1{2,}")
_ARABERT_FOREIGN = re.compile("[^0-9a-zA-Z\u0621-\u063a\u0641-\u064a\u066a-\u066c\u0671-\u0674!-%'-.:-@\\[-`{-~·،؛؟’‘“”«»…–—]")


@lru_cache(maxsize=1 << 16)
def arabert_spelling(word: str) -> str:
    """A word as AraBERT v0.2 expects it. May be empty: its vocabulary has no sign for the word.

    After `_preprocess_v2` of the authors' ArabertPreprocessor (https://github.com/aub-mind/arabert, preprocess.py,
    without Farasa): tashkeel and tatweel removed, Arabic-Indic digits written as ASCII, characters repeated more
    than twice cut to two, `/` written as `-`, characters outside its alphabet removed; hamzas, ة and ى stay.
    It also puts spaces between letters, digits and symbols, which `text.words` and the tokenizer's own splitting at
    punctuation come to. Replacing whole links, addresses and mentions, and HTML, is left out: offsets must hold.
    Canonical composition comes first and presentation forms are resolved, so that no letter is lost to them.

    >>> arabert_spelling("الأُمَّـــة"), arabert_spelling("٢٠١٥/٩/٣٠"), arabert_spelling("لاااااا")
    ('الأمة', '2015-9-30', 'لاا')
    """
    if not word.isascii():
        form: Literal["NFKC", "NFC"] = "NFKC" if re.search("[\ufb50-\ufdff\ufe70-\ufefc]", word) else "NFC"
        word = _ARABERT_MARKS.sub("", unicode_normalize(form, word).replace(" ", ""))
    return _ARABERT_REPEATED.sub(r"\1\1", _ARABERT_FOREIGN.sub("", word.translate(_ARABERT)))


# The diacritics of CAMeL Tools (https://github.com/CAMeL-Lab/camel_tools, camel_tools/utils/charsets.py).
_DIACRITICS = re.compile("[\u064b-\u0652\u0670]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def as_written(word: str) -> str:
    """The word itself, for encoders that read raw text as XLM-R does: its SentencePiece model normalises (NFKC).

    Lone surrogates, which no tokenizer takes, are removed, so it may be empty.

    >>> as_written("الأُمَّـــةِ")
    'الأُمَّـــةِ'
    """
    return _SURROGATES.sub("", word)


@lru_cache(maxsize=1 << 16)
def undiacritized(word: str) -> str:
    """A word without diacritics, all else as it stands, as ARBERT and MARBERT expect it. May be empty.

    Their authors only remove diacritics and replace links, mentions and hashtags (Abdul-Mageed, Elmadany and Nagoudi
    2021, https://aclanthology.org/2021.acl-long.551); the latter is left out here, as offsets must hold. That أ إ آ
    become ا is the work of their own tokenizer, which strips accents. Letters are composed first, so that a hamza
    written as a mark of its own is the letter that vocabularies have.

    >>> undiacritized("الأُمَّةِ"), undiacritized("قـال")
    ('الأمة', 'قـال')
    """
    return word if word.isascii() else _DIACRITICS.sub("", unicode_normalize("NFC", as_written(word)))


def camelbert_spelling(word: str) -> str:
    """A word as CAMeLBERT expects it: without diacritics and kashida, all else as it stands. May be empty.

    After "Preprocessing" on the model's page (https://huggingface.co/CAMeL-Lab/bert-base-arabic-camelbert-msa): invalid
    characters (its tokenizer removes them too), diacritics and kashida are removed; hamzas, ة and ى stay.

    >>> camelbert_spelling("الأُمَّـــةِ"), camelbert_spelling("٢٠١٥")
    ('الأمة', '٢٠١٥')
    """
    return undiacritized(word).replace("\u0640", "")


#: How a word is spelled before the tokenizer sees it, by the name that the model's config holds.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "ahdath": normalize,
    "arabert": arabert_spelling,
    "camelbert": camelbert_spelling,
    "undiacritized": undiacritized,
    "raw": as_written,
}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of words that the encoder reads at once. All sequences but the ids have one entry a word.

    `pieces` holds the first and last position of each word in `input_ids`; `owned` says for which words this
    window answers (a long paragraph has overlapping windows); `sentence` counts sentences in the paragraph.
    """

    first: int
    spans: tuple[tuple[int, int], ...]
    input_ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None
    pieces: tuple[tuple[int, int], ...]
    sentence: tuple[int, ...]
    owned: tuple[bool, ...]
    rows: tuple[int, ...] | None = None
    affixes: tuple[int, ...] | None = None
    ngrams: tuple[tuple[int, ...], ...] | None = None


class WordTokenizer:
    """A fast tokenizer, a spelling and, for the embedded encoder, a stem lexicon.

    Pieces of frequent words are remembered: words are cut one by one, so their neighbours do not matter.

    Args:
        tokenizer: any `PreTrainedTokenizerFast`, or a `PieceTokenizer`.
        max_length: most pieces in a window, special ones included (from the encoder's config).
        spelling: a key of `SPELLINGS`.
        lexicon: cuts words into stem and affixes; None feeds whole words.

    Raises:
        ConfigError: unknown spelling, or a window too short to hold anything.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast | PieceTokenizer,
        *,
        max_length: int,
        spelling: str = "ahdath",
        lexicon: StemLexicon | None = None,
    ) -> None:
        if spelling not in SPELLINGS:
            raise ConfigError(f"spelling {spelling!r} is unknown; expected one of {sorted(SPELLINGS)}")
        if max_length < 16:
            raise ConfigError(f"max_length is {max_length}; expected at least 16 pieces a window")
        self.tokenizer: Any = tokenizer  # transformers has no types
        self.max_length, self.lexicon = max_length, lexicon
        self.spelling = spelling
        self._spell = SPELLINGS[spelling]
        self._prefix, self._suffix = _special_ids(tokenizer)
        self._known: dict[str, tuple[int, ...]] = {}

    def pieces(self, forms: Sequence[str]) -> tuple[list[list[int]], list[int] | None, list[str]]:
        """Piece ids of each word, the affix id of each word (with a lexicon), and the spelled words.

        A word without pieces (a lone tatweel, an unmappable symbol) gets the unknown piece.
        """
        spelled = [self._spell(form) for form in forms]
        given, affixes = spelled, None
        if self.lexicon is not None:
            cuts = [self.lexicon.segment(word) for word in spelled]
            given = [cut.stem for cut in cuts]
            affixes = [AFFIXES[cut.prefix, cut.suffix] for cut in cuts]
        known = self._known
        fresh = [word for word in dict.fromkeys(given) if word not in known]
        if fresh:
            if len(known) > _REMEMBERED:  # a bound for long-running processes
                known = self._known = {}
                fresh = list(dict.fromkeys(given))
            known.update(self._cut_words(fresh))
        return [list(known[word]) for word in given], affixes, spelled

    def _cut_words(self, given: list[str]) -> dict[str, tuple[int, ...]]:
        """Words -> their pieces."""
        encoding = self.tokenizer.backend_tokenizer.encode(given, is_pretokenized=True, add_special_tokens=False)
        ids: list[list[int]] = [[] for _ in given]
        for word, piece in zip(encoding.word_ids, encoding.ids, strict=True):
            if word is not None:
                ids[word].append(piece)
        unknown = self.tokenizer.unk_token_id
        limit = self.max_length // 4  # an endless "word" keeps its head and lets others live
        return {word: tuple(piece[:limit] or [unknown]) for word, piece in zip(given, ids, strict=True)}

    def windows(self, text: str) -> tuple[list[Window], list[tuple[int, int]]]:
        """The windows of one paragraph, in order, and the offsets of its sentences.

        A paragraph that fits is one window. A longer one is cut at sentence ends (between words where a
        sentence is too long), each window with at least `CONTEXT` words on both sides where the paragraph has
        them and the encoder the room; a word belongs to the window in which it is most central.
        """
        spans, borders = words(text), sentences(text)
        if not spans:
            return [], borders
        pieces, affixes, spelled = self.pieces([text[a:b] for a, b in spans])
        starts = [a for a, _ in borders]
        sentence = [max(0, bisect_right(starts, a) - 1) for a, _ in spans]
        cuts = _cut([len(p) for p in pieces], sentence, self.max_length - len(self._prefix) - len(self._suffix))
        owner = _owners(cuts, len(spans))
        built = []
        for number, (low, high) in enumerate(cuts):
            ids, types, places = list(self._prefix), [0] * len(self._prefix), []
            for index in range(low, high):
                places.append((len(ids), len(ids) + len(pieces[index]) - 1))
                ids.extend(pieces[index])
                if affixes is not None:
                    types.extend([affixes[index]] + [0] * (len(pieces[index]) - 1))
            ids.extend(self._suffix)
            types.extend([0] * len(self._suffix))
            lexicon = self.lexicon
            built.append(
                Window(
                    first=low,
                    spans=tuple(spans[low:high]),
                    input_ids=tuple(ids),
                    type_ids=None if affixes is None else tuple(types),
                    pieces=tuple(places),
                    sentence=tuple(sentence[low:high]),
                    owned=tuple(owner[index] == number for index in range(low, high)),
                    rows=None if lexicon is None else tuple(self._row(lexicon, w) for w in spelled[low:high]),
                    affixes=None if affixes is None else tuple(affixes[low:high]),
                    ngrams=None if lexicon is None else tuple(_ngrams(w) for w in spelled[low:high]),
                )
            )
        return built, borders

    @staticmethod
    def _row(lexicon: StemLexicon, word: str) -> int:
        """The lexicon row of a word's stem plus one; 0 is "not in the lexicon"."""
        return lexicon.rows.get(lexicon.segment(word).stem, -1) + 1


@lru_cache(maxsize=1 << 16)
def _ngrams(word: str) -> tuple[int, ...]:
    return tuple(character_ngrams(word)[:40])


def _special_ids(tokenizer: PreTrainedTokenizerFast | PieceTokenizer) -> tuple[list[int], list[int]]:
    """Ids that the tokenizer puts before and behind a single sequence."""
    backend: Any = tokenizer.backend_tokenizer
    marker = tokenizer.unk_token_id
    backend.no_truncation()  # as tokenizer.json may have stored it; transformers sets both at every call
    backend.no_padding()
    built: list[int] = list(backend.encode(tokenizer.unk_token).ids) if marker is not None else []
    if marker is None or built.count(marker) != 1:
        raise ConfigError(f"{type(tokenizer).__name__}: expected a tokenizer with an unknown token, found none")
    place = built.index(marker)
    return built[:place], built[place + 1 :]


def _cut(lengths: Sequence[int], sentence: Sequence[int], budget: int) -> list[tuple[int, int]]:
    """Word ranges of the windows: each within `budget` pieces, overlapping by twice the context."""
    sums = [0]
    for length in lengths:
        sums.append(sums[-1] + length)
    total = len(lengths)
    if sums[-1] <= budget:
        return [(0, total)]
    cuts: list[tuple[int, int]] = []
    low = 0
    while True:
        high = bisect_right(sums, sums[low] + budget) - 1
        if high >= total:
            # The last window reaches back as far as it fits, so that its words have the most context.
            cuts.append((max(cuts[-1][0] + 1 if cuts else 0, bisect_left(sums, sums[-1] - budget)), total))
            return cuts
        end = high
        while end > low + 1 and sentence[end] == sentence[end - 1]:
            end -= 1
        if end - low < (high - low) // 2:
            end = high  # the sentence is longer than half a window: cut between words
        cuts.append((low, end))
        shared = min(2 * CONTEXT, (end - low) // 2)
        start = end - shared
        while start > low + 1 and sentence[start] == sentence[start - 1] and end - start < (end - low) * 3 // 4:
            start -= 1
        low = start


def _owners(cuts: Sequence[tuple[int, int]], total: int) -> list[int]:
    """For each word the window in which it stands farthest from a cut; the earlier one where two tie."""
    owner, best = [0] * total, [-1] * total
    for number, (low, high) in enumerate(cuts):
        for index in range(low, high):
            left = index - low if low > 0 else total
            right = high - 1 - index if high < total else total
            if min(left, right) > best[index]:
                owner[index], best[index] = number, min(left, right)
    return owner


def word_span(spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The half-open word range that spells characters `start:end` exactly.

    Raises:
        AlignmentError: an edge of the span falls inside a word or on none.

    >>> word_span([(0, 4), (5, 12)], 5, 12)
    (1, 2)
    """
    first = bisect_left(spans, (start, start))
    last = bisect_left(spans, (end, end))
    if first < last and spans[first][0] == start and spans[last - 1][1] == end:
        return first, last
    raise AlignmentError(
        f"span {start}:{end} does not begin and end at word edges; expected whole words as written "
        f"(nearest words: {list(spans[max(0, first - 1) : last + 1])[:4]}); correct the offsets in the data"
    )


def collate(windows: Sequence[Window], pad_id: int) -> dict[str, NDArray[np.int64]]:
    """A batch of windows as padded arrays, named like the arguments of `AhdathModel.encode`.

    Shape of input_ids, attention_mask, token_type_ids: (B, L); word_mask, sentence, rows, affixes: (B, W);
    pieces: (B, W, 2); ngrams: (B, W, N), 0 is padding.
    """
    import numpy as np

    length = max(len(window.input_ids) for window in windows)
    width = max(len(window.spans) for window in windows)
    size = len(windows)
    batch = {
        "input_ids": np.full((size, length), pad_id, np.int64),
        "attention_mask": np.zeros((size, length), np.int64),
        "pieces": np.zeros((size, width, 2), np.int64),
        "word_mask": np.zeros((size, width), bool),
        "sentence": np.zeros((size, width), np.int64),
    }
    if windows[0].type_ids is not None:
        batch["token_type_ids"] = np.zeros((size, length), np.int64)
    if windows[0].rows is not None:
        deepest = max((len(ids) for window in windows for ids in window.ngrams or ()), default=1)
        batch |= {"rows": np.zeros((size, width), np.int64), "affixes": np.zeros((size, width), np.int64),
                  "ngrams": np.zeros((size, width, max(deepest, 1)), np.int64)}  # fmt: skip
    for row, window in enumerate(windows):
        pieces, count = len(window.input_ids), len(window.spans)
        batch["input_ids"][row, :pieces] = window.input_ids
        batch["attention_mask"][row, :pieces] = 1
        batch["pieces"][row, :count] = window.pieces
        batch["word_mask"][row, :count] = True
        batch["sentence"][row, :count] = window.sentence
        if window.type_ids is not None:
            batch["token_type_ids"][row, :pieces] = window.type_ids
        if window.rows is not None and window.affixes is not None and window.ngrams is not None:
            batch["rows"][row, :count] = window.rows
            batch["affixes"][row, :count] = window.affixes
            for place, ids in enumerate(window.ngrams):
                batch["ngrams"][row, place, : len(ids)] = ids
    return batch
