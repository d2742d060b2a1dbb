"""The flat table: a row for every event; PLOVER records; ACLED's columns. Out only."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ahdath.errors import DataError
from ahdath.formats import FormatWarning, acled, plover, table
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from format_documents import GOLDEN, known, quiet

MEETING = "التقى زيد عمرا في حلب"
PLAIN = Ontology.from_dict(
    {
        "version": 1,
        "roles": {"Doer": {"definition": "d"}},
        "types": {"Own.Type": {"definition": "d", "roles": ["Doer"]}},
    }
)


def meeting() -> Document:
    spans = [Span.of(MEETING, a, b) for a, b in ((6, 9), (10, 14), (18, 21))]
    arguments = tuple(Argument(r, s) for r, s in zip(("Participant", "Participant", "Topic"), spans, strict=True))
    return Document(MEETING, (Event("Contact.Meet", Span.of(MEETING, 0, 5), arguments, score=0.5),), id="m")


def own() -> Document:
    event = Event("Own.Type", Span(0, 3, "abc"), (Argument("Doer", Span(4, 5, "d")),), ontology=PLAIN)
    return Document("abc d", (event,), id="own")


def test_the_known_document_is_the_golden_csv(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning) as told:
        table.write([known(model="m 1")], tmp_path / "out.csv")
    assert [str(w.message) for w in told] == ["table: not kept: 2 sentences, 1 arguments that fill no column"]
    assert (tmp_path / "out.csv").read_bytes() == (GOLDEN / "table.csv").read_bytes()


def test_documents_without_ids_are_told_apart_in_every_row() -> None:
    attack = Event("Conflict.Attack", Span(0, 4, "قصفت"))
    bare = Document("قصفت", (attack,))
    placed = [Document("قصفت", (attack, attack), meta={"file": "two.txt", "start": start}) for start in (0, 12)]
    with quiet():
        found = [(row["document"], row["event"]) for row in table.rows(iter([*placed, bare, placed[1]]))]
        ids = [row["event_id"] for row in acled.rows([*placed, bare])]
    assert found == [
        ("two.txt#0", 0), ("two.txt#0", 1), ("two.txt#12", 0), ("two.txt#12", 1), ("document-3", 0),
        ("document-4", 0), ("document-4", 1),
    ]  # fmt: skip
    assert ids == ["two.txt#0-0", "two.txt#0-1", "two.txt#12-0", "two.txt#12-1", "document-3-0"]


def test_parquet_has_the_same_rows_with_types(tmp_path: Path) -> None:
    from pyarrow import parquet

    with quiet():
        expected = table.rows([known(model="m 1")])
        table.write([known(model="m 1")], tmp_path / "out.parquet")
        table.write([], tmp_path / "none.parquet")
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found.to_pylist() == expected
    assert tuple(found.column_names) == table.FIELDS
    assert parquet.read_table(tmp_path / "none.parquet").schema == found.schema


def test_parties_on_an_equal_footing_are_both_actor_and_recipient() -> None:
    with pytest.warns(FormatWarning, match="1 arguments that fill no column"):
        (row,) = table.rows([meeting()])
    assert (row["actor"], row["recipient"], row["place"], row["score"]) == ("زيد | عمرا", "زيد | عمرا", None, 0.5)


def test_columns_are_filled_as_told_and_no_role_is_known_otherwise() -> None:
    (row,) = table.rows([own()], columns={"actor": ("Doer",)})
    assert (row["actor"], row["recipient"], row["plover"], row["type"]) == ("d", None, None, "Own.Type")
    with pytest.raises(DataError, match="columns: expected only actor, recipient, place, date, found 'who'"):
        table.rows([], columns={"who": ("Doer",)})


def test_cells_with_commas_quotes_and_line_breaks_are_quoted(tmp_path: Path) -> None:
    text = 'a,"b\nc'
    table.write([Document(text, (Event("Own.Type", Span.of(text, 0, 6), ontology=PLAIN),))], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        assert next(csv.DictReader(stream))["trigger"] == text


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a name that ends in .csv or .parquet, found '.xlsx'"):
        table.write([known()], tmp_path / "out.xlsx")


def test_plover_is_the_golden_file(tmp_path: Path) -> None:
    with pytest.warns(FormatWarning, match="1 arguments that fill no attribute"):
        plover.write([known()], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == (GOLDEN / "plover.jsonl").read_bytes()


def test_plover_counts_the_events_of_a_type_and_what_it_does_not_have() -> None:
    text = "مات ثم قتل الجيش زيدا"
    dead = Event("Life.Die", Span.of(text, 0, 3))
    killed = Event("Life.Die", Span.of(text, 7, 10), (Argument("Agent", Span.of(text, 11, 16)),))
    with pytest.warns(FormatWarning) as told:
        found = plover.records([Document(text, (dead, killed, killed), id="a"), own()])
    assert [str(w.message) for w in told] == ["PLOVER: not kept: 2 events without a PLOVER counterpart"]
    assert [(r["id"], r["attributes"]["actor"]) for r in found] == [
        ("a_ASSAULT__0", ["الجيش"]), ("a_ASSAULT__1", ["الجيش"]),
    ]  # fmt: skip


def test_acled_is_the_golden_file(tmp_path: Path) -> None:
    with quiet():
        acled.write([known()], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == (GOLDEN / "acled.csv").read_bytes()


def test_acled_leaves_out_what_it_has_no_category_for() -> None:
    with pytest.warns(FormatWarning, match="2 events without an ACLED category"):
        assert acled.rows([meeting(), own()]) == []
    with quiet():
        (row,) = acled.rows([meeting()], crosswalk={("CONSULT", ""): ("Strategic developments", "x", "y")})
    assert (row["event_type"], row["sub_event_type"], row["actor1"]) == ("x", "y", "زيد | عمرا")


#: Table 2 of ACLED's codebook: disorder type and event type of a sub-event type, where the crosswalk decides on one.
SUB_EVENTS = {
    "Abduction/forced disappearance": ("Political violence", "Violence against civilians"),
    "Agreement": ("Strategic developments", "Strategic developments"),
    "Arrests": ("Strategic developments", "Strategic developments"),
    "Change to group/activity": ("Strategic developments", "Strategic developments"),
    "Looting/property destruction": ("Strategic developments", "Strategic developments"),
}


def test_the_crosswalk_has_categories_as_the_codebook_has_them() -> None:
    decided = {sub: (disorder, event) for disorder, event, sub in acled.CROSSWALK.values() if sub}
    assert decided == SUB_EVENTS
    open_ = {(disorder, event) for disorder, event, sub in acled.CROSSWALK.values() if not sub}
    assert open_ == {("Political violence", ""), ("Political violence", "Battles"), ("Demonstrations", "")}


def test_the_crosswalk_names_only_plover_events_of_the_ontology() -> None:
    known_ = [t.plover for t in Ontology.default().types.values() if t.plover]
    assert set(acled.CROSSWALK) <= {(p["event"], p.get("mode", "")) for p in known_}
    assert json.dumps(list(acled.CROSSWALK.values()))
