"""Measured dicts -> pages: docs/benchmarks.md, the numbers in README.md, the model card. Pure text.

A page has places between `<!-- numbers:NAME -->` and `<!-- /numbers:NAME -->`; only what stands there is written, so
each section can be refreshed by itself and prose is never touched. Missing sections say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ahdath.errors import DataError
from ahdath.proof.systems import CODER, MODEL
from ahdath.scores import Difference, Spread, aggregate
from ahdath.tables import comparison_markdown, differences_markdown

__all__ = ["SECTIONS", "fill", "goals", "model_card", "places", "section", "systems"]

SECTIONS = ("quality", "article", "robustness", "speed")
"""The sections of docs/benchmarks.json that are measured."""

Found = Mapping[str, Any]
_NOT_YET = "not measured"


def fill(page: str, bodies: Mapping[str, str]) -> str:
    """The page with each body between its marks; places without a body stay as they are.

    Raises DataError for a body that the page has no place for.

    >>> fill("<!-- numbers:a --><!-- /numbers:a -->", {"a": "1"})
    '<!-- numbers:a -->\\n1\\n<!-- /numbers:a -->'
    """
    for name, body in bodies.items():
        begin, end = f"<!-- numbers:{name} -->", f"<!-- /numbers:{name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise DataError(f"expected the marks {begin} and {end} in the page, found none; add them")
        page = f"{head}{begin}\n{body.strip()}\n{end}{tail}"
    return page


def places(page: str) -> list[str]:
    """The names of the places of a page, in order."""
    return [part.partition(" -->")[0] for part in page.split("<!-- numbers:")[1:]]


def section(name: str, found: Found) -> str:
    """A section of docs/benchmarks.md from its measured dict."""
    return {"quality": _quality, "article": _article, "robustness": _robustness, "speed": _speed}[name](found)


def goals(found: Found) -> str:
    """The project's goals and what was measured, as a Markdown table; `found` is docs/benchmarks.json."""
    rows = [*_quality_goals(found.get("quality")), *_speed_goals(found.get("speed"))]
    rows += _robustness_goals(found.get("robustness"))
    rows += _article_goals(found.get("article"))
    return _table(["measured", "goal", "result"], rows)


def systems(found: Found) -> str:
    """The comparison of model and baselines; `found` is docs/benchmarks.json."""
    return comparison_markdown(found["quality"]["systems"]) if "quality" in found else f"{_NOT_YET.capitalize()} yet."


def _quality_goals(found: Found | None) -> list[list[str]]:
    runs = found["systems"].get(MODEL, []) if found else []
    spreads = aggregate(runs)

    def cell(key: str) -> str:
        return _spread(spreads.get(key))

    of = f"median (lowest–highest) of {len(runs)} seeds" if runs else _NOT_YET
    rows = [
        [f"triggers with their type, TC F1, {of}", "≥ 68", cell("TC f1")],
        ["arguments with role and trigger, AC+ F1", "≥ 32", cell("AC+ f1")],
        ["the same with gold triggers given", "≥ 45", cell("gold triggers AC+ f1")],
        ["event types of sentences, micro F1", "≥ 72", cell("sentence types f1")],
    ]
    gap = _NOT_YET
    if found and found["differences"]:
        tc = found["differences"]["TC"]
        low, high = (100 * edge for edge in tc["interval"])
        gap = f"{100 * tc['difference']:+.1f} (95 % interval {low:+.1f} … {high:+.1f})"
    return [*rows, ["TC above the lexicon coder, points, median seed", "≥ 10", gap]]


def _speed_goals(found: Found | None) -> list[list[str]]:
    rows = [
        ["`import ahdath`, seconds; heavy modules that it loads", "≤ 0.3; no torch", "import"],
        ["first answer of a fresh process, seconds", "≤ 6", "first"],
        ["a paragraph of about 60 words afterwards, milliseconds", "≤ 30", "paragraph"],
        ["peak memory of a process that reads the article, MiB", "≤ 1,024", "memory"],
        ["fine-tuning, minutes per 1,000 paragraphs", "≤ 15", "training"],
    ]
    values = dict.fromkeys((row[2] for row in rows), _NOT_YET)
    if found:
        cold, warm, training = found["cold_start"], found["latency"], found["fine_tuning"]
        values["import"] = f"{cold['import_s']:.2f}; {', '.join(cold['heavy']) or 'none'}"
        values["first"] = f"{cold['first_answer_s']:.1f}"
        values["paragraph"] = f"{warm['median_ms']:.1f} (p95 {warm['p95_ms']:.1f})"
        values["memory"] = f"{cold['peak_mib']:,.0f}"
        if training:
            values["training"] = f"{training['minutes_per_1000']:.1f}"
    return [[what, goal, values[key]] for what, goal, key in rows]


