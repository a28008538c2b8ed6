"""What another counter prints, in words."""

from sepcalc import quantity
from sepcalc.conventions import Counted


def printed(one: Counted) -> list[str]:
    """``fvcore 0.1.5 prints 314,193,216 macs and 3,504,872 params.``"""
    name = f"{one.counter} {one.version}".rstrip()
    params = "" if one.params is None else f"{quantity.exact(one.params)} params"
    if one.known:
        number = f"{quantity.exact(one.value or 0)} {one.unit}"
        return [f"{name} prints {number}{' and ' if params else ''}{params}."]
    return [
        f"{name} prints {params}: {one.reason}." if one.answered else f"{name}: its number is not known. {one.reason}."
    ]
