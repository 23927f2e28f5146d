"""Dropout (Srivastava et al. 2014)."""

import torch
import torch.nn.functional as F
from torch import Tensor

STEPS = 1 << 16
"""A probability is so many steps fine where 16 random bits decide on an element."""


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
