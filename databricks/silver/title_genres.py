"""Under which genres which title is listed."""

from netflix import pairs, rules
from netflix.releases import release_after
from pyspark import pipelines as dp
from pyspark.sql import functions as F

RAW_COLUMNS = ("listed_in", "show_id")

dp.create_streaming_table(
    name="silver.title_genres",
    comment="Under which genres which title is listed, each pair once.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix, 6 to 8 digits',
        genre STRING NOT NULL COMMENT 'Name of a genre',
        CONSTRAINT title_genres_pk PRIMARY KEY (show_id, genre)
    """,
    table_properties={"quality": "silver", "pipelines.autoOptimize.zOrderCols": "show_id"},
    expect_all_or_drop=rules.pair("genre"),
)

dp.create_auto_cdc_from_snapshot_flow(
    target="silver.title_genres",
    source=release_after(spark, "bronze.netflix_category", pairs.of_release("listed_in", "genre")),
    keys=["show_id", "genre"],
    stored_as_scd_type=1,
)


@dp.table(
    name="silver.title_genres_quarantine",
    comment="Rows of netflix_category that silver rejects, as they came, with the rules they break.",
    schema=rules.rejected_schema(RAW_COLUMNS),
    table_properties={"quality": "quarantine"},
)
def title_genres_quarantine():
    bronze = spark.readStream.table("bronze.netflix_category")
    return rules.rejected(bronze, pairs.cleaned("listed_in", "genre"), RAW_COLUMNS, rules.pair("genre"))


@dp.temporary_view(
    name="title_genres_checked",
    comment="Rows with whether their title is known: one without stays in silver, is counted, and goes no further.",
)
@dp.expect("title_exists", "title_exists")
def title_genres_checked():
    known = spark.read.table("silver.titles").select("show_id", F.lit(True).alias("title_exists"))
    rows = spark.read.table("silver.title_genres").join(known, "show_id", "left")
    return rows.select("show_id", "genre", F.coalesce("title_exists", F.lit(False)).alias("title_exists"))
