"""The same tables by a script written by hand for this one job: DuckDB computes, delta-rs commits.

    python -m bench.by_hand --input FOLDER_OF_FIVE_FILES --out LAKE

What it lacks is what a platform adds: retries, checks of what arrives, recovery after a crash, rules that are counted
by name, lineage, run history, and a new source without new code. It makes the same tables with the same rows (the
surrogate keys apart: DuckDB has another hash), and on a second call with the same files it does nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
from pathlib import Path

import duckdb
from deltalake import DeltaTable, write_deltalake

SOURCES = {
    "netflix_titles": ["duration_minutes", "duration_seasons", "type", "title", "date_added", "release_year", "rating",
                       "description", "show_id"],
    "netflix_cast": ["cast", "show_id"],
    "netflix_directors": ["director", "show_id"],
    "netflix_countries": ["country", "show_id"],
    "netflix_category": ["listed_in", "show_id"],
}  # fmt: skip
PAIRS = {
    "title_cast": ("netflix_cast", "cast", "cast_member"),
    "title_directors": ("netflix_directors", "director", "director"),
    "title_countries": ("netflix_countries", "country", "country"),
    "title_genres": ("netflix_category", "listed_in", "genre"),
}
TITLE = ["show_id", "type", "title", "date_added", "release_year", "rating", "duration_minutes", "duration_seasons",
         "description"]  # fmt: skip
RULES = {
    "show_id_valid": "regexp_matches(c_show_id, '^[0-9]{6,8}$')",
    "type_known": "c_type in ('Movie', 'TV Show')",
    "title_present": "c_title is not null",
    "release_year_in_range": "c_release_year between 1900 and year(current_date) + 1",
}


class Lake:
    """Tables by name, and the connection that computes."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.sql = duckdb.connect()
        folded = "trim(regexp_replace(replace(t, '\u200b', ''), '[\\s\u00a0]+', ' ', 'g'))"
        self.sql.execute(f"create macro fold(t) as nullif({folded}, '')")
        self.sql.execute("create macro key_of(t) as (hash(t) >> 1)::bigint")

    def path(self, name: str) -> str:
        return str(self.out / name)

    def exists(self, name: str) -> bool:
        return (self.out / name / "_delta_log").exists()

    def write(self, name: str, query: str, mode: str = "overwrite") -> None:
        write_deltalake(self.path(name), self.sql.sql(query).to_arrow_reader(100_000), mode=mode)

    def view(self, name: str) -> None:
        files = DeltaTable(self.path(name)).file_uris()
        self.sql.execute(f"create or replace view {name.replace('/', '_')} as select * from read_parquet({files!r})")


def land(source: Path, out: Path, seen: dict[str, list[str]]) -> dict[str, Path]:
    """Copy the files that differ from the newest ones in raw."""
    landed = {}
    for name in SOURCES:
        content = (source / f"{name}.csv").read_bytes()
        digest = hashlib.md5(content).hexdigest()
        if seen.get(name, [""])[-1] == digest:
            continue
        target = out / "raw" / name / str(len(seen.get(name, [])) + 1) / f"{name}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / f"{name}.csv", target)
        seen.setdefault(name, []).append(digest)
        landed[name] = target
    return landed


def load_bronze(lake: Lake, landed: dict[str, Path], now: str) -> None:
    for name, file in landed.items():
        columns = ", ".join(f'"{column}"' for column in SOURCES[name])
        modified = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC).isoformat()
        lake.write(
            f"bronze/{name}",
            f"""select {columns}, null::varchar as _rescued_data, null::varchar as _corrupt_record,
                       '{file}' as _source_file, timestamptz '{modified}' as _source_modified_at,
                       timestamptz '{now}' as _ingested_at
                from read_csv('{file}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"',
                              strict_mode = false)""",
            mode="append",
        )
        lake.view(f"bronze/{name}")


