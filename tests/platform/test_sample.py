"""The sample is what its generator writes, and holds every quirk of the real data."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def generator(project: Path) -> dict[str, Any]:
    return runpy.run_path(str(project / "data" / "generate_sample.py"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_in_the_repository_are_what_the_generator_writes(generator: dict[str, Any], project: Path) -> None:
    generated = generator["everything"]()

    differing = [name for name, content in generated.items() if (project / "data" / name).read_bytes() != content]

    assert differing == []


def test_nothing_else_lies_beside_them(generator: dict[str, Any], project: Path) -> None:
    present = {str(p.relative_to(project / "data")) for p in (project / "data").rglob("*.csv")}

    assert present == {name for name in generator["everything"]() if name.endswith(".csv")}


@pytest.mark.parametrize("name", ["titles", "cast", "directors", "countries", "category"])
def test_every_file_begins_with_a_byte_order_mark_and_has_crlf(project: Path, name: str) -> None:
    content = (project / "data" / "sample" / f"netflix_{name}.csv").read_bytes()

    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\n") == content.count(b"\r\n")


def test_four_rows_of_two_torn_records_have_no_show_id(project: Path) -> None:
    titles = rows(project / "data" / "sample" / "netflix_titles.csv")

    torn = [row for row in titles if not row["show_id"]]

    assert len(torn) == 4
    assert {row["type"] for row in titles} == {"Movie", "TV Show", "1951", ""}
    assert any(row["release_year"].isdigit() and len(row["release_year"]) == 8 for row in torn)
    assert any(row["duration_seasons"].isdigit() and len(row["duration_seasons"]) == 8 for row in torn)


def test_the_older_release_has_the_two_titles_whole(project: Path) -> None:
    titles = rows(project / "data" / "older" / "netflix_titles.csv")

    assert [row["title"] for row in titles if "\n" in row["title"]] == [
        'The Iron Swallow: Story of a\n"Flying Kitchen"'
    ]
    assert all(row["show_id"] for row in titles)


def test_the_quirks_are_there(project: Path) -> None:
    folder = project / "data" / "sample"
    titles, cast, directors, countries = (
        rows(folder / f"netflix_{name}.csv") for name in ("titles", "cast", "directors", "countries")
    )
    names = [row["title"] for row in titles]

    assert {"5-Mar", "12-Nov", "1972", "Lantern", "LANTERN"} <= set(names)
    assert names.count("Comet") == 2
    assert any("\u200b" in name for name in names) and any("\u00a0" in name for name in names)
    assert any(row["cast"].endswith("\u200b") for row in cast)
    assert sum(row["country"].endswith(",") for row in countries) == 3
    for pairs in (cast, directors):
        assert len(pairs) - len({tuple(row.values()) for row in pairs}) == 1
    assert any(len(row["cast"]) > 60 for row in cast)
    assert sum(not row["rating"] and bool(row["show_id"]) for row in titles) == 2
    assert b'""' in (folder / "netflix_titles.csv").read_bytes()


def test_the_readme_tells_the_expected_counts(project: Path) -> None:
    counts = json.loads((project / "data" / "expected.json").read_text())["sample"]
    text = (project / "data" / "README.md").read_text(encoding="utf-8")

    assert f"| titles | 83 | {counts['titles']} |" in text
