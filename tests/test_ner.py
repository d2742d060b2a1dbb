"""`proof.ner` and `proof.tagger`: sentences of words and labels -> a trained tagger -> entity scores, tables, resuming."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from ahdath.errors import ConfigError, DataError
from ahdath.lexicon import AFFIXES, StemLexicon
from ahdath.proof import ner, pages
from ahdath.proof.ner import Plan, Sentence, read_sentences, score
from ahdath.proof.tagger import IGNORED, collate_examples, examples, fit
from ahdath.tokenization import WordTokenizer
from ahdath.training import TrainConfig
from tiny import tiny_tokenizer

ROOT = Path(__file__).parents[1]

TEXT = """التقى O
وزير O
الخارجية O
سامي B-PERS
الحداد I-PERS
نظيره O
في O
جنيف، B-LOC

اعتقلت O
الشرطة B-ORG
متظاهرين O
في O
تونس B-LOC
. O

قال O
سامي B-PERS
الحداد I-PERS
إن O
الشرطة B-ORG
في O
حلب B-LOC
"""


def sentences(times: int = 1) -> list[Sentence]:
    found, rows = [], []
    for line in [*TEXT.splitlines(), ""]:
        if line:
            rows.append(line.split())
        else:
            found.append(Sentence(tuple(w for w, _ in rows), tuple(t for _, t in rows)))
            rows = []
    return found * times


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in the layout of ANERcorp."""
    place = tmp_path / "anercorp"
    place.mkdir()
    for name, times in (("train", 4), ("test", 1), ("test_clean", 1)):
        (place / f"{name}.txt").write_text((TEXT + "\n") * times, encoding="utf-8")
    return place


# ---------------------------------------------------------------------- reading and scoring


def test_sentences_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text(TEXT.replace("\n", "\r\n"), encoding="utf-8")
    assert read_sentences(path) == sentences()
    path.write_text("\n\nأبو ظبي B-LOC\n\n\n\nفي O", encoding="utf-8")  # a word may hold a space, ends may lack
    assert read_sentences(path) == [Sentence(("أبو ظبي",), ("B-LOC",)), Sentence(("في",), ("O",))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("حلب B-LOC\nحلب\n", r":2: expected a word, a space and O, B-… or I-…, found 'حلب'"),
        ("حلب LOC\n", r":1: expected a word"),
        (" O\n", r":1: expected a word"),
        ("\n\n", "expected sentences with labels, found none"),
        (b"\xff\xfe O\n", "expected UTF-8"),
    ],
)
def test_damaged_files_are_refused(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_sentences(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a readable file, found: No such file"):
        read_sentences(tmp_path / "train.txt")


def test_scores_count_entities_not_words() -> None:
    gold = sentences()
    answers = [list(one.labels) for one in gold]
    assert score(gold, answers) == {
        "f1": 100.0, "precision": 100.0, "recall": 100.0, "types": {"LOC": 100.0, "ORG": 100.0, "PERS": 100.0},
    }  # fmt: skip
    answers[0][4] = "O"  # half of a name is no name; 7 entities, 7 answers, 6 right
    found = score(gold, answers)
    assert found["f1"] == round(600 / 7, 3)
    assert found["types"] == {"LOC": 100.0, "ORG": 100.0, "PERS": 50.0}


def test_a_stray_i_begins_an_entity_as_in_seqeval_default() -> None:
    gold = [Sentence(("في", "حلب"), ("O", "I-LOC"))]
    assert score(gold, [["O", "B-LOC"]])["f1"] == 100.0


def test_nothing_predicted_and_nothing_there_are_zero() -> None:
    nothing = [["O"] * len(one.words) for one in sentences()]
    assert score(sentences(), nothing)["f1"] == 0.0
    bare = [Sentence(("في",), ("O",))]
    assert score(bare, [["O"]]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "types": {}}


# ---------------------------------------------------------------------- words <-> windows


def test_the_first_of_several_words_speaks_for_a_word() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=64)
    (found,) = examples([["في", "القاهرة،", "(د", "."]], tokenizer)
    assert found.heads == (0, 1, -1, 2, -1, 3)
    assert len(found.window.spans) == 6


def test_every_word_of_a_long_sentence_has_one_head() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=40)
    words = [f"حلب{number}" for number in range(50)]
    found = examples([words, ["في"]], tokenizer)
    assert len(found) > 2
    heads = [head for one in found if one.sentence == 0 for head in one.heads if head >= 0]
    assert sorted(heads) == list(range(50))


