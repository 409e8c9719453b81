from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from reelhouse.delta import log, staging
from reelhouse.delta.commit import commit_files
from reelhouse.delta.conflicts import ConcurrentModification
from reelhouse.delta.expectations import ExpectationViolation
from reelhouse.delta.plan import plan_write
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.delta.write import Expectation, Mode, OnViolation, Transaction, WriteSpec
from reelhouse.errors import Unsupported, UserError


def _schema(rows: pa.Table) -> str:
    fields = [{"name": name, "type": "long", "nullable": True, "metadata": {}} for name in rows.column_names]
    return json.dumps({"type": "struct", "fields": fields})


def schema_of(table) -> dict:
    return {f["name"]: f for f in json.loads(open_snapshot(table.location).schema)["fields"]}


def test_first_write_creates_the_table_in_one_commit(table):
    commit = table.write(
        {"id": [1, 2], "name": ["a", "b"]},
        properties={"delta.appendOnly": "false", "quality": "bronze", "pipelines.autoOptimize.zOrderCols": "id"},
        comment="Titles",
        column_comments={"ID": "The key"},
        transaction=Transaction("query", 0),
        operation="STREAMING UPDATE",
        user_metadata="um",
    )
    assert (commit.version, commit.rows, commit.added, commit.removed) == (0, 2, 2, 0)
    assert log.entry_versions(table.location) == [0]
    snapshot = open_snapshot(table.location)
    assert snapshot.comment == "Titles"
    assert snapshot.properties["quality"] == "bronze"
    assert snapshot.transactions.get("query") == 0
    assert schema_of(table)["id"] == {
        "name": "id",
        "type": "long",
        "nullable": True,
        "metadata": {"comment": "The key"},
    }
    info = table.entry(0)[0]["commitInfo"]
    assert (info["operation"], info["userMetadata"]) == ("STREAMING UPDATE", "um")
    assert table.rows() == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_append_and_overwrite(table):
    table.write({"id": [1, 2]})
    assert table.write({"id": [3]}).version == 1
    commit = table.write({"id": [4]}, Mode.OVERWRITE)
    assert (commit.version, commit.rows, commit.removed) == (2, 1, 3)
    assert table.rows() == [{"id": 4}]
    assert len(table.rows(version=1)) == 3


def test_overwrite_with_no_rows_empties_the_table(table):
    table.write({"id": [1]})
    assert table.write(pa.table({"id": pa.array([], pa.int64())}), Mode.OVERWRITE).removed == 1
    assert table.rows() == []


def test_the_staging_folder_is_gone_after_success_and_after_failure(table):
    table.write({"id": [1]})
    with pytest.raises(UserError):
        table.write({"other": [1]})
    assert not (Path(table.location) / "_staged").exists()
    assert len(table.files_on_disk()) == 1


def test_a_repeated_transaction_is_skipped(table):
    first = Transaction("query", 7)
    table.write({"id": [1]}, transaction=first)
    assert table.write({"id": [1]}, transaction=first).version is None
    assert table.write({"id": [9]}, transaction=Transaction("query", 6)).version is None
    assert table.write({"id": [2]}, transaction=Transaction("query", 8)).version == 1
    assert table.rows() == [{"id": 1}, {"id": 2}]
    assert len(table.files_on_disk()) == 2


