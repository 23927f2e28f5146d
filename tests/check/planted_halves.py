"""Mistakes of an encoder and a decoder that are free graphs, and of what is between them."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from tests.check.planted import DECODER, ENCODER, Planted, changed, halves, head, planted

FORMS: list[Planted] = [
    planted("mixed", "XL114", halves(("encoder:\n  graph:", "encoder:\n  ⟪family⟫: speech_to_text\n  ⟦graph⟧:")
            ).replace("⟪family⟫", "⟦family⟧").replace("⟦graph⟧", "⟪graph⟫"), says="keep the `graph:`",
            edit=("  family: speech_to_text\n", "")),
    planted("configured", "XL114", halves(("encoder:\n  graph:", "encoder:\n  ⟦config⟧: {d_model: 3}\n  ⟪graph⟫:")), says="remove `config`",
            edit=("  config: {d_model: 3}\n", "")),
    planted("neither", "XL105", head() + "⟦encoder⟧: {weights: a/b}\n", says="`graph:`",
            edit=("{weights", "{family: speech_to_text, weights")),
    planted("empty", "XL103", head() + "encoder:\n  graph:⟦⟧\n", says="nodes:"),
    planted("text", "XL103", head() + "encoder: {graph: ⟦a⟧}\n", says="a map"),
    planted("typo", "XL101", halves(("encoder:\n  graph:", "encoder:\n  ⟦grpah⟧:")), "graph"),
    planted("typo-inside", "XL101", halves(("    ties:", "    ⟦tise⟧:")), "ties"),
    planted("of-a-model", "XL101", head() + "model: {⟦graph⟧: {nodes: {}}}\n", says="at the top", edit=("graph: {nodes: {}}", "family: speech_to_text")),
    planted("size", "XL204", halves(("{width: 64}", "{width: 64, ⟦depth⟧: 3}")), says="remove it", edit=(", depth: 3", "")),
    planted("size", "XL104", halves(("{width: 64}", "{width: ⟦0⟧}")), "64", says="at least 1"),
    planted("tokenizer", "XL114", halves(("tokens:", "⟦tokenizer⟧: {vocab_size: 100}\ntokens:")), says="remove `tokenizer`",
            edit=("tokenizer: {vocab_size: 100}\n", "")),
    planted("processor", "XL114", halves(("tokens:", "⟦processor⟧: {num_mel_bins: 80}\ntokens:")), says="remove `processor`",
            edit=("processor: {num_mel_bins: 80}\n", "")),
    planted("ignored", "XL114", changed(ENCODER, ("encoder:\n", "ignore: {⟦decoder⟧: [a.b]}\nencoder:\n")), says="remove `decoder`",
            edit=("decoder: [a.b]", "")),
    planted("no-ids", "XL404", halves(("tokens: {decoder_start: 2, pad: 1}\n", ""), ("      decoder_input_ids:", "      ⟦decoder_input_ids⟧:")),
            says="tokens:", edit=("name: planted\n", "name: planted\ntokens: {decoder_start: 2, pad: 1}\n")),
    planted("pad", "XL402", halves(("pad: 1}\n", "pad: ⟦100⟧}\n"), ("vocabulary: 100}, inputs", "vocabulary: ⟪100⟫}, inputs")), "1", says="below 100"),
    planted("fresh", "XL518", halves(("tokens:", "fresh: [⟦decoder.lyers.*⟧]\ntokens:")), says="decoder.layers", edit=("lyers", "layers")),
]  # fmt: skip

INSIDE: list[Planted] = [
    planted("block", "XL201", halves(("block: conv_subsampler", "block: ⟦conv_subsamplr⟧")), "conv_subsampler"),
    planted("itself", "XL202", halves(("{hidden: add.hidden, mask", "{hidden: ⟦layers.hidden⟧, mask")), "add.hidden", says="computed before"),
    planted("node", "XL203", halves(("hidden: add.hidden", "hidden: ⟦ad.hidden⟧")), "add.hidden"),
    planted("of-the-other-half", "XL203", halves(("source: encoder_hidden_states", "source: ⟦encoder.layers.hidden⟧")), "encoder_hidden_states"),
    planted("mask-of-the-other-half", "XL203", halves(("source_mask: encoder_attention_mask", "source_mask: ⟦encoder.subsample.mask⟧")),
            "encoder_attention_mask"),
    planted("by-address", "XL203", halves(("hidden: embed.hidden", "hidden: ⟦decoder.embed.hidden⟧")), "embed.hidden"),
    planted("output", "XL203", halves(("head.logits", "⟦head.logit⟧")), "head.logits"),
    planted("tied-to", "XL203", halves(("embed.tokens.weight", "⟦embed.weight⟧")), "embed.tokens.weight"),
    planted("dead", "XL204", halves(
        ("      embed:\n", "      ⟦extra⟧: {block: layer_norm, with: {width: width}, inputs: {hidden: embed.hidden}}\n      embed:\n"),
    ), says="remove it", edit=("      extra: {block: layer_norm, with: {width: width}, inputs: {hidden: embed.hidden}}\n", "")),
    planted("role", "XL205", halves(("hidden: add.hidden", "hidden: ⟦subsample.mask⟧")), "add.hidden", says="hidden states"),
    planted("unfed", "XL206", halves(("      add:", "      ⟦add⟧:"), (", positions: positions.positions", "")), says="positions.positions",
            edit=("add_positions, inputs: {hidden: subsample.hidden", "add_positions, inputs: {hidden: subsample.hidden, positions: positions.positions")),
    planted("port", "XL207", halves(("features: input_features", "⟦feature⟧: input_features")), "features"),
    planted("name", "XL208", halves(("      embed:", "      ⟦forward⟧:"), ("hidden: embed.hidden", "hidden: forward.hidden"),
            ("embed.tokens.weight", "forward.tokens.weight")), says="forward_block"),
    planted("number", "XL209", halves(("kernels:", "⟦kernel⟧:")), "kernels"),
    planted("heads", "XL302", halves(("heads: 4, inner: 120", "heads: ⟦5⟧, inner: 120"), ("{width: 64}", "{width: ⟪64⟫}")), "4"),
    planted("width", "XL305", halves(("with: {layers: 2, width: width, heads", "with: {layers: 2, width: ⟦32⟧, heads"), ("{width: 64}", "{width: ⟪64⟫}")), "64"),
    planted("rank", "XL305", halves(("dims: [batch, frames, 80]", "dims: ⟦[batch, frames]⟧"),
            ("{features: input_features", "{features: ⟪input_features⟫")), "[batch, frames, 80]", says="3 dimensions"),
    planted("tied", "XL306", halves(("{width: width, vocabulary: 100}", "{width: width, vocabulary: ⟪90⟫}"), ("embed.tokens.weight", "⟦embed.tokens.weight⟧"),
            ("{vocabulary: 100, width: width, padding_row: 1", "{vocabulary: ⟪100⟫, width: width, padding_row: ⟪1⟫")), says="make the shapes equal", edit=("vocabulary: 90", "vocabulary: 100")),
    planted("beside-with", "XL101", halves((
        "        block: pre_norm_encoder\n        with: {layers: 2, width: width, heads: 4, inner: 128}",
        "        block: pre_norm_encoder\n        ⟦heads⟧: 4\n        with: {layers: 2, width: width, inner: 128}",
    )), says="belongs under `encoder: graph: nodes: layers: with:`", edit=("heads: 4\n        with: {layers: 2,", "with: {layers: 2, heads: 4,")),
    planted("dedented-node", "XL101", halves(("      head: {", "    ⟦head⟧: {")), says="belongs under `decoder: graph: nodes:`",
            edit=("    head: {", "      head: {")),
]  # fmt: skip

ENDS: list[Planted] = [
    planted("ids-of-an-encoder", "XL210", halves(("      attention_mask:", "      ⟦decoder_mask⟧:"), ("mask: attention_mask}", "mask: decoder_mask}")),
            says="attention_mask"),
    planted("logits-of-an-encoder", "XL210", halves(("outputs: {hidden: layers.hidden", "outputs: {⟦logits⟧: layers.hidden")), "hidden"),
    planted("no-hidden", "XL210", halves(("outputs: {hidden: layers.hidden, mask: subsample.mask}", "⟦outputs⟧: {mask: subsample.mask}")),
            says="hidden:", edit=("{mask: subsample.mask}\ndecoder", "{hidden: layers.hidden, mask: subsample.mask}\ndecoder")),
    planted("ids", "XL210", halves(("      decoder_input_ids:", "      ⟦input_ids⟧:"), ("ids: decoder_input_ids", "ids: input_ids")),
            says="call it `decoder_input_ids`"),
    planted("states", "XL210", halves(("      encoder_hidden_states:", "      ⟦states⟧:"), ("source: encoder_hidden_states", "source: states")),
            says="call it `encoder_hidden_states`"),
    planted("mask", "XL210", halves(("      encoder_attention_mask:", "      ⟦attention_mask⟧:"), ("source_mask: encoder_attention_mask", "source_mask: attention_mask")),
            says="call it `encoder_attention_mask`"),
    planted("features-of-a-decoder", "XL210", changed(DECODER, ("      decoder_input_ids:", "      ⟦input_features⟧: {role: features, dims: [batch, frames, 80]}\n      decoder_input_ids:")),
            says="let the encoder read it", edit=("      input_features: {role: features, dims: [batch, frames, 80]}\n", "")),
    planted("logits", "XL210", halves(("{logits: head", "{⟦hidden⟧: head")), "logits"),
    planted("without-ids", "XL210", """\
