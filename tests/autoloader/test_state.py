"""What Auto Loader remembers, and that remembering does not grow with what it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelhouse.autoloader.state import FileState, Found, cloud_files_state


@pytest.fixture
def state(tmp_path: Path):
    state = FileState(str(tmp_path / "sources" / "0"))
    yield state
    state.close()


def files(*sizes: int, first: int = 1) -> list[Found]:
    return [Found(f"{number}.csv", size, number * 10**9) for number, size in enumerate(sizes, first)]


def test_files_are_numbered_in_the_order_given(state: FileState) -> None:
    state.add(files(10, 20), 0)
    state.add(files(30, first=3), 0)

    assert [(file.number, file.path) for file in state.between(0, 3)] == [(1, "1.csv"), (2, "2.csv"), (3, "3.csv")]


@pytest.mark.parametrize(
    ("start", "max_files", "max_bytes", "end"),
    [
        (0, None, None, 4),
        (0, 3, None, 3),
        (2, 1, None, 3),
        (0, None, 15, 2),
        (0, None, 10, 1),
        (0, None, 5, 1),
        (0, 1, 1000, 1),
        (4, 10, 10, 4),
    ],
)
def test_a_batch_ends_at_the_smaller_limit_and_bytes_are_a_soft_one(
    state: FileState, start: int, max_files: int | None, max_bytes: int | None, end: int
) -> None:
    state.add(files(10, 10, 10, 10), 0)

    assert state.end_of_batch(start, 4, max_files, max_bytes) == end


def test_skipped_files_are_known_but_never_read(state: FileState) -> None:
    state.add(files(10), 0, skipped=True)
    state.add(files(20, first=2), 0)

    assert state.unknown(["1.csv", "2.csv", "3.csv"]) == ["3.csv"]
    assert [file.path for file in state.between(0, 2)] == ["2.csv"]
    assert state.end_of_batch(0, 2, 1, None) == 2


def test_what_is_outstanding_is_counted_in_files_and_bytes(state: FileState) -> None:
    state.add(files(10, 20, 30), 0)

    assert state.outstanding(1) == (2, 50)


def test_a_forgotten_file_gives_its_number_to_no_other(state: FileState) -> None:
    state.add(files(10), 0)
    state.commit_through(1, 5, forget_before_ns=2 * 10**9)
    state.add(files(10, first=2), 0)

    assert [(file.number, file.path) for file in state.between(0, 10)] == [(2, "2.csv")]
    assert state.last_number() == 2


def test_a_file_of_a_batch_that_is_not_committed_is_never_forgotten(state: FileState) -> None:
    state.add(files(10, 10), 0)
    state.commit_through(1, 5, forget_before_ns=10 * 10**9)

    assert [file.path for file in state.between(1, 2)] == ["2.csv"]


def test_an_empty_state_has_no_last_number_and_was_not_listed(state: FileState) -> None:
    assert (state.last_number(), state.listed_before) == (0, False)


def test_cloud_files_state_tells_of_every_file(state: FileState, tmp_path: Path) -> None:
    state.add(files(10, 20), 1000)
    state.commit_through(1, 2000)

    rows = cloud_files_state(str(tmp_path), root_of={0: "abfss://raw@lake.dfs.core.windows.net/titles"})

    assert [(row["path"].rpartition("/")[2], row["size"], row["commit_time"] is not None) for row in rows] == [
        ("1.csv", 10, True),
        ("2.csv", 20, False),
    ]
    assert rows[0]["path"] == "abfss://raw@lake.dfs.core.windows.net/titles/1.csv"
    assert rows[0]["source_id"] == "0"


def test_looking_for_one_new_file_among_many_known_ones_reads_the_index_not_the_files(state: FileState) -> None:
    state.add([Found(f"{number:06}.csv", 1, 1) for number in range(50_000)], 0)
    plan = " ".join(
        row[3]
        for row in state._db.execute(
            "EXPLAIN QUERY PLAN SELECT value FROM json_each('[]') WHERE NOT EXISTS"
            " (SELECT 1 FROM file WHERE path = value)"
        )
    )

    assert state.unknown([f"{number:06}.csv" for number in range(100)] + ["new.csv"]) == ["new.csv"]
    assert "USING COVERING INDEX file_path (path=?)" in plan


def test_a_second_opening_sees_what_the_first_has_written(tmp_path: Path) -> None:
    first = FileState(str(tmp_path))
    first.add(files(10), 0)
    second = FileState(str(tmp_path))

    assert second.last_number() == 1
    first.close()
    second.close()
