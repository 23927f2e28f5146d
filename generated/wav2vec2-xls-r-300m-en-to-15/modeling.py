"""An encoder-decoder model, emitted by crossloom: change the spec and emit again.

Shapes are noted as [dimensions]; B batch, S source, T target, D width, H heads, K head width,
F frames, V vocabulary, C channels, R rows of a decode step (sentences x beams).
"""

# name: wav2vec2-xls-r-300m-en-to-15
# resolved spec: sha256 3d7ca8d26d5b12bb9e24a9d996f716e08fb03ea7e3d0169716ab91c1c4de915d

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def check_tensor(name: str, value: Tensor) -> None:
    """Refuse (TypeError) what is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is no torch tensor: {type(value).__name__}")


def check_numbers(name: str, numbers: Tensor, model: nn.Module) -> None:
    """Refuse numbers of another dtype than the model's parameters, unless autocast converts them.

    Raises:
        TypeError: no tensor.
        ValueError: both dtypes.
    """
    check_tensor(name, numbers)
    if torch.compiler.is_compiling() or torch.is_autocast_enabled(numbers.device.type):
        return
    own = next((parameter.dtype for parameter in model.parameters()), numbers.dtype)
    if numbers.dtype != own:
        raise ValueError(f"{name} is {numbers.dtype}, and the model computes in {own}")


def look_is_free(tensor: Tensor) -> bool:
    """Whether Python may decide by the values of a tensor at no cost."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def check_mask(name: str, mask: Tensor | None) -> None:
    """Refuse masks that are not 1 and 0, any shape.

    Raises:
        TypeError: no tensor.
        ValueError: the first other value and its place.
    """
    if mask is None:
        return
    check_tensor(name, mask)
    if not look_is_free(mask):
        return
    other = (mask != 0) & (mask != 1)
    if other.any():
        place = other.nonzero()[0].tolist()
        raise ValueError(f"{name}{place} is {mask[tuple(place)].item()}, and a mask is 1 or 0")


def check_ids(name: str, ids: Tensor, vocabulary: int, ignored: int | None = None, rank: int = 2) -> None:
    """Refuse what are not int64 ids [B, T] of a vocabulary, or `ignored`; of rank 1 they are [B].

    Raises:
        TypeError: no tensor.
        ValueError: dtype and shape, or the place of the first id outside.
    """
    check_tensor(name, ids)
    if ids.dtype != torch.int64 or ids.dim() != rank:
        sizes = ", ".join("BT"[:rank])
        raise ValueError(f"{name} are int64 ids [{sizes}], not {ids.dtype} {list(ids.shape)}")
    if not look_is_free(ids):
        return
    outside = (ids < 0) | (ids >= vocabulary)
    if ignored is not None:
        outside &= ids != ignored
    if outside.any():
        place = outside.nonzero()[0].tolist()
        raise ValueError(f"{name}{place} is {int(ids[tuple(place)])}, and ids go from 0 to {vocabulary - 1}")


IGNORED = -100


