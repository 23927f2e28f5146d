"""The published classes of tokenizers, by what they compute and what they call their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from specs.processing.subwords import LANGUAGE, TEXT, Algorithm, AsSerialized, BytePairs, Unigrams, WordPieces

ClassName = Literal[
    "BartTokenizer",
    "BertTokenizer",
    "DistilBertTokenizer",
    "GPT2Tokenizer",
    "MBart50Tokenizer",
    "MBartTokenizer",
    "PreTrainedTokenizerFast",
    "RobertaTokenizer",
    "XGLMTokenizer",
    "XLMRobertaTokenizer",
]

NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Fields of special tokens, in the order in which those that a vocabulary lacks are numbered after it."""

OWN = {
    WordPieces: ("do_lower_case", "strip_accents", "tokenize_chinese_chars"),
    BytePairs: ("add_prefix_space",),
}
"""Fields that only one way of splitting words reads."""

LANGUAGES = ("src_lang", "tgt_lang")


@dataclass(frozen=True)
class TokenizerClass:
    """What a published class says: how it splits words, what stands around a text, and its defaults."""

    algorithm: Algorithm
    template: tuple[str, ...]
    tokens: Mapping[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that not every class reads, and this one does."""
        return (*OWN.get(type(self.algorithm), ()), *(LANGUAGES if self.languages else ()))


_BERT = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_FAIRSEQ = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
}
_MASKED = {**_FAIRSEQ, "mask_token": "<mask>"}
_WITHOUT_BOS = {name: token for name, token in _MASKED.items() if name != "bos_token"}
_AROUND = ("cls_token", TEXT, "sep_token")
_END = "<|endoftext|>"
_MADE_UP = tuple(f"<madeupword{index}>" for index in range(7))
_MBART = (
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM "
    "ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN"
)
_MBART50 = (
    f"{_MBART} af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF "
    "pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI"
)


def _translation(
    codes: str, template: tuple[str, ...], pieces: Unigrams, tokens: Mapping[str, Any]
) -> TokenizerClass:
    languages = tuple(codes.split())
    tokens = {**tokens, "src_lang": "en_XX", "strip_left": ["<mask>"]}
    return TokenizerClass(replace(pieces, after=(*languages, "<mask>")), template, tokens, languages)


CLASSES: Mapping[str, TokenizerClass] = {
    "BertTokenizer": TokenizerClass(WordPieces(), _AROUND, _BERT),
    "DistilBertTokenizer": TokenizerClass(WordPieces(), _AROUND, _BERT),
    "GPT2Tokenizer": TokenizerClass(
        BytePairs(), (TEXT,), {"bos_token": _END, "eos_token": _END, "unk_token": _END}
    ),
    "RobertaTokenizer": TokenizerClass(BytePairs(), _AROUND, _MASKED),
    "BartTokenizer": TokenizerClass(BytePairs(), _AROUND, _MASKED),
    "MBartTokenizer": _translation(
        _MBART, (TEXT, "eos_token", LANGUAGE), Unigrams(normalizes=False), _MASKED
    ),
    "MBart50Tokenizer": _translation(
        _MBART50, (LANGUAGE, TEXT, "eos_token"), Unigrams(joins_spaces=True), _WITHOUT_BOS
    ),
    "XLMRobertaTokenizer": TokenizerClass(
        Unigrams(after=("<mask>",)), ("bos_token", TEXT, "eos_token"), _MASKED
    ),
    "XGLMTokenizer": TokenizerClass(
        Unigrams(after=_MADE_UP, joins_spaces=True),
        ("eos_token", TEXT),
        {**_FAIRSEQ, "additional_special_tokens": list(_MADE_UP)},
    ),
    "PreTrainedTokenizerFast": TokenizerClass(AsSerialized(), ()),
}
"""Published classes, by what they compute."""

SAME = {"TokenizersBackend": "PreTrainedTokenizerFast"}
"""Names of the same class."""
