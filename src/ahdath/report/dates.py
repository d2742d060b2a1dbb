"""Events by type and month, of documents whose `meta` has a `date`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ahdath.schema import Document

__all__ = ["Timeline", "timeline"]

_MONTHS_AT_MOST = 36  # a longer time is counted by years


@dataclass(frozen=True, slots=True)
class Timeline:
    """Counts by (period, type) of `gold` and `predicted` events. Periods are months or years, without gaps.

    `dated` documents count; `undated` have no date, and `unread` one that is not ISO 8601.
    """

    periods: tuple[str, ...]
    gold: Counter[tuple[str, str]]
    predicted: Counter[tuple[str, str]]
    dated: int
    undated: int
    unread: int

    def types(self) -> list[str]:
        """The types that occur, those of most predicted events first."""
        totals: Counter[str] = Counter()
        for (_, kind), n in self.predicted.items():
            totals[kind] += n
        rare = dict.fromkeys(kind for _, kind in sorted(self.gold))
        return [kind for kind, _ in sorted(totals.items(), key=lambda row: (-row[1], row[0]))] + [
            kind for kind in rare if kind not in totals
        ]


def timeline(pairs: Iterable[tuple[Document, Document]]) -> Timeline:
    """The counts of (gold, predicted) documents; the date is that of the gold document, or else of the predicted one.

    A date is text in ISO 8601, `2024-05`, `2024-05-17` or with a time behind it.
    """
    rows: list[tuple[str, Document, Document]] = []
    undated = unread = 0
    for gold, predicted in pairs:
        given = gold.meta.get("date")
        if given is None:  # not there, or null, as files have it in which only some documents have a date
            given = predicted.meta.get("date")
        month = _month(given)
        if month is not None:
            rows.append((month, gold, predicted))
        elif given is None:
            undated += 1
        else:
            unread += 1
    periods = _between([month for month, *_ in rows])
    if len(periods) > _MONTHS_AT_MOST:
        rows = [(month[:4], *sides) for month, *sides in rows]  # type: ignore[misc]
        periods = [str(year) for year in range(int(periods[0][:4]), int(periods[-1][:4]) + 1)]
    gold_counts = Counter((period, event.type) for period, gold, _ in rows for event in gold.events)
    predicted_counts = Counter((period, event.type) for period, _, predicted in rows for event in predicted.events)
    return Timeline(tuple(periods), gold_counts, predicted_counts, len(rows), undated, unread)


def _month(value: object) -> str | None:
    """`2024-05` of a date; None where there is none to read."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        # Python 3.10 reads no `Z`, and no month without a day.
        day = (
            date.fromisoformat(f"{text}-01") if len(text) == 7 else datetime.fromisoformat(text.replace("Z", "+00:00"))
        )
    except ValueError:
        return None
    return f"{day.year:04}-{day.month:02}"


def _between(months: Sequence[str]) -> list[str]:
    """All months from the first to the last."""
    if not months:
        return []
    first, last = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (min(months), max(months)))
    return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(first, last + 1)]