def build_titles(lake: Lake, file: Path, now: str) -> None:
    broken = ", ".join(f"case when not coalesce({rule}, false) then '{name}' end" for name, rule in RULES.items())
    lake.sql.execute(f"""
        create or replace temp table cleaned as
        select *, list_filter([{broken}], lambda r: r is not null) as broken_rules from (
            select *, fold(show_id) as c_show_id, fold(type) as c_type, fold(title) as c_title,
                   try_strptime(fold(date_added), '%m/%d/%Y')::date as c_date_added,
                   try_cast(fold(release_year) as int) as c_release_year, fold(rating) as c_rating,
                   try_cast(fold(duration_minutes) as int) as c_duration_minutes,
                   try_cast(fold(duration_seasons) as int) as c_duration_seasons,
                   fold(description) as c_description
            from bronze_netflix_titles where _source_file = '{file}')""")
    raw = ", ".join(SOURCES["netflix_titles"])
    origin = "_rescued_data, _corrupt_record, _source_file, _source_modified_at, _ingested_at"
    lake.write(
        "silver/titles_quarantine",
        f"select {raw}, broken_rules, {origin} from cleaned where len(broken_rules) > 0",
        mode="append",
    )
    lake.sql.execute(
        f"create or replace temp table titles as select {', '.join(f'c_{c} as {c}' for c in TITLE)} from cleaned "
        "where len(broken_rules) = 0 qualify row_number() over (partition by c_show_id) = 1"
    )
    lake.write("silver/titles", "select * from titles")
    build_history(lake, now)


def build_history(lake: Lake, now: str) -> None:
    """SCD type 2: close what is gone or other, open what is new or other."""
    columns = ", ".join(TITLE)
    bounds = f"timestamptz '{now}' as __START_AT, null::timestamptz as __END_AT"
    fresh = f"select key_of(show_id) as title_key, {columns}, {bounds}"
    if not lake.exists("gold/dim_title"):
        lake.write("gold/dim_title", f"{fresh} from titles")
        return
    lake.view("gold/dim_title")
    same = " and ".join(f"o.{c} is not distinct from n.{c}" for c in TITLE)
    lake.write(
        "gold/dim_title",
        f"""select o.* replace (case when o.__END_AT is null and n.show_id is null then timestamptz '{now}'
                                else o.__END_AT end as __END_AT)
            from gold_dim_title o left join titles n on {same} and o.__END_AT is null
            union all by name
            {fresh} from titles n anti join (select * from gold_dim_title where __END_AT is null) o on {same}""",
    )


def build_pairs(lake: Lake, table: str, file: Path) -> None:
    source, raw, value = PAIRS[table]
    lake.sql.execute(f"""
        create or replace temp table pairs as
        select *, fold(show_id) as c_show_id, nullif(trim(fold("{raw}"), ', '), '') as c_value
        from bronze_{source} where _source_file = '{file}'""")
    valid = "coalesce(regexp_matches(c_show_id, '^[0-9]{6,8}$') and c_value is not null, false)"
    lake.write(
        f"silver/{table}_quarantine",
        f"""select "{raw}", show_id, ['{value}_present'] as broken_rules, _rescued_data, _corrupt_record, _source_file,
                   _source_modified_at, _ingested_at from pairs where not {valid}""",
        mode="append",
    )
    lake.write(f"silver/{table}", f"select distinct c_show_id as show_id, c_value as {value} from pairs where {valid}")


