"""Hints of a document: the line that was meant, from the words of other tools. Loaded only when something is wrong."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from sepcalc import foreign, meant
from sepcalc.document.entries import MODIFIERS, Join, Layer
from sepcalc.document.pieces import BRACES, split_at_commas
from sepcalc.errors import Invalid, Meant, near_miss
from sepcalc.expression import Expression, ExpressionError, as_text, evaluate
from sepcalc.expression import Value as Number
from sepcalc.kinds import KINDS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.options import OPTIONS, Value
from sepcalc.shape import show
from sepcalc.spec import Misread, linked, outputs, read

_NAMED = re.compile(r"\s(?:(?:--)?name[=\s]|as\s)\s*([A-Za-z_][\w./-]*)$")
_PLAIN = re.compile(r"-?[\d.]+(?:\s*[x,]\s*\d+)*|[(\[].*[)\]]|true|false|True|False")

_TEXTS = frozenset(MODIFIERS) - {"shared-params"}  # modifiers whose value may be one text


def layer(
    text: str, defaults: Mapping[str, Value], blocks: Iterable[str] = (), beside: Sequence[str] = (), line: bool = False
) -> Meant | None:
    """The entry that was meant by a text. ``beside`` are its modifiers as texts. ``line``: it is part of a network on
    one line."""
    blocks, beside = [*blocks], [*beside]
    if named := _NAMED.search(text):
        text, beside = text[: named.start()], [*beside, f"name: {named[1]}"]
    if beside and (text.split()[:1] in [[block] for block in blocks] or _is_right(text, defaults)):
        return entry(meant.Line((), (text,), ()), beside, line)
    found = read_layer(text, defaults, blocks) or of_block(text, blocks)
    return entry(found, beside, line) if found else None


def _is_right(text: str, defaults: Mapping[str, Value]) -> bool:
    try:
        read(BRACES.sub("1", text).split(), defaults=defaults)
    except (Misread, Invalid):
        return False
    return True


def _names_layer(text: str, blocks: Iterable[str]) -> bool:
    """Whether the text is a layer by itself, so that what follows it is no word of it."""
    return _is_right(text, {}) or (" " in text and read_layer(text, {}, blocks) is not None)


def of_block(text: str, blocks: Iterable[str]) -> meant.Line | None:
    """The use of a block that was meant: ``down(16)`` is ``down 16``, ``Down 16`` too."""
    call = re.fullmatch(r"([\w-]+)\s*(?:\((.*)\)|\s(.*))?", text)
    ours = next((block for block in blocks if call and foreign.plain(block) == foreign.plain(call[1])), "")
    if not call or not ours:
        return None
    arguments = [part.strip() for part in split_at_commas(call[2] or "")] or [call[3] or ""]
    written = " ".join((ours, *[re.sub(r"\s*([=:])\s*", "=", part) for part in arguments])).strip()
    return meant.Line((), (written,), ())


def listed(texts: Sequence[str], defaults: Mapping[str, Value], blocks: Iterable[str], what: str = "") -> Meant | None:
    """``[down 16, act relu]`` where an entry was expected: a group, if each is a layer. ``what`` is the key that needs
    a list, where that was expected."""
    blocks = [*blocks]
    if texts and all(text.split()[:1] in [[block] for block in blocks] or _is_right(text, defaults) for text in texts):
        if what:
            return Meant("", f"{what}: [{', '.join(map(_in_flow, texts))}]")
        return entry(meant.Line((), tuple(texts), ()))
    return None


def in_list(node: Node) -> list[str]:
    """The layers of what stands in the place of a list: ``{conv -k3 -o8, act relu}``, ``conv -k3 -o8, act relu``.
    Empty where it holds anything else."""
    if isinstance(node, MappingNode):
        pairs = [(key, value.text) for key, value in node.values.items() if isinstance(value, Scalar)]
        return [f"{key} {text}".strip() for key, text in pairs] if len(pairs) == len(node.values) else []
    return [part.strip() for part in split_at_commas(node.text)] if isinstance(node, Scalar) else []


def _in_flow(text: str) -> str:
    """A spec as YAML's flow style takes it."""
    return f'"{text}"' if re.search(r"[{,]", text) else text


def entry(found: meant.Line, beside: Sequence[str] = (), line: bool = False) -> Meant:
    """The entry for what was read."""
    layers = ", ".join(found.layers if line or len(found.layers) == 1 else map(_in_flow, found.layers))
    if beside:
        kind, _, rest = layers.partition(" ")
        entry = f"layers: [{layers}]" if len(found.layers) > 1 else f'{kind}: "{rest}"' if rest else f"{kind}: {{}}"
        written = f"{{{', '.join((entry, *beside))}}}"
    else:
        written = layers if line or len(found.layers) == 1 else f"layers: [{layers}]"
    return Meant("", written, bool(found.made_up))


