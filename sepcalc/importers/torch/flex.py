"""FlexAttention: one operator for attention, with a user function that may change the scores."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

_WITHOUT_COMPILING = "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG"


@contextmanager
def uncompiled() -> Iterator[None]:
    """Makes PyTorch run the operator directly, without compiling it."""
    from torch.nn.attention import flex_attention as flex

    before = getattr(flex, _WITHOUT_COMPILING, None)
    if before is None:
        yield
        return
    setattr(flex, _WITHOUT_COMPILING, True)
    try:
        yield
    finally:
        setattr(flex, _WITHOUT_COMPILING, before)


def flex_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    score_mod: Callable[..., torch.Tensor],
    block_mask: Any,
    scale: float,
    options: Mapping[str, Any],
    *_: Any,
) -> tuple[torch.Tensor, ...]:
    """The operator step by step: scores, the user function on all of them at once, softmax, values. The block mask
    selects pairs, which is free. Beside the result, it returns sums and maxima of the scores, which are part of the
    softmax; only their shapes are right."""
    from torch.nn.attention import flex_attention as flex

    shared = query.shape[1] // key.shape[1]
    if score_mod is flex._identity:
        out = F.scaled_dot_product_attention(query, key, value, scale=scale, enable_gqa=shared > 1)
    else:
        if shared > 1:
            key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
        scores = query @ key.transpose(-2, -1)
        if scale != 1:
            scores = scores * scale
        places = [torch.arange(size).view([-1 if at == axis else 1 for at in range(4)]) for axis, size in _axes(scores)]
        out = score_mod(scores, *places).softmax(-1) @ value
    asked = any(options.get(name) for name in ("OUTPUT_LOGSUMEXP", "OUTPUT_MAX"))
    beside = out[..., 0] if asked else torch.empty(out.shape[:-1])
    return (out, beside, beside) if hasattr(flex, "AuxOutput") else (out, beside)


def _axes(scores: torch.Tensor) -> list[tuple[int, int]]:
    return list(enumerate(scores.shape))
