"""PyTorch modules: every operator that is read, alone or in a few lines of code, against PyTorch's own counter, the
NumPy execution of its layers and numbers worked out by hand; and what must not happen to a caller's module."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import sepcalc
from sepcalc.cli import run
from sepcalc.cost import COUNTS, Cost
from sepcalc.errors import InputError
from sepcalc.importers.aten.operators import OPERATORS
from sepcalc.importers.torch.running import Forward, traced
from sepcalc.layer import Gap
from sepcalc.shape import volume

IMAGE, VECTOR, TOKENS, HEADS = (1, 8, 6, 6), (1, 8), (1, 5, 8), (1, 4, 5, 8)


class Code(nn.Module):
    """A forward in a line, and the parameters and modules that it uses."""

    def __init__(self, code: Callable[[Any, Any], Any], **parts: Any) -> None:
        super().__init__()
        self.code = code
        for name, part in parts.items():
            trained = isinstance(part, torch.Tensor) and not isinstance(part, nn.Buffer)
            setattr(self, name, nn.Parameter(part) if trained else part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.code(self, x)


class Pair(nn.Module):
    """A function of several inputs."""

    def __init__(self, code: Callable[..., Any]) -> None:
        super().__init__()
        self.code = code

    def forward(self, *given: Any) -> Any:
        return self.code(*given)


def profiled(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.profiler.record_function("theirs"):
        return m.layer(x)


def attention(**more: Any) -> Code:
    return Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, **more))


def written(m: Any, x: torch.Tensor) -> torch.Tensor:
    result = torch.zeros(1, 4, 6, 6)
    result[:, 0:2] = m.conv(x)
    return result.relu()


def packed(m: Any, x: torch.Tensor) -> torch.Tensor:
    short = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3]), batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(m.lstm(short)[0], batch_first=True)[0]


A = torch.ops.aten
OLD = torch.__version__ < (2, 13)
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
    "lstm, states learned": (Code(lambda m, x: m.lstm(x, (m.h, m.c))[0], lstm=nn.LSTM(8, 4), h=torch.ones(1, 1, 4), c=torch.ones(1, 1, 4)), (5, 1, 8), -1),
    "cells, states learned": (Code(lambda m, x: (m.lstm(x[:, 0], (m.h, m.c)), m.gru(x[:, 0], m.h)), lstm=nn.LSTMCell(8, 4), gru=nn.GRUCell(8, 4), h=torch.ones(1, 4), c=torch.ones(1, 4)), TOKENS, 0),
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
    "attention, grouped and unscaled": (Code(lambda m, x: (F.scaled_dot_product_attention(x, x[:, :2], x[:, :2, :, :3], x[..., :5], enable_gqa=True, scale=1.0), F.scaled_dot_product_attention(x, x[:, :1], x[:, :1], enable_gqa=True, scale=1.0))), HEADS, -1),
    "attention of windows": (Code(lambda m, x: F.scaled_dot_product_attention(x[0], x[0], x[0])), (1, 6, 4, 5, 8), 6 * 4 * 5 * 5 * 16),
    "attention, grouped": (Code(lambda m, x: F.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True)), HEADS, -1),
    "attention, stored mask": (Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=m.mask), mask=torch.zeros(5, 5)), HEADS, 0),
    "attention, computed mask": (Code(lambda m, x: F.scaled_dot_product_attention(x, x, x, attn_mask=x[..., :5] > 0, scale=1.0)), HEADS, 4 * 5 * 5 * 16),
    "attention, stored queries": (Code(lambda m, x: F.scaled_dot_product_attention(m.q.detach().expand(1, -1, -1, -1), x, x), q=torch.ones(4, 3, 8)), HEADS, 4 * 3 * 5 * 16),
    "attention for cpu": (Code(lambda m, x: A._scaled_dot_product_flash_attention_for_cpu(x, x, x)[0]), HEADS, 4 * 5 * 5 * 16),
    "linear": (nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2, bias=False)), TOKENS, 0),
    "linear of a vector": (nn.Linear(8, 4), (8,), 0),
    "profiled": (Code(profiled, layer=nn.Linear(8, 4)), TOKENS, 0),
    "products": (Code(lambda m, x: (x @ x.mT, torch.mm(x[0], m.w), torch.mv(x[0], m.v), torch.dot(x[0, 0], m.v), torch.bmm(x, x.mT), m.w.T @ x.mT), w=torch.ones(8, 3), v=torch.ones(8)), TOKENS, -1),
    "added products": (Code(lambda m, x: (torch.addmm(m.b, x[0], m.w), torch.addmm(m.b, x[0], m.w, beta=2, alpha=3), torch.baddbmm(x[..., :3], x, m.w[None]), torch.addmv(x[0, :, 0], x[0], m.v), torch.addbmm(x[0, :, :3], x, m.w[None]), torch.addr(x[0], x[0, :, 0], m.v)), b=torch.ones(3), w=torch.ones(8, 3), v=torch.ones(8)), TOKENS, -1),
    "einsum": (Code(lambda m, x: (torch.einsum("nhid,nhjd->nhij", x, x), torch.einsum("nhid,hde->nhie", x, m.w)), w=torch.ones(4, 8, 3)), HEADS, 0),
    "grouped product": (Code(lambda m, x: torch.bmm(x[0], m.w), w=torch.ones(4, 8, 3)), HEADS, 0),
    "outer": (Code(lambda m, x: (torch.outer(x[0], x[0]), torch.ger(m.v, x[0])), v=torch.ones(3)), VECTOR, 0),
    "tensor products": (Code(lambda m, x: torch.tensordot(x[0], m.w, ([2, 0], [0, 1])), w=torch.ones(6, 8, 3)), IMAGE, 0),
    "bilinear": (Code(lambda m, x: m.layer(x, x), layer=nn.Bilinear(8, 8, 3)), VECTOR, 8 * 8 * 3 + 8 * 3),
    "embedding": (Code(lambda m, x: m.table((x * 0).long()), table=nn.Embedding(9, 4)), TOKENS, 0),
    "bags": (Code(lambda m, x: [bag((x[0] * 0).long()) for bag in m.bags], bags=nn.ModuleList(nn.EmbeddingBag(9, 4, mode=mode) for mode in ("sum", "mean", "max"))), TOKENS, 0),
    "activations": (nn.Sequential(nn.ReLU(True), nn.ReLU6(), nn.Hardtanh(), nn.LeakyReLU(), nn.ELU(0.5), nn.CELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Softsign(), nn.Tanhshrink(), nn.Hardshrink(), nn.Softshrink(), nn.LogSigmoid(), nn.Hardswish(), nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh(), nn.Threshold(0.1, 2), nn.PReLU(), nn.PReLU(8), nn.RReLU(), nn.Softmin(1), nn.Softmax2d(), nn.LogSoftmax(1), nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.GLU(1)), IMAGE, 0),
    "functions": (Code(lambda m, x: [f(x) for f in (torch.exp, torch.exp2, torch.expm1, torch.log, torch.log1p, torch.log2, torch.log10, torch.sqrt, torch.rsqrt, torch.reciprocal, torch.erf, torch.sin, torch.cos, torch.square, torch.abs, torch.neg, torch.sign, torch.sgn, torch.floor, torch.ceil, torch.round, torch.trunc, torch.isnan, torch.positive)]), VECTOR, 0),
    "arithmetic": (Code(lambda m, x: (x + m.w, x - 1, 1 - x, torch.rsub(x, x, alpha=2), x * x, x / x, 1 / x, x // 2, x**3, x**-2, x**0.5, x**5, 2**x, torch.maximum(x, m.w), torch.minimum(x, x), torch.add(x, x, alpha=2), x.clamp(0, 1), x.clamp(min=0), x.clamp(min=x), torch.clip(x, 0, 6), torch.clamp_min(x, 0), torch.clamp_max(x, 0)), w=torch.ones(8)), VECTOR, 0),
    "fused arithmetic": (Code(lambda m, x: (torch.lerp(x, m.w, 0.3), torch.lerp(x, x + 1, x), torch.addcmul(x, x, m.w, value=2), torch.addcdiv(m.w, x, x), torch.addcmul(x, m.w, m.w)), w=torch.ones(8)), VECTOR, 0),
    "choices": (Code(lambda m, x: (torch.where(x > 0, x, 0.0), torch.where(x > 0, m.w, x), x.masked_fill(x < 0, 1), (x == 1) & (x != 2) | (x >= 3) ^ (x <= 4), torch.logical_and(x, x), torch.logical_or(x, x), torch.logical_xor(x, x), torch.logical_not(x), x.int() << 1, x.int() >> 1, torch.bitwise_left_shift(x.int(), 1), torch.bitwise_right_shift(x.int(), 1), ~(x > 0), (x > 0).any(), (x > 0).all(1)), w=torch.ones(8)), VECTOR, 0),
    "broadcasting": (Code(lambda m, x: x * x.mean((2, 3), keepdim=True).expand_as(x) + m.scale[:, None, None] * m.table, scale=torch.ones(8), table=torch.ones(1, 8, 6, 6)), IMAGE, 0),
    "reductions": (Code(lambda m, x: (x.mean(), x.mean((2, 3)), x.sum(1), x.prod(1), x.amax((2, 3)), x.amin(1), x.max(), x.max(1)[0], x.min(1, True)[0], torch.max(x, x), x.argmax(), x.argmin(1), x.var(1), x.std(), torch.var_mean(x, (2, 3)), torch.std_mean(x, 1), x.logsumexp(1), x.cumsum(1), x.logcumsumexp(1), x.cumprod(2), x.cummax(3)[0], x.cummin(1)[0], x.softmax(1), torch.softmax(x, -1))), IMAGE, 0),
    "lengths": (Code(lambda m, x: (F.normalize(x), x.norm(), x.norm(1, 1), x.norm(float("inf"), 1), torch.linalg.vector_norm(x, 3, 1), F.cosine_similarity(x, x))), IMAGE, 0),
    "views": (Code(lambda m, x: (x.view(1, 8, 36), x.reshape(-1), x.flatten(1), x.flatten(1).unflatten(1, (2, 4, 36)), x.permute(0, 2, 3, 1), x.transpose(1, 2), x[0, 0].t(), x.squeeze(0), x.unsqueeze(0), x.movedim(1, 3), x.swapaxes(1, 2), x.contiguous().clone().detach(), x.double().type_as(x), x.view_as(x), x.reshape_as(x), x.expand(2, 8, 6, 6), x.broadcast_to(3, 8, 6, 6), x.ravel())), IMAGE, 0),
    "parts": (Code(lambda m, x: (x[:, 1:3], x[..., 0], x[0], x.narrow(1, 2, 3), x.split(3, 1), x.chunk(2, 1), x.unbind(1), x.tensor_split(3, 1), x[:, :, ::2], x.diagonal(0, 2, 3), x.unfold(2, 2, 1))), IMAGE, 0),
    "joins": (Code(lambda m, x: (torch.cat([x, x], 1), torch.cat([m.token, x], 1), torch.stack([x, x]), torch.stack([x, x], 1), torch.hstack([x, x]), torch.cat([x, x])), token=torch.ones(1, 1, 6, 6)), IMAGE, 0),
    "copies": (Code(lambda m, x: (x.roll(1, 2), x.flip(2), x.rot90(1, (2, 3)), x.repeat(1, 2, 1, 1), x.tile(2), x.repeat_interleave(2, 1), x[:, [0, 2]], x.index_select(1, torch.tensor([0, 1])), x.gather(1, torch.zeros(1, 2, 6, 6).long()), x.take(torch.tensor([0, 1])), torch.take_along_dim(x, torch.zeros(1, 2, 6, 6).long(), 1), x.tril(), x.triu(), torch.diag_embed(x[0, 0]), F.one_hot((x[0, 0] * 0).long(), 3), F.unfold(x, 3))), IMAGE, 0),
    "writes": (Code(lambda m, x: (x.scatter(1, torch.zeros(1, 2, 6, 6).long(), 1.0), x.index_fill(1, torch.tensor([0]), 2.0), x.index_copy(1, torch.tensor([0]), x[:, :1]), torch.index_put(x, (torch.tensor([0]), torch.tensor([1])), x[:, 0]), x.put(torch.tensor([0]), x[0, 0, 0, :1]), m.stored.type_as(x).masked_fill(m.stored > 0, 2.0) * x, m.stored.expand_as(x) + x, m.stored.to(x).masked_fill(m.stored > 0, 2.0) * x, x.clone().fill_(1) + x, x.clone().zero_() + x, torch.slice_scatter(x, x[:, :2], 1, 0, 2), torch.select_scatter(x, x[:, 0], 1, 0)), stored=nn.Buffer(torch.ones(1, 1, 6, 6))), IMAGE, 0),
    "padding": (nn.Sequential(nn.ReflectionPad2d(1), nn.ReplicationPad2d(1), nn.ZeroPad2d((1, 2, 0, 1)), nn.CircularPad2d(1), nn.ConstantPad2d((0, 0, -1, 0), 1.0)), IMAGE, 0),
    "padding of features": (Code(lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 1))), IMAGE, 0),
    "shuffles": (nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2)), IMAGE, 0),
    "in place": (Code(lambda m, x: x.add_(1).mul_(m.w).clamp_(0).relu_(), w=torch.ones(8, 1, 1)), IMAGE, 0),
    "out": (Code(lambda m, x: torch.add(x, x, out=torch.empty_like(x)) + 1), VECTOR, 0),
    "written in part": (Code(written, conv=nn.Conv2d(8, 2, 1)), IMAGE, 0),
    "constants": (Code(lambda m, x: x * [one.item() for one in torch.linspace(0, 1, 5)][2] if torch.arange(3).sum() > 0 else x), VECTOR, 0),
    "other convolutions": (Code(lambda m, x: (A.convolution(x, m.w, None, [1, 1], [0, 0], [1, 1], True, [0, 0], 1), F.conv2d(m.picture, x[:, :, :3, :3])), w=torch.ones(8, 8, 3, 3), picture=torch.ones(1, 8, 6, 6)), IMAGE, 0),
    "other pools": (Code(lambda m, x: (A.max_pool1d_with_indices(x[0], [2])[0], A.max_pool2d_with_indices(x, [2, 2])[0], A.max_pool3d_with_indices(x[None], [2, 2, 2])[0], A._adaptive_avg_pool2d(x, [2, 3]), A._adaptive_avg_pool3d(x[None], [2, 3, 2]), F.lp_pool2d(x, 2, 2))), IMAGE, 0),
    "other norms": (Code(lambda m, x: (A.native_batch_norm(x, m.g, m.g, m.z, m.o, False, 0.1, 1e-5)[0], A._native_batch_norm_legit(x, m.g, m.g, m.z, m.o, False, 0.1, 1e-5)[0]), g=torch.ones(8), z=nn.Buffer(torch.zeros(8)), o=nn.Buffer(torch.ones(8))), IMAGE, 0),
    "newer": (Code(lambda m, x: (A._convolution(x, m.w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, False, False, True, True), A._fused_rms_norm(x, [6], None, 1e-5)[0], A._grouped_mm(x.view(36, 8), m.experts, torch.tensor([9, 9, 36], dtype=torch.int32))), w=torch.ones(8, 8, 3, 3), experts=torch.ones(3, 8, 4)), IMAGE, 36 * 8 * 4),
    "other activations": (Code(lambda m, x: (A._prelu_kernel(x, m.slope), A.log_sigmoid_forward(x)[0], A._softmax(x, 1, False), A._log_softmax(x, 1, False), A.rrelu_with_noise(x, torch.zeros_like(x), 0.1, 0.3, False), A.relu6(x), A.norm.Scalar(x, 2)), slope=torch.ones(8, 1, 1)), IMAGE, 0),
    "other views": (Code(lambda m, x: (A._unsafe_view(x, [8, 36]), A._reshape_alias(x, [8, 36], [36, 1]), A.unsafe_split(x, 3, 1), A.unsafe_chunk(x, 2, 1), A.unsafe_split_with_sizes(x, [3, 5], 1), A.split_with_sizes(x, [3, 5], 1), A.lift(x), A.lift_fresh(x), A.resolve_conj(x), A.resolve_neg(x), A.alias(x), A._to_copy(x, dtype=torch.float64), A.as_strided(x, [8, 6], [36, 1]), A.slice_copy(x, 1, 0, 2), A.feature_alpha_dropout(x, 0.5, False), A.feature_dropout(x, 0.5, False), x[:, :0].sum() + x, torch.cat([x[:, :0], x], 1))), IMAGE, 0),
    "other copies": (Code(lambda m, x: (A.native_channel_shuffle(x, 2), A.constant_pad_nd(x, [1, 1], 0.0), A.reflection_pad1d(x[0], [1, 1]), A.reflection_pad2d(x, [1, 1, 1, 1]), A.reflection_pad3d(x, [1, 1, 1, 1, 1, 1]), A.replication_pad1d(x[0], [1, 1]), A.replication_pad2d(x, [1, 1, 1, 1]), A.replication_pad3d(x, [1, 1, 1, 1, 1, 1]), A._pad_circular(x, [1, 1, 1, 1]), A.im2col(x, [3, 3], [1, 1], [0, 0], [1, 1]), A.concat([x, x], 1), A.concatenate([x, x], 1), A.masked_scatter(x, x > 0, x), torch.copysign(x, x), torch.block_diag(x[0, 0], x[0, 0]), F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2), x[:, m.mask]), mask=nn.Buffer(torch.tensor([True, False] * 4))), IMAGE, 0),
    "other resampling": (Code(lambda m, x: (A._upsample_nearest_exact1d(x[0], [9]), A._upsample_nearest_exact3d(x[None], [9, 9, 9]), A.upsample_nearest3d(x[None], [9, 9, 9]))), IMAGE, 0),
    "other bags": (Code(lambda m, x: (A._embedding_bag(m.table.detach(), (x[0, 0] * 0).long(), torch.tensor([0]))[0], A._embedding_bag_forward_only(m.table, (x[0, 0] * 0).long(), torch.tensor([0]))[0], F.embedding_bag((x[0] * 0).long(), m.table, per_sample_weights=x[0], mode="sum")), table=nn.Buffer(torch.ones(9, 4))), TOKENS, 0),
    "other attention": (Code(lambda m, x: A._scaled_dot_product_attention_math(x, x, x)[0]), HEADS, 0),
    "attention, all stored but queries": (Code(lambda m, x: F.scaled_dot_product_attention(x, m.k, m.k), k=torch.ones(1, 4, 5, 8)), HEADS, -1),
    "folded": (Code(lambda m, x: (F.fold(F.unfold(x, 3, padding=1), (6, 6), 3, padding=1), F.fold(F.unfold(x, (3, 2), (2, 1), (1, 0), (2, 3)), (6, 6), (3, 2), (2, 1), (1, 0), (2, 3)), F.fold(F.unfold(x[0], 2), (6, 6), 2), F.fold(F.unfold(x.expand(3, 8, 6, 6), 2), (6, 6), 2))), IMAGE, 0),
    "packed": (Code(packed, lstm=nn.LSTM(8, 4, batch_first=True)), TOKENS, -1),
    "masked encoder": (Code(lambda m, x: m.layers(x, src_key_padding_mask=x[..., 0] > 2), layers=nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)), TOKENS, 5 * 5 * 16),
    "stored products": (Code(lambda m, x: (x @ (m.a @ m.b), F.linear(x, m.mlp(m.grid)), m.table @ m.table), a=torch.ones(8, 2), b=torch.ones(2, 4), mlp=nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8)), grid=nn.Buffer(torch.ones(5, 2)), table=nn.Buffer(torch.ones(4, 4))), TOKENS, 0),
    "products repeated": (Code(lambda m, x: (m.w @ x, x @ m.w, torch.einsum("bij,jk,kl->bil", x, m.v, m.v)), w=torch.ones(3, 8, 5), v=torch.ones(8, 8)), (1, 5, 8), 0),
    "functions spelled out": (Code(lambda m, x: [f(x) for f in (torch.tan, torch.asin, torch.acos, torch.atan, torch.sinh, torch.cosh, torch.asinh, torch.acosh, torch.atanh, torch.erfc, torch.logit, torch.frac, torch.deg2rad, torch.rad2deg, torch.isinf, torch.isposinf, torch.isneginf, torch.signbit, torch.nansum, torch.count_nonzero, torch.aminmax)]), VECTOR, 0),
    "pairs spelled out": (Code(lambda m, x: [f(x, x + 1) for f in (torch.fmod, torch.remainder, torch.hypot, torch.logaddexp, torch.xlogy, torch.fmax, torch.fmin, torch.heaviside, torch.vdot)]), (8,), 8),
    "scatters": (Code(lambda m, x: (torch.zeros(2, 8).index_add(0, m.where, x[0]), torch.zeros(2, 8).scatter_add(0, m.wide, x[0]), torch.zeros(2, 8).scatter_reduce(0, m.wide, x[0], "mean"), x[0].index_reduce(0, m.where, x[0], "amax"), x[0].index_put((m.where,), x[0], accumulate=True)), where=nn.Buffer(torch.tensor([0, 1, 0, 1, 1])), wide=nn.Buffer(torch.zeros(5, 8).long())), TOKENS, 0),
    "grids": (Code(lambda m, x: (F.grid_sample(x, F.affine_grid(x[:, 0, :2, :3], (1, 8, 5, 4), align_corners=False), align_corners=False), A.grid_sampler_2d(x, x[:, :2].permute(0, 2, 3, 1), 1, 0, True), A.grid_sampler_3d(x[None], x[:, :3].permute(0, 2, 3, 1)[:, None], 0, 0, False))), IMAGE, 20 * 3 * 2),
    "mean squares": (Code(lambda m, x: (F.mse_loss(x, m.w), F.mse_loss(x, x + 1, reduction="sum"), F.mse_loss(x, x, reduction="none")), w=torch.ones(5, 8)), TOKENS, 0),
    "losses": (Code(lambda m, x: (F.smooth_l1_loss(x, m.w), F.huber_loss(x, m.w), F.binary_cross_entropy(x, m.w), F.binary_cross_entropy_with_logits(x, m.w), F.soft_margin_loss(x, m.w), F.cross_entropy(x[0], m.at), F.cross_entropy(x.transpose(1, 2), m.at[None]), torch.dist(x, m.w), x[0].trace()), w=nn.Buffer(torch.rand(1, 5, 8)), at=nn.Buffer(torch.zeros(5, dtype=torch.int64))), TOKENS, 0),
    "distances": (Code(lambda m, x: (torch.cdist(x, m.w), torch.cdist(m.w, x, 1.0), torch.cdist(x, x, 3.0), torch.cdist(x, x, float("inf")), torch.cdist(x, x, 0.0), torch.cdist(x.repeat(1, 6, 1), x), F.pdist(x[0]), torch.linalg.cross(x[..., :3], m.w[..., :3]), F.pairwise_distance(x, x + 1)), w=torch.ones(1, 5, 8)), TOKENS, 0),
}  # fmt: skip


def counted_by_pytorch(module: nn.Module, x: torch.Tensor) -> int:
    counter = FlopCounterMode(display=False)
    with counter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(x)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", CASES)
def test_an_operator_costs_what_pytorch_counts_and_what_running_its_layers_does(name: str) -> None:
    if name == "newer" and OLD:
        pytest.skip("this PyTorch has not all of these forms")
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


# Kernels of other machines: PyTorch runs them without data alone, and knows their shapes and counts there.
ELSEWHERE: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "_scaled_dot_product_flash_attention": (lambda m, x: A._scaled_dot_product_flash_attention(x, x, x)[0], 0),
    "_scaled_dot_product_efficient_attention": (lambda m, x: A._scaled_dot_product_efficient_attention(x, x, x, None, False)[0], 0),
    "_scaled_dot_product_cudnn_attention": (lambda m, x: A._scaled_dot_product_cudnn_attention(x, x, x, None, False)[0], 0),
    "_scaled_dot_product_fused_attention_overrideable": (lambda m, x: A._scaled_dot_product_fused_attention_overrideable(x, x, x)[0], 1600),
    "_scaled_dot_product_attention_math_for_mps": (lambda m, x: A._scaled_dot_product_attention_math_for_mps(x, x, x)[0], 1600),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_kernels_of_other_machines_cost_what_they_do_on_this_one(name: str) -> None:
    if (OLD and not hasattr(A, name)) or (OLD and name.endswith(("overrideable", "mps"))):
        pytest.skip("this PyTorch cannot run it without data")
    code, more = ELSEWHERE[name]
    net = sepcalc.from_torch(Code(code), torch.ones(HEADS))
    assert net.complete
    assert net.cost == BY_HAND["attention"]
    assert net.macs == counted_by_pytorch(Code(code), torch.empty(HEADS, device="meta")) + more


# What does nothing but compare, and how often depends on the data; the counts of what follows it: mults and adds.
SORTED: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, int]]] = {
    "topk": (lambda m, x: x.topk(2)[0] + 1, (0, 96)),
    "sort": (lambda m, x: sum(x.sort(1)), (0, 288 + 288)),
    "argsort": (lambda m, x: x.argsort(-1) * 2, (288, 0)),
    "msort": (lambda m, x: x[0, 0].msort() * 2, (36, 0)),
    "kthvalue": (lambda m, x: x.kthvalue(2)[0] + 1, (0, 48)),
    "median": (lambda m, x: x.median() + 1, (0, 1)),
    "nanmedian": (lambda m, x: x.nanmedian(2)[0] + 1, (0, 48)),
    "mode": (lambda m, x: x.mode(2)[0] + 1, (0, 48)),
    "histc": (lambda m, x: x.histc(10, 0, 1) + 1, (0, 10)),
    "searchsorted": (lambda m, x: torch.searchsorted(torch.arange(5.0), x) + 1, (0, 288)),
    "bucketize": (lambda m, x: torch.bucketize(x, torch.arange(5.0)) + 1, (0, 288)),
}
# Random tensors, and what is done with them: mults, adds, compares. A choice compares what was drawn.
DRAWN: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, int, int]]] = {
    **{name: (lambda m, x, f=f: x + f(6), (0, 288, 0)) for name, f in {"rand": torch.rand, "randn": torch.randn}.items()},
    **{f.__name__: (lambda m, x, f=f: x * f(x), (288, 0, 0)) for f in (torch.rand_like, torch.randn_like)},
    "randint": (lambda m, x: x + torch.randint(0, 5, (6,)), (0, 288, 0)),
    "randint_like": (lambda m, x: x + torch.randint_like(x, 5), (0, 288, 0)),
    "randperm": (lambda m, x: x[:, torch.randperm(8)], (0, 0, 0)),
    "normal": (lambda m, x: x + torch.normal(0.0, 1.0, (6,)), (0, 288, 0)),
    "normal_": (lambda m, x: x + torch.empty(6).normal_(), (0, 288, 0)),
    "normal_functional": (lambda m, x: x + A.normal_functional(torch.zeros(6)), (0, 288, 0)),
    **{
        name: (lambda m, x, name=name: x + getattr(torch.empty(6), f"{name}_")(), (0, 288, 0))
        for name in ("uniform", "exponential", "cauchy", "log_normal", "random")
    },
    "geometric": (lambda m, x: x + torch.empty(6).geometric_(0.5), (0, 288, 0)),
    "bernoulli": (lambda m, x: torch.bernoulli(x) * x, (288, 0, 288)),
    "bernoulli, stored": (lambda m, x: x * torch.bernoulli(torch.ones(6)), (288, 0, 6)),
    "bernoulli_": (lambda m, x: x * torch.empty(6).bernoulli_(0.3), (288, 0, 6)),
}  # fmt: skip


@pytest.mark.parametrize("name", SORTED)
def test_what_sorts_is_uncounted_in_compares_alone(name: str) -> None:
    code, (mults, adds) = SORTED[name]
    net = sepcalc.from_torch(Code(code), torch.ones(IMAGE))
    assert net.complete
    assert [(gap.kind, gap.counts) for gap in net.uncounted] == [(name, ("compares",))]
    assert (net.cost.mults, net.cost.adds) == (mults, adds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert volume(net.outputs["output"]) == Code(code)(torch.ones(IMAGE)).numel()
    assert sepcalc.verify(net).ok


@pytest.mark.parametrize("name", DRAWN)
def test_random_tensors_cost_nothing_and_a_note_says_so(name: str) -> None:
    code, counts = DRAWN[name]
    net = sepcalc.from_torch(Code(code), torch.ones(IMAGE))
    assert (net.complete, net.incomplete) == (True, ())
    assert net.notes == ("random numbers are drawn: the cost of drawing them is not known and not counted",)
    assert (net.cost.mults, net.cost.adds, net.cost.compares) == counts
    assert sepcalc.verify(net).ok


def test_a_histogram_of_values_that_are_known_is_counted() -> None:
    """How long it is depends on them."""
    net = sepcalc.from_torch(Code(lambda m, x: x.bincount(minlength=3) * 2), torch.tensor([1, 5, 2]))
    assert (net.complete, net.incomplete, net.outputs, net.cost.mults) == (True, ("compares",), {"output": (6,)}, 6)
    open_one = sepcalc.from_torch(Code(lambda m, x: (x * 3).long().bincount() * 2), torch.ones(4))
    assert not open_one.complete
    assert [gap.kind for gap in open_one.uncounted] == ["bincount"]


def test_every_operator_of_the_table_is_executed() -> None:
    met = {*ELSEWHERE, "nonzero", "nonzero_numpy", "argwhere", "masked_select"}  # test_torch_running.py has these
    for name, (module, shape, _) in CASES.items():
        if name == "newer" and OLD:
            continue
        met.update(call.op for call in traced(Forward("", module.eval(), [torch.ones(shape)], {})).calls)
    for code, _ in [*SORTED.values(), *DRAWN.values()]:
        met.update(call.op for call in traced(Forward("", Code(code).eval(), [torch.ones(IMAGE)], {})).calls)
    met.update(["bincount"])
    only_in_files = {"branches", *[name for name in OPERATORS if "::" in name]}  # tests/test_pt2.py has these
    assert {name for name, row in OPERATORS.items() if row.handle} - met - only_in_files == (
        {"_convolution", "_fused_rms_norm", "_grouped_mm"} if OLD else set()
    )


# Worked out by hand.
BY_HAND = {
    "conv2d same": Cost(27648, 27648, 27648, params=6 * 8 * 16 + 6, activations=6 * 36),
    "attention": Cost(1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9, 4 * 5 * 4, 100, 100, activations=160),
    "attention, grouped": Cost(
        1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9, 4 * 5 * 4, 100, 100, activations=160 + 2 * 80
    ),
    "attention, stored mask": Cost(
        1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9 + 100, 4 * 5 * 4, 100, 100, params=25, activations=160
    ),
    "transposed 1d": Cost(960, 960, 960 - 6 * 12 + 72, params=8 * 6 * 4 + 6, activations=72),
    "attention, all stored but queries": Cost(
        1600, 1700, 4 * 25 * 7 + 4 * 5 * 8 * 4 + 4 * 5 * 9, 4 * 5 * 4, 100, 100, params=160, activations=160
    ),
    # three steps of an LSTM: 4·4·12 macs, 3·4 mults, 4·4·12 + 4·4 additions, 3·4 divisions, 5·4 specials; the packing
    "lstm, states learned": Cost(960, 960 + 60, 960 + 80, 0, 60, 100, params=192 + 32 + 8, activations=20),
    "packed": Cost(576, 576 + 36, 576 + 48, 0, 36, 60, params=224, activations=3 * 8 + 3 * 4),
    # QK', softmax, mask, times V of 3 columns for one; of 8 for the other, without a mask
    "attention, grouped and unscaled": Cost(
        100 * 11 + 100 * 16,
        100 * 11 + 100 * 16,
        (100 * 7 + 100 + 100 * 2 - 20 + 60 * 4) + (100 * 7 + 100 * 2 - 20 + 160 * 4),
        160,
        200,
        200,
        activations=(80 + 80 + 30 + 100 + 3 * 100 + 60) + (2 * 40 + 2 * 100 + 160),  # keys, values and the mask cut out
    ),
    "linear of a vector": Cost(32, 32, 32, params=36, activations=4),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_counts_are_those_worked_out_by_hand(name: str) -> None:
    module, shape, _ = CASES[name]
    assert sepcalc.from_torch(module.eval(), torch.ones(shape)).cost == BY_HAND[name]


PLACES = torch.tensor([0, 1, 0, 1, 1])
# Functions that are spelled with others: mults, additions, compares, divisions, specials, by hand.
SPELLED: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...], tuple[int, ...]]] = {
    **{
        how: (lambda m, x, how=how: getattr(torch, how)(x), VECTOR, (0, 0, 0, 0, 8))
        for how in ("tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh")
    },
    "1 - erf(x)": (lambda m, x: torch.erfc(x), VECTOR, (0, 8, 0, 0, 8)),
    "log(x / (1 - x))": (lambda m, x: torch.logit(x), VECTOR, (0, 8, 0, 8, 8)),
    "the same, x clipped": (lambda m, x: torch.logit(x, 0.1), VECTOR, (0, 8, 16, 8, 8)),
    "x - trunc(x)": (lambda m, x: torch.frac(x), VECTOR, (0, 8, 0, 0, 0)),
    "x·pi/180": (lambda m, x: torch.deg2rad(x), VECTOR, (8, 0, 0, 0, 0)),
    "x = inf": (lambda m, x: torch.isinf(x), VECTOR, (0, 0, 8, 0, 0)),
    "a - b·trunc(a / b)": (lambda m, x: torch.fmod(x, x), VECTOR, (8, 8, 0, 8, 0)),
    "a - b·floor(a / b), b stored": (lambda m, x: x % 3, VECTOR, (16, 8, 0, 0, 0)),
    "sqrt(a² + b²)": (lambda m, x: torch.hypot(x, x), VECTOR, (16, 8, 0, 0, 8)),
    "max + log(1 + exp(-|a - b|))": (lambda m, x: torch.logaddexp(x, x), VECTOR, (0, 24, 8, 0, 16)),
    "x·log(y)": (lambda m, x: torch.xlogy(x, x), VECTOR, (8, 0, 0, 0, 8)),
    "least and greatest": (lambda m, x: torch.aminmax(x), VECTOR, (0, 0, 14, 0, 0)),
    "how many are not 0": (lambda m, x: torch.count_nonzero(x), VECTOR, (0, 7, 8, 0, 0)),
    "the sum of numbers": (lambda m, x: torch.nansum(x), VECTOR, (0, 7, 8, 0, 0)),
    "x to the 0": (lambda m, x: x**0, VECTOR, (0, 0, 0, 0, 0)),
    "running products": (lambda m, x: x.cumprod(1), TOKENS, (32, 0, 0, 0, 0)),
    "running maxima": (lambda m, x: x.cummax(2)[0], TOKENS, (0, 0, 35, 0, 0)),
    "gates of two rows": (lambda m, x: F.glu(torch.cat([x, x]), 0), VECTOR, (8, 8, 0, 8, 8)),
    "distances": (lambda m, x: torch.cdist(x, x), TOKENS, (200, 200 + 175, 0, 0, 25)),
    "distances of many": (lambda m, x: torch.cdist(x.repeat(1, 6, 1), x), TOKENS, (1200, 1200 + 1050, 0, 0, 150)),
    "distances, absolute": (lambda m, x: torch.cdist(x, x, 1.0), TOKENS, (0, 200 + 175, 0, 0, 0)),
    "distances, greatest": (lambda m, x: torch.cdist(x, x, float("inf")), TOKENS, (0, 200, 175, 0, 0)),
    "distances, cubed": (lambda m, x: torch.cdist(x, x, 3.0), TOKENS, (0, 200 + 175, 0, 0, 200 + 25)),
    "distances, different": (lambda m, x: torch.cdist(x, x, 0.0), TOKENS, (0, 200 + 175, 200, 0, 0)),
    "distances of pairs": (lambda m, x: F.pdist(x[0]), TOKENS, (80, 80 + 70, 0, 0, 10)),
    "cross product": (lambda m, x: torch.linalg.cross(x, x), (1, 5, 3), (30, 15, 0, 0, 0)),
    # one step for each of 40 elements put to some of 16 places, whichever of them meet
    "added where they belong": (lambda m, x: torch.zeros(2, 8).index_add(0, PLACES, x[0]), TOKENS, (0, 40, 0, 0, 0)),
    "added, scaled": (lambda m, x: torch.zeros(2, 8).index_add(0, PLACES, x[0], alpha=2), TOKENS, (40, 40, 0, 0, 0)),
    "added in place": (lambda m, x: torch.zeros(2, 8).index_add_(0, PLACES, x[0]), TOKENS, (0, 40, 0, 0, 0)),
    "added by the element": (lambda m, x: torch.zeros(2, 8).scatter_add(0, PLACES[:, None].expand(5, 8), x[0]), TOKENS, (0, 40, 0, 0, 0)),
    "some of them added": (lambda m, x: torch.zeros(2, 8).scatter_add(0, PLACES[:3, None].expand(3, 8), x[0]), TOKENS, (0, 24, 0, 0, 0)),
    "added, spelled": (lambda m, x: torch.zeros(2, 8).scatter_reduce(0, PLACES[:, None].expand(5, 8), x[0], "sum"), TOKENS, (0, 40, 0, 0, 0)),
    "the greatest where they belong": (lambda m, x: torch.zeros(2, 8).scatter_reduce(0, PLACES[:, None].expand(5, 8), x[0], "amax"), TOKENS, (0, 0, 40, 0, 0)),
    "products where they belong": (lambda m, x: torch.zeros(2, 8).scatter_reduce(0, PLACES[:, None].expand(5, 8), x[0], "prod"), TOKENS, (40, 0, 0, 0, 0)),
    "means where they belong": (lambda m, x: torch.zeros(2, 8).scatter_reduce(0, PLACES[:, None].expand(5, 8), x[0], "mean"), TOKENS, (16, 40, 0, 0, 0)),
    "means where data says": (lambda m, x: torch.zeros(2, 8).scatter_reduce(0, x[0].long(), x[0], "mean"), TOKENS, (0, 80, 0, 16, 0)),
    "accumulated": (lambda m, x: torch.zeros(2, 8).index_put((PLACES,), x[0], accumulate=True), TOKENS, (0, 40, 0, 0, 0)),
    "one number accumulated": (lambda m, x: x[0].index_put((PLACES,), torch.ones(()), accumulate=True), TOKENS, (0, 40, 0, 0, 0)),
    "put and accumulated": (lambda m, x: x.put(PLACES, x[0, :, 0], accumulate=True), TOKENS, (0, 5, 0, 0, 0)),
    "written and added": (lambda m, x: x[0].scatter(0, PLACES[:, None], 1.0, reduce="add"), TOKENS, (0, 5, 0, 0, 0)),
    "only written": (lambda m, x: x[0].scatter(0, PLACES[:, None], 1.0), TOKENS, (0, 0, 0, 0, 0)),
    "mean square": (lambda m, x: F.mse_loss(x, 2 * x), VECTOR, (8 + 8 + 1, 8 + 7, 0, 0, 0)),
    "square by square": (lambda m, x: F.mse_loss(x, torch.ones(8), reduction="none"), VECTOR, (8, 8, 0, 0, 0)),
    # P positions, y = 8 P outputs: 4 y + 6 P mults, 3 y + 8 P additions; nearest the coordinates alone
    "grid": (lambda m, x: F.grid_sample(x, x[:, :2, :5].permute(0, 2, 3, 1), align_corners=False), IMAGE, (4 * 240 + 6 * 30, 3 * 240 + 8 * 30, 0, 0, 0)),
    "grid, corners aligned": (lambda m, x: F.grid_sample(x, x[:, :2, :5].permute(0, 2, 3, 1), align_corners=True), IMAGE, (4 * 240 + 6 * 30, 3 * 240 + 6 * 30, 0, 0, 0)),
    "grid, bicubic": (lambda m, x: F.grid_sample(x, x[:, :2, :5].permute(0, 2, 3, 1), "bicubic", align_corners=False), IMAGE, (16 * 240 + 42 * 30, 15 * 240 + 32 * 30, 0, 0, 0)),
    "grid, bicubic, stored": (lambda m, x: F.grid_sample(x, torch.zeros(1, 5, 6, 2), "bicubic", align_corners=False), IMAGE, (16 * 240, 15 * 240, 0, 0, 0)),
    "grid, nearest": (lambda m, x: F.grid_sample(x, x[:, :2, :5].permute(0, 2, 3, 1), "nearest", align_corners=False), IMAGE, (2 * 30, 4 * 30, 0, 0, 0)),
    "grid, stored": (lambda m, x: F.grid_sample(x, torch.zeros(1, 5, 6, 2), align_corners=False), IMAGE, (4 * 240, 3 * 240, 0, 0, 0)),
    "outer product": (lambda m, x: torch.outer(x[0], x[0]), VECTOR, (64, 0, 0, 0, 0)),
    "outer product, added": (lambda m, x: torch.addr(x[0].expand(8, 8), x[0], x[0]), VECTOR, (64, 64, 0, 0, 0)),
    "outer product, spelled": (lambda m, x: torch.einsum("bi,bj->bij", x, x), VECTOR, (64, 0, 0, 0, 0)),
    "outer product of tensors": (lambda m, x: torch.tensordot(x[0], torch.ones(3), 0), VECTOR, (24, 0, 0, 0, 0)),
    # 36 windows of 3 x 3 on 8 x 8 positions, 16 of 2 x 2 apart, which meet nowhere
    "fold": (lambda m, x: F.fold(F.unfold(x, 3, padding=1), (6, 6), 3, padding=1), IMAGE, (0, 8 * (36 * 9 - 64), 0, 0, 0)),
    "fold, apart": (lambda m, x: F.fold(F.unfold(x, 2, stride=2), (6, 6), 2, stride=2), IMAGE, (0, 0, 0, 0, 0)),
    "weighted bags": (lambda m, x: F.embedding_bag((x[0] * 0).long(), torch.ones(9, 4), per_sample_weights=x[0], mode="sum"), TOKENS, (40 + 160, 140, 0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLED)
def test_a_function_spelled_with_others_costs_what_its_formula_does(name: str) -> None:
    code, shape, counts = SPELLED[name]
    net = sepcalc.from_torch(Code(code), torch.ones(shape))
    assert net.complete, net.uncounted
    assert net.cost[:6] == (0, *counts)


NO_RULE = "sepcalc does not know this operator"
UNCOUNTED = {
    "stft": (lambda m, x: torch.stft(x[0, 0], 4, window=torch.ones(4), return_complex=True).real, OPERATORS["stft"].reason),
    "multinomial": (lambda m, x: x[0, 0].multinomial(2), OPERATORS["multinomial"].reason),
    "normal": (lambda m, x: torch.normal(x, 1.0), OPERATORS["multinomial"].reason),
    "_fft_r2c": (lambda m, x: torch.fft.rfft2(x).real, "complex numbers are not supported"),
    "lgamma": (lambda m, x: x.lgamma(), NO_RULE),
    "batch_norm": (
        lambda m, x: F.batch_norm(x, None, None, training=True),
        "batch norm with the statistics of the batch: its cost depends on the batch",
    ),
    "dropout": (
        lambda m, x: F.dropout(x, training=True),
        "dropout at inference draws random numbers, whose cost is not known",
    ),
    "sepcalc_test::mine": (lambda m, x: torch.ops.sepcalc_test.mine(x), NO_RULE),
}  # fmt: skip
_LIBRARY = torch.library.Library("sepcalc_test", "DEF")
_LIBRARY.define("mine(Tensor x) -> Tensor")
_LIBRARY.define("shapeless(Tensor x) -> Tensor")
_LIBRARY.impl("shapeless", lambda x: x.clone(), "CPU")
_LIBRARY.impl("mine", lambda x: x.clone(), "Meta")


@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_cannot_be_counted_is_listed_with_its_reason(name: str) -> None:
    code, reason = UNCOUNTED[name]
    net = sepcalc.from_torch(Code(code), torch.ones(IMAGE))
    assert not net.complete
    assert (net.uncounted[0].kind, net.uncounted[0].reason) == (name, reason)


def test_attention_that_drops_is_counted_but_for_what_drops() -> None:
    net = sepcalc.from_torch(attention(dropout_p=0.1), torch.ones(HEADS))
    assert net.macs == 1600
    assert [(gap.kind, gap.reason) for gap in net.uncounted] == [("dropout", UNCOUNTED["dropout"][1])]


# --- what is easily counted as nothing --------------------------------------------------------------------------------


class Placed(nn.Module):
    """Attention that adds what a small network makes of a table of positions, as Swin V2 does (arXiv:2111.09883, section
    3.3), and a low-rank update of a weight (arXiv:2106.09685, section 4.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Sequential(nn.Linear(2, 16), nn.ReLU(inplace=True), nn.Linear(16, 4, bias=False))
        self.register_buffer("table", torch.ones(25, 2))
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.weight, self.a, self.b = (nn.Parameter(torch.ones(size)) for size in ((8, 8), (8, 2), (2, 8)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = x @ x.mT * self.scale + 16 * self.places(self.table).sigmoid().T.view(4, 5, 5)
        return F.linear(scores.softmax(-1) @ x, self.weight + self.a @ self.b)


def test_products_of_stored_tensors_are_counted_since_they_run() -> None:
    stored = 25 * 2 * 16 + 25 * 16 * 4 + 8 * 2 * 8
    net = sepcalc.from_torch(Placed(), torch.ones(HEADS))
    assert net.macs == counted_by_pytorch(Placed(), torch.ones(HEADS)) == stored + 4 * 5 * 5 * 16 + 4 * 5 * 8 * 8
    assert net.params == sum(one.numel() for one in Placed().parameters())
    assert {layer.name: layer.cost.macs for layer in net.layers if "places" in layer.name and layer.cost.macs} == {
        "places/0": 800,
        "places/2": 1600,
    }
    assert net.notes == (
        "2,528 macs have only stored tensors as operands: counted, though a runtime may compute them once",
    )
    assert sepcalc.verify(net).ok
    many = sepcalc.from_torch(Placed(), torch.ones(3, 4, 5, 8))
    assert many.cost == net.cost
    assert many.notes[-1] == "the inputs hold 3 examples along their first axis: counts are for one of them"


BLIND = {
    "a tensor that no operator made": lambda m, x: m.linear(nn.Parameter(x.as_subclass(torch.Tensor), False)),
    "data": lambda m, x: m.linear(x.data),
    "mapped": lambda m, x: torch.vmap(m.linear)(x),
    "scripted": lambda m, x: m.scripted(x),
    "compiled": lambda m, x: torch.compile(m.linear)(x),
    "called by functions": lambda m, x: torch.func.functional_call(m.linear, dict(m.linear.named_parameters()), (x,)),
    "run again for gradients": lambda m, x: torch.utils.checkpoint.checkpoint(m.linear, x, use_reentrant=False),
    "of a dictionary": lambda m, x: m.linear({"x": x}["x"]),
}


@pytest.mark.parametrize("name", BLIND)
def test_however_it_is_called_it_counts(name: str) -> None:
    linear = nn.Linear(8, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = Code(BLIND[name], linear=linear, scripted=torch.jit.script(linear))
        torch.vmap(linear)(torch.ones(TOKENS))  # what it imports the first time may compute something
        net = sepcalc.from_torch(module, torch.ones(TOKENS))
    assert (net.macs, net.params, net.complete) == (160, 36, True)
    taken = sepcalc.from_torch(Code(lambda m, given: m.linear(given["x"]), linear=linear), ({"x": torch.ones(TOKENS)},))
    assert (taken.macs, list(taken.inputs)) == (160, ["x.x"])


ASKING = {
    "where": lambda m, x: x[torch.where(x > 0)],
    "index": lambda m, x: x[x > 0],
    "cond": lambda m, x: torch.cond(x.sum() > 0, lambda a: a + 1, lambda a: a - 1, (x,)),
}
ASKS = "what runs next depends on a value of the data: counted up to here"


@pytest.mark.parametrize("name", ASKING)
def test_what_only_data_can_tell_stops_the_count(name: str) -> None:
    if OLD and name == "cond":
        pytest.skip("this PyTorch refuses it by itself")
    code = Code(lambda m, x: m.after(ASKING[name](m, m.before(x))), before=nn.Linear(8, 4), after=nn.Linear(4, 2))
    net = sepcalc.from_torch(code, torch.ones(TOKENS))
    assert (net.macs, net.params, net.complete, net.accepted(allow_uncounted=True)) == (160, 36, False, False)
    called = f"higher_order::{name}" if name == "cond" else name
    assert [(gap.kind, gap.reason) for gap in net.uncounted] == [(called, ASKS)]
    assert net.stopped == net.uncounted[0]
    assert net.notes == (
        "10 params are not counted: nothing used them before counting stopped (after.weight, after.bias)",
    )


def test_where_examples_stop_they_are_counted_together() -> None:
    code = Code(lambda m, x: m.linear(x)[x[..., :4] > 0], linear=nn.Linear(8, 4))
    net = sepcalc.from_torch(code, torch.ones(3, 8))
    assert (net.macs, net.notes) == (
        96,
        ("the first axis of the inputs, 3, is counted as data: counting stopped before",),
    )


def test_code_that_asks_for_nothing_when_exported_is_counted_so() -> None:
    def masked(m: Any, x: torch.Tensor) -> torch.Tensor:
        mask = x[..., 0] > 0
        if torch.compiler.is_compiling() or not mask.all():
            x = x * mask[..., None]
        return m.linear(x)

    net = sepcalc.from_torch(Code(masked, linear=nn.Linear(8, 4)), torch.ones(TOKENS))
    assert (net.macs, net.cost.mults) == (160, 160 + 40)
    said = "its forward depends on values of the data: what runs when PyTorch exports it is counted"
    assert net.notes == (said,)
    assert not torch.compiler.is_compiling()


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


def shared_by_blocks() -> nn.Module:
    conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    return Holder(Holder(conv), Holder(conv))


PICTURE = (1, 3, 12, 12)
# What there is (macs, params) and what the tools print for it; run with torch 2.13.0+cpu, fvcore 0.1.5.post20221221,
# ptflops 0.7.5 (its default backend), thop 0.1.1.post2209072238, torchinfo 1.8.0 and calflops 0.3.2 (its MACs); torch is
# its FlopCounterMode, two for each mac. calflops has no number for the attention, on which it fails by itself
# (StopIteration), and counts twice whatever it counts after that.
WRONG: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, int], dict[str, int]]] = {
    "functional calls": (Functional, PICTURE, (21600, 216), {"fvcore": 21600, "ptflops": 0, "thop": 0, "torchinfo": 216, "calflops": 21600, "torch": 43200}),
    "parameters outside modules": (Outside, TOKENS, (576, 108), {"fvcore": 576, "ptflops": 216, "thop": 192, "torchinfo": 36, "calflops": 192, "torch": 1152}),
    "subclasses of Conv2d": (lambda: Holder(Standardized(3, 8, 3)), PICTURE, (21600, 224), {"fvcore": 21600, "ptflops": 0, "thop": 0, "torchinfo": 224, "calflops": 21600, "torch": 43200}),
    "padding same": (lambda: nn.Conv2d(3, 8, 4, padding="same", bias=False), PICTURE, (55296, 384), {"fvcore": 0, "ptflops": 55296, "thop": 55296, "torchinfo": 55296, "calflops": 46464, "torch": 110592}),
    "shared modules": (shared_by_blocks, (1, 8, 12, 12), (165888, 576), {"fvcore": 165888, "ptflops": 331776, "thop": 663552, "torchinfo": 165888, "calflops": 331776, "torch": 331776}),
    "fused attention on a CPU": (attention, HEADS, (1600, 0), {"fvcore": 0, "ptflops": 0, "thop": 0, "torchinfo": 0, "torch": 0}),
    "transposed, grouped": (lambda: Holder(nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=4, bias=False)), (1, 8, 12, 12), (36864, 256), {"fvcore": 36864, "ptflops": 36864, "thop": 147456, "torchinfo": 147456, "calflops": 0, "torch": 73728}),
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
    assert wrong


@pytest.fixture(scope="module")
def torchvision_loads() -> Iterator[None]:
    """Two of the tools load torchvision: one of another build than PyTorch's lacks but its operators' names."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield
    del library


@pytest.mark.usefixtures("torchvision_loads")
@pytest.mark.parametrize("tool", TOOLS)
def test_other_counters_print_what_is_said(tool: str) -> None:
    """None of them is needed here; where one is, it says this."""
    if find_spec(tool) is None:
        return
    said = {place: printed[tool] for place, (_, _, _, printed) in WRONG.items() if tool in printed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counted = {place: TOOLS[tool](WRONG[place][0]().eval(), torch.ones(WRONG[place][1])) for place in said}
    assert counted == said


def test_other_counters_count_shared_params_more_than_once() -> None:
    assert sepcalc.from_torch(shared_by_blocks(), torch.ones(1, 8, 12, 12)).params == 576
    if find_spec("thop") is None:
        return
    import thop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert thop.profile(shared_by_blocks(), inputs=(torch.ones(1, 8, 12, 12),), verbose=False)[1] == 2 * 576


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
        "36 params are not counted: the run on these inputs does not use them (unused.weight, unused.bias)",
    )


def test_a_picture_without_an_axis_of_examples_has_its_channels_last() -> None:
    net = sepcalc.from_torch(nn.Sequential(nn.Conv2d(8, 6, 3), nn.ReLU(), nn.MaxPool2d(2)), torch.ones(8, 9, 7))
    assert net.inputs == {"input": (9, 7, 8)}
    assert net.outputs == {"output": (3, 2, 6)}
    assert [(layer.kind, layer.output) for layer in net.layers] == [
        ("conv", (7, 5, 6)),
        ("act", (7, 5, 6)),
        ("pool", (3, 2, 6)),
    ]


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
    assert steps.notes == ("the first axis of the inputs, 5, does not hold examples: all of it is counted",)


def test_sequences_that_are_not_along_the_first_axis_are_all_counted_and_said_to_be() -> None:
    gates = 4 * (8 * 16 + 8 * 8)  # macs of a step of one sequence
    steps = nn.LSTM(16, 8)
    net = sepcalc.from_torch(steps, {"input": "7x3x16"})
    assert net.cost.macs == 7 * 3 * gates
    beside = "3 sequences run in parallel: all of them are counted, as if they ran in sequence"
    assert net.notes == (beside, "the first axis of the inputs, 7, does not hold examples: all of it is counted")
    assert sepcalc.from_torch(steps, {"input": "1x3x16"}).notes == (beside,)
    assert sepcalc.from_torch(steps, {"input": "1x1x16"}).notes == ()
    examples = sepcalc.from_torch(nn.LSTM(16, 8, batch_first=True), {"input": "3x7x16"})
    assert examples.cost.macs == 7 * gates
    assert examples.notes == ("the inputs hold 3 examples along their first axis: counts are for one of them",)


HOUSE = torch.library.Library("house", "DEF")
HOUSE.define("wizard(Tensor x) -> Tensor")
HOUSE.impl("wizard", torch.empty_like, "Meta")


class Told(nn.Module):
    """Layers in a row, on 6 of something."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.mark.parametrize(
    ("module", "shape", "guessed"),
    [
        (Told(nn.Linear(8, 4)), "6x8", True),
        (Told(nn.Linear(8, 4)), "6x5x8", True),
        (Told(nn.Embedding(10, 4)), "6x5", True),
        (Told(nn.Flatten(), nn.Unflatten(1, (8, 9)), nn.Conv1d(8, 4, 3)), "6x72", True),
        (Told(nn.Conv1d(8, 4, 3)), "6x8x9", False),
        (Told(nn.ReLU(), nn.MaxPool1d(2)), "6x8x9", False),
        (Told(nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1)), "6x8x9x9", False),
        (Told(nn.Conv2d(8, 4, 3)), "6x8x9x9", False),
        (Told(nn.ConvTranspose2d(8, 4, 3)), "6x8x9x9", False),
        (Told(nn.Linear(8, 4)), "1x5x8", False),
    ],
)
def test_a_batch_that_no_layout_tells_is_a_guess(module: nn.Module, shape: str, guessed: bool) -> None:
    net = sepcalc.from_torch(module, {"x": shape})
    size = shape.partition("x")[0]
    asked = (
        f"the first axis of the input 'x' is {size}, and nothing says whether it holds "
        f"examples\n  hint: --batch {size} if it does (one is counted), --batch 1 if not; in pyproject.toml: "
        f"batch = {size}"
    )
    assert [str(problem) for problem in net.guesses] == [asked] * guessed
    one = sepcalc.from_torch(module, {"x": shape}, batch=int(size))
    assert (one.cost, one.guesses) == (net.cost, ())
    whole = sepcalc.from_torch(module, {"x": shape}, batch=1)
    assert (whole.macs, whole.guesses, whole.notes) == (int(size) * net.macs, (), ())


