"""Reads the words of a guess into layers, with their options and bare numbers."""

import re
from collections.abc import Sequence

from sepcalc import foreign
from sepcalc.foreign import plain
from sepcalc.kinds import KINDS
from sepcalc.meant.layer import EACH, Layer, Lost, lost, spelled, truth
from sepcalc.meant.places import DECIMAL, place
from sepcalc.meant.words import SIZES as SIZE_WORD
from sepcalc.meant.words import known as known_as
from sepcalc.meant.words import near, near_option
from sepcalc.options import OPTIONS, PADDING, SHORT, SIZES, Option

_GLUED = re.compile(r"([A-Za-z_]+?)[-_]?(\d+(?:x\d+)*)(?:-(\d+))?")  # conv3x3-64, fc1000
_AHEAD = re.compile(r"(\d+(?:x\d+)*)[-_]?([A-Za-z]\w*)")  # 3x3conv
_LETTERS = re.compile(r"(?:[a-zA-Z]\d+(?:x\d+)?)+")  # k3n64s1
_BIASED = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*(?:\w*[cC]onv\w*[1-3][dD]\w*|(?:[Ll]azy)?[Ll]inear|Dense|(?<=\.)dense|Multi[Hh]eadAttention)$"
)
_KERAS = re.compile(r"^(?:[\w.]+\.)?(?:slim|keras|layers|tf|K|L)\.(?:[\w.]+\.)?\w+$")
_SLIM = re.compile(r"^(?:[\w.]+\.)?slim\.\w+$")
_FOLLOWING = ("act", "norm", "dropout", "softmax", "pool")
_BETWEEN = {"+", "|", "->", "=>", ">", "&", "then", "and"}


