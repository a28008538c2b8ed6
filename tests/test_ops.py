"""What every kind costs: worked out by hand, counted by loops, and by pairs that must cost the same.

The hand-made counts follow the rules, not the code: ``n`` products per output
are n mults and n-1 additions, a bias one addition more, and so on.
"""

import re
from collections import Counter
from itertools import product
from math import prod

import pytest
from helpers import fitting_specs, ids, refusal
from hypothesis import assume, given
from hypothesis import strategies as st

from sepcalc.cost import COUNTS, Cost, total
from sepcalc.kinds import KINDS
from sepcalc.layer import Layer
from sepcalc.network import of_spec
from sepcalc.ops.base import Op, Window
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import ACTIVATIONS
from sepcalc.ops.pool import AdaptivePool, Pool
from sepcalc.shape import Shape
from sepcalc.spec import parse


def products(macs: int, adds: int, params: int, activations: int) -> Cost:
    """A layer of sums of products only."""
    return Cost(macs=macs, mults=macs, adds=adds, params=params, activations=activations)


def cost_of(*texts: str) -> Cost:
    return total(parse(text).cost for text in texts)


def layer_of(text: str) -> Layer:
    return of_spec(parse(text)).layers[-1]


# --- by hand ---------------------------------------------------------------------------------------------------------

