"""`ahdath.metrics.score` as an `evaluate.Metric`, loadable offline from the path of this file's folder.

`evaluate` copies this file and imports the copy, so it may only import installed packages. `evaluate` itself
is needed here and nowhere else in ahdath.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import datasets

import evaluate
from ahdath.errors import DataError
from ahdath.metrics import score
from ahdath.ontology import Ontology
from ahdath.schema import Document

__all__ = ["AhdathEvents"]

_DESCRIPTION = """
Event extraction scored as TextEE does: TI and TC (triggers), AI and AC (arguments), AI+ and AC+ (arguments
with the trigger they are attached to), micro precision, recall and F1 on exact spans; besides the overlap
variants of AC and AC+, sentence and paragraph types, modality and polarity of events found, calibration, and
false alarms.
"""

_INPUTS = """
Args:
    predictions: one JSON string a document, as `json.dumps(document.to_dict())` gives.
    references: the gold documents likewise; paired by id where ids are unique and the same, else by order.
    bootstrap: samples for 95 % intervals of F1 over paragraphs; 0, the default, gives none.
    seed: of the bootstrap.
    ontology: path of an ontology YAML to check both sides against; None: not checked.
    type_threshold: probability from which on a document's `types` count as paragraph types.

Returns a flat dict: "TC f1", "AC+ precision", "sentence types macro f1", "modality accuracy", "event ece" and
so on, all in [0, 1], and "false alarms per 1000 words"; with bootstrap also "TC f1 low" and "TC f1 high" for
every measure.
"""

_CITATION = """
@inproceedings{huang-etal-2024-textee,
    title = "{T}ext{EE}: Benchmark, Reevaluation, Reflections, and Future Challenges in Event Extraction",
    author = "Huang, Kuan-Hao and Hsu, I-Hung and Parekh, Tanmay and Xie, Zhiyu and Zhang, Zixuan and
      Natarajan, Premkumar and Chang, Kai-Wei and Peng, Nanyun and Ji, Heng",
    booktitle = "Findings of the Association for Computational Linguistics: ACL 2024",
    year = "2024"
}
"""


def _documents(rows: Sequence[str], side: str) -> list[Document]:
    documents = []
    for number, row in enumerate(rows, 1):
        try:
            documents.append(Document.from_dict(json.loads(row)))
        except (ValueError, DataError) as error:
            message = f"entry {number} of {side}: expected a document as JSON, found: {error}"
            raise DataError(message) from error
    return documents


class AhdathEvents(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """The metric; see the descriptions above, which `evaluate` shows to its users.

    >>> metric = evaluate.load("src/ahdath/metric")  # doctest: +SKIP
    >>> row = json.dumps({"text": "قصفت القوات البلدة", "events": []})
    >>> metric.compute(predictions=[row], references=[row])["TC f1"]  # doctest: +SKIP
    0.0
    """

    def _info(self) -> evaluate.MetricInfo:
        strings = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(strings),
        )

    def _compute(
        self,
        predictions: Sequence[str],
        references: Sequence[str],
        *,
        bootstrap: int = 0,
        seed: int = 0,
        ontology: str | None = None,
        type_threshold: float = 0.5,
    ) -> dict[str, float]:
        scores = score(
            _documents(references, "references"),
            _documents(predictions, "predictions"),
            Ontology.from_yaml(ontology) if ontology else None,
            bootstrap=bootstrap,
            seed=seed,
            type_threshold=type_threshold,
        )
        numbers = scores.flat()
        for name, one in scores.measures.items():
            if one.interval:
                numbers[f"{name} f1 low"], numbers[f"{name} f1 high"] = one.interval
        return numbers
