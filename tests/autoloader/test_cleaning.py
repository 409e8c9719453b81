"""What becomes of files after they have been read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelhouse.autoloader.cleaning import CleanSource, clean
from reelhouse.autoloader.discovery import Selection, discover
from reelhouse.autoloader.state import FileState, cloud_files_state
from reelhouse.errors import UserError

NOW = datetime(2026, 1, 31, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a.csv").write_text("1")
    return tmp_path / "in"


@pytest.fixture
def state(tmp_path: Path, source: Path) -> Iterator[FileState]:
    """A state in which `sub/a.csv` was committed now."""
    state = FileState(str(tmp_path / "checkpoint" / "sources" / "0"))
    discover(Selection(str(source)), state, NOW)
    state.commit_through(1, int(NOW.timestamp() * 1000))
    yield state
    state.close()


def test_a_file_stays_until_its_retention_is_over(source: Path, state: FileState) -> None:
    assert clean(CleanSource(MONTH), str(source), state, NOW + timedelta(days=29)) == 0
    assert (source / "sub" / "a.csv").exists()


def test_a_file_is_deleted_after_its_retention(source: Path, state: FileState, tmp_path: Path) -> None:
    assert clean(CleanSource(MONTH), str(source), state, NOW + MONTH) == 1
    assert not (source / "sub" / "a.csv").exists()
    assert [row["archive_mode"] for row in cloud_files_state(str(tmp_path / "checkpoint"))] == ["DELETE"]


def test_a_file_is_moved_with_its_folders(source: Path, state: FileState, tmp_path: Path) -> None:
    clean(CleanSource(timedelta(0), str(tmp_path / "archive")), str(source), state, NOW)

    assert (tmp_path / "archive" / "sub" / "a.csv").read_text() == "1"
    row = cloud_files_state(str(tmp_path / "checkpoint"))[0]
    assert (row["archive_mode"], row["move_location"]) == ("MOVE", str(tmp_path / "archive" / "sub" / "a.csv"))


def test_a_file_that_is_not_committed_stays(source: Path, state: FileState) -> None:
    (source / "b.csv").write_text("2")
    discover(Selection(str(source)), state, NOW)

    clean(CleanSource(timedelta(0)), str(source), state, NOW + MONTH)

    assert (source / "b.csv").exists()


def test_a_file_that_was_overwritten_since_stays(source: Path, state: FileState) -> None:
    os.utime(source / "sub" / "a.csv", (1, 1))

    clean(CleanSource(timedelta(0)), str(source), state, NOW)

    assert (source / "sub" / "a.csv").exists()


def test_a_file_that_is_gone_already_is_no_error(source: Path, state: FileState) -> None:
    (source / "sub" / "a.csv").unlink()

    assert clean(CleanSource(timedelta(0)), str(source), state, NOW) == 1
    assert clean(CleanSource(timedelta(0)), str(source), state, NOW) == 0


def test_files_are_not_moved_to_where_they_are_found_again(source: Path) -> None:
    with pytest.raises(UserError, match="moveDestination"):
        CleanSource(MONTH, str(source / "archive")).check(str(source))
