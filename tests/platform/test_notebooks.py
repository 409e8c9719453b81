"""The notebooks, run: sources into bronze, and maintenance only where something was written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelhouse.project import Project

RAW = Path("lake", "cmnetflixprojectdl", "raw")
COLUMNS = {"cast": ["cast", "show_id"], "titles": ["title", "show_id", "never_sent"]}


@pytest.fixture
def opened(project: Path, tmp_path: Path) -> Iterator[Project]:
    with Project.open(project, state=tmp_path) as opened:
        opened.run_notebook(opened.root / "databricks/bronze/lookup_sources.py")
        yield opened


def put(opened: Project, file: Path, folder: str) -> None:
    target = opened.state / RAW / folder / file.name
    target.parent.mkdir(parents=True)
    shutil.copy(file, target)


def ingest(opened: Project, source: str, folder: str | None = None) -> dict[str, Any]:
    parameters = {
        "source": f"netflix_{source}",
        "folder": folder or f"netflix_{source}",
        "table": f"netflix_{source}",
        "format": "csv",
        "columns": json.dumps(COLUMNS[source]),
        "reader_options": json.dumps({"header": "true", "multiLine": "true", "escape": '"'}),
    }
    result = opened.run_notebook(opened.root / "databricks/bronze/ingest.py", parameters)
    assert result.error is None, result.error
    return json.loads(result.exit_value or "")


def test_the_table_is_there_before_its_first_file(opened: Project) -> None:
    assert ingest(opened, "cast")["rows"] == 0

    assert opened.spark.table("netflix.bronze.netflix_cast").columns[:2] == ["cast", "show_id"]


def test_a_folder_without_files_starts_no_stream(opened: Project) -> None:
    (opened.state / RAW / "netflix_cast" / "1").mkdir(parents=True)

    assert ingest(opened, "cast")["rows"] == 0


def test_bronze_has_every_row_as_text_with_its_origin(opened: Project, project: Path) -> None:
    put(opened, project / "data" / "sample" / "netflix_titles.csv", "netflix_titles/1")

    assert ingest(opened, "titles")["rows"] == 98
    rows = opened.spark.table("netflix.bronze.netflix_titles")
    texts = [name for name, kind in rows.dtypes if kind == "string"]
    assert {name for name, _ in rows.dtypes} - set(texts) == {"_source_modified_at", "_ingested_at"}
    assert "never_sent" in texts
    (file,) = {row["_source_file"] for row in rows.select("_source_file").collect()}
    assert file.endswith("/netflix_titles/1/netflix_titles.csv")


def test_a_column_that_looks_like_a_partition_is_none(opened: Project, project: Path) -> None:
    put(opened, project / "data" / "sample" / "netflix_cast.csv", "netflix_cast/month=3")

    ingest(opened, "cast")

    assert "month" not in opened.spark.table("netflix.bronze.netflix_cast").columns


def test_files_put_by_hand_have_a_stream_of_their_own(opened: Project, project: Path) -> None:
    put(opened, project / "data" / "sample" / "netflix_cast.csv", "netflix_cast/1")
    put(opened, project / "data" / "older" / "netflix_cast.csv", "drop/netflix_cast")

    counts = [ingest(opened, "cast", folder)["rows"] for folder in ("netflix_cast", "drop/netflix_cast") * 2]

    assert counts == [358, 292, 0, 0]


def test_the_lookup_names_what_was_put_by_hand(opened: Project, project: Path) -> None:
    put(opened, project / "data" / "older" / "netflix_cast.csv", "drop/netflix_cast")

    result = opened.run_notebook(opened.root / "databricks/bronze/lookup_sources.py")

    folders = json.loads(result.exit_value or "")
    assert len(folders) == 6
    assert "drop/netflix_cast" in folders


def test_maintenance_works_on_tables_that_were_written_to(opened: Project, project: Path) -> None:
    def maintained() -> list[str]:
        result = opened.run_notebook(opened.root / "databricks/utils/maintenance.py")
        assert result.error is None, result.error
        return json.loads(result.exit_value or "")

    put(opened, project / "data" / "sample" / "netflix_cast.csv", "netflix_cast/1")
    ingest(opened, "cast")
    first, second = maintained(), maintained()
    put(opened, project / "data" / "older" / "netflix_cast.csv", "netflix_cast/2")
    ingest(opened, "cast")
    third, fourth = maintained(), maintained()

    table = "netflix.bronze.netflix_cast"
    assert (first, second, third, fourth) == ([table], [], [table], [])
    operations = [entry.operation for entry in opened.history(table)]
    assert operations.count("SET TBLPROPERTIES") == 1
    assert "OPTIMIZE" in operations
    assert opened.spark.table(table).count() == 650
