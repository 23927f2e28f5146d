"""Mistakes of free graphs, and of combinations."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from tests.check.planted import Planted, graph, pair, planted

CONNECTIONS: list[Planted] = [
    planted("near", "XL201", graph(("conv_subsampler", "⟦conv_subsamplr⟧")), "conv_subsampler"),
    planted("far", "XL201", graph(("conv_subsampler", "⟦xyz⟧")), "conv_subsampler"),
    planted("cycle", "XL202", graph(
        ("{hidden: add.hidden, mask", "{hidden: ⟦decoder.hidden⟧, mask"), ("source: encoder.hidden", "source: ⟪encoder.hidden⟫"),
    ), "add.hidden", says="computed before"),
    planted("itself", "XL202", graph(("{hidden: add.hidden, mask", "{hidden: ⟦encoder.hidden⟧, mask")), "add.hidden",
            says="computed before"),
    planted("node", "XL203", graph(("hidden: add.hidden", "hidden: ⟦ad.hidden⟧")), "add.hidden"),
    planted("port", "XL203", graph(("hidden: add.hidden", "hidden: ⟦add.hiden⟧")), "add.hidden"),
    planted("input", "XL203", graph(("features: input_features", "features: ⟦input_feature⟧")), "input_features"),
    planted("renamed", "XL203", graph(
        ("    subsample:", "    subsmple:"), ("hidden: subsample.hidden, mask", "hidden: ⟦subsample.hidden⟧, mask"),
        ("mask: subsample.mask}\n    add", "mask: ⟪subsample.mask⟫}\n    add"),
        ("hidden: subsample.hidden, pos", "hidden: ⟪subsample.hidden⟫, pos"),
        ("add.hidden, mask: subsample.mask", "add.hidden, mask: ⟪subsample.mask⟫"),
        ("source_mask: subsample.mask", "source_mask: ⟪subsample.mask⟫"),
    ), says="did you mean `subsmple`", edit=("subsmple:", "subsample:")),
    planted("nowhere", "XL203", graph(("hidden: add.hidden", "hidden: ⟦zzz⟧")), "add.hidden"),
    planted("output", "XL203", graph(("head.logits", "⟦head.logit⟧")), "head.logits"),
    planted("tied-to", "XL203", graph(("embed.tokens.weight", "⟦embed.weight⟧")), "embed.tokens.weight"),
    planted("tied", "XL203", graph(("{head.weight:", "{⟦haed.weight⟧:")), "head.weight"),
    planted("tied-to-itself", "XL203", graph(("embed.tokens.weight", "⟦head.weight⟧")), says="remove the tie",
            edit=("  ties: {head.weight: head.weight}\n", "")),
    planted("node", "XL204", graph(
        ("    embed:\n", "    ⟦extra⟧: {block: layer_norm, with: {width: width}, inputs: {hidden: add.hidden}}\n    embed:\n"),
    ), says="remove it", edit=("    extra: {block: layer_norm, with: {width: width}, inputs: {hidden: add.hidden}}\n", "")),
    planted("input", "XL204", graph(("80]}\n", "80]}\n    ⟦pixel_values⟧: {role: image, dims: [batch, 3]}\n")), says="remove it",
            edit=("    pixel_values: {role: image, dims: [batch, 3]}\n", "")),
    planted("size", "XL204", graph(("{width: 64}", "{width: 64, ⟦depth⟧: 3}")), says="remove it", edit=(", depth: 3", "")),
    planted("mask", "XL205", graph(("hidden: add.hidden", "hidden: ⟦subsample.mask⟧")), "add.hidden",
            says="hidden states"),
    planted("ids", "XL205", graph(("hidden: decoder.hidden", "hidden: ⟦decoder_input_ids⟧")), "decoder.hidden",
            says="hidden states"),
    planted("output", "XL205", graph(("head.logits", "⟦decoder.hidden⟧")), "head.logits", says="logits"),
    planted("forgotten", "XL206", graph(
        ("    add:", "    ⟦add⟧:"), (", positions: positions.positions", ""),
    ), says="positions.positions", edit=("add_positions, inputs: {hidden: subsample.hidden", "add_positions, inputs: "
       "{hidden: subsample.hidden, positions: positions.positions")),
    planted("no-inputs", "XL206", graph(
        ("    subsample:", "    ⟦subsample⟧:"), ("      inputs: {features: input_features, mask: attention_mask}\n", ""),
    ), says="input_features", edit=("kernels: [5, 5]}\n", "kernels: [5, 5]}\n      inputs: {features: input_features, mask: attention_mask}\n")),
    planted("optional", "XL206", graph(("80]}", "80], optional: ⟦true⟧}"), ("features: input_features", "features: ⟪input_features⟫")),
            says="remove `optional: true`", edit=(", optional: true}\n    attention", "}\n    attention")),
    planted("near", "XL207", graph(("features: input_features", "⟦feature⟧: input_features")), "features"),
    planted("other-word", "XL207", graph(("inputs: {ids: decoder_input_ids}", "inputs: {⟦tokens⟧: decoder_input_ids}")), "ids"),
    planted("surplus", "XL207", graph(("{ids: decoder_input_ids}", "{ids: decoder_input_ids, ⟦mask⟧: decoder_attention_mask}")),
            says="remove it", edit=("{ids: decoder_input_ids, mask: decoder_attention_mask}", "{ids: decoder_input_ids}")),
]  # fmt: skip


def renamed(name: str) -> str:
    """The free graph with its subsampler under another name."""
    return (
        graph(("    subsample:", f"    ⟦{name!r}⟧:"))
        .replace("subsample.hidden", f"{name}.hidden")
        .replace("subsample.mask", f"{name}.mask")
    )


NAMES: list[Planted] = [
    planted(f"node-{name}", "XL208", renamed(name), says=says)
    for name, says in {
        "forward": "forward_block", "train": "train_block", "spec": "spec_block", "self": "self_block",
        "cache": "cache_block", "encoded": "encoded_block", "register_buffer": "register_buffer_block",
        "T_destination": "t_destination", "class": "class_", "Sub-Sample": "sub_sample", "sub sample": "sub_sample",
        "3d": "begin with a letter", "_x": "call it `x`", "é": "begin with a letter", "__init__": "call it `init`",
        "a.b.": "call it `a.b`",
    }.items()
] + [
    planted(f"input-{name}", "XL208", graph(("    input_features:", f"    ⟦{name}⟧:"), ("features: input_features", f"features: {name}")),
            says="call it" if not name.isidentifier() or not name.islower() or name == "class" else "as on the Hub")
    for name in ("labels", "self", "cache", "encoder_outputs", "torch", "class", "my input", "Encoded")
] + [
    planted("inside", "XL208", graph(
        ("    embed:\n", "    ⟦add.norm⟧: {block: layer_norm, with: {width: width}, inputs: {hidden: add.hidden}}\n    embed:\n"),
        ("    add:", "    ⟪add⟫:"), ("{hidden: add.hidden, mask", "{hidden: add.norm.hidden, mask"),
    ), says="add_norm"),
    planted("size-in-dims", "XL208", graph(("[batch, frames, 80]", "[batch, ⟦the frames⟧, 80]"), ("[batch, frames]", "[batch, time]")),
            says="the_frames"),
    planted("size-keyword", "XL208", graph(("[batch, frames, 80]", "[batch, ⟦class⟧, 80]")), "frames", says="class_"),
    planted("size-declared", "XL208", graph(("{width: 64}", "{width: 64, ⟦'a b'⟧: 80}"), ("frames, 80]", "frames, a b]")),
            says="a_b"),
]  # fmt: skip

HYPERS: list[Planted] = [
    planted("typo", "XL209", graph(("kernels:", "⟦kernel⟧:")), "kernels"),
    planted("optional-typo", "XL209", graph(("inner: 128", "inner: 128, ⟦dropot⟧: 0.1")), "dropout"),
    planted("missing", "XL209", graph(("      with: {input_width: 80, channels: 128, width: width, kernels: [5, 5]}",
            "      ⟦with⟧: {input_width: 80, channels: 128, width: width}")), says="kernels:",
            edit=("128, width: width}", "128, width: width, kernels: [5, 5]}")),
    planted("text", "XL209", graph(("channels: 128", "channels: ⟦'128'⟧")), "128", says="write 128, without quotes"),
    planted("exponent", "XL209", graph(("channels: 128", "channels: ⟦1e3⟧")), "1000", says="write 1000"),
    planted("scalar", "XL209", graph(("[5, 5]", "⟦5⟧")), "[5]", says="write a list: [5]"),
    planted("elsewhere", "XL209", graph(("heads: 4, inner: 128", "⟦num_heads⟧: 4, inner: 128")), "heads"),
    planted("dedented-inputs", "XL101", graph(
        ("      inputs: {features: input_features, mask: attention_mask}", "    ⟦inputs⟧: {features: input_features, mask: attention_mask}"),
    ), says="belongs under `graph: nodes: subsample:`", edit=("    inputs: {features", "      inputs: {features")),
    planted("dedented-node", "XL101", graph(("    head: {", "  ⟦head⟧: {")), says="belongs under `graph: nodes:`",
            edit=("  head: {", "    head: {")),
    planted("indented-outputs", "XL101", graph(("  outputs: {", "    ⟦outputs⟧: {")), says="belongs under `graph:`",
            edit=("    outputs: {", "  outputs: {")),
    planted("beside-with", "XL101", graph((
        "      block: pre_norm_encoder\n      with: {layers: 2, width: width, heads: 4, inner: 128}",
        "      block: pre_norm_encoder\n      ⟦heads⟧: 4\n      with: {layers: 2, width: width, inner: 128}",
    )), says="belongs under `graph: nodes: encoder: with:`",
            edit=("heads: 4\n      with: {layers: 2,", "with: {layers: 2, heads: 4,")),
    planted("beside-inputs", "XL101", graph(("{block: add_positions, inputs: {hidden: subsample.hidden, positions: positions.positions}}",
            "{block: add_positions, ⟦positions⟧: positions.positions, inputs: {hidden: subsample.hidden}}")),
            says="belongs under `graph: nodes: add: inputs:`",
            edit=("positions: positions.positions, inputs: {hidden: subsample.hidden}", "inputs: {hidden: subsample.hidden, positions: positions.positions}")),
    planted("no-kernels", "XL209", graph(("[5, 5]", "⟦[]⟧")), "[5, 5]", says="a list of whole numbers"),
    planted("size-typo", "XL209", graph(("width: width, kernels", "width: ⟦widht⟧, kernels")), "width"),
    planted("no-such-size", "XL209", graph(("inner: 128", "inner: ⟦hidden⟧")), "128", says="declare `hidden`"),
    planted("zero", "XL104", graph(("channels: 128", "channels: ⟦0⟧")), "128", says="at least 2"),
    planted("entry", "XL104", graph(("[5, 5]", "[5, ⟦0⟧]")), "5", says="at least 1"),
    planted("nan", "XL104", graph(("inner: 128", "inner: 128, eps: ⟦.nan⟧")), "1e-6", says="at least 0"),
    planted("infinite", "XL104", graph(("inner: 128", "inner: 128, eps: ⟦.inf⟧")), "1e-6", says="at least 0"),
    planted("size-zero", "XL104", graph(("{width: 64}", "{width: ⟦0⟧}")), "64", says="at least 1"),
    planted("size-text", "XL103", graph(("{width: 64}", "{width: ⟦x⟧}")), "64", says="whole number"),
    planted("port", "XL103", graph(("features: input_features", "features: ⟦3⟧")), "input_features", says="text"),
    planted("inputs", "XL103", graph(("{features: input_features, mask: attention_mask}", "⟦[input_features]⟧")),
            "{features: input_features, mask: attention_mask}", says="a map"),
    planted("with", "XL103", graph(("{layers: 2, width: width, heads: 4, inner: 128}", "⟦null⟧")),
            "{layers: 2, width: width, heads: 4, inner: 128}", says="{}"),
    planted("role", "XL112", graph(("role: features", "role: ⟦feature⟧")), "features"),
    planted("overflow", "XL112", graph(("maximum: 600", "maximum: 600, overflow: ⟦grwo⟧")), "grow"),
    planted("no-role", "XL105", graph(("    input_features: {role: features, ", "    ⟦input_features⟧: {")), says="role:",
            edit=("input_features: {dims", "input_features: {role: features, dims")),
    planted("no-block", "XL105", graph(("    subsample:\n      block: conv_subsampler\n", "    ⟦subsample⟧:\n")), says="block:",
            edit=("subsample:\n", "subsample:\n      block: conv_subsampler\n")),
    planted("no-outputs", "XL105", graph(("graph:\n", "⟦graph⟧:\n"), ("  outputs: {logits: head.logits}\n", "")), says="outputs:",
            edit=("  ties:", "  outputs: {logits: head.logits}\n  ties:")),
    planted("block-key", "XL101", graph(("block: conv_subsampler", "⟦blck⟧: conv_subsampler")), "block"),
    planted("with-key", "XL101", graph(("with: {input_width", "⟦wiht⟧: {input_width")), "with"),
    planted("graph-key", "XL101", graph(("graph:", "⟦grph⟧:")), "graph"),
    planted("graph-empty", "XL103", "crossloom: 1\nname: planted\ngraph:⟦⟧\n", says="nodes:"),
]  # fmt: skip

SPLIT: list[Planted] = [
    planted("output", "XL210", graph(("{logits: head", "{⟦logit⟧: head")), "logits"),
    planted("nothing-leaves", "XL210", graph(("  outputs: {logits: head.logits}", "  ⟦outputs⟧: {}")), says="logits:",
            edit=("{}", "{logits: head.logits}")),
    planted("surplus", "XL210", graph(("{logits: head.logits}", "{logits: head.logits, ⟦states⟧: encoder.hidden}")),
            says="remove it", edit=(", states: encoder.hidden", "")),
    planted("ids", "XL210", graph(("    decoder_input_ids:", "    ⟦decoder_ids⟧:"), ("ids: decoder_input_ids", "ids: decoder_ids")),
            says="decoder_input_ids"),
    planted("two-stacks", "XL210", graph(
        ("    decoder:\n", "    ⟪decoder⟫:\n"),
        ("    head:", "    ⟦second⟧:\n      block: pre_norm_decoder\n"
         "      with: {layers: 1, width: width, source_dim: width, heads: 4, inner: 120}\n"
         "      inputs: {hidden: decoder.hidden, source: encoder.hidden, source_mask: subsample.mask}\n    head:"),
        ("inputs: {hidden: decoder.hidden}}", "inputs: {hidden: second.hidden}}"),
    ), says="give one stack all"),
    planted("bidirectional", "XL210", graph(
        ("    head:", "    ⟦after⟧:\n      block: pre_norm_encoder\n      with: {layers: 1, width: width, heads: 4, inner: 8}\n"
         "      inputs: {hidden: decoder.hidden}\n    head:"),
        ("inputs: {hidden: decoder.hidden}}", "inputs: {hidden: after.hidden}}"),
    ), says="block of decoders"),
    planted("early", "XL210", graph(
        ("mask: attention_mask}", "mask: ⟦decoder_attention_mask⟧}"),
        ("    attention_mask: {role: mask, dims: [batch, frames], optional: true}\n", ""),
        ("decoder_attention_mask: {role: mask, dims: [batch, target]", "decoder_attention_mask: {role: mask, dims: [batch, frames]"),
        ("        mask: decoder_attention_mask\n", ""),
    ), says="does not begin with `decoder_`"),
    planted("no-encoder", "XL210", """\
