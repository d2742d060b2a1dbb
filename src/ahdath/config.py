"""A YAML file and `key=value` overrides -> the settings of one run, a dataclass.

Settings are closed and typed: an unknown key is refused with the nearest known one, a wrong type with what was
expected and found, both with file and line. Paths in a file are relative to the current directory, not to the
file. YAML is read by `SafeLoader`, as `yaml.safe_load` does, so a file holds plain values only. This module
knows no particular settings, no torch and no command line.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import yaml

from .errors import ConfigError, did_you_mean, shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)

__all__ = ["read_config"]

_SCIENTIFIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")  # a text to YAML 1.1 where `.` or a sign lacks
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def read_config(kind: type[Settings], path: str | PathLike[str], overrides: Iterable[str] = ()) -> Settings:
    """The settings `kind` of a YAML file; `overrides` (`epochs=3`) come after it and win.

    The value of an override is read as YAML would, except that a text is taken as it stands. Fields of `kind`
    may be str, int, float, bool, `dict[str, …]` or `list[…]` of these, and any of them or None.

    Raises ConfigError, naming file, line and key, for a file that cannot be read, damaged YAML, a key that is
    unknown, missing or stands twice, a wrong type, and whatever `kind` itself refuses.

    >>> from ahdath.pretraining import PretrainConfig
    >>> read_config(PretrainConfig, "configs/pretrain.yaml", ["minutes=5"]).minutes      # doctest: +SKIP
    5.0
    """
    hints = typing.get_type_hints(kind)
    hints = {field.name: hints[field.name] for field in fields(kind)}
    given: dict[str, Any] = {}
    file = _Yaml(str(path), _read(path), numbered=True)
    root = file.root()
    if root is not None:
        for key, node in file.entries(root, "the file", hints):
            given[key] = file.value(node, hints[key], key)
    for override in overrides:
        key, equals, text = override.partition("=")
        source, key = f"override {override!r}", key.strip()
        if not equals:
            raise ConfigError(f"{source}: expected key=value, found no '='; write for example seed=1")
        if key not in hints:
            raise ConfigError(f"{source}: {_unknown(key, hints)}")
        given[key] = _override(source, text, hints[key], key)
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in given]
    if missing:
        raise ConfigError(f"{path}: expected the keys {', '.join(needed)}, found no {', '.join(missing)}; add it")
    try:
        return kind(**given)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _read(path: str | PathLike[str]) -> str:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: expected a readable YAML file, found: {error.strerror or error}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = shown(content[error.start : error.start + 4])
        raise ConfigError(f"{path}:{line}: expected UTF-8, found {found}; save the file as UTF-8") from error


def _override(source: str, text: str, hint: Any, key: str) -> Any:
    options = _options(hint)
    if str in options and not (types.NoneType in options and text.strip() in ("", "~", "null")):
        return text
    yaml_text = _Yaml(source, text, numbered=False)
    node = yaml_text.root()
    if node is None:
        node = yaml.ScalarNode("tag:yaml.org,2002:null", "")
    return yaml_text.value(node, hint, key)


def _options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of `X | None`, or the hint alone."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _unknown(key: str, known: Iterable[str]) -> str:
    return f"unknown key {shown(key)}{did_you_mean(key, known)}; known: {', '.join(known)}"


class _Yaml:
    """One YAML text; turns its nodes into typed values, or refuses with source and line."""

    def __init__(self, source: str, text: str, *, numbered: bool) -> None:
        self.source, self.text, self.numbered = source, text, numbered
        with self._damage(None):
            self.loader = yaml.SafeLoader(text)

    def refuse(self, line: int, problem: str) -> NoReturn:
        raise ConfigError(f"{self.source}:{line}: {problem}" if self.numbered else f"{self.source}: {problem}")

    def root(self) -> yaml.Node | None:
        """The one document; None where the text is empty."""
        with self._damage(None):
            node: yaml.Node | None = self.loader.get_single_node()
        return node

    def entries(self, node: yaml.Node, where: str, known: Iterable[str] | None) -> Iterator[tuple[str, yaml.Node]]:
        """The (key, value) pairs of a mapping, every key once; `known` None allows any text as key."""
        if not isinstance(node, yaml.MappingNode):
            self.refuse(_line(node), f"{where}: expected a mapping, key: value on every line, found {_found(node)}")
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse(_line(key), f"{where}: expected names as keys, found {_found(key)}")
            if known is not None and key.value not in known:
                self.refuse(_line(key), _unknown(key.value, known))
            if key.value in seen:
                self.refuse(_line(key), f"{where}: key {key.value!r} stands twice; keep one of them")
            seen.add(key.value)
            yield key.value, value

    def value(self, node: yaml.Node, hint: Any, key: str) -> Any:
        """The value of a node, as the type `hint` wants it."""
        options = _options(hint)
        wanted = [option for option in options if option is not types.NoneType]
        if len(wanted) != 1 or not (wanted[0] in _KINDS or typing.get_origin(wanted[0]) in (dict, list)):
            raise TypeError(f"{key}: settings of type {hint} are not supported; use str, int, float, bool, dict or list")
        nullable = types.NoneType in options
        if isinstance(node, yaml.SequenceNode) and typing.get_origin(wanted[0]) is list:
            (inner,) = typing.get_args(wanted[0])
            return [self.value(item, inner, f"{key}[{place}]") for place, item in enumerate(node.value)]
        if typing.get_origin(wanted[0]) is dict and not _is_null(node):
            inner = typing.get_args(wanted[0])[1]
            return {name: self.value(item, inner, f"{key}.{name}") for name, item in self.entries(node, key, None)}
        if nullable and _is_null(node):
            return None
        return self._scalar(node, wanted[0], key, " or null" if nullable else "")

    def _scalar(self, node: yaml.Node, kind: type, key: str, also: str) -> Any:
        shape = "a list" if typing.get_origin(kind) is list else "a mapping"
        expected = f"{key}: expected {_KINDS.get(kind, shape)}{also}"
        if not isinstance(node, yaml.ScalarNode):
            self.refuse(_line(node), f"{expected}, found {_found(node)}")
        with self._damage(_line(node)):
            value = self.loader.construct_object(node)
        if kind is float:
            if isinstance(value, str) and node.style is None and _SCIENTIFIC.fullmatch(value):
                value = float(value)
            if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
                value = float(value)
        if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
            quote = "; put it in quotes" if kind is str and value is not None else ""
            what = shown(value) if value is None else f"{type(value).__name__}: {shown(value)}"
            self.refuse(_line(node), f"{expected}, found {what}{quote}")
        return value

    @contextmanager
    def _damage(self, line: int | None) -> Iterator[None]:
        """Errors of the YAML parser as ConfigError with the line they speak of."""
        try:
            yield
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.refuse(mark.line + 1 if mark else line or 1, f"expected YAML, found: {error.problem or error.context}")
        except yaml.reader.ReaderError as error:
            place = self.text.count("\n", 0, error.position) + 1
            self.refuse(place, f"expected YAML, found the character {chr(int(error.character))!r}; remove it")
        except (ValueError, OverflowError) as error:  # a date or number that cannot be
            self.refuse(line or 1, f"expected YAML, found: {error}")
        except RecursionError as error:
            self.refuse(line or 1, f"expected YAML, found lists or mappings too deep to read ({error})")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1 if node.start_mark else 1


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.CollectionNode):
        return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    return shown(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
