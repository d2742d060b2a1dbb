"""What `proof.speedrun` measured -> the tables of docs/speed.md and its plot. Pure: numbers in, text out.

`SECTIONS` names what can be measured; a section that is missing says so. Rates are medians over rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from ahdath.proof.pages import fill
from ahdath.proof.roofline import DTYPES

__all__ = ["SECTIONS", "machine", "plot", "rate", "section", "share", "targets", "write"]

_KINDS = ("60", "test", "mix", "single", "starts")
SECTIONS = (*(f"embedded-{kind}" for kind in _KINDS), "length", "accuracy", *(f"large-{kind}" for kind in _KINDS[1:]))
"""The sections of docs/speed.json, in the order in which they are measured."""

Found = Mapping[str, Any]
_MISSING = "Not measured yet."
_FLOATS = DTYPES[:2]
_PEERS = {"one token pass": ("token",), "token and text pass": ("token", "text"), "a pass a trigger": ("token", "argument")}


def machine(environment: Mapping[str, Any]) -> dict[str, Any]:
    """An environment with the version of ONNX Runtime in it."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "not installed"
    return {**environment, "onnxruntime": runtime}


# ---------------------------------------------------------------------- numbers of a contest


def rate(found: Found, *names: str, of: str = "paragraphs") -> float:
    """Paragraphs (words, flops …) a second of a contender; of several, one after the other over the same texts.

    The median over the rounds that all of them took part in.

    >>> found = {"seconds": {"token": [1.0, 2.0], "text": [1.0, 3.0]}, "paragraphs": [10]}
    >>> rate(found, "token"), rate(found, "token", "text")
    (7.5, 3.5)
    """
    runs = zip(*(found["seconds"][name] for name in names), strict=False)
    return float(median(found[of][number % len(found[of])] / sum(taken) for number, taken in enumerate(runs)))


def share(found: Found, dtype: str, what: str = "ours") -> tuple[float, float, float]:
    """Operations a second of a dtype's encoder pass, the rate of its matrix products, and the former's share of it.

    what: "ours", the whole way from text to events; "encoder", the network alone.
    """
    reached = rate(found, f"{what}, {dtype}", of="flops")
    limit = found["products_flops"] / median(found["seconds"][f"products, {dtype}"])
    return reached, limit, reached / limit


def _peer(found: Found, way: str, dtype: str, label: str) -> float:
    """Paragraphs a second of a way of reading with pipelines."""
    return rate(found, *(f"{task}, {dtype}, {label}" for task in _PEERS[way]))


def _fastest(found: Found, way: str, dtypes: Sequence[str]) -> float:
    return max(_peer(found, way, dtype, "best") for dtype in dtypes)


# ---------------------------------------------------------------------- tables


def section(name: str, found: Found | None) -> str:
    """The tables of a section from its numbers."""
    if found is None:
        return _MISSING
    kind = name.rpartition("-")[2]
    makers = {"single": _single, "starts": _starts, "length": _length, "accuracy": _accuracy}
    return f"{makers.get(kind, _contest)(found)}\n\n{_where(found)}"


def _where(found: Found) -> str:
    taken, told = found["taken"], found["taken"]["environment"]
    names = ("processor", "cores", "threads", "system", "python", "torch", "transformers", "onnxruntime")
    listed = ", ".join(f"{name} {told[name]}" for name in names if name in told)
    return f"Measured in {taken['seconds']:.0f} s on: {listed}. Weights `{found['model']}`."


def _contest(found: Found) -> str:
    rows = [_row(found, "**ours**", dtype, "", [f"ours, {dtype}"]) for dtype in reversed(DTYPES)]
    for way, tasks in _PEERS.items():
        for dtype in _FLOATS:
            for label in ("batch 1", "best") if "argument" not in tasks else ("best",):
                settings = dict.fromkeys(found["settings"][f"{'token' if t == 'argument' else t}, {dtype}"] for t in tasks)
                how = label if label != "best" else f"best: {' / '.join(settings)}"
                rows.append(_row(found, way, dtype, how, [f"{task}, {dtype}, {label}" for task in tasks]))
    head = ["way of reading", "computes in", "batches", "paragraphs/s", "words/s", "int8 is … times as fast", "rounds"]
    return "\n\n".join([_table(head, rows), _read(found), _roofline(found), _grid(found)])


