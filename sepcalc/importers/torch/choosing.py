"""Layers that the data chooses, such as the best few experts for each token.

The cost is often the same for every choice. So several choices are made up that differ as much as possible. If all of
them cost the same, so does any choice.
"""

from collections.abc import Mapping
from typing import Any

import torch

WAYS = 5  # each in turn, always the first, always the last, random, random with another seed
MAX_CHOICES = 65_536


def chosen(way: int, name: str, bound: Mapping[str, Any], result: Any) -> tuple[Any, torch.Tensor | None]:
    """The result of an operator that chooses the best along the last axis, with made-up indices in it; and these
    indices."""
    several = isinstance(result, tuple)  # the values and their indices
    if not several and name != "argmax":
        return result, None  # two tensors, or all of one
    places = result[1] if several else result
    given, axis = bound["self"], bound.get("dim", -1)
    if axis is None or not given.ndim or axis % given.ndim != given.ndim - 1:
        return result, None
    if not places.is_meta or not 0 < places.numel() <= MAX_CHOICES:
        return result, None
    among, best = given.shape[-1], bound["k"] if name == "topk" else 1
    rows, first = places.numel() // best, torch.arange(best)
    if way == 0:
        at = (torch.arange(rows)[:, None] * best + first) % among
    elif way < 3:
        at = (first if way == 1 else among - 1 - first).expand(rows, best)
    else:
        lots = torch.rand(rows, among, generator=torch.Generator().manual_seed(way))
        at = lots.argsort(1)[:, :best]
    made = at.contiguous().reshape(places.shape)
    return ((result[0], made) if several else made), made
