"""The command `ahdath`: parse -> call the library -> print.

Heavy imports stand inside the commands, so that `--help` is quick. What the library or the system refuses is told
in a line on stderr, with exit code 2; anything else is a mistake of ours and shows its traceback. Results go to
stdout, everything said beside them to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from .cli_convert import convert
from .cli_corpus import OntologyFile, corpus_app, ontology_of, say
from .cli_export import export
from .cli_label import label
from .cli_report import Language
from .cli_report import report as write_report
from .cli_suggest import suggest
from .errors import AhdathError, ConfigError
from .textfiles import Paragraph, open_output, read_paragraphs, take_any_text

if TYPE_CHECKING:
    from .evaluation import Extractor, Report
    from .inference import EventExtractor
    from .ontology import Ontology
    from .schema import Document

    Answers = tuple[list[Document], list[Document] | None]  # from the texts, and with gold triggers given

__all__ = ["app"]


class _Commands(TyperGroup):
    """All commands; the one place where errors that are not ours to mend become a message."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # who read us has enough; typer ends quietly
        except AhdathError as error:
            say(str(error))
        except OSError as error:
            problem = error.strerror or " ".join(str(error).split())
            say(f"{error.filename}: {problem}" if error.filename else problem)
        except ModuleNotFoundError as error:
            package = (error.name or "ahdath").partition(".")[0]
            if package == "ahdath":
                raise
            say(f"needs the package {package!r}, which is not installed: pip install {package}")
        raise typer.Exit(2)


app = typer.Typer(
    cls=_Commands,
    help="Reads Arabic news and says what happened: events with type, trigger and arguments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(corpus_app, name="corpus")
app.command()(convert)
app.command()(export)
app.command("report")(write_report)
app.command()(label)
app.command()(suggest)


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        typer.echo(f"ahdath {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    # Weights are loaded and warnings weighed by us; their bars would only stand between the results.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    take_any_text(sys.stdout)


# ---------------------------------------------------------------------- classify


class Format(str, Enum):
    """What `ahdath classify` writes."""

    table = "table"
    jsonl = "jsonl"
    html = "html"


ModelOption = Annotated[str | None, typer.Option("--model", help="Model folder or hub name.", show_default="embedded")]
OutputFile = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")]


@app.command()
def classify(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE|-", help="UTF-8 text; - is stdin.")] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to write the events.")] = Format.table,
    threshold: Annotated[float | None, typer.Option(help="Lowest trigger probability, instead of the model's.")] = None,
    types: Annotated[str | None, typer.Option(help="Only these event types, separated by commas.")] = None,
    sentences_only: Annotated[bool, typer.Option("--sentences-only", help="Only event types of sentences.")] = False,
    model: ModelOption = None,
    output: OutputFile = None,
    batch_size: Annotated[int, typer.Option(help="Paragraphs the model reads at once.")] = 16,
    language: Annotated[Language, typer.Option("--names", help="html: language of types and roles.")] = Language.ar,
) -> None:
    """Read texts, a paragraph a line, and write their events.

    jsonl has one document a paragraph, with `meta.file` and `meta.start`, its offset there in code points.
    """
    names = files or ["-"]
    if "-" in names and sys.stdin.isatty():
        say("reading from the keyboard; end with Ctrl-D (Ctrl-Z and Enter on Windows)")
    wanted = None if types is None else [name.strip() for name in types.split(",")]
    for name in names:
        if name != "-" and output is not None and output.exists() and Path(name).exists() and output.samefile(name):
            raise ConfigError(f"--output {output}: expected another file than the text that is read; rename it")
    paragraphs = read_paragraphs(names)
    first = next(paragraphs, None)
    documents: Iterator[Document] = iter(())
    if first is None:
        say(f"no text in {', '.join('stdin' if name == '-' else name for name in names)}; nothing to read")
    else:
        extractor = _extractor(model)
        waiting: deque[Paragraph] = deque()

        def texts() -> Iterator[str]:
            for paragraph in chain([first], paragraphs):
                waiting.append(paragraph)
                yield paragraph.text

        found = extractor.classify_many(
            texts(), batch_size=batch_size, threshold=threshold, types=wanted, sentences_only=sentences_only
        )
        documents = (_placed(document, waiting.popleft()) for document in found)
    if format is Format.html and output is not None:
        output.open("a").close()  # can it be written? A page is written at its end: until then an old one stays
        documents = iter(list(documents))
    with open_output(output) as stream:  # only now: what is refused above leaves the file as it was
        _write(documents, format, stream, sentences_only, language)


def _placed(document: Document, paragraph: Paragraph) -> Document:
    return replace(document, meta={**document.meta, "file": paragraph.file, "start": paragraph.start})


def _write(
    documents: Iterator[Document], format: Format, stream: TextIO, sentences_only: bool, language: Language
) -> None:
    from . import render

    if format is Format.jsonl:
        for document in documents:
            stream.write(json.dumps(document.to_dict(), ensure_ascii=False) + "\n")
            stream.flush()
    elif format is Format.html:
        stream.write(render.html(documents, names=language.value, sentences=sentences_only))
    else:
        from rich.console import Console

        width = None if stream.isatty() or "COLUMNS" in os.environ else 100
        console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
        for document in documents:
            console.print(render.terminal(document, sentences=sentences_only))


def _extractor(model: str | None) -> EventExtractor:
    from . import inference

    if model is None:
        return inference.default_extractor()
    name_on_hub = model.count("/") <= 1 and not model.startswith((".", "/", "~")) and not Path(model).exists()
    return inference.EventExtractor.from_pretrained(model if name_on_hub else Path(model).expanduser())


