"""A worker: it has a model, is given shards, and leaves their files behind.

Every engine uses `Worker`. `main` is one in a process of its own: a line of JSON in for the job,
then a line a shard; a line out for each. It ends when its input ends, so none outlives the process that started it
by more than a shard. It computes in one thread, whatever the machine has, so results do not depend on how many
workers there are.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath import errors
from ahdath.bulk.inputs import Source
from ahdath.bulk.plan import Shard, ShardReader
from ahdath.bulk.reading import Place, Raw, Row, row_of
from ahdath.bulk.settings import LabelSettings
from ahdath.bulk.shards import write_manifest, write_shard
from ahdath.errors import AhdathError, DataError

if TYPE_CHECKING:
    from ahdath.inference import EventExtractor
    from ahdath.schema import Document

__all__ = ["ONE_THREAD", "Task", "Worker", "failure", "job_digest", "raised"]

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""The environment of a worker's process."""
_KEPT = 100_000  # characters of a bad row


@dataclass(frozen=True, slots=True)
class Task:
    """What all workers of a job know. `digest` names the job, `weights` the weights of `model`."""

    output: str
    digest: str
    model: str | None
    weights: str
    sources: tuple[Source, ...]
    settings: LabelSettings

    def to_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "settings": self.settings.to_dict()})

    @classmethod
    def from_json(cls, line: str) -> Task:
        """The task that `to_json` gave."""
        data = json.loads(line)
        sources = tuple(Source(**source) for source in data["sources"])
        return cls(**{**data, "sources": sources, "settings": LabelSettings.from_dict(data["settings"])})


class Worker:
    """Labels shards of one job. Raises what loading the model raises, and for unknown event types."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._output = Path(task.output)
        self._extractor = _loaded(task.model)
        self._reader = ShardReader(task.sources, task.settings)
        self._order = {source.name: number for number, source in enumerate(task.sources)}
        next(self._extractor.classify_many([], **task.settings.question()), None)  # refuses what cannot be asked

    def label(self, shard: Shard) -> dict[str, Any]:
        """Write the files of a shard; its manifest without the list of bad rows.

        Raises SourceChanged, and DataError when the folder has been given to another job in the meantime.
        """
        rows: list[Row] = []
        bad: list[dict[str, Any]] = []
        for source, raw in self._reader.rows(shard):
            try:
                rows.append(row_of(raw, source, self._task.settings))
            except DataError as error:
                bad.append(_bad(source.name, raw, str(error)))
        rows, documents = self._read(rows, bad)
        bad.sort(key=lambda one: (self._order[one["file"]], one["line"]))
        if job_digest(self._output) != self._task.digest:
            raise DataError(f"{self._output}: expected the job that this worker is of, found another one")
        events = write_shard(self._output, shard.number, rows, documents, self._task.weights)
        told = {"shard": shard.number, "rows": shard.rows, "documents": len(rows), "events": events, "bad": len(bad)}
        write_manifest(self._output, shard.number, {**told, "job": self._task.digest, "errors": bad})
        return told

    def _read(self, rows: list[Row], bad: list[dict[str, Any]]) -> tuple[list[Row], list[Document]]:
        """Rows and their documents; what the model cannot read goes to the bad ones, and costs nothing else."""
        question = self._task.settings.question()
        try:
            return rows, list(self._extractor.classify_many([row.text for row in rows], **question))
        except Exception as error:  # one text of a week's work must not end it: find it, and keep it
            good, documents, last = [], [], error
            for row in rows:
                try:
                    documents += list(self._extractor.classify_many([row.text], **question))
                    good.append(row)
                except Exception as reason:
                    last = reason
                    problem = f"the model cannot read it: {type(reason).__name__}: {reason}"
                    bad.append(_bad(row.file, Raw(row.row, row.text, row.start), problem))
            if not good and not isinstance(last, AhdathError):  # it is not the texts
                raise last from error
            return good, documents


def _loaded(model: str | None) -> EventExtractor:
    from ahdath.inference import EventExtractor

    extractor = EventExtractor.from_pretrained(model)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    return extractor


def _bad(file: str, raw: Raw, problem: str) -> dict[str, Any]:
    content = raw.content
    if isinstance(content, bytes):
        content = content[: 4 * _KEPT].decode("utf-8", "backslashreplace").rstrip("\r\n")
    elif not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, default=str)  # Parquet has dates, UUIDs, bytes
    return {"file": file, "line": raw.row, "problem": problem, "content": content[:_KEPT]}


def job_digest(output: Path) -> str | None:
    """The digest of the job that a folder holds; None where there is none."""
    try:
        found = json.loads((output / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    digest: str | None = found.get("digest")
    return digest


def failure(error: AhdathError) -> dict[str, Any]:
    """An error of a worker as it is told to another process; `raised` makes it one again."""
    kind = next(c.__name__ for c in type(error).__mro__ if c.__module__ == errors.__name__)
    return {"failed": str(error), "kind": kind}


def raised(told: dict[str, Any]) -> AhdathError | None:
    """The error of a worker as it is told to the process that started it; None for a finished shard."""
    if "failed" not in told:
        return None
    kind = getattr(errors, str(told["kind"]), AhdathError)
    return kind(told["failed"]) if issubclass(kind, AhdathError) else AhdathError(told["failed"])


# ---------------------------------------------------------------------- a process of its own


def serve(lines: Iterator[str], answer: Any) -> None:
    """The job and then shards as lines in, an answer for each: `{}` once the model is there, then manifests.

    What the library refuses is answered as `{"failed", "kind"}` and ends it.
    """
    try:
        worker = Worker(Task.from_json(next(lines)))
        answer({})
        for line in lines:
            number, source, place, rows = json.loads(line)
            answer(worker.label(Shard(number, source, Place(*place), rows)))
    except AhdathError as error:
        answer(failure(error))


def main() -> None:
    """Serve stdin and stdout; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(told: dict[str, Any]) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    with suppress(BrokenPipeError, KeyboardInterrupt):  # who started us is gone
        serve(iter(sys.stdin.readline, ""), answer)