class TestSchemas:
    def test_an_extra_column_is_refused_by_name(self, table):
        table.write({"id": [1]})
        with pytest.raises(UserError, match=r"DELTA_METADATA_MISMATCH.*'extra'.*mergeSchema"):
            table.write({"id": [1], "extra": ["x"]})

    def test_merge_schema_adds_it_last_in_the_same_commit(self, table):
        table.write({"id": [1], "name": ["a"]})
        assert table.write({"extra": ["x"], "id": [2]}, merge_schema=True).version == 1
        assert list(schema_of(table)) == ["id", "name", "extra"]
        assert table.rows() == [{"id": 1, "name": "a", "extra": None}, {"id": 2, "name": None, "extra": "x"}]

    def test_a_missing_column_is_null(self, table):
        table.write({"id": [1], "name": ["a"]})
        table.write({"id": [2]})
        assert table.rows()[1] == {"id": 2, "name": None}

    def test_a_type_that_does_not_fit_is_refused(self, table):
        table.write({"id": [1]})
        with pytest.raises(UserError, match=r"DELTA_FAILED_TO_MERGE_FIELDS: column 'id'.*bigint, the rows have string"):
            table.write({"id": ["x"]})

    def test_overwrite_schema_replaces_it(self, table):
        table.write({"id": [1]})
        with pytest.raises(UserError, match="DELTA_FAILED_TO_MERGE_FIELDS"):
            table.write({"id": ["x"]}, Mode.OVERWRITE)
        assert table.write({"id": ["x"]}, Mode.OVERWRITE, overwrite_schema=True).version == 1
        assert table.rows() == [{"id": "x"}]

    def test_untyped_and_duplicate_columns_are_refused(self, table):
        with pytest.raises(Unsupported, match="'id' has no type"):
            table.write(pa.table({"id": pa.nulls(1)}))
        with pytest.raises(UserError, match="DELTA_DUPLICATE_COLUMNS_FOUND"):
            table.write({"id": [1], "ID": [2]})

    def test_timestamps_keep_their_kind(self, table):
        moment = datetime(2020, 1, 1, 12, 0, 0, 123456)
        table.write(
            pa.table(
                {
                    "utc": pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", "UTC")),
                    "wall": pa.array([moment], pa.timestamp("us")),
                }
            )
        )
        assert {k: f["type"] for k, f in schema_of(table).items()} == {"utc": "timestamp", "wall": "timestamp_ntz"}
        assert table.rows() == [{"utc": moment.replace(tzinfo=UTC), "wall": moment}]
        assert open_snapshot(table.location).protocol[:2] == (3, 7)

    def test_a_table_with_utc_timestamps_stays_readable_for_old_readers(self, table):
        table.write(pa.table({"utc": pa.array([datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))}))
        assert open_snapshot(table.location).protocol[:2] == (1, 2)


class TestPartitions:
    def test_values_come_from_the_folders(self, table):
        rows = {"id": [1, 2, 3], "country": ["US", "a b%", None]}
        table.write(rows, partition_by=("country",))
        table.write({"id": [4], "country": ["US"]}, partition_by=("country",))
        found = {row["id"]: row["country"] for row in table.rows()}
        assert found == {1: "US", 2: "a b%", 3: None, 4: "US"}
        assert {f.partition_values["country"] for f in open_snapshot(table.location).files} == {"US", "a b%", None}
        assert all(Path(file.path).exists() for file in open_snapshot(table.location).files)

    def test_another_partitioning_is_refused(self, table):
        table.write({"id": [1], "country": ["US"]}, partition_by=("country",))
        with pytest.raises(UserError, match="DELTA_PARTITION_COLUMNS_MISMATCH"):
            table.write({"id": [1], "country": ["US"]}, partition_by=("id",))


class TestExpectations:
    rules = (
        Expectation("warned", "a", OnViolation.ALLOW),
        Expectation("dropped", "b", OnViolation.DROP),
        Expectation("also_dropped", "c", OnViolation.DROP),
    )

    def test_rows_of_drop_rules_are_left_out_and_counted(self, table):
        commit = table.write({"id": [1, 2, 3, 4, 5]}, expectations=self.rules, mask=[0, 1, 2, 6, 7])
        assert [row["id"] for row in table.rows()] == [1, 2]
        assert commit.failed == {"warned": 2, "dropped": 3, "also_dropped": 2}
        assert (commit.checked, commit.dropped, commit.rows) == (5, 3, 2)
        assert len(table.files_on_disk()) == 2

    def test_a_fail_rule_commits_nothing(self, table):
        rules = (*self.rules, Expectation("fatal", "d > 0", OnViolation.FAIL))
        with pytest.raises(ExpectationViolation, match=r"1 row .*'fatal' \(d > 0\)") as caught:
            table.write({"id": [1, 2]}, expectations=rules, mask=[0, 8])
        assert caught.value.failed["fatal"] == 1
        assert open_snapshot(table.location) is None
        assert table.files_on_disk() == set()

    def test_check_constraints_are_bits_behind_the_expectations(self, table):
        table.write({"id": [1]}, properties={"delta.constraints.positive": "id > 0"}, mask=[0])
        with pytest.raises(ExpectationViolation, match=r"DELTA_VIOLATE_CONSTRAINT_WITH_VALUES.*positive"):
            table.write({"id": [-1]}, expectations=self.rules, mask=[8])
        assert table.write({"id": [2]}, expectations=self.rules, mask=[1]).failed["warned"] == 1


