"""Which database stands in for which linked service: `[sql]` of reelhouse.toml.

A key is the name of a linked service, or `server/database`, or `server` as the linked service spells them. On SQLite
the default schema (`dbo`, `public`) is the file itself, and any other schema is a file beside it that is attached:
`stage.t` of `sales.db` is the table `t` of `sales.stage.db`. `schemas` maps names otherwise, to `main` or to a file.
On other databases it maps the schemas of the artifacts to those that are there; `dbo` is `public` on PostgreSQL.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelhouse.adf.expression.values import text
from reelhouse.adf.settings.sql import DIALECTS, SqlService
from reelhouse.adf.sql.errors import failed
from reelhouse.adf.sql.names import quoted
from reelhouse.adf.sql.target import SqlTarget
from reelhouse.errors import Place, UserError, did_you_mean

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PLACE = Place("reelhouse.toml", "sql")
_DEFAULT_SCHEMAS = ("", "dbo", "public", "main")
_SQLGLOT = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}
_OPTION = r"(?:^|;)\s*(?:{})\s*=\s*(?:tcp:)?([^;,]+)"


@dataclass
class Database:
    """A database that is there. `key` is its name in the settings, which may be shown; its URL may not."""

    key: str
    service: str
    spoken: str
    """sqlglot's name of the SQL that the artifacts are written in."""
    target: SqlTarget
    root: Path
    password: Callable[[], str] | None = None
    _engine: Engine | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kind(self) -> str:
        """SQLAlchemy's name of the database: sqlite, postgresql, …."""
        return re.split(r"[+:]", self.target.url, maxsplit=1)[0].lower()

    @property
    def dialect(self) -> str:
        """sqlglot's name of the SQL that the database takes."""
        return _SQLGLOT.get(self.kind, self.kind)

    @property
    def translates(self) -> bool:
        """Whether statements are read, and written anew for this database."""
        return self.target.translate and (self.dialect != self.spoken or bool(self.target.schemas))

    def secrets(self) -> Iterator[str]:
        """What must not be in any record."""
        if self.password is not None:
            yield self.password()
        match = re.match(r"[^/]*//[^/@:]*:([^@/]+)@", self.target.url)
        if match:
            yield match[1]

    def engine(self) -> Engine:
        """The engine, made once. Raises `UserError` when the driver is missing."""
        with self._lock:
            if self._engine is None:
                self._engine = _make_engine(self)
            return self._engine

    @contextmanager
    def connect(self, code: str, isolation: str | None = None) -> Iterator[Connection]:
        """A connection with a transaction that is committed at the end, or rolled back by an error.

        Raises `ActivityFailed` with the code.
        """
        import sqlite3

        from sqlalchemy.exc import DBAPIError

        engine = self.engine()
        if isolation and self.kind != "sqlite":
            # SQLite serializes, which is more than any other level asks for.
            engine = engine.execution_options(isolation_level=isolation)
        try:
            with engine.connect() as connection:
                connection.begin()  # COPY is not seen by SQLAlchemy, which begins with what it sees
                yield connection
                connection.commit()
        except (DBAPIError, sqlite3.Error) as error:
            raise failed(error, self.key, code) from error

    def schema(self, name: str) -> str | None:
        """The schema on this database that a schema of the artifacts means; None for the default."""
        mapped = {key.lower(): value for key, value in self.target.schemas.items()}.get(name.lower())
        if self.kind == "sqlite":
            if mapped == "main" or (mapped is None and name.lower() in _DEFAULT_SCHEMAS):
                return None
            return name
        if mapped is not None:
            return mapped
        if self.kind == "postgresql":
            return None if name.lower() in ("", "dbo") else name
        return name or None

    def attached(self) -> Mapping[str, Path]:
        """The files of the schemas of a SQLite database, by the schema."""
        main = self.file()
        found = {path.name.split(".")[-2]: path for path in main.parent.glob(f"{main.stem}.*{main.suffix}")}
        given = {name: self.root / value for name, value in self.target.schemas.items() if value != "main"}
        return {**found, **given}

    def file(self) -> Path:
        """The file of a SQLite database."""
        from sqlalchemy import make_url

        name = make_url(self.target.url).database
        if not name or name == ":memory:":
            raise UserError("A SQLite database of [sql] has to be a file", where=_PLACE.at(self.key))
        return self.root / name

    def attach(self, connection: Connection, schema: str | None) -> None:
        """Make a schema of a SQLite database if it is not there yet. It is a file of its own."""
        if self.kind != "sqlite" or schema is None:
            return
        have = {row[1].lower() for row in connection.exec_driver_sql("PRAGMA database_list")}
        if schema.lower() not in have:
            main = self.file()
            path = main.with_name(f"{main.stem}.{schema}{main.suffix}")
            connection.exec_driver_sql(f"ATTACH DATABASE ? AS {quoted(schema)}", (str(path),))


