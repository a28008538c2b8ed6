"""The words of a guess: lists, calls and names with values become words; shapes; the meaning of a word in our
grammar."""

import re
from collections.abc import Iterable, Sequence

from sepcalc import foreign
from sepcalc.errors import near_miss
from sepcalc.foreign import plain
from sepcalc.kinds import KINDS
from sepcalc.shape import channels_first

_TUPLE = re.compile(r"(?:(?<![\w)])|(?<=\s-[a-zA-Z]))[(\[]\s*(-?[\w.]+(?:\s*,\s*-?[\w.]+)*)\s*,?\s*[)\]]")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\s?\(([^()]*)\)")
_SPACED = re.compile(r"(?<=\d)(?:\s+[x×X*]\s+|[×X*]|,)(?=\d)")
_NAMED = re.compile(r"\b([A-Za-z_][\w-]*)\s*(?::(?=\s)|=(?!=))\s*")
_POOLS = re.compile(r"\b(?:(global|adaptive)[\s_-])?(max|avg|average|mean)[\s_-]pool(?:ing)?\b", re.IGNORECASE)
_TOKEN = re.compile(r"(?:\{[^{}]*\}|[^\s,;{])+")
SIZES = re.compile(r"\d+(?:x\d+)*")
_BATCH = re.compile(r"(?:[?Nn]|[Bb]|[Bb]atch|None|-1)x(?=\d)")


def tokens(text: str) -> list[str]:
    """The words of a guess. A list becomes 3x3, a call becomes a name with its arguments in brackets."""
    held: list[str] = []  # expressions are kept unchanged

    def hold(match: re.Match[str]) -> str:
        held.append(match.group())
        return f"\x00{len(held) - 1}\x01"

    text = re.sub(r"\{[^{}]*\}", hold, text)
    text = re.sub(r"\b(?:nn\.)?Sequential\((.*)\)", r"\1", text)
    text = re.sub(r"(?<=[a-z][1-3][dD])\s+\(", "(", text)  # MaxPool2d (3, 2)
    text = re.sub(r"\bpool(?:ing)?\s+(global|adaptive)\b", r"\1pool", text)
    text = _POOLS.sub(lambda match: f"{match[1] or ''}{match[2]}pool", text)
    text = _TUPLE.sub(lambda match: re.sub(r"\s*,\s*", "x", match[1]), text)
    text = text.replace("'", "").replace('"', "")
    for _ in range(3):  # a comma between arguments is none between the sizes of one
        text = _CALL.sub(lambda match: f"{match[1]}\x02{match[2].replace(',', ', ')}\x03", text)
    text = _SPACED.sub("x", text.replace("\x02", "(").replace("\x03", ")"))
    for _ in range(3):
        text = _CALL.sub(lambda match: f" {match[1]} ( {match[2]} ) ", text)
    text = re.sub(r"(?<!\S)(\d+)x(?!\S)", r"\1", text)  # 2x
    text = _NAMED.sub(r"\1=", text).replace("@", " ")
    words = [word.strip("`") for word in _TOKEN.findall(text)]
    return [re.sub("\x00(\\d+)\x01", lambda match: held[int(match[1])], word) for word in words if word]


