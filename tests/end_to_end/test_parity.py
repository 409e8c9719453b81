"""The platform on Apache Spark 4.2 with Delta: every table equals the embedded engine's, row by row."""

from __future__ import annotations

import os

import pytest

from reelhouse.runs.record import RunStatus

pytestmark = pytest.mark.spark

TABLES = [
    *[f"bronze.netflix_{name}" for name in ("titles", "cast", "category", "countries", "directors")],
    *[f"silver.{name}" for name in ("titles", "title_cast", "title_directors", "title_countries", "title_genres")],
    *[f"silver.{n}_quarantine" for n in ("titles", "title_cast", "title_directors", "title_countries", "title_genres")],
    *[f"gold.dim_{name}" for name in ("title", "person", "country", "genre", "date")],
    *[f"gold.bridge_title_{name}" for name in ("person", "country", "genre")],
    *["gold.fact_title_additions", "gold.titles_by_year_genre", "gold.titles_by_country", "gold.titles_by_rating"],
    *["gold.durations", "gold.top_directors", "gold.top_actors", "gold.additions_by_month"],
]


def contents(platform):
    return {table: platform.rows(table) for table in TABLES}


def run_both(make_platform, folder, releases):
    """The same releases on both engines; what the tables hold."""
    found = []
    for name, engine in [("embedded", "sail"), ("spark", os.environ["REELHOUSE_SPARK"])]:
        platform = make_platform(folder / name)
        for release in releases:
            summary = platform.run(release, engine=engine, maintenance="true")
            assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
        found.append(contents(platform))
    return found


@pytest.mark.timeout(1800)
def test_two_releases_of_the_sample_give_the_same_tables(make_platform, tmp_path, older, sample, compare_lakes):
    embedded, spark = run_both(make_platform, tmp_path, [older, sample])
    assert compare_lakes(embedded, spark) == []


@pytest.mark.real_data
@pytest.mark.timeout(1800)
def test_the_real_files_give_the_same_tables(make_platform, tmp_path, netflix_data, compare_lakes):
    embedded, spark = run_both(make_platform, tmp_path, [netflix_data / "normalised"])
    assert compare_lakes(embedded, spark) == []
