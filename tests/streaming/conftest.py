"""A query without Spark: rows are the lines of files, and the sink is a folder with a file for each batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from reelhouse.autoloader.discovery import Selection
from reelhouse.autoloader.state import Found
from reelhouse.clock import ManualClock
from reelhouse.delta.write import Commit
from reelhouse.streaming import files
from reelhouse.streaming.checkpoint import Checkpoint
from reelhouse.streaming.file_source import FileSource
from reelhouse.streaming.query import MicroBatches, drain
from reelhouse.streaming.source import NO_LIMIT, Batch, Limit


class Lines:
    """A reader whose relation is simply the list of lines."""

    def schema(self) -> str:
        return '{"type":"struct","fields":[{"name":"value","type":"string","nullable":true,"metadata":{}}]}'

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        pass

    def read(self, found: Sequence[Found]) -> list[str]:
        return [line for file in found for line in (self.root / file.path).read_text().splitlines()]


class FolderSink:
    """Keeps each batch once, whatever happens: what a Delta table does by query id and batch number."""

    description = "FolderSink"
    exactly_once = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, query_id: str, batch_id: int, batches: Sequence[Batch]) -> Commit:
        rows = [row for batch in batches for row in batch.relation()]
        written = files.put_if_absent(str(self.folder / str(batch_id)), json.dumps(rows))
        return Commit(batch_id if written else None, len(rows) if written else 0)

    def idle(self, nothing: Sequence[Batch]) -> None:
        pass

    def batches(self) -> list[list[str]]:
        found = sorted((path for path in self.folder.glob("[0-9]*")), key=lambda path: int(path.name))
        return [json.loads(path.read_text()) for path in found]

    def rows(self) -> list[str]:
        return [row for batch in self.batches() for row in batch]


@pytest.fixture
def query(tmp_path: Path) -> SimpleNamespace:
    """A query over `source`, and what it has brought to `sink`. `run()` is one availableNow run."""
    source = tmp_path / "source"
    source.mkdir()
    sink = FolderSink(tmp_path / "sink")
    clock = ManualClock(datetime(2026, 1, 31, tzinfo=UTC))

    def batches(limit: Limit = NO_LIMIT, **selection: object) -> MicroBatches:
        checkpoint = Checkpoint(str(tmp_path / "checkpoint"))
        selected = Selection(str(source), **selection)  # type: ignore[arg-type]
        cloud_files = FileSource("cloudFiles", selected, checkpoint.source_folder(0), Lines(source), clock, limit=limit)
        return MicroBatches(checkpoint, [cloud_files], sink, clock=clock)

    def run(limit: Limit = NO_LIMIT, *, limited: bool = True, **selection: object) -> list[object]:
        return list(drain(batches(limit, **selection), limited=limited))

    def put(name: str, *lines: str) -> None:
        files.replace(str(source / name), "\n".join(lines))

    return SimpleNamespace(
        source=source, sink=sink, run=run, put=put, batches=batches, checkpoint=tmp_path / "checkpoint", clock=clock
    )