@pytest.mark.parametrize(
    ("mixes", "whole"),
    [
        (lambda x: torch.ops.house.wizard(x), True),
        (lambda x: x.index_add(0, torch.zeros(x.shape[0], dtype=torch.int64, device=x.device), x), True),
        (lambda x: x.index_put((torch.zeros(x.shape[0], dtype=torch.int64, device=x.device),), x), True),
        (lambda x: x.scatter_add(0, torch.zeros_like(x, dtype=torch.int64), x), True),
        (lambda x: x.median(0, keepdim=True)[0] + x, True),
        (lambda x: x.scatter_add(1, torch.zeros_like(x, dtype=torch.int64), x), False),
        (lambda x: A.index_put(x, [None, torch.zeros(4, dtype=torch.int64, device=x.device)], x), False),
        (lambda x: x.topk(2, dim=1)[0], False),
    ],
)
def test_rows_that_may_meet_are_no_examples(mixes: Callable[[Any], Any], whole: bool) -> None:
    """A product of 8 by 4 for each of 6 rows, then what may mix them, as nobody knows what an unknown operator does."""
    net = sepcalc.from_torch(Code(lambda m, x: mixes(m.layer(x)), layer=nn.Linear(8, 4)), {"x": "6x8"})
    assert net.macs == (6 * 32 if whole else 32)
    said = "the first axis of the inputs, 6, does not hold examples: all of it is counted"
    assert (net.notes[-1] == said) is whole


