"""Write the processor files of the digits model: its tokenizer of ten words and its front end.

    python examples/digits/tokenizer.py build/digits/processor

The files have the layout of Speech2Text on the Hub: `sentencepiece.bpe.model` cuts text into pieces,
`vocab.json` numbers them after the four special tokens, and `preprocessor_config.json` says how audio becomes
features.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import sentencepiece
from synthesise import DIGITS, SAMPLING_RATE

SPECIAL_TOKENS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
"""In the order of their ids, 0 to 3, as fairseq numbered them."""
MEL_BINS = 80


def word_model(words: tuple[str, ...]) -> bytes:
    """A SentencePiece model whose pieces are exactly the given words.

    The identity normaliser keeps the file at a few hundred bytes: the default one carries a table of Unicode.
    """
    with TemporaryDirectory() as folder:
        prefix = f"{folder}/words"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(words),
            model_prefix=prefix,
            model_type="word",
            vocab_size=len(words) + 3,  # its own <unk>, <s> and </s>
            normalization_rule_name="identity",
            minloglevel=2,
        )
        return Path(f"{prefix}.model").read_bytes()


def write_processor(folder: Path) -> None:
    """Write the tokenizer and front-end files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [*SPECIAL_TOKENS.values(), *(f"▁{word}" for word in DIGITS)]
    tokenizer = {
        "tokenizer_class": "Speech2TextTokenizer",
        **SPECIAL_TOKENS,
        "do_lower_case": False,
        "do_upper_case": False,
        "lang_codes": None,
        "tgt_lang": None,
        "model_max_length": 64,
    }
    front_end = {
        "feature_extractor_type": "Speech2TextFeatureExtractor",
        "processor_class": "Speech2TextProcessor",
        "sampling_rate": SAMPLING_RATE,
        "feature_size": MEL_BINS,
        "num_mel_bins": MEL_BINS,
        "do_ceptral_normalize": True,
        "normalize_means": True,
        "normalize_vars": True,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
    }
    files = {
        "vocab.json": {piece: index for index, piece in enumerate(pieces)},
        "special_tokens_map.json": SPECIAL_TOKENS,
        "tokenizer_config.json": tokenizer,
        "preprocessor_config.json": front_end,
    }
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "sentencepiece.bpe.model").write_bytes(word_model(DIGITS))


@click.command(help=__doc__.split("\n")[0])
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the files."""
    write_processor(folder)


if __name__ == "__main__":
    main()