class TestStatistics:
    def stats(self, table) -> dict:
        return json.loads(next(log.actions_of(table.entry(0), "add"))["stats"])

    def test_bounds_and_null_counts(self, table):
        moment = datetime(2020, 1, 1, 0, 0, 0, 1500, tzinfo=UTC)
        table.write(
            pa.table(
                {
                    "n": [3, None, 1],
                    "s": ["x" * 40, "y" * 40, None],
                    "d": [date(2020, 1, 2)] * 3,
                    "t": pa.array([moment] * 3, pa.timestamp("us", "UTC")),
                    "b": [True, False, None],
                }
            )
        )
        stats = self.stats(table)
        assert stats["numRecords"] == 3
        assert stats["nullCount"] == {"n": 1, "s": 1, "d": 0, "t": 0, "b": 1}
        assert stats["minValues"] == {
            "n": 1,
            "s": "x" * 32,
            "d": "2020-01-02",
            "t": "2020-01-01T00:00:00.001Z",
        }
        assert stats["maxValues"]["t"] == "2020-01-01T00:00:00.002Z"
        assert stats["maxValues"]["s"] > "y" * 40

    def test_long_decimals_and_floats_have_no_bounds(self, table):
        constant = Decimal("3333333333.3333333333")
        table.write(
            pa.table(
                {
                    "long": pa.array([constant] * 2, pa.decimal128(20, 10)),
                    "short": pa.array([Decimal("1.5")] * 2, pa.decimal128(5, 2)),
                    "f": pa.array([0.1] * 2, pa.float32()),
                    "d": [0.1, 0.1],
                }
            )
        )
        stats = self.stats(table)
        assert set(stats["minValues"]) == set(stats["maxValues"]) == {"short"}
        assert table.rows()[0]["long"] == constant

    def test_only_indexed_columns_get_statistics(self, table):
        table.write({"a": [1], "b": [2]}, properties={"delta.dataSkippingNumIndexedCols": "1"})
        assert set(self.stats(table)["minValues"]) == {"a"}


