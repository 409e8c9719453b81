"""The pipeline's files, evaluated over plain DataFrames of the embedded engine: no tables, only expressions."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
DATABRICKS = PROJECT / "databricks"


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@dataclass
class Definitions:
    """What the files of silver and gold declare."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: dict[str, Callable[[], Any]] = field(default_factory=dict)
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)


def recorder(into: Definitions) -> SimpleNamespace:
    """A stand-in for the pipelines module that writes down what it is told."""

    def dataset(kind: str) -> Callable[..., Any]:
        def declare(**options: Any) -> Callable[..., Any]:
            def decorate(function: Callable[[], Any]) -> Callable[[], Any]:
                into.tables[options["name"]] = {"kind": kind, **options}
                into.queries[options["name"]] = function
                return function

            return decorate

        return declare

    def expect(name: str, constraint: str) -> Callable[..., Any]:
        return lambda function: function

    return SimpleNamespace(
        table=dataset("table"),
        materialized_view=dataset("materialized_view"),
        temporary_view=dataset("temporary_view"),
        expect=expect,
        create_streaming_table=lambda **options: into.tables.__setitem__(options["name"], {"kind": "table", **options}),
        create_auto_cdc_from_snapshot_flow=lambda **options: into.snapshots.__setitem__(options["target"], options),
    )


class Lakehouse:
    """Stands for `spark` in a pipeline: tables are DataFrames in a dictionary."""

    def __init__(self, engine: Any, config_path: Path) -> None:
        self.engine = engine
        self.tables: dict[str, Any] = {}
        self.read = SimpleNamespace(table=self._table, text=self._text)
        self.readStream = SimpleNamespace(table=self._table)
        self.conf = SimpleNamespace(get={"netflix.config_path": str(config_path)}.__getitem__)

    def _table(self, name: str) -> Any:
        return self.tables[name]

    def _text(self, path: str, *, wholetext: bool) -> Any:
        rows = [{"value": Path(path).read_text(encoding="utf-8")}]
        return SimpleNamespace(collect=lambda: rows)


def load(lakehouse: Any) -> Definitions:
    """Evaluate every file of silver and gold, as a pipeline does."""
    import pyspark

    definitions = Definitions()
    stand_in = recorder(definitions)
    former = sys.modules.get("pyspark.pipelines")
    attribute = getattr(pyspark, "pipelines", None)
    sys.path.insert(0, str(DATABRICKS))
    sys.modules["pyspark.pipelines"] = stand_in  # type: ignore[assignment]
    pyspark.pipelines = stand_in
    try:
        for file in sorted([*DATABRICKS.glob("silver/*.py"), *DATABRICKS.glob("gold/*.py")]):
            runpy.run_path(str(file), init_globals={"spark": lakehouse})
    finally:
        sys.path.remove(str(DATABRICKS))
        del sys.modules["pyspark.pipelines"]
        del pyspark.pipelines
        if former is not None:
            sys.modules["pyspark.pipelines"] = former
        if attribute is not None:
            pyspark.pipelines = attribute
    return definitions


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A bare session of the embedded engine."""
    os.environ.setdefault("SPARK_HOME", "/nonexistent")
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    spark = SparkSession.builder.channelBuilder(DefaultChannelBuilder(f"sc://{host}:{port}")).create()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    yield spark
    spark.stop()
    server.stop()


@pytest.fixture
def lakehouse(engine: Any) -> Lakehouse:
    """A lakehouse without tables."""
    return Lakehouse(engine, PROJECT / "config" / "pipeline_config.json")


@pytest.fixture
def definitions(lakehouse: Lakehouse) -> Definitions:
    """The pipeline over that lakehouse."""
    return load(lakehouse)


@pytest.fixture(scope="session")
def declared() -> Definitions:
    """What the pipeline declares, for tests that run no query."""
    return load(None)
