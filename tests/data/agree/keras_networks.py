"""Small networks in Keras 3, one function each. Their weights are random and no two are equal."""

from collections.abc import Callable
from typing import Any

import keras
import numpy
from keras import Model, layers, ops

Tensor = Any
NETWORKS: dict[str, Callable[[], Model]] = {}


def network(function: Callable[[], Model]) -> Callable[[], Model]:
    """Enters it in the table, under its own name."""
    NETWORKS[function.__name__] = function
    return function


def _norm_act(x: Tensor, act: str = "relu") -> Tensor:
    x = layers.BatchNormalization()(x)
    return layers.Activation(act)(x) if act else x


def _conv(x: Tensor, out: int, kernel: Any = 1, strides: int = 1, act: str = "relu", **more: Any) -> Tensor:
    return _norm_act(layers.Conv2D(out, kernel, strides, padding="same", use_bias=False, **more)(x), act)


@network
def mobilenet() -> Model:
    """Depthwise and pointwise convolutions; the stride stands behind a pad of one side."""
    x = image = layers.Input((32, 32, 3))
    x = _conv(x, 8, 3, 2, "relu6")
    for out, stride in ((16, 1), (24, 2), (24, 1)):
        if stride == 2:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = layers.DepthwiseConv2D(3, stride, padding="valid" if stride == 2 else "same", use_bias=False)(x)
        x = _conv(_norm_act(x, "relu6"), out, act="relu6")
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Conv2D(10, 1, padding="same")(x)
    x = layers.Reshape((10,))(x)
    return Model(image, layers.Softmax()(x))


@network
def mobilenet_v2() -> Model:
    """Inverted residuals."""
    x = image = layers.Input((32, 32, 3))
    x = _conv(x, 8, 3, 2, "relu6")
    for out, stride in ((12, 1), (12, 1), (20, 2), (20, 1)):
        inner = x.shape[-1]
        y = _conv(x, 6 * inner, act="relu6")
        y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
        y = _conv(_norm_act(y, "relu6"), out, act="")
        x = layers.Add()([x, y]) if stride == 1 and inner == out else y
    x = _conv(x, 40, act="relu6")
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(10, activation="softmax")(x))


