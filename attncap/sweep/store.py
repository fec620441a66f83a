"""The SQLite store of a sweep: one row a cell, written in transactions by one driver at a time."""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attncap.errors import InputError, UnmetError
from attncap.sweep.cells import Cell, key
from attncap.sweep.worker import Outcome

FILE = "results.sqlite"
VERSION = 3
SCHEMA = f"""
CREATE TABLE environments (id INTEGER PRIMARY KEY, description TEXT UNIQUE NOT NULL);
CREATE TABLE cells (
    id INTEGER PRIMARY KEY,
    key TEXT UNIQUE NOT NULL,
    code TEXT NOT NULL,               -- hash of the code that runs it
    identity TEXT NOT NULL,           -- JSON of everything else that changes the number; key hashes both
    twin TEXT NOT NULL DEFAULT '',    -- hash of the identity: cells of other code that have it too
    pack TEXT NOT NULL,               -- cells of one pack may run together
    planned INTEGER NOT NULL,         -- place in the last grid, from 1; 0 if it does not hold the cell
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'failed')),
    result TEXT,                      -- JSON
    error TEXT,
    seconds REAL,
    finished REAL,                    -- Unix time
    environment INTEGER REFERENCES environments
);
CREATE INDEX queue ON cells (status, pack, id, planned);
CREATE INDEX twins ON cells (twin);
CREATE TABLE runs (id INTEGER PRIMARY KEY, started REAL NOT NULL);
PRAGMA user_version = {VERSION};
"""


@dataclass(frozen=True)
class Counts:
    """How many cells of the last grid are in each state."""

    pending: int
    done: int
    failed: int