def shapes_of(words: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The leading shapes, and the other words."""
    first = _BATCH.sub("", words[0]) if words else ""
    words = [first, *words[1:]]
    end = 0
    while end < len(words) and SIZES.fullmatch(words[end]):
        end += 1
    run, rest = words[:end], words[end:]
    if not run:
        return (), words
    kind = known(next((word for word in rest if word[0] not in "-("), "")) or ""
    if kind and KINDS[kind.split()[0]].several and "x" in run[0]:
        return tuple(run), rest
    if "x" not in run[0]:
        return ("x".join(run),), rest
    if kind and run[0].count("x") == 1 and len(run) == 2 and "x" not in run[1]:  # 12x12 3
        return ("x".join(run),), rest
    return (run[0],), [*run[1:], *rest]


def in_order(words: list[str]) -> list[str]:
    """The words with the shape first, then the kind, then the options: ``conv 12x12x3 -k3`` and ``conv --input 12x12x3
    -k3`` are ``12x12x3 conv -k3``."""
    sized = {word[0]: word[2:] for word in words if re.fullmatch(r"[hwc]=\d+", word)}
    if {*sized} == {*"hwc"}:
        rest = [word for word in words if not re.fullmatch(r"[hwc]=\d+", word)]
        return in_order(["x".join(sized[axis] for axis in "hwc"), *rest])
    for at, word in enumerate(words if words and not SIZES.fullmatch(words[0]) else ()):
        option, equals, value = word.partition("=")
        size = value if equals else "".join(words[at + 1 : at + 2])
        if (option == "--input" or foreign.flag(option, ("--input",))) and "x" in size and SIZES.fullmatch(size):
            return [size, *words[:at], *words[at + 1 + (not equals) :]]
    if not any(word[0] == "-" for word in words) or any(word in "()" for word in words):
        return words
    free = [at for at, word in enumerate(words) if at == 0 or not re.fullmatch("-[A-Za-z]|--[A-Za-z-]+", words[at - 1])]
    images = [at for at in free if SIZES.fullmatch(words[at]) and words[at].count("x") == 2]
    if len(images) == 1 and not SIZES.fullmatch(words[0]):
        return in_order([words[images[0]], *words[: images[0]], *words[images[0] + 1 :]])
    kinds = [at for at in free if words[at][0] != "-" and known(words[at])]
    if len(kinds) == 1 and len(words) > 2 and SIZES.fullmatch(words[0]) and words[1][0] == "-":
        return [words[0], words[kinds[0]], *words[1 : kinds[0]], *words[kinds[0] + 1 :]]
    return words


def without_batch(given: tuple[str, ...]) -> tuple[str, ...]:
    """The shapes without a first axis of 1, if every shape has one. An image written channels first becomes channels
    last."""
    if len(given) == 1 and (last := channels_last(given[0])):
        return (last,)
    if given and all(shape.startswith("1x") and shape.count("x") > 1 for shape in given):
        return tuple([shape[2:] for shape in given])
    return ()


def channels_last(shape: str) -> str:
    """An image that was probably written channels first, with its channels last: ``1x28x28`` is ``28x28x1``. Empty for
    any other shape."""
    sizes = tuple(map(int, shape.split("x"))) if len(shape) < 40 else ()
    return channels_first(sizes).rpartition(" ")[2] if sizes and min(sizes) > 0 else ""


def near(word: str, among: Iterable[str], likeness: float = 0.6) -> str:
    """The known word that is most similar, or an empty text. ``likeness``: 1 is equal."""
    return near_miss(word, among, likeness).removeprefix("did you mean ").removesuffix("?")


def near_option(word: str, among: Iterable[str]) -> str:
    """The option that is most similar, or an empty text. Leading hyphens do not count as similarity."""
    bare = {option.lstrip("-"): option for option in among if option[:2] == "--"}
    return bare.get(near(word.lstrip("-").replace("_", "-"), bare, 0.7), "")


def known(word: str) -> str | None:
    """The meaning of a word in our grammar: a kind, perhaps with words. None if it is not a layer."""
    if word in KINDS:
        return word
    bare = plain(word)
    return _own().get(bare) or foreign.LAYERS.get(bare)


_OWN: dict[str, str] = {}


def _own() -> dict[str, str]:
    """Our own kinds and words, in the form in which they are looked up: ``leakyrelu`` is ``act leaky-relu``."""
    if not _OWN:
        for kind in ("act", "norm", "reduce"):
            for word in KINDS[kind].words()[0]:
                if word not in ("layer", "group", "batch", "input", "instance", "mean", "sum", "max", "min", "prod"):
                    _OWN.setdefault(plain(word), f"{kind} {word}")
        _OWN.update({plain(kind): kind for kind in KINDS})
    return _OWN
