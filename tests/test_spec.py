"""The grammar: what is written reads back, what is not a spec is refused with the whole sentence, and nothing else."""

import string

import pytest
from helpers import fitting_specs, ids, refusal, written_specs
from hypothesis import example, given
from hypothesis import strategies as st

from sepcalc.errors import InputError
from sepcalc.kinds import KINDS
from sepcalc.options import OPTIONS
from sepcalc.spec import MAX_LENGTH, Spec, parse

# --- what is a spec --------------------------------------------------------------------------------------------------


def test_a_spec_is_its_kind_words_options_and_inputs() -> None:
    spec = parse("12x12x3 conv -k5 -o256 -p0/1x2 --bias")
    assert spec == Spec(
        "conv", (), {"kernel": (5,), "out": 256, "padding": ((0, 1), (2, 2)), "bias": True}, ((12, 12, 3),)
    )
    assert str(spec) == "12x12x3 conv -k5 -o256 -p0/1x2 --bias"
    assert parse("28x28x4 pool max global") == Spec("pool", ("max", "global"), {}, ((28, 28, 4),))


@given(written_specs())
@example(Spec("act", ("swish",), {"beta": -1e-05}))
def test_what_is_written_reads_back(spec: Spec) -> None:
    assert parse(str(spec)) == spec


@given(fitting_specs())
def test_what_fits_its_inputs_reads_back(spec: Spec) -> None:
    assert parse(str(spec)) == spec
    assert len(spec.shapes) == len(spec.links)


def test_every_option_is_of_some_kind() -> None:
    taken = {name for kind in KINDS.values() for name in kind.options}
    assert taken == OPTIONS.keys()


SAME = [
    ["-k5", "-k 5", "-k=5", "-k   5", "--kernel 5", "--kernel=5", "--kernel   5", "-k05"],
    ["-o256", "-o 256", "-o=256", "--out 256", "--out=256"],
    ["-p1x2", "-p 1/1x2/2", "--padding=1x2", "--padding 1/1x2"],
    ["--no-bias", " --no-bias "],
]


@pytest.mark.parametrize("writing", [(at, text) for at, texts in enumerate(SAME) for text in texts], ids=str)
def test_spellings_of_an_option_are_the_same(writing: tuple[int, str]) -> None:
    at, text = writing
    parts = [texts[0] for texts in SAME]
    parts[at] = text
    assert parse(f"12x12x3 conv {' '.join(parts)}") == parse("12x12x3 conv -k5 -o256 -p1x2 --no-bias")


@given(st.permutations(["-k5", "-o256", "-s 2x1", "--padding=same", "-d1", "--bias"]))
def test_the_order_of_options_does_not_matter(parts: list[str]) -> None:
    assert str(parse(f"12x12x3 conv {' '.join(parts)}")) == "12x12x3 conv -k5 -o256 -s2x1 -psame -d1 --bias"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("12x12x3 -k5 -o256", "12x12x3 conv -k5 -o256"),
        ("-k5 -o256", "conv -k5 -o256"),
        ("  12x12x3\tconv\n-k5 -o256  ", "12x12x3 conv -k5 -o256"),
        ("4x8 matmul --transpose", "4x8 4x8 matmul --transpose"),
        ("4x8 add", "4x8 4x8 add"),
        ("4x8 embedding --vocab 10 -o4", "4x8 embedding -o4 --vocab=10"),
    ],
)
def test_the_same_spec_in_other_words(text: str, same: str) -> None:
    assert parse(text) == parse(same)


def test_options_beyond_those_of_the_kind_are_read_where_asked_for() -> None:
    assert parse("12x12x3 -k5 -o256 -m2", also=("multiplier",)).options["multiplier"] == 2


def test_a_spec_tells_its_output_and_its_cost() -> None:
    spec = parse("12x12x3 separable -k5 -o256")
    assert (spec.output, spec.shapes) == ((8, 8, 256), ((8, 8, 3), (8, 8, 256)))
    assert (spec.cost.params, spec.cost.mults) == (843, 53_952)


# --- what is none: any text at all is answered, and at once ----------------------------------------------------------

