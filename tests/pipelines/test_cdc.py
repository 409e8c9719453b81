"""The worked examples of the documentation, and what they leave open."""

from __future__ import annotations

from typing import Any

import pytest

from reelhouse.errors import Place, UserError
from reelhouse.pipelines import cdc
from reelhouse.pipelines.definitions import ChangeFlow, SnapshotFlow

PLACE = Place("silver.py", "line 1")
FEED = [
    (124, "Raul", "Oaxaca", "INSERT", 1),
    (123, "Isabel", "Monterrey", "INSERT", 1),
    (125, "Mercedes", "Tijuana", "INSERT", 2),
    (126, "Lily", "Cancun", "INSERT", 2),
    (123, None, None, "DELETE", 6),
    (125, "Mercedes", "Guadalajara", "UPDATE", 6),
    (125, "Mercedes", "Mexicali", "UPDATE", 5),
    (123, "Isabel", "Chihuahua", "UPDATE", 5),
]
SCHEMA = "userId int, name string, city string, operation string, sequenceNum int"


def flow(**given: Any) -> ChangeFlow:
    defaults: dict[str, Any] = {
        "name": "users",
        "target": "users",
        "source": "feed",
        "place": PLACE,
        "keys": ("userId",),
        "sequence_by": "sequenceNum",
        "apply_as_deletes": "operation = 'DELETE'",
        "except_column_list": ("operation", "sequenceNum"),
    }
    return ChangeFlow(**{**defaults, **given})


def applied(spark: Any, rows: list[tuple[Any, ...]], change: ChangeFlow) -> list[tuple[Any, ...]]:
    feed = spark.createDataFrame(rows, SCHEMA)
    columns = cdc.change_columns(change, feed.columns)
    log = cdc.changes(feed, change, columns)
    result = cdc.present(log, columns) if change.scd_type == 1 else cdc.history(log, columns)
    return sorted(tuple(row) for row in result.collect())


def test_scd_type_1_keeps_the_row_with_the_highest_sequence(bare_engine: Any) -> None:
    assert applied(bare_engine, FEED, flow()) == [
        (124, "Raul", "Oaxaca"),
        (125, "Mercedes", "Guadalajara"),
        (126, "Lily", "Cancun"),
    ]


def test_a_truncation_wipes_what_has_a_lower_sequence(bare_engine: Any) -> None:
    rows = [*FEED, (None, None, None, "TRUNCATE", 3)]
    assert applied(bare_engine, rows, flow(apply_as_truncates="operation = 'TRUNCATE'")) == [
        (125, "Mercedes", "Guadalajara")
    ]


def test_scd_type_2_keeps_every_version_with_its_bounds(bare_engine: Any) -> None:
    assert applied(bare_engine, FEED, flow(scd_type=2)) == [
        (123, "Isabel", "Chihuahua", 5, 6),
        (123, "Isabel", "Monterrey", 1, 5),
        (124, "Raul", "Oaxaca", 1, None),
        (125, "Mercedes", "Guadalajara", 6, None),
        (125, "Mercedes", "Mexicali", 5, 6),
        (125, "Mercedes", "Tijuana", 2, 5),
        (126, "Lily", "Cancun", 2, None),
    ]


def test_a_column_that_is_not_tracked_is_written_in_place(bare_engine: Any) -> None:
    assert applied(bare_engine, FEED, flow(scd_type=2, track_history_except=("city",))) == [
        (123, "Isabel", "Chihuahua", 1, 6),
        (124, "Raul", "Oaxaca", 1, None),
        (125, "Mercedes", "Guadalajara", 2, None),
        (126, "Lily", "Cancun", 2, None),
    ]


def test_the_order_of_arrival_does_not_matter(bare_engine: Any) -> None:
    assert applied(bare_engine, FEED[::-1], flow(scd_type=2)) == applied(bare_engine, FEED, flow(scd_type=2))


def test_an_exact_repeat_opens_no_version(bare_engine: Any) -> None:
    rows = [(1, "a", "x", "INSERT", 1), (1, "a", "x", "UPDATE", 2), (1, "a", "y", "UPDATE", 3)]
    assert applied(bare_engine, rows, flow(scd_type=2)) == [(1, "a", "x", 1, 3), (1, "a", "y", 3, None)]


def test_a_key_deleted_twice_ends_at_the_first_deletion_and_may_come_back(bare_engine: Any) -> None:
    rows = [
        (1, "a", "x", "INSERT", 1),
        (1, None, None, "DELETE", 2),
        (1, None, None, "DELETE", 3),
        (1, "a", "x", "INSERT", 4),
    ]
    assert applied(bare_engine, rows, flow(scd_type=2)) == [(1, "a", "x", 1, 2), (1, "a", "x", 4, None)]


