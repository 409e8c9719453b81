"""`make run`: the platform on the sample that the repository ships, and again with nothing new."""

from __future__ import annotations

import json

import pytest

from reelhouse.runs.record import RunStatus

COUNTED = {
    "titles": "silver.titles",
    "titles_quarantined": "silver.titles_quarantine",
    "title_cast": "silver.title_cast",
    "title_directors": "silver.title_directors",
    "title_countries": "silver.title_countries",
    "title_genres": "silver.title_genres",
    "titles_read": "bronze.netflix_titles",
    "dim_person": "gold.dim_person",
    "dim_country": "gold.dim_country",
    "dim_genre": "gold.dim_genre",
}


def test_the_sample_gives_the_counts_it_was_made_for(platform, sample, expected):
    summary = platform.run(sample)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert {name: platform.count(table) for name, table in COUNTED.items()} == {
        name: expected["sample"][name] for name in COUNTED
    }
    assert summary.files_ingested == 5


def test_a_second_run_with_nothing_new_ingests_no_file_and_makes_no_version(platform, sample):
    platform.run(sample)
    before = platform.versions()
    summary = platform.run(sample)
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert (summary.files_ingested, platform.versions()) == (0, before)
    assert all(line.commits == 0 for line in summary.tables)


def test_a_newer_release_adds_changes_and_removes_titles_and_keeps_their_history(platform, older, sample, expected):
    platform.run(older)
    summary = platform.run(sample)
    change = expected["older_to_sample"]
    silver = next(line for line in summary.tables if line.name == "netflix.silver.titles")
    assert (silver.added, silver.updated, silver.removed) == (
        change["titles_added"],
        change["titles_changed"],
        change["titles_removed"],
    )
    versions = platform.rows("gold.dim_title")
    closed = [row for row in versions if row["__END_AT"] is not None]
    assert len(closed) == change["titles_changed"] + change["titles_removed"]
    assert len(versions) - len(closed) == expected["sample"]["titles"]
    second = max(row["__START_AT"] for row in versions)
    assert {row["__END_AT"] for row in closed} == {second}


def test_every_expectation_is_counted(platform, sample, expected):
    summary = platform.run(sample)
    found = {(r.dataset.split(".")[-1], r.name): (r.passed, r.failed) for r in summary.expectations}
    read = expected["sample"]["titles_read"]
    passed, failed = found["titles", "show_id_valid"]
    assert (passed + failed, failed) == (read, 4)
    assert found["title_cast_checked", "title_exists"][1] == expected["sample"]["cast_without_title"]


def test_lineage_leads_from_gold_back_to_the_url(platform, sample):
    platform.run(sample)
    printed = platform.command("lineage", "gold.dim_title", "--up", "--json")
    names = []

    def walk(node):
        names.append(node["name"])
        for child in node["next"]:
            walk(child)

    walk(json.loads(printed.stdout))
    assert names[0] == "netflix.gold.dim_title"
    assert "netflix.bronze.netflix_titles" in names
    assert any(name.startswith("abfss://raw@cmnetflixprojectdl.dfs.core.windows.net/netflix_titles") for name in names)
    assert any(name.startswith("https://") and name.endswith("netflix_titles.csv") for name in names)


@pytest.mark.parametrize("source", ["netflix_titles", "netflix_cast"])
def test_a_source_that_goes_back_to_an_earlier_state_lands_three_times(platform, older, sample, source):
    for release in (older, sample, older):
        platform.run(release)
    assert len(platform.landed(source)) == 3
    assert platform.landed(source)[0].read_bytes() == platform.landed(source)[2].read_bytes()


def test_maintenance_runs_when_asked_and_only_on_tables_with_news(platform, sample):
    platform.run(sample, maintenance="true")
    before = platform.versions()
    summary = platform.run(sample, maintenance="true")
    assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert platform.versions() == before


def test_a_job_of_another_storage_account_touches_no_other(platform, sample):
    """The parameters of a job reach the notebooks that a notebook runs."""
    from reelhouse import Project

    platform.run(sample)
    before = platform.versions()
    with Project.open(platform.root, state=platform.state) as project:
        project.run_job("netflix_platform", {"storage_account": "otheraccount", "catalog": "other"})
    assert {table: version for table, version in platform.versions().items() if table in before} == before


def test_maintenance_between_releases_leaves_tables_that_can_be_read(platform, older, sample):
    for release, maintenance in [(older, "false"), (sample, "true"), (older, "false"), (sample, "true")]:
        summary = platform.run(release, maintenance=maintenance)
        assert summary.run.status is RunStatus.SUCCEEDED, summary.failures
    assert platform.count("bronze.netflix_titles") == 2 * (83 + 98)