def test_a_batch_that_a_module_has_not_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(nn.Linear(8, 4), {"input": "6x8"}, batch=7)
    assert str(caught.value) == "--batch 7: the first axis of the inputs has another size: 6"
    with pytest.raises(InputError) as caught:
        sepcalc.from_torch(Told(nn.Softmax(0), nn.Linear(8, 4)), {"x": "6x8"}, batch=6)
    assert str(caught.value) == (
        "--batch 6: Told does not work on each example separately\n  hint: --batch 1 counts all that runs on these inputs"
    )


def steps_taken(m: Any, x: torch.Tensor) -> torch.Tensor:
    state, made = torch.zeros(x.shape[1], 4), []
    for step in x:
        state = m.cell(step, state)
        made.append(state)
    return torch.stack(made)


def by_experts(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Two of three experts for each token; the tokens of all examples are sorted by expert, and put back in order."""
    rows = x.flatten(0, 1)
    weights, chosen = m.gate(rows).softmax(-1).topk(2)
    chosen, back = chosen.flatten(), torch.empty(2 * len(rows), dtype=torch.long)
    order = chosen.argsort()
    ends = torch.histc(chosen[order].float(), 3, 0, 2).cumsum(0, dtype=torch.int32)
    made = A._grouped_mm(rows[order // 2], m.experts, ends) * weights.flatten()[order, None]
    back[order] = torch.arange(len(back))
    return made[back].view(*x.shape[:2], 2, 4).sum(2)


LINEAR, CELL = nn.Linear(8, 4), nn.GRUCell(8, 4)
BY_ITSELF: dict[str, Callable[[Any, Any], Any]] = {
    "both ways round": lambda m, x: m.linear(torch.cat([x, x.flip(-1)])),  # two passes
    "with and without": lambda m, x: torch.sub(*m.linear(torch.cat([x, x + 1])).chunk(2)),
    "one after the other": lambda m, x: torch.stack([m.linear(one) for one in x]),
    "in two halves": lambda m, x: torch.cat([m.linear(one) for one in x.chunk(2)]),
    "three times": lambda m, x: m.linear(x.repeat(3, 1, 1)),
    "a place of each": lambda m, x: m.linear(x[torch.arange(len(x)), x[..., 0].argmax(1)]),
    "places of each": lambda m, x: m.linear(x[torch.arange(len(x))[:, None], torch.tensor([0, 2])]),
    "a place of each, its number second": lambda m, x: m.linear(
        x.transpose(0, 1)[x[..., 0].argmax(1), torch.arange(len(x))]
    ),
    "each in its place": lambda m, x: m.linear(x[torch.arange(len(x))]),
    "folded, a place of each": lambda m, x: m.linear(x.view(-1, 8)[torch.arange(len(x)) * 5 + 2]),
    "two places of each": lambda m, x: m.linear(
        x[torch.arange(len(x)).repeat_interleave(2), torch.tensor([0, 1]).repeat(len(x))]
    ),
    "a place of each, by a mask": lambda m, x: m.linear(x[torch.eye(len(x), 5, dtype=torch.bool)]),
    "put into a place of each": lambda m, x: m.linear(
        x.index_put((torch.arange(len(x)), x[..., 0].argmax(1)), x[:, 0])
    ),
    "padded in time": lambda m, x: m.linear(F.pad(x, (0, 0, 1, -1))),
    "a bag of each": lambda m, x: m.linear(
        F.embedding_bag(x[..., 0].long().reshape(-1), torch.ones(9, 8), torch.arange(len(x)) * 5)
    ),
    "queries for each": lambda m, x: m.linear(x) + m.linear(m.query.expand(len(x), -1, -1)),
    "a table for all": lambda m, x: m.linear(x) + m.linear(m.query),
    "windows": lambda m, x: m.linear(x.roll(1, 1)).view(-1, 1, 4),
    "samples": lambda m, x: m.linear(
        F.grid_sample(x[:, None], x[:, :, None, :2], align_corners=False).expand(-1, 1, 5, 8)
    ),
    "steps": lambda m, x: steps_taken(m, x.transpose(0, 1)),
}
TOGETHER: dict[str, Callable[[Any, Any], Any]] = {
    "the first": lambda m, x: m.linear(x[0]),
    "the first, kept": lambda m, x: m.linear(x[:1]),
    "the first of the results": lambda m, x: m.linear(x)[0],
    "every other": lambda m, x: m.linear(x[::2]),
    "the other way round": lambda m, x: m.linear(x) + m.linear(x).flip(0),
    "turned on": lambda m, x: m.linear(x).roll(1, 0),
    "a diagonal": lambda m, x: m.linear(x).diagonal(0, 0, 2),
    "blocks": lambda m, x: torch.block_diag(*m.linear(x[:, 0])),
    "products of all with all": lambda m, x: m.linear(x).flatten(1) @ m.linear(x).flatten(1).T,
    "means of all": lambda m, x: m.linear(x - x.mean(0)),
    "with a stored one": lambda m, x: m.linear(torch.cat([m.query, x])),
    "sorted": lambda m, x: m.linear(x).sort(0)[0],
    "repeated, and cut elsewhere": lambda m, x: m.linear(x.repeat(2, 1, 1).relu()).view(len(x), 2, 5, 4),
    "joined, and cut elsewhere": lambda m, x: m.linear(torch.cat([x, x + 1])).view(len(x), 2, 5, 4),
    "the first in the second's place": lambda m, x: (
        m.linear(x * 0).slice_scatter(m.linear(x)[:1], 0, 1, 2) if len(x) > 1 else m.linear(x)
    ),
    "steps": lambda m, x: steps_taken(m, x),
}


def in_order(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1).sum(1).argsort()


def put_back(m: Any, x: torch.Tensor) -> torch.Tensor:
    back, order = torch.empty(len(x), dtype=torch.long), in_order(x)
    back[order] = torch.arange(len(x))
    return m.linear(x[order])[back]


BY_ITSELF |= {
    "sorted and put where they were": lambda m, x: torch.zeros(len(x), 5, 4).index_copy(
        0, (order := in_order(x)), m.linear(x[order])
    ),
    "sorted and taken back": put_back,
    "each in its own order": lambda m, x: m.linear(x.gather(1, x.argsort(1))),
    "windows of pictures": lambda m, x: m.linear(x.view(-1, 5, 2, 4).transpose(1, 2).reshape(-1, 5, 8)),
}
TOGETHER |= {
    "in an order": lambda m, x: m.linear(x[in_order(x)]),
    "in an order, chosen": lambda m, x: m.linear(x.index_select(0, in_order(x))),
    "in an order of the best": lambda m, x: m.linear(x[x.flatten(1).sum(1).topk(len(x)).indices]),
    "in an order, twice": lambda m, x: m.linear(x[(order := in_order(x))][order]),
    "in an order, beside themselves": lambda m, x: m.linear(x + x[in_order(x)]),
    "in an order, and a place of each": lambda m, x: m.linear(x[in_order(x), x[..., 0].argmax(1)]),
    "in a stored order, and a place of each": lambda m, x: m.linear(
        x[torch.tensor([2, 0, 3, 1])[: len(x)], x[..., 0].argmax(1)]
    ),
    "the other way round, and a place of each": lambda m, x: m.linear(
        x[torch.arange(len(x)).flip(0), x[..., 0].argmax(1)]
    ),
    "turned on, and a place of each": lambda m, x: m.linear(x[torch.arange(len(x)).roll(1), x[..., 0].argmax(1)]),
    "a place of the first": lambda m, x: m.linear(x[torch.zeros(len(x), dtype=torch.long), x[..., 0].argmax(1)]),
    "one place, the other way round": lambda m, x: m.linear(
        x.transpose(0, 1)[torch.zeros(len(x), dtype=torch.long), torch.arange(len(x)).flip(0)]
    ),
    "places of each other": lambda m, x: m.linear(x[torch.arange(len(x)), x[:, :4, 0].long()]),
    "folded, the other way round": lambda m, x: m.linear(
        x.view(-1, 1, 8)[torch.arange(5 * len(x)).flip(0), torch.zeros(5 * len(x), dtype=torch.long)]
    ),
    "selected the other way round": lambda m, x: m.linear(x.index_select(0, torch.arange(len(x)).flip(0))),
    "gathered the other way round": lambda m, x: m.linear(
        x.gather(0, torch.arange(len(x)).flip(0)[:, None, None].expand(x.shape))
    ),
    "taken along the other way round": lambda m, x: m.linear(
        x.take_along_dim(torch.arange(len(x)).flip(0)[:, None, None], 0)
    ),
    "put the other way round": lambda m, x: m.linear(x.put(torch.arange(x.numel()).flip(0).view(x.shape), x)),
    "the largest of all": lambda m, x: m.linear(x.index_reduce(0, torch.zeros(len(x), dtype=torch.long), x, "amax")),
    "where a mask lets them": lambda m, x: m.linear(x.masked_scatter(x > 0, x * 2)),
    "padded on one side, cut on the other": lambda m, x: m.linear(x + F.pad(x, (0, 0, 0, 0, 1, -1))),
    "shuffled as channels": lambda m, x: m.linear(F.channel_shuffle(x.reshape(1, -1, 5, 2), 2).reshape(x.shape)),
    "scaled by each other": lambda m, x: m.linear((x[:, :4, 0] * x[:, :4, 0].sum(1))[..., None].expand(-1, -1, 8)),
    "repeated along each other": lambda m, x: m.linear(
        x[:, :4, 0].sum(1).expand(len(x), 4)[..., None].expand(-1, -1, 8)
    ),
    "without the axis of one": lambda m, x: m.linear(x[:, :1].squeeze(0).flip(0).view(-1, 8)),
    "all in the last bag": lambda m, x: m.linear(
        F.embedding_bag(x[..., 0].long().reshape(-1), torch.ones(9, 8), torch.zeros(len(x), dtype=torch.long))
    ),
    "in the order of each column": lambda m, x: m.linear(x.gather(0, x.argsort(0))),
    "put into an order": lambda m, x: m.linear(torch.zeros_like(x).index_put((in_order(x),), x)),
    "added in an order": lambda m, x: m.linear(torch.zeros_like(x).index_add(0, in_order(x), x)),
    "scattered": lambda m, x: m.linear(torch.zeros_like(x).scatter(0, x.argsort(0), x)),
    "halves the other way round": lambda m, x: m.linear(torch.cat([x[2:], x[:2]])),
    "beside their neighbours": lambda m, x: m.linear(x + torch.cat([x[-1:], x[:-1]])),
    "stacked the other way round": lambda m, x: m.linear(torch.stack(x.unbind(0)[::-1])),
    "joined and sorted": lambda m, x: m.linear(torch.cat([x[:2], x[2:]]).sort(0)[0]),
    "folded": lambda m, x: m.linear(x.reshape(-1).reshape(8, -1).T),
    "turned and folded": lambda m, x: m.linear(x.permute(1, 2, 0).reshape(-1, 5, 8)),
    "strided": lambda m, x: m.linear(x.as_strided((len(x), 5, 8), (1, len(x), 5 * len(x)))),
    "a window over them": lambda m, x: m.linear(F.avg_pool1d(x.permute(1, 2, 0), 3, 1, 1).permute(2, 0, 1)),
    "a kernel over them": lambda m, x: m.linear(
        F.conv1d(x.permute(1, 2, 0), torch.ones(8, 8, 3), padding=1).permute(2, 0, 1)
    ),
    "resampled": lambda m, x: m.linear(F.interpolate(x.permute(1, 2, 0), scale_factor=2).permute(2, 0, 1)),
    "sums of all before": lambda m, x: m.linear(x.cumsum(0)),
}


@pytest.mark.parametrize("way", BY_ITSELF)
def test_examples_each_by_itself(way: str) -> None:
    module, x = Code(BY_ITSELF[way], linear=LINEAR, cell=CELL, query=torch.ones(1, 5, 8)), torch.ones(4, 5, 8)
    one, many = sepcalc.from_torch(module, x[:1]), sepcalc.from_torch(module, x)
    assert many.notes[-1] == "the inputs hold 4 examples along their first axis: counts are for one of them"
    assert (many.cost, many.outputs) == (one.cost, one.outputs)
    assert one.macs == counted_by_pytorch(module, x[:1])
    assert many.macs * 4 == counted_by_pytorch(module, x) + (3 * 5 * 8 * 4 if way == "a table for all" else 0)


def by_experts_added(m: Any, x: torch.Tensor) -> torch.Tensor:
    """The same, what the experts give being added where the tokens were."""
    rows = x.flatten(0, 1)
    weights, chosen = m.gate(rows).softmax(-1).topk(2)
    order = chosen.flatten().argsort()
    ends = torch.histc(chosen.flatten()[order].float(), 3, 0, 2).cumsum(0, dtype=torch.int32)
    made = A._grouped_mm(rows[order // 2], m.experts, ends) * weights.flatten()[order, None]
    return torch.zeros(len(rows), 4).index_add(0, order // 2, made).view(*x.shape[:2], 4)


@pytest.mark.skipif(OLD, reason="this PyTorch has no product of groups")
@pytest.mark.parametrize("way", [by_experts, by_experts_added])
def test_experts_work_on_each_token(way: Callable[[Any, torch.Tensor], torch.Tensor]) -> None:
    module = Code(way, gate=nn.Linear(8, 3, bias=False), experts=torch.ones(3, 8, 4))
    one, many = (sepcalc.from_torch(module, torch.ones(count, 5, 8)) for count in (1, 2))
    assert one.macs == many.macs == 5 * 8 * 3 + 2 * 5 * 8 * 4
    assert many.cost == one.cost
    assert many.notes == ("the inputs hold 2 examples along their first axis: counts are for one of them",)


class Experts(nn.Module):
    """A loop over the experts that any token chose, as transformers 4.57 has it: which rows each of them works on is for
    the data to tell; 5 tokens with two of three experts each are 10 rows, of two examples 20."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 3, bias=False)
        self.experts = nn.ModuleList(nn.Linear(8, 8, bias=False) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.flatten(0, 1)
        weights, chosen = self.gate(rows).softmax(-1).topk(2)
        mask = F.one_hot(chosen, 3).permute(2, 1, 0)
        out = torch.zeros_like(rows)
        for at in (mask.sum((1, 2)) > 0).nonzero().flatten():
            which, row = torch.where(mask[at])
            out.index_add_(0, row, self.experts[at](rows[row]) * weights[row, which, None])
        return out.view(x.shape)


def test_experts_that_the_data_chooses_work_on_each_token() -> None:
    one, many, three = (sepcalc.from_torch(Experts(), torch.ones(count, 5, 8)) for count in (1, 2, 3))
    assert one.macs == many.macs == three.macs == 5 * 8 * 3 + 10 * 8 * 8
    assert many.cost == one.cost
    assert many.notes[-1] == "the inputs hold 2 examples along their first axis: counts are for one of them"
    mixed = Code(lambda m, x: m.layer(x) + m.layer(x).flip(0), layer=Experts())
    assert sepcalc.from_torch(mixed, torch.ones(2, 5, 8)).macs == 4 * one.macs


@pytest.mark.parametrize("way", TOGETHER)
def test_what_is_picked_or_mixed_along_the_first_axis_is_counted_whole(way: str) -> None:
    module, x = Code(TOGETHER[way], linear=LINEAR, cell=CELL, query=torch.ones(1, 5, 8)), torch.ones(4, 5, 8)
    network = sepcalc.from_torch(module, x)
    assert network.notes[-1] == "the first axis of the inputs, 4, does not hold examples: all of it is counted"
    assert network.macs == counted_by_pytorch(module, x)
    assert [volume(shape) for shape in network.outputs.values()] == [module(x).numel()]


def test_one_of_several_passes_is_shown_as_an_example_is() -> None:
    both = Code(lambda m, x: m.linear(torch.cat([x, x.flip(-1)])).chunk(2), linear=LINEAR)
    net = sepcalc.from_torch(both, torch.ones(1, 8))
    assert [(layer.name, layer.output) for layer in net.layers][-3:] == [
        ("linear", (2, 4)),
        ("chunk/0", (4,)),
        ("chunk/1", (4,)),
    ]
    last = sepcalc.from_torch(Pair(lambda x: LINEAR(x.transpose(0, 1))[-1]), torch.ones(1, 5, 8))
    assert (last.layers[-1].name, last.layers[-1].output) == ("select", (4,))


def test_examples_beside_what_they_have_in_common() -> None:
    said = "the inputs hold 4 examples along their first axis: counts are for one of them"
    for given in ((torch.ones(4, 5, 8), torch.ones(4)), (torch.ones(4, 5, 8), torch.ones(1))):
        timed = Pair(lambda x, time: LINEAR(x) * time[:, None, None])
        net = sepcalc.from_torch(timed, given)
        assert (net.macs, net.notes[-1]) == (160, said)
    named = Pair(lambda given: LINEAR(given["a"]) + LINEAR(given["b"]))
    net = sepcalc.from_torch(named, ({"a": torch.ones(4, 5, 8), "b": torch.ones(4, 5, 8)},))
    assert (net.macs, net.notes[-1]) == (320, said)
    fixed = sepcalc.from_torch(Pair(lambda x: LINEAR(x.view(4, 8))), torch.ones(4, 8))
    assert fixed.macs == 128
    assert fixed.notes == (
        "the first axis of the inputs, 4, is counted as data: the module does not run on one example",
    )


PRECISIONS = [torch.float16, torch.bfloat16, torch.float64, torch.float32]


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_inputs_of_shapes_as_text_have_the_precision_of_the_module(precision: torch.dtype) -> None:
    net = sepcalc.from_torch(nn.Conv2d(3, 8, 3).to(precision), "9x9x3")
    assert (net.macs, net.params) == (7 * 7 * 8 * 27, 8 * 27 + 8)
    words = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2)).to(precision)
    assert sepcalc.from_torch(words, {"input": "1x5"}).macs == 5 * 4 * 2


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