def read_layer(
    text: str, defaults: Mapping[str, Value], blocks: Iterable[str], names: Mapping[str, Number] | None = None
) -> meant.Line | None:
    """The layers that were meant by a text; None where no reading fits. ``names`` are the values for its expressions,
    if they are known."""
    blocks = [*blocks]
    first = text.split()[0] if text.split() else ""
    if first in blocks or (not meant.kind(first) and near_miss(first, blocks)):
        return None

    def accepts(words: Sequence[str]) -> str | None:
        try:
            read([BRACES.sub(computed, word) for word in words], defaults=defaults)
        except (Misread, Invalid, ExpressionError):
            return None
        return ""

    def computed(match: re.Match[str]) -> str:
        return "1" if names is None else as_text(evaluate(match[1], names))

    parts = [part.strip() for part in split_at_commas(text)]
    if len(parts) > 1 and all(part and accepts(part.split()) is not None for part in parts):
        return meant.Line((), tuple(parts), ())  # entries without a list around them
    found = meant.line(text, accepts, shaped=False, others=blocks)
    if found is None and first[:1].isdigit() and len(text.split()) > 1:  # a shape, which is left out
        rest = text.split(None, 1)[1]
        found = meant.line(rest, accepts, shaped=False, others=blocks)
        if found is None and accepts(rest.split()) is not None:
            found = meant.Line((), (rest,), ())
    return found


def of_pieces(entry: Layer | Join, names: Iterable[str]) -> str:
    """The text of an entry whose expressions still need values. A name without a value stands as a word."""
    names = {*names}

    def text(part: str | Expression) -> str:
        if isinstance(part, str):
            return part
        return part.text if part.text.isidentifier() and part.text not in names else f"{{{part.text}}}"

    return " ".join("".join(map(text, piece.parts)) for piece in entry.pieces)


def of_mapping(node: MappingNode) -> tuple[str, list[str]] | None:
    """``{type: conv, filters: 64, name: stem}`` as a text and its modifiers; None where no key gives the kind."""
    key = next((key for key in foreign.ENTRY_KINDS if key in node.values), None)
    kind = node.values[key] if key else None
    if not isinstance(kind, Scalar):
        return None
    beside = [
        f"{name}: {value.text}"
        for name, value in node.values.items()
        if name in _TEXTS and name != "weights" and isinstance(value, Scalar)
    ]
    options = {name: value for name, value in node.values.items() if name != key and name not in MODIFIERS}
    text = of_options(kind.text, options)
    return None if text is None else (text, beside)


def moved(node: MappingNode, blocks: Iterable[str]) -> tuple[str, list[str]] | None:
    """An entry with a part in the wrong place, as a text and its modifiers: ``a: conv -k3 -o8``, ``conv: {out: 8, name:
    a}``, ``repeat 3: conv -k3 -o8``, ``{name: a, layer: conv -k3 -o8}``. None where every part is in its place."""
    blocks = [*blocks]

    def begins(text: str) -> bool:
        first = text.split()[0] if text.split() else ""
        return first in blocks or meant.kind(first) is not None

    texts, beside, changed = list[str](), list[str](), False
    for key, value in node.values.items():
        text = value.text if isinstance(value, Scalar) else None
        times = re.fullmatch(r"(?:repeat|times|x)?\s*(\d+)\s*x?", key)
        if key in _TEXTS and text is not None:
            beside.append(f"{key}: {text}")
        elif key in foreign.ENTRY_KINDS and text is not None and begins(text):
            texts, changed = [*texts, text], True
        elif times and text is not None and begins(text):
            texts, beside, changed = [*texts, text], [*beside, f"repeat: {times[1]}"], True
        elif begins(key) and isinstance(value, MappingNode):
            inside = {name: one for name, one in value.values.items() if name in _TEXTS and isinstance(one, Scalar)}
            written = of_options(key, {name: one for name, one in value.values.items() if name not in inside})
            if written is None:
                return None
            texts, changed = [*texts, written], changed or bool(inside)
            beside += [f"{name}: {one.text}" for name, one in inside.items() if isinstance(one, Scalar)]
        elif begins(key) and text is not None:
            known = text in (*KINDS, *blocks)
            named = re.fullmatch(r"[A-Za-z_]\w*", text) and not known and _names_layer(key, blocks)
            texts.append(key if named else f"{key} {text}".strip())
            beside, changed = [*beside, *([f"name: {text}"] if named else [])], changed or bool(named)
        elif text is not None and begins(text) and re.fullmatch(r"[A-Za-z_][\w.-]*", key):
            texts, beside, changed = [*texts, text], [*beside, f"name: {key}"], True
        else:
            return None
    return (texts[0], beside) if changed and len(texts) == 1 else None


