"""PyTorch modules: every operator that is read, alone or in a few lines of code, against PyTorch's own counter, the
NumPy execution of its layers and numbers worked out by hand; and what must not happen to a caller's module."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install 'sepcalc[torch]'")

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import sepcalc
from sepcalc.cli import run
from sepcalc.cost import Cost
from sepcalc.errors import InputError
from sepcalc.importers.torch.lowering import OPERATORS
from sepcalc.importers.torch.moves import REASONS
from sepcalc.importers.torch.running import traced
from sepcalc.shape import volume

IMAGE, VECTOR, TOKENS, HEADS = (1, 8, 6, 6), (1, 8), (1, 5, 8), (1, 4, 5, 8)


class Code(nn.Module):
    """A forward in a line, and the parameters and modules that it uses."""

    def __init__(self, code: Callable[[Any, Any], Any], **parts: Any) -> None:
        super().__init__()
        self.code = code
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if isinstance(part, torch.Tensor) else part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.code(self, x)


def attention(**more: Any) -> Code:
    return Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, **more))


def written(m: Any, x: torch.Tensor) -> torch.Tensor:
    result = torch.zeros(1, 4, 6, 6)
    result[:, 0:2] = m.conv(x)
    return result.relu()


A = torch.ops.aten
# A module, the shape of its input; macs that PyTorch's counter leaves out (fused attention on CPU, recurrent layers).
CASES: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "conv1d": (nn.Conv1d(3, 8, 3, padding=1), (1, 3, 9), 0),
    "conv2d": (nn.Conv2d(8, 6, (3, 2), (2, 1), (1, 0), (1, 2), groups=2), IMAGE, 0),
    "conv2d same": (nn.Conv2d(8, 6, 4, padding="same", dilation=(1, 3)), IMAGE, 0),
    "conv2d alone": (nn.Conv2d(8, 6, 3), (8, 9, 9), 0),
    "conv3d": (nn.Sequential(nn.Conv3d(3, 8, 3), nn.BatchNorm3d(8), nn.MaxPool3d(2), nn.AvgPool3d(2)), (1, 3, 10, 10, 10), 0),
    "frames": (Code(lambda m, x: m.conv(x.flatten(0, 1)).view(1, 4, 8, 8, 8), conv=nn.Conv2d(3, 8, 3, padding=1)), (1, 4, 3, 8, 8), 0),
    "transposed 1d": (nn.ConvTranspose1d(8, 6, 4, 2), (1, 8, 5), 0),
    "transposed 2d": (nn.ConvTranspose2d(8, 6, 3, 2, 1, 1, groups=2, dilation=2), IMAGE, 0),
    "transposed 3d": (nn.ConvTranspose3d(8, 4, 2, 2), (1, 8, 2, 2, 2), 0),
    "convolution": (Code(lambda m, x: A.convolution(x, m.w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1), w=torch.ones(4, 8, 3, 3)), IMAGE, 0),
    "live kernel": (Code(lambda m, x: F.conv2d(x, x[:, :, :3, :3])), IMAGE, 0),
    "pools 1d": (nn.Sequential(nn.MaxPool1d(2, 1), nn.AvgPool1d(2, 1, 1), nn.AdaptiveAvgPool1d(3), nn.AdaptiveMaxPool1d(2)), (1, 8, 9), 0),
    "pools 2d": (nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), nn.AvgPool2d(2, 2, 1, True, False), nn.AdaptiveAvgPool2d((2, 3)), nn.AdaptiveMaxPool2d(1)), IMAGE, 0),
    "pools 3d": (nn.Sequential(nn.AdaptiveMaxPool3d(2), nn.AdaptiveAvgPool3d(1)), (1, 8, 4, 4, 4), 0),
    "pools of frames": (Code(lambda m, x: F.interpolate(F.avg_pool2d(x[0], 2), scale_factor=2, mode="bilinear")), (1, 4, 3, 8, 8), 0),
    "resampling": (nn.Sequential(nn.UpsamplingBilinear2d(scale_factor=2), nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bicubic"), nn.Upsample(scale_factor=2, mode="nearest-exact")), IMAGE, 0),
    "resampling 1d": (nn.Sequential(nn.Upsample(scale_factor=2, mode="linear"), nn.Upsample(scale_factor=2)), (1, 8, 6), 0),
    "resampling 3d": (nn.Upsample(scale_factor=2, mode="trilinear"), (1, 2, 3, 3, 3), 0),
    "norms": (nn.Sequential(nn.BatchNorm2d(8), nn.BatchNorm2d(8, affine=False), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.InstanceNorm2d(8, track_running_stats=True), nn.LocalResponseNorm(3), nn.LayerNorm([8, 6, 6]), nn.RMSNorm(6)), IMAGE, 0),
    "norms of frames": (Code(lambda m, x: m.norm(x[0]), norm=nn.GroupNorm(2, 8)), (1, 4, 8, 6, 6), 0),
    "native norms": (Code(lambda m, x: (A._native_batch_norm_legit_no_training(x, m.g, m.b, m.z.detach(), m.o.detach(), 0.1, 1e-5)[0], A.native_layer_norm(x, [6], None, None, 1e-5)[0], A.native_group_norm(x, m.g, m.b, 1, 8, 36, 2, 1e-5)[0]), g=torch.ones(8), b=torch.ones(8), z=torch.zeros(8), o=torch.ones(8)), IMAGE, -1),
    "lstm": (Code(lambda m, x: m.lstm(x)[0], lstm=nn.LSTM(8, 4, 2, batch_first=True, bidirectional=True)), TOKENS, 2 * 5 * (4 * 4 * 12 + 4 * 4 * 12)),
    "lstm projected": (Code(lambda m, x: m.lstm(x)[1], lstm=nn.LSTM(8, 4, proj_size=2)), (5, 1, 8), 0),
    "gru": (Code(lambda m, x: m.gru(x)[1], gru=nn.GRU(8, 4)), (5, 1, 8), 0),
    "rnn": (Code(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(8, 4)), (5, 1, 8), 0),
    "rnn relu": (Code(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(8, 4, nonlinearity="relu", bias=False)), (5, 1, 8), 0),
    "cells": (Code(lambda m, x: (m.lstm(x[:, 0], m.lstm(x[:, 1])), m.gru(x[:, 0]), m.tanh(x[:, 0]), m.relu(x[:, 0])), lstm=nn.LSTMCell(8, 4), gru=nn.GRUCell(8, 4), tanh=nn.RNNCell(8, 4), relu=nn.RNNCell(8, 4, nonlinearity="relu")), TOKENS, 0),
    "multi-head, scores kept": (Code(lambda m, x: m.layer(x, x, x)[0], layer=nn.MultiheadAttention(8, 2, batch_first=True)), TOKENS, 0),
    "multi-head": (Code(lambda m, x: m.layer(x, x, x, need_weights=False)[0], layer=nn.MultiheadAttention(8, 2, batch_first=True)), TOKENS, 5 * 5 * 16),
    "multi-head, time first": (Code(lambda m, x: m.layer(x, x, x, need_weights=False)[0], layer=nn.MultiheadAttention(8, 2)), (5, 1, 8), 5 * 5 * 16),
    "encoder": (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), TOKENS, 2 * 5 * 5 * 16),
    "attention": (attention(), HEADS, 4 * 5 * 5 * 16),
    "attention, causal": (attention(is_causal=True), HEADS, 4 * 5 * 5 * 16),
    "attention, unscaled": (attention(scale=1.0), HEADS, 4 * 5 * 5 * 16),
    "attention of windows": (Code(lambda m, x: F.scaled_dot_product_attention(x[0], x[0], x[0])), (1, 6, 4, 5, 8), 6 * 4 * 5 * 5 * 16),
    "attention, grouped": (Code(lambda m, x: F.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True)), HEADS, 4 * 5 * 5 * 16),
    "attention, stored mask": (Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=m.mask), mask=torch.zeros(5, 5)), HEADS, 0),
    "attention, computed mask": (Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=x[..., :5] > 0, scale=1.0)), HEADS, 4 * 5 * 5 * 16),
    "attention, stored queries": (Code(lambda m, x: F.scaled_dot_product_attention(m.q.expand(1, -1, -1, -1), x, x), q=torch.ones(4, 3, 8)), HEADS, 4 * 3 * 5 * 16),
    "attention for cpu": (Code(lambda m, x: A._scaled_dot_product_flash_attention_for_cpu(x, x, x)[0]), HEADS, 4 * 5 * 5 * 16),
    "linear": (nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2, bias=False)), TOKENS, 0),
    "linear of a vector": (nn.Linear(8, 4), (8,), 0),
    "products": (Code(lambda m, x: (x @ x.mT, torch.mm(x[0], m.w), torch.mv(x[0], m.v), torch.dot(x[0, 0], m.v), torch.bmm(x, x.mT), m.w.T @ x.mT), w=torch.ones(8, 3), v=torch.ones(8)), TOKENS, -1),
    "added products": (Code(lambda m, x: (torch.addmm(m.b, x[0], m.w), torch.addmm(m.b, x[0], m.w, beta=2, alpha=3), torch.baddbmm(x[..., :3], x, m.w[None]), torch.addmv(x[0, :, 0], x[0], m.v), torch.addbmm(x[0, :, :3], x, m.w[None]), torch.addr(x[0], x[0, :, 0], m.v)), b=torch.ones(3), w=torch.ones(8, 3), v=torch.ones(8)), TOKENS, -1),
    "einsum": (Code(lambda m, x: (torch.einsum("nhid,nhjd->nhij", x, x), torch.einsum("nhid,hde->nhie", x, m.w)), w=torch.ones(4, 8, 3)), HEADS, 0),
    "grouped product": (Code(lambda m, x: torch.bmm(x[0], m.w), w=torch.ones(4, 8, 3)), HEADS, 0),
    "outer": (Code(lambda m, x: torch.outer(x[0], x[0])), VECTOR, 64),
    "bilinear": (Code(lambda m, x: m.layer(x, x), layer=nn.Bilinear(8, 8, 3)), VECTOR, 8 * 8 * 3 + 8 * 3),
    "embedding": (Code(lambda m, x: m.table((x * 0).long()), table=nn.Embedding(9, 4)), TOKENS, 0),
    "bags": (Code(lambda m, x: [bag((x[0] * 0).long()) for bag in m.bags], bags=nn.ModuleList(nn.EmbeddingBag(9, 4, mode=mode) for mode in ("sum", "mean", "max"))), TOKENS, 0),
    "activations": (nn.Sequential(nn.ReLU(True), nn.ReLU6(), nn.Hardtanh(), nn.LeakyReLU(), nn.ELU(0.5), nn.CELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Softsign(), nn.Tanhshrink(), nn.Hardshrink(), nn.Softshrink(), nn.LogSigmoid(), nn.Hardswish(), nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh(), nn.Threshold(0.1, 2), nn.PReLU(), nn.PReLU(8), nn.RReLU(), nn.Softmin(1), nn.Softmax2d(), nn.LogSoftmax(1), nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.GLU(1)), IMAGE, 0),
    "functions": (Code(lambda m, x: [f(x) for f in (torch.exp, torch.exp2, torch.expm1, torch.log, torch.log1p, torch.log2, torch.log10, torch.sqrt, torch.rsqrt, torch.reciprocal, torch.erf, torch.sin, torch.cos, torch.square, torch.abs, torch.neg, torch.sign, torch.sgn, torch.floor, torch.ceil, torch.round, torch.trunc, torch.isnan, torch.positive)]), VECTOR, 0),
    "arithmetic": (Code(lambda m, x: (x + m.w, x - 1, 1 - x, torch.rsub(x, x, alpha=2), x * x, x / x, 1 / x, x // 2, x**3, x**-2, x**0.5, x**5, 2**x, torch.maximum(x, m.w), torch.minimum(x, x), torch.add(x, x, alpha=2), x.clamp(0, 1), x.clamp(min=0), x.clamp(min=x), torch.clip(x, 0, 6), torch.clamp_min(x, 0), torch.clamp_max(x, 0)), w=torch.ones(8)), VECTOR, 0),
    "fused arithmetic": (Code(lambda m, x: (torch.lerp(x, m.w, 0.3), torch.lerp(x, x + 1, x), torch.addcmul(x, x, m.w, value=2), torch.addcdiv(m.w, x, x), torch.addcmul(x, m.w, m.w)), w=torch.ones(8)), VECTOR, 0),
    "choices": (Code(lambda m, x: (torch.where(x > 0, x, 0.0), torch.where(x > 0, m.w, x), x.masked_fill(x < 0, 1), (x == 1) & (x != 2) | (x >= 3) ^ (x <= 4), torch.logical_and(x, x), torch.logical_or(x, x), torch.logical_xor(x, x), torch.logical_not(x), ~(x > 0), (x > 0).any(), (x > 0).all(1)), w=torch.ones(8)), VECTOR, 0),
    "broadcasting": (Code(lambda m, x: x * x.mean((2, 3), keepdim=True).expand_as(x) + m.scale[:, None, None] * m.table, scale=torch.ones(8), table=torch.ones(1, 8, 6, 6)), IMAGE, 0),
    "reductions": (Code(lambda m, x: (x.mean(), x.mean((2, 3)), x.sum(1), x.prod(1), x.amax((2, 3)), x.amin(1), x.max(), x.max(1)[0], x.min(1, True)[0], torch.max(x, x), x.argmax(), x.argmin(1), x.var(1), x.std(), torch.var_mean(x, (2, 3)), torch.std_mean(x, 1), x.logsumexp(1), x.cumsum(1), x.softmax(1), torch.softmax(x, -1))), IMAGE, 0),
    "lengths": (Code(lambda m, x: (F.normalize(x), x.norm(), x.norm(1, 1), x.norm(float("inf"), 1), torch.linalg.vector_norm(x, 3, 1), F.cosine_similarity(x, x))), IMAGE, 0),
    "views": (Code(lambda m, x: (x.view(1, 8, 36), x.reshape(-1), x.flatten(1), x.flatten(1).unflatten(1, (2, 4, 36)), x.permute(0, 2, 3, 1), x.transpose(1, 2), x[0, 0].t(), x.squeeze(0), x.unsqueeze(0), x.movedim(1, 3), x.swapaxes(1, 2), x.contiguous().clone().detach(), x.double().type_as(x), x.view_as(x), x.reshape_as(x), x.expand(2, 8, 6, 6), x.broadcast_to(3, 8, 6, 6), x.ravel())), IMAGE, 0),
    "parts": (Code(lambda m, x: (x[:, 1:3], x[..., 0], x[0], x.narrow(1, 2, 3), x.split(3, 1), x.chunk(2, 1), x.unbind(1), x.tensor_split(3, 1), x[:, :, ::2], x.diagonal(0, 2, 3), x.unfold(2, 2, 1))), IMAGE, 0),
    "joins": (Code(lambda m, x: (torch.cat([x, x], 1), torch.cat([m.token, x], 1), torch.stack([x, x]), torch.stack([x, x], 1), torch.hstack([x, x]), torch.cat([x, x])), token=torch.ones(1, 1, 6, 6)), IMAGE, 0),
    "copies": (Code(lambda m, x: (x.roll(1, 2), x.flip(2), x.rot90(1, (2, 3)), x.repeat(1, 2, 1, 1), x.tile(2), x.repeat_interleave(2, 1), x[:, [0, 2]], x.index_select(1, torch.tensor([0, 1])), x.gather(1, torch.zeros(1, 2, 6, 6).long()), x.take(torch.tensor([0, 1])), torch.take_along_dim(x, torch.zeros(1, 2, 6, 6).long(), 1), x.tril(), x.triu(), torch.diag_embed(x[0, 0]), F.one_hot((x[0, 0] * 0).long(), 3), F.unfold(x, 3))), IMAGE, 0),
    "writes": (Code(lambda m, x: (x.scatter(1, torch.zeros(1, 2, 6, 6).long(), 1.0), x.index_fill(1, torch.tensor([0]), 2.0), x.index_copy(1, torch.tensor([0]), x[:, :1]), torch.index_put(x, (torch.tensor([0]), torch.tensor([1])), x[:, 0]), x.clone().fill_(1) + x, x.clone().zero_() + x, torch.slice_scatter(x, x[:, :2], 1, 0, 2), torch.select_scatter(x, x[:, 0], 1, 0))), IMAGE, 0),
    "padding": (nn.Sequential(nn.ReflectionPad2d(1), nn.ReplicationPad2d(1), nn.ZeroPad2d((1, 2, 0, 1)), nn.CircularPad2d(1), nn.ConstantPad2d((0, 0, -1, 0), 1.0)), IMAGE, 0),
    "padding of features": (Code(lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 1))), IMAGE, 0),
    "shuffles": (nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2)), IMAGE, 0),
    "in place": (Code(lambda m, x: x.add_(1).mul_(m.w).clamp_(0).relu_(), w=torch.ones(8, 1, 1)), IMAGE, 0),
    "out": (Code(lambda m, x: torch.add(x, x, out=torch.empty_like(x)) + 1), VECTOR, 0),
    "written in part": (Code(written, conv=nn.Conv2d(8, 2, 1)), IMAGE, 0),
    "constants": (Code(lambda m, x: x * [one.item() for one in torch.linspace(0, 1, 5)][2] if torch.arange(3).sum() > 0 else x), VECTOR, 0),
}  # fmt: skip


def counted_by_pytorch(module: nn.Module, x: torch.Tensor) -> int:
    counter = FlopCounterMode(display=False)
    with counter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(x)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", CASES)
def test_an_operator_costs_what_pytorch_counts_and_what_running_its_layers_does(name: str) -> None:
    module, shape, more = CASES[name]
    x = torch.ones(shape)
    net = sepcalc.from_torch(module.eval(), x)
    assert net.complete, net.uncounted
    if more >= 0:
        assert net.macs == counted_by_pytorch(module, x.clone()) + more
        used = sum(one.numel() for one in module.parameters())
        assert net.params == used
    assert sepcalc.verify(net).ok
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = torch.utils._pytree.tree_flatten(module(x))[0]
    sizes = {f"output{at}" if len(given) > 1 else "output": one.numel() for at, one in enumerate(given)}
    for label, shape in net.outputs.items():
        assert volume(shape) == sizes[label.partition(".")[0]]


# Forms of others in the table, which PyTorch's own layers do not reach on a CPU.
UNREACHED = {
    *("_convolution", "native_batch_norm", "_native_batch_norm_legit", "_embedding_bag", "_embedding_bag_forward_only"),
    *("_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention", "_fused_rms_norm", "vdot"),
    *("_scaled_dot_product_cudnn_attention", "_scaled_dot_product_fused_attention_overrideable"),
    *("_scaled_dot_product_attention_math", "_scaled_dot_product_attention_math_for_mps", "_prelu_kernel"),
    *("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices", "log_sigmoid_forward"),
    *("_adaptive_avg_pool1d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "_softmax", "_log_softmax", "norm"),
    *("rrelu_with_noise", "_unsafe_view", "_reshape_alias", "unsafe_split", "unsafe_chunk", "native_channel_shuffle"),
    *("unsafe_split_with_sizes", "constant_pad_nd", "reflection_pad1d", "reflection_pad3d", "replication_pad1d"),
    *("replication_pad3d", "_pad_circular", "reflection_pad2d", "replication_pad2d", "im2col", "as_strided"),
    *("lift", "lift_fresh", "resolve_conj", "resolve_neg", "requires_grad", "alias", "slice_copy", "_to_copy"),
    *("concat", "concatenate", "split_with_sizes", "feature_alpha_dropout", "masked_scatter", "max_unpool2d"),
    *("max_unpool3d", "_upsample_nearest_exact1d", "_upsample_nearest_exact3d", "upsample_nearest3d", "relu6"),
}


def test_every_operator_of_the_table_is_in_a_case() -> None:
    met = set[str]()
    for module, shape, _ in CASES.values():
        met.update(call.op for call in traced("", module.eval(), [torch.ones(shape)], {}).calls)
    assert set(OPERATORS) - met - UNREACHED == set()


# Worked out by hand from opcounts.md.
BY_HAND = {
    "conv2d same": Cost(27648, 27648, 27648, params=6 * 8 * 16 + 6, activations=6 * 36),
    "attention": Cost(1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9, 4 * 5 * 4, 100, 100, activations=160),
    "attention, stored mask": Cost(
        1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9 + 100, 4 * 5 * 4, 100, 100, params=25, activations=160
    ),
    "transposed 1d": Cost(960, 960, 960 - 6 * 12 + 72, params=8 * 6 * 4 + 6, activations=72),
    "linear of a vector": Cost(32, 32, 32, params=36, activations=4),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_counts_are_those_worked_out_by_hand(name: str) -> None:
    module, shape, _ = CASES[name]
    assert sepcalc.from_torch(module.eval(), torch.ones(shape)).cost == BY_HAND[name]


NO_RULE = "sepcalc has no rule for what this operator computes"
UNCOUNTED = {
    "topk": (lambda m, x: x.topk(2)[0] + 1, REASONS["topk"]),
    "grid_sampler": (lambda m, x: F.grid_sample(x, torch.zeros(1, 3, 3, 2), align_corners=False), REASONS["grid_sampler"]),
    "col2im": (lambda m, x: F.fold(F.unfold(x, 3), (6, 6), 3), REASONS["col2im"]),
    "_fft_r2c": (lambda m, x: torch.fft.rfft2(x).real, "complex numbers have no count here"),
    "tan": (lambda m, x: x.tan(), NO_RULE),
    "batch_norm": (
        lambda m, x: F.batch_norm(x, None, None, training=True),
        "batch norm over the statistics of the batch itself: its cost depends on the batch",
    ),
    "dropout": (
        lambda m, x: F.dropout(x, training=True),
        "dropout that drops at inference makes random numbers: what they cost is not known",
    ),
    "sepcalc_test::mine": (lambda m, x: torch.ops.sepcalc_test.mine(x), NO_RULE),
}  # fmt: skip
_LIBRARY = torch.library.Library("sepcalc_test", "DEF")
_LIBRARY.define("mine(Tensor x) -> Tensor")
_LIBRARY.impl("mine", lambda x: x.clone(), "Meta")


@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_cannot_be_counted_is_listed_with_its_reason(name: str) -> None:
    code, reason = UNCOUNTED[name]
    net = sepcalc.from_torch(Code(code), torch.ones(IMAGE))
    assert not net.complete
    assert (net.uncounted[0].kind, net.uncounted[0].reason) == (name, reason)


# --- where other counters go wrong ------------------------------------------------------------------------------------


class Functional(nn.Module):
    """A call without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 3, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight)


