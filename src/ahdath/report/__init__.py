"""One page that shows how a system did: scores, confusions, calibration, learning curve, events over time.

    page.py       gold and predicted documents -> a self-contained HTML page
    figures.py    numbers -> pictures, as inline SVG
    curves.py     learning curves, from JSON
    dates.py      events by type and month

Every picture has its numbers in a table beside it. `ahdath report` writes the page; `metrics` computes what it shows.
"""

from __future__ import annotations

from ahdath.report.curves import LearningCurves, read_curves
from ahdath.report.page import html

__all__ = ["LearningCurves", "html", "read_curves"]
