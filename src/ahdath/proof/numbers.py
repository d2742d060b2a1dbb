"""The file of measurements beside a page of docs: JSON by section, written whole, read again before every change.

What is in it is not measured again, so a measurement that was broken off goes on: `Points` are those of one section, all
measured alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ahdath.errors import ConfigError, DataError, shown
from ahdath.textfiles import write_whole

__all__ = ["Points", "fingerprint", "read_numbers", "write_numbers"]


def read_numbers(file: Path) -> dict[str, Any]:
    """What the file holds, by section; nothing where there is no file. Raises DataError for a damaged one."""
    if not file.exists():
        return {}
    try:
        numbers = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: expected JSON, found {error}; take it from version control again") from error
    if not isinstance(numbers, dict):
        raise DataError(f"{file}: expected an object of measurements by name, found {type(numbers).__name__}")
    return numbers


def write_numbers(file: Path, numbers: Mapping[str, Any]) -> None:
    """Write the file whole: a kill leaves the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Points:
    """Measured points of a file by their names, and what they must have in common.

    They stand in `section` of the file, or deeper (`("ner", "half-hour")`), with the `stamp` beside them: digests of data and
    weights, and the settings that all of them were measured with.
    """

    file: Path
    section: tuple[str, ...]
    stamp: Mapping[str, Any]

    def there(self) -> dict[str, Any]:
        """The points that are in the file; where there is none yet, a place is made for them.

        Raises ConfigError where they were measured on other data, from other weights or with other settings; a setting that was
        not known then is not counted.
        """
        numbers, found = self._read()
        before, now = found["stamp"], json.loads(json.dumps(self.stamp))
        odd = [f"{key} {shown(before[key])}, now {shown(now[key])}" for key in now if before.get(key, now[key]) != now[key]]
        if odd:
            raise ConfigError(
                f"{self.file}: expected points of {' · '.join(self.section)!r} that were measured alike, found others "
                f"({'; '.join(odd)}): take them out of the file, or name another"
            )
        write_numbers(self.file, numbers)
        points: dict[str, Any] = found["points"]
        return points

    def keep(self, name: str, point: Mapping[str, Any]) -> None:
        """Write a point into the file, at once and whole; it is read again, as another process may measure another section."""
        numbers, found = self._read()
        found["points"][name] = point
        write_numbers(self.file, numbers)

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """All numbers of the file, and our section of them."""
        numbers = found = read_numbers(self.file)
        for name in self.section:
            found = found.setdefault(name, {})
        found.setdefault("stamp", json.loads(json.dumps(self.stamp)))
        found.setdefault("points", {})
        return numbers, found


def fingerprint(paths: Sequence[Path]) -> str:
    """A short SHA-256 of what the files hold, one after the other. Raises DataError for a file that cannot be read."""
    told = hashlib.sha256()
    for path in paths:
        try:
            told.update(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: expected a readable file, found: {error.strerror or error}; check the folder") from error
    return told.hexdigest()[:12]
