"""Sources -> shards: which rows belong to which output file, fixed before work begins.

A shard is a run of rows in the order of the inputs, told by where it begins and how many rows it has; it may go over
several files. The plan is a file of one line a shard, so it may be larger than memory. Whoever has a shard can read its
rows by itself, on any machine that sees the inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ahdath.bulk.inputs import Source
from ahdath.bulk.reading import BEGIN, Cut, Place, Raw, SourceChanged, records
from ahdath.bulk.settings import LabelSettings
from ahdath.errors import DataError

__all__ = ["Problem", "Shard", "ShardReader", "cut", "read_plan", "write_plan"]

_SHARD_BYTES = 1 << 24  # of input, after which a shard ends however few rows it has: it bounds memory


class Shard(NamedTuple):
    """Rows of one output file: its number from 0, the source (by number) and place where they begin, how many."""

    number: int
    source: int
    place: Place
    rows: int


class Problem(NamedTuple):
    """What is wrong with a source as a whole."""

    file: str
    problem: str


def cut(sources: Sequence[Source], settings: LabelSettings, problems: list[Problem]) -> Iterator[Shard]:
    """The shards of all sources. A source that is damaged as a whole gives the rows before the damage and a problem.

    Raises ConfigError for a table without the columns of `settings`; SourceChanged.
    """
    number = rows = size = 0
    begin = 0, BEGIN
    for index, source in enumerate(sources):
        if not rows:
            begin = index, BEGIN
        try:
            for step in records(source, settings):
                rows, size = rows + len(step.rows), size + step.size
                if rows >= settings.shard_rows or (rows and size >= _SHARD_BYTES):
                    yield Shard(number, *begin, rows)
                    number, rows, size, begin = number + 1, 0, 0, (index, step.next)
        except SourceChanged:
            raise
        except DataError as error:
            problems.append(Problem(source.name, str(error).removeprefix(f"{source.name}: ")))
            if rows:  # the shard must not reach over the damage
                yield Shard(number, *begin, rows)
                number, rows, size = number + 1, 0, 0
    if rows:
        yield Shard(number, *begin, rows)


def write_plan(path: Path, shards: Iterable[Shard]) -> tuple[int, int]:
    """Write the plan; how many shards and rows it has."""
    count = rows = 0
    with path.open("w", encoding="utf-8") as stream:
        for shard in shards:
            stream.write(json.dumps([shard.source, *shard.place, shard.rows]) + "\n")
            count, rows = count + 1, rows + shard.rows
    return count, rows


def read_plan(path: Path) -> Iterator[Shard]:
    """The shards of a plan, in order. Raises DataError for a damaged file."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            try:
                source, at, row, character, rows = map(int, json.loads(line))
            except (ValueError, TypeError) as error:
                raise DataError(f"{path}:{number + 1}: expected the plan of a job, found {line[:80]!r}; "
                                "say --restart") from error  # fmt: skip
            yield Shard(number, source, Place(at, row, character), rows)


class ShardReader:
    """Reads the raw rows of shards. Made once a worker: in Parquet it goes on from the shard before, where that helps."""

    def __init__(self, sources: Sequence[Source], settings: LabelSettings) -> None:
        self._sources = sources
        self._settings = settings
        self._open: tuple[int, Place, Iterator[Cut]] | None = None

    def rows(self, shard: Shard) -> Iterator[tuple[Source, Raw]]:
        """The rows of a shard with their source. Raises SourceChanged when there are fewer than planned."""
        index, place, left = shard.source, shard.place, shard.rows
        while left:
            if index == len(self._sources):
                raise SourceChanged(f"shard {shard.number}: expected {shard.rows} rows, found {shard.rows - left}; "
                                    "an input has changed since the job began: put it back, or say --restart")  # fmt: skip
            source = self._sources[index]
            for step in self._from(index, place):
                yield from ((source, raw) for raw in step.rows)
                left -= len(step.rows)
                if not left:
                    break
            else:
                index, place = index + 1, BEGIN

    def _from(self, index: int, place: Place) -> Iterator[Cut]:
        """Steps from a place on. A text file is entered by its byte; in Parquet what lies before must be decoded."""
        steps = None
        if self._open is not None and self._open[0] == index and self._open[1].at <= place.at:
            _, now, steps = self._open
            while now.at < place.at:
                step = next(steps, None)
                now = place if step is None else step.next  # the end: the caller misses rows and says so
        if steps is None:
            steps = records(self._sources[index], self._settings, place)
        for step in steps:
            if self._sources[index].format == "parquet":
                self._open = index, step.next, steps
            yield step
