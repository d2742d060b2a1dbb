"""The command `ahdath report`: gold and predicted documents -> one HTML page."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .cli_corpus import OntologyFile, ontology_of
from .errors import ConfigError

__all__ = ["Language", "report"]


class Language(str, Enum):
    """In which language types and roles are called."""

    ar = "ar"
    en = "en"


def report(
    gold: Annotated[Path, typer.Option("--gold", "-g", help="JSONL of annotated documents.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")],
    predicted: Annotated[
        Path | None,
        typer.Option("--pred", "-p", help="JSONL of a system's answers. Without it a model reads the texts."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Model folder or hub name.", show_default="embedded")
    ] = None,
    learning_curve: Annotated[
        Path | None,
        typer.Option(help='JSON: {"x": "paragraphs", "y": "TC F1", "curves": {"random": [[100, 0.41], [200, 0.52]]}}'),
    ] = None,
    names: Annotated[Language, typer.Option(help="Language of the page.")] = Language.ar,
    title: Annotated[str, typer.Option(help="What stands on top.")] = "",
    ontology: OntologyFile = None,
    bootstrap: Annotated[int, typer.Option(help="Samples for the intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Write one HTML page of pictures and tables: scores, confusions, calibration, learning curve, events over time.

    Documents pair up by id or by order. Events over time need a date in `meta.date`, such as 2024-05-17.
    """
    import os

    from . import report as reporting
    from .corpus import read_jsonl

    if predicted is not None and model is not None:
        raise ConfigError("--pred and --model: expected one of them, found both; leave one out")
    for given in (gold, predicted, learning_curve):
        if given is not None and output.exists() and given.exists() and output.samefile(given):
            raise ConfigError(f"--output {output}: expected another file than those that are read; rename it")
    curves = None if learning_curve is None else reporting.read_curves(learning_curve)
    if predicted is not None:
        known = ontology_of(ontology)
        golds, answers = read_jsonl(gold, known), read_jsonl(predicted, known)
    else:
        from .inference import EventExtractor

        extractor = EventExtractor.from_pretrained(None if model is None else os.path.expanduser(model))
        known = extractor.ontology if ontology is None else ontology_of(ontology)
        golds = read_jsonl(gold, known)
        answers = list(extractor.classify_many(document.text for document in golds))
    page = reporting.html(
        golds, answers, ontology=known, curves=curves, names=names.value, title=title, bootstrap=bootstrap, seed=seed
    )
    output.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")
    typer.echo(f"{output}: {len(golds)} documents")