class Databases:
    """All databases of a project. `secret` gives the value of a secret by scope and key."""

    def __init__(
        self, targets: Mapping[str, SqlTarget], root: Path, secret: Callable[[str, str], str] | None = None
    ) -> None:
        self._targets = targets
        self._root = root
        self._secret = secret
        self._open: dict[tuple[str, str], Database] = {}
        self._lock = threading.Lock()

    def find(self, service: str, kind: str, settings: SqlService, place: Place) -> Database:
        """The database of a linked service of a type. Raises `UserError` naming the keys that would do."""
        server, database = server_of(settings)
        candidates = [service, f"{server}/{database}", server] if server else [service]
        if database:
            candidates.insert(0, f"{service}/{database}")
        lower = {key.lower(): key for key in self._targets}
        key = next((lower[name.lower()] for name in candidates if name.lower() in lower), None)
        if key is None:
            near = did_you_mean(service, self._targets) if self._targets else ""
            raise UserError(
                f"No local database stands in for the linked service '{service}' ({kind})",
                where=place,
                remedy=f'{near} Add "{service}" = "sqlite:///{service}.db" to [sql] of reelhouse.toml.'.strip(),
            )
        with self._lock:
            identity = (key, DIALECTS[kind])
            if identity not in self._open:
                self._open[identity] = self._make(key, service, DIALECTS[kind])
            return self._open[identity]

    def _make(self, key: str, service: str, spoken: str) -> Database:
        target = self._targets[key]
        return Database(key, service, spoken, target, self._root, self._password(key, target))

    def _password(self, key: str, target: SqlTarget) -> Callable[[], str] | None:
        if target.password is None:
            return None
        scope, separator, name = target.password.partition("/")
        if not separator or self._secret is None:
            raise UserError(
                f"'password' of [sql] names a secret as scope/key, it is not the password itself ('{key}')",
                where=_PLACE.at(key).at("password"),
            )
        secret = self._secret
        return lambda: secret(scope, name)

    def close(self) -> None:
        """Close all connections."""
        for database in self._open.values():
            if database._engine is not None:
                database._engine.dispose()


def server_of(settings: SqlService) -> tuple[str, str]:
    """The server and the database that a linked service names, as far as it does."""
    connection = text(settings.connection_string) if isinstance(settings.connection_string, str) else ""
    if isinstance(settings.connection_string, Mapping):
        connection = text(settings.connection_string.get("value"))
    return (
        text(settings.server).removeprefix("tcp:").partition(",")[0].strip()
        or _option(connection, "server|data source|host|address"),
        text(settings.database).strip() or _option(connection, "database|initial catalog|db"),
    )


def _option(connection: str, names: str) -> str:
    match = re.search(_OPTION.format(names), connection, re.IGNORECASE)
    return match[1].strip() if match else ""


def _make_engine(database: Database) -> Engine:
    from sqlalchemy import create_engine, event, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    place = _PLACE.at(database.key)
    try:
        url = make_url(database.target.url)
        if database.password is not None:
            url = url.set(password=database.password())
        if database.kind == "sqlite":
            file = database.file()
            file.parent.mkdir(parents=True, exist_ok=True)
            url = url.set(database=str(file))
        engine = create_engine(url, pool_pre_ping=database.kind != "sqlite", hide_parameters=True)
    except (ArgumentError, NoSuchModuleError):
        raise UserError(
            f"The URL of '{database.key}' is none of SQLAlchemy's", where=place,
            remedy="Write it as sqlite:///file.db or postgresql+psycopg://user@host/database.",
        ) from None  # fmt: skip
    except ModuleNotFoundError as error:
        raise UserError(
            f"The driver '{error.name}' of the database '{database.key}' is not installed", where=place,
            remedy=f"pip install {error.name}",
        ) from None  # fmt: skip
    if database.kind == "sqlite":
        event.listen(engine, "connect", lambda dbapi, _: _open_sqlite(database, dbapi))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _open_sqlite(database: Database, connection: Any) -> None:
    """Transactions are begun by the engine alone, so that DDL is part of them; readers do not block the writer."""
    connection.isolation_level = None
    _readers_beside_writer(connection, "main")
    for schema, path in database.attached().items():
        connection.execute(f"ATTACH DATABASE ? AS {quoted(schema)}", (str(path),)).close()
        _readers_beside_writer(connection, schema)


def _readers_beside_writer(connection: Any, schema: str) -> None:
    """The mode is a property of the file: a file that someone else holds just now keeps its own."""
    import sqlite3

    (mode,) = connection.execute(f"PRAGMA {quoted(schema)}.journal_mode").fetchone()
    if mode != "wal":
        with suppress(sqlite3.OperationalError):
            connection.execute(f"PRAGMA {quoted(schema)}.journal_mode=WAL").close()
