"""docs/: every page is on the site, every block of code runs or says why not, every command that is shown exists."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ahdath.cli import app
from ahdath.corpus import read_jsonl, write_jsonl
from ahdath.errors import DataError
from ahdath.evaluation import score_files
from ahdath.inference import EventExtractor
from ahdath.ontology import Ontology
from ahdath.proof import blocks, leaderboard, pages, site
from ahdath.schema import Document

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
ELSEWHERE = {"own-events.md": "test_own_events.py", "suggest.md": "test_own_events.py"}  # run there, against tiny models
WITH_FILES = "bulk.md"  # its blocks want files that no page makes: run below
DATA = {"json", "yaml", "sql"}  # no programs: `sql` is for DuckDB, which is no dependency

def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the repository's data lie, as at its root."""
    for name in ("seeds", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


# ---------------------------------------------------------------------- the pages


def navigation() -> list[str]:
    """The pages that mkdocs.yml names, in order."""
    entries: list[Any] = [yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]]
    found = []
    while entries:
        entry = entries.pop(0)
        if isinstance(entry, str):
            found.append(entry)
        else:
            entries[:0] = list(entry.values()) if isinstance(entry, dict) else entry
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    named = navigation()
    assert sorted(named) == PAGES
    assert named[0] == "index.md"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages(page: str) -> None:
    for link in re.findall(r"\]\((?!https?://|#)([^)#\s]+)[^)]*\)", text(page)):
        assert ((DOCS / page).parent / link).is_file(), link


@pytest.mark.parametrize("page", PAGES)
def test_marks_are_filled(page: str) -> None:
    made = site.page(text(page), ROOT, page)
    assert "<!-- build:" not in made
    assert re.search(r"^# \S", made, re.MULTILINE), "no heading"


def test_a_wrong_mark_is_refused() -> None:
    for mark in ("<!-- build:comands -->", "<!-- build:file seeds/NONE.md -->", "<!-- build:example now -->"):
        with pytest.raises(DataError, match="one of commands, ontology, example"):
            site.page(f"# A\n\n{mark}\n", ROOT)


def test_names_of_the_reference_exist() -> None:
    """MkDocs finds out too, but is not everywhere installed."""
    from pkgutil import resolve_name

    named = [name for page in PAGES for name in re.findall(r"^::: (\S+)$", text(page), re.MULTILINE)]
    assert len(named) > 50
    for name in named:
        assert resolve_name(name).__doc__, name


def test_public_names_are_in_the_reference() -> None:
    import ahdath

    for name in set(ahdath.__all__) - {"__version__"}:
        assert re.search(rf"\b{name}\b", text("api/ahdath.md")), name


# ---------------------------------------------------------------------- their code


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run_somewhere(page: str) -> None:
    if page in ELSEWHERE:
        assert f'"{page.removesuffix(".md")}' in (ROOT / "tests" / ELSEWHERE[page]).read_text(encoding="utf-8")
    for block in blocks.blocks(text(page)):
        if block.kind in ("python", "sh"):
            continue  # run below, unless it says why not
        if block.kind == "json":
            assert all(json.loads(line)["text"] for line in block.body.splitlines())
        elif block.kind == "yaml":
            assert yaml.safe_load(block.body)
        else:
            assert block.kind in {*DATA, blocks.OUTPUT, blocks.INDENTED}, f"line {block.line}"


