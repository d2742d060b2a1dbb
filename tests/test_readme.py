"""README.md says what is so: its paths are there, its modules are all, its commands and its Python run, its numbers are measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ahdath.proof import pages
from ahdath.proof.run import EMBEDDED, example_output, python_blocks

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBERS = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))


def body(page: str, name: str) -> str:
    return page.partition(f"<!-- numbers:{name} -->\n")[2].partition(f"\n<!-- /numbers:{name} -->")[0]


def tree() -> Iterator[str]:
    """The paths of the annotated tree: two spaces of indentation a level, then the name, then what it is."""
    block = README.partition("## What is where\n\n```text\n")[2].partition("\n```")[0]
    assert block
    above: list[str] = []
    for line in block.splitlines():
        depth, odd = divmod(len(line) - len(line.lstrip()), 2)
        assert not odd, line
        name = line.split()[0]
        above[depth:] = [name]
        yield "".join(above)


def test_every_path_of_the_tree_exists() -> None:
    paths = list(tree())
    assert len(paths) == len(set(paths)) > 60
    for path in paths:
        assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file(), path


def test_every_module_script_and_config_is_in_the_tree() -> None:
    told = set(tree())
    source = ROOT / "src" / "ahdath"
    modules = {path for path in source.rglob("*.py") if path.name != "__init__.py" or path.parent == source}
    others = {path for name in ("scripts", "configs", "docs") for path in (ROOT / name).iterdir() if path.is_file()}
    for path in modules | others:
        assert path.relative_to(ROOT).as_posix() in told


def test_the_two_commands_stand_there_as_they_are_run() -> None:
    lines = [line.strip() for line in README.splitlines()]
    assert "pip install . && ahdath classify seeds/article.txt" in lines
    assert "pip install '.[test]' && pytest" in lines
    assert "pip install --quiet '.[test]'" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_example_prints_what_is_shown_below_it() -> None:
    shown = body(README, "example").removeprefix("```text\n").removesuffix("```")
    assert shown.count("\n") >= 5
    # Scores may differ in the last digit on other processors; events, words and order may not.
    score = re.compile(r" [01]\.\d\d ")
    assert score.sub(" ", example_output(ROOT, README)) == score.sub(" ", shown)


def test_the_other_python_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = python_blocks(README)
    assert len(blocks) == 2
    exec(compile(blocks[1], "README.md", "exec"), {})
    assert "Conflict.Attack" in capsys.readouterr().out


def test_the_numbers_are_those_that_were_measured() -> None:
    """A failure here means: run `python scripts/benchmark.py readme`."""
    assert body(README, "goals") == pages.goals(NUMBERS).strip()
    assert body(README, "systems") == pages.systems(NUMBERS).strip()
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert pages.places(page) == list(pages.SECTIONS)
    for name in pages.SECTIONS:
        assert body(page, name) == pages.section(name, NUMBERS[name]).strip(), name
    assert (ROOT / EMBEDDED / "README.md").read_text(encoding="utf-8") == pages.model_card(NUMBERS)


def test_every_number_was_measured() -> None:
    assert "not measured" not in README.lower().replace("no arabert model has been measured", "")


def test_the_files_that_it_links_to_exist() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_paths_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for path in re.findall(r"(?<![\w/.-])((?:seeds|configs|scripts|docs|src|tests)/[\w./-]*\w/?)", text):
        assert (ROOT / path).exists(), path


def test_it_says_plainly_how_the_model_came_to_be() -> None:
    text = " ".join(README.replace("**", "").split())
    for said in (
        "composed by language models under the published guidelines",
        "no human reader checked them",
        "Arabic Wikipedia of 2017 (CC BY-SA 4.0)",
        "ANT corpus of Tunisian radio news (Apache-2.0) only",
        "Apache-2.0 (`LICENSE`)",
        "CC BY 4.0 (`seeds/LICENSE`)",
    ):
        assert said in text


def test_the_changelog_has_this_version() -> None:
    import ahdath

    assert f"## {ahdath.__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