def test_with_ignore_null_updates_a_null_keeps_the_former_value_since_the_last_deletion(bare_engine: Any) -> None:
    rows = [
        (1, "a", "x", "INSERT", 1),
        (1, None, "y", "UPDATE", 2),
        (2, "b", "x", "INSERT", 1),
        (2, None, None, "DELETE", 2),
        (2, None, "z", "INSERT", 3),
    ]
    assert applied(bare_engine, rows, flow(ignore_null_updates=True)) == [(1, "a", "y"), (2, None, "z")]
    assert applied(bare_engine, rows, flow()) == [(1, None, "y"), (2, None, "z")]


def test_a_column_that_the_feed_lacks_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"column 'userid2'.*Did you mean 'userId'"):
        cdc.change_columns(flow(keys=("userid2",)), ["userId", "name"])


# --- snapshots --------------------------------------------------------------------------------------------------------


def snapshots(
    spark: Any, versions: list[tuple[int, list[tuple[Any, ...]]]], schema: str, **given: Any
) -> list[tuple[Any, ...]]:
    change = SnapshotFlow("t", "t", "s", PLACE, ("id",), scd_type=2, **given)
    target = None
    for version, rows in versions:
        snapshot = spark.createDataFrame(rows, schema)
        columns = cdc.snapshot_columns(change, snapshot.columns)
        literal = cdc.version_literal(version, PLACE)
        if target is None:
            result = cdc.first_history(snapshot, columns, literal, "bigint")
        else:
            result = cdc.snapshot_history(target, snapshot, columns, literal, "bigint")
        target = spark.createDataFrame(result.collect(), f"{schema}, __START_AT bigint, __END_AT bigint")
    assert target is not None
    return sorted((tuple(r) for r in target.collect()), key=lambda r: (r[0], r[-2]))


def test_a_snapshot_closes_what_is_missing_and_what_changed(bare_engine: Any) -> None:
    rows = snapshots(bare_engine, [(0, [(1, "a1"), (2, "a2")]), (1, [(2, "b2"), (3, "a3")])], "id int, value string")
    assert rows == [(1, "a1", 0, 1), (2, "a2", 0, 1), (2, "b2", 1, None), (3, "a3", 1, None)]


def test_a_snapshot_with_history_on_one_column_writes_the_others_in_place(bare_engine: Any) -> None:
    rows = snapshots(
        bare_engine,
        [
            (1, [(1, "a1", "b1"), (2, "a2", "b2"), (4, "a4", "b4")]),
            (2, [(2, "a2n", "b2"), (3, "a3", "b3"), (4, "a4", "b4n")]),
        ],
        "id int, a string, b string",
        track_history=("a",),
    )
    assert rows == [
        (1, "a1", "b1", 1, 2),
        (2, "a2", "b2", 1, 2),
        (2, "a2n", "b2", 2, None),
        (3, "a3", "b3", 2, None),
        (4, "a4", "b4n", 1, None),
    ]


def test_a_key_that_comes_back_opens_a_new_version_and_nulls_are_equal(bare_engine: Any) -> None:
    rows = snapshots(
        bare_engine,
        [(1, [(1, None), (2, "x")]), (2, [(1, None)]), (3, [(1, "v"), (2, "x")])],
        "id int, value string",
    )
    assert rows == [(1, None, 1, 3), (1, "v", 3, None), (2, "x", 1, 2), (2, "x", 3, None)]


def test_differences_are_counted_by_key(bare_engine: Any) -> None:
    change = SnapshotFlow("t", "t", "s", PLACE, ("id",), scd_type=2)
    schema = "id int, value string, __START_AT int, __END_AT int"
    target = bare_engine.createDataFrame([(1, "a", 1, None), (2, "b", 1, None), (3, "c", 1, None)], schema)
    snapshot = bare_engine.createDataFrame([(1, "a"), (2, "B"), (4, "d"), (5, "e")], "id int, value string")
    columns = cdc.snapshot_columns(change, snapshot.columns)
    assert tuple(cdc.differences(target, snapshot, columns).collect()[0]) == (2, 1, 1)


def test_repeated_and_missing_keys_of_a_snapshot_are_found(bare_engine: Any) -> None:
    change = SnapshotFlow("t", "t", "s", PLACE, ("id",))
    snapshot = bare_engine.createDataFrame([(1, "a"), (1, "b"), (2, "c"), (None, "d")], "id int, value string")
    columns = cdc.snapshot_columns(change, snapshot.columns)
    faults = cdc.key_faults(snapshot, columns).collect()
    assert sorted((tuple(r) for r in faults), key=str) == [(1, 2), (None, 1)]
