"""The speed benchmark: turns are taken, operations counted, peers read what they should, the page says what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel

from ahdath.errors import ConfigError, DataError
from ahdath.inference import EventExtractor
from ahdath.proof import fresh, speed_page, speedrun, throughput
from ahdath.proof.numbers import read_numbers
from ahdath.proof.peers import Peer, Setting, best, marked, prepared
from ahdath.proof.roofline import DTYPES, EncoderShape, products
from ahdath.proof.subjects import Subject, build
from ahdath.proof.throughput import Effort, alternate, long_tailed, nearest, rounds_of
from ahdath.schema import Document, Event, Span
from ahdath.text import words

TEXTS = [
    "قصفت الطائرات مدينة حلب أمس وقتلت عشرة مدنيين.",
    "التقى الوزير نظيره التركي في جنيف.",
    "أعلنت الحكومة هدنة لثلاثة أيام في الجنوب، ورحب بها المبعوث الأممي.",
    "استقال رئيس الوزراء.",
]
SIZES = {"vocab_size": 400, "num_hidden_layers": 2, "hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96,
         "max_position_embeddings": 128}  # fmt: skip


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return build(tmp_path_factory.mktemp("large"), TEXTS * 5, sizes=SIZES, vocabulary=300, events=2.0)


# ---------------------------------------------------------------------- turns and texts


def test_contenders_take_turns_and_slow_ones_sit_out() -> None:
    now, order = [0.0], []

    def task(name: str, seconds: float) -> Callable[[int], None]:
        def run(number: int) -> None:
            order.append(f"{name}{number}")
            now[0] += seconds

        return run

    tasks = {"quick": task("q", 1), "slow": task("s", 5)}
    assert alternate(tasks, repeats=3, budget_s=10, clock=lambda: now[0]) == {"quick": [1, 1, 1], "slow": [5, 5]}
    assert order == ["q0", "s0", "q1", "s1", "q2"]


def test_a_long_tailed_mix_is_drawn_by_its_seed() -> None:
    one, same, other = (long_tailed(TEXTS, count=200, seed=seed) for seed in (3, 3, 4))
    assert one == same != other
    joined = [text.count(".") for text in one]
    assert sum(joined) == 200
    assert min(joined) == 1 < max(joined) <= 40
    assert sum(size == 1 for size in joined) > len(joined) / 3
    assert all("\n" not in text for text in one)
    with pytest.raises(DataError, match="expected paragraphs to draw from"):
        long_tailed([], count=3, seed=0)


def test_texts_of_a_length_are_dealt_out_once() -> None:
    assert nearest(TEXTS, length=3, count=1) == [TEXTS[3]]
    dealt = rounds_of([str(n) for n in range(11)], 3)
    assert [len(one) for one in dealt] == [3, 3, 3]
    assert len({text for one in dealt for text in one}) == 9
    with pytest.raises(DataError, match="expected at least 9, found 4"):
        nearest(TEXTS, length=3, count=9)


def test_an_effort_that_measures_nothing_is_refused() -> None:
    for changes in ({"repeats": 0}, {"batches": (8,)}, {"batches": (1, 0)}):
        with pytest.raises(ConfigError, match="expected counts from 1 up and batch size 1"):
            Effort(**changes)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- the roofline


def test_operations_are_those_that_torch_counts() -> None:
    """Of unpadded windows of 7 and 12 pieces: matrix products and attention, all that BertModel multiplies."""
    shape = EncoderShape.of({**SIZES})
    config = BertConfig(**SIZES, attn_implementation="eager")
    encoder = BertModel(config, add_pooling_layer=False).eval()
    counted = 0
    for length in (7, 12):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            encoder(input_ids=torch.ones(1, length, dtype=torch.long))
        counted += counter.get_total_flops()
    assert shape.flops([7, 12]) == counted
    assert shape.product_flops(12) == shape.flops([12]) - 2 * 4 * 48 * 12 * 12


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_run_and_other_types_are_refused(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda x, w: made.append((x.shape, w.shape, x.dtype)) or real(x, w))
    products(EncoderShape(2, 8, 16), dtype, rows=4)(0)
    assert len(made) == (0 if dtype == "int8" else 12)
    if dtype == "bfloat16":
        assert made[4] == ((4, 8), (16, 8), torch.bfloat16)
        assert made[5] == ((4, 16), (8, 16), torch.bfloat16)
    with pytest.raises(ConfigError, match="dtype 'int4': expected one of float32, bfloat16, int8"):
        products(EncoderShape(2, 8, 16), "int4")
    with pytest.raises(DataError, match="expected sizes from 1 up"):
        EncoderShape(0, 8, 16)


# ---------------------------------------------------------------------- peers


def test_a_pipeline_reads_every_window_of_every_text(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = subject.load("float32")
    peer = Peer("token", subject.encoder, extractor.tokenizer.tokenizer, extractor.ontology, dtype="bfloat16")
    assert peer.pipe.model.dtype == torch.bfloat16
    assert peer.pipe.model.config.num_labels == 2 * len(extractor.ontology.type_names) + 1
    shapes: list[tuple[int, int]] = []
    forward = peer.pipe.model.forward

    def noted(input_ids: torch.Tensor, **inputs: Any) -> Any:
        shapes.append(tuple(input_ids.shape))  # type: ignore[arg-type]
        return forward(input_ids=input_ids, **inputs)

    monkeypatch.setattr(peer.pipe.model, "forward", noted)
    peer.read(TEXTS, Setting(2, by_length=True))
    assert [size for size, _ in shapes] == [2, 2]
    assert shapes[0][1] < shapes[1][1] <= 128
    assert peer.pipe(TEXTS[0]) == []  # "O" everywhere: no spans to build


def test_a_long_text_is_read_in_windows(subject: Subject) -> None:
    extractor = subject.load("float32")
    peer = Peer("token", subject.encoder, extractor.tokenizer.tokenizer, extractor.ontology, dtype="float32")
    seen: list[int] = []
    handle = peer.pipe.model.register_forward_pre_hook(lambda module, args, inputs: seen.append(inputs["input_ids"].numel()), with_kwargs=True)
    pieces = len(extractor.tokenizer.tokenizer.backend_tokenizer.encode(" ".join(TEXTS * 8)).ids)
    peer.read([" ".join(TEXTS * 8)], Setting(1))
    handle.remove()
    assert pieces > 128
    assert sum(seen) > pieces
    with pytest.raises(ConfigError, match="task 'spans': expected one of token, text, argument"):
        Peer("spans", subject.encoder, extractor.tokenizer.tokenizer, extractor.ontology, dtype="float32")


def test_a_passage_is_marked_for_every_trigger(subject: Subject, embedded: EventExtractor) -> None:
    text = TEXTS[0]
    events = [Event(kind, Span.of(text, text.index(word), text.index(word) + len(word))) for kind, word in
              (("Conflict.Attack", "قصفت"), ("Life.Die", "وقتلت"))]  # fmt: skip
    passages = marked(Document(text, events), subject.load("float32").tokenizer, reach=2)
    assert passages == ["قصفت الطائرات مدينة [SEP] قصفت", "حلب أمس وقتلت عشرة مدنيين [SEP] وقتلت"]
    assert marked(Document(text), embedded.tokenizer) == []
    stems = prepared(text, embedded.tokenizer).split(" ")
    assert len(stems) == len(words(text))
    assert stems != text.split(" ")
    assert best({Setting(8): 2.0, Setting(1): 1.0}) == Setting(1)


# ---------------------------------------------------------------------- a whole contest, tiny


def test_the_built_model_finds_the_wanted_number_of_events(subject: Subject) -> None:
    found = [document.events for document in subject.load("float32").classify_many(TEXTS)]
    assert 1.0 <= np.mean([len(events) for events in found]) <= 2.5
    arguments = [len(event.arguments) for events in found for event in events]
    assert 0.5 <= np.mean(arguments) <= 4.0
    assert subject.load("int8").config.lexicon_size == 0
    assert (subject.shape, len(subject.digest)) == (EncoderShape(2, 48, 96), 16)


def test_a_contest_times_every_contender_and_the_page_shows_it(subject: Subject) -> None:
    effort = Effort(repeats=2, budget_s=100, grid=2, batches=(1, 2), singles=2)
    found = throughput.contest(subject, [TEXTS[:2], TEXTS[2:]], TEXTS[:1], effort)
    ours = {f"{what}, {dtype}" for what in ("ours", "encoder", "products") for dtype in DTYPES}
    peers = {f"{task}, {dtype}, {label}" for task in ("token", "text") for dtype in DTYPES[:2] for label in ("batch 1", "best")}
    assert set(found["seconds"]) == ours | peers | {f"argument, {dtype}, best" for dtype in DTYPES[:2]}
    assert {len(runs) for runs in found["seconds"].values()} == {2}
    assert all(taken > 0 for runs in found["seconds"].values() for taken in runs)
    assert found["paragraphs"] == [2, 2]
    assert found["words"] == [sum(len(text.split()) for text in part) for part in (TEXTS[:2], TEXTS[2:])]
    tokenizer = subject.load("float32").tokenizer
    lengths = [[len(tokenizer.windows(text)[0][0].input_ids) for text in part] for part in (TEXTS[:2], TEXTS[2:])]
    assert found["pieces"] == [sum(part) for part in lengths]
    assert found["flops"] == [subject.shape.flops(part) for part in lengths]
    assert set(found["grid"]["text, bfloat16"]) == {"batch 1", "batch 2", "batch 2, by length"}
    json.dumps(found)
    page = speed_page.section("large-test", found | {"taken": {"seconds": 1, "environment": {"cores": 2}}})
    assert page.count("| **ours** |") == 3
    assert page.count("| a pass a trigger |") == 2
    with pytest.raises(DataError, match="rounds: expected paragraphs"):
        throughput.contest(subject, [[]], [], effort)


def test_single_paragraphs_are_timed_one_by_one(subject: Subject) -> None:
    effort = Effort(repeats=1, grid=1, batches=(1,), singles=3)
    found = throughput.single(subject, TEXTS[:3], TEXTS[3:], effort)
    assert set(found["ms"]) == {*(f"ours, {d}" for d in DTYPES), *(f"{t}, {d}" for t in ("token", "text") for d in DTYPES[:2])}
    assert all(0 < one["p50"] <= one["p95"] for one in found["ms"].values())
    assert found["words"] == {"shortest": 6, "longest": 11, "median": 8}


# ---------------------------------------------------------------------- fresh processes


def test_length_compares_paragraphs_with_themselves_alone(subject: Subject) -> None:
    found = fresh.length(subject, TEXTS, sizes=(600, 1500))["sizes"]
    assert [one["same"] for one in found] == [one["paragraphs"] for one in found]
    assert found[0]["paragraphs"] < found[1]["paragraphs"]
    assert all(one["events"] > 0 and one["score_gap"] <= 1e-4 for one in found)
    assert all(one["loaded_mib"] <= one["stream_mib"] <= one["whole_mib"] for one in found)
    assert 600 <= found[0]["bytes"] < 800
    with pytest.raises(DataError, match="expected paragraphs to join"):
        fresh.length(subject, ["", ""], sizes=(10,))


def test_a_process_that_fails_says_why() -> None:
    assert fresh.started('print("so")\nprint(\'{"found": 3}\')')["found"] == 3
    with pytest.raises(DataError, match=r"a fresh process failed: .*هدنة"):
        fresh.started("raise SystemExit('هدنة')")


# ---------------------------------------------------------------------- the page


def made_up() -> dict[str, Any]:
    """A contest in which int8 takes 1 s a round, every float32 pipeline 6 s, every bfloat16 one 3 s."""
    seconds = {f"ours, {dtype}": [2.0, 2.0] for dtype in DTYPES} | {f"encoder, {dtype}": [1.0, 1.0] for dtype in DTYPES}
    seconds |= {f"products, {dtype}": [0.5] for dtype in DTYPES} | {"ours, int8": [1.0, 1.0, 4.0]}
    for dtype, taken in (("float32", 6.0), ("bfloat16", 3.0)):
        seconds |= {f"{task}, {dtype}, {label}": [taken] for task in ("token", "text", "argument") for label in ("batch 1", "best")}
    settings = {f"{task}, {dtype}": "batch 8" for task in ("token", "text") for dtype in DTYPES[:2]}
    return {
        "model": "abc", "seconds": seconds, "settings": settings, "grid": {name: {"batch 8": 2.0} for name in settings},
        "paragraphs": [420, 420, 420], "words": [25200, 25200, 25200], "pieces": [9, 9, 9], "peer_pieces": [9, 9, 9],
        "events": [3, 3, 3], "flops": [3e12, 3e12, 3e12], "products_flops": 2e12,
        "taken": {"seconds": 3.0, "environment": {"processor": "A", "cores": 2, "onnxruntime": "1"}},
    }  # fmt: skip


def test_targets_are_judged_by_what_was_measured() -> None:
    found = {name: made_up() for name in ("large-test", "embedded-60")}
    found["accuracy"] = {"costs": {"int8": {
        "TC": {"a": 0.77, "b": 0.768, "difference": 0.002, "interval": (-0.001, 0.006)},
        "AC+": {"a": 0.39, "b": 0.38, "difference": 0.01, "interval": None}}}}  # fmt: skip
    sizes = [{"bytes": size, "whole_s": size / 1e5, "stream_mib": 200.0, "same": 3, "paragraphs": 4} for size in (1000, 9000)]
    found["length"] = {"sizes": sizes}
    rows = [line.strip("| ").split(" | ") for line in speed_page.targets(found).splitlines()[2:]]
    told = {row[0]: row[2:] for row in rows}
    assert told["AraBERT-base shape, test: int8 against the best float32 token pass"] == ["6.0×", "yes"]
    assert told["AraBERT-base shape, test: against the best bfloat16 token pass"] == ["3.0×", "yes"]
    assert told["AraBERT-base shape, test: share of the int8 matrix rate, text to events"] == ["75 %", "yes"]
    assert told["embedded, 60 words: int8 against the best token and text pass"] == ["6.0×", "**no**"]
    assert told["embedded: paragraphs of 60 words a second"] == ["420", "yes"]
    assert told["int8 costs TC, points"] == ["+0.20 (-0.10 … +0.60)", "yes"]
    assert told["int8 costs AC+, points"] == ["+1.00", "**no**"]
    assert told["time a MB, longest text against the next"] == ["1.00×", "yes"]
    assert told["memory of a stream, longest text against a hundredth of it"] == ["1.00×", "yes"]
    assert told["paragraphs with the same events alone and in the text"] == ["6 of 8", "**no**"]
    assert told["`import ahdath`, s"][0] == "not measured"


def test_rates_and_shares_are_reckoned_by_hand() -> None:
    found = made_up()
    assert speed_page.rate(found, "ours, int8") == 420
    assert speed_page.rate(found, "token, float32, best", "text, float32, best") == 35
    assert speed_page.share(found, "int8") == (3e12, 4e12, 0.75)
    assert speed_page.share(found, "float32", "encoder") == (3e12, 4e12, 0.75)
    page = speed_page.section("embedded-60", found)
    assert "| token and text pass | bfloat16 | best: batch 8 | 70.0 | 4,200 | 6.0 | 1 |" in page
    assert "| int8 | 4,000 | 3,000 | 75 % | 3,000 | 75 % |" in page
    assert page.endswith("Measured in 3 s on: processor A, cores 2, onnxruntime 1. Weights `abc`.")
    assert speed_page.section("embedded-60", None) == "Not measured yet."


def test_the_plot_is_svg_with_a_point_a_measurement() -> None:
    sizes = [{"bytes": size, "stream_s": size / 1e6, "whole_s": size / 9e5, "stream_mib": 210.0, "whole_mib": 300 + size / 1e5}
             for size in (10_000, 100_000, 1_000_000, 10_000_000)]  # fmt: skip
    root = ElementTree.fromstring(speed_page.plot(sizes))
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 4 * 2 * 2
    xs = [float(circle.attrib["cx"]) for circle in circles[:4]]
    assert np.allclose(np.diff(xs), xs[1] - xs[0], atol=0.2)
    flat = [circle.attrib["cy"] for circle in circles if (circle[0].text or "").endswith("210")]
    assert len(flat) == 4
    assert len(set(flat)) == 1


# ---------------------------------------------------------------------- the file of numbers


def test_what_is_there_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def measured(self: object, name: str) -> dict[str, Any]:
        asked.append(name)
        if name == "embedded-mix" and asked.count(name) == 1:
            raise KeyboardInterrupt
        return made_up()

    monkeypatch.setattr("ahdath.proof.speedrun._Bench.measure", measured)
    monkeypatch.setattr("ahdath.proof.speedrun.digest", lambda folder: "w1")
    (tmp_path / "speed.md").write_text((Path(__file__).parent.parent / "docs/speed.md").read_text(encoding="utf-8"), encoding="utf-8")
    plan, names = speedrun.Plan(work=tmp_path, output=tmp_path), ["embedded-60", "embedded-mix"]
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        speedrun.measure(plan, names, say=said.append)
    assert set(read_numbers(tmp_path / "speed.json")) == {"embedded-60"}
    found = speedrun.measure(plan, names, say=said.append)
    assert asked == ["embedded-60", "embedded-mix", "embedded-mix"]
    assert set(found) == set(names)
    assert "| **ours** | int8 |" in (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert said[-1] == speed_page.targets(found)
    speedrun.measure(plan, names[:1], again=True, say=said.append)
    speedrun.measure(replace(plan, paragraphs=7), names[:1], say=said.append)
    assert asked[3:] == ["embedded-60", "embedded-60"]
    with pytest.raises(ConfigError, match=r"section 'embeded-60'.*did you mean 'embedded-60'"):
        speedrun.measure(plan, ["embeded-60"])
    (tmp_path / "speed.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="expected JSON"):
        speedrun.measure(plan, names)


def test_the_page_has_a_place_for_every_section() -> None:
    from ahdath.proof.pages import places

    page = Path(__file__).parent.parent / "docs" / "speed.md"
    assert sorted(places(page.read_text(encoding="utf-8"))) == sorted(["targets", *speed_page.SECTIONS])