crossloom: 1
name: planted
graph:
  inputs: {decoder_input_ids: {role: token_ids, dims: [batch, target]}}
  nodes:
    embed: {block: scaled_embedding, with: {vocabulary: 9, width: 8, padding_row: 1}, inputs: {ids: decoder_input_ids}}
    head: {block: vocabulary_head, with: {width: 8, vocabulary: 9}, inputs: {hidden: embed.hidden}}
  outputs: {logits: ⟦head.logits⟧}
tokens: {decoder_start: 2, pad: 1}
""", says="decoder stack"),
    planted("hidden-for-logits", "XL210", graph(("{logits: head", "{⟦hidden⟧: head")), says="logits"),
]  # fmt: skip

DIMS: list[Planted] = [
    planted("states", "XL301", graph(("source_dim: width", "source_dim: ⟦32⟧"), ("{width: 64}", "{width: ⟪64⟫}")), "64"),
    planted("halves", "XL301", pair("d_model: ⟪64⟫", "d_model: ⟦32⟧", "bridge: none\n"), "64"),
    planted("heads", "XL302", graph(("heads: 4, inner: 128", "heads: ⟦5⟧, inner: 128"), ("{width: 64}", "{width: ⟪64⟫}")), "4"),
    planted("odd", "XL304", graph(("{width: 64}", "{width: ⟦63⟧}")), "64"),
    planted("width", "XL305", graph(("with: {layers: 2, width: width, heads", "with: {layers: 2, width: ⟦32⟧, heads"),
            ("{width: 64}", "{width: ⟪64⟫}")), "64"),
    planted("first-width", "XL305", graph(("width: width, kernels", "width: ⟦32⟧, kernels"), ("{width: 64}", "{width: ⟪64⟫}")), "64"),
    planted("embedding", "XL305", graph(("{vocabulary: 100, width: width, p", "{vocabulary: 100, width: ⟦32⟧, p"),
            ("{width: 64}", "{width: ⟪64⟫}")), "64"),
    planted("features", "XL305", graph(("80]", "⟪64⟫]"), ("input_width: 80", "input_width: ⟦80⟧")), "64"),
    planted("free-features", "XL305", graph(("80]", "⟪bins⟫]"), ("input_width: 80", "input_width: ⟦80⟧")), says="bins",
            edit=("bins]", "80]")),
    planted("frames", "XL305", graph(("role: mask, dims: [batch, frames]", "role: mask, dims: [batch, ⟪time⟫]"),
            ("[batch, frames, 80]", "[batch, ⟦frames⟧, 80]")), "time"),
    planted("rank", "XL305", graph(("[batch, frames, 80]", "⟦[batch, 80]⟧"), ("features: input_features", "features: ⟪input_features⟫")),
            "[batch, frames, 80]", says="3 dimensions"),
    planted("tied", "XL306", graph(("{width: width, vocabulary: 100}", "{width: width, vocabulary: ⟪90⟫}"),
            ("{vocabulary: 100, width", "{vocabulary: ⟪100⟫, width"), ("embed.tokens.weight", "⟦embed.tokens.weight⟧"),
            ("padding_row: 1}\n      inputs: {ids", "padding_row: ⟪1⟫}\n      inputs: {ids")),
            says="make the shapes equal", edit=("vocabulary: 90", "vocabulary: 100")),
    planted("gate", "XL308", graph(("channels: 128", "channels: ⟦127⟧")), "128"),
    planted("padding-row", "XL402", graph(("{vocabulary: 100, width: width, padding_row: 1}",
            "{vocabulary: ⟪100⟫, width: width, padding_row: ⟦100⟧}")), "99", says="below 100"),
    planted("start", "XL402", graph(("decoder_start: 2", "decoder_start: ⟦200⟧"), ("vocabulary: 100}", "vocabulary: ⟪100⟫}")),
            "99", says="below 100"),
    planted("option", "XL402", graph(("pad: 1}\n", "pad: 1}\ngeneration: {forced_bos_token_id: ⟦100⟧}\n")), "99", says="below 100"),
    planted("no-ids", "XL404", graph(("tokens: {decoder_start: 2, pad: 1}\n", ""), ("    decoder_input_ids:", "    ⟦decoder_input_ids⟧:")),
            says="tokens:", edit=("planted\n", "planted\ntokens: {decoder_start: 2, pad: 1}\n")),
    planted("half-the-ids", "XL404", graph(("tokens: {decoder_start: 2, pad: 1}", "⟦tokens⟧: {decoder_start: 2}"),
            ("    decoder_input_ids:", "    ⟪decoder_input_ids⟫:")), says="pad: ...", edit=("start: 2}", "start: 2, pad: 1}")),
    planted("pair-start", "XL402", pair("d_model: 64", "d_model: 64", "tokens: {decoder_start: ⟦10000⟧}\n"), "9999",
            says="below 10000"),
    planted("bridge", "XL112", pair("d_model: 64", "d_model: 64", "bridge: ⟦atuo⟧\n"), "auto"),
    planted("bridge-block", "XL112", pair("d_model: 64", "d_model: 64", "bridge: {block: ⟦liner⟧}\n"), "linear"),
    planted("half-empty", "XL103", "crossloom: 1\nname: planted\nencoder:⟦⟧\ndecoder: {family: speech_to_text}\n", says="family"),
]  # fmt: skip

CASES = [*CONNECTIONS, *NAMES, *HYPERS, *SPLIT, *DIMS]
