"""The command `ahdath label`: files of any number and size -> Parquet; run again after a break and it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_corpus import say

if TYPE_CHECKING:
    from .bulk import Progress

    Report = Callable[[Progress], None]

__all__ = ["label"]

_EVERY = 30.0  # seconds between lines where there is no terminal for a bar


class Engine(str, Enum):
    """What does the work."""

    local = "local"
    ray = "ray"


class InputFormat(str, Enum):
    """How inputs are laid out."""

    txt = "txt"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


def label(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files (.txt, .jsonl, .csv, .tsv, .parquet), folders; - is stdin.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; the same one to go on.")],
    model: Annotated[str | None, typer.Option("--model", help="Folder or hub name.", show_default="embedded")] = None,
    format: Annotated[
        InputFormat | None, typer.Option("--format", help="Format of all inputs.", show_default="by ending; stdin: txt")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Key or column of the text (jsonl, csv, parquet).")] = "text",
    id_column: Annotated[
        str | None, typer.Option(help="Key or column of the id.", show_default="id where there is one, else FILE#ROW")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between CSV fields.", show_default=", or tab for .tsv")] = None,
    whole_files: Annotated[bool, typer.Option("--whole-files", help="A .txt file is one document, not its paragraphs.")] = False,
    threshold: Annotated[float | None, typer.Option(help="Lowest trigger probability, instead of the model's.")] = None,
    types: Annotated[str | None, typer.Option(help="Only these event types, separated by commas.")] = None,
    sentences_only: Annotated[bool, typer.Option("--sentences-only", help="Only event types of sentences.")] = False,
    engine: Annotated[Engine, typer.Option(help="Processes of this machine, or a Ray cluster.")] = Engine.local,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes or actors, one thread each.", show_default="one for every core")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Paragraphs the model reads at once.")] = 16,
    shard_rows: Annotated[int, typer.Option(min=1, help="Rows of an output file, the unit of work.")] = 1000,
    restart: Annotated[bool, typer.Option("--restart", help="Throw away what OUTPUT holds of an earlier job.")] = False,
) -> None:
    """Label large collections into Parquet: documents with nested events, and a flat table of events.

    Stopped or killed at any moment, the same command goes on: every row exactly once. Rows that cannot be read are kept
    in errors.jsonl with file and line. Exit code 1 when no row could be read.
    """
    from .bulk import LabelSettings
    from .bulk import label as run

    settings = LabelSettings(
        format=None if format is None else format.value,
        text_column=text_column,
        id_column=id_column,
        delimiter=delimiter,
        whole_files=whole_files,
        shard_rows=shard_rows,
        batch_size=batch_size,
        threshold=threshold,
        types=None if types is None else tuple(name.strip() for name in types.split(",")),
        sentences_only=sentences_only,
    )
    if "-" in inputs and sys.stdin.isatty():
        say("reading from the keyboard; end with Ctrl-D (Ctrl-Z and Enter on Windows)")
    if model is not None and model.startswith("~"):
        model = str(Path(model).expanduser())
    stdin = sys.stdin.buffer if "-" in inputs else None
    with _reporting() as report:
        found = run(
            inputs, output, model=model, settings=settings, engine=engine.value, workers=workers, restart=restart,
            stdin=stdin, report=report,
        )  # fmt: skip
    for path in found.passed_over:
        say(f"{path}: passed over, its ending says no format; name it with --format")
    if found.shards_of_earlier_runs:
        say(f"{found.shards_of_earlier_runs} of {found.shards} files were there from earlier runs")
    if found.bad:
        say(f"{found.bad:,} rows or files cannot be read and are kept in {output / 'errors.jsonl'}")
    typer.echo(f"{output}: {found.documents:,} documents, {found.events:,} events")
    if not found.documents:
        if not found.bad:
            say(f"no text in {', '.join('stdin' if name == '-' else name for name in inputs)}; nothing to read")
        raise typer.Exit(1)


@contextmanager
def _reporting() -> Iterator[Report]:
    """A bar with rate and time left on a terminal; elsewhere a line now and then. Both on stderr."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("labelling"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task, began = bar.add_task("", total=None, told="reading the inputs"), time.monotonic()

        def report(now: Progress) -> None:
            nonlocal began
            if now.done == now.earlier:
                began = time.monotonic()
            bar.update(task, total=now.total, completed=now.done, told=_told(now, time.monotonic() - began))

        yield report


def _lines() -> Report:
    began = last = time.monotonic()

    def report(now: Progress) -> None:
        nonlocal began, last
        moment = time.monotonic()
        if now.done == now.earlier:
            began = moment
            say(f"{now.total:,} rows" + (f", {now.done:,} done by earlier runs" if now.done else ""))
        elif moment - last >= _EVERY:
            last = moment
            say(_told(now, moment - began))

    return report


def _told(now: Progress, seconds: float) -> str:
    """How many rows, how fast, how much longer."""
    fresh = now.done - now.earlier
    parts = [f"{now.done:,} of {now.total:,} rows"]
    if fresh and seconds > 0:
        rate = fresh / seconds
        parts.append(f"{rate:,.1f}/s")
        parts.append(f"{_duration((now.total - now.done) / rate)} left")
    if now.bad:
        parts.append(f"{now.bad:,} bad")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    """Days, hours, minutes and seconds, as far as they matter.

    >>> _duration(93784)
    '1 d 2 h'
    """
    total = round(seconds)
    for unit, size, smaller, below in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if total >= size:
            return f"{total // size} {unit} {total % size // below} {smaller}"
    return f"{total} s"
