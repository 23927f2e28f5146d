"""One tiny configuration for every family, and pairs of them: every encoder beside every decoder.

A new family is one entry of `TINY`, and of `SIZES` where the defaults of a short input do not suit it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import yaml
from torch import Tensor

from specs.families import FAMILIES, family
from specs.graph import Graph

Fields = dict[str, Any]
VOCABULARY = 23
START, PAD, EOS = 2, 1, 3
IDS: Fields = {"vocab_size": VOCABULARY, "pad_token_id": PAD, "bos_token_id": 0, "eos_token_id": EOS}


def _bert(width: int) -> Fields:
    return IDS | {
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 10,
        "max_position_embeddings": 20,
    }


def _distilbert(width: int) -> Fields:
    sizes = {"n_layers": 1, "n_heads": 2, "hidden_dim": 10, "max_position_embeddings": 20}
    return IDS | sizes | {"dim": width}


def _gpt2(width: int) -> Fields:
    return IDS | {"n_embd": width, "n_layer": 1, "n_head": 2, "n_positions": 20}


def _encoder_decoder(width: int) -> Fields:
    sizes = {"layers": 1, "ffn_dim": 10, "attention_heads": 2}
    sides = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in sizes.items()}
    return IDS | sides | {"d_model": width, "decoder_start_token_id": START}


def _bart(width: int) -> Fields:
    return _encoder_decoder(width) | {"max_position_embeddings": 20, "forced_eos_token_id": None}


def _speech_to_text(width: int) -> Fields:
    return _encoder_decoder(width) | {
        "conv_channels": 6,
        "conv_kernel_sizes": [3],
        "num_conv_layers": 1,
        "max_source_positions": 20,
        "max_target_positions": 20,
    }


def _decoder(width: int) -> Fields:
    sizes = {"decoder_layers": 1, "decoder_ffn_dim": 10, "decoder_attention_heads": 2}
    return IDS | sizes | {"d_model": width, "decoder_start_token_id": START}


def _xglm(width: int) -> Fields:
    sizes = {"num_layers": 1, "ffn_dim": 10, "attention_heads": 2, "max_position_embeddings": 20}
    return IDS | sizes | {"d_model": width, "decoder_start_token_id": START}


def _waveform(width: int) -> Fields:
    return {
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 10,
        "conv_dim": [6, 6],
        "conv_kernel": [5, 3],
        "conv_stride": [3, 2],
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
        "mask_time_length": 2,
    }


def _patches(width: int) -> Fields:
    return {
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 10,
        "image_size": 8,
        "patch_size": 4,
    }


def _windows(width: int) -> Fields:
    return {
        "image_size": 8,
        "patch_size": 2,
        "embed_dim": width // 2,
        "depths": [2, 1],
        "num_heads": [2, 2],
        "window_size": 2,
        "mlp_ratio": 1.5,
    }


def _speaker(width: int) -> Fields:
    """Two encoders, a decoder, and what speaks; features are as wide as its front end gives them."""
    sides = ("encoder", "decoder", "t2u_encoder", "t2u_decoder")
    sizes = {"layers": 1, "ffn_dim": 10, "attention_heads": 2}
    heard = {"layers": 1, "intermediate_size": 10, "attention_heads": 2}
    vocabularies = {"char_vocab_size": 9, "t2u_vocab_size": 12, "unit_hifi_gan_vocab_size": 8}
    return {
        **IDS,
        **{f"{side}_{name}": size for side in sides for name, size in sizes.items()},
        **{f"speech_encoder_{name}": size for name, size in heard.items()},
        **vocabularies,
        "hidden_size": width,
        "decoder_start_token_id": START,
        "max_position_embeddings": 20,
        "conv_depthwise_kernel_size": 3,
        "adaptor_kernel_size": 3,
        "adaptor_stride": 2,
        "t2u_max_position_embeddings": 20,
        "t2u_variance_predictor_embed_dim": width,
        "t2u_variance_predictor_hidden_dim": 6,
        "unit_embed_dim": 5,
        "lang_embed_dim": 3,
        "spkr_embed_dim": 4,
        "vocoder_num_langs": 2,
        "vocoder_num_spkrs": 2,
        "upsample_initial_channel": 4,
        "upsample_rates": [2],
        "upsample_kernel_sizes": [4],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
    }


TINY: dict[str, Callable[[int], Fields]] = {
    "bart": _bart,
    "beit": _patches,
    "bert": _bert,
    "deit": _patches,
    "data2vec-audio": lambda width: (
        _waveform(width) | {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3}
    ),
    "distilbert": _distilbert,
    "donut-swin": _windows,
    "gpt2": _gpt2,
    "hubert": _waveform,
    "mbart": _bart,
    "roberta": _bert,
    "seamless_m4t_v2": _speaker,
    "speech_to_text": _speech_to_text,
    "speech_to_text_2": lambda width: _decoder(width) | {"max_target_positions": 20},
    "trocr": lambda width: _decoder(width) | {"max_position_embeddings": 20},
    "swin": _windows,
    "unispeech": _waveform,
    "vit": _patches,
    "wav2vec2": _waveform,
    "wav2vec2-conformer": lambda width: _waveform(width) | {"conv_depthwise_kernel_size": 3},
    "wavlm": _waveform,
    "xglm": _xglm,
}
"""Family -> its fields, of a width that 4 divides: one layer, everything else as small as it goes."""

PICTURES: dict[str, Any] = {
    name: {"size": 8, "do_center_crop": False} if name != "donut-swin" else {"size": 8}
    for name in ("beit", "deit", "donut-swin", "swin", "vit")
}
"""Encoder of images -> the front end that gives it some of its tiny size."""

SIZES = {"samples": 60}
"""Name of a free length of an input -> how long it is here; the others are `LENGTH`."""
LENGTH = 7

ENCODERS = [name for name in FAMILIES if family(name).encoder is not None]
DECODERS = [name for name in FAMILIES if family(name).decoder is not None]
CELLS = [(encoder, decoder) for encoder in ENCODERS for decoder in DECODERS]


def tiny(encoder: str, decoder: str, widths: tuple[int, int] = (8, 12), **more: Any) -> str:
    """The spec of a cell, as text."""
    halves = {
        role: {"family": name, "config": TINY[name](width)}
        for role, name, width in zip(("encoder", "decoder"), (encoder, decoder), widths, strict=True)
    }
    tokens = {"decoder_start": START, "pad": PAD}
    if encoder in PICTURES:
        more = {"processor": PICTURES[encoder]} | more
    return str(
        yaml.safe_dump({"crossloom": 1, "name": "tiny", **halves, "tokens": tokens, **more}, sort_keys=False)
    )


def random_inputs(graph: Graph, rows: int = 2, seed: int = 0, longer: int = 0) -> dict[str, Tensor]:
    """Inputs of encode, or of its first encoder, as the graph declares them; masks end the last row early.

    Lengths are by `longer` more than they are elsewhere.
    """
    generator = torch.Generator().manual_seed(seed)
    given: dict[str, Tensor] = {}
    for name in graph.encoders[0].inputs if graph.encoders else graph.encode_inputs:
        type_ = graph.inputs[name]
        names = {
            n: max(SIZES.get(n, LENGTH) + longer, graph.minimums.get(n, 1))
            for d in type_.dims
            for n in d.names()
        }
        shape = [dim.evaluate(names | {"batch": rows}) for dim in type_.dims]
        if type_.role == "mask":
            given[name] = torch.ones(shape, dtype=torch.int64)
            given[name][-1, -2:] = 0
        elif type_.role == "token_ids":
            most = 2 if "type" in name else VOCABULARY
            given[name] = torch.randint(min(EOS + 1, most - 1), most, shape, generator=generator)
        else:
            given[name] = torch.randn(shape, generator=generator)
    return given


def random_labels(rows: int = 2) -> Tensor:
    """Labels [rows, 5], the last row ignored from its third on."""
    labels = torch.randint(EOS + 1, VOCABULARY, (rows, 5), generator=torch.Generator().manual_seed(1))
    labels[-1, 2:] = -100
    return labels