def _row(found: Found, way: str, dtype: str, batches: str, names: Sequence[str]) -> list[str]:
    paragraphs, fastest = rate(found, *names), rate(found, "ours, int8")
    rounds = min(len(found["seconds"][name]) for name in names)
    told = [f"{paragraphs:,.1f}", f"{rate(found, *names, of='words'):,.0f}", f"{fastest / paragraphs:.1f}"]
    return [way, dtype, batches, *told, str(rounds)]


def _read(found: Found) -> str:
    count = sum(found["paragraphs"])
    a, b, c, d = (sum(found[name]) / count for name in ("words", "pieces", "peer_pieces", "events"))
    rounds = f"{len(found['paragraphs'])} different ones" if len(found["paragraphs"]) > 1 else "the same in each"
    return (
        f"A round is {count / len(found['paragraphs']):.0f} paragraphs, {rounds}; on average {a:.1f} words, {b:.1f} pieces for "
        f"ours, {c:.1f} for the pipelines, {d:.1f} events."
    )


def _roofline(found: Found) -> str:
    rows = []
    for dtype in reversed(DTYPES):
        whole, limit, part = share(found, dtype)
        alone, _, inner = share(found, dtype, "encoder")
        rows.append([dtype, *(f"{value / 1e9:,.0f}" for value in (limit, whole)), _percent(part), f"{alone / 1e9:,.0f}", _percent(inner)])
    head = ["computes in", "matrix products, GFLOP/s", "text to events, GFLOP/s", "share", "network alone, GFLOP/s", "share"]
    return _table(head, rows)


def _grid(found: Found) -> str:
    settings = list(dict.fromkeys(setting for rates in found["grid"].values() for setting in rates))
    rows = [[name, *(f"{rates[setting]:,.1f}" for setting in settings)] for name, rates in found["grid"].items()]
    return f"Paragraphs/s of the pipelines by batch, one run on a sample:\n\n{_table(['pipeline', *settings], rows)}"


def _single(found: Found) -> str:
    names = {name: name if name.startswith("ours") else f"{name.partition(',')[0]} pipeline,{name.partition(',')[2]}" for name in found["ms"]}
    rows = [[names[name], f"{one['p50']:.1f}", f"{one['p95']:.1f}"] for name, one in found["ms"].items()]
    counts = found["words"]
    told = f"{found['runs']} paragraphs of {counts['shortest']}–{counts['longest']} words, read one by one, each for the first time."
    return f"{_table(['', 'p50, ms', 'p95, ms'], rows)}\n\n{told}"


def _starts(found: Found) -> str:
    rows = [[name.replace("token,", "token pipeline,"), f"{one['s']:.2f}", f"{one['mib']:,.0f}"] for name, one in found["first_answer"].items()]
    told = f"`import ahdath`: {found['import_s']:.3f} s. Medians of {found['runs']} processes, memory of the largest."
    return f"{_table(['', 'process to first answer, s', 'peak memory, MiB'], rows)}\n\n{told}"


def _length(found: Found) -> str:
    rows = []
    for one in found["sizes"]:
        megabytes = one["bytes"] / 1e6
        seconds = [f"{one[key]:.2f} ({one[key] / megabytes:.2f})" for key in ("stream_s", "whole_s")]
        memory = [f"{one[key]:,.0f}" for key in ("loaded_mib", "stream_mib", "whole_mib")]
        same = f"{one['same']:,} of {one['paragraphs']:,}"
        rows.append([f"{megabytes:,.2f}", *seconds, *memory, same, f"{one['score_gap']:.4f}"])
    head = ["MB", "stream, s (a MB)", "one text, s (a MB)", "MiB loaded", "MiB stream", "MiB one text", "paragraphs as alone", "scores differ by"]
    return f"![Seconds and memory by length of the text](speed-length.svg)\n\n{_table(head, rows)}"


