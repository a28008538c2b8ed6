"""Numbers as people read and write them; every rounding edge by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepcalc import quantity
from sepcalc.errors import Invalid


@pytest.mark.parametrize(
    ("count", "exact", "brief"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1000, "1,000", "1,000"),
        (999_999, "999,999", "999,999"),
        (10**6, "1,000,000", "1.00 M"),
        (1_228_800, "1,228,800", "1.23 M"),
        (568_740_352, "568,740,352", "568.74 M"),
        (999_994_999, "999,994,999", "999.99 M"),
        (999_995_000, "999,995,000", "1.00 G"),
        (10**9 - 1, "999,999,999", "1.00 G"),
        (10**9, "1,000,000,000", "1.00 G"),
        (999_995 * 10**6, "999,995,000,000", "1.00 T"),
        (10**12, "1,000,000,000,000", "1.00 T"),
        (10**15, "1,000,000,000,000,000", "1.00 P"),
        (2**63 - 1, "9,223,372,036,854,775,807", "9.22 E"),
        (999_994 * 10**15, "999,994,000,000,000,000,000", "999.99 E"),
        (999_995 * 10**15, "999,995,000,000,000,000,000", "1.00e+21"),
        (10**21, "1,000,000,000,000,000,000,000", "1.00e+21"),
    ],
)
def test_counts(count: int, exact: str, brief: str) -> None:
    assert (quantity.exact(count), quantity.brief(count)) == (exact, brief)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (2**20 - 6, "1023.99 KiB"),
        (2**20 - 5, "1.00 MiB"),
        (2**20, "1.00 MiB"),
        (5 * 2**19, "2.50 MiB"),
        (2**30 - 1, "1.00 GiB"),
        (2**40, "1.00 TiB"),
        (3 * 2**50, "3.00 PiB"),
        (2**63, "8.00 EiB"),
        (2**70, "1.18e+21 B"),
    ],
)
def test_bytes(count: int, text: str) -> None:
    assert quantity.size(count) == text


@given(st.integers(10**6, 10**25))
def test_a_brief_count_is_within_half_a_hundredth_of_its_unit(count: int) -> None:
    text = quantity.brief(count)
    number, unit = text.split(" ") if " " in text else (text, "")
    factor = Fraction(10) ** (3 * " kMGTPE".index(unit)) if unit else Fraction(10) ** int(text.partition("e")[2] or 0)
    digits = Fraction(number.partition("e")[0])
    assert 1 <= digits < 1000
    assert abs(count - digits * factor) <= factor / 200


@pytest.mark.parametrize(
    ("count", "base", "text"),
    [
        (53_952, 1_228_800, "22.8x fewer"),
        (1_228_800, 53_952, "22.8x more"),
        (7, 7, "the same"),
        (0, 0, "the same"),
        (0, 7, "none"),
        (7, 0, "more"),
        (3, 2, "1.5x more"),
        (105, 100, "1.1x more"),  # 1.05 is the first that one decimal can show
        (1049, 1000, "1.049x more"),
        (100, 103, "1.030x fewer"),
        (10_000, 10_004, "nearly the same, fewer"),
        (1, 12_345, "12,345.0x fewer"),
    ],
)
def test_times(count: int, base: int, text: str) -> None:
    assert quantity.times(count, base) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (9486, 10_000, "94.86 %"),
        (1, 3, "33.33 %"),
        (2, 3, "66.67 %"),
        (7, 7, "100.00 %"),
        (0, 7, "0.00 %"),
        (0, 0, "0.00 %"),
    ],
)
def test_share(part: int, whole: int, text: str) -> None:
    assert quantity.share(part, whole) == text


# The text, its value, and what still rounds to it: the least and the largest count.
@pytest.mark.parametrize(
    ("text", "value", "least", "largest"),
    [
        ("4.2M", 4_200_000, 4_150_000, 4_250_000),
        ("4.2 M", 4_200_000, 4_150_000, 4_250_000),
        ("569M", 569_000_000, 568_500_000, 569_500_000),
        ("1,550M", 1_550_000_000, 1_549_500_000, 1_550_500_000),
        ("568740352", 568_740_352, 568_740_352, 568_740_352),
        ("1,228,800", 1_228_800, 1_228_800, 1_228_800),
        ("2.36k", 2360, 2355, 2365),
        ("2.36K", 2360, 2355, 2365),
        ("3.8G", 3_800_000_000, 3_750_000_000, 3_850_000_000),
        ("3.8B", 3_800_000_000, 3_750_000_000, 3_850_000_000),
        ("1T", 10**12, 5 * 10**11, 15 * 10**11),
        ("0.27M", 270_000, 265_000, 275_000),
        ("0", 0, 0, 0),
    ],
)
def test_printed_numbers(text: str, value: int, least: int, largest: int) -> None:
    printed = quantity.read_printed(text)
    assert printed.text == text
    assert printed.floor == value
    assert [printed.rounds_from(count) for count in (least - 1, least, value, largest, largest + 1)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_the_floor_of_a_printed_number_is_not_above_it() -> None:
    assert quantity.read_printed("2.5").floor == 2
    assert quantity.read_printed("0.0019k").floor == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("M", "M"),
        ("4.M", "4.M"),
        (".5M", ".5M"),
        ("4.2.1", "4.2.1"),
        ("-4M", "-4M"),
        ("1e6", "1e6"),
        ("4.2MB", "4.2MB"),
        ("12,34", "12,34"),
        ("1,234,5", "1,234,5"),
        ("1234,567", "1234,567"),
        (",123", ",123"),
        ("1,5M", "1,5M"),
        ("4.2m", "4.2m"),
        ("٤M", "٤M"),
        ("9" * 41, "9" * 41),
        ("9" * 1_000_000, "9" * 99 + "…"),
        ("4\x1b[0mM", r"4\x1b[0mM"),
    ],
    ids=range(18),
)
def test_what_is_no_quantity(text: str, shown: str) -> None:
    with pytest.raises(Invalid) as caught:
        quantity.read_printed(text)
    assert caught.value.message == f"'{shown}' is not a quantity: expected digits, perhaps a point, and k, M, G or T"
    assert caught.value.hint == "for example 4.2M, 569M or 568740352"


# --- limits ----------------------------------------------------------------------------------------------------------

AMOUNTS = [  # a text, whether of bytes, and the largest whole number within it
    ("0", False, 0),
    ("570M", False, 570_000_000),
    ("4.3 M", False, 4_300_000),
    ("1.9199k", False, 1919),
    ("39.9", False, 39),
    ("568,740,352", False, 568_740_352),
    ("2G", False, 2 * 10**9),
    ("1T", False, 10**12),
    ("3K", False, 3000),
    ("3k", True, 3000),
    ("1.5MiB", True, 1_572_864),
    ("2 KiB", True, 2048),
    ("1GiB", True, 2**30),
    ("612 B", True, 612),
]
NO_AMOUNTS = [
    *["1,5M", "1,550", "1,550M", "1.550,3", "010", "00", "1 000", "1'000", "1_000", "5.", ".5", "1,000,000.5", "1.2.3"],
    *["", " 5", "5 ", "5  M", "-5", "+5", "1e6", "nan", "inf", "M", "5m", "5g", "5B", "5KiB", "5MM", "0x10", "٣", "５"],
    *["5\n", "9" * 41, "5%"],
]


@pytest.mark.parametrize(("text", "of_bytes", "most"), AMOUNTS)
def test_limits(text: str, of_bytes: bool, most: int) -> None:
    assert quantity.read_amount(text, of_bytes).floor == most


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_could_be_read_in_two_ways_is_no_limit(text: str) -> None:
    with pytest.raises(Invalid):
        quantity.read_amount(text)


@pytest.mark.parametrize("text", ["5K", "5kB", "5KB", "5MB", "5GB", "5 Mib", "5Ki"])
def test_nor_of_bytes(text: str) -> None:
    with pytest.raises(Invalid):
        quantity.read_amount(text, of_bytes=True)


@given(st.integers(0, 10**15))
def test_a_limit_is_at_least_what_was_shown(count: int) -> None:
    assert quantity.read_amount(str(count)).floor == count
    if quantity.exact(count).count(",") != 1:  # 1,550 could be 1.55
        assert quantity.read_amount(quantity.exact(count)).floor == count


PERCENTAGES = [("2%", (2, 1)), ("0.5 %", (5, 10)), ("0%", (0, 1)), ("100%", (100, 1))]


@pytest.mark.parametrize(("text", "parts"), PERCENTAGES)
def test_percentages(text: str, parts: tuple[int, int]) -> None:
    assert (quantity.read_percent(text).digits, quantity.read_percent(text).below) == parts


@pytest.mark.parametrize("text", ["2", "%", "-2%", "+2%", "2,5%", "02%", "2%%", "nan%", "1e1%", "", "２%"])
def test_no_percentages(text: str) -> None:
    with pytest.raises(Invalid):
        quantity.read_percent(text)


SHORT = [(0, "0"), (999_999, "999,999"), (42_345_678, "42.3 M"), (61_000_000, "61 M"), (999_949_999, "1,000 M"),
         (999_999_999, "1 G"), (612_345_678, "612 M"), (1_234_567_890, "1.23 G"), (9_996_000, "10 M")]  # fmt: skip


@pytest.mark.parametrize(("count", "shown"), SHORT)
def test_three_digits(count: int, shown: str) -> None:
    assert quantity.about(count) == shown.replace("1,000 M", "1 G")


def test_percent_is_never_nothing() -> None:
    assert quantity.percent(42_345_678, 570_000_000) == "7.4 %"
    assert quantity.percent(1, 1_000_000) == "0.0001 %"
    assert quantity.percent(1, 10**12) == "1e-10 %"
    assert (quantity.about_bytes(1023), quantity.about_bytes(94_208)) == ("1023 B", "92 KiB")


# --- the edges -------------------------------------------------------------------------------------------------------

# 2 decimals below 9.995 of a unit, 1 below 99.95, none above; never 1,000 of a unit, or 1,024 bytes.
ROUNDED = [
    (999_999, "999,999"),
    (1_000_000, "1 M"),
    (1_004_999, "1 M"),
    (1_005_001, "1.01 M"),
    (9_994_999, "9.99 M"),
    (9_995_000, "10 M"),
    (10_049_999, "10 M"),
    (10_050_001, "10.1 M"),
    (99_949_999, "99.9 M"),
    (99_950_000, "100 M"),
    (999_499_999, "999 M"),
    (999_500_001, "1 G"),
    (10**12, "1 T"),
    (10**15, "1 P"),
    (10**18, "1 E"),
    (10**21 - 1, "1.00e+21"),
]
ROUNDED_BYTES = [
    (0, "0 B"),
    (1023, "1023 B"),
    (1024, "1 KiB"),
    (1536, "1.5 KiB"),
    (1_047_551, "1023 KiB"),
    (1_048_575, "1 MiB"),  # 1,024 KiB when rounded
    (2**20, "1 MiB"),
    (2**30 - 1, "1 GiB"),
    (2**40, "1 TiB"),
    (2**50, "1 PiB"),
    (2**60, "1 EiB"),
    (2**70, "1.18e+21"),
]


@pytest.mark.parametrize(("count", "shown"), ROUNDED)
def test_three_digits_at_their_edges(count: int, shown: str) -> None:
    assert quantity.about(count) == shown


@pytest.mark.parametrize(("count", "shown"), ROUNDED_BYTES)
def test_three_digits_of_bytes_at_their_edges(count: int, shown: str) -> None:
    assert quantity.about_bytes(count) == shown


def test_bytes_are_spoken_of_in_singular_and_plural() -> None:
    assert [quantity.byte_count(count) for count in (0, 1, 2, 1000)] == ["0 bytes", "1 byte", "2 bytes", "1,000 bytes"]


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (1, 1, "100.0 %"),
        (1, 1000, "0.1 %"),
        (5, 10_000, "0.1 %"),  # as rounding has it: 0.05 is a little more than a twentieth
        (4, 10_000, "0.04 %"),
        (1, 10**5, "0.001 %"),
        (1, 10**8, "0.000001 %"),
        (1, 10**9, "1e-07 %"),
        (25, 1, "2,500.0 %"),
    ],
)
def test_percent_has_as_many_decimals_as_it_needs(part: int, whole: int, shown: str) -> None:
    assert quantity.percent(part, whole) == shown


@pytest.mark.parametrize(
    ("count", "base", "text"),
    [
        (20_010, 20_000, "nearly the same, more"),  # three decimals of 1.0005 are 1.000, as floats have it
        (200_101, 200_000, "1.001x more"),
        (200_099, 200_000, "nearly the same, more"),
        (200_000, 200_101, "1.001x fewer"),
        (21, 20, "1.1x more"),
        (10_499, 10_000, "1.050x more"),
    ],
)
def test_times_at_its_edges(count: int, base: int, text: str) -> None:
    assert quantity.times(count, base) == text


def test_a_quantity_has_at_most_forty_characters() -> None:
    digits = "9" * 40
    assert quantity.read_printed(digits).digits == quantity.read_amount(digits).digits == int(digits)
    assert quantity.read_percent(digits[1:] + "%").digits == int(digits[1:])
    for read in (quantity.read_printed, quantity.read_amount):
        with pytest.raises(Invalid):
            read(digits + "9")
    with pytest.raises(Invalid):
        quantity.read_percent(digits + "%")


TWICE = "could be read in more than one way"
COUNTS = "digits, perhaps a point: 4.2M, 569M or 568740352"
BYTES = "digits, perhaps a point: 512KiB, 2.5MiB or 1048576"
UNITS = "expected k, M, G or T"
BYTE_UNITS = "expected k, M, G or T; KiB, MiB, GiB or TiB"
SAID = [  # a text, whether of bytes, what is said of it, and the hint
    ("-5", False, "'-5' is negative: a limit is 0 or more", ""),
    ("-5M", True, "'-5M' is negative: a limit is 0 or more", ""),
    ("1,5M", False, f"'1,5M' {TWICE}", COUNTS),
    ("1,5M", True, f"'1,5M' {TWICE}", BYTES),
    ("1,550", False, f"'1,550' {TWICE}", COUNTS),
    ("1,550,000M", False, f"'1,550,000M' {TWICE}", COUNTS),
    ("1,550,000.5", True, f"'1,550,000.5' {TWICE}", BYTES),
    ("010", False, f"'010' {TWICE}", COUNTS),
    ("M", False, f"'M' is not a quantity: expected digits, perhaps a point, and {UNITS[9:]}",
     "for example 4.2M, 569M or 568740352"),
    ("M", True, f"'M' is not a quantity: expected digits, perhaps a point, and {BYTE_UNITS[9:]}",
     "for example 512KiB, 2.5MiB or 1048576"),
    ("5KiB", False, f"'5KiB' has an unknown unit 'KiB': {UNITS}", "this metric is a count, not bytes"),
    ("5m", False, f"'5m' has an unknown unit 'm': {UNITS}", "M is a million"),
    ("5g", False, f"'5g' has an unknown unit 'g': {UNITS}", "G is a thousand millions"),
    ("5B", False, f"'5B' has an unknown unit 'B': {UNITS}", "G is a thousand millions"),
    ("5Q", False, f"'5Q' has an unknown unit 'Q': {UNITS}", ""),
    ("5K", True, f"'5K' has an unknown unit 'K': {BYTE_UNITS}", "k is a power of 1,000, KiB one of 1,024"),
    ("5kB", True, f"'5kB' has an unknown unit 'kB': {BYTE_UNITS}", "k is a power of 1,000, KiB one of 1,024"),
    ("5MB", True, f"'5MB' has an unknown unit 'MB': {BYTE_UNITS}", "M is a power of 1,000, MiB one of 1,024"),
    ("5TB", True, f"'5TB' has an unknown unit 'TB': {BYTE_UNITS}", "T is a power of 1,000, TiB one of 1,024"),
    ("5PiB", True, f"'5PiB' has an unknown unit 'PiB': {BYTE_UNITS}", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "of_bytes", "message", "hint"), SAID)
def test_what_is_said_of_a_limit_that_is_none(text: str, of_bytes: bool, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        quantity.read_amount(text, of_bytes)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_what_is_said_of_a_percentage_that_is_none() -> None:
    with pytest.raises(Invalid) as caught:
        quantity.read_percent("2")
    said = "'2' is not a percentage: expected digits, perhaps a point, and %"
    assert (caught.value.message, caught.value.hint) == (said, "for example 2%")
    assert quantity.read_percent("0.5 %") == quantity.Printed("0.5 %", 5, 10, 1)
