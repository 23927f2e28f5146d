"""Mistakes in joining two families."""

from __future__ import annotations

from tests.check.planted import Planted, head, planted

TOKENS = "tokens: {decoder_start: 5, pad: 0}\n"


def pair(encoder: str, decoder: str, more: str = TOKENS) -> str:
    """A spec of two families; each is `family` or `family: fields`."""
    halves = []
    for role, half in (("encoder", encoder), ("decoder", decoder)):
        name, _, fields = half.partition(": ")
        halves.append(f"{role}:\n  family: {name}\n  config: {{{fields}}}\n")
    return head() + "".join(halves) + more


CASES: list[Planted] = [
    planted(
        "cross-width",
        "XL301",
        pair("bert: hidden_size: ⟪1024⟫, num_attention_heads: 8", "bert: cross_attention_hidden_size: ⟦768⟧"),
        "1024",
    ),
    planted(
        "cross-width-removed",
        "XL301",
        pair("bert", "gpt2: cross_attention_hidden_size: ⟦512⟧"),
        says="remove `cross_attention_hidden_size`",
        edit=("cross_attention_hidden_size: 512", ""),
    ),
    planted(
        "unequal-widths-without-a-bridge",
        "XL301",
        pair("bert: hidden_size: ⟪384⟫", "gpt2: n_embd: ⟦768⟧", TOKENS + "bridge: none\n"),
        says="`bridge: auto`",
        edit=("bridge: none", "bridge: auto"),
    ),
    planted(
        "decoder-without-cross-attention",
        "XL205",
        pair("bert", "bert: add_cross_attention: ⟦false⟧"),
        says="remove `add_cross_attention`",
        edit=("add_cross_attention: false", ""),
    ),
    planted(
        "decoder-that-is-none",
        "XL205",
        pair("bert", "roberta: is_decoder: ⟦false⟧"),
        says="remove `is_decoder`",
        edit=("is_decoder: false", ""),
    ),
    planted(
        "encoder-that-is-a-decoder",
        "XL205",
        pair("roberta: is_decoder: ⟦true⟧", "gpt2"),
        says="remove `is_decoder`",
        edit=("is_decoder: true", ""),
    ),
    planted(
        "decoder-as-encoder",
        "XL205",
        pair("⟦gpt2⟧", "gpt2"),
        says="under `decoder:`",
        edit=("encoder:\n  family: gpt2", "encoder:\n  family: bert"),
    ),
    planted(
        "half-as-whole",
        "XL205",
        f"{head()}model: {{family: ⟦bert⟧}}\n",
        says="under `encoder:`",
        edit=("model:", "encoder:"),
    ),
    planted(
        "no-start",
        "XL404",
        pair("bert", "bert", "").replace("decoder:", "⟦decoder⟧:"),
        says="`tokens: {decoder_start: ...}`",
    ),
    planted(
        "start-outside",
        "XL402",
        pair("bert", "gpt2", "tokens: {decoder_start: ⟦50257⟧, pad: 0}\n"),
        says="below 50257",
        edit=("50257", "50256"),
    ),
    planted(
        "eos-outside",
        "XL402",
        pair("bert", "bert: eos_token_id: ⟦102⟧, vocab_size: ⟪100⟫"),
        says="from 0 to 99",
        edit=("102", "99"),
    ),
    planted(
        "heads",
        "XL302",
        pair("bert: num_attention_heads: ⟦7⟧", "gpt2"),
        says="use 4 or 6 or 8 heads",
        edit=("7", "8"),
    ),
    planted(
        "field-of-the-other-family",
        "XL101",
        pair("bert", "gpt2: ⟦hidden_size⟧: 64"),
        "n_embd",
        edit=("hidden_size: 64", "n_embd: 96"),
    ),
    planted(
        "sinusoids-of-odd-width",
        "XL304",
        pair("bert", "speech_to_text_2: d_model: ⟦255⟧, decoder_attention_heads: 5"),
        says="use 254 or 256",
        edit=("d_model: 255, decoder_attention_heads: 5", "d_model: 256"),
    ),
    planted(
        "pad-beyond-the-positions",
        "XL402",
        pair("bert", "speech_to_text_2: pad_token_id: ⟦50⟧, max_target_positions: ⟪20⟫"),
        says="use a pad id below 21",
        edit=("pad_token_id: 50", "pad_token_id: 1"),
    ),
    planted(
        "another-name-of-positions",
        "XL101",
        pair("bert", "speech_to_text_2: ⟦max_position_embeddings⟧: 64"),
        says="it is called `max_target_positions` here",
        edit=("max_position_embeddings", "max_target_positions"),
    ),
    planted(
        "pad-id-of-embeddings",
        "XL404",
        pair("bert", "trocr: pad_token_id: ⟦null⟧"),
        says="set pad_token_id",
        edit=("null", "1"),
    ),
    planted(
        "relative-positions",
        "XL112",
        pair("bert: position_embedding_type: ⟦relative_key⟧", "gpt2"),
        "absolute",
    ),
    planted(
        "pad-counts-positions",
        "XL404",
        pair("roberta: pad_token_id: ⟦null⟧", "gpt2"),
        says="set pad_token_id",
        edit=("null", "1"),
    ),
    planted(
        "too-long",
        "XL405",
        pair("bert", "bert: max_position_embeddings: 64", TOKENS + "generation: {max_length: ⟦65⟧}\n"),
        "64",
    ),
    planted(
        "activation",
        "XL112",
        pair("bert", "gpt2: activation_function: ⟦gelu_neww⟧"),
        "gelu_new",
    ),
    planted(
        "encoder-as-decoder",
        "XL205",
        pair("wav2vec2", "⟦hubert⟧"),
        says="under `encoder:`, or name a family that can be a decoder: bart,",
        edit=("family: hubert", "family: gpt2"),
    ),
    planted(
        "decoder-of-images-as-encoder",
        "XL205",
        pair("⟦trocr⟧", "bert"),
        says="or name a family that can be an encoder: bart,",
        edit=("family: trocr", "family: roberta"),
    ),
    planted(
        "no-start-of-ours",
        "XL404",
        pair("wav2vec2", "gpt2", "⟦tokens⟧: {decoder_start: 5}\n"),
        says="pad: ...",
        edit=("start: 5}", "start: 5, pad: 0}"),
    ),
    planted(
        "start-null",
        "XL404",
        pair("bert", "bart: decoder_start_token_id: ⟦null⟧", ""),
        says="decoder_start",
        edit=("null", "2"),
    ),
    planted(
        "start-of-the-larger-vocabulary",
        "XL402",
        pair("bert", "bert: vocab_size: ⟪100⟫", "tokens: {decoder_start: ⟦101⟧, pad: 0}\n"),
        says="below 100",
        edit=("101", "99"),
    ),
    planted(
        "pad-outside",
        "XL402",
        pair("wav2vec2", "gpt2: vocab_size: ⟪60000⟫", "tokens: {decoder_start: 5, pad: ⟦60000⟧}\n"),
        says="below 60000",
        edit=("pad: 60000", "pad: 1"),
    ),
    planted(
        "heads-of-the-decoder",
        "XL302",
        pair("wav2vec2", "gpt2: n_embd: ⟪512⟫, n_head: ⟦12⟧"),
        says="8 or 16 heads",
        edit=("n_head: 12", "n_head: 8"),
    ),
    planted(
        "layers-of-an-adapter",
        "XL104",
        pair("wav2vec2: add_adapter: true, num_adapter_layers: ⟦0⟧", "gpt2"),
        "3",
        says="1",
    ),
    planted(
        "width-without-an-adapter",
        "XL116",
        pair("wav2vec2: output_hidden_size: ⟦512⟧", "gpt2"),
        says="add_adapter",
        edit=("output_hidden_size: 512", ""),
    ),
    planted(
        "convolutions-of-unequal-number",
        "XL303",
        pair("hubert: conv_dim: ⟦[512, 512]⟧", "gpt2"),
        says="list 2 numbers in each",
        edit=("conv_dim: [512, 512]", ""),
    ),
    planted(
        "front-end-of-a-text-encoder",
        "XL114",
        pair("bert", "gpt2", TOKENS + "⟦processor⟧: {sampling_rate: 16000}\n"),
        says="remove `processor`",
        edit=("processor: {sampling_rate: 16000}\n", ""),
    ),
    planted(
        "whole-beside-a-half",
        "XL114",
        f"{head()}⟦model⟧: {{family: speech_to_text}}\n⟪decoder⟫: {{family: gpt2}}\n",
        says="keep one form",
    ),
    planted(
        "family-of-a-whole-as-a-name",
        "XL110",
        pair("⟦wav2vec⟧", "gpt2"),
        "wav2vec2",
    ),
    planted(
        "width-twice",
        "XL102",
        pair("bert: ⟪hidden_size⟫: 384, num_attention_heads: 6, ⟦hidden_size⟧: 768", "gpt2"),
        says="remove one",
        edit=("hidden_size: 384, num_attention_heads: 6, ", ""),
    ),
]