class Reader:
    """Reads the words of a guess into layers."""

    def __init__(self, shapes: tuple[str, ...], also: tuple[str, ...], commands: list[str], others: set[str]) -> None:
        self.shapes, self.also, self.commands, self.others = shapes, also, commands, others
        self.command: list[str] = []
        self.made_up: list[str] = []
        self.channels = int(shapes[0].rsplit("x", 1)[-1]) if shapes else 0

    def read(self, words: Sequence[str]) -> list[Layer]:
        """The layers that the words mean. Raises Lost if they mean none."""
        layers: list[Layer] = []
        layer: Layer | None = None
        ahead: list[str] = []  # numbers before the kind
        each, at = 0, 0
        while at < len(words):
            word = words[at]
            if word in _BETWEEN:
                layer, at = None, at + 1
            elif word in "()":
                if layer and word == "(":
                    layer.called = layer.called or "call"
                at += 1
            elif word == EACH and layer is None:
                each, at = each + 1, at + 1
            elif layer and (taken := self.word_of(layer, word)):
                at += taken
            elif (begun := self.begin(word, layer)) is not None:
                layer = begun
                layer.numbers, layer.each, ahead, each = [*ahead, *layer.numbers], each, [], 0
                layers.append(layer)
                at += 1
            elif layer is None and not layers and self.begins_conv(words, at):
                layer = Layer("conv")
                layer.numbers, ahead = ahead, []
                layers.append(layer)
            elif layer is None:
                if not SIZE_WORD.fullmatch(word):
                    raise Lost
                ahead.append(word)
                at += 1
            else:
                then, at = self.option(layer, words, at)
                if then is not None:
                    layers.append(then)
        if ahead:
            if layers or (len(ahead) == 1 and "x" not in ahead[0]):
                raise Lost
            layers.append(Layer("conv"))
            layers[0].numbers = ahead
        if not layers:
            raise Lost
        for layer in layers:
            place(layer, self.channels)
        return [one for layer in layers for one in (layer, *layer.then)]

    # --- kinds

    def begins_conv(self, words: Sequence[str], at: int) -> bool:
        """Whether an option is at the place of a kind: then the kind is conv."""
        word = words[at]
        value = "=" in word or (at + 1 < len(words) and words[at + 1][0].isdigit())
        kernel = word[0] in "kK" and _LETTERS.fullmatch(word) is not None  # k5 o256
        return word[0] == "-" or kernel or (value and self.is_option(word))

    def begin(self, word: str, before: Layer | None) -> Layer | None:
        """The layer that begins with a word, or None."""
        if word[0] in "-{" or "=" in word or word in self.others:
            return None
        if foreign.block(word):
            raise Lost
        known = known_as(word)
        numbers: list[str] = []
        if known is None and before is None:
            if glued := _GLUED.fullmatch(word) or _AHEAD.fullmatch(word):
                parts = [part for part in glued.groups() if part]
                name = next(part for part in parts if part[0].isalpha() or part[0] == "_")
                known = known_as(name)
                numbers = [part for part in parts if part is not name]
            if known is None and word[0].isalpha() and not self.is_option(word) and not composed(word):
                known = known_as(near(plain(word), map(plain, KINDS)) or near(plain(word), foreign.LAYERS))
        several = composed(word) if known is None and before is None else []
        if several:
            known, numbers = several[0]
        if known is None or (before is not None and self.is_option(word)):
            return None
        kind, *words = known.split()
        layer = Layer(kind)
        layer.words = [word for word in words if word[0] != "-"]
        layer.options = {word[2:]: "true" for word in words if word[:2] == "--"}
        layer.numbers = numbers
        for follows, _ in several[1:]:
            layer.then.append(Layer(follows.split()[0]))
            layer.then[-1].words = follows.split()[1:]
        bare = word.strip("'\"").rsplit(".", 1)[-1]
        layer.name = word
        layer.biased = not layer.then and bool(_BIASED.search(word))
        layer.called = "keras" if re.search(r"[1-3]D|^Dense$|^MultiHeadAttention$|Normalization$", bare) else ""
        if not layer.called and _KERAS.match(word) and not re.match(r"(?:torch|nn|F)\b", word):
            layer.called = "keras"
        if _SLIM.match(word) and "padding" in KINDS[kind].options:
            layer.options.setdefault("padding", "same")  # the default there
        layer.rank = int(axes[1]) if (axes := re.search(r"[a-z]([1-3])[dD]", bare)) else 0
        if before is not None and kind not in ("act", "norm", "softmax", "pool", "dropout", "flatten"):
            raise Lost  # a word that follows a layer without a separator
        return layer

    def word_of(self, layer: Layer, word: str) -> int:
        """Read a word of a kind, such as ``max``, or ``ReLU`` after act. Returns 1 if it was one."""
        slots = KINDS[layer.kind].words()
        if word[0] in "-{" or word[0].isdigit() or "=" in word or not slots:
            return 0
        bare = plain(word)
        known = known_as(word) or ""
        if layer.kind == "act" and not layer.words and known and not known.startswith("act"):
            layer.kind, *layer.words = known.split()  # act softmax
            return 1
        meant = foreign.WORDS.get(bare, bare)
        if known.startswith(layer.kind + " ") and not layer.words:
            layer.words = known.split()[1:]
            return 1
        for slot in slots[len(layer.words) :]:
            if found := next((own for own in slot if own == word or plain(own) == meant), None):
                layer.words.append(found)
                return 1
        left = slots[len(layer.words) :]
        if left and not self.is_option(word) and not known and (close := near(word, left[0])):
            layer.words.append(close)
            return 1
        return 0

    def is_option(self, word: str) -> bool:
        """Whether a word is an option, of ours or of another tool."""
        name = plain(word.partition("=")[0])
        return bool(self.meanings(name)) or name in foreign.IGNORED

    def meanings(self, name: str) -> list[str]:
        """The options that a foreign name can mean."""
        own = [option for option in OPTIONS if plain(option) == name]
        return own + [option for option, names in foreign.OPTIONS.items() if name in names.split()]

    def fits(self, layer: Layer, option: str) -> bool:
        """Whether a layer takes this option."""
        return option in KINDS[layer.kind].options or option in self.also

    # --- options

    def option(self, layer: Layer, words: Sequence[str], at: int) -> tuple[Layer | None, int]:
        """Read an option or a number. Returns the layer that an activation makes, and the position of the next word."""
        word = words[at]
        if SIZE_WORD.fullmatch(word) or DECIMAL.fullmatch(word) or word[0] == "{":
            layer.numbers.append(word)
            return None, at + 1
        if stride := re.fullmatch(r"(\d+(?:x\d+)*)?/(\d+)", word):
            layer.numbers += [stride[1]] if stride[1] else []
            layer.store("stride", stride[2])
            return None, at + 1
        if word.partition("=")[0] == "-a":
            word = f"--act{word[2:]}"
        if word[0] == "-" and word[1:2].isalpha():
            return None, self.short(layer, words, at)
        if word[:2] != "--" and "=" not in word and _LETTERS.fullmatch(word):
            for letter, value in re.findall(r"([a-zA-Z])(\d+(?:x\d+)?)", word):
                self.lettered(layer, letter, value)
            return None, at + 1
        name, equals, value = word.removeprefix("--").partition("=")
        spoken = name in OPTIONS and self.fits(layer, name) and name not in layer.options
        if not equals and word[:2] == "--" and not spoken and self.of_command(words, at):
            return None, at + (2 if self.valued(words, at) else 1)
        at += 1
        bare = plain(name)
        if bare in ("activation", "act", "nonlinearity", "activationfn"):
            value, at = (value, at) if equals else (words[at] if at < len(words) else "", at + 1)
            if plain(value) in ("linear", "none", "identity", ""):
                return None, at
            then = self.begin(value, None)
            if then is None:
                raise Lost
            return then, at
        if bare in ("same", "valid") or (bare in foreign.PADDINGS and len(bare) > 5):
            layer.store("padding", foreign.PADDINGS.get(bare, bare))
            return None, at
        if bare in ("nobias", "withoutbias"):
            layer.store("bias", "false")
            return None, at
        meanings = [option for option in self.meanings(bare) if self.fits(layer, option)]
        if len(bare) == 1 and bare in foreign.LETTERS and self.fits(layer, foreign.LETTERS[bare]):
            meanings = [foreign.LETTERS[bare]]
        if bare[:2] == "no" and bare[2:] in OPTIONS and OPTIONS[bare[2:]].flag and self.fits(layer, bare[2:]):
            layer.store(bare[2:], "false")
            return None, at
        if not meanings and (word[:2] == "--" or equals) and bare not in foreign.IGNORED:
            close = near(name, (*KINDS[layer.kind].options, *self.also))
            meanings = [close] if close else []
        if not meanings and bare in foreign.IGNORED:
            said = value if equals else words[at] if at < len(words) else ""
            self.told(layer, bare, said)
            return None, at if equals or at == len(words) or words[at][0] == "-" else at + 1
        if not meanings:
            raise Lost
        option = OPTIONS[meanings[0]]
        if option.flag:
            if not equals and at < len(words) and words[at].lower() in foreign.TRUTHS and not words[at].isdigit():
                value, at = words[at], at + 1
            layer.store(option.name, truth(value))
            return None, at
        if not equals or not value:
            value, at = self.value(option, words, at)
        layer.sized(option.name, value)
        return None, at

    def told(self, layer: Layer, name: str, value: str) -> None:
        """Read an argument that has a meaning but is not one of our options."""
        if name in foreign.INPUTS:
            layer.takes(value)
        elif layer.kind == "upsample" and name in ("mode", "interpolation"):
            mode = plain(value)
            if mode not in KINDS["upsample"].words()[0]:
                raise Lost
            layer.words = [mode]
        elif plain(value) in ("channelsfirst", "nchw", "ncw", "ncdhw") or (
            name == "paddingmode" and value in ("same", "valid")
        ):
            raise Lost
        elif layer.kind == "norm" and name in ("affine", "center") and foreign.TRUTHS.get(value.lower()) is False:
            for option in ("gain", "bias") if name == "affine" else ("bias",):
                layer.store(option, "false")

    def short(self, layer: Layer, words: Sequence[str], at: int) -> int:
        """``-k5``, ``-k 3x3``, ``-K5``, ``-kernel 5``."""
        word = words[at]
        if self.of_command(words, at):
            return at + (2 if self.valued(words, at) else 1)
        name, equals, after = word[1:].partition("=")
        if meanings := [option for option in self.meanings(plain(name)) if len(name) > 1 and self.fits(layer, option)]:
            long = f"--{meanings[0]}" + (f"={after}" if equals else "")
            return self.option(layer, [*words[:at], long, *words[at + 1 :]], at)[1]
        letter, value = word[1], word[2:].removeprefix("=")
        option = SHORT.get(letter) or OPTIONS.get(foreign.LETTERS.get(letter.lower(), ""))
        if letter == "s" and layer.kind == "upsample":
            option = OPTIONS["scale"]
        if option is None or not self.fits(layer, option.name):
            raise Lost
        at += 1
        if not value:
            value, at = self.value(option, words, at)
        layer.store(option.name, spelled(option, value))
        return at

    def lettered(self, layer: Layer, letter: str, value: str) -> None:
        """Keeps the value of a one-letter option. Raises Lost for an unknown letter."""
        name = foreign.LETTERS.get(letter.lower(), "")
        if not name or not self.fits(layer, name):
            raise Lost
        layer.store(name, value)

    def value(self, option: Option, words: Sequence[str], at: int) -> tuple[str, int]:
        """The value of an option. Several numbers in a row are one per axis."""
        if at == len(words) or (words[at][0] == "-" and words[at] != "-1"):
            self.made_up.append(option.name)
            return foreign.EXAMPLES.get(option.name) or lost(), at
        parts = [words[at]]
        at += 1
        while option.type in (SIZES, PADDING) and at < len(words) and words[at].isdigit() and parts[-1].isdigit():
            parts.append(words[at])
            at += 1
        return "x".join(parts), at

    def of_command(self, words: Sequence[str], at: int) -> bool:
        """Read an option of the command: ``--json``."""
        ours = [] if words[at][1:] in SHORT else foreign.flag(words[at], self.commands)
        if not ours and words[at][:2] == "--" and not self.meanings(plain(words[at])):
            ours = [near_option(words[at], self.commands)]
        if not ours or not ours[0]:
            return False
        self.command += ours
        if self.valued(words, at):
            self.command.append(words[at + 1])
        return True

    def valued(self, words: Sequence[str], at: int) -> bool:
        """Whether the value of a command's option is the next word."""
        ours = foreign.flag(words[at], self.commands) or [words[at]]
        flags = ("--explain", "--exact", "--force", "--formula", "--full")
        return len(ours) == 1 and ours[0] not in flags and at + 1 < len(words) and words[at + 1][0] != "-"


def composed(word: str) -> list[tuple[str, list[str]]]:
    """The layers in one composed name, each with its numbers: ``conv3x3_bn_relu``, ``ConvBNReLU``. Empty for any other
    name."""
    text = re.sub(r"[-_+]", "", re.sub(r"^(?:[A-Za-z_]\w*\.)+", "", word)).lower()
    text = re.sub(r"(?<=[a-z])[123]d", "", text)
    if len(text) > 40:
        return []
    found: list[tuple[str, list[str]]] = []
    while text:
        for end in range(len(text), 1, -1):
            kind = known_as(text[:end])
            if kind and text[:end].isalpha() and (not found or kind.split()[0] in _FOLLOWING):
                break
            if text[:end] in ("relu6",) and found:
                kind = "act relu6"
                break
        else:
            return []
        text = text[end:]
        size = re.match(r"\d+(?:x\d+)*", text) if not found else None
        found.append((kind, [size[0]] if size else []))
        text = text[len(size[0]) :] if size else text
    return found if len(found) > 1 else []