@network
def resnet() -> Model:
    """Bottlenecks, with convolutions that have biases and norms."""
    x = image = layers.Input((32, 32, 3))
    x = _norm_act(layers.Conv2D(8, 7, 2, padding="same")(x))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for width, stride in ((8, 1), (8, 1), (16, 2)):
        shortcut = x
        if x.shape[-1] != 4 * width:
            shortcut = layers.BatchNormalization()(layers.Conv2D(4 * width, 1, stride)(x))
        y = _norm_act(layers.Conv2D(width, 1, stride)(x))
        y = _norm_act(layers.Conv2D(width, 3, padding="same")(y))
        y = layers.BatchNormalization()(layers.Conv2D(4 * width, 1)(y))
        x = layers.Activation("relu")(layers.Add()([shortcut, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(10)(x))


@network
def densenet() -> Model:
    """Norms before convolutions, which no converter can fold; concatenations."""
    x = image = layers.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    for last in (False, True):
        for _ in range(3):
            y = layers.Conv2D(16, 1, use_bias=False)(_norm_act(x))
            y = layers.Conv2D(6, 3, padding="same", use_bias=False)(_norm_act(y))
            x = layers.Concatenate()([x, y])
        x = _norm_act(x)
        if not last:
            x = layers.AveragePooling2D(2)(layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(7)(x))


@network
def inception() -> Model:
    """Branches with kernels of 1x7 and 7x1, and pools of stride 1."""
    x = image = layers.Input((20, 20, 3))
    x = _conv(x, 12, 3)
    for _ in range(2):
        one = _conv(x, 8)
        two = _conv(_conv(_conv(x, 6), 7, (1, 7)), 9, (7, 1))
        three = _conv(_conv(x, 5, 3), 10, 3)
        pooled = _conv(layers.AveragePooling2D(3, 1, padding="same")(x), 4)
        x = layers.Concatenate()([one, two, three, pooled])
    branch = layers.Conv2D(8, 3, 2, activation="relu")(x)
    x = layers.Concatenate()([branch, layers.MaxPooling2D(3, 2)(x)])
    x = layers.GlobalMaxPooling2D()(x)
    return Model(image, layers.Dense(5, activation="sigmoid")(x))


@network
def unet() -> Model:
    """Transposed convolutions on one way up, resampling on the other."""
    x = image = layers.Input((32, 32, 3))
    kept = []
    for out in (6, 10):
        x = layers.Conv2D(out, 3, padding="same", activation="relu")(x)
        kept.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(14, 3, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(10, 3, 2, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.1)(x)
    x = layers.Conv2D(9, 3, padding="same", activation="relu")(layers.Concatenate()([kept[1], x]))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2D(7, 3, padding="same", activation="relu")(layers.Concatenate()([kept[0], x]))
    return Model(image, layers.Conv2D(2, 1)(x))


@network
def dilated() -> Model:
    """Dilated convolutions, also depthwise, which TensorFlow runs between SpaceToBatch and BatchToSpace."""
    x = image = layers.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)(x)
    x = layers.Conv2D(12, 3, padding="same", dilation_rate=4, activation="relu")(x)
    x = layers.SeparableConv2D(9, 3, padding="same", dilation_rate=3)(x)
    x = layers.Conv2D(5, 3, dilation_rate=2)(x)
    return Model(image, x)


@network
def multiplied() -> Model:
    """Depthwise convolutions with depth multipliers: the tutorial's separable convolution."""
    x = image = layers.Input((12, 12, 3))
    x = layers.SeparableConv2D(16, 5, depth_multiplier=2, use_bias=False)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=3, activation="relu")(x)
    return Model(image, layers.SeparableConv2D(8, 3, 2, padding="same", depth_multiplier=2)(x))


@network
def audio() -> Model:
    """Along one axis: strided, causal and dilated, separable."""
    x = signal = layers.Input((384, 2))
    x = layers.Conv1D(8, 9, 4, padding="same", use_bias=False)(x)
    x = _norm_act(x)
    x = layers.MaxPooling1D(2)(x)
    for rate in (1, 2, 4):
        y = layers.Conv1D(8, 3, padding="causal", dilation_rate=rate, activation="tanh")(x)
        x = layers.Add()([x, y])
    x = layers.SeparableConv1D(12, 5, padding="same", activation="relu")(x)
    x = layers.AveragePooling1D(6)(x)
    x = layers.Flatten()(x)
    return Model(signal, layers.Dense(6)(x))


@network
def video() -> Model:
    """Along three axes."""
    x = clip = layers.Input((8, 16, 16, 3))
    x = layers.Conv3D(6, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling3D((1, 2, 2))(x)
    x = layers.Conv3D(8, (3, 1, 1), padding="same", activation="relu")(x)
    x = layers.Conv3D(10, (1, 3, 3), 2)(x)
    x = layers.GlobalAveragePooling3D()(x)
    return Model(clip, layers.Dense(4)(x))


@network
def lstm() -> Model:
    """Tokens through a recurrent cell; one direction, whose steps are a loop in graphs."""
    x = tokens = layers.Input((12,), dtype="int32")
    x = layers.Embedding(50, 8)(x)
    x = layers.LSTM(6, return_sequences=True)(x)
    x = layers.LSTM(5)(x)
    return Model(tokens, layers.Dense(3)(x))


@network
def gru() -> Model:
    """Cells that are unrolled in graphs, and both directions."""
    x = signal = layers.Input((5, 7))
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True, unroll=True))(x)
    x = layers.GRU(6, unroll=True)(x)
    return Model(signal, layers.Dense(3)(x))


@network
def transformer() -> Model:
    """Attention with four projections, layer norms before it."""
    x = tokens = layers.Input((10, 16))
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 4)(y, y)])
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        y = ops.gelu(layers.Dense(32)(y), approximate=True)
        x = layers.Add()([x, layers.Dense(16)(y)])
    x = layers.GlobalAveragePooling1D()(x)
    return Model(tokens, layers.Dense(5)(x))


