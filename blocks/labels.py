"""Teacher forcing: decoder inputs and loss from unshifted labels."""

import torch.nn.functional as F
from torch import Tensor

IGNORED = -100


def shift_right(labels: Tensor, start: int, pad: int) -> Tensor:
    """Decoder inputs for labels [B, T]: the start id, then the labels but the last; ignored ones are pads."""
    shifted = labels.roll(1, dims=1)
    shifted[:, 0] = start
    return shifted.masked_fill(shifted == IGNORED, pad)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits [B, T, V] over the labels [B, T] that are not ignored."""
    return F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)
