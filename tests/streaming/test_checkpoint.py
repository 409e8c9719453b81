"""The checkpoint's layout and what two runs of one query do to each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelhouse.streaming.checkpoint import Checkpoint, Offsets, check_same_sources, parse_offsets
from reelhouse.streaming.errors import ConcurrentQuery, StreamingError


def test_a_query_keeps_its_id(tmp_path: Path) -> None:
    first = Checkpoint(str(tmp_path)).query_id()

    assert Checkpoint(str(tmp_path)).query_id() == first
    assert json.loads((tmp_path / "metadata").read_text()) == {"id": first}


def test_offsets_are_written_as_spark_writes_them(tmp_path: Path) -> None:
    Checkpoint(str(tmp_path)).write_offsets(0, Offsets(({"seqNum": 3}, None), 17))

    assert (tmp_path / "offsets" / "0").read_text() == (
        'v1\n{"batchWatermarkMs":0,"batchTimestampMs":17,"conf":{}}\n{"seqNum":3}\n-'
    )


def test_a_commit_is_written_as_spark_writes_it(tmp_path: Path) -> None:
    Checkpoint(str(tmp_path)).write_commit(0)

    assert (tmp_path / "commits" / "0").read_text() == 'v1\n{"nextBatchWatermarkMs":0}'


def test_offsets_that_spark_has_written_are_read(tmp_path: Path) -> None:
    text = (
        'v1\n{"batchWatermarkMs":0,"batchTimestampMs":5,"conf":{"spark.sql.shuffle.partitions":"2"}}\n{"logOffset":0}'
    )

    offsets = parse_offsets(text, "offsets/0")

    assert offsets == Offsets(({"logOffset": 0},), 5, {"spark.sql.shuffle.partitions": "2"})


@pytest.mark.parametrize("text", ["", "v2\n{}", "v1", 'v1\n{}\n{"seqNum":'])
def test_a_damaged_entry_is_named(text: str) -> None:
    with pytest.raises(StreamingError, match="offsets/7"):
        parse_offsets(text, "/lake/_checkpoints/offsets/7")


def test_an_entry_is_never_replaced(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path))
    checkpoint.write_offsets(0, Offsets(({"seqNum": 3},)))

    with pytest.raises(ConcurrentQuery, match="batch 0 was planned by another run"):
        checkpoint.write_offsets(0, Offsets(({"seqNum": 4},)))

    assert checkpoint.offsets(0).sources == ({"seqNum": 3},)


def test_files_that_are_not_entries_are_passed_over(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path))
    checkpoint.write_offsets(9, Offsets(()))
    checkpoint.write_offsets(10, Offsets(()))
    (tmp_path / "offsets" / ".11.tmp").write_text("half")

    last = checkpoint.last_offsets()

    assert last is not None and last[0] == 10


def test_an_empty_checkpoint_has_no_batches(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path / "new"))

    assert (checkpoint.last_offsets(), checkpoint.last_commit()) == (None, None)


def test_a_second_run_is_told_so_at_once(tmp_path: Path) -> None:
    first, second = Checkpoint(str(tmp_path)), Checkpoint(str(tmp_path))
    first.acquire()

    with pytest.raises(ConcurrentQuery, match="CONCURRENT_STREAM_LOG_UPDATE"):
        second.acquire()

    first.release()
    second.acquire()
    second.release()


def test_old_batches_are_forgotten(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path))
    for batch_id in range(103):
        checkpoint.write_offsets(batch_id, Offsets(()))
        checkpoint.write_commit(batch_id)

    assert sorted(int(path.name) for path in (tmp_path / "offsets").iterdir()) == list(range(3, 103))
    assert sorted(int(path.name) for path in (tmp_path / "commits").iterdir()) == list(range(3, 103))


def test_another_number_of_sources_is_refused() -> None:
    with pytest.raises(StreamingError, match=r"There are 1 sources in the checkpoint offsets .* now there are 2"):
        check_same_sources(({"seqNum": 1},), 2, "/checkpoint")
