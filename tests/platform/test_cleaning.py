"""What the expressions of silver and gold make of the sample, against counts taken from what the generator meant."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

WRITTEN = datetime(2026, 1, 1, 12, tzinfo=UTC)
LISTS = {"cast": "cast_member", "directors": "director", "countries": "country", "genres": "genre"}


@pytest.fixture(scope="module")
def expected(project: Path) -> dict[str, dict[str, int]]:
    return json.loads((project / "data" / "expected.json").read_text())


@pytest.fixture(autouse=True)
def shared_modules(project: Path) -> Iterator[None]:
    sys.path.insert(0, str(project / "databricks"))
    yield
    sys.path.remove(str(project / "databricks"))


def bronze(engine: Any, path: Path, number: int) -> Any:
    """A file as bronze has it, read by Python's own reader."""
    from pyspark.sql import functions as F

    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = [tuple(value or None for value in row.values()) for row in reader]
        columns = list(reader.fieldnames or [])
    frame = engine.createDataFrame(rows, ", ".join(f"`{name}` string" for name in columns))
    nothing = F.lit(None).cast("string")
    return frame.select(
        "*",
        nothing.alias("_rescued_data"),
        nothing.alias("_corrupt_record"),
        F.lit(f"abfss://raw@lake.dfs.core.windows.net/{path.stem}/{number}/{path.name}").alias("_source_file"),
        F.lit(WRITTEN.replace(day=number)).alias("_source_modified_at"),
        F.lit(WRITTEN).alias("_ingested_at"),
    )


def land(lakehouse: Any, folder: Path, number: int) -> None:
    for path in sorted(folder.glob("*.csv")):
        table, release = f"bronze.{path.stem}", bronze(lakehouse.engine, path, number)
        present = lakehouse.tables.get(table)
        lakehouse.tables[table] = release if present is None else present.union(release)


def fill(lakehouse: Any, definitions: Any, version: datetime | None = None) -> dict[str, tuple[int, int]]:
    """Take the next release into every target; how many rows came and how many stayed."""
    rules = importlib.import_module("netflix.rules")
    counts = {}
    for target, flow in definitions.snapshots.items():
        rows, _ = flow["source"](version)
        drop = definitions.tables[target].get("expect_all_or_drop")
        kept = rows.where(rules.all_hold(drop)) if drop else rows
        lakehouse.tables[target] = kept
        counts[target] = (rows.count(), kept.count())
    for name, query in definitions.queries.items():
        if definitions.tables[name]["kind"] == "temporary_view":
            lakehouse.tables[name] = query()
    return counts


@pytest.mark.parametrize("release", ["older", "sample"])
def test_silver_has_the_expected_rows(
    lakehouse: Any, definitions: Any, expected: dict[str, Any], project: Path, release: str
) -> None:
    land(lakehouse, project / "data" / release, 1)

    counts = fill(lakehouse, definitions)

    wanted = expected[release]
    assert counts["silver.titles"] == (wanted["titles_read"], wanted["titles"])
    assert counts["gold.dim_title"] == (wanted["titles"], wanted["titles"])
    for name in LISTS:
        table = f"title_{name}"
        assert counts[f"silver.{table}"] == (wanted[table], wanted[table])
        lost = lakehouse.tables[f"{table}_checked"].where("NOT title_exists").count()
        assert lost == wanted[f"{name}_without_title"], name
    titles = lakehouse.tables["silver.titles"]
    assert titles.where("type = 'Movie'").count() == wanted["movies"]
    assert titles.where("date_added IS NOT NULL").count() == wanted["titles_dated"]
    assert definitions.queries["silver.titles_quarantine"]().count() == wanted["titles_quarantined"]


def test_gold_has_the_expected_rows(lakehouse: Any, definitions: Any, expected: dict[str, Any], project: Path) -> None:
    land(lakehouse, project / "data" / "sample", 1)
    fill(lakehouse, definitions)
    wanted = expected["sample"]

    for name in ("dim_person", "dim_country", "dim_genre"):
        assert definitions.queries[f"gold.{name}"]().count() == wanted[name]
    facts = definitions.queries["gold.fact_title_additions"]()
    assert facts.count() == wanted["titles"]
    assert facts.where("date_key = -1").count() == wanted["titles"] - wanted["titles_dated"]
    for name, query in definitions.queries.items():
        if name.startswith("gold."):
            declared = definitions.tables[name]["schema"]
            frame = query()
            assert [c for c in frame.columns if f"{c} " not in declared] == []
            keys = declared.split("PRIMARY KEY (")[1].split(")")[0].split(", ")
            assert frame.count() == frame.select(*keys).distinct().count() > 0, name


def test_every_fact_and_bridge_finds_its_dimension(lakehouse: Any, definitions: Any, project: Path) -> None:
    land(lakehouse, project / "data" / "sample", 1)
    fill(lakehouse, definitions)
    query = {
        name: definitions.queries[f"gold.{name}"] for name in ("dim_person", "dim_date", "dim_country", "dim_genre")
    }

    for bridge, dimension, key in [
        ("bridge_title_person", "dim_person", "person_key"),
        ("bridge_title_country", "dim_country", "country_key"),
        ("bridge_title_genre", "dim_genre", "genre_key"),
        ("fact_title_additions", "dim_date", "date_key"),
    ]:
        rows = definitions.queries[f"gold.{bridge}"]()
        assert rows.join(query[dimension](), key, "left_anti").count() == 0, bridge


