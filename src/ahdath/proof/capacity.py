"""What labelling in bulk costs: paragraphs a second of `ahdath.bulk.label`, and what a million and a billion need.

Every figure is of processes with one thread each, so a process is a core. Loading the model is counted apart: a job pays
it once a process.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ahdath.bulk import LabelSettings, Progress, label
from ahdath.errors import DataError
from ahdath.proof.speed import environment
from ahdath.text import words

__all__ = ["capacity", "cost", "markdown", "measured"]


def capacity(
    texts: Sequence[str], *, model: str | None = None, rows: int = 4000, workers: Iterable[int] = (1, 2),
    engines: Iterable[str] = ("local",), shard_rows: int = 100,
) -> dict[str, Any]:  # fmt: skip
    """Label `rows` paragraphs, `texts` over and over, with each engine and number of workers.

    Gives the `measured` of each run, the mean `words` of a paragraph and the `environment`. Raises DataError without texts.
    """
    if not texts:
        raise DataError("texts: expected paragraphs to label, found none")
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive.jsonl"
        with archive.open("w", encoding="utf-8") as stream:
            for number in range(rows):
                stream.write(json.dumps({"text": texts[number % len(texts)]}, ensure_ascii=False) + "\n")
        for engine in engines:
            for count in workers:
                settings = LabelSettings(shard_rows=shard_rows)

                def work(report: Callable[[Progress], None], output: Path = Path(folder) / f"{engine}-{count}") -> None:
                    label([archive], output, model=model, settings=settings, engine=engine, workers=count, report=report)  # noqa: B023

                runs.append({"engine": engine, "workers": count, **measured(work, count)})
    mean = sum(len(words(text)) for text in texts) / len(texts)
    return {"runs": runs, "rows": rows, "shard_rows": shard_rows, "words": mean, "environment": environment()}


def measured(
    work: Callable[[Callable[[Progress], None]], None], workers: int, *, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Run a job; `rate` is paragraphs a second once every worker has answered, `start_s` the seconds until then.

    The rate runs from the report after which all workers have given a shard to the last report. Raises DataError for a
    job with fewer than two shards a worker.
    """
    seen: list[tuple[float, int]] = []
    began = clock()
    work(lambda now: seen.append((clock() - began, now.done)))
    answers = seen[1:]  # the first report comes before the work
    if len(answers) < 2 * workers:
        raise DataError(f"rows: expected at least two shards a worker, found {len(answers)} for {workers}; give more rows")
    (start, before), (end, after) = answers[workers - 1], answers[-1]
    return {"rate": (after - before) / (end - start), "start_s": start}


def cost(rate: float, workers: int, paragraphs: float) -> float:
    """Core-hours that `paragraphs` need where `workers` cores do `rate` a second.

    >>> round(cost(200, 2, 1e6), 2)
    2.78
    """
    return workers * paragraphs / rate / 3600


def markdown(found: dict[str, Any], price: float | None = None) -> str:
    """The tables of docs/capacity.md; with `price`, money a core-hour, also what it costs."""
    head = ["engine", "processes", "paragraphs/s", "scaling", "core-hours a million", "core-hours a billion"]
    head += ["a billion on 64 cores", *([f"a billion at {price:g} a core-hour"] if price is not None else [])]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    alone = {run["engine"]: run["rate"] for run in found["runs"] if run["workers"] == 1}
    for run in found["runs"]:
        rate, workers = run["rate"], run["workers"]
        single = alone.get(run["engine"])
        million, billion = cost(rate, workers, 1e6), cost(rate, workers, 1e9)
        cells = [run["engine"], str(workers), f"{rate:,.1f}"]
        cells += [f"{100 * rate / single / workers:.0f} %" if single else "–", f"{million:,.2f}", f"{billion:,.0f}"]
        cells += [f"{billion / 64 / 24:,.1f} days", *([f"{billion * price:,.0f}"] if price is not None else [])]
        lines.append(f"| {' | '.join(cells)} |")
    machine = found["environment"]
    told = ", ".join(f"{key} {machine[key]}" for key in ("processor", "cores", "torch") if machine.get(key))
    lines += ["", f"{found['rows']:,} paragraphs of {found['words']:.0f} words on average; {told}."]
    starts = ", ".join(f"{run['engine']} {run['workers']}: {run['start_s']:.0f} s" for run in found["runs"])
    return "\n".join([*lines, f"Until every process has given its first {found['shard_rows']:,} paragraphs: {starts}."])