# ---------------------------------------------------------------------- train, pretrain
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of settings, see configs/.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; may be repeated.")
]


@app.command()
def train(config: ConfigFile, overrides: Overrides = None) -> None:
    """Fine-tune a model on annotated text. Run it again after a break and it goes on."""
    from . import training
    from .config import read_config

    settings = read_config(training.TrainConfig, config, overrides or ())
    training.train(settings)
    if os.environ.get("RANK", "0") == "0":  # under torchrun, one of the processes speaks
        record = json.loads((Path(settings.output) / "training.json").read_text(encoding="utf-8"))
        scores = ", ".join(f"{name.removeprefix('eval_')} {value:.1f}" for name, value in record["final"].items())
        typer.echo(f"{settings.output}: {scores} (F1 in percent on {settings.dev})")


@app.command()
def pretrain(config: ConfigFile, overrides: Overrides = None) -> None:
    """Make the small encoder from a folder of text. Run it again after a break and it goes on."""
    from . import pretraining
    from .config import read_config

    pretraining.pretrain(read_config(pretraining.PretrainConfig, config, overrides or ()))


# ---------------------------------------------------------------------- evaluate, score


class Baseline(str, Enum):
    """What `ahdath evaluate` can put beside the model."""

    lexicon = "lexicon"
    tokens = "tokens"
    sentences = "sentences"


OutputFolder = Annotated[Path | None, typer.Option("--output", "-o", help="Folder for report.json and report.md.")]
Bootstrap = Annotated[int, typer.Option(help="Samples for the intervals; 0: none.")]
Seed = Annotated[int, typer.Option(help="Seed of the bootstrap and the baselines.")]


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="JSONL of annotated documents.")],
    model: ModelOption = None,
    output: OutputFolder = None,
    baseline: Annotated[
        list[Baseline] | None,
        typer.Option(help="A system beside the model: lexicon coder, stock token or sentence classifier. Repeatable."),
    ] = None,
    train: Annotated[Path, typer.Option(help="What baselines learn from.")] = Path("seeds/train.jsonl"),
    encoder: Annotated[str | None, typer.Option(help="Encoder of the stock classifiers: folder or hub name.")] = None,
    bootstrap: Bootstrap = 1000,
    seed: Seed = 0,
) -> None:
    """Score a model on annotated documents, and baselines beside it."""
    from .corpus import read_jsonl
    from .evaluation import report
    from .metrics import compare
    from .tables import comparison_markdown, differences_markdown

    if encoder is None and set(baseline or ()) - {Baseline.lexicon}:
        raise ConfigError("--baseline tokens or sentences needs --encoder, the folder or hub name of an encoder")
    extractor = _extractor(model)
    ontology = extractor.ontology
    gold = read_jsonl(data, ontology)
    name = "embedded" if model is None else Path(model).name
    answers = {name: _answers(extractor, gold)}
    if baseline:
        known = read_jsonl(train, ontology)
        for kind in dict.fromkeys(baseline):
            answers[f"{kind.value} baseline"] = _baseline(kind, known, gold, str(encoder), ontology, seed)
    reports = {
        system: report(system, gold, *found, data=data.name, ontology=ontology, bootstrap=bootstrap, seed=seed)
        for system, found in answers.items()
    }
    parts = []
    if baseline:
        parts.append(comparison_markdown({system: [one.headline()] for system, one in reports.items()}))
        for system in list(reports)[1:] if bootstrap else ():
            gaps = compare(gold, answers[name][0], answers[system][0], ontology, bootstrap=bootstrap, seed=seed)
            parts.append(differences_markdown(gaps, name, system))
    _print_report(reports[name], output, parts)
    if output is not None:
        for system, one in list(reports.items())[1:]:
            one.save(output / system.replace(" ", "-"))


def _answers(extractor: Extractor, gold: Sequence[Document]) -> Answers:
    from .evaluation import predict

    found = predict(extractor, gold)
    return found.from_text, found.gold_triggers


def _baseline(
    kind: Baseline, known: Sequence[Document], gold: Sequence[Document], encoder: str, ontology: Ontology, seed: int
) -> Answers:  # fmt: skip
    from . import baselines

    if kind is Baseline.lexicon:
        return _answers(baselines.LexiconCoder.fit(known, ontology), gold)
    from .proof.systems import stem_pieces

    run = baselines.stock_token_baseline if kind is Baseline.tokens else baselines.stock_sentence_baseline
    return run(known, gold, encoder, encode=stem_pieces(encoder), options=baselines.StockOptions(seed=seed)), None


@app.command()
def score(
    gold: Annotated[Path, typer.Argument(metavar="GOLD", help="JSONL of annotated documents.")],
    predicted: Annotated[Path, typer.Argument(metavar="PRED", help="JSONL of any system's answers.")],
    output: OutputFolder = None,
    ontology: OntologyFile = None,
    bootstrap: Bootstrap = 1000,
    seed: Seed = 0,
) -> None:
    """Score the answers of any system.

    PRED is laid out as `ahdath classify --format jsonl` writes it; documents pair up by id or by order.
    """
    from .evaluation import score_files

    _print_report(score_files(gold, predicted, ontology=ontology_of(ontology), bootstrap=bootstrap, seed=seed), output)


def _print_report(report: Report, output: Path | None, before: Sequence[str] = ()) -> None:
    """Markdown to stdout; into the folder, that and JSON."""
    text = "\n".join([*before, report.to_markdown()])
    typer.echo(text, nl=False)
    if output is not None:
        report.save(output)
        (output / "report.md").write_text(text, encoding="utf-8")
