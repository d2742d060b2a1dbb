"""Scores as Markdown tables, in percent: one system in full, several side by side, two compared.

Pure text out of numbers; this module knows nothing of documents or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ahdath.scores import Difference, Estimate, Interval, Score, Scores, Spread, aggregate

__all__ = ["comparison_markdown", "differences_markdown", "report_markdown"]

_COLUMNS: Mapping[str, str] = {
    "TI": "TI f1",
    "TC": "TC f1",
    "AI": "AI f1",
    "AC": "AC f1",
    "AI+": "AI+ f1",
    "AC+": "AC+ f1",
    "AC+ overlap": "AC+ overlap f1",
    "AC+ (gold triggers)": "gold triggers AC+ f1",
    "AC+ overlap (gold triggers)": "gold triggers AC+ overlap f1",
    "sentence types micro": "sentence types f1",
    "sentence types macro": "sentence types macro f1",
}
"""Headings of a comparison, and where their numbers stand in `Report.headline`."""


def comparison_markdown(systems: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Systems side by side: F1 in percent; of several runs (seeds) the median, and the range below it.

    `systems` gives every system its runs as flat dicts (`Report.headline()`, or "headline" in report.json).

    >>> print(comparison_markdown({"lexicon": [{"TC f1": 0.53}]}).splitlines()[2][:30])
    | lexicon | – | 53.0 | – | – |
    """
    spreads = {name: aggregate(runs) for name, runs in systems.items()}
    lines = []
    for name, numbers in spreads.items():
        runs = len(systems[name])
        label = name if runs == 1 else f"{name} ({runs} seeds)"
        lines.append([label, *(_cell(numbers.get(key)) for key in _COLUMNS.values())])
    note = "F1 in percent; – : not predicted, or nothing right."
    if any(len(runs) > 1 for runs in systems.values()):
        note += " Several seeds: median, and lowest–highest."
    return f"{_table(['system', *_COLUMNS], lines)}\n{note}\n"


def _cell(spread: Spread | None) -> str:
    if spread is None or spread.high == 0.0:
        return "–"
    value = _percent(spread.median)
    return value if spread.n == 1 else f"{value} ({_percent(spread.low)}–{_percent(spread.high)})"


def differences_markdown(differences: Mapping[str, Difference], a: str, b: str) -> str:
    """Two systems compared (`metrics.compare`): both F1, their difference in points, its interval, p."""
    rows = [
        [
            name,
            _percent(d.a),
            _percent(d.b),
            f"{100 * d.difference:+.1f}",
            _interval(d.interval),
            f"{d.p:.3f}",
        ]
        for name, d in differences.items()
    ]
    return _table(["measure", a, b, "difference", "95 % interval", "p"], rows)


def report_markdown(name: str, data: str, scores: Scores, gold_triggers: Scores | None) -> str:
    """One system in full; `gold_triggers` are its scores with gold triggers given."""
    alarms = scores.false_alarms
    parts = [
        f"# {name}" + (f" on {data}" if data else ""),
        f"{scores.paragraphs} paragraphs. Percent; exact spans unless said otherwise; 95 % intervals by "
        f"{scores.bootstrap} bootstrap samples of paragraphs (seed {scores.seed}).",
        _scores_table("measure", scores.measures, scores.macro),
    ]
    if gold_triggers is not None:
        arguments = {key: one for key, one in gold_triggers.measures.items() if key.startswith("A")}
        parts += [
            "## With gold triggers given",
            _scores_table("measure", arguments),
            _attributes(gold_triggers),
        ]
    parts += [
        "## Attributes of events found",
        _attributes(scores),
        "## Event types (TC)",
        _scores_table("type", scores.types),
        "## Roles (AC+)",
        _scores_table("role", scores.roles),
        "## Commonest confusions",
        _table(
            ["gold", "predicted", "n"],
            [[mine or "none", guess or "none", str(n)] for mine, guess, n in scores.confusion.commonest(20)],
        ),
        "## False alarms",
        f"{alarms.events} events in {alarms.paragraphs} paragraphs without any ({alarms.words} words): "
        f"{alarms.per_1000_words:.1f} per 1,000 words.",
        "## Calibration",
        _calibration(scores),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _scores_table(kind: str, scores: Mapping[str, Score], macro: Mapping[str, Estimate] | None = None) -> str:
    rows = [
        [
            name,
            str(one.gold),
            str(one.predicted),
            str(one.correct),
            _percent(one.precision),
            _percent(one.recall),
            _percent(one.f1),
            _interval(one.interval),
        ]
        for name, one in scores.items()
    ]
    for name, mean in (macro or {}).items():
        rows.append([f"{name}, macro", "", "", "", "", "", _percent(mean.value), _interval(mean.interval)])
    return _table([kind, "gold", "predicted", "correct", "P", "R", "F1", "interval"], rows)


def _attributes(scores: Scores) -> str:
    rows = []
    for name, attribute in scores.attributes.items():
        accuracy = attribute.accuracy
        rows.append([f"{name}, accuracy", str(attribute.n), _percent(accuracy.value), _interval(accuracy.interval)])
        for value, one in attribute.values.items():
            rows.append([f"{value}, F1", str(one.gold), _percent(one.f1), _interval(one.interval)])
    return _table(["attribute", "n", "percent", "interval"], rows)


def _calibration(scores: Scores) -> str:
    parts = []
    for name, one in scores.calibration.items():
        if one.ece is None:
            parts.append(f"No {name} to judge.")
            continue
        rows = [
            [f"{bin.low:.2f}–{bin.high:.2f}", str(bin.n), _percent(bin.score), _percent(bin.accuracy)]
            for bin in one.bins
        ]
        parts.append(f"Expected calibration error of {name} scores: {_percent(one.ece)} (n = {one.n}).")
        parts.append(_table(["score", "n", "mean score", "right"], rows))
    return "\n\n".join(parts)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _interval(interval: Interval | None) -> str:
    return f"{_percent(interval[0])}–{_percent(interval[1])}" if interval else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column left, the others right."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join([line(head), rule, *(line(row) for row in rows)]) + "\n"
