"""Paragraphs a second of a model and of what people run otherwise, all in one run, in turn: A B C A B C …

A disturbance hits all alike, and every figure is a median over rounds. Words that were read before are remembered by our
tokenizer, so rounds should be of different paragraphs where there are enough (`rounds_of`); it is warmed up on others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import _lru_cache_wrapper, partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ahdath import text as text_module
from ahdath import tokenization
from ahdath.errors import ConfigError, DataError
from ahdath.proof.peers import Peer, Setting, best, marked, prepared
from ahdath.proof.roofline import DTYPES, ROWS, products
from ahdath.runtime.batching import batches

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.proof.subjects import Subject

__all__ = ["Effort", "Task", "alternate", "contest", "long_tailed", "nearest", "rounds_of", "single"]

Task = Callable[[int], object]
"""Something to time; it is given the number of the round."""

_FLOATS = ("float32", "bfloat16")
_BATCH = 16  # as classify_many has it


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: rounds of each contender, one that took `budget_s` sits the others out; `grid` texts pick
    the batch size of the peers; `singles` paragraphs are read one by one."""

    repeats: int = 5
    budget_s: float = 8.0
    grid: int = 48
    batches: tuple[int, ...] = (1, 8, 32)
    singles: int = 100

    def __post_init__(self) -> None:
        if min(self.repeats, self.grid, self.singles, *self.batches) < 1 or 1 not in self.batches:
            raise ConfigError(f"effort: expected counts from 1 up and batch size 1 among the batches, found {self}")


