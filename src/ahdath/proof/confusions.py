"""What a model takes for what: by event type and role, with the words at which it happens.

Counts are those of all models added up; tables show them a model. A trigger counts as confused where another type stands on
exactly its characters; where the model's trigger has other edges, one is missed and one invented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ahdath.counting import Pair, align, by_trigger, mistakes
from ahdath.metrics import score
from ahdath.proof.slices import answered, read_models

if TYPE_CHECKING:
    from ahdath.schema import Document, Event

__all__ = ["changes_table", "confusions", "measure", "roles_table", "types_table"]

COMMONEST, EXAMPLES, LONGEST, WORST = 10, 3, 30, 5
"""Confusions that are listed, examples of each, characters of an example; types whose change is told."""


def measure(models: Sequence[Path], documents: Sequence[Document]) -> dict[str, Any]:
    """Let every model read the documents; `confusions` says what comes back, beside the names of the models."""
    from ahdath.shipping import digest

    answers = [answered(extractor, documents) for _, extractor in read_models(models)]
    names = [{"name": folder.name, "weights": digest(folder)} for folder in models]
    return {"models": names, **confusions(documents, answers)}


def confusions(gold: Sequence[Document], answers: Sequence[Sequence[Document]]) -> dict[str, Any]:
    """Right and wrong by type, and the commonest confusions of types and of roles; counts of all `answers` added up.

    Gives "paragraphs"; "types", by event type `gold`, `predicted`, `correct`, `missed`, `invented` and the commonest words of
    the last two; "confusions", rows of `gold` and `predicted` type, `count`, `words`; "roles", the same of the roles of one
    span, judged where trigger and type are right, with the trigger before each argument.
    """
    pairs = [pair for each in answers for pair in align(gold, each)]
    wrong = [(gold, span, lost, extra) for gold, guess in pairs for span, lost, extra in mistakes(gold, guess)]
    told = [(lost, extra, document.text[slice(*span)]) for document, span, lost, extra in wrong]
    return {
        "paragraphs": len(gold),
        "types": _types(gold, answers, told),
        "confusions": _rows(((lost, extra), words) for lost, extra, words in told if lost and extra),
        "roles": _rows(found for pair in pairs for found in _roles(pair)),
    }


def _types(
    gold: Sequence[Document], answers: Sequence[Sequence[Document]], told: Sequence[tuple[str | None, str | None, str]]
) -> dict[str, dict[str, Any]]:
    """By type in the ontology's order."""
    found: dict[str, dict[str, Any]] = {}
    order = [score(gold, each, bootstrap=0).types for each in answers]
    for name in dict.fromkeys(name for one in order for name in one):
        scores = [one[name] for one in order if name in one]
        count = {key: sum(getattr(one, key) for one in scores) for key in ("gold", "predicted", "correct")}
        missed = [words for lost, extra, words in told if lost == name and extra is None]
        invented = [words for lost, extra, words in told if extra == name and lost is None]
        found[name] = {
            **count, "missed": len(missed), "invented": len(invented),
            "missed_words": _examples(missed), "invented_words": _examples(invented),
        }  # fmt: skip
    return found


def _roles(pair: Pair) -> Iterator[tuple[tuple[str, str], str]]:
    """((gold role, predicted role), "trigger: argument") of spans that are arguments on both sides, with another role."""
    mine, theirs = (by_trigger(document) for document in pair)
    for key in sorted(mine.keys() & theirs.keys()):
        roles, guessed = _by_span(mine[key]), _by_span(theirs[key])
        for span in sorted(roles.keys() & guessed.keys()):
            for lost, extra in zip(sorted(roles[span] - guessed[span]), sorted(guessed[span] - roles[span]), strict=False):
                yield (lost, extra), f"{mine[key].trigger.text}: {pair[0].text[slice(*span)]}"


def _by_span(event: Event) -> dict[tuple[int, int], set[str]]:
    found: dict[tuple[int, int], set[str]] = {}
    for one in event.arguments:
        found.setdefault((one.span.start, one.span.end), set()).add(one.role)
    return found