HAND = [
    # y outputs of n products: y·n macs, y·(n-1+b) additions
    ("12x12x3 conv -k5 -o256", products(1_228_800, 64 * 256 * 74, 19_200, 16_384)),
    ("12x12x3 conv -k5 -o256 --bias", products(1_228_800, 1_228_800, 19_456, 16_384)),
    ("7x8x4 conv -k3x2 -o6 -s2x1 -p1/0x1 -d1x2 -g2 --bias", products(144 * 12, 144 * 12, 6 * 13, 3 * 8 * 6)),
    ("9x2 conv -k4 -o3 -s2 -psame", products(15 * 8, 15 * 7, 24, 5 * 3)),
    ("5x6x7x2 conv -k2 -o3", products(360 * 16, 360 * 15, 48, 4 * 5 * 6 * 3)),
    ("12x12x3 depthwise -k5", products(4_800, 192 * 24, 75, 8 * 8 * 3)),
    ("12x12x3 depthwise -k5 -m2 --bias", products(9_600, 384 * 25, 156, 8 * 8 * 6)),
    ("8x8x3 pointwise -o256", products(49_152, 16_384 * 2, 768, 16_384)),
    ("8x8x4 pointwise -o6 -s2 -g2 --bias", products(96 * 2, 96 * 2, 18, 4 * 4 * 6)),
    ("10 pointwise -o4", products(40, 36, 40, 4)),
    # a chain: its links added up
    ("12x12x3 separable -k5 -o256", products(53_952, 192 * 24 + 16_384 * 2, 843, 192 + 16_384)),
    ("12x12x3 separable -k5 -o256 -m2 --bias", products(107_904, 384 * 24 + 16_384 * 6, 1_686 + 256, 384 + 16_384)),
    ("12x12x3 spatial -k5 -o256", products(614_400, 73_728 * 4 + 16_384 * 14, 7_680, 73_728 + 16_384)),
    ("12x12x3 factorized -k5 -o256", products(250_080, 288 * 14 + 16_384 * 14, 3_885, 288 + 16_384)),
    ("12x12x3 factorized -k5 -o256 --rank 4", products(333_440, 384 * 14 + 16_384 * 19, 5_180, 384 + 16_384)),
    # transposed: T products on Co·P positions of the uncropped grid; four examples worked out by hand, and `same`
    ("12x12x8 transposed -k4 -o6 -s2 -p1 --bias", products(110_592, 109_992, 774, 24 * 24 * 6)),
    ("5x5x2 transposed -k2 -o3 -s3 --bias", products(600, 888, 27, 14 * 14 * 3)),
    ("7x7x4 transposed -k3 -o4 -s2 -p1 -d2 -g2 --output-padding 1", products(3_528, 3_204, 72, 16 * 16 * 4)),
    ("9x3 transposed -k4 -o2 -s3 -d2", products(216, 158, 24, 31 * 2)),
    ("5x5x2 transposed -k3 -o1 -s2 -psame", products(450, 450 - 11 * 11, 18, 10 * 10)),
    ("5x5x2 transposed -k1 -o1 -s2 -psame", products(50, 50 - 5 * 5, 2, 10 * 10)),
    # products of matrices
    ("10 dense -o4 --bias", products(40, 40, 44, 4)),
    ("7x10 dense -o4", products(280, 28 * 9, 40, 28)),
    ("4x5 5x6 matmul", products(24 * 5, 24 * 4, 0, 24)),
    ("4x5 3x6x5 matmul --transpose", products(72 * 5, 72 * 4, 0, 3 * 4 * 6)),
    ("4x5 5x6 einsum ij,jk->ik", products(120, 120 - 24, 0, 24)),
    ("3x4 3x4 einsum ij,ij->", products(12, 11, 0, 1)),
    ("4x5 6 einsum ij,k", Cost(mults=120, activations=120)),  # nothing is summed
    ("4x5 6 7 einsum ij,k,l->lkji", Cost(mults=2 * 840, activations=840)),
    ("4x4 4 einsum ii,i->i", Cost(mults=4, activations=4)),
    ("4x1 1x5 einsum ij,jk->ik", products(20, 0, 0, 20)),  # a sum of one
    ("8x8x3 pool sum -k3 -s1 -p1", Cost(adds=192 * 8, activations=192)),
    ("4x5 5x6 6x3 einsum ij,jk,kl->il", Cost(macs=360, mults=720, adds=360 - 12, activations=12)),
    ("4x5 einsum ij->i", Cost(adds=16, activations=4)),
    ("4x4 einsum ii->", Cost(adds=3, activations=1)),
    # attention: h heads, n queries, m keys of d, values of dv
    (
        "10x64 attention --heads 8",  # h 8, n = m 10, d = dv 8
        Cost(12_800, 13_600, 5_600 + 5_760 + 1_520, 720, 800, 800, activations=640),
    ),
    (
        "6x8 10x4 10x12 attention --heads 2 --kv-heads 1 --mask",  # h 2, n 6, m 10, d 4, dv 12
        Cost(1_920, 2_040, 360 + 1_296 + 228 + 120, 108, 120, 120, activations=6 * 24),
    ),
    (
        "10x64 multihead --heads 8 --bias",  # the first of these, and 4 dense layers
        Cost(
            macs=4 * 40_960 + 12_800,
            mults=4 * 40_960 + 13_600,
            adds=4 * 40_960 + 12_880,
            compares=720,
            divs=800,
            specials=800,
            params=4 * 64 * 65,
            activations=5 * 640,
        ),
    ),
    (
        "6x8 10x4 multihead --heads 2 --kv-heads 1 --mask",  # h 2, n 6, m 10, d = dv 4
        Cost(
            macs=384 + 2 * 160 + 960 + 384,
            mults=384 + 2 * 160 + 1_080 + 384,
            adds=336 + 2 * 120 + (360 + 432 + 228 + 120) + 336,
            compares=108,
            divs=120,
            specials=120,
            params=64 + 2 * 16 + 64,
            activations=48 + 2 * 40 + 48 + 48,
        ),
    ),
    # pools and reductions: x elements to y, windows of K
    ("7x7x3 pool max -k3 -s2", Cost(compares=27 * 8, activations=27)),
    ("6x6x3 pool avg -k2", Cost(mults=27, adds=27 * 3, activations=27)),
    ("6x6x3 pool avg -k3 -s2 -p1 --ceil --exclude-pad", Cost(mults=48, adds=48 * 8, activations=4 * 4 * 3)),
    ("7x3 pool max -k2 -s2 -d3 -psame", Cost(compares=12, activations=4 * 3)),
    ("12x12x4 pool max global", Cost(compares=572, activations=4)),
    ("12x12x4 pool avg global", Cost(mults=4, adds=572, activations=4)),
    ("7x7x3 pool avg --to 5", Cost(mults=75, adds=3 * 11 * 11 - 75, activations=75)),
    ("7x8x3 pool max adaptive --to 5x4", Cost(compares=3 * 11 * 8 - 60, activations=60)),
    ("4x6x8 reduce mean", Cost(mults=8, adds=192 - 8, activations=8)),
    ("4x6x8 reduce sum --over c --keep", Cost(adds=192 - 24, activations=24)),
    ("4x6x8 reduce max --over hwc", Cost(compares=191, activations=1)),
    ("4x6x8 reduce min", Cost(compares=192 - 8, activations=8)),
    ("4x6x8 reduce prod --over h", Cost(mults=192 - 48, activations=48)),
    ("4x6x8 reduce argmax --over c", Cost(compares=192 - 24, activations=24)),
    ("4x6x8 reduce argmin --over c --keep", Cost(compares=192 - 24, activations=24)),
    # 4 x 6 windows of 2 x 2, all at distance 1, on 5 x 7 positions: 24·4·2 numbers less 2·35
    ("4x6x8 fold -k2 --to 5x7", Cost(adds=24 * 8 - 2 * 35, activations=5 * 7 * 2)),
    ("4x6x8 fold -k2 --to 3x5 -p1", Cost(adds=24 * 8 - 2 * 35, activations=3 * 5 * 2)),
    ("4x6x8 cumsum", Cost(adds=24 * 7, activations=192)),
    ("4x6x8 cumsum --axis h", Cost(adds=48 * 3, activations=192)),
    ("4x6x8 cumprod", Cost(mults=24 * 7, activations=192)),
    ("4x6x8 cummax --axis w", Cost(compares=32 * 5, activations=192)),
    ("4x6x8 cummin", Cost(compares=24 * 7, activations=192)),
    # resampling: t taps, t mults and t-1 additions for each output
    ("4x4x3 upsample nearest --scale 2", Cost(activations=192)),
    ("4x3 upsample linear --scale 3", Cost(mults=2 * 36, adds=36, activations=36)),
    ("4x4x3 upsample bilinear --to 7x5", Cost(mults=4 * 105, adds=3 * 105, activations=105)),
    ("2x3x4x5 upsample trilinear --scale 2", Cost(mults=8 * 960, adds=7 * 960, activations=960)),
    ("8x7x3 4x5x2 grid-sample bilinear", Cost(mults=4 * 60 + 6 * 20, adds=3 * 60 + 8 * 20, activations=60)),
    (
        "8x7x3 4x5x2 grid-sample bilinear --align-corners",
        Cost(mults=4 * 60 + 6 * 20, adds=3 * 60 + 6 * 20, activations=60),
    ),
    ("8x7x3 4x5x2 grid-sample bilinear --stored", Cost(mults=4 * 60, adds=3 * 60, activations=60)),
    ("8x7x3 4x5x2 grid-sample nearest", Cost(mults=2 * 20, adds=4 * 20, activations=60)),
    ("8x7x3 5x2 grid-sample nearest --align-corners", Cost(mults=2 * 5, adds=2 * 5, activations=15)),
    # per axis: a coordinate, t, four cubics of 3 mults each, 2·2 + 2·3 additions, and 3 for the distances; 16 products
    (
        "8x7x3 4x5x2 grid-sample bicubic",
        Cost(mults=16 * 60 + (2 + 24 + 16) * 20, adds=15 * 60 + 32 * 20, activations=60),
    ),
    (
        "8x7x3 5x2 grid-sample bicubic --align-corners",
        Cost(mults=16 * 15 + 42 * 5, adds=15 * 15 + 30 * 5, activations=15),
    ),
    ("8x7x3 5x2 grid-sample bicubic --stored", Cost(mults=16 * 15, adds=15 * 15, activations=15)),
    ("8x3 5x1 grid-sample linear", Cost(mults=2 * 15 + 1 * 5, adds=15 + 4 * 5, activations=15)),
    ("8x3 5x1 grid-sample nearest", Cost(mults=5, adds=2 * 5, activations=15)),
    ("4x8x7x3 5x3 grid-sample trilinear", Cost(mults=8 * 15 + 15 * 5, adds=7 * 15 + 12 * 5, activations=15)),
    ("4x4x3 upsample bicubic --scale 2", Cost(mults=16 * 192, adds=15 * 192, activations=192)),
    # norms of x = 128 elements in 8 channels
    ("4x4x8 norm batch", Cost(mults=128, adds=128, params=16, buffers=16, activations=128)),
    ("4x4x8 norm batch --no-gain --no-bias", Cost(mults=128, adds=128, buffers=16, activations=128)),
    ("4x4x8 norm batch --unfolded", Cost(mults=256, adds=256, params=16, buffers=16, activations=128)),
    ("4x4x8 norm batch --unfolded --no-gain", Cost(mults=128, adds=256, params=8, buffers=16, activations=128)),
    ("4x4x8 norm batch --unfolded --no-bias", Cost(mults=256, adds=128, params=8, buffers=16, activations=128)),
    (
        "4x4x8 norm layer",  # 16 rows: x + 2R + x mults, 3x - R + x additions
        Cost(mults=288, adds=496, divs=128, specials=16, params=16, activations=128),
    ),
    ("4x4x8 norm layer --axes 3", Cost(mults=258, adds=511, divs=128, specials=1, params=256, activations=128)),
    ("4x4x8 norm layer --no-gain --no-bias", Cost(mults=160, adds=368, divs=128, specials=16, activations=128)),
    ("4x4x8 norm group -g2", Cost(mults=260, adds=510, divs=128, specials=2, params=16, activations=128)),
    ("4x4x8 norm instance", Cost(mults=272, adds=504, divs=128, specials=8, params=16, activations=128)),
    ("4x4x8 norm rms", Cost(mults=272, adds=128, divs=128, specials=16, params=8, activations=128)),
    ("4x4x8 norm rms --no-gain --axes 2", Cost(mults=132, adds=128, divs=128, specials=4, activations=128)),
    ("4x4x8 norm lrn", Cost(mults=256, adds=5 * 128, divs=128, specials=128, activations=128)),
    ("4x4x3 norm input", Cost(mults=48, adds=48, activations=48)),
    ("4x4x3 norm input --shape 1x1x3", Cost(mults=48, adds=48, buffers=7, activations=48)),  # mean, variance, count
    ("4x4x8 norm lrn --size 3", Cost(mults=256, adds=3 * 128, divs=128, specials=128, activations=128)),
    ("4x4x8 softmax", Cost(adds=256 - 16, compares=112, divs=128, specials=128, activations=128)),
    ("4x4x8 softmax --axis h", Cost(adds=256 - 32, compares=96, divs=128, specials=128, activations=128)),
    ("4x4x8 log-softmax --axis h", Cost(adds=384 - 32, compares=96, specials=128 + 32, activations=128)),
    ("10 softmax", Cost(adds=19, compares=9, divs=10, specials=10, activations=10)),
    ("4x4x8 log-softmax", Cost(adds=384 - 16, compares=112, specials=128 + 16, activations=128)),
    # element by element; where shapes broadcast, each step costs its own result
    ("4x8 act relu", Cost(compares=32, activations=32)),
    ("4x8 act prelu", Cost(mults=32, compares=32, params=8, activations=32)),
    ("4x8 act prelu --shared", Cost(mults=32, compares=32, params=1, activations=32)),
    ("4x8 act relu6 --fused", Cost(compares=64)),
    ("4x8 add", Cost(adds=32, activations=32)),
    ("4x8 4x8 4x8 add", Cost(adds=64, activations=32)),
    ("8 1x8 4x8 add", Cost(adds=8 + 32, activations=32)),
    ("4x8 subtract", Cost(adds=32, activations=32)),
    ("4x4x8 8 multiply", Cost(mults=128, activations=128)),
    ("4x8 4x1 divide", Cost(divs=32, activations=32)),
    ("4x8 4x8 4x8 maximum", Cost(compares=64, activations=32)),
    ("4x8 minimum", Cost(compares=32, activations=32)),
    ("4x8 scale", Cost(mults=32, activations=32)),
    ("4x8 scale channel", Cost(mults=32, params=8, activations=32)),
    ("4x8 scale element", Cost(mults=32, params=32, activations=32)),
    ("4x8 shift constant", Cost(adds=32, activations=32)),
    ("4x8 shift channel", Cost(adds=32, params=8, activations=32)),
    ("4x8 shift element", Cost(adds=32, params=32, activations=32)),
    ("4x8 shift --shape 3x1x8", Cost(adds=96, params=24, activations=96)),
    ("4x8 shift constant --shape 3x4x8", Cost(adds=96, activations=96)),
    ("4x8 scale --shape 4x1", Cost(mults=32, params=4, activations=32)),
    ("4x8 stored from", Cost(adds=32, activations=32)),
    ("4x8 stored over channel", Cost(divs=32, params=8, activations=32)),
    ("4x8 stored maximum", Cost(compares=32, activations=32)),
    ("4x8 stored minimum", Cost(compares=32, activations=32)),
    ("4x8 stored compare", Cost(compares=32, activations=32)),
    ("4x8 stored power", Cost(specials=32, activations=32)),
    ("4x8 stored logical element", Cost(params=32, activations=32)),
    ("4x8 4x1 compare", Cost(compares=32, activations=32)),
    ("4x8 8 power", Cost(specials=32, activations=32)),
    ("4x8 4x8 4x8 logical", Cost(activations=32)),
    ("4x8 8 4x1 select", Cost(activations=32)),
    ("4x8 select", Cost(activations=32)),
    # recurrent: 5 steps, I 3, H 4
    ("5x3 rnn -o4 --bias", Cost(5 * 28, 5 * 28, 5 * 28, specials=5 * 4, params=28 + 4, activations=20)),
    (
        "5x3 rnn relu -o4 --bias --bias-sets 2 --bidirectional --last",
        Cost(10 * 28, 10 * 28, 10 * 28, compares=10 * 4, params=2 * (28 + 8), activations=8),
    ),
    (
        "5x3 lstm -o4",
        Cost(5 * 112, 5 * 124, 5 * (16 * 6 + 16), divs=5 * 12, specials=5 * 20, params=112, activations=20),
    ),
    (
        "5x3 lstm -o4 --bias --projection 2 --peephole",
        Cost(
            macs=5 * (16 * 5 + 8),
            mults=5 * (88 + 12 + 12),
            adds=5 * (16 * 5 + 16 + 6 + 12),
            divs=5 * 12,
            specials=5 * 20,
            params=88 + 16 + 12,
            activations=5 * 2,
        ),
    ),
    (
        "5x3 gru -o4",
        Cost(5 * 84, 5 * 96, 5 * (12 * 6 + 16), divs=5 * 8, specials=5 * 12, params=84, activations=20),
    ),
    (
        "5x3 gru -o4 --bias",
        Cost(5 * 84, 5 * 96, 5 * (12 * 6 + 16 + 16), divs=5 * 8, specials=5 * 12, params=84 + 24, activations=20),
    ),
    (
        "5x3 gru -o4 --bias --reset-before",
        Cost(5 * 84, 5 * 96, 5 * (12 * 7 + 16), divs=5 * 8, specials=5 * 12, params=84 + 12, activations=20),
    ),
    # what only moves
    ("7 embedding --vocab 100 -o16", Cost(params=1_600, activations=112)),
    ("5x7 embedding bag-sum --vocab 100 -o16", Cost(adds=6 * 80, params=1_600, activations=80)),
    ("2x5x7 embedding bag-mean --vocab 100 -o16", Cost(mults=160, adds=6 * 160, params=1_600, activations=160)),
    ("16x8 token", Cost(params=8, activations=17 * 8)),
    # a stored tensor: no room of its own, no work; in its reader it is an input
    ("constant --to 225x2", Cost()),
    ("constant --to 225x2 --learned", Cost(params=450)),
    ("constant --to 1x64 --buffer", Cost(buffers=64)),
    ("16x8 token --count 2", Cost(params=16, activations=18 * 8)),
    ("4x8 4x5 concat", Cost(activations=52)),
    ("4x8 2x8 concat --axis w", Cost(activations=48)),
    ("4x4x3 pad -p1/0x2", Cost(activations=5 * 8 * 3)),
    ("4x4x3 slice --to 2x4x3", Cost(activations=24)),
    ("4x4x3 copy --to 5x4x4x3", Cost(activations=240)),
    ("4x4x3 copy --to 2x4x3 -s2x1", Cost(activations=24)),
    ("9x4 scatter add --to 3x4", Cost(adds=36, activations=12)),
    ("9x4 3x4 9 scatter multiply --to 3x4", Cost(mults=36, activations=12)),
    ("9x4 scatter minimum --to 20x4", Cost(compares=36, activations=80)),
    ("4x4x3 uncounted TopK --to 5x3", Cost(activations=15)),
    ("random --to 225x2", Cost(activations=450)),
    ("4x4x3 permute --to 3x4x4", Cost()),
    ("4x4x3 slice --to 2x4x2 --start 1x0x1", Cost(activations=16)),
    ("4x4x6 slice --start 4", Cost(activations=32)),
    ("4x4x6 slice --size 4", Cost(activations=64)),
    ("4x4x6 slice --start 1 --size 2 --axis h", Cost(activations=48)),
    ("4x4x3 flatten", Cost()),
    ("4x4x3 reshape --to 16x3", Cost()),
    ("4x4x6 shuffle -g2", Cost()),
    ("4x4x8 pixel-shuffle --scale 2", Cost()),
    ("4x4x8 pixel-unshuffle --scale 2", Cost()),
    ("4x4x3 identity", Cost()),
    ("4x4x3 dropout", Cost()),
]


