"""Modules of one layer each, for every row of the counters' tables, and the shapes of their inputs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

IMAGE, LINE, VOLUME, TOKENS = (1, 8, 12, 12), (1, 8, 12), (1, 4, 6, 6, 6), (1, 5, 8)


class Called(nn.Module):
    """A function as a module, with what it stores."""

    def __init__(self, call: Callable[..., Any], **stored: Any) -> None:
        super().__init__()
        self.call = call
        for name, value in stored.items():
            setattr(self, name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the function gives."""
        result: torch.Tensor = self.call(self, x)
        return result


class Inside(nn.Module):
    """A layer that a model holds: some counters see no layer that is the whole model."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer gives; of several results the first."""
        result = self.layer(x)
        first: torch.Tensor = result[0] if isinstance(result, tuple) else result
        return first


class Attending(nn.Module):
    """PyTorch's attention module, on itself."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What it gives, without the weights."""
        first: torch.Tensor = self.attention(x, x, x, need_weights=False)[0]
        return first


def parameter(*shape: int) -> nn.Parameter:
    """A stored tensor of this shape."""
    return nn.Parameter(torch.ones(shape))


Made = tuple[Callable[[], nn.Module], tuple[int, ...]]
MODELS: dict[str, Made] = {
    **{name: ((lambda make=make: Inside(make())), shape) for name, (make, shape) in {
        "conv": (lambda: nn.Conv2d(8, 6, 3, 2, 1), IMAGE),
        "conv without bias": (lambda: nn.Conv2d(8, 6, 3, bias=False), IMAGE),
        "conv, grouped": (lambda: nn.Conv2d(8, 4, 3, groups=2), IMAGE),
        "conv, depthwise": (lambda: nn.Conv2d(8, 16, 3, groups=8), IMAGE),
        "conv 1-d": (lambda: nn.Conv1d(8, 6, 3), LINE),
        "conv 3-d": (lambda: nn.Conv3d(4, 6, 3), VOLUME),
        "conv, padding same": (lambda: nn.Conv2d(8, 6, 3, padding="same"), IMAGE),
        "transposed": (lambda: nn.ConvTranspose2d(8, 6, 4, 2, 1), IMAGE),
        "transposed, grouped": (lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=4, bias=False), IMAGE),
        "transposed, as many out": (lambda: nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1), IMAGE),
        "linear": (lambda: nn.Linear(8, 6), (1, 8)),
        "linear on rows": (lambda: nn.Linear(8, 6), TOKENS),
        "linear without bias": (lambda: nn.Linear(8, 6, bias=False), TOKENS),
        "batch norm": (lambda: nn.BatchNorm2d(8), IMAGE),
        "batch norm, not affine": (lambda: nn.BatchNorm2d(8, affine=False), IMAGE),
        "layer norm": (lambda: nn.LayerNorm(8), TOKENS),
        "layer norm, not affine": (lambda: nn.LayerNorm(8, elementwise_affine=False), TOKENS),
        "group norm": (lambda: nn.GroupNorm(2, 8), IMAGE),
        "group norm, not affine": (lambda: nn.GroupNorm(2, 8, affine=False), IMAGE),
        "instance norm": (lambda: nn.InstanceNorm2d(8, affine=True), IMAGE),
        "rms norm": (lambda: nn.RMSNorm(8), TOKENS),
        "relu": (nn.ReLU, IMAGE), "relu6": (nn.ReLU6, IMAGE), "leaky relu": (nn.LeakyReLU, IMAGE),
        "prelu": (lambda: nn.PReLU(8), IMAGE), "elu": (nn.ELU, IMAGE), "silu": (nn.SiLU, IMAGE),
        "gelu": (nn.GELU, IMAGE), "sigmoid": (nn.Sigmoid, IMAGE), "hard swish": (nn.Hardswish, IMAGE),
        "tanh": (nn.Tanh, IMAGE), "softmax": (lambda: nn.Softmax(-1), TOKENS),
        "max pool": (lambda: nn.MaxPool2d(3, 2, 1), IMAGE),
        "average pool": (lambda: nn.AvgPool2d(3, 2, 1), IMAGE),
        "average pool without padding": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
        "adaptive average pool": (lambda: nn.AdaptiveAvgPool2d(5), IMAGE),
        "adaptive average pool to a divisor": (lambda: nn.AdaptiveAvgPool2d(4), IMAGE),
        "adaptive max pool": (lambda: nn.AdaptiveMaxPool2d(4), IMAGE),
        "global average pool": (lambda: nn.AdaptiveAvgPool2d(1), IMAGE),
        "global average pool 1-d": (lambda: nn.AdaptiveAvgPool1d(1), LINE),
        "global max pool": (lambda: nn.AdaptiveMaxPool2d(1), IMAGE),
        "nearest upsampling": (lambda: nn.Upsample(scale_factor=2), IMAGE),
        "bilinear upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
        "bicubic upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), IMAGE),
        "linear upsampling": (lambda: nn.Upsample(scale_factor=2, mode="linear"), LINE),
        "trilinear upsampling": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
        "lstm": (lambda: nn.LSTM(8, 6, batch_first=True), TOKENS),
        "lstm, both ways": (lambda: nn.LSTM(8, 6, batch_first=True, bidirectional=True), TOKENS),
        "gru": (lambda: nn.GRU(8, 6, batch_first=True), TOKENS),
        "rnn": (lambda: nn.RNN(8, 6, batch_first=True), TOKENS),
    }.items()},
    "attention module": (lambda: Attending(False), TOKENS),
    "attention module, batch first": (lambda: Attending(True), TOKENS),
    "attention function": (lambda: Called(lambda m, x: functional.scaled_dot_product_attention(x, x, x)), (1, 2, 5, 4)),
    "conv function": (lambda: Called(lambda m, x: functional.conv2d(x, m.weight), weight=parameter(6, 8, 3, 3)), IMAGE),
    "linear function": (lambda: Called(lambda m, x: functional.linear(x, m.weight), weight=parameter(6, 8)), TOKENS),
    "relu function": (lambda: Called(lambda m, x: functional.relu(x)), IMAGE),
    "gelu function": (lambda: Called(lambda m, x: functional.gelu(x)), IMAGE),
    "max pool function": (lambda: Called(lambda m, x: functional.max_pool2d(x, 2)), IMAGE),
    "adaptive pool function": (lambda: Called(lambda m, x: functional.adaptive_avg_pool2d(x, 1)), IMAGE),
    "mean": (lambda: Called(lambda m, x: x.mean((2, 3))), IMAGE),
    "sum": (lambda: Called(lambda m, x: x.sum((2, 3))), IMAGE),
    "add": (lambda: Called(lambda m, x: x + x), IMAGE),
    "multiply": (lambda: Called(lambda m, x: x * x), IMAGE),
    "scale": (lambda: Called(lambda m, x: x * m.scale, scale=parameter(8, 1, 1)), IMAGE),
    "shift": (lambda: Called(lambda m, x: x + m.shift, shift=parameter(8, 1, 1)), IMAGE),
    "subtract": (lambda: Called(lambda m, x: x - x.mean()), IMAGE),
    "product by bmm": (lambda: Called(lambda m, x: torch.bmm(x, x.transpose(1, 2))), TOKENS),
    "product by @": (lambda: Called(lambda m, x: x @ x.transpose(1, 2)), TOKENS),
    "interpolation": (lambda: Called(lambda m, x: functional.interpolate(x, scale_factor=2)), IMAGE),
    "concatenation": (lambda: Called(lambda m, x: torch.cat([x, x], 1)), IMAGE),
}  # fmt: skip