def _rows(found: Iterable[tuple[tuple[str, str], str]]) -> list[dict[str, Any]]:
    """The commonest pairs, the first name in the alphabet first among equals."""
    groups: dict[tuple[str, str], list[str]] = {}
    for pair, words in found:
        groups.setdefault(pair, []).append(words)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:COMMONEST]
    return [{"gold": a, "predicted": b, "count": len(words), "words": _examples(words)} for (a, b), words in ordered]


def _examples(words: Sequence[str]) -> list[str]:
    """The commonest, short and on one line; among equals the one that came first."""
    short = (" ".join(one.split()) for one in words)
    cut = Counter(one if len(one) <= LONGEST else one[: LONGEST - 1] + "…" for one in short)
    return [one for one, _ in cut.most_common(EXAMPLES)]


# ---------------------------------------------------------------------- numbers -> tables


def types_table(found: Mapping[str, Any] | None) -> str:
    """Every type with its scores and what is missed and invented, then the commonest confusions, as Markdown."""
    if not found:
        return "Not measured yet."
    models = len(found["models"])
    head = ["type", "gold", "P", "R", "F1", "missed", "such as", "invented", "such as"]
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|---:|---|---:|---|"]
    for name, one in found["types"].items():
        gold, predicted, correct = (one[key] for key in ("gold", "predicted", "correct"))
        ratios = [_percent(correct, predicted), _percent(correct, gold), _percent(2 * correct, gold + predicted)]
        cells = [f"{gold // models}", *ratios, _mean(one["missed"], models), _words(one["missed_words"])]
        cells += [_mean(one["invented"], models), _words(one["invented_words"])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    note = (
        f"Triggers with their type (TC) on {found['paragraphs']} paragraphs, {models} model(s). P, R, F1 in percent over all models "
        "together; missed and invented are counts a model, without those confused with another type on the same words."
    )
    return "\n\n".join(["\n".join(lines), note, "The commonest confusions:", _confused(found["confusions"], models, "type")])


def changes_table(found: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> str:
    """What became of the types that were worst before, and of the confusion that was commonest, as Markdown."""
    if not found or not before:
        return "Not measured yet."

    def f1(side: Mapping[str, Any], name: str) -> float:
        one = side["types"][name]
        return float(2 * one["correct"] / max(one["gold"] + one["predicted"], 1))

    worst = sorted((name for name in before["types"] if name in found["types"]), key=lambda name: f1(before, name))[:WORST]
    lines = ["| type | P, before → now | R | F1 |", "|---|---:|---:|---:|"]
    for name in worst:
        sides = [side["types"][name] for side in (before, found)]
        ratios = [[_percent(one["correct"], one["predicted"]) for one in sides], [_percent(one["correct"], one["gold"]) for one in sides],
                  [_percent(2 * one["correct"], one["gold"] + one["predicted"]) for one in sides]]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(' → '.join(pair) for pair in ratios)} |")
    times = {(row["gold"], row["predicted"]): _mean(row["count"], len(found["models"])) for row in found["confusions"]}
    for row in before["confusions"][:WORST]:
        pair = row["gold"], row["predicted"]
        now = times.get(pair, f"no longer among the {COMMONEST} commonest")
        lines.append(f"| {pair[0]} taken for {pair[1]}, times a model | {_mean(row['count'], len(before['models']))} → {now} | | |")
    return "\n".join(lines)


def roles_table(found: Mapping[str, Any] | None) -> str:
    """The commonest confusions of roles as Markdown."""
    return _confused(found["roles"], len(found["models"]), "role") if found else "Not measured yet."


def _confused(rows: Sequence[Mapping[str, Any]], models: int, what: str) -> str:
    if not rows:
        return "None."
    lines = [f"| annotated {what} | predicted | times a model | such as |", "|---|---|---:|---|"]
    for row in rows:
        lines.append(f"| {row['gold']} | {row['predicted']} | {_mean(row['count'], models)} | {_words(row['words'])} |")
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def _mean(count: int, models: int) -> str:
    return f"{count / models:.1f}".removesuffix(".0")


def _words(words: Sequence[str]) -> str:
    return "، ".join(word.replace("|", "\\|") for word in words)