def test_a_word_of_invisible_characters_has_no_head_and_moves_no_other() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=64)
    (found,) = examples([["في", "\u200f\u200e", "\u200fحلب", ""]], tokenizer)
    assert found.heads == (0, 2)
    assert examples([["\u200f"], []], tokenizer) == []


def test_a_batch_is_labelled_where_words_begin() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer("حلب"), max_length=64)
    made = examples([["في", "حلب،"], ["حلب"]], tokenizer)
    batch = collate_examples([(made[0], [0, 7]), (made[1], [5])], 0)
    assert batch["labels"].tolist() == [[0, 7, IGNORED], [5, IGNORED, IGNORED]]
    assert batch["word_mask"].tolist() == [[True, True, True], [True, False, False]]
    assert "labels" not in collate_examples([(made[0], None)], 0)
    assert "sentence" not in batch


def test_our_encoder_reads_stems_with_affixes_as_types(embedded_encoder: Path) -> None:
    lexicon = StemLexicon.load(embedded_encoder / "lexicon.json")
    tokenizer = WordTokenizer(AutoTokenizer.from_pretrained(embedded_encoder), max_length=96, lexicon=lexicon)
    (found,) = examples([["القوات", "في"]], tokenizer)
    cut = lexicon.segment("القوات")
    assert found.window.type_ids is not None
    assert found.window.type_ids[found.window.pieces[0][0]] == AFFIXES[cut.prefix, cut.suffix] > 0


# ---------------------------------------------------------------------- training


@pytest.fixture
def quick(tiny_settings: Callable[..., TrainConfig]) -> Callable[..., TrainConfig]:
    def settings(kind: str = "embedded", **changes: Any) -> TrainConfig:
        usual = {"epochs": 20, "encoder_learning_rate": 3e-3, "learning_rate": 2e-2, "batch_size": 3, "warmup_share": 0.0, "dropout": 0.0, "word_dropout": 0.0}
        return tiny_settings(kind, **{**usual, **changes})

    return settings


def taught(settings: TrainConfig, **options: str) -> Any:
    data = sentences(2)
    return fit(settings, [one.words for one in data], [one.labels for one in data], **options)


@pytest.mark.parametrize(
    ("kind", "head", "start"),
    [("embedded", "plain", "pretrained"), ("embedded", "package", "pretrained"), ("embedded", "package", "random"),
     ("arabert", "plain", "pretrained")],
)  # fmt: skip
def test_each_head_learns_its_sentences(quick: Callable[..., TrainConfig], kind: str, head: str, start: str) -> None:
    fitted = taught(quick(kind), head=head, start=start)
    gold = sentences()
    assert score(gold, fitted.tags([one.words for one in gold]))["f1"] == 100.0
    assert fitted.names == ("O", "B-LOC", "B-ORG", "B-PERS", "I-PERS")


def test_the_plain_head_is_one_linear_layer_and_the_package_has_words(quick: Callable[..., TrainConfig]) -> None:
    plain, package = (taught(quick(epochs=1), head=head) for head in ("plain", "package"))
    outside = {name for name, _ in plain.model.named_parameters() if not name.startswith("encoder.")}
    assert outside == {"classifier.weight", "classifier.bias"}
    assert plain.model.classifier.weight.shape == (5, 32)
    assert package.model.words is not None
    assert package.model.words.vectors.abs().sum() > 0
    assert package.parameters > plain.parameters
    assert package.body == plain.body == sum(p.numel() for p in plain.model.encoder.encoder.parameters())


def test_random_weights_are_none_of_the_given_ones(quick: Callable[..., TrainConfig]) -> None:
    settings = quick(epochs=1, encoder_learning_rate=0.0, freeze_embeddings=True)
    given, drawn, again = (taught(settings, start=start).model.encoder for start in ("pretrained", "random", "random"))
    table = given.get_input_embeddings().weight
    assert not table.requires_grad
    assert drawn.get_input_embeddings().weight.requires_grad
    matrices = [(name, p) for name, p in given.named_parameters() if p.ndim > 1]
    other, same = dict(drawn.named_parameters()), dict(again.named_parameters())
    assert all(not torch.allclose(p, other[name]) for name, p in matrices)
    assert all(torch.equal(other[name], same[name]) for name, _ in matrices)  # by seed


def test_every_weight_moves(quick: Callable[..., TrainConfig]) -> None:
    before = {name: p.clone() for name, p in taught(quick(epochs=1, encoder_learning_rate=0.0), head="package").model.named_parameters()}
    after = dict(taught(quick(epochs=3, word_dropout=0.2), head="package").model.named_parameters())
    still = [name for name, p in before.items() if torch.equal(p, after[name])]
    assert [name for name in still if "key.bias" not in name] == []  # a key's bias cancels in softmax


