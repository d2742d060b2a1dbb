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
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
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

#: Words of context on each side of a window that was cut out of a longer paragraph; more cost time and gained nothing
#: (docs/ablations.md).
CONTEXT = 12


#: Words that are remembered with all that is read of them.
_REMEMBERED = 1 << 16

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


class _Word(NamedTuple):
    """What a window holds of one word. `types` has one entry a piece; without a lexicon all but the pieces is empty."""

    pieces: tuple[int, ...]
    types: tuple[int, ...] = ()
    affix: int = 0
    row: int = 0
    ngrams: tuple[int, ...] = ()


class WordTokenizer:
    """A fast tokenizer, a spelling and, for the embedded encoder, a stem lexicon.

    Frequent words are remembered as they were read: words are cut one by one, so their neighbours do not matter.

    Args:
        tokenizer: any `PreTrainedTokenizerFast`, or a `PieceTokenizer`.
        max_length: most pieces in a window, special ones included (from the encoder's config).
        spelling: a key of `SPELLINGS`.
        lexicon: cuts words into stem and affixes; None feeds whole words.
        context: words on each side of a window that was cut out of a longer paragraph, where there is room.

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
        context: int = CONTEXT,
    ) -> None:
        if spelling not in SPELLINGS:
            raise ConfigError(f"spelling {spelling!r} is unknown; expected one of {sorted(SPELLINGS)}")
        if max_length < 16:
            raise ConfigError(f"max_length is {max_length}; expected at least 16 pieces a window")
        self.tokenizer: Any = tokenizer  # transformers has no types
        self.max_length, self.lexicon, self.context = max_length, lexicon, context
        self.spelling = spelling
        self._spell = SPELLINGS[spelling]
        self._prefix, self._suffix = _special_ids(tokenizer)
        self._known: dict[str, _Word] = {}
        self._pieces: dict[str, tuple[int, ...]] = {}

    def pieces(self, forms: Sequence[str]) -> tuple[list[list[int]], list[int] | None, list[str]]:
        """Piece ids of each word, the affix id of each word (with a lexicon), and the spelled words.

        A word without pieces (a lone tatweel, an unmappable symbol) gets the unknown piece.
        """
        read = self._words(forms)
        affixes = None if self.lexicon is None else [word.affix for word in read]
        return [list(word.pieces) for word in read], affixes, [self._spell(form) for form in forms]

    def _words(self, forms: Sequence[str]) -> list[_Word]:
        known = self._known
        fresh = [form for form in dict.fromkeys(forms) if form not in known]
        if fresh:
            if len(known) > _REMEMBERED:  # a bound for long-running processes
                known = self._known = {}
                fresh = list(dict.fromkeys(forms))
            known.update(zip(fresh, self._read(fresh), strict=True))
        return [known[form] for form in forms]

    def _read(self, forms: Sequence[str]) -> list[_Word]:
        """Words as they are written -> what is read of them."""
        spelled, lexicon = [self._spell(form) for form in forms], self.lexicon
        if lexicon is None:
            return [_Word(pieces) for pieces in self._cut_words(spelled)]
        cuts = [lexicon.segment(word) for word in spelled]
        read = []
        for word, cut, pieces in zip(spelled, cuts, self._cut_words([cut.stem for cut in cuts]), strict=True):
            affix, row = AFFIXES[cut.prefix, cut.suffix], lexicon.rows.get(cut.stem, -1) + 1  # row 0: not in the lexicon
            types = (affix, *[0] * (len(pieces) - 1))
            read.append(_Word(pieces, types, affix, row, tuple(character_ngrams(word)[:40])))
        return read

    def _cut_words(self, given: list[str]) -> list[tuple[int, ...]]:
        """The pieces of each word: those of a stem are found once, whatever it is written with."""
        if len(self._pieces) > _REMEMBERED:
            self._pieces = {}
        cut = self._pieces
        fresh = [word for word in dict.fromkeys(given) if word not in cut]
        if fresh:
            encoding = self.tokenizer.backend_tokenizer.encode(fresh, is_pretokenized=True, add_special_tokens=False)
            ids: list[list[int]] = [[] for _ in fresh]
            for word, piece in zip(encoding.word_ids, encoding.ids, strict=True):
                if word is not None:
                    ids[word].append(piece)
            unknown = self.tokenizer.unk_token_id
            limit = self.max_length // 4  # an endless "word" keeps its head and lets others live
            cut.update({word: tuple(pieces[:limit] or [unknown]) for word, pieces in zip(fresh, ids, strict=True)})
        return [cut[word] for word in given]

    def windows(self, text: str) -> tuple[list[Window], list[tuple[int, int]]]:
        """The windows of one paragraph, in order, and the offsets of its sentences.

        A paragraph that fits is one window. A longer one is cut at sentence ends (between words where a
        sentence is too long), each window with at least `context` words on both sides where the paragraph has
        them and the encoder the room; a word belongs to the window in which it is most central.
        """
        spans, borders = words(text), sentences(text)
        if not spans:
            return [], borders
        read = self._words([text[a:b] for a, b in spans])
        edges = [0, *(bisect_left(spans, (start,)) for start, _ in borders[1:]), len(spans)]
        sentence = [number for number, (low, high) in enumerate(pairwise(edges)) for _ in range(low, high)]
        budget = self.max_length - len(self._prefix) - len(self._suffix)
        cuts = _cut([len(word.pieces) for word in read], sentence, budget, self.context)
        owner = _owners(cuts, len(spans))
        built = []
        for number, (low, high) in enumerate(cuts):
            owned = tuple(window == number for window in owner[low:high])
            built.append(self._window(low, read[low:high], tuple(spans[low:high]), tuple(sentence[low:high]), owned))
        return built, borders

    def _window(
        self, first: int, read: list[_Word], spans: tuple[tuple[int, int], ...], sentence: tuple[int, ...],
        owned: tuple[bool, ...],
    ) -> Window:  # fmt: skip
        prefix, suffix = self._prefix, self._suffix
        pieces, types, affixes, rows, ngrams = zip(*read, strict=True)
        starts = accumulate(map(len, pieces), initial=len(prefix))
        has = self.lexicon is not None
        return Window(
            first=first,
            spans=spans,
            input_ids=(*prefix, *chain.from_iterable(pieces), *suffix),
            type_ids=(*[0] * len(prefix), *chain.from_iterable(types), *[0] * len(suffix)) if has else None,
            pieces=tuple((start, end - 1) for start, end in pairwise(starts)),
            sentence=sentence,
            owned=owned,
            rows=rows if has else None,
            affixes=affixes if has else None,
            ngrams=ngrams if has else None,
        )


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


def _cut(lengths: Sequence[int], sentence: Sequence[int], budget: int, context: int) -> list[tuple[int, int]]:
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
        shared = min(2 * context, (end - low) // 2)
        start = end - shared
        while start > low + 1 and sentence[start] == sentence[start - 1] and end - start < (end - low) * 3 // 4:
            start -= 1
        low = start


def _owners(cuts: Sequence[tuple[int, int]], total: int) -> list[int]:
    """For each word the window in which it stands farthest from a cut; the earlier one where two tie."""
    if len(cuts) == 1:
        return [0] * total
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


def collate(windows: Sequence[Window], pad_id: int) -> dict[str, NDArray[Any]]:
    """A batch of windows as padded arrays, named like the arguments of `AhdathModel.encode`.

    Shape of input_ids, attention_mask, token_type_ids: (B, L); word_mask, sentence, rows, affixes: (B, W);
    pieces: (B, W, 2); ngrams: (B, W, N), 0 is padding.
    """
    import numpy as np

    counts = np.array([len(window.spans) for window in windows])
    lengths = np.array([len(window.input_ids) for window in windows])
    by_piece, by_word = (len(windows), int(lengths.max())), (len(windows), int(counts.max()))
    word_mask = np.arange(by_word[1]) < counts[:, None]
    batch: dict[str, NDArray[Any]] = {
        "input_ids": _filled(np.full(by_piece, pad_id, np.int64), [window.input_ids for window in windows]),
        "attention_mask": (np.arange(by_piece[1]) < lengths[:, None]).astype(np.int64),
        "pieces": _filled(np.zeros((*by_word, 2), np.int64), [window.pieces for window in windows]),
        "word_mask": word_mask,
        "sentence": _filled(np.zeros(by_word, np.int64), [window.sentence for window in windows]),
    }
    if windows[0].type_ids is not None:
        batch["token_type_ids"] = _filled(np.zeros(by_piece, np.int64), [window.type_ids or () for window in windows])
    if windows[0].rows is not None:
        batch["rows"] = _filled(np.zeros(by_word, np.int64), [window.rows or () for window in windows])
        batch["affixes"] = _filled(np.zeros(by_word, np.int64), [window.affixes or () for window in windows])
        words = [ids for window in windows for ids in window.ngrams or ()]
        sizes = np.array([len(ids) for ids in words])
        held = np.arange(max(int(sizes.max()), 1)) < sizes[:, None]
        ngrams = np.zeros(held.shape, np.int64)
        ngrams[held] = np.fromiter(chain.from_iterable(words), np.int64, int(sizes.sum()))  # a row at a time takes far longer
        batch["ngrams"] = np.zeros((*by_word, held.shape[1]), np.int64)
        batch["ngrams"][word_mask] = ngrams
    return batch


def _filled(array: NDArray[np.int64], rows: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """The array with each row written over its beginning."""
    for line, row in zip(array, rows, strict=True):
        line[: len(row)] = row
    return array
