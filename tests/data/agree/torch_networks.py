"""Small networks in PyTorch, one class each, with an input for each. Four of them are in Keras, too."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

NETWORKS: dict[str, tuple[type[nn.Module], tuple[Tensor, ...]]] = {}


def _conv(
    inner: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU
) -> list[nn.Module]:
    pad = (kernel - 1) // 2
    return [nn.Conv2d(inner, out, kernel, stride, pad, groups=groups, bias=False), nn.BatchNorm2d(out), act()]


def _mlp(size: int, inner: int) -> list[nn.Module]:
    return [nn.Linear(size, inner), nn.Linear(inner, size)]


class MobileNetV2(nn.Module):
    """Inverted residuals."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, 8, 3, 2, act=nn.ReLU6))
        self.blocks = nn.ModuleList()
        inner = 8
        for out, stride in ((12, 1), (12, 1), (20, 2), (20, 1)):
            wide = _conv(inner, 6 * inner, act=nn.ReLU6) + _conv(6 * inner, 6 * inner, 3, stride, 6 * inner, nn.ReLU6)
            self.blocks.append(nn.Sequential(*wide, *_conv(6 * inner, out)[:2]))
            inner = out
        self.head = nn.Sequential(*_conv(20, 40, act=nn.ReLU6))
        self.classifier = nn.Linear(40, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            y = block(x)
            x = x + y if x.shape == y.shape else y
        return self.classifier(self.head(x).mean((2, 3))).softmax(1)


class Bottleneck(nn.Module):
    def __init__(self, inner: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inner, width, 1, stride), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1), nn.BatchNorm2d(4 * width),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inner, 4 * width, 1, stride), nn.BatchNorm2d(4 * width))
            if inner != 4 * width
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.body(x))


class ResNet(nn.Module):
    """Bottlenecks, with convolutions that have biases and norms."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential(Bottleneck(8, 8, 1), Bottleneck(32, 8, 1), Bottleneck(32, 16, 2))
        self.pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.body(self.stem(x))).flatten(1))


class UNet(nn.Module):
    """Transposed convolutions on one way up, resampling on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 10, 3, padding=1)
        self.middle, self.up = nn.Conv2d(10, 14, 3, padding=1), nn.ConvTranspose2d(14, 10, 3, 2, 1, 1)
        self.third, self.last = nn.Conv2d(20, 9, 3, padding=1), nn.Conv2d(15, 7, 3, padding=1)
        self.head = nn.Conv2d(7, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.first(x))
        second = F.relu(self.second(F.max_pool2d(first, 2)))
        x = F.relu(self.middle(F.max_pool2d(second, 2)))
        x = F.leaky_relu(self.up(x), 0.1)
        x = F.relu(self.third(torch.cat([second, x], 1)))
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.head(F.relu(self.last(torch.cat([first, x], 1))))


class ConvNeXt(nn.Module):
    """Large depthwise kernels, layer norms along the channels, dense layers in place of pointwise ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8, 1e-6)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8, 1e-6), nn.Linear(8, 32), nn.Linear(32, 8)]
            )
            for _ in range(2)
        )
        self.down_norm, self.down = nn.LayerNorm(8, 1e-6), nn.Conv2d(8, 12, 2, 2)
        self.norm, self.head = nn.LayerNorm(12, 1e-6), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_norm(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        for wide, norm, up, down in self.blocks:  # type: ignore[misc]
            y = down(F.gelu(up(norm(wide(x).permute(0, 2, 3, 1)))))
            x = x + y.permute(0, 3, 1, 2)
        x = self.down(self.down_norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return self.head(self.norm(x.mean((2, 3))))


class ShuffleNet(nn.Module):
    """Channels that are split, shuffled and joined; convolutions in groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, 12, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.units = nn.ModuleList(
            nn.Sequential(*_conv(6, 6), *_conv(6, 6, 3, groups=6)[:2], *_conv(6, 6)) for _ in range(3)
        )
        self.grouped = nn.Sequential(*_conv(12, 24, 3, 2, groups=3))
        self.classifier = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for unit in self.units:
            kept, changed = x.chunk(2, 1)
            x = torch.cat([kept, unit(changed)], 1)
            batch, channels, height, width = x.shape
            x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)
        return self.classifier(self.grouped(x).mean((2, 3)))


