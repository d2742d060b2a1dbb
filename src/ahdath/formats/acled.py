"""A CSV with ACLED's columns for the event and sub-event type, to lay beside ACLED data. Out only.

Column names and categories after ACLED's codebook (https://acleddata.com/knowledge-base/codebook, its tables 1 and 2):
`event_date`, `disorder_type`, `event_type`, `sub_event_type`, `actor1`, `actor2`, `location`, `notes`. Where these mean
less here: `event_id` is ours (ACLED's `event_id_cnty` begins with a country), dates and places are words of the text,
`notes` is the text itself, and `actor1` is who acts, while ACLED orders actors only in violence against civilians.

ACLED asks more than a sentence tells (who is armed, whether a protest stayed peaceful), so `CROSSWALK` stays at the
level that PLOVER event and mode decide: an empty cell means that ACLED's coders would have to look. It is a default;
give another as `crosswalk`. ACLED makes one event of all that happens between the same actors at a place in a day, and
counts damage as `Looting/property destruction` only where no other violence was; rows here are mentions. `modality` and
`polarity` stand beside because ACLED codes only what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from types import MappingProxyType

from ahdath.formats.losses import Losses
from ahdath.formats.records import named, write_text
from ahdath.formats.table import COLUMNS, dumps_csv, fillers
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["CROSSWALK", "FIELDS", "rows", "write"]

NAME = "ACLED"
Category = tuple[str, str, str]  # disorder_type, event_type, sub_event_type; empty where not decided
_STRATEGIC = "Strategic developments"
CROSSWALK: Mapping[tuple[str, str], Category] = MappingProxyType(
    {
        ("ASSAULT", ""): ("Political violence", "", ""),
        ("ASSAULT", "abduct"): ("Political violence", "Violence against civilians", "Abduction/forced disappearance"),
        ("ASSAULT", "destroy"): (_STRATEGIC, _STRATEGIC, "Looting/property destruction"),
        ("COERCE", "seize"): ("Political violence", "Battles", ""),
        ("COERCE", "arrest"): (_STRATEGIC, _STRATEGIC, "Arrests"),
        ("MOBILIZE", ""): (_STRATEGIC, _STRATEGIC, "Change to group/activity"),
        ("RETREAT", "withdraw"): (_STRATEGIC, _STRATEGIC, "Change to group/activity"),
        ("RETREAT", "ceasefire"): (_STRATEGIC, _STRATEGIC, "Agreement"),
        ("AGREE", ""): (_STRATEGIC, _STRATEGIC, "Agreement"),
        ("PROTEST", ""): ("Demonstrations", "", ""),
    }
)
"""ACLED's categories for a PLOVER event and mode. To ACLED a protest that was met with excessive force is both `Political
violence` and `Demonstrations`, and mob violence the former alone."""
FIELDS = (
    "event_id", "event_date", "disorder_type", "event_type", "sub_event_type", "actor1", "actor2", "location", "notes",
    "modality", "polarity", "score",
)  # fmt: skip


def rows(
    documents: Sequence[Document],
    *,
    crosswalk: Mapping[tuple[str, str], Category] = CROSSWALK,
    columns: Mapping[str, Sequence[str]] = COLUMNS,
) -> list[dict[str, str | float]]:
    """The rows of all events that `crosswalk` has a category for, with the keys `FIELDS`; others are counted.

    `columns` says which roles are actor1 (`actor`), actor2 (`recipient`), location (`place`) and event_date (`date`).

    >>> from ahdath.schema import Argument, Event, Span
    >>> text = "خطف مسلحون صحفيا"
    >>> taken = Event("Conflict.Abduct", Span.of(text, 0, 3), (Argument("Agent", Span.of(text, 4, 10)),))
    >>> row = rows([Document(text, [taken], id="a")])[0]
    >>> row["sub_event_type"], row["actor1"]
    ('Abduction/forced disappearance', 'مسلحون')
    """
    losses = Losses(NAME)
    losses.document_parts(documents, holds=("ids", "attributes", "scores"))
    found: list[dict[str, str | float]] = []
    for name, document in named(documents):
        for number, event in enumerate(document.events):
            known = event.type in (event.ontology or Ontology.default()).types
            plover = (event.plover if known else None) or {}
            category = crosswalk.get((plover.get("event", ""), plover.get("mode", "")))
            if category is None:
                losses.add("events without an ACLED category")
                continue
            cells, left = fillers(event, columns)
            losses.add("arguments that fill no column", left)
            texts = {column: " | ".join(values) for column, values in cells.items()}
            found.append(
                {
                    "event_id": f"{name}-{number}",
                    "event_date": texts.get("date", ""),
                    **dict(zip(("disorder_type", "event_type", "sub_event_type"), category, strict=True)),
                    "actor1": texts.get("actor", ""),
                    "actor2": texts.get("recipient", ""),
                    "location": texts.get("place", ""),
                    "notes": document.text,
                    "modality": event.modality,
                    "polarity": event.polarity,
                    "score": event.score,
                }
            )
    losses.warn()
    return found


def write(documents: Sequence[Document], path: str | PathLike[str]) -> None:
    """Writes the rows as CSV."""
    write_text(path, dumps_csv(rows(documents), FIELDS))
