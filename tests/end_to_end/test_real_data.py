"""The real five files: the counts of the data's own description, releases over time, and a source more."""

from __future__ import annotations

import csv
import shutil
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reelhouse.runs.record import RunStatus

pytestmark = pytest.mark.real_data

COUNTS = {
    "bronze.netflix_titles": 6_236,
    "silver.titles": 6_232,
    "silver.titles_quarantine": 4,
    "silver.title_countries": 7_179,
    "silver.title_cast": 44_310,
    "silver.title_directors": 4_851,
    "silver.title_genres": 13_670,
    "gold.dim_person": 30_717,
    "gold.dim_country": 110,
    "gold.dim_genre": 42,
    "gold.fact_title_additions": 6_232,
}


@pytest.fixture
def normalised(netflix_data):
    return netflix_data / "normalised"


@pytest.fixture(scope="module")
def releases(netflix_data, tmp_path_factory, load_script):
    """The releases of November 2019 and January 2020 as five files each, and the real five files."""
    out = tmp_path_factory.mktemp("releases")
    derive = load_script("tests/end_to_end/derive_release.py").derive
    for name in ("nov_2019", "jan_2020"):
        derive(netflix_data / "older_releases" / f"netflix_titles_{name}.csv", out / name)
    return out / "nov_2019", out / "jan_2020", netflix_data / "normalised"


def line(summary, table):
    return next(line for line in summary.tables if line.name == f"netflix.{table}")


def counted(platform):
    return {table: platform.count(table) for table in COUNTS}


def test_the_counts_are_those_of_the_data(platform, normalised):
    summary = platform.run(normalised)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert counted(platform) == COUNTS
    titles = platform.rows("silver.titles")
    assert sum(row["type"] == "Movie" for row in titles) == 4_263
    assert sum(row["date_added"] is not None for row in titles) == 6_221
    orphans = {r.dataset.split(".")[-1]: r.failed for r in summary.expectations if r.name == "title_exists"}
    assert orphans == {
        "title_cast_checked": 10,
        "title_directors_checked": 2,
        "title_genres_checked": 3,
        "title_countries_checked": 2,
    }


def test_a_real_http_server_gives_the_same_as_a_mirror(platform, normalised):
    handler = partial(SimpleHTTPRequestHandler, directory=str(normalised))
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            summary = platform.run(source_base_url=f"http://127.0.0.1:{server.server_address[1]}/")
        finally:
            server.shutdown()
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert counted(platform) == COUNTS
    for landed in platform.landed("netflix_titles"):
        assert landed.read_bytes() == (normalised / "netflix_titles.csv").read_bytes()


def test_releases_over_time_are_inserted_updated_and_removed(platform, releases):
    november, january, normalised = releases
    first = platform.run(november)
    assert line(first, "silver.titles").rows == 5_837
    for table, pairs in [("cast", 40_814), ("directors", 4_496), ("countries", 6_713), ("genres", 12_763)]:
        assert platform.count(f"silver.title_{table}") == pairs
    second = line(platform.run(january), "silver.titles")
    assert (second.rows, second.added, second.updated, second.removed) == (6_234, 397, 631, 0)
    for table, pairs in [("cast", 44_310), ("directors", 4_851), ("countries", 7_179), ("genres", 13_670)]:
        assert platform.count(f"silver.title_{table}") == pairs
    check_two_versions(platform)
    third = line(platform.run(normalised), "silver.titles")
    assert (third.added, third.updated, third.removed) == (0, 2, 2)
    history = platform.rows("gold.dim_title")
    gone = {row["show_id"] for row in history} - {row["show_id"] for row in history if row["__END_AT"] is None}
    assert gone == {"80119194", "80188902"}
    platform.run(january)
    back = [row for row in platform.rows("gold.dim_title") if row["show_id"] == "80119194"]
    assert len(back) == 2
    assert sorted(row["__END_AT"] is None for row in back) == [False, True]


def check_two_versions(platform):
    """The 631 changed titles have two versions that meet; the other 5,206 of November have one, from then on."""
    by_id = {}
    for row in platform.rows("gold.dim_title"):
        by_id.setdefault(row["show_id"], []).append(row)
    started = sorted({row["__START_AT"] for rows in by_id.values() for row in rows})
    assert len(started) == 2
    changed = [sorted(rows, key=lambda row: row["__START_AT"]) for rows in by_id.values() if len(rows) == 2]
    assert len(changed) == 631
    for old, new in changed:
        assert (old["__START_AT"], old["__END_AT"]) == (started[0], started[1])
        assert (new["__START_AT"], new["__END_AT"]) == (started[1], None)
        assert (old["date_added"] is None, new["date_added"] is None) == (True, False)
    untouched = [rows[0] for rows in by_id.values() if len(rows) == 1 and rows[0]["__START_AT"] == started[0]]
    assert len(untouched) == 5_206
    assert {row["__END_AT"] for row in untouched} == {None}


def test_two_releases_that_arrive_between_runs_of_the_job_both_become_versions(platform, releases):
    november, january, _ = releases
    platform.run(november)
    # The second release lands in raw while the job is not running: as if Data Factory alone had run.
    for source in ("netflix_titles",):
        target = platform.landed(source)[0].parent.parent
        for number, release in [("2", january), ("3", november)]:
            (target / number).mkdir()
            shutil.copy(release / f"{source}.csv", target / number / f"{source}.csv")
    summary = platform.run(november)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    starts = {row["__START_AT"] for row in platform.rows("gold.dim_title")}
    assert len(starts) == 3


def test_a_sixth_entry_in_the_config_is_all_that_a_new_source_needs(platform, normalised, netflix_data, tmp_path):
    served = tmp_path / "served"
    shutil.copytree(normalised, served)
    shutil.copy(netflix_data / "siblings" / "hulu_titles.csv", served)
    columns = "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description"

    def add_hulu(sources):
        sources.append(
            {
                **sources[0],
                "name": "hulu_titles",
                "relative_url": "hulu_titles.csv",
                "file_name": "hulu_titles.csv",
                "columns": columns.split(","),
                "target_folder": "hulu_titles",
                "bronze_table": "hulu_titles",
            }
        )

    platform.change_config(add_hulu)
    summary = platform.run(served)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert platform.count("bronze.hulu_titles") == 3_073
    assert counted(platform) == COUNTS


def test_the_same_notebook_without_escape_damages_rows_as_spark_does(platform, normalised):
    """A notebook that is wrong on Azure has to be wrong here: Spark's default escape is the backslash."""

    def forget_escape(sources):
        for source in sources:
            source["reader_options"] = {"header": "true"}

    platform.change_config(forget_escape)
    platform.run(normalised)
    with (normalised / "netflix_titles.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *records = list(csv.reader(file))
    right = [tuple(value or None for value in record) for record in records]
    found = [tuple(row[name] for name in header) for row in platform.rows("bronze.netflix_titles")]
    assert len(found) == 6_236
    assert len(set(found) & set(right)) == 5_995
    without_id = [row for row in found if not (row[-1] or "").isdigit()]
    assert len(without_id) == 113


def test_all_rows_equal_the_rfc_4180_reading_field_by_field(platform, normalised):
    platform.run(normalised)
    with (normalised / "netflix_titles.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *records = list(csv.reader(file))
    right = Counter(tuple(value or None for value in record) for record in records)
    found = Counter(tuple(row[name] for name in header) for row in platform.rows("bronze.netflix_titles"))
    assert found == right
