"""When which title was added."""

from netflix.calendar import date_key
from netflix.text import surrogate_key
from pyspark import pipelines as dp
from pyspark.sql import functions as F


@dp.materialized_view(
    name="gold.fact_title_additions",
    comment="One row for each current title: when it was added. Titles without a date have the date key -1.",
    schema="""
        title_key BIGINT NOT NULL COMMENT 'Key of the title in gold.dim_title, whose current version has no __END_AT',
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix',
        date_key INT NOT NULL COMMENT 'Key of the day in gold.dim_date; -1 when the source does not say when',
        release_year INT COMMENT 'Year of release',
        years_until_added INT COMMENT 'Years from release to addition; negative when a later season is meant',
        duration_minutes INT COMMENT 'Length of a movie in minutes',
        duration_seasons INT COMMENT 'Number of seasons of a TV show',
        additions INT NOT NULL COMMENT 'Always 1, to be summed',
        CONSTRAINT fact_title_additions_pk PRIMARY KEY (title_key),
        CONSTRAINT fact_title_additions_title FOREIGN KEY (show_id) REFERENCES silver.titles (show_id),
        CONSTRAINT fact_title_additions_date FOREIGN KEY (date_key) REFERENCES gold.dim_date (date_key)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "date_key"},
)
def fact_title_additions():
    titles = spark.read.table("silver.titles")
    return titles.select(
        surrogate_key("show_id").alias("title_key"),
        "show_id",
        date_key("date_added").alias("date_key"),
        "release_year",
        (F.year("date_added") - F.col("release_year")).alias("years_until_added"),
        "duration_minutes",
        "duration_seasons",
        F.lit(1).alias("additions"),
    )
