"""Where the history of runs lies: a SQLite file by the standard library, any other database by SQLAlchemy.

Both run the same SQL with `:name` parameters. SQLAlchemy takes as long to import as a whole run without news takes
elsewhere, so a project with the default history never imports it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reelhouse.errors import UserError
from reelhouse.runs.record import HistoryLost

Values = Mapping[str, Any]
Row = dict[str, Any]
SQLITE = "sqlite:///"


class Database(Protocol):
    """A database that may be used from any thread. Every `write` is a transaction of its own."""

    def write(self, *statements: tuple[str, Values]) -> None:
        """Do all the statements, or none. Raises `HistoryLost`."""

    def read(self, statement: str, values: Values) -> list[Row]:
        """The rows of a query. Raises `HistoryLost`."""

    def close(self) -> None:
        """Give up the connections."""


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL. Raises `UserError` when it cannot be opened."""
    if url.startswith(SQLITE):
        return SqliteDatabase(url.removeprefix(SQLITE))
    return SqlAlchemyDatabase(url)


class SqliteDatabase:
    """A SQLite file in WAL mode: several processes may write to it, and `kill -9` leaves it whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=normal")
        except sqlite3.Error as error:
            raise UserError(f"The history of runs at '{path}' cannot be opened: {error}") from error

    def write(self, *statements: tuple[str, Values]) -> None:
        with self._lock:
            try:
                self._connection.execute("begin immediate")
                for statement, values in statements:
                    self._connection.execute(statement, values)
                self._connection.execute("commit")
            except BaseException as error:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("rollback")
                if isinstance(error, sqlite3.OperationalError):
                    raise _lost(f"'{self._path}'", error) from error
                raise

    def read(self, statement: str, values: Values) -> list[Row]:
        with self._lock:
            try:
                return [dict(row) for row in self._connection.execute(statement, values)]
            except sqlite3.OperationalError as error:
                raise _lost(f"'{self._path}'", error, "read") from error

    def close(self) -> None:
        self._connection.close()


class SqlAlchemyDatabase:
    """Whatever SQLAlchemy reaches, such as `postgresql+psycopg://…`; its driver has to be installed."""

    def __init__(self, url: str) -> None:
        import sqlalchemy

        self._text = sqlalchemy.text
        try:
            self._engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
            self._engine.connect().close()
        except (sqlalchemy.exc.SQLAlchemyError, ModuleNotFoundError) as error:
            raise UserError(
                f"The history of runs cannot be opened: {error}", remedy="See `runs` in the settings."
            ) from error

    def write(self, *statements: tuple[str, Values]) -> None:
        import sqlalchemy

        try:
            with self._engine.begin() as connection:
                for statement, values in statements:
                    connection.execute(self._text(statement), dict(values))
        except sqlalchemy.exc.OperationalError as error:
            raise _lost(self._engine.url.render_as_string(), error.orig or error) from error

    def read(self, statement: str, values: Values) -> list[Row]:
        import sqlalchemy

        try:
            with self._engine.connect() as connection:
                rows: Sequence[Any] = connection.execute(self._text(statement), dict(values)).mappings().all()
                return [dict(row) for row in rows]
        except sqlalchemy.exc.OperationalError as error:
            raise _lost(self._engine.url.render_as_string(), error.orig or error, "read") from error

    def close(self) -> None:
        self._engine.dispose()


def _lost(where: str, error: BaseException, what: str = "written") -> HistoryLost:
    return HistoryLost(
        f"The history of runs at {where} cannot be {what}: {error}",
        remedy="Nothing more was started. Once that is mended, `reelhouse rerun ID --failed` goes on.",
    )
