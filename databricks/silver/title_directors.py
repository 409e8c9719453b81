"""Who directed which title."""

from netflix import pairs, rules
from netflix.releases import release_after
from pyspark import pipelines as dp
from pyspark.sql import functions as F

RAW_COLUMNS = ("director", "show_id")

dp.create_streaming_table(
    name="silver.title_directors",
    comment="Who directed which title, each pair once. Names that differ in case, hyphens or apostrophes stay apart.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix, 6 to 8 digits',
        director STRING NOT NULL COMMENT 'Name of a director',
        CONSTRAINT title_directors_pk PRIMARY KEY (show_id, director)
    """,
    table_properties={"quality": "silver", "pipelines.autoOptimize.zOrderCols": "show_id"},
    expect_all_or_drop=rules.pair("director"),
    expect_all={"director_is_a_name": "length(director) <= 60"},
)

dp.create_auto_cdc_from_snapshot_flow(
    target="silver.title_directors",
    source=release_after(spark, "bronze.netflix_directors", pairs.of_release("director", "director")),
    keys=["show_id", "director"],
    stored_as_scd_type=1,
)


@dp.table(
    name="silver.title_directors_quarantine",
    comment="Rows of netflix_directors that silver rejects, as they came, with the rules they break.",
    schema=rules.rejected_schema(RAW_COLUMNS),
    table_properties={"quality": "quarantine"},
)
def title_directors_quarantine():
    bronze = spark.readStream.table("bronze.netflix_directors")
    return rules.rejected(bronze, pairs.cleaned("director", "director"), RAW_COLUMNS, rules.pair("director"))


@dp.temporary_view(
    name="title_directors_checked",
    comment="Rows with whether their title is known: one without stays in silver, is counted, and goes no further.",
)
@dp.expect("title_exists", "title_exists")
def title_directors_checked():
    known = spark.read.table("silver.titles").select("show_id", F.lit(True).alias("title_exists"))
    rows = spark.read.table("silver.title_directors").join(known, "show_id", "left")
    return rows.select("show_id", "director", F.coalesce("title_exists", F.lit(False)).alias("title_exists"))
