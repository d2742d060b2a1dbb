"""The command `ahdath`: what it prints, where it writes, how it refuses; with a toy in place of the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ahdath
from ahdath import inference
from ahdath.cli import app
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.errors import ConfigError
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Sentence, Span

ROOT = Path(__file__).parent.parent
FIRST, SECOND = "قصفت الطائرات حلب أمس.", "وصل الوفد 😀 إلى جنيف."
TEXT = f"  {FIRST}\r\n\n{SECOND}\n"


class Toy:
    """Finds قصفت with the word behind it; remembers how it was asked."""

    ontology = Ontology.default()

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def classify_many(self, texts: Iterable[str], **options: Any) -> Iterator[Document]:
        self.asked = options
        if options.get("threshold") is not None and options["threshold"] > 1:
            raise ConfigError("threshold 2.0: expected a probability between 0 and 1")
        ahead = list(texts)
        return (self._read(text, bool(options.get("sentences_only"))) for text in ahead)

    def with_gold_triggers(self, documents: Sequence[Document]) -> list[Document]:
        return list(documents)

    def _read(self, text: str, sentences_only: bool) -> Document:
        found = "قصفت" in text
        types = ("Conflict.Attack",) if found else ()
        sentence = Sentence(0, len(text), text, types, dict.fromkeys(types, 0.75))
        events = () if sentences_only or not found else (attack(text),)
        return Document(text, events, (sentence,), model="toy", ontology="0", types={})


def attack(text: str) -> Event:
    start = text.index("قصفت")
    end = text.find(" ", start + 5)
    agent = Argument("Agent", Span.of(text, start + 5, end if end > 0 else len(text)), 0.5)
    return Event("Conflict.Attack", Span.of(text, start, start + 4), (agent,), "other", score=0.75)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    monkeypatch.setattr(inference, "default_extractor", lambda: made)
    monkeypatch.setenv("COLUMNS", "100")
    return made


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_bytes(TEXT.encode())
    return path


def run(*args: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, catch_exceptions=False)


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# ---------------------------------------------------------------------- classify


def test_jsonl_gives_a_document_a_paragraph_with_its_place(toy: Toy, article: Path) -> None:
    result = run("classify", article, "--format", "jsonl")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = rows(result)
    whole = article.read_bytes().decode("utf-8")
    for row, text in ((first, FIRST), (second, SECOND)):
        assert row["text"] == text
        assert row["meta"] == {"file": str(article), "start": whole.index(text)}
        assert whole[row["meta"]["start"] :].startswith(text)
    assert [(e["type"], e["trigger"]["text"], e["arguments"][0]["text"]) for e in first["events"]] == [
        ("Conflict.Attack", "قصفت", "الطائرات")
    ]
    assert second["events"] == []
    assert Document.from_dict(first, Ontology.default()).model == "toy"


def test_stdin_is_read_with_and_without_a_dash(toy: Toy) -> None:
    for args in (("classify",), ("classify", "-")):
        result = run(*args, "--format", "jsonl", stdin=TEXT.encode())
        assert [row["meta"] for row in rows(result)] == [{"file": "-", "start": 2}, {"file": "-", "start": 27}]


def test_several_files_are_one_stream(toy: Toy, article: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(SECOND, encoding="utf-8")
    found = [
        (row["meta"]["file"], row["meta"]["start"]) for row in rows(run("classify", other, article, "-f", "jsonl"))
    ]
    assert found == [(str(other), 0), (str(article), 2), (str(article), 27)]


def test_the_table_is_the_default(toy: Toy, article: Path) -> None:
    output = run("classify", article).stdout
    assert f"{article}:2" in output.replace("\n", "")
    assert FIRST in output
    assert "no events" in output
    line = next(line for line in output.splitlines() if "Conflict.Attack" in line)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "0.75", "other", "الطائرات", "Agent", "قصفت", "Conflict.Attack",
    ]  # fmt: skip


def test_html_is_one_page(toy: Toy, article: Path) -> None:
    page = run("classify", article, "--format", "html").stdout
    assert page.count("<article>") == 2
    assert ">قصفت</mark>" in page
    assert page.endswith("</html>\n")


def test_output_goes_to_a_file(toy: Toy, article: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    result = run("classify", article, "-f", "jsonl", "--output", target)
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    assert [document.text for document in read_jsonl(target, Ontology.default())] == [FIRST, SECOND]
    assert target.read_bytes().count(b"\n") == 2


def test_the_text_itself_is_not_overwritten(toy: Toy, article: Path) -> None:
    result = run("classify", article, "--output", article)
    assert result.exit_code == 2
    assert "expected another file than the text that is read" in result.stderr
    assert article.read_bytes() == TEXT.encode()


def test_options_reach_the_extractor(toy: Toy, article: Path) -> None:
    options = ("--threshold", "0.3", "--types", "Conflict.Attack, Life.Die", "--batch-size", "4", "--sentences-only")
    result = run("classify", article, "-f", "jsonl", *options)
    assert toy.asked == {
        "threshold": 0.3, "types": ["Conflict.Attack", "Life.Die"], "batch_size": 4, "sentences_only": True,
    }  # fmt: skip
    assert [row["sentences"][0]["types"] for row in rows(result)] == [["Conflict.Attack"], []]
    assert "0.75" in run("classify", article, "--sentences-only").stdout
    assert 'class="sentences"' in run("classify", article, "--sentences-only", "-f", "html").stdout


def test_a_model_is_loaded_by_folder_or_name(monkeypatch: pytest.MonkeyPatch, article: Path, tmp_path: Path) -> None:
    asked: list[object] = []

    def load(name: object) -> Toy:
        asked.append(name)
        return Toy()

    monkeypatch.setattr(inference.EventExtractor, "from_pretrained", load)
    for name in (str(tmp_path), "someone/model", "./runs/embedded", "runs/a/b"):
        assert run("classify", article, "--model", name, "-f", "jsonl").exit_code == 0
    assert asked == [tmp_path, "someone/model", Path("runs/embedded"), Path("runs/a/b")]


@pytest.mark.parametrize("text", ["", "\n \n\r\n", "\u200f\n"])
def test_empty_input_is_no_error(toy: Toy, tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(text, encoding="utf-8")
    for format in ("table", "jsonl"):
        result = run("classify", path, "-f", format)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"ahdath: no text in {path}; nothing to read\n"
    assert "<article>" not in run("classify", path, "-f", "html").stdout


def test_empty_input_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "default_extractor", None)
    assert run("classify", stdin="").exit_code == 0


def test_damaged_bytes_are_told_with_file_and_offset(toy: Toy, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("قصفت\n".encode() + "ab حلب".encode("cp1256"))
    result = run("classify", path, "-f", "jsonl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"ahdath: {path}: expected UTF-8, found cd at byte 12; convert the file")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("odd", [("--threshold", "2"), ("--model", "./none")])
@pytest.mark.parametrize("format", ["jsonl", "html", "table"])
def test_a_refused_command_leaves_the_old_output(
    toy: Toy, tmp_path: Path, article: Path, odd: tuple[str, str], format: str
) -> None:
    output = tmp_path / "out"
    output.write_text("of yesterday", encoding="utf-8")
    assert run("classify", article, "-f", format, "-o", output, *odd).exit_code == 2
    assert output.read_text(encoding="utf-8") == "of yesterday"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("classify", "none.txt"), "ahdath: none.txt: expected a text file, found none; check the path\n"),
        (("classify", "."), "ahdath: .: Is a directory\n"),
        (("classify", "-", "--threshold", "2"), "ahdath: threshold 2.0: expected a probability between 0 and 1\n"),
        (("classify", "-", "--output", "no/where.txt"), "ahdath: no/where.txt: No such file or directory\n"),
        (("score", "a.jsonl", "b.jsonl"), "ahdath: a.jsonl: expected a readable JSONL file, found: No such file"),
        (("pretrain", "none.yaml"), "ahdath: none.yaml: expected a readable YAML file, found: No such file"),
        (("corpus", "compile", "none", "out"), "ahdath: none/SPLIT.json: expected "),
    ],
)
def test_what_is_refused_is_one_line(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*args, stdin=FIRST)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_a_mistake_of_ours_shows_itself(monkeypatch: pytest.MonkeyPatch, article: Path) -> None:
    def broken() -> Toy:
        raise ZeroDivisionError

    monkeypatch.setattr(inference, "default_extractor", broken)
    with pytest.raises(ZeroDivisionError):
        run("classify", article)


def test_a_missing_package_is_named_but_not_a_module_of_ours(monkeypatch: pytest.MonkeyPatch, article: Path) -> None:
    def missing(name: str) -> Any:
        def load() -> Toy:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        return load

    monkeypatch.setattr(inference, "default_extractor", missing("gensim.models"))
    result = run("classify", article)
    assert result.exit_code == 2
    assert "needs the package 'gensim'" in result.stderr
    monkeypatch.setattr(inference, "default_extractor", missing("ahdath.nothing"))
    with pytest.raises(ModuleNotFoundError):
        run("classify", article)


def test_usage_errors_exit_with_2() -> None:
    result = run("classify", "--format", "xml")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


# ---------------------------------------------------------------------- hostile text and pipes


class Surrogate(Toy):
    """Answers with a text that no encoding can hold, as a custom reader might."""

    def classify_many(self, texts: Iterable[str], **options: Any) -> Iterator[Document]:
        for _ in texts:
            yield Document("قصف \ud800 <script>", (Event("Conflict.Attack", Span(4, 5, "\ud800")),))


@pytest.mark.parametrize("format", ["table", "jsonl", "html"])
def test_lone_surrogates_are_escaped(
    monkeypatch: pytest.MonkeyPatch, article: Path, tmp_path: Path, format: str
) -> None:
    monkeypatch.setattr(inference, "default_extractor", Surrogate)
    target = tmp_path / "out"
    written = run("classify", article, "-f", format).stdout
    assert run("classify", article, "-f", format, "--output", target).exit_code == 0
    for output in (written, target.read_text(encoding="utf-8")):
        assert r"\ud800" in output
        assert "قصف" in output
    if format == "jsonl":
        assert json.loads(written.splitlines()[0])["text"] == "قصف \ud800 <script>"


def test_a_file_name_that_is_no_utf8_does_no_harm(toy: Toy, tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xe1.txt")
    Path(path).write_text(FIRST, encoding="utf-8")
    result = run("classify", path, "-f", "jsonl")
    assert rows(result)[0]["meta"]["file"] == path
    assert r"\udce1.txt" in run("classify", path).stdout.replace("\n", "")
    assert r"\udce1.txt.no" in run("classify", path + ".no").stderr


TOY_PROCESS = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_cli import Toy
from ahdath import inference
from ahdath.cli import app
inference.default_extractor = Toy
app()
"""


