"""What the tests of Auto Loader share: files to read, and rows as plain lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.ddl import fields
from reelhouse.autoloader.request import Column, FileEntry, Request
from reelhouse.autoloader.shape import Shape
from reelhouse.autoloader.source import plan_partitions, read_piece
from reelhouse.storage.lake import Lake


@pytest.fixture
def entry() -> Callable[..., FileEntry]:
    """Describes a file, written first when `content` is given."""

    def describe(path: Path, content: str | bytes | None = None, **more: Any) -> FileEntry:
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        status = os.stat(path)
        return FileEntry(str(path), status.st_size, status.st_mtime_ns // 1_000_000, **more)

    return describe


@pytest.fixture
def read() -> Callable[..., list[dict[str, Any]]]:
    """Reads files without an engine: the rows as dictionaries, in the order of files and lines."""

    def rows(
        files: Sequence[FileEntry],
        format: str,
        options: Mapping[str, str],
        schema: str,
        *,
        partitions: Sequence[str] = (),
        **more: Any,
    ) -> list[dict[str, Any]]:
        special = {more.get("rescued"), more.get("corrupt")}
        columns = tuple(Column(name, kind, name in partitions) for name, kind in fields(schema) if name not in special)
        request = Request(tuple(files), format, options, columns, **more)
        shape = Shape(request)
        found: list[dict[str, Any]] = []
        for group in plan_partitions(request):
            for index, start, end in group:
                for batch in read_piece(request, shape, request.files[index], (start, end)):
                    found += batch.to_pylist()
        return found

    return rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def sail() -> Iterator[Any]:
    """A session of a bare embedded engine that knows the data source."""
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    from reelhouse.autoloader.reader import register

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    session = SparkSession.builder.channelBuilder(DefaultChannelBuilder(f"sc://{host}:{port}")).create()
    register(session)
    yield session
    session.stop()
    server.stop()


@pytest.fixture
def table(sail: Any) -> Callable[[Any], Any]:
    """Runs a plan on the engine; gives a DataFrame."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import LogicalPlan

    class Given(LogicalPlan):
        def __init__(self, relation: Any) -> None:
            super().__init__(None)
            self._relation = relation

        def plan(self, session: Any) -> Any:
            relation = type(self._relation)()
            relation.CopyFrom(self._relation)
            relation.common.plan_id = self._plan_id
            return relation

    return lambda relation: DataFrame(Given(relation), sail)
