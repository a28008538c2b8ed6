"""Makes the files of this folder: ``pip install openvino torch``, then ``python make.py`` (with OpenVINO 2026.4 and
PyTorch 2.13). The weights, in .bin files, are removed: they are never read."""

from pathlib import Path

import numpy as np
import openvino as ov
import torch
from openvino import opset6
from openvino import opset13 as ops
from torch import nn

HERE = Path(__file__).parent


class Vision(nn.Module):
    """A small network of images, with norms that the converter folds."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.dw, self.pw = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 16, 1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = torch.relu(self.bn(self.stem(x)))
        x = torch.nn.functional.silu(self.pw(self.dw(x)))
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)).softmax(-1)


class Text(nn.Module):
    """A block of attention on tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(100, 32), nn.LayerNorm(32)
        self.q, self.k, self.v, self.out = [nn.Linear(32, 32) for _ in range(4)]

    def forward(self, x):
        x = self.norm(self.embed(x))
        q, k, v = [f(x).view(x.shape[0], x.shape[1], 4, 8).transpose(1, 2) for f in (self.q, self.k, self.v)]
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(x.transpose(1, 2).reshape(x.shape[0], x.shape[2], 32))


class Audio(nn.Module):
    """Two recurrent layers."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru = nn.LSTM(24, 16, batch_first=True, bidirectional=True), nn.GRU(32, 8, batch_first=True)

    def forward(self, x):
        return self.gru(self.lstm(x)[0])[0]


def save(name: str, model: ov.Model, half: bool = False) -> None:
    ov.save_model(model, HERE / f"{name}.xml", compress_to_fp16=half)
    (HERE / f"{name}.bin").unlink()


def torch_models() -> None:
    torch.manual_seed(0)
    made = Vision().eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    image = torch.zeros(1, 3, 32, 32)
    open_sizes = ov.convert_model(made, example_input=image)
    save("vision_open", open_sizes)
    open_sizes.reshape([1, 3, 32, 32])
    save("vision", open_sizes, half=True)
    tokens = Text().eval()
    for parameter in tokens.parameters():
        nn.init.normal_(parameter)
    text = ov.convert_model(tokens, example_input=torch.zeros(1, 7, dtype=torch.long))
    save("text_open", text)
    text.reshape([1, 7])
    save("text", text)
    audio = Audio().eval()
    for parameter in audio.parameters():
        nn.init.normal_(parameter)
    sound = ov.convert_model(audio, example_input=torch.zeros(1, 20, 24))
    sound.reshape([1, 20, 24])
    save("audio", sound)


def int4() -> None:
    """A product by weights of 4 bits in groups of 16, with scales and zero points."""
    x = ops.parameter([1, 5, 64], np.float32, name="x")
    weight = ops.constant(ov.Tensor(np.arange(1024, dtype=np.uint8), [32, 4, 16], ov.Type.u4))
    zero = ops.constant(ov.Tensor(np.arange(64, dtype=np.uint8), [32, 4, 1], ov.Type.u4))
    scale = ops.constant(np.ones([32, 4, 1], np.float16) / 3)
    wide = ops.subtract(ops.convert(weight, "f16"), ops.convert(zero, "f16"))
    wide = ops.convert(ops.reshape(ops.multiply(wide, scale), [32, 64], False), "f32")
    save("int4", ov.Model([ops.result(ops.matmul(x, wide, False, True))], [x], "int4"))


def loop() -> None:
    """A TensorIterator over the steps of a sequence, with one state."""
    x, start = ops.parameter([1, 6, 4], np.float32, name="x"), ops.parameter([1, 4], np.float32, name="start")
    step, state = ops.parameter([1, 1, 4], np.float32), ops.parameter([1, 4], np.float32)
    flat = ops.squeeze(step, [1])
    weights = ops.constant(np.arange(16, dtype=np.float32).reshape(4, 4) / 7)
    made = ops.tanh(ops.add(ops.matmul(flat, weights, False, False), state))
    body = ov.Model([ops.result(made), ops.result(ops.unsqueeze(made, [1]))], [step, state])
    iterator = ops.tensor_iterator()
    iterator.set_body(body)
    iterator.set_sliced_input(step, x.output(0), 0, 1, 1, -1, 1)
    iterator.set_merged_input(state, start.output(0), body.get_results()[0].output(0))
    every = iterator.get_concatenated_slices(body.get_results()[1].output(0), 0, 1, 1, -1, 1)
    save("loop", ov.Model([ops.result(every)], [x, start], "loop"))


def control() -> None:
    """An If whose branch depends on the data, a Loop that runs five times, a state."""
    kernel = [ops.constant(np.arange(16, dtype=np.float32).reshape(4, 4) / size) for size in (3, 5)]
    x, which = ops.parameter([1, 4], np.float32, name="x"), ops.parameter([], bool, name="which")
    inner = [ops.parameter([1, 4], np.float32) for _ in range(3)]
    then = ov.Model([ops.result(ops.matmul(inner[0], kernel[0], False, False))], [inner[0]], "then")
    other = ov.Model([ops.result(ops.relu(inner[1]))], [inner[1]], "other")
    branch = ops.if_op(which.output(0))
    branch.set_then_body(then)
    branch.set_else_body(other)
    branch.set_input(x.output(0), inner[0], inner[1])
    save("branch", ov.Model([ops.result(branch.set_output(then.results[0], other.results[0]))], [x, which], "branch"))

    start = ops.parameter([1, 4], np.float32, name="start")
    made = ops.tanh(ops.matmul(inner[2], kernel[1], False, False))
    going = ops.result(ops.constant(np.array([True])))
    body = ov.Model([going, ops.result(made), ops.result(ops.unsqueeze(made, [0]))], [inner[2]], "body")
    runs = ops.loop(ops.constant(np.array(5, np.int64)), ops.constant(np.array([True])))
    runs.set_function(body)
    runs.set_special_body_ports([-1, 0])
    runs.set_merged_input(inner[2], start.output(0), body.results[1].output(0))
    last = runs.get_iter_value(body.results[1].output(0), -1)
    every = runs.get_concatenated_slices(body.results[2].output(0), 0, 1, 1, -1, 0)
    save("runs", ov.Model([ops.result(last), ops.result(every)], [start], "runs"))

    x = ops.parameter([1, 3, 4], np.float32, name="x")
    zeros = ops.constant(np.zeros((1, 4), np.float32))
    state = opset6.read_value(zeros, "sum", ov.Type.f32, ov.PartialShape([1, 4]))
    total = ops.add(ops.reduce_sum(x, ops.constant(np.array([1])), False), state)
    save("state", ov.Model([ops.result(total)], [opset6.assign(total, "sum")], [x], "state"))


if __name__ == "__main__":
    torch_models()
    int4()
    loop()
    control()
