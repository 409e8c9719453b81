"""The command line: exit codes, JSON for machines, and slips answered with the nearest name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


class Shell:
    """Commands in a project with a lake of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *arguments: str, project: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reelhouse.cli", *arguments, "-C", str(project), "--state", str(self.state)]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"})

    def json(self, *arguments: str):
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The sample in two releases."""
    shell = Shell(tmp_path_factory.mktemp("state"))
    for release in ("older", "sample"):
        done = shell("run", "--mirror", str(REPOSITORY / "data" / release))
        assert done.returncode == 0, done.stdout + done.stderr
    return shell


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_run_prints_its_summary_as_json(filled: Shell) -> None:
    summary = filled.json("run", "--mirror", str(REPOSITORY / "data" / "sample"))
    assert (summary["run"]["status"], summary["filesIngested"], summary["failures"]) == ("Succeeded", 0, [])
    assert {line["layer"] for line in summary["tables"]} == {"bronze", "silver", "gold"}


def test_tables_are_listed_with_rows_and_version(filled: Shell) -> None:
    tables = {row["table"]: row for row in filled.json("tables")}
    assert tables["netflix.silver.titles"] == {"table": "netflix.silver.titles", "rows": 94, "version": 2}


def test_an_older_version_of_a_table_is_shown(filled: Shell) -> None:
    now = filled.json("show", "silver.titles", "--limit", "1000")
    before = filled.json("show", "silver.titles", "--version", "1", "--limit", "1000")
    assert (len(now), len(before)) == (94, 83)


def test_the_history_of_a_table_names_what_was_done(filled: Shell) -> None:
    assert [(row["version"], row["operation"]) for row in filled.json("history", "silver.titles")][-1] == (
        0,
        "CREATE TABLE",
    )


def test_sql_answers_from_the_catalog(filled: Shell) -> None:
    assert filled.json("sql", "select count(*) as n from netflix.gold.dim_genre") == [{"n": 13}]


def test_sql_says_when_there_are_more_rows_than_it_shows(filled: Shell) -> None:
    done = filled("sql", "select * from range(10)", "--limit", "3")
    assert (len(done.stdout.split()), "more than 3 rows" in done.stderr) == (4, True)


def test_lineage_goes_down_to_what_a_source_ends_in(filled: Shell) -> None:
    def names(node) -> list[str]:
        return [node["name"], *[name for child in node["next"] for name in names(child)]]

    assert "netflix.gold.dim_title" in names(filled.json("lineage", "netflix.bronze.netflix_titles", "--down"))


def test_lineage_of_columns_names_the_source_columns(filled: Shell) -> None:
    columns = {(row["column"], row["source column"]) for row in filled.json("lineage", "gold.dim_genre", "--columns")}
    assert ("genre", "genre") in columns


def test_a_run_is_shown_as_a_tree_by_the_beginning_of_its_id(filled: Shell) -> None:
    newest = filled.json("runs")[0]["id"]
    tree = filled.json("run", "show", newest[:8])
    kinds = {run["kind"] for run in tree}
    assert {"pipeline", "activity", "job", "task", "notebook", "query"} <= kinds
    assert "netflix_platform" in filled("run", "show", newest[:8]).stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "gold.dim_titel"], "Did you mean 'netflix.gold.dim_title'?"),
        (["run", "netflix_platfrom"], "Did you mean 'netflix_platform'?"),
        (["run", "-p", "schedul=daily"], "Did you mean 'schedule'?"),
        (["run", "-p", "daily"], "daily"),
        (["run", "--mirror", "/no/such/folder"], "/no/such/folder"),
        (["run", "--engine", "flink"], "flink"),
        (["job", "run", "netflix_plattform"], "Did you mean 'netflix_platform'?"),
        (["pipeline", "run", "netflix_medalion"], "Did you mean 'netflix_medallion'?"),
        (["run", "show", "nope"], "There is no run 'nope'"),
        (["sql", "select * from netflix.gold.nothing"], "TABLE_OR_VIEW_NOT_FOUND"),
        (["lineage", "gold.dim_titel"], "Did you mean"),
        (["runs", "--limt", "3"], "--limt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_is_one_message_on_standard_error_and_exit_code_2(filled: Shell, arguments, told) -> None:
    done = filled(*arguments)
    assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_a_run_that_fails_has_exit_code_1(empty: Shell, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    done = empty("run", "--mirror", str(nothing))
    assert done.returncode == 1
    assert "netflix_titles" in done.stdout


def test_a_folder_without_artifacts_is_refused(empty: Shell, tmp_path: Path) -> None:
    done = empty("tables", project=tmp_path)
    assert (done.returncode, "holds no project" in done.stderr) == (2, True)


def test_an_unknown_setting_is_refused_with_the_nearest(empty: Shell, tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "adf").mkdir(parents=True)
    (root / "reelhouse.toml").write_text('pipelin = "x"\n')
    done = empty("tables", project=root)
    assert (done.returncode, "Did you mean 'pipeline'?" in done.stderr) == (2, True)


def test_an_unknown_job_id_is_refused_naming_the_known_ones(empty: Shell, tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name in ("adf", "databricks", "config"):
        shutil.copytree(REPOSITORY / name, root / name)
    settings = (REPOSITORY / "reelhouse.toml").read_text().replace("417260000000101", "1")
    (root / "reelhouse.toml").write_text(settings)
    done = empty("run", "--mirror", str(REPOSITORY / "data" / "sample"), project=root)
    assert done.returncode == 1
    assert "417260000000101" in done.stdout
    assert "netflix_platform" in done.stdout


def test_a_dry_run_prints_the_steps_and_runs_nothing(empty: Shell) -> None:
    done = empty("run", "--dry-run")
    assert done.returncode == 0
    assert "run_netflix_job (DatabricksJob)" in done.stdout
    assert empty.json("runs") == []
