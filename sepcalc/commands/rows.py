"""All rows of a space in a file, written chunk by chunk through DuckDB."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sepcalc.commands.sweep import OpenSpace
from sepcalc.errors import bad_input, printable
from sepcalc.extras import install
from sepcalc.leftovers import tidied
from sepcalc.spaces.columns import CHUNK, Columns, Grid, chunk, grid, shown, types
from sepcalc.spaces.problem import Limits

SUFFIXES = (".parquet", ".csv", ".jsonl", ".duckdb")
MAX_PLACES = 1 << 44  # of a grid whose rows are written
Progress = Callable[[int, int, float], None]  # chunks that are done, chunks in all, seconds that are left
_COPY = {
    ".parquet": "(FORMAT parquet, COMPRESSION zstd)",
    ".csv": "(FORMAT csv, HEADER)",
    ".jsonl": "(FORMAT json)",
}


class Rows:
    """The rows of a space on their way into a file. Until all of them are there, they are kept in ``FILE.part``, a
    database of DuckDB with the numbers of the chunks that are done: ``--resume`` goes on from there."""

    def __init__(
        self,
        opened: OpenSpace,
        metrics: Sequence[str],
        limits: Limits,
        file: str,
        force: bool,
        resume: bool,
        shard: tuple[int, int] = (1, 1),
        chunk: int = CHUNK,
    ) -> None:
        self.opened, self.metrics, self.limits, self.file = opened, tuple(metrics), limits, file
        self.force, self.resume = force, resume
        self.shard, self.chunk = shard, chunk
        self.part = f"{file}.part"

    def write(self, engine: str, scheduler: str | None, progress: Progress) -> int:
        """Writes the file; the number of its rows. Raises InputError."""
        duckdb = _duckdb()
        whole = grid(self.opened.space, list(dict.fromkeys([*self.metrics, *self.limits])))
        if whole.places > MAX_PLACES:
            told_ = f"the grid of all choices has {whole.places:,} places: at most {MAX_PLACES:,} are written"
            raise bad_input(told_, "ask --count, --front or --sample")
        if os.path.exists(self.file) and not self.force:
            raise bad_input(f"{printable(self.file)} exists", "--force overwrites it")
        if os.path.exists(self.part) and not self.resume:
            hint = "--resume goes on with them; remove the file to begin anew"
            raise bad_input(f"{printable(self.part)}: rows that were interrupted", hint)
        try:
            with duckdb.connect(self.part) as database:
                count = self._filled(database, whole, engine, scheduler, progress)
                self._copied(database)
        except duckdb.Error as error:
            raise bad_input(f"{printable(self.file)}: {str(error).splitlines()[0]}") from error
        if self.file.endswith(".duckdb"):
            os.replace(self.part, self.file)
        else:
            os.remove(self.part)
        return count

    def _filled(self, database: Any, whole: Grid, engine: str, scheduler: str | None, progress: Progress) -> int:
        sorts = [*types(self.opened.space).items(), *[(metric, "BIGINT") for metric in self.metrics]]
        columns = ", ".join(f"{_name(name)} {sort}" for name, sort in sorts)
        database.execute(f"CREATE TABLE IF NOT EXISTS rows ({columns})")
        database.execute("CREATE TABLE IF NOT EXISTS chunks (number BIGINT PRIMARY KEY)")
        done = {number for (number,) in database.execute("SELECT number FROM chunks").fetchall()}
        mine, of = self.shard
        numbers = [number for number in range(mine - 1, -(-whole.places // self.chunk), of) if number not in done]
        begin = time.monotonic()
        for at, (number, found) in enumerate(self._computed(whole, numbers, engine, scheduler), 1):
            self._inserted(database, number, found)
            spent = time.monotonic() - begin
            progress(at, len(numbers), spent / at * (len(numbers) - at))
        return int(database.execute("SELECT count(*) FROM rows").fetchone()[0])

    def _computed(
        self, found: Grid, numbers: Sequence[int], engine: str, scheduler: str | None
    ) -> Iterator[tuple[int, Columns]]:
        if engine == "dask":
            from sepcalc.commands.clusters import computed

            yield from computed(found, numbers, self.chunk, scheduler)
            return
        for number in numbers:
            yield number, chunk(found, number * self.chunk, min((number + 1) * self.chunk, found.places))

    def _inserted(self, database: Any, number: int, found: Columns) -> None:
        """One chunk, whole or not at all."""
        columns = shown(self.opened.space, found, self.metrics, self.limits)
        named = {f"c{at}": values for at, values in enumerate(columns.values())}
        database.execute("BEGIN")
        database.register("chunk", named)
        database.execute(f"INSERT INTO rows SELECT {', '.join(named)} FROM chunk")
        database.execute("INSERT INTO chunks VALUES (?)", [number])
        database.execute("COMMIT")
        database.unregister("chunk")

    def _copied(self, database: Any) -> None:
        """The rows in the format of the file, in the order of the chunks as they were done."""
        suffix = next(suffix for suffix in SUFFIXES if self.file.endswith(suffix))
        if suffix == ".duckdb":
            database.execute("CHECKPOINT")
            return
        beside = f"{self.file}.new"
        with tidied(partial(_removed, beside)):
            quoted_path = beside.replace("'", "''")
            database.execute(f"COPY rows TO '{quoted_path}' {_COPY[suffix]}")
            os.replace(beside, self.file)


def _removed(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise bad_input("rows in a file need DuckDB", install("sweep")) from error
    return duckdb
