"""Gold against predicted documents: every score that ahdath reports, with intervals, and paired tests.

Measures, micro over the collection, exact spans, a key that stands twice in a paragraph counted once, as in
TextEE (K.-H. Huang et al., Findings of ACL 2024, and its scorer):

    TI   trigger (start, end)                      TC   and the event type
    AI   event type and argument (start, end)      AC   and the role
    AI+  AI and the trigger it is attached to      AC+  AC and the trigger it is attached to

"AC overlap" and "AC+ overlap" ask of the argument's span only that it overlaps. "sentence types" and
"paragraph types" compare the labels of sentences and paragraphs. Attributes are judged on events whose
trigger and type are right. All values lie in [0, 1]; intervals are 95 % percentile bootstrap intervals over
paragraphs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ahdath.calibration import Calibration, reliability
from ahdath.counting import ATTRIBUTES, Column, Pair, Tally, align, by_trigger, event_keys, mistakes, tally
from ahdath.errors import ConfigError
from ahdath.ontology import Ontology
from ahdath.schema import Document
from ahdath.scores import Attribute, Confusion, Difference, Estimate, FalseAlarms, Score, Scores
from ahdath.significance import Floats, f1_of, percentile_interval, resample, two_sided_p

__all__ = ["MEASURES", "compare", "score"]

MEASURES = (
    "TI",
    "TC",
    "AI",
    "AC",
    "AI+",
    "AC+",
    "AC overlap",
    "AC+ overlap",
    "sentence types",
    "paragraph types",
)
"""The names of the micro measures, in the order of reports."""

MACROS = ("sentence types", "paragraph types")


def score(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    ontology: Ontology | None = None,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    type_threshold: float = 0.5,
) -> Scores:
    """Score predicted documents against gold ones.

    `ontology` names the default values of the attributes and the order of types (None: the packaged one);
    when given, both sides are checked against it. `bootstrap` samples give the intervals (0: none, fast, for
    use during training). `type_threshold` says from which probability on `Document.types` names a type.

    Raises DataError when the documents do not pair up, or a type or
    role is not in the given ontology; ConfigError when `bootstrap` is negative.

    >>> event = Event("Conflict.Attack", Span(0, 4, "قصفت"))
    >>> gold = [Document("قصفت القوات البلدة.", events=(event,))]
    >>> score(gold, gold).measures["TC"].f1
    1.0
    """
    if bootstrap < 0:
        raise ConfigError(f"bootstrap is {bootstrap}; expected 0 (no intervals) or more samples.")
    pairs, counted = _counted(gold, predicted, ontology, type_threshold)
    drawn = resample(counted.counts, bootstrap, seed) if bootstrap else None
    totals = counted.counts.sum(axis=0)

    table: dict[Column, Score] = {}
    for at, column in enumerate(counted.columns):
        interval = None if drawn is None else percentile_interval(f1_of(drawn[:, at]))
        gold_n, predicted_n, correct = (int(n) for n in totals[at])
        table[column] = Score(gold_n, predicted_n, correct, interval)

    def parts(name: str) -> dict[str, Score]:
        return {counted.columns[at][1]: table[counted.columns[at]] for at in counted.parts(name)}

    macro = {}
    for name in MACROS:
        point = float(_macro(counted, name, totals[np.newaxis].astype(np.float64))[0])
        interval = None if drawn is None else percentile_interval(_macro(counted, name, drawn))
        macro[name] = Estimate(0.0 if np.isnan(point) else point, interval)
    attributes = {}
    for name in ATTRIBUTES:
        whole = table[(name,)]
        attributes[name] = Attribute(whole.gold, Estimate(whole.f1, whole.interval), parts(name))
    return Scores(
        paragraphs=len(pairs),
        bootstrap=bootstrap,
        seed=seed,
        measures={name: table[(name,)] for name in MEASURES},
        macro=macro,
        attributes=attributes,
        types=parts("TC"),
        roles=parts("AC+"),
        calibration=_calibration(pairs),
        false_alarms=_false_alarms(pairs),
        confusion=_confusion(pairs),
    )


def compare(
    gold: Iterable[Document],
    a: Iterable[Document],
    b: Iterable[Document],
    ontology: Ontology | None = None,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    type_threshold: float = 0.5,
) -> dict[str, Difference]:
    """Two systems on the same documents, by paired bootstrap: every sample takes the same paragraphs of both.

    Gives a Difference for each of MEASURES and, as "sentence types macro", for the macro means. Raises what
    `score` raises, and ConfigError when `bootstrap` is below 1.
    """
    golds = list(gold)
    sides = [_counted(golds, system, ontology, type_threshold)[1] for system in (a, b)]
    drawn = [resample(side.counts, bootstrap, seed) for side in sides]
    totals = [side.counts.sum(axis=0, dtype=np.float64)[np.newaxis] for side in sides]
    differences = {}
    for name in (*MEASURES, *(f"{name} macro" for name in MACROS)):
        one, other = (float(_f1(side, name, total)[0]) for side, total in zip(sides, totals, strict=True))
        gap = _f1(sides[0], name, drawn[0]) - _f1(sides[1], name, drawn[1])
        interval, p = percentile_interval(gap), two_sided_p(gap)
        differences[name] = Difference(one, other, one - other, interval, p)
    return differences


def _f1(counted: Tally, name: str, counts: Floats) -> Floats:
    """A measure of every sample, 0 where nothing is there. counts: (samples, columns, 3) -> (samples,)."""
    if name.endswith(" macro"):
        return np.nan_to_num(_macro(counted, name.removesuffix(" macro"), counts))
    return np.nan_to_num(f1_of(counts[:, counted.columns.index((name,))]))


def _counted(
    gold: Iterable[Document], predicted: Iterable[Document], ontology: Ontology | None, threshold: float
) -> tuple[list[Pair], Tally]:
    pairs = align(gold, predicted)
    if ontology is not None:
        for pair in pairs:
            for document in pair:
                document.check(ontology)
    known = ontology or Ontology.default()
    order = (*known.type_names, *known.role_names)
    return pairs, tally(pairs, known.attributes, threshold=threshold, order=order)


def _macro(counted: Tally, name: str, counts: Floats) -> Floats:
    """Mean F1 over the types that occur in a sample, NaN if none does. Shapes as in `_f1`."""
    values = f1_of(counts[:, counted.parts(name)])
    present = ~np.isnan(values)
    n = present.sum(axis=1)
    total = np.where(present, values, 0.0).sum(axis=1)
    mean = np.full(len(values), np.nan)
    np.divide(total, n, out=mean, where=n > 0)
    return mean


def _calibration(pairs: Sequence[Pair]) -> dict[str, Calibration]:
    """Of events over all predictions; of arguments over those whose event is right."""
    judged: dict[str, list[tuple[float, bool]]] = {"event": [], "argument": []}
    for gold, predicted in pairs:
        right, wanted = by_trigger(gold).keys(), event_keys(gold)["AC+"]
        for key, event in by_trigger(predicted).items():
            judged["event"].append((event.score, key in right))
            if key in right:
                judged["argument"] += [
                    (one.score, (*key[:2], event.type, one.span.start, one.span.end, one.role) in wanted)
                    for one in event.arguments
                ]
    return {name: reliability([s for s, _ in rows], [ok for _, ok in rows]) for name, rows in judged.items()}


def _false_alarms(pairs: Sequence[Pair]) -> FalseAlarms:
    empty = [(gold, predicted) for gold, predicted in pairs if not gold.events]
    words = sum(any(c.isalnum() for c in word) for gold, _ in empty for word in gold.text.split())
    return FalseAlarms(len(empty), words, sum(len(by_trigger(predicted)) for _, predicted in empty))


def _confusion(pairs: Sequence[Pair]) -> Confusion:
    types: Counter[tuple[str, str]] = Counter()
    missed: Counter[str] = Counter()
    spurious: Counter[str] = Counter()
    for gold, predicted in pairs:
        for _, lost, extra in mistakes(gold, predicted):
            if lost and extra:
                types[lost, extra] += 1
            elif lost:
                missed[lost] += 1
            elif extra:
                spurious[extra] += 1
    return Confusion(dict(types), dict(missed), dict(spurious))
