from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from reelhouse.delta import log
from reelhouse.delta.history import detail_table, history, history_table
from reelhouse.delta.maintenance import analyze, optimize, parse_interval, restore, vacuum
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.write import Mode
from reelhouse.errors import UserError


@pytest.fixture
def four_files(table):
    for n in range(4):
        table.write({"id": [n, 10 - n], "name": [f"n{n}", None]})
    return table


class TestOptimize:
    def test_small_files_become_one_and_rows_stay(self, four_files):
        before = four_files.rows()
        done = optimize(four_files.target)
        assert (done.version, done.files_removed, done.files_added, done.files_considered) == (4, 4, 1, 4)
        assert four_files.rows() == before
        adds = list(log.actions_of(four_files.entry(4), "add"))
        assert [add["dataChange"] for add in adds] == [False]

    def test_a_second_time_makes_no_version(self, four_files):
        optimize(four_files.target)
        assert optimize(four_files.target).version is None
        assert log.current_version(four_files.location) == 4

    def test_ordering_is_repeated_only_when_data_came(self, four_files):
        before = four_files.rows()
        assert optimize(four_files.target, ["ID"]).version == 4
        assert four_files.rows() == before
        assert optimize(four_files.target, ["id"]).version is None
        four_files.write({"id": [77], "name": ["x"]})
        assert optimize(four_files.target, ["id"]).version == 6

    def test_partition_and_missing_columns_are_refused(self, table):
        table.write({"id": [1, 2], "c": ["a", "b"]}, partition_by=("c",))
        with pytest.raises(UserError, match="DELTA_ZORDERING_ON_PARTITION_COLUMN"):
            optimize(table.target, ["c"])
        with pytest.raises(UserError, match=r"no column 'idd'.*'id'"):
            optimize(table.target, ["idd"])


class TestVacuum:
    def make_old(self, table, hours=200):
        old = time.time() - hours * 3600
        for path in table.files_on_disk():
            os.utime(path, (old, old))

    def test_removed_files_within_the_retention_stay(self, four_files):
        four_files.write({"id": [1], "name": ["x"]}, Mode.OVERWRITE)
        self.make_old(four_files)
        assert vacuum(four_files.target) == []
        assert len(four_files.files_on_disk()) == 5

    def test_a_shorter_retention_is_refused_unless_the_check_is_off(self, four_files):
        four_files.write({"id": [1], "name": ["x"]}, Mode.OVERWRITE)
        self.make_old(four_files)
        with pytest.raises(UserError, match=r"DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT.*168 hours"):
            vacuum(four_files.target, 0)
        assert len(vacuum(four_files.target, 0, check_duration=False, dry_run=True)) == 4
        assert len(four_files.files_on_disk()) == 5
        assert len(vacuum(four_files.target, 0, check_duration=False)) == 4
        assert len(four_files.files_on_disk()) == 1
        assert [entry.operation for entry in history(four_files.location, 2)] == ["VACUUM END", "VACUUM START"]
        assert history(four_files.location, 2)[1].metrics["numFilesToDelete"] == "4"
        assert len(four_files.rows()) == 1
        assert vacuum(four_files.target, 0, check_duration=False) == []
        assert log.current_version(four_files.location) == 6
        four_files.write({"id": [2], "name": ["y"]})
        with pytest.raises(UserError, match="DELTA_RESTORE_MISSING_FILES"):
            restore(four_files.target, version=0)

    def test_old_unreferenced_files_go_and_young_or_hidden_ones_stay(self, four_files):
        location = Path(four_files.location)
        for name in ("orphan.parquet", "young.parquet", "_staged/x.parquet", ".hidden.parquet"):
            (location / name).parent.mkdir(exist_ok=True)
            (location / name).write_bytes(b"x")
        self.make_old(four_files)
        os.utime(location / "young.parquet")
        assert vacuum(four_files.target) == [str(location / "orphan.parquet")]
        assert len(four_files.rows()) == 8

    @pytest.mark.parametrize(
        ("text", "found"),
        [("interval 1 week", timedelta(weeks=1)), ("2 days 3 hours", timedelta(hours=51)), (None, timedelta(1))],
    )
    def test_intervals(self, text, found):
        assert parse_interval(text, timedelta(1)) == found


class TestRestore:
    def test_rows_and_schema_come_back_as_a_new_version(self, table):
        table.write({"id": [1]})
        table.write({"id": ["x"], "n": [1]}, Mode.OVERWRITE, overwrite_schema=True)
        done = restore(table.target, version=0)
        assert (done.version, done.files_after, done.files_removed, done.files_restored) == (2, 1, 1, 1)
        assert table.rows() == [{"id": 1}]

    def test_the_present_version_is_no_change(self, table):
        table.write({"id": [1]})
        assert restore(table.target, version=0).version is None

    def test_an_unknown_version_is_refused(self, table):
        table.write({"id": [1]})
        with pytest.raises(UserError, match="DELTA_VERSION_NOT_FOUND"):
            restore(table.target, version=3)


def test_history_tells_the_operations_newest_first(four_files):
    four_files.write({"id": [9]}, operation="STREAMING UPDATE", operation_parameters={"queryId": "q", "epochId": "4"})
    optimize(four_files.target)
    entries = history(four_files.location)
    assert [(e.version, e.operation) for e in entries][:3] == [(5, "OPTIMIZE"), (4, "STREAMING UPDATE"), (3, "WRITE")]
    assert entries[1].parameters["queryId"] == "q"
    assert entries[1].metrics["numOutputRows"] == "1"
    assert len(history(four_files.location, limit=2)) == 2
    table = history_table(four_files.location)
    assert table.column_names[:6] == ["version", "timestamp", "userId", "userName", "operation", "operationParameters"]
    assert table.num_rows == 6


def test_detail_and_statistics(four_files):
    row = detail_table(open_snapshot(four_files.location), "netflix.bronze.t", "abfss://x").to_pylist()[0]
    assert (row["numFiles"], row["name"], row["format"], row["minWriterVersion"]) == (4, "netflix.bronze.t", "delta", 2)
    found = analyze(four_files.target)
    assert (found.rows, found.files, found.size) == (8, 4, row["sizeInBytes"])
