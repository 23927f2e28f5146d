"""An encoder-decoder model, emitted by crossloom: change the spec and emit again.

Shapes are noted as [dimensions]; B batch, S source, T target, D width, H heads, K head width,
F frames, V vocabulary, C channels, R rows of a decode step (sentences x beams).
"""

# name: small-translator
# resolved spec: sha256 6a361c5ea7fc1d1fa1595d6f44cfffc1d682d888a8a75df8ba0ac6cdc4c65d61

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


def zeroed(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """hidden [B, S, D] with zeros wherever mask [B, S] has them."""
    return hidden if mask is None else hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)


class ZeroPadding(nn.Module):
    """Padding set to zero, for what is about to read across positions."""

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> [B, S, D]."""
        return zeroed(hidden, mask)


def within_chunks(length: int, chunk: int, left_chunks: int, device: torch.device) -> Tensor:
    """Which pairs of `length` positions attend, query before key: [length, length] bool.

    A query attends to its own chunk and to `left_chunks` before it, to all before it if they are negative.
    """
    chunks = torch.arange(length, device=device) // chunk
    behind = chunks.unsqueeze(1) - chunks
    return (behind >= 0) & ((behind <= left_chunks) | (left_chunks < 0))


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


class ChunkedEncoderStack(SelfAttentionStack):
    """Layers that are told which pairs of positions attend, and which positions are padding.

    Pairs are told by truth values. Of a query that sees nothing attention without positions makes zeros then,
    as published.
    """

    def __init__(self, layers: list[nn.Module], chunk: int, left_chunks: int) -> None:
        super().__init__(layers)
        self.chunk = chunk
        self.left_chunks = left_chunks

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], mask [B, S] with 1 = keep -> [B, S, D]."""
        visible = within_chunks(hidden.shape[1], self.chunk, self.left_chunks, hidden.device)[None, None]
        if mask is not None:
            visible = visible & mask.bool()[:, None, None, :]
        for _, layer in self.kept():
            hidden = layer(hidden, visible, mask)
        return hidden


def surviving(layers: nn.ModuleList, layerdrop: float, always: int = 0) -> Iterator[tuple[int, Any]]:
    """Layers and their indices, each skipped in training with probability `layerdrop` (Fan et al. 2020).

    The first `always` layers are never skipped.
    """
    for index, layer in enumerate(layers):
        if not layers.training or index < always or torch.rand(()).item() >= layerdrop:
            yield index, layer


class LayerDropChunkedEncoderStack(ChunkedEncoderStack):
    """The same, skipping whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], chunk: int, left_chunks: int, layerdrop: float) -> None:
        super().__init__(layers, chunk, left_chunks)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


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


class ConformerLayer(nn.Module):
    """x += First(norm(x)) / 2; x += SelfAttention(norm(x)); x += Convolution(norm(x));
    x += Second(norm(x)) / 2.

    First and second are feed-forwards, and a norm ends the layer. Who inherits says what the convolution
    sees of padding.
    """

    def __init__(
        self,
        first_norm: nn.Module,
        first: nn.Module,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        convolution_norm: nn.Module,
        convolution: nn.Module,
        second_norm: nn.Module,
        second: nn.Module,
        final_norm: nn.Module,
        dropout: float,
        convolution_dropout: float,
    ) -> None:
        super().__init__()
        self.first_norm = first_norm
        self.first = first
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.convolution_norm = convolution_norm
        self.convolution = convolution
        self.second_norm = second_norm
        self.second = second
        self.final_norm = final_norm
        self.dropout = dropout
        self.convolution_dropout = convolution_dropout

    def attended(self, hidden: Tensor, mask: Tensor | None, *positions: Tensor) -> Tensor:
        """The states after the first two sub-layers: [B, S, D] -> [B, S, D]."""
        hidden = hidden + 0.5 * self.first(self.first_norm(hidden))
        attended = self.self_attention(self.self_attention_norm(hidden), mask, *positions)
        return hidden + drop_out(attended, self.dropout, self.training)

    def convolved(self, hidden: Tensor, normed: Tensor) -> Tensor:
        """The states after the last two sub-layers, of which the convolution sees `normed`: all [B, S, D]."""
        convolved = self.convolution(normed)
        hidden = hidden + drop_out(convolved, self.convolution_dropout, self.training)
        hidden = hidden + 0.5 * self.second(self.second_norm(hidden))
        return self.final_norm(hidden)


class MaskedConformerEncoderLayer(ConformerLayer):
    """A layer whose convolution sees padding as zeros."""

    def forward(self, hidden: Tensor, visible: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], pairs that attend [B or 1, 1, S, S], mask [B, S] with 1 = keep -> [B, S, D]."""
        hidden = self.attended(hidden, visible)
        return self.convolved(hidden, zeroed(self.convolution_norm(hidden), mask))


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


