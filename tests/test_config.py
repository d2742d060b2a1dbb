"""Every YAML in configs/ is read; everything else is refused with place, expected and found."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ahdath.config import read_config
from ahdath.errors import ConfigError
from ahdath.pretraining import PretrainConfig
from ahdath.training import TrainConfig

CONFIGS = Path(__file__).parent.parent / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))


@dataclass(frozen=True)
class Toy:
    text: str
    size: int = 3
    rate: float = 0.5
    on: bool = False
    where: str | None = None
    weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ConfigError("size 13: expected a lucky number")


def toy(tmp_path: Path, content: str | bytes, *overrides: str) -> Toy:
    path = tmp_path / "toy.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_config(Toy, path, overrides)


def kind(path: Path) -> Any:
    return PretrainConfig if path.stem.startswith("pretrain") else TrainConfig


# ---------------------------------------------------------------------- the files we ship


def test_the_runs_of_the_readme_are_there() -> None:
    names = {path.stem for path in FILES}
    assert names >= {"embedded", "arabertv02", "arabertv02-large", "pretrain", "smoke"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_read_and_names_every_setting(path: Path) -> None:
    settings = read_config(kind(path), path)
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) == {field.name for field in fields(settings)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_has_a_comment_on_its_line(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"\w+: .*\S +# \S.*", line), line


def test_the_embedded_model_is_trained_as_the_readme_says() -> None:
    settings = read_config(TrainConfig, CONFIGS / "embedded.yaml")
    assert (settings.train, settings.dev) == ("seeds/train.jsonl", "seeds/dev.jsonl")
    assert (settings.spelling, settings.segmentation, settings.lexical_features) == ("ahdath", True, True)


def test_each_stage_starts_from_what_the_one_before_wrote() -> None:
    encoder = read_config(PretrainConfig, CONFIGS / "pretrain.yaml")
    silver, gold = (read_config(TrainConfig, CONFIGS / f"{name}.yaml") for name in ("silver", "embedded"))
    assert (silver.encoder, gold.encoder) == (encoder.output, silver.output)
    differing = {name for name, value in asdict(silver).items() if value != getattr(gold, name)}
    assert differing == {"encoder", "train", "output", "epochs", "evaluate_from"}


def test_large_differs_from_base_in_encoder_and_rates_only() -> None:
    base = asdict(read_config(TrainConfig, CONFIGS / "arabertv02.yaml"))
    large = asdict(read_config(TrainConfig, CONFIGS / "arabertv02-large.yaml"))
    assert base["encoder"] == "aubmindlab/bert-base-arabertv02"
    assert base["encoder_learning_rate"] == 3e-5
    differing = {name for name in base if base[name] != large[name]}
    assert differing == {"encoder", "output", "learning_rate", "encoder_learning_rate"}


# ---------------------------------------------------------------------- reading


def test_values_have_the_types_of_their_fields(tmp_path: Path) -> None:
    content = "text: قصف\nsize: 7\nrate: 2\non: true\nwhere: ~\nweights: {trigger: 1, argument: 2e-1}\n"
    found = toy(tmp_path, content)
    assert found == Toy("قصف", 7, 2.0, True, None, {"trigger": 1.0, "argument": 0.2})
    assert type(found.rate) is float


@pytest.mark.parametrize("written", ["3e-5", "3.0e-5", "+3E-5", "0.00003", ".3e-4"])
def test_scientific_notation_is_a_number_although_yaml_calls_some_of_it_text(tmp_path: Path, written: str) -> None:
    assert toy(tmp_path, f"text: a\nrate: {written}\n").rate == pytest.approx(3e-5)


def test_overrides_win_and_a_text_is_taken_as_it_stands(tmp_path: Path) -> None:
    found = toy(tmp_path, "text: a\nsize: 1\n", "size=9", "text=b: [c = d", "on=true", "rate=1e-3", "weights={a: 2}")
    assert found == Toy("b: [c = d", 9, 0.001, True, None, {"a": 2.0})
    assert toy(tmp_path, "text: a\nwhere: x\n", "where=null").where is None
    assert toy(tmp_path, "text: a\n", "where=2024").where == "2024"


def test_overrides_alone_are_enough(tmp_path: Path) -> None:
    assert toy(tmp_path, "# nothing\n", "text=a") == Toy("a")


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    assert toy(tmp_path, "\ufefftext: a\n") == Toy("a")


def test_reading_does_not_touch_the_paths(tmp_path: Path) -> None:
    assert toy(tmp_path, "text: some/folder\n").text == "some/folder"


@settings(deadline=None)
@given(
    st.builds(
        Toy,
        st.text(),
        st.integers().filter(lambda n: n != 13),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none() | st.text(),
        st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_what_yaml_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, wanted: Toy) -> None:
    path = tmp_path_factory.getbasetemp() / "roundtrip.yaml"
    path.write_text(yaml.safe_dump(asdict(wanted)), encoding="utf-8")
    assert read_config(Toy, path) == wanted


# ---------------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text: a\nsizes: 3\n", "toy.yaml:2: unknown key 'sizes' (did you mean 'size'?); known: text, size, rate"),
        ("text: a\n1: 3\n", "toy.yaml:2: unknown key '1'"),
        ("text: a\n[x]: 3\n", "toy.yaml:2: the file: expected names as keys, found a list"),
        ("text: a\n<<: {size: 3}\n", "toy.yaml:2: unknown key '<<'"),
        ("text: a\ntext: b\n", "toy.yaml:2: the file: key 'text' stands twice"),
        ("text: a\nweights:\n  b: 1\n  b: 2\n", "toy.yaml:4: weights: key 'b' stands twice"),
        ("text: 2024\n", "toy.yaml:1: text: expected a text, found int: 2024; put it in quotes"),
        ("text:\n", "toy.yaml:1: text: expected a text, found nothing (None)"),
        ("text: [a]\n", "toy.yaml:1: text: expected a text, found a list"),
        ("text: a\nsize: 3.0\n", "toy.yaml:2: size: expected a whole number, found float: 3.0"),
        ("text: a\nsize: true\n", "toy.yaml:2: size: expected a whole number, found bool: True"),
        ("text: a\nsize: '3'\n", "toy.yaml:2: size: expected a whole number, found str: '3'"),
        ("text: a\nrate: fast\n", "toy.yaml:2: rate: expected a number, found str: 'fast'"),
        ("text: a\nrate: '3e-5'\n", "toy.yaml:2: rate: expected a number, found str: '3e-5'"),
        ("text: a\nrate: .nan\n", "toy.yaml:2: rate: expected a number, found float: nan"),
        ("text: a\nrate: 1e999\n", "toy.yaml:2: rate: expected a number, found float: inf"),
        ("text: a\non: 1\n", "toy.yaml:2: on: expected true or false, found int: 1"),
        ("text: a\nwhere: 5\n", "toy.yaml:2: where: expected a text or null, found int: 5"),
        ("text: a\nweights: 1\n", "toy.yaml:2: weights: expected a mapping, key: value on every line, found '1'"),
        ("text: a\nweights:\n", "toy.yaml:2: weights: expected a mapping, found nothing (None)"),
        ("text: a\nweights: {x: [1]}\n", "toy.yaml:2: weights.x: expected a number, found a list"),
        ("- text\n", "toy.yaml:1: the file: expected a mapping, key: value on every line, found a list"),
        ("size: 3\n", "toy.yaml: expected the keys text, found no text; add it"),
        ("", "toy.yaml: expected the keys text, found no text; add it"),
        ("text: a\nsize: 13\n", "toy.yaml: size 13: expected a lucky number"),
        ("text: a\nsize: {\n", "toy.yaml:3: expected YAML, found: "),
        ("text: a\n\tsize: 3\n", "toy.yaml:2: expected YAML, found: "),
        ("text: a\n---\ntext: b\n", "toy.yaml:2: expected YAML, found: but found another document"),
        ("text: a\nsize: 2024-99-99\n", "toy.yaml:2: expected YAML, found: month must be in 1..12"),
        ("text: a\nsize: \x07\n", "toy.yaml:2: expected YAML, found the character '\\x07'; remove it"),
        ("text: !!python/object:os.system a\n", "toy.yaml:1: expected YAML, found: could not determine a constructor"),
        (b"text: a\nwhere: \xe1\xe2\n", "toy.yaml:2: expected UTF-8, found b'\\xe1\\xe2\\n'; save the file as UTF-8"),
        ("text: " + "[" * 5000, "toy.yaml:1: expected YAML, found lists or mappings too deep to read"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, content)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("size", "override 'size': expected key=value, found no '='"),
        ("sise=3", "override 'sise=3': unknown key 'sise' (did you mean 'size'?)"),
        ("size=three", "override 'size=three': size: expected a whole number, found str: 'three'"),
        ("size=", "override 'size=': size: expected a whole number, found nothing (None)"),
        ("on=[", "override 'on=[': expected YAML, found: "),
        ("weights=3", "override 'weights=3': weights: expected a mapping"),
    ],
)
def test_a_wrong_override_is_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        toy(tmp_path, "text: a\n", override)
    assert message in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.yaml: expected a readable YAML file, found: No such file"):
        read_config(Toy, tmp_path / "no.yaml")


def test_a_field_of_another_type_is_our_mistake(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Odd:
        both: int | str = 0

    path = tmp_path / "odd.yaml"
    path.write_text("both: 1\n", encoding="utf-8")
    with pytest.raises(TypeError, match=r"both: settings of type int \| str are not supported"):
        read_config(Odd, path)


@settings(deadline=None)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(b"text: a\n" + content)
    with suppress(ConfigError):
        assert isinstance(read_config(Toy, path), Toy)
