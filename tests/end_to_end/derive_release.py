"""One 12-column release of the titles file, taken apart into the five files of the `normalised` form.

    python tests/end_to_end/derive_release.py netflix_titles_nov_2019.csv OUT

RFC 4180 in and out, `December 15, 2018` becomes `12/15/2018`, lists are split on commas and trimmed.
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from pathlib import Path

LISTS = {
    "netflix_cast.csv": "cast",
    "netflix_category.csv": "listed_in",
    "netflix_countries.csv": "country",
    "netflix_directors.csv": "director",
}
TITLE_COLUMNS = [
    "duration_minutes",
    "duration_seasons",
    "type",
    "title",
    "date_added",
    "release_year",
    "rating",
    "description",
    "show_id",
]


def derive(release: Path, out: Path) -> None:
    """Write the five files into `out`."""
    with release.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    out.mkdir(parents=True, exist_ok=True)
    write(out / "netflix_titles.csv", TITLE_COLUMNS, ([title_of(row)[c] for c in TITLE_COLUMNS] for row in rows))
    for file, column in LISTS.items():
        pairs = ([item, row["show_id"]] for row in rows for item in items_of(row[column]))
        write(out / file, [column, "show_id"], pairs)


def title_of(row):
    number, _, unit = row["duration"].partition(" ")
    return {
        **row,
        "duration_minutes": number if unit == "min" else "",
        "duration_seasons": number if unit.startswith("Season") else "",
        "date_added": date_of(row["date_added"]),
    }


def date_of(text: str) -> str:
    if not text.strip():
        return ""
    date = datetime.strptime(text.strip(), "%B %d, %Y")
    return f"{date.month}/{date.day}/{date.year}"


def items_of(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def write(path: Path, header, rows) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    derive(Path(sys.argv[1]), Path(sys.argv[2]))