@pytest.mark.parametrize(("text", "cost"), HAND, ids=ids(HAND))
def test_costs_worked_out_by_hand(text: str, cost: Cost) -> None:
    assert parse(text).cost == cost


def test_every_kind_was_worked_out_by_hand() -> None:
    assert {parse(text).kind for text, _ in HAND} == KINDS.keys()


# Per element: mults, adds, compares, divs, specials. Worked out by hand.
PER_ELEMENT = {
    "relu": (0, 0, 1, 0, 0),
    "relu6": (0, 0, 2, 0, 0),
    "clip": (0, 0, 2, 0, 0),
    "leaky-relu": (1, 0, 1, 0, 0),
    "prelu": (1, 0, 1, 0, 0),
    "sigmoid": (0, 1, 0, 1, 1),
    "tanh": (0, 0, 0, 0, 1),
    "hard-sigmoid": (1, 1, 2, 0, 0),
    "hard-swish": (2, 1, 2, 0, 0),
    "silu": (1, 1, 0, 1, 1),
    "swish": (1, 1, 0, 1, 1),
    "swish --beta 1.5": (2, 1, 0, 1, 1),
    "gelu": (3, 1, 0, 0, 1),
    "gelu-tanh": (6, 2, 0, 0, 1),
    "mish": (1, 1, 0, 0, 3),
    "elu": (0, 1, 1, 0, 1),
    "elu --alpha 1": (0, 1, 1, 0, 1),
    "elu --alpha 0.5": (1, 1, 1, 0, 1),
    "selu": (2, 1, 1, 0, 1),
    "softplus": (0, 1, 0, 0, 2),
    "softplus --beta 2": (2, 1, 0, 0, 2),
    "softsign": (0, 1, 0, 1, 0),
    "celu": (0, 2, 2, 0, 1),
    "celu --alpha 0.5": (2, 2, 2, 0, 1),
    "log-sigmoid": (0, 1, 0, 1, 2),
    "threshold": (0, 0, 1, 0, 0),
    "hard-shrink": (0, 0, 2, 0, 0),
    "soft-shrink": (0, 2, 2, 0, 0),
    "tanh-shrink": (0, 1, 0, 0, 1),
    "exp": (0, 0, 0, 0, 1),
    "expm1": (0, 1, 0, 0, 1),
    "log": (0, 0, 0, 0, 1),
    "log1p": (0, 1, 0, 0, 1),
    "sqrt": (0, 0, 0, 0, 1),
    "rsqrt": (0, 0, 0, 1, 1),
    "reciprocal": (0, 0, 0, 1, 0),
    "erf": (0, 0, 0, 0, 1),
    "sin": (0, 0, 0, 0, 1),
    "cos": (0, 0, 0, 0, 1),
    "tan": (0, 0, 0, 0, 1),
    "asin": (0, 0, 0, 0, 1),
    "acos": (0, 0, 0, 0, 1),
    "atan": (0, 0, 0, 0, 1),
    "sinh": (0, 0, 0, 0, 1),
    "cosh": (0, 0, 0, 0, 1),
    "asinh": (0, 0, 0, 0, 1),
    "acosh": (0, 0, 0, 0, 1),
    "atanh": (0, 0, 0, 0, 1),
    "square": (1, 0, 0, 0, 0),
    "cube": (2, 0, 0, 0, 0),
    "pow": (0, 0, 0, 0, 1),
    "abs": (0, 0, 0, 0, 0),
    "neg": (0, 0, 0, 0, 0),
    "sign": (0, 0, 0, 0, 0),
    "floor": (0, 0, 0, 0, 0),
    "ceil": (0, 0, 0, 0, 0),
    "round": (0, 0, 0, 0, 0),
    "not": (0, 0, 0, 0, 0),
}


