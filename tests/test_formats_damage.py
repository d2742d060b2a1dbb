"""Whatever value of a file is replaced by another kind: it is read, or refused with a DataError, never a crash."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ahdath.errors import DataError
from ahdath.formats import doccano, dygie, label_studio, omnievent, textee
from ahdath.schema import Document
from format_documents import GOLDEN, quiet

JUNK: tuple[Any, ...] = (None, -1, 10**9, 0.5, True, "", "x", [], [None], {}, {"x": []})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return changed


@pytest.mark.parametrize(
    ("file", "loads"),
    [
        ("textee.jsonl", textee.loads),
        ("doccano.jsonl", doccano.loads),
        ("dygie.jsonl", dygie.loads),
        ("omnievent.jsonl", omnievent.loads),
        ("label_studio.json", label_studio.loads),
    ],
)
def test_no_junk_crashes_a_reader(file: str, loads: Callable[[str, str], list[Document]]) -> None:
    content = (GOLDEN / file).read_text(encoding="utf-8")
    value = json.loads(content if file.endswith(".json") else content.splitlines()[0])
    refused: list[str] = []
    for path in places(value):
        for junk in JUNK:
            try:
                with quiet():
                    loads(json.dumps(replaced(value, path, junk)), "f")
            except DataError as error:
                refused.append(str(error))
    assert len(refused) > 20
    assert all(message.startswith("f:") for message in refused)


@pytest.mark.parametrize("dumps", [doccano.dumps, label_studio.dumps])
def test_meta_that_json_does_not_have_is_refused_by_document_and_key(dumps: Callable[[list[Document]], str]) -> None:
    good = Document("قصفت", id="a", meta={"score": 0.5, "tags": [None]})
    with pytest.raises(DataError, match=r"^Document 'b': meta: score: expected a value that JSON has, found nan .*; make it null"):
        dumps([good, Document("قصفت", id="b", meta={"score": float("nan")})])
    with pytest.raises(DataError, match=r"^Document without an id, 'قصفت': meta: day: .* found datetime"):
        dumps([Document("قصفت", meta={"tags": [1], "day": datetime.date(2024, 1, 1)})])
    assert '"tags"' in dumps([good])
