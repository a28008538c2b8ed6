"""First guesses, in the words of PyTorch, Keras, ONNX, Caffe and papers: each is refused, and answered with the line
that was meant. Every line that is suggested is run here, or read by the parser."""

import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
from gating import Run, git
from hypothesis import given
from hypothesis import strategies as st

from sepcalc import foreign, load, meant, model_zoo, parse, strangers
from sepcalc.cli import COMMANDS, commands, guesses
from sepcalc.document.entries import MODIFIERS, PARTS, ROOT
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError, Invalid, Meant, Problem
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.kinds import KINDS
from sepcalc.nodes import Source
from sepcalc.options import OPTIONS
from sepcalc.rewrite import VARIANTS
from sepcalc.spec import Misread, linked, outputs, read

MODULES = """
from torch import nn

class Img(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3))

class Seq(nn.LSTM):
    def __init__(self):
        super().__init__(4, 8, batch_first=True)
"""
NET = "input: 8x8x3\nparameters: {width: 1.0}\nlayers: [conv -k3 -o8, pool avg global, dense -o10]\n"


@pytest.fixture
def sep(ran: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in a folder with two networks: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, "utf-8")
    Path("other.yaml").write_text(NET, "utf-8")
    Path("model.py").write_text("import torch\n\nclass Small(torch.nn.Module):\n    pass\n", "utf-8")
    Path("td.py").write_text(MODULES, "utf-8")
    Path("nets/deep").mkdir(parents=True)
    for name in ("nets/a.yaml", "nets/deep/b.yaml"):
        Path(name).write_text(NET, "utf-8")
    Path("nets/compose.yml").write_text("services: {web: {image: nginx}}\n", "utf-8")
    return ran


def hint(message: str) -> str:
    """The one hint of a message."""
    (found,) = re.findall(r"^  hint: (.*)$", message, re.MULTILINE)
    return str(found)


# --- one layer --------------------------------------------------------------------------------------------------------

