from __future__ import annotations

import ast
import copy
import json
import pickle
from pathlib import Path

import pytest

import ahdath.ontology
from ahdath.errors import OntologyError
from ahdath.ontology import EventType, Ontology, Role

SMALL = """\
version: 3
roles:
  Seller: {definition: "who sells"}
  Buyer: {ar: المشتري, definition: "who buys"}
types:
  Sale:
    definition: "Something is sold."
    roles: [Seller, Buyer]
  Gift:
    ar: هدية
    definition: "Something is given."
    triggers: [أهدى]
    roles: [Seller]
    ace: Transaction.Give
    ace_roles: {Seller: Giver}
    plover: {event: AID, mode: gift, needs: Seller}
    cameo: ["07"]
"""


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_the_packaged_ontology() -> None:
    ontology = Ontology.default()
    assert (len(ontology.types), len(ontology.roles), ontology.version) == (35, 15, 1)
    assert ontology.type_names[:2] == ("Conflict.Attack", "Conflict.Threaten")
    assert ontology.role_names[:3] == ("Agent", "Target", "Victim")
    assert dict(ontology.attributes) == {
        "modality": ("asserted", "other"),
        "polarity": ("positive", "negative"),
    }
    assert ontology.attribute_definitions["polarity"].startswith("negative:")
    attack = ontology.types["Conflict.Attack"]
    assert attack.ar == "هجوم"
    assert attack.triggers[:2] == ("قصف", "هجوم")
    assert attack.roles == ("Agent", "Target", "Instrument", "Place", "Time")
    assert (attack.ace, attack.ace_roles) == ("Conflict.Attack", {"Agent": "Attacker"})
    assert (attack.plover, attack.cameo) == ({"event": "ASSAULT"}, ("18", "19"))
    assert ontology.types["Life.Die"].plover == {"event": "ASSAULT", "needs": "Agent"}
    assert ontology.types["Economy.Transact"].ace_roles["Agent"] is None
    assert Ontology.default() is ontology


def test_ids_follow_the_file() -> None:
    ontology = Ontology.default()
    assert [ontology.type_id(name) for name in ontology.type_names] == list(range(35))
    assert [ontology.role_id(name) for name in ontology.role_names] == list(range(15))


def test_allows() -> None:
    ontology = Ontology.default()
    assert ontology.allows("Conflict.Attack", "Instrument")
    assert not ontology.allows("Conflict.Attack", "Penalty")


def test_a_small_ontology_of_ones_own(tmp_path: Path) -> None:
    ontology = Ontology.from_yaml(write(tmp_path, SMALL))
    assert ontology.roles["Seller"] == Role("Seller", "", "who sells")
    assert ontology.types["Sale"] == EventType("Sale", "", "Something is sold.", (), ("Seller", "Buyer"))
    assert ontology.types["Gift"].plover == {"event": "AID", "mode": "gift", "needs": "Seller"}
    assert ontology.defaults == {"modality": "asserted", "polarity": "positive"}
    assert ontology.source.endswith("mine.yaml")


