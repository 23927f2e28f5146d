"""An encoder-decoder model, emitted by crossloom: change the spec and emit again.

Shapes are noted as [dimensions]; B batch, S source, T target, D width, H heads, K head width,
F frames, V vocabulary, C channels, R rows of a decode step (sentences x beams).
"""

# name: swin-roberta
# resolved spec: sha256 5576425d815b868d9a43aa1ded6a39cfe2619391830b7c28933dd23a6566b441

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


class PatchEmbedding(nn.Module):
    """An affine map of every patch: an image is cut into a grid, row by row from the top left corner.

    What is left of an image beyond its last whole patch is not read.
    """

    def __init__(self, channels: int, width: int, patch_height: int, patch_width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, width, (patch_height, patch_width), (patch_height, patch_width))

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, height, width] -> [B, S, D], S the number of whole patches."""
        return self.projection(image).flatten(2).transpose(1, 2)


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


class BranchEncoderLayer(nn.Module):
    """x += branch(SelfAttention(norm(x))); x += branch(FeedForward(norm(x))).

    A branch is what a sub-layer's output goes through before it is added: dropout, stochastic depth.
    """

    def __init__(
        self,
        self_attention_norm: nn.Module,
        self_attention: nn.Module,
        self_attention_branch: nn.Module,
        feed_forward_norm: nn.Module,
        feed_forward: nn.Module,
        feed_forward_branch: nn.Module,
    ) -> None:
        super().__init__()
        self.self_attention_norm = self_attention_norm
        self.self_attention = self_attention
        self.self_attention_branch = self_attention_branch
        self.feed_forward_norm = feed_forward_norm
        self.feed_forward = feed_forward
        self.feed_forward_branch = feed_forward_branch

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D], additive mask [B, 1, 1, S] -> [B, S, D]."""
        attended = self.self_attention(self.self_attention_norm(hidden), mask)
        hidden = hidden + self.self_attention_branch(attended)
        transformed = self.feed_forward(self.feed_forward_norm(hidden))
        return hidden + self.feed_forward_branch(transformed)


class Windows(nn.Module):
    """A grid cut into square windows; zeros behind its last row and column fill the last of them."""

    def __init__(self, rows: int, columns: int, size: int) -> None:
        super().__init__()
        self.rows = rows
        self.columns = columns
        self.size = size
        self.down = (rows + size - 1) // size
        self.across = (columns + size - 1) // size

    def split(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B * N, C, D]."""
        images, _, width = hidden.shape
        grid = hidden.view(images, self.rows, self.columns, width)
        below, right = self.down * self.size - self.rows, self.across * self.size - self.columns
        return self.cut(F.pad(grid, (0, 0, 0, right, 0, below)))

    def cut(self, grid: Tensor) -> Tensor:
        """A grid whose sides the windows divide: [B, R, Q, D] -> [B * N, C, D]."""
        images, width, size = grid.shape[0], grid.shape[3], self.size
        parts = grid.reshape(images, self.down, size, self.across, size, width).transpose(2, 3)
        return parts.reshape(images * self.down * self.across, size * size, width)

    def put_together(self, windows: Tensor) -> Tensor:
        """The inverse of `cut`."""
        width, size = windows.shape[2], self.size
        parts = windows.view(-1, self.down, self.across, size, size, width).transpose(2, 3)
        return parts.reshape(-1, self.down * size, self.across * size, width)

    def join(self, windows: Tensor) -> Tensor:
        """The inverse of `split`: [B * N, C, D] -> [B, S, D]."""
        return self.put_together(windows)[:, : self.rows, : self.columns].flatten(1, 2)

    def biased(self, bias: Tensor, images: int) -> Tensor:
        """What is added to the scores: `bias` [1, H, C, C], for it is the same in every window."""
        return bias


class WindowAttention(nn.Module):
    """Attention among the cells of each window, with a bias for their relative position."""

    def __init__(self, windows: Windows, attention: nn.Module, position_bias: nn.Module) -> None:
        super().__init__()
        self.windows = windows
        self.attention = attention
        self.position_bias = position_bias

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """hidden [B, S, D] -> [B, S, D]; a grid has no padding to mask, and zeros behind it are attended."""
        bias = self.windows.biased(self.position_bias(), hidden.shape[0])
        return self.windows.join(self.attention(self.windows.split(hidden), bias))


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


def relative_positions(rows: int, columns: int) -> Tensor:
    """Which of the (2 rows - 1) * (2 columns - 1) offsets lies between two cells of a grid: [C, C]."""
    row = torch.arange(rows).repeat_interleave(columns)
    column = torch.arange(columns).repeat(rows)
    down = row.unsqueeze(1) - row + rows - 1
    right = column.unsqueeze(1) - column + columns - 1
    return down * (2 * columns - 1) + right


class WindowPositionBias(nn.Module):
    """What a head adds to the score of two cells of a window, learned for every offset between them.

    A relative position bias, as in Shaw et al. 2018 and Raffel et al. 2020, over two dimensions.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty((2 * size - 1) * (2 * size - 1), heads))
        self.index: Tensor
        self.register_buffer(
            "index", torch.empty(size * size, size * size, dtype=torch.int64), persistent=False
        )
        self.size = size
        self.reset_buffers()

    def reset_buffers(self) -> None:
        """Number the offsets, on the device where the numbers live."""
        self.index = relative_positions(self.size, self.size).to(self.index.device)

    def forward(self) -> Tensor:
        """[1, H, C, C]."""
        return self.table[self.index].permute(2, 0, 1).unsqueeze(0)


