"""The chunks of a space's rows, computed by the workers of a Dask cluster."""

from collections.abc import Iterator, Sequence
from typing import Any

from sepcalc.errors import bad_input, quoted
from sepcalc.extras import install
from sepcalc.spaces.columns import Columns, Grid, chunk

AHEAD = 4  # chunks for each worker that are under way, so that memory stays bounded


def computed(grid: Grid, numbers: Sequence[int], size: int, scheduler: str | None) -> Iterator[tuple[int, Columns]]:
    """The chunks of ``size`` places with these numbers, as they are done. Those of a worker that dies are run again by
    another. Without an address of a ``scheduler``, a cluster of this machine's cores is started. Raises InputError."""
    try:
        from dask.distributed import Client, as_completed
    except ImportError as error:
        raise bad_input("--engine dask needs Dask", install("dask")) from error
    try:
        client = Client(scheduler) if scheduler else Client(processes=True, threads_per_worker=1)
    except OSError as error:
        raise bad_input(f"no Dask cluster answers at {quoted(scheduler or '')}: {error}") from error
    with client:
        sent = client.scatter(grid, broadcast=True)
        left = iter(numbers)
        under_way: Any = as_completed([], with_results=True)
        ahead = AHEAD * max(1, len(client.scheduler_info()["workers"]))

        def add() -> None:
            for number in left:
                under_way.add(client.submit(_chunk, sent, number, size, key=f"sepcalc-{id(grid)}-{number}", retries=10))
                return

        for _ in range(ahead):
            add()
        for future, found in under_way:
            yield int(str(future.key).rpartition("-")[2]), found
            add()


def _chunk(grid: Grid, number: int, size: int) -> Columns:
    return chunk(grid, number * size, min((number + 1) * size, grid.places))
