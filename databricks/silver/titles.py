"""Titles: the newest accepted release of netflix_titles, typed and cleaned, and what was rejected of any release."""

from netflix import rules, titles
from netflix.releases import release_after
from pyspark import pipelines as dp

dp.create_streaming_table(
    name="silver.titles",
    comment="One row for each title of the newest accepted release: typed, text folded, key show_id.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix, 6 to 8 digits',
        type STRING COMMENT 'Movie or TV Show',
        title STRING COMMENT 'Name of the title; not unique',
        date_added DATE COMMENT 'When the title was added to the catalogue; null when the source does not say',
        release_year INT COMMENT 'Year of release; of the latest season for a TV show',
        rating STRING COMMENT 'Whom the title is meant for; null when the source does not say',
        duration_minutes INT COMMENT 'Length of a movie in minutes',
        duration_seasons INT COMMENT 'Number of seasons of a TV show',
        description STRING COMMENT 'What the title is about, in one or two sentences',
        CONSTRAINT titles_pk PRIMARY KEY (show_id)
    """,
    table_properties={"quality": "silver", "pipelines.autoOptimize.zOrderCols": "show_id"},
    expect_all_or_drop=rules.TITLE,
    expect_all=rules.TITLE_WARNINGS,
)

dp.create_auto_cdc_from_snapshot_flow(
    target="silver.titles",
    source=release_after(spark, "bronze.netflix_titles", titles.of_release),
    keys=["show_id"],
    stored_as_scd_type=1,
)


@dp.table(
    name="silver.titles_quarantine",
    comment="Rows of netflix_titles that silver rejects, as they came, with the rules they break.",
    schema=rules.rejected_schema(titles.RAW_COLUMNS),
    table_properties={"quality": "quarantine"},
)
def titles_quarantine():
    bronze = spark.readStream.table("bronze.netflix_titles")
    return rules.rejected(bronze, titles.cleaned(), titles.RAW_COLUMNS, rules.TITLE)