class StochasticDepth(nn.Module):
    """In training: dropout of single elements, and of all that a sample of the batch adds.

    What survives is scaled up, as after any dropout.
    """

    def __init__(self, dropout: float, rate: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """[B, S, D], unchanged in shape."""
        return self.thinned(branch) if self.training else branch

    def thinned(self, branch: Tensor) -> Tensor:
        """The branch without some of its elements and samples."""
        samples = F.dropout(branch.new_ones(branch.shape[0], 1, 1), self.rate)
        return drop_out(branch, self.dropout) * samples


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


APART = -100.0


class ShiftedWindows(Windows):
    """Windows that begin `shift` cells later; the cells before come last, as if the grid were rolled."""

    def __init__(self, rows: int, columns: int, size: int, shift: int) -> None:
        super().__init__(rows, columns, size)
        self.shift = shift

    def cut(self, grid: Tensor) -> Tensor:
        """[B, R, Q, D] -> [B * N, C, D], rolled before."""
        return super().cut(grid.roll((-self.shift, -self.shift), (1, 2)))

    def put_together(self, windows: Tensor) -> Tensor:
        """[B * N, C, D] -> [B, R, Q, D], rolled back."""
        return super().put_together(windows).roll((self.shift, self.shift), (1, 2))

    def biased(self, bias: Tensor, images: int) -> Tensor:
        """[1, H, C, C] -> [B * N, H, C, C]: cells from opposite ends of the grid hardly see each other."""
        down = self.ends(self.down * self.size, bias.device)
        across = self.ends(self.across * self.size, bias.device)
        ends = super().cut((2 * down.unsqueeze(1) + across)[None, :, :, None]).squeeze(-1)  # [N, C]
        apart = (ends.unsqueeze(1) != ends.unsqueeze(2)).unsqueeze(1) * APART  # [N, 1, C, C]
        both = bias + apart.to(bias.dtype)
        return both.expand(images, *both.shape).flatten(0, 1)

    def ends(self, cells: int, device: torch.device) -> Tensor:
        """Along one side of the rolled grid: 1 where a cell came round from the other end."""
        return (torch.arange(cells, device=device) >= cells - self.shift).long()


class PatchMerging(nn.Module):
    """A grid of half the rows and columns: four cells become one of twice the width.

    An odd side is filled with zeros. The four come in the order of their columns, then of their rows.
    """

    def __init__(self, rows: int, columns: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.proj = nn.Linear(4 * width, 2 * width, bias=False)
        self.rows = rows
        self.columns = columns

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, S, D] -> [B, ceil(rows / 2) * ceil(columns / 2), 2 D]."""
        images, _, width = hidden.shape
        grid = hidden.view(images, self.rows, self.columns, width)
        grid = F.pad(grid, (0, 0, 0, self.columns % 2, 0, self.rows % 2))
        down, across = grid.shape[1] // 2, grid.shape[2] // 2
        four = grid.view(images, down, 2, across, 2, width).permute(0, 1, 3, 4, 2, 5)
        return self.proj(self.norm(four.reshape(images, down * across, 4 * width)))


class AddTypes(nn.Module):
    """Sum of hidden states and the embedding of each token's type, type 0 where none are given."""

    def __init__(self, types: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(types, width)

    def forward(self, hidden: Tensor, types: Tensor | None = None) -> Tensor:
        """hidden [B, T, D], types [B, T] -> [B, T, D]."""
        return hidden + (self.table.weight[0] if types is None else self.table(types))


def token_rows(ids: Tensor, padding_row: int, cache: Cache | None) -> Tensor:
    """The row of a table for each of the ids [R, T]: counted from the padding row on, pads on it."""
    real = ids.ne(padding_row).long()
    past = 0 if cache is None else cache.position
    return (real.cumsum(1) + past) * real + padding_row


def require_room(count: int, rows: int, first: int) -> None:
    """Refuse more positions than a table of `rows` has from row `first` on."""
    if first + count > rows:
        raise ValueError(f"{count} positions were asked for; the table ends at {rows - first}")


class LearnedTokenPositions(nn.Module):
    """A trained row for the position of every real token, counted as in `TokenPositions`."""

    def __init__(self, rows: int, width: int, padding_row: int) -> None:
        super().__init__()
        self.table = nn.Embedding(rows, width, padding_idx=padding_row)
        self.rows = rows
        self.padding_row = padding_row

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids [R, T] -> [R, T, D]; with a cache, counting goes on from its position."""
        end = ids.shape[1] if cache is None else cache.filled
        require_room(end, self.rows, self.padding_row + 1)
        return self.table(token_rows(ids, self.padding_row, cache))


class AddPositions(nn.Module):
    """Sum of hidden states and their positions, then dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """Two of [B, T, D] -> [B, T, D]."""
        return drop_out(hidden + positions, self.dropout, self.training)


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


class PostNormDecoderLayer(DecoderLayer):
    """x = norm(x + SelfAttention(x)); x = norm(x + CrossAttention(x)); x = norm(x + FeedForward(x))."""

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
        attended = self.self_attention(hidden, mask, cache, layer, slots)
        hidden = self.self_attention_norm(hidden + self.dropped(attended))
        attended = self.cross_attention(hidden, source_states, source_mask, beams)
        hidden = self.cross_attention_norm(hidden + self.dropped(attended))
        transformed = self.feed_forward(hidden)
        return self.feed_forward_norm(hidden + self.dropped(transformed))


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
    """12 encode and 11 decode nodes, in order."""

    vocabulary = 50265  # ids that the logits tell apart
    # by input, the masks of which only the number of ones in a row is read, as if they came first
    length_masks: Mapping[str, tuple[str, ...]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        # encoder.config.embed_dim
        self.encoder.patches = PatchEmbedding(channels=3, width=128, patch_height=4, patch_width=4)
        self.encoder.embed_norm = nn.LayerNorm(128, eps=1e-05)  # encoder.config.embed_dim
        self.encoder.dropout = nn.Dropout(p=0.0)
        self.encoder.stage0 = EncoderStack(
            [
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(128, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=56, columns=56, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=128, heads=4, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=4),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.0),
                    feed_forward_norm=nn.LayerNorm(128, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=128, inner=512, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(128, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=56, columns=56, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=128, heads=4, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=4),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.004347826086956522),
                    feed_forward_norm=nn.LayerNorm(128, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=128, inner=512, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
            ]
        )
        self.encoder.merging0 = PatchMerging(rows=56, columns=56, width=128)  # encoder.config.embed_dim
        self.encoder.stage1 = EncoderStack(
            [
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(256, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=28, columns=28, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=256, heads=8, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=8),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.008695652173913044),
                    feed_forward_norm=nn.LayerNorm(256, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=256, inner=1024, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(256, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=28, columns=28, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=256, heads=8, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=8),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.013043478260869568),
                    feed_forward_norm=nn.LayerNorm(256, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=256, inner=1024, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
            ]
        )
        self.encoder.merging1 = PatchMerging(rows=28, columns=28, width=256)  # encoder.config.embed_dim
        self.encoder.stage2 = EncoderStack(
            [
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.017391304347826087),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.021739130434782608),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.026086956521739132),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.030434782608695653),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.034782608695652174),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.0391304347826087),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.043478260869565216),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.04782608695652174),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.052173913043478265),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.05652173913043479),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.060869565217391314),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.06521739130434782),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.06956521739130435),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.07391304347826087),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.0782608695652174),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.08260869565217391),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=14, columns=14, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.08695652173913043),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=ShiftedWindows(rows=14, columns=14, size=7, shift=3),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=512, heads=16, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=16),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.09130434782608696),
                    feed_forward_norm=nn.LayerNorm(512, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=512, inner=2048, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
            ]
        )
        self.encoder.merging2 = PatchMerging(rows=14, columns=14, width=512)  # encoder.config.embed_dim
        self.encoder.stage3 = EncoderStack(
            [
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(1024, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=7, columns=7, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=1024, heads=32, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=32),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.09565217391304348),
                    feed_forward_norm=nn.LayerNorm(1024, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=1024, inner=4096, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
                BranchEncoderLayer(
                    self_attention_norm=nn.LayerNorm(1024, eps=1e-05),  # encoder.config.embed_dim
                    self_attention=WindowAttention(
                        windows=Windows(rows=7, columns=7, size=7),
                        # encoder.config.embed_dim
                        attention=SelfAttention(target_dim=1024, heads=32, dropout=0.0),
                        position_bias=WindowPositionBias(size=7, heads=32),
                    ),
                    self_attention_branch=StochasticDepth(dropout=0.0, rate=0.1),
                    feed_forward_norm=nn.LayerNorm(1024, eps=1e-05),  # encoder.config.embed_dim
                    # encoder.config.embed_dim
                    feed_forward=FeedForward(width=1024, inner=4096, activation=nn.GELU(), dropout=0.0),
                    feed_forward_branch=nn.Dropout(p=0.0),
                ),
            ]
        )
        self.encoder.norm = nn.LayerNorm(1024, eps=1e-05)  # encoder.config.embed_dim
        # encoder.config.embed_dim
        self.enc_to_dec_proj = Projection(in_features=1024, out_features=768, bias=True)
        self.decoder = nn.Module()
        # decoder.config.vocab_size
        self.decoder.embed = nn.Embedding(50265, embedding_dim=768, padding_idx=1)
        self.decoder.add_types = AddTypes(types=1, width=768)  # decoder.config.type_vocab_size
        # decoder.config.max_position_embeddings
        self.decoder.positions = LearnedTokenPositions(rows=514, width=768, padding_row=1)
        self.decoder.add_positions = AddPositions(dropout=0.0)
        self.decoder.embed_norm = nn.LayerNorm(768, eps=1e-05)  # decoder.config.layer_norm_eps
        self.decoder.dropout = nn.Dropout(p=0.1)
        self.decoder.layers = DecoderStack(
            [
                PostNormDecoderLayer(
                    self_attention_norm=nn.LayerNorm(768),
                    self_attention=SelfAttention(target_dim=768, heads=12, dropout=0.1),
                    cross_attention_norm=nn.LayerNorm(768),
                    cross_attention=CrossAttention(target_dim=768, source_dim=768, heads=12, dropout=0.1),
                    feed_forward_norm=nn.LayerNorm(768),
                    feed_forward=FeedForward(width=768, inner=3072, activation=nn.GELU(), dropout=0.0),
                    dropout=0.1,
                )
                for _ in range(12)
            ]
        )
        self.head = nn.Module()
        self.head.transform = Projection(in_features=768, out_features=768, bias=True)
        self.head.activation = nn.GELU()
        self.head.norm = nn.LayerNorm(768, eps=1e-05)  # decoder.config.layer_norm_eps
        # decoder.config.vocab_size
        self.head.output = Projection(in_features=768, out_features=50265, bias=True)
        self.head.output.weight = self.decoder.embed.weight

    @torch.no_grad()
    def initialise(self, seed: int = 0) -> None:
        """Draw fresh parameters; the same seed gives the same values."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if module in (self.head.output,):  # its weight is drawn where it is kept
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
                continue
            match module:
                case nn.Linear() | nn.Conv2d():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case nn.LayerNorm():
                    nn.init.ones_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
                case WindowPositionBias():
                    nn.init.zeros_(module.table)
                case nn.Embedding():
                    nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
                    if module.padding_idx is not None:
                        module.weight[module.padding_idx].zero_()

    def encode(
        self,
        pixel_values: Tensor,
    ) -> Encoded:
        """Run the encoder and everything the decoder does not touch."""
        check_numbers("pixel_values", pixel_values, self)
        if pixel_values.shape[1:] != (3, 224, 224):
            raise ValueError(f"pixel_values is [batch, 3, 224, 224] here, not {list(pixel_values.shape)}")
        patches = self.encoder.patches(pixel_values)  # [batch, 3136, 128]
        embed_norm = self.encoder.embed_norm(patches)  # [batch, 3136, 128]
        dropout = self.encoder.dropout(embed_norm)  # [batch, 3136, 128]
        stage0 = self.encoder.stage0(dropout)  # [batch, 3136, 128]
        merging0 = self.encoder.merging0(stage0)  # [batch, 784, 256]
        stage1 = self.encoder.stage1(merging0)  # [batch, 784, 256]
        merging1 = self.encoder.merging1(stage1)  # [batch, 196, 512]
        stage2 = self.encoder.stage2(merging1)  # [batch, 196, 512]
        merging2 = self.encoder.merging2(stage2)  # [batch, 49, 1024]
        stage3 = self.encoder.stage3(merging2)  # [batch, 49, 1024]
        norm = self.encoder.norm(stage3)  # [batch, 49, 1024]
        enc_to_dec_proj = self.enc_to_dec_proj(norm)  # [batch, 49, 768]
        return Encoded(enc_to_dec_proj.to(self.decoder.embed.weight.dtype), None)

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
        embed = self.decoder.embed(decoder_input_ids)  # [batch, target, 768]
        add_types = self.decoder.add_types(embed)  # [batch, target, 768]
        positions = self.decoder.positions(decoder_input_ids, cache=cache)  # [batch, target, 768]
        add_positions = self.decoder.add_positions(add_types, positions)  # [batch, target, 768]
        embed_norm = self.decoder.embed_norm(add_positions)  # [batch, target, 768]
        dropout = self.decoder.dropout(embed_norm)  # [batch, target, 768]
        # [batch, target, 768]
        layers = self.decoder.layers(dropout, encoded.hidden, mask=decoder_attention_mask, cache=cache)
        transform = self.head.transform(layers)  # [batch, target, 768]
        activation = self.head.activation(transform)  # [batch, target, 768]
        norm = self.head.norm(activation)  # [batch, target, 768]
        output = self.head.output(norm)  # [batch, target, 50265]
        return output

    def forward(
        self,
        pixel_values: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: Encoded | None = None,
    ) -> Output:
        """Teacher-forced pass. Labels arrive unshifted and are shifted here, once; -100 is ignored."""
        if encoder_outputs is None:
            if pixel_values is None:
                raise ValueError("give pixel_values, or encoder_outputs")
            encoder_outputs = self.encode(pixel_values)
        elif pixel_values is not None:
            raise ValueError("encoder_outputs hold the states and their mask: give nothing else to encode")
        if labels is not None:
            check_ids("labels", labels, self.vocabulary, IGNORED)
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("give decoder_input_ids, or labels to shift")
            decoder_input_ids = shift_right(labels, start=0, pad=1)
        check_ids("decoder_input_ids", decoder_input_ids, 50265)
        logits = self.decode(
            decoder_input_ids, encoder_outputs, decoder_attention_mask=decoder_attention_mask
        )
        if labels is not None and labels.shape != decoder_input_ids.shape:
            raise ValueError(f"labels {list(labels.shape)} for ids {list(decoder_input_ids.shape)}")
        loss = None if labels is None else label_loss(logits, labels)
        return Output(loss, logits, encoder_outputs.hidden, encoder_outputs.mask)