LAYERS = [
    # those that the issue lists
    ("layer 12x12x3 conv2d -k3 -o8", "layer 12x12x3 conv -k3 -o8 --bias"),
    ("layer 12x12x3 conv 3x3 64", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 linear 10", "layer 12x12x3 dense -o10 --bias"),
    ("layer 12x12x3 fc", "for example layer 12x12x3 dense -o10"),
    ("layer 12x12x3 fc 10", "layer 12x12x3 dense -o10"),
    ("layer 12x12x3 bn", "layer 12x12x3 norm batch"),
    ("layer 12x12x3 batchnorm", "layer 12x12x3 norm batch"),
    ("layer 12x12x3 maxpool 2", "layer 12x12x3 pool max -k2"),
    ("layer 12x12x3 gap", "layer 12x12x3 pool avg global"),
    ("layer 12x12x3 ReLU", "layer 12x12x3 act relu"),
    ("layer 12x12x3 act softmax", "layer 12x12x3 softmax"),
    ("layer 12x12x3 dwconv -k3", "layer 12x12x3 depthwise -k3"),
    ("layer 12x12x3 resize", "for example layer 12x12x3 upsample bilinear --scale 2"),
    ("layer 12x12x3 Conv2DTranspose", "for example layer 12x12x3 transposed -k3 -o64 --bias"),
    ("compare 12x12x3 -k5 -o256 -p SAME", "compare 12x12x3 conv -k5 -o256 -p same"),
    ("compare 12,12,3 -k5 -o256", "compare 12x12x3 conv -k5 -o256"),
    ("compare 12x12x3 -k 3,3 -o8", "compare 12x12x3 conv -k3 -o8"),
    ("compare 12 12 3 -k3 -o8", "compare 12x12x3 conv -k3 -o8"),
    ("compare 12x12x3 5x5 256", "compare 12x12x3 conv -k5 -o256"),
    ("compare 12x12x3 --kernel_size 5 -o256", "compare 12x12x3 conv -k5 -o256"),
    ("compare 1x224x224x3 -k3 -o8", "compare 224x224x3 conv -k3 -o8"),
    # twenty more, and some
    ("layer 12x12x3 'nn.Conv2d(3, 64, kernel_size=3, padding=1)'", "layer 12x12x3 conv -k3 -o64 -p1 --bias"),
    ("layer 12x12x3 'Conv2d(3, 64, 3, 2, 1, bias=False)'", "layer 12x12x3 conv -k3 -o64 -s2 -p1 --no-bias"),
    ("layer 12x12x3 'Conv2D(64, (3, 3), strides=2)'", "layer 12x12x3 conv -k3 -o64 -s2 --bias"),
    ("layer 12x12x3 'Conv2D(64, 3, activation=\"relu\")'", 'network "12x12x3, conv -k3 -o64 --bias, act relu"'),
    ("layer 12x12x3 conv 3x3 64 bn relu", 'network "12x12x3, conv -k3 -o64, norm batch, act relu"'),
    ("layer 12x12x3 conv3x3-64", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 conv k3n64s1", "layer 12x12x3 conv -k3 -o64 -s1"),
    ("layer 12x12x3 conv 3x3/2 64", "layer 12x12x3 conv -k3 -o64 -s2"),
    ("layer 12x12x3 conv kernel=3 filters=64 stride=2", "layer 12x12x3 conv -k3 -o64 -s2"),
    ("layer 12x12x3 conv -kernel 5 -out 8", "layer 12x12x3 conv -k5 -o8"),
    ("layer 12x12x3 conv -K5 -O8", "layer 12x12x3 conv -k5 -o8"),
    ("layer 12x12x3 conv --filters 64 --ksize 3 --strides 2 --pad 1", "layer 12x12x3 conv -k3 -o64 -s2 -p1"),
    ("layer 12x12x3 SeparableConv2D 256 5", "layer 12x12x3 separable -k5 -o256 --bias"),
    ("layer 12x12x3 'AdaptiveAvgPool2d(1)'", "layer 12x12x3 pool avg adaptive --to 1"),
    ("layer 12x12x3 GlobalAveragePooling2D", "layer 12x12x3 pool avg global"),
    ("layer 12x12x3 MaxPooling2D 2", "layer 12x12x3 pool max -k2"),
    ("layer 12x12x3 'UpSampling2D(size=(2,2))'", "layer 12x12x3 upsample nearest --scale 2"),
    ("layer 12x12x3 resize 24x24", "layer 12x12x3 upsample bilinear --to 24x24"),
    ("layer 12x12x3 leaky_relu", "layer 12x12x3 act leaky-relu"),
    ("layer 12x12x64 'GroupNorm(32, 64)'", "layer 12x12x64 norm group -g32"),
    ("layer 196x768 MultiHeadAttention --num_heads 12", "layer 196x768 multihead --bias --heads 12"),
    ("layer 100x64 'nn.LSTM(64, 128)'", "layer 100x64 lstm -o128"),
    ("layer 100x64 bilstm 128", "layer 100x64 lstm -o128 --bidirectional"),
    ("layer '(12, 12, 3)' conv -k3 -o8", "layer 12x12x3 conv -k3 -o8"),
    ("layer Nx12x12x3 conv -k3 -o8", "layer 12x12x3 conv -k3 -o8"),
    ("layer 12X12X3 conv -k3 -o8", "layer 12x12x3 conv -k3 -o8"),
    ("layer 12x12x3 conw -k5 -o2", "layer 12x12x3 conv -k5 -o2"),
    ("layer 12x12x3 conv -k3 -o8 --bias true", "layer 12x12x3 conv -k3 -o8 --bias"),
    ("layer 12x12x3 conv 3x3 64 --explain", "layer 12x12x3 conv -k3 -o64 --explain"),
    ("layer 12x12x3 pool 2", "for example layer 12x12x3 pool max -k2"),
    ("compare 12x12x3 conv 5x5x3x256", "compare 12x12x3 conv -k5 -o256"),
    ("verify 12x12x3 conv2d 3 8", "verify 12x12x3 conv -k3 -o8 --bias"),
    # calls without spaces; a bias as the framework has it
    ("layer '32x32x3 MaxPool2d(3,2)'", 'layer "32x32x3 pool max -k3 -s2"'),
    ("layer '32x32x3 MaxPooling2D(3,2)'", 'layer "32x32x3 pool max -k3 -s2"'),
    ("layer '32x32x3 MaxPooling2D((3,2))'", 'layer "32x32x3 pool max -k3x2"'),
    ("layer '32x32x3 MaxPool2d (3, 2)'", 'layer "32x32x3 pool max -k3 -s2"'),
    ("layer '32x32x3 AvgPool2d(7,1)'", 'layer "32x32x3 pool avg -k7 -s1"'),
    ("layer '32x32x3 Conv2d(3,64,7,2,3)'", 'layer "32x32x3 conv -k7 -o64 -s2 -p3 --bias"'),
    ("layer '32x32x3 nn.Conv2d(3,64,(3,5),bias=False)'", 'layer "32x32x3 conv -k3x5 -o64 --no-bias"'),
    ("layer '32x32x3 Linear(3,77)'", 'layer "32x32x3 dense -o77 --bias"'),
    ("layer '32x32x3 ConvTranspose2d(3,8,4,2,1)'", 'layer "32x32x3 transposed -k4 -o8 -s2 -p1 --bias"'),
    ("layer '32x32x3 Conv2D(64,(3,3))'", 'layer "32x32x3 conv -k3 -o64 --bias"'),
    ("layer '32x32x3 Conv2D(64,3,2)'", 'layer "32x32x3 conv -k3 -o64 -s2 --bias"'),
    ("layer '32x32x3 Conv2D(64,3,use_bias=False)'", 'layer "32x32x3 conv -k3 -o64 --no-bias"'),
    ("layer '32x32x3 GroupNorm(3,3)'", 'layer "32x32x3 norm group -g3"'),
    ("layer '32x32x3 BatchNorm2d(3, affine=False)'", 'layer "32x32x3 norm batch --no-bias --no-gain"'),
    ("layer '32x32x3 Dense(10)'", 'layer "32x32x3 dense -o10 --bias"'),
    ("layer '196x768 MultiheadAttention(768,12)'", 'layer "196x768 multihead --bias --heads 12"'),
    ("layer '32x32x3 nn.Upsample(scale_factor=2,mode=\"bilinear\")'", 'layer "32x32x3 upsample bilinear --scale 2"'),
    # no shape, or one with its channels first
    ("layer 'nn.Linear(512, 10)'", 'layer "512 dense -o10 --bias"'),
    ("layer 'nn.Conv2d(3, 8, 3)'", 'for example layer "12x12x3 conv -k3 -o8 --bias"'),
    ("layer 1x28x28 -k3 -o8", "layer 28x28x1 conv -k3 -o8"),
    ("layer '3x224x224 nn.Conv2d(3,64,3)'", 'layer "224x224x3 conv -k3 -o64 --bias"'),
    # in another order, and short forms
    ("layer conv 12x12x3 -k3 -o64", "layer 12x12x3 conv -k3 -o64"),
    ("layer -k3 -o64 12x12x3", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 -o64 conv -k3", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 upsample bilinear -s2", "layer 12x12x3 upsample bilinear --scale 2"),
    ("layer 12x12x3 upsample 2x", "for example layer 12x12x3 upsample nearest --scale 2"),
    ("layer 12x12x3 atrous -k3 -o8 --rate 2", "layer 12x12x3 conv -k3 -o8 -d2"),
    ("layer 12x12x3 conv -k3 -o8 -a relu", 'network "12x12x3, conv -k3 -o8, act relu"'),
    # in the words of TensorFlow's slim and layers, of papers and of blocks
    ("layer 12x12x3 'slim.conv2d(64,[3,3])'", "layer 12x12x3 conv -k3 -o64 -p same --bias"),
    ("layer 12x12x3 'tf.layers.conv2d(64, 3, strides=2)'", "layer 12x12x3 conv -k3 -o64 -s2 --bias"),
    ("layer 12x12x3 'tf.layers.dense(10)'", "layer 12x12x3 dense -o10 --bias"),
    ("layer 12x12x3 'tf.keras.layers.Conv2D(64, (3,3), strides=2)'", "layer 12x12x3 conv -k3 -o64 -s2 --bias"),
    ("layer 12x12x3 'keras.layers.SeparableConv2D(64, 3)'", "layer 12x12x3 separable -k3 -o64 --bias"),
    ("layer 12x12x3 'Conv(3, 64, k=3)'", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 conv_bn_relu 64", 'for example network "12x12x3, conv -k3 -o64, norm batch, act relu"'),
    ("layer 12x12x3 conv3x3_bn_relu 64", 'network "12x12x3, conv -k3 -o64, norm batch, act relu"'),
    ("layer 12x12x3 'ConvBNReLU(3, 64, 3)'", 'network "12x12x3, conv -k3 -o64, norm batch, act relu"'),
    ("layer 12x12x3 'Conv2dBNReLU6(3,32,3,2)'", 'network "12x12x3, conv -k3 -o32 -s2, norm batch, act relu6"'),
    ("layer 12x12x3 linear_relu 10", 'network "12x12x3, dense -o10, act relu"'),
    ("layer 12x12x3 'nn.MaxPool2d(2)'", "layer 12x12x3 pool max -k2"),
    ("layer 12x12x3 F.relu", "layer 12x12x3 act relu"),
    ("layer 12x12x3 C3-64", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 '3x3 conv, 64'", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 '1x1, 256'", "layer 12x12x3 pointwise -o256"),
    ("layer 12x12x3 '7x7 conv, 64, /2'", "layer 12x12x3 conv -k7 -o64 -s2"),
    ("layer 12x12x3 '7x7, 64, stride 2'", "layer 12x12x3 conv -k7 -o64 -s2"),
    ("layer 12x12x3 '3x3 max pool, stride 2'", "layer 12x12x3 pool max -k3 -s2"),
    ("layer 12x12x3 'global average pooling'", "layer 12x12x3 pool avg global"),
    # a shape where an option stands, one that lacks sizes, or none
    ("compare -i 12x12x3 -k5 -o256", "compare 12x12x3 conv -k5 -o256"),
    ("compare -i 12x12x3 -k5", "for example compare 12x12x3 conv -k5 -o64"),
    ("compare --input 12,12,3 --kernel 5 --filters 256", "compare 12x12x3 conv -k5 -o256"),
    ("compare -k5 -o256 --input-shape 12x12x3", "compare 12x12x3 conv -k5 -o256"),
    ("layer 224 conv -k3 -o8", "for example layer 224x224x3 conv -k3 -o8"),
    ("layer conv -k3 -o8", "for example layer 12x12x3 conv -k3 -o8"),
    ("compare -k5 -o256", "for example compare 12x12x3 -k5 -o256"),
    ("compare 12x12x3", "for example compare 12x12x3 conv -k3 -o64"),
    ("compare", "for example compare 12x12x3 conv -k5 -o256"),
    ("verify", "for example verify 12x12x3 conv -k5 -o256"),
    ("layer 12x12x3 conv 3x3 -o 64", "layer 12x12x3 conv -k3 -o64"),
    ("layer 12x12x3 conv -k3 -o", "for example layer 12x12x3 conv -k3 -o64"),
    ("compare 12x12x3 -k5 -o256 --depthwise", "compare 12x12x3 conv -k5 -o256 --variant depthwise-separable"),
    ("compare 12x12x3 -k5 -f256", "compare 12x12x3 conv -k5 -o256"),
    ("compare 12×12×3 --kernel 5x5 --channels 256", "compare 12x12x3 conv -k5 -o256"),
    # three numbers
    ("layer 32x32x3 conv 3 64 2", "layer 32x32x3 conv -k3 -o64 -s2"),
    ("layer 32x32x3 conv 3 3 64", "layer 32x32x3 conv -k3 -o64"),
    ("layer 32x32x3 conv 3 64 3", "layer 32x32x3 conv -k3 -o64"),
    ("layer 32x32x64 conv 64 128 1", "layer 32x32x64 conv -k1 -o128"),
]


@pytest.mark.parametrize(("guess", "expected"), LAYERS, ids=[guess for guess, _ in LAYERS])
def test_a_layer_in_other_words(guess: str, expected: str, sep: Run) -> None:
    code, out, err = sep(*shlex.split(guess))
    assert (code, out) == (2, "")
    example = "for example " if expected.startswith("for example ") else ""
    assert hint(err) == f"{example}sepcalc {expected.removeprefix('for example ')}"
    assert sep(*shlex.split(expected.removeprefix("for example ")))[0] == 0


def test_what_a_guess_is_told_in_full(sep: Run) -> None:
    assert sep("layer", "12x12x3", "conv", "3x3", "64")[2] == (
        "unexpected '3x3' after conv\n"
        "  12x12x3 conv 3x3 64\n"
        "               ^^^\n"
        "unexpected '64' after conv\n"
        "  12x12x3 conv 3x3 64\n"
        "                   ^^\n"
        "  hint: sepcalc layer 12x12x3 conv -k3 -o64\n"
    )
    with pytest.raises(InputError) as caught:  # in Python there is no command
        parse("12x12x3 --kernel_size 5 -o256")
    assert str(caught.value) == (
        "unknown option '--kernel_size'\n"
        "  12x12x3 --kernel_size 5 -o256\n"
        "          ^^^^^^^^^^^^^\n"
        "  hint: 12x12x3 conv -k5 -o256"
    )


SAYS = [  # what a call says of its input
    ("12x12x4 nn.Conv2d(5, 16, 3)", "nn.Conv2d says 5 input channels, but 12x12x4 has 4"),
    (
        "12x12x4 Conv2d(in_channels=5, out_channels=16, kernel_size=3)",
        "Conv2d says 5 input channels, but 12x12x4 has 4",
    ),
    ("7x7x64 nn.Linear(512, 10)", "nn.Linear says 512 input channels, but 7x7x64 has 64"),
    ("12x12x4 BatchNorm2d(8)", "BatchNorm2d says 8 input channels, but 12x12x4 has 4"),
    ("32x32x3 Conv1d(3,8,3)", "Conv1d takes 1 axis beside the channels, but 32x32x3 has 2"),
    ("32x32x3 Conv3d(3,8,3)", "Conv3d takes 3 axes beside the channels, but 32x32x3 has 2"),
]


@pytest.mark.parametrize(("text", "expected"), SAYS, ids=[text for text, _ in SAYS])
def test_a_call_that_says_another_input_is_told_so(text: str, expected: str, sep: Run) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert (caught.value.problems[-1].hint, caught.value.problems[-1].meant) == (expected, None)
    assert hint(sep("layer", text)[2]) == expected


NO_GUESS = ["12x12x3 blah", "12x12x3 conv blah", "12x12x3 dense -o10 -k3", "12x12x3 conv -k3 -o8 -g2", "4x4x3 -k5 -o2"]


@pytest.mark.parametrize("text", NO_GUESS)
def test_what_nobody_knows_is_not_guessed(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert all(problem.meant is None for problem in caught.value.problems)


# --- the property -----------------------------------------------------------------------------------------------------


def accepts(words: "list[str] | tuple[str, ...]") -> str | None:
    """What the parser says, and the op: the output of a spec that can be run."""
    try:
        spec = read(words)
        return "x".join(map(str, outputs(linked(spec, spec.inputs), spec.inputs)[-1])) if spec.inputs else ""
    except (Misread, Invalid):
        return None


SIZES = st.sampled_from(["1", "2", "3", "8", "64", "3x3", "5x5", "3,3", "(3, 3)", "0.5", "same", "SAME"])
NAMES = st.sampled_from(sorted({name for names in foreign.OPTIONS.values() for name in names.split()}))
TAIL = st.lists(
    st.one_of(
        SIZES,
        st.builds("{}={}".format, NAMES, SIZES),
        st.builds("--{} {}".format, NAMES, SIZES),
        st.sampled_from(["-k3", "-o8", "-s 2", "-p SAME", "relu", "bn", "+ relu", "--json", "/2", "k3s2"]),
    ),
    max_size=4,
).map(" ".join)
WORD = st.sampled_from(sorted({*foreign.LAYERS, *KINDS, "conv3x3-64", "nn.Conv2d", "Conv2D", "fc1000"}))
SHAPE = st.sampled_from(["12x12x64", "12,12,64", "12 12 64", "1x12x12x64", "(12, 12, 64)", "64", "100x64", "Nx100x64"])


@given(SHAPE, WORD, TAIL, st.booleans())
def test_every_line_that_is_suggested_is_accepted(shape: str, word: str, tail: str, called: bool) -> None:
    text = f"{shape} {word}({tail})" if called else f"{shape} {word} {tail}"
    try:
        parse(text, commands=("--format",))
    except InputError as error:
        for suggestion in filter(None, [problem.meant for problem in error.problems]):
            if suggestion.command == "network":
                load(suggestion.line)
            else:
                assert parse(suggestion.line).links


@given(WORD, TAIL)
def test_every_entry_that_is_suggested_is_accepted(word: str, tail: str) -> None:
    found = meant.line(f"{word} {tail}", accepts, shaped=False)
    for layer in found.layers if found else ():
        assert accepts(layer.split()) == ""


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_row_of_the_table_leads_somewhere() -> None:
    for word, line in foreign.LAYERS.items():
        assert word == foreign.plain(word), word
        kind, *words = line.split()
        slots = KINDS[kind].words()
        own = [part for part in words if part[0] != "-"]
        assert all(part in slot for part, slot in zip(own, slots, strict=False)), word
        assert {part[2:] for part in words if part[0] == "-"} <= {*KINDS[kind].options}, word
    assert {*foreign.OPTIONS} <= {*OPTIONS}
    assert {*foreign.LETTERS.values()} <= {*OPTIONS}
    assert {*foreign.KEYS} <= {*ROOT, *MODIFIERS, *PARTS}
    assert {*foreign.COMMANDS} <= {*COMMANDS}
    assert {*foreign.METRICS} <= {*map(spoken, METRICS)}
    assert {*foreign.VARIANTS} <= {*VARIANTS}
    context = commands.make_context("sepcalc", [], resilient_parsing=True)
    options = {
        option
        for name in COMMANDS
        if (found := commands.get_command(context, name))
        for parameter in found.params
        for option in parameter.opts
    }
    assert {ours.split()[0] for row in foreign.FLAGS.values() for ours in row.split(" | ")} <= options


def test_a_run_that_is_right_loads_no_foreign_words() -> None:
    program = (
        "import sys; from sepcalc.cli import run; "
        "codes = [run(['layer', '12x12x3', 'conv', '-k3', '-o8']), run(['network', '8x8x3, conv -k3 -o8, act relu'])]; "
        "foreign = ('sepcalc.foreign', 'sepcalc.meant', 'sepcalc.strangers', 'sepcalc.cli.guesses'); "
        "print(codes, [name for name in sys.modules if name.startswith(foreign)], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "[0, 0] []\n"


# --- commands ---------------------------------------------------------------------------------------------------------

CALLS = [
    ("net.yaml", "network net.yaml"),
    ("net.yaml other.yaml", "diff net.yaml other.yaml"),
    ("12x12x3 -k5 -o256", "compare 12x12x3 -k5 -o256"),
    ("12x12x3 conv 3x3 64 --json", "compare 12x12x3 conv -k3 -o64 --format json"),
    ("12x12x3 maxpool 2", "layer 12x12x3 pool max -k2"),
    ("mobilenet_v1", "network zoo:mobilenet_v1"),
    ("MobileNetV2", "network zoo:mobilenet_v2"),
    ("resnet-50", "network zoo:resnet50"),
    ("network mobilenet_v1 --top 3", "network zoo:mobilenet_v1 --top 3"),
    ("network zoo:mobilenetv2", "network zoo:mobilenet_v2"),
    ("zoo mobilenet_v2", "network zoo:mobilenet_v2"),
    ("network net.yaml --json", "network net.yaml --format json"),
    ("compare 12x12x3 -k5 -o256 --json", "compare 12x12x3 conv -k5 -o256 --format json"),
    ("--json compare 12x12x3 -k5 -o256", "compare 12x12x3 -k5 -o256 --format json"),
    ("network net.yaml --format JSON", "network net.yaml --format json"),
    ("network 12x12x3 -k5 -o256", "compare 12x12x3 -k5 -o256"),
    ("network 224x224x3, conv -k3 -o32, dense -o10", 'network "224x224x3, conv -k3 -o32, dense -o10"'),
    (
        "network '32,32,3, conv2d 3x3 32, relu, gap, linear 10' --top 2",
        'network "32x32x3, conv -k3 -o32 --bias, act relu, pool avg global, dense -o10 --bias" --top 2',
    ),
    (
        "network '32x32x3, Conv2d(3,16,3,padding=1), ReLU()'",
        'network "32x32x3, conv -k3 -o16 -p1 --bias, act relu"',
    ),
    ("network '32x32x3, conv -k 3,3 -o8'", 'network "32x32x3, conv -k 3x3 -o8"'),
    ("network '1x3x28x28, conv -k3 -o8'", 'network "28x28x3, conv -k3 -o8"'),
    ("network '1x28x28, conv -k3 -o8'", 'network "28x28x1, conv -k3 -o8"'),
    (
        "network '3x224x224, nn.Conv2d(3,64,7,2,3), nn.BatchNorm2d(64), nn.ReLU(inplace=True)'",
        'network "224x224x3, conv -k7 -o64 -s2 -p3 --bias, norm batch, act relu"',
    ),
    ("show mobilenet_v1", "network zoo:mobilenet_v1"),
    ("'nn.Linear(512, 10)'", "layer 512 dense -o10 --bias"),
    ("network net.yaml other.yaml", "diff net.yaml other.yaml"),
    ("compare net.yaml", "network net.yaml"),
    ("layer zoo:vgg16", "network zoo:vgg16"),
    ("kinds conv2d", "kinds conv"),
    ("conv", "kinds conv"),
    ("help netwrok", "help network"),
    ("info net.yaml", "network net.yaml"),
    ("count 12x12x3 conv -k3 -o8", "compare 12x12x3 conv -k3 -o8"),
    ("verfy 12x12x3 -k5 -o8", "verify 12x12x3 -k5 -o8"),
    ("models", "zoo"),
    ("version", "--version"),
    ("check net.yaml --max-macs 5M", "check net.yaml --max macs=5M"),
    ("check net.yaml --max macs 5M", "check net.yaml --max macs=5M"),
    ("check net.yaml --max 'macs<5M'", "check net.yaml --max macs=5M"),
    ("check net.yaml --max parameters=5M", "check net.yaml --max params=5M"),
    ("check net.yaml --params 5M", "check net.yaml --max params=5M"),
    ("fit net.yaml --max 300M", "fit net.yaml --max macs=300M"),
    ("whatif net.yaml --rewrite separable", 'whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("compare 12x12x3 -k5 -o8 --variant separable", "compare 12x12x3 -k5 -o8 --variant depthwise-separable"),
    ("network net.yaml --set width 1", "network net.yaml --set width=1"),
    ("network net.yaml --width 1", "network net.yaml --set width=1"),
    ("network net.yaml --input 16,16,3", "network net.yaml --input 16x16x3"),
    ("network net.yaml --input-shape 16x16x3", "network net.yaml --input 16x16x3"),
    ("network net.yaml --sort parameters", "network net.yaml --sort params"),
    ("network net.yaml --verbose", "network net.yaml --explain"),
    ("convert net.yaml copy.yaml", "convert net.yaml -o copy.yaml"),
    # from other tools: torchinfo, thop, fvcore, onnx-tool
    ("params net.yaml", "network net.yaml"),
    ("flops net.yaml", "network net.yaml"),
    ("summary net.yaml", "network net.yaml"),
    ("profile net.yaml --json", "network net.yaml --format json"),
    ("torchinfo net.yaml --input_size 16,16,3", "network net.yaml --input 16x16x3"),
    ("onnx-tool net.yaml", "network net.yaml"),
    ("summary", "for example network zoo:mobilenet_v1"),
    ("count", "for example network zoo:mobilenet_v1"),
    ("network", "for example network zoo:mobilenet_v1"),
    ("convert", "for example convert zoo:mobilenet_v1"),
    ("fit", "for example fit zoo:mobilenet_v1 --max macs=300M"),
    ("network net.yaml --macs", "network net.yaml --sort macs"),
    ("network net.yaml --params", "network net.yaml --sort params"),
    ("network net.yaml --input-shape 3,224,224", "network net.yaml --input 224x224x3"),
    ("network net.yaml --input-size '(1, 3, 32, 32)'", "network net.yaml --input 32x32x3"),
    ("network net.yaml --input 1,3,64,64", "network net.yaml --input 64x64x3"),
    ("network net.yaml --sort name", "for example network net.yaml --sort macs"),
    ("network net.yaml --format yaml", "convert net.yaml"),
    ("network net.yaml --yaml", "convert net.yaml"),
    ("network net.yaml --format txt", "network net.yaml --format table"),
    ("network net.yaml --by type", "network net.yaml --by kind"),
    ("network net.yaml --rows 2", "network net.yaml --top 2"),
    ("network net", "network net.yaml"),
    ("network net.yml", "network net.yaml"),
    ("network net.yaml width=0.5", "network net.yaml --set width=0.5"),
    ("network net.yaml --set alpha=0.5", "network net.yaml --set width=0.5"),
    ("network net.yaml --set widht=0.5", "network net.yaml --set width=0.5"),
    ("network net.yaml --alpha 0.5", "network net.yaml --set width=0.5"),
    ("convert net.yaml --to yaml", "convert net.yaml"),
    ("schema network", "schema"),
    ("schema -o made.json", "schema --output made.json"),
    ("thop.profile net.yaml", "network net.yaml"),
    ("network --model net.yaml", "network net.yaml"),
    ("network -f net.yaml", "network net.yaml"),
    ("network net.yaml --csv made.csv", "network net.yaml --format csv --output made.csv"),
    ("network net.yaml --json made.json --top 1", "network net.yaml --format json --output made.json --top 1"),
    ("network net.yaml --input-shape 3 32 32", "network net.yaml --input 32x32x3"),
    ("network net.yaml --image-size 16", "network net.yaml --input 16x16x3"),
    ("network '32x32x3 conv -k3 -o8 dense -o10'", 'network "32x32x3, conv -k3 -o8, dense -o10"'),
    ("network '32x32x3; conv -k3 -o8; dense -o10'", 'network "32x32x3, conv -k3 -o8, dense -o10"'),
    ("network 32x32x3 'conv -k3 -o8' 'dense -o10'", 'network "32x32x3, conv -k3 -o8, dense -o10"'),
    ("network 'conv -k3 -o8, dense -o10'", 'for example network "224x224x3, conv -k3 -o8, dense -o10"'),
    ("network 'conv -k3 -o8, dense -o10' --input 32x32x3", 'network "32x32x3, conv -k3 -o8, dense -o10"'),
    ("depthwise 12x12x3 -k5", "layer 12x12x3 depthwise -k5"),
    # the zoo
    ("mobilenet_v2 --width 1.4", "network zoo:mobilenet_v2 --set width=1.4"),
    ("mobilenet_v1 --alpha 0.5 --resolution 160", "network zoo:mobilenet_v1 --set width=0.5 --input 160x160x3"),
    ("network mobilenet_v1 --set classes=10,width=0.5", "network zoo:mobilenet_v1 --set classes=10 --set width=0.5"),
    ("compare mobilenet_v1 mobilenet_v2", "diff zoo:mobilenet_v1 zoo:mobilenet_v2"),
    ("diff mobilenet_v1 mobilenet_v2", "diff zoo:mobilenet_v1 zoo:mobilenet_v2"),
    ("check mobilenet_v1 --max-macs 600M", "check zoo:mobilenet_v1 --max macs=600M"),
    ("zoo mobilenet_v9", "zoo"),
    ("kinds norm batch", "kinds norm"),
    ("mobilenet", "network zoo:mobilenet_v1"),
    ("list", "zoo"),
    ("list zoo", "zoo"),
    ("zoo list", "zoo"),
    ("zoo --list", "zoo"),
    ("zoo show mobilenet_v1", "network zoo:mobilenet_v1"),
    ("network zoo", "zoo"),
    ("zoo resnet101", "network zoo:resnet50 --set conv4=23"),
    ("network zoo:vgg19", "network zoo:vgg16 --set conv1=2 --set conv2=2 --set conv3=4 --set conv4=4 --set conv5=4"),
    ("network EfficientNet-B1", "network zoo:efficientnet_b0 --set depth=1.1 --input 240x240x3"),
    ("kinds list", "kinds"),
    ("kinds convolution", "kinds conv"),
    ("operators pytorch", "operators torch"),
    ("operators tensorflow", "operators tf"),
    # limits
    ("check net.yaml --max params=5MB", "check net.yaml --max params-bytes=5M"),
    ("check net.yaml --max 'parameters < 5 million'", "check net.yaml --max params=5M"),
    ("check net.yaml --max gflops=0.3", "check net.yaml --max flops=0.3G"),
    ("check net.yaml --max macs=300MMACs", "check net.yaml --max macs=300M"),
    ("check net.yaml --max memory=5MB", "check net.yaml --max peak-memory=5M"),
    ("check net.yaml --max macs=0.3G,params=5M", "check net.yaml --max macs=0.3G --max params=5M"),
    ("check net.yaml --params '<5M'", "check net.yaml --max params=5M"),
    ("diff net.yaml other.yaml --fail", "diff net.yaml other.yaml --max-increase 0%"),
    ("diff net.yaml other.yaml --fail-on-increase", "diff net.yaml other.yaml --max-increase 0%"),
    ("diff net.yaml other.yaml --threshold 5%", "diff net.yaml other.yaml --max-increase 5%"),
    ("diff net.yaml other.yaml --max-increase 5", "diff net.yaml other.yaml --max-increase 5%"),
    ("fit net.yaml", "for example fit net.yaml --max macs=300M"),
    ("fit net.yaml macs=300M", "fit net.yaml --max macs=300M"),
    ("fit net.yaml --target macs=300M", "fit net.yaml --max macs=300M"),
    ("fit net.yaml --max macs=300M --by channels", "fit net.yaml --max macs=300M --by width"),
    ("fit net.yaml 300M", "fit net.yaml --max macs=300M"),
    ("check net.yaml -m params=5M", "check net.yaml --max params=5M"),
    ("check net.yaml --max", "for example check net.yaml --max macs=300M"),
    ("diff old=net.yaml new=other.yaml", "diff net.yaml other.yaml"),
    # what if
    ("whatif net.yaml --rewrite conv:depthwise-separable", "whatif net.yaml --rewrite conv=depthwise-separable"),
    ("whatif net.yaml --rewrite 'conv*->separable'", 'whatif net.yaml --rewrite "conv*=depthwise-separable"'),
    ("whatif net.yaml --resolution 50%", "whatif net.yaml --resolution 4"),
    ("whatif net.yaml --resolution 6,6", "whatif net.yaml --resolution 6x6"),
    ("whatif net.yaml --width 50%", "whatif net.yaml --width 0.5"),
    ("whatif net.yaml --width 0.5x", "whatif net.yaml --width 0.5"),
    ("whatif net.yaml --alpha 0.5", "whatif net.yaml --width 0.5"),
    ("whatif net.yaml --separable", 'whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("whatif net.yaml --variant spatial", 'whatif net.yaml --rewrite "*=spatial"'),
    ("whatif net.yaml depthwise-separable", 'whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("whatif net.yaml", 'for example whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("verify net.yaml --layer conv", "verify net.yaml --layers conv"),
    ("verify net.yaml --layers 0", "verify net.yaml --layers conv"),
    # options alone, a spec for a network and the other way round, a size alone, letters without hyphens
    ("--json", "for example network zoo:mobilenet_v1 --format json"),
    ("--max macs=1G", "for example check zoo:mobilenet_v1 --max macs=1G"),
    ("network 'conv -k3 -o16'", 'for example network "224x224x3, conv -k3 -o16"'),
    ("network '32x32x3 conv -k3 -o16'", 'network "32x32x3, conv -k3 -o16"'),
    ("convert '32x32x3 conv -k3 -o16'", 'convert "32x32x3, conv -k3 -o16"'),
    ("compare '32x32x3, pool global'", 'network "32x32x3, pool avg global"'),
    ("layer 32x32x3 pool global", "layer 32x32x3 pool avg global"),
    ("compare 12x12x3 k5 o256", "compare 12x12x3 conv -k5 -o256"),
    ("compare 224 -k3 -o64", "for example compare 224x224x3 -k3 -o64"),
    ("compare 12x12x3 -k5 -o256 -p smae", "compare 12x12x3 conv -k5 -o256 -p same"),
    ("network zoo:mobilenet_v1 --input 160", "network zoo:mobilenet_v1 --input 160x160x3"),
    ("help mobilenet", "network zoo:mobilenet_v1"),
    ("help conv2d", "help conv"),
    ("help summary", "help network"),
    ("convert net.yaml -o net.pt", "convert net.yaml -o net.sepcalc.yaml"),
    ("layer 28x28x64 MaxUnpool2d 2", "layer 28x28x64 upsample nearest --scale 2"),
    ("verify 12x12x3 -k3 -o8 --quick", "verify 12x12x3 conv -k3 -o8 --sample 64"),
    # a kernel for a shape, an image with its channels first, limits in one option, an order of variants
    ("compare 3x3 256", "for example compare 12x12x3 conv -k3 -o256"),
    ("compare 3x3 256 512", "for example compare 12x12x256 conv -k3 -o512"),
    ("layer 5x5 64", "for example layer 12x12x3 conv -k5 -o64"),
    ("verify 3x3 8 --sample 4", "for example verify 12x12x3 conv -k3 -o8 --sample 4"),
    ("compare 1x3x224x224", "for example compare 224x224x3 conv -k3 -o64"),
    ("layer 3x224x224", "for example layer 224x224x3 conv -k3 -o64"),
    ("compare 1x28x28", "for example compare 28x28x1 conv -k3 -o64"),
    ("compare 1x224x224x3", "for example compare 224x224x3 conv -k3 -o64"),
    ("compare 224x224x3", "for example compare 224x224x3 conv -k3 -o64"),
    ("compare 1x3x224x224 conv -k3 -o64", "compare 224x224x3 conv -k3 -o64"),
    ("check net.yaml --max macs 1M params 2M", "check net.yaml --max macs=1M --max params=2M"),
    ("check --max macs 1M params 2M net.yaml", "check --max macs=1M --max params=2M net.yaml"),
    ("check net.yaml --max macs 1M --max params 2M", "check net.yaml --max macs=1M --max params=2M"),
    ("compare 12x12x3 conv -k5 -o256 --sort macs", "compare 12x12x3 conv -k5 -o256"),
    ("compare 12x12x3 -k5 -o256 --sort=params --exact", "compare 12x12x3 -k5 -o256 --exact"),
    ("layer --sort mults 12x12x3 conv -k5 -o256", "layer 12x12x3 conv -k5 -o256"),
    ("zoo:mobilenet_v1@0.5", "network zoo:mobilenet_v1 --set width=0.5"),
    ("zoo:mobilenet_v1@0.5 --top 3", "network zoo:mobilenet_v1 --set width=0.5 --top 3"),
    ("zoo:mobilnet_v1", "network zoo:mobilenet_v1"),
    # a layer as a command, and matrices in brackets
    ("'slim.conv2d(64,[3,3])'", "for example layer 12x12x3 conv -k3 -o64 -p same --bias"),
    ("'nn.MaxPool2d(2)'", "for example layer 12x12x3 pool max -k2"),
    ("C3-64", "for example layer 12x12x3 conv -k3 -o64"),
    ("'3x3 conv, 64'", "for example layer 12x12x3 conv -k3 -o64"),
    ("'1x1, 256'", "for example layer 12x12x3 pointwise -o256"),
    ("conv_bn_relu 64", 'for example network "12x12x3, conv -k3 -o64, norm batch, act relu"'),
    ("network '224x224x3, 3x3 conv, 64, 1x1, 256'", 'network "224x224x3, conv -k3 -o64, pointwise -o256"'),
    ("network '224x224x3, C3-64, C3-64, MP2'", 'network "224x224x3, conv -k3 -o64, conv -k3 -o64, pool max -k2"'),
    ("factor '[[1,2,1],[2,4,2],[1,2,1]]'", 'factor "1 2 1; 2 4 2; 1 2 1"'),
    ("factor '[[1, 2], [2, 4]]'", 'factor "1 2; 2 4"'),
    ("factor 'np.array([[1,2],[2,4]])'", 'factor "1 2; 2 4"'),
    ("factor '[1,2,1]'", 'factor "1 2 1"'),
    ("factor '1 2 1 / 2 4 2 / 1 2 1'", 'factor "1 2 1; 2 4 2; 1 2 1"'),
    ("factor '[[[1,2],[2,4]],[[3,6],[6,12]]]'", 'factor "1 2; 2 4 | 3 6; 6 12"'),
    ("factor '{1,2,1},{2,4,2},{1,2,1}'", 'factor "1 2 1; 2 4 2; 1 2 1"'),
    ("factor sobel_x", "factor sobel-x"),
    ("factor gaussian 5", "factor gaussian-5"),
    ("factor '5x5 gaussian'", "factor gaussian-5"),
    ("factor --kernel sobel-x", "factor sobel-x"),
    ("factor list", "factor --list"),
    ("'[[1,2],[2,4]]'", 'factor "1 2; 2 4"'),
    ("sobel-x", "factor sobel-x"),
    # folders, files that are not there, other names of networks
    ("baseline nets -o made.json", "baseline nets/a.yaml nets/deep/b.yaml -o made.json"),
    ("network nets", "for example network nets/a.yaml"),
    ("network nets/deep --top 1", "network nets/deep/b.yaml --top 1"),
    ("network nett.yaml", "network net.yaml"),
    (
        "network resnet18.onnx",
        "network zoo:resnet50 --set bottleneck=false --set conv2=2 --set conv3=2 --set conv4=2 --set conv5=2",
    ),
    ("network no_torchvision:resnet50", "network zoo:resnet50"),
    ("no_torchvision.models:vgg16 --top 1", "network zoo:vgg16 --top 1"),
    ("convert net.yaml net.onnx", "convert net.yaml -o net.onnx"),
    ("kinds conv dense", "kinds"),
    ("convert net.yaml -o net.onx", "convert net.yaml -o net.onnx"),
    ("network zoo:mobilenet_v1@0.5", "network zoo:mobilenet_v1 --set width=0.5"),
    ("network zoo:mobilenet_v2_0.75", "network zoo:mobilenet_v2 --set width=0.75"),
    ("fit zoo:MobileNetV2-1.4 --max macs=1G", "fit zoo:mobilenet_v2 --max macs=1G --set width=1.4"),
    ("network zoo:resnet50@0.5", "network zoo:resnet50"),
    ("convert net.yaml copy.onnx", "convert net.yaml -o copy.onnx"),
    ("convert net.yaml copy.tflite", "convert net.yaml -o copy.yaml"),
    # a number of rows, a search, a share of what a network has, a rule in three words
    ("network net.yaml --top=all", "network net.yaml"),
    ("network --top 3", "for example network zoo:mobilenet_v1 --top 3"),
    ("zoo --search mobile", "zoo"),
    ("whatif net.yaml --replace conv depthwise", "whatif net.yaml --rewrite conv=depthwise-separable"),
    ("fit zoo:mobilenet_v1 --target 50%", "fit zoo:mobilenet_v1 --max macs=284370176"),
    ("fit zoo:mobilenet_v1 --max macs=0.5x", "fit zoo:mobilenet_v1 --max macs=284370176"),
    ("fit zoo:mobilenet_v1 --max params=50%", "fit zoo:mobilenet_v1 --max params=2115988"),
    (
        "fit zoo:mobilenet_v1 --set width=0.5 --max macs=50%",
        "fit zoo:mobilenet_v1 --set width=0.5 --max macs=74748544",
    ),
    # options and kinds of a spec
    ("compare 12x12x3 -k5 -o256 --pad same", "compare 12x12x3 conv -k5 -o256 -p same"),
    ("compare 12x12x3 -k5 -o256 -v spatial", "compare 12x12x3 -k5 -o256 --variant spatial"),
    ("compare conv separable", "for example compare 12x12x3 conv -k3 -o64 --variant depthwise-separable"),
    ("compare conv vs spatial", "for example compare 12x12x3 conv -k3 -o64 --variant spatial"),
    ("verify conv", "for example verify 12x12x3 conv -k3 -o64"),
    ("layer dense", "for example layer 12x12x3 dense -o10"),
    ("depthwize", "kinds depthwise"),
    # twenty more, from --help and README alone
    ("compare 12x12x3 -k5 -o256 --all", "compare 12x12x3 conv -k5 -o256 --variant all"),
    ("compare 12x12x3 -k5 -o256 --top 2", "compare 12x12x3 conv -k5 -o256"),
    (
        "layer 224x224x3 conv -k7 -o64 -s2 -p3 bn relu",
        'network "224x224x3, conv -k7 -o64 -s2 -p3, norm batch, act relu"',
    ),
    ("network mobilenet_v1.yaml", "network zoo:mobilenet_v1"),
    ("network zoo/mobilenet_v1", "network zoo:mobilenet_v1"),
    ("network specs/mobilenet_v1", "network zoo:mobilenet_v1"),
    ("network net.yaml --format=yml", "convert net.yaml"),
    ("network net.yaml --by layer", "network net.yaml --by kind"),
    ("network net.yaml --group kind", "network net.yaml --by kind"),
    ("network net.yaml --by=blocks", "network net.yaml --by block"),
    ("network zoo:mobilenet_v1 width=0.5 input=160", "network zoo:mobilenet_v1 --set width=0.5 --input 160x160x3"),
    ("whatif net.yaml conv=depthwise", "whatif net.yaml --rewrite conv=depthwise-separable"),
    ("whatif net.yaml --to depthwise", 'whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("whatif net.yaml --rewrite all=depthwise-separable", 'whatif net.yaml --rewrite "*=depthwise-separable"'),
    ("fit zoo:mobilenet_v1 --max 50%", "fit zoo:mobilenet_v1 --max macs=284370176"),
    ("check net.yaml --budget macs=1M", "check net.yaml --max macs=1M"),
    ("kinds --list", "kinds"),
    ("kinds pooling", "kinds pool"),
    ("schema compare", "schema --report compare"),
    ("convert resnet101", "convert zoo:resnet50 --set conv4=23"),
    ("verify net.yaml --layer 2", "verify net.yaml --layers dense"),
    ("'1 2 1; 2 4 2; 1 2 1'", 'factor "1 2 1; 2 4 2; 1 2 1"'),
]


@pytest.mark.parametrize(("guess", "expected"), CALLS, ids=[guess for guess, _ in CALLS])
def test_the_whole_command(guess: str, expected: str, sep: Run) -> None:
    code, out, err = sep(*shlex.split(guess))
    example = "for example " if expected.startswith("for example ") else ""
    expected = expected.removeprefix("for example ")
    assert (code, out, hint(err)) == (2, "", f"{example}sepcalc {expected}")
    assert sep(*shlex.split(expected))[0] == 0


def test_a_folder_that_is_checked_is_answered_with_all_its_networks(sep: Run) -> None:
    line = "check nets/a.yaml nets/deep/b.yaml --max macs=1M"
    code, _, err = sep("check", "nets", "--max", "macs=1M")
    assert (code, hint(err)) == (2, f"sepcalc {line}")
    assert sep(*line.split())[0] == 0


UNNEEDED = [  # what there is no option for, and none is needed
    ("network net.yaml --batch-size 8", "counts are of one example: times the batch, all but params"),
    (
        "completion bash",
        'it completes words behind eval "$(_SEPCALC_COMPLETE=bash_source sepcalc)" in ~/.bashrc (zsh: zsh_source)',
    ),
    ("schema --format json", "this command prints one form alone"),
    (
        "check net.yaml --max macs=50%",
        "a limit is a count, for example 4.2M, 569M or 568740352; --max-increase takes percents, of a --baseline",
    ),
    (
        "layer 32x32x8 BasicBlock",
        "BasicBlock is a block of layers: sepcalc convert zoo:resnet50 --set bottleneck=false shows it as YAML",
    ),
    ("layer 32x32x8 MBConv", "MBConv is a block of layers: sepcalc convert zoo:efficientnet_b0 shows it as YAML"),
    (
        "layer 32x32x8 'InvertedResidual(8,16)'",
        "InvertedResidual is a block of layers: sepcalc convert zoo:mobilenet_v2 shows it as YAML",
    ),
    ("network '32x32x8, Bottleneck'", "Bottleneck is a block of layers: sepcalc convert zoo:resnet50 shows it as YAML"),
    ("network net.yaml --device cuda", "nothing is run on a device: counts follow from the shapes"),
    ("network net.yaml --no-color", "colour is for terminals alone, and NO_COLOR=1 turns it off"),
    ("network net.yaml --depth 2", "--set NAME=VALUE sets a parameter of the network; it has width"),
    ("m.mlmodel", f"m.mlmodel: Core ML's models are not read; {strangers.ONNX}"),
    ("check net.yaml --max params", "for example --max params=300M"),
    (
        "check net.yaml --max latency=10ms",
        "time depends on the machine, and is not counted; macs, flops and traffic are",
    ),
    ("update", "a newer version is installed as this one was, with pip's --upgrade"),
    ("init", "there is nothing to set up; sepcalc convert zoo:mobilenet_v1 prints a network to begin with"),
    (
        "help options",
        "each command has its own, which sepcalc help network shows, and so has each kind of layer: sepcalc help conv",
    ),
    ("login", f"expected {', '.join(COMMANDS)}"),
]


@pytest.mark.parametrize(("guess", "expected"), UNNEEDED, ids=[guess for guess, _ in UNNEEDED])
def test_what_is_not_there_is_said(guess: str, expected: str, sep: Run) -> None:
    code, out, err = sep(*shlex.split(guess))
    assert (code, out, hint(err)) == (2, "", expected)


def test_an_option_that_is_like_none_has_no_hint(sep: Run) -> None:
    Path("plain.yaml").write_text("input: 8x8x3\nlayers: [conv -k3 -o8]\n", "utf-8")
    code, out, err = sep("network", "plain.yaml", "--depth", "2")
    first, *rest = err.splitlines()
    assert first in ("No such option '--depth'.", "No such option: --depth")  # click's words, by its version
    assert (code, out, rest) == (2, "", ["  sepcalc network --help shows what it takes, with examples"])
    assert hint(sep("compare", "12x12x3", "-k5", "-o8", "--explian")[2]) == (
        "sepcalc compare 12x12x3 conv -k5 -o8 --explain"
    )


@pytest.mark.parametrize("network", foreign.BLOCKS.values())
def test_a_block_of_a_paper_is_shown_by_the_command_that_is_named(network: str, sep: Run) -> None:
    assert sep("convert", *f"zoo:{network}".split())[0] == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("3x32x32", "32x32x3"),
        ("1x3x32x32", "32x32x3"),
        ("?x3x32x32", "32x32x3"),
        ("?x3x?x?", "for example 224x224x3"),
        ("?x3x?x8", "for example 224x8x3"),
        ("1x3xHxW", "for example 224x224x3"),
        ("x=?x3x?x8", "for example x=1x3x224x8"),
        ("x=1x3x?x8", "for example x=1x3x224x8"),
        ("1x3x224x8", "224x8x3"),
    ],
)
def test_a_model_file_that_is_given_channels_first(given: str, expected: str, sep: Run) -> None:
    onnx = pytest.importorskip("onnx")
    made = onnx.helper
    weight = onnx.TensorProto(dims=(4, 3, 3, 3), data_type=1, name="w", raw_data=b"\0" * 432)
    image = made.make_tensor_value_info("x", 1, ["N", 3, "H", "W"])
    out = made.make_tensor_value_info("y", 1, None)
    graph = made.make_graph([made.make_node("Conv", ["x", "w"], ["y"])], "g", [image], [out], [weight])
    onnx.save(made.make_model(graph, opset_imports=[made.make_opsetid("", 17)]), "open.onnx")
    code, _, err = sep("network", "open.onnx", "--input", given)
    example = "for example " if expected.startswith("for example ") else ""
    shape = expected.removeprefix("for example ")
    assert (code, hint(err)) == (2, f"{example}sepcalc network open.onnx --input {shape}")
    assert sep("network", "open.onnx", "--input", shape)[0] == 0


@pytest.mark.parametrize("name", sorted(foreign.RELATIVES))
def test_a_relative_is_in_the_zoo(name: str) -> None:
    words = model_zoo.near(name)
    assert words == f"zoo:{foreign.RELATIVES[name]}".split()
    given = dict(word.split("=") for word in words if "=" in word)
    shape = next((word for word in words if re.fullmatch(r"\d+x\d+x3", word)), None)
    assert load(words[0], **given, **({"input": shape} if shape else {})).macs > 0


def test_relatives_have_their_size() -> None:
    """Params as torchvision's pages print them."""
    printed = {
        "resnet18": 11689512,
        "resnet34": 21797672,
        "resnet101": 44549160,
        "vgg19": 143667240,
        "vgg11": 132863336,
    }
    for name, params in printed.items():
        given = dict(word.split("=") for word in model_zoo.near(name) if "=" in word)
        assert load(model_zoo.near(name)[0], **given).cost.params == params


@pytest.mark.parametrize("word", ["net", "count", "resnet99", "vgg17", "x", "zoo:", "../vgg16"])
def test_other_networks_are_none_of_the_zoo(word: str) -> None:
    assert model_zoo.near(word) == []


WORDS = (
    "net.yaml model.py m.pt zoo:vgg16 zoo: HEAD:net.yaml git:net.yaml 12x12x3 12,12,3 12 3 -k3 -k -o --json --max "
    "macs=3 macs<3 5M --set width --width --input 3x64x64 = x= -- - conv conv2d 3x3 64 -p SAME { {x} ( --format= "
    "--rewrite *= [[1,2] np.array( 50% --layers --sort params<5 -m yaml --yaml --csv o.csv conv_bn_relu64 slim.conv2d( "
    "h=1 --model zoo resnet18 list --top --separable --variant é sobel 0x0 -h --help each add einsum tm:Net ' \" $(x) "
    "--top 1e400 -v"
)
MORE = ["", "\0", "\x1b[31m", "a b", "8x8x3, act relu", "conv -k3,", "nn.Conv2d(3, 64", "x" * 700, "9" * 50, "1 2; 3 4"]
RIGHT = [  # what goes wrong is not how it was said
    ("compare 12x12x3 -k5 -o8 --variant all --output net.yaml", "--force overwrites it"),
    ("network --output net.yaml net.yaml", "--force overwrites it"),
    ("baseline gone.onnx other.yaml -o new.json", ""),
    ("layer 4x4x8 pool avg", "or pool avg global, or pool avg --to 7x7"),
]


@pytest.mark.parametrize(("words", "expected"), RIGHT, ids=[words for words, _ in RIGHT])
def test_a_command_that_was_right_is_not_mended(words: str, expected: str, sep: Run) -> None:
    code, _, err = sep(*words.split())
    assert (code, re.findall(r"^  hint: (.*)$", err, re.MULTILINE)) == (2, [expected] if expected else [])


FAILS = [  # each has a line that would be refused too
    "network net.yaml --depth 1",
    "network other.yaml --depth-multiplier 2",
    "network plain.yaml --width 0.5",
    "network net.yaml --batch-size 8",
    "check net.yaml --min params=5M",
    "network https://a.example/net.onnx",
    "check https://a.example/net.yaml --max macs=1G",
    "diff net.yaml",
    "diff HEAD net.yaml",
    "layer '32x32x3 Conv2d(3, 8, 3, foo=3)'",
]


@pytest.mark.parametrize("guess", FAILS)
def test_no_line_that_would_fail_is_suggested(guess: str, sep: Run) -> None:
    Path("plain.yaml").write_text("input: 8x8x3\nlayers: [conv -k3 -o8]\n", "utf-8")
    code, _, err = sep(*shlex.split(guess))
    assert code == 2
    assert not re.search(r"hint: (for example )?sepcalc (?!kinds lists)", err)


def test_a_network_whose_calls_do_not_follow_is_told_so(sep: Run) -> None:
    expected = "Conv2d says 3 input channels, but 30x30x16 has 16"
    assert hint(sep("network", "32x32x3, Conv2d(3,16,3), Conv2d(3,16,3)")[2]) == expected


def test_convert_says_what_it_writes(sep: Run) -> None:
    expected = "convert writes YAML, or ONNX with --output model.onnx"
    assert hint(sep("convert", "net.yaml", "--to", "onnx")[2]) == expected


ODD = st.lists(st.sampled_from([*COMMANDS, *WORDS.split(), *MORE]), max_size=6)


@given(ODD)
def test_a_guess_never_fails_and_prints_nothing(args: list[str]) -> None:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        guesses.usage(args)
        guesses.told(InputError([Problem("x")]), args)
        guesses.told(InputError([Problem("x", meant=Meant(" ".join(args[1:]), "12x12x3 conv -k3 -o8"))]), args)
    assert out.getvalue() + err.getvalue() == ""


PIECES = st.sampled_from(
    ["conv -k3 -o8", "name", "stem", "down", "16", "(", ")", ": ", "{", "}", "[", "]", ", ", " ", "\n    ", "repeat 3",
     "3x3 conv", "conv_bn_relu", "slim.conv2d(64,[3,3])", "-k", "-o", "=", "layer", "type", "#", "'", "é", "²", "x"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=7).map("".join))
def test_an_entry_in_any_words_is_read_or_refused(entry: str) -> None:
    with suppress(InputError):
        load_yaml(Source("net.yaml", f"{BLOCK}{entry}\n"))


REVISIONS = [
    ("network HEAD:net.yaml", "network git:HEAD:net.yaml"),
    ("network main:net.yaml --top 1", "network git:main:net.yaml --top 1"),
    ("network git:net.yaml", "network git:HEAD:net.yaml"),
    ("check HEAD:net.yaml --max macs=1G", "check git:HEAD:net.yaml --max macs=1G"),
    ("diff HEAD:net.yaml net.yaml", "diff git:HEAD:net.yaml net.yaml"),
    ("diff HEAD net.yaml", "diff git:HEAD:./net.yaml net.yaml"),
    ("diff HEAD..HEAD net.yaml", "diff git:HEAD:./net.yaml git:HEAD:./net.yaml"),
    ("diff HEAD HEAD net.yaml", "diff git:HEAD:./net.yaml git:HEAD:./net.yaml"),
    ("diff net.yaml HEAD", "diff git:HEAD:./net.yaml net.yaml"),
    ("diff net.yaml", "diff git:HEAD:./net.yaml net.yaml"),
    ("diff base.json net.yaml", "for example check net.yaml --baseline base.json --max-increase 0%"),
    ("diff net.yaml base.json --max-increase macs=2%", "check net.yaml --baseline base.json --max-increase macs=2%"),
]


@pytest.mark.parametrize(("guess", "expected"), REVISIONS, ids=[guess for guess, _ in REVISIONS])
def test_revisions_and_baselines(guess: str, expected: str, sep: Run) -> None:
    git("init", "-q", ".")
    git("add", ".")
    git("commit", "-qm", "all")
    assert sep("baseline", "net.yaml", "-o", "base.json")[0] == 0
    code, _, err = sep(*shlex.split(guess))
    example = "for example " if expected.startswith("for example ") else ""
    expected = expected.removeprefix("for example ")
    assert (code, hint(err)) == (2, f"{example}sepcalc {expected}")
    assert sep(*shlex.split(expected))[0] == 0


def test_files_of_others(sep: Run) -> None:
    module = (
        "export the module that it was saved from: "
        'torch.export.save(torch.export.export(model, args), "model.pt2"); '
        "or name it, for example sepcalc network package.module:Net --input 224x224x3"
    )
    pickles = "PyTorch's pickles hold weights and code, and are never opened"
    for name in ("model.pt", "weights.pth"):
        assert sep("network", name) == (2, "", f"{name}: {pickles}\n  hint: {module}\n")
    onnx = "export the model to ONNX: torch.onnx.export, tf2onnx and the like write model.onnx, which is read"
    assert sep("network", "m.prototxt") == (2, "", f"m.prototxt: Caffe's models are not read\n  hint: {onnx}\n")
    python = "a Python file is not read: name a module in it"
    assert sep("network", "model.py") == (
        2,
        "",
        f"model.py: {python}\n  hint: for example sepcalc network model:Small --input 224x224x3\n",
    )
    assert sep("network", "no/where.py")[2] == (
        f"no/where.py: {python}\n  hint: for example sepcalc network no.where:Net --input 224x224x3\n"
    )


def test_a_module_that_is_given_channels_first(sep: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    body = "import torch\n\n\nclass Net(torch.nn.Conv2d):\n    def __init__(self):\n        super().__init__(3, 8, 3)\n"
    (tmp_path / "guessed_net.py").write_text(body, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for shape in ("3x64x64", "1x3x64x64"):
        code, _, err = sep("network", "guessed_net:Net", "--input", shape)
        assert (code, hint(err)) == (2, "sepcalc network guessed_net:Net --input 64x64x3")
    assert sep("network", "guessed_net:Net", "--input", "64x64x3")[0] == 0


TORCH = [
    ("network td:Seq --input=10x4", "td:Seq --input input=1x10x4"),
    ("network td:Seq --input 10x4", "td:Seq --input input=1x10x4"),
    ("network td:Img --input 3x16x18 --top 1", "td:Img --input 16x18x3 --top 1"),
    ("network td:Img", "for example td:Img --input 224x224x3"),
    ("td:Img", "for example td:Img --input 224x224x3"),
    ("td.py:Img", "for example td:Img --input 224x224x3"),
    ("td.py:Img --input 64x64x3", "td:Img --input 64x64x3"),
    ("network td.py:Img --input 64x64x3", "td:Img --input 64x64x3"),
    ("td", "for example td:Img --input 224x224x3"),
    ("network td", "for example td:Img --input 224x224x3"),
    ("network td.py", "for example td:Img --input 224x224x3"),
]


@pytest.mark.parametrize(("guess", "expected"), TORCH, ids=[guess for guess, _ in TORCH])
def test_a_module_in_other_words(guess: str, expected: str, sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.delitem(sys.modules, "td", False)
    code, out, err = sep(*guess.split())
    example = "for example " if expected.startswith("for example ") else ""
    line = f"network {expected.removeprefix('for example ')}"
    assert (code, out, hint(err)) == (2, "", f"{example}sepcalc {line}")
    assert sep(*line.split())[0] == 0


# --- networks in YAML -------------------------------------------------------------------------------------------------

BLOCK = "input: 8x8x3\nparameters: {w: 2}\nblocks:\n  down(out):\n    - conv -k1 -o{out}\nlayers:\n  - "
ENTRIES = [
    ("conv2d -k3 -o8", "conv -k3 -o8 --bias"),
    ("conv 3x3 64", "conv -k3 -o64"),
    ("nn.Conv2d(3, 64, kernel_size=3, padding=1)", "conv -k3 -o64 -p1 --bias"),
    ("conv 3x3 {int(8 * w)} relu", 'layers: ["conv -k3 -o{int(8 * w)}", act relu]'),
    ("bn", "norm batch"),
    ("ReLU", "act relu"),
    ("fc", "for example dense -o10"),
    ("3x3 conv 64", "conv -k3 -o64"),
    ("8x8x3 conv -k3 -o8", "conv -k3 -o8"),
    ("conv1x1 {8 * w}", "pointwise -o{8 * w}"),
    ("conv: {kernel: 3, filters: 64, padding: 'SAME'}", "conv -k3 -o64 -p same"),
    ("conv: {kernel: 3, out: 64, padding: 'SAME'}", "conv -k3 -o64 -p same"),
    ("conv: {kernel_size: 3, filters: 64, use_bias: True}", "conv -k3 -o64 --bias"),
    ("Conv2d: {in_channels: 3, out_channels: 8 * w, kernel_size: 3}", "conv -k3 -o{8 * w} --bias"),
    ("{type: conv, filters: 64, size: 3, name: a}", '{conv: "-k3 -o64", name: a}'),
    ("[conv, 3, 64]", "conv -k3 -o64"),
    ("conv: [3, 64]", "conv -k3 -o64"),
    ("linear: 10", "dense -o10 --bias"),
    ("dense: 10", "dense -o10"),
    ("pool: max 2", "pool max -k2"),
    ("conv -k3 -o8, act relu", "layers: [conv -k3 -o8, act relu]"),
    ("conv -k3 -o8, norm batch, act relu", "layers: [conv -k3 -o8, norm batch, act relu]"),
]


ENTRIES += [
    ("conv -k3 -o8: {name: stem}", '{conv: "-k3 -o8", name: stem}'),
    ("conv: {kernel: 3, out: 8, name: stem}", '{conv: "-k3 -o8", name: stem}'),
    ("conv -k3 -o8 name=stem", '{conv: "-k3 -o8", name: stem}'),
    ("conv -k3 -o8 --name stem", '{conv: "-k3 -o8", name: stem}'),
    ("stem: conv -k3 -o8", '{conv: "-k3 -o8", name: stem}'),
    ("{name: stem, layer: conv -k3 -o8}", '{conv: "-k3 -o8", name: stem}'),
    ("{repeat: 3, layer: conv -k3 -o8 -p same}", '{conv: "-k3 -o8 -p same", repeat: 3}'),
    ("repeat 3: conv -k3 -o8 -p same", '{conv: "-k3 -o8 -p same", repeat: 3}'),
    ("3x: conv -k3 -o8 -p same", '{conv: "-k3 -o8 -p same", repeat: 3}'),
    ("down 16: {name: e1}", '{down: "16", name: e1}'),
    ("down(16)", "down 16"),
    ("down(out=16)", "down out=16"),
    ("Down 16", "down 16"),
    ("{type: down, out: 16}", "down out=16"),
    ("[down 16, act relu]", "layers: [down 16, act relu]"),
    ("[conv -k3 -o8, act relu]", "layers: [conv -k3 -o8, act relu]"),
    ("slim.conv2d(64,[3,3])", "conv -k3 -o64 -p same --bias"),
    ("conv_bn_relu 64", "for example layers: [conv -k3 -o64, norm batch, act relu]"),
    ("C3-64", "conv -k3 -o64"),
    ("3x3 conv, 64", "conv -k3 -o64"),
    ("1x1, 256", "pointwise -o256"),
    ("conv -k3 -o8: stem", '{conv: "-k3 -o8", name: stem}'),
    ("conv -k3 -o{8 * w}: stem", '{conv: "-k3 -o{8 * w}", name: stem}'),
    ("conv2d 3x3 8: stem", '{conv: "-k3 -o8 --bias", name: stem}'),
    ("pool max -k2: p1", '{pool: "max -k2", name: p1}'),
    ("flatten: f", "{flatten: {}, name: f}"),
    ("dense -o10: head", '{dense: "-o10", name: head}'),
    ("conv -k3 -o8 as stem", '{conv: "-k3 -o8", name: stem}'),
    ("{conv -k3 -o8, act relu}", "layers: [conv -k3 -o8, act relu]"),
    ("{conv: -k3 -o8, act: relu}", "layers: [conv -k3 -o8, act relu]"),
]


@pytest.mark.parametrize(("entry", "expected"), ENTRIES, ids=[entry for entry, _ in ENTRIES])
def test_an_entry_in_other_words(entry: str, expected: str, sep: Run) -> None:
    Path("guess.yaml").write_text(f"{BLOCK}{entry}\n", "utf-8")
    code, _, err = sep("network", "guess.yaml")
    assert (code, hint(err)) == (2, expected)
    right = expected.removeprefix("for example ")
    Path("guess.yaml").write_text(f"{BLOCK}{right}\n", "utf-8")
    assert sep("network", "guess.yaml")[0] == 0


BROKEN = [  # what YAML refuses before anything is read
    ("conv -k3 -o8\n    name: stem", "a spec with other keys below it ends with a colon: - conv -k3 -o8:"),
    ("down 16\n    name: e1", "a spec with other keys below it ends with a colon: - down 16:"),
    ("name: stem\n    conv -k3 -o8", "conv -k3 -o8:"),
    ("repeat: 2\n    conv -k3 -o8", "conv -k3 -o8:"),
]


@pytest.mark.parametrize(("entry", "expected"), BROKEN, ids=[entry for entry, _ in BROKEN])
def test_a_line_without_its_colon(entry: str, expected: str, sep: Run) -> None:
    Path("guess.yaml").write_text(f"{BLOCK}{entry}\n", "utf-8")
    code, _, err = sep("network", "guess.yaml")
    assert (code, hint(err)) == (2, expected)
    line = expected.rpartition(": ")[2].removeprefix("- ")
    Path("guess.yaml").write_text(f"{BLOCK}{entry.replace(line[:-1], line)}\n", "utf-8")
    assert sep("network", "guess.yaml")[0] == 0


KEYS = [
    ("input: [8, 8, 3]\nlayers: [act relu]", "input: 8x8x3"),
    ("input: (8, 8, 3)\nlayers: [act relu]", "input: 8x8x3"),
    ("input: 8x8x3\ndefaults: {padding: SAME}\nlayers: [act relu]", "padding: same"),
    ("input: 8x8x3\nvariables: {w: 2}\nlayers: [act relu]", "did you mean parameters?"),
    ("input: 8x8x3\nlayers:\n  - act relu:\n    times: 2", "did you mean repeat?"),
    ("input: 8x8x3\nlayers: {conv -k3 -o8, act relu}", "layers: [conv -k3 -o8, act relu]"),
    ("input: 8x8x3\nlayers: conv -k3 -o8, act relu", "layers: [conv -k3 -o8, act relu]"),
    ("input: 8x8x3\nlayers: conv -k3 -o8", "layers: [conv -k3 -o8]"),
    ("input: 8x8x3\nlayers:\n  conv: -k3 -o8\n  act: relu", "layers: [conv -k3 -o8, act relu]"),
]


@pytest.mark.parametrize(("text", "expected"), KEYS, ids=[text for text, _ in KEYS])
def test_keys_and_values_in_other_words(text: str, expected: str, sep: Run) -> None:
    Path("guess.yaml").write_text(text, "utf-8")
    code, _, err = sep("network", "guess.yaml")
    assert (code, hint(err)) == (2, expected)


def test_lists_were_always_read(sep: Run) -> None:
    Path("list.yaml").write_text("input: 8x8x3\nlayers:\n  - conv: {kernel: [3, 3], out: 8, stride: [2, 2]}\n", "utf-8")
    assert sep("network", "list.yaml")[0] == 0


# --- help and pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_stands_at_h_and_at_help(name: str, sep: Run) -> None:
    code, out, _ = sep(name, "-h")
    assert (code, out) == (0, sep(name, "--help")[1])
    assert sep("help", name) == (0, out, "")


def test_help_alone_is_the_help_of_all(sep: Run) -> None:
    assert sep("help") == sep("-h") == sep("--help") == sep()


def test_a_kinds_page(sep: Run) -> None:
    code, out, _ = sep("kinds", "depthwise")
    assert code == 0
    assert out == (
        "depthwise\n"
        "  each output: one kernel's products over its own channel; multiplier kernels per channel\n"
        "\n"
        "Options\n"
        "option                 default               what it is\n"
        "-k, --kernel N[xN]     must be given         size of the window: 5, or per axis 3x5\n"
        "-s, --stride N[xN]     1 (pool: the kernel)  step from window to window\n"
        "-p, --padding PADDING  valid                 valid, same, 1, 1x2 (per axis), 0/1x0/1 (before/after)\n"
        "-d, --dilation N[xN]   1                     step from tap to tap\n"
        "-m, --multiplier N     1                     depthwise kernels per input channel\n"
        "--bias / --no-bias     no (norms: yes)       a bias, or a norm's shift\n"
        "\n"
        "For example\n"
        "  sepcalc layer 12x12x16 depthwise -k3\n"
    )
    assert sep("help", "depthwise") == (0, out, "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kinds_page_runs(kind: str, sep: Run) -> None:
    code, out, _ = sep("kinds", kind)
    assert code == 0
    for example in re.findall(r"^  sepcalc (.*)$", out, re.MULTILINE):
        assert sep(*shlex.split(example))[0] in (0, 3)


@pytest.mark.parametrize("text", ["3x2x16x4, token, act relu", "2x3x4, upsample trilinear --to 4x4x16, act relu"])
def test_what_follows_a_layer_that_does_not_fit_is_no_guess(text: str, sep: Run) -> None:
    code, out, err = sep("network", text)
    assert (code, out) == (2, "")
    assert err.splitlines()[1] == f"  {text}"
    assert "guess" not in err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("?x64", "1x64"),
        ("x=-1x3x32x32", "x=1x3x32x32"),
        ("x=DynamicDimension.0x3x32x32", "x=1x3x32x32"),
        ("(None, 3, 32, 32)", "1x3x32x32"),
        ("?x3x?x8", "1x3x224x8"),  # two open sizes: an example
    ],
)
def test_an_open_first_axis_of_a_model_is_one_example(given: str, expected: str) -> None:
    from sepcalc.cli.corrections import corrected

    assert corrected("network", ["model.onnx", "--input", given]) == ["model.onnx", "--input", expected]


@pytest.mark.parametrize("name", ["absent.onnx", "absent.tflite", "absent.pt2", "absent.pb"])
def test_a_file_in_place_of_a_command(name: str, sep: Run) -> None:
    """With the file, the command runs; without it, the answer still says which command reads it."""
    code, out, err = sep(name, "--input", "3x8x8")
    assert (code, out) == (2, "")
    assert f"  hint: sepcalc network {name} --input 3x8x8, but there is no such file\n" in err
