"""Which windows are read together, and reading that goes on while the next are made ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["PIECES", "batches", "overlapped"]

#: Padded pieces that a batch of size 1 has room for: a paragraph of some 80 words.
PIECES = 96

_Made = TypeVar("_Made")
_Part = TypeVar("_Part")


def batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices of windows that are read together, the longest first.

    A batch has room for `size` x `PIECES` pieces, padding included: short windows share it with many, a window that is
    longer than all the room has a batch of its own.

    >>> list(batches([30, 200, 40, 35, 90], 1))
    [[1], [4], [2, 3], [0]]
    """
    batch: list[int] = []
    widest = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * widest > size * PIECES:
            yield batch
            batch = []
        if not batch:
            widest = lengths[index]
        batch.append(index)
    if batch:
        yield batch


def overlapped(
    made: Iterable[_Made], parts: Callable[[_Made], Sequence[_Part]], work: Callable[[_Part], None], *, workers: int
) -> Iterator[_Made]:
    """Each thing of `made` when `work` has been done on all its parts, in order; threads work while the next is made.

    At most two things are on their way. What fails in `work` is raised in its place; what fails in making, when all
    before it has been given. The threads end with the iterator, read to its end or not. Without workers all is done here.
    """
    if workers == 0:
        for thing in made:
            for part in parts(thing):
                work(part)
            yield thing
        return
    waiting: deque[tuple[_Made, list[Future[None]]]] = deque()
    pool, things, failure = ThreadPoolExecutor(workers, thread_name_prefix="ahdath"), iter(made), None
    try:
        while True:
            try:
                following = [next(things)]
            except StopIteration:
                following = []
            except Exception as error:  # raised below, when what came before it has been given
                failure, following = error, []
            waiting.extend((thing, [pool.submit(work, part) for part in parts(thing)]) for thing in following)
            while waiting and (len(waiting) > 1 or not following):
                thing, futures = waiting.popleft()
                for future in futures:
                    future.result()
                yield thing
            if failure is not None:
                raise failure
            if not following:
                return
    finally:
        pool.shutdown(cancel_futures=True)
