"""What `import ahdath` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import ahdath

HEAVY = ("torch", "transformers", "yaml", "numpy", "datasets", "evaluate", "rich", "typer", "safetensors", "tokenizers")


def loaded(code: str, *names: str) -> list[str]:
    """Which of `names` a fresh process has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*[name for name in {names!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.split()


def test_all_is_what_dir_and_star_give() -> None:
    assert dir(ahdath) == sorted(ahdath.__all__)
    star: dict[str, object] = {}
    exec("from ahdath import *", star)
    assert sorted(set(star) - {"__builtins__"}) == sorted(ahdath.__all__)
    assert list(ahdath.__all__) == sorted(set(ahdath.__all__))


def test_nothing_of_ours_is_public_beside_all() -> None:
    for name in ahdath.__all__:
        getattr(ahdath, name)
    ours = {
        name
        for name, value in vars(ahdath).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and _home(value).startswith("ahdath")
    }
    assert ours == set(ahdath.__all__) - {"__version__"}


def _home(value: object) -> str:
    return str(getattr(value, "__module__", ""))


@pytest.mark.parametrize("name", ahdath.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(ahdath, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="module 'ahdath' has no attribute 'clasify'; it has AhdathError"):
        ahdath.clasify  # noqa: B018


def test_importing_is_light() -> None:
    assert loaded("import ahdath", *HEAVY) == []


def test_values_and_ontology_are_light() -> None:
    code = "from ahdath import Document, Ontology, DataError, Span"
    assert loaded(code, *HEAVY) == []


def test_the_command_line_is_light_until_a_command_runs() -> None:
    assert loaded("import ahdath.cli", *(name for name in HEAVY if name not in ("typer", "rich"))) == []
    assert loaded("from ahdath.config import read_config", "torch", "transformers", "numpy") == []
    assert loaded("from ahdath.pretraining import PretrainConfig", "torch", "transformers", "numpy") == []
    assert loaded("from ahdath import render", *HEAVY) == []


def test_importing_sets_nothing_up() -> None:
    code = (
        "import logging, warnings, os\n"
        "before = (logging.root.handlers[:], logging.root.level, warnings.filters[:], dict(os.environ))\n"
        "import ahdath, ahdath.cli\n"
        "assert before == (logging.root.handlers[:], logging.root.level, warnings.filters[:], dict(os.environ))"
    )
    assert loaded(code) == []