@pytest.mark.parametrize("activation", PER_ELEMENT)
def test_activations_per_element(activation: str) -> None:
    cost = cost_of(f"3x4x5 act {activation}")
    assert cost[: len(COUNTS)] == (0, *(60 * count for count in PER_ELEMENT[activation]))


def test_every_activation_was_worked_out_by_hand() -> None:
    assert {name.split()[0] for name in PER_ELEMENT} == ACTIVATIONS.keys()


@pytest.mark.parametrize(
    ("text", "effective", "macs"),
    [
        ("224x224x3 conv -k7 -o64 -s2 -p3", 116_214_528, 118_013_952),
        ("14x14x512 depthwise -k3 -p1", 40 * 40 * 512, 42 * 42 * 512),
        ("7x7x1 conv -k5 -o1 -s2 -d2 -p3/1", 6 * 6, 10 * 10),
        ("12x12x3 conv -k5 -o256", 1_228_800, 1_228_800),
        ("7x10 dense -o4", 280, 280),
        ("5x5x1 transposed -k3 -o1 -p1", 13 * 13, 15 * 15),
    ],
)
def test_effective_macs_leave_padding_out(text: str, effective: int, macs: int) -> None:
    layer = layer_of(text)
    assert (layer.effective_macs, layer.cost.macs) == (effective, macs)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("4x6x8 reduce mean --keep", (1, 1, 8)),
        ("4x6x8 reduce mean --over w", (4, 8)),
        ("4x6x8 reduce mean --over ch", (6,)),
        ("8 reduce mean", (1,)),
        ("4x6x8 pool max global", (8,)),
        ("4x6x8 pool max --to 2x3", (2, 3, 8)),
        ("4x6x8 upsample nearest --scale 2x3", (8, 18, 8)),
        ("4x6x8 flatten", (192,)),
        ("4x6x8 reshape --to 8x24", (8, 24)),
        ("4x6x8 shuffle -g4", (4, 6, 8)),
        ("4x6x8 pixel-shuffle --scale 2", (8, 12, 2)),
        ("4x6x8 pixel-unshuffle --scale 2", (2, 3, 32)),
        ("4x6x18 pixel-shuffle --scale 3", (12, 18, 2)),
        ("4x9 pixel-shuffle --scale 3", (12, 3)),
        ("4x5x6x8 pixel-shuffle --scale 2", (8, 10, 12, 1)),
        ("6x9x2 pixel-unshuffle --scale 3", (2, 3, 18)),
        ("6x2 pixel-unshuffle --scale 3", (2, 6)),
        ("4x6x8x2 pixel-unshuffle --scale 2", (2, 3, 4, 16)),
        ("4x6x8 permute --to 8x4x6", (8, 4, 6)),
        ("4x6x8 copy --to 5", (5,)),
        ("6x8 scale --shape 4x1x8", (4, 6, 8)),
        ("4x6x8 reduce argmax --over h", (6, 8)),
        ("4x6x8 pad -p1/2x0/3", (7, 9, 8)),
        ("5x4 6x7x4x3 matmul", (6, 7, 5, 3)),
        ("5x4 4x3 einsum ij,jk", (5, 3)),
        ("5x4 4x3 einsum ij,jk->kji", (3, 4, 5)),
        ("4x6x8 embedding --vocab 9 -o5", (4, 6, 8, 5)),
        ("4x6x8 4x1x8 6x1 add", (4, 6, 8)),
        ("4x6x8 2x6x8 concat --axis h", (6, 6, 8)),
        ("5x3 lstm -o4 --projection 2 --bidirectional --last", (4,)),
        ("5x5x2 transposed -k3 -o1 -s2 -p0/1x1", (10, 9, 1)),
    ],
)
def test_output_shapes(text: str, output: Shape) -> None:
    assert parse(text).output == output


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("12x12x3 conv -k1 -o8", "pointwise", "1x1 3 -> 8"),
        ("12x12x3 conv -k3 -o6 -g3", "depthwise", "3x3 3 -> 6"),
        ("12x12x3 conv -k1 -o3 -g3", "depthwise", "1x1 3 -> 3"),
        ("12x12x1 conv -k3 -o8", "conv", "3x3 1 -> 8"),
        ("12x12x4 conv -k3x1 -o8 -s2x1 -d2 -g2", "conv", "3x1 /2x1 dilation 2 4 -> 8, groups 2"),
        ("12x12x4 transposed -k4 -o8 -s2", "transposed", "4x4 /2 4 -> 8"),
        ("12x12x4 pool avg global", "pool", "avg global"),
        ("12x12x4 pool max global", "pool", "max global"),
        ("12x12x4 pool avg --to 3", "pool", "avg to 3x3"),
        ("12x12x4 upsample bicubic --scale 2", "upsample", "bicubic"),
        ("7x10 dense -o4", "dense", "10 -> 4"),
        ("7x10 attention --heads 2", "attention", "2 heads"),
        ("4x5 5x6 einsum ij,jk", "einsum", "ij,jk"),
        ("7 embedding --vocab 100 -o16", "embedding", "100 -> 16"),
        ("4x8 act gelu", "act", "gelu"),
        ("4x8 norm batch", "norm", "batch"),
        ("4x8 norm layer", "norm", "layer"),
        ("4x8 norm lrn --size 3", "norm", "lrn 3"),
        ("4x8 multiply", "multiply", ""),
        ("4x8 shift", "shift", "constant"),
        ("12x12x4 pool max -k3 -s2", "pool", "max 3x3 /2x2"),
        ("12x12x4 pool max -k3", "pool", "max 3x3"),
        ("5x3 gru -o4 --bidirectional", "gru", "3 -> 4, both ways"),
        ("4x8 norm group -g2", "norm", "group 2"),
        ("4x8 scale channel", "scale", "per channel"),
        ("4x8 log-softmax", "log-softmax", ""),
        ("4x8 shift --shape 4x1", "shift", "per 4x1"),
        ("4x8 stored from", "stored from", "constant"),
        ("4x8 uncounted TopK --to 3", "TopK", ""),
    ],
)
def test_a_layer_is_called_what_it_is(text: str, kind: str, detail: str) -> None:
    layer = layer_of(text)
    assert (layer.kind, layer.detail) == (kind, detail)


