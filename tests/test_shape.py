"""The algebra of one axis, against counting by hand: every closed form beside the loop that it stands for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sepcalc import shape
from sepcalc.errors import Invalid
from sepcalc.kinds import build
from sepcalc.shape import MAX_SIZE

sizes = st.integers(1, 14)
kernels = st.integers(1, 5)
strides = st.integers(1, 5)
dilations = st.integers(1, 4)
pads = st.integers(0, 6)


def starts(size: int, span: int, stride: int, before: int = 0, after: int = 0) -> list[int]:
    """Where windows that fit begin, tried one position after another; 0 is the first input element."""
    return [at for at in range(-before, size + after, stride) if at + span <= size + after]


@given(kernels, dilations)
def test_a_kernel_spans_from_its_first_tap_to_its_last(kernel: int, dilation: int) -> None:
    taps = range(0, kernel * dilation, dilation)
    assert shape.extent(kernel, dilation) == taps[-1] - taps[0] + 1


@given(sizes, kernels, strides, pads, pads)
def test_positions_are_the_windows_that_fit(size: int, span: int, stride: int, before: int, after: int) -> None:
    found = shape.positions(size, span, stride, before + after)
    assert max(0, found) == len(starts(size, span, stride, before, after))


@given(sizes, kernels, strides, pads, pads)
@example(size=6, span=3, stride=2, before=0, after=0)  # one more window, over the edge: 3 instead of 2
@example(size=5, span=2, stride=3, before=1, after=1)  # none more: it would begin behind the input
def test_ceil_mode_adds_a_window_that_begins_inside(size: int, span: int, stride: int, before: int, after: int) -> None:
    """PyTorch's pooling_output_shape: windows until nothing is left over, but the last one must not begin in the
    padding behind the input. (There padding is at most half a window; a whole one is enough for this.)"""
    after = min(after, span)
    windows: list[int] = []
    at = -before
    while at - stride + span < size + after:  # the window before this one leaves elements over
        windows.append(at)
        at += stride
    if windows and windows[-1] >= size:
        windows.pop()
    assert max(0, shape.positions_ceil(size, span, stride, before, after)) == len(windows)


@given(sizes, kernels, strides)
def test_same_padding_makes_ceil_of_size_by_stride_windows(size: int, span: int, stride: int) -> None:
    before, after = shape.same_pads(size, span, stride)
    assert len(starts(size, span, stride, before, after)) == -(-size // stride)
    assert after - before in (0, 1)  # an odd element stands at the end
    if before + after:  # and no smaller padding does it
        assert len(starts(size, span, stride, before, after - 1)) < -(-size // stride)


@given(sizes, st.integers(1, 6), strides, dilations)
def test_reached_counts_the_distinct_sums(size: int, kernel: int, stride: int, dilation: int) -> None:
    expected = {u * stride + v * dilation for u in range(size) for v in range(kernel)}
    assert shape.reached(size, kernel, stride, dilation) == len(expected)


@given(sizes, st.integers(1, 12), st.integers(1, 6), strides, dilations, st.integers(-3, 8))
def test_real_products_are_those_inside_the_input(
    size: int, outputs: int, kernel: int, stride: int, dilation: int, before: int
) -> None:
    taps = [y * stride + j * dilation - before for y in range(outputs) for j in range(kernel)]
    expected = sum(0 <= tap < size for tap in taps)
    assert shape.real_products(size, outputs, kernel, stride, dilation, before) == expected


# i, o, k, s, d, padding before, pairs: worked out by hand
@pytest.mark.parametrize(
    ("axis", "products"),
    [
        ((14, 14, 3, 1, 1, 1), 40),
        ((224, 112, 3, 2, 1, 1), 335),
        ((224, 112, 3, 2, 1, 0), 335),
        ((7, 2, 5, 2, 2, 3), 6),
    ],
)
def test_real_products_of_published_examples(axis: tuple[int, ...], products: int) -> None:
    assert shape.real_products(*axis) == products


def test_real_products_of_an_endless_axis_are_found_at_once() -> None:
    # Stride and dilation 1, no padding: every tap of every window is inside.
    size, kernel = MAX_SIZE, 2**62
    outputs = size - kernel + 1
    assert shape.real_products(size, outputs, kernel, 1, 1, 0) == outputs * kernel


@given(st.integers(0, 30), st.integers(1, 12), st.integers(0, 12), st.integers(0, 30))
def test_floor_sum(terms: int, divisor: int, step: int, start: int) -> None:
    expected = sum((start + j * step) // divisor for j in range(terms))
    assert shape.floor_sum(terms, divisor, step, start) == expected


@pytest.mark.parametrize(
    ("text", "least", "number"),
    [("1", 1, 1), ("0", 0, 0), ("007", 1, 7), ("9223372036854775807", 1, 2**63 - 1)],
)
def test_sizes(text: str, least: int, number: int) -> None:
    assert shape.read_size(text, least) == number


DIGITS = "9" * 1_000_000
SHORTENED = "9" * 99 + "…"


@pytest.mark.parametrize(
    ("text", "least", "message"),
    [
        ("0", 1, "'0' is out of range: expected a whole number from 1 to 2^63-1"),
        ("0", 2, "'0' is out of range: expected a whole number from 2 to 2^63-1"),
        ("9223372036854775808", 0, "'9223372036854775808' is out of range: expected a whole number from 0 to 2^63-1"),
        (DIGITS, 1, f"'{SHORTENED}' is out of range: expected a whole number from 1 to 2^63-1"),
        ("", 1, "'' is not a size: expected a whole number from 1 to 2^63-1"),
        ("-1", 1, "'-1' is not a size: expected a whole number from 1 to 2^63-1"),
        ("+1", 1, "'+1' is not a size: expected a whole number from 1 to 2^63-1"),
        ("1_0", 1, "'1_0' is not a size: expected a whole number from 1 to 2^63-1"),
        ("3.5", 1, "'3.5' is not a size: expected a whole number from 1 to 2^63-1"),
        ("²", 1, "'²' is not a size: expected a whole number from 1 to 2^63-1"),
        ("٣", 1, "'٣' is not a size: expected a whole number from 1 to 2^63-1"),
        ("\x1b[2J", 1, r"'\x1b[2J' is not a size: expected a whole number from 1 to 2^63-1"),
    ],
)
def test_what_is_no_size(text: str, least: int, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        shape.read_size(text, least)
    assert str(caught.value) == message


@given(st.lists(st.integers(1, MAX_SIZE), min_size=1, max_size=4).map(tuple))
def test_a_shape_reads_back(sizes: shape.Shape) -> None:
    assert shape.read_shape(shape.show(sizes)) == sizes


EACH = "is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1"
JOINED = "sizes are joined by x, channels last, no batch: 12x12x3"
SMALL_X = "sizes are joined by a small letter x: 12x12x3"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("12x0x3", f"'12x0x3' {EACH}", ""),
        ("12x-1x3", f"'12x-1x3' {EACH}", ""),
        ("9223372036854775808", f"'9223372036854775808' {EACH}", ""),
        (f"3x{DIGITS}", f"'3x{SHORTENED[2:]}' {EACH}", ""),
        ("12x12x", f"'12x12x' {EACH}", JOINED),
        ("", f"'' {EACH}", JOINED),
        ("12X12X3", "'12X12X3' is not a shape: expected HxWxC", SMALL_X),
        ("12×12×3", "'12×12×3' is not a shape: expected HxWxC", SMALL_X),
        ("12*12*3", "'12*12*3' is not a shape: expected HxWxC", SMALL_X),
        (
            "1x2x3x4x5",
            "'1x2x3x4x5' has 4 spatial axes: expected at most 3, then channels",
            "no batch axis: counts are for one example",
        ),
    ],
    ids=range(10),
)
def test_what_is_no_shape(text: str, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        shape.read_shape(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_axes_have_names() -> None:
    assert [[shape.axis_name(rank, axis) for axis in range(rank)] for rank in (1, 2, 3)] == [
        ["width"],
        ["height", "width"],
        ["depth", "height", "width"],
    ]


def test_more_axes_than_have_names_are_numbered() -> None:
    assert shape.axis_name(4, 0) == "axis 1"


def test_axes_have_letters() -> None:
    assert [shape.axis_letters((2,) * axes) for axes in range(1, 8)] == [
        "c",
        "wc",
        "hwc",
        "dhwc",
        "adhwc",
        "abdhwc",
        "abedhwc",
    ]
    every = shape.axis_letters((2,) * 26)
    assert sorted(every) == [*"abcdefghijklmnopqrstuvwxyz"]
    with pytest.raises(Invalid) as caught:
        build("reduce", ("mean",), {}, ((2,) * 27,))
    assert str(caught.value) == f"the 27 axes of {'x'.join('2' * 27)} are more than there are letters"


READ = "{} is read as depth 1, height {}, width {}, {} channels; there is no batch axis: {}"


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((1, 28, 28, 1), READ.format("1x28x28x1", 28, 28, 1, "28x28x1")),
        ((1, 2, 5, 3), READ.format("1x2x5x3", 2, 5, 3, "2x5x3")),
        ((1, 5, 2, 3), READ.format("1x5x2x3", 5, 2, 3, "5x2x3")),
        ((1, 1, 5, 3), ""),
        ((1, 5, 1, 3), ""),
        ((2, 28, 28, 1), ""),
        ((28, 28, 1), ""),
        ((1, 28), ""),
        ((1, 3, 64, 64), shape.channels_first((1, 3, 64, 64))),
        ((3, 64, 64), shape.channels_first((3, 64, 64))),
    ],
)
def test_a_batch_of_one_is_no_axis(sizes: shape.Shape, said: str) -> None:
    assert shape.misread(sizes) == said


def test_a_shape_has_at_most_so_many_axes() -> None:
    assert shape.read_shape("1x2x3x4") == (1, 2, 3, 4)
    assert shape.read_shape("1x2x3x4x5", most=5) == (1, 2, 3, 4, 5)
    with pytest.raises(Invalid, match="'1x2x3' has 2 spatial axes: expected at most 1, then channels"):
        shape.read_shape("1x2x3", most=2)


def test_nineteen_digits_are_read() -> None:
    assert shape.read_size("0" * 18 + "7") == 7
    with pytest.raises(Invalid, match="out of range"):
        shape.read_size("0" * 19 + "7")
