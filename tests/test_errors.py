from __future__ import annotations

import re

import pytest

from ahdath import errors
from ahdath.errors import AhdathError, DataError, did_you_mean, listed, shown


def test_all_is_what_the_module_defines() -> None:
    own = {
        name
        for name, value in vars(errors).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == errors.__name__
    }
    assert set(errors.__all__) == own


def test_the_drawn_tree_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert sorted(drawn) == sorted(child.__name__ for child in AhdathError.__subclasses__())


@pytest.mark.parametrize(
    "name", ["OntologyError", "DataError", "AlignmentError", "ModelError", "ConfigError"]
)
def test_one_except_catches_all(name: str) -> None:
    with pytest.raises(AhdathError, match="expected"):
        raise getattr(errors, name)("expected x, found y")


def test_shown_is_short_and_printable() -> None:
    assert shown("قصف") == "'قصف'"
    assert shown(None) == "nothing (None)"
    assert shown("\ud800") == "'\\ud800'"
    assert len(shown("ا" * 1000)) == 80
    assert shown("ا" * 1000).endswith("…")


def test_listed_counts_what_it_leaves_out() -> None:
    assert listed(["a", "b"]) == "a\nb"
    assert listed("abcde", limit=3) == "a\nb\nc\n… and 2 more"


def test_did_you_mean_ignores_case_and_nonsense() -> None:
    assert did_you_mean("wepon", ["Weapon", "Agent"]) == " (did you mean 'Weapon'?)"
    assert did_you_mean("TARGET", ["Target"]) == " (did you mean 'Target'?)"
    assert did_you_mean("zzz", ["Weapon"]) == ""
    assert did_you_mean(5, ["Weapon"]) == ""


def test_errors_survive_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(DataError("expected a, found b")))
    assert isinstance(error, DataError)
    assert str(error) == "expected a, found b"