def test_a_seed_is_a_result(quick: Callable[..., TrainConfig]) -> None:
    one, same, other = (taught(quick(epochs=2, word_dropout=0.1, seed=seed)).model.classifier.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_a_word_without_head_is_outside(quick: Callable[..., TrainConfig]) -> None:
    fitted = taught(quick(epochs=1))
    assert fitted.tags([["\u200f"], []]) == [["O"], []]


def test_what_cannot_be_trained_is_refused(quick: Callable[..., TrainConfig], noisy: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="head 'crf': expected one of plain, package"):
        taught(quick(), head="crf")
    with pytest.raises(ConfigError, match="start 'zero': expected one of pretrained, random"):
        taught(quick(), start="zero")
    with pytest.raises(DataError, match="expected words with labels, found none"):
        fit(quick(), [["\u200f"]], [["O"]])
    noisy("embedded").save_pretrained(tmp_path / "model")
    with pytest.raises(ConfigError, match="expected an encoder, found a model of ahdath"):
        taught(replace(quick(), encoder=str(tmp_path / "model")))


# ---------------------------------------------------------------------- the plan, resuming, tables


@pytest.fixture
def plan(quick: Callable[..., TrainConfig], folder: Path, tmp_path: Path) -> Plan:
    settings = quick(epochs=2)
    return Plan("tiny", settings, folder, tmp_path / "encoder.json", rows=("plain",), seeds=(0, 1), rates=(1e-3, 2e-3), dropouts=(0.0,))


def test_what_is_measured_is_not_measured_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    first = ner.measure(replace(plan, seeds=(0,)), said.append)["ner"]["tiny"]["points"]
    assert list(first) == ["plain · rate 0.001, dropout 0", "plain · rate 0.002, dropout 0", "plain · 0"]
    best = max(list(first)[:2], key=lambda name: first[name]["held out"])
    assert f"plain · {ner._point(first['plain · 0']['chosen'])}" == best
    assert len(said) == 3
    more: list[str] = []
    second = ner.measure(plan, more.append)
    assert len(more) == 1
    assert more[0].startswith("tiny, plain, seed 1: test ")
    assert {name: second["ner"]["tiny"]["points"][name] for name in first} == first

    def never(*_: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(ner, "_run", never)
    assert ner.measure(plan, more.append) == second == json.loads(plan.file.read_text(encoding="utf-8"))


def test_the_choice_never_sees_a_test_file(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, dict[str, int]]] = []

    def run(settings: TrainConfig, row: str, train: Any, tests: Any) -> Any:
        seen.append((len(train), {name: len(gold) for name, gold in tests.items()}))
        better = settings.encoder_learning_rate == 2e-3
        return {name: {"f1": 60.0 + better, "types": {}} for name in tests}, {"body": 1, "parameters": 2}

    monkeypatch.setattr(ner, "_run", run)
    found = ner.measure(plan, lambda _: None)
    assert seen == [(11, {"held out": 1})] * 2 + [(12, {"test": 3, "test_clean": 3})] * 2
    assert found["ner"]["tiny"]["points"]["plain · 1"]["chosen"] == {"encoder_learning_rate": 2e-3, "dropout": 0.0}


def test_one_point_leaves_nothing_to_choose(plan: Plan) -> None:
    found = ner.measure(replace(plan, rates=(2e-3,), seeds=(3,)), lambda _: None)
    points = found["ner"]["tiny"]["points"]
    assert list(points) == ["plain · 3"]
    assert points["plain · 3"]["chosen"] == {"encoder_learning_rate": 2e-3, "dropout": 0.0}


def test_other_settings_under_the_same_name_are_refused(plan: Plan) -> None:
    alone = replace(plan, rates=(2e-3,), seeds=(0,))
    ner.measure(alone, lambda _: None)
    with pytest.raises(ConfigError, match=r"points of 'ner · tiny' that were measured alike, found others \(epochs 2, now 3\)"):
        ner.measure(replace(alone, settings=replace(plan.settings, epochs=3)), lambda _: None)
    (plan.data / "test.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"test .*, now "):
        ner.measure(alone, lambda _: None)
    plan.file.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="expected JSON"):
        ner.measure(alone, lambda _: None)


def test_contradictions_are_refused_at_birth(plan: Plan) -> None:
    with pytest.raises(ConfigError, match=r"row 'plian': expected one of plain, .*did you mean 'plain'"):
        replace(plan, rows=("plian",))
    with pytest.raises(ConfigError, match="limit 3: expected 10"):
        replace(plan, limit=3)
    with pytest.raises(ConfigError, match="expected one at least"):
        replace(plan, seeds=())
    own = plan.settings.encoder_learning_rate
    assert [point["encoder_learning_rate"] for point in replace(plan, rates=()).choices()] == [own, 2.5 * own]


def numbers() -> dict[str, Any]:
    def run(f1: float) -> dict[str, Any]:
        return {"test": {"f1": f1, "types": {"LOC": f1 + 10, "PERS": f1 - 5}}, "test_clean": {"f1": f1 + 1, "types": {}}, "seconds": 90.2}

    about = {"row": "plain", "chosen": {"encoder_learning_rate": 2e-4, "dropout": 0.1}, "sizes": {"body": 3_159_040, "parameters": 9_629_449}}
    seeds = {f"plain · {seed}": {**about, "seed": seed, **run(f1)} for seed, f1 in enumerate((70.0, 72.0, 72.5))}
    grid = {"plain · rate 0.0002, dropout 0.1": {"row": "plain", "held out": 71.0}}
    return {"ours": {"stamp": {"epochs": 12, "limit": None}, "points": grid | seeds}}


def test_the_tables_say_what_the_numbers_say() -> None:
    page = ner.table(numbers())
    cells = "9.6M (3.2M) | **72.0 (70.0–72.5)** | 71.5 | 73.0 (71.0–73.5) | 3 | 90"
    assert f"| ours | plain head | {cells} |" in page
    assert "| AraBERT v0.1 | plain head, published:" in page
    assert "| ≥ 110M | 83.1 |" in page
    assert "- ours, plain head: rate 0.0002, dropout 0.1, the best of 1 on held-out sentences of train.txt (71.0); 12 epochs." in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| ")}
    assert widths == {9}
    assert "| ours, plain head | 82.0 (80.0–82.5) | 67.0 (65.0–67.5) |" in ner.types_table(numbers())


def test_nothing_measured_is_said() -> None:
    assert ner.table({}).endswith("Not measured yet.")
    assert ner.types_table({}) == "Not measured yet."


def test_the_script_measures_and_fills_the_page(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    page = (ROOT / "docs" / "encoder.md").read_text(encoding="utf-8")
    (docs / "encoder.md").write_text(page, encoding="utf-8")
    tiny = {"word_size": 32, "context_size": 32, "batch_size": 4, "bf16": "false"}
    asked = ["ner.py", str(plan.data), "--name", "tiny", "--encoder", plan.settings.encoder, "--epochs", "1", "--seeds", "0",
             "--rates", "1e-3", "--dropouts", "0.1", "--rows", "plain", "--config", str(ROOT / "configs" / "embedded.yaml"),
             "--output", str(docs), *(part for key, value in tiny.items() for part in ("--set", f"{key}={value}"))]  # fmt: skip
    monkeypatch.setattr(sys, "argv", asked)
    runpy.run_path(str(ROOT / "scripts" / "ner.py"), run_name="__main__")
    told = capsys.readouterr().out
    kept = json.loads((docs / "encoder.json").read_text(encoding="utf-8"))["ner"]["tiny"]
    assert (kept["stamp"]["epochs"], list(kept["points"])) == (1, ["plain · 0"])
    assert "| tiny | plain head |" in told
    filled = (docs / "encoder.md").read_text(encoding="utf-8")
    assert "| tiny | plain head |" in filled
    assert pages.places(filled) == ["ner", "ner-types", "encoders", "gains"]
    assert pages.fill(filled, dict.fromkeys(pages.places(page), "")) == pages.fill(page, dict.fromkeys(pages.places(page), ""))


def test_an_encoder_tagger_is_the_stock_one(quick: Callable[..., TrainConfig]) -> None:
    """The plain head gives the logits of AutoModelForTokenClassification at first pieces."""
    from transformers import BertForTokenClassification

    fitted = taught(quick("arabert", epochs=1))
    model = fitted.model.eval()
    stock = BertForTokenClassification(model.encoder.config)
    stock.classifier = torch.nn.Linear(32, 5)
    stock.bert.load_state_dict(model.encoder.state_dict())
    stock.classifier.load_state_dict(model.classifier.state_dict())
    made = examples([one.words for one in sentences()], fitted.tokenizer)
    batch = collate_examples([(one, None) for one in made], 0)
    with torch.inference_mode():
        ours = model(**batch)["logits"].numpy()
        theirs = stock.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.numpy()
    for row, one in enumerate(made):
        for column, (first, _) in enumerate(one.window.pieces):
            np.testing.assert_allclose(ours[row, column], theirs[row, first], atol=1e-5)