WORDS = [
    *KINDS,
    *(f"--{name}" for name in OPTIONS),
    "-k5",
    "-o",
    "8",
    "4x4x4",
    "max",
    "avg",
    "global",
    "-",
    "=",
    "-p0/1",
]


def answered(text: str) -> None:
    """Either a spec that reads back, or a message that can be shown on a terminal."""
    message = refusal(text)
    if message:
        assert all(line.isprintable() for line in message.split("\n"))
    else:
        assert parse(str(parse(text))) == parse(text)


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    answered(text)


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_any_order_of_real_words_is_answered(text: str) -> None:
    answered(text)


@given(fitting_specs().map(str), st.data())
def test_any_slip_in_a_spec_is_answered(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 3))
    typed = data.draw(st.text(string.printable + "×\x1b\x00²٣\u202e", max_size=3))
    answered(text[:at] + typed + text[at + gone :])


LONG = {
    "digits": "12x12x3 conv -o4 -k" + "9" * 1900,
    "shapes": "1 " * 999,
    "stray words": "12x12x3 conv " + "kernle " * 280,
    "options": "12x12x3 conv " + "-k " * 660,
    "braces": "{ " * 999,
    "axes": "x".join("1" * 990),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_the_longest_texts_are_answered(text: str) -> None:
    assert len(text) <= MAX_LENGTH
    answered(text)
    assert refusal(text)


# --- messages, whole -------------------------------------------------------------------------------------------------

CONV_TAKES = (
    "conv takes -k (--kernel), -o (--out), -s (--stride), -p (--padding), -d (--dilation), -g (--groups), --bias"
)
NO_SIZE = "is not a size, nor one per axis: expected for example 3 or 3x5"
ACTIVATIONS = (
    "relu, relu6, clip, leaky-relu, prelu, sigmoid, tanh, hard-sigmoid, hard-swish, silu, swish, gelu, gelu-tanh, "
    "mish, elu, selu, softplus, softsign, celu, log-sigmoid, threshold, hard-shrink, soft-shrink, tanh-shrink, exp, "
    "expm1, log, log1p, sqrt, rsqrt, reciprocal, erf, sin, cos, tan, asin, acos, atan, sinh, cosh, "
    "asinh, acosh, atanh, square, cube, pow, abs, neg, sign, floor, ceil, round or not"
)
DIGITS = "9" * 1900
TO_2_63 = "expected a whole number from 1 to 2^63-1"

MESSAGES = [
    (
        "",
        """
the spec is empty: expected a shape and a layer
  hint: for example 12x12x3 conv -k5 -o256
""",
    ),
    (
        " \t\n ",
        """
the spec is empty: expected a shape and a layer
  hint: for example 12x12x3 conv -k5 -o256
""",
    ),
    (
        "a" * 1_000_000,
        f"""
the spec is 1,000,000 characters long: at most 2,000 are read
  {"a" * 100}…
  ^
""",
    ),
    # the kind
    (
        "12x12x3 cnov -k5 -o256",
        """
unknown kind 'cnov'
  12x12x3 cnov -k5 -o256
          ^^^^
  hint: 12x12x3 conv -k5 -o256
""",
    ),
    (
        "12x12x3 zzzz",
        """
unknown kind 'zzzz'
  12x12x3 zzzz
          ^^^^
  hint: sepcalc kinds lists them all
""",
    ),
    # options: unknown, not of the kind, missing, twice
    (
        "12x12x3 conv -k5 --otu 256 -o256",
        """
unknown option '--otu'
  12x12x3 conv -k5 --otu 256 -o256
                   ^^^^^
  hint: 12x12x3 conv -k5 -o256
""",
    ),
    (
        "12x12x3 conv --otu -k5 -o256",  # -k5 is no value of --otu
        """
unknown option '--otu'
  12x12x3 conv --otu -k5 -o256
               ^^^^^
  hint: did you mean --out?
""",
    ),
    (
        "12x12x3 conv --otu=4 5 -k5 -o256",  # nor is 5, it has one
        """
unknown option '--otu=4'
  12x12x3 conv --otu=4 5 -k5 -o256
               ^^^^^^^
  hint: did you mean --out?
unexpected '5' after conv
  12x12x3 conv --otu=4 5 -k5 -o256
                       ^
  hint: the shape stands first; a value follows its option: -k5 or -k 5
""",
    ),
    (
        "12x12x3 conv -k5 -o256 --no-bais",
        """
unknown option '--no-bais'
  12x12x3 conv -k5 -o256 --no-bais
                         ^^^^^^^^^
  hint: did you mean --no-bias?
""",
    ),
    (
        "12x12x3 conv -k5 -o256 --zzzz",
        """
unknown option '--zzzz'
  12x12x3 conv -k5 -o256 --zzzz
                         ^^^^^^
""",
    ),
    (
        "12x12x3 conv -k5 -o256 -z1",
        f"""
unknown option '-z1'
  12x12x3 conv -k5 -o256 -z1
                         ^^^
  hint: {CONV_TAKES}
""",
    ),
    (
        "12x12x3 conv -k5 -o256 --heads 3",
        f"""
conv takes no --heads
  12x12x3 conv -k5 -o256 --heads 3
                         ^^^^^^^^^
  hint: {CONV_TAKES}
""",
    ),
    (
        "12x12x3 conv -k5 -o256 -m2",
        f"""
conv takes no -m (--multiplier)
  12x12x3 conv -k5 -o256 -m2
                         ^^^
  hint: {CONV_TAKES}
""",
    ),
    (
        "12x12x3 flatten --ceil",
        """
flatten takes no --ceil
  12x12x3 flatten --ceil
                  ^^^^^^
  hint: flatten takes no options
""",
    ),
    (
        "12x12x4 pool max global -k2 -s 2",
        """
pool max global takes no -k (--kernel)
  12x12x4 pool max global -k2 -s 2
                          ^^^
  hint: it takes no options
pool max global takes no -s (--stride)
  12x12x4 pool max global -k2 -s 2
                              ^^^^
  hint: it takes no options
""",
    ),
    (
        "12x12x4 pool max --to 7x7 --ceil",
        """
pool max --to takes no --ceil
  12x12x4 pool max --to 7x7 --ceil
                            ^^^^^^
  hint: it takes --to
""",
    ),
    (
        "12x12x4 act relu --alpha 2",
        """
act relu takes no --alpha
  12x12x4 act relu --alpha 2
                   ^^^^^^^^^
  hint: it takes --fused
""",
    ),
    (
        "12x12x4 norm rms --bias",
        """
norm rms takes no --bias
  12x12x4 norm rms --bias
                   ^^^^^^
  hint: it takes --gain, --axes
""",
    ),
    (
        "12x12x3 conv -k5",
        """
conv needs -o (--out): output channels
  12x12x3 conv -k5
                  ^
  hint: for example 12x12x3 conv -k5 -o64
""",
    ),
    (
        "12x12x3",
        """
conv needs -k (--kernel): size of the window: 5, or per axis 3x5
  12x12x3
         ^
conv needs -o (--out): output channels
  12x12x3
         ^
""",
    ),
    (
        "12x12x4 conv -k3 -o8 --kernel 5",
        """
-k (--kernel) is given twice
  12x12x4 conv -k3 -o8 --kernel 5
                       ^^^^^^^^^^
""",
    ),
    (
        "12x12x4 conv -k3 -o8 --bias --no-bias",
        """
--bias is given twice
  12x12x4 conv -k3 -o8 --bias --no-bias
                              ^^^^^^^^^
""",
    ),
    # values
    *(
        (
            f"12x12x3 conv -k{value} -o256",
            f"""
-k (--kernel): '{value}' {NO_SIZE}
  12x12x3 conv -k{value} -o256
               ^^{"^" * len(value)}
""",
        )
        for value in ("0", "-1", "1e400", "3.5", "3x", "٣", "9223372036854775808")
    ),
    (
        f"12x12x3 conv -k{DIGITS} -o256",
        f"""
-k (--kernel): '{"9" * 99}…' {NO_SIZE}
  12x12x3 conv -k{"9" * 85}…
               ^^{"^" * 85}
""",
    ),
    (
        "12x12x3 conv -k3 -o0",
        f"""
-o (--out): '0' is out of range: {TO_2_63}
  12x12x3 conv -k3 -o0
                   ^^^
""",
    ),
    (
        "12x12x3 conv -k3 -o 2.5",
        f"""
-o (--out): '2.5' is not a size: {TO_2_63}
  12x12x3 conv -k3 -o 2.5
                      ^^^
""",
    ),
    (
        "12x12x3 conv -k -1 -o256",
        f"""
-k (--kernel): '-1' {NO_SIZE}
  12x12x3 conv -k -1 -o256
                  ^^
""",
    ),
    (
        "12x12x3 conv --kernel= -o256",
        f"""
-k (--kernel): '' {NO_SIZE}
  12x12x3 conv --kernel= -o256
               ^^^^^^^^^
""",
    ),
    (
        "12x12x3 conv -k -o256",
        """
-k (--kernel) needs a value: size of the window: 5, or per axis 3x5
  12x12x3 conv -k -o256
               ^^
  hint: for example 12x12x3 conv -k3 -o256
""",
    ),
    (
        "12x12x3 conv -k5 -o",
        """
-o (--out) needs a value: output channels
  12x12x3 conv -k5 -o
                   ^^
  hint: for example 12x12x3 conv -k5 -o64
""",
    ),
    (
        "12x12x3 conv -k5 -o4 -p full",
        """
-p (--padding): 'full' is not a padding: expected valid, same, 1, 1x2 or 0/1x0/1
  12x12x3 conv -k5 -o4 -p full
                          ^^^^
""",
    ),
    (
        "12x12x3 conv -k5 -o4 --bias=true",
        """
--bias takes no value
  12x12x3 conv -k5 -o4 --bias=true
                       ^^^^^^^^^^^
  hint: 12x12x3 conv -k5 -o4 --bias
""",
    ),
    *(
        (
            f"4x8 act swish --beta {value}",
            f"""
--beta: '{value}' is not a decimal number
  4x8 act swish --beta {value}
                       {"^" * len(value)}
""",
        )
        for value in ("x", "nan", "inf", "1e30", "1_000", "٣")
    ),
    (
        "4x8 reduce mean --over=",
        """
--over: '' does not name axes: expected letters, for example hw
  4x8 reduce mean --over=
                  ^^^^^^^
""",
    ),
    (
        "4x8 reduce mean --over -w",
        """
--over needs a value: axes to reduce, by letter: hw, c, hwc
  4x8 reduce mean --over -w
                  ^^^^^^
unknown option '-w'
  4x8 reduce mean --over -w
                         ^^
  hint: reduce takes --over, --keep
""",
    ),
    (
        "4x8 reduce mean --over hw",
        """
'hw' does not name axes of 4x8: expected some of wc
  4x8 reduce mean --over hw
                  ^^^^^^^^^
""",
    ),
    # words
    (
        "12x12x4 pool",
        """
pool needs a word: max, avg or sum
  12x12x4 pool
              ^
  hint: for example 12x12x4 pool max -k2
""",
    ),
    (
        "12x12x4 pool -k2",
        """
pool needs a word: max, avg or sum
  12x12x4 pool -k2
               ^^^
  hint: for example 12x12x4 pool max -k2
""",
    ),
    (
        "12x12x4 pool mox -k2",
        """
unknown word 'mox' after pool: expected max, avg or sum
  12x12x4 pool mox -k2
               ^^^
  hint: 12x12x4 pool max -k2
""",
    ),
    (
        "12x12x4 pool max globl",
        """
unknown word 'globl' after pool max: expected global or adaptive
  12x12x4 pool max globl
                   ^^^^^
  hint: 12x12x4 pool max global
""",
    ),
    (
        "12x12x4 norm",
        """
norm needs a word: batch, layer, group, instance, rms, lrn or input
  12x12x4 norm
              ^
  hint: for example 12x12x4 norm batch
""",
    ),
    (
        "12x12x4 act",
        f"""
act needs a word: {ACTIVATIONS}
  12x12x4 act
             ^
  hint: for example 12x12x4 act relu
""",
    ),
    (
        "12x12x4 act rellu",
        f"""
unknown word 'rellu' after act: expected {ACTIVATIONS}
  12x12x4 act rellu
              ^^^^^
  hint: 12x12x4 act relu
""",
    ),
    (
        "4x8 einsum",
        """
einsum needs one word, its equation
  4x8 einsum
            ^
  hint: for example einsum ij,jk->ik
""",
    ),
    (
        "12x12x4 conv foo -k3 -o8",
        """
unexpected word 'foo' after conv
  12x12x4 conv foo -k3 -o8
               ^^^
""",
    ),
    (
        "12x12x4 conv 5 -o8 -k3",
        """
unexpected '5' after conv
  12x12x4 conv 5 -o8 -k3
               ^
  hint: the shape stands first; a value follows its option: -k5 or -k 5
""",
    ),
    (
        "12x12x4 conv -k3 -o8 same",
        """
unexpected word 'same' after conv
  12x12x4 conv -k3 -o8 same
                       ^^^^
  hint: 12x12x4 conv -k3 -o8 -p same
""",
    ),
    (
        "12x12x4 conv -k3 -o8 -5",
        """
unexpected '-5': a size is a whole number from 1 on
  12x12x4 conv -k3 -o8 -5
                       ^^
""",
    ),
    (
        "12x12x4 conv -k3 -o8 -",
        """
unexpected '-'
  12x12x4 conv -k3 -o8 -
                       ^
""",
    ),
    # the shape
    (
        "0x12x3 conv -k1 -o1",
        """
'0x12x3' is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1
  0x12x3 conv -k1 -o1
  ^^^^^^
""",
    ),
    (
        "1x2x3x4x5 conv -k1 -o1",
        """
'1x2x3x4x5' has 4 spatial axes: expected at most 3, then channels
  1x2x3x4x5 conv -k1 -o1
  ^^^^^^^^^
  hint: 2x3x4x5 conv -k1 -o1
""",
    ),
    # what does not fit the inputs
    (
        "12x12x3 conv -k3 -o256 -g2",
        """
groups 2 do not divide the 3 input channels
  12x12x3 conv -k3 -o256 -g2
                         ^^^
  hint: groups must divide both the input channels (3) and the outputs (256)
""",
    ),
    (
        "12x12x4 transposed -k3 -o255 --groups 2",
        """
groups 2 do not divide the 255 outputs
  12x12x4 transposed -k3 -o255 --groups 2
                               ^^^^^^^^^^
  hint: groups must divide both the input channels (4) and the outputs (255)
""",
    ),
    (
        "12x12x4 conv -k3x3x3 -o8",
        """
kernel 3x3x3 has 3 axes, but the input 12x12x4 has 2
  12x12x4 conv -k3x3x3 -o8
               ^^^^^^^
  hint: 12x12x4 conv -k3 -o8
""",
    ),
    (
        "10 conv -k3 -o8",
        """
kernel 3 needs a spatial axis, but the input 10 is a vector
  10 conv -k3 -o8
          ^^^
""",
    ),
    (
        "12x12x4 conv -k3 -o8 -p 1x1x1",
        """
padding has 3 axes, but the input 12x12x4 has 2
  12x12x4 conv -k3 -o8 -p 1x1x1
                       ^^^^^^^^
  hint: 12x12x4 conv -k3 -o8 -p1
""",
    ),
    (
        "12x12x4 conv -k3x5 -o8 -d1x3 -p0x0",
        """
the output would be empty: a kernel spanning 13 does not fit into the width 12
  12x12x4 conv -k3x5 -o8 -d1x3 -p0x0
               ^^^^^
  hint: take a smaller kernel or dilation, or --padding same
""",
    ),
    (
        "2x9x4 separable -k5 -o8 -p1",
        """
the output would be empty: a kernel spanning 5 does not fit into the height 2 with padding 2
  2x9x4 separable -k5 -o8 -p1
                  ^^^
  hint: take a smaller kernel or dilation, or --padding same
""",
    ),
    (
        "2x2x4 transposed -k3 -o8 -p3",
        """
the height of the output would be -2: padding 6 cuts away more than the 4 computed
  2x2x4 transposed -k3 -o8 -p3
                           ^^^
  hint: take a smaller padding
""",
    ),
    (
        "2x2x4 transposed -k3 -o8 -s2 --output-padding 2",
        """
output padding 2 is not below the stride (2) or the dilation (1)
  2x2x4 transposed -k3 -o8 -s2 --output-padding 2
                               ^^^^^^^^^^^^^^^^^^
""",
    ),
    (
        "12x12x4 spatial -k1x5 -o8",
        """
spatial separates a kernel along its axes, but the kernel 1x5 extends along one axis only
  12x12x4 spatial -k1x5 -o8
                  ^^^^^
""",
    ),
    (
        "12x12x4 12x12x4 conv -k3 -o8",
        """
conv takes 1 input, not 2
  12x12x4 12x12x4 conv -k3 -o8
                  ^^^^
""",
    ),
    (
        "12x12x4 12x12x4 separable -k3 -o8",
        """
separable takes 1 input, not 2
  12x12x4 12x12x4 separable -k3 -o8
                  ^^^^^^^^^
""",
    ),
    (
        "4x8 4x8 pool max global",
        """
pool takes 1 input, not 2
  4x8 4x8 pool max global
          ^^^^
""",
    ),
    (
        "4x8 4x8 4x8 multihead --heads 2",
        """
multihead takes 1 to 2 inputs, not 3
  4x8 4x8 4x8 multihead --heads 2
              ^^^^^^^^^
""",
    ),
    (
        "4x8 4x8 4x8 matmul",
        """
matmul takes 2 inputs, not 3
  4x8 4x8 4x8 matmul
              ^^^^^^
""",
    ),
    (
        "4x8 5x8 add",
        """
add cannot combine 4x8 and 5x8
  4x8 5x8 add
          ^^^
  hint: sizes must be equal, or 1 on one side, counted from the channels
""",
    ),
    (
        "9223372036854775807x3 upsample nearest --scale 2",
        """
the output would be 18446744073709551614x3: expected sizes up to 2^63-1
  9223372036854775807x3 upsample nearest --scale 2
                        ^^^^^^^^
""",
    ),
    # what a terminal would take for a command is spelled out, and the caret still stands right
    (
        "12x12x3 con\x1b[31mv -k5",
        r"""
unknown kind 'con\x1b[31mv'
  12x12x3 con\x1b[31mv -k5
          ^^^^^^^^^^^^
  hint: for example 12x12x3 conv -k5 -o64
""",
    ),
    (
        "12x12x3\nconv -o\u202e2 -k5\x07",
        rf"""
-o (--out): '\u202e2' is not a size: {TO_2_63}
  12x12x3\nconv -o\u202e2 -k5\x07
                ^^^^^^^^^
-k (--kernel): '5\x07' {NO_SIZE}
  12x12x3\nconv -o\u202e2 -k5\x07
                          ^^^^^^^
""",
    ),
]


@pytest.mark.parametrize(("text", "message"), MESSAGES, ids=ids(MESSAGES))
def test_messages(text: str, message: str) -> None:
    assert refusal(text) == message.strip("\n")


def test_a_spec_without_inputs_has_no_links() -> None:
    with pytest.raises(InputError) as caught:
        _ = parse("conv -k5 -o8").cost
    assert str(caught.value) == "the spec has no input shape\n  hint: put one first, for example 12x12x3 conv -k5 -o8"


def test_a_spec_that_never_was_text_is_refused_by_its_own() -> None:
    with pytest.raises(InputError) as caught:
        _ = Spec("conv", (), {"kernel": (3,), "out": 8, "groups": 2}, ((9, 3),)).output
    assert str(caught.value) == (
        "groups 2 do not divide the 3 input channels\n"
        "  9x3 conv -k3 -o8 -g2\n"
        "                   ^^^\n"
        "  hint: groups must divide both the input channels (3) and the outputs (8)"
    )
