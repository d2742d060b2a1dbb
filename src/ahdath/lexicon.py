"""Light stems and what text alone teaches about them: a segmentation model and skip-gram vectors.

`StemLexicon` decides how a normalised word is cut into prefix, stem and suffix: a unigram model over the cuts
that `text.segmentations` allows, trained by expectation maximisation on word types (the idea of Morfessor,
Creutz and Lagus 2007, with a closed list of affixes). `train_vectors` learns skip-gram vectors with negative
sampling (Mikolov et al. 2013) of the stems. This module knows nothing of encoders or events; only the vector
training imports gensim.
"""

from __future__ import annotations

import json
import lzma
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError, ModelError
from .text import PREFIXES, SUFFIXES, Segments, normalize, segment, segmentations, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AFFIXES", "StemLexicon", "character_ngrams", "read_lines", "train_vectors"]

#: One id per (prefix, suffix) pair, 0 for "neither": the encoder reads it as its token type.
AFFIXES = {(p, s): i * len(SUFFIXES) + j for i, p in enumerate(PREFIXES) for j, s in enumerate(SUFFIXES)}


class StemLexicon:
    """How words are cut, and the row of each known stem.

    `scores` maps `stem`, `prefix+` and `+suffix` to log probabilities, and `""` to that of an unseen stem.
    Stems have rows 0 … n-1 in the order of `stems` (most frequent first).

    >>> lexicon = StemLexicon.train({"القصف": 9, "قصف": 8, "وقصفت": 3, "قصفت": 4, "بغداد": 9})
    >>> lexicon.segment("وقصفت")
    Segments(prefix='و', stem='قصف', suffix='ت')
    """

    def __init__(self, stems: Iterable[str], scores: Mapping[str, float]) -> None:
        self.stems = tuple(stems)
        self.scores = dict(scores)
        self.rows = {stem: row for row, stem in enumerate(self.stems)}
        self._cuts: dict[str, Segments] = {}

    def segment(self, word: str) -> Segments:
        """The most probable cut of a normalised word."""
        cut = self._cuts.get(word)
        if cut is None:
            if len(self._cuts) > 200_000:  # a bound for long-running processes
                self._cuts.clear()
            cut = self._cuts[word] = segment(word, self.scores)
        return cut

    @classmethod
    def train(cls, counts: Mapping[str, int], *, size: int = 40_000, rounds: int = 4) -> StemLexicon:
        """Fit the unigram model to counts of normalised words and keep the `size` most frequent stems.

        Each word type weighs the same: a stem is as good as the number of different forms that it explains,
        or frequent words would always be kept whole.
        """
        if not counts:
            raise DataError("stem lexicon: expected counts of words, found none; check the folder of text")
        table = [(word, segmentations(word)) for word in sorted(counts)]
        scores: dict[str, float] | None = None
        for _ in range(rounds):
            scores = _reestimate(table, scores)
        assert scores is not None  # noqa: S101  rounds is at least one
        total: Counter[str] = Counter()
        for word, count in sorted(counts.items()):
            total[segment(word, scores).stem] += count
        stems = [stem for stem, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:size]]
        affixes = {p + "+" for p in PREFIXES} | {"+" + s for s in SUFFIXES} | {""}
        kept = {key: round(scores[key], 2) for key in (*stems, *sorted(affixes)) if key in scores}
        return cls(stems, kept)

    def save(self, path: str | Path) -> None:
        """Write the lexicon as JSON: stems in the order of their rows, each with its score, and the affixes."""
        affixes = {key: score for key, score in self.scores.items() if key not in self.rows}
        payload = {"stems": {stem: self.scores.get(stem) for stem in self.stems}, "affixes": affixes}
        Path(path).write_text(json.dumps(payload, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> StemLexicon:
        """Read what `save` wrote. Raises ModelError for a missing or damaged file."""
        try:
            payload = json.loads(Path(path).read_text(encoding="utf-8"))
            known = {stem: float(score) for stem, score in payload["stems"].items() if score is not None}
            affixes = {key: float(score) for key, score in payload["affixes"].items()}
            return cls(payload["stems"], known | affixes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{path}: expected a stem lexicon (JSON with 'stems' and 'affixes'), found {error!r}; "
                "take the file from the model's folder again or rebuild it with `ahdath pretrain`"
            ) from error


# Affixes weigh less than stems, or the many uncut words would forbid every cut; one form alone proves no stem.
_AFFIX_WEIGHT, _DISCOUNT = 0.25, 0.5


def _reestimate(table: list[tuple[str, list[Segments]]], scores: dict[str, float] | None) -> dict[str, float]:
    """One round of expectation maximisation: new log scores of stems, prefixes and suffixes."""
    stems: defaultdict[str, float] = defaultdict(float)
    prefixes: defaultdict[str, float] = defaultdict(float)
    suffixes: defaultdict[str, float] = defaultdict(float)
    for _, cuts in table:
        if scores is None or len(cuts) == 1:
            shares = [1 / len(cuts)] * len(cuts)
        else:
            logs = [scores.get(c.stem, -20.0) + scores[c.prefix + "+"] + scores["+" + c.suffix] for c in cuts]
            top = max(logs)
            powers = [math.exp(value - top) for value in logs]
            shares = [power / sum(powers) for power in powers]
        for cut, share in zip(cuts, shares, strict=True):
            if share > 1e-6:
                stems[cut.stem] += share
                prefixes[cut.prefix] += share
                suffixes[cut.suffix] += share
    total = sum(stems.values())
    new = {stem: math.log(max(mass - _DISCOUNT, 1e-3) / total) for stem, mass in stems.items()}
    new.update({p + "+": _AFFIX_WEIGHT * math.log((prefixes[p] + 0.01) / total) for p in PREFIXES})
    new.update({"+" + s: _AFFIX_WEIGHT * math.log((suffixes[s] + 0.01) / total) for s in SUFFIXES})
    new[""] = math.log(1e-3 / total)
    return new


def character_ngrams(word: str, sizes: tuple[int, ...] = (3, 4), buckets: int = 16_384) -> list[int]:
    """Hashed character n-grams of a normalised word with edge marks: ids in 1 … buckets-1 (0 is padding).

    FNV-1a over code points: the same on every machine and in every process.
    """
    marked = [ord(character) for character in f"<{word[:40]}>"]
    ids = []
    for size in sizes:
        for start in range(len(marked) - size + 1):
            code = 2166136261
            for character in marked[start : start + size]:
                code = ((code ^ character) * 16777619) & 0xFFFFFFFF
            ids.append(1 + code % (buckets - 1))
    return ids


def read_lines(folder: str | Path) -> Iterator[str]:
    """The lines of all `.txt` and `.txt.xz` files of a folder (or of one such file), in order of name."""
    path = Path(folder)
    files = [path] if path.is_file() else sorted((*path.glob("*.txt"), *path.glob("*.txt.xz")))
    if not files:
        raise DataError(f"{path}: expected a .txt or .txt.xz file or a folder of them, found none; check the path")
    for file in files:
        try:
            with lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else file.open(encoding="utf-8") as lines:
                yield from lines
        except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: expected UTF-8 text, found {error}; repair or remove the file") from error


def normalized_words(line: str) -> list[str]:
    """The words of a line as the model spells them; empty ones left out."""
    return [word for start, end in words(line) if (word := normalize(line[start:end]))]


def train_vectors(
    lines: Sequence[Sequence[str]],
    stems: Sequence[str],
    *,
    size: int = 192,
    window: int = 5,
    epochs: int = 5,
    seed: int = 0,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Skip-gram vectors with negative sampling, by gensim's word2vec (extra `ahdath[pretrain]`).

    Args:
        lines: the text, each line as its stems; those outside `stems` are skipped.
        stems: whose vectors are wanted, in the order of the rows.
        workers: threads; with more than one the result differs from run to run.

    Returns:
        Centred vectors of unit mean square, zeros for a stem that never occurs; Shape: (len(stems), size).
    """
    import numpy as np

    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise ModelError("skip-gram training needs gensim, found none: pip install 'ahdath[pretrain]'") from error
    wanted = set(stems)
    model = Word2Vec(
        [[stem for stem in line if stem in wanted] for line in lines],
        vector_size=size, window=window, min_count=1, sg=1, negative=8, sample=1e-4, epochs=epochs,
        seed=seed, workers=workers,
    )  # fmt: skip
    vectors = np.zeros((len(stems), size), np.float32)
    known = [row for row, stem in enumerate(stems) if stem in model.wv]
    vectors[known] = model.wv[[stems[row] for row in known]]
    vectors[known] -= vectors[known].mean(0)
    scaled: NDArray[np.float32] = (vectors / np.sqrt((vectors[known] ** 2).mean())).astype(np.float32)
    return scaled