def alternate(
    tasks: Mapping[str, Task], *, repeats: int, budget_s: float = float("inf"), clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each run of each task, in turn; a task that has taken `budget_s` in all sits the later rounds out."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(repeats):
        for name, task in tasks.items():
            if sum(taken[name]) < budget_s:
                start = clock()
                task(number)
                taken[name].append(clock() - start)
    return taken


# ---------------------------------------------------------------------- texts


def long_tailed(texts: Sequence[str], *, count: int, seed: int, longest: int = 40) -> list[str]:
    """Paragraphs as long as 1 to `longest` of `texts`, short ones often, long ones seldom: a Pareto law, exponent 1.2.

    Each is texts joined by spaces. At most `count` texts go into them. Raises DataError without texts.
    """
    if not texts:
        raise DataError("texts: expected paragraphs to draw from, found none")
    dice, made, left = random.Random(seed), [], count
    while left > 0:
        size = min(int(dice.paretovariate(1.2)), longest, left)
        made.append(" ".join(dice.choices(texts, k=size)))
        left -= size
    return made


def nearest(texts: Sequence[str], *, length: int, count: int) -> list[str]:
    """The `count` texts whose number of words (between spaces) is nearest to `length`. Raises DataError where there are fewer."""
    if len(texts) < count:
        raise DataError(f"texts: expected at least {count}, found {len(texts)}; ask for fewer")
    return sorted(texts, key=lambda text: abs(len(text.split()) - length))[:count]


def rounds_of(texts: Sequence[str], repeats: int) -> list[list[str]]:
    """The texts dealt out to so many rounds, as many to each.

    >>> rounds_of(["قصف", "لقاء", "زيارة", "هدنة", "سفر"], 2)
    [['قصف', 'زيارة'], ['لقاء', 'هدنة']]
    """
    size = len(texts) // repeats
    return [list(texts[number : size * repeats : repeats]) for number in range(repeats)]


# ---------------------------------------------------------------------- the contest


@dataclass(frozen=True, slots=True)
class _Round:
    """What one round reads: the texts, as pipelines get them, with triggers marked; the windows of ours in batches."""

    texts: list[str]
    plain: list[str]
    marked: list[str]
    batches: list[dict[str, Any]]
    lengths: list[int]


def contest(subject: Subject, rounds: Sequence[Sequence[str]], warm: Sequence[str], effort: Effort) -> dict[str, Any]:
    """Time a model in int8, bfloat16 and float32, the stock pipelines on its encoder, and the matrix products alone.

    Round i reads `rounds[i % len(rounds)]`; `warm` is read before the clock starts. Gives "seconds" of every run by
    contender, the sums of each round ("paragraphs", "words", "pieces", "peer_pieces", "events", "flops"), "settings" of
    the peers with the paragraphs a second of the "grid" that chose them, and "products_flops". `proof.speed_page` makes
    rates of them. Raises DataError without texts.
    """
    if not rounds or not all(rounds):
        raise DataError("rounds: expected paragraphs in each of one or more, found none")
    reader = subject.load("float32")
    read = [_round(list(texts), reader) for texts in rounds]
    peers = _peers(subject, reader, ("token", "text", "argument"))
    sample = [text for one in read for text in one.plain][: effort.grid]
    grid = {name: _grid(peer, sample, effort.batches) for name, peer in peers.items() if not name.startswith("argument")}
    settings = {name: best(seconds) for name, seconds in grid.items()}
    ours = _warmed(subject, warm)
    tasks = _our_tasks(ours, read) | _peer_tasks(peers, settings, read)
    for dtype in DTYPES:
        tasks[f"products, {dtype}"] = products(subject.shape, dtype)
        tasks[f"products, {dtype}"](0)
    return {
        "model": subject.digest,
        "seconds": alternate(tasks, repeats=effort.repeats, budget_s=effort.budget_s),
        "grid": {name: {str(s): len(sample) / taken for s, taken in seconds.items()} for name, seconds in grid.items()},
        "settings": {name: str(setting) for name, setting in settings.items()},
        "paragraphs": [len(one.texts) for one in read],
        "words": [sum(len(text.split()) for text in one.texts) for one in read],
        "pieces": [sum(one.lengths) for one in read],
        "peer_pieces": [_pieces(peers["token, float32"], one.plain) for one in read],
        "events": [len(one.marked) for one in read],
        "flops": [subject.shape.flops(one.lengths) for one in read],
        "products_flops": subject.shape.product_flops(ROWS),
    }


def _warmed(subject: Subject, warm: Sequence[str]) -> dict[str, EventExtractor]:
    """Extractors by dtype that have read `warm` and nothing else: what others remember of words is forgotten.

    int8 is the first: what modules remember for all extractors, it has to work out.
    """
    for module in (text_module, tokenization):
        for member in vars(module).values():
            if isinstance(member, _lru_cache_wrapper):
                member.cache_clear()
    ours = {dtype: subject.load(dtype) for dtype in reversed(DTYPES)}
    for extractor in ours.values():
        list(extractor.classify_many(warm))
    return ours


def _peers(subject: Subject, extractor: EventExtractor, tasks: Sequence[str]) -> dict[str, Peer]:
    tokenizer, ontology = extractor.tokenizer.tokenizer, extractor.ontology
    return {
        f"{task}, {dtype}": Peer(task, subject.encoder, tokenizer, ontology, dtype=dtype) for dtype in _FLOATS for task in tasks
    }


def _round(texts: list[str], extractor: EventExtractor) -> _Round:
    windows = [window for text in texts for window in extractor.tokenizer.windows(text)[0]]
    lengths = [len(window.input_ids) for window in windows]
    pad = extractor.tokenizer.tokenizer.pad_token_id or 0
    return _Round(
        texts,
        [prepared(text, extractor.tokenizer) for text in texts],
        [passage for document in extractor.classify_many(texts) for passage in marked(document, extractor.tokenizer)],
        [tokenization.collate([windows[i] for i in group], pad) for group in batches(lengths, _BATCH)],
        lengths,
    )


def _grid(peer: Peer, sample: Sequence[str], sizes: Sequence[int]) -> dict[Setting, float]:
    """Seconds of every setting on a sample."""
    settings = [Setting(size, by_length) for size in sizes for by_length in ((False, True) if size > 1 else (False,))]
    peer.read(sample[:2], settings[0])
    taken = alternate({str(one): partial(_ask, peer, one, [sample]) for one in settings}, repeats=1)
    return {one: taken[str(one)][0] for one in settings}


def _our_tasks(ours: Mapping[str, EventExtractor], read: Sequence[_Round]) -> dict[str, Task]:
    texts, arrays = [one.texts for one in read], [one.batches for one in read]
    tasks: dict[str, Task] = {}
    for dtype, extractor in ours.items():
        tasks[f"ours, {dtype}"] = partial(_classify, extractor, texts)
        tasks[f"encoder, {dtype}"] = partial(_encode, extractor, arrays)
    return tasks


def _peer_tasks(peers: Mapping[str, Peer], settings: Mapping[str, Setting], read: Sequence[_Round]) -> dict[str, Task]:
    """"token" and "text" one by one and at their best setting; "argument", a passage a trigger, at that of "token"."""
    plain, passages = [one.plain for one in read], [one.marked for one in read]
    tasks: dict[str, Task] = {}
    for name, peer in peers.items():
        task, dtype = name.split(", ")
        if task == "argument":
            tasks[f"{name}, best"] = partial(_ask, peer, settings[f"token, {dtype}"], passages)
        else:
            tasks[f"{name}, batch 1"] = partial(_ask, peer, Setting(1), plain)
            tasks[f"{name}, best"] = partial(_ask, peer, settings[name], plain)
    return tasks


def _classify(extractor: EventExtractor, rounds: Sequence[Sequence[str]], number: int) -> None:
    for _document in extractor.classify_many(rounds[number % len(rounds)]):
        pass


def _encode(extractor: EventExtractor, rounds: Sequence[Sequence[dict[str, Any]]], number: int) -> None:
    for batch in rounds[number % len(rounds)]:
        extractor.engine.read_words(batch)


def _ask(peer: Peer, setting: Setting, rounds: Sequence[Sequence[str]], number: int) -> None:
    if texts := rounds[number % len(rounds)]:
        peer.read(texts, setting)


def _pieces(peer: Peer, texts: Sequence[str]) -> int:
    """Positions that a pipeline reads of the texts, without what overlapping windows share."""
    return sum(len(ids) for ids in peer.pipe.tokenizer(list(texts), verbose=False)["input_ids"])


# ---------------------------------------------------------------------- one paragraph at a time


def single(subject: Subject, texts: Sequence[str], warm: Sequence[str], effort: Effort) -> dict[str, Any]:
    """Milliseconds of one paragraph at a time, "p50" and "p95", for ours and for the pipelines.

    Every contender reads a paragraph before the next one comes; each is new to all. Raises DataError without texts.
    """
    if not texts:
        raise DataError("texts: expected paragraphs to time, found none")
    reader = subject.load("float32")
    peers = _peers(subject, reader, ("token", "text"))
    plain = [[prepared(text, reader.tokenizer)] for text in texts]
    for peer in peers.values():
        peer.read(plain[-1] * 3, Setting(1))
    tasks: dict[str, Task] = {
        f"ours, {dtype}": partial(_read_one, one, texts) for dtype, one in _warmed(subject, warm).items()
    }
    tasks |= {name: partial(_ask, peer, Setting(1), plain) for name, peer in peers.items()}
    taken = alternate(tasks, repeats=effort.singles)
    counts = [len(text.split()) for text in texts]
    return {
        "model": subject.digest,
        "words": {"shortest": min(counts), "longest": max(counts), "median": median(counts)},
        "runs": effort.singles,
        "ms": {
            name: {"p50": 1000 * float(np.median(s)), "p95": 1000 * float(np.percentile(s, 95))} for name, s in taken.items()
        },
    }


def _read_one(extractor: EventExtractor, texts: Sequence[str], number: int) -> None:
    extractor.classify(texts[number % len(texts)])
