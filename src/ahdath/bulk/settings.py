"""What a labelling job is asked: how inputs are read, what the model is asked, how results are cut into files.

Results depend on these settings and on nothing else beside the inputs and the model; how many processes or machines do
the work is not among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ahdath.checks import is_number
from ahdath.errors import ConfigError, did_you_mean, shown

__all__ = ["FORMATS", "LabelSettings"]

FORMATS = ("txt", "jsonl", "csv", "parquet")
"""How inputs may be laid out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSettings:
    """How to read the inputs and what to ask of the model.

    Args:
        format: one of FORMATS for all inputs; None: by the ending of each file, `txt` for stdin.
        text_column: key or column that holds the text (JSON lines, CSV, Parquet).
        id_column: key or column that holds the id; None: `id` where a row has one, else `FILE#ROW`.
        delimiter: between the fields of CSV; None: a tab for `.tsv`, else a comma.
        whole_files: a text file is one document, not one a paragraph.
        shard_rows: rows of an output file; the unit of work that a kill can cost.
        batch_size, threshold, types, sentences_only: as `EventExtractor.classify_many` has them.

    Raises ConfigError for a value that cannot be.

    >>> LabelSettings(text_column="نص", threshold=0.6).shard_rows
    1000
    """

    format: str | None = None
    text_column: str = "text"
    id_column: str | None = None
    delimiter: str | None = None
    whole_files: bool = False
    shard_rows: int = 1000
    batch_size: int = 16
    threshold: float | None = None
    types: tuple[str, ...] | None = None
    sentences_only: bool = False

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            near = did_you_mean(self.format, FORMATS)
            raise ConfigError(f"format: expected one of {', '.join(FORMATS)}, found {shown(self.format)}{near}")
        for name in ("shard_rows", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{name}: expected a whole number from 1, found {shown(value)}")
        if not self.text_column or self.id_column == "":
            raise ConfigError("text_column, id_column: expected a name, found an empty one")
        if self.delimiter is not None and (
            not isinstance(self.delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '\r\n"'
        ):
            raise ConfigError(f"delimiter: expected one character, found {shown(self.delimiter)}")
        if self.threshold is not None and not (is_number(self.threshold) and 0 <= self.threshold <= 1):
            raise ConfigError(f"threshold: expected a probability between 0 and 1, found {shown(self.threshold)}")
        if isinstance(self.types, str):
            raise ConfigError(f"types: expected a tuple of event types, found the string {self.types!r}")
        if self.types is not None and not isinstance(self.types, Iterable):
            raise ConfigError(f"types: expected a tuple of event types, found {shown(self.types)}")
        if self.types is not None:
            object.__setattr__(self, "types", tuple(self.types))

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain values."""
        return {**asdict(self), "types": None if self.types is None else list(self.types)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LabelSettings:
        """The settings that `to_dict` gave."""
        return cls(**{**data, "types": None if data["types"] is None else tuple(data["types"])})

    def question(self) -> dict[str, Any]:
        """The options for `EventExtractor.classify_many`."""
        return {
            "batch_size": self.batch_size,
            "threshold": self.threshold,
            "types": self.types,
            "sentences_only": self.sentences_only,
        }
