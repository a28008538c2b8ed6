"""The attributes of one layer of a file, each read as what it must be: nothing in a file is trusted to be a number."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sepcalc.errors import Invalid, quoted
from sepcalc.shape import MAX_SIZE, Shape

T = TypeVar("T")


def shown(value: object) -> str:
    """A value of a file as a message shows it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int | float | bool) or value is None:
        text = str(value) if not isinstance(value, int) or abs(value) <= MAX_SIZE else "a number beyond 2^63"
        return {"True": "true", "False": "false", "None": "null"}.get(text, text)
    return "a list" if isinstance(value, list | tuple) else "an object"


def whole(value: object, least: int = 1) -> int:
    """``value`` as a whole number from ``least`` to 2^63-1; 2.0 is one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{shown(value)}: expected a whole number")
    if not least <= value <= MAX_SIZE:
        raise Invalid(f"{shown(value)}: expected a whole number from {least} to 2^63-1")
    return value


class Attributes:
    """A layer's attributes by name. One that is missing stands for the default; without a default it must be there.
    Its readers raise Invalid, which names the attribute."""

    __slots__ = ()

    def get(self, *keys: str) -> Any:
        """The raw value under the first of these names that is there, or None."""
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
        try:
            return whole(self._read(keys, default), least)
        except Invalid as fact:
            raise Invalid(fact.message if "missing" in fact.message else f"{keys[0]} is {fact.message}") from fact

    def sizes(self, *keys: str, rank: int | None = None, default: int | None = None, least: int = 1) -> Shape:
        """A list of one size for each of ``rank`` axes; a number stands for all of them, and so does the default for
        an empty tuple, which is ONNX's."""
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
        """What is before and after on each axis: one number for all, one per axis, or two per axis."""
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
        value = self._read((key,), default)
        if not isinstance(value, str) or value.lower() not in choices:
            raise Invalid(f"{key} is {shown(value)}: expected {' or '.join(choices)}")
        return value.lower()

    def flag(self, key: str, default: bool) -> bool:
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
        return self._of_type(str, key, default, "a text")

    def number(self, *keys: str, default: float) -> float:
        value = self._read(keys, default)
        if isinstance(value, dict) and isinstance(value.get("config"), dict):  # a serialized array of one number
            value = value["config"].get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(f"{keys[0]} is {shown(value)}: expected a number")
        return value

    def axes(self, key: str, rank: int, default: int | list[int] = -1) -> tuple[int, ...]:
        """Axes of a tensor of ``rank`` axes, the batch one of them, as positions without the batch, in order."""
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
        """The one axis, as a position without the batch."""
        axes = self.axes(key, rank, default)
        if len(axes) != 1:
            raise Invalid(f"{key} has {len(axes)} values: expected one axis")
        return axes[0]

    def nested(self, key: str) -> dict[str, Any]:
        """A layer inside this one, as its class and its config."""
        return self._of_type(dict, key, None, "a layer")


class Settings(Attributes):
    """The attributes of a mapping, where null stands for a missing one: the ``config`` of a layer of Keras."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def get(self, *keys: str) -> Any:
        """The value under the first of these names that is there (an attribute's name today, and of old)."""
        return next((self.config[key] for key in keys if self.config.get(key) is not None), None)
