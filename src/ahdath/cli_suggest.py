"""The command `ahdath suggest`: a pool of paragraphs -> those to annotate next, as tasks of an annotation tool."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_corpus import say
from .errors import ConfigError

if TYPE_CHECKING:
    from .schema import Document

__all__ = ["suggest"]


class Tool(str, Enum):
    """Where the paragraphs are annotated."""

    label_studio = "label-studio"
    doccano = "doccano"
    jsonl = "jsonl"


class Strategy(str, Enum):
    """`suggest.STRATEGIES`, said again so that `--help` loads nothing."""

    entropy = "entropy"
    entropy_per_word = "entropy-per-word"
    margin = "margin"
    random = "random"


def suggest(
    pool: Annotated[
        list[str], typer.Argument(metavar="POOL...", help="Text, a paragraph a line, or .jsonl of documents; - is stdin.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Model folder or hub name.", show_default="embedded")
    ] = None,
    to: Annotated[
        Tool, typer.Option("--to", help="jsonl: lines to correct in an editor, for `corpus compile`.")
    ] = Tool.label_studio,
    count: Annotated[int, typer.Option("--count", "-n", help="Paragraphs to suggest.")] = 100,
    strategy: Annotated[Strategy, typer.Option(help="How paragraphs are ranked.")] = Strategy.entropy,
    diversity: Annotated[float, typer.Option(help="0: uncertainty alone; 1: a copy of another is worth nothing.")] = 1.0,
    exclude: Annotated[
        list[Path] | None, typer.Option(help="JSONL of paragraphs that are annotated already. Repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the strategy random.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Paragraphs the model reads at once.")] = 16,
) -> None:
    """Choose the paragraphs whose annotation a model needs most, and write them with its events to correct.

    The model is least sure of them, and they are unlike each other and what is annotated already.
    """
    import os
    import warnings

    from . import suggest as suggesting
    from .formats import FormatWarning
    from .inference import EventExtractor

    for name in (*pool, *(exclude or ())):
        if name != "-" and output.exists() and Path(name).exists() and output.samefile(name):
            raise ConfigError(f"--output {output}: expected another file than those that are read; rename it")
    known = [document.text for path in exclude or () for document in _documents(str(path))]
    extractor = EventExtractor.from_pretrained(None if model is None else os.path.expanduser(model))
    chosen = suggesting.suggest(
        extractor, _pool(pool), count=count, strategy=strategy.value, diversity=diversity, known=known, seed=seed,
        batch_size=batch_size,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FormatWarning)
        _write(chosen, to, output)
    for warning in caught:
        if issubclass(warning.category, FormatWarning):
            say(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if len(chosen) < count:
        say(f"the pool has {len(chosen)} paragraphs that are not annotated yet, fewer than {count}")
    events = sum(len(document.events) for document in chosen)
    typer.echo(f"{output}: {len(chosen)} paragraphs with {events} events to correct")


def _pool(names: list[str]) -> Iterator[Document]:
    """The paragraphs of all files, each with an id: its own, or file and offset."""
    from dataclasses import replace

    from .schema import Document
    from .textfiles import read_paragraphs

    taken: set[str] = set()
    for name in names:
        if Path(name).suffix.lower() in (".jsonl", ".ndjson"):
            found: Iterator[Document] = iter(_documents(name))
        else:
            found = (
                Document(one.text, id=f"{one.file}:{one.start}", meta={"file": one.file, "start": one.start})
                for one in read_paragraphs([name])
            )
        for number, document in enumerate(found):
            id = document.id if document.id and document.id not in taken else f"{name}#{number}"
            taken.add(id)
            yield replace(document, id=id)


def _documents(path: str) -> list[Document]:
    """Texts, ids and meta of a JSONL file: rows, answers of a model, hand-written records; their events do not count."""
    from .corpus.rows import load, refuse
    from .errors import DataError
    from .schema import Document

    def bare(row: object) -> Document:
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise DataError("expected an object with a text, found none; give every line a `text`")
        meta = row.get("meta")
        id = row.get("id")
        return Document(row["text"], id="" if id is None else str(id), meta=meta if isinstance(meta, dict) else {})

    found, problems = load(path, bare)
    refuse(problems, path)
    return [document for _, document in found]


def _write(documents: list[Document], to: Tool, output: Path) -> None:
    from .formats import FORMATS
    from .formats.records import json_line, write_text
    from .suggest import record

    if to is Tool.jsonl:
        write_text(output, "".join(json_line(record(document)) for document in documents))
    else:
        FORMATS[to.value].write(documents, output)
