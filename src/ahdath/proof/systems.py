"""Seeds of a model, the shipped one and the baselines on the same documents: one table, and the tests behind it.

`table` is pure and works on answers; `quality` loads or trains what gives them, one system after the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ahdath import baselines
from ahdath.baselines import Encoded, StockOptions
from ahdath.baselines.stock import Encode
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.evaluation import Predictions, Report, predict, report
from ahdath.lexicon import StemLexicon
from ahdath.metrics import compare
from ahdath.schema import Document
from ahdath.tokenization import WordTokenizer

__all__ = ["Answers", "Stock", "quality", "stem_pieces", "table"]

MODEL, SHIPPED, CODER = "embedded", "embedded, as shipped", "lexicon coder"
TOKENS, SENTENCES = "stock token classifier", "stock sentence classifier"

_PARTS = ("paragraphs", "bootstrap", "seed", "measures", "types", "roles", "attributes", "calibration", "false_alarms")


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run of a system said: from the texts and, where it has arguments, with gold triggers given."""

    system: str
    run: str
    from_text: list[Document]
    gold_triggers: list[Document] | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """The stock classifiers of transformers on `encoder`, once a seed, for so many `epochs`; `rate` is that of learning.

    Their answers are kept in the folder `kept`, under a name made of all that they depend on, and read from there.
    """

    encoder: str
    seeds: int = 1
    epochs: float = 10.0
    rate: float = 2e-4
    kept: str = "runs/stock"


def quality(
    models: Sequence[str | Path], data: str | Path, train: str | Path, *, shipped: str | Path | None = None,
    stock: Stock | None = None, bootstrap: int = 1000, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Run and score everything on the file `data`; see `table` for what comes back.

    `models` are the folders of one recipe with different seeds, `shipped` that of the model that users get (None:
    the embedded default); the baselines learn from the file `train`.
    """
    gold, known = read_jsonl(data), read_jsonl(train)
    answers = [*_models(models, shipped, gold), *_baselines(known, gold, stock)]
    return {"data": Path(data).name, "train": Path(train).name, **table(gold, answers, bootstrap=bootstrap, seed=seed)}


def table(gold: Sequence[Document], answers: Sequence[Answers], *, bootstrap: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Score the answers of all runs.

    Gives "systems", the headline numbers (`Report.headline`) of every run by system; "median", the run of the model
    whose TC is the median of its seeds; "differences", that run against the lexicon coder by paired bootstrap
    (`metrics.compare`); "shipped", the scores of the shipped model in detail. The last two are None where a side is
    missing.
    """
    reports = [(one, _report(one, gold, 0, seed)) for one in answers]
    systems: dict[str, list[dict[str, float]]] = {}
    for one, scored in reports:
        systems.setdefault(one.system, []).append({name: round(v, 5) for name, v in scored.headline().items()})
    runs = sorted((pair for pair in reports if pair[0].system == MODEL), key=lambda pair: pair[1].scores.flat()["TC f1"])
    middle = runs[(len(runs) - 1) // 2][0] if runs else None
    coder = next((one for one in answers if one.system == CODER), None)
    shipped = next((one for one in answers if one.system == SHIPPED), None)
    differences = None
    if middle is not None and coder is not None:
        found = compare(gold, middle.from_text, coder.from_text, bootstrap=bootstrap, seed=seed)
        differences = {name: asdict(difference) for name, difference in found.items()}
    return {
        "documents": len(gold),
        "systems": systems,
        "median": None if middle is None else middle.run,
        "differences": differences,
        "shipped": None if shipped is None else _details(_report(shipped, gold, bootstrap, seed)),
    }


def _report(answers: Answers, gold: Sequence[Document], bootstrap: int, seed: int) -> Report:
    return report(answers.system, gold, answers.from_text, answers.gold_triggers, bootstrap=bootstrap, seed=seed)


def _details(found: Report) -> dict[str, Any]:
    """What a reader of the benchmark wants of a report: all counts, the twenty commonest confusions."""
    whole = json.loads(found.to_json())
    scores: Mapping[str, Any] = whole["scores"]
    given = whole["gold_triggers"]
    return {
        **{name: scores[name] for name in _PARTS},
        "confusion": scores["confusion"][:20],
        "gold_triggers": given and {name: given[name] for name in ("measures", "attributes", "calibration")},
    }


def _models(models: Sequence[str | Path], shipped: str | Path | None, gold: Sequence[Document]) -> Iterator[Answers]:
    from ahdath.inference import EventExtractor

    for system, path in [*((MODEL, path) for path in models), (SHIPPED, shipped)]:
        extractor = EventExtractor.from_pretrained(None if path is None else Path(path))
        found: Predictions = predict(extractor, gold)
        yield Answers(system, "embedded" if path is None else Path(path).name, found.from_text, found.gold_triggers)


def _baselines(known: Sequence[Document], gold: Sequence[Document], stock: Stock | None) -> Iterator[Answers]:
    found = predict(baselines.LexiconCoder.fit(known), gold)
    yield Answers(CODER, "", found.from_text, found.gold_triggers)
    if stock is None:
        return
    for seed in range(stock.seeds):
        options = StockOptions(epochs=stock.epochs, learning_rate=stock.rate, seed=seed)
        for system, run in ((TOKENS, baselines.stock_token_baseline), (SENTENCES, baselines.stock_sentence_baseline)):
            place = _kept(stock, system, options, known, gold)
            if not place.exists():
                found_by = run(known, gold, stock.encoder, encode=stem_pieces(stock.encoder), options=options)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_jsonl(place.with_suffix(".part"), found_by)
                place.with_suffix(".part").replace(place)
            yield Answers(system, f"seed {seed}", read_jsonl(place))


def _kept(stock: Stock, system: str, options: StockOptions, known: Sequence[Document], gold: Sequence[Document]) -> Path:
    """Where the answers of a stock classifier are kept: named by a digest of settings, encoder and documents."""
    told = hashlib.sha256(json.dumps([system, asdict(options)], sort_keys=True).encode())
    for path in sorted(Path(stock.encoder).glob("*.safetensors")):
        told.update(path.read_bytes())
    for document in (*known, *gold):
        told.update(json.dumps(document.to_dict(), sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return Path(stock.kept) / f"{system.replace(' ', '-')}-{options.seed}-{told.hexdigest()[:12]}.jsonl"


def stem_pieces(encoder: str | Path) -> Encode | None:
    """How an encoder with a stem lexicon in its folder reads words; None for one that reads them whole."""
    if not (Path(encoder) / "lexicon.json").exists():
        return None
    from transformers import AutoTokenizer

    pieces: Any = AutoTokenizer.from_pretrained(encoder)
    reader = WordTokenizer(pieces, max_length=512, lexicon=StemLexicon.load(Path(encoder) / "lexicon.json"))

    def encode(forms: list[str]) -> Encoded:
        ids, affixes, _ = reader.pieces(forms)
        flat = [(piece, word) for word, own in enumerate(ids) for piece in own]
        types = [kind for word, own in enumerate(ids) for kind in [affixes[word] if affixes else 0] + [0] * (len(own) - 1)]
        return Encoded(
            [pieces.cls_token_id, *(piece for piece, _ in flat), pieces.sep_token_id],
            [None, *(word for _, word in flat), None],
            [0, *types, 0],
        )

    return encode
