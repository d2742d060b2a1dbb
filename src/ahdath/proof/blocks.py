"""The code blocks of a page: found, run in order, and their outputs compared or written anew.

A page is Markdown. Its `python` blocks share one namespace, the `ahdath` lines of its `sh` blocks go through the command line
in this process, and a `text` block right behind one of them shows what it prints. A comment `<!-- not run: reason -->`
above a block says why it is not run. Indented blocks are commands for a reader and never run.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from ahdath.errors import DataError

__all__ = ["Block", "blocks", "commands", "outputs", "refreshed", "run", "same"]

_NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")
_SCORE = re.compile(r"\b[01]\.\d+")
OUTPUT, INDENTED = "text", "indented"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: its language (`indented` for one without fence), its lines, where it begins, why it is not run."""

    kind: str
    body: str
    line: int
    not_run: str = ""


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order. Raises DataError for a fence that is never closed, with its line.

    >>> blocks("Run\\n\\n```python\\nprint(1)\\n```\\n")
    [Block(kind='python', body='print(1)\\n', line=3, not_run='')]
    """
    found: list[Block] = []
    lines = page.splitlines()
    at, reason = 0, ""
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.startswith("```"):
            while end < len(lines) and lines[end] != "```":
                end += 1
            if end == len(lines):
                raise DataError(f"line {at + 1}: expected ``` at the end of the block, found none; close it")
            body = "".join(f"{one}\n" for one in lines[at + 1 : end])
            found.append(Block(line[3:].split()[0] if line[3:].strip() else "", body, at + 1, reason))
            end += 1
        elif line.startswith("    ") and at and not lines[at - 1].strip():
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body = "".join(f"{one[4:]}\n" for one in lines[at:end]).rstrip("\n") + "\n"
            found.append(Block(INDENTED, body, at + 1, reason))
        told = _NOT_RUN.match(line)
        reason = told[1] if told else reason if not line.strip() else ""
        at = end
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """The words of every command line of an `sh` or indented block that begins with a program; comments left out.

    Lines that end in a backslash go on, pipes are cut, assignments in front of a program are left out.

    >>> list(commands(Block("sh", "cat a | A=1 ahdath classify -  # reads stdin\\n", 1)))
    [['cat', 'a'], ['ahdath', 'classify', '-']]
    """
    for line in block.body.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, "|"]:
            if set(word) <= set("|&;"):
                if words:
                    yield words
                words = []
            elif words or not re.fullmatch(r"[A-Z_]+=.*", word):
                words.append(word)


def run(block: Block, namespace: dict[str, Any], where: str = "page") -> str:
    """Run a `python` or `sh` block in the current folder; what it printed on stdout.

    Raises DataError for a block of another kind, a line that is no command of ahdath, and a command that fails; what Python
    raises passes through, with the line numbers of the page.
    """
    printed = io.StringIO()
    with redirect_stdout(printed):
        if block.kind == "python":
            exec(compile("\n" * block.line + block.body, where, "exec"), namespace)
        elif block.kind == "sh":
            for words in commands(block):
                _command(words, f"{where}, line {block.line}")
        else:
            raise DataError(f"{where}, line {block.line}: expected a python or sh block, found {block.kind!r}; mark it as not run")
    return printed.getvalue()


def _command(words: list[str], where: str) -> None:
    from ahdath.cli import app

    line = shlex.join(words)
    if words[0] != "ahdath":
        raise DataError(f"{where}: expected a command of ahdath, found {line}; mark the block as not run")
    code = app(words[1:], standalone_mode=False, prog_name="ahdath")
    if code:
        raise DataError(f"{where}: expected {line} to end with 0, found {code}; mend the command or mark the block as not run")


def outputs(page: str, where: str = "page") -> Iterator[tuple[Block, str, Block | None]]:
    """Run a page in the current folder: each block that is run, what it printed, and the `text` block behind it.

    Raises what `run` raises.
    """
    found = blocks(page)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(found):
        if block.kind in ("python", "sh") and not block.not_run:
            after = found[number + 1] if number + 1 < len(found) else None
            printed = run(block, namespace, where)
            yield block, printed, after if after and after.kind == OUTPUT and not after.not_run else None


def same(printed: str, shown: str) -> bool:
    """Whether an output is what a page shows; digits of scores between 0 and 1 may differ, and spaces at line ends.

    >>> same("Life.Die 0.98 \\n", "Life.Die 0.97\\n")
    True
    """

    def plain(text: str) -> list[str]:
        return [_SCORE.sub("0.0", line.rstrip()) for line in text.rstrip().splitlines()]

    return plain(printed) == plain(shown)


def refreshed(page: str, where: str = "page") -> str:
    """The page with what its blocks print now in the `text` blocks behind them. Runs in the current folder."""
    lines = page.splitlines()
    for _, printed, shown in reversed(list(outputs(page, where))):
        if shown is not None and not same(printed, shown.body):
            fresh = [line.rstrip() for line in printed.rstrip().splitlines()]
            lines[shown.line : shown.line + shown.body.count("\n")] = fresh
    return "\n".join(lines) + "\n"