class Outside(nn.Module):
    """Parameters used outside the modules that other counters look at."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.ones(1, 1, 8))
        self.mix = nn.Parameter(torch.ones(8, 8))
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.token, x], 1) @ self.mix)


class Standardized(nn.Conv2d):
    """A subclass of a convolution."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)


class Holder(nn.Module):
    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            x = part(x)
        return x


def shared() -> nn.Module:
    conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    return Holder(conv, conv)


PICTURE = (1, 3, 12, 12)
# What there is (macs, params) and what the tools print for it; run with torch 2.13.0+cpu, fvcore 0.1.5.post20221221,
# ptflops 0.7.5 (its default backend), thop 0.1.1.post2209072238, torchinfo 1.8.0 and calflops 0.3.2 (its MACs); torch is
# its FlopCounterMode, two for each mac.
WRONG: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, int], dict[str, int]]] = {
    "functional calls": (Functional, PICTURE, (21600, 216), {"fvcore": 21600, "ptflops": 0, "thop": 0, "torchinfo": 216, "calflops": 21600, "torch": 43200}),
    "parameters outside modules": (Outside, TOKENS, (576, 108), {"fvcore": 576, "ptflops": 216, "thop": 192, "torchinfo": 36, "calflops": 192, "torch": 1152}),
    "subclasses of Conv2d": (lambda: Holder(Standardized(3, 8, 3)), PICTURE, (21600, 224), {"fvcore": 21600, "ptflops": 0, "thop": 0, "torchinfo": 224, "calflops": 21600, "torch": 43200}),
    "padding same": (lambda: nn.Conv2d(3, 8, 4, padding="same", bias=False), PICTURE, (55296, 384), {"fvcore": 0, "ptflops": 55296, "thop": 55296, "torchinfo": 55296, "calflops": 46464, "torch": 110592}),
    "shared modules": (shared, (1, 8, 12, 12), (165888, 576), {"fvcore": 165888, "ptflops": 165888, "thop": 165888, "torchinfo": 165888, "calflops": 165888, "torch": 331776}),
    "fused attention on a CPU": (attention, HEADS, (1600, 0), {"fvcore": 0, "ptflops": 0, "thop": 0, "torchinfo": 0, "torch": 0}),
    "transposed, grouped": (lambda: Holder(nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=4, bias=False)), (1, 8, 12, 12), (36864, 256), {"fvcore": 36864, "thop": 147456, "torchinfo": 147456, "calflops": 0, "torch": 73728}),
}  # fmt: skip


