"""Runs the measurements of speed section by section and keeps them: docs/speed.json, docs/speed.md and its plot.

A section is written as soon as it is there and not measured again until the weights or the plan change. All paths are
relative to the root of the repository, which is where this runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ahdath.corpus import read_jsonl
from ahdath.errors import ConfigError, did_you_mean
from ahdath.proof import fresh, speed_page, subjects
from ahdath.proof.numbers import read_numbers, write_numbers
from ahdath.proof.run import EMBEDDED
from ahdath.proof.speed import environment
from ahdath.proof.throughput import Effort, contest, long_tailed, nearest, rounds_of, single
from ahdath.shipping import digest

__all__ = ["Plan", "measure", "quick"]


_LARGE = Effort(repeats=3, budget_s=8.0, grid=16, singles=15)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how much of it.

    `paragraphs` are read in a round, of the large encoder `large_paragraphs`; `lengths` are bytes of text; `sizes` those
    of the large encoder (keys of BertConfig), which is built in the folder `work`.
    """

    work: Path
    output: Path = Path("docs")
    seeds: Path = Path("seeds")
    model: Path = EMBEDDED
    effort: Effort = field(default_factory=Effort)
    large_effort: Effort = _LARGE
    paragraphs: int = 100
    large_paragraphs: int = 48
    runs: int = 3
    lengths: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    sizes: Mapping[str, int] = field(default_factory=lambda: subjects.ARABERT_BASE)
    vocabulary: int = subjects.VOCABULARY
    test: int | None = None

    def stamp(self) -> dict[str, Any]:
        """What numbers must share to stay: the weights and all of the plan but its folders."""
        told = {key: value for key, value in asdict(self).items() if key not in ("work", "output", "seeds", "model")}
        stamp: dict[str, Any] = json.loads(json.dumps({"weights": digest(self.model), **told}))
        return stamp


def quick(plan: Plan) -> Plan:
    """A plan that tries everything out and says nothing of speed."""
    tiny = {**plan.sizes, "num_hidden_layers": 2, "hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 192}
    effort = Effort(repeats=1, budget_s=1.0, grid=2, batches=(1, 2), singles=2)
    return replace(
        plan, effort=effort, large_effort=effort, paragraphs=4, large_paragraphs=3, runs=1, lengths=(2_000, 10_000), sizes=tiny,
        vocabulary=2_000, test=12,
    )  # fmt: skip


class _Bench:
    """The models and texts of a plan, made when they are first asked for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @cached_property
    def embedded(self) -> subjects.Subject:
        return subjects.Subject("embedded", self.plan.model, self.plan.model)

    @cached_property
    def large(self) -> subjects.Subject:
        made = subjects.Subject("AraBERT-base shape", self.plan.work / "torch", self.plan.work / "int8")
        if (made.int8 / "graphs.safetensors").exists():
            return made
        gold = read_jsonl(self.plan.seeds / "train.jsonl")
        events = sum(len(document.events) for document in gold) / len(gold)
        return subjects.build(self.plan.work, self.train, sizes=self.plan.sizes, vocabulary=self.plan.vocabulary, events=events)

    def texts(self, name: str) -> list[str]:
        return [document.text for document in read_jsonl(self.plan.seeds / f"{name}.jsonl")]

    @cached_property
    def train(self) -> list[str]:
        return self.texts("train")

    @cached_property
    def warm(self) -> list[str]:
        return self.texts("dev")[: self.plan.test]

    def contest(self, kind: str, *, large: bool = False) -> dict[str, Any]:
        plan = self.plan
        effort, size = (plan.large_effort, plan.large_paragraphs) if large else (plan.effort, plan.paragraphs)
        if kind == "60":
            rounds = rounds_of(nearest(self.train, length=60, count=size * effort.repeats), effort.repeats)
        elif kind == "mix":
            rounds = [long_tailed(self.train, count=size, seed=seed) for seed in range(effort.repeats)]
        else:
            test = self.texts("test")[: plan.test]
            rounds = [test[:: max(1, len(test) // size)][:size] if large else test]
        return contest(self.large if large else self.embedded, rounds, self.warm[:20] if large else self.warm, effort)

    def single(self, *, large: bool = False) -> dict[str, Any]:
        effort = self.plan.large_effort if large else self.plan.effort
        texts = nearest(self.train, length=60, count=effort.singles)
        return single(self.large if large else self.embedded, texts, self.warm[:20] if large else self.warm, effort)

    def starts(self, *, large: bool = False) -> dict[str, Any]:
        subject = self.large if large else self.embedded
        folder = self.plan.work / f"pipeline-{'large' if large else 'embedded'}"
        fresh.save_pipeline(subject, folder)
        runs = min(self.plan.runs, 2) if large else self.plan.runs
        return fresh.starts(subject, self.plan.seeds / "article.txt", pipeline=folder, runs=runs)

    def accuracy(self) -> dict[str, Any]:
        from ahdath.metrics import compare

        gold = read_jsonl(self.plan.seeds / "test.jsonl")[: self.plan.test]
        answers = {
            dtype: list(self.embedded.load(dtype).classify_many(document.text for document in gold))
            for dtype in ("float32", "bfloat16", "int8")
        }
        costs = {}
        for dtype in ("bfloat16", "int8"):
            found = compare(gold, answers["float32"], answers[dtype])
            costs[dtype] = {name: asdict(found[name]) for name in ("TC", "AC+")}
        return {"model": self.embedded.digest, "paragraphs": len(gold), "costs": costs}

    def measure(self, name: str) -> dict[str, Any]:
        """The numbers of a section of `speed_page.SECTIONS`."""
        model, _, kind = name.partition("-")
        if name == "length":
            return fresh.length(self.embedded, self.texts("test"), sizes=self.plan.lengths)
        if name == "accuracy":
            return self.accuracy()
        large = model == "large"
        if kind == "starts":
            return self.starts(large=large)
        return self.single(large=large) if kind == "single" else self.contest(kind, large=large)


def measure(
    plan: Plan, names: Sequence[str] = speed_page.SECTIONS, *, again: bool = False, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Measure the sections that are missing, tell each to `say` when it is there, and give all numbers.

    again: measure those anew that are there. Raises ConfigError for an unknown section, DataError for a damaged file.
    """
    for name in names:
        if name not in speed_page.SECTIONS:
            known = speed_page.SECTIONS
            raise ConfigError(f"section {name!r}: expected one of {', '.join(known)}{did_you_mean(name, known)}")
    bench, stamp, file = _Bench(plan), plan.stamp(), plan.output / "speed.json"
    for name in names:
        there = read_numbers(file).get(name)
        if again or there is None or there["stamp"] != stamp:
            began = time.perf_counter()
            found = bench.measure(name)
            told = {"seconds": round(time.perf_counter() - began, 1), "environment": speed_page.machine(environment())}
            _keep(file, name, {"stamp": stamp, "taken": told, **found})
        say(f"## {name}\n\n{speed_page.section(name, read_numbers(file)[name])}\n")
    every = read_numbers(file)
    say(speed_page.targets(every))
    speed_page.write(plan.output, every)
    return every


def _keep(file: Path, name: str, found: dict[str, Any]) -> None:
    """Put a section into the file, in the order of the page."""
    every = read_numbers(file) | {name: found}
    write_numbers(file, {key: every[key] for key in speed_page.SECTIONS if key in every})
