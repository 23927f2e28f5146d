"""Where a wav2vec 2.0 checkpoint keeps each parameter, and what other encoders of raw audio share with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from specs.families.wav2vec2.graph import masks_spans, projects
from specs.values import View, plain
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine

ATTENTION = {f"self_attention.{name}_proj": f"attention.{name}_proj" for name in ("q", "k", "v", "out")}
STORED_LAYER = {
    **ATTENTION,
    "self_attention_norm": "layer_norm",
    "feed_forward.up_proj": "feed_forward.intermediate_dense",
    "feed_forward.down_proj": "feed_forward.output_dense",
    "feed_forward_norm": "final_layer_norm",
}
"""Our part of a layer -> the published one."""

_LAYER_ADAPTER = {
    "adapter_norm": "adapter_layer.norm",
    "adapter.up_proj": "adapter_layer.linear_1",
    "adapter.down_proj": "adapter_layer.linear_2",
}

_OLDER = (
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
)
"""Magnitude and direction of a weight, as older versions of torch spell them."""

UNTRAINED = ("encoder.span_masking.embedding",)
"""It stands for hidden positions in training alone, and checkpoints often lack it."""

TRANSCRIPTION = ("lm_head.weight", "lm_head.bias")
PRETRAINING = (
    "quantizer.codevectors",
    "quantizer.weight_proj.weight",
    "quantizer.weight_proj.bias",
    "project_q.weight",
    "project_q.bias",
    "project_hid.weight",
    "project_hid.bias",
)
FRAME_CLASSES = ("layer_weights", "classifier.weight", "classifier.bias")
CLASSES = (*FRAME_CLASSES, "projector.weight", "projector.bias")
SPEAKERS = (
    *CLASSES,
    "feature_extractor.weight",
    "feature_extractor.bias",
    "tdnn.{i}.kernel.weight",
    "tdnn.{i}.kernel.bias",
    "objective.weight",
)

Heads = Mapping[str, tuple[str, ...]]
"""Published class -> the names of what it has beside the encoder."""


def heads_of(stem: str, *kinds: str) -> Heads:
    """The heads of a family whose classes begin with `stem`."""
    every = {
        "ForCTC": TRANSCRIPTION,
        "ForPreTraining": PRETRAINING,
        "ForSequenceClassification": CLASSES,
        "ForAudioFrameClassification": FRAME_CLASSES,
        "ForXVector": SPEAKERS,
    }
    return {f"{stem}{kind}": names for kind, names in every.items() if not kinds or kind in kinds}


HEADS = heads_of("Wav2Vec2")


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "wav2vec2."
    layer = STORED_LAYER
    if c.do_stable_layer_norm and plain(c.adapter_attn_dim) is not None:
        layer = {**layer, **_LAYER_ADAPTER}
    rows = [*input_rows(c, prefix), *position_rows(prefix), *layer_rows(prefix, layer)]
    rows += adapter_rows(c, prefix)
    return encoder_map(c, prefix, rows, HEADS)


def encoder_map(
    c: View,
    prefix: str,
    rows: Iterable[Row],
    heads: Heads,
    unused: Iterable[IgnoredTensor] = (),
    has_magnitudes: bool = True,
) -> WeightMap:
    """The table in its spellings, with the heads that an encoder does without.

    Without magnitudes of a weight there is no older spelling of them.
    """
    bare = f"bare model, without the prefix `{prefix}`"
    ignored = [
        IgnoredTensor(name, f"of the heads of {', '.join(owners)}, which an encoder does without")
        for name, owners in _owners(heads).items()
    ]
    if not masks_spans(c):
        ignored.append(IgnoredTensor(f"{prefix}masked_spec_embed", "training hides no positions"))
    dialects = [Dialect("published"), Dialect(bare, prefix)]
    if has_magnitudes:
        dialects += [
            Dialect("magnitudes as weight_g", endings=_OLDER),
            Dialect(f"{bare}, magnitudes as weight_g", prefix, _OLDER),
        ]
    return WeightMap(tuple(rows), tuple(dialects), (*ignored, *unused))


def _owners(heads: Heads) -> dict[str, list[str]]:
    """Name of a head's tensor -> the classes that have it."""
    owners: dict[str, list[str]] = {}
    for architecture, names in heads.items():
        for name in names:
            owners.setdefault(name, []).append(architecture)
    return owners


def input_rows(c: View, prefix: str, is_normed: bool = True) -> Iterator[Row]:
    """Rows of everything before the positions; `is_normed` says that features are normalised."""
    convolution, stored = "encoder.features.{i}", f"{prefix}feature_extractor.conv_layers.{{i}}"
    yield Row(f"{convolution}.conv.weight", (f"{stored}.conv.weight",))
    if c.conv_bias:
        yield Row(f"{convolution}.conv.bias", (f"{stored}.conv.bias",))
    yield from affine(f"{convolution}.norm", f"{stored}.layer_norm")
    if is_normed:
        yield from affine("encoder.feature_norm", f"{prefix}feature_projection.layer_norm")
    yield from affine("encoder.feature_projection", f"{prefix}feature_projection.projection")
    if masks_spans(c):
        yield Row("encoder.span_masking.embedding", (f"{prefix}masked_spec_embed",))


def position_rows(prefix: str) -> Iterator[Row]:
    """Rows of positions by one wide convolution."""
    positions, weight = "encoder.positions.conv", f"{prefix}encoder.pos_conv_embed.conv"
    yield Row(f"{positions}.bias", (f"{weight}.bias",))
    yield Row(f"{positions}.magnitude", (f"{weight}.parametrizations.weight.original0",))
    yield Row(f"{positions}.direction", (f"{weight}.parametrizations.weight.original1",))


def layer_rows(prefix: str, layer: Mapping[str, str] = STORED_LAYER) -> Iterator[Row]:
    """Rows of the layers, and of the norm before or behind them."""
    yield from affine("encoder.norm", f"{prefix}encoder.layer_norm")
    for ours, theirs in layer.items():
        yield from affine(f"encoder.layers.{{i}}.{ours}", f"{prefix}encoder.layers.{{i}}.{theirs}")


def batch_norm_rows(address: str, stored: str) -> Iterator[Row]:
    """Rows of a norm over the batch, its statistics included."""
    yield from affine(address, stored)
    yield Row(f"{address}.mean", (f"{stored}.running_mean",))
    yield Row(f"{address}.variance", (f"{stored}.running_var",))


def batch_counter(stored: str, repeats: int | None = None) -> IgnoredTensor:
    """The count of batches that a norm has seen, which nothing computes with."""
    return IgnoredTensor(
        f"{stored}.num_batches_tracked",
        "a count of batches, which nothing computes with",
        Carried("encoder", (), dtype="int64", repeats=repeats),
    )


def adapter_rows(c: View, prefix: str) -> Iterator[Row]:
    """Rows of the strided convolutions behind the layers."""
    if projects(c):
        yield from affine("encoder.adapter_projection", f"{prefix}adapter.proj")
        yield from affine("encoder.adapter_norm", f"{prefix}adapter.proj_layer_norm")
    if c.add_adapter:
        yield from affine("encoder.adapter.{i}.conv", f"{prefix}adapter.layers.{{i}}.conv")
