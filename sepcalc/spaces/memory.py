"""How much memory the live tensors of a space take while each of its layers runs, as tables."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from sepcalc.layer import size_in_bytes
from sepcalc.shape import volume
from sepcalc.spaces.tables import Table, combine, constant
from sepcalc.spaces.tracing import Slot

NEVER = -1


def moments(inputs: Sequence[Table], slots: Sequence[Slot], ends: Sequence[Table]) -> Iterator[Table]:
    """For each layer that may be there, a table of the bytes that are live while it runs: 0 where it is not there.

    It holds as in :func:`sepcalc.analysis.live_memory.live_sizes`: a tensor lives from its layer to its last reader, an
    input from the start, an output to the end; a renamed tensor is the same tensor. Raises TooLarge."""
    first = len(inputs)
    owners: list[Table] = [constant(number) for number in range(first)]  # whose room a tensor has
    for number, slot in enumerate(slots, first):
        known = sorted({source for sources in slot.sources.values for source in sources[:1]})
        read = [owners[source] for source in known]
        owners.append(combine(_owner(number, known), slot.record, slot.sources, *read))
    sizes = [combine(_input_size, tensor) for tensor in inputs] + [combine(_size, slot.record) for slot in slots]
    last = _last_uses(first, slots, ends, owners)
    live = [*range(first)]  # the tensors that may still be read
    for number, slot in enumerate(slots, first):
        live = [tensor for tensor in (*live, number) if max(last[tensor].values) >= number]
        parts = [combine(_alive(number), sizes[tensor], last[tensor]) for tensor in live]
        yield combine(_together, slot.record, *parts)


def _together(record: Any, *sizes: int) -> int:
    return 0 if record is None else sum(sizes)


def _last_uses(first: int, slots: Sequence[Slot], ends: Sequence[Table], owners: Sequence[Table]) -> list[Table]:
    """For each tensor, the number of the last layer that reads it or a tensor renamed from it, NEVER where there is
    none, and beyond all layers for an output."""
    last = [constant(NEVER) for _ in owners]
    for number, slot in enumerate(slots, first):
        reads = {source for sources in slot.sources.values for source in sources} | {number}
        for source in reads:
            for owner in owners[source].values:
                if owner is not None:
                    read = slot.record, slot.sources, owners[source]
                    last[owner] = combine(_used(number, source, owner), last[owner], *read)
    for end in ends:
        for source in {tensor.number for tensor in end.values if tensor is not None}:
            for owner in owners[source].values:
                if owner is not None:
                    last[owner] = combine(_ended(first + len(slots), source, owner), last[owner], end, owners[source])
    return last


def _owner(number: int, known: Sequence[int]) -> Callable[..., Hashable]:
    def owner(record: Any, sources: Any, *read: Any) -> int | None:
        if record is None:
            return None
        if record.writes or not sources:
            return number
        found: int | None = read[known.index(sources[0])]
        return found

    return owner


def _input_size(tensor: Any) -> int:
    return 0 if tensor is None else size_in_bytes(volume(tensor.shape), None)


def _size(record: Any) -> int:
    if record is None or not (record.writes or record.sources):
        return 0
    return size_in_bytes(volume(record.output), None)


def _used(number: int, source: int, owner: int) -> Callable[..., int]:
    def used(last: int, record: Any, sources: Any, holder: Any) -> int:
        reads = record is not None and holder == owner and (source in sources or source == number)
        return number if reads else last

    return used


def _ended(end: int, source: int, owner: int) -> Callable[..., int]:
    return lambda last, tensor, holder: (
        end if tensor is not None and tensor.number == source and holder == owner else last
    )


def _alive(moment: int) -> Callable[[int, int], int]:
    """The bytes of a tensor at a moment, by its size and its last use."""
    return lambda size, last: size if last >= moment else 0
