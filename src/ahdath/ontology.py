"""The ontology: which types of events there are, which roles each allows, and how they are called elsewhere.

An `Ontology` is a value: read from a YAML file (`from_yaml`), a dict (`from_dict`) or the package
(`default`), checked once, then only looked at. The order of the file gives every type and role its id.
Nothing in ahdath knows a type by name; a different file gives a different extractor.

This module knows nothing of texts, documents or models. YAML is imported only when a file is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from ahdath.errors import OntologyError, did_you_mean, shown

__all__ = ["ARGUMENT", "EventType", "Ontology", "Role"]

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"modality": ("asserted", "other"), "polarity": ("positive", "negative")}
)
"""The attributes that every event has, with their usual values; the first value is the default."""

ARGUMENT = "Argument"
"""The label that spans which only fill roles have in annotation tools; no type can be called so."""

_PLOVER_KEYS = ("event", "mode", "needs")
_ROLE_KEYS = ("ar", "definition")
_TYPE_KEYS = ("ar", "definition", "triggers", "roles", "ace", "ace_roles", "plover", "cameo")


@dataclass(frozen=True, slots=True)
class Role:
    """A part that someone or something plays in an event: its name, Arabic name and definition."""

    name: str
    ar: str
    definition: str


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: what it means, the roles it allows, and its counterparts in other schemes.

    `triggers` are typical words, for readers. `ace` is the ACE 2005 type or None, `ace_roles` renames
    roles for it (None: no counterpart; absent: same name). `plover` is None or `{"event", "mode"?,
    "needs"?}` (`needs`: the role that must be filled). `cameo` are CAMEO codes, root or finer.
    """

    name: str
    ar: str
    definition: str
    triggers: tuple[str, ...]
    roles: tuple[str, ...]
    ace: str | None = None
    ace_roles: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    plover: Mapping[str, str] | None = field(default=None, hash=False)
    cameo: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ontology:
    """Event types, roles and attribute values, in the order of their file; the mappings are read-only.

    `version` is the file's own. `attributes` gives each attribute its values, the first the default;
    `attribute_definitions` what they mean. `source` names the file in messages.

    >>> ontology = Ontology.default()
    >>> ontology.types["Conflict.Attack"].ar
    'هجوم'
    >>> ontology.allows("Conflict.Attack", "Instrument")
    True
    """

    version: int
    types: Mapping[str, EventType] = field(hash=False)
    roles: Mapping[str, Role] = field(hash=False)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(ATTRIBUTES), hash=False)
    attribute_definitions: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = field(default="the ontology", compare=False)

    # ------------------------------------------------------------------ reading

    @classmethod
    def from_yaml(cls, path: str | PathLike[str]) -> Ontology:
        """The ontology of a YAML file laid out like the packaged `ontology.yaml`.

        A type needs `definition` and `roles`, a role `definition`; `ar`, `triggers`, the crosswalk keys
        and `attributes` may be absent. Raises OntologyError, naming file and key, for anything else.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise OntologyError(
                f"{path}: expected a readable ontology file, found: {error.strerror or error}"
            ) from error
        return _from_yaml_bytes(content, str(path))

    @classmethod
    def default(cls) -> Ontology:
        """The ontology that ahdath ships: 35 event types, 15 roles. Read once per process."""
        return _default()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "the ontology") -> Ontology:
        """The ontology of a dict: the content of an ontology file, or what `to_dict` wrote.

        Raises OntologyError naming `source`, the key, what was expected and what was found.
        """
        reader = _Reader(source)
        top = reader.mapping(data, "", ("version", "roles", "types", "attributes"))
        for key in ("version", "roles", "types"):
            if key not in top:
                reader.refuse(key, "expected this key, found none; add it")
        version = top["version"]
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            reader.refuse("version", f"expected a whole number from 1 up, found {shown(version)}")
        roles = {name: reader.role(name, body) for name, body in reader.entries(top["roles"], "roles")}
        types = {
            name: reader.event_type(name, body, roles) for name, body in reader.entries(top["types"], "types")
        }
        attributes, definitions = reader.attributes(top.get("attributes", {}))
        return cls(version, types, roles, attributes, definitions, source)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-able values; `from_dict` gives the same ontology back.

        Types and roles are lists here, because writers that sort keys (the configs of transformers
        do) would otherwise lose the order that ids come from.
        """
        roles = [{"name": r.name, "ar": r.ar, "definition": r.definition} for r in self.roles.values()]
        types = [
            {
                "name": t.name,
                "ar": t.ar,
                "definition": t.definition,
                "triggers": list(t.triggers),
                "roles": list(t.roles),
                "ace": t.ace,
                "ace_roles": dict(t.ace_roles),
                "plover": None if t.plover is None else dict(t.plover),
                "cameo": list(t.cameo),
            }
            for t in self.types.values()
        ]
        attributes = {
            name: {"values": list(values), "definition": self.attribute_definitions.get(name, "")}
            for name, values in self.attributes.items()
        }
        return {"version": self.version, "roles": roles, "types": types, "attributes": attributes}

    # ------------------------------------------------------------------ asking

    @cached_property
    def type_names(self) -> tuple[str, ...]:
        """The types in file order; the position is the id."""
        return tuple(self.types)

    @cached_property
    def role_names(self) -> tuple[str, ...]:
        """The roles in file order; the position is the id."""
        return tuple(self.roles)

    @cached_property
    def _type_ids(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.types)}

    @cached_property
    def _role_ids(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.roles)}

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that stand for the whole content; documents carry it as `ontology`."""
        canonical = json.dumps(self.to_dict(), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:12]

    def event_type(self, name: str) -> EventType:
        """The type of that name. Raises OntologyError, naming the allowed types, if there is none."""
        if not isinstance(name, str) or name not in self.types:
            raise OntologyError(self._unknown("event type", name, self.types))
        return self.types[name]

    def type_id(self, name: str) -> int:
        """The id of a type, its position in the file from 0. Raises OntologyError for an unknown name."""
        return self._type_ids[self.event_type(name).name]

    def role_id(self, name: str) -> int:
        """The id of a role, its position in the file from 0. Raises OntologyError for an unknown name."""
        if not isinstance(name, str) or name not in self.roles:
            raise OntologyError(self._unknown("role", name, self.roles))
        return self._role_ids[name]

    def allows(self, type: str, role: str) -> bool:
        """Whether events of `type` can have an argument of `role`. Raises OntologyError for unknown names."""
        self.role_id(role)
        return role in self.event_type(type).roles

    @property
    def defaults(self) -> dict[str, str]:
        """Every attribute with the value it has where nothing is said."""
        return {name: values[0] for name, values in self.attributes.items()}

    def _unknown(self, kind: str, name: object, known: Mapping[str, object]) -> str:
        near = did_you_mean(name, known)
        return f"Unknown {kind} {shown(name)}{near}; allowed: {', '.join(known)} ({self.source})"


@cache
def _default() -> Ontology:
    content = resources.files("ahdath").joinpath("ontology.yaml").read_bytes()
    return _from_yaml_bytes(content, "ontology.yaml")


def _from_yaml_bytes(content: bytes, source: str) -> Ontology:
    import yaml  # here, so that `import ahdath` stays light

    class Loader(yaml.SafeLoader):
        """Refuses a key that stands twice: plain YAML would keep the last one in silence."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key.value, str) and key.value in seen:
                    raise OntologyError(
                        f"{source}: line {key.start_mark.line + 1}: key {shown(key.value)} stands twice; "
                        "expected every key once, rename or remove one"
                    )
                if isinstance(key.value, str):
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        data = yaml.load(content.decode("utf-8-sig"), Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise OntologyError(f"{source}: expected YAML in UTF-8, found: {error}") from error
    return Ontology.from_dict(data, source=source)


class _Reader:
    """Turns the values of an ontology file into value types, or refuses with source and key."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, key: str, problem: str) -> NoReturn:
        raise OntologyError(f"{self.source}: {key or 'top level'}: {problem}")

    def mapping(self, value: Any, key: str, allowed: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(key, f"expected a mapping with {', '.join(allowed)}, found {shown(value)}")
        for name in value:
            if name not in allowed:
                self.refuse(
                    key,
                    f"unknown key {shown(name)}{did_you_mean(name, allowed)}; allowed: {', '.join(allowed)}",
                )
        body: Mapping[str, Any] = value
        return body

    def name(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not value or value.split() != [value]:
            self.refuse(
                key,
                f"expected a name without spaces (quoted if need be), found {shown(value)}",
            )
        return str(value)

    def free_of_marks(self, name: str, key: str) -> None:
        """Refuses a name of a type or role that commas would cut in `--types` and colons in brat's files."""
        if mark := next((mark for mark in ",:" if mark in name), None):
            kind = "comma" if mark == "," else "colon"
            remedy = f"write {name.replace(mark, '.')!r}"
            self.refuse(key, f"expected a name without commas and colons, found a {kind} in {shown(name)}; {remedy}")

    def string(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not value.strip():
            self.refuse(
                key, f"expected a text (in quotes if YAML reads it as a number), found {shown(value)}"
            )
        return str(value)

    def strings(self, value: Any, key: str) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            self.refuse(key, f"expected a list, found {shown(value)}")
        found = tuple(self.string(item, f"{key}[{number}]") for number, item in enumerate(value))
        for item in found:
            if found.count(item) > 1:
                self.refuse(key, f"{item!r} stands twice; expected every entry once")
        return found

    def entries(self, value: Any, key: str) -> list[tuple[str, Any]]:
        """(name, body) pairs of a mapping of entries, or of a list of entries that have `name` inside."""
        if isinstance(value, (list, tuple)):
            pairs = []
            for number, item in enumerate(value):
                if not isinstance(item, Mapping) or "name" not in item:
                    self.refuse(f"{key}[{number}]", f"expected a mapping with a name, found {shown(item)}")
                pairs.append((item["name"], {k: v for k, v in item.items() if k != "name"}))
        elif isinstance(value, Mapping):
            pairs = list(value.items())
        else:
            self.refuse(key, f"expected a mapping from names to entries, found {shown(value)}")
        if not pairs:
            self.refuse(key, "expected at least one entry, found none")
        seen: set[str] = set()
        for name, _ in pairs:
            self.free_of_marks(self.name(name, key), key)
            if name in seen:
                self.refuse(key, f"{name!r} stands twice; expected every name once")
            seen.add(name)
        return pairs

    def role(self, name: str, value: Any) -> Role:
        key = f"roles.{name}"
        body = self.mapping(value, key, _ROLE_KEYS)
        return Role(name, self._arabic(body, key), self._definition(body, key))

    def event_type(self, name: str, value: Any, roles: Mapping[str, Role]) -> EventType:
        key = f"types.{name}"
        if name == ARGUMENT:
            self.refuse(
                key, f"expected another name, {name!r} is what fills a role in annotation tools; rename the type"
            )
        body = self.mapping(value, key, _TYPE_KEYS)
        definition = self._definition(body, key)
        if "roles" not in body:
            self.refuse(f"{key}.roles", "expected the list of allowed roles (may be empty), found none")
        own = self.strings(body["roles"], f"{key}.roles")
        for role in own:
            self._known(role, roles, f"{key}.roles", "role declared under `roles`")
        ace = body.get("ace")
        renamed = self._ace_roles(body.get("ace_roles", {}), own, f"{key}.ace_roles")
        if renamed and ace is None:
            self.refuse(f"{key}.ace_roles", "expected `ace` beside it, found none; add it")
        return EventType(
            name=name,
            ar=self._arabic(body, key),
            definition=definition,
            triggers=self.strings(body.get("triggers", []), f"{key}.triggers"),
            roles=own,
            ace=None if ace is None else self.name(ace, f"{key}.ace"),
            ace_roles=renamed,
            plover=self._plover(body.get("plover"), own, f"{key}.plover"),
            cameo=self.strings(body.get("cameo", []), f"{key}.cameo"),
        )

    def attributes(self, value: Any) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        values, definitions = dict(ATTRIBUTES), {}
        for name, entry in self.mapping(value, "attributes", tuple(ATTRIBUTES)).items():
            key = f"attributes.{name}"
            body = self.mapping(entry, key, ("values", "definition"))
            values[name] = self.strings(body.get("values"), f"{key}.values")
            if not values[name]:
                self.refuse(f"{key}.values", "expected at least one value, the default first; found none")
            if body.get("definition"):
                definitions[name] = self.string(body["definition"], f"{key}.definition")
        return values, definitions

    def _arabic(self, body: Mapping[str, Any], key: str) -> str:
        return self.string(body["ar"], f"{key}.ar") if body.get("ar", "") != "" else ""

    def _definition(self, body: Mapping[str, Any], key: str) -> str:
        if "definition" not in body:
            self.refuse(f"{key}.definition", "expected a one-line definition, found none; add it")
        return self.string(body["definition"], f"{key}.definition")

    def _known(self, role: Any, known: Sequence[str] | Mapping[str, Role], key: str, kind: str) -> None:
        if role not in known:
            self.refuse(
                key,
                f"expected a {kind}, found {shown(role)}{did_you_mean(role, known)}; "
                f"allowed: {', '.join(known)}",
            )

    def _ace_roles(self, value: Any, own: tuple[str, ...], key: str) -> dict[str, str | None]:
        renamed: dict[str, str | None] = {}
        for role, other in self.mapping(value, key, own).items():
            renamed[role] = None if other is None else self.name(other, f"{key}.{role}")
        return renamed

    def _plover(self, value: Any, own: tuple[str, ...], key: str) -> dict[str, str] | None:
        if value is None:
            return None
        body = self.mapping(value, key, _PLOVER_KEYS)
        if "event" not in body:
            self.refuse(f"{key}.event", "expected a PLOVER event type, found none; add it")
        plover = {name: self.string(body[name], f"{key}.{name}") for name in _PLOVER_KEYS if name in body}
        if "needs" in plover:
            self._known(plover["needs"], own, f"{key}.needs", "role of this type")
        return plover
