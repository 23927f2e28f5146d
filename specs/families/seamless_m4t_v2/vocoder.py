"""The vocoder: how long units last, and their waveform in a language and a voice (Polyak et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.layers import duration_rows
from specs.graph import Ref
from specs.initialisation import Initialisation
from specs.values import View
from specs.weights import Dialect, Row, affine


def unit_durations(g: GraphBuilder, c: View, unit_ids: Ref, mask: Ref | None = None) -> tuple[Ref, Ref]:
    """The embedded units [B, U, E] and their durations [B, U].

    The padding of a batch is a unit like any other; what the mask excludes is none.
    """
    table = {"vocabulary": c.unit_hifi_gan_vocab_size, "width": c.unit_embed_dim}
    states = g.node("vocoder.units", "unit_embedding", table, ids=unit_ids)
    predictor = {
        "width": c.unit_embed_dim,
        "inner": c.unit_embed_dim,
        "kernel": c.variance_predictor_kernel_size,
        "dropout": c.var_pred_dropout,
    }
    masks = {} if mask is None else {"mask": mask}
    return states, g.node("vocoder.durations", "duration_predictor", predictor, hidden=states, **masks)


def vocode(
    g: GraphBuilder, c: View, states: Ref, durations: Ref, unit_ids: Ref, language_id: Ref, speaker_id: Ref
) -> tuple[Ref, Ref]:
    """The waveform [B, N] of units that last so long, and how many samples of every row are its own [B]."""
    width = {"width": c.unit_embed_dim}
    frames = g.node("vocoder.lengthen", "hard_upsampler", width, hidden=states, counts=durations)
    mask = Ref("vocoder.lengthen", "mask")
    languages = {"vocabulary": c.vocoder_num_langs, "width": c.lang_embed_dim}
    language = g.node("vocoder.language", "label_embedding", languages, ids=language_id)
    speakers = {"vocabulary": c.vocoder_num_spkrs, "width": c.spkr_embed_dim}
    speaker = g.node("vocoder.speaker", "label_embedding", speakers, ids=speaker_id)
    around = {**width, "before_width": c.lang_embed_dim, "behind_width": c.spkr_embed_dim}
    frames = g.node(
        "vocoder.condition", "surrounding_channels", around, hidden=frames, before=language, behind=speaker
    )
    stages = {"rates": c.upsample_rates, "kernels": c.upsample_kernel_sizes}
    generator = {
        "width": c.unit_embed_dim + c.lang_embed_dim + c.spkr_embed_dim,
        "channels": c.upsample_initial_channel,
        **stages,
        "residual_kernels": c.resblock_kernel_sizes,
        "dilations": c.resblock_dilation_sizes,
        "slope": c.leaky_relu_slope,
    }
    waveform = g.node("vocoder.generator", "hifi_gan_generator", generator, hidden=frames, mask=mask)
    lengths = g.node(
        "vocoder.lengths",
        "unit_waveform_lengths",
        {"padding_id": c.t2u_pad_token_id, **stages},
        unit_ids=unit_ids,
        durations=durations,
    )
    return waveform, lengths


def initialisations() -> tuple[Initialisation, ...]:
    """How its convolutions start: as torch draws the biases, and their weights for rectified inputs."""
    weight = ("kaiming_normal", ())
    return (
        Initialisation("nn.Conv1d", {"weight": weight, "bias": ("uniform_by_inputs", ())}),
        Initialisation("nn.ConvTranspose1d", {"weight": weight, "bias": ("uniform_by_channels_in", ())}),
    )


DIALECTS = (
    Dialect("published"),
    Dialect("weights normed, as weight_g and weight_v", norm=("weight_g", "weight_v")),
    Dialect(
        "weights normed, as parametrizations",
        norm=("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ),
)
"""The published files hold plain weights; others still the magnitudes and directions they were trained as."""


def rows(c: View) -> Iterator[Row]:
    """The table of `vocoder.`; published stacks are counted through all stages."""
    for ours, table in (("units", "unit"), ("language", "language"), ("speaker", "speaker")):
        yield Row(f"vocoder.{ours}.weight", (f"vocoder.{table}_embedding.weight",))
    yield from duration_rows("vocoder.durations", "vocoder.dur_predictor")
    generator, stored = "vocoder.generator", "vocoder.hifi_gan"
    yield from affine(f"{generator}.first", f"{stored}.conv_pre", foldable=True)
    yield from affine(f"{generator}.stages.{{i}}.upsample", f"{stored}.upsampler.{{i}}", foldable=True)
    stacks = len(c.resblock_kernel_sizes)
    for stage, stack in product(range(len(c.upsample_rates)), range(stacks)):
        residual = f"{generator}.stages.{stage}.stacks.{stack}.{{i}}"
        block = f"{stored}.resblocks.{stage * stacks + stack}"
        yield from affine(f"{residual}.dilated", f"{block}.convs1.{{i}}", foldable=True)
        yield from affine(f"{residual}.conv", f"{block}.convs2.{{i}}", foldable=True)
    yield from affine(f"{generator}.last", f"{stored}.conv_post", foldable=True)
