"""Numbers -> pictures, as inline SVG that needs nothing from elsewhere.

A picture has a title and a description for who cannot see it, and every value a title for the pointer. Names are laid
out from right to left where `rtl` says so; axes of numbers and of time go from left to right, as Arabic textbooks
print them. Sizes are in pixels of the view box; the page scales it. This module knows no documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ahdath.calibration import ReliabilityBin
from ahdath.scores import Score

__all__ = ["bars", "columns", "curves", "matrix", "reliability", "standalone"]

_FONT = 12
_COLOURS = ("#3566b8", "#c2571a", "#2f8f5b", "#a23b8f", "#8a7a1c", "#2b8c9e", "#b03a48", "#6f6f78")

_PAPER = "svg{background:#fff;color:#222;--line:#ddd;--soft:#666;font-family:sans-serif}text{fill:currentColor}"


class _Canvas:
    """Shapes in a view box, from left to right or mirrored. Letters are never mirrored, only their place."""

    def __init__(self, width: float, height: float, *, rtl: bool = False) -> None:
        self.width, self.height, self.rtl = width, height, rtl
        self.shapes: list[str] = []

    def _x(self, x: float, width: float = 0) -> float:
        return self.width - x - width if self.rtl else x

    def rect(self, x: float, y: float, width: float, height: float, style: str, title: str = "") -> None:
        told = f"<title>{escape(title)}</title>" if title else ""
        box = f'x="{self._x(x, width):.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.shapes.append(f'<rect {box} style="{style}">{told}</rect>')

    def line(self, *points: tuple[float, float], style: str = "stroke:var(--line)") -> None:
        path = " ".join(f"{self._x(x):.1f},{y:.1f}" for x, y in points)
        self.shapes.append(f'<polyline points="{path}" style="fill:none;{style}"/>')

    def dot(self, x: float, y: float, radius: float, style: str, title: str) -> None:
        place = f'cx="{self._x(x):.1f}" cy="{y:.1f}" r="{radius:.1f}"'
        self.shapes.append(f'<circle {place} style="{style}"><title>{escape(title)}</title></circle>')

    def text(
        self, x: float, y: float, content: str, anchor: str = "middle", *, turn: bool = False, style: str = ""
    ) -> None:
        """Text that begins (`start`), ends or has its middle at x; `turn`: upwards."""
        if self.rtl and anchor != "middle" and not turn:
            anchor = "end" if anchor == "start" else "start"
        x = self._x(x)
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
        styled = f' style="{style}"' if style else ""
        self.shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}{styled}>{escape(content)}</text>'
        )

    def svg(self, title: str, description: str) -> str:
        return (
            f'<svg role="img" aria-label="{escape(f"{title}. {description}")}" direction="ltr" font-size="{_FONT}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" style="max-width:{self.width:.0f}px">\n'
            + "\n".join(self.shapes)
            + "\n</svg>\n"
        )


def _wide(names: Sequence[str]) -> float:
    """Room for the longest of some names."""
    return 0.6 * _FONT * max(map(len, names), default=0) + 10


def _short(name: str, limit: int = 28) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"


def matrix(
    names: Sequence[str],
    cells: Mapping[tuple[int, int], int],
    axes: tuple[str, str],
    title: str,
    about: str,
    *,
    rtl: bool,
) -> str:
    """A confusion matrix: `cells[row, column]` counts; colour is the share of the row. `axes` name rows and columns."""
    names = [_short(name) for name in names]
    side, head = 24.0, _wide(names)
    canvas = _Canvas(head + side * len(names) + 24, head + side * len(names) + 24, rtl=rtl)
    totals = {row: sum(n for (r, _), n in cells.items() if r == row) for row in range(len(names))}
    canvas.text(head + side * len(names) / 2, _FONT, axes[1], style="fill:var(--soft)")
    canvas.text(_FONT, head + 20 + side * len(names) / 2, axes[0], turn=True, style="fill:var(--soft)")
    left, top = head + 20, head + 20
    for at, name in enumerate(names):
        canvas.text(left - 6, top + side * at + 16, name, "end")
        canvas.text(left + side * at + 16, top - 6, name, "start", turn=True)
        canvas.line((left, top + side * at), (left + side * len(names), top + side * at))
        canvas.line((left + side * at, top), (left + side * at, top + side * len(names)))
    for (row, column), n in sorted(cells.items()):
        share = n / totals[row]
        hue = 150 if row == column else 12
        fill = f"fill:hsl({hue} 60% 50% / {0.12 + 0.88 * share:.2f})"
        told = f"{names[row]} → {names[column]}: {n} ({100 * share:.0f} %)"
        canvas.rect(left + side * column, top + side * row, side, side, fill, told)
        canvas.text(
            left + side * (column + 0.5), top + side * row + 16, str(n), style="font-size:10px;pointer-events:none"
        )
    return canvas.svg(title, about)


def bars(rows: Sequence[tuple[str, Score]], title: str, about: str, *, rtl: bool) -> str:
    """F1 of each name as a bar, its 95 % interval as a line."""
    rows = [(_short(name), one) for name, one in rows]
    left, width, step = _wide([name for name, _ in rows]), 420.0, 20.0
    canvas = _Canvas(left + width + 50, step * len(rows) + 30, rtl=rtl)
    for tick in range(0, 101, 20):
        x = left + width * tick / 100
        canvas.line((x, 4), (x, step * len(rows) + 8))
        canvas.text(x, step * len(rows) + 22, str(tick), style="fill:var(--soft)")
    for at, (name, one) in enumerate(rows):
        y = step * at + 6
        canvas.text(left - 6, y + 12, name, "end")
        canvas.rect(left, y, width * one.f1, step - 6, f"fill:{_COLOURS[0]};opacity:.75", f"{name}: {100 * one.f1:.1f}")
        if one.interval:
            middle = y + (step - 6) / 2
            low, high = (left + width * edge for edge in one.interval)
            canvas.line((low, middle), (high, middle), style="stroke:currentColor;stroke-width:1.5")
        canvas.text(left + width + 6, y + 12, f"{100 * one.f1:.0f}", "start", style="fill:var(--soft)")
    return canvas.svg(title, about)


def reliability(bins: Sequence[ReliabilityBin], axes: tuple[str, str], title: str, about: str) -> str:
    """Mean score against the share that is right; the area of a dot is the size of its bin, the diagonal is honest."""
    left, top, side = 60.0, 10.0, 260.0
    canvas = _Canvas(left + side + 20, top + side + 50)
    _grid(canvas, left, top, side, side, axes)
    for tick in range(0, 101, 20):
        canvas.text(left + side * tick / 100, top + side + 18, str(tick), style="fill:var(--soft)")
    canvas.line((left, top + side), (left + side, top), style="stroke:var(--soft);stroke-dasharray:4 4")
    path = [(left + side * one.score, top + side * (1 - one.accuracy)) for one in bins]
    canvas.line(*path, style=f"stroke:{_COLOURS[0]};stroke-width:1.5")
    largest = max((one.n for one in bins), default=1)
    for one, place in zip(bins, path, strict=True):
        told = f"{one.low:.2f}–{one.high:.2f}: {100 * one.accuracy:.0f} %, n = {one.n}"
        canvas.dot(
            *place, 2 + 10 * (one.n / largest) ** 0.5, f"fill:{_COLOURS[0]};fill-opacity:.45;stroke:{_COLOURS[0]}", told
        )
    return canvas.svg(title, about)


def _grid(canvas: _Canvas, left: float, top: float, width: float, height: float, axes: tuple[str, str]) -> None:
    """Lines at every fifth of y from 0 to 1, their percents, and the names of both axes."""
    for tick in range(0, 101, 20):
        y = top + height * (1 - tick / 100)
        canvas.line((left, y), (left + width, y))
        canvas.text(left - 6, y + 4, str(tick), "end", style="fill:var(--soft)")
    canvas.line((left, top), (left, top + height), (left + width, top + height), style="stroke:var(--soft)")
    canvas.text(left + width / 2, top + height + 40, axes[0])
    canvas.text(16, top + height / 2, axes[1], turn=True)


def curves(
    found: Mapping[str, Sequence[tuple[float, float, float, float]]], axes: tuple[str, str], title: str, about: str
) -> str:
    """Lines through (x, median, lowest, highest), x from 0 up and the others in [0, 1]; the range as an upright line."""
    left, top, width, height = 60.0, 10.0, 420.0, 260.0
    canvas = _Canvas(left + width + _wide([_short(name) for name in found]) + 30, top + height + 50)
    _grid(canvas, left, top, width, height, axes)
    widest = max((x for points in found.values() for x, *_ in points), default=0) or 1
    for x in sorted({x for points in found.values() for x, *_ in points}):
        canvas.text(left + width * x / widest, top + height + 18, f"{x:g}", style="fill:var(--soft)")

    def place(x: float, y: float) -> tuple[float, float]:
        return left + width * x / widest, top + height * (1 - y)

    for at, (name, points) in enumerate(found.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        canvas.line(*(place(x, y) for x, y, *_ in points), style=f"stroke:{colour};stroke-width:2")
        for x, y, low, high in points:
            canvas.line(place(x, low), place(x, high), style=f"stroke:{colour}")
            canvas.dot(
                *place(x, y), 3.5, f"fill:{colour}", f"{name}, {x:g}: {100 * y:.1f} ({100 * low:.1f}–{100 * high:.1f})"
            )
        _legend(canvas, left + width + 20, top + 8 + 20 * at, name, colour)
    return canvas.svg(title, about)


def columns(
    periods: Sequence[str], series: Mapping[str, Sequence[int]], line: tuple[str, Sequence[int]], title: str, about: str
) -> str:
    """Counts by period, stacked by series; `line` is a name and a count a period, drawn over them."""
    left, top, height, step = 60.0, 10.0, 220.0, max(16.0, min(48.0, 620 / max(len(periods), 1)))
    width = step * len(periods)
    name, totals = line
    canvas = _Canvas(left + width + _wide([_short(one) for one in (*series, name)]) + 40, top + height + 70)
    tallest = max([*totals, *(sum(stack) for stack in zip(*series.values(), strict=True))], default=0) or 1
    for share in (0, 0.5, 1):
        y = top + height * (1 - share)
        canvas.line((left, y), (left + width, y))
        canvas.text(left - 6, y + 4, f"{tallest * share:g}", "end", style="fill:var(--soft)")
    for at, period in enumerate(periods):
        canvas.text(
            left + step * (at + 0.5) + 4, top + height + 54, period, "start", turn=True, style="fill:var(--soft)"
        )
        base = 0
        for number, (one, counts) in enumerate(series.items()):
            tall = height * counts[at] / tallest
            y = top + height * (1 - base / tallest) - tall
            colour = f"fill:{_COLOURS[number % len(_COLOURS)]}"
            if counts[at]:
                canvas.rect(left + step * at + 2, y, step - 4, tall, colour, f"{period}, {one}: {counts[at]}")
            base += counts[at]
    for number, one in enumerate(series):
        _legend(canvas, left + width + 20, top + 8 + 20 * number, one, _COLOURS[number % len(_COLOURS)])
    points = [(left + step * (at + 0.5), top + height * (1 - n / tallest)) for at, n in enumerate(totals)]
    canvas.line(*points, style="stroke:currentColor;stroke-width:1.5;stroke-dasharray:5 3")
    for (x, y), period, n in zip(points, periods, totals, strict=True):
        canvas.dot(x, y, 3, "fill:currentColor", f"{period}, {name}: {n}")
    _legend(canvas, left + width + 20, top + 8 + 20 * len(series), name, "currentColor")
    return canvas.svg(title, about)


def standalone(picture: str) -> str:
    """A picture of this module as a file of its own, on white paper: with a size, and the colours that a page lends it.

    >>> standalone(bars([], "t", "a", rtl=False)).startswith('<svg xmlns="http://www.w3.org/2000/svg" width="480" height="30"')
    True
    """
    width, height = picture.partition(' viewBox="0 0 ')[2].partition('"')[0].split()
    head, _, body = picture.partition("\n")
    sized = head.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" ', 1)
    return f"{sized}\n<style>{_PAPER}</style>\n{body}"


def _legend(canvas: _Canvas, x: float, y: float, name: str, colour: str) -> None:
    canvas.rect(x, y, 12, 12, f"fill:{colour}", name)
    canvas.text(x + 18, y + 10, _short(name), "start")