def _accuracy(found: Found) -> str:
    rows = []
    for dtype, costs in found["costs"].items():
        for name, one in costs.items():
            numbers = [f"{100 * one[key]:.2f}" for key in ("a", "b")]
            rows.append([dtype, name, *numbers, _points(one)])
    head = ["computes in", "F1", "float32", "this", "lost, points (95 % interval)"]
    return f"{_table(head, rows)}\n\n{found['paragraphs']} paragraphs, the same for all; paired bootstrap."


def _points(one: Found) -> str:
    interval = "" if one["interval"] is None else " ({:+.2f} … {:+.2f})".format(*(100 * edge for edge in one["interval"]))
    return f"{100 * one['difference']:+.2f}{interval}"


# ---------------------------------------------------------------------- targets


def targets(every: Mapping[str, Found]) -> str:
    """What was to be reached, what was measured, and whether it is enough."""
    rows = []
    for what, goal, name, judge in _targets():
        found = every.get(name)
        told, met = ("not measured", None) if found is None else judge(found)
        rows.append([what, goal, told, {None: "", True: "yes", False: "**no**"}[met]])
    return _table(["", "goal", "measured", "reached"], rows)


def _targets() -> list[tuple[str, str, str, Any]]:
    """(what, goal, section, what judges it). "large" is AraBERT-base's shape."""
    rows: list[tuple[str, str, str, Any]] = []
    for name, label in (("large-test", "test"), ("large-mix", "long-tailed mix")):
        large = f"AraBERT-base shape, {label}"
        rows += [
            (f"{large}: int8 against the best float32 token pass", "≥ 5×", name, lambda f: _times(f, "one token pass", _FLOATS[:1], 5)),
            (f"{large}: against the best bfloat16 token pass", "≥ 2×", name, lambda f: _times(f, "one token pass", _FLOATS[1:], 2)),
            (f"{large}: share of the int8 matrix rate, text to events", "≥ 50 %", name, _enough_share),
        ]
    for name, label in (("embedded-60", "60 words"), ("embedded-test", "test"), ("embedded-mix", "long-tailed mix")):
        rows.append((f"embedded, {label}: int8 against the best token and text pass", "≥ 10×", name,
                     lambda f: _times(f, "token and text pass", _FLOATS, 10)))  # fmt: skip
    return [
        *rows,
        ("embedded: paragraphs of 60 words a second", "≥ 400", "embedded-60", _sixty),
        ("embedded: a single paragraph, p50, ms", "≤ 8", "embedded-single", lambda f: _most(f["ms"]["ours, int8"]["p50"], 8, 1)),
        ("`import ahdath`, s", "≤ 0.15", "embedded-starts", lambda f: _most(f["import_s"], 0.15, 3)),
        ("fresh process to first answer, s", "≤ 1.5", "embedded-starts", lambda f: _most(f["first_answer"]["ours, int8"]["s"], 1.5, 2)),
        ("int8 costs TC, points", "≤ 0.5", "accuracy", lambda f: _cost(f, "TC", 0.5)),
        ("int8 costs AC+, points", "≤ 0.7", "accuracy", lambda f: _cost(f, "AC+", 0.7)),
        ("time a MB, longest text against the next", "≤ 1.1×", "length", _linear),
        ("memory of a stream, longest text against a hundredth of it", "≤ 1.1×", "length", _flat),
        ("paragraphs with the same events alone and in the text", "all", "length", _same),
    ]  # fmt: skip


_Judged = tuple[str, bool]


def _most(value: float, limit: float, digits: int) -> _Judged:
    return f"{value:.{digits}f}", value <= limit


def _times(found: Found, way: str, dtypes: Sequence[str], least: float) -> _Judged:
    times = rate(found, "ours, int8") / _fastest(found, way, dtypes)
    return f"{times:.1f}×", times >= least


def _enough_share(found: Found) -> _Judged:
    part = share(found, "int8")[2]
    return _percent(part), part >= 0.5


def _sixty(found: Found) -> _Judged:
    value = rate(found, "ours, int8", of="words") / 60  # the paragraphs have about sixty, not exactly
    return f"{value:,.0f}", value >= 400


