"""Whether a checkpoint alone tells that there is nothing to do, and what asking costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from reelhouse.clock import SystemClock
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.storage.lake import Lake
from reelhouse.streaming.checkpoint import Checkpoint, Offsets
from reelhouse.streaming.news import has_news
from reelhouse.streaming.query import MicroBatches, drain
from reelhouse.streaming.source import Batch, SourceSpec
from reelhouse.streaming.sources import open_source


class NoSink:
    """Takes batches and keeps nothing."""

    description = "none"
    exactly_once = True

    def add(self, query_id: str, batch_id: int, batches: list[Batch]) -> None:
        return None

    def idle(self, nothing: list[Batch]) -> None:
        return None


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def run(lake: Lake, checkpoint: str, spec: SourceSpec) -> None:
    session: Any = SimpleNamespace(lake=lake, clock=SystemClock(), runs=None, snapshot=open_snapshot)
    query = Checkpoint(checkpoint)
    source = open_source(session, spec, query.source_folder(0))
    list(drain(MicroBatches(query, [source], NoSink())))
    source.close()


def cloud_files(folder: Path, **options: str) -> SourceSpec:
    return SourceSpec("cloudFiles", str(folder), None, {"cloudFiles.format": "csv", **options}, "id STRING")


def test_files_that_were_read_are_no_news_and_others_are(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("1")
    checkpoint = str(tmp_path / "checkpoint")
    answers = [has_news(checkpoint, lake)]

    run(lake, checkpoint, cloud_files(tmp_path / "in"))
    answers.append(has_news(checkpoint, lake))
    (tmp_path / "in" / "b.csv").write_text("2")
    answers.append(has_news(checkpoint, lake))
    run(lake, checkpoint, cloud_files(tmp_path / "in"))
    answers.append(has_news(checkpoint, lake))

    assert answers == [True, False, True, False]


def test_the_sources_options_decide_what_is_news(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("1")
    checkpoint = str(tmp_path / "checkpoint")
    run(lake, checkpoint, cloud_files(tmp_path / "in", pathGlobFilter="*.csv"))

    (tmp_path / "in" / "readme.txt").write_text("no data")

    assert not has_news(checkpoint, lake)


def test_a_version_of_a_table_is_news(lake: Lake, tmp_path: Path) -> None:
    table = str(tmp_path / "table")
    write_deltalake(table, pa.table({"id": [1]}))
    checkpoint = str(tmp_path / "checkpoint")
    run(lake, checkpoint, SourceSpec("delta", table))
    before = has_news(checkpoint, lake)

    write_deltalake(table, pa.table({"id": [2]}), mode="append")

    assert (before, has_news(checkpoint, lake)) == (False, True)


def test_a_batch_without_commit_is_news(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("1")
    checkpoint = str(tmp_path / "checkpoint")
    run(lake, checkpoint, cloud_files(tmp_path / "in"))

    Checkpoint(checkpoint).write_offsets(1, Offsets(({"seqNum": 1},)))

    assert has_news(checkpoint, lake)


def test_asking_loads_neither_the_engine_nor_the_client(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from reelhouse.storage.lake import Lake;"
        "from reelhouse.streaming.news import has_news; has_news(sys.argv[1], Lake(Path(sys.argv[2])));"
        "heavy = ('pysail', 'pyspark', 'pandas', 'pyarrow', 'deltalake', 'grpc');"
        "print([name for name in heavy if name in sys.modules])"
    )
    lake = Lake(tmp_path / "lake")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("1")
    checkpoint = str(tmp_path / "checkpoint")
    run(lake, checkpoint, cloud_files(tmp_path / "in"))

    command = [sys.executable, "-c", program, checkpoint, str(tmp_path / "lake")]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=True)

    assert done.stdout.strip() == "[]"
