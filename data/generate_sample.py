# ruff: noqa: E501, SIM905
"""Writes the sample: two releases of five small files about titles that do not exist.

    python data/generate_sample.py [FOLDER]

The files have the form, and every defect, of the public data the platform was built for: a byte order mark, CRLF,
records torn in two, invisible characters, doubled quotes, titles that a spreadsheet took for dates, commas left over
from lists, orphans, duplicates, names in two spellings. All people, titles and texts are made up. The same seed gives
the same bytes on every machine; `README.md` and `expected.json` beside the files say what has to come out.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

SEED = 20260105
TITLES = 96
ONLY_IN_NEWER = 14

FIRST = (
    "Ada Bruno Carla Dimo Elif Fenna Goran Hanna Ivo Jula Kasimir Lioba Marek Nanda Orla Pavel Quirin Renia Sorin Tuva"
)
LAST = (
    "Abendroth Brandauer Corvin Dragovic Ebersold Falkenrath Grünwald Hoyerbeck Ilmarinen Jørgensvik Kaltenmark "
    "Lindqvarn Mørketind Nakatori Oyelanda Petrescano Quistorp Rådström Szalontai Tremblade Vasquerra Wintergaard"
)
THINGS = "Harbour Lantern Orchard Cipher Meadow Tunnel Comet Violin Glacier Parade Kitchen Archive Ferry Summit Garden"
QUALITIES = "Silent Crooked Amber Borrowed Seventh Midnight Paper Distant Reckless Hollow Winter Second Golden Lost"
COUNTRIES = (
    "United States|India|United Kingdom|Canada|France|Japan|South Korea|Spain|Germany|Mexico|Brazil|Turkey|Egypt|"
    "Nigeria|Poland|Norway"
).split("|")
MOVIE_GENRES = "Dramas|Comedies|Documentaries|Thrillers|Children & Family Movies|International Movies|Horror Movies"
SHOW_GENRES = "TV Dramas|TV Comedies|Docuseries|Kids' TV|International TV Shows|Crime TV Shows"
MOVIE_RATINGS = "G PG PG-13 R TV-14 TV-MA TV-PG"
SHOW_RATINGS = "TV-14 TV-MA TV-PG TV-Y TV-Y7"
PLOTS = (
    "A {a} {b} goes missing, and {c} has until dawn to find out why.",
    "Two strangers share a {b} for a summer, and neither of them is who they say.",
    "After losing everything, {c} opens a {b} at the end of the world.",
    "The last {b} keeper of a {a} island trains an unwilling successor.",
    "{c} inherits a {a} {b}, three debts, and a family secret.",
    "In a town that never sleeps, a {a} {b} brings out the best in its people.",
)

BYTE_ORDER_MARK = "\ufeff"
TITLE_COLUMNS = (
    "duration_minutes",
    "duration_seasons",
    "type",
    "title",
    "date_added",
    "release_year",
    "rating",
    "description",
    "show_id",
)
LISTS = {"netflix_cast": "cast", "netflix_directors": "director", "netflix_countries": "country"}


@dataclass(frozen=True)
class Title:
    """A title as it should be; the defects come when it is written."""

    show_id: str
    type: str
    name: str
    added: date | None
    year: int
    rating: str
    length: int
    description: str
    cast: tuple[str, ...] = ()
    director: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    genres: tuple[str, ...] = field(default=())

    def fields(self) -> list[str]:
        """The values of its record in netflix_titles."""
        movie = self.type == "Movie"
        added = f"{self.added.month}/{self.added.day}/{self.added.year}" if self.added else ""
        return [
            str(self.length) if movie else "",
            "" if movie else str(self.length),
            self.type,
            self.name,
            added,
            str(self.year),
            self.rating,
            self.description,
            self.show_id,
        ]


def make_titles(chance: random.Random) -> list[Title]:
    """Titles without any defect."""
    first, last = FIRST.split(), LAST.split()
    people = [f"{a} {b}" for a in first for b in last]
    chance.shuffle(people)
    people = people[:150]
    names = [f"The {quality} {thing}" for quality in QUALITIES.split() for thing in THINGS.split()]
    chance.shuffle(names)
    ids = sorted(chance.sample(range(70_100_000, 81_200_000), TITLES - 4) + chance.sample(range(300_000, 900_000), 4))
    titles = []
    for number, show_id in enumerate(ids):
        movie = chance.random() < 0.68
        year = chance.choice([1998, 2004, 2009, 2012, 2014, 2015, 2016, 2017, 2017, 2018, 2018, 2019, 2019])
        added = date(max(year, 2015), 1, 1) + timedelta(days=chance.randrange(300))
        plot = chance.choice(PLOTS).format(
            a=chance.choice(QUALITIES.split()).lower(), b=chance.choice(THINGS.split()).lower(), c=chance.choice(first)
        )
        genres = (MOVIE_GENRES if movie else SHOW_GENRES).split("|")
        titles.append(
            Title(
                show_id=str(show_id),
                type="Movie" if movie else "TV Show",
                name=names[number],
                added=added,
                year=year,
                rating=chance.choice((MOVIE_RATINGS if movie else SHOW_RATINGS).split()),
                length=chance.randrange(38, 171) if movie else chance.choice([1, 1, 1, 2, 2, 3, 5]),
                description=plot,
                cast=tuple(chance.sample(people, chance.choice([0, 2, 3, 4, 5, 6, 8]))),
                director=tuple(chance.sample(people, 2 if chance.random() < 0.1 else 1)) if movie else (),
                country=tuple(chance.sample(COUNTRIES, chance.choice([0, 1, 1, 1, 1, 2]))),
                genres=tuple(chance.sample(genres, chance.choice([1, 2, 3]))),
            )
        )
    return titles


def give_character(titles: list[Title]) -> list[Title]:
    """Texts and names that are right as they are, and hard to read: quotes, invisible characters, spellings."""

    def change(number: int, **values: object) -> None:
        titles[number] = replace(titles[number], **values)  # type: ignore[arg-type]

    # N12: doubled quotes, with a comma behind them, in the column before show_id.
    change(3, description='A singer calls herself "the storm", and the town believes her.')
    change(7, description='"Nobody leaves," says the note, and for a year nobody does.')
    change(12, name='The "Amber" Files, Volume Two', description='What is a "perfect day", and who has had one?')
    change(20, description='A courier carries one letter marked "late", another "never".')
    change(9, cast=('Bruno "Bo" Corvin', *titles[9].cast[:2]))
    change(14, type="Movie", director=('Tuva "T., Jr." Quistorp',), genres=("Dramas",), length=101)
    # N11: no-break spaces and zero-width spaces.
    change(16, name="\u200bNorthern\u00a0Lights Express")
    change(17, name="The Paper Meadow\u00a0")
    change(18, description="One night,\u00a0one lighthouse, no way\u200b back.")
    change(19, cast=("Nanda Nakatori\u200b", *titles[19].cast[:1]))
    # N8: the same person in two spellings.
    change(22, cast=("Orla O'Dempsey", "Pavel de la Vasquerra"))
    change(23, cast=("Orla O\u2019Dempsey", "Pavel De La Vasquerra"))
    change(24, type="Movie", director=("Sorin Van Tremblade",), genres=("Thrillers",), length=93)
    change(25, type="Movie", director=("Sorin van Tremblade",), genres=("Thrillers",), length=88)
    # N10: one name, several titles.
    change(30, name="Comet", year=2008, type="Movie", length=90, genres=("Dramas",))
    change(31, name="Comet", year=2015, type="Movie", length=97, genres=("Dramas",))
    change(32, name="LANTERN", year=2016, type="Movie", length=104, genres=("Comedies",))
    change(33, name="Lantern", year=2016, type="Movie", length=121, genres=("Dramas",))
    # N7: no date, no rating.
    for number in (40, 41, 42):
        change(number, added=None)
    for number in (42, 43):
        change(number, rating="")
    # Names that a reader with inferred types would take for numbers.
    change(45, name="1972")
    change(46, name="#Unsent")
    # N9: nothing but genres.
    for number in (50, 51, 52, 53):
        change(number, cast=(), director=(), country=())
    # N4: two titles that a spreadsheet will take for dates.
    change(60, name="Mar-05", type="Movie", length=110, genres=("Thrillers",))
    change(61, name="Nov-12", type="TV Show", length=1, director=(), genres=("Crime TV Shows",))
    # N1: two titles whose records have a line break inside a field.
    change(
        70,
        type="Movie",
        name='The Iron Swallow: Story of a\n"Flying Kitchen"',
        length=42,
        year=1951,
        added=date(2017, 3, 30),
        rating="TV-PG",
        description="This documentary follows the crew of the Iron Swallow over one long winter.",
        director=("Hanna Falkenrath",),
        country=("Norway",),
        cast=(),
        genres=("Documentaries", "Dramas"),
    )
    change(
        71,
        type="Movie",
        name="The Bad Orchard Movie",
        length=86,
        year=2018,
        added=date(2018, 11, 2),
        rating="TV-MA",
        description='The pupils are off to the coast, where "anything could happen\n and probably will."',
        director=("Marek Szalontai",),
        country=("United Kingdom",),
        cast=("Ivo Ilmarinen", "Elif Ebersold", "Goran Grünwald"),
        genres=("Comedies",),
    )
    return titles


def older_release(titles: list[Title]) -> list[Title]:
    """The release before: some titles had not come yet, one was still there, some had no date."""
    gone = Title(
        show_id="80999001",
        type="Movie",
        name="The Vanished Parade",
        added=date(2016, 5, 4),
        year=2016,
        rating="PG",
        length=95,
        description="Every year the parade loses one of its elephants, and nobody counts them.",
        cast=("Lioba Lindqvarn",),
        director=("Kasimir Kaltenmark",),
        country=("France",),
        genres=("Dramas",),
    )
    kept = titles[: TITLES - ONLY_IN_NEWER]
    undated = {5, 8, 11, 26, 27, 28, 35}
    return [replace(t, added=None) if number in undated else t for number, t in enumerate(kept)] + [gone]


def quoted(value: str) -> str:
    """A value as RFC 4180 writes it."""
    if any(character in value for character in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def document(header: tuple[str, ...], records: list[list[str]]) -> bytes:
    """A file: byte order mark, CRLF, quotes where they are needed."""
    lines = [",".join(quoted(value) for value in record) for record in [list(header), *records]]
    return (BYTE_ORDER_MARK + "".join(f"{line}\r\n" for line in lines)).encode()


def tear(record: list[str]) -> list[list[str]]:
    """A record with a line break inside a field, as a careless split leaves it: two records, each padded at its end."""
    at = next(number for number, value in enumerate(record) if "\n" in value)
    before, after = record[at].split("\n", 1)
    halves = [[*record[:at], before], [after, *record[at + 1 :]]]
    return [half + [""] * (len(TITLE_COLUMNS) - len(half)) for half in halves]


def titles_file(titles: list[Title], *, damaged: bool) -> bytes:
    """netflix_titles; `damaged` by a spreadsheet and a split, as only the newer release is."""
    spreadsheet = {"Mar-05": "5-Mar", "Nov-12": "12-Nov"}
    records = []
    for title in titles:
        shown = replace(title, name=spreadsheet.get(title.name, title.name)) if damaged else title
        record = shown.fields()
        records += tear(record) if damaged and any("\n" in value for value in record) else [record]
    return document(TITLE_COLUMNS, records)


def pairs(titles: list[Title], kind: str) -> list[list[str]]:
    """What one of the list files says of these titles, before its defects."""
    return [[value, title.show_id] for title in titles for value in getattr(title, kind)]


def list_files(titles: list[Title], *, damaged: bool) -> dict[str, bytes]:
    """The four files of (value, show_id)."""
    cast, director, country = (pairs(titles, kind) for kind in LISTS.values())
    if damaged:
        cast.insert(40, cast[38])  # one pair twice
        director.insert(20, director[18])
        cast.append(["this documentary follows the plight of nine retired circus ponies and their keeper.", "80131999"])
        for number in (5, 17, 29):  # N5: commas left over from lists
            country[number] = [f"{country[number][0]},", country[number][1]]
    return {
        "netflix_cast": document(("cast", "show_id"), cast),
        "netflix_directors": document(("director", "show_id"), director),
        "netflix_countries": document(("country", "show_id"), country),
        "netflix_category": document(("listed_in", "show_id"), pairs(titles, "genres")),
    }


def files(titles: list[Title], *, damaged: bool) -> dict[str, bytes]:
    """A release: contents by name."""
    named = {"netflix_titles": titles_file(titles, damaged=damaged), **list_files(titles, damaged=damaged)}
    return {f"{name}.csv": content for name, content in named.items()}


def expected(older: list[Title], newer: list[Title]) -> dict[str, dict[str, int]]:
    """What has to come out of each release, counted from the titles and not from the files."""

    def counts(titles: list[Title], torn: int, more_cast: int) -> dict[str, int]:
        valid = [t for t in titles if not (torn and any("\n" in value for value in t.fields()))]
        lost = [t for t in titles if t not in valid]
        fold = {"\u00a0": " ", "\u200b": ""}
        persons = {"".join(fold.get(c, c) for c in name).strip() for t in valid for name in (*t.cast, *t.director)}
        return {
            "titles_read": len(valid) + 2 * len(lost),
            "titles": len(valid),
            "titles_quarantined": 2 * len(lost),
            "movies": sum(t.type == "Movie" for t in valid),
            "titles_dated": sum(t.added is not None for t in valid),
            "title_cast": sum(len(t.cast) for t in titles) + more_cast,
            "title_directors": sum(len(t.director) for t in titles),
            "title_countries": sum(len(t.country) for t in titles),
            "title_genres": sum(len(t.genres) for t in titles),
            "cast_without_title": sum(len(t.cast) for t in lost) + more_cast,
            "directors_without_title": sum(len(t.director) for t in lost),
            "countries_without_title": sum(len(t.country) for t in lost),
            "genres_without_title": sum(len(t.genres) for t in lost),
            "dim_person": len(persons),
            "dim_country": len({name for t in valid for name in t.country}),
            "dim_genre": len({name for t in valid for name in t.genres}),
        }

    before = {t.show_id: t for t in older}
    torn = {t.show_id for t in newer if any("\n" in value for value in t.fields())}
    after = {t.show_id: t for t in newer if t.show_id not in torn}
    renamed = {"Mar-05", "Nov-12"}
    return {
        "older": counts(older, torn=0, more_cast=0),
        "sample": counts(newer, torn=1, more_cast=1),
        "older_to_sample": {
            "titles_added": len(after.keys() - before.keys()),
            "titles_removed": len(before.keys() - after.keys()),
            "titles_changed": sum(
                before[key] != after[key] or after[key].name in renamed for key in before.keys() & after.keys()
            ),
        },
    }


README = """# The sample

