"""The commands `ahdath corpus …`: annotated text is checked, counted, compiled, audited and compared.

They belong to the command line of `cli`, under its rules: heavy imports stand inside the commands, results go to
stdout and everything said beside them to stderr.
"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .ontology import Ontology

__all__ = ["OntologyFile", "corpus_app", "ontology_of", "say"]

corpus_app = typer.Typer(
    help="Annotated text: check, count, compile, audit, compare.", no_args_is_help=True, rich_markup_mode=None
)

CorpusFiles = Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSONL of annotated documents.")]
OntologyFile = Annotated[Path | None, typer.Option("--ontology", help="YAML of event types.", show_default="packaged")]


def say(message: str) -> None:
    """A line on stderr, whatever its encoding."""
    typer.echo(f"ahdath: {message}".encode("utf-8", "backslashreplace").decode("utf-8"), err=True)


def ontology_of(path: Path | None) -> Ontology:
    """The ontology of a file, or the packaged one."""
    from .ontology import Ontology

    return Ontology.default() if path is None else Ontology.from_yaml(path)


@corpus_app.command()
def check(
    files: CorpusFiles,
    disjoint: Annotated[bool, typer.Option("--disjoint", help="No two files may share 8 words in a row.")] = False,
    ontology: OntologyFile = None,
) -> None:
    """Tell all that is wrong in corpus files; exit code 1 if anything is."""
    from . import corpus

    problems = corpus.check(files, ontology_of(ontology), disjoint=disjoint)
    for problem in problems:
        typer.echo(problem)
    say(f"{len(files)} file(s), {len(problems)} problem(s)")
    if problems:
        raise typer.Exit(1)


@corpus_app.command()
def stats(files: CorpusFiles) -> None:
    """Print what is in corpus files, as Markdown tables."""
    from . import corpus

    alike = len({path.stem for path in files}) < len(files)
    typer.echo(
        corpus.statistics_markdown({str(path) if alike else path.stem: corpus.read_jsonl(path) for path in files}), nl=False
    )


@corpus_app.command(name="compile")
def compile_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE_DIR", help="Hand-written batches and SPLIT.json.")],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="Folder for the JSONL files.")],
    ontology: OntologyFile = None,
) -> None:
    """Turn hand-written annotation into train, dev and test files with offsets."""
    from . import corpus

    output.mkdir(parents=True, exist_ok=True)
    for name, rows in corpus.compile_corpus(source, output, ontology_of(ontology)).items():
        typer.echo(f"{output / name}.jsonl: {rows} paragraphs")


class AuditFormat(str, Enum):
    """What `ahdath corpus audit` writes."""

    text = "text"
    jsonl = "jsonl"


@corpus_app.command()
def audit(
    files: CorpusFiles,
    format: Annotated[
        AuditFormat, typer.Option("--format", "-f", help="A report, or every finding.")
    ] = AuditFormat.text,
    top: Annotated[int, typer.Option(min=0, help="Findings of a kind that the report shows.")] = 10,
    ontology: OntologyFile = None,
) -> None:
    """List what looks wrong in corpus files, for a human eye: each finding is a question, not a verdict."""
    from . import audit as auditing
    from .corpus import read_jsonl

    known = ontology_of(ontology)
    documents = [document for path in files for document in read_jsonl(path, known)]
    findings = auditing.audit(documents, known)
    if format is AuditFormat.jsonl:
        for finding in findings:
            typer.echo(json.dumps(finding.to_dict(), ensure_ascii=False))
    else:
        typer.echo(auditing.overview(documents))
        typer.echo(auditing.report(findings, top))


@corpus_app.command()
def agreement(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="JSONL of annotated documents.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="The same paragraphs, annotated by someone else.")],
    listed: Annotated[bool, typer.Option("--list", help="Also list where they differ, by kind.")] = False,
    ontology: OntologyFile = None,
    bootstrap: Annotated[int, typer.Option(help="Samples for the intervals; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Print how far two annotations of the same paragraphs agree, matched by id."""
    from . import audit as auditing
    from .corpus import read_jsonl

    known = ontology_of(ontology)
    sides = read_jsonl(first, known), read_jsonl(second, known)
    found = auditing.agreement(*sides, known, bootstrap=bootstrap, seed=seed)
    typer.echo(found.to_markdown(), nl=False)
    if found.left_out:
        say(f"{found.left_out} paragraph(s) stand in one file only and are left out")
    if listed:
        typer.echo("\n" + auditing.report(found.disagreements, len(found.disagreements)))
