"""The command `ahdath convert`: read one format -> write another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_corpus import OntologyFile, ontology_of, say
from .errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from .formats import Read
    from .schema import Document

__all__ = ["convert"]


def convert(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="File to read; for brat a folder.")],
    target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="File to write; for brat a folder; - is stdout.")],
    from_: Annotated[str, typer.Option("--from", metavar="FORMAT", help="Format of INPUT.")] = "ahdath",
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="Format of OUTPUT.")] = "ahdath",
    ontology: OntologyFile = None,
    id_prefix: Annotated[str, typer.Option(metavar="TEXT", help="Put before every id that INPUT has.")] = "",
) -> None:
    """Turn annotated text or answers of a model from one format into another.

    Both ways: ahdath (JSON lines), textee (also OneIE), brat, label-studio, doccano, conll, dygie, omnievent. Output
    only: table (.csv or .parquet), plover, acled, spacy. What OUTPUT cannot hold is told, with counts. --ontology says
    which modality and polarity an event has where INPUT does not say it, and what PLOVER and ACLED call its type.
    """
    import warnings

    from .corpus import with_sentences
    from .formats import FORMATS, FormatWarning

    read = _reader(from_, to)
    if source.exists() and target.exists() and source.samefile(target):
        raise ConfigError(f"OUTPUT: expected another file than INPUT, found {target} twice; rename it")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FormatWarning)
        documents = read(source, ontology=None if ontology is None else ontology_of(ontology))
        if id_prefix:  # tools number their tasks from 1: exports that are put together need ids that differ
            documents = [replace(d, id=id_prefix + d.id) if d.id else d for d in documents]
        if to == "ahdath":  # a corpus row has sentences
            documents = [document if document.sentences else with_sentences(document) for document in documents]
        if target == Path("-"):
            _write_to_stdout(documents, to)
        else:
            FORMATS[to].write(documents, target)
    for warning in caught:
        if issubclass(warning.category, FormatWarning):
            say(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    say(f"{'stdout' if target == Path('-') else target}: {len(documents)} documents")


def _reader(from_: str, to: str) -> Read:
    """How `from_` is read. Raises ConfigError for names that are no format, or none that can be read."""
    from .formats import FORMATS

    for option, name in (("--from", from_), ("--to", to)):
        if name not in FORMATS:
            known = ", ".join(FORMATS)
            raise ConfigError(f"{option}: expected one of {known}; found {name!r}{did_you_mean(name, FORMATS)}")
    read = FORMATS[from_].read
    if read is None:
        known = ", ".join(name for name, format in FORMATS.items() if format.read is not None)
        raise ConfigError(
            f"--from: expected a format that can be read ({known}), found {from_!r}, which is output only"
        )
    return read


def _write_to_stdout(documents: Sequence[Document], name: str) -> None:
    """The bytes of a format's file, by way of one: formats write to paths, a table's ending says that it is CSV."""
    from .formats import FORMATS

    if name == "brat":
        raise ConfigError("OUTPUT: expected a folder, found - (stdout); brat writes two files for every document")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stdout.csv"
        FORMATS[name].write(documents, path)
        typer.echo(path.read_bytes(), nl=False)
