"""`map_dataset`: the columns it adds, in one process and in several, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict, disable_progress_bars

from ahdath.bulk import event_features, map_dataset
from ahdath.bulk.shards import document_schema, nested
from ahdath.bulk.version import model_version
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.schema import Document

disable_progress_bars()


@pytest.fixture(scope="module")
def model(noisy: Callable[..., EventExtractor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets") / "noisy"
    noisy("embedded").save_pretrained(folder)
    return folder


@pytest.fixture
def dataset(documents: list[Document]) -> Dataset:
    return Dataset.from_dict({"id": [d.id for d in documents], "text": [d.text for d in documents]})


def test_the_columns_are_those_of_labelled_files() -> None:
    schema = event_features().arrow_schema
    ours = {field.name: field.type for field in document_schema()}
    for field in schema:
        assert field.type.equals(ours[field.name]), field.name


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_events_beside_the_own_columns(model: Path, dataset: Dataset) -> None:
    labelled = map_dataset(dataset, model=model)
    assert labelled.column_names == ["id", "text", *event_features()]
    assert labelled.features["events"] == event_features()["events"]
    expected = [nested(d) for d in EventExtractor.from_pretrained(model).classify_many(dataset["text"])]
    assert any(row["events"] for row in expected)
    found: list[dict[str, Any]] = list(labelled)
    for row, own in zip(found, expected, strict=True):
        assert {key: row[key] for key in own} == own
        assert row["model_digest"] == model_version(str(model)).weights
        for event in row["events"]:
            assert row["text"][event["trigger"]["start"] : event["trigger"]["end"]] == event["trigger"]["text"]
    several = map_dataset(dataset, model=model, num_proc=2)
    triggers = [[(e["type"], e["trigger"]) for e in row["events"]] for row in found]
    assert [[(e["type"], e["trigger"]) for e in row["events"]] for row in several] == triggers
    assert len(several) == len(dataset)


def test_the_cache_knows_model_and_options(model: Path, dataset: Dataset) -> None:
    first = map_dataset(dataset, model=model, threshold=0.0)
    assert map_dataset(dataset, model=model, threshold=0.0)._fingerprint == first._fingerprint
    assert map_dataset(dataset, model=model, threshold=1.0)._fingerprint != first._fingerprint
    assert map_dataset(dataset.select(range(3)), model=model, threshold=0.0)._fingerprint != first._fingerprint


def test_refusals(model: Path, dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match="text_column: expected one of id, text, found 'body'"):
        map_dataset(dataset, model=model, text_column="body")
    with pytest.raises(DataError, match=r"expected a Dataset, found DatasetDict; pass one split, dataset\['train'\]"):
        map_dataset(DatasetDict({"train": dataset}), model=model)
    with pytest.raises(DataError, match="expected no column of the name 'events'"):
        map_dataset(dataset.rename_column("id", "events"), model=model)
    with pytest.raises(DataError, match=r"row 1: expected a text in 'text', found nothing \(None\)"):
        map_dataset(Dataset.from_dict({"text": ["قصف", None]}), model=model)
