"""The published classes of tokenizers, by what they compute and what they call their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from specs.processing.subwords import (
    LANGUAGE,
    TEXT,
    Algorithm,
    AsSerialized,
    BytePairs,
    CharacterPairs,
    Unigrams,
    WordPieces,
)

ClassName = Literal[
    "BartTokenizer",
    "BertTokenizer",
    "DistilBertTokenizer",
    "GPT2Tokenizer",
    "MBart50Tokenizer",
    "MBartTokenizer",
    "PreTrainedTokenizerFast",
    "RobertaTokenizer",
    "SeamlessM4TTokenizer",
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
    """What a published class says: how it splits words, what stands around a text, and its defaults.

    Attributes:
        languages: those of every file of the class.
        language_form: where each file lists its own languages among its special tokens, how they are written.
        source_template: what stands around a text that an encoder reads, where it is something else.
        spare: how many ids a model may have beyond those of the tokenizer.
    """

    algorithm: Algorithm
    template: tuple[str, ...]
    tokens: Mapping[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    language_form: str | None = None
    source_template: tuple[str, ...] = ()
    spare: int = 0

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that not every class reads, and this one does."""
        has_languages = self.languages or self.language_form
        return (*OWN.get(type(self.algorithm), ()), *(LANGUAGES if has_languages else ()))

    def languages_among(self, tokens: Iterable[str]) -> tuple[str, ...]:
        """The tokens of languages: those of the class, or those of a file's special tokens in their form."""
        if self.language_form is None:
            return self.languages
        before, after = self.language_form.split("{}")
        return tuple(token for token in tokens if token.startswith(before) and token.endswith(after))


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

_SEAMLESS = (
    "afr amh arb ary arz asm azj bel ben bos bul cat ceb ces ckb cmn cmn_Hant cym dan deu ell eng est "
    "eus fin fra fuv gaz gle glg guj heb hin hrv hun hye ibo ind isl ita jav jpn kan kat kaz khk khm "
    "kir kor lao lit lug luo lvs mai mal mar mkd mlt mni mya nld nno nob npi nya ory pan pbt pes pol "
    "por ron rus sat slk slv sna snd som spa srp swe swh tam tel tgk tgl tha tur ukr urd uzn vie yor "
    "yue zlm zul"
)
_DATA_TAGS = 3
"""Ids of a model's own, after the tokenizer's: tags of where its training data came from."""


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
    "SeamlessM4TTokenizer": TokenizerClass(
        CharacterPairs(),
        ("eos_token", LANGUAGE, TEXT, "eos_token"),
        {
            **_FAIRSEQ,
            "additional_special_tokens": [f"__{code}__" for code in _SEAMLESS.split()],
            "src_lang": "__eng__",
            "tgt_lang": "__fra__",
        },
        language_form="__{}__",
        source_template=(LANGUAGE, TEXT, "eos_token"),
        spare=_DATA_TAGS,
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
