"""Rows of bronze.netflix_titles as titles."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from netflix.text import fold, number, us_date

RAW_COLUMNS = (
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


def cleaned() -> dict[str, Column]:
    """The columns of a title, of those of the source."""
    return {
        "show_id": fold("show_id"),
        "type": fold("type"),
        "title": fold("title"),
        "date_added": us_date("date_added"),
        "release_year": number("release_year"),
        "rating": fold("rating"),
        "duration_minutes": number("duration_minutes"),
        "duration_seasons": number("duration_seasons"),
        "description": fold("description"),
    }


def of_release(bronze: DataFrame) -> DataFrame:
    """The titles of one release, the ones that break a rule too. A show_id that comes twice is taken once."""
    rows = bronze.select(*[column.alias(name) for name, column in cleaned().items()])
    ids, different_ids = rows.agg(F.count("show_id"), F.count_distinct("show_id")).first()
    # A window sorts the whole release, which it hardly ever needs.
    return rows if ids == different_ids else without_copies(rows)


def without_copies(rows: DataFrame) -> DataFrame:
    """One row for each show_id, the one that was added last; all rows that have none."""
    # By every column, so that the choice does not depend on the order of the rows.
    order = ["date_added", *[name for name in rows.columns if name not in ("show_id", "date_added")]]
    copies = Window.partitionBy("show_id").orderBy(*[F.col(name).desc_nulls_last() for name in order])
    return rows.withColumn("_copy", F.row_number().over(copies)).where("_copy = 1 OR show_id IS NULL").drop("_copy")
