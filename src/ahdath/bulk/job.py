"""A labelling job from beginning to end: plan it, or go on with it; run an engine; gather what came of it.

    job.json      what was asked: inputs with fingerprints, model, settings. Its digest names the job
    plan.jsonl    where each shard begins
    documents/ events/ manifests/    a file a shard, see `shards`
    errors.jsonl  the bad rows of all shards     } written at the end;
    summary.json  counts                         } summary.json is there when all is done

A shard counts when its manifest is there; a run does the shards that do not count yet. That is all there is to
going on after a kill.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ahdath
from ahdath.bulk.inputs import STDIN, Source, find_sources, fingerprinted, keep_stdin
from ahdath.bulk.local import cores, run_local
from ahdath.bulk.plan import Problem, Shard, cut, read_plan, write_plan
from ahdath.bulk.ray import run_ray
from ahdath.bulk.settings import LabelSettings
from ahdath.bulk.shards import FOLDERS, finished, manifest, replace_file
from ahdath.bulk.version import ModelVersion, check_types, model_version, resolved
from ahdath.bulk.worker import Task
from ahdath.errors import ConfigError, DataError
from ahdath.formats.records import json_line

__all__ = ["ENGINES", "Progress", "Summary", "label"]

ENGINES = ("local", "ray")
_JOB, _PLAN, _ERRORS, _SUMMARY, _LOCK = "job.json", "plan.jsonl", "errors.jsonl", "summary.json", "job.lock"
_OURS = {_JOB, _PLAN, _ERRORS, _SUMMARY, _LOCK, STDIN, f"{STDIN}.tmp", *FOLDERS}


class Progress(NamedTuple):
    """How far a job is, in rows of the inputs: done, of those by earlier runs, in all, and bad ones of this run."""

    done: int
    earlier: int
    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job has given. `bad` counts rows that are in errors.jsonl in place of the results, and unreadable files."""

    documents: int
    events: int
    bad: int
    shards: int
    shards_of_earlier_runs: int = 0
    passed_over: tuple[str, ...] = ()


def label(
    inputs: Sequence[str | PathLike[str]], output: str | PathLike[str], *, model: str | PathLike[str] | None = None,
    settings: LabelSettings | None = None, engine: str = "local", workers: int | None = None, restart: bool = False,
    stdin: BinaryIO | None = None, report: Callable[[Progress], None] | None = None,
) -> Summary:  # fmt: skip
    """Label files of any number and size; run it again after a break and it goes on.

    Every row of the inputs ends up exactly once: as a document in the folder `output`, or in its errors.jsonl.

    Args:
        inputs: files, folders, or `-` for `stdin`.
        output: a folder, new or of the same job.
        model: folder or hub name; None: the embedded default.
        engine: `local` (processes of this machine) or `ray`.
        workers: processes or actors, of one thread each; None: one for every core. Results do not depend on it.
        restart: throw away what `output` holds of an earlier job.
        report: called whenever a shard is finished.

    Raises:
        DataError: an input that is missing or has changed; an output folder that holds something else.
        ConfigError: a setting that cannot be, or is not that of the job in `output`. ModelError: no such model.
        OntologyError: an event type that the model does not know.

    >>> from ahdath.bulk import LabelSettings, label                                             # doctest: +SKIP
    >>> label(["أرشيف.jsonl"], "labelled", settings=LabelSettings(text_column="نص")).documents    # doctest: +SKIP
    84210
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine: expected one of {', '.join(ENGINES)}, found {engine!r}")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers: expected 1 or more, found {workers}")
    if isinstance(inputs, str | bytes | PathLike):
        raise ConfigError(f"inputs: expected a list of files, found {inputs!r}; write [{inputs!r}]")
    asked, place = settings or LabelSettings(), Path(output)
    sources, passed_over = find_sources([str(name) for name in inputs], place, asked)
    version = model_version(None if model is None else str(model))
    if asked.types is not None:  # a job that cannot run would stand in the way of the one that can
        check_types(None if model is None else str(model), asked.types)
    _claim(place)
    with _locked(place):
        if restart or not (place / _JOB).exists():
            _clear(place)
        _sweep(place)
        job = _job(place, sources, version, asked, stdin)
        taken = tuple(Source(**told, path=one.path) for told, one in zip(job["inputs"], sources, strict=True))
        name = resolved(None if model is None else str(model))
        task = Task(str(place.resolve()), job["digest"], name, version.weights, taken, asked)
        earlier = _run(task, place, job, engine, workers, report)
        return _finish(place, job, earlier, passed_over)


# ---------------------------------------------------------------------- the folder


def _claim(output: Path) -> None:
    """Make the folder, or make sure that it is one of ours."""
    output.mkdir(parents=True, exist_ok=True)
    if (output / _JOB).exists():
        return
    inner = [path for folder in FOLDERS if (output / folder).is_dir() for path in (output / folder).iterdir()]
    foreign = [path for path in output.iterdir() if path.name not in _OURS and not path.name.endswith(".tmp")]
    foreign += [path for path in inner if "part-" not in path.name]
    if foreign:
        names = ", ".join(sorted(path.name for path in foreign)[:5])
        raise DataError(f"{output}: expected an empty folder or that of a job, found {names}; name another")


def _clear(output: Path) -> None:
    """Throw away the job of a folder, its name first, so that a worker that is still at it writes nothing more."""
    for name in (_JOB, _PLAN, _ERRORS, _SUMMARY, STDIN):
        (output / name).unlink(missing_ok=True)
    for folder in FOLDERS:
        (output / folder).mkdir(exist_ok=True)
        for path in (output / folder).iterdir():
            if "part-" in path.name:
                path.unlink()


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """One run at a time; the system lets go of the lock when a run ends, however it ends."""
    with (output / _LOCK).open("a") as stream:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataError(f"{output}: expected no other run at work in it, found one; wait for it or stop it") from error
        yield


# ---------------------------------------------------------------------- what was asked


def _job(
    output: Path, sources: Sequence[Source], version: ModelVersion, settings: LabelSettings, stdin: BinaryIO | None
) -> dict[str, Any]:
    """The job of the folder, checked against what is asked now; or a new one, planned."""
    before = _read_job(output)
    known = [Source(**told, path="") for told in before["inputs"]] if before else []
    if any(source.name == "-" for source in sources):
        if stdin is None:
            raise DataError("-: expected a stream to read as stdin, found none; pass stdin=")
        keep_stdin(stdin, output, next((source.sha256 for source in known if source.name == "-"), None))
    now = list(fingerprinted(sources, known))
    asked = {
        "ahdath": ahdath.__version__,
        "model": version._asdict(),
        "settings": settings.to_dict(),
        "inputs": [source.identity() for source in now],
    }
    if before:
        _same(output, before, asked)
    job: dict[str, Any] = {**asked, "digest": _digest(asked), "inputs": [source.record() for source in now]}
    if before:
        job.update({key: before[key] for key in ("shards", "rows", "problems")})
    else:
        problems: list[Problem] = []
        count, rows = write_plan(output / _PLAN, cut(now, settings, problems))
        job.update({"shards": count, "rows": rows, "problems": [list(problem) for problem in problems]})
    replace_file(output / _JOB, iter([json_line(job)]))
    return job


def _read_job(output: Path) -> dict[str, Any] | None:
    try:
        job: dict[str, Any] = json.loads((output / _JOB).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{output / _JOB}: expected the job of an earlier run, found a damaged file; say --restart") from error
    return job


def _digest(asked: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _same(output: Path, before: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raises ConfigError with all that differs from the job of the folder, DataError if only inputs do."""
    kept = {key: before[key] for key in ("ahdath", "model", "settings")}
    told = [
        f"{key}: began with {old}, now {new}"
        for key, old, new in _differences(kept, {key: asked[key] for key in kept})
    ]
    files = {told["name"]: Source(**told, path="").identity() for told in before["inputs"]}
    present = {source["name"]: source for source in asked["inputs"]}
    gone, fresh = sorted(files.keys() - present.keys()), sorted(present.keys() - files.keys())
    changed = [name for name in files if name in present and files[name] != present[name]]
    inputs = [f"{name}: {what}" for what, names in (("is an input no more", gone), ("was no input", fresh),
                                                     ("has changed", changed)) for name in names[:10]]  # fmt: skip
    if not inputs and list(files) != list(present):
        inputs = ["inputs: the same, in another order"]
    if told or inputs:
        message = "\n".join([
            f"{output}: expected the inputs, model and settings that the job in it began with, found others:", *told, *inputs,
            "Give the same again, choose another --output, or say --restart, which throws away what is there",
        ])  # fmt: skip
        raise ConfigError(message) if told else DataError(message)