def test_quarantined_rows_name_the_rules_they_break(lakehouse: Any, definitions: Any, project: Path) -> None:
    land(lakehouse, project / "data" / "sample", 1)

    rows = definitions.queries["silver.titles_quarantine"]().collect()

    assert all("show_id_valid" in row["broken_rules"] for row in rows)
    (second_half,) = [row for row in rows if row["type"] == "1951"]
    assert set(second_half["broken_rules"]) == {"show_id_valid", "type_known", "release_year_in_range"}
    assert second_half["duration_minutes"] == '"Flying Kitchen"'


def test_the_next_release_comes_after_the_one_that_was_taken(
    lakehouse: Any, definitions: Any, expected: dict[str, Any], project: Path
) -> None:
    land(lakehouse, project / "data" / "older", 1)
    land(lakehouse, project / "data" / "sample", 2)
    source = definitions.snapshots["silver.titles"]["source"]

    first, first_version = source(None)
    second, second_version = source(first_version)

    assert (first_version, second_version) == (WRITTEN, WRITTEN.replace(day=2))
    assert (first.count(), second.count()) == (expected["older"]["titles_read"], expected["sample"]["titles_read"])
    assert source(second_version) is None


def test_a_release_that_lost_too_much_is_refused(
    lakehouse: Any, definitions: Any, project: Path, tmp_path: Path
) -> None:
    land(lakehouse, project / "data" / "sample", 1)
    lines = (project / "data" / "sample" / "netflix_titles.csv").read_bytes().splitlines(keepends=True)
    (tmp_path / "netflix_titles.csv").write_bytes(b"".join(lines[: len(lines) // 2]))
    land(lakehouse, tmp_path, 2)

    with pytest.raises(Exception, match=r"netflix_titles.*keys.*max_shrinkage 0.2"):
        definitions.snapshots["silver.titles"]["source"](WRITTEN)


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("\u200bNorthern\u00a0Lights", "Northern Lights"),
        ("a\r\n  b\tc", "a b c"),
        ("\u00a0 \u200b", None),
        ("", None),
        (None, None),
        ("a\u3000\u2028b\u2009", "a b"),
        ("as it is", "as it is"),
    ],
)
def test_text_is_folded(engine: Any, raw: str | None, folded: str | None) -> None:
    text = importlib.import_module("netflix.text")

    (row,) = engine.createDataFrame([(raw,)], "raw string").select(text.fold("raw").alias("folded")).collect()

    assert row["folded"] == folded


@pytest.mark.parametrize(
    ("raw", "item"),
    [("Poland,", "Poland"), (", France", "France"), (" ,, ", None), ("a, b", "a, b"), ("x\u00a0,", "x")],
)
def test_list_items_lose_their_commas(engine: Any, raw: str, item: str | None) -> None:
    text = importlib.import_module("netflix.text")

    (row,) = engine.createDataFrame([(raw,)], "raw string").select(text.list_item("raw").alias("item")).collect()

    assert row["item"] == item


@pytest.mark.parametrize(
    ("raw", "day"),
    [("1/8/2018", date(2018, 1, 8)), (" 12/31/2019", date(2019, 12, 31)), ("31/12/2019", None), ("a text", None)],
)
def test_dates_are_month_first_and_others_are_null(engine: Any, raw: str, day: date | None) -> None:
    text = importlib.import_module("netflix.text")

    (row,) = engine.createDataFrame([(raw,)], "raw string").select(text.us_date("raw").alias("day")).collect()

    assert row["day"] == day


def test_surrogate_keys_are_those_of_apache_spark(engine: Any) -> None:
    text = importlib.import_module("netflix.text")

    (row,) = engine.createDataFrame([("ABC",)], "name string").select(text.surrogate_key("name").alias("key")).collect()

    # The value in the documentation of PySpark's xxhash64.
    assert row["key"] == 4105715581806190027


def test_a_show_id_that_comes_twice_is_taken_once_whatever_the_order(
    lakehouse: Any, definitions: Any, project: Path, tmp_path: Path
) -> None:
    lines = (project / "data" / "older" / "netflix_titles.csv").read_bytes().split(b"\r\n")[:4]
    later = b"100,,Movie,Again,12/30/2019,2015,PG,A film.," + lines[1].rpartition(b",")[2]
    taken = []
    for number, rows in enumerate([[*lines, later, b""], [lines[0], later, *lines[1:], b""]], start=1):
        (tmp_path / "netflix_titles.csv").write_bytes(b"\r\n".join(rows))
        lakehouse.tables.clear()
        land(lakehouse, tmp_path, number)
        rows_of_release, _ = definitions.snapshots["silver.titles"]["source"](None)
        taken.append(sorted(row["title"] for row in rows_of_release.collect()))

    assert len(taken[0]) == 3
    assert "Again" in taken[0]
    assert taken[0] == taken[1]