def process(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", TOY_PROCESS, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


@pytest.mark.parametrize("format", ["table", "jsonl"])
def test_a_reader_who_leaves_early_hears_nothing(tmp_path: Path, format: str) -> None:
    path = tmp_path / "long.txt"
    path.write_text(f"{FIRST}\n" * 3000, encoding="utf-8")
    with process("classify", str(path), "--format", format) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 1


def test_pipes_are_utf8_whatever_the_locale() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    with process("classify", "-f", "jsonl", stdin=subprocess.PIPE, env=environment) as running:
        output, errors = running.communicate(FIRST.encode())
    assert (errors, running.returncode) == (b"", 0)
    assert json.loads(output.decode("utf-8"))["text"] == FIRST
    with process("corpus", "stats", str(ROOT / "seeds" / "article.jsonl"), env=environment) as running:
        assert running.communicate()[1] == b""
        assert running.returncode == 0


# ---------------------------------------------------------------------- train, pretrain, evaluate, score, corpus


def test_train_reads_the_config_and_tells_the_scores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ahdath import training

    seen: list[training.TrainConfig] = []

    def train(settings: training.TrainConfig) -> None:
        seen.append(settings)
        record = {"final": {"eval_tc": 61.25, "eval_ac": 30.0}}
        (tmp_path / "training.json").write_text(json.dumps(record), encoding="utf-8")

    monkeypatch.setattr(training, "train", train)
    result = run("train", ROOT / "configs" / "embedded.yaml", "--set", "epochs=9", "--set", f"output={tmp_path}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (seen[0].epochs, seen[0].encoder) == (9, "runs/silver")
    assert result.stdout == f"{tmp_path}: tc 61.2, ac 30.0 (F1 in percent on seeds/dev.jsonl)\n"
    refused = run("train", ROOT / "configs" / "embedded.yaml", "--set", "epoch=3")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("ahdath: override 'epoch=3': unknown key 'epoch' (did you mean 'epochs'?)")


def test_the_smoke_run_trains_a_model_that_classify_reads(
    embedded_encoder: Path, article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    model = tmp_path / "model"
    options = (f"encoder={embedded_encoder}", f"output={model}")
    trained = run("train", "configs/smoke.yaml", *(part for option in options for part in ("--set", option)))
    assert trained.exit_code == 0, trained.stderr
    assert f"{model}: tc " in trained.stdout
    command = [sys.executable, "-m", "ahdath", "classify", str(article), "--model", str(model), "-f", "jsonl"]
    command += ["--threshold", "0"]
    done = subprocess.run(command, capture_output=True, check=False)  # by itself: nothing but events is to be seen
    assert (done.returncode, done.stderr) == (0, b"")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["text"], row["meta"]["start"]) for row in found] == [(FIRST, 2), (SECOND, 27)]
    assert all(Document.from_dict(row, Ontology.default()).events for row in found)


def test_pretrain_reads_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    from ahdath import pretraining

    seen: list[pretraining.PretrainConfig] = []

    def pretrain(settings: pretraining.PretrainConfig) -> Path:
        seen.append(settings)
        return Path(settings.output)

    monkeypatch.setattr(pretraining, "pretrain", pretrain)
    result = run("pretrain", ROOT / "configs" / "pretrain.yaml", "--set", "minutes=1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [(one.minutes, one.output) for one in seen] == [(1.0, "runs/encoder")]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    documents = [Document(FIRST, (attack(FIRST),), (Sentence(0, len(FIRST), FIRST, ("Conflict.Attack",)),), "1")]
    write_jsonl(path, [*documents, Document(SECOND, (), (Sentence(0, len(SECOND), SECOND),), "2")])
    return path


def test_evaluate_prints_markdown_and_writes_both(toy: Toy, gold: Path, tmp_path: Path) -> None:
    result = run("evaluate", "--data", gold, "--output", tmp_path / "report", "--bootstrap", "10")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("# embedded on gold.jsonl\n")
    assert (tmp_path / "report" / "report.md").read_text(encoding="utf-8") == result.stdout
    assert json.loads((tmp_path / "report" / "report.json").read_bytes())["headline"]["TC f1"] == 1.0


def test_evaluate_puts_baselines_beside_the_model(toy: Toy, gold: Path, tmp_path: Path) -> None:
    options = ("--bootstrap", "10", "--baseline", "lexicon", "--train", ROOT / "seeds" / "article.jsonl")
    result = run("evaluate", "--data", gold, "--output", tmp_path / "report", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    for part in (
        "| embedded | 100.0 |",
        "| lexicon baseline | ",
        "| measure | embedded | lexicon baseline |",
        "# embedded on",
    ):
        assert part in result.stdout
    assert (
        json.loads((tmp_path / "report" / "lexicon-baseline" / "report.json").read_bytes())["name"]
        == "lexicon baseline"
    )
    refused = run("evaluate", "--data", gold, "--baseline", "tokens", "--train", gold)
    assert refused.exit_code == 2
    assert "--baseline tokens or sentences needs --encoder" in refused.stderr


@pytest.mark.parametrize("kind", ["tokens", "sentences"])
def test_the_stock_baselines_read_stems_where_the_encoder_does(
    toy: Toy, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from ahdath import baselines
    from ahdath.lexicon import AFFIXES

    seen: dict[str, Any] = {}

    def stock(train: Sequence[Document], documents: Sequence[Document], encoder: str, **options: Any) -> list[Document]:
        seen.update(options, train=train, encoder=encoder)
        return list(documents)

    monkeypatch.setattr(baselines, "stock_token_baseline", stock)
    monkeypatch.setattr(baselines, "stock_sentence_baseline", stock)
    encoder = stem_encoder(tmp_path)
    options = ("--baseline", kind, "--train", gold, "--encoder", encoder, "--bootstrap", "0", "--seed", "7")
    result = run("evaluate", "--data", gold, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"| {kind} baseline | 100.0 |" in result.stdout
    assert seen["options"].seed == 7
    encoded = seen["encode"](["والقصف", "حلب"])
    assert encoded.input_ids == [2, 5, 6, 3]
    assert encoded.word_ids == [None, 0, 1, None]
    assert encoded.type_ids == [0, AFFIXES["وال", ""], 0, 0]


def stem_encoder(folder: Path) -> Path:
    """The files of an encoder that tell how it reads words; no weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    from ahdath.lexicon import StemLexicon

    vocabulary = {piece: n for n, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "قصف", "حلب"])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    specials = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **specials).save_pretrained(folder / "encoder")
    counts = {"قصف": 9, "القصف": 9, "والقصف": 3, "حلب": 9, "والمدينه": 3, "المدينه": 5, "مدينه": 5}
    StemLexicon.train(counts).save(folder / "encoder" / "lexicon.json")
    return folder / "encoder"


def test_score_takes_what_classify_wrote(toy: Toy, gold: Path, article: Path, tmp_path: Path) -> None:
    predicted = tmp_path / "predicted.jsonl"
    run("classify", article, "-f", "jsonl", "--output", predicted)
    result = run("score", gold, predicted, "--bootstrap", "0", "--output", tmp_path / "scores")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("# predicted on gold.jsonl\n")
    assert "| TC | 1 | 1 | 1 | 100.0 | 100.0 | 100.0 |" in result.stdout
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == ["report.json", "report.md"]


def test_corpus_check_tells_problems_on_stdout(gold: Path, tmp_path: Path) -> None:
    clean = run("corpus", "check", gold)
    assert (clean.exit_code, clean.stdout, clean.stderr) == (0, "", "ahdath: 1 file(s), 0 problem(s)\n")
    row = json.loads(gold.read_text(encoding="utf-8").splitlines()[0])
    row["events"][0]["type"] = "Conflict.Atack"
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps(row), encoding="utf-8")
    result = run("corpus", "check", wrong)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{wrong}:1: ")
    assert "did you mean 'Conflict.Attack'?" in result.stdout
    assert result.stderr == "ahdath: 1 file(s), 1 problem(s)\n"


def test_corpus_check_disjoint(tmp_path: Path) -> None:
    text = "قالت الوزارة إن الوفد وصل إلى المدينة صباح اليوم"
    for name in ("a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [Document(f"{text} {name}", id=name)])
    files = (tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert run("corpus", "check", *files).exit_code == 0
    assert (
        "share words: قالت الوزاره ان الوفد وصل الي المدينه صباح" in run("corpus", "check", *files, "--disjoint").stdout
    )


def test_corpus_stats_keep_files_of_one_name_apart(gold: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / gold.name
    other.parent.mkdir()
    other.write_bytes(gold.read_bytes())
    result = run("corpus", "stats", gold, other)
    assert str(gold) in result.stdout
    assert str(other) in result.stdout


def test_corpus_stats_are_tables(gold: Path) -> None:
    result = run("corpus", "stats", gold)
    assert result.stdout.startswith("|  | gold |\n|---|---:|\n| paragraphs | 2 |\n")


def test_corpus_compile_writes_the_slices(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    event = {"type": "Conflict.Attack", "trigger": "قصفت", "args": [["Agent", "الطائرات"]]}
    (source / "war.jsonl").write_text(json.dumps({"id": "1", "text": FIRST, "events": [event]}), encoding="utf-8")
    (source / "SPLIT.json").write_text("{}", encoding="utf-8")
    result = run("corpus", "compile", source, tmp_path / "new" / "folder")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'new' / 'folder' / 'train'}.jsonl: 1 paragraphs\n")
    assert read_jsonl(tmp_path / "new" / "folder" / "train.jsonl")[0].events[0].arguments[0].span.text == "الطائرات"


# ---------------------------------------------------------------------- the program


def test_version() -> None:
    assert run("--version").stdout == f"ahdath {ahdath.__version__}\n"


@pytest.mark.parametrize("args", [(), ("classify",), ("train",), ("pretrain",), ("evaluate",), ("score",), ("corpus",)])
def test_help_is_there(args: tuple[str, ...]) -> None:
    result = run(*args, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("script", ["train", "pretrain", "evaluate"])
def test_scripts_are_thin_and_run(script: str) -> None:
    path = ROOT / "scripts" / f"{script}.py"
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ahdath {script}" in done.stdout


def test_every_script_is_short() -> None:
    scripts = sorted((ROOT / "scripts").glob("*.py"))
    assert {path.stem for path in scripts} >= {"train", "pretrain", "evaluate", "check"}
    for path in scripts:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path  # most have 40; the hooks of the site and the leaderboard a few more


def test_the_embedded_model_reads_a_sentence() -> None:
    """End to end, as a user has it. It fails where the package has no model, which must not be released so."""
    model = Path(ahdath.__file__).parent / "models" / "embedded" / "config.json"
    assert model.exists(), f"{model}: the embedded model is missing from the package"
    done = subprocess.run(
        [sys.executable, "-m", "ahdath", "classify", "-", "--format", "jsonl"],
        input="قصفت القوات السورية مدينة تلبيسة أمس.".encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    document = Document.from_dict(json.loads(done.stdout), Ontology.default())
    assert ("Conflict.Attack", "قصفت") in [(event.type, event.trigger.text) for event in document.events]
    assert document.model == "embedded"
