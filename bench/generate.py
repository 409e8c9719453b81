"""Five CSV files in the shape of the Netflix sources, of any size; the same arguments always give the same bytes.

python -m bench.generate OUT --titles 1000000            OUT/first/*.csv
python -m bench.generate OUT --titles 1000000 --second   also OUT/second/*.csv: a later full release in which
                                                         0.5 % of the titles are new and 0.5 % have changed
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

GENRES = (
    "Dramas|Comedies|International Movies|Documentaries|Action & Adventure|TV Dramas|TV Comedies|Kids' TV|Thrillers|"
    "Horror Movies|Docuseries|Crime TV Shows|Independent Movies|Children & Family Movies|Reality TV|Anime Series|"
    "Stand-Up Comedy|Sci-Fi & Fantasy|Music & Musicals|Classic Movies"
)
COUNTRIES = (
    "United States|India|United Kingdom|Japan|South Korea|Canada|Spain|France|Mexico|Egypt|Turkey|Nigeria|Australia|"
    "Taiwan|Indonesia|Brazil|Philippines|Germany|China|Thailand|Argentina|Malaysia|Italy|Colombia|Poland"
)
RATINGS = "TV-MA|TV-14|TV-PG|R|PG-13|TV-Y7|TV-Y|PG|TV-G|NR|G"
WORDS = (
    "river|stone|winter|letter|garden|silver|night|harbor|story|mother|secret|road|island|summer|detective|family|"
    "city|truth|return|last|first|house|promise|storm|crown|journey|shadow|light|dancer|soldier|teacher|village"
)
FIRST_ID = 60_000_000


def generate(out: Path, titles: int, *, second: bool = False) -> None:
    """Write the files of one release, or of two."""
    write_release(out / "first", titles, release=1)
    if second:
        write_release(out / "second", titles + titles // 200, release=2)


def write_release(folder: Path, titles: int, *, release: int) -> None:
    """Write the five files. In release 2 each 200th title of release 1 has another date and description."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("set threads = 1")  # with more, the order of rows is not fixed
    for name, words in [("genres", GENRES), ("countries", COUNTRIES), ("ratings", RATINGS), ("words", WORDS)]:
        items = ", ".join("'" + word.replace("'", "''") + "'" for word in words.split("|"))
        connection.execute(
            f"create macro pick_{name}(n) as list_extract([{items}], (n % {len(words.split('|'))} + 1)::int)"
        )
    connection.execute("create macro h(i, salt) as (hash(i * 1000003 + salt) >> 1)::bigint")
    connection.execute(
        "create macro person(n) as upper(pick_words(n)[1]) || pick_words(n)[2:] || ' ' || "
        "upper(pick_words(n // 32)[1]) || pick_words(n // 32)[2:] || "
        "case when n >= 1024 then '-' || (n // 1024) else '' end"
    )
    people = int(36_439 * max(1.0, titles / 8_807) ** 0.6)
    changed = "(i % 200 = 7)" if release > 1 else "false"
    for file, query in _queries(titles, people, changed).items():
        connection.execute(f"copy ({query}) to '{folder / file}' (format csv, header true)")


def _queries(titles: int, people: int, changed: str) -> dict[str, str]:
    ids = f"(select range as i, {FIRST_ID} + range as show_id from range({titles}))"
    movie = "h(i, 1) % 100 < 68"

    def pairs(value: str, salt: int, most: int, missing: int) -> str:
        return (
            f"select distinct {value} as \"VALUE\", show_id from (select i, show_id, unnest(range(case when "
            f"h(i, {salt}) % 100 < {missing} then 0 else 1 + h(i, {salt + 1}) % {most} end)) as k from {ids}) "
            f"order by show_id, \"VALUE\""
        )  # fmt: skip

    description = " || ' ' || ".join(f"pick_words(h(i, {40 + k}))" for k in range(14))
    return {
        "netflix_titles.csv": f"""
            select case when {movie} then (40 + h(i, 2) % 140)::varchar end as duration_minutes,
                   case when not {movie} then (1 + h(i, 3) % 9)::varchar end as duration_seasons,
                   case when {movie} then 'Movie' else 'TV Show' end as type,
                   case when h(i, 4) % 50 = 0 then '"' || pick_words(h(i, 5)) || '", ' else '' end
                       || pick_words(h(i, 6)) || ' ' || pick_words(h(i, 7)) || ' ' || i as title,
                   case when h(i, 8) % 500 > 0 then strftime(date '2008-01-01' + ((h(i, 9) % 4400
                        + case when {changed} then 1 else 0 end)::int), '%-m/%-d/%Y') end as date_added,
                   (1950 + h(i, 10) % 70)::varchar as release_year,
                   case when h(i, 11) % 600 > 0 then pick_ratings(h(i, 11)) end as rating,
                   {description} || case when h(i, 12) % 25 = 0 then ', he said: "go, now"' else '' end
                       || case when {changed} then ' (new cut)' else '' end as description,
                   case when i % 100000 = 99999 then '' else show_id::varchar end as show_id
            from {ids} order by i""",
        "netflix_cast.csv": pairs(f"person((h(i * 16 + k, 20) % {people})::bigint)", 21, 13, 9).replace(
            "VALUE", "cast"
        ),
        "netflix_directors.csv": pairs(
            f"person((h(i * 16 + k, 24) % {max(1, people // 7)})::bigint)", 25, 2, 31
        ).replace("VALUE", "director"),
        "netflix_countries.csv": pairs("pick_countries(h(i * 16 + k, 28))", 29, 2, 8).replace("VALUE", "country"),
        "netflix_category.csv": pairs("pick_genres(h(i * 16 + k, 32))", 33, 3, 0).replace("VALUE", "listed_in"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--second", action="store_true")
    arguments = parser.parse_args()
    generate(arguments.out, arguments.titles, second=arguments.second)


if __name__ == "__main__":
    main()