class Waiting(nn.Module):
    """Parameters that wait for a first run: shared by two calls, beside others, in what does not run, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.LazyConvTranspose2d(4, 2, 2), nn.Flatten()
        )
        self.wide = nn.LazyLinear(300)
        self.mix = nn.Sequential(nn.Linear(300, 300), nn.LazyLinear(300, bias=False))
        self.again = self.mix
        self.unused = nn.LazyLinear(3)
        self.seen = nn.Buffer(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        return self.again(self.mix(self.wide(self.conv(x))))


def test_parameters_that_wait_for_a_first_run_count_as_after_it() -> None:
    module, x = Waiting(), torch.ones(1, 3, 8, 8)
    kinds = [type(one) for one in module.modules()]
    net = sepcalc.from_torch(module, x)
    assert [type(one) for one in module.modules()] == kinds
    assert all(nn.parameter.is_lazy(one) for one in (module.wide.weight, module.conv[1].running_mean))
    assert module.seen.item() == 0
    assert sepcalc.from_torch(module, torch.ones(3, 3, 8, 8)).cost == net.cost
    module.eval()(x)
    assert net.params == sum(one.numel() for one in module.parameters() if not nn.parameter.is_lazy(one))
    assert (net.macs, net.complete) == (counted_by_pytorch(module, x), True)
    assert sepcalc.from_torch(module, x).cost == net.cost


def test_what_is_no_module_and_what_fails_is_refused() -> None:
    with pytest.raises(InputError, match=r"^from_torch needs a torch\.nn\.Module, not 'int'$"):
        sepcalc.from_torch(3, torch.ones(1))
    with pytest.raises(
        InputError,
        match=r"^LazyConv2d: a first run, which would give all of its parameters a shape, fails: RuntimeError: .+\n"
        r"  hint: run the module once first$",
    ):
        sepcalc.from_torch(nn.LazyConv2d(3, 1), torch.ones(1, 3))
    with pytest.raises(InputError, match=r"^Identity: there is no tensor among its inputs$"):
        sepcalc.from_torch(nn.Identity(), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = torch.quantize_per_tensor(torch.ones(5), 0.1, 0, torch.quint8)
    for given, said in (
        (torch.ones(5, 0), "5x0: expected sizes from 1"),
        (torch.eye(5).to_sparse(), "sparse: expected a dense tensor"),
        (
            torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
            "nested: expected a dense tensor",
        ),
        (whole, "quantized: expected a dense tensor"),
    ):
        with pytest.raises(InputError, match=rf"^Identity: its input 'input' is {said}$"):
            sepcalc.from_torch(nn.Identity(), given)


SHAPELESS = {
    "quantized::linear_dynamic in layer": "count the module before quantization: its products are the same",
    "aten::fake_quantize_per_tensor_affine_cachemask": "count the parts before and after",
    "sepcalc_test::shapeless": "define its shapes with torch.library.register_fake",
}


@pytest.mark.parametrize("op", SHAPELESS)
def test_operators_that_cannot_run_without_data_are_named(op: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 4)), {nn.Linear})[0]
    code = {
        "quantized": lambda m, x: m.layer(x),
        "aten": lambda m, x: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, 0, 255),
        "sepcalc_test": lambda m, x: torch.ops.sepcalc_test.shapeless(x),
    }[op.partition("::")[0]]
    net = sepcalc.from_torch(Code(code, layer=packed), torch.ones(1, 8))
    assert net.stopped is not None
    name = op.removeprefix("aten::")
    assert (net.stopped.kind, net.stopped.reason) == (
        name.partition(" ")[0],
        f"PyTorch needs data to compute its shapes: counted up to here; {SHAPELESS[op]}",
    )


class Lambda(nn.Module):
    def __init__(self, run: Any) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Any) -> Any:
        return self.run(x)


def test_what_an_operator_gives_beside_its_result_is_not_passed_over() -> None:
    both = Lambda(lambda x: torch.native_layer_norm(x, [6], None, None, 1e-5))
    network = sepcalc.from_torch(both, torch.ones(1, 6))
    reason = "its further outputs are not supported"
    assert network.uncounted == (Gap("native_layer_norm", "native_layer_norm", reason),)
    first = Lambda(lambda x: torch.native_layer_norm(x, [6], None, None, 1e-5)[0])
    assert sepcalc.from_torch(first, torch.ones(1, 6)).complete


def test_a_bound_may_be_larger_than_what_it_bounds() -> None:
    network = sepcalc.from_torch(Lambda(lambda x: x.clamp_max(torch.ones(5, 4))), torch.ones(1, 5, 1))
    assert (list(network.outputs.values()), network.cost.compares) == ([(5, 4)], 20)
    network = sepcalc.from_torch(Lambda(lambda x: x.clamp(torch.zeros(4), torch.ones(5, 1))), torch.ones(1, 5, 1))
    assert (list(network.outputs.values()), network.cost.compares) == ([(5, 4)], 40)


def test_along_an_axis_of_one_number() -> None:
    network = sepcalc.from_torch(Lambda(lambda x: x.cumsum(0)), torch.tensor(3.0))
    assert network.uncounted == (Gap("cumsum", "cumsum", "it works along an axis of a single number"),)


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
class Late(nn.Module):
    def forward(self, scale, /, image, *, more=None):
        return scale * image
class Several(nn.Module):
    def forward(self, *them):
        return them[0] * them[1]
compiled, parallel = torch.compile(net), nn.DataParallel(net)
number = 3
def needs(width, depth=2): return Net()
def fails(): raise ValueError("no such weights")
def text(): return "text"
def half(): return Net().half()
def exported(): return torch.export.export(Net(), (torch.ones(1, 3, 9, 9),)).module()
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
    "their_nets:Net": "it needs the shape of its input 'image'\n  hint: for example sepcalc network their_nets:Net --input 224x224x3",
    "their_nets:Words": (
        "it needs the shapes of its inputs 'ids', 'mask'\n"
        "  hint: --input ids=1x3x224x224 --input mask=1x3x224x224, for example"
    ),
    "their_nets:Words --input ids=1x5": "it also needs 'mask'\n  hint: --input mask=1x5, for example",
    "their_nets:Net --input imagge=1x3x9x9": "its forward has no parameter 'imagge'\n  hint: did you mean image?",
    "their_nets:Net --input 9x9x3 --set a=1": "a PyTorch module has no parameter 'a' to set",
    "their_nets:Net --input 9x9x3 --dim a=1": "it has no open dimension 'a'\n  hint: --dim is for model files",
    "their_nets:Several --input x=1x3": "its forward has no parameter 'x'\n  hint: it takes input0",
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


COMMANDS = {
    "network": "--allow-uncounted",
    "check": "--max macs=1G --allow-uncounted",
    "baseline": "--allow-uncounted -o kept.json",
    "whatif": "--width 0.5 --allow-uncounted",
    "fit": "--max macs=1G --allow-uncounted",
    "convert": "--allow-uncounted -o net.yaml",
    "verify": "",
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_lets_a_stopped_network_pass(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["their_nets:Asks", "--input", "9x9x3"]
    assert run([command, *asked, *COMMANDS[command].split()]) == 3
    assert command != "baseline" or not Path("kept.json").exists()
    assert "is_nonzero" in "".join(capsys.readouterr())


@pytest.mark.usefixtures("folder")
def test_a_stopped_network_passes_neither_a_diff_nor_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["their_nets:Asks", "--input", "9x9x3"]
    assert run(["diff", "their_nets:Asks", *asked, "--allow-uncounted"]) == 3
    assert run(["convert", *asked, "-o", "net.yaml"]) == 3
    assert run(["check", "net.yaml", "--max", "macs=1G", "--allow-uncounted"]) == 3
    capsys.readouterr()
    assert run(["network", *asked, "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    stopped = {"name": "is_nonzero", "kind": "is_nonzero", "reason": ASKS, "counts": list(COUNTS)}
    assert (document["stopped"], document["complete"]) == (stopped, False)


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
@pytest.mark.parametrize(
    "words", ["their_nets:Net --input 9x9x3", "their_nets:net --input image=1x3x9x9", "their_nets:half --input 9x9x3"]
)
def test_a_module_is_counted_by_its_name(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", *words.split(), "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("conv,conv,9x9x3,7x7x8,10584,10584,10584,")
    assert run(["verify", *words.split()]) == 0
    assert "verified: 10,584 multiplications" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "inputs", "macs"),
    [
        ("compiled", {"": "9x9x3"}, 10584),  # forward says but *args and **kwargs
        ("compiled", {"image": "1x3x9x9"}, 10584),
        ("parallel", {"": "9x9x3"}, 10584),
        ("parallel", {"input0": "1x3x9x9", "mask": "1x3x9x9"}, 10584),
        ("exported", {"": "9x9x3"}, 10584),  # takes nothing by name
        ("Late", {"image": "1x4", "scale": "1x4"}, 0),
        ("Several", {"input1": "1x4", "input0": "1x4"}, 0),
    ],
)
def test_inputs_are_given_by_position_where_forward_knows_no_names(
    name: str, inputs: dict[str, str], macs: int
) -> None:
    net = sepcalc.load(f"their_nets:{name}", input=inputs)
    assert (net.macs, net.cost.mults) == (macs, macs or 4)


@pytest.mark.usefixtures("folder")
def test_no_weight_is_allocated() -> None:
    assert sepcalc.load("their_nets:Vast", input={"x": "1x1048576"}).macs == 2**40


@pytest.mark.usefixtures("folder")
def test_indices_are_whole_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["their_nets:Words", "--input", "ids=1x5", "--input", "mask=1x5"]
    assert run(["network", *words, "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("table,embedding,5,5x4,0,")


def test_params_have_the_bytes_of_their_own_type() -> None:
    half = torch.nn.Conv2d(3, 8, 3).half()
    network = sepcalc.from_torch(half, torch.ones(1, 3, 8, 8, dtype=torch.float16))
    assert (network.params, network.param_bytes) == (224, 448)
    assert sepcalc.from_torch(torch.nn.Conv2d(3, 8, 3), torch.ones(1, 3, 8, 8)).param_bytes == 896


PICKED: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "index": lambda a, i: a[i],
    "index_select": lambda a, i: a.index_select(0, i),
    "gather": lambda a, i: torch.gather(a, 0, i[:, None, None, None].expand(a.shape)),
    "shuffled": lambda a, i: a[torch.randperm(a.shape[0])],
    "looked up": lambda a, i: F.embedding(i, a.flatten(1)).view(a.shape),
}


class Picking(nn.Module):
    """A convolution, rows of it picked, and another one."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first, self.second = nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(4, 4, 3, bias=False)

    def forward(self, x: torch.Tensor, i: torch.Tensor) -> Any:
        return self.second(PICKED[self.how](self.first(x), i))


@pytest.mark.parametrize("how", PICKED)
def test_rows_that_an_input_picks_are_no_examples(how: str) -> None:
    """3x3 of 3 channels on 6x6, then of 4 on 4x4, for each of 4 images, which may all be the same one."""
    net = sepcalc.from_torch(Picking(how), torch.ones(4, 3, 8, 8), torch.zeros(4, dtype=torch.int64))
    assert net.macs == 4 * (6 * 6 * 4 * 27 + 4 * 4 * 4 * 36)
    assert net.notes[0] == "the first axis of the inputs, 4, does not hold examples: all of it is counted"