def split_heads(states: Tensor, heads: int) -> Tensor:
    """[B, T, D] -> [B, H, T, K]."""
    rows, tokens, width = states.shape
    return states.view(rows, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(states: Tensor) -> Tensor:
    """[B, H, T, K] -> [B, T, D]."""
    rows, heads, tokens, head_width = states.shape
    return states.transpose(1, 2).reshape(rows, tokens, heads * head_width)


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


class PositionalSelfAttention(nn.Module):
    """The projections of attention over itself; who inherits says what positions do to it."""

    def __init__(self, target_dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.q_proj = Projection(target_dim, target_dim)
        self.k_proj = Projection(target_dim, target_dim)
        self.v_proj = Projection(target_dim, target_dim)
        self.out_proj = Projection(target_dim, target_dim)
        self.heads = heads
        self.dropout = dropout

    def attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """Three of [B, H, S, K] and a bias that fits [B, H, S, S] -> [B, S, D]."""
        dropout = self.dropout if self.training else 0.0
        return self.out_proj(merge_heads(attend(query, key, value, bias, dropout)))


class RelativeKeySelfAttention(PositionalSelfAttention):
    """Queries meet keys and a vector of their distance, which all heads share (Shaw et al. 2018).

    The score of query i and key j is q_i (k_j + r_(j-i)) / root(K), distances clipped to -left .. right.
    A query to which nothing is visible attends evenly to all.
    """

    def __init__(self, target_dim: int, heads: int, dropout: float, left: int, right: int) -> None:
        super().__init__(target_dim, heads, dropout)
        self.distances = nn.Embedding(left + right + 1, target_dim // heads)
        self.left = left
        self.right = right

    def forward(self, hidden: Tensor, visible: Tensor) -> Tensor:
        """hidden [B, S, D], pairs that attend [B or 1, 1, S, S] -> [B, S, D]."""
        query, key, value = (
            split_heads(project(hidden), self.heads) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        scores = query @ self.distances.weight.t() * query.shape[-1] ** -0.5  # [B, H, S, left + right + 1]
        places = torch.arange(hidden.shape[1], device=hidden.device)
        rows = (places - places.unsqueeze(1)).clamp(-self.left, self.right) + self.left
        bias = scores.gather(-1, rows.expand(*scores.shape[:2], -1, -1))
        bias = bias.masked_fill(~visible, torch.finfo(bias.dtype).min)
        return self.attend(query, key, value, bias)


class ConvolutionModule(nn.Module):
    """Channels mixed and gated, each convolved over time, normalised, activated, and mixed again."""

    def __init__(self, width: int, depthwise: nn.Module, norm: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.gate = nn.Conv1d(width, 2 * width, 1, bias=False)
        self.depthwise = depthwise
        self.norm = norm
        self.activation = activation
        self.mix = nn.Conv1d(width, width, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B, S, D]; the depthwise convolution keeps the length."""
        gated = F.glu(self.gate(hidden.transpose(1, 2)), dim=1)
        return self.mix(self.activation(self.norm(self.depthwise(gated)))).transpose(1, 2)


class CausalConvolution(nn.Conv1d):
    """A convolution that sees no later position: zeros stand before the first one."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, S] -> [B, out_channels, S]."""
        return super().forward(F.pad(input, (self.kernel_size[0] - 1, 0)))


class ChannelNorm(nn.LayerNorm):
    """Normalisation over the channels of every frame, where channels come before time."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, F], unchanged in shape."""
        frames = input.transpose(1, 2)
        normed = F.layer_norm(frames, self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.transpose(1, 2)


class ResidualFeedForward(FeedForward):
    """x + scale * FeedForward(x)."""

    def __init__(self, width: int, inner: int, activation: nn.Module, dropout: float, scale: float) -> None:
        super().__init__(width, inner, activation, dropout)
        self.scale = scale

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        return hidden + self.scale * super().forward(hidden)


def first_positions(lengths: Tensor, size: int) -> Tensor:
    """Mask of the first `lengths[b]` of `size` positions: [B] -> [B, size] int64."""
    return (torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)).long()


class PoolingEncoderStack(nn.ModuleList):
    """Pooling layers in sequence, whose mask is shortened once, whatever their number, as published.

    Of L valid positions floor((L + 2 (kernel // 2) - kernel) / stride) + 1 are left: where the convolutions
    are padded by another number than half their kernel, or there is not one of them, that is not how many
    states they make of L.
    """

    def __init__(self, layers: list[nn.Module], kernel: int, stride: int) -> None:
        super().__init__(layers)
        self.kernel = kernel
        self.stride = stride

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """hidden [B, S, D], mask [B, S] with 1 = valid -> hidden [B, S', D], mask [B, S']."""
        lengths = None
        if mask is not None:
            lengths = (mask.sum(-1) + 2 * (self.kernel // 2) - self.kernel) // self.stride + 1
        layers: list[Any] = list(self)
        for layer in layers:
            hidden = layer(hidden, lengths)
        return hidden, None if lengths is None else first_positions(lengths, hidden.shape[1])


class PoolingEncoderLayer(nn.Module):
    """y = Pool(norm(x)) + SelfAttention(Pool'(norm'(x))); y += FeedForward(norm(y)).

    Both pools are gated convolutions of one stride. Padding is not zeroed before them, as published.
    """

    def __init__(
        self,
        residual_norm: nn.Module,
        residual_pool: nn.Module,
        self_attention_norm: nn.Module,
        self_attention_pool: nn.Module,
        self_attention: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.residual_norm = residual_norm
        self.residual_pool = residual_pool
        self.self_attention_norm = self_attention_norm
        self.self_attention_pool = self_attention_pool
        self.self_attention = self_attention
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.dropout = dropout

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], how many of the pooled positions are valid [B] -> [B, S', D]."""
        residual = self.residual_pool(self.residual_norm(hidden).transpose(1, 2)).transpose(1, 2)
        pooled = self.self_attention_pool(self.self_attention_norm(hidden).transpose(1, 2)).transpose(1, 2)
        mask = None
        if lengths is not None:
            valid = first_positions(lengths, pooled.shape[1])
            mask = additive(valid[:, None, None, :], pooled.dtype)
        attended = self.self_attention(pooled, mask)
        hidden = residual + drop_out(attended, self.dropout, self.training)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden))


class GatedConvolution(nn.Module):
    """A strided convolution over time whose output is gated (Dauphin et al. 2017)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, 2 * out_channels, kernel, stride, padding)
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        """[B, C, F] -> [B, out_channels, floor((F + 2 padding - kernel) / stride) + 1]."""
        return F.glu(self.conv(frames), dim=1)


def side_by_side(states: Tensor, beams: int) -> Tensor:
    """Lay the beams of a sentence one after another: [B * beams, T, D] -> [B, beams * T, D]."""
    rows, tokens, width = states.shape
    return states.view(rows // beams, beams * tokens, width)


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


class DroppedFeedForward(FeedForward):
    """Expand, activate, contract, and drop out what comes out."""

    def __init__(
        self, width: int, inner: int, activation: nn.Module, dropout: float, output_dropout: float
    ) -> None:
        super().__init__(width, inner, activation, dropout)
        self.output_dropout = output_dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]; one dropout acts on the activations, another on the output."""
        return drop_out(super().forward(hidden), self.output_dropout, self.training)


class ScaledEmbedding(nn.Module):
    """Token embedding, multiplied by a constant (the root of the width, or one)."""

    def __init__(self, vocabulary: int, width: int, padding_row: int, scale: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=padding_row)
        self.scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] -> [B, T, D]."""
        return self.tokens(ids) * self.scale


def sinusoids(rows: int, width: int, padding_row: int) -> Tensor:
    """Row p is [sin(p f_0) .. sin(p f_n), cos(p f_0) .. cos(p f_n)], f_i = 10000^(-i / (width/2 - 1)).

    The padding row is zero. Returns [rows, width] in the default dtype.
    """
    half = width // 2
    frequencies = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
    angles = torch.arange(rows).float().unsqueeze(1) * frequencies
    table = torch.empty(rows, 2 * half, dtype=torch.float32)
    table[:, half:] = angles.cos()
    table[:, :half] = angles.sin_()
    table[padding_row] = 0
    return table.to(torch.get_default_dtype())


class SinusoidTable(nn.Module):
    """A fixed number of positions; asking for more is an error."""

    def __init__(self, rows: int, width: int, padding_row: int) -> None:
        super().__init__()
        self.table: Tensor
        self.register_buffer("table", torch.empty(rows, width), persistent=False)
        self.rows = rows
        self.width = width
        self.padding_row = padding_row
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Compute the table from its formula, on the device where it lives."""
        self.table = sinusoids(self.rows, self.width, self.padding_row).to(self.table)

    def rows_for(self, count: int) -> Tensor:
        """A table with room for `count` positions after the padding row."""
        if self.padding_row + 1 + count > self.rows:
            raise ValueError(
                f"{count} positions were asked for; the table ends at {self.rows - self.padding_row - 1}"
            )
        return self.table


def token_rows(ids: Tensor, padding_row: int, cache: Cache | None) -> Tensor:
    """The row of a table for each of the ids [R, T]: counted from the padding row on, pads on it."""
    real = ids.ne(padding_row).long()
    past = 0 if cache is None else cache.position
    return (real.cumsum(1) + past) * real + padding_row


class TokenPositions(nn.Module):
    """Positions of token ids: real tokens count up from padding_row + 1, pads get the zero row."""

    def __init__(self, table: SinusoidTable, padding_row: int) -> None:
        super().__init__()
        self.table = table
        self.padding_row = padding_row

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        table = self.table.rows_for(ids.shape[1] if cache is None else cache.filled)
        return nn.functional.embedding(token_rows(ids, self.padding_row, cache), table)


class AddPositions(nn.Module):
    """Sum of hidden states and their positions, then dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """Two of [B, T, D] -> [B, T, D]."""
        return drop_out(hidden + positions, self.dropout, self.training)


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


class DroppedSelfAttention(SelfAttention):
    """The same, dropping out what comes out."""

    def __init__(
        self,
        target_dim: int,
        heads: int,
        dropout: float,
        output_dropout: float,
        scale: float | None = None,
        bias: bool = True,
        key_bias: bool = True,
    ) -> None:
        super().__init__(target_dim, heads, dropout, scale, bias, key_bias)
        self.output_dropout = output_dropout

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor | None = None,
        cache: Cache | None = None,
        layer: int = 0,
        slots: Tensor | None = None,
    ) -> Tensor:
        """As `SelfAttention`: [R, T, D]."""
        attended = super().forward(hidden, mask, cache, layer, slots)
        return drop_out(attended, self.output_dropout, self.training)


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


class LayerDropDecoderStack(DecoderStack):
    """A decoder stack that skips whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


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


class DroppedCrossAttention(CrossAttention):
    """The same, dropping out what comes out."""

    def __init__(
        self,
        target_dim: int,
        source_dim: int,
        heads: int,
        dropout: float,
        output_dropout: float,
        scale: float | None = None,
    ) -> None:
        super().__init__(target_dim, source_dim, heads, dropout, scale)
        self.output_dropout = output_dropout

    def forward(
        self,
        hidden: Tensor,
        states: tuple[Tensor, Tensor],
        mask: Tensor | None = None,
        beams: int = 1,
    ) -> Tensor:
        """As `CrossAttention`: [R, T, D]."""
        attended = super().forward(hidden, states, mask, beams)
        return drop_out(attended, self.output_dropout, self.training)


def repeated(hidden: Tensor, counts: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """hidden [B, S, D], counts [B, S] -> [B, length, D], zeros behind the last copy, and the mask of copies.

    Slot t holds the position whose copies end behind t: the first with counts[0] + .. + counts[i] > t.
    """
    ends = counts.cumsum(1)
    slots = torch.arange(length, device=counts.device)
    sources = torch.searchsorted(ends, slots.repeat(ends.shape[0], 1), right=True)
    copies = hidden.take_along_dim(sources.clamp(max=ends.shape[1] - 1).unsqueeze(-1), dim=1)
    mask = slots < ends[:, -1:]
    return copies.masked_fill(~mask.unsqueeze(-1), 0.0), mask.long()


def require_slots(hidden: Tensor, counts: Tensor, length: int) -> None:
    """Refuse counts that are not one for each of hidden [B, S, D], or, where looking is free, no counts of
    `length` slots at most."""
    if counts.shape != hidden.shape[:2]:
        raise ValueError(f"counts are {list(hidden.shape[:2])} here, not {list(counts.shape)}")
    if look_is_free(counts):
        least, longest = int(counts.amin()), int(counts.sum(1).amax())
        if least < 0:
            raise ValueError(f"a position is counted {least} times")
        if longest > length:
            raise ValueError(
                f"the counts of a row add up to {longest}, and there are {length} positions for them"
            )


class AlignedUpsampling(nn.Module):
    """Every position repeated once for each of the ids that it stands for."""

    def forward(self, hidden: Tensor, counts: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """hidden [B, S, D], counts [B, S], ids [B, T] -> hidden [B, T, D], mask [B, T] with 1 = a copy."""
        require_slots(hidden, counts, ids.shape[1])
        return repeated(hidden, counts, ids.shape[1])


class AddTokens(nn.Module):
    """Sum of hidden states and the embedding of the token at each, multiplied by a constant."""

    def __init__(self, vocabulary: int, width: int, scale: float) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.scale = scale

    def forward(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """hidden [B, T, D], ids [B, T] -> [B, T, D]."""
        return hidden + self.tokens(ids) * self.scale


class AddScaledPositions(nn.Module):
    """Sum of hidden states and a learned multiple of sinusoids, then dropout (Li et al. 2019, section 3.2).

    Every position is counted, padding too; the first is the row behind the padding row.
    """

    def __init__(self, table: SinusoidTable, padding_row: int, dropout: float) -> None:
        super().__init__()
        self.table = table
        self.scale = nn.Parameter(torch.empty(1))
        self.padding_row = padding_row
        self.dropout = dropout

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        positions = hidden.shape[1]
        first = self.padding_row + 1
        table = self.table.rows_for(positions)[first : first + positions]
        return nn.functional.dropout(hidden + self.scale * table, self.dropout, self.training)


class GrowingSinusoidTable(SinusoidTable):
    """A table that continues its formula past the rows it was declared with."""

    def rows_for(self, count: int) -> Tensor:
        """The declared table, or a longer one computed for this call."""
        needed = self.padding_row + 1 + count
        if needed <= self.rows:
            return self.table
        return sinusoids(needed, self.width, self.padding_row).to(self.table)


class DurationPredictor(nn.Module):
    """Two convolutions, each rectified, normalised and dropped out, then log(1 + duration)."""

    def __init__(
        self,
        first: nn.Module,
        first_norm: nn.Module,
        second: nn.Module,
        second_norm: nn.Module,
        inner: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.first = first
        self.first_norm = first_norm
        self.second = second
        self.second_norm = second_norm
        self.log_duration = Projection(inner, 1)
        self.dropout = dropout

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = valid -> durations [B, T], at least 1; padding has 0."""
        states = self.first_norm(self.first(hidden, mask).relu())
        states = drop_out(states, self.dropout, self.training)
        states = self.second_norm(self.second(states, mask).relu())
        states = drop_out(states, self.dropout, self.training)
        durations = torch.expm1(self.log_duration(states).squeeze(-1)).round().long().clamp(min=1)
        return durations if mask is None else durations * mask


class CentredConvolution(nn.Module):
    """A convolution that keeps the length and sees padding as it sees what is beyond an end: as zeros.

    An even kernel reaches one position further ahead than back.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel)
        self.margins = ((kernel - 1) // 2, kernel // 2)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, C], mask [B, T] with 1 = valid -> [B, T, out_channels]."""
        if mask is not None:
            hidden = hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)
        return self.conv(F.pad(hidden.transpose(1, 2), self.margins)).transpose(1, 2)


class HardUpsampling(nn.Module):
    """Every position repeated, as long as the longest row or as the caller says."""

    def forward(self, hidden: Tensor, counts: Tensor, length: int | None = None) -> tuple[Tensor, Tensor]:
        """hidden [B, S, D], counts [B, S] -> hidden [B, length, D], mask [B, length] with 1 = a copy.

        Without a length it is that of the longest row, which has to be looked up, and at least one.
        """
        if length is None:
            length = max(int(counts.sum(1).amax()), 1)
        require_slots(hidden, counts, length)
        return repeated(hidden, counts, length)


class ConvolutionStack(SelfAttentionStack):
    """Layers that are told what is valid twice: for their attention, and for their convolutions.

    Attention is told by truth values: of a row without anything valid it makes zeros then, as published.
    """

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = keep -> [B, T, D]."""
        visible = None if mask is None else mask.bool()[:, None, None, :]
        for _, layer in self.kept():
            hidden = layer(hidden, visible, mask)
        return hidden


class LayerDropConvolutionStack(ConvolutionStack):
    """The same, skipping whole layers at random in training."""

    def __init__(self, layers: list[nn.Module], layerdrop: float) -> None:
        super().__init__(layers)
        self.layerdrop = layerdrop

    def kept(self) -> Iterator[tuple[int, Any]]:
        """The layers that survive this pass."""
        return surviving(self, self.layerdrop)


class PostNormConvolutionLayer(nn.Module):
    """x = norm(x + SelfAttention(x)); x = norm(x + Convolutions(x)); dropout on the convolutions only."""

    def __init__(
        self,
        self_attention: nn.Module,
        self_attention_norm: nn.Module,
        convolutions: nn.Module,
        convolutions_norm: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.self_attention_norm = self_attention_norm
        self.convolutions = convolutions
        self.convolutions_norm = convolutions_norm
        self.dropout = dropout

    def forward(self, hidden: Tensor, visible: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], positions that attention sees [B, 1, 1, T], the same as a mask [B, T]
        -> [B, T, D]."""
        hidden = self.self_attention_norm(hidden + self.self_attention(hidden, visible))
        convolved = drop_out(self.convolutions(hidden, mask), self.dropout, self.training)
        return self.convolutions_norm(hidden + convolved)


class ConvolutionalFeedForward(nn.Module):
    """Two convolutions over time, an activation between them.

    Both see padding as zeros. An activation may make more than zero of it: as published the second
    convolution sees that much behind a row, up to the end of the longest one, and zeros further on.
    """

    def __init__(self, first: nn.Module, activation: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.activation = activation
        self.second = second

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], mask [B, T] with 1 = valid -> [B, T, D]."""
        states = self.first(hidden, mask)
        if mask is None:
            return self.second(self.activation(states))
        states = states.masked_fill(mask.unsqueeze(-1) == 0, 0.0)
        return self.second(self.activation(states), mask.amax(0, keepdim=True))


class SurroundingChannels(nn.Module):
    """Channels that stay the same over time, before and behind those of the states."""

    def forward(self, hidden: Tensor, before: Tensor, behind: Tensor) -> Tensor:
        """hidden [B, T, D], before [B, P], behind [B, Q] -> [B, T, P + D + Q], the padding's too."""
        length = hidden.shape[1]
        constant = [vector.unsqueeze(1).expand(-1, length, -1) for vector in (before, behind)]
        return torch.cat([constant[0], hidden, constant[1]], dim=2)


def longest_row(mask: Tensor | None) -> Tensor | None:
    """Positions up to the end of the longest row of a mask [B, F]: []; None where none is behind it.

    What is behind it has to be silenced, and where looking is free it is known to be nothing.
    """
    if mask is None:
        return None
    longest = mask.sum(-1).amax()
    return None if look_is_free(mask) and int(longest) == mask.shape[1] else longest


def positions_behind(longest: Tensor | None, size: int) -> Tensor | None:
    """Whether each position is behind the longest row: [] -> [size]; None where no row is padded."""
    return None if longest is None else torch.arange(size, device=longest.device) >= longest


def silenced(states: Tensor, behind: Tensor | None) -> Tensor:
    """States [..., N], zero at the positions `behind` [N]."""
    return states if behind is None else states.masked_fill(behind, 0.0)


def beside_each_other(states: Tensor) -> Tensor:
    """[B, C, T] -> [B, C, 1, T] with a position's channels next to each other in memory."""
    return states.unsqueeze(2).contiguous(memory_format=torch.channels_last)


LONG = 1 << 14


def is_worth_moving(states: Tensor) -> bool:
    """Whether a convolution of states [B, C, T] is quicker if their channels lie so: on a CPU, if it is long.

    There oneDNN computes in this order. Torch brings states of one axis into another before each
    convolution, and back behind it, which takes longer than to convolve a few channels.
    """
    return states.is_cpu and states.shape[-1] >= LONG


class TimeConvolution(nn.Conv1d):
    """A convolution whose output lies so where its input is worth moving; the next one finds it there."""

    def forward(self, input: Tensor) -> Tensor:
        """[B, C, T] -> [B, out_channels, T'], as torch's."""
        if not is_worth_moving(input):
            return super().forward(input)
        assert isinstance(self.padding, tuple), "a number, and no name"
        assert self.padding_mode == "zeros", "and nothing else"
        stride, padding, dilation = (1, *self.stride), (0, *self.padding), (1, *self.dilation)
        states, weight = beside_each_other(input), self.weight.unsqueeze(2)
        return F.conv2d(states, weight, self.bias, stride, padding, dilation, self.groups).squeeze(2)


class HifiGanGenerator(nn.Module):
    """A waveform of hidden states. The last leaky ReLU has torch's own slope, as published."""

    def __init__(self, width: int, channels: int, last_channels: int, stages: nn.Module) -> None:
        super().__init__()
        self.first = TimeConvolution(width, channels, 7, padding=3)
        self.stages = stages
        self.last = TimeConvolution(last_channels, 1, 7, padding=3)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, F, D], mask [B, F] with 1 = valid -> [B, N] in -1..1, silent behind the longest row.

        Shorter rows are not zeroed, as published: what they hold behind their end is heard.
        """
        longest = longest_row(mask)
        states = self.first(silenced(hidden.transpose(1, 2), positions_behind(longest, hidden.shape[1])))
        states, longest = self.stages(states, longest)
        behind = positions_behind(longest, states.shape[-1])
        samples = self.last(silenced(F.leaky_relu(states), behind))
        return silenced(torch.tanh(samples), behind).squeeze(1)


class UpsamplingStages(nn.ModuleList):
    """Stages in sequence, each with fewer channels and more positions."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, longest: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """states [B, C, F], longest [] -> states [B, C', N], longest []."""
        for stage in self:
            states, longest = stage(states, longest)
        return states, longest


class TransposedTimeConvolution(nn.ConvTranspose1d):
    """A transposed convolution of the same kind."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, C, T] -> [B, out_channels, T'], as torch's."""
        if output_size is not None or not is_worth_moving(input):
            return super().forward(input, output_size)
        assert isinstance(self.padding, tuple), "a number, and no name"
        stride, padding, dilation = (1, *self.stride), (0, *self.padding), (1, *self.dilation)
        added = (0, *self.output_padding)
        states, weight = beside_each_other(input), self.weight.unsqueeze(2)
        moved = F.conv_transpose2d(states, weight, self.bias, stride, padding, added, self.groups, dilation)
        return moved.squeeze(2)


class UpsamplingStage(nn.Module):
    """A transposed convolution, which makes `rate` positions of each one, and the mean of residual stacks."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, rate: int, slope: float, stacks: nn.Module
    ) -> None:
        super().__init__()
        self.upsample = TransposedTimeConvolution(
            in_channels, out_channels, kernel, rate, (kernel - rate) // 2
        )
        self.stacks = stacks
        self.rate = rate
        self.rest = (kernel - rate) % 2
        self.slope = slope

    def forward(self, states: Tensor, longest: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """states [B, C, N], longest [] -> [B, out_channels, rate N], one more where kernel - rate is odd."""
        behind = positions_behind(longest, states.shape[-1])
        states = self.upsample(silenced(F.leaky_relu(states, self.slope), behind))
        longest = None if longest is None else longest * self.rate + self.rest
        return self.stacks(states, positions_behind(longest, states.shape[-1])), longest


class MeanOfStacks(nn.ModuleList):
    """Stacks of several kernels over the same states: their mean (multi-receptive field fusion)."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        first, *others = self
        total = first(states, behind)
        for stack in others:
            total = total + stack(states, behind)
        return total / len(self)


class ResidualStack(nn.ModuleList):
    """Residuals of one kernel and several dilations, one after another."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        for layer in self:
            states = layer(states, behind)
        return states


class DilatedResidual(nn.Module):
    """A dilated convolution and one that is not, each behind a leaky ReLU, added to what they read.

    Both keep the length, so the kernel is odd.
    """

    def __init__(self, channels: int, kernel: int, dilation: int, slope: float) -> None:
        super().__init__()
        self.dilated = TimeConvolution(
            channels, channels, kernel, padding=(kernel - 1) * dilation // 2, dilation=dilation
        )
        self.conv = TimeConvolution(channels, channels, kernel, padding=(kernel - 1) // 2)
        self.slope = slope

    def forward(self, states: Tensor, behind: Tensor | None = None) -> Tensor:
        """states [B, C, N], behind [N] -> [B, C, N]."""
        mixed = self.dilated(silenced(F.leaky_relu(states, self.slope), behind))
        return states + self.conv(silenced(F.leaky_relu(mixed, self.slope, inplace=True), behind))


class UnitWaveformLengths(nn.Module):
    """Samples up to the end of the unit behind a row's last: of one too many, unless no padding follows.

    So it is published: durations are summed up to the position that the number of units says, and that
    position is the first behind them.
    """

    def __init__(self, padding: int, samples: int, extra: int) -> None:
        super().__init__()
        self.padding = padding
        self.samples = samples
        self.extra = extra

    def forward(self, unit_ids: Tensor, durations: Tensor) -> Tensor:
        """unit_ids [B, U], durations [B, U] -> lengths [B] int64."""
        units = (unit_ids != self.padding).sum(1, keepdim=True)
        last = units.clamp(max=unit_ids.shape[1] - 1)
        return durations.cumsum(1).gather(1, last).squeeze(1) * self.samples + self.extra


class Encoded(NamedTuple):
    """What the encoder gives the decoder: states [B, S, D] and their mask [B, S], 1 = keep, or None."""

    hidden: Tensor
    mask: Tensor | None


class PredictDurations(NamedTuple):
    """States of the characters of decoded tokens, and how many units each lasts."""

    states: Tensor  # [batch, characters, 128]
    durations: Tensor  # [batch, characters]


class DecodeUnits(NamedTuple):
    """Scores of the unit at every place, all at once, and which places there are."""

    unit_logits: Tensor  # [batch, unit_decoder_lengthen, 208]
    mask: Tensor  # [batch, unit_decoder_lengthen]


class PredictUnitDurations(NamedTuple):
    """States of the units, and how many frames each lasts."""

    states: Tensor  # [batch, units, 64]
    durations: Tensor  # [batch, units]


class Vocode(NamedTuple):
    """The waveform of units that last so long, and how many samples of each row are speech."""

    waveform: Tensor  # [batch, 320 * vocoder_lengthen]
    lengths: Tensor  # [batch]


class Output(NamedTuple):
    """Of a whole forward: mean loss (with labels), logits [B, T, V], and what the decoder attended to."""

    loss: Tensor | None
    logits: Tensor
    encoder_last_hidden_state: Tensor
    encoder_attention_mask: Tensor | None


class Model(nn.Module):
    """Nodes in order, by the method that calls them.

    encode_speech: 8
    encode_text: 5
    decode: 6
    predict_durations: 7
    decode_units: 5
    predict_unit_durations: 2
    vocode: 6
    """

    vocabulary = 1000  # ids that the logits tell apart
    # by input, the masks of which only the number of ones in a row is read, as if they came first
    length_masks: Mapping[str, tuple[str, ...]] = {"input_features": ("attention_mask",)}

    def __init__(self) -> None:
        super().__init__()
        self.speech_encoder = nn.Module()
        self.speech_encoder.feature_norm = nn.LayerNorm(160, eps=1e-05)
        # model.config.hidden_size
        self.speech_encoder.projection = Projection(in_features=160, out_features=128, bias=True)
        self.speech_encoder.zero_padding = ZeroPadding()
        self.speech_encoder.layers = LayerDropChunkedEncoderStack(
            [
                MaskedConformerEncoderLayer(
                    first_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    # model.config.hidden_size
                    # model.config.speech_encoder_intermediate_size
                    first=FeedForward(width=128, inner=256, activation=nn.SiLU(), dropout=0.0),
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    self_attention=RelativeKeySelfAttention(
                        target_dim=128,  # model.config.hidden_size
                        heads=4,  # model.config.speech_encoder_attention_heads
                        dropout=0.0,
                        left=64,
                        right=8,
                    ),
                    convolution_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    convolution=ConvolutionModule(
                        width=128,  # model.config.hidden_size
                        depthwise=CausalConvolution(
                            in_channels=128,  # model.config.hidden_size
                            out_channels=128,  # model.config.hidden_size
                            kernel_size=31,
                            groups=128,  # model.config.hidden_size
                            bias=False,
                        ),
                        norm=ChannelNorm(normalized_shape=128),  # model.config.hidden_size
                        activation=nn.SiLU(),
                    ),
                    second_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    # model.config.hidden_size
                    # model.config.speech_encoder_intermediate_size
                    second=FeedForward(width=128, inner=256, activation=nn.SiLU(), dropout=0.0),
                    final_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    dropout=0.0,
                    convolution_dropout=0.0,
                )
                for _ in range(2)  # model.config.speech_encoder_layers
            ],
            chunk=400,  # model.config.speech_encoder_chunk_size
            left_chunks=128,
            layerdrop=0.1,
        )
        self.speech_encoder.final_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        self.speech_encoder.feed_forward = ResidualFeedForward(
            width=128,  # model.config.hidden_size
            inner=256,  # model.config.speech_encoder_intermediate_size
            activation=nn.ReLU(inplace=True),
            dropout=0.0,
            scale=0.5,
        )
        self.speech_encoder.adapter = PoolingEncoderStack(
            [
                PoolingEncoderLayer(
                    residual_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    residual_pool=GatedConvolution(
                        in_channels=128,  # model.config.hidden_size
                        out_channels=128,  # model.config.hidden_size
                        kernel=8,
                        stride=8,
                        padding=4,
                    ),
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    self_attention_pool=GatedConvolution(
                        in_channels=128,  # model.config.hidden_size
                        out_channels=128,  # model.config.hidden_size
                        kernel=8,
                        stride=8,
                        padding=4,
                    ),
                    # model.config.hidden_size
                    # model.config.speech_encoder_attention_heads
                    self_attention=SelfAttention(target_dim=128, heads=4, dropout=0.0),
                    feed_forward_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    feed_forward=DroppedFeedForward(
                        width=128,  # model.config.hidden_size
                        inner=256,  # model.config.speech_encoder_intermediate_size
                        activation=nn.ReLU(inplace=True),
                        dropout=0.1,
                        output_dropout=0.1,
                    ),
                    dropout=0.1,
                ),
            ],
            kernel=8,
            stride=8,
        )
        self.speech_encoder.inner_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        self.text_encoder = nn.Module()
        self.text_encoder.embed = ScaledEmbedding(
            vocabulary=1000,  # model.config.vocab_size
            width=128,  # model.config.hidden_size
            padding_row=0,
            scale=11.313708498984761,
        )
        self.text_encoder.positions = TokenPositions(
            table=SinusoidTable(rows=4098, width=128, padding_row=0),  # model.config.hidden_size
            padding_row=0,
        )
        self.text_encoder.add_positions = AddPositions(dropout=0.1)
        self.text_encoder.layers = LayerDropEncoderStack(
            [
                PreNormEncoderLayer(
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    self_attention=DroppedSelfAttention(
                        target_dim=128,  # model.config.hidden_size
                        heads=4,  # model.config.encoder_attention_heads
                        dropout=0.1,
                        output_dropout=0.1,
                    ),
                    feed_forward_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    feed_forward=FeedForward(
                        width=128,  # model.config.hidden_size
                        inner=256,  # model.config.encoder_ffn_dim
                        activation=nn.ReLU(inplace=True),
                        dropout=0.0,
                    ),
                    dropout=0.0,
                )
                for _ in range(2)  # model.config.encoder_layers
            ],
            layerdrop=0.05,
        )
        self.text_encoder.final_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        self.decoder = nn.Module()
        self.decoder.embed = ScaledEmbedding(
            vocabulary=1000,  # model.config.vocab_size
            width=128,  # model.config.hidden_size
            padding_row=0,
            scale=11.313708498984761,
        )
        self.decoder.positions = TokenPositions(
            table=SinusoidTable(rows=4098, width=128, padding_row=0),  # model.config.hidden_size
            padding_row=0,
        )
        self.decoder.add_positions = AddPositions(dropout=0.1)
        self.decoder.layers = LayerDropDecoderStack(
            [
                PreNormDecoderLayer(
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    self_attention=DroppedSelfAttention(
                        target_dim=128,  # model.config.hidden_size
                        heads=4,  # model.config.decoder_attention_heads
                        dropout=0.1,
                        output_dropout=0.1,
                    ),
                    cross_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    cross_attention=DroppedCrossAttention(
                        target_dim=128,  # model.config.hidden_size
                        source_dim=128,  # model.config.hidden_size
                        heads=4,  # model.config.decoder_attention_heads
                        dropout=0.1,
                        output_dropout=0.1,
                    ),
                    feed_forward_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    feed_forward=FeedForward(
                        width=128,  # model.config.hidden_size
                        inner=256,  # model.config.decoder_ffn_dim
                        activation=nn.ReLU(inplace=True),
                        dropout=0.0,
                    ),
                    dropout=0.0,
                )
                for _ in range(2)  # model.config.decoder_layers
            ],
            layerdrop=0.05,
        )
        self.decoder.final_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        # model.config.hidden_size
        # model.config.vocab_size
        self.head = Projection(in_features=128, out_features=1000, bias=False)
        self.unit_encoder = nn.Module()
        self.unit_encoder.dropout = nn.Dropout(p=0.1)
        self.unit_encoder.layers = LayerDropEncoderStack(
            [
                PreNormEncoderLayer(
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    self_attention=DroppedSelfAttention(
                        target_dim=128,  # model.config.hidden_size
                        heads=4,  # model.config.t2u_encoder_attention_heads
                        dropout=0.1,
                        output_dropout=0.1,
                    ),
                    feed_forward_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    feed_forward=FeedForward(
                        width=128,  # model.config.hidden_size
                        inner=256,  # model.config.t2u_encoder_ffn_dim
                        activation=nn.ReLU(inplace=True),
                        dropout=0.0,
                    ),
                    dropout=0.0,
                )
                for _ in range(2)  # model.config.t2u_encoder_layers
            ],
            layerdrop=0.05,
        )
        self.unit_encoder.final_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        self.unit_decoder = nn.Module()
        self.unit_decoder.expand = AlignedUpsampling()
        # model.config.char_vocab_size
        # model.config.hidden_size
        self.unit_decoder.embed_characters = AddTokens(vocabulary=100, width=128, scale=11.313708498984761)
        self.unit_decoder.character_positions = AddScaledPositions(
            table=GrowingSinusoidTable(rows=4098, width=128, padding_row=1),  # model.config.hidden_size
            padding_row=1,
            dropout=0.0,
        )
        self.unit_decoder.durations = DurationPredictor(
            # model.config.t2u_variance_predictor_embed_dim
            # model.config.t2u_variance_predictor_hidden_dim
            first=CentredConvolution(in_channels=128, out_channels=64, kernel=3),
            first_norm=nn.LayerNorm(64),  # model.config.t2u_variance_predictor_hidden_dim
            # model.config.t2u_variance_predictor_hidden_dim
            second=CentredConvolution(in_channels=64, out_channels=64, kernel=3),
            second_norm=nn.LayerNorm(64),  # model.config.t2u_variance_predictor_hidden_dim
            inner=64,  # model.config.t2u_variance_predictor_hidden_dim
            dropout=0.5,
        )
        self.unit_decoder.lengthen = HardUpsampling()
        self.unit_decoder.positions = AddScaledPositions(
            table=GrowingSinusoidTable(rows=4098, width=128, padding_row=1),  # model.config.hidden_size
            padding_row=1,
            dropout=0.1,
        )
        self.unit_decoder.layers = LayerDropConvolutionStack(
            [
                PostNormConvolutionLayer(
                    # model.config.hidden_size
                    # model.config.t2u_decoder_attention_heads
                    self_attention=SelfAttention(target_dim=128, heads=4, dropout=0.1),
                    self_attention_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    convolutions=ConvolutionalFeedForward(
                        # model.config.hidden_size
                        first=CentredConvolution(in_channels=128, out_channels=128, kernel=7),
                        activation=nn.ReLU(inplace=True),
                        # model.config.hidden_size
                        second=CentredConvolution(in_channels=128, out_channels=128, kernel=7),
                    ),
                    convolutions_norm=nn.LayerNorm(128),  # model.config.hidden_size
                    dropout=0.1,
                )
                for _ in range(2)  # model.config.t2u_decoder_layers
            ],
            layerdrop=0.05,
        )
        self.unit_decoder.final_norm = nn.LayerNorm(128, eps=1e-05)  # model.config.hidden_size
        # model.config.hidden_size
        # model.config.t2u_vocab_size
        self.unit_head = Projection(in_features=128, out_features=208, bias=False)
        self.vocoder = nn.Module()
        # model.config.unit_hifi_gan_vocab_size
        # model.config.unit_embed_dim
        self.vocoder.units = nn.Embedding(200, embedding_dim=64)
        self.vocoder.durations = DurationPredictor(
            # model.config.unit_embed_dim
            first=CentredConvolution(in_channels=64, out_channels=64, kernel=3),
            first_norm=nn.LayerNorm(64),  # model.config.unit_embed_dim
            # model.config.unit_embed_dim
            second=CentredConvolution(in_channels=64, out_channels=64, kernel=3),
            second_norm=nn.LayerNorm(64),  # model.config.unit_embed_dim
            inner=64,  # model.config.unit_embed_dim
            dropout=0.5,
        )
        self.vocoder.lengthen = HardUpsampling()
        # model.config.vocoder_num_langs
        # model.config.lang_embed_dim
        self.vocoder.language = nn.Embedding(8, embedding_dim=16)
        # model.config.vocoder_num_spkrs
        # model.config.spkr_embed_dim
        self.vocoder.speaker = nn.Embedding(10, embedding_dim=16)
        self.vocoder.condition = SurroundingChannels()
        self.vocoder.generator = HifiGanGenerator(
            width=96,  # model.config.unit_embed_dim
            channels=64,  # model.config.upsample_initial_channel
            last_channels=2,  # model.config.upsample_initial_channel
            stages=UpsamplingStages(
                [
                    UpsamplingStage(
                        in_channels=64,  # model.config.upsample_initial_channel
                        out_channels=32,  # model.config.upsample_initial_channel
                        kernel=11,
                        rate=5,
                        slope=0.1,
                        stacks=MeanOfStacks(
                            [
                                ResidualStack(
                                    [
                                        DilatedResidual(
                                            channels=32,  # model.config.upsample_initial_channel
                                            kernel=kernel,
                                            dilation=dilation,
                                            slope=0.1,
                                        )
                                        for dilation in (1, 3, 5)
                                    ]
                                )
                                for kernel in (3, 7, 11)
                            ]
                        ),
                    ),
                    UpsamplingStage(
                        in_channels=32,  # model.config.upsample_initial_channel
                        out_channels=16,  # model.config.upsample_initial_channel
                        kernel=8,
                        rate=4,
                        slope=0.1,
                        stacks=MeanOfStacks(
                            [
                                ResidualStack(
                                    [
                                        DilatedResidual(
                                            channels=16,  # model.config.upsample_initial_channel
                                            kernel=kernel,
                                            dilation=dilation,
                                            slope=0.1,
                                        )
                                        for dilation in (1, 3, 5)
                                    ]
                                )
                                for kernel in (3, 7, 11)
                            ]
                        ),
                    ),
                    UpsamplingStage(
                        in_channels=16,  # model.config.upsample_initial_channel
                        out_channels=8,  # model.config.upsample_initial_channel
                        kernel=8,
                        rate=4,
                        slope=0.1,
                        stacks=MeanOfStacks(
                            [
                                ResidualStack(
                                    [
                                        DilatedResidual(
                                            channels=8,  # model.config.upsample_initial_channel
                                            kernel=kernel,
                                            dilation=dilation,
                                            slope=0.1,
                                        )
                                        for dilation in (1, 3, 5)
                                    ]
                                )
                                for kernel in (3, 7, 11)
                            ]
                        ),
                    ),
                    UpsamplingStage(
                        in_channels=8,  # model.config.upsample_initial_channel
                        out_channels=4,  # model.config.upsample_initial_channel
                        kernel=4,
                        rate=2,
                        slope=0.1,
                        stacks=MeanOfStacks(
                            [
                                ResidualStack(
                                    [
                                        DilatedResidual(
                                            channels=4,  # model.config.upsample_initial_channel
                                            kernel=kernel,
                                            dilation=dilation,
                                            slope=0.1,
                                        )
                                        for dilation in (1, 3, 5)
                                    ]
                                )
                                for kernel in (3, 7, 11)
                            ]
                        ),
                    ),
                    UpsamplingStage(
                        in_channels=4,  # model.config.upsample_initial_channel
                        out_channels=2,  # model.config.upsample_initial_channel
                        kernel=4,
                        rate=2,
                        slope=0.1,
                        stacks=MeanOfStacks(
                            [
                                ResidualStack(
                                    [
                                        DilatedResidual(
                                            channels=2,  # model.config.upsample_initial_channel
                                            kernel=kernel,
                                            dilation=dilation,
                                            slope=0.1,
                                        )
                                        for dilation in (1, 3, 5)
                                    ]
                                )
                                for kernel in (3, 7, 11)
                            ]
                        ),
                    ),
                ]
            ),
        )
        self.vocoder.lengths = UnitWaveformLengths(padding=1, samples=320, extra=0)
        self.text_encoder.embed.tokens.weight = self.decoder.embed.tokens.weight
        self.head.weight = self.decoder.embed.tokens.weight

    @torch.no_grad()
    def initialise(self, seed: int = 0) -> None:
        """Draw fresh parameters; the same seed gives the same values."""
        generator = torch.Generator().manual_seed(seed)
        for name, module in self.named_modules():
            if module in (self.text_encoder.embed.tokens, self.head):  # its weight is drawn where it is kept
                continue
            match module:
                case nn.Linear() if f"{name}.".startswith("speech_encoder.projection."):
                    bound = module.weight[0].numel() ** -0.5
                    nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                    if module.bias is not None:
                        bound = module.weight[0].numel() ** -0.5
                        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
                case nn.Conv1d():
                    nn.init.kaiming_normal_(module.weight, generator=generator)
                    if module.bias is not None:
                        bound = module.weight[0].numel() ** -0.5
                        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
                case nn.Linear() if f"{name}.".startswith("unit_head."):
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    module.weight[1].zero_()
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case nn.ConvTranspose1d():
                    nn.init.kaiming_normal_(module.weight, generator=generator)
                    if module.bias is not None:
                        bound = module.weight[:, 0].numel() ** -0.5
                        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
                case nn.Linear():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case nn.Embedding():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.padding_idx is not None:
                        module.weight[module.padding_idx].zero_()
                case nn.LayerNorm():
                    nn.init.ones_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case AddScaledPositions():
                    nn.init.ones_(module.scale)

    def encode_speech(
        self,
        input_features: Tensor,
        attention_mask: Tensor | None = None,
    ) -> Encoded:
        """Run the encoder of speech."""
        check_numbers("input_features", input_features, self)
        check_mask("attention_mask", attention_mask)
        if input_features.dim() != 3 or input_features.shape[2] != 160:
            raise ValueError(f"input_features is [batch, source, 160] here, not {list(input_features.shape)}")
        if attention_mask is not None and attention_mask.shape != input_features.shape[:2]:
            raise ValueError(f"attention_mask is [batch, source] here, not {list(attention_mask.shape)}")
        feature_norm = self.speech_encoder.feature_norm(input_features)  # [batch, source, 160]
        projection = self.speech_encoder.projection(feature_norm)  # [batch, source, 128]
        # [batch, source, 128]
        zero_padding = self.speech_encoder.zero_padding(projection, mask=attention_mask)
        layers = self.speech_encoder.layers(zero_padding, mask=attention_mask)  # [batch, source, 128]
        final_norm = self.speech_encoder.final_norm(layers)  # [batch, source, 128]
        feed_forward = self.speech_encoder.feed_forward(final_norm)  # [batch, source, 128]
        # [batch, source // 8 + 1, 128]
        adapter_hidden, adapter_mask = self.speech_encoder.adapter(feed_forward, mask=attention_mask)
        inner_norm = self.speech_encoder.inner_norm(adapter_hidden)  # [batch, source // 8 + 1, 128]
        return Encoded(inner_norm, adapter_mask)

    def encode_text(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
    ) -> Encoded:
        """Run the encoder of text."""
        check_ids("input_ids", input_ids, 1000)
        check_mask("attention_mask", attention_mask)
        if input_ids.dim() != 2:
            raise ValueError(f"input_ids is [batch, source] here, not {list(input_ids.shape)}")
        if attention_mask is not None and attention_mask.shape != input_ids.shape[:2]:
            raise ValueError(f"attention_mask is [batch, source] here, not {list(attention_mask.shape)}")
        embed = self.text_encoder.embed(input_ids)  # [batch, source, 128]
        positions = self.text_encoder.positions(input_ids)  # [batch, source, 128]
        add_positions = self.text_encoder.add_positions(embed, positions)  # [batch, source, 128]
        layers = self.text_encoder.layers(add_positions, mask=attention_mask)  # [batch, source, 128]
        final_norm = self.text_encoder.final_norm(layers)  # [batch, source, 128]
        return Encoded(final_norm, attention_mask)

    def encode(
        self,
        input_features: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Encoded:
        """Run the encoder of what is given."""
        if input_features is not None and input_ids is None:
            return self.encode_speech(input_features, attention_mask)
        if input_ids is not None and input_features is None:
            return self.encode_text(input_ids, attention_mask)
        raise ValueError("give input_features or input_ids, and one of them alone")

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

    def decode_states(
        self,
        decoder_input_ids: Tensor,
        encoded: Encoded,
        cache: Cache | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """The last hidden states, before the head: [R, T, D]."""
        embed = self.decoder.embed(decoder_input_ids)  # [batch, target, 128]
        positions = self.decoder.positions(decoder_input_ids, cache=cache)  # [batch, target, 128]
        add_positions = self.decoder.add_positions(embed, positions)  # [batch, target, 128]
        # [batch, target, 128]
        layers = self.decoder.layers(
            add_positions, encoded.hidden, source_mask=encoded.mask, mask=decoder_attention_mask, cache=cache
        )
        final_norm = self.decoder.final_norm(layers)  # [batch, target, 128]
        return final_norm

    def decode_step(
        self,
        decoder_input_ids: Tensor,
        encoded: Encoded,
        cache: Cache | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> Tensor:
        """The part of `decode` whose shapes depend on rows and cache bucket alone."""
        final_norm = self.decode_states(decoder_input_ids, encoded, cache, decoder_attention_mask)
        head = self.head(final_norm)  # [batch, target, 1000]
        return head

    def forward(
        self,
        input_features: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: Encoded | None = None,
    ) -> Output:
        """Teacher-forced pass. Labels arrive unshifted and are shifted here, once; -100 is ignored."""
        if encoder_outputs is None:
            encoder_outputs = self.encode(input_features, input_ids, attention_mask)
        elif input_features is not None or input_ids is not None or attention_mask is not None:
            raise ValueError("encoder_outputs hold the states and their mask: give nothing else to encode")
        if labels is not None:
            check_ids("labels", labels, self.vocabulary, IGNORED)
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("give decoder_input_ids, or labels to shift")
            decoder_input_ids = shift_right(labels, start=3, pad=0)
        check_ids("decoder_input_ids", decoder_input_ids, 1000)
        logits = self.decode(
            decoder_input_ids, encoder_outputs, decoder_attention_mask=decoder_attention_mask
        )
        if labels is not None and labels.shape != decoder_input_ids.shape:
            raise ValueError(f"labels {list(labels.shape)} for ids {list(decoder_input_ids.shape)}")
        loss = None if labels is None else label_loss(logits, labels)
        return Output(loss, logits, encoder_outputs.hidden, encoder_outputs.mask)

    def predict_durations(
        self,
        token_states: Tensor,
        token_mask: Tensor,
        character_ids: Tensor,
        character_counts: Tensor,
    ) -> PredictDurations:
        """States of the characters of decoded tokens, and how many units each lasts."""
        check_numbers("token_states", token_states, self)
        check_mask("token_mask", token_mask)
        check_ids("character_ids", character_ids, 100)
        if token_states.dim() != 3 or token_states.shape[2] != 128:
            raise ValueError(f"token_states is [batch, tokens, 128] here, not {list(token_states.shape)}")
        if token_mask.shape != token_states.shape[:2]:
            raise ValueError(f"token_mask is [batch, tokens] here, not {list(token_mask.shape)}")
        if character_ids.dim() != 2:
            raise ValueError(f"character_ids is [batch, characters] here, not {list(character_ids.shape)}")
        if character_counts.dim() != 2:
            raise ValueError(f"character_counts is [batch, tokens] here, not {list(character_counts.shape)}")
        dropout = self.unit_encoder.dropout(token_states)  # [batch, tokens, 128]
        layers = self.unit_encoder.layers(dropout, mask=token_mask)  # [batch, tokens, 128]
        final_norm = self.unit_encoder.final_norm(layers)  # [batch, tokens, 128]
        # [batch, characters, 128]
        expand_hidden, expand_mask = self.unit_decoder.expand(final_norm, character_counts, character_ids)
        # [batch, characters, 128]
        embed_characters = self.unit_decoder.embed_characters(expand_hidden, character_ids)
        # [batch, characters, 128]
        character_positions = self.unit_decoder.character_positions(embed_characters)
        durations = self.unit_decoder.durations(character_positions, mask=expand_mask)  # [batch, characters]
        return PredictDurations(character_positions, durations)

    def decode_units(
        self,
        character_states: Tensor,
        character_durations: Tensor,
        length: int | None = None,
    ) -> DecodeUnits:
        """Scores of the unit at every place, all at once, and which places there are."""
        check_numbers("character_states", character_states, self)
        if character_states.dim() != 3 or character_states.shape[2] != 128:
            raise ValueError(
                f"character_states is [batch, characters, 128] here, not {list(character_states.shape)}"
            )
        if character_durations.dim() != 2:
            raise ValueError(
                f"character_durations is [batch, characters] here, not {list(character_durations.shape)}"
            )
        # [batch, unit_decoder_lengthen, 128]
        lengthen_hidden, lengthen_mask = self.unit_decoder.lengthen(
            character_states, character_durations, length=length
        )
        positions = self.unit_decoder.positions(lengthen_hidden)  # [batch, unit_decoder_lengthen, 128]
        # [batch, unit_decoder_lengthen, 128]
        layers = self.unit_decoder.layers(positions, mask=lengthen_mask)
        final_norm = self.unit_decoder.final_norm(layers)  # [batch, unit_decoder_lengthen, 128]
        unit_head = self.unit_head(final_norm)  # [batch, unit_decoder_lengthen, 208]
        return DecodeUnits(unit_head, lengthen_mask)

    def predict_unit_durations(
        self,
        unit_ids: Tensor,
        unit_mask: Tensor | None = None,
    ) -> PredictUnitDurations:
        """States of the units, and how many frames each lasts."""
        check_ids("unit_ids", unit_ids, 200)
        check_mask("unit_mask", unit_mask)
        if unit_ids.dim() != 2:
            raise ValueError(f"unit_ids is [batch, units] here, not {list(unit_ids.shape)}")
        if unit_mask is not None and unit_mask.shape != unit_ids.shape[:2]:
            raise ValueError(f"unit_mask is [batch, units] here, not {list(unit_mask.shape)}")
        units = self.vocoder.units(unit_ids)  # [batch, units, 64]
        durations = self.vocoder.durations(units, mask=unit_mask)  # [batch, units]
        return PredictUnitDurations(units, durations)

    def vocode(
        self,
        unit_states: Tensor,
        unit_durations: Tensor,
        spoken_unit_ids: Tensor,
        language_id: Tensor,
        speaker_id: Tensor,
        length: int | None = None,
    ) -> Vocode:
        """The waveform of units that last so long, and how many samples of each row are speech."""
        check_numbers("unit_states", unit_states, self)
        check_ids("language_id", language_id, 8, rank=1)
        check_ids("speaker_id", speaker_id, 10, rank=1)
        if unit_states.dim() != 3 or unit_states.shape[2] != 64:
            raise ValueError(f"unit_states is [batch, units, 64] here, not {list(unit_states.shape)}")
        if unit_durations.dim() != 2:
            raise ValueError(f"unit_durations is [batch, units] here, not {list(unit_durations.shape)}")
        if spoken_unit_ids.dim() != 2:
            raise ValueError(f"spoken_unit_ids is [batch, units] here, not {list(spoken_unit_ids.shape)}")
        if language_id.dim() != 1:
            raise ValueError(f"language_id is [batch] here, not {list(language_id.shape)}")
        if speaker_id.dim() != 1:
            raise ValueError(f"speaker_id is [batch] here, not {list(speaker_id.shape)}")
        # [batch, vocoder_lengthen, 64]
        lengthen_hidden, lengthen_mask = self.vocoder.lengthen(unit_states, unit_durations, length=length)
        language = self.vocoder.language(language_id)  # [batch, 16]
        speaker = self.vocoder.speaker(speaker_id)  # [batch, 16]
        # [batch, vocoder_lengthen, 96]
        condition = self.vocoder.condition(lengthen_hidden, language, speaker)
        generator = self.vocoder.generator(condition, mask=lengthen_mask)  # [batch, 320 * vocoder_lengthen]
        lengths = self.vocoder.lengths(spoken_unit_ids, unit_durations)  # [batch]
        return Vocode(generator, lengths)