@pytest.mark.filterwarnings("ignore::ahdath.formats.FormatWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if "```" in text(page) and page not in {*ELSEWHERE, WITH_FILES}])
def test_blocks_run_and_print_what_is_shown(page: str, folder: Path) -> None:
    """A failure after a new model means: run `python scripts/docs.py` and look at what it changes."""
    ran = 0
    for block, printed, shown in blocks.outputs(text(page), page):
        ran += 1
        if shown is not None:
            assert blocks.same(printed, shown.body), f"line {block.line} prints\n{printed}"
    assert ran or page.startswith("api/")


def test_blocks_about_bulk_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on the page, but with one process, and in the order of who has nothing yet: label, then read."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder / "cache"))
    rows = [{"id": str(n), "body": one} for n, one in enumerate(["التقى الوزير نظيره التركي في جنيف.", "الطقس معتدل."])]
    (folder / "archive.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code = [block.body for block in blocks.blocks(text(WITH_FILES)) if block.kind == "python"]
    code.sort(key=lambda body: "LabelSettings" not in body)
    namespace: dict[str, Any] = {}
    for body in code:
        fewer = re.sub(r"\b(workers|num_proc)=\d+", lambda found: f"{found[1]}=1", body)
        exec(compile(fewer, WITH_FILES, "exec"), namespace)
    assert namespace["summary"].documents == 2
    assert list(namespace["events"]["type"]) == ["Contact.Meet"]
    assert namespace["labelled"].num_rows == 2
    assert "['Contact.Meet']" in capsys.readouterr().out


def all_commands() -> list[tuple[str, list[str]]]:
    return [
        (page, words)
        for page in PAGES
        for block in blocks.blocks(text(page))
        if block.kind in ("sh", blocks.INDENTED)
        for words in blocks.commands(block)
    ]


def test_every_command_that_is_shown_is_understood() -> None:
    """Not run where that is long: but its options, arguments, scripts and configs are there."""
    known: Any = typer.main.get_command(app)
    ran: Counter[str] = Counter()
    for page, words in all_commands():
        if words[0] == "ahdath" and not {"INPUT", "FORMAT"} & set(words):
            command, rest = known, words[1:]
            while rest and rest[0] in getattr(command, "commands", {}):
                command, rest = command.commands[rest[0]], rest[1:]
            command.make_context(" ".join(words), list(rest))
        elif words[0] == "python" and words[1].endswith(".py"):
            program = (ROOT / words[1]).read_text(encoding="utf-8")
            for option in (word for word in words if word.startswith("--")):
                assert f'"{option}"' in program, (page, words)
        for path in (word for word in words if word.startswith("configs/")):
            assert (ROOT / path).is_file(), (page, path)
        ran[words[0]] += 1
    assert ran["ahdath"] > 20
    assert ran["python"] > 5


# ---------------------------------------------------------------------- finding and running blocks


def test_blocks_are_found_with_their_lines_and_reasons() -> None:
    page = "A\n\n<!-- not run: no network -->\n\n```sh\nahdath x\n```\n\n    pip install a\n    b\n\nText\n```python title=\"x\"\n1\n```\n"
    assert blocks.blocks(page) == [
        blocks.Block("sh", "ahdath x\n", 5, "no network"),
        blocks.Block("indented", "pip install a\nb\n", 9),
        blocks.Block("python", "1\n", 13),
    ]
    with pytest.raises(DataError, match="line 3: expected ```"):
        blocks.blocks("A\n\n```sh\nahdath\n")


def test_outputs_are_compared_and_refreshed(folder: Path) -> None:
    page = "```python\nx = 2\nprint('a', 0.9876)\n```\n\n```text\na 0.1\n```\n\n```python\nprint(x)\n```\n\n```text\n3\n4\n```\nend\n"
    found = [(printed, shown.body if shown else None) for _, printed, shown in blocks.outputs(page)]
    assert found == [("a 0.9876\n", "a 0.1\n"), ("2\n", "3\n4\n")]
    assert blocks.same(*found[0])
    assert not blocks.same(*found[1])
    assert blocks.refreshed(page) == page.replace("3\n4\n", "2\n")


def test_a_block_that_fails_says_where(folder: Path) -> None:
    with pytest.raises(DataError, match="p, line 1: expected a command of ahdath, found rm -r x"):
        blocks.run(blocks.Block("sh", "rm -r x\n", 1), {}, "p")
    with pytest.raises(DataError, match="to end with 0, found 2"):
        blocks.run(blocks.Block("sh", "ahdath corpus check none.jsonl\n", 1), {}, "p")
    with pytest.raises(ZeroDivisionError) as raised:
        blocks.run(blocks.Block("python", "\n1 / 0\n", 40), {}, "p")
    assert raised.traceback[-1].lineno == 41  # counted from 0: line 42 of the page


# ---------------------------------------------------------------------- what the site is made from


def test_every_command_and_option_is_told() -> None:
    told = site.commands()
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for full, one in (
            [(f"{name} {child}", below) for child, below in command.commands.items()]
            if hasattr(command, "commands")
            else [(name, command)]
        ):
            part = told.partition(f"## ahdath {full}\n")[2].partition("\n## ")[0]
            assert part, full
            for option in (option for parameter in one.params for option in parameter.opts if option.startswith("--")):
                assert option in part, (full, option)
    assert "How to write the events." in told


def test_every_type_and_role_is_told() -> None:
    known = Ontology.default()
    told = site.ontology(known)
    for name, kind in known.types.items():
        part = told.partition(f"**`{name}`**")[2].partition("**`")[0]
        assert kind.ar in part
        assert f"Roles: {', '.join(kind.roles)}." in part
    assert all(f"| `{name}` | <bdi lang=\"ar\">{role.ar}</bdi> |" in told for name, role in known.roles.items())


def test_the_drawn_example_is_sound() -> None:
    drawn = site.example()
    assert drawn.count("\n") == 2  # Markdown takes a blank line for the end of HTML
    assert "قصفت" in drawn
    assert 'dir="rtl"' in drawn


def test_examples_of_docstrings_get_fences() -> None:
    assert site.docstring("A.\n\n>>> f(1)  # doctest: +SKIP\n2\n\nB.") == "A.\n\n```pycon\n>>> f(1)\n2\n```\n\nB."
    assert site.docstring("A.\n\n    >>> f(1)\n    2") == "A.\n\n    ```pycon\n    >>> f(1)\n    2\n    ```"
    assert site.docstring("No example.") == "No example."


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/b.css">',
        '<link href="https://fonts.example.org" rel=preconnect>',
        "<style>@import url(https://fonts.example.org/c.css);</style>",
        '<img alt="x" src="http://example.org/d.png">',
    ],
)
def test_what_a_page_fetches_from_elsewhere_is_found(html: str) -> None:
    (address,) = site.fetched(html)
    assert "example.org" in address


