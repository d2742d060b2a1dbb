"""Fine-tuning: labels in batches, rates, averaging, calibration, and whole runs that are killed and go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import set_seed

from ahdath import metrics, precision, thresholds, training
from ahdath.config import read_config
from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.labels import label_window
from ahdath.ontology import Ontology
from ahdath.schema import Argument, Document, Event, Span
from ahdath.tokenization import WordTokenizer
from ahdath.training import TrainConfig, build_extractor, train
from ahdath.trainset import ByLength, Collator, TrainingSet, collate_labels
from test_modeling import WITHOUT_EFFECT
from tiny import tiny_tokenizer

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
SMALL = Ontology.from_dict(
    {
        "version": 1,
        "types": {
            "Attack": {"definition": "someone attacks", "roles": ["Agent", "Target"]},
            "Truce": {"definition": "weapons rest", "roles": ["Agent"]},
        },
        "roles": {"Agent": {"definition": "who does it"}, "Target": {"definition": "what is hit"}},
    }
)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def assert_same_run(one: Path, other: Path) -> None:
    """The same weights to the last bit, thresholds, and scores after every epoch."""
    mine, theirs = weights(one), weights(other)
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []
    records = [json.loads((folder / "training.json").read_text(encoding="utf-8")) for folder in (one, other)]
    assert records[0]["dev"] == records[1]["dev"]
    assert records[0]["final"] == records[1]["final"]
    configs = [json.loads((folder / "config.json").read_text(encoding="utf-8")) for folder in (one, other)]
    assert configs[0] == configs[1]


# ---------------------------------------------------------------------- settings


def test_settings_are_taken_as_given() -> None:
    settings = TrainConfig("encoder", "train", "dev", "output")
    assert settings == TrainConfig(**asdict(settings))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs 0: expected 1 or more"),
        ({"batch_size": 0}, "batch_size 0: expected 1 or more"),
        ({"patience": 0}, "patience 0: expected 1 or more"),
        ({"dropout": 1.0}, "dropout 1.0: expected 0 or more and less than 1"),
        ({"averaging": -0.1}, "averaging -0.1: expected 0 or more and less than 1"),
        ({"warmup_share": 6}, "warmup_share 6: expected 0 or more and less than 1"),
        ({"typo_share": 1.5}, "typo_share 1.5: expected"),
        ({"swap_share": -1}, "swap_share -1: expected"),
        ({"word_dropout": 2}, "word_dropout 2: expected"),
        ({"predicted_triggers": 1.0}, "predicted_triggers 1.0: expected"),
        ({"learning_rate": -1e-3}, "learning_rate -0.001: expected 0 or more"),
        ({"layer_decay": 0.0}, "layer_decay 0.0: expected more than 0 and at most 1"),
        ({"window_length": 15}, "window_length 15: expected 16 pieces or more, or null"),
        ({"evaluate_from": 0}, "evaluate_from 0: expected 1 or more"),
        ({"loss_weights": {"triger": 1.0}}, r"loss_weights: no loss 'triger' \(did you mean 'trigger'\?\); known: trigger, "),
        ({"spelling": "farasa"}, "spelling 'farasa' is unknown; expected one of"),
        ({"spelling": "arabert", "segmentation": True}, "segmentation needs spelling: ahdath"),
        ({"lexical_features": True}, "lexical_features need segmentation: true"),
        ({"ngram_buckets": 64}, "ngram_buckets need segmentation: true"),
        ({"spelling": "ahdath", "segmentation": True, "ngram_buckets": 1}, "ngram_buckets 1: expected 0"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**{"encoder": "e", "train": "t", "dev": "d", "output": "o", **change})


def test_warm_up_is_a_share_of_all_steps(tiny_settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    arguments = training._arguments(tiny_settings("arabert", warmup_share=0.06), tmp_path)
    assert [arguments.get_warmup_steps(steps) for steps in (50, 100, 1000)] == [3, 6, 60]
    arguments = training._arguments(tiny_settings("arabert", warmup_share=0.0), tmp_path)
    assert arguments.get_warmup_steps(100) == 0


# ---------------------------------------------------------------------- data

TEXT = "لم تقصف طائرات حلب. أعلن وقف إطلاق"


def span(part: str) -> Span:
    return Span.of(TEXT, TEXT.index(part), TEXT.index(part) + len(part))


def small_documents() -> list[Document]:
    attack = Event("Attack", span("تقصف"), (Argument("Agent", span("طائرات")), Argument("Target", span("حلب"))), polarity="negative")
    truce = Event("Truce", span("وقف إطلاق"), modality="other")
    return [Document(TEXT, (attack, truce)), Document("صمت")]


def test_a_training_batch_is_what_it_says() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=64)
    items = []
    for document in small_documents():
        (window,), _ = tokenizer.windows(document.text)
        items.append((window, label_window(window, document, SMALL)))
    batch = collate_labels(items, pad_id=9)
    # words: لم تقصف طائرات حلب . أعلن وقف إطلاق
    attack, truce = [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0]
    expected = {
        "trigger_labels": [np.transpose([attack, truce]).tolist(), [[0, 0]] * 8],
        "continuation_labels": [[0, 0, 0, 0, 0, 0, 0, 1], [0] * 8],
        "mention_labels": [[0, 0, 1, 1, 0, 0, 0, 0], [0, *[-100] * 7]],
        "sentence_labels": [[[1, 0], [0, 1]], [[0, 0], [-1, -1]]],
        "events": [[0, 1, 0], [0, 6, 1]],
        "attribute_labels": [[0, 1], [1, 0]],
        "argument_labels": [[0, 0, 1, 3, 0, 0, 0, 0], [0] * 8],
        "word_mask": [[True] * 8, [True, *[False] * 7]],
    }
    assert {name: batch[name].tolist() for name in expected} == expected
    assert batch["input_ids"][1].tolist()[5:] == [9] * (batch["input_ids"].shape[1] - 5)
    floats = {name for name, tensor in batch.items() if tensor.dtype == torch.float32}
    assert floats == {"trigger_labels", "continuation_labels", "sentence_labels", "attribute_labels"}


def test_a_batch_without_events() -> None:
    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=64)
    data = TrainingSet([Document("صمت")], tokenizer, SMALL)
    batch = collate_labels([data[0]], 0)
    assert batch["events"].shape == (0, 3)
    assert batch["argument_labels"].shape == (0, 1)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(DataError, match="expected paragraphs with words, found none"):
        TrainingSet([Document(""), Document(" ")], WordTokenizer(tiny_tokenizer(), max_length=64), SMALL)


def test_changed_documents_differ_by_epoch_and_by_nothing_else() -> None:
    def change(document: Document, rng: np.random.Generator) -> Document:
        return Document(f"{rng.integers(10**6)} {TEXT}") if len(document.text) > 5 else document

    tokenizer = WordTokenizer(tiny_tokenizer(), max_length=64)
    data = TrainingSet(small_documents(), tokenizer, SMALL, change, seed=3)
    first = [data[0][0].input_ids for _ in range(2)]
    assert first[0] == first[1] != data.plain[0][0].input_ids
    assert data[1] is data.plain[1]
    data.epoch = 1
    assert data[0][0].input_ids != first[0]
    again = TrainingSet(small_documents(), tokenizer, SMALL, change, seed=3)
    assert again[0][0].input_ids == first[0]


def test_paragraphs_of_like_length_come_together(tiny_settings: Callable[..., TrainConfig], documents: list[Document]) -> None:
    data = TrainingSet(documents * 16, WordTokenizer(tiny_tokenizer(), max_length=256), Ontology.default())
    sampler = ByLength(data, batch_size=4, seed=0)
    orders = []
    for epoch in (0, 1, 0):
        data.epoch = epoch
        orders.append(list(sampler))
        assert sorted(orders[-1]) == list(range(128))
    assert orders[0] == orders[2] != orders[1]

    def spread(order: list[int]) -> int:
        sizes = [len(data.plain[index][0].spans) for index in order]
        return sum(max(sizes[at : at + 4]) - min(sizes[at : at + 4]) for at in range(0, 128, 4))

    assert spread(orders[0]) < spread(np.random.default_rng(0).permutation(128).tolist()) / 3


def test_word_dropout_hides_whole_words(embedded: EventExtractor, documents: list[Document]) -> None:
    data = TrainingSet(documents, embedded.tokenizer, embedded.ontology)
    items = [data[index] for index in range(len(data))]
    plain = Collator(embedded.tokenizer, 0.0)(items)
    torch.manual_seed(1)
    hidden = Collator(embedded.tokenizer, 0.5)(items)
    unknown = embedded.tokenizer.tokenizer.unk_token_id
    known = plain["rows"] > 0
    gone = known & (hidden["rows"] == 0)
    assert 0.3 < gone.sum() / known.sum() < 0.7
    for row, word in plain["word_mask"].nonzero().tolist():
        first, last = plain["pieces"][row, word].tolist()
        before, after = (batch["input_ids"][row, first : last + 1].tolist() for batch in (plain, hidden))
        if gone[row, word]:
            assert set(after) == {unknown}
            assert not hidden["ngrams"][row, word].any()
        elif known[row, word]:
            assert after == before
    same = [name for name in plain if torch.equal(plain[name], hidden[name])]
    assert set(plain) - set(same) == {"input_ids", "rows", "ngrams"}


# ---------------------------------------------------------------------- rates and averages


def test_layers_further_down_learn_slower(tiny_settings: Callable[..., TrainConfig]) -> None:
    settings = tiny_settings("embedded", learning_rate=1.0, encoder_learning_rate=0.1, layer_decay=0.5, weight_decay=0.3)
    model = build_extractor(settings).model
    groups = training.parameter_groups(model, settings)
    rates = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(rates) == len(list(model.parameters()))
    told = {name: rates[id(parameter)] for name, parameter in model.named_parameters()}
    assert told["encoder.encoder.layer.1.output.dense.weight"] == (0.1, 0.3)
    assert told["encoder.encoder.layer.1.output.dense.bias"] == (0.1, 0.0)
    assert told["encoder.encoder.layer.0.output.LayerNorm.weight"] == (0.05, 0.0)
    assert told["encoder.embeddings.word_embeddings.weight"] == (0.025, 0.3)
    assert told["encoder.embeddings.LayerNorm.bias"] == (0.025, 0.0)
    assert told["trigger.0.weight"] == told["words.ngrams.weight"] == (1.0, 0.3)
    assert told["pairs.context.steps.0.bias"] == (1.0, 0.0)
    model.encoder.get_input_embeddings().requires_grad_(False)
    left = {id(p) for group in training.parameter_groups(model, settings) for p in group["params"]}
    assert rates.keys() - left == {id(model.encoder.embeddings.word_embeddings.weight)}


def test_averages_follow_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    averaging = training._Averaging(model, 0.5)
    expected = 0.0
    for steps, value in enumerate((1.0, 5.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0), 1):
        with torch.no_grad():
            model.weight.fill_(value)
        averaging.on_step_end(None, None, None, model=model)
        decay = min(0.5, (1 + steps) / (10 + steps))  # young averages forget faster
        expected = decay * expected + (1 - decay) * value
    assert averaging.shadow["weight"].item() == pytest.approx(expected)
    averaging.swap(model)
    assert model.weight.item() == pytest.approx(expected)
    averaging.swap(model)
    assert model.weight.item() == 7.0
    other = training._Averaging(model, 0.5)
    other.load({name: tensor.clone() for name, tensor in averaging.state().items()})
    assert (other.steps, other.shadow["weight"].item()) == (10, averaging.shadow["weight"].item())


# ---------------------------------------------------------------------- calibration


def test_thresholds_and_temperature_are_set_on_dev(embedded: EventExtractor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are honest but for a factor of 2.5: dividing by it makes probabilities of them again."""
    rng = np.random.default_rng(0)
    honest = rng.normal(-4, 3, size=(2000, len(embedded.ontology.type_names)))
    labels = (rng.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.float32)
    logits = (2.5 * honest).astype(np.float32)
    monkeypatch.setattr(thresholds, "trigger_scores", lambda *_: (logits, labels))
    config = embedded.model.config
    before = (config.trigger_temperature, config.threshold)
    try:
        thresholds.calibrate(embedded, [])
        assert config.trigger_temperature == pytest.approx(2.5, rel=0.05)
        scores = 1 / (1 + np.exp(-logits / config.trigger_temperature))
        grid = np.arange(0.2, 0.7, 0.02)
        best = max(thresholds._f1_at(scores, labels, threshold) for threshold in grid)
        assert thresholds._f1_at(scores, labels, config.threshold) == pytest.approx(best, abs=1e-3)
        assert 0.2 <= config.threshold < 0.7
    finally:
        config.trigger_temperature, config.threshold = before


