"""What readers' options do to the real files, as measured with Apache Spark."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

import pytest

from reelhouse.autoloader.csv import read_blocks, read_header
from reelhouse.autoloader.dialect import dialect

pytestmark = pytest.mark.real_data

NUMBER, LABEL = r"\d{6,8}", r"s\d+"
HEADER = {"header": "true"}
LINES = {"header": "true", "multiLine": "true"}
RFC = {"header": "true", "escape": '"'}
RFC_LINES = {"header": "true", "multiLine": "true", "escape": '"'}


@pytest.mark.parametrize(
    ("file", "options", "identity", "rows", "equal", "without_id"),
    [
        ("kaggle/netflix_titles.csv", HEADER, LABEL, 8809, 8448, 2),
        ("kaggle/netflix_titles.csv", LINES, LABEL, 8807, 8450, 0),
        ("kaggle/netflix_titles.csv", RFC, LABEL, 8809, 8805, 2),
        ("kaggle/netflix_titles.csv", RFC_LINES, LABEL, 8807, 8807, 0),
        ("normalised/netflix_titles.csv", HEADER, NUMBER, 6236, 5995, 113),
        ("normalised/netflix_titles.csv", RFC, NUMBER, 6236, 6236, 4),
        ("normalised/netflix_titles.csv", RFC_LINES, NUMBER, 6236, 6236, 4),
        ("normalised/netflix_cast.csv", HEADER, NUMBER, 44311, 44298, 0),
        ("normalised/netflix_directors.csv", HEADER, NUMBER, 4852, 4851, 0),
        ("older_releases/netflix_titles_jan_2020.csv", HEADER, NUMBER, 6236, 5981, 2),
        ("older_releases/netflix_titles_jan_2020.csv", RFC_LINES, NUMBER, 6234, 6234, 0),
        ("older_releases/netflix_titles_nov_2019.csv", RFC_LINES, NUMBER, 5837, 5837, 0),
        ("siblings/disney_plus_titles.csv", HEADER, LABEL, 1450, 1412, 0),
        ("siblings/hulu_titles.csv", HEADER, LABEL, 3090, 2839, 17),
        ("siblings/hulu_titles.csv", LINES, LABEL, 3074, 2848, 1),
        ("siblings/hulu_titles.csv", RFC_LINES, LABEL, 3073, 3073, 0),
    ],
)
def test_an_option_set_gives_the_rows_that_spark_gives(
    netflix_data: Path, file: str, options: dict[str, str], identity: str, rows: int, equal: int, without_id: int
) -> None:
    path = str(netflix_data / file)
    text = Path(path).read_bytes().decode("utf-8-sig")
    expected = Counter(map(tuple, list(csv.reader(io.StringIO(text, newline="")))[1:]))
    names = read_header(path, dialect(options))

    found = []
    for block in read_blocks(path, dialect(options), len(names)):
        found += list(zip(*[column.to_pylist() for column in block.columns], strict=True))

    as_text = Counter(tuple(value or "" for value in row) for row in found)
    at = names.index("show_id")
    assert len(found) == rows
    assert (as_text & expected).total() == equal
    assert sum(not re.fullmatch(identity, row[at] or "") for row in found) == without_id


def test_all_241_damaged_rows_are_those_with_doubled_quotes_and_109_of_them_lose_their_id(netflix_data: Path) -> None:
    path = str(netflix_data / "normalised/netflix_titles.csv")

    def rows(options: dict[str, str]) -> list[tuple[str | None, ...]]:
        blocks = read_blocks(path, dialect(options), 9)
        return [row for b in blocks for row in zip(*[c.to_pylist() for c in b.columns], strict=True)]

    damaged = [(plain, right) for plain, right in zip(rows(HEADER), rows(RFC), strict=True) if plain != right]

    assert len(damaged) == 241
    assert sum(plain[8] != right[8] for plain, right in damaged) == 109
    assert all(any('"' in (value or "") for value in right) for _, right in damaged)
