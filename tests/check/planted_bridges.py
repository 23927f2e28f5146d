"""Mistakes in what stands between two families, and in what of their checkpoints is used."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

from tests.check.planted import Planted, head, planted
from tests.check.planted_pairs import TOKENS, pair

ADAPTER = "wav2vec2: add_adapter: true, output_hidden_size: ⟪512⟫"


def bridged(bridge: str, encoder: str = "bert", decoder: str = "bert") -> str:
    """Two families of one width, and a bridge."""
    return pair(encoder, decoder, f"{TOKENS}bridge: {bridge}\n")


def warm(encoder: str, decoder: str, more: str = "") -> str:
    """Two families with a checkpoint each."""
    halves = f"encoder: {{family: {encoder}, weights: a/b}}\ndecoder: {{family: {decoder}, weights: c/d}}\n"
    return f"{head()}{halves}{TOKENS}{more}"


BRIDGES: list[Planted] = [
    planted("kind", "XL112", bridged("{block: ⟦resample⟧}"), "resampler"),
    planted("kind-alone", "XL112", bridged("⟦mlp⟧"), says="or a map", edit=("bridge: mlp", "bridge: {block: mlp}")),
    planted("setting", "XL209", bridged("{block: mlp, with: {⟦iner⟧: 3}}"), "inner"),
    planted("setting-of-another", "XL209", bridged("{block: linear, with: {⟦queries⟧: 3}}"), says="remove it",
            edit=(", with: {queries: 3}", "")),
    planted("width", "XL209", bridged("{block: mlp, with: {⟦target_dim⟧: 768}}"), says="remove it",
            edit=(", with: {target_dim: 768}", "")),
    planted("type", "XL209", bridged("{block: mlp, with: {norm: ⟦1⟧}}"), "true", says="true or false"),
    planted("activation", "XL112", bridged("{block: mlp, with: {activation: ⟦gleu⟧}}"), "gelu"),
    planted("range", "XL104", bridged("{block: conv_downsample, with: {stride: ⟦0⟧}}"), "2", says="at least 1"),
    planted("kernel", "XL209", bridged("{block: conv_downsample, with: {kernel: ⟦[3, 3]⟧}}"), "3", says="a whole number"),
    planted("queries", "XL104", bridged("{block: resampler, with: {queries: ⟦0⟧}}"), "32", says="from 1 to 65536"),
    planted("heads", "XL302", bridged("{block: resampler, with: {heads: ⟦7⟧}}"), "8", says="use 4 or 6 or 8 heads"),
    planted("dropout", "XL104", bridged("{block: resampler, with: {dropout: ⟦1.5⟧}}"), "0.1", says="from 0 to 1"),
    planted("no-block", "XL105", bridged("⟦{with: {bias: false}}⟧").replace("⟦{", "{").replace("}⟧", "}").replace("bridge:", "⟦bridge⟧:"),
            says="block", edit=("{with", "{block: linear, with")),
    planted("none-after-an-adapter", "XL301", pair(ADAPTER, "bert: hidden_size: ⟦768⟧", TOKENS + "bridge: none\n"), "512",
            says="make both 768 or both 512", edit=("bridge: none\n", "")),
    planted("cross-width-of-an-adapter", "XL301", pair(ADAPTER, "bert: cross_attention_hidden_size: ⟦768⟧"), "512", says="set it to 512"),
    planted("cross-width-of-an-encoder", "XL205", pair("bert: cross_attention_hidden_size: ⟦768⟧", "bert"), says="under `decoder:`",
            edit=("cross_attention_hidden_size: 768", "")),
    planted("of-a-lone-encoder", "XL114", f"{head()}encoder: {{family: bert}}\n⟦bridge⟧: auto\n", says="remove `bridge`",
            edit=("bridge: auto\n", "")),
]  # fmt: skip

CHECKPOINTS: list[Planted] = [
    planted("fresh-nothing", "XL518", warm("bert", "bert", "fresh: [⟦decoder.layers.*.crossattention.*⟧]\n"),
            says="decoder.layers.*.cross_attention.*", edit=("crossattention", "cross_attention")),
    planted("fresh-bridge", "XL518", warm("bert", "bert", "fresh: [⟦enc_to_dec_proj.*⟧]\n"), says="did you mean",
            edit=("fresh: [enc_to_dec_proj.*]\n", "")),
    planted("fresh-tied", "XL518", warm("bert", "bert", "fresh: [⟦head.output.weight⟧]\n"), says="decoder.embed.weight",
            edit=("head.output.weight", "decoder.embed.weight")),
    planted("ignore-anything", "XL518", warm("bert", "gpt2", "ignore: {encoder: [⟦'*'⟧]}\n"), says="model.decoder.*"),
    planted("ignore-of-no-half", "XL114", warm("bert", "gpt2", "ignore: {⟦model⟧: [lm_head.weight]}\n"), says="remove `model`",
            edit=("ignore: {model: [lm_head.weight]}\n", "")),
    planted("two-homes", "XL114", warm("bert", "bert", "weights: ⟪./whole⟫\n").replace("encoder: {family: bert, weights: a/b}", "encoder: {family: bert, ⟦weights⟧: a/b}").replace(", weights: c/d", ""),
            says="remove one", edit=(", weights: a/b", "")),
]  # fmt: skip

WARNINGS: list[Planted] = [
    planted("fresh-all-of-a-checkpoint", "XL518", warm("bert", "bert", "fresh: [⟦encoder.*⟧]\n").replace("a/b", "⟪a/b⟫"),
            says="remove `weights`", edit=(", weights: a/b", "")),
    planted("kernel-of-an-adapter", "XL310", pair("wav2vec2: add_adapter: true, adapter_kernel_size: ⟦7⟧", "bert"), "3", says="smaller"),
    planted("stride-of-an-adapter", "XL310", pair("wav2vec2: add_adapter: true, adapter_kernel_size: ⟦4⟧, adapter_stride: ⟪8⟫", "bert"), "3", says="smaller"),
]  # fmt: skip

CASES = [*BRIDGES, *CHECKPOINTS]
