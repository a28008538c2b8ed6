"""Reads a layer's attributes. Each reader checks the type and the range, since a file may hold anything."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sepcalc.errors import Invalid, quoted
from sepcalc.shape import MAX_SIZE, Shape

T = TypeVar("T")


def shown(value: object) -> str:
    """A value of a file, formatted for a message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int | float | bool) or value is None:
        text = str(value) if not isinstance(value, int) or abs(value) <= MAX_SIZE else "a number beyond 2^63"
        return {"True": "true", "False": "false", "None": "null"}.get(text, text)
    return "a list" if isinstance(value, list | tuple) else "an object"


def whole(value: object, least: int = 1) -> int:
    """``value`` as a whole number from ``least`` to 2^63-1; 2.0 is accepted as 2."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{shown(value)}: expected a whole number")
    if not least <= value <= MAX_SIZE:
        raise Invalid(f"{shown(value)}: expected a whole number from {least} to 2^63-1")
    return value


class Attributes:
    """A layer's attributes by name. A missing attribute takes the default; without a default it is required. The
    readers raise Invalid, which names the attribute."""

    __slots__ = ()

    def get(self, *keys: str) -> Any:
        """The raw value of the first of these names that is present, or None."""
        raise NotImplementedError

    def _read(self, keys: tuple[str, ...], default: Any) -> Any:
        value = self.get(*keys)
        if value is None:
            if default is None:
                raise Invalid(f"{keys[0]} is missing")
            return default
        return value

    def _of_type(self, kind: type[T], key: str, default: T | None, expected: str) -> T:
        value = self._read((key,), default)
        if not isinstance(value, kind):
            raise Invalid(f"{key} is {shown(value)}: expected {expected}")
        return value

    def size(self, *keys: str, default: int | None = None, least: int = 1) -> int:
        """One size from ``least`` to 2^63-1, under the first of these names that is present."""
        try:
            return whole(self._read(keys, default), least)
        except Invalid as fact:
            raise Invalid(fact.message if "missing" in fact.message else f"{keys[0]} is {fact.message}") from fact

    def sizes(self, *keys: str, rank: int | None = None, default: int | None = None, least: int = 1) -> Shape:
        """A list with one size per axis for ``rank`` axes. A single number applies to all axes. An empty tuple, which
        ONNX writes for a missing list, takes the default."""
        value = self._read(keys, default)
        value = default if value == () and default is not None else value
        items = list(value) if isinstance(value, list | tuple) else [value] * (rank or 1)
        if rank is not None and len(items) != rank:
            count = "1 value" if len(items) == 1 else f"{len(items)} values"
            raise Invalid(f"{keys[0]} has {count}: expected {rank}")
        try:
            return tuple([whole(item, least) for item in items])
        except Invalid as fact:
            raise Invalid(f"{keys[0]} is {fact.message}") from fact

    def pairs(self, key: str, rank: int) -> tuple[tuple[int, int], ...]:
        """The amounts before and after each axis: given as one number for all, one per axis, or two per axis."""
        value = self._read((key,), None)
        if not isinstance(value, list | tuple):
            value = [value] * rank
        if rank == 1 and len(value) == 2 and not isinstance(value[0], list | tuple):
            value = [value]
        if len(value) != rank:
            raise Invalid(f"{key} has {len(value)} values: expected {rank}")
        try:
            both = [tuple(v) if isinstance(v, list | tuple) else (v, v) for v in value]
            return tuple([(whole(before, 0), whole(after, 0)) for before, after in both])
        except Invalid as fact:
            raise Invalid(f"{key} is {fact.message}") from fact
        except ValueError as error:
            raise Invalid(f"{key} must have two values for each axis") from error

    def word(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """A text that must be one of ``choices``."""
        value = self._read((key,), default)
        if not isinstance(value, str) or value.lower() not in choices:
            raise Invalid(f"{key} is {shown(value)}: expected {' or '.join(choices)}")
        return value.lower()

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._read((key,), default)
        if not isinstance(value, bool | int) or value not in (0, 1):
            raise Invalid(f"{key} is {shown(value)}: expected true or false")
        return bool(value)

    def whole(self, key: str, default: int) -> int:
        """A whole number of either sign."""
        return self._of_type(int, key, default, "a whole number")

    def ints(self, key: str) -> tuple[int, ...] | None:
        """A list of whole numbers of either sign; None where it is missing."""
        value = self.get(key)
        if value is not None and not (isinstance(value, tuple) and all(isinstance(one, int) for one in value)):
            raise Invalid(f"{key} is {shown(value)}: expected a list of whole numbers")
        return value

    def text(self, key: str, default: str) -> str:
        """A text."""
        return self._of_type(str, key, default, "a text")

    def number(self, *keys: str, default: float) -> float:
        """A number, as a float."""
        value = self._read(keys, default)
        if isinstance(value, dict) and isinstance(value.get("config"), dict):  # a serialized array of one number
            value = value["config"].get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(f"{keys[0]} is {shown(value)}: expected a number")
        return value

    def axes(self, key: str, rank: int, default: int | list[int] = -1) -> tuple[int, ...]:
        """Axes of a tensor of ``rank`` axes including the batch, as sorted positions without the batch."""
        value = self._read((key,), default)
        found = []
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, bool) or not isinstance(item, int) or not -rank <= item < rank:
                raise Invalid(f"{key} is {shown(item)}: expected an axis of {rank}, the batch counted")
            if item % rank == 0:
                raise Invalid(f"{key} is {shown(item)}: that is the batch")
            found.append(item % rank - 1)
        if len(set(found)) != len(found):
            raise Invalid(f"{key} names an axis twice")
        return tuple(sorted(found))

    def axis(self, key: str, rank: int, default: int = -1) -> int:
        """One axis, as a position without the batch."""
        axes = self.axes(key, rank, default)
        if len(axes) != 1:
            raise Invalid(f"{key} has {len(axes)} values: expected one axis")
        return axes[0]

    def nested(self, key: str) -> dict[str, Any]:
        """The class name and the config of a layer inside this one."""
        return self._of_type(dict, key, None, "a layer")


class Settings(Attributes):
    """The attributes in a mapping, such as the ``config`` of a Keras layer; null counts as missing."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def get(self, *keys: str) -> Any:
        """The value of the first of these names that is present (the current name of an attribute, then its older
        ones)."""
        return next((self.config[key] for key in keys if self.config.get(key) is not None), None)
