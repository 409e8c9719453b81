"""Every table says what it is: a comment for it and for each column, keys, and names that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

STORED = ("silver", "gold")
SILVER = ["titles", "title_cast", "title_directors", "title_countries", "title_genres"]
GOLD = [
    "dim_title",
    "dim_person",
    "dim_country",
    "dim_genre",
    "dim_date",
    "bridge_title_person",
    "bridge_title_country",
    "bridge_title_genre",
    "fact_title_additions",
    "titles_by_year_genre",
    "titles_by_country",
    "titles_by_rating",
    "durations",
    "top_directors",
    "top_actors",
    "additions_by_month",
]


def parts(ddl: str) -> list[str]:
    """The comma separated parts of a schema; commas in quotes and brackets do not separate."""
    found, depth, quoted, start = [], 0, False, 0
    for at, character in enumerate(ddl):
        quoted = quoted != (character == "'")
        if not quoted:
            depth += character in "(<"
            depth -= character in ")>"
            if character == "," and depth == 0:
                found.append(ddl[start:at].strip())
                start = at + 1
    return [*found, ddl[start:].strip()]


def columns(ddl: str) -> dict[str, str]:
    return {p.split()[0].strip("`"): p for p in parts(ddl) if not p.upper().startswith("CONSTRAINT ")}


def constraints(ddl: str) -> list[str]:
    return [" ".join(p.split()) for p in parts(ddl) if p.upper().startswith("CONSTRAINT ")]


def stored(declared: Any) -> dict[str, Any]:
    return {n: t for n, t in declared.tables.items() if n.partition(".")[0] in STORED}


def test_silver_and_gold_have_the_tables_they_should_have(declared: Any) -> None:
    names = {f"silver.{name}{suffix}" for name in SILVER for suffix in ("", "_quarantine")}

    assert set(stored(declared)) == names | {f"gold.{name}" for name in GOLD}


def test_every_table_has_a_comment_and_every_column_too(declared: Any) -> None:
    for name, table in stored(declared).items():
        assert table["comment"].strip(), name
        for column, part in columns(table["schema"]).items():
            assert re.search(r"COMMENT '[^']+'$", part), f"{name}.{column}"


def test_no_text_of_a_declaration_breaks_its_quotes(declared: Any) -> None:
    for name, table in stored(declared).items():
        assert table["schema"].count("'") % 2 == 0, name
        assert "'" not in table["comment"], name


def test_every_table_but_quarantine_has_a_primary_key_of_columns_that_are_not_null(declared: Any) -> None:
    for name, table in stored(declared).items():
        keys = [re.search(r"PRIMARY KEY \((.+?)\)", c) for c in constraints(table["schema"])]
        keys = [match[1].split(", ") for match in keys if match]
        if name.endswith("_quarantine"):
            assert not keys
            continue
        assert len(keys) == 1, name
        assert all("NOT NULL" in columns(table["schema"])[column] for column in keys[0]), name


def test_foreign_keys_refer_to_primary_keys(declared: Any) -> None:
    pattern = re.compile(r"FOREIGN KEY \((.+?)\) REFERENCES (\S+) \((.+?)\)")
    references = [
        (name, match)
        for name, table in stored(declared).items()
        for constraint in constraints(table["schema"])
        if (match := pattern.search(constraint))
    ]

    assert len(references) == 8
    for name, match in references:
        assert match[1] in columns(declared.tables[name]["schema"])
        assert f"PRIMARY KEY ({match[3]})" in declared.tables[match[2]]["schema"]


@pytest.mark.parametrize("name", SILVER)
def test_a_silver_table_takes_snapshots_and_drops_what_breaks_its_rules(declared: Any, name: str) -> None:
    flow = declared.snapshots[f"silver.{name}"]
    table = declared.tables[f"silver.{name}"]

    assert flow["stored_as_scd_type"] == 1
    assert f"PRIMARY KEY ({', '.join(flow['keys'])})" in table["schema"]
    assert "show_id_valid" in table["expect_all_or_drop"]


def test_dim_title_keeps_history(declared: Any) -> None:
    flow = declared.snapshots["gold.dim_title"]

    assert (flow["keys"], flow["stored_as_scd_type"]) == (["show_id"], 2)
    assert {"__START_AT", "__END_AT"} <= set(columns(declared.tables["gold.dim_title"]["schema"]))


@pytest.mark.parametrize("name", SILVER)
def test_a_quarantine_has_the_columns_of_its_source_and_where_a_row_came_from(
    declared: Any, name: str, project: Path
) -> None:
    config = json.loads((project / "config" / "pipeline_config.json").read_text(encoding="utf-8"))
    sources = {frozenset(source["columns"]) for source in config["sources"]}
    origin = ["_rescued_data", "_corrupt_record", "_source_file", "_source_modified_at", "_ingested_at"]

    found = [column.strip("`") for column in columns(declared.tables[f"silver.{name}_quarantine"]["schema"])]

    assert found[-6:] == ["broken_rules", *origin]
    assert frozenset(found[:-6]) in sources