def test_an_op_that_does_not_say_what_it_costs_is_not_worth_zero() -> None:
    with pytest.raises(TypeError, match=r"^Silent does not say what it costs$"):
        type("Silent", (Op,), {})().cost(((4,),), (4,))


# --- by loops --------------------------------------------------------------------------------------------------------


def windows(size: int, span: int, stride: int, before: int, after: int) -> list[int]:
    return list(range(-before, size + after - span + 1, stride))


def taps(kernel: int, dilation: int) -> list[int]:
    return list(range(0, kernel * dilation, dilation))


def looped_conv(shape: Shape, conv: Conv, pads: list[tuple[int, int]]) -> tuple[Shape, Cost, int]:
    """Output shape, cost and effective macs of a convolution, one product after another."""
    *sizes, channels = shape
    offsets = [taps(k, d) for k, d in zip(conv.kernel, conv.dilation)]
    starts = [windows(i, t[-1] + 1, s, *p) for i, t, s, p in zip(sizes, offsets, conv.stride, pads)]
    mults = adds = real = 0
    weights = set()
    for out in range(conv.out):
        group = out * conv.groups // conv.out
        fed = [c for c in range(channels) if c * conv.groups // channels == group]
        for start in product(*starts):
            terms = 0
            for tap in product(*offsets):
                inside = all(0 <= at + t < size for at, t, size in zip(start, tap, sizes))
                for channel in fed:
                    weights.add((out, channel, tap))
                    mults += 1
                    real += inside
                    adds += terms > 0
                    terms += 1
            adds += conv.bias
    output = (*map(len, starts), conv.out)
    return output, products(mults, adds, len(weights) + conv.bias * conv.out, prod(output)), real


def looped_transposed(shape: Shape, op: Transposed) -> tuple[Shape, Cost, int]:
    """The same of a transposed convolution: scattered, summed where products meet, cropped."""
    *sizes, channels = shape
    offsets = [taps(k, d) for k, d in zip(op.kernel, op.dilation)]
    grid = Counter[tuple[int, ...]]()
    weights = set()
    for channel in range(channels):
        group = channel * op.groups // channels
        for out in (o for o in range(op.out) if o * op.groups // op.out == group):
            for tap in product(*offsets):
                weights.add((channel, out, tap))
                for at in product(*map(range, sizes)):
                    grid[(out, *(u * s + t for u, s, t in zip(at, op.stride, tap)))] += 1
    full = [(i - 1) * s + t[-1] + 1 for i, s, t in zip(sizes, op.stride, offsets)]
    kept = [range(before, size - after) for size, (before, after) in zip(full, op.padding)]
    output = (*[len(axis) + more for axis, more in zip(kept, op.output_padding)], op.out)
    grown = [range(axis.start, axis.stop + more) for axis, more in zip(kept, op.output_padding)]
    adds = sum(met - 1 for met in grid.values()) + op.bias * prod(output)
    survive = sum(met for (_, *at), met in grid.items() if all(a in axis for a, axis in zip(at, grown)))
    cost = products(grid.total(), adds, len(weights) + op.bias * op.out, prod(output))
    return output, cost, survive


@st.composite
def axes(draw: st.DrawFn, most: int = 3) -> list[tuple[int, int, int, int, tuple[int, int]]]:
    """Size, kernel, stride, dilation and padding for each of a few axes; at least one window fits."""
    rank = draw(st.integers(1, most))
    chosen = []
    for _ in range(rank):
        kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        size, before, after = draw(st.integers(1, 7 - rank)), draw(st.integers(0, 3)), draw(st.integers(0, 3))
        assume(size + before + after >= dilation * (kernel - 1) + 1)
        chosen.append((size, kernel, stride, dilation, (before, after)))
    return chosen


def check_against(looped: tuple[Shape, Cost, int], op: Op, shape: Shape) -> None:
    output, cost, effective = looped
    assert op.output((shape,)) == output
    assert op.cost((shape,), output) == cost
    assert op.effective_macs((shape,), output, cost.macs) == effective


channels_and_groups = st.sampled_from([(1, 1, 1), (3, 2, 1), (2, 4, 2), (4, 2, 2), (3, 3, 3), (3, 6, 3)])


@given(axes(), channels_and_groups, st.booleans())
def test_conv_against_loops(axes: list, channels: tuple[int, int, int], bias: bool) -> None:
    sizes, kernel, stride, dilation, pads = zip(*axes)
    ins, outs, groups = channels
    shape, conv = (*sizes, ins), Conv(kernel, outs, stride, pads, dilation, groups, bias)
    check_against(looped_conv(shape, conv, list(pads)), conv, shape)


@given(axes(), st.booleans())
def test_same_padding_against_loops(axes: list, bias: bool) -> None:
    """TensorFlow's SAME: just enough padding for ceil(in/s) windows, an odd element at the end."""
    sizes, kernel, stride, dilation, _ = zip(*axes)
    shape, conv = (*sizes, 2), Conv(kernel, 3, stride, "same", dilation, 1, bias)
    missing = [
        max(0, (-(-i // s) - 1) * s + d * (k - 1) + 1 - i) for i, k, s, d in zip(sizes, kernel, stride, dilation)
    ]
    check_against(looped_conv(shape, conv, [(m // 2, m - m // 2) for m in missing]), conv, shape)


@given(axes(), channels_and_groups, st.booleans(), st.integers(0, 1))
def test_transposed_against_loops(axes: list, channels: tuple[int, int, int], bias: bool, more: int) -> None:
    sizes, kernel, stride, dilation, crops = zip(*axes)
    ins, outs, groups = channels
    extra = tuple([more * (max(s, d) - 1) for s, d in zip(stride, dilation)])
    full = [(i - 1) * s + d * (k - 1) + 1 for i, k, s, d in zip(sizes, kernel, stride, dilation)]
    assume(all(size > before + after for size, (before, after) in zip(full, crops)))
    shape, op = (*sizes, ins), Transposed(kernel, outs, stride, crops, dilation, extra, groups, bias)
    check_against(looped_transposed(shape, op), op, shape)


@given(axes(), st.booleans())
def test_transposed_same_multiplies_the_size_by_the_stride(axes: list, bias: bool) -> None:
    sizes, kernel, stride, dilation, _ = zip(*axes)
    op = Transposed(kernel, 2, stride, "same", dilation, (0,) * len(sizes), 1, bias)
    output = op.output(((*sizes, 3),))
    assert output == (*[i * s for i, s in zip(sizes, stride)], 2)
    crops, extra = op.crops()
    spelled_out = op._replace(padding=crops, output_padding=extra)
    assert looped_transposed((*sizes, 3), spelled_out)[:2] == (output, op.cost(((*sizes, 3),), output))


def folded(how: str, sizes: list[int], channels: int) -> Cost:
    """The cost of windows of these sizes in each channel: all compared, or added up and multiplied once."""
    steps, outputs = channels * sum(size - 1 for size in sizes), channels * len(sizes)
    if how == "max":
        return Cost(compares=steps, activations=outputs)
    return Cost(mults=outputs, adds=steps, activations=outputs)


@given(axes(), st.sampled_from(["max", "avg"]), st.booleans(), st.booleans())
def test_pool_against_loops(axes: list, how: str, ceil: bool, exclude: bool) -> None:
    sizes, kernel, stride, dilation, pads = zip(*axes)
    pads = tuple([(before, min(after, d * (k - 1) + 1)) for k, d, (before, after) in zip(kernel, dilation, pads)])
    starts = []
    for i, k, s, d, (before, after) in zip(sizes, kernel, stride, dilation, pads):
        span = d * (k - 1) + 1
        fitting = windows(i, span, s, before, after)
        if ceil:
            fitting = windows(i, span, s, before, after + s - 1)  # what is left over gets a window as well
            fitting = fitting[:-1] if fitting and fitting[-1] >= i else fitting  # unless it begins behind the input
        starts.append(fitting)
    assume(all(starts))
    output = (*map(len, starts), 3)
    op = Pool(how, kernel, stride, pads, dilation, ceil, exclude)
    assert op.output(((*sizes, 3),)) == output
    held = [len(list(product(*map(range, kernel)))) for _ in product(*starts)]
    assert op.cost(((*sizes, 3),), output) == folded(how, held, 3)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=2), st.sampled_from(["max", "avg"])
)
def test_adaptive_pool_against_loops(axes: list, how: str) -> None:
    """PyTorch's rule: output j covers the elements from floor(j·i/o) to ceil((j+1)·i/o)."""
    sizes, to = zip(*axes)
    covered = [[range(j * i // o, -(-(j + 1) * i // o)) for j in range(o)] for i, o in axes]
    held = [prod(map(len, window)) for window in product(*covered)]
    op = AdaptivePool(how, to)
    assert op.output(((*sizes, 3),)) == (*to, 3)
    assert op.cost(((*sizes, 3),), (*to, 3)) == folded(how, held, 3)
    seen = op.windows(((*sizes, 3),), (*to, 3))
    assert seen == (
        tuple([Window(max(map(len, axis)), i, o, None) for axis, (i, o) in zip(covered, axes)]) if max(to) > 1 else None
    )


# --- by pairs --------------------------------------------------------------------------------------------------------

PAIRS = [
    ("12x12x3 depthwise -k5 -m2 -s2 --bias", ["12x12x3 conv -k5 -o6 -s2 -g3 --bias"]),
    ("12x12x3 pointwise -o8 -s2 --bias", ["12x12x3 conv -k1 -o8 -s2 --bias"]),
    ("10 dense -o4 --bias", ["1x1x10 conv -k1 -o4 --bias"]),
    ("7x10 dense -o4 --bias", ["7x10 pointwise -o4 --bias"]),
    ("5x6x4 dense -o3", ["30x4 dense -o3"]),
    ("5x6x4 conv -k5x6 -o3 --bias", ["120 dense -o3 --bias"]),
    ("9x9x4 conv -k3 -o6 -g2 --bias", ["9x9x2 conv -k3 -o3 --bias"] * 2),
    ("9x9x4 transposed -k3 -o6 -s2 -g2 --bias", ["9x9x2 transposed -k3 -o3 -s2 --bias"] * 2),
    ("9x9x4 conv -k3 -o6 -psame", ["9x9x4 conv -k3 -o6 -p1"]),
    ("9x8x4 conv -k3 -o6 -psame -s2", ["9x8x4 conv -k3 -o6 -s2 -p1x0/1"]),
    ("9x4 conv -k3 -o6 -s2 --bias", ["1x9x4 conv -k1x3 -o6 -s1x2 --bias"]),
    ("9x7x4 conv -k3 -o6", ["1x9x7x4 conv -k1x3x3 -o6"]),
    ("5x5x3 transposed -k2 -o4 -s2", ["5x5x3 pointwise -o16", "5x5x16 pixel-shuffle --scale 2"]),
    ("9x9x4 transposed -k1 -o6 --bias", ["9x9x4 pointwise -o6 --bias"]),
    ("9x9x4 separable -k3 -o6 -s2 -m2 --bias", ["9x9x4 depthwise -k3 -s2 -m2", "4x4x8 pointwise -o6 --bias"]),
    ("9x9x4 spatial -k3 -o6 --bias", ["9x9x4 depthwise -k3x1 -m6", "7x9x24 conv -k1x3 -o6 -g6 --bias"]),
    ("9x9x4 factorized -k3 -o6 --rank 5", ["9x9x4 conv -k3x1 -o5", "7x9x5 conv -k1x3 -o6"]),
    ("4x5 5x6 einsum ij,jk->ik", ["4x5 5x6 matmul"]),
    ("6x5x4 5x4x3 einsum ijk,jkl->il", ["6x20 20x3 matmul"]),
    ("7x4x5 5x6 matmul", ["4x5 5x6 matmul"] * 7),
    ("10x64 multihead --heads 8 --bias", ["10x64 dense -o64 --bias"] * 4 + ["10x64 attention --heads 8"]),
    ("10x64 attention --heads 8", ["10x8 attention"] * 8),
    ("10x64 7x16 7x16 attention --heads 8 --kv-heads 2", ["10x64 7x64 7x64 attention --heads 8"]),
    ("6x8x3 pool max global", ["6x8x3 pool max -k6x8"]),
    ("6x8x3 pool avg global", ["6x8x3 pool avg -k6x8"]),
    ("6x8x3 pool avg global", ["6x8x3 reduce mean"]),
    ("6x8x3 pool max global", ["6x8x3 pool max --to 1"]),
    ("6x8x3 pool avg --to 2", ["6x8x3 pool avg -k3x4"]),
    ("6x8x3 pool avg -k2 --exclude-pad", ["6x8x3 pool avg -k2"]),
    ("4x4x8 norm instance", ["4x4x8 norm group -g8"]),
    ("4x4x8 norm group -g2", ["16x4 norm group -g1"] * 2),
    ("4x4x8 norm layer --axes 3", ["128 norm layer"]),
    ("4x4x8 softmax", ["8 softmax"] * 16),
    ("5x3 lstm -o4 --bias --bidirectional", ["5x3 lstm -o4 --bias"] * 2),
    ("5x3 gru -o4", ["5x3 gru -o4 --reset-before"]),
]


@pytest.mark.parametrize(("text", "others"), PAIRS, ids=ids(PAIRS))
def test_pairs_that_cost_the_same(text: str, others: list[str]) -> None:
    assert cost_of(text) == cost_of(*others)


# Layers in steps: what lies between the steps is written by them alone, and what they share they store once each.
STEPS = [
    (
        "10x8 6x8 attention",
        ["10x8 6x8 matmul --transpose", "10x6 scale", "10x6 softmax", "10x6 6x8 matmul"],
    ),
    ("6x8x3 reduce mean", ["6x8x3 reduce sum", "3 scale"]),
    ("4x4x8 norm layer", ["1x8 norm layer"] * 16),
    ("4x4x8 norm rms", ["1x8 norm rms"] * 16),
    ("4x8 4x8 4x8 add", ["4x8 add"] * 2),
    ("8x3 rnn -o4", ["1x3 rnn -o4"] * 8),
    ("1x3 rnn -o4 --bias", ["7 dense -o4 --bias", "4 act tanh"]),
    ("5x7 embedding bag-sum --vocab 9 -o4", ["5x7x4 reduce sum --over w"]),
    ("4x8 act hard-swish", ["4x8 act hard-sigmoid", "4x8 multiply"]),
    ("4x8 act silu", ["4x8 act sigmoid", "4x8 multiply"]),
    ("4x8 act hard-sigmoid", ["4x8 shift", "4x8 act relu6", "4x8 scale"]),
]


@pytest.mark.parametrize(("text", "steps"), STEPS, ids=ids(STEPS))
def test_layers_in_steps_of_the_same_operations(text: str, steps: list[str]) -> None:
    assert cost_of(text)[: len(COUNTS)] == cost_of(*steps)[: len(COUNTS)]


# --- how each count came about ---------------------------------------------------------------------------------------


def evaluated(text: str) -> int:
    """The number that a derivation's text comes to, its names left out."""
    signs = {"·": "*", "x": "*"}
    tokens = re.findall(r"\d+|[()+·-]|\bx\b", text)
    return eval("".join(signs.get(token, token) for token in tokens))


def check_explanation(text: str) -> None:
    for layer in of_spec(parse(text)).layers:
        counts = {name: count for name, count in layer.cost._asdict().items() if count}
        assert {name: evaluated(why) for name, why in layer.explain().items()} == counts


@pytest.mark.parametrize("text", [text for text, _ in HAND], ids=ids(HAND))
def test_explanations_come_to_the_counts(text: str) -> None:
    check_explanation(text)


@given(fitting_specs().map(str))
def test_explanations_of_any_spec_come_to_the_counts(text: str) -> None:
    check_explanation(text)


def test_an_explanation_names_its_sizes() -> None:
    assert layer_of("12x3 conv -k5 -o1").explain()["macs"] == "1 kernel x 5·3 each x 8 positions"
    assert layer_of("12x12x3 conv -k5 -o256 --bias").explain() == {
        "macs": "256 kernels x 5·5·3 each x 8·8 positions",
        "mults": "256 kernels x 5·5·3 each x 8·8 positions",
        "adds": "256 kernels x 8·8 positions x (5·5·3 each - 1 + 1 bias)",
        "params": "256 kernels x (5·5·3 each + 1 bias)",
        "activations": "256 kernels x 8·8 positions",
    }


# --- what does not fit -----------------------------------------------------------------------------------------------

# The spec, the words that the caret underlines, the message, and the hint.
FIT = "take a smaller kernel or dilation, or --padding same"
REFUSED = [
    *[
        (
            f"{text} -p1/2",
            part,
            f"the output would be empty: a kernel spanning {span} does not fit into the {axis}",
            FIT,
        )
        for text, part, span, axis in [
            ("3x9x2 pool max -k9", "-k9", 9, "height 3 with padding 3"),
            ("9x3x2 conv -k4 -o2 -d3", "-k4", 10, "width 3 with padding 3"),
            ("3x2 conv -k7 -o2", "-k7", 7, "width 3 with padding 3"),
            ("9x9x3x2 conv -k7 -o2", "-k7", 7, "width 3 with padding 3"),
        ]
    ],
    ("3x9x2 pool max -k4", "-k4", "the output would be empty: a kernel spanning 4 does not fit into the height 3", FIT),
    (
        "3x5x2 transposed -k3 -o2 -p3x2",
        "-p3x2",
        "the height of the output would be -1: padding 6 cuts away more than the 5 computed",
        "take a smaller padding",
    ),
    (
        "3x2 transposed -k2 -o2 -s2 -p3",
        "-p3",
        "the width of the output would be 0: padding 6 cuts away more than the 6 computed",
        "take a smaller padding",
    ),
    (
        "3x2 transposed -k2 -o2 -s2 --output-padding 2",
        "--output-padding 2",
        "output padding 2 is not below the stride (2) or the dilation (1)",
        "",
    ),
    (
        "3x2 transposed -k2 -o2 -d3 --output-padding 3",
        "--output-padding 3",
        "output padding 3 is not below the stride (1) or the dilation (3)",
        "",
    ),
    *[
        (
            text,
            "-g2",
            f"groups 2 do not divide the {what}",
            f"groups must divide both the input channels ({ins}) and the outputs ({outs})",
        )
        for text, what, ins, outs in [
            ("4x4x3 conv -k1 -o4 -g2", "3 input channels", 3, 4),
            ("4x4x4 conv -k1 -o3 -g2", "3 outputs", 4, 3),
            ("4x4x3 transposed -k1 -o5 -g2", "3 input channels", 3, 5),
        ]
    ],
    ("4x6x8 fold -k2 --to 4x7", "--to 4x7", "4x6x8 are not the windows 2x2 of 4x7", ""),
    ("4x6x6 fold -k2 --to 5x7", "--to 5x7", "4x6x6 are not the windows 2x2 of 5x7", ""),
    ("4x6x8 fold -k2 --to 5", "--to 5", "a fold over 2 axes cannot give 5", ""),
    (
        "4x4x3 norm input --shape 4x1x2",
        "norm",
        "norm cannot combine 4x4x3 and 4x1x2",
        "sizes must be equal, or 1 on one side, counted from the channels",
    ),
    ("4x4x3 norm input --shape 2x4x4x3", "--shape 2x4x4x3", "4x4x3 has no place for the stored 2x4x4x3", ""),
    ("4x4x3 reshape --to 7x7", "--to 7x7", "reshape cannot turn 4x4x3 (48 elements) into 7x7 (49)", ""),
    ("4x4x3 slice --to 2x5x3", "--to 2x5x3", "2x5x3 is not a part of 4x4x3", ""),
    ("4x4x3 slice --to 4x4x2 --start 0x0x2", "--to 4x4x2", "4x4x2 from 0x0x2 is not a part of 4x4x3", ""),
    ("4x4x3 slice --start 3", "--start 3", "1 from 3 is not a part of the 3 along c", ""),
    ("4x4x3 slice --size 4", "--size 4", "4 from 0 is not a part of the 3 along c", ""),
    ("4x4x3 slice --to 2x3", "--to 2x3", "2x3 is not a part of 4x4x3", ""),
    ("4x4x6 shuffle -g4", "-g4", "groups 4 do not divide the 6 channels", ""),
    (
        "8 pixel-shuffle --scale 2",
        "pixel-shuffle",
        "pixel-shuffle needs a spatial axis, but the input 8 is a vector",
        "",
    ),
    (
        "4x4x6 pixel-shuffle --scale 2",
        "--scale 2",
        "pixel-shuffle by 2 needs channels in multiples of 4, not 6",
        "",
    ),
    (
        "4x5x6 pixel-unshuffle --scale 2",
        "--scale 2",
        "pixel-unshuffle by 2 needs sizes in multiples of 2, not 4x5x6",
        "",
    ),
    ("4x4x4 pixel-shuffle --scale 1x2", "--scale 1x2", "pixel-shuffle needs one factor for all axes", ""),
    (
        "4x8 5x8 concat",
        "concat",
        "concat cannot join 4x8 and 5x8",
        "every size but the joined one must be equal",
    ),
    ("4x8 4x8 concat --axis h", "--axis h", "'h' is not an axis of 4x8: expected one of wc", ""),
    ("8 pad -p1", "pad", "pad needs a spatial axis, but the input 8 is a vector", ""),
    (
        "4x8 pad -psame",
        "-psame",
        "pad needs a number of elements, not same or valid",
        "for example 1, or 0/1x0/1",
    ),
    ("4x4x3 constant --to 7", "constant", "constant takes no input", ""),
    ("8 8 constant --to 7", "constant", "constant takes no input, not 2", ""),
    ("8 token", "token", "token needs a sequence (LxC), not 8", "flatten the positions with reshape first"),
    ("4x4x8 lstm -o4", "lstm", "lstm needs a sequence (LxC), not 4x4x8", ""),
    ("4x8 lstm -o4 --bias --bias-sets 3", "--bias-sets 3", "bias sets are 1 or 2, and only with --bias", ""),
    ("4x8 lstm -o4 --bias-sets 2", "--bias-sets 2", "bias sets are 1 or 2, and only with --bias", ""),
    ("8 8 matmul", "matmul", "matmul needs two matrices, not 8 and 8", "8x8 matmul"),
    (
        "4x5 6x5 matmul",
        "matmul",
        "matmul cannot multiply 4x5 by 6x5: 5 columns against 6 rows",
        "--transpose multiplies by the second one transposed",
    ),
    ("4x5 6x7 matmul", "matmul", "matmul cannot multiply 4x5 by 6x7: 5 columns against 6 rows", ""),
    (
        "2x4x5 3x5x6 matmul",
        "matmul",
        "matmul cannot combine 2 and 3",
        "sizes must be equal, or 1 on one side, counted from the channels",
    ),
    ("4x5 5x6 einsum ij", "einsum", "'ij' is for 1 input, not 2", ""),
    ("4x5 5x6 einsum ij,jk,kl", "einsum", "'ij,jk,kl' is for 3 inputs, not 2", ""),
    ("4x5 5x6 einsum i2,jk", "einsum", "'i2,jk' is not an equation", "for example ij,jk->ik"),
    ("4x5 5x6 einsum ij,jé", "einsum", "'ij,jé' is not an equation", "for example ij,jk->ik"),
    ("4x5 5x6 einsum ij,jkl", "einsum", "'jkl' has 3 indices, but the input 5x6 2 axes", ""),
    ("4x5 4x4 einsum ii,ij", "einsum", "the index i is 4 in one place and 5 in another", ""),
    ("4x5 6x7 einsum ij,jk", "einsum", "the index j is 5 in one place and 6 in another", ""),
    ("4x5 5x6 einsum ij,jk->il", "einsum", "the output 'il' must name indices of the operands, each once", ""),
    ("4x8 attention --heads 3", "--heads 3", "3 heads do not divide the 8 channels of the query", ""),
    ("4x6 4x6 4x5 attention --heads 3", "--heads 3", "3 heads do not divide the 5 channels of the value", ""),
    ("4x6 attention --heads 2 --kv-heads 3", "--kv-heads 3", "3 key heads do not divide 2 query heads", ""),
    ("4x8 4x6 attention --heads 2", "--heads 2", "a query has 4 channels in each head, a key 3", ""),
    ("4x8 5x8 6x8 attention", "attention", "5 keys, but 6 values", ""),
    ("4x8 multihead --heads 3", "--heads 3", "3 heads do not divide the 8 channels", ""),
    ("8 pool avg global", "pool", "pool needs a spatial axis, but the input 8 is a vector", ""),
    (
        "4x4x8 pool avg adaptive",
        "pool",
        "pool adaptive needs --to: the size to reach",
        "for example 4x4x8 pool avg adaptive --to 7x7",
    ),
    (
        "4x4x8 pool avg",
        "pool",
        "pool needs --kernel: the size of its window",
        "or pool avg global, or pool avg --to 7x7",
    ),
    (
        "4x8 upsample nearest",
        "upsample",
        "upsample needs --to or --scale, one of them",
        "for example 4x8 upsample nearest --scale 2",
    ),
    ("4x8 upsample nearest --scale 2 --to 3", "--to 3", "upsample needs --to or --scale, one of them", ""),
    (
        "8x7x3 4x5x3 grid-sample bilinear",
        "grid-sample",
        "a grid of 4x5x3 has 3 coordinates, 8x7x3 has 2 spatial axes",
        "",
    ),
    ("8x3 5x1 grid-sample bicubic", "grid-sample", "bicubic is for 2 spatial axes, but 8x3 has 1", "take linear"),
    (
        "8x7x3 4x5x2 grid-sample trilinear",
        "grid-sample",
        "trilinear is for 3 spatial axes, but 8x7x3 has 2",
        "take bilinear",
    ),
    ("4x8 upsample bilinear --scale 2", "upsample", "bilinear is for 2 spatial axes, but 4x8 has 1", "take linear"),
    (
        "4x8 norm group",
        "norm",
        "norm group needs --groups: how many rows the channels form",
        "32 in its paper",
    ),
    ("4x8 norm group -g3", "-g3", "groups 3 do not divide the 8 channels", ""),
    ("4x8 norm layer --axes 3", "--axes 3", "3 axes are more than the input has", ""),
    ("4x8 4x8 4x8 subtract", "subtract", "subtract takes two inputs, not 3", ""),
    (
        "4x4x4 transposed -k3 -o2 -s2 -psame --output-padding 1",
        "--output-padding 1",
        "padding same fixes the output at input x stride",
        "leave out --output-padding",
    ),
]


@pytest.mark.parametrize(("text", "about", "message", "hint"), REFUSED, ids=ids(REFUSED))
def test_what_does_not_fit_its_inputs(text: str, about: str, message: str, hint: str) -> None:
    caret = " " * text.index(about) + "^" * len(about)
    assert refusal(text).split("\n") == [message, f"  {text}", f"  {caret}", *([f"  hint: {hint}"] if hint else [])]
