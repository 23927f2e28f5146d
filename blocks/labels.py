"""Teacher forcing: decoder inputs and loss from unshifted labels."""

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def shift_right(labels: Tensor, start: int, pad: int) -> Tensor:
    """Decoder inputs for labels [B, T]: the start id, then the labels but the last; ignored ones are pads."""
    shifted = labels.roll(1, dims=1)
    shifted[:, 0] = start
    return shifted.masked_fill(shifted == IGNORED, pad)


def rotate_right(labels: Tensor, pad: int) -> Tensor:
    """Decoder inputs for labels [B, T]: their last one that is no pad, then the others in order.

    So a text begins with the language that ends its labels (Liu et al. 2020); ignored labels are pads.
    """
    labels = labels.masked_fill(labels == IGNORED, pad)
    last = (labels.ne(pad).sum(1, keepdim=True) - 1) % labels.shape[1]
    return torch.cat((labels.gather(1, last), labels[:, :-1]), dim=1)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits [B, T, V] over the labels [B, T] that are not ignored; 0 if all are.

    It is added up in float32, or in the dtype of the logits where that is finer: a half cannot hold a
    sum over a batch.
    """
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = F.cross_entropy(precise.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total / labels.ne(IGNORED).sum().clamp(min=1)
