from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reelhouse.delta import log
from reelhouse.delta.snapshot import commit_time, open_snapshot
from reelhouse.delta.write import Transaction
from reelhouse.errors import UserError


def test_there_is_no_snapshot_where_there_is_no_table(tmp_path):
    assert open_snapshot(str(tmp_path / "nothing")) is None
    (tmp_path / "folder").mkdir()
    assert open_snapshot(str(tmp_path / "folder")) is None
    assert log.current_version(str(tmp_path / "folder")) is None


def test_a_snapshot_says_what_the_table_holds(table):
    table.write({"id": [1, 2]}, properties={"quality": "bronze"}, comment="c", transaction=Transaction("q", 3))
    table.write({"id": [3]})
    snapshot = open_snapshot(table.location)
    assert (snapshot.version, snapshot.comment, snapshot.properties) == (1, "c", {"quality": "bronze"})
    assert sorted(file.records for file in snapshot.files) == [1, 2]
    assert snapshot.records == 3
    assert snapshot.transactions.get("q") == 3
    assert snapshot.transactions.get("other") is None
    assert not snapshot.needs_delta_reader


def test_an_older_version_is_read_by_number(table):
    table.write({"id": [1]})
    table.write({"id": [2]})
    assert open_snapshot(table.location, version=0).records == 1
    with pytest.raises(UserError, match=r"DELTA_VERSION_NOT_FOUND.*no version 7.*Versions 0 to 1"):
        open_snapshot(table.location, version=7)


def test_an_older_version_is_read_by_time(table):
    table.write({"id": [1]})
    table.write({"id": [2]})
    first, last = (datetime.fromtimestamp(commit_time(table.location, v) / 1000, UTC) for v in (0, 1))
    assert open_snapshot(table.location, timestamp=first).version == 0
    assert open_snapshot(table.location, timestamp=last.replace(tzinfo=None).isoformat()).version == 1
    with pytest.raises(UserError, match="DELTA_TIMESTAMP_EARLIER"):
        open_snapshot(table.location, timestamp=first - timedelta(seconds=1))
    with pytest.raises(UserError, match="DELTA_TIMESTAMP_GREATER"):
        open_snapshot(table.location, timestamp=last + timedelta(seconds=1))


def test_partitions_and_checkpoints_are_read(table):
    for n in range(12):
        table.write({"id": [n], "country": ["a b"]}, partition_by=("country",))
    snapshot = open_snapshot(table.location)
    assert snapshot.version == 11
    assert len(snapshot.files) == 12
    assert snapshot.needs_delta_reader
    assert log.current_version(table.location) == 11