class TestConcurrency:
    def test_an_append_follows_another_append(self, table, monkeypatch):
        table.write({"id": [1]})
        self.let_another_win(table, monkeypatch, {"id": [2]})
        assert table.write({"id": [3]}).version == 2
        assert [row["id"] for row in table.rows()] == [1, 2, 3]

    def test_two_creators_become_one_table_with_the_rows_of_both(self, table, monkeypatch):
        self.let_another_win(table, monkeypatch, {"id": [2]})
        assert table.write({"id": [3]}).version == 1
        assert [row["id"] for row in table.rows()] == [2, 3]

    def test_an_overwrite_does_not_follow(self, table, monkeypatch):
        table.write({"id": [1]})
        self.let_another_win(table, monkeypatch, {"id": [2]})
        with pytest.raises(ConcurrentModification, match="DELTA_CONCURRENT_APPEND: version 1"):
            table.write({"id": [3]}, Mode.OVERWRITE)
        assert [row["id"] for row in table.rows()] == [1, 2]
        assert len(table.files_on_disk()) == 2

    def test_an_append_does_not_follow_a_change_of_schema(self, table, monkeypatch):
        table.write({"id": [1]})
        self.let_another_win(table, monkeypatch, {"id": [2], "x": [1]}, merge_schema=True)
        with pytest.raises(ConcurrentModification, match="DELTA_METADATA_CHANGED"):
            table.write({"id": [3]})

    def test_a_transaction_that_another_committed_meanwhile_is_skipped(self, table, monkeypatch):
        table.write({"id": [1]})
        self.let_another_win(table, monkeypatch, {"id": [2]}, transaction=Transaction("q", 1))
        assert table.write({"id": [2]}, transaction=Transaction("q", 1)).version is None
        assert [row["id"] for row in table.rows()] == [1, 2]
        assert len(table.files_on_disk()) == 2

    def test_rows_computed_from_an_older_version_conflict(self, table):
        table.write({"id": [1]})
        table.write({"id": [2]})
        with pytest.raises(ConcurrentModification):
            table.write({"id": [5]}, Mode.OVERWRITE, read_version=0)
        assert table.write({"id": [5]}, Mode.OVERWRITE, read_version=1).version == 2

    def test_an_overwrite_conflicts_with_what_came_since_it_was_planned(self, table):
        table.write({"id": [1]})
        rows = pa.table({"id": [5]})
        spec = WriteSpec(Mode.OVERWRITE)
        planned = plan_write(table.target, _schema(rows), spec)
        table.write({"id": [2]})
        with pytest.raises(ConcurrentModification, match="DELTA_CONCURRENT_APPEND: version 1"):
            commit_files(table.target, table.stage(rows), _schema(rows), spec, planned=planned)
        assert [row["id"] for row in table.rows()] == [1, 2]

    @staticmethod
    def let_another_win(table, monkeypatch, rows, **spec):
        """The first attempt to publish finds that another writer was there in between."""
        real = log.publish
        calls = []

        def publish(location, version, actions):
            if not calls:
                calls.append(version)
                table.write(rows, **spec)
            return real(location, version, actions)

        monkeypatch.setattr(log, "publish", publish)

    def test_writers_in_many_processes_lose_nothing(self, table):
        script = textwrap.dedent(
            """
            import sys, importlib.util, pathlib
            spec = importlib.util.spec_from_file_location("c", sys.argv[1]); c = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(c)
            t = c.Table(pathlib.Path(sys.argv[2]))
            for n in range(5):
                t.write({"id": [int(sys.argv[3]) * 100 + n]})
            """
        )
        conftest = str(Path(__file__).parent / "conftest.py")
        workers = [subprocess.Popen([sys.executable, "-c", script, conftest, table.location, str(n)]) for n in range(4)]
        assert [worker.wait() for worker in workers] == [0] * 4
        assert len(table.rows()) == 20
        assert log.entry_versions(table.location) == list(range(20))
        assert (Path(table.location) / "_delta_log" / "_last_checkpoint").exists()


@pytest.mark.parametrize(
    ("point", "written"),
    [("delta.file_moved", 1), ("delta.before_commit", 1), ("delta.after_commit", 2)],
)
def test_a_crash_leaves_the_table_before_or_after_the_commit(table, point, written):
    table.write({"id": [1]}, transaction=Transaction("q", 0))
    script = (
        "import sys, importlib.util, pathlib\n"
        "spec = importlib.util.spec_from_file_location('c', sys.argv[1]); c = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(c)\n"
        "c.Table(pathlib.Path(sys.argv[2])).write({'id': [2]}, transaction=c.Transaction('q', 1))\n"
    ).replace("c.Transaction", "__import__('reelhouse.delta.write', fromlist=['x']).Transaction")
    conftest = str(Path(__file__).parent / "conftest.py")
    done = subprocess.run(
        [sys.executable, "-c", script, conftest, table.location], env={**os.environ, "REELHOUSE_FAIL_AT": point}
    )
    assert done.returncode == -9
    assert len(table.rows()) == written
    referenced = {file.path for file in open_snapshot(table.location).files}
    assert referenced <= table.files_on_disk()
    table.write({"id": [2]}, transaction=Transaction("q", 1))
    assert [row["id"] for row in table.rows()] == [1, 2]
    assert staging.clean_stale(table.location) == []
    assert not (Path(table.location) / "_staged").exists()


