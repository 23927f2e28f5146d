"""Tiny vocabularies of every kind, trained from a few sentences, in the older files and in tokenizer.json."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers.tokenization_utils_base import generate_merges

from runtime.tokenizers import load_tokenizer
from runtime.tokenizers.subwords import SubwordTokenizer
from specs.processing.sentence_piece_model import read_pieces
from specs.processing.text_tokenizers import text_tokenizer
from specs.processing.tokenizers import reading_of

SENTENCES = (
    "Hello world, this is a test of the tokenizer.",
    "The quick brown fox jumps over the lazy dog!",
    "what's that? it isn't me: you're right, i'm sure we've been here.",
    "Un deux trois quatre cinq. Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich",
    "zero one two three four five six seven eight nine",
    "El veloz murciélago hindú comía feliz cardillo y kiwi.",
)

TEXTS = (
    "Hello world",
    "",
    " ",
    "  two  spaces\tand\nlines ",
    "what's that? it isn't me.",
    "Zwölf BOXKÄMPFER über",
    "naïve café — “quoted”",
    "日本語と한국어 mixed",
    "👩‍👩‍👧 family 🏳️‍🌈",
    "a\u0000b\u0007c\u200bd\ufeffe",
    "e\u0301 combined, \u00a0 unbroken",
    "unknownwordsthatarelong" * 8,
    "the quick brown fox " * 40,
    "مرحبا שלום नमस्ते",
    "1,234.56 €",
    "wait , what ? it is n't so ! we 've gone .",
)

CLASSES = (
    "BertTokenizer",
    "DistilBertTokenizer",
    "GPT2Tokenizer",
    "RobertaTokenizer",
    "BartTokenizer",
    "MBartTokenizer",
    "MBart50Tokenizer",
    "XLMRobertaTokenizer",
    "XGLMTokenizer",
    "SeamlessM4TTokenizer",
)

FIELDS: dict[str, dict[str, Any]] = {
    "SeamlessM4TTokenizer": {"additional_special_tokens": ["__eng__", "__fra__", "__deu__", "__cmn_Hant__"]}
}
"""What the files of a class say here beside its name."""

_BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"]


def write_vocabulary(folder: Path, name: str, fields: dict[str, Any] | None = None) -> Path:
    """The older files of a class, and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    _WRITERS[name.removesuffix("Tokenizer")](folder)
    config = {"tokenizer_class": name, **FIELDS.get(name, {}), **(fields or {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def published(folder: Path, name: str) -> Any:
    """The published tokenizer of a folder; of a SentencePiece model by its pieces, as fairseq has them."""
    made = getattr(transformers, name)
    model = folder / "sentencepiece.bpe.model"
    if (folder / "tokenizer.json").exists() or not model.exists():
        return made.from_pretrained(folder)
    fields = json.loads((folder / "tokenizer_config.json").read_text())
    del fields["tokenizer_class"]
    reader = sentencepiece.SentencePieceProcessor(model_file=str(model))
    if name == "SeamlessM4TTokenizer":
        own_ids = {reader.id_to_piece(index): index for index in range(reader.get_piece_size())}
        converted = made.convert_from_spm_model(own_ids, merges=generate_merges(own_ids))
        return made(**converted, **fields)
    numbers = range(3, reader.get_piece_size())
    own = [(reader.id_to_piece(index), reader.get_score(index)) for index in numbers]
    pieces = [*((token, 0.0) for token in _FAIRSEQ), *own, *((token, 0.0) for token in _AFTER[name])]
    characters = read_pieces(model.read_bytes()).characters
    options = {} if name == "MBartTokenizer" else {"_spm_precompiled_charsmap": characters}
    return made(vocab=pieces, **options, **fields)


def ours(folder: Path, name: str = "BertTokenizer") -> SubwordTokenizer:
    """Our tokenizer of a folder, for a family whose class would be `name`."""
    stated = text_tokenizer(name)
    contents = {one: (folder / one).read_bytes() for one in stated.files if (folder / one).exists()}
    found = stated.read("tokenizer", contents)
    assert found is not None
    assert found.problems == []
    kind = stated.kind(stated.section(**found.fields))
    reading = reading_of(kind, lambda file: (folder / file).exists())
    assert reading is not None
    made = load_tokenizer(kind, reading, folder.joinpath)
    assert isinstance(made, SubwordTokenizer)
    assert found.fields["vocab_size"] == len(made.ids)
    return made


_LANGUAGES = transformers.models.mbart.tokenization_mbart.FAIRSEQ_LANGUAGE_CODES
_AFTER = {
    "MBartTokenizer": [*_LANGUAGES, "<mask>"],
    "MBart50Tokenizer": [*transformers.models.mbart50.tokenization_mbart50.FAIRSEQ_LANGUAGE_CODES, "<mask>"],
    "XLMRobertaTokenizer": ["<mask>"],
    "XGLMTokenizer": [f"<madeupword{index}>" for index in range(7)],
}
"""What the public converters of SentencePiece models number after the pieces."""


def _word_pieces(folder: Path) -> None:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    lowered = [sentence.lower() for sentence in SENTENCES]
    trainer = trainers.WordPieceTrainer(vocab_size=170, special_tokens=_BERT, show_progress=False)
    tokenizer.train_from_iterator([*SENTENCES, *lowered], trainer)
    ids = tokenizer.get_vocab()
    (folder / "vocab.txt").write_text("\n".join(sorted(ids, key=lambda piece: ids[piece])) + "\n")


def byte_pairs(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def _bytes(special: list[str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        byte_pairs(special).model.save(str(folder))

    return write


def _pieces(folder: Path, kind: str = "unigram", size: int = 120) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        model_type=kind,
        character_coverage=1.0,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())


_WRITERS: dict[str, Callable[[Path], None]] = {
    "Bert": _word_pieces,
    "DistilBert": _word_pieces,
    "GPT2": _bytes(["<|endoftext|>"]),
    "Roberta": _bytes([*_FAIRSEQ, "<mask>"]),
    "Bart": _bytes([*_FAIRSEQ, "<mask>"]),
    "MBart": _pieces,
    "MBart50": _pieces,
    "XLMRoberta": _pieces,
    "XGLM": _pieces,
    "SeamlessM4T": partial(_pieces, kind="bpe", size=150),
}


def write_serialized(folder: Path) -> Path:
    """A tokenizer.json that no class but the general one describes."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = byte_pairs(["<start>", "<stop>", "<fill>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <stop>", special_tokens=[("<start>", 0), ("<stop>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<start>",
        "eos_token": "<stop>",
        "pad_token": "<fill>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
