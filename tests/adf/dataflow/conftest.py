"""Data flows over a real engine: one engine for all tests of the folder, a session for each data flow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.run import PipelineRun, run_pipeline
from reelhouse.adf.validate import validate
from reelhouse.catalog.catalog import Catalog
from reelhouse.errors import UserError
from reelhouse.spark.engines import choose_engine
from reelhouse.spark.engines.engine import Engine
from reelhouse.spark.session import Sessions
from reelhouse.storage.lake import Lake

LINKED = {"referenceName": "ls_lake", "type": "LinkedServiceReference"}


def _dataset(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {
            "type": kind,
            "linkedServiceName": LINKED,
            "parameters": {"folder": {"type": "string"}, "file": {"type": "string", "defaultValue": ""}},
            "typeProperties": {
                "location": {
                    "type": "AzureBlobFSLocation",
                    "fileSystem": "raw",
                    "folderPath": "@dataset().folder",
                    "fileName": "@dataset().file",
                },
                **more,
            },
        },
    }


DATASETS = [
    _dataset("df_csv", "DelimitedText", firstRowAsHeader=True, escapeChar='"'),
    _dataset("df_csv_bare", "DelimitedText"),
    _dataset("df_json", "Json"),
    _dataset("df_parquet", "Parquet"),
]


class _Shared:
    """An engine that outlives the sessions of one test."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name

    def start(self) -> str:
        return self._engine.start()

    def stop(self) -> None:
        """Left to the end of all tests."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = choose_engine(os.environ.get("REELHOUSE_SPARK"))
    yield engine
    engine.stop()


@pytest.fixture
def open_spark(engine: Engine, lake: Lake, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    sessions = Sessions(_Shared(engine), Catalog(tmp_path / "catalog.db", lake), lake)  # type: ignore[arg-type]

    @contextmanager
    def session() -> Iterator[Any]:
        spark = sessions.open()
        try:
            yield spark
        finally:
            sessions.close(spark)

    yield session
    sessions.stop()


@dataclass
class Flows:
    """Runs data flows of a script, each end of which is a dataset or an inline place in `raw`."""

    make_factory: Callable[..., Any]
    services: Any
    raw: Path

    def write(self, path: str, text: str) -> None:
        file = self.raw / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def factory(
        self,
        script: str,
        ends: Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        transformations: Sequence[str] = (),
        **activity: Any,
    ) -> Any:
        """A factory with the pipeline `main`. Ends are `dataset:folder[/file]`, or `inline`."""
        groups: dict[str, list[Any]] = {"sources": [], "sinks": []}
        given: dict[str, Any] = {}
        for name, end in ends.items():
            kind = "sinks" if f"~> {name}" in script and "sink(" in _statement(script, name) else "sources"
            if end == "inline":
                groups[kind].append({"name": name, "linkedService": LINKED})
                continue
            dataset, _, place = end.partition(":")
            folder, _, file = place.partition("/") if "." in place else (place, "", "")
            groups[kind].append({"name": name, "dataset": {"referenceName": dataset, "type": "DatasetReference"}})
            given[name] = {"folder": folder, "file": file}
        flow = {
            "name": "flow",
            "properties": {
                "type": "MappingDataFlow",
                "typeProperties": {
                    **groups,
                    "transformations": [{"name": name} for name in transformations],
                    "scriptLines": script.strip().split("\n"),
                },
            },
        }
        reference = {"referenceName": "flow", "type": "DataFlowReference", "datasetParameters": given}
        if parameters is not None:
            reference["parameters"] = dict(parameters)
        body = [
            {
                "name": "flow it",
                "type": "ExecuteDataFlow",
                "typeProperties": {"dataflow": reference, "compute": {"coreCount": 8}, **activity},
            }
        ]
        return self.make_factory({"main": body}, objects={"dataset": DATASETS, "dataflow": [flow]})

    def __call__(self, script: str, ends: Mapping[str, Any], parameters: Any = None, **activity: Any) -> PipelineRun:
        return run_pipeline(self.factory(script, ends, parameters, **activity), "main", {}, self.services)

    def output(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        """What the activity gives; the run has to succeed."""
        done = self(*arguments, **more)
        assert done.status.value == "Succeeded", done.message
        return done.activities["flow it"]["output"]

    def findings(self, script: str, ends: Mapping[str, Any], parameters: Any = None, **activity: Any) -> list[str]:
        return [str(item) for item in validate(self.factory(script, ends, parameters, **activity))]

    def refusal(self, *arguments: Any, **more: Any) -> str:
        """Why a run does not even start."""
        with pytest.raises(UserError) as caught:
            self(*arguments, **more)
        return str(caught.value)

    def rows(self, folder: str) -> list[dict[str, Any]]:
        """The rows of the JSON documents of a folder."""
        files = sorted((self.raw / folder).rglob("*.json"))
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    def through(self, steps: str, data: Mapping[str, str], parameters: Any = None) -> list[dict[str, Any]]:
        """The rows that come out of `steps`, whose last stream is `out`. `data` is CSV with typed names by stream."""
        sources, ends = [], {}
        for name, text in data.items():
            header, _, rest = text.strip().partition("\n")
            columns = [part.split(":") for part in header.split(",")]
            self.write(f"in/{name}.csv", ",".join(column[0] for column in columns) + "\n" + rest + "\n")
            typed = ", ".join(f"{{{column[0]}}} as {[*column, 'string'][1]}" for column in columns)
            sources.append(f"source(output({typed}), allowSchemaDrift: true, validateSchema: false) ~> {name}")
            ends[name] = f"df_csv:in/{name}.csv"
        script = "\n".join([*sources, steps.strip(), "out sink(truncate: true) ~> done"])
        self.output(script, {**ends, "done": "df_json:out"}, parameters)
        return self.rows("out")


def _statement(script: str, name: str) -> str:
    before = script[: script.index(f"~> {name}")]
    return before[max(before.rfind("~>"), 0) :]


@pytest.fixture
def flows(make_factory, services, raw, open_spark) -> Flows:
    services.spark = open_spark
    return Flows(make_factory, services, raw)
