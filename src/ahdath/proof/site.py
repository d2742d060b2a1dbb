"""Pages of docs/ made complete for the site: what they tell of commands, types and other files comes from these themselves.

A page has marks of its own line: `<!-- build:commands -->`, `<!-- build:ontology -->`, `<!-- build:example -->`, and
`<!-- build:file PATH -->` for another Markdown file of the repository. All of it is text in, text out; `scripts/docs.py`
is what MkDocs calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from ahdath.errors import DataError
from ahdath.ontology import Ontology

__all__ = ["commands", "docstring", "example", "fetched", "ontology", "page"]

_MARK = re.compile(r"^<!-- build:(\w+)(?: (\S+))? -->$", re.MULTILINE)
_NUMBERS = re.compile(r"^<!-- /?[\w-]+:[\w-]+ -->$", re.MULTILINE)
_FRONT = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*?\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|prefetch|icon)\b)[^>]*?\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|@import[^;]*?((?:https?:)?//[^\"'\s);]+)"
)


def page(text: str, root: Path, where: str = "page") -> str:
    """A page with its marks filled; `root` is that of the repository.

    Raises DataError for a mark that it does not know and for a file that is not there.
    """
    made: dict[str, Callable[[], str]] = {
        "commands": commands, "ontology": lambda: ontology(Ontology.default()), "example": example,
    }  # fmt: skip

    def filled(mark: re.Match[str]) -> str:
        name, path = mark[1], mark[2]
        if name == "file" and path and (root / path).is_file():
            return _FRONT.sub("", (root / path).read_text(encoding="utf-8")).strip()
        if name not in made or path:
            expected = f"build:file PATH with a file of the repository, or build: and one of {', '.join(made)}"
            raise DataError(f"{where}: expected {expected}, found {mark[0]}; mend the mark")
        return made[name]().strip()

    # Python-Markdown takes a comment and what follows it without a blank line for one piece of HTML.
    return _NUMBERS.sub(r"\n\g<0>\n", _MARK.sub(filled, text))


# ---------------------------------------------------------------------- commands


def commands() -> str:
    """Every command of `ahdath` with its arguments and options, as `--help` tells them."""
    import typer

    from ahdath.cli import app

    group: Any = typer.main.get_command(app)
    return "\n".join(_command(group, "ahdath", 2))


def _command(command: Any, name: str, level: int) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    below = getattr(command, "commands", {})
    if level > 2 or not below:
        usage = " ".join(command.collect_usage_pieces(context))
        about = " ".join((command.help or "").split(" \n")).strip()
        yield f"{'#' * level} {name}\n\n```text\n{name} {usage}\n```\n\n{about}\n"
    records = [one.get_help_record(context) for one in command.params if "--help" not in one.opts]
    rows = [record for record in records if record is not None]
    if rows:
        yield "| argument or option | |\n| --- | --- |"
        yield "\n".join(f"| {_code(form)} | {_cell(told)} |" for form, told in rows) + "\n"
    for child in sorted(below):
        yield from _command(below[child], f"{name} {child}", level + (1 if level > 2 else 0))


def _code(form: str) -> str:
    return f"<code>{escape(form).replace('|', '&#124;')}</code>"


def _cell(told: str) -> str:
    return escape(" ".join(told.split()), quote=False).replace("|", "&#124;")


# ---------------------------------------------------------------------- types and an example


def ontology(known: Ontology) -> str:
    """The types and roles of an ontology as Markdown: Arabic names, definitions, triggers, roles, crosswalks."""
    lines = []
    family = ""
    for name, kind in known.types.items():
        if name.partition(".")[0] != family:
            family = name.partition(".")[0]
            lines.append(f"\n### {family}\n")
        others = [("ACE", kind.ace), ("PLOVER", " ".join(value for key, value in (kind.plover or {}).items() if key != "needs"))]
        scheme = ", ".join(f"{key} {value}" for key, value in [*others, ("CAMEO", ", ".join(kind.cameo))] if value)
        lines.append(f"**`{name}`** · <bdi lang=\"ar\">{escape(kind.ar)}</bdi>\n:   {escape(kind.definition, quote=False)}<br>")
        lines.append(f"    Triggers such as <bdi lang=\"ar\" dir=\"rtl\">{escape('، '.join(kind.triggers))}</bdi>.<br>")
        lines.append(f"    Roles: {', '.join(kind.roles)}." + (f"<br>\n    {scheme}." if scheme else "") + "\n")
    lines.append("\n### Roles\n\n| role | | what fills it |\n| --- | --- | --- |")
    for name, role in known.roles.items():
        lines.append(f"| `{name}` | <bdi lang=\"ar\">{escape(role.ar)}</bdi> | {_cell(role.definition)} |")
    return "\n".join(lines) + "\n"


def example() -> str:
    """A document as `render` draws it; two sentences composed for it, annotated by hand."""
    from ahdath import render
    from ahdath.corpus import compile_record

    record = json.loads(Path(__file__).with_name("example.json").read_text(encoding="utf-8"))
    drawn = render.fragment(replace(compile_record(record, Ontology.default()), id="", meta={}))
    return f'<div class="example">\n{" ".join(drawn.split())}\n</div>'


# ---------------------------------------------------------------------- docstrings, and what a page fetches


def docstring(text: str) -> str:
    """A docstring with its `>>>` examples in fences, which Markdown would take for quotations.

    >>> print(docstring("One.\\n\\n>>> 1 + 1\\n2"))
    One.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    lines: list[str] = []
    inside = False
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith(">>> ") and not inside:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + "```pycon")
        if inside and not line.strip():
            lines.append(next(old for old in reversed(lines) if old.endswith("```pycon")).replace("pycon", ""))
            inside = False
        lines.append(re.sub(r"\s+# doctest: \+SKIP$", "", line) if inside else line)
    return "\n".join(lines).rstrip("\n")


def fetched(html: str) -> list[str]:
    """The addresses of other servers that a browser fetches by itself with a page: scripts, styles, pictures, fonts.

    >>> fetched('<a href="https://a.org">a</a><script src="https://b.org/c.js"></script>')
    ['https://b.org/c.js']
    """
    return ["".join(found) for found in _FETCHED.findall(html)]
