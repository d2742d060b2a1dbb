"""Files, folders and stdin -> the sources of a job, each with a fingerprint that shows when it has changed.

A source is named as the user gave it (in a folder: with its path below); the name stands in every row of the results.
Stdin cannot be read a second time, so it is kept in the output folder until the job is done.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ahdath.bulk.settings import LabelSettings
from ahdath.errors import ConfigError, DataError

__all__ = ["STDIN", "Source", "file_digest", "find_sources", "fingerprinted", "keep_stdin"]

STDIN = "stdin.kept"
"""The file in the output folder that holds stdin while the job runs."""
_ENDINGS = {
    ".txt": "txt", ".text": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv",
    ".parquet": "parquet",
}  # fmt: skip
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A file to label. `name` is how results call it, `path` where it lies; the rest shows whether it changed."""

    name: str
    path: str
    format: str
    bytes: int = 0
    mtime_ns: int = 0
    sha256: str = ""

    def identity(self) -> dict[str, Any]:
        """What must be the same when a job goes on."""
        return {"name": self.name, "format": self.format, "bytes": self.bytes, "sha256": self.sha256}

    def record(self) -> dict[str, Any]:
        """What a job remembers of it: the identity, and when the file was changed."""
        return {**self.identity(), "mtime_ns": self.mtime_ns}


def find_sources(names: Sequence[str], output: Path, settings: LabelSettings) -> tuple[list[Source], list[str]]:
    """The sources behind `names` (files, folders, `-` for stdin) in order, and files of folders that are passed over.

    A folder stands for all files below it with a known ending, by name, but hidden files and folders (`.git`); `output` is never read.

    Raises:
        DataError: a name that is not there, a folder that cannot be read, a pipe, or a file that is named twice.
        ConfigError: a file whose ending says no format.
    """
    if not names:
        raise ConfigError("inputs: expected files, folders or - for stdin, found none")
    found: list[Source] = []
    passed_over: list[str] = []
    for name in names:
        if name == "-":
            found.append(Source("-", str((output / STDIN).resolve()), settings.format or "txt"))
        elif not Path(name).exists():
            raise DataError(f"{name}: expected a file or folder, found none; check the path")
        elif Path(name).is_dir():
            for path in _below(Path(name), output):
                kind = settings.format or _ENDINGS.get(path.suffix.lower())
                if kind is None:
                    passed_over.append(path.as_posix())
                else:
                    _check_file(path)
                    found.append(_source(path, kind))
        else:
            _check_file(Path(name))
            kind = settings.format or _ENDINGS.get(Path(name).suffix.lower())
            if kind is None:
                raise ConfigError(f"{name}: expected a name that ends in {', '.join(_ENDINGS)}; say --format")
            found.append(_source(Path(name), kind))
    places: dict[str, str] = {}
    for source in found:
        if source.path in places:
            raise DataError(f"{source.name}: expected every input once, found it as {places[source.path]} too")
        places[source.path] = source.name
    return found, passed_over


def _below(folder: Path, output: Path) -> Iterator[Path]:
    """Files by name, none that is hidden. Links are followed; a folder that several ways lead to is read once, so a loop ends."""
    seen = {output.resolve(), folder.resolve()}
    for place, folders, files in os.walk(folder, onerror=_unreadable, followlinks=True):
        fresh = []
        for name in sorted(folders):
            real = (Path(place) / name).resolve()
            if real not in seen and not name.startswith("."):
                seen.add(real)
                fresh.append(name)
        folders[:] = fresh
        yield from (Path(place) / name for name in sorted(files) if not name.startswith("."))


def _unreadable(error: OSError) -> NoReturn:
    raise DataError(
        f"{error.filename}: expected a folder that can be read, found: {error.strerror or error}; "
        "let this user read it, or name the inputs without it"
    ) from error


def _check_file(path: Path) -> None:
    """Inputs are read twice, to plan and to label, which a pipe does not stand."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        found = "a link to nothing" if path.is_symlink() and isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{path.as_posix()}: expected a file, found: {found}; check the path") from error
    if not stat.S_ISREG(mode):
        found = "a pipe" if stat.S_ISFIFO(mode) else "a socket or device"
        raise DataError(f"{path.as_posix()}: expected a file, found {found}; pipe it in as -")


def _source(path: Path, kind: str) -> Source:
    name = path.as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{name!r}: expected a file name in UTF-8; rename the file") from error
    return Source(name, str(path.resolve()), kind)


def fingerprinted(sources: Sequence[Source], known: Sequence[Source] = ()) -> Iterator[Source]:
    """The sources with size, time of change and SHA-256.

    A file whose size and time are those of its namesake in `known` is taken to be the same, as make and git do.
    """
    before = {source.name: source for source in known}
    for source in sources:
        status = os.stat(source.path)
        old = before.get(source.name)
        same = old is not None and (old.bytes, old.mtime_ns) == (status.st_size, status.st_mtime_ns)
        digest = old.sha256 if same and old is not None else file_digest(source.path)
        yield replace(source, bytes=status.st_size, mtime_ns=status.st_mtime_ns, sha256=digest)


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file of any size, in hexadecimal digits."""
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(_PIECE):
            total.update(piece)
    return total.hexdigest()


def keep_stdin(stream: BinaryIO, output: Path, expected: str | None) -> None:
    """Copy stdin into the output folder.

    `expected` is the digest of what an earlier run was given. Raises DataError when this is another text.
    """
    fresh = output / f"{STDIN}.tmp"
    total = hashlib.sha256()
    with fresh.open("wb") as target:
        while piece := stream.read(_PIECE):
            total.update(piece)
            target.write(piece)
    if expected is not None and total.hexdigest() != expected:
        fresh.unlink()
        raise DataError(
            f"stdin: expected what the job in {output} began with (sha256 {expected[:16]}…), found another text; pipe the "
            "same in, choose another --output, or say --restart"
        )
    os.replace(fresh, output / STDIN)