def _cost(found: Found, name: str, most: float) -> _Judged:
    one = found["costs"]["int8"][name]
    return _points(one), 100 * one["difference"] <= most


def _linear(found: Found) -> _Judged:
    before, last = (one["whole_s"] / one["bytes"] for one in found["sizes"][-2:])
    return f"{last / before:.2f}×", last <= 1.1 * before


def _flat(found: Found) -> _Judged:
    first, last = (one["stream_mib"] for one in (found["sizes"][-3:][0], found["sizes"][-1]))
    return f"{last / first:.2f}×", last <= 1.1 * first


def _same(found: Found) -> _Judged:
    same, of = (sum(one[key] for one in found["sizes"]) for key in ("same", "paragraphs"))
    return f"{same:,} of {of:,}", same == of


# ---------------------------------------------------------------------- files


def write(folder: Path, every: Mapping[str, Found]) -> None:
    """Write the numbers into speed.md of a folder, where there is one, and draw speed-length.svg beside it."""
    page = folder / "speed.md"
    if page.exists():
        bodies = {"targets": targets(every), **{name: section(name, every.get(name)) for name in SECTIONS}}
        page.write_text(fill(page.read_text(encoding="utf-8"), bodies), encoding="utf-8")
    if "length" in every:
        (folder / "speed-length.svg").write_text(plot(every["length"]["sizes"]), encoding="utf-8")


_COLOURS = {"stream": "#3566b8", "whole": "#c2571a"}
_NAMES = {"stream": "stream of paragraphs", "whole": "one text, its document kept"}


def plot(sizes: Sequence[Found]) -> str:
    """Seconds and MiB by length of the text, both axes logarithmic, as an SVG that reads on light and dark pages."""
    panels = [_panel(sizes, "s", "seconds", 60), _panel(sizes, "mib", "peak memory, MiB", 400)]
    legend = []
    for at, (key, name) in enumerate(_NAMES.items()):
        x = 60 + 340 * at
        legend.append(f'<rect x="{x}" y="278" width="12" height="12" fill="{_COLOURS[key]}"/><text x="{x + 18}" y="288">{name}</text>')
    style = "<style>text{font:12px sans-serif;fill:#777}line{stroke:#999;stroke-opacity:.4}polyline{fill:none;stroke-width:2}</style>"
    about = "Seconds and peak memory by length of the text, read as a stream and as one string"
    body = "\n".join([f"<title>{about}</title>", style, *panels, *legend])
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 700 300" width="700">\n{body}\n</svg>\n'


def _panel(sizes: Sequence[Found], unit: str, label: str, left: float) -> str:
    top, width, height = 30.0, 260.0, 200.0
    xs = [one["bytes"] / 1e6 for one in sizes]
    values = [one[f"{key}_{unit}"] for key in _NAMES for one in sizes]
    ticks = [_decades(xs), _decades(values)]

    def place(x: float, y: float) -> tuple[float, float]:
        parts = [math.log(v / t[0]) / math.log(t[-1] / t[0]) for v, t in zip((x, y), ticks, strict=True)]
        return left + width * parts[0], top + height * (1 - parts[1])

    shapes = [f'<text x="{left}" y="{top - 12}">{label}, by MB of text</text>']
    for tick in ticks[0]:
        x = place(tick, ticks[1][0])[0]
        shapes.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}"/><text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{tick:g}</text>')
    for tick in ticks[1]:
        y = place(ticks[0][0], tick)[1]
        shapes.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}"/><text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for key in _NAMES:
        points = [(*place(x, one[f"{key}_{unit}"]), x, one[f"{key}_{unit}"]) for x, one in zip(xs, sizes, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
        shapes.append(f'<polyline points="{path}" stroke="{_COLOURS[key]}"/>')
        shapes += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_COLOURS[key]}"><title>{a:g} MB: {b:.3g}</title></circle>' for x, y, a, b in points]
    return "\n".join(shapes)


def _decades(values: Sequence[float]) -> list[float]:
    """Powers of ten from at most the least to at least the greatest of the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)