def test_links_and_own_files_are_not_fetched() -> None:
    own = '<a href="https://example.org">x</a><script src="assets/a.js"></script><link rel="canonical" href="https://a.org">'
    assert site.fetched(own) == []


def test_the_hooks_fill_pages_and_warn(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # they put `src` in front
    from importlib.util import module_from_spec, spec_from_file_location
    from types import SimpleNamespace

    spec = spec_from_file_location("docs_hooks", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = module_from_spec(spec)
    spec.loader.exec_module(hooks)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md"))
    assert "# ahdath seeds" in hooks.on_page_markdown("<!-- build:file seeds/DATACARD.md -->", page)
    hooks.on_post_page('<img src="https://example.org/a.png">', page)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("mkdocs.")] == [
        "a.md: expected nothing from elsewhere, found https://example.org/a.png"
    ]
    assert all((DOCS / name).is_file() for name in hooks.EXAMPLES)


def test_ci_builds_the_site_strictly() -> None:
    said = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install --quiet '.[docs]'" in said
    assert "mkdocs build --strict" in said


# ---------------------------------------------------------------------- the leaderboard

GOLD = ROOT / "seeds" / "article.jsonl"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Answers that miss every second paragraph's events."""
    documents = read_jsonl(GOLD)
    kept = [one if n % 2 else Document(one.text, id=one.id) for n, one in enumerate(documents)]
    write_jsonl(tmp_path / "answers.jsonl", kept)
    return tmp_path / "answers.jsonl"


def entered(answers: Path, name: str = "half", **told: Any) -> leaderboard.Entry:
    return leaderboard.entry(answers, GOLD, name=name, who="tests", bootstrap=20, **told)


def test_an_entry_has_the_scores_of_ahdath_score(answers: Path) -> None:
    one = entered(answers, date="2026-01-31", about=" a\nb ")
    expected = score_files(GOLD, answers, bootstrap=20)
    assert one.scores["TC f1"] == round(expected.scores.measures["TC"].f1, 5)
    assert 0 < one.scores["TC recall"] < 1 == one.scores["TC precision"]
    low, high = one.intervals["TC"]
    assert low <= one.scores["TC f1"] <= high
    assert (one.date, one.data, one.paragraphs, len(one.gold), len(one.answers)) == ("2026-01-31", "article.jsonl", 12, 64, 64)


def test_entries_are_kept_replaced_and_ranked(answers: Path, tmp_path: Path) -> None:
    file = tmp_path / "leaderboard.json"
    assert leaderboard.read(file) == []
    half = entered(answers, about="copies every\nsecond")
    leaderboard.add(file, half)
    best = leaderboard.entry(GOLD, GOLD, name="gold | itself", who="<b>tests</b>", bootstrap=0)
    assert leaderboard.add(file, best) == [half, best] == leaderboard.read(file)
    again = entered(answers, date="2026-02-01")
    assert leaderboard.add(file, again) == [best, again]
    lines = [line for line in leaderboard.table([half, best]).splitlines() if line.startswith("|")]
    assert lines[2].startswith("| gold \\| itself | &lt;b&gt;tests&lt;/b&gt; |")
    assert "| 100.0 | 100.0 |" in lines[2]
    assert re.search(r"\| half .* \| \d\d\.\d \(\d\d\.\d–\d\d\.\d\) \|", lines[3])
    assert leaderboard.table([half]).endswith("- half: copies every second.")


def test_entries_on_another_gold_file_stand_apart(answers: Path) -> None:
    from dataclasses import replace

    one = entered(answers)
    table = leaderboard.table([one, replace(one, gold="0" * 64)])
    assert table.count("| system |") == 2
    assert "SHA-256 `000000000000…`" in table


def test_bad_entries_are_refused(answers: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name: expected words"):
        entered(answers, name=" ")
    with pytest.raises(DataError, match="date: expected a day such as 2026-01-31, found 'yesterday'"):
        entered(answers, date="yesterday")
    write_jsonl(tmp_path / "short.jsonl", read_jsonl(GOLD)[:3])
    with pytest.raises(DataError):
        entered(tmp_path / "short.jsonl")
    file = tmp_path / "leaderboard.json"
    for content, told in (("{", "expected JSON"), ("{}", "expected a list"), ('[{"name": "x"}]', "entry 0: expected the keys")):
        file.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=told):
            leaderboard.read(file)


def test_a_system_answers_under_the_ids_of_the_gold(
    noisy: Callable[..., EventExtractor], tmp_path: Path
) -> None:
    leaderboard.answer(noisy(), GOLD, tmp_path / "answers.jsonl")
    assert [one.id for one in read_jsonl(tmp_path / "answers.jsonl")] == [one.id for one in read_jsonl(GOLD)]


def test_the_page_shows_the_file() -> None:
    """A failure here means: run `python scripts/leaderboard.py page`; after a new model or test file, `ours`."""
    entries = leaderboard.read(DOCS / "leaderboard.json")
    assert {"embedded", "lexicon coder"} <= {one.name for one in entries}
    page = text("leaderboard.md")
    assert page == pages.fill(page, {"leaderboard": leaderboard.table(entries)})