Five small files about titles that do not exist, in the form and with every defect of the public Netflix data that the
platform was built for. `python data/generate_sample.py` writes them; the same seed gives the same bytes.

* `sample/` is what `make run` loads.
* `older/` is the release before it, without the defects that came with the split into five files. To see an
  incremental load, run the platform on `older/` first and on `sample/` after it.

| what has to come out | older | sample |
| --- | ---: | ---: |
{counts}

From `older` to `sample`: {titles_added} titles are added, {titles_changed} change, {titles_removed} are removed.

| defect | where | what becomes of it |
| --- | --- | --- |
| byte order mark, CRLF | every file | not part of any value |
| records torn in two | `The Iron Swallow`, `The Bad Orchard Movie` in sample/netflix_titles.csv | 4 rows quarantined, 2 titles lost |
| a show_id in release_year | second half of `The Iron Swallow` | breaks `release_year_in_range` |
| a year in type | the same row | breaks `type_known` |
| dates in place of titles | `5-Mar` (truly `Mar-05`), `12-Nov` (truly `Nov-12`) | kept, `title_is_no_spreadsheet_date` warns |
| a comma after a country | three rows of sample/netflix_countries.csv | stripped |
| a sentence as a member of the cast | show_id 80131999 | kept, `cast_member_is_a_name` warns |
| no date, no rating | three titles, two titles | null, a warning counts them |
| one name in two spellings | Orla O'Dempsey, Pavel de la Vasquerra, Sorin van Tremblade | both stay; `conformed_name` is the same |
| no cast, director or country | four titles at least | left joins keep them |
| one name, two titles | `Comet`, `Lantern`/`LANTERN` | the key is show_id |
| invisible characters | two titles, a description, a member of the cast | folded |
| doubled quotes, a comma behind them | four descriptions, one title, one actor, one director | read with `escape` set to the quote |
| the same pair twice | one of the cast, one director | once in silver |
| rows without their title | those of the two torn titles, and show_id 80131999 | stay in silver, `title_exists` counts them, gold leaves them out |
"""


def readme(counts: dict[str, dict[str, int]]) -> str:
    """The README with its numbers."""
    rows = [
        f"| {name.replace('_', ' ')} | {number:,} | {counts['sample'][name]:,} |"
        for name, number in counts["older"].items()
    ]
    return README.format(counts="\n".join(rows), **counts["older_to_sample"])


def everything() -> dict[str, bytes]:
    """All files of this folder that are generated: contents by path."""
    newer = give_character(make_titles(random.Random(SEED)))
    older = older_release(newer)
    counts = expected(older, newer)
    return {
        **{f"sample/{name}": content for name, content in files(newer, damaged=True).items()},
        **{f"older/{name}": content for name, content in files(older, damaged=False).items()},
        "expected.json": (json.dumps(counts, indent=2) + "\n").encode(),
        "README.md": readme(counts).encode(),
    }


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, content in everything().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
