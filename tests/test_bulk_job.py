"""Labelling jobs: what they write, that a kill at any moment costs nothing, what they refuse."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ahdath.bulk import LabelSettings, Progress, label, read_documents
from ahdath.bulk.shards import document_schema, event_schema
from ahdath.bulk.version import model_version
from ahdath.cli_label import _duration, _reporting, _told
from ahdath.errors import ConfigError, DataError, ModelError, OntologyError
from ahdath.inference import EventExtractor
from ahdath.ontology import Ontology
from bulk_toy import command, results, run, toy_model, write_rows

FIVE = LabelSettings(shard_rows=5)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return toy_model(tmp_path, monkeypatch)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "news.jsonl", 23)


def test_every_row_is_a_document_or_an_error(toy: Path, rows: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    out = tmp_path / "out"
    summary = label([rows], out, model=toy, settings=FIVE, workers=1, report=seen.append)
    assert (summary.documents, summary.events, summary.bad, summary.shards) == (21, 4 + 2 * 5, 2, 5)
    documents = list(read_documents(out))
    assert [d.id for d in documents] == [f"n{n}" for n in range(23) if n % 10 != 7]
    assert [d.meta["row"] for d in documents[6:8]] == [7, 9]
    assert all(d.model == "toy" and d.meta["model_digest"] == model_version(str(toy)).weights for d in documents)
    assert [e.trigger.text for e in documents[1].events] == ["قصفت"]
    assert documents[1].sentences[0].scores == {"Conflict.Attack": 0.75}
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(e["file"], e["line"], e["content"]) for e in errors] == [
        (rows.as_posix(), 8, '{"id": "n7"}'), (rows.as_posix(), 18, '{"id": "n17"}'),
    ]  # fmt: skip
    assert [(p.done, p.total) for p in seen] == [(0, 23), (5, 23), (10, 23), (15, 23), (20, 23), (23, 23)]
    assert seen[-1].bad == 2
    assert json.loads((out / "summary.json").read_text()) == {"documents": 21, "events": 14, "bad": 2, "shards": 5}


def test_the_tables_have_their_columns(toy: Path, rows: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    label([rows], tmp_path / "out", model=toy, settings=FIVE, workers=1)
    events = parquet.read_table(tmp_path / "out" / "events")
    documents = parquet.read_table(tmp_path / "out" / "documents")
    assert events.schema.equals(event_schema())
    assert documents.schema.equals(document_schema())
    texts = dict(zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True))
    found = events.to_pylist()
    assert len(found) == 14
    for event in found:
        assert texts[event["document"]][event["start"] : event["end"]] == event["trigger"] == "قصفت"
        assert (event["actor"], event["score"], event["model"]) == ("الطائرات", 0.75, "toy")
        assert event["model_digest"] == model_version(str(toy)).weights
        assert event["row"] == int(event["document"][1:]) + 1
    assert [e["event"] for e in found if e["document"] == "n11"] == [0, 1]


def test_events_find_their_document(toy: Path, tmp_path: Path) -> None:
    """By file, row and id: a line may hold two paragraphs, and ids may repeat."""
    from pyarrow import parquet

    lines, table = tmp_path / "a.txt", tmp_path / "b.jsonl"
    lines.write_text("قصفت الطائرات حلب.\u2028قصفت المدافع حمص.\nقصفت السفن صور.\n", encoding="utf-8")
    table.write_text('{"id": "x", "text": "قصفت غزة."}\n{"id": "x", "text": "قصفت رفح."}\n', encoding="utf-8")
    label([lines, table], tmp_path / "out", model=toy, workers=1)
    documents, events = (parquet.read_table(tmp_path / "out" / name).to_pylist() for name in ("documents", "events"))
    assert [d["row"] for d in documents] == [1, 1, 2, 1, 2]
    assert len({(d["file"], d["row"], d["start"]) for d in documents}) == 5
    texts = {(d["file"], d["row"], d["id"]): d["text"] for d in documents}
    found = [texts[e["file"], e["row"], e["document"]] for e in events]
    assert found == [d["text"] for d in documents]
    assert [e["actor"] for e in events] == [text.split(" ")[1] for text in found]


def test_the_layout_is_stable() -> None:
    """Users' queries depend on it: add columns, change none."""
    assert str(event_schema()).splitlines() == [
        "document: string", "event: int64", "type: string", "plover: string", "mode: string", "modality: string",
        "polarity: string", "actor: string", "recipient: string", "place: string", "date: string", "trigger: string",
        "start: int64", "end: int64", "score: double", "model: string", "ontology: string", "model_digest: string",
        "file: string", "row: int64",
    ]  # fmt: skip
    scored = "list<item: struct<type: string, score: double>>"
    span = "text: string, start: int64, end: int64"
    argument = f"list<item: struct<role: string, {span}, score: double>>"
    event = f"type: string, trigger: struct<{span}>, modality: string, polarity: string, score: double, arguments: {argument}"
    kinds = [f"{field.name}: {field.type}" for field in document_schema()]
    assert kinds == [
        "id: string", "text: string", "file: string", "row: int64", "start: int64",
        f"events: list<item: struct<{event}>>",
        f"sentences: list<item: struct<start: int64, end: int64, types: list<item: string>, scores: {scored}>>",
        f"types: {scored}", "model: string", "model_digest: string", "ontology: string",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_at_many_moments_nothing_is_lost_or_done_twice(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.01")
    files = [write_rows(tmp_path / "a.jsonl", 77), write_rows(tmp_path / "b.jsonl", 60, first=77)]
    arguments = [*files, "--model", toy, "--shard-rows", "4", "--workers", "2", "--output"]
    whole = run(*arguments, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    out, dice, halfway = tmp_path / "out", random.Random(5), 0
    for number in range(8):
        done, files = _inodes(out), len(list(out.rglob("*")))
        process = subprocess.Popen(command(*arguments, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        enough = files + dice.randint(1, 14)
        while process.poll() is None and len(list(out.rglob("*"))) < enough:
            time.sleep(0.002)
        time.sleep(0.02 * dice.random())
        finished = process.poll() is not None
        for victim in [process.pid, *(_children(process.pid) if number % 2 else ())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        process.wait()
        assert done.items() <= _inodes(out).items()  # what is finished stays as it is
        halfway += 0 < len(_inodes(out)) < 35
        if finished:
            break
    assert halfway >= 3
    last = run(*arguments, out)
    assert last.returncode == 0, last.stderr
    assert results(out) == results(tmp_path / "whole")
    assert not list(out.rglob("*.tmp"))


def _children(pid: int) -> list[int]:
    """The processes that one has started, where the system tells."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, path.read_text().split())) if path.exists() else []


def _inodes(output: Path) -> dict[str, int]:
    """The files of the shards whose manifest is there."""
    done = [path.stem for path in (output / "manifests").glob("part-*.json")] if output.exists() else []
    return {name: (output / "documents" / f"{name}.parquet").stat().st_ino for name in done}


def test_results_do_not_depend_on_the_number_of_workers(toy: Path, rows: Path, tmp_path: Path) -> None:
    for workers in (1, 3):
        label([rows], tmp_path / str(workers), model=toy, settings=FIVE, workers=workers)
    assert results(tmp_path / "1") == results(tmp_path / "3")


def test_a_finished_job_is_left_alone(toy: Path, rows: Path, tmp_path: Path) -> None:
    first = label([rows], tmp_path / "out", model=toy, settings=FIVE, workers=1)
    inodes = _inodes(tmp_path / "out")
    os.utime(rows)  # touched, not changed
    again = label([rows], tmp_path / "out", model=toy, settings=FIVE, workers=2)
    assert (first.shards_of_earlier_runs, again.shards_of_earlier_runs) == (0, 5)
    assert _inodes(tmp_path / "out") == inodes
    assert again.documents == first.documents


def test_a_lost_or_damaged_file_is_made_again(toy: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label([rows], out, model=toy, settings=FIVE, workers=1)
    before = results(out)
    (out / "events" / "part-0000001.parquet").unlink()
    (out / "manifests" / "part-0000003.json").write_text('{"shard"', encoding="utf-8")
    assert label([rows], out, model=toy, settings=FIVE, workers=1).shards_of_earlier_runs == 3
    assert results(out) == before


def _changed_text(rows: Path, toy: Path) -> LabelSettings:
    content = rows.read_bytes()
    rows.write_bytes(content[:-4] + b"9" + content[-3:])  # of the same size
    return FIVE


def _changed_model(rows: Path, toy: Path) -> LabelSettings:
    (toy / "config.json").write_text('{"threshold": 0.4}', encoding="utf-8")
    return FIVE


def _changed_setting(rows: Path, toy: Path) -> LabelSettings:
    return LabelSettings(shard_rows=5, threshold=0.7)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (_changed_text, DataError, "news.jsonl: has changed"),
        (_changed_model, ConfigError, "model.files: began with"),
        (_changed_setting, ConfigError, "settings.threshold: began with None, now 0.7"),
    ],
)
def test_another_job_is_refused_until_told_to_restart(
    change: Callable[[Path, Path], LabelSettings], error: type[Exception], told: str, toy: Path, rows: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    label([rows], out, model=toy, settings=FIVE, workers=1)
    before = results(out)
    settings = change(rows, toy)
    with pytest.raises(error, match=told):
        label([rows], out, model=toy, settings=settings, workers=1)
    assert results(out) == before
    assert label([rows], out, model=toy, settings=settings, workers=1, restart=True).shards_of_earlier_runs == 0


def test_restart_leaves_no_file_of_the_larger_job(toy: Path, rows: Path, tmp_path: Path) -> None:
    label([rows], tmp_path / "out", model=toy, settings=FIVE, workers=1)
    label([rows], tmp_path / "out", model=toy, settings=LabelSettings(), workers=1, restart=True)
    assert [path.name for path in (tmp_path / "out" / "documents").iterdir()] == ["part-0000000.parquet"]
    assert len(list(read_documents(tmp_path / "out"))) == 21


def test_other_inputs_are_refused(toy: Path, rows: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "more.jsonl", 3)
    label([rows, other], tmp_path / "out", model=toy, workers=1)
    for inputs, told in (([rows], "more.jsonl: is an input no more"), ([other, rows], "in another order")):
        with pytest.raises(DataError, match=told):
            label(inputs, tmp_path / "out", model=toy, workers=1)


def test_a_folder_of_something_else_is_not_touched(toy: Path, rows: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "documents"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("لا تحذفه", encoding="utf-8")
    for restart in (False, True):
        with pytest.raises(DataError, match=r"expected an empty folder or that of a job, found thesis\.txt"):
            label([rows], tmp_path / "mine", model=toy, restart=restart)
    assert [path.name for path in tmp_path.joinpath("mine").rglob("*")] == ["documents", "thesis.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks differ")
def test_two_runs_at_once_are_refused(toy: Path, rows: Path, tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "job.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="expected no other run at work in it"):
            label([rows], tmp_path / "out", model=toy)


def test_an_input_that_changes_under_way_stops_the_job(toy: Path, rows: Path, tmp_path: Path) -> None:
    def meddle(now: Progress) -> None:
        if now.done == 0:
            rows.write_text("{}", encoding="utf-8")

    with pytest.raises(DataError, match="expected the file as it was when the job began"):
        label([rows], tmp_path / "out", model=toy, settings=FIVE, workers=1, report=meddle)


def test_stdin_is_kept_until_the_job_is_done(toy: Path, tmp_path: Path) -> None:
    text = "قصفت الطائرات حلب.\n\nوصل الوفد.\nانهار السقف.\n".encode()
    with pytest.raises(ModelError, match="a worker ended with exit code 3 while it read shard 2"):
        label(["-"], tmp_path / "out", model=toy, settings=LabelSettings(shard_rows=1), workers=1, stdin=io.BytesIO(text))
    assert (tmp_path / "out" / "stdin.kept").read_bytes() == text
    with pytest.raises(DataError, match=r"stdin: expected what the job in .* began with"):
        label(["-"], tmp_path / "out", model=toy, settings=LabelSettings(shard_rows=1), stdin=io.BytesIO(b"x"))
    assert (tmp_path / "out" / "stdin.kept").read_bytes() == text
    whole = run("-", "--model", toy, "--output", tmp_path / "whole", stdin=text[: text.index("انهار".encode())])
    assert whole.returncode == 0, whole.stderr
    assert not (tmp_path / "whole" / "stdin.kept").exists()
    found = [(d.id, d.meta["start"], d.text) for d in read_documents(tmp_path / "whole")]
    assert found == [("-#0", 0, "قصفت الطائرات حلب."), ("-#20", 20, "وصل الوفد.")]


def test_a_text_that_the_model_cannot_read_is_kept_as_an_error(toy: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("قصفت الطائرات حلب.\nتعطل المحرك.\nوصل الوفد.\n", encoding="utf-8")
    assert label([path], tmp_path / "out", model=toy, workers=1).documents == 2
    error = json.loads((tmp_path / "out" / "errors.jsonl").read_text(encoding="utf-8"))
    assert error == {
        "file": path.as_posix(), "line": 2, "problem": "the model cannot read it: RuntimeError: out of order",
        "content": "تعطل المحرك.",
    }  # fmt: skip


def test_a_bad_row_of_any_kind_is_kept_as_an_error(toy: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path, text = tmp_path / "a.parquet", "قصفت الطائرات حلب."
    parquet.write_table(pa.table({"id": [[date(2024, 5, 1)], [date(2024, 5, 2)]], "text": [text, None]}), path)
    for _ in range(2):
        assert label([path], tmp_path / "out", model=toy, workers=1).bad == 2
    errors = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [json.loads(error["content"]) for error in errors] == [[["2024-05-01"], text], [["2024-05-02"], None]]


def test_what_a_worker_refuses_is_raised_here(toy: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"Unknown event type 'Conflict\.Atack'"):
        label([rows], tmp_path / "out", model=toy, settings=LabelSettings(types=("Conflict.Atack",)), workers=2)


def test_a_wrong_type_does_not_block_the_right_one(toy: Path, rows: Path, tmp_path: Path) -> None:
    ontology = {"ontology": Ontology.default().to_dict()}
    (toy / "config.json").write_text(json.dumps(ontology), encoding="utf-8")
    wrong, right = (LabelSettings(types=(name,)) for name in ("Conflict.Atack", "Conflict.Attack"))
    with pytest.raises(OntologyError, match=r"'Conflict\.Atack'.*Conflict\.Attack"):
        label([rows], tmp_path / "out", model=toy, settings=wrong)
    assert not (tmp_path / "out").exists()
    assert label([rows], tmp_path / "out", model=toy, settings=right, workers=1).documents == 21
    (toy / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: expected the configuration of a model"):
        label([rows], tmp_path / "new", model=toy, settings=right)


def test_bad_arguments_are_refused_before_anything_is_written(toy: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match=r"nowhere\.txt: expected a file or folder"):
        label([tmp_path / "nowhere.txt"], out, model=toy)
    with pytest.raises(ModelError, match=r"expected a model folder with model\.safetensors"):
        label([rows], out, model=tmp_path)
    with pytest.raises(DataError, match="expected every input once"):
        label([rows, rows], out, model=toy)
    with pytest.raises(ConfigError, match="engine: expected one of local, ray, found 'spark'"):
        label([rows], out, model=toy, engine="spark")
    with pytest.raises(ConfigError, match="workers: expected 1 or more"):
        label([rows], out, model=toy, workers=0)
    with pytest.raises(ConfigError, match="inputs: expected a list of files"):
        label(str(rows), out, model=toy)
    with pytest.raises(ConfigError, match="expected a name that ends in"):
        label([toy / "model.safetensors"], out, model=toy)
    assert not out.exists()


def test_the_command_tells_what_it_did(toy: Path, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    rows.rename(tmp_path / "news" / "a.jsonl")
    (tmp_path / "news" / "b.txt").write_text("قصفت الطائرات حلب.", encoding="utf-8")
    (tmp_path / "news" / "photo.jpg").write_bytes(b"")
    done = run("news", "--model", toy, "--output", "out", "--shard-rows", "10", cwd=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (0, "out: 22 documents, 15 events\n")
    told = done.stderr.decode().splitlines()
    assert "ahdath: 24 rows" in told
    assert "ahdath: news/photo.jpg: passed over, its ending says no format; name it with --format" in told
    assert f"ahdath: 2 rows or files cannot be read and are kept in {Path('out') / 'errors.jsonl'}" in told
    assert [d.id for d in read_documents(tmp_path / "out")][-1] == "news/b.txt#0"


def test_all_bad_is_told_by_the_exit_code(toy: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"text": 5}\n[]\n\xff\n{"text": "x')
    done = run(bad, "--model", toy, "--output", tmp_path / "out")
    assert (done.returncode, done.stdout.decode().split(": ")[1]) == (1, "0 documents, 0 events\n")
    problems = [json.loads(line) for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()]
    assert [one["line"] for one in problems] == [1, 2, 3, 4]
    assert problems[2]["content"] == r"\xff"


def test_nothing_to_read_is_told_by_the_exit_code(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "photo.jpg").write_bytes(b"")
    done = run("news", "--model", toy, "--output", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (1, "out: 0 documents, 0 events\n")
    assert done.stderr.decode().splitlines()[-1] == "ahdath: no text in news; nothing to read"


def test_no_text_is_no_error(toy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n", encoding="utf-8")
    assert label([empty], tmp_path / "out", model=toy).documents == 0
    assert list(read_documents(tmp_path / "out")) == []


def test_a_folder_that_is_not_labelled_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: expected a folder that ahdath label has written, found no documents/"):
        read_documents(tmp_path / "nowhere")


def test_a_stray_copy_is_no_shard(toy: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label([rows], out, model=toy, settings=FIVE, workers=1)
    for folder in ("documents", "events"):
        shutil.copy(out / folder / "part-0000000.parquet", out / folder / "part-0000000 (1).parquet")
    assert label([rows], out, model=toy, settings=FIVE, workers=1).shards_of_earlier_runs == 5
    assert len(list(read_documents(out))) == 21


def test_the_bar_tells_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told(Progress(600, 100, 1100, 3), 50.0) == "600 of 1,100 rows, 10.0/s, 50 s left, 3 bad"
    assert _told(Progress(100, 100, 100, 0), 50.0) == "100 of 100 rows"
    assert [_duration(seconds) for seconds in (0.4, 61, 3700, 93784)] == ["0 s", "1 min 1 s", "1 h 1 min", "1 d 2 h"]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    with _reporting() as report:
        report(Progress(0, 0, 10, 0))
        report(Progress(10, 0, 10, 1))
    assert "10 of 10 rows" in terminal.getvalue()
    assert "1 bad" in terminal.getvalue()


def test_importing_is_light() -> None:
    heavy = ("torch", "transformers", "pyarrow", "ray", "datasets", "numpy", "rich", "huggingface_hub")
    program = f"import sys, ahdath.bulk; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture(scope="module")
def real(noisy: Callable[..., EventExtractor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bulk") / "noisy"
    noisy("embedded").save_pretrained(folder)
    return folder


def test_a_real_model_answers_as_it_does_alone(real: Path, tmp_path: Path, documents: list[object]) -> None:
    texts = [str(document.text) for document in documents]  # type: ignore[attr-defined]
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    label([tmp_path / "a.txt"], tmp_path / "out", model=real, settings=FIVE, workers=1)
    alone = EventExtractor.from_pretrained(real)
    expected = [list(alone.classify_many(texts[at : at + 5])) for at in (0, 5)]
    found = list(read_documents(tmp_path / "out"))
    assert any(document.events for document in found)
    for document, other in zip(found, [d for part in expected for d in part], strict=True):
        assert (document.text, document.model, document.ontology) == (other.text, "noisy", other.ontology)
        assert [(e.type, e.trigger, e.modality) for e in document.events] == [
            (e.type, e.trigger, e.modality) for e in other.events
        ]
        assert [e.score for e in document.events] == pytest.approx([e.score for e in other.events], abs=2e-4)