def test_attribute_values_of_ones_own(tmp_path: Path) -> None:
    ontology = Ontology.from_yaml(
        write(tmp_path, SMALL + "attributes:\n  modality: {values: [real, planned]}\n")
    )
    assert ontology.defaults == {"modality": "real", "polarity": "positive"}


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert Ontology.from_yaml(write(tmp_path, b"\xef\xbb\xbf" + SMALL.encode())).version == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 3\n", "", ["version", "found none"]),
        ("version: 3", "version: yes", ["version", "whole number"]),
        ("version: 3", "verson: 3", ["'verson'", "did you mean 'version'"]),
        ("roles:\n  Seller", "role:\n  Seller", ["'role'", "did you mean 'roles'"]),
        ('{definition: "who sells"}', "{}", ["roles.Seller.definition", "found none"]),
        ('{definition: "who sells"}', "who sells", ["roles.Seller", "mapping", "'who sells'"]),
        ('{definition: "who sells"}', '{definition: ""}', ["roles.Seller.definition", "''"]),
        ('    definition: "Something is sold."\n', "", ["types.Sale.definition", "found none"]),
        ("    roles: [Seller, Buyer]\n", "", ["types.Sale.roles", "found none"]),
        ("[Seller, Buyer]", "Seller", ["types.Sale.roles", "a list", "'Seller'"]),
        (
            "[Seller, Buyer]",
            "[Seller, Byer]",
            ["types.Sale.roles", "'Byer'", "did you mean 'Buyer'", "Seller, Buyer"],
        ),
        ("[Seller, Buyer]", "[Seller, Seller]", ["types.Sale.roles", "twice"]),
        ("triggers:", "trigers:", ["types.Gift", "'trigers'", "did you mean 'triggers'"]),
        ("triggers: [أهدى]", "triggers: [5]", ["types.Gift.triggers[0]", "5"]),
        ("ar: هدية", "ar: 5", ["types.Gift.ar", "5"]),
        ("event: AID, mode", "evnt: AID, mode", ["types.Gift.plover", "'evnt'", "did you mean 'event'"]),
        (
            "{event: AID, mode: gift, needs: Seller}",
            "{mode: gift}",
            ["types.Gift.plover.event", "found none"],
        ),
        ("{event: AID, mode: gift, needs: Seller}", "AID", ["types.Gift.plover", "mapping", "'AID'"]),
        ("needs: Seller", "needs: Buyer", ["types.Gift.plover.needs", "role of this type", "'Buyer'"]),
        ('cameo: ["07"]', "cameo: [7]", ["types.Gift.cameo[0]", "quotes", "7"]),
        ("{Seller: Giver}", "{Buyer: Giver}", ["types.Gift.ace_roles", "'Buyer'"]),
        ("{Seller: Giver}", "{Seller: 5}", ["types.Gift.ace_roles.Seller", "5"]),
        ("    ace: Transaction.Give\n", "", ["types.Gift.ace_roles", "`ace`"]),
        ("  Gift:", "  Sale:", ["key 'Sale'", "twice", "line"]),
        ("  Gift:", "  no:", ["types", "name without spaces", "False"]),
        ("  Gift:", "  A gift:", ["types", "name without spaces", "'A gift'"]),
        ("  Gift:", "  Argument:", ["types.Argument", "another name", "rename"]),
        ("  Gift:", '  "Gift,Aid":', ["types", "a comma in 'Gift,Aid'", "write 'Gift.Aid'"]),
        ("  Gift:", "  Gift:Aid:", ["types", "a colon in 'Gift:Aid'", "write 'Gift.Aid'"]),
        (SMALL, "version: 1\nroles: {}\ntypes: {}", ["roles", "at least one"]),
        (SMALL, "version: 1\nroles: {A: {definition: x}}\ntypes: 4", ["types", "mapping", "4"]),
        (SMALL, "just words", ["top level", "mapping", "'just words'"]),
        (SMALL, "", ["top level", "nothing"]),
        (SMALL, "a: [1, 2", ["YAML"]),
        (SMALL, "? [a, b]\n: c", ["YAML"]),
        (SMALL, b"\xff\xfe\x00", ["UTF-8"]),
        ("    cameo", "    <<: *nowhere\n    cameo", ["YAML"]),
        ("version: 3\n", "version: 3\nattributes: {tense: {values: [past]}}\n", ["attributes", "'tense'"]),
        (
            "version: 3\n",
            "version: 3\nattributes: {modality: {values: []}}\n",
            ["attributes.modality.values", "none"],
        ),
        (
            "version: 3\n",
            "version: 3\nattributes: {modality: {}}\n",
            ["attributes.modality.values", "a list"],
        ),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_key(
    tmp_path: Path, old: str, new: str | bytes, said: list[str]
) -> None:
    assert old in SMALL
    path = write(tmp_path, new if isinstance(new, bytes) else SMALL.replace(old, new))
    with pytest.raises(OntologyError) as refused:
        Ontology.from_yaml(path)
    for part in [str(path), *said]:
        assert part in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"nowhere\.yaml: expected a readable ontology file"):
        Ontology.from_yaml(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Conflict.Atack", " (did you mean 'Conflict.Attack'?)"),
        ("conflict.attack", " (did you mean 'Conflict.Attack'?)"),
        ("طيران", ""),
    ],
)
def test_unknown_names_tell_the_known_ones(name: str, near: str) -> None:
    ontology = Ontology.default()
    for ask in (ontology.type_id, ontology.event_type, lambda n: ontology.allows(n, "Agent")):
        with pytest.raises(OntologyError) as refused:
            ask(name)
        assert f"Unknown event type {name!r}{near}; allowed: Conflict.Attack, " in str(refused.value)
        assert "(ontology.yaml)" in str(refused.value)
    with pytest.raises(OntologyError, match=r"Unknown role 'Wepon'.*allowed: Agent, Target"):
        ontology.allows("Conflict.Attack", "Wepon")


@pytest.mark.parametrize("name", [5, None, ["Agent"]])
def test_names_of_a_wrong_type_are_refused(name: object) -> None:
    with pytest.raises(OntologyError, match="Unknown role"):
        Ontology.default().role_id(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("sort_keys", [False, True])
def test_to_dict_is_lossless_even_through_sorted_json(sort_keys: bool, tmp_path: Path) -> None:
    for ontology in (Ontology.default(), Ontology.from_yaml(write(tmp_path, SMALL))):
        again = Ontology.from_dict(json.loads(json.dumps(ontology.to_dict(), sort_keys=sort_keys)))
        assert again == ontology
        assert again.type_names == ontology.type_names
        assert again.role_names == ontology.role_names
        assert again.digest == ontology.digest


def test_a_list_of_entries_refuses_a_name_twice() -> None:
    data = Ontology.default().to_dict()
    data["roles"].append(data["roles"][0])
    with pytest.raises(OntologyError, match="roles: 'Agent' stands twice"):
        Ontology.from_dict(data)
    data["roles"][-1] = "Agent"
    with pytest.raises(OntologyError, match=r"roles\[15\]: expected a mapping with a name"):
        Ontology.from_dict(data)


def test_the_digest_depends_on_content_and_order() -> None:
    data = Ontology.default().to_dict()
    digest = Ontology.from_dict(data).digest
    assert len(digest) == 12
    data["types"].reverse()
    assert Ontology.from_dict(data).digest != digest
    data["types"].reverse()
    data["types"][0]["definition"] += "!"
    assert Ontology.from_dict(data).digest != digest


def test_an_ontology_can_be_copied_pickled_and_hashed() -> None:
    ontology = Ontology.default()
    assert pickle.loads(pickle.dumps(ontology)) == ontology
    assert copy.deepcopy(ontology) == ontology
    assert hash(ontology) == hash(copy.deepcopy(ontology))


def test_no_code_knows_a_type_by_name() -> None:
    names = Ontology.default().type_names
    for path in Path(ahdath.ontology.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                found = [name for name in names if name in node.value]
                assert not found, f"{path.name}:{node.lineno} knows {found}"