def _robustness_goals(found: Found | None) -> list[list[str]]:
    changed, cost = _NOT_YET, _NOT_YET
    if found:
        changed = f"{found['spelling']['changed_events']} of {found['spelling']['events']}"
        cost = f"{found['typo']['drop']:.1f}"
    return [
        ["events changed by spellings that normalisation undoes", "0", changed],
        ["TC lost to a typo in every 15 words, points", "≤ 6", cost],
    ]


def _article_goals(found: Found | None) -> list[list[str]]:
    rows = [["article as twelve paragraphs, TC / AC+", "–", _NOT_YET], ["article as one text, TC / AC+", "–", _NOT_YET]]
    rows.append(["its fifteen chosen events: found with type / with key argument / exactly", "–", _NOT_YET])
    if found:
        for row, name in zip(rows, ("paragraphs", "whole"), strict=False):
            row[2] = " / ".join(_percent(found[name][measure]["f1"]) for measure in ("TC", "AC+"))
        passed = found["passed"]
        rows[2][2] = f"{passed['trigger']} / {passed['overlap']} / {passed['exact']}"
    return rows


# ---------------------------------------------------------------------- the sections of docs/benchmarks.md


def _quality(found: Found) -> str:
    parts = [
        f"{found['documents']} paragraphs of `{found['data']}`; baselines learn from `{found['train']}`.",
        comparison_markdown(found["systems"]),
    ]
    if found["differences"]:
        differences = {
            name: Difference(**{**one, "interval": tuple(one["interval"])}) for name, one in found["differences"].items()
        }
        parts += [
            f"### {found['median']}, the median seed, against the lexicon coder (paired bootstrap)",
            differences_markdown(differences, str(found["median"]), CODER),
        ]
    if found["shipped"]:
        parts += ["### The shipped model in detail", *_details(found["shipped"])]
    return "\n\n".join(part.rstrip("\n") for part in parts)


def _details(scores: Found) -> list[str]:
    head = ["gold", "predicted", "correct", "P", "R", "F1", "95 % interval"]
    parts = [_table(["measure", *head], _score_rows(scores["measures"]))]
    if scores["gold_triggers"]:
        given = {name: one for name, one in scores["gold_triggers"]["measures"].items() if name.startswith("A")}
        parts += ["With gold triggers given:", _table(["measure", *head], _score_rows(given))]
    rows = []
    for name, one in scores["attributes"].items():
        rows.append([f"{name}, accuracy", str(one["n"]), _percent(one["accuracy"]["value"])])
        rows += [[f"{value}, F1", str(score["gold"]), _percent(score["f1"])] for value, score in one["values"].items()]
    parts += ["Attributes of events found:", _table(["attribute", "n", "percent"], rows)]
    alarms = scores["false_alarms"]
    parts.append(
        f"False alarms: {alarms['events']} events in {alarms['paragraphs']} paragraphs that have none, "
        f"{alarms['per_1000_words']:.1f} per 1,000 words."
    )
    errors = [
        f"{_percent(one['ece'])} % of {name} scores (n = {one['n']})"
        for name, one in scores["calibration"].items()
        if one["ece"] is not None
    ]
    parts.append(f"Expected calibration error: {', '.join(errors)}.")
    parts += ["Event types (TC):", _table(["type", *head], _score_rows(scores["types"]))]
    parts += ["Roles (AC+):", _table(["role", *head], _score_rows(scores["roles"]))]
    confused = [[one["gold"] or "none", one["predicted"] or "none", str(one["n"])] for one in scores["confusion"]]
    return [*parts, "Commonest confusions:", _table(["gold", "predicted", "n"], confused)]


def _score_rows(scores: Mapping[str, Found]) -> list[list[str]]:
    rows = []
    for name, one in scores.items():
        counts = [str(one[key]) for key in ("gold", "predicted", "correct")]
        interval = "–".join(map(_percent, one["interval"])) if one["interval"] else ""
        rows.append([name, *counts, *(_percent(one[key]) for key in ("precision", "recall", "f1")), interval])
    return rows