AGGREGATES = (
    "count(*) as titles, count(*) filter (type = 'Movie') as movies, count(*) filter (type = 'TV Show') as tv_shows"
)
YEARS = "min(release_year) as first_release_year, max(release_year) as last_release_year"
GOLD = {
    "dim_person": """select key_of(name) as person_key, name,
            regexp_replace(lower(name), '[-\u2010\u2011''\u2018\u2019`.]', '', 'g') as conformed_name from (
            select cast_member as name from silver_title_cast semi join silver_titles using (show_id)
            union select director from silver_title_directors semi join silver_titles using (show_id))""",
    "dim_country": "select distinct key_of(country) as country_key, country from silver_title_countries "
    "semi join silver_titles using (show_id)",
    "dim_genre": "select distinct key_of(genre) as genre_key, genre from silver_title_genres "
    "semi join silver_titles using (show_id)",
    "dim_date": """with span as (select min(year(date_added)) as a, max(year(date_added)) as z from silver_titles)
            select coalesce(strftime(d, '%Y%m%d')::int, -1) as date_key, d as date, year(d) as year,
                   quarter(d) as quarter, month(d) as month, monthname(d) as month_name, day(d) as day,
                   isodow(d) as weekday, dayname(d) as weekday_name, isodow(d) >= 6 as is_weekend
            from (select unnest(generate_series(make_date(a, 1, 1), make_date(z, 12, 31), interval 1 day))::date as d
                  from span union all select null)""",
    "bridge_title_person": """select show_id, key_of(cast_member) as person_key, 'actor' as role from silver_title_cast
            semi join silver_titles using (show_id) union all
            select show_id, key_of(director), 'director' from silver_title_directors
            semi join silver_titles using (show_id)""",
    "bridge_title_country": "select show_id, key_of(country) as country_key from silver_title_countries "
    "semi join silver_titles using (show_id)",
    "bridge_title_genre": "select show_id, key_of(genre) as genre_key from silver_title_genres "
    "semi join silver_titles using (show_id)",
    "fact_title_additions": """select key_of(show_id) as title_key, show_id,
            coalesce(strftime(date_added, '%Y%m%d')::int, -1) as date_key, release_year,
            (year(date_added) - release_year)::int as years_until_added, duration_minutes, duration_seasons,
            1 as additions from silver_titles""",
    "titles_by_year_genre": f"""select release_year, genre, {AGGREGATES}, avg(duration_minutes) as average_minutes
            from silver_titles join silver_title_genres using (show_id) group by all""",
    "titles_by_country": f"""select coalesce(country, 'Unknown') as country, {AGGREGATES}, {YEARS}
            from silver_titles left join silver_title_countries using (show_id) group by 1""",
    "titles_by_rating": f"select coalesce(rating, 'Unknown') as rating, {AGGREGATES} from silver_titles group by 1",
    "durations": """select type, case when type = 'Movie' then 'minutes' else 'seasons' end as unit,
            count(*) as titles, min(d) as shortest, median(d) as median, avg(d) as average, max(d) as longest
            from (select type, case when type = 'Movie' then duration_minutes else duration_seasons end as d
                  from silver_titles) where d is not null group by all""",
    "additions_by_month": f"""select *, rank() over (order by titles desc)::int as rank from (
            select year(date_added) as year, month(date_added) as month, {AGGREGATES} from silver_titles
            where date_added is not null group by all)""",
    **{
        table: f"""select row_number() over (order by titles desc, name)::int as rank, * from (
            select {column} as name, count(*) as titles, {YEARS} from silver_titles
            join silver_{pairs} using (show_id) group by 1 order by titles desc, name limit 100)"""
        for table, pairs, column in [
            ("top_directors", "title_directors", "director"),
            ("top_actors", "title_cast", "cast_member"),
        ]
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    state = out / "seen.json"
    seen = json.loads(state.read_text()) if state.exists() else {}
    landed = land(arguments.input, out, seen)
    if not landed:
        return
    now = dt.datetime.now(dt.UTC).isoformat()
    lake = Lake(out)
    load_bronze(lake, landed, now)
    if "netflix_titles" in landed:
        build_titles(lake, landed["netflix_titles"], now)
    for table, (source, _, _) in PAIRS.items():
        if source in landed:
            build_pairs(lake, table, landed[source])
    for table in ["titles", *PAIRS]:
        lake.view(f"silver/{table}")
    for table, query in GOLD.items():
        lake.write(f"gold/{table}", query)
    fresh = state.with_suffix(".new")
    fresh.write_text(json.dumps(seen))
    os.replace(fresh, state)


if __name__ == "__main__":
    main()
