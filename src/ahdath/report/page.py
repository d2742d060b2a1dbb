"""Gold and predicted documents -> a self-contained HTML page of pictures and tables.

What it shows is computed by `metrics`; this module chooses, words and lays out. It loads no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from ahdath.counting import align
from ahdath.errors import ConfigError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.render.marks import Names, type_name
from ahdath.report import figures
from ahdath.report.curves import LearningCurves
from ahdath.report.dates import Timeline, timeline
from ahdath.report.words import WORDS
from ahdath.schema import Document
from ahdath.scores import Score, Scores

__all__ = ["html"]

_COMMONEST = 20  # confusions that are always shown
_SERIES = 7  # types with a colour of their own over time
_STYLE = """
:root { color-scheme: light dark; --soft: #5a5d6b; --line: #d8dae0; --ink: #1d2129; --page: #fbfbf9; }
@media (prefers-color-scheme: dark) { :root { --soft: #a6a9b8; --line: #3a3d45; --ink: #e6e6e3; --page: #17191d; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.7 "Noto Naskh Arabic", "Amiri", "Geeza Pro", "Segoe UI", Tahoma, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3, summary { font-size: 1rem; } p, figcaption { color: var(--soft); margin: .3rem 0; }
.beside { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.beside > * { flex: 1 1 24rem; min-width: 0; margin: 0; } .beside > .matrix { flex-basis: 100%; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; unicode-bidi: isolate; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
caption { text-align: start; color: var(--soft); }
th, td { text-align: start; border-bottom: 1px solid var(--line); padding: .1rem .6rem; font-weight: normal; }
thead th { color: var(--soft); } td { font-variant-numeric: tabular-nums; direction: ltr; text-align: end; white-space: nowrap; }
@media print {
  body { print-color-adjust: exact; -webkit-print-color-adjust: exact; margin: 0; max-width: none; }
  figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } .beside { display: block; } .scroll { overflow: visible; }
}
""".strip()


def html(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    ontology: Ontology | None = None,
    curves: LearningCurves | None = None,
    names: Names = "ar",
    title: str = "",
    bootstrap: int = 1000,
    seed: int = 0,
) -> str:
    """A page on how `predicted` documents compare with `gold` ones: scores, types, confusions, calibration, time.

    `curves` adds learning curves, `names` says in which language everything is called, `title` stands on top. Events over
    time are those of documents with a date in `meta["date"]` (ISO 8601). The other options, and what is raised, as for
    `metrics.score`; ConfigError for other `names`.

    >>> from ahdath.schema import Event, Span
    >>> gold = [Document("قصفت القوات البلدة.", events=(Event("Conflict.Attack", Span(0, 4, "قصفت")),))]
    >>> page = html(gold, gold, bootstrap=0)
    >>> "قصف" in page, "هجوم" in page  # no text of the documents, but the types in Arabic
    (False, True)
    """
    if names not in WORDS:
        raise ConfigError(f"names {names!r}: expected 'ar' or 'en'")
    pairs = align(gold, predicted)
    golds, answers = [mine for mine, _ in pairs], [theirs for _, theirs in pairs]
    scores = score(golds, answers, ontology, bootstrap=bootstrap, seed=seed)
    writer = _Writer(ontology or Ontology.default(), names)
    parts = [writer.scores(scores), writer.types(scores), writer.confusion(scores), writer.calibration(scores)]
    if curves is not None:
        parts.append(writer.curves(curves))
    parts.append(writer.time(timeline(pairs)))
    heading, direction = escape(title) or writer.say("title"), "rtl" if names == "ar" else "ltr"
    return (
        f'<!DOCTYPE html>\n<html lang="{names}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{heading}</title>\n'
        f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1><bdi>{heading}</bdi></h1>\n{''.join(parts)}</body>\n</html>\n"
    )


class _Writer:
    """The sections of a page in one language."""

    def __init__(self, ontology: Ontology, names: Names) -> None:
        self.ontology, self.names = ontology, names
        self.rtl = names == "ar"

    def say(self, key: str) -> str:
        return WORDS[self.names][key]

    def name(self, kind: str) -> str:
        return type_name(self.ontology, kind, self.names)

    def scores(self, scores: Scores) -> str:
        alarms = scores.false_alarms
        about = [self.say("about").format(paragraphs=scores.paragraphs)]
        if scores.bootstrap:
            about.append(self.say("bootstrap").format(bootstrap=scores.bootstrap, seed=scores.seed))
        about.append(self.say("alarms").format(events=alarms.events, paragraphs=alarms.paragraphs))
        rows = [[name, *_cells(one)] for name, one in scores.measures.items()]
        for name, mean in scores.macro.items():
            edges = "–".join(map(_percent, mean.interval)) if mean.interval else ""
            rows.append([f"{self.say('macro')} ({name})", "", "", "", "", "", _percent(mean.value), edges])
        attributes = [[name, str(one.n), _percent(one.accuracy.value)] for name, one in scores.attributes.items()]
        tables = self._table("scores", ["measure", *_HEAD], rows)
        tables += self._table("attribute", ["attribute", "n", "accuracy"], attributes)
        return self._section("scores", f'<p>{escape(" ".join(about))}</p>\n<div class="beside">\n{tables}</div>\n')

    def types(self, scores: Scores) -> str:
        rows = [(self.name(kind), one) for kind, one in scores.types.items()]
        picture = figures.bars(rows, self.say("types"), self.say("types about"), rtl=self.rtl)
        table = self._table("types", ["type", *_HEAD], [[name, *_cells(one)] for name, one in rows])
        return self._section("types", self._beside(picture, "types about", table))

    def confusion(self, scores: Scores) -> str:
        none, confusion = "", scores.confusion
        counts: Counter[tuple[str, str]] = Counter(
            {(k, k): one.correct for k, one in scores.types.items() if one.correct}
        )
        counts.update({(mine or none, guess or none): n for mine, guess, n in confusion.commonest(None)})
        present = {kind for pair in counts for kind in pair}
        kinds = [kind for kind in self.ontology.type_names if kind in present]
        kinds += [*sorted(present - set(kinds) - {none}), none]
        at = {kind: number for number, kind in enumerate(kinds)}
        labels = [self.name(kind) if kind else self.say("none") for kind in kinds]
        picture = figures.matrix(
            labels, {(at[row], at[column]): n for (row, column), n in counts.items()},
            (self.say("gold"), self.say("predicted")), self.say("confusion"), self.say("confusion about"), rtl=self.rtl,
        )  # fmt: skip
        rows = [
            [labels[at[mine or none]], labels[at[guess or none]], str(n)]
            for mine, guess, n in confusion.commonest(None)
        ]
        head = ["gold", "predicted", "n"]
        table = self._table("confusion", head, rows[:_COMMONEST])
        if len(rows) > _COMMONEST:
            rest = self._table("rarer", head, rows[_COMMONEST:])
            table += f"<details><summary>{self.say('rarer')}</summary>\n{rest}</details>\n"
        return self._section("confusion", self._beside(picture, "confusion about", table, kind="matrix"))

    def calibration(self, scores: Scores) -> str:
        parts = []
        for name, one in scores.calibration.items():
            heading = f"<h3>{self.say(name)}</h3>\n"
            if one.ece is None:
                parts.append(f"{heading}<p>{self.say('nothing predicted')}</p>\n")
                continue
            about = self.say("calibration about").format(ece=_percent(one.ece), n=one.n)
            axes = self.say("score"), self.say("right")
            picture = figures.reliability(one.bins, axes, f"{self.say('calibration')}: {self.say(name)}", about)
            rows = [
                [f"{bin.low:.2f}–{bin.high:.2f}", str(bin.n), _percent(bin.score), _percent(bin.accuracy)]
                for bin in one.bins
            ]
            table = self._table(name, ["bin", "n", "score", "right"], rows)
            parts.append(heading + self._beside(picture, about, table))
        return self._section("calibration", "".join(parts))

    def curves(self, curves: LearningCurves) -> str:
        found = {name: curves.spread(name) for name in curves.curves}
        picture = figures.curves(found, (curves.x, curves.y), self.say("curve"), self.say("curve about"))
        rows = [
            [name, f"{x:g}", _percent(y), f"{_percent(low)}–{_percent(high)}"]
            for name, points in found.items()
            for x, y, low, high in points
        ]
        head = [self.say("curve name"), curves.x, f"{self.say('median')} ({curves.y})", self.say("range")]
        return self._section(
            "curve", self._beside(picture, "curve about", self._plain_table(self.say("curve"), head, rows))
        )

    def time(self, found: Timeline) -> str:
        if not found.periods:
            return self._section("time", f"<p>{self.say('no dates')}{self._undated(found)}</p>\n")
        kinds = found.types()
        shown, rest = kinds[:_SERIES], kinds[_SERIES:]
        series = {self.name(kind): [found.predicted[period, kind] for period in found.periods] for kind in shown}
        if rest:
            series[self.say("others")] = [sum(found.predicted[p, kind] for kind in rest) for p in found.periods]
        totals = [sum(n for (p, _), n in found.gold.items() if p == period) for period in found.periods]
        line = self.say("gold events"), totals
        picture = figures.columns(found.periods, series, line, self.say("time"), self.say("time about"))
        head = [self.say("type"), *found.periods, self.say("all")]
        rows = []
        for kind in kinds:
            counts = [found.predicted[period, kind] for period in found.periods]
            rows.append([self.name(kind), *map(str, counts), str(sum(counts))])
        rows.append([self.say("gold events"), *map(str, totals), str(sum(totals))])
        table = self._plain_table(self.say("time"), head, rows)
        return self._section(
            "time", self._beside(picture, "time about", table, kind="matrix") + f"<p>{self._undated(found)}</p>\n"
        )

    def _undated(self, found: Timeline) -> str:
        return " " + self.say("dates").format(dated=found.dated, undated=found.undated, unread=found.unread)

    def _section(self, key: str, body: str) -> str:
        return f'<section class="{key}">\n<h2>{self.say(key)}</h2>\n{body}</section>\n'

    def _beside(self, picture: str, about: str, table: str, *, kind: str = "") -> str:
        """A picture with its caption, which is a key or text, and its table."""
        caption = escape(WORDS[self.names].get(about, about))
        figure = f'<figure class="{kind}">\n{picture}<figcaption>{caption}</figcaption>\n</figure>\n'
        return f'<div class="beside">\n{figure}{table}</div>\n'

    def _table(self, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        return self._plain_table(self.say(caption), [self.say(key) for key in head], rows)

    def _plain_table(self, caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        columns = "".join(f'<th scope="col"><bdi>{escape(one)}</bdi></th>' for one in head)
        lines = [
            f'<tr><th scope="row"><bdi>{escape(first)}</bdi></th>'
            + "".join(f"<td><bdi>{escape(cell)}</bdi></td>" for cell in cells)
            + "</tr>\n"
            for first, *cells in rows
        ]
        return (
            f'<div class="scroll"><table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{columns}</tr></thead>\n'
            f"<tbody>\n{''.join(lines)}</tbody>\n</table></div>\n"
        )


_HEAD = ("gold", "predicted", "correct", "precision", "recall", "f1", "interval")


def _cells(one: Score) -> list[str]:
    edges = "–".join(map(_percent, one.interval)) if one.interval else ""
    counts = [str(n) for n in (one.gold, one.predicted, one.correct)]
    return [*counts, *(_percent(value) for value in (one.precision, one.recall, one.f1)), edges]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
