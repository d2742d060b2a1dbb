"""PLOVER records as JSON lines, laid out as NGEC (the coder behind the POLECAT data) writes them. Out only.

A record has `id`, `orig_id`, `event_type`, `event_mode`, `attributes` with lists of texts under `actor`, `recipient`,
`location` and `date`, and `event_text`, after https://github.com/ahalterman/NGEC, `ngec.utilities.stories_to_events`
and `explode_events` (their tests have `story1_PROTEST__0` for the first event of a type without mode). NGEC of 2023 had
`ACTOR`, `RECIP`, `LOC` and `DATE` with objects of text, score and offsets instead; its readers do not take these
records. `modality` and `polarity` are added, because PLOVER has no place for an event that is denied or only planned
and such a record must not be counted as one.

Event types and modes are the ontology's crosswalk (`Event.plover`); an event without one is counted in a FormatWarning.
Which roles fill which attribute is `attributes`; see `ahdath.formats.table`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from types import MappingProxyType
from typing import Any

from ahdath.formats.losses import Losses
from ahdath.formats.records import json_line, named, write_text
from ahdath.formats.table import COLUMNS, fillers
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["ATTRIBUTES", "dumps", "records", "write"]

NAME = "PLOVER"
ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "actor": COLUMNS["actor"],
        "recipient": COLUMNS["recipient"],
        "location": COLUMNS["place"],
        "date": COLUMNS["date"],
    }
)
"""Which roles fill a PLOVER attribute, in order of preference."""


def records(
    documents: Sequence[Document], *, attributes: Mapping[str, Sequence[str]] = ATTRIBUTES
) -> list[dict[str, Any]]:
    """The PLOVER records of all events that PLOVER has a type for."""
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "attributes"))
    made = []
    for name, document in named(documents):
        seen: Counter[str] = Counter()
        for event in document.events:
            known = event.type in (event.ontology or Ontology.default()).types
            plover = event.plover if known else None
            if plover is None:
                losses.add("events without a PLOVER counterpart")
                continue
            mode = plover.get("mode", "")
            key = f"{name}_{plover['event']}_{mode}"
            found, left = fillers(event, attributes)
            losses.add("arguments that fill no attribute", left)
            made.append(
                {
                    "id": f"{key}_{seen[key]}",
                    "orig_id": name,
                    "event_type": plover["event"],
                    "event_mode": mode,
                    "attributes": found,
                    "event_text": document.text,
                    "modality": event.modality,
                    "polarity": event.polarity,
                }
            )
            seen[key] += 1
    losses.warn()
    return made


def dumps(documents: Sequence[Document]) -> str:
    """The records as lines of JSON."""
    return "".join(map(json_line, records(documents)))


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes a file of `dumps`."""
    write_text(path, dumps(documents))