def _article(found: Found) -> str:
    rows = []
    for key, name in (("paragraphs", "as twelve paragraphs"), ("whole", "as one text")):
        for measure, one in found[key].items():
            rows.append([name, measure, *(_percent(one[part]) for part in ("precision", "recall", "f1"))])
    checks = [
        [
            one["name"],
            one["type"],
            one["trigger"],
            "pass" if one["found"] else "**fail**",
            f"{one['role']} {one['text']}",
            {"exact": "pass", "overlap": "overlaps", "no": "**fail**"}[one["argument"]],
        ]
        for one in found["checks"]
    ]
    passed = found["passed"]
    return "\n\n".join(
        [
            _table(["article", "measure", "P", "R", "F1"], rows),
            f"{passed['trigger']} of {passed['of']} chosen events are found with their type, {passed['overlap']} with their "
            f"key argument, {passed['exact']} with exactly its words:",
            _table(["event", "type", "trigger", "found", "key argument", "found"], checks),
        ]
    )


def _robustness(found: Found) -> str:
    spelling, typo = found["spelling"], found["typo"]
    runs = ", ".join(_percent(run) for run in typo["runs"])
    return (
        f"{found['documents']} paragraphs. Spellings that normalisation undoes (marks, tatweel, hamza, final ى and ة, digits, "
        f"presentation forms) in {spelling['changed_words']:,} of {spelling['words']:,} words: "
        f"**{spelling['changed_events']}** of {spelling['events']:,} events changed.\n\n"
        f"One typo that it does not undo in every {typo['every']} words: TC {_percent(typo['before'])} becomes "
        f"{_percent(typo['after'])}, **{typo['drop']:.1f} points** lost (mean of {len(typo['runs'])} draws: {runs})."
    )


def _speed(found: Found) -> str:
    cold, warm, training, machine = (found[key] for key in ("cold_start", "latency", "fine_tuning", "environment"))
    length = f"{warm['words']['shortest']}–{warm['words']['longest']} words"
    rows = [
        ["`import ahdath`", f"{cold['import_s']:.3f} s, median of {cold['runs']} processes"],
        ["heavy modules that it loads", ", ".join(cold["heavy"]) or "none"],
        ["first answer of a fresh process, start to end", f"{cold['first_answer_s']:.2f} s, median of {cold['runs']}"],
        ["its peak memory, the article read", f"{cold['peak_mib']:,.0f} MiB, the highest of {cold['runs']}"],
        [f"a paragraph of {length}", f"{warm['median_ms']:.1f} ms median, {warm['p95_ms']:.1f} ms p95 of {warm['runs']}"],
        [
            f"{warm['paragraphs']} paragraphs in batches of 16",
            f"{warm['paragraphs_per_s']:,.1f} paragraphs/s, {warm['words_per_s']:,.0f} words/s",
        ],
        ["model folder", f"{found['folder_mb']:.1f} MB"],
    ]
    if training:
        rows.append(
            [
                "fine-tuning",
                f"{training['minutes_per_1000']:.1f} minutes per 1,000 paragraphs ({training['epochs']} epochs of "
                f"{training['epoch_s']:.0f} s over {training['paragraphs']:,} paragraphs, evaluation included)",
            ]
        )
    about = ", ".join(f"{key} {value}" for key, value in machine.items())
    return f"{_table(['what', 'result'], rows)}\n{about}."


# ---------------------------------------------------------------------- the model card


def model_card(found: Found) -> str:
    """README.md of the shipped model folder, in the layout of the Hugging Face hub."""
    return f"""---
license: apache-2.0
language:
- ar
library_name: ahdath
pipeline_tag: token-classification
tags:
- event-extraction
- news
---

# ahdath embedded: events in Arabic news

The default model of `ahdath`: 35 event types with triggers, 15 argument roles, modality and polarity, and event types of
sentences, over Modern Standard Arabic news paragraphs. A small transformer over light stems, with skip-gram vectors and
character n-grams beside it.

    from ahdath import classify
    classify("قصفت القوات السورية مدينة تلبيسة أمس.")

## Trained on

Pre-trained on Arabic Wikipedia of January 2017 (CC BY-SA 4.0) and the ANT corpus of Tunisian radio news, 2015–17
(Apache-2.0) only; fine-tuned first on paragraphs of that news with the events that most of three earlier models saw in
them, then on `seeds/train.jsonl` of the project (CC BY 4.0). The paragraphs of `seeds/` and their annotations were composed by
language models under the published guidelines, and no human reader checked them.

## Measured

{goals(found).rstrip()}

Test data are composed like the training data, on other beats; expect less on real newspapers. All tables: `docs/benchmarks.md`
of the project.

## Use it with care

It misses and invents events, and mistakes who did what to whom: read the text before acting on an answer. Types
and annotations carry the view of news agencies and of the models that wrote the training data. Not for decisions about
people, and not a source of facts about them.
"""


# ---------------------------------------------------------------------- cells


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return _NOT_YET
    value = _percent(spread.median)
    return value if spread.n == 1 else f"{value} ({_percent(spread.low)}–{_percent(spread.high)})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
