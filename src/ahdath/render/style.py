"""The style of pages and notebook pieces. Every rule stays inside `.ahdath`, so that a notebook around it is untouched."""

from __future__ import annotations

__all__ = ["DOCUMENTS", "LANES", "PAGE", "linked"]

LANES = "abcd"
"""Names of the underlines below a word, from the top: as many overlapping arguments can be told apart by eye."""

_LINKED_AT_MOST = 500  # events of a document that light up together; a rule each

PAGE = """
body { margin: 0; }
.ahdath { box-sizing: border-box; min-height: 100vh; padding: 1rem max(1rem, calc(50vw - 40rem)); }
@media (prefers-color-scheme: dark) { body { background: #17191d; } }
""".strip()
"""For a page that has nothing else on it."""

# The class is said three times where a notebook styles tables by two classes and would win with less.
DOCUMENTS = """
.ahdath { --ink: #1d2129; --soft: #5a5d6b; --line: #d8dae0; --page: #fbfbf9; --light: 88%; --odd: #b3261e;
  background: var(--page); color: var(--ink); padding: .2rem 1rem; direction: rtl; text-align: start;
  font: 1.05rem/2.1 "Noto Naskh Arabic", "Amiri", "Geeza Pro", "Segoe UI", Tahoma, serif; }
@media (prefers-color-scheme: dark) {
  .ahdath { --ink: #e6e6e3; --soft: #a6a9b8; --line: #3a3d45; --page: #17191d; --light: 28%; --odd: #f2938c; }
}
.ahdath h1 { font-size: 1.5rem; }
.ahdath h2 { font-size: 1rem; color: var(--soft); font-weight: normal; margin: 0; flex: 1 0 100%; }
.ahdath article { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start;
  border-top: 1px solid var(--line); padding: 1rem 0; }
.ahdath section { flex: 1 1 26rem; min-width: 0; overflow-x: auto; }
.ahdath .text, .ahdath .line { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1rem; }
.ahdath .line { font-size: .9rem; border-inline-start: .3rem solid hsl(var(--hue) 60% 50%); padding-inline-start: .6rem; }
.ahdath .number { color: var(--soft); font-size: .8rem; }
.ahdath mark { color: inherit; background: none; unicode-bidi: isolate; padding: 0; box-decoration-break: clone;
  -webkit-box-decoration-break: clone; }
.ahdath mark.trigger { background-color: hsl(var(--hue) 65% var(--light)); border-radius: .3rem; padding-inline: .2rem;
  font-weight: bold; }
.ahdath mark.argument { padding-bottom: .48em; background-repeat: no-repeat; background-size: 100% .1em;
  background-image: linear-gradient(var(--a, #0000) 0 0), linear-gradient(var(--b, #0000) 0 0),
    linear-gradient(var(--c, #0000) 0 0), linear-gradient(var(--d, #0000) 0 0);
  background-position: 0 calc(100% - .39em), 0 calc(100% - .26em), 0 calc(100% - .13em), 0 100%; }
.ahdath mark[data-label]::after { content: attr(data-label); unicode-bidi: isolate; margin-inline-start: .25rem;
  white-space: nowrap; font-size: .65rem; font-weight: normal; color: var(--soft); }
.ahdath table { border-collapse: collapse; font-size: .9rem; width: 100%; margin: 0; color: inherit; }
.ahdath.ahdath.ahdath tr { background: none; }
.ahdath.ahdath.ahdath :is(th, td) { text-align: start; vertical-align: top; border: 0;
  border-bottom: 1px solid var(--line); padding: .2rem .5rem; line-height: 1.7; }
.ahdath th { color: var(--soft); font-weight: normal; white-space: nowrap; }
.ahdath .events td:last-child, .ahdath .sentences td { overflow-wrap: anywhere; }
.ahdath td.type { min-width: 9.5em; }
.ahdath .events th:last-child { width: 45%; }
.ahdath.ahdath.ahdath .type { border-inline-start: .3rem solid hsl(var(--hue) 60% 50%); padding-inline-start: .5rem; }
.ahdath .type small { display: block; }
.ahdath .type small, .ahdath .role { color: var(--soft); }
.ahdath .negative, .ahdath .other { color: var(--odd); }
.ahdath footer, .ahdath .none { color: var(--soft); font-size: .9rem; }
@media print {
  .ahdath { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .ahdath .line, .ahdath tr { break-inside: avoid; }
}
""".strip()
"""For texts with marked events, and their tables."""


def linked(events: int) -> str:
    """Rules by which the spans, the line and the row of an event light up together, for documents of so many events."""
    numbers = range(1, min(events, _LINKED_AT_MOST) + 1)
    rules = [f'.ahdath article:has([data-e~="{n}"]:hover) [data-e~="{n}"]' for n in numbers]
    return ",\n".join(rules) + " { outline: 2px solid var(--soft); }" if rules else ""