@network
def squeezed() -> Model:
    """Squeeze and excitation, with hard swish."""
    x = image = layers.Input((32, 32, 3))
    x = _conv(x, 8, 3, 2, "hard_swish")
    for out in (8, 12):
        y = _conv(x, 24, act="hard_swish")
        y = _norm_act(layers.DepthwiseConv2D(5, padding="same", use_bias=False)(y), "hard_swish")
        gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
        gate = layers.Conv2D(6, 1, activation="relu")(gate)
        gate = layers.Conv2D(24, 1, activation="hard_sigmoid")(gate)
        y = _conv(layers.Multiply()([y, gate]), out, act="")
        x = layers.Add()([x, y]) if out == 8 else y
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(10)(x))


@network
def efficientnet() -> Model:
    """A picture that is scaled first; swish; gates of dense layers."""
    x = image = layers.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255, -0.5)(x)
    x = _conv(x, 8, 3, 2, "swish")
    y = _norm_act(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x), "swish")
    gate = layers.GlobalAveragePooling2D()(y)
    gate = layers.Dense(4, activation="swish")(gate)
    gate = layers.Dense(8, activation="sigmoid")(gate)
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(gate)])
    x = layers.Add()([x, _conv(y, 8, act="")])
    x = _conv(x, 16, 3, 2, "swish")
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(10)(x))


@network
def mixer() -> Model:
    """Dense layers along the patches, then along the channels."""
    x = image = layers.Input((24, 24, 3))
    x = layers.Conv2D(12, 6, 6)(x)
    x = layers.Reshape((16, 12))(x)
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        y = layers.Dense(16)(ops.gelu(layers.Dense(8)(y), approximate=True))
        x = layers.Add()([x, layers.Permute((2, 1))(y)])
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(12)(ops.gelu(layers.Dense(20)(y), approximate=True))])
    x = layers.GlobalAveragePooling1D()(x)
    return Model(image, layers.Dense(5)(x))


@network
def text() -> Model:
    """Tokens and their places, convolutions of two widths along them."""
    tokens = layers.Input((20,), dtype="int32")
    x = layers.Embedding(100, 12)(tokens)
    both = [layers.Conv1D(9, kernel, activation="relu")(x) for kernel in (3, 5)]
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(y) for y in both])
    return Model(tokens, layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="relu")(x)))


@network
def convnext() -> Model:
    """Large depthwise kernels, layer norms along the channels, dense layers in place of pointwise ones."""
    x = image = layers.Input((32, 32, 3))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(8, 4, 4)(x))
    for _ in range(2):
        y = layers.DepthwiseConv2D(7, padding="same")(x)
        y = layers.LayerNormalization(epsilon=1e-6)(y)
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(32, activation="gelu")(y))])
    x = layers.Conv2D(12, 2, 2)(layers.LayerNormalization(epsilon=1e-6)(x))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.GlobalAveragePooling2D()(x))
    return Model(image, layers.Dense(10)(x))


@network
def grouped() -> Model:
    """Convolutions in groups, and channels that are shuffled."""
    x = image = layers.Input((16, 16, 3))
    x = _conv(x, 12, 3)
    for _ in range(2):
        y = _norm_act(layers.Conv2D(12, 1, groups=3, use_bias=False)(x))
        y = ops.reshape(y, (-1, 16, 16, 3, 4))
        y = ops.reshape(ops.transpose(y, (0, 1, 2, 4, 3)), (-1, 16, 16, 12))
        y = _norm_act(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y), "")
        y = _norm_act(layers.Conv2D(12, 1, groups=3, use_bias=False)(y), "")
        x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(image, layers.Dense(4)(x))


def made(name: str) -> Model:
    """A network with random weights: norms have a scale, a shift and statistics that do something."""
    keras.utils.set_random_seed(7)
    keras.backend.clear_session()
    model = NETWORKS[name]()
    random = numpy.random.default_rng(7)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return model
