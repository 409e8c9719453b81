"""A small factory to run against: a lake in a temporary folder, runs in memory, HTTP on loopback."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.factory import Factory, load_factory
from reelhouse.adf.http import HttpxSource
from reelhouse.adf.run import PipelineRun, run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.clock import ManualClock, SystemClock
from reelhouse.runs.record import Run, RunKind, RunStatus
from reelhouse.storage.lake import Lake
from reelhouse.testing.watch import Log

LAKE = {
    "name": "ls_lake",
    "properties": {"type": "AzureBlobFS", "typeProperties": {"url": "https://acct.dfs.core.windows.net"}},
}
WEB = {
    "name": "ls_web",
    "properties": {
        "type": "HttpServer",
        "parameters": {"base_url": {"type": "String"}},
        "typeProperties": {"url": "@{linkedService().base_url}", "authenticationType": "Anonymous"},
    },
}
BRICKS = {
    "name": "ls_bricks",
    "properties": {
        "type": "AzureDatabricks",
        "typeProperties": {"domain": "https://adb-1.azuredatabricks.net", "authentication": "MSI"},
    },
}


def _dataset(
    name: str, kind: str, service: str, location: dict[str, Any], parameters: list[str], **more: Any
) -> dict[str, Any]:
    reference: dict[str, Any] = {"referenceName": service, "type": "LinkedServiceReference"}
    if service == "ls_web":
        reference["parameters"] = {"base_url": "@dataset().base_url"}
    return {
        "name": name,
        "properties": {
            "type": kind,
            "linkedServiceName": reference,
            "parameters": {parameter: {"type": "string"} for parameter in parameters},
            "typeProperties": {"location": location, **more},
        },
    }


def _lake_location(*, file: bool) -> dict[str, Any]:
    location = {"type": "AzureBlobFSLocation", "fileSystem": "raw", "folderPath": "@dataset().folder"}
    return {**location, "fileName": "@dataset().file"} if file else location


DATASETS = [
    _dataset("ds_file", "Binary", "ls_lake", _lake_location(file=True), ["folder", "file"]),
    _dataset("ds_folder", "Binary", "ls_lake", _lake_location(file=False), ["folder"]),
    _dataset("ds_json", "Json", "ls_lake", _lake_location(file=True), ["folder", "file"]),
    _dataset("ds_text", "DelimitedText", "ls_lake", _lake_location(file=True), ["folder", "file"], firstRowAsHeader=True),
    _dataset("ds_rows", "DelimitedText", "ls_lake", _lake_location(file=True), ["folder", "file"]),
    _dataset(
        "ds_rfc", "DelimitedText", "ls_lake", _lake_location(file=True), ["folder", "file"],
        firstRowAsHeader=True, escapeChar='"',
    ),
    _dataset("ds_web", "Binary", "ls_web", {"type": "HttpServerLocation", "relativeUrl": "@dataset().path"}, ["base_url", "path"]),
    _dataset("ds_web_json", "Json", "ls_web", {"type": "HttpServerLocation", "relativeUrl": "@dataset().path"}, ["base_url", "path"]),
    _dataset("ds_parquet", "Parquet", "ls_lake", _lake_location(file=True), ["folder", "file"]),
]  # fmt: skip


class MemoryRuns(Log):
    """The port for runs, in memory: that of the testing plugin, with questions of these tests."""

    def __init__(self) -> None:
        super().__init__(SystemClock())

    @property
    def all(self) -> dict[str, Run]:
        return self.runs

    def named(self, name: str, kind: RunKind = RunKind.ACTIVITY) -> list[Run]:
        return [run for run in self.all.values() if run.name == name and run.kind is kind]

    def statuses(self) -> dict[str, RunStatus]:
        return {run.name: run.status for run in self.all.values() if run.kind is RunKind.ACTIVITY}


class MemoryLineage:
    def __init__(self) -> None:
        self.events: list[Any] = []

    def record(self, event, *, run_id=None):
        self.events.append((event, run_id))


@pytest.fixture
def runs() -> MemoryRuns:
    return MemoryRuns()


@pytest.fixture
def lineage() -> MemoryLineage:
    return MemoryLineage()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def raw(lake: Lake) -> Path:
    """The local folder of the container raw."""
    folder = lake.root / "acct" / "raw"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def services(lake, runs, lineage, clock) -> Iterator[AdfServices]:
    http = HttpxSource()
    yield AdfServices(lake=lake, runs=runs, clock=clock, lineage=lineage, http=http)
    http.close()


@pytest.fixture
def make_factory(tmp_path: Path) -> Callable[..., Factory]:
    """A function from pipelines (name -> properties, or a list of activities) to a loaded factory."""

    def make(
        pipelines: Mapping[str, Any], *, objects: Mapping[str, list[Any]] | None = None, **global_parameters: Any
    ) -> Factory:
        folder = tmp_path / "factory"
        groups: dict[str, list[Any]] = {
            "linkedService": [LAKE, WEB, BRICKS],
            "dataset": DATASETS,
            "pipeline": [
                {"name": name, "properties": {"activities": body} if isinstance(body, list) else body}
                for name, body in pipelines.items()
            ],
            "factory": [
                {
                    "name": "adf-test",
                    "properties": {
                        "globalParameters": {k: {"type": "string", "value": v} for k, v in global_parameters.items()}
                    },
                }
            ],
        }
        for kind, items in (objects or {}).items():
            groups[kind] = [*groups.get(kind, []), *items]
        for kind, items in groups.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for item in items:
                (folder / kind / f"{item['name']}.json").write_text(json.dumps(item), encoding="utf-8")
        return load_factory(folder)

    return make


@pytest.fixture
def run(make_factory, services) -> Callable[..., PipelineRun]:
    """A function that runs a pipeline of the given activities (or properties)."""

    def run_it(
        body: Any, parameters: Mapping[str, Any] | None = None, *, others: Mapping[str, Any] | None = None, **more: Any
    ):
        factory = make_factory({"main": body, **(others or {})}, **more)
        return run_pipeline(factory, "main", parameters or {}, services)

    return run_it


def activity(name: str, kind: str, after: Any = (), **properties: Any) -> dict[str, Any]:
    """An activity. `after` is a name (Succeeded), or a mapping of names to conditions."""
    if isinstance(after, str):
        after = {after: ["Succeeded"]}
    dependencies = [
        {
            "activity": upstream,
            "dependencyConditions": [conditions] if isinstance(conditions, str) else list(conditions),
        }
        for upstream, conditions in dict(after).items()
    ]
    top = {key: properties.pop(key) for key in list(properties) if key in _TOP}
    return {"name": name, "type": kind, "dependsOn": dependencies, "typeProperties": properties, **top}


_TOP = {"policy", "inputs", "outputs", "linkedServiceName", "state", "onInactiveMarkAs", "userProperties"}


@pytest.fixture
def act() -> Callable[..., dict[str, Any]]:
    return activity


@pytest.fixture
def dataset() -> Callable[..., dict[str, Any]]:
    def reference(name: str, **parameters: Any) -> dict[str, Any]:
        return {"referenceName": name, "type": "DatasetReference", "parameters": parameters}

    return reference


@pytest.fixture
def copy(act, dataset) -> Callable[..., dict[str, Any]]:
    """A binary copy between two references."""

    def make(name: str, source: Any, sink: Any, after: Any = (), *, read: Any = None, write: Any = None, **more: Any):
        http = source["referenceName"].startswith("ds_web")
        kind = "HttpReadSettings" if http else "AzureBlobFSReadSettings"
        return act(
            name,
            "Copy",
            after,
            source={"type": "BinarySource", "storeSettings": {"type": kind, **(read or {})}},
            sink={"type": "BinarySink", "storeSettings": {"type": "AzureBlobFSWriteSettings", **(write or {})}},
            inputs=[source],
            outputs=[sink],
            **more,
        )

    return make


class Misbehaving:
    """An HTTP server on loopback that does what a path asks for. `hits` are the requests that came."""

    def __init__(self) -> None:
        self.hits: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler, int], None]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                count = sum(1 for path, _ in outer.hits if path == self.path)
                outer.hits.append((self.path, dict(self.headers)))
                outer.answers[self.path](self, count)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def give(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> None:
        """Always answer so."""
        self.answers[path] = lambda handler, count: send(handler, body, status, headers)

    def fail_then_give(self, path: str, times: int, body: bytes, status: int = 503) -> None:
        self.answers[path] = lambda handler, count: send(
            handler, b"" if count < times else body, status if count < times else 200, {}
        )

    def stall(self, path: str, release: threading.Event) -> None:
        """Say nothing until released."""

        def answer(handler: BaseHTTPRequestHandler, count: int) -> None:
            release.wait(20)
            handler.close_connection = True

        self.answers[path] = answer

    def cut(self, path: str, body: bytes, after: int, *, resumable: bool = False) -> None:
        """Announce the whole body and close the connection early. A range request is answered in full when resumable."""

        def answer(handler: BaseHTTPRequestHandler, count: int) -> None:
            wanted = handler.headers.get("Range")
            if resumable and wanted:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                headers = {"ETag": '"v1"', "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
                send(handler, body[start:], 206, headers)
                return
            headers = {"ETag": '"v1"', "Accept-Ranges": "bytes"} if resumable else {}
            send(handler, body[:after], 200, {**headers, "Content-Length": str(len(body))})
            handler.close_connection = True

        self.answers[path] = answer


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def web() -> Iterator[Misbehaving]:
    server = Misbehaving()
    yield server
    server.stop()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds; fail when it does not within ten seconds."""

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.005)

    return wait
