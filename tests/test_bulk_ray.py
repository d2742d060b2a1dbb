"""The same job on a local Ray cluster of two workers."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from ahdath.bulk import LabelSettings, label
from ahdath.bulk.inputs import find_sources, fingerprinted
from ahdath.bulk.ray import ShardLabeller
from ahdath.bulk.worker import Task
from ahdath.errors import ConfigError
from bulk_toy import results, run, toy_model, write_rows


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return toy_model(tmp_path, monkeypatch)


def test_a_cluster_gives_the_same_files(toy: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data")
    rows = write_rows(tmp_path / "news.jsonl", 43)
    label([rows], tmp_path / "local", model=toy, settings=LabelSettings(shard_rows=5), workers=1)
    options = ["--model", toy, "--shard-rows", "5", "--engine", "ray", "--workers", "2", "--output", tmp_path / "cluster"]
    done = run(rows, *options)
    assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path / 'cluster'}: 39 documents, 30 events\n"), done.stderr
    assert results(tmp_path / "cluster") == results(tmp_path / "local")
    again = label([rows], tmp_path / "cluster", model=toy, settings=LabelSettings(shard_rows=5))  # engines may change
    assert again.shards_of_earlier_runs == 9


def test_without_ray_the_extra_is_named(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ray(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "ray" or name.startswith("ray."):
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(ConfigError, match=r"--engine ray: expected the package ray, found none; pip install 'ahdath\[ray\]'"):
        label([write_rows(tmp_path / "news.jsonl", 3)], tmp_path / "out", model=toy, engine="ray")


def test_an_actor_answers_refusals(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would take an exception for a crash and start the actor again."""

    class Missing:
        @classmethod
        def from_pretrained(cls, path: str) -> None:
            from ahdath.errors import ModelError

            raise ModelError(f"{path}: no model")

    monkeypatch.setattr("ahdath.inference.EventExtractor", Missing)
    found, _ = find_sources([str(write_rows(tmp_path / "a.jsonl", 3))], tmp_path / "out", LabelSettings())
    task = Task(str(tmp_path / "out"), "", str(toy), "", tuple(fingerprinted(found)), LabelSettings())
    assert Task.from_json(task.to_json()) == task
    told = ShardLabeller(task.to_json())({"shard": ["[0, 0, [0, 1, 0], 3]"] * 2})
    assert [json.loads(line) for line in told["told"]] == [{"failed": f"{toy}: no model", "kind": "ModelError"}] * 2
