"""A Delta table as a stream, on tables that delta-rs writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from reelhouse.errors import ReelhouseError, Unsupported, UserError
from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.delta_options import parse_options
from reelhouse.streaming.delta_source import DeltaSource
from reelhouse.streaming.errors import StreamingError


@pytest.fixture
def table(tmp_path: Path) -> str:
    return str(tmp_path / "table")


@pytest.fixture
def source(table: str, tmp_path: Path) -> Callable[..., DeltaSource]:
    return lambda **options: DeltaSource(table, str(tmp_path / "sources" / "0"), parse_options(options))


def append(table: str, *ids: int, **columns: list[object]) -> None:
    write_deltalake(table, pa.table({"id": pa.array(ids, pa.int64()), **columns}), mode="append", schema_mode="merge")


def read(source: DeltaSource, start: Offset | None, end: Offset) -> list[int]:
    """The ids of a batch, by reading the files that its plan names."""
    relation = source.batch(start, end).relation()
    if relation.WhichOneof("rel_type") == "local_relation":
        return []
    import pyarrow.parquet as pq

    paths = relation.read.data_source.paths
    return sorted(value for path in paths for value in pq.read_table(path).column("id").to_pylist())


def take(source: DeltaSource, start: Offset | None = None) -> tuple[Offset | None, list[int]]:
    source.refresh(start)
    end = source.next_offset(start)
    return end, [] if end is None or end == start else read(source, start, end)


def test_the_first_batch_is_the_tables_content(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1, 2)
    append(table, 3)

    end, ids = take(source())

    assert ids == [1, 2, 3]
    assert end is not None and (end["reservoirVersion"], end["isStartingVersion"]) == (2, False)


def test_the_next_batch_is_what_later_versions_add(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    end, _ = take(source())
    append(table, 2)
    append(table, 3)

    _, ids = take(source(), end)

    assert ids == [2, 3]


def test_without_news_the_offset_stays(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    end, _ = take(source())

    assert take(source(), end) == (end, [])


def test_an_empty_table_gives_nothing_until_it_has_rows(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table)
    assert take(source()) == (None, [])
    append(table, 1)

    assert take(source())[1] == [1]


def test_a_table_that_was_never_made_is_an_error(source: Callable[..., DeltaSource]) -> None:
    with pytest.raises(StreamingError, match="doesn't exist"):
        source().refresh(None)


def test_limits_split_the_content_and_the_versions(table: str, source: Callable[..., DeltaSource]) -> None:
    for number in range(5):
        append(table, number)

    limited, end, batches = source(maxFilesPerTrigger="2"), None, []
    for _ in range(3):
        end, ids = take(limited, end)
        batches.append(ids)
    append(table, 5)
    append(table, 6)
    append(table, 7)
    for _ in range(2):
        end, ids = take(source(maxFilesPerTrigger="2"), end)
        batches.append(ids)

    assert [len(batch) for batch in batches] == [2, 2, 1, 2, 1]
    assert sorted(value for batch in batches for value in batch) == list(range(8))


def test_a_batch_is_the_same_after_more_has_come(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    first = source()
    first.refresh(None)
    end = first.next_offset(None)
    append(table, 2)
    DeltaTable(table).optimize.compact()
    append(table, 3)

    later = source()
    later.refresh(end)

    assert end is not None
    assert read(later, None, end) == [1]


def test_optimize_brings_no_news(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    append(table, 2)
    end, _ = take(source())
    DeltaTable(table).optimize.compact()

    assert take(source(), end) == (end, [])


def test_starting_version_leaves_out_what_was_before(table: str, source: Callable[..., DeltaSource]) -> None:
    for number in range(3):
        append(table, number)

    assert take(source(startingVersion="1"))[1] == [1, 2]
    assert take(source(startingVersion="1"))[1] == [1, 2]


def test_starting_at_the_latest_gives_later_versions_alone_also_to_a_replay(
    table: str, source: Callable[..., DeltaSource]
) -> None:
    append(table, 1)
    assert take(source(startingVersion="latest")) == (None, [])
    append(table, 2)

    end, ids = take(source(startingVersion="latest"))

    assert ids == [2]
    assert end is not None and read(source(startingVersion="latest"), None, end) == [2]


def test_starting_timestamp_takes_the_first_version_not_before_it(
    table: str, source: Callable[..., DeltaSource]
) -> None:
    append(table, 1)

    assert take(source(startingTimestamp="2020-01-01"))[1] == [1]


def test_a_starting_timestamp_after_the_last_version_is_refused(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)

    with pytest.raises(StreamingError, match="DELTA_TIMESTAMP_GREATER_THAN_COMMIT"):
        source(startingTimestamp="2999-01-01").refresh(None)


def delete_one(table: str) -> None:
    DeltaTable(table).delete("id = 1")


def delete_all_files(table: str) -> None:
    DeltaTable(table).delete()


@pytest.mark.parametrize(
    ("change", "error"),
    [(delete_one, "DELTA_SOURCE_TABLE_IGNORE_CHANGES"), (delete_all_files, "DELTA_SOURCE_IGNORE_DELETE")],
)
def test_changes_upstream_stop_the_stream(
    table: str, source: Callable[..., DeltaSource], change: Callable[[str], None], error: str
) -> None:
    append(table, 1, 2)
    end, _ = take(source())
    change(table)

    with pytest.raises(StreamingError, match=error):
        take(source(), end)


@pytest.mark.parametrize(
    ("options", "change", "expected"),
    [
        ({"skipChangeCommits": "true"}, delete_one, [3]),
        ({"skipChangeCommits": "true"}, delete_all_files, [3]),
        ({"ignoreDeletes": "true"}, delete_all_files, [3]),
        ({"ignoreChanges": "true"}, delete_one, [2, 3]),
    ],
)
def test_changes_upstream_can_be_left_out(
    table: str,
    source: Callable[..., DeltaSource],
    options: dict[str, str],
    change: Callable[[str], None],
    expected: list[int],
) -> None:
    append(table, 1, 2)
    end, _ = take(source())
    change(table)
    append(table, 3)

    assert take(source(**options), end)[1] == expected


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_a_table_that_was_made_anew_is_another_table(
    table: str, source: Callable[..., DeltaSource], versions: int
) -> None:
    append(table, 1)
    append(table, 2)
    end, _ = take(source())
    shutil.rmtree(table)
    for number in range(versions):
        append(table, number)

    with pytest.raises(StreamingError, match="DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE"):
        take(source(), end)


def test_a_new_column_upstream_needs_a_restart_and_no_more(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    running = source()
    end, _ = take(running)
    running.nothing().relation()

    append(table, 2, title=["Roma"])

    with pytest.raises(StreamingError, match="DELTA_SCHEMA_CHANGED"):
        take(running, end)
    assert take(source(), end)[1] == [2]


def test_a_version_whose_log_is_gone_is_an_error_unless_told_otherwise(
    table: str, source: Callable[..., DeltaSource]
) -> None:
    append(table, 1)
    end, _ = take(source())
    append(table, 2)
    append(table, 3)
    DeltaTable(table).create_checkpoint()
    (Path(table) / "_delta_log" / f"{1:020d}.json").unlink()

    with pytest.raises(StreamingError, match="expecting version 1"):
        take(source(), end)
    assert take(source(failOnDataLoss="false"), end)[1] == [3]


def test_rows_are_counted_from_the_log(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1, 2, 3)
    stream = source()
    end, _ = take(stream)

    assert end is not None and stream.batch(None, end).rows == 3


def test_what_is_outstanding_is_counted(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    append(table, 2)
    stream = source(maxFilesPerTrigger="1")
    end, _ = take(stream)
    left = stream.outstanding(end)

    assert left is not None and left[0] == 1


def test_what_comes_before_a_change_upstream_is_read_first(table: str, source: Callable[..., DeltaSource]) -> None:
    append(table, 1)
    end, _ = take(source())
    append(table, 2)
    delete_one(table)
    limited = source(maxFilesPerTrigger="1")

    end, ids = take(limited, end)

    assert (ids, limited.outstanding(end)) == ([2], None)
    with pytest.raises(StreamingError, match="DELTA_SOURCE"):
        take(limited, end)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"maxFilePerTrigger": "1"}, Unsupported),
        ({"readChangeFeed": "true", "skipChangeCommits": "true"}, Unsupported),
        ({"readChangeFeed": "true", "ignoreDeletes": "true"}, Unsupported),
        ({"maxFilesPerTrigger": "0"}, UserError),
        ({"maxBytesPerTrigger": "many"}, UserError),
        ({"startingVersion": "1", "startingTimestamp": "2020-01-01"}, UserError),
    ],
)
def test_options_that_are_unknown_or_wrong_are_named(options: dict[str, str], error: type[ReelhouseError]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        parse_options(options)
