"""Checks over annotated documents for a human eye: what looks wrong, where, and how strongly.

    findings.py    Place, Finding, and Reading: a document with its words
    repeats.py     near-duplicates and repeated skeletons
    triggers.py    a word annotated in one place and left in another
    spans.py       spans that break the guidelines mechanically
    attributes.py  cues of modality and polarity without the value, and values without a cue
    overview.py    counts by type, role, batch, spelling and length
    report.py      findings as text
    agreement.py   two annotations of the same paragraphs

A finding is a question, not a verdict: every rule here has honest exceptions. What a rule knows of Arabic
stands as data at the top of its module, with the reason. Nothing here knows of models, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from ahdath.audit.agreement import Agreement, agreement
from ahdath.audit.attributes import attribute_findings
from ahdath.audit.findings import Finding, Place, Reading, ranked
from ahdath.audit.overview import length_of, overview, spelling_of
from ahdath.audit.repeats import repeat_findings
from ahdath.audit.report import report
from ahdath.audit.spans import span_findings
from ahdath.audit.triggers import trigger_findings
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = [
    "Agreement",
    "Finding",
    "Place",
    "agreement",
    "audit",
    "length_of",
    "overview",
    "report",
    "spelling_of",
]


def audit(documents: Iterable[Document], ontology: Ontology | None = None) -> list[Finding]:
    """All findings, by kind and then the strongest first; the same for the same documents.

    `ontology` (None: the packaged one) says which values of the attributes are the defaults. A corpus of 3,000
    paragraphs takes seconds.

    >>> text = "قصفت القوات في حلب"
    >>> place = Argument("Place", Span.of(text, 12, 18))
    >>> audit([Document(text, [Event("Conflict.Attack", Span.of(text, 0, 4), [place])], id="1")])[0].message
    "Place 'في حلب' starts with the separate preposition 'في'"
    """
    known = ontology or Ontology.default()
    readings = [Reading.of(document, number) for number, document in enumerate(documents, 1)]
    found = [
        *repeat_findings(readings),
        *trigger_findings(readings),
        *span_findings(readings),
        *attribute_findings(readings, known.attributes),
    ]
    return ranked(found)