def shift_right(labels: Tensor, start: int, pad: int) -> Tensor:
    """Decoder inputs for labels [B, T]: the start id, then the labels but the last; ignored ones are pads."""
    shifted = labels.roll(1, dims=1)
    shifted[:, 0] = start
    return shifted.masked_fill(shifted == IGNORED, pad)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits [B, T, V] over the labels [B, T] that are not ignored; 0 if all are.

    It is added up in float32, or in the dtype of the logits where that is finer: a half cannot hold a
    sum over a batch.
    """
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = F.cross_entropy(precise.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / labels.ne(IGNORED).sum().clamp(min=1)


BUCKET = 64


class Cache:
    """Keys and values of every decoder layer, each written once as its token is decoded.

    They stand in slots, those of the beams of a sentence side by side. The beams read all slots of
    their sentence, each through a mask that shows those its hypothesis descends from: to reorder beams
    is to reorder that lineage, a boolean a slot. Hypotheses soon share most of what they descend from,
    so before more slots would have to be read, those that none descends from are given up. Attention
    reads the used part rounded up to a bucket, so within a bucket every decode step has the same shapes.
    Cross-attention states hold one row a sentence, whatever the number of beams.

    Attributes:
        keys, values: of every layer, each [B, H, length * beams, K]; apart, so that a compiled step writes
            to them in place.
        lineage: whether each hypothesis descends from a slot's token, [B, beams, length * beams]; of one
            beam, which descends from all, nothing is noted.
        places: the position of each slot's token, [B, length * beams] int64; of several beams as well.
        position: number of tokens decoded so far, on the device (int64 scalar).
        cursor: number of slots used so far, on the device (int64 scalar).
        filled: number of tokens decoded or reserved for.
        used: the same in slots.
        visible: number of slots that attention reads.
        beams: rows a sentence; row = sentence * beams + beam.
        cross: per layer (key, value), each [B, H, S, K], or None when nothing was precomputed.
        cross_mask: additive mask over the source, [B, 1, 1, S], or None.
    """

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, head_width: int, beams: int, like: Tensor
    ) -> None:
        device = like.device
        # One more than is ever read: a step that is exported for a part of the slots serves no other case.
        batch, slots = rows // beams, length * beams + 1
        self.keys = [like.new_zeros(batch, heads, slots, head_width) for _ in range(layers)]
        self.values = [like.new_zeros(batch, heads, slots, head_width) for _ in range(layers)]
        self.lineage = torch.zeros(batch, beams, slots, dtype=torch.bool, device=device)
        self.places = torch.zeros(batch, slots, dtype=torch.int64, device=device)
        self.position = torch.zeros((), dtype=torch.int64, device=device)
        self.cursor = torch.zeros((), dtype=torch.int64, device=device)
        self.indices = torch.arange(slots, device=device)
        self.capacity = length
        self.filled = 0
        self.used = 0
        self.visible = 0
        self.beams = beams
        self.cross: list[tuple[Tensor, Tensor]] | None = None
        self.cross_mask: Tensor | None = None

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more; raises ValueError past the length asked for."""
        if self.filled + tokens > self.capacity:
            raise ValueError(
                f"the cache holds {self.capacity} tokens; {self.filled} are filled, {tokens} more were given"
            )
        self.filled += tokens
        self.used += tokens * self.beams
        if self.used > self.visible:
            self.visible = min(self.capacity * self.beams, -(-self.used // BUCKET) * BUCKET)

    def positions(self, tokens: int) -> Tensor:
        """Positions of the next `tokens`: [T] int64."""
        return self.position + self.indices[:tokens]

    def slots(self, positions: Tensor) -> Tensor:
        """Where the beams of a sentence write their tokens at `positions` [T]: [T * beams] int64."""
        if self.beams == 1:
            return positions
        slots = self.cursor + self.indices[: len(positions) * self.beams]
        beams = self.indices[: self.beams]
        own = (beams[:, None] == beams).repeat(1, len(positions))
        self.lineage.index_copy_(2, slots, own.expand(len(self.lineage), -1, -1))
        places = positions.repeat_interleave(self.beams)
        self.places.index_copy_(1, slots, places.expand(len(self.places), -1))
        return slots

    def self_mask(self, positions: Tensor, keep: Tensor | None = None) -> Tensor:
        """Which slots the tokens at `positions` [T] may see, their own among them, as booleans.

        `keep` [R, tokens so far], with 1 = keep, hides tokens of a row's own hypothesis.
        Returns [B, 1, beams * T, visible], or [T, visible] where that says it all.
        """
        if self.beams == 1:
            seen = self.indices[: self.visible] <= positions[:, None]  # [T, visible]
            if keep is None:
                return seen
            kept = torch.nn.functional.pad(keep, (0, self.visible - keep.shape[1])).bool()
            return seen & kept[:, None, None, :]
        seen = self.lineage[:, :, None, : self.visible]  # [B, beams, 1, visible]
        places = self.places[:, None, None, : self.visible]
        if len(positions) > 1:
            seen = seen & (places <= positions[:, None])
        if keep is not None:
            kept = keep.view(-1, self.beams, 1, keep.shape[1]).bool()
            own = places.clamp(max=keep.shape[1] - 1).expand(-1, self.beams, 1, -1)
            seen = seen & kept.gather(3, own)
        return seen.flatten(1, 2).unsqueeze(1)

    def write(self, layer: int, slots: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values [R, H, T, K]; return a sentence's, [B, H, visible, K]."""
        keys, values = self.keys[layer], self.values[layer]
        keys.index_copy_(2, slots, self._by_slot(key.to(keys.dtype)))
        values.index_copy_(2, slots, self._by_slot(value.to(values.dtype)))
        return keys[:, :, : self.visible], values[:, :, : self.visible]

    def _by_slot(self, states: Tensor) -> Tensor:
        """[R, H, T, K] -> [B, H, T * beams, K]."""
        if self.beams == 1:
            return states
        _, heads, tokens, width = states.shape
        by_beam = states.view(-1, self.beams, heads, tokens, width)
        return by_beam.permute(0, 2, 3, 1, 4).reshape(-1, heads, tokens * self.beams, width)

    def advance(self, tokens: int) -> None:
        """Move past `tokens` that were just decoded."""
        self.position += tokens
        self.cursor += tokens * self.beams

    def reorder(self, parents: Tensor) -> None:
        """Let row r continue the hypothesis of row parents[r] of its sentence; parents is int64 [R]."""
        if self.beams == 1:  # whose only row continues itself
            return
        used = self.lineage[:, :, : self.used]
        used.copy_(used.flatten(0, 1)[parents].view_as(used))
        # An accelerator would have to be waited for to tell how many they are, and reads all of them sooner.
        if self.used + self.beams > self.visible and self.cursor.is_cpu:
            self._give_up_slots()

    def _give_up_slots(self) -> None:
        """Move the slots that a hypothesis descends from to the front, if that makes room to speak of."""
        live = self.lineage[:, :, : self.used].any(dim=1)  # [B, used]
        count = int(live.sum(dim=1).amax())
        if self.visible - count < max(self.beams, self.visible // 4):
            return
        order = live.int().argsort(dim=1, descending=True, stable=True)[:, :count]
        for states in (*self.keys, *self.values):
            chosen = order[:, None, :, None].expand(-1, states.shape[1], -1, states.shape[3])
            states[:, :, :count] = states.gather(2, chosen)
        self.places[:, :count] = self.places.gather(1, order)
        self.lineage[:, :, :count] = self.lineage.gather(2, order[:, None].expand(-1, self.beams, -1))
        self.lineage[:, :, count:] = False
        self.cursor.fill_(count)
        self.used = count


def first_positions(lengths: Tensor, size: int) -> Tensor:
    """Mask of the first `lengths[b]` of `size` positions: [B] -> [B, size] int64."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).long()


class WaveformEncoder(nn.ModuleList):
    """Convolutions in sequence; every one shortens the valid length as it shortens time.

    Samples behind the end of a recording are not zeroed, as published, so its last outputs, and
    norms over time, see them. A recording shorter than one output is masked whole.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, waveform: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """waveform [B, N], mask [B, N] with 1 = valid -> hidden [B, S, C], mask [B, S]."""
        hidden = waveform.unsqueeze(1)
        for layer in self:
            hidden = layer(hidden)
        hidden = hidden.transpose(1, 2)
        if mask is None:
            return hidden, None
        lengths = mask.sum(-1)
        layers: list[Any] = list(self)
        for layer in layers:
            lengths = (lengths - layer.kernel) // layer.stride + 1
        return hidden, first_positions(lengths, hidden.shape[1])


class NormedConvolution(nn.Module):
    """A strided convolution without padding, normalised, then an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        bias: bool,
        norm: nn.Module,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, stride, bias=bias)
        self.norm = norm
        self.activation = activation
        self.kernel = kernel
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F - kernel) / stride) + 1]."""
        return self.activation(self.norm(self.conv(frames)))


class ChannelNorm(nn.LayerNorm):
    """Normalisation over the channels of every frame, where channels come before time."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, F], unchanged in shape."""
        frames = input.transpose(1, 2)
        normed = F.layer_norm(frames, self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.transpose(1, 2)


FEW_ROWS = 7


MANY_OPERATIONS = 1 << 22


ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def _multiplies_bfloat16() -> bool:
    """Whether oneDNN does on this processor, as a function that is private to torch says."""
    says = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return says is not None and bool(says())


WITHOUT_GRADIENT = (torch.float32, torch.bfloat16) if _multiplies_bfloat16() else (torch.float32,)


def is_onednns(dtype: torch.dtype, other: torch.dtype) -> bool:
    """Whether a large product of these dtypes is oneDNN's, as things are: of bfloat16 without a gradient."""
    dtypes = (torch.float32,) if torch.is_grad_enabled() else WITHOUT_GRADIENT
    return ONEDNN is not None and dtype is other and dtype in dtypes and not torch.is_autocast_enabled("cpu")


def onednn_product(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` by oneDNN, which no gradient goes through."""
    assert ONEDNN is not None, "asked for where torch has it"
    product: Tensor = ONEDNN(input, weight, bias, "none", [], "")
    return product


class ManyRows(torch.autograd.Function):
    """`F.linear` of [R, in_features] whose products are oneDNN's, forward and backward.

    A gradient that is differentiated again is made of torch's own products.
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """As `F.linear`."""
        ctx.save_for_backward(input, weight)
        return onednn_product(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of input, weight and bias for that of the output, [R, out_features]."""
        input, weight = ctx.saved_tensors
        needs_input, needs_weight, needs_bias = ctx.needs_input_grad
        product = F.linear if torch.is_grad_enabled() else onednn_product
        of_input = product(gradient, weight.t()) if needs_input else None
        of_weight = product(gradient.t(), input.t()) if needs_weight else None
        return of_input, of_weight, gradient.sum(0) if needs_bias else None


PARTS = 16


def few_rows(flat: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of [R, in_features] by the product that threads share well, in any memory layout.

    They share `x @ W.T` badly when R is small, and `W @ x.T` well. One row, or several that get
    narrower, are a batch of products with parts of the weight: views of it, nothing is copied.
    """
    rows, (outputs, inputs) = flat.shape[0], weight.shape
    if rows > 1 and (rows == 2 or inputs <= outputs):
        if bias is None:
            return torch.mm(weight, flat.t()).t()
        return torch.addmm(bias.unsqueeze(1), weight, flat.t()).t()
    parts = math.gcd(outputs, PARTS)
    if rows == 1 and parts == 1:  # nothing to share: two equal rows are next best
        return few_rows(torch.cat((flat, flat)), weight, bias)[:1]
    if rows == 1:
        pieces, column = weight.view(parts, -1, inputs), flat.t().expand(parts, inputs, 1)
        if bias is None:
            return torch.bmm(pieces, column).view(1, outputs)
        return torch.baddbmm(bias.view(parts, -1, 1), pieces, column).view(1, outputs)
    pieces, copies = weight.view(parts, -1, inputs).mT, flat.expand(parts, rows, inputs)
    if bias is None:
        return torch.bmm(copies, pieces).transpose(0, 1).reshape(rows, outputs)
    return torch.baddbmm(bias.view(parts, 1, -1), copies, pieces).transpose(0, 1).reshape(rows, outputs)


class Projection(nn.Linear):
    """An affine map by whichever product is quickest for its shape; on a CPU they differ up to fourfold.

    A few rows that get wider may come out column by column in memory.
    """

    def forward(self, input: Tensor) -> Tensor:
        """[..., in_features] -> [..., out_features]."""
        weight, bias = self.weight, self.bias
        outputs, inputs = weight.shape
        rows = input.numel() // inputs
        if not (rows and input.is_cpu) or torch.compiler.is_compiling():
            return F.linear(input, weight, bias)
        if rows <= FEW_ROWS and input.dtype is torch.float32:
            product = few_rows(input.reshape(rows, inputs), weight, bias)
            if outputs <= inputs:  # a wider one is read once, and moving it costs more than it saves
                product = product.contiguous()
            return product.view(*input.shape[:-1], outputs)
        if rows * weight.numel() < MANY_OPERATIONS or not is_onednns(input.dtype, weight.dtype):
            return F.linear(input, weight, bias)
        if not torch.is_grad_enabled():
            return onednn_product(input, weight, bias)
        product = ManyRows.apply(input.reshape(rows, inputs), weight, bias)  # type: ignore[no-untyped-call]
        return product.view(*input.shape[:-1], outputs)


def random_spans(lengths: Tensor, size: int, probability: float, span: int, minimum: int) -> Tensor:
    """Which of `size` positions are hidden in each row, spans beginning and ending within its length.

    Of a row of L positions about L * probability / span spans are hidden, rounded up or down at random,
    and at least `minimum`; no two begin at the same place. lengths [B] -> [B, size] bool.
    """
    rows, device = lengths.shape[0], lengths.device
    starts = torch.arange(size, device=device) <= (lengths - span).unsqueeze(1)
    wanted = (probability * lengths / span + torch.rand((), device=device)).long().clamp(min=minimum)
    wanted = torch.minimum(wanted, torch.full_like(wanted, size // span))
    order = torch.rand(rows, size, device=device).masked_fill(~starts, 2.0).argsort(1).argsort(1)
    begun = (starts & (order < wanted.unsqueeze(1))).long().cumsum(1)
    ended = torch.nn.functional.pad(begun, (span, 0))[:, :size]
    return begun > ended


class SpanMasking(nn.Module):
    """In training, spans of time become a learned vector, and spans of channels zero."""

    def __init__(
        self,
        width: int,
        time_probability: float,
        time_span: int,
        time_minimum: int,
        channel_probability: float,
        channel_span: int,
        channel_minimum: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(width))
        self.time = (time_probability, time_span, time_minimum)
        self.channels = (channel_probability, channel_span, channel_minimum)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        return self.hidden_in_part(hidden, mask) if self.training else hidden

    def hidden_in_part(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """The states with spans hidden; padding is not counted."""
        rows, size, width = hidden.shape
        full = torch.full((rows,), size, device=hidden.device)
        if self.time[0] > 0:
            lengths = full if mask is None else mask.sum(-1)
            spans = random_spans(lengths, size, *self.time)
            hidden = torch.where(spans.unsqueeze(-1), self.embedding.to(hidden.dtype), hidden)
        if self.channels[0] > 0:
            spans = random_spans(torch.full_like(full, width), width, *self.channels)
            hidden = hidden.masked_fill(spans.unsqueeze(1), 0.0)
        return hidden


def zeroed(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """hidden [B, S, D] with zeros wherever mask [B, S] has them."""
    return hidden if mask is None else hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)


class ZeroPadding(nn.Module):
    """Padding set to zero, for what is about to read across positions."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        return zeroed(hidden, mask)


class ConvolutionPositions(nn.Module):
    """What a position says of its neighbourhood: a convolution over time, activated."""

    def __init__(self, conv: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.activation = activation

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden [B, T, D] -> [B, T, D]."""
        return self.activation(self.conv(hidden.transpose(1, 2)).transpose(1, 2))


class WeightNormConvolution(nn.Module):
    """A grouped convolution that keeps its length, its weight kept as magnitude and direction.

    The weight at tap k is magnitude[k] * direction[k] / |direction[k]|, the norm taken over both kinds
    of channels (Salimans & Kingma 2016, one magnitude a tap).
    """

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(width))
        self.magnitude = nn.Parameter(torch.empty(1, 1, kernel))
        self.direction = nn.Parameter(torch.empty(width, width // groups, kernel))
        self.kernel = kernel
        self.groups = groups

    def forward(self, states: Tensor) -> Tensor:
        """[B, D, T] -> [B, D, T]: an even kernel gives one position too many, and the last is dropped."""
        norm = torch.linalg.vector_norm(self.direction, dim=(0, 1), keepdim=True)
        weight = self.direction * (self.magnitude / norm)
        mixed = F.conv1d(states, weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return mixed[..., : states.shape[-1]]


STEPS = 1 << 16


def drop_out(states: Tensor, probability: float, training: bool = True) -> Tensor:
    """Zero elements of any shape with `probability`, and scale the others so that the mean is kept.

    On a CPU torch draws a number for every element, which takes longer than a product of the states with
    a weight; here four share one, and the probability is rounded to a multiple of 1 / STEPS.
    """
    dropped = round(probability * STEPS)
    if not training or dropped == 0:
        return states
    if not states.is_cpu or dropped == STEPS or torch.compiler.is_compiling():
        return F.dropout(states, probability)
    count = states.numel()
    numbers = torch.empty(-(-count // 4), dtype=torch.int64, device=states.device)
    numbers.random_(torch.iinfo(torch.int64).min, None)
    bits = numbers.view(torch.int16)[:count].view(states.shape)
    factors = torch.empty_like(states, requires_grad=False)
    torch.ge(bits, dropped - STEPS // 2, out=factors)
    return states * factors.mul_(STEPS / (STEPS - dropped))


class AddPositions(nn.Module):
    """Sum of hidden states and their positions, then dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """Two of [B, T, D] -> [B, T, D]."""
        return drop_out(hidden + positions, self.dropout, self.training)


def surviving(layers: nn.ModuleList, layerdrop: float, always: int = 0) -> Iterator[tuple[int, Any]]:
    """Layers and their indices, each skipped in training with probability `layerdrop` (Fan et al. 2020).

    The first `always` layers are never skipped.
    """
    for index, layer in enumerate(layers):
        if not layers.training or index < always or torch.rand(()).item() >= layerdrop:
            yield index, layer


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a boolean (or 0/1) mask into one that is added to attention scores, any shape.

    Where a whole row is blocked the minimum swallows every score, and attention spreads evenly over the
    row, padding too: finite, and without meaning.
    """
    blocked = torch.zeros((), dtype=dtype, device=visible.device)
    minimum = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=visible.device)
    return torch.where(visible.bool(), blocked, minimum)


class SelfAttentionStack(nn.ModuleList):
    """Encoder layers, one after another; a layer's address is its index."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def through(self, hidden: Tensor, mask: Tensor | None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]; layers get `positions` as they are."""
        bias = None if mask is None else additive(mask[:, None, None, :], hidden.dtype)
        for _, layer in self.kept():
            hidden = layer(hidden, bias, *positions)
        return hidden


class EncoderStack(SelfAttentionStack):
    """Layers that know no positions but those in their states."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]."""
        return self.through(hidden, mask)


class LayerDropEncoderStack(EncoderStack):
    """An encoder stack that skips whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


class EncoderLayer(nn.Module):
    """The sub-layers of an encoder layer; who inherits orders them."""

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def dropped(self, states: Tensor) -> Tensor:
        """A sub-layer's output after dropout, which acts in training only."""
        return drop_out(states, self.dropout) if self.training else states


class PreNormEncoderLayer(EncoderLayer):
    """x += SelfAttention(norm(x)); x += FeedForward(norm(x))."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None, *positions: Tensor) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S], what attention knows of positions -> [B, S, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask, *positions)
        hidden = hidden + self.dropped(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.dropped(transformed)


def split_heads(states: Tensor, heads: int) -> Tensor:
    """[B, T, D] -> [B, H, T, K]."""
    rows, tokens, width = states.shape
    return states.view(rows, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(states: Tensor) -> Tensor:
    """[B, H, T, K] -> [B, T, D]."""
    rows, heads, tokens, head_width = states.shape
    return states.transpose(1, 2).reshape(rows, tokens, heads * head_width)


def side_by_side(states: Tensor, beams: int) -> Tensor:
    """Lay the beams of a sentence one after another: [B * beams, T, D] -> [B, beams * T, D]."""
    rows, tokens, width = states.shape
    return states.view(rows // beams, beams * tokens, width)


def attend(
    query: Tensor,  # [B, H, T, K]
    key: Tensor,  # [B, H, S, K]
    value: Tensor,  # [B, H, S, K]
    mask: Tensor | None,  # additive, fits [B, H, T, S]
    dropout: float,
    scale: float | None = None,
) -> Tensor:
    """Means of the values, weighted by how queries meet keys; weights go through dropout: [B, H, T, K]."""
    if dropout == 0.0 or not query.is_cpu or torch.compiler.is_compiling():
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
        )
    scores = query * (query.shape[-1] ** -0.5 if scale is None else scale) @ key.mT
    weights = (scores if mask is None else scores + mask).softmax(-1)
    return drop_out(weights, dropout) @ value


class SelfAttention(nn.Module):
    """Attention of a sequence over itself, incremental when given a cache.

    Queries and values add a bias where `bias` says so, keys where `key_bias` does. Scores are multiplied
    by `scale`, or by one over the root of a head's width.
    """

    def __init__(
        self,
        target_dim: int,
        heads: int,
        dropout: float,
        scale: float | None = None,
        bias: bool = True,
        key_bias: bool = True,
    ) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim, bias)
        self.k_proj = Projection(target_dim, target_dim, key_bias)
        self.v_proj = Projection(target_dim, target_dim, bias)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout
        self.scale = scale

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        mask: Tensor | None = None,  # additive; over a cache [B, 1, beams * T, visible]
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,  # [T * beams], where a cache stores the new states
    ) -> Tensor:
        """Attend over `hidden`, or over everything the cache holds: [R, T, D]."""
        query = self.q_proj(hidden)
        key = split_heads(self.k_proj(hidden), self.heads)
        value = split_heads(self.v_proj(hidden), self.heads)
        if cache is not None and slots is not None:
            key, value = cache.write(layer, slots, key, value)
            query = side_by_side(query, cache.beams)
        dropout = self.dropout if self.training else 0.0
        attended = attend(split_heads(query, self.heads), key, value, mask, dropout, self.scale)
        return self.out_proj(merge_heads(attended).view_as(hidden))


class FeedForward(nn.Module):
    """Expand, activate, contract."""

    def __init__(self, width: int, inner: int, activation: nn.Module, dropout: float) -> None:
        super().__init__()
        self.up_proj = Projection(width, inner)
        self.activation = activation
        self.down_proj = Projection(inner, width)
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; dropout acts on the activations."""
        activated = self.activation(self.up_proj(hidden))
        if self.training:
            activated = drop_out(activated, self.dropout)
        return self.down_proj(activated)


class ConvDownsampling(nn.ModuleList):
    """Gated convolutions over hidden states of one width; the mask is shortened by the strides alone.

    Padding is not zeroed before them, as published, so the last valid outputs see it.
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> the same, shorter."""
        lengths = None if mask is None else mask.sum(-1)
        hidden = hidden.transpose(1, 2)
        for _, layer in self.kept():
            hidden = layer(hidden)
            if lengths is not None:
                lengths = (lengths - 1) // layer.stride + 1
        hidden = hidden.transpose(1, 2)
        return hidden, None if lengths is None else first_positions(lengths, hidden.shape[1])


class LayerDropConvDownsampling(ConvDownsampling):
    """The same, skipping whole layers at random in training: length and mask then keep their stride."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


class GatedConvolution(nn.Module):
    """A strided convolution over time whose output is gated (Dauphin et al. 2017)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, 2 * out_channels, kernel, stride, padding)
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F + 2 padding - kernel) / stride) + 1]."""
        return F.glu(self.conv(frames), dim=1)


class ScaledEmbedding(nn.Module):
    """Token embedding, multiplied by a constant (the root of the width, or one)."""

    def __init__(self, vocabulary: int, width: int, padding_row: int, scale: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=padding_row)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] -> [B, T, D]."""
        return self.tokens(ids) * self.scale


def require_room(count: int, rows: int, first: int) -> None:
    """Refuse more positions than a table of `rows` has from row `first` on."""
    if first + count > rows:
        raise ValueError(f"{count} positions were asked for; the table ends at {rows - first}")


class LearnedPositions(nn.Module):
    """A trained row for every position, whatever stands there; the first is row `offset`."""

    def __init__(self, rows: int, width: int, offset: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, width)
        self.rows = rows
        self.offset = offset

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        batch, tokens = ids.shape
        end = tokens if cache is None else cache.filled
        require_room(end, self.rows, self.offset)
        past = 0 if cache is None else cache.position
        positions = torch.arange(tokens, device=ids.device) + past
        return self.table(positions + self.offset).expand(batch, -1, -1)


class DecoderStack(nn.ModuleList):
    """Decoder layers, one after another, with their cache."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers to run, with their indices."""
        return enumerate(self)

    def new_cache(
        self,
        rows: int,
        length: int,
        source: Tensor | None = None,  # [B, S, source_dim]
        source_mask: Tensor | None = None,  # [B, S], 1 = keep
        beams: int = 1,
    ) -> Cache:
        """An empty cache for `length` tokens in `rows` rows; source states are computed here, once."""
        layers: list[Any] = list(self)
        attention = layers[0].self_attention
        heads, width = attention.heads, attention.q_proj.out_features
        like = next(self.parameters())
        cache = Cache(len(self), rows, heads, length, width // heads, beams, like)
        if source is not None:
            cache.cross = [layer.cross_attention.source_states(source) for layer in layers]
            if source_mask is not None:
                cache.cross_mask = additive(source_mask[:, None, None, :], source.dtype)
        return cache

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        source: Tensor,  # [B, S, source_dim]
        source_mask: Tensor | None = None,  # [B, S], 1 = keep
        mask: Tensor | None = None,  # [R, T], 1 = keep; with a cache [R, tokens so far]
        cache: Cache | None = None,
    ) -> Tensor:
        """Decode `hidden` after whatever the cache holds: [R, T, D]."""
        tokens = hidden.shape[1]
        if cache is None:
            slots = None
            visible = torch.ones(tokens, tokens, dtype=torch.bool, device=hidden.device).tril()
            if mask is not None:
                visible = visible & mask.bool()[:, None, None, :]
        else:
            positions = cache.positions(tokens)
            slots = cache.slots(positions)
            visible = cache.self_mask(positions, mask)
        bias = additive(visible, hidden.dtype)

        beams = 1 if cache is None else cache.beams
        cross = None if cache is None else cache.cross
        if cache is not None and cross is not None:
            source_bias = cache.cross_mask
        else:
            source_bias = (
                None if source_mask is None else additive(source_mask[:, None, None, :], hidden.dtype)
            )
        for index, layer in self.kept():
            states = layer.cross_attention.source_states(source) if cross is None else cross[index]
            hidden = layer(hidden, bias, states, source_bias, cache, index, slots, beams)
        if cache is not None:
            cache.advance(tokens)
        return hidden


class DecoderLayer(nn.Module):
    """The sub-layers of a decoder layer with cross-attention; who inherits orders them."""

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        cross_attention_norm: nn.Module,
        cross_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.cross_attention_norm = cross_attention_norm
        self.cross_attention = cross_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def dropped(self, states: Tensor) -> Tensor:
        """A sub-layer's output after dropout, which acts in training only."""
        return drop_out(states, self.dropout) if self.training else states


class PreNormDecoderLayer(DecoderLayer):
    """x += SelfAttention(norm(x)); x += CrossAttention(norm(x)); x += FeedForward(norm(x))."""

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        mask: Tensor | None,  # additive, over the target
        source_states: tuple[Tensor, Tensor],  # keys and values of the source
        source_mask: Tensor | None = None,  # additive, [B, 1, 1, S]
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,
        beams: int = 1,
    ) -> Tensor:
        """One decoder layer: [R, T, D] -> [R, T, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask, cache, layer, slots)
        hidden = hidden + self.dropped(attended)
        attended = self.cross_attention(self.cross_attention_norm(hidden), source_states, source_mask, beams)
        hidden = hidden + self.dropped(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.dropped(transformed)


class CrossAttention(nn.Module):
    """Attention of a target over a source, whose width may differ. `scale` is as in `SelfAttention`."""

    def __init__(
        self, target_dim: int, source_dim: int, heads: int, dropout: float, scale: float | None = None
    ) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim)
        self.k_proj = Projection(source_dim, target_dim)
        self.v_proj = Projection(source_dim, target_dim)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout
        self.scale = scale

    def source_states(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the source [B, S, source_dim]: two of [B, H, S, K]."""
        return split_heads(self.k_proj(source), self.heads), split_heads(self.v_proj(source), self.heads)

    def forward(
        self,
        hidden: Tensor,  # [R, T, D]
        states: tuple[Tensor, Tensor],  # from `source_states`, [B, H, S, K] each
        mask: Tensor | None = None,  # additive, [B, 1, 1, S]
        beams: int = 1,
    ) -> Tensor:
        """Attend over the source: [R, T, D], R = B * beams.

        The beams of a sentence share its source, so they are laid side by side as queries and the
        source's keys and values are read once.
        """
        query = side_by_side(self.q_proj(hidden), beams)
        dropout = self.dropout if self.training else 0.0
        attended = attend(split_heads(query, self.heads), *states, mask, dropout, self.scale)
        return self.out_proj(merge_heads(attended).view_as(hidden))


class Encoded(NamedTuple):
    """What the encoder gives the decoder: states [B, S, D] and their mask [B, S], 1 = keep, or None."""

    hidden: Tensor
    mask: Tensor | None


class Output(NamedTuple):
    """Of a whole forward: mean loss (with labels), logits [B, T, V], and what the decoder attended to."""

    loss: Tensor | None
    logits: Tensor
    encoder_last_hidden_state: Tensor
    encoder_attention_mask: Tensor | None


class Model(nn.Module):
    """11 encode and 8 decode nodes, in order."""

    vocabulary = 250054  # ids that the logits tell apart
    # by input, the masks of which only the number of ones in a row is read, as if they came first
    length_masks: Mapping[str, tuple[str, ...]] = {"input_values": ("attention_mask",)}

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.features = WaveformEncoder(
            [
                NormedConvolution(
                    in_channels=1,
                    out_channels=512,
                    kernel=10,
                    stride=5,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=3,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=3,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=3,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=3,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=2,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
                NormedConvolution(
                    in_channels=512,
                    out_channels=512,
                    kernel=2,
                    stride=2,
                    bias=True,  # encoder.config.conv_bias
                    norm=ChannelNorm(normalized_shape=512),
                    activation=nn.GELU(),
                ),
            ]
        )
        self.encoder.feature_norm = nn.LayerNorm(512, eps=1e-05)
        # encoder.config.hidden_size
        self.encoder.feature_projection = Projection(in_features=512, out_features=1024, bias=True)
        self.encoder.feature_dropout = nn.Dropout(p=0.1)  # encoder.config.feat_proj_dropout
        self.encoder.span_masking = SpanMasking(
            width=1024,  # encoder.config.hidden_size
            time_probability=0.075,  # encoder.config.mask_time_prob
            time_span=10,
            time_minimum=2,
            channel_probability=0.0,
            channel_span=10,
            channel_minimum=0,
        )
        self.encoder.zero_padding = ZeroPadding()
        self.encoder.positions = ConvolutionPositions(
            conv=WeightNormConvolution(width=1024, kernel=128, groups=16),  # encoder.config.hidden_size
            activation=nn.GELU(),
        )
        self.encoder.add_positions = AddPositions(dropout=0.1)
        self.encoder.layers = LayerDropEncoderStack(
            [
                PreNormEncoderLayer(
                    self_attention_norm=nn.LayerNorm(1024),  # encoder.config.hidden_size
                    # encoder.config.hidden_size
                    # encoder.config.num_attention_heads
                    self_attention=SelfAttention(target_dim=1024, heads=16, dropout=0.1),
                    feed_forward_norm=nn.LayerNorm(1024),  # encoder.config.hidden_size
                    # encoder.config.hidden_size
                    # encoder.config.intermediate_size
                    # encoder.config.activation_dropout
                    feed_forward=FeedForward(width=1024, inner=4096, activation=nn.GELU(), dropout=0.0),
                    dropout=0.1,
                )
                for _ in range(24)  # encoder.config.num_hidden_layers
            ],
            layerdrop=0.1,
        )
        self.encoder.norm = nn.LayerNorm(1024, eps=1e-05)  # encoder.config.hidden_size
        self.encoder.adapter = LayerDropConvDownsampling(
            [
                # encoder.config.output_hidden_size
                GatedConvolution(in_channels=1024, out_channels=1024, kernel=3, stride=2, padding=1)
                for _ in range(3)
            ],
            layerdrop=0.1,
        )
        self.decoder = nn.Module()
        # decoder.config.vocab_size
        # decoder.config.scale_embedding
        self.decoder.embed = ScaledEmbedding(vocabulary=250054, width=1024, padding_row=1, scale=32.0)
        self.decoder.positions = LearnedPositions(rows=1026, width=1024, offset=2)
        self.decoder.add_positions = AddPositions(dropout=0.0)
        self.decoder.embed_norm = nn.LayerNorm(1024, eps=1e-05)
        self.decoder.dropout = nn.Dropout(p=0.1)
        self.decoder.layers = DecoderStack(
            [
                PreNormDecoderLayer(
                    self_attention_norm=nn.LayerNorm(1024),
                    self_attention=SelfAttention(target_dim=1024, heads=16, dropout=0.0),
                    cross_attention_norm=nn.LayerNorm(1024),
                    cross_attention=CrossAttention(target_dim=1024, source_dim=1024, heads=16, dropout=0.0),
                    feed_forward_norm=nn.LayerNorm(1024),
                    feed_forward=FeedForward(
                        width=1024,
                        inner=4096,
                        activation=nn.ReLU(inplace=True),
                        dropout=0.0,
                    ),
                    dropout=0.1,
                )
                for _ in range(12)
            ]
        )
        self.decoder.final_norm = nn.LayerNorm(1024, eps=1e-05)
        self.head = Projection(in_features=1024, out_features=250054, bias=False)  # decoder.config.vocab_size
        self.head.weight = self.decoder.embed.tokens.weight

    @torch.no_grad()
    def initialise(self, seed: int = 0) -> None:
        """Draw fresh parameters; the same seed gives the same values."""
        generator = torch.Generator().manual_seed(seed)
        for name, module in self.named_modules():
            if module in (self.head,):  # its weight is drawn where it is kept
                continue
            match module:
                case nn.Linear() if f"{name}.".startswith("encoder.feature_projection."):
                    bound = module.weight[0].numel() ** -0.5
                    nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                    if module.bias is not None:
                        bound = module.weight[0].numel() ** -0.5
                        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
                case nn.Linear():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case nn.LayerNorm():
                    nn.init.ones_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case nn.Conv1d():
                    nn.init.kaiming_normal_(module.weight, generator=generator)
                    if module.bias is not None:
                        bound = module.weight[0].numel() ** -0.5
                        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
                case SpanMasking():
                    nn.init.uniform_(module.embedding, 0.0, 1.0, generator=generator)
                case WeightNormConvolution():
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                    nn.init.kaiming_uniform_(module.direction, 5**0.5, generator=generator)
                    norms = torch.linalg.vector_norm(module.direction, dim=(0, 1), keepdim=True)
                    module.magnitude.copy_(norms)
                case nn.Embedding():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.padding_idx is not None:
                        module.weight[module.padding_idx].zero_()

    def encode(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
    ) -> Encoded:
        """Run the encoder and everything the decoder does not touch."""
        check_numbers("input_values", input_values, self)
        check_mask("attention_mask", attention_mask)
        if input_values.dim() != 2:
            raise ValueError(f"input_values is [batch, samples] here, not {list(input_values.shape)}")
        if attention_mask is not None and attention_mask.shape != input_values.shape[:2]:
            raise ValueError(f"attention_mask is [batch, samples] here, not {list(attention_mask.shape)}")
        # [batch, (samples + 240) // 320 - 1, 512]
        features_hidden, features_mask = self.encoder.features(input_values, mask=attention_mask)
        feature_norm = self.encoder.feature_norm(features_hidden)  # [batch, (samples + 240) // 320 - 1, 512]
        # [batch, (samples + 240) // 320 - 1, 1024]
        feature_projection = self.encoder.feature_projection(feature_norm)
        # [batch, (samples + 240) // 320 - 1, 1024]
        feature_dropout = self.encoder.feature_dropout(feature_projection)
        # [batch, (samples + 240) // 320 - 1, 1024]
        span_masking = self.encoder.span_masking(feature_dropout, mask=features_mask)
        # [batch, (samples + 240) // 320 - 1, 1024]
        zero_padding = self.encoder.zero_padding(span_masking, mask=features_mask)
        positions = self.encoder.positions(zero_padding)  # [batch, (samples + 240) // 320 - 1, 1024]
        # [batch, (samples + 240) // 320 - 1, 1024]
        add_positions = self.encoder.add_positions(zero_padding, positions)
        # [batch, (samples + 240) // 320 - 1, 1024]
        layers = self.encoder.layers(add_positions, mask=features_mask)
        norm = self.encoder.norm(layers)  # [batch, (samples + 240) // 320 - 1, 1024]
        # [batch, (samples + 2160) // 2560, 1024]
        adapter_hidden, adapter_mask = self.encoder.adapter(norm, mask=features_mask)
        return Encoded(adapter_hidden.to(self.decoder.embed.tokens.weight.dtype), adapter_mask)

    def new_cache(self, rows: int, length: int, encoded: Encoded | None = None, beams: int = 1) -> Cache:
        """Room to decode `length` tokens in `rows` rows (sentences x beams)."""
        source = None if encoded is None else encoded.hidden
        mask = None if encoded is None else encoded.mask
        return self.decoder.layers.new_cache(rows, length, source, mask, beams)

    def decode(
        self,
        decoder_input_ids: Tensor,
        encoded: Encoded,
        cache: Cache | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Scores of the next token after every id: [R, T, V]. A cache gives the position and moves on."""
        if not hasattr(encoded, "hidden"):
            raise TypeError(f"give the Encoded(hidden, mask) of `encode`, not a {type(encoded).__name__}")
        rows, tokens = decoder_input_ids.shape
        beams = 1 if cache is None else cache.beams
        wanted = encoded.hidden.shape[0] * beams
        if rows != wanted:
            raise ValueError(f"decoder_input_ids is {[rows, tokens]}, not [{wanted}, T]: sentences x beams")
        check_mask("decoder_attention_mask", decoder_attention_mask)
        if decoder_attention_mask is not None:
            seen = tokens if cache is None else cache.filled + tokens
            if decoder_attention_mask.shape != (rows, seen):
                raise ValueError(f"decoder_attention_mask is [{rows}, {seen}] here: every token so far")
        if cache is not None:
            cache.reserve(tokens)
        return self.decode_step(decoder_input_ids, encoded, cache, decoder_attention_mask)

    def decode_step(
        self,
        decoder_input_ids: Tensor,
        encoded: Encoded,
        cache: Cache | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """The part of `decode` whose shapes depend on rows and cache bucket alone."""
        embed = self.decoder.embed(decoder_input_ids)  # [batch, target, 1024]
        positions = self.decoder.positions(decoder_input_ids, cache=cache)  # [batch, target, 1024]
        add_positions = self.decoder.add_positions(embed, positions)  # [batch, target, 1024]
        embed_norm = self.decoder.embed_norm(add_positions)  # [batch, target, 1024]
        dropout = self.decoder.dropout(embed_norm)  # [batch, target, 1024]
        # [batch, target, 1024]
        layers = self.decoder.layers(
            dropout, encoded.hidden, source_mask=encoded.mask, mask=decoder_attention_mask, cache=cache
        )
        final_norm = self.decoder.final_norm(layers)  # [batch, target, 1024]
        head = self.head(final_norm)  # [batch, target, 250054]
        return head

    def forward(
        self,
        input_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: Encoded | None = None,
    ) -> Output:
        """Teacher-forced pass. Labels arrive unshifted and are shifted here, once; -100 is ignored."""
        if encoder_outputs is None:
            if input_values is None:
                raise ValueError("give input_values, or encoder_outputs")
            encoder_outputs = self.encode(input_values, attention_mask)
        elif input_values is not None or attention_mask is not None:
            raise ValueError("encoder_outputs hold the states and their mask: give nothing else to encode")
        if labels is not None:
            check_ids("labels", labels, self.vocabulary, IGNORED)
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("give decoder_input_ids, or labels to shift")
            decoder_input_ids = shift_right(labels, start=2, pad=1)
        check_ids("decoder_input_ids", decoder_input_ids, 250054)
        logits = self.decode(
            decoder_input_ids, encoder_outputs, decoder_attention_mask=decoder_attention_mask
        )
        if labels is not None and labels.shape != decoder_input_ids.shape:
            raise ValueError(f"labels {list(labels.shape)} for ids {list(decoder_input_ids.shape)}")
        loss = None if labels is None else label_loss(logits, labels)
        return Output(loss, logits, encoder_outputs.hidden, encoder_outputs.mask)
