"""Titles with their history: a version for each state that a title had, valid from the release that brought it."""

from netflix import rules, titles
from netflix.releases import release_after
from netflix.text import surrogate_key
from pyspark import pipelines as dp
from pyspark.sql import DataFrame


def versions(bronze: DataFrame) -> DataFrame:
    """The valid titles of one release, with their key."""
    valid = titles.of_release(bronze).where(rules.all_hold(rules.TITLE))
    return valid.select(surrogate_key("show_id").alias("title_key"), "*")


dp.create_streaming_table(
    name="gold.dim_title",
    comment="Titles with history (SCD type 2). A current version has no __END_AT; a title that is gone has none.",
    schema="""
        title_key BIGINT NOT NULL COMMENT 'Hash of show_id; the same for all versions of a title',
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix',
        type STRING COMMENT 'Movie or TV Show',
        title STRING COMMENT 'Name of the title; not unique',
        date_added DATE COMMENT 'When the title was added to the catalogue; null when the source does not say',
        release_year INT COMMENT 'Year of release; of the latest season for a TV show',
        rating STRING COMMENT 'Whom the title is meant for; null when the source does not say',
        duration_minutes INT COMMENT 'Length of a movie in minutes',
        duration_seasons INT COMMENT 'Number of seasons of a TV show',
        description STRING COMMENT 'What the title is about, in one or two sentences',
        __START_AT TIMESTAMP NOT NULL COMMENT 'When the release that brought this version was written to raw',
        __END_AT TIMESTAMP COMMENT 'When the release that ended it was written to raw; null while it is current',
        CONSTRAINT dim_title_pk PRIMARY KEY (title_key, __START_AT)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "show_id"},
)

dp.create_auto_cdc_from_snapshot_flow(
    target="gold.dim_title",
    source=release_after(spark, "bronze.netflix_titles", versions),
    keys=["show_id"],
    stored_as_scd_type=2,
)