class ViT(nn.Module):
    """A picture in patches, with a token of a class, through attention in one weight for three projections."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.token, self.places = nn.Parameter(torch.rand(1, 1, 16)), nn.Parameter(torch.rand(1, 17, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(16), enable_nested_tensor=False)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.encoder(x)[:, 0])


class RMSNorm(nn.Module):
    """As language models write it: the older exporter has no ``nn.RMSNorm``."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Decoder(nn.Module):
    """Tokens, causal attention, a gated layer, RMS norms, the embedding once more as the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(40, 16)
        self.norm, self.next_norm, self.last_norm = RMSNorm(16), RMSNorm(16), RMSNorm(16)
        self.query, self.key, self.value = (nn.Linear(16, 16, bias=False) for _ in range(3))
        self.out = nn.Linear(16, 16, bias=False)
        self.gate, self.up, self.down = nn.Linear(16, 24, bias=False), nn.Linear(16, 24, bias=False), nn.Linear(24, 16)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens)
        y = self.norm(x)
        heads = [one(y).view(y.shape[0], -1, 4, 4).transpose(1, 2) for one in (self.query, self.key, self.value)]
        y = F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.out(y)
        y = self.next_norm(x)
        x = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return F.linear(self.last_norm(x), self.tokens.weight)


class Recurrent(nn.Module):
    """Both directions of an LSTM, two layers of a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 4, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(8, 6, 2, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.lstm(x)
        x, _ = self.gru(x)
        return self.head(x[:, -1])


class Wave(nn.Module):
    """Along one axis: strides, dilation, a gate of tanh and sigmoid, group norm, a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(1, 8, 16, 8, 4), nn.GroupNorm(2, 8)
        self.gates = nn.ModuleList(nn.Conv1d(8, 16, 3, padding=rate, dilation=rate) for rate in (1, 2, 4))
        self.outs = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(3))
        self.slope, self.last = nn.PReLU(8), nn.ConvTranspose1d(8, 1, 16, 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x))
        for gate, out in zip(self.gates, self.outs):
            tanh, sigmoid = gate(x).chunk(2, 1)
            x = x + out(torch.tanh(tanh) * torch.sigmoid(sigmoid))
        return self.last(self.slope(x))


class R2Plus1D(nn.Module):
    """Along three axes, with a kernel that is factored into a spatial and a temporal one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(3, 6, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False), nn.BatchNorm3d(6), nn.ReLU(),
            nn.Conv3d(6, 8, (3, 1, 1), 1, (1, 0, 0), bias=False), nn.BatchNorm3d(8), nn.ReLU(),
            nn.MaxPool3d(2), nn.Conv3d(8, 10, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class SENet(nn.Module):
    """Squeeze and excitation, with hard swish; pools to a size that does not divide."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, 8, 3, 2, act=nn.Hardswish))
        self.wide = nn.Sequential(*_conv(8, 24, act=nn.Hardswish), *_conv(24, 24, 5, groups=24, act=nn.Hardswish))
        self.squeeze, self.excite = nn.Conv2d(24, 6, 1), nn.Conv2d(6, 24, 1)
        self.narrow = nn.Sequential(*_conv(24, 8)[:2])
        self.head = nn.Linear(8 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.wide(x)
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        x = x + self.narrow(y * gate)
        return self.head(F.avg_pool2d(x, 4).flatten(1))


_IMAGE = (torch.rand(1, 3, 32, 32),)
NETWORKS |= {
    "mobilenet_v2": (MobileNetV2, _IMAGE),
    "resnet": (ResNet, _IMAGE),
    "unet": (UNet, _IMAGE),
    "convnext": (ConvNeXt, _IMAGE),
    "shufflenet": (ShuffleNet, _IMAGE),
    "vit": (ViT, _IMAGE),
    "decoder": (Decoder, (torch.randint(40, (1, 9)),)),
    "recurrent": (Recurrent, (torch.rand(1, 7, 5),)),
    "wave": (Wave, (torch.rand(1, 1, 256),)),
    "r2plus1d": (R2Plus1D, (torch.rand(1, 3, 4, 16, 16),)),
    "senet": (SENet, _IMAGE),
}


def made(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A network in evaluation mode, with random weights: no norm leaves its input as it is."""
    torch.manual_seed(7)
    kind, inputs = NETWORKS[name]
    model = kind().eval()
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5)
    return model, inputs
