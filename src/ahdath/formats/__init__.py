"""Documents into and out of the formats that other tools use: a module each, `FORMATS` names them all.

    textee.py, dygie.py, omnievent.py    event extraction systems
    brat.py, label_studio.py, doccano.py annotation tools
    conll.py                             BIO columns
    plover.py, acled.py, table.py        event data
    spacy.py                             Doc with spans
    losses.py                            what a format cannot hold, told in one FormatWarning
    records.py, placing.py, regions.py   what formats share: JSON rows; words of sentences; labelled regions

A module has `write(documents, path)` and, where the format leads back, `read(path)`; `dumps` and `loads` do the same
with text. Damaged input is refused with a DataError that names file and row. No format knows a type or role by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import NamedTuple, Protocol

from ahdath.corpus.rows import read_jsonl, write_jsonl
from ahdath.formats import acled, brat, conll, doccano, dygie, label_studio, omnievent, plover, spacy, table, textee
from ahdath.formats.losses import FormatWarning
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["FORMATS", "Format", "FormatWarning", "Read"]


class Read(Protocol):
    """How a format is read; events carry `ontology` (None: the packaged one) and have its defaults where nothing is said."""

    def __call__(self, path: str | PathLike[str], /, *, ontology: Ontology | None = None) -> list[Document]: ...


class Format(NamedTuple):
    """How a format is written and, unless it is for output only, read."""

    write: Callable[[Sequence[Document], str | PathLike[str]], None]
    read: Read | None = None


def _write_ahdath(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    write_jsonl(path, documents)


FORMATS: dict[str, Format] = {
    "ahdath": Format(_write_ahdath, read_jsonl),
    "textee": Format(textee.write, textee.read),
    "brat": Format(brat.write, brat.read),
    "label-studio": Format(label_studio.write, label_studio.read),
    "doccano": Format(doccano.write, doccano.read),
    "table": Format(table.write),
    "plover": Format(plover.write),
    "conll": Format(conll.write, conll.read),
    "dygie": Format(dygie.write, dygie.read),
    "omnievent": Format(omnievent.write, omnievent.read),
    "acled": Format(acled.write),
    "spacy": Format(spacy.write),
}
"""Every format by the name that `ahdath convert` has for it; `ahdath` is the library's own JSON lines."""