def _fvcore(module: nn.Module, x: torch.Tensor) -> int:
    from fvcore.nn import FlopCountAnalysis

    counted = FlopCountAnalysis(module, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(counted.total())


def _ptflops(module: nn.Module, x: torch.Tensor) -> int:
    import ptflops

    options = {"as_strings": False, "print_per_layer_stat": False, "verbose": False, "backend": "pytorch"}
    return int(ptflops.get_model_complexity_info(module, tuple(x.shape[1:]), **options)[0])


def _thop(module: nn.Module, x: torch.Tensor) -> int:
    import thop

    return int(thop.profile(module, inputs=(x,), verbose=False)[0])


def _torchinfo(module: nn.Module, x: torch.Tensor) -> int:
    import torchinfo

    return int(torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds)


def _calflops(module: nn.Module, x: torch.Tensor) -> int:
    import calflops

    options = {"output_as_string": False, "print_results": False, "print_detailed": False}
    return int(calflops.calculate_flops(module, input_shape=tuple(x.shape), **options)[1])


TOOLS = {"fvcore": _fvcore, "ptflops": _ptflops, "thop": _thop, "torchinfo": _torchinfo, "calflops": _calflops}


@pytest.mark.parametrize("place", WRONG)
def test_what_other_counters_miss_is_counted(place: str) -> None:
    make, shape, (macs, params), printed = WRONG[place]
    net = sepcalc.from_torch(make(), torch.ones(shape))
    assert (net.macs, net.params, net.complete) == (macs, params, True)
    assert sepcalc.verify(net).ok
    assert printed["torch"] == 2 * counted_by_pytorch(make().eval(), torch.ones(shape))
    wrong = [tool for tool, count in printed.items() if count != (2 * macs if tool == "torch" else macs)]
    assert bool(wrong) == (place != "shared modules")  # those they all get right


@pytest.mark.parametrize("tool", TOOLS)
def test_other_counters_print_what_is_said(tool: str) -> None:
    """Only where a tool is installed and can be loaded: none of them is needed here."""
    for make, shape, _, printed in WRONG.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                count = TOOLS[tool](make().eval(), torch.ones(shape))
            except (ImportError, RuntimeError, StopIteration, KeyError):  # not here, or the tool itself fails on it
                continue
        if tool in printed:
            assert count == printed[tool]


def test_the_fast_path_of_an_encoder_is_counted_where_pytorch_counts_nothing() -> None:
    module, shape, _ = CASES["encoder"]
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module.eval()(torch.ones(shape))
    assert counter.get_total_flops() == 0
    assert sepcalc.from_torch(module, torch.ones(shape)).macs == 2 * (5 * 8 * 8 * 4 + 5 * 5 * 16 + 2 * 5 * 8 * 16)


# --- the graph --------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv1(x)) + x


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(Block(), Block())
        self.head = nn.Linear(8, 4)
        self.unused = nn.Linear(8, 4)

    def forward(self, image: torch.Tensor, scale: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        x = self.layer1(image)
        if scale is not None:
            x = x * scale
        return {"classes": self.head(F.relu(x).mean((2, 3))), "features": x}


def test_layers_are_named_by_module_and_joined_as_they_ran() -> None:
    net = sepcalc.from_torch(Small(), {"image": torch.ones(1, 8, 6, 5), "scale": torch.ones(1, 8, 1, 1)})
    assert net.inputs == {"image": (6, 5, 8), "scale": (1, 1, 8)}
    assert net.outputs == {"classes": (4,), "features": (6, 5, 8)}
    assert [(node.name, node.sources) for node in net.nodes] == [
        ("layer1/0/conv1", (0,)),
        ("layer1/0/relu", (2,)),
        ("layer1/0/add", (3, 0)),
        ("layer1/1/conv1", (4,)),
        ("layer1/1/relu", (5,)),
        ("layer1/1/add", (6, 4)),
        ("mul", (7, 1)),
        ("relu", (8,)),
        ("mean", (9,)),
        ("head", (10,)),
    ]
    assert net.notes == (
        "36 params are not counted: what runs on these inputs does not use them (unused.weight, unused.bias)",
    )


def test_weights_that_two_layers_share_count_once() -> None:
    net = sepcalc.from_torch(shared(), torch.ones(1, 8, 6, 6))
    assert [layer.cost.params for layer in net.layers] == [576, 0]
    assert [layer.weights for layer in net.layers] == ["parts.0.weight"] * 2


def test_counts_are_for_one_example() -> None:
    one = sepcalc.from_torch(Small(), torch.ones(1, 8, 6, 6))
    many = sepcalc.from_torch(Small(), torch.ones(16, 8, 6, 6))
    assert many.cost == one.cost
    assert many.notes[-1] == "the inputs hold 16 examples along their first axis: counts are for one of them"
    steps = sepcalc.from_torch(CASES["gru"][0], torch.ones(5, 1, 8))
    assert steps.notes == ("the first axis of the inputs is not one of examples, and is counted whole",)


def test_shapes_as_text_do() -> None:
    assert sepcalc.from_torch(Small(), "6x5x8").inputs == {"image": (6, 5, 8)}
    assert sepcalc.from_torch(Small(), {"image": "1x8x6x5"}).inputs == {"image": (6, 5, 8)}
    assert sepcalc.from_torch(nn.Embedding(9, 4), {"input": "1x5"}).outputs == {"output": (5, 4)}


class Restless(nn.Module):
    """A forward that changes its module."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.register_buffer("seen", torch.zeros(1))
        self.log: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        self.log.append(1)
        self.last = x
        return self.norm(x) * self.seen


def test_the_module_is_left_as_it_was() -> None:
    module = Restless().train()
    module.norm.register_forward_hook(lambda *_: None)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    attributes, random = set(module.__dict__), torch.get_rng_state()
    assert sepcalc.from_torch(module, torch.ones(2, 8)).complete
    assert module.training
    assert module.norm.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert set(module.__dict__) == attributes
    assert module.log == []
    assert all(one.grad is None and one.requires_grad and not one.is_meta for one in module.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert not torch.nn.modules.module._global_forward_hooks
    assert module(torch.ones(2, 8)).shape == (2, 8)


def test_what_is_no_module_and_what_fails_is_refused() -> None:
    with pytest.raises(InputError, match=r"^from_torch needs a torch\.nn\.Module, not 'int'$"):
        sepcalc.from_torch(3, torch.ones(1))
    with pytest.raises(
        InputError, match=r"^Lazy.+: its parameter 'weight' has no shape yet\n  hint: run the module once"
    ):
        sepcalc.from_torch(nn.LazyLinear(3), torch.ones(1, 3))
    with pytest.raises(InputError, match=r"^Identity: there is no tensor among its inputs$"):
        sepcalc.from_torch(nn.Identity(), 3)


# --- the command line -------------------------------------------------------------------------------------------------

CODE = """
import torch
from torch import nn
print("whoever imports this runs it")
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rates = [one.item() for one in torch.linspace(0, 1, 3)]
        self.conv = nn.Conv2d(3, 8, 3)
    def forward(self, image, mask=None):
        return self.conv(image)
class Vast(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2**20, 2**20)  # 4 TiB
        nn.init.trunc_normal_(self.layer.weight)
    def forward(self, x):
        return self.layer(x)
class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)
    def forward(self, ids, mask):
        return self.table(ids) * mask[..., None]
class Asks(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
class Picky(nn.Module):
    def forward(self, x):
        raise SystemExit("not today")
net = Net()
number = 3
def needs(width, depth=2): return Net()
def fails(): raise ValueError("no such weights")
def text(): return "text"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_nets.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "their_broken.py").write_text("import not_there_at_all", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("their_nets", "their_broken"):
        sys.modules.pop(name, None)
    return tmp_path


EXAMPLE = "--input 224x224x3, or --input"
REFUSED = {
    "their_nets:Net": f"it needs the shape of its input 'image'\n  hint: {EXAMPLE} image=1x3x224x224",
    "their_nets:Words": f"it needs the shapes of its inputs 'ids', 'mask'\n  hint: {EXAMPLE} ids=1x3x224x224",
    "their_nets:Words --input ids=1x5": "it also needs 'mask'\n  hint: --input mask=…",
    "their_nets:Net --input imagge=1x3x9x9": "its forward has no parameter 'imagge'\n  hint: did you mean image?",
    "their_nets:Net --input 9x9x3 --set a=1": "a PyTorch module has no parameter 'a' to set",
    "their_nets:Net --input 9x9x3 --dim a=1": "it has no open dimension 'a'\n  hint: --dim is for model files",
    "their_nets:Asks --input 9x9x3": "its forward asks for a value that only the data can tell (aten::is_nonzero)\n"
    "  hint: what runs then depends on the data, and so do its counts; count the parts before and after",
    "their_nets:Picky --input 9x9x3": "its forward fails: SystemExit: not today\n  hint: it was given x=1x3x9x9",
    "their_nets:Nett": "the module 'their_nets' has no 'Nett'\n  hint: did you mean Net?",
    "their_nets:number": "it is an int, not a PyTorch module\n"
    "  hint: name a module, or a class or function that makes one without arguments",
    "their_nets:text": "it makes a str, not a PyTorch module",
    "their_nets:needs": "it needs arguments: 'width'\n  hint: name a function that needs none",
    "their_nets:fails": "making it fails: ValueError: no such weights",
    "their_nots:Net": "there is no Python module 'their_nots' here\n  hint: is it installed?",
    "their_broken:Net": "importing 'their_broken' fails: ModuleNotFoundError: No module named 'not_there_at_all'",
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_work_gives_a_sentence(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", *words.split()]) == 2
    printed = capsys.readouterr()
    told = printed.err.replace("whoever imports this runs it\n", "")
    assert told == f"{words.split()[0]}: {REFUSED[words]}\n"
    assert printed.out == ""


@pytest.mark.usefixtures("folder")
def test_inputs_that_do_not_fit_are_told_with_the_layer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "their_nets:Net", "--input", "9x9x4"]) == 2
    told = capsys.readouterr().err
    assert "their_nets:Net: its forward fails in conv: RuntimeError: " in told
    assert told.endswith("\n  hint: it was given image=1x4x9x9\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", ["their_nets:Net --input 9x9x3", "their_nets:net --input image=1x3x9x9"])
def test_a_module_is_counted_by_its_name(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", *words.split(), "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("conv,conv,9x9x3,7x7x8,10584,10584,10584,")
    assert run(["verify", *words.split()]) == 0
    assert "verified: 10,584 multiplications" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_no_weight_is_allocated() -> None:
    assert sepcalc.load("their_nets:Vast", input={"x": "1x1048576"}).macs == 2**40


@pytest.mark.usefixtures("folder")
def test_indices_are_whole_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["their_nets:Words", "--input", "ids=1x5", "--input", "mask=1x5"]
    assert run(["network", *words, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("table,embedding,5,5x4,0,")
