"""A project's lake, catalog and sessions over a real engine, one engine for all tests of the folder.

It is the embedded one, or the Spark Connect server that the environment variable REELHOUSE_SPARK names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelhouse.catalog.catalog import Catalog
from reelhouse.lineage.event import LineageEvent
from reelhouse.runs.record import TableChange
from reelhouse.spark.engines import choose_engine
from reelhouse.spark.engines.engine import Engine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake


class SharedEngine:
    """An engine that outlives the sessions of one test."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name

    def start(self) -> str:
        return self._engine.start()

    def stop(self) -> None:
        """Left to the end of all tests."""


class Recorded:
    """Run log and lineage port in one: what was told to them."""

    def __init__(self) -> None:
        self.events: list[LineageEvent] = []
        self.changes: list[TableChange] = []
        self.notes: list[str] = []

    def record(self, event: LineageEvent, *, run_id: str | None = None) -> None:
        self.events.append(event)

    def table_changed(self, change: TableChange, *, run_id: str | None = None) -> None:
        self.changes.append(change)

    def note(self, message: str, *, run_id: str | None = None) -> None:
        self.notes.append(message)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = choose_engine(os.environ.get("REELHOUSE_SPARK"))
    yield engine
    engine.stop()


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> Iterator[Any]:
    """An empty project: `.spark`, `.sessions`, `.context`, `.catalog`, `.lake`, `.recorded`."""
    lake = Lake(tmp_path / "lake")
    catalog = Catalog(tmp_path / "catalog.db", lake)
    catalog.create_schema("bronze", "abfss://bronze@acc.dfs.core.windows.net/")
    recorded = Recorded()
    sessions = Sessions(SharedEngine(engine), catalog, lake, lineage=recorded, runs=recorded)  # type: ignore[arg-type]
    spark = sessions.open()
    yield SimpleNamespace(
        spark=spark,
        interceptor=spark.client._builder._interceptors[0],  # type: ignore[attr-defined]
        sessions=sessions,
        context=sessions.context(spark),
        catalog=catalog,
        lake=lake,
        recorded=recorded,
        path=tmp_path,
    )
    sessions.stop()
    catalog.close()
