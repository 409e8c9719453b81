"""Which files a source finds, in which order."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reelhouse.autoloader.discovery import Selection, discover, glob_to_regex, list_files, new_files, walk
from reelhouse.autoloader.state import FileState

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path):
    state = FileState(str(tmp_path / "state"))
    yield state
    state.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def put(path: Path, text: str = "x", *, modified: datetime | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if modified:
        os.utime(path, (modified.timestamp(), modified.timestamp()))
    return path


def found(selection: Selection) -> list[str]:
    return [file.path for file in list_files(selection, NOW)]


def test_folders_are_searched_to_any_depth(source: Path) -> None:
    put(source / "a.csv")
    put(source / "2026/01/b.csv")

    assert sorted(walk(str(source))) == ["2026/01/b.csv", "a.csv"]


@pytest.mark.parametrize("hidden", ["_SUCCESS", ".a.csv.crc", "_temporary/0/a.csv", ".staging/a.csv", "x/_y/a.csv"])
def test_hidden_files_and_what_lies_in_hidden_folders_is_not_read(source: Path, hidden: str) -> None:
    put(source / hidden)

    assert found(Selection(str(source))) == []


def test_older_files_come_first_and_equal_times_are_ordered_by_path(source: Path) -> None:
    put(source / "late.csv", modified=datetime(2026, 1, 3, tzinfo=UTC))
    put(source / "z.csv", modified=datetime(2026, 1, 2, tzinfo=UTC))
    put(source / "a.csv", modified=datetime(2026, 1, 2, tzinfo=UTC))

    assert found(Selection(str(source))) == ["a.csv", "z.csv", "late.csv"]


def test_a_path_that_does_not_exist_is_a_source_without_files(tmp_path: Path) -> None:
    assert found(Selection(str(tmp_path / "nowhere"))) == []


def test_a_path_can_be_one_file(source: Path) -> None:
    put(source / "a.csv")
    put(source / "b.csv")

    assert found(Selection(str(source / "a.csv"))) == ["a.csv"]


@pytest.mark.parametrize(
    ("glob", "strict", "expected"),
    [
        ("*.csv", False, ["2026/b.csv", "a.csv"]),
        ("*.csv", True, ["a.csv"]),
        ("*/b.csv", True, ["2026/b.csv"]),
        ("20*", True, ["2026/b.csv", "2026/c.json"]),
        ("{a,b}.csv", True, ["a.csv"]),
        ("[^b].csv", True, ["a.csv"]),
        ("?.csv", True, ["a.csv"]),
        ("*.parquet", False, []),
    ],
)
def test_a_glob_selects_files_or_folders(source: Path, glob: str, strict: bool, expected: list[str]) -> None:
    for name in ("a.csv", "2026/b.csv", "2026/c.json"):
        put(source / name, modified=NOW)

    assert found(Selection(f"{source}/{glob}", strict_globs=strict)) == expected


def test_a_glob_ends_where_its_folder_does(source: Path) -> None:
    put(source / "sub/a.csv")

    assert found(Selection(f"{source}/sub/*.json")) == []


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("a.csv", "abcsv", False),
        (r"a\*.csv", "a*.csv", True),
        (r"a\*.csv", "ab.csv", False),
        ("[a-c]x", "bx", True),
        ("{x,y*}z", "yabz", True),
        ("a,b", "a,b", True),
    ],
)
def test_globs_are_those_of_hadoop(glob: str, text: str, matches: bool) -> None:
    import re

    assert bool(re.fullmatch(glob_to_regex(glob, strict=True), text)) is matches


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ["a.csv", "year=2020/b.csv", "year=2020/month=1/c.csv"]),
        ("/d*", ["dir/d.csv"]),
        ("/*/*.csv", ["dir/d.csv"]),
    ],
)
def test_without_recursion_only_partition_folders_lead_on(source: Path, path: str, expected: list[str]) -> None:
    for name in ("a.csv", "year=2020/b.csv", "year=2020/month=1/c.csv", "dir/d.csv", "dir/sub/e.csv"):
        put(source / name, modified=NOW)

    selection = Selection(f"{source}{path}", recursive=False, strict_globs=True)

    assert [name for name in found(selection) if "=" not in name or not path] == expected


def test_path_glob_filter_looks_at_the_name_alone(source: Path) -> None:
    put(source / "csv/a.json")
    put(source / "b.csv")

    assert found(Selection(str(source), name_glob="*.csv")) == ["b.csv"]


def test_modified_after_and_before_leave_files_out(source: Path) -> None:
    for day in (1, 2, 3):
        put(source / f"{day}.csv", modified=datetime(2026, 1, day, tzinfo=UTC))

    selection = Selection(
        str(source),
        modified_after=datetime(2026, 1, 1, tzinfo=UTC),
        modified_before=datetime(2026, 1, 3, tzinfo=UTC),
    )

    assert found(selection) == ["2.csv"]


def test_a_file_is_found_once(source: Path, state: FileState) -> None:
    put(source / "a.csv")

    assert discover(Selection(str(source)), state, NOW) == 1
    assert discover(Selection(str(source)), state, NOW) == 0


def test_an_overwritten_file_is_not_found_again(source: Path, state: FileState) -> None:
    put(source / "a.csv", modified=datetime(2026, 1, 1, tzinfo=UTC))
    discover(Selection(str(source)), state, NOW)

    put(source / "a.csv", "new content", modified=datetime(2026, 1, 2, tzinfo=UTC))

    assert discover(Selection(str(source)), state, NOW) == 0


def test_with_allow_overwrites_the_newest_version_is_found_once(source: Path, state: FileState) -> None:
    selection = Selection(str(source), allow_overwrites=True)
    put(source / "a.csv", modified=datetime(2026, 1, 1, tzinfo=UTC))
    discover(selection, state, NOW)
    put(source / "a.csv", "new content", modified=datetime(2026, 1, 2, tzinfo=UTC))

    assert discover(selection, state, NOW) == 1
    assert discover(selection, state, NOW) == 0


def test_a_renamed_file_is_a_new_one(source: Path, state: FileState) -> None:
    old = put(source / "a.csv")
    discover(Selection(str(source)), state, NOW)
    old.rename(source / "b.csv")

    assert [file.path for file in new_files(Selection(str(source)), state, NOW)] == ["b.csv"]


def test_existing_files_can_be_left_out_at_the_first_start_only(source: Path, state: FileState) -> None:
    put(source / "old.csv")
    discover(Selection(str(source), include_existing=False), state, NOW)
    put(source / "new.csv")

    discover(Selection(str(source), include_existing=False), state, NOW)

    assert [file.path for file in state.between(0, state.last_number())] == ["new.csv"]


def test_leaving_existing_files_out_counts_from_a_first_start_that_found_nothing(
    source: Path, state: FileState
) -> None:
    discover(Selection(str(source), include_existing=False), state, NOW)
    put(source / "new.csv")

    discover(Selection(str(source), include_existing=False), state, NOW)

    assert [file.path for file in state.between(0, state.last_number())] == ["new.csv"]


def test_files_older_than_max_file_age_are_not_looked_at(source: Path) -> None:
    put(source / "old.csv", modified=NOW - timedelta(days=91))
    put(source / "young.csv", modified=NOW - timedelta(days=89))

    assert found(Selection(str(source), max_age=timedelta(days=90))) == ["young.csv"]


def test_a_name_with_quotes_and_letters_of_all_scripts_is_a_name(source: Path, state: FileState) -> None:
    put(source / 'it\'s "ñ" 日本.csv')
    discover(Selection(str(source)), state, NOW)

    assert discover(Selection(str(source)), state, NOW) == 0
    assert [file.path for file in state.between(0, 1)] == ['it\'s "ñ" 日本.csv']
