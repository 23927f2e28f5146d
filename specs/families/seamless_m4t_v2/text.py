"""The text encoder, the text decoder and the head, which share one embedding (NLLB team 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.architectures import parts
from specs.families.seamless_m4t_v2.layers import attention_rows, encoder_layer_rows, in_layers
from specs.family import Side
from specs.graph import Ref, Tie, Tokens
from specs.values import Value, View
from specs.weights import Carried, IgnoredTensor, Row, affine


def text_encoder(g: GraphBuilder, c: View, ids: Ref, mask: Ref | None, long_input: str = "error") -> Side:
    """Ids [batch, source] embedded and placed, layers, a norm."""
    hidden = _embedded(g, c, "text_encoder", ids, long_input)
    numbers = {
        "width": c.hidden_size,
        "layers": c.encoder_layers,
        "heads": c.encoder_attention_heads,
        "inner": c.encoder_ffn_dim,
        "layerdrop": c.encoder_layerdrop,
        **in_layers(c),
    }
    masks = {} if mask is None else {"mask": mask}
    hidden = g.node("text_encoder.layers", "pre_norm_encoder", numbers, hidden=hidden, **masks)
    norm = {"width": c.hidden_size}
    return Side(g.node("text_encoder.final_norm", "layer_norm", norm, hidden=hidden), mask)


def text_decoder(g: GraphBuilder, c: View, source: Ref, source_mask: Ref | None) -> tuple[Ref, Side]:
    """Hidden states [batch, target, hidden_size] after the last norm, and the side that scores them."""
    ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
    mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)
    hidden = _embedded(g, c, "decoder", ids)
    numbers = {
        "width": c.hidden_size,
        "source_dim": c.hidden_size,
        "layers": c.decoder_layers,
        "heads": c.decoder_attention_heads,
        "inner": c.decoder_ffn_dim,
        "layerdrop": c.decoder_layerdrop,
        **in_layers(c),
    }
    masks = {"mask": mask} | ({} if source_mask is None else {"source_mask": source_mask})
    hidden = g.node("decoder.layers", "pre_norm_decoder", numbers, hidden=hidden, source=source, **masks)
    width = {"width": c.hidden_size}
    states = g.node("decoder.final_norm", "layer_norm", width, hidden=hidden)
    head = {**width, "vocabulary": c.vocab_size}
    logits = g.node("head", "vocabulary_head", head, hidden=states)
    tokens = Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id)
    return states, Side(logits, ties=ties(c), tokens=tokens)


def _embedded(g: GraphBuilder, c: View, side: str, ids: Ref, long_input: str = "error") -> Ref:
    """Tokens and their positions, which count real tokens from 1 on and leave out padding, summed."""
    scale = Value(math.sqrt(int(c.hidden_size)) if c.scale_embedding else 1.0, c.scale_embedding.origin)
    row = {"width": c.hidden_size, "padding_row": c.pad_token_id}
    table = {**row, "vocabulary": c.vocab_size, "scale": scale}
    hidden = g.node(f"{side}.embed", "scaled_embedding", table, ids=ids)
    overflow = Value("grow" if long_input == "grow" else "error")
    table = {**row, "maximum": c.max_position_embeddings, "overflow": overflow}
    positions = g.node(f"{side}.positions", "token_positions", table, ids=ids)
    dropout = {"dropout": c.dropout}
    return g.node(f"{side}.add_positions", "add_positions", dropout, hidden=hidden, positions=positions)


def ties(c: View) -> tuple[Tie, ...]:
    """One embedding serves the decoder, the head, and the text encoder where there is one."""
    if not c.tie_word_embeddings:
        return ()
    shared, origin = "decoder.embed.tokens.weight", c.tie_word_embeddings.origin
    tied = ["head.weight"]
    if "text_encoder" in parts(c):
        tied.insert(0, "text_encoder.embed.tokens.weight")
    return tuple(Tie(shared, address, origin) for address in tied)


_SHARED = "shared.weight"


def encoder_rows(c: View) -> Iterator[Row]:
    """Where a checkpoint keeps each parameter of the encoder."""
    stored = "text_encoder"
    yield Row("text_encoder.embed.tokens.weight", (f"{stored}.embed_tokens.weight",))
    yield _positions("text_encoder", stored)
    yield from encoder_layer_rows("text_encoder.layers", f"{stored}.layers")
    yield from affine("text_encoder.final_norm", f"{stored}.layer_norm")


def decoder_rows(c: View) -> Iterator[Row]:
    """Where a checkpoint keeps each parameter of decoder and head."""
    stored = "text_decoder"
    embedding = f"{stored}.embed_tokens.weight"
    if c.tie_word_embeddings:
        yield Row("decoder.embed.tokens.weight", (_SHARED,), copies=(embedding,))
    else:
        yield Row("decoder.embed.tokens.weight", (embedding,))
    yield _positions("decoder", stored)
    yield from encoder_layer_rows("decoder.layers", f"{stored}.layers")
    layer, cross = "decoder.layers.{i}", f"{stored}.layers.{{i}}.cross_attention"
    yield from attention_rows(f"{layer}.cross_attention", cross)
    yield from affine(f"{layer}.cross_attention_norm", f"{cross}_layer_norm")
    yield from affine("decoder.final_norm", f"{stored}.layer_norm")
    yield Row("head.weight", ("lm_head.weight",))


def _positions(side: str, stored: str) -> Row:
    """Sinusoids, which no published file stores; others might."""
    return Row(f"{side}.positions.table.table", (f"{stored}.embed_positions.weights",), computed=True)


def unused(c: View) -> Iterator[IgnoredTensor]:
    """What the published classes keep and do not compute with."""
    if not c.tie_word_embeddings:
        carried = Carried("model", (int(c.vocab_size), int(c.hidden_size)), float(c.initializer_range))
        yield IgnoredTensor(_SHARED, "encoder and decoder have embeddings of their own", carried)
