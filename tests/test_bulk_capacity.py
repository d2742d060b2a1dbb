"""The figures of docs/capacity.md from what a job reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ahdath.bulk import Progress
from ahdath.errors import DataError
from ahdath.proof.capacity import capacity, cost, markdown, measured
from bulk_toy import toy_model


def test_the_rate_is_that_of_warm_workers() -> None:
    moments = iter([100.0, 107.0, 110.0, 112.0, 115.0, 120.0])  # begin; first report; four shards

    def work(report: Callable[[Progress], None]) -> None:
        for done in (0, 50, 100, 150, 200):
            report(Progress(done, 0, 200, 0))

    assert measured(work, 2, clock=lambda: next(moments)) == {"rate": 100 / 8, "start_s": 12.0}


def test_too_few_shards_are_refused() -> None:
    with pytest.raises(DataError, match="expected at least two shards a worker, found 1 for 1; give more rows"):
        measured(lambda report: [report(Progress(done, 0, 9, 0)) for done in (0, 9)] and None, 1)
    with pytest.raises(DataError, match="texts: expected paragraphs"):
        capacity([])


def test_the_table() -> None:
    runs = [
        {"engine": "local", "workers": 1, "rate": 100.0, "start_s": 4.0},
        {"engine": "local", "workers": 2, "rate": 180.0, "start_s": 5.0},
    ]
    found = {"runs": runs, "rows": 4000, "shard_rows": 100, "words": 61.4, "environment": {"processor": "A", "cores": 2}}
    page = markdown(found, 0.04).splitlines()
    assert page[0].endswith("| a billion at 0.04 a core-hour |")
    assert page[2] == "| local | 1 | 100.0 | 100 % | 2.78 | 2,778 | 1.8 days | 111 |"
    assert page[3] == "| local | 2 | 180.0 | 90 % | 3.09 | 3,086 | 2.0 days | 123 |"
    assert page[5] == "4,000 paragraphs of 61 words on average; processor A, cores 2."
    assert len(markdown(found).splitlines()[0].split("|")) == 9
    assert cost(1.0, 1, 3600) == 1.0


def test_it_measures_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.002")
    model = toy_model(tmp_path, monkeypatch)
    found = capacity(["قصفت الطائرات حلب أمس."], model=str(model), rows=60, workers=(1,), shard_rows=10)
    assert [(run["engine"], run["workers"]) for run in found["runs"]] == [("local", 1)]
    assert 0 < found["runs"][0]["rate"] < 500
    assert found["words"] == 5