def of_options(kind: str, options: Mapping[str, Node]) -> str | None:
    """A kind with options in long form, as words; None where a value is a list or a mapping."""
    words = [kind]
    for name, value in options.items():
        if isinstance(value, SequenceNode) and value.items and all(isinstance(item, Scalar) for item in value.items):
            text = "x".join(item.text for item in value.items if isinstance(item, Scalar))
        elif isinstance(value, Scalar) and value.text:
            text = value.text
        else:
            return None
        number = OPTIONS[name].type.metavar[:1] == "N" if name in OPTIONS else False
        if not (_PLAIN.fullmatch(text) or (text.isidentifier() and not number) or text[:1] == "{"):
            text = f"{{{text}}}"
        words.append(f"{name}={text}")
    return " ".join(words)


def value(name: str, text: str) -> Meant | None:
    """The value that was meant: ``padding: SAME`` is ``padding: same``."""
    option = OPTIONS.get(name)
    found = meant.value(option, text) if option else None
    return None if found is None else Meant("", f"{name}: {found}")


def shape(node: Node) -> str | None:
    """``[224, 224, 3]`` as a shape."""
    if isinstance(node, SequenceNode):
        text = ",".join(item.text for item in node.items if isinstance(item, Scalar))
    else:
        text = node.text if isinstance(node, Scalar) else ""
    return meant.shape(text)


def whole(text: str, loads: Callable[[str], bool]) -> Meant | None:
    """The network on one line that was meant; None where no reading loads. Raises Contradiction where the text says an
    input size that the layer does not have."""
    parts = [part.strip() for part in _split(text)]
    head: list[str] = []
    while parts and re.fullmatch(r"[(\[]?\d+[)\]]?", parts[0]):
        head.append(parts.pop(0).strip("()[]"))
    if head and "x" not in head[0]:
        parts.insert(0, "x".join(head))
    else:
        parts = [*head, *parts]
    first, _, beside = (parts or [""])[0].partition(" ")
    start = meant.shape(first if beside[:1].isalpha() else parts[0] if parts else "")
    if start is None:
        return None
    if beside[:1].isalpha():
        parts = [first, beside, *parts[1:]]
    entries: list[meant.Line] = []
    for part in filter(None, _joined(parts[1:])):
        try:
            read(part.split())
            entries.append(meant.Line((), (part,), ()))
        except Misread:
            if re.fullmatch(r"\d\S*(?:\s+-.*)?", part):  # the end of another part: -k 3, 3 -o8
                return None
            found = read_layer(part, {}, ())
            if found is None:
                return None
            entries.append(found)
    contradiction: meant.Contradiction | None = None
    for first in filter(None, (start, meant.channels_last(start))):
        line = ", ".join((first, *[one for entry in entries for one in entry.layers]))
        try:
            _check(first, entries)
        except meant.Contradiction as says:
            contradiction = contradiction or says
            continue
        if line != text and loads(line):
            return Meant(text, line, any(entry.made_up for entry in entries))
    if contradiction:
        raise contradiction
    return None


def _joined(parts: Iterable[str]) -> list[str]:
    """The parts, with what papers write behind a comma: ``3x3 conv, 64, stride 2`` is one."""
    joined: list[str] = []
    for part in parts:
        behind = re.fullmatch(r"(?:c=|d=|out=)?\d+(?:\s*/\s*\d+)?|/\s*\d+|(?:stride|pad|padding|s|p)\s*=?\s*\d+", part)
        if joined and behind and not re.search(r"(?:^|\s)-", joined[-1]):
            joined[-1] = f"{joined[-1]} {part.replace(' / ', '/')}"
        else:
            joined.append(part)
    return joined


def _check(shape: str, entries: Sequence[meant.Line]) -> None:
    """Raises Contradiction where a layer says an input size that it does not have."""
    for found in entries:
        for at, one in enumerate(found.layers):
            if shape and at < len(found.read):
                found.read[at].check(shape)
            shape = _after(shape, one)


def _after(shape: str, layer: str) -> str:
    """The shape after a layer; nothing where it is unknown."""
    if not shape:
        return ""
    try:
        spec = read([shape, *layer.split()])
        return show(outputs(linked(spec, spec.inputs), spec.inputs)[-1])
    except (Misread, Invalid):
        return ""


def _split(text: str) -> list[str]:
    """The parts between commas, semicolons, bars and arrows. A comma in brackets or between two sizes separates
    nothing."""
    for sign in (" -> ", " | ", ";", " => "):
        text = text.replace(sign, ", ")
    text = text.replace("[", "(").replace("]", ")")
    depth, joined = 0, list[str]()
    for before, sign, after in zip(f" {text}", text, f"{text[1:]} "):
        depth += (sign == "(") - (sign == ")")
        joined.append("x" if sign == "," and not depth and before.isdigit() and after.isdigit() else sign)
    return split_at_commas("".join(joined))
