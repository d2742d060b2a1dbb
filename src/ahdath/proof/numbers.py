"""The file of measurements beside a page of docs: JSON by section, written whole, read again before every change.

What is in it is not measured again, so a measurement that was broken off goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ahdath.errors import DataError
from ahdath.textfiles import write_whole

__all__ = ["read_numbers", "write_numbers"]


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
