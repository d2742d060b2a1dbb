"""Documents for a reader: a right-to-left HTML page, a piece of one for notebooks, and a table for the terminal.

    marks.py      spans with colour and label; a text cut where they begin and end
    page.py       HTML
    console.py    the terminal, with rich

Pure functions of Documents. Whatever a text holds stays text: markup is escaped, bidi controls cannot leave the
span they stand in, and the terminal is shown control characters, overrides and lone surrogates as escapes. The
page needs nothing from elsewhere. This package knows no models and no files.
"""

from __future__ import annotations

from ahdath.render.console import terminal
from ahdath.render.page import fragment, html

__all__ = ["fragment", "html", "terminal"]