def _differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif old != new:
        yield key, old, new


# ---------------------------------------------------------------------- the work


def _run(
    task: Task, output: Path, job: dict[str, Any], engine: str, workers: int | None,
    report: Callable[[Progress], None] | None,
) -> int:  # fmt: skip
    """Do the shards that are not done; how many were."""
    counted = {number for number in finished(output) if _counts(output, number, job["digest"])}
    left = job["shards"] - len(counted)
    earlier = done = sum(shard.rows for shard in read_plan(output / _PLAN) if shard.number in counted) if counted else 0
    bad = 0
    if report is not None:
        report(Progress(done, earlier, job["rows"], bad))
    if not left:
        return len(counted)
    pending: Iterable[Shard] = (shard for shard in read_plan(output / _PLAN) if shard.number not in counted)
    if engine == "ray":
        finishing = run_ray(task, list(pending), workers=workers)
    else:
        finishing = run_local(task, pending, workers=min(workers or cores(), left))
    for told in finishing:
        done, bad = done + told["rows"], bad + told["bad"]
        if report is not None:
            report(Progress(done, earlier, job["rows"], bad))
    return len(counted)


def _sweep(output: Path) -> None:
    """Remove what a killed run was writing."""
    for folder in (output, *(output / name for name in FOLDERS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def _counts(output: Path, number: int, digest: str) -> bool:
    try:
        return bool(manifest(output, number)["job"] == digest)
    except (ValueError, KeyError, TypeError):  # damaged: the shard is done again
        return False


def _finish(output: Path, job: dict[str, Any], earlier: int, passed_over: Sequence[str]) -> Summary:
    """Gather the bad rows and the counts; drop stdin, which is not needed any more."""
    counts = {"documents": 0, "events": 0, "bad": len(job["problems"])}

    def lines() -> Iterator[str]:
        for file, problem in job["problems"]:
            yield json_line({"file": file, "line": None, "problem": problem, "content": None})
        for number in range(job["shards"]):
            told = manifest(output, number)
            for key in counts:
                counts[key] += told[key]
            yield from (json_line(error) for error in told["errors"])

    replace_file(output / _ERRORS, lines())
    summary = {**counts, "shards": job["shards"]}
    replace_file(output / _SUMMARY, iter([json_line(summary)]))
    (output / STDIN).unlink(missing_ok=True)
    return Summary(**summary, shards_of_earlier_runs=earlier, passed_over=tuple(passed_over))
