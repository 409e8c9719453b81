"""Which release comes next, and which is refused."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def releases(project: Path) -> Any:
    sys.path.insert(0, str(project / "databricks"))
    try:
        return importlib.import_module("netflix.releases")
    finally:
        sys.path.remove(str(project / "databricks"))


def path(number: int) -> str:
    return f"abfss://raw@lake.dfs.core.windows.net/netflix_cast/{number}/netflix_cast.csv"


def test_releases_are_ordered_by_the_time_they_were_written(releases: Any) -> None:
    ordered = releases.in_order(
        [(path(1), NOON), (path(3), NOON + timedelta(hours=2)), (path(2), NOON + timedelta(hours=1))]
    )

    assert [release.source_file for release in ordered] == [path(1), path(2), path(3)]


def test_of_two_written_in_one_second_the_higher_number_is_later(releases: Any) -> None:
    ordered = releases.in_order([(path(10), NOON), (path(9), NOON)])

    assert [release.source_file for release in ordered] == [path(9), path(10)]
    assert ordered[1].valid_from - ordered[0].valid_from == timedelta(microseconds=1)


def test_three_at_once_are_all_apart(releases: Any) -> None:
    ordered = releases.in_order([(path(n), NOON) for n in (1, 2, 3)] + [(path(4), NOON + timedelta(microseconds=1))])

    assert [release.valid_from - NOON for release in ordered] == [timedelta(microseconds=n) for n in range(4)]


@pytest.mark.parametrize(
    ("keys", "max_shrinkage", "needed"), [(100, 0.2, 80), (10, 0.25, 8), (0, 0.2, 0), (5837, 0.0, 5837), (10, 0.9, 1)]
)
def test_a_release_needs_so_many_keys(releases: Any, keys: int, max_shrinkage: float, needed: int) -> None:
    assert releases.smallest_accepted(keys, max_shrinkage) == needed


def three(releases: Any) -> list[Any]:
    return releases.in_order([(path(n), NOON + timedelta(days=n)) for n in (1, 2, 3)])


def test_a_small_release_is_skipped_when_a_newer_one_is_whole(releases: Any) -> None:
    first, *newer = three(releases)

    taken = releases.first_acceptable("netflix_cast", first, newer, {path(1): 100, path(2): 50, path(3): 99}, 0.2)

    assert taken.source_file == path(3)


def test_releases_are_taken_one_after_the_other(releases: Any) -> None:
    first, *newer = three(releases)

    taken = releases.first_acceptable("netflix_cast", first, newer, {path(1): 100, path(2): 80, path(3): 99}, 0.2)

    assert taken.source_file == path(2)


def test_a_refusal_names_the_source_both_counts_and_the_limit(releases: Any) -> None:
    first, *newer = three(releases)

    with pytest.raises(releases.ReleaseRefused) as refused:
        releases.first_acceptable("netflix_cast", first, newer, {path(1): 100, path(3): 50}, 0.2)

    for part in ("netflix_cast", path(3), "50", "100", "80", "0.2", "Nothing was changed"):
        assert part in str(refused.value)
