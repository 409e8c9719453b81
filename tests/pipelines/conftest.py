"""A pipeline over the real engine: write its files, fill its sources, update it, read its tables."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reelhouse.catalog.catalog import Catalog
from reelhouse.errors import Place
from reelhouse.pipelines.event_log import read_event_log
from reelhouse.pipelines.run import PipelineServices, UpdateResult, run_update
from reelhouse.runs.store import RunStore
from reelhouse.spark.engines.sail import SailEngine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake
from reelhouse.streaming.run import Streaming

os.environ.setdefault("RUST_LOG", "error")


class _SharedEngine:
    def __init__(self, engine: SailEngine) -> None:
        self._engine = engine
        self.name = engine.name

    def start(self) -> str:
        return self._engine.start()

    def stop(self) -> None:
        """Left to the end of all tests."""


@pytest.fixture(scope="session")
def engine() -> Iterator[SailEngine]:
    engine = SailEngine()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def bare_engine(engine: SailEngine) -> Iterator[Any]:
    """A session of the embedded engine without anything of ours in between."""
    from pyspark.sql.connect.session import SparkSession

    spark = SparkSession.builder.remote(engine.start()).create()
    yield spark
    spark.stop()


@dataclass
class Settings:
    """What a bundle says of a pipeline."""

    root: Path
    libraries: list[tuple[str, str]] = field(default_factory=list)
    key: str = "films"
    id: str = "films-id"
    name: str = "films"
    place: Place = field(default_factory=lambda: Place("databricks.yml", "resources.pipelines.films"))
    catalog: str | None = "netflix"
    schema: str | None = "silver"
    storage: str | None = None
    configuration: dict[str, str] = field(default_factory=dict)
    root_path: Path | None = None
    development: bool = True
    continuous: bool = False
    edition: str = "ADVANCED"
    serverless: bool = False
    event_log: dict[str, str] | None = None


class Lab:
    """One pipeline in a folder of its own."""

    def __init__(self, folder: Path, engine: SailEngine) -> None:
        self.folder = folder
        self.source = folder / "src"
        self.source.mkdir()
        self.lake = Lake(folder / "lake")
        self.catalog = Catalog(folder / "catalog.db", self.lake)
        self.runs = RunStore(f"sqlite:///{folder / 'runs.db'}")
        self.told: list[Any] = []
        self.runs.subscribe(self.told.append)
        self.sessions = Sessions(_SharedEngine(engine), self.catalog, self.lake, runs=self.runs)
        self.sessions.streaming = Streaming()
        self.settings = Settings(self.source)
        self.opened = 0
        self.spark = self.sessions.open()
        for schema in ("bronze", "silver", "gold"):
            self.catalog.create_schema(schema, if_not_exists=True)

    def services(self) -> PipelineServices:
        def sessions() -> Sessions:
            self.opened += 1
            return self.sessions

        return PipelineServices(sessions, self.catalog, self.lake, self.folder / "state", self.runs)

    def file(self, name: str, text: str) -> None:
        """Write a file of the pipeline."""
        (self.source / name).write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        library = ("file", str(self.source / name))
        if library not in self.settings.libraries:
            self.settings.libraries.append(library)

    def table(self, name: str, rows: Sequence[tuple[Any, ...]], schema: str, mode: str = "append") -> None:
        """Write rows to a table that is none of the pipeline's."""
        self.spark.createDataFrame(list(rows), schema).write.mode(mode).saveAsTable(name)

    def update(self, **options: Any) -> UpdateResult:
        return run_update(self.settings, self.services(), **options)

    def succeed(self, **options: Any) -> UpdateResult:
        result = self.update(**options)
        assert result.succeeded, result.error
        return result

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table in order."""
        frame = self.spark.read.table(table)
        return sorted((tuple(r) for r in (frame.select(*columns) if columns else frame).collect()), key=str)

    def version(self, table: str) -> int:
        from reelhouse.delta import log

        version = log.current_version(self.catalog.table(table).location)
        assert version is not None
        return version

    def events(self, event_type: str) -> list[dict[str, Any]]:
        records = read_event_log(self.folder / "state" / self.settings.key)
        return [r for r in records if r["event_type"] == event_type]

    def close(self) -> None:
        self.sessions.close(self.spark)
        self.sessions.stop()
        self.catalog.close()
        self.runs.close()


@pytest.fixture
def lab(engine: SailEngine, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, engine)
    yield made
    made.close()
