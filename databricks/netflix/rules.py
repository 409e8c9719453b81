"""What a row of silver has to look like. A rule is SQL over the cleaned columns; a row breaks it unless it is true."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# A date or a number in place of the id is what a record torn in two leaves behind.
SHOW_ID = {"show_id_valid": "show_id RLIKE '^[0-9]{6,8}$'"}

TITLE = {
    **SHOW_ID,
    "type_known": "type IN ('Movie', 'TV Show')",
    "title_present": "title IS NOT NULL",
    "release_year_in_range": "release_year BETWEEN 1900 AND year(current_date()) + 1",
}

TITLE_WARNINGS = {
    "date_added_present": "date_added IS NOT NULL",
    "rating_present": "rating IS NOT NULL",
    "description_present": "description IS NOT NULL",
    "duration_fits_type": (
        "(type = 'Movie' AND duration_minutes IS NOT NULL AND duration_seasons IS NULL)"
        " OR (type = 'TV Show' AND duration_seasons IS NOT NULL AND duration_minutes IS NULL)"
    ),
    # Oct-01 and Feb-09 are titles; a spreadsheet makes 1-Oct and 9-Feb of them.
    "title_is_no_spreadsheet_date": (
        "title IS NULL OR NOT title RLIKE '^[0-9]{1,2}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)$'"
    ),
}


def pair(value: str) -> dict[str, str]:
    """Rules of a row that gives one value to one title."""
    return {**SHOW_ID, f"{value}_present": f"{value} IS NOT NULL"}


def all_hold(rules: dict[str, str]) -> str:
    """The condition that no rule is broken, as SQL. Never null."""
    return " AND ".join(f"coalesce({rule}, false)" for rule in rules.values())


def broken(rules: dict[str, str]) -> Column:
    """The names of the rules that a row breaks."""
    return F.array_compact(
        F.array(*[F.when(~F.coalesce(F.expr(rule), F.lit(False)), F.lit(name)) for name, rule in rules.items()])
    )


# What bronze says of a row besides the columns of its source.
ORIGIN = {
    "_rescued_data": "STRING COMMENT 'What did not fit into the columns, as JSON'",
    "_corrupt_record": "STRING COMMENT 'The record as it stands in the file, when it could not be read'",
    "_source_file": "STRING COMMENT 'Path of the file in raw; one file is one release'",
    "_source_modified_at": "TIMESTAMP COMMENT 'When the file was written to raw'",
    "_ingested_at": "TIMESTAMP COMMENT 'When the row was written to bronze'",
}


def rejected_schema(raw: tuple[str, ...]) -> str:
    """The schema of what `rejected` gives for these columns of a source."""
    as_they_came = [f"`{name}` STRING COMMENT 'As the source sends it'" for name in raw]
    broken_rules = "broken_rules ARRAY<STRING> COMMENT 'Names of the rules that the row breaks'"
    origin = [f"{name} {definition}" for name, definition in ORIGIN.items()]
    return ", ".join([*as_they_came, broken_rules, *origin])


def rejected(bronze: DataFrame, cleaned: dict[str, Column], raw: tuple[str, ...], rules: dict[str, str]) -> DataFrame:
    """The rows of bronze that break a rule, as they came, with the names of the rules.

    `cleaned` are the columns that the rules speak of, `raw` those of the source.
    """
    as_they_came = [F.col(name).alias(f"raw_{name}") for name in raw]
    rows = bronze.select(*[column.alias(name) for name, column in cleaned.items()], *as_they_came, *ORIGIN)
    return (
        rows.withColumn("broken_rules", broken(rules))
        .where(F.size("broken_rules") > 0)
        .select(*[F.col(f"raw_{name}").alias(name) for name in raw], "broken_rules", *ORIGIN)
    )
