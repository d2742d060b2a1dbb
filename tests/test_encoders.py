"""Every kind of encoder that the configs name, as a tiny checkpoint: train -> save -> load -> classify."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    ElectraConfig,
    ElectraModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
    set_seed,
)

from ahdath.config import read_config
from ahdath.inference import EventExtractor
from ahdath.schema import Document
from ahdath.tokenization import SPELLINGS, WordTokenizer, as_written, camelbert_spelling, undiacritized
from ahdath.training import TrainConfig, build_extractor, train
from test_modeling import WITHOUT_EFFECT
from tiny import LETTERS, vocabulary

ROOT = Path(__file__).parents[1]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
#: What each config starts from: the architecture of its checkpoint, and whether its tokenizer strips accents.
CONFIGS = {
    "arabertv02": "bert",
    "arabertv02-large": "bert",
    "camelbert-msa": "bert",
    "arbert": "bert uncased",
    "marbert": "bert uncased",
    "conflibert-arabic": "bert",
    "araelectra": "electra",
    "xlm-roberta-base": "xlm-roberta",
    "xlm-roberta-large": "xlm-roberta",
}
KINDS = {  # a config that runs on the kind, and the window length that its checkpoint allows
    "bert": ("camelbert-msa", 96),
    "electra": ("araelectra", 80),
    "xlm-roberta": ("xlm-roberta-base", 96),
    "modernbert": ("xlm-roberta-base", 512),
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


# ---------------------------------------------------------------------- tiny checkpoints, laid out as on the hub


def _word_pieces(folder: Path, *, lower: bool) -> int:
    """vocab.txt and tokenizer_config.json, as CAMeLBERT (cased) and MARBERT (uncased) have them."""
    pieces = vocabulary("القوات", "مدينة", "الشرطة")
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}), encoding="utf-8")
    return len(pieces)


def _bert(folder: Path, *, lower: bool = False) -> PreTrainedModel:
    return BertModel(BertConfig(vocab_size=_word_pieces(folder, lower=lower), max_position_embeddings=96, **SIZES))


def _electra(folder: Path) -> PreTrainedModel:
    """A discriminator whose embeddings are smaller than its states, as ELECTRA small has them."""
    pieces = _word_pieces(folder, lower=False)
    return ElectraModel(ElectraConfig(vocab_size=pieces, embedding_size=16, max_position_embeddings=80, **SIZES))


def _xlm_roberta(folder: Path) -> PreTrainedModel:
    """A SentencePiece (Unigram) tokenizer; positions are counted from the padding id on, so two are lost."""
    special = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces = [("▁", -2.0), *((letter, -5.0) for letter in LETTERS), ("▁القوات", -3.0), ("▁ال", -3.5), ("<mask>", 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=special + pieces)
    tokenizer.save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=98, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, **SIZES,
    )  # fmt: skip
    return XLMRobertaModel(config)


def _modernbert(folder: Path) -> PreTrainedModel:
    """A byte-level tokenizer and rotary positions, 8,192 of them; the second layer looks at neighbours only."""
    ids = {piece: number for number, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
    for byte in sorted(pre_tokenizers.ByteLevel.alphabet()):
        ids[byte] = len(ids)
    inner = Tokenizer(models.BPE(ids, [], unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenizer.save_pretrained(folder)
    config = ModernBertConfig(
        vocab_size=len(ids), local_attention=16, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2,
        sep_token_id=3, **SIZES,
    )  # fmt: skip
    return ModernBertModel(config)


MAKERS: dict[str, Callable[[Path], PreTrainedModel]] = {
    "bert": _bert,
    "bert uncased": lambda folder: _bert(folder, lower=True),
    "electra": _electra,
    "xlm-roberta": _xlm_roberta,
    "modernbert": _modernbert,
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`checkpoint(kind)`: the folder of a tiny encoder of this kind."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind.replace(" ", "-"))
            torch.manual_seed(0)
            MAKERS[kind](made[kind]).save_pretrained(made[kind])
        return made[kind]

    return folder


def settings_of(name: str, **changes: Any) -> TrainConfig:
    return read_config(
        TrainConfig, ROOT / "configs" / f"{name}.yaml", [f"{key}={value}" for key, value in changes.items()]
    )


# ---------------------------------------------------------------------- whole runs


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_is_trained_saved_loaded_and_reads(
    kind: str, checkpoint: Callable[[str], Path], corpus_file: Path, documents: list[Document], tmp_path: Path
) -> None:
    name, length = KINDS[kind]
    settings = settings_of(
        name, encoder=checkpoint(kind), train=corpus_file, dev=corpus_file, output=tmp_path / "run", epochs=2,
        evaluate_from=2, encoder_learning_rate=2e-3, word_size=32, context_size=32, pair_size=32,
    )  # fmt: skip
    set_seed(settings.seed)
    before = build_extractor(settings).model.encoder.state_dict()
    extractor = train(settings)
    after = extractor.model.encoder.state_dict()
    assert before.keys() == after.keys()
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in still if not name.endswith(WITHOUT_EFFECT)} == set()

    assert extractor.model.config.window_length == extractor.tokenizer.max_length == length
    text = " ".join(document.text for document in documents * 4)
    windows, _ = extractor.tokenizer.windows(text)
    assert len(windows) > 1
    assert length * 0.7 < max(len(window.input_ids) for window in windows) <= length

    loaded = EventExtractor.from_pretrained(tmp_path / "run")
    assert loaded.tokenizer.spelling == settings.spelling
    found, expected = (one.classify(text, threshold=0.01) for one in (loaded, extractor))
    assert found.events
    assert all(found.text[e.trigger.start : e.trigger.end] == e.trigger.text for e in found.events)
    assert (found.events, found.sentences) == (expected.events, expected.sentences)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_builds_a_model_on_its_architecture(name: str, checkpoint: Callable[[str], Path]) -> None:
    settings = settings_of(name, encoder=checkpoint(CONFIGS[name]))
    extractor = build_extractor(settings)
    assert extractor.model.encoder.config.model_type == CONFIGS[name].partition(" ")[0]
    document = extractor.classify("قصفت القوات السورية مدينة تلبيسة أمس. \ud800 😀 قُـتِلَ خمسة.", threshold=0.0)
    assert len(document.events) >= 10  # of an untrained model: every word is a trigger


# ---------------------------------------------------------------------- configs and their page


def test_every_config_of_an_encoder_is_known_here_and_on_its_page() -> None:
    page = (ROOT / "docs" / "encoders.md").read_text(encoding="utf-8")
    files = {path.stem for path in (ROOT / "configs").glob("*.yaml")} - {"embedded", "silver", "smoke"}
    assert set(CONFIGS) == {stem for stem in files if not stem.startswith("pretrain")}
    for name in CONFIGS:
        settings = settings_of(name)
        row = next(line for line in page.splitlines() if line.startswith("|") and f"`{name}.yaml`" in line)
        assert f"`{settings.encoder}`" in row
        assert f"`{settings.spelling}`" in row
    assert {settings_of(name).spelling for name in CONFIGS} == set(SPELLINGS) - {"ahdath"}


@pytest.mark.parametrize("name", CONFIGS)
def test_encoders_differ_from_arabert_only_in_what_depends_on_them(name: str) -> None:
    base, other = asdict(settings_of("arabertv02")), asdict(settings_of(name))
    free = {"encoder", "output", "spelling", "learning_rate", "encoder_learning_rate", "layer_decay", "warmup_share"}
    assert {key for key in base if base[key] != other[key]} <= free
    assert other["output"] == f"runs/{name}"


def test_large_xlm_roberta_differs_from_base_in_encoder_and_rates_only() -> None:
    base, large = asdict(settings_of("xlm-roberta-base")), asdict(settings_of("xlm-roberta-large"))
    assert {key for key in base if base[key] != large[key]} == {
        "encoder",
        "output",
        "learning_rate",
        "encoder_learning_rate",
    }


# ---------------------------------------------------------------------- spellings and tokenizers


@pytest.mark.parametrize(
    ("word", "camelbert", "plain"),
    [
        ("الأُمَّـــةِ", "الأمة", "الأمـــة"),
        ("هٰذا", "هذا", "هذا"),
        ("إ\u0655", "إ\u0655", "إ\u0655"),  # Quranic marks are not among the diacritics of CAMeL Tools
        ("ا\u0654", "أ", "أ"),  # a hamza that was written as a mark is the letter
        ("٢٠١٥/٩", "٢٠١٥/٩", "٢٠١٥/٩"),
        ("NATO", "NATO", "NATO"),
        ("ـ", "", "ـ"),
        ("\u064b", "", ""),
        ("\ud800", "", ""),
        ("", "", ""),
    ],
)
def test_diacritics_and_kashida_go_and_letters_stay(word: str, camelbert: str, plain: str) -> None:
    assert camelbert_spelling(word) == camelbert
    assert undiacritized(word) == plain


@given(st.text(alphabet=st.characters(), max_size=12))
def test_spellings_are_made_once_and_no_tokenizer_chokes_on_them(word: str) -> None:
    for name in ("camelbert", "undiacritized", "raw"):
        spelled = SPELLINGS[name](word)
        assert SPELLINGS[name](spelled) == spelled
        assert spelled.encode("utf-8").decode("utf-8") == spelled
    assert as_written(word) == "".join(c for c in word if not "\ud800" <= c <= "\udfff")


def pieces_of(extractor: EventExtractor, text: str) -> list[list[str]]:
    """The pieces of each word of a short text."""
    tokenizer: WordTokenizer = extractor.tokenizer
    (window,), _ = tokenizer.windows(text)
    names = [tokenizer.tokenizer.backend_tokenizer.id_to_token(piece) for piece in window.input_ids]
    return [names[first : last + 1] for first, last in window.pieces]


def test_an_uncased_tokenizer_writes_hamzas_away_and_a_cased_one_keeps_them(checkpoint: Callable[[str], Path]) -> None:
    cased = build_extractor(settings_of("camelbert-msa", encoder=checkpoint("bert")))
    uncased = build_extractor(settings_of("marbert", encoder=checkpoint("bert uncased")))
    assert pieces_of(cased, "أُمّ") == [["أ", "##م"]]
    assert pieces_of(uncased, "أُمّ") == [["ا", "##م"]]


def test_xlm_roberta_starts_every_word_with_its_sign_and_knows_what_it_does_not_know(
    checkpoint: Callable[[str], Path],
) -> None:
    extractor = build_extractor(settings_of("xlm-roberta-base", encoder=checkpoint("xlm-roberta")))
    assert pieces_of(extractor, "القوات السورية. 😀 \ud800") == [
        ["▁القوات"],
        ["▁ال", "س", "و", "ر", "ي", "ة"],
        ["▁", "."],
        ["▁", "<unk>"],
        ["<unk>"],
    ]
    (window,), _ = extractor.tokenizer.windows("القوات")
    assert (window.input_ids[0], window.input_ids[-1]) == (0, 2)  # <s> and </s>