def test_replace_where_replaces_the_rows_and_refuses_others(table):
    table.write({"day": [1, 1, 2], "v": ["a", "b", "c"]})
    commit = table.write({"day": [1], "v": ["z"]}, Mode.OVERWRITE, replace_where="day = 1")
    assert (commit.rows, commit.removed) == (1, 2)
    assert table.rows() == [{"day": 1, "v": "z"}, {"day": 2, "v": "c"}]
    with pytest.raises(UserError, match="DELTA_REPLACE_WHERE_MISMATCH"):
        table.write({"day": [2], "v": ["z"]}, Mode.OVERWRITE, replace_where="day = 1")
    assert table.rows() == [{"day": 1, "v": "z"}, {"day": 2, "v": "c"}]


def test_replace_where_on_a_partitioned_table(table):
    by = {"partition_by": ("day",)}
    table.write({"v": ["a", "b", "c"], "day": [1, 2, 2]}, **by)
    commit = table.write({"v": ["x", "y"], "day": [2, 3]}, Mode.OVERWRITE, replace_where="day >= 2", **by)
    assert (commit.version, commit.rows, commit.removed) == (1, 2, 2)
    assert table.rows() == [{"v": "a", "day": 1}, {"v": "x", "day": 2}, {"v": "y", "day": 3}]
    table.write(
        pa.table({"v": pa.array([], pa.string()), "day": pa.array([], pa.int64())}),
        Mode.OVERWRITE,
        replace_where="day = 3",
        **by,
    )
    assert [row["day"] for row in table.rows()] == [1, 2]


def test_unknown_delta_properties_are_refused_with_the_nearest(table):
    with pytest.raises(UserError, match=r"DELTA_UNKNOWN_CONFIGURATION.*'delta.appendOnly'"):
        table.write({"id": [1]}, properties={"delta.apendOnly": "true"})
    with pytest.raises(Unsupported, match="column"):
        table.write({"id": [1]}, properties={"delta.columnMapping.mode": "name"})


def test_an_append_only_table_is_not_overwritten(table):
    table.write({"id": [1]}, properties={"delta.appendOnly": "true"})
    with pytest.raises(UserError, match="DELTA_CANNOT_MODIFY_APPEND_ONLY"):
        table.write({"id": [1]}, Mode.OVERWRITE)


WORKER = """
import sys, importlib.util, pathlib
spec = importlib.util.spec_from_file_location('c', sys.argv[1]); c = importlib.util.module_from_spec(spec)
spec.loader.exec_module(c)
from reelhouse.delta.write import Transaction
table = c.Table(pathlib.Path(sys.argv[2]))
for n in range(12):
    table.write({'id': [n, -n]}, transaction=Transaction('q', n))
"""


@pytest.mark.parametrize("seed", range(2))
def test_a_writer_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(table, seed):
    chance = random.Random(seed)
    conftest = str(Path(__file__).parent / "conftest.py")
    points = ["delta.file_moved", "delta.before_commit", "delta.after_commit"]
    for _ in range(4):
        at = f"{chance.choice(points)}:{chance.randint(1, 4)}"
        subprocess.run(
            [sys.executable, "-c", WORKER, conftest, table.location], env={**os.environ, "REELHOUSE_FAIL_AT": at}
        )
    done = subprocess.run([sys.executable, "-c", WORKER, conftest, table.location])
    assert done.returncode == 0
    assert sorted(row["id"] for row in table.rows()) == sorted([*range(12), *(-n for n in range(12))])
    assert log.entry_versions(table.location) == list(range(12))
    assert not (Path(table.location) / "_staged").exists()
