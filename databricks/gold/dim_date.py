"""The calendar: every day of the years in which titles were added, and the unknown day."""

from netflix.calendar import date_key
from pyspark import pipelines as dp
from pyspark.sql import functions as F


@dp.materialized_view(
    name="gold.dim_date",
    comment="Every day of the years in which titles were added, and one row with the key -1 for an unknown date.",
    schema="""
        date_key INT NOT NULL COMMENT 'The day as yyyymmdd; -1 for the unknown date',
        date DATE COMMENT 'The day; null for the unknown date',
        year INT COMMENT 'Year',
        quarter INT COMMENT 'Quarter of the year, 1 to 4',
        month INT COMMENT 'Month of the year, 1 to 12',
        month_name STRING COMMENT 'English name of the month',
        day INT COMMENT 'Day of the month',
        weekday INT COMMENT 'Day of the week, 1 is Monday',
        weekday_name STRING COMMENT 'English name of the day of the week',
        is_weekend BOOLEAN COMMENT 'Saturday or Sunday',
        CONSTRAINT dim_date_pk PRIMARY KEY (date_key)
    """,
    table_properties={"quality": "gold"},
)
def dim_date():
    span = spark.read.table("silver.titles").agg(
        F.min(F.year("date_added")).alias("first_year"), F.max(F.year("date_added")).alias("last_year")
    )
    days = span.select(
        F.explode(
            F.sequence(F.make_date("first_year", F.lit(1), F.lit(1)), F.make_date("last_year", F.lit(12), F.lit(31)))
        ).alias("date")
    )
    unknown = span.select(F.lit(None).cast("date").alias("date"))
    weekday = (F.dayofweek("date") + 5) % 7 + 1
    return days.union(unknown).select(
        date_key("date").alias("date_key"),
        "date",
        F.year("date").alias("year"),
        F.quarter("date").alias("quarter"),
        F.month("date").alias("month"),
        F.date_format("date", "MMMM").alias("month_name"),
        F.dayofmonth("date").alias("day"),
        weekday.cast("int").alias("weekday"),
        F.date_format("date", "EEEE").alias("weekday_name"),
        (weekday >= 6).alias("is_weekend"),
    )