crossloom: 1
name: planted
decoder:
  graph:
    ⟦inputs⟧: {encoder_hidden_states: {role: hidden, dims: [batch, source, 8]}}
    nodes: {head: {block: vocabulary_head, with: {width: 8, vocabulary: 9}, inputs: {hidden: encoder_hidden_states}}}
    outputs: {logits: head.logits}
tokens: {decoder_start: 2, pad: 1}
""", says="add `decoder_input_ids:"),
    planted("role-of-states", "XL205", halves(("{role: hidden, dims: [batch, source", "{role: ⟦features⟧, dims: [batch, source")), "hidden"),
    planted("lone-output", "XL305", changed(ENCODER, ("hidden: layers.hidden, mask: subsample.mask}\n", "hidden: ⟪layers.hidden⟫, mask: ⟦attention_mask⟧}\n")),
            "subsample.mask", says="the mask that belongs"),
]  # fmt: skip

SEAM: list[Planted] = [
    planted("fixed", "XL301", halves(("[batch, source, width]", "[batch, source, ⟪32⟫]"), ("source_dim: width", "source_dim: ⟦64⟧")), "32", says="make both"),
    planted("refused", "XL301", halves(("[batch, source, width]", "[batch, source, ⟦32⟧]"), ("{width: 64}", "{width: ⟪64⟫}"), ("source_dim: width", "source_dim: 32"),
            ("tokens:", "bridge: none\ntokens:")), says="bridge: auto", edit=("bridge: none\n", "")),
    planted("of-a-family", "XL301", changed(ENCODER, ("{width: 64}", "{width: ⟪64⟫}")) + "decoder: {family: speech_to_text, config: {d_model: ⟦32⟧}}\nbridge: none\n",
            "64", says="make both 32 or both 64"),
    planted("to-a-family", "XL301", changed(DECODER, ("{width: 64}", "{width: ⟪64⟫}")) + "encoder: {family: speech_to_text, config: {d_model: ⟦32⟧}}\nbridge: none\n",
            "64", says="make both 64 or both 32"),
    planted("unknown-width", "XL301", halves(("[batch, source, width]", "[batch, source, ⟦wide⟧]"), ("{width: 64}", "{width: ⟪64⟫}")),
            "width", says="make both"),
    planted("mask-dropped", "XL204", halves(("decoder:\n  graph:\n    inputs:", "decoder:\n  graph:\n    ⟦inputs⟧:"), ("mask: subsample.mask}\ndecoder", "mask: ⟪subsample.mask⟫}\ndecoder"),
            ("      encoder_attention_mask: {role: mask, dims: [batch, source], optional: true}\n", ""), ("          source_mask: encoder_attention_mask\n", "")),
            says="encoder_attention_mask", edit=(", mask: subsample.mask}\ndecoder", "}\ndecoder")),
    planted("mask-needed", "XL206", halves((", mask: subsample.mask}\ndecoder", "}\ndecoder"),
            ("      encoder_attention_mask: {role: mask, dims: [batch, source], optional: true}", "      ⟦encoder_attention_mask⟧: {role: mask, dims: [batch, source]}")),
            says="optional: true", edit=("{role: mask, dims: [batch, source]}", "{role: mask, dims: [batch, source], optional: true}")),
    planted("mask-of-another-length", "XL305", halves(("hidden: layers.hidden, mask: subsample.mask}\ndecoder", "hidden: ⟪layers.hidden⟫, mask: ⟦attention_mask⟧}\ndecoder")),
            "subsample.mask", says="the mask that belongs"),
    planted("fixed-length", "XL305", halves(("{role: hidden, dims: [batch, source,", "{role: hidden, dims: [batch, ⟦50⟧,"),
            ("{role: mask, dims: [batch, source]", "{role: mask, dims: [batch, 50]")), says="a name"),
    planted("bridge", "XL209", halves(("tokens:", "bridge: {block: linear, with: {⟦width⟧: 3}}\ntokens:")), says="remove it", edit=(", with: {width: 3}", "")),
]  # fmt: skip

CASES = [*FORMS, *INSIDE, *ENDS, *SEAM]