class Store:
    """The store ``DIRECTORY/results.sqlite``.

    Every change is one transaction, on the disk before it returns (WAL, ``synchronous = FULL``): a
    driver killed at any moment leaves each cell either recorded or pending. Only one driver writes.

    Args:
        directory: where the store is, or will be if ``create``.
        create: make the directory and the store where they are missing.

    Raises:
        InputError: there is no store, or the file is none.
    """

    def __init__(self, directory: str | Path, *, create: bool = False) -> None:
        self.path = Path(directory) / FILE
        if create:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{directory}: cannot write here ({error.strerror})") from None
        elif not self.path.is_file():
            raise InputError(f"{directory}: has no {FILE}; make one with attncap sweep")
        elif not self.path.stat().st_size:
            raise InputError(f"{self.path}: is empty; expected the store of a sweep")
        with self._reporting():
            self.connection = sqlite3.connect(self._address, uri=True, isolation_level=None, timeout=60)
        try:
            with self._reporting():
                self._prepare(reading=not create)
        except Exception:
            self.close()
            raise

    def _prepare(self, *, reading: bool = False) -> None:
        self.connection.execute("PRAGMA synchronous = FULL")
        tables = self._tables()
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if not version and not tables:
            # Drivers that start together must not make the tables twice.
            with self.driving():
                if not self._tables():
                    self.connection.execute("PRAGMA journal_mode = WAL")
                    self.connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        elif reading and version == VERSION - 1:
            pass  # What it lacks is for planning only, and it may be one that cannot be written.
        elif version in range(1, VERSION):
            with self.driving(), self._transaction() as connection:
                if version == 1:
                    connection.execute("ALTER TABLE cells ADD COLUMN code TEXT NOT NULL DEFAULT ''")
                    connection.execute("UPDATE cells SET code = json_extract(identity, '$.code')")
                connection.create_function("key", 1, key, deterministic=True)
                connection.execute("ALTER TABLE cells ADD COLUMN twin TEXT NOT NULL DEFAULT ''")
                connection.execute("UPDATE cells SET twin = key(identity)")
                connection.execute("DROP INDEX IF EXISTS same")
                connection.execute("CREATE INDEX twins ON cells (twin)")
                connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise InputError(f"{self.path}: expected an attncap sweep of version {VERSION}, got version {version}")

    @property
    def _address(self) -> str:
        """Return the file's URI: read only where it cannot be written, and there without the files of a log."""
        if all(os.access(path, os.W_OK) for path in (self.path.parent, self.path) if path.exists()):
            return self.path.absolute().as_uri()
        log = self.path.with_name(f"{FILE}-wal")
        return f"{self.path.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"

    def _tables(self) -> int:
        return self.connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Hold the store against a second driver; the system lets go of it when this process ends, however.

        Raises:
            UnmetError: another driver holds it.
        """
        with self._reporting():
            # A moment's patience: `running` looks at the lock too.
            lock = sqlite3.connect(self._lock, isolation_level=None, timeout=1)
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                lock.close()
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    raise UnmetError(f"{self.path.parent}: another driver is running this sweep; wait for it") from None
                raise
        try:
            yield
        finally:
            lock.close()

    @property
    def _lock(self) -> Path:
        return self.path.with_name("driver.lock")

    @property
    def running(self) -> bool:
        """Whether a driver holds the store."""
        if not self._lock.exists():
            return False
        with closing(sqlite3.connect(self._lock, timeout=0)) as lock:
            try:
                lock.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            except sqlite3.OperationalError:
                return True
        return False

    def plan(self, cells: Iterable[Cell], *, retry_failed: bool = False, reuse: bool = False) -> Counts:
        """Take in the cells of a grid; those that are recorded stay so.

        Args:
            cells: the grid. Cells of earlier grids stay in the store, but are not counted.
            retry_failed: make the failed ones pending again.
            reuse: where other code has done what these cells would, take its latest results.

        Returns:
            The counts before anything runs.
        """
        with self._transaction() as connection:
            connection.execute(
                "CREATE TEMP TABLE plan (key TEXT PRIMARY KEY, identity TEXT, twin TEXT, code TEXT, pack TEXT)"
            )
            rows = ((cell.key, cell.identity, key(cell.identity), cell.code, cell.pack) for cell in cells)
            connection.executemany("INSERT OR IGNORE INTO plan VALUES (?, ?, ?, ?, ?)", rows)
            if reuse:
                connection.execute(
                    "UPDATE plan SET key = coalesce((SELECT cells.key FROM cells WHERE cells.twin = plan.twin "
                    "AND status = 'done' ORDER BY finished DESC LIMIT 1), key) "
                    "WHERE key NOT IN (SELECT key FROM cells WHERE status = 'done')"
                )
            connection.execute(
                "UPDATE cells SET planned = place FROM (SELECT cells.id AS cell, coalesce(plan.rowid, 0) AS place "
                "FROM cells LEFT JOIN plan USING (key)) WHERE id = cell AND planned != place"
            )
            connection.execute(
                "INSERT OR IGNORE INTO cells (key, identity, twin, code, pack, planned) "
                "SELECT key, identity, twin, code, pack, rowid FROM plan ORDER BY rowid"
            )
            if retry_failed:
                connection.execute("UPDATE cells SET status = 'pending' WHERE planned AND status = 'failed'")
            connection.execute("DROP TABLE plan")
        return self.counts()

    def of_other_code(self, code: str) -> tuple[int, int]:
        """Count the cells of the last grid whose result is of other code, and those to run that other code has done."""
        ((reused,),) = self._select("SELECT count(*) FROM cells WHERE planned > 0 AND code != ?", (code,))
        ((other,),) = self._select(
            "SELECT count(*) FROM cells WHERE planned > 0 AND status = 'pending' AND EXISTS "
            "(SELECT 1 FROM cells AS older WHERE older.twin = cells.twin AND older.status = 'done')"
        )
        return reused, other

    def latest(self, identity: str) -> tuple[str, float] | None:
        """Return the result (JSON) and the seconds of a cell that some code has done, the last to do so."""
        found = self._select(
            "SELECT result, seconds FROM cells WHERE twin = ? AND status = 'done' ORDER BY finished DESC LIMIT 1",
            (key(identity),),
        )
        return found[0] if found else None

    def start(self) -> None:
        """Note that cells begin to run."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO runs (started) VALUES (?)", (time.time(),))

    def pending(self, page: int = 1000) -> Iterator[tuple[str, str, str]]:
        """Yield (key, identity, pack) of the cells to run, pack by pack, reading a page at a time."""
        pack, last = "", 0
        while rows := self._select(
            "SELECT pack, id, key, identity FROM cells WHERE planned > 0 AND status = 'pending' "
            "AND (pack, id) > (?, ?) ORDER BY pack, id LIMIT ?",
            (pack, last, page),
        ):
            yield from ((key, identity, pack) for pack, _, key, identity in rows)
            pack, last = rows[-1][:2]

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write what cells gave, in one transaction; a cell that is done is never written again."""
        with self._transaction() as connection:
            for environment in {outcome.environment for outcome in outcomes}:
                connection.execute("INSERT OR IGNORE INTO environments (description) VALUES (?)", (environment,))
            connection.executemany(
                "UPDATE cells SET status = ?, result = ?, error = ?, seconds = ?, finished = ?, "
                "environment = (SELECT id FROM environments WHERE description = ?) WHERE key = ? AND status != 'done'",
                [
                    ("failed" if o.error else "done", o.result, o.error, o.seconds, time.time(), o.environment, o.key)
                    for o in outcomes
                ],
            )

    def counts(self) -> Counts:
        """Count the cells of the last grid by state."""
        found = dict(self._select("SELECT status, count(*) FROM cells WHERE planned > 0 GROUP BY status"))
        return Counts(*(found.get(status, 0) for status in ("pending", "done", "failed")))

    def errors(self, limit: int = 10) -> list[tuple[str, int, str]]:
        """Return (last line, cells, identity of the first) of the most frequent errors of the last grid."""
        found: dict[str, tuple[int, str]] = {}
        for error, identity in self._select(
            "SELECT error, identity FROM cells WHERE planned > 0 AND status = 'failed' ORDER BY planned"
        ):
            line = error.splitlines()[-1]
            cells, first = found.get(line, (0, identity))
            found[line] = cells + 1, first
        frequent = sorted(found.items(), key=lambda item: -item[1][0])[:limit]
        return [(line, cells, first) for line, (cells, first) in frequent]

    def codes(self) -> dict[str, int]:
        """Count the cells of the last grid by the code that runs them, the most frequent first."""
        query = "SELECT code, count(*) FROM cells WHERE planned > 0 GROUP BY code ORDER BY count(*) DESC, code"
        return dict(self._select(query))

    def rate(self) -> float | None:
        """Return the cells recorded per second since the last driver started (None before the second)."""
        ((started,),) = self._select("SELECT max(started) FROM runs")
        ((cells, last),) = self._select(
            "SELECT count(*), max(finished) FROM cells WHERE planned > 0 AND finished > ?", (started or 0.0,)
        )
        return cells / (last - started) if cells else None

    def rows(self) -> list[dict[str, Any]]:
        """Read the cells of the last grid, in its order."""
        names = ("key", "identity", "code", "status", "result", "error", "seconds", "finished", "environment")
        found = self._select(
            "SELECT key, identity, code, status, result, error, seconds, finished, description FROM cells "
            "LEFT JOIN environments ON environments.id = environment WHERE planned > 0 ORDER BY planned"
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def _select(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._reporting():
            return self.connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reporting():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself if the disk is full.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            # What Python's own module raises has no code of SQLite's.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise InputError(f"{self.path}: expected the whole store of a sweep ({error})") from None
            advice = "; what is recorded is safe: free space and run the same again"
            full = code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
            raise UnmetError(f"{self.path}: {error}{advice if full else ''}") from None
