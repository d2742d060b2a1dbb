"""Findings for the terminal: how many of each kind, then the strongest of each with its context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ahdath.audit.findings import Finding, Place

__all__ = ["report"]


def report(findings: Sequence[Finding], top: int = 20) -> str:
    """Findings in the order given, which `audit` ranks, at most `top` of a kind; told how many are left out.

    >>> print(report([Finding("span-edge", Place("1", 0, 2, "⟦حلب،⟧ أمس"), "Place 'حلب،' ends with '،'")]))
    1 finding
      span-edge                   1
    <BLANKLINE>
    span-edge (1)
      1:0-2  Place 'حلب،' ends with '،'
        ⟦حلب،⟧ أمس
    """
    kinds = {kind: list(group) for kind, group in groupby(sorted(findings, key=_kind), key=_kind)}
    lines = [f"{len(findings)} finding{'s' * (len(findings) != 1)}"]
    lines += [f"  {kind:<22}{len(group):>7}" for kind, group in kinds.items()]
    for kind, group in kinds.items():
        lines += ["", f"{kind} ({len(group)})"]
        for finding in group[:top]:
            lines += _told(finding)
        if len(group) > top:
            lines.append(f"  … and {len(group) - top} more (--top, --format jsonl)")
    return "\n".join(lines)


def _kind(finding: Finding) -> str:
    return finding.kind


def _told(finding: Finding) -> Iterator[str]:
    at = finding.place
    yield f"  {at.document}:{at.start}-{at.end}  {finding.message}"
    yield f"    {at.context}"
    if finding.other is not None:
        yield f"    {_named(finding.other)}"


def _named(place: Place) -> str:
    return f"{place.document}:{place.start}-{place.end}  {place.context}"