def test_arguments_get_the_temperature_that_makes_their_scores_honest(
    embedded: EventExtractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tags drawn word by word from what honest logits say (one role, spans of a word), told 2.5 times too surely."""
    rng = np.random.default_rng(0)
    honest = np.concatenate([rng.normal(0, 2, size=(300, 10, 2)), np.full((300, 10, 1), -99.0)], -1)
    chances = np.exp(honest) / np.exp(honest).sum(-1, keepdims=True)
    gold = (rng.random((300, 10, 1)) > chances.cumsum(-1)).sum(-1)
    config = embedded.model.config
    before = config.argument_temperature
    monkeypatch.setattr(thresholds, "_calibrate_triggers", lambda *_: None)
    monkeypatch.setattr(thresholds, "argument_scores", lambda *_: (list(2.5 * honest), list(gold), [np.ones(3, bool)] * 300))
    try:
        thresholds.calibrate(embedded, [])
        assert config.argument_temperature == pytest.approx(2.5, rel=0.15)
    finally:
        config.argument_temperature = before


def test_argument_scores_are_those_of_annotated_events(embedded: EventExtractor, documents: list[Document]) -> None:
    logits, tags, admitted = thresholds.argument_scores(embedded, documents)
    events = [event for document in documents for event in document.events]
    assert len(logits) == len(tags) == len(admitted) == len(events)
    count = 2 * len(embedded.ontology.role_names) + 1
    for scores, own, allowed in zip(logits, tags, admitted, strict=True):
        assert scores.shape == (len(own), count)
        assert (scores[:, ~allowed] == -1e4).all()
        assert allowed[own].all()
    assert sum(len(thresholds._spans(own)) for own in tags) == sum(len(event.arguments) for event in events)
    assert thresholds._spans(np.array([1, 2, 1, 0, 3, 4, 4])) == {(0, 2, 0), (2, 3, 0), (4, 7, 1)}


def test_trigger_scores_are_those_of_the_words_that_windows_own(embedded: EventExtractor, documents: list[Document]) -> None:
    text = " ".join(document.text for document in documents * 3)
    logits, labels = thresholds.trigger_scores(embedded, [Document(text), documents[0]])
    windows = [w for d in (text, documents[0].text) for w in embedded.tokenizer.windows(d)[0]]
    assert len(windows) > 3
    assert logits.shape == labels.shape == (sum(sum(w.owned) for w in windows), len(embedded.ontology.type_names))
    assert labels.sum() == len(documents[0].events)


# ---------------------------------------------------------------------- whole runs


def overfit(settings: TrainConfig) -> TrainConfig:
    return replace(
        settings, epochs=70, evaluate_from=70, batch_size=8, learning_rate=1e-2, encoder_learning_rate=2e-3, layer_decay=1.0,
        dropout=0.0, word_dropout=0.0, averaging=0.0, predicted_triggers=0.0, warmup_share=0.1,
    )  # fmt: skip


def test_eight_paragraphs_are_learned_by_heart(
    tiny_settings: Callable[..., TrainConfig], documents: list[Document], tmp_path: Path
) -> None:
    settings = overfit(tiny_settings("embedded", tmp_path / "run"))
    set_seed(settings.seed)
    before = build_extractor(settings).model.state_dict()
    extractor = train(settings)
    predicted = [replace(extractor.classify(d.text), id=d.id) for d in documents]
    scores = metrics.score(documents, predicted, extractor.ontology, bootstrap=0)
    assert scores.measures["TC"].f1 == 1
    assert scores.measures["AC+"].f1 == 1
    assert all(attribute.accuracy.value == 1 for attribute in scores.attributes.values())
    after = extractor.model.state_dict()
    fixed = ("words.vectors", "words.vector_scale", "allowed")
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in still if not name.endswith(WITHOUT_EFFECT)} == set(fixed)
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert record["settings"] == asdict(settings)
    assert [epoch["epoch"] for epoch in record["dev"]] == [70]
    assert record["final"]["eval_tc"] == record["final"]["eval_ac"] == record["final"]["eval_ac_gold"] == 100
    loaded = EventExtractor.from_pretrained(tmp_path / "run")
    assert [loaded.classify(d.text).events for d in documents] == [p.events for p in predicted]
    assert len(list((tmp_path / "run").glob("checkpoint-*"))) == 2


def lively(settings: TrainConfig, **changes: Any) -> TrainConfig:
    """All that is drawn by lot is drawn: a run that goes on with other dice shows."""
    return replace(
        settings, epochs=3, averaging=0.9, word_dropout=0.2, typo_share=0.3, swap_share=0.5, predicted_triggers=0.5,
        learning_rate=5e-3, **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(tiny_settings: Callable[..., TrainConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that nobody disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    train(lively(tiny_settings("embedded", folder)))
    return folder


def test_a_seed_decides_everything(unbroken: Path, tiny_settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    train(lively(tiny_settings("embedded", tmp_path / "again")))
    assert_same_run(unbroken, tmp_path / "again")
    train(replace(lively(tiny_settings("embedded", tmp_path / "other")), seed=1, epochs=1))
    mine, theirs = weights(unbroken), weights(tmp_path / "other")
    assert not torch.equal(mine["trigger.0.weight"], theirs["trigger.0.weight"])


def test_a_finished_run_is_not_run_again(
    unbroken: Path, tiny_settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(unbroken, tmp_path / "copy")
    monkeypatch.setattr(training._EventTrainer, "training_step", lambda *_: pytest.fail("a step was made"))
    train(lively(tiny_settings("embedded", tmp_path / "copy")))
    assert_same_run(unbroken, tmp_path / "copy")


def test_a_run_of_other_settings_is_not_gone_on_with(
    unbroken: Path, tiny_settings: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    shutil.copytree(unbroken, tmp_path / "copy")
    with pytest.raises(ConfigError, match=r"holds a run with other settings \(seed 0, now 1\): name another output, or delete"):
        train(replace(lively(tiny_settings("embedded", tmp_path / "copy")), seed=1))


KILLER = """
import json, os, signal, sys
from ahdath import training

place, count = sys.argv[2].split("."), int(sys.argv[3])
owner = getattr(training, place[0])
inner, calls = getattr(owner, place[1]), 0

def counted(*args, **kwargs):
    global calls
    calls += 1
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return inner(*args, **kwargs)

setattr(owner, place[1], counted)
training.train(training.TrainConfig(**json.loads(sys.argv[1])))
"""


def run_until_killed(settings: TrainConfig, place: str, count: int) -> None:
    """A process that trains and kills itself, by signal 9, at the `count`-th call of a function."""
    command = [sys.executable, "-c", KILLER, json.dumps(asdict(settings)), place, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def test_a_run_that_is_killed_twice_ends_like_one_that_is_not(
    unbroken: Path, tiny_settings: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """First in the middle of the second epoch, then inside of the second save: its folder has no last file yet."""
    folder = tmp_path / "killed"
    settings = lively(tiny_settings("embedded", folder))
    run_until_killed(settings, "_Averaging.on_step_end", 3)
    assert [path.name for path in folder.glob("checkpoint-*")] == ["checkpoint-2"]
    run_until_killed(settings, "_Bookkeeping.on_save", 1)
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-4"]
    assert (folder / "checkpoint-4" / "model.safetensors").exists()
    assert not (folder / "checkpoint-4" / "complete.json").exists()
    train(settings)
    assert_same_run(unbroken, folder)


class _Torn(BaseException):
    """A kill, as far as the disk can tell."""


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch is better than the one before it, so that each writes `best`."""
    evaluate, epoch = training._EventTrainer.evaluate, 0.0

    def noted(self: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        nonlocal epoch
        epoch = self.state.epoch
        return evaluate(self, *args, **kwargs)

    monkeypatch.setattr(training._EventTrainer, "evaluate", noted)
    monkeypatch.setattr(training, "dev_scores", lambda *_: {"eval_mean": epoch})


PLACES = ["average.safetensors", "complete.json", "best", "best.old", "model.safetensors"]


@pytest.mark.usefixtures("rising")
def test_a_break_at_any_file_is_made_good(
    tiny_settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second write of a file fails, with what stood before and after it as a kill would leave it."""
    train(lively(tiny_settings("arabert", tmp_path / "whole")))
    for place in PLACES:
        settings = lively(tiny_settings("arabert", tmp_path / place))
        with monkeypatch.context() as patch:
            tear_second_write(patch, place)
            with pytest.raises(_Torn):
                train(settings)
        train(settings)
        assert_same_run(tmp_path / "whole", tmp_path / place)


def tear_second_write(patch: pytest.MonkeyPatch, place: str) -> None:
    seen = 0

    def tear(path: Path) -> None:
        nonlocal seen
        if path.name == place:
            seen += 1
            if seen == 2:
                raise _Torn

    replace_file, save_file = os.replace, safetensors.torch.save_file

    def replaced(source: Any, target: Any) -> None:
        tear(Path(target))
        replace_file(source, target)

    def saved(tensors: Any, path: Any, **kwargs: Any) -> None:
        Path(path).write_bytes(b"half")
        tear(Path(path))
        save_file(tensors, path, **kwargs)

    patch.setattr(os, "replace", replaced)
    patch.setattr(safetensors.torch, "save_file", saved)
    patch.setattr("transformers.modeling_utils.safe_save_file", saved)


def test_only_whole_checkpoints_count(tmp_path: Path) -> None:
    assert training.newest_checkpoint(tmp_path) is None
    for number, files in {9: ("model.safetensors", "complete.json"), 10: ("model.safetensors", "complete.json"),
                          11: ("model.safetensors", "complete.json.new"), 12: ()}.items():  # fmt: skip
        (tmp_path / f"checkpoint-{number}").mkdir()
        for name in files:
            (tmp_path / f"checkpoint-{number}" / name).touch()
    assert training.newest_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    best = tmp_path / "best"

    def write(text: str) -> Callable[[Path], None]:
        return lambda folder: (folder / "file").write_text(text) and None

    def fail(folder: Path) -> None:
        (folder / "file").write_text("half")
        raise _Torn

    training._replace_folder(best, write("one"))
    with pytest.raises(_Torn):
        training._replace_folder(best, fail)
    assert (best / "file").read_text() == "one"
    training._replace_folder(best, write("two"))
    assert (best / "file").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_patience_ends_a_run(
    tiny_settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([10.0, 20.0, 15.0, 20.0, 90.0, 1.0])

    def scores(*_: Any) -> dict[str, float]:
        return {"eval_tc": 0.0, "eval_mean": next(values)}

    monkeypatch.setattr(training, "dev_scores", scores)
    train(tiny_settings("arabert", tmp_path, epochs=6, patience=2, batch_size=8))
    record = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert [(one["epoch"], one["eval_mean"]) for one in record["dev"]] == [(1, 10.0), (2, 20.0), (3, 15.0), (4, 20.0)]
    state = json.loads((tmp_path / "checkpoint-4" / "complete.json").read_text(encoding="utf-8"))
    assert (state["best"], state["stale"]) == (20.0, 2)


def test_two_processes_train_one_model(
    tiny_settings: Callable[..., TrainConfig], documents: list[Document], tmp_path: Path
) -> None:
    """scripts/train.py under torchrun, on CPUs: gloo, one process a half of each step."""
    settings = asdict(tiny_settings("embedded", tmp_path / "run", epochs=2, batch_size=2))
    (tmp_path / "run.yaml").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(ROOT / "scripts" / "train.py"), str(tmp_path / "run.yaml"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("F1 in percent") == 1
    extractor = EventExtractor.from_pretrained(tmp_path / "run")
    assert extractor.classify(documents[0].text).sentences
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert [one["epoch"] for one in record["dev"]] == [1, 2]
    last = tmp_path / "run" / "checkpoint-4"  # 8 paragraphs, 2 processes of 2: two steps an epoch
    assert {"complete.json", "rng_state_0.pth", "rng_state_1.pth"} <= {path.name for path in last.iterdir()}


# ---------------------------------------------------------------------- configs


@pytest.mark.parametrize(("product", "expected"), [(1.0, False), (0.9, False), (0.5, True), (1.6, False)])
def test_bfloat16_is_taken_where_products_are_faster(
    monkeypatch: pytest.MonkeyPatch, product: float, expected: bool, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "_seconds", lambda dtype: product if dtype == torch.bfloat16 else 1.0)
    assert precision.in_bfloat16(None) is expected
    assert training._arguments(TrainConfig("encoder", "train", "dev", "output"), tmp_path).bf16 is expected
    assert precision.in_bfloat16(not expected) is not expected


@pytest.mark.parametrize("name", ["arabertv02", "arabertv02-large", "embedded", "smoke"])
def test_shipped_configs_run_on_a_tiny_checkpoint(
    name: str, embedded_encoder: Path, arabert_encoder: Path, corpus_file: Path, documents: list[Document], tmp_path: Path
) -> None:
    encoder = arabert_encoder if name.startswith("arabert") else embedded_encoder
    own = {"encoder": encoder, "train": corpus_file, "dev": corpus_file, "output": tmp_path / "run", "epochs": 1,
           "bf16": "true"}  # fmt: skip
    settings = read_config(TrainConfig, CONFIGS / f"{name}.yaml", [f"{key}={value}" for key, value in own.items()])
    assert settings.bf16  # on CPU too
    extractor = train(settings)
    assert extractor.name == "run"
    assert extractor.classify(documents[0].text).sentences
    assert (tmp_path / "run" / "model.safetensors").exists()
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert [one["epoch"] for one in record["dev"]] == [1]  # also where scoring would begin later: the last epoch is scored
    has = {bool(settings.segmentation), (tmp_path / "run" / "lexicon.json").exists(), extractor.model.config.lexicon_size > 0}
    assert len(has) == 1

