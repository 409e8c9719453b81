"""Who plays in which title."""

from netflix import pairs, rules
from netflix.releases import release_after
from pyspark import pipelines as dp
from pyspark.sql import functions as F

RAW_COLUMNS = ("cast", "show_id")

dp.create_streaming_table(
    name="silver.title_cast",
    comment="Who plays in which title, each pair once. Names that differ in case, hyphens or apostrophes stay apart.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix, 6 to 8 digits',
        cast_member STRING NOT NULL COMMENT 'Name of an actor or actress',
        CONSTRAINT title_cast_pk PRIMARY KEY (show_id, cast_member)
    """,
    table_properties={"quality": "silver", "pipelines.autoOptimize.zOrderCols": "show_id"},
    expect_all_or_drop=rules.pair("cast_member"),
    # A sentence of a description once came as a member of the cast.
    expect_all={"cast_member_is_a_name": "length(cast_member) <= 60"},
)

dp.create_auto_cdc_from_snapshot_flow(
    target="silver.title_cast",
    source=release_after(spark, "bronze.netflix_cast", pairs.of_release("cast", "cast_member")),
    keys=["show_id", "cast_member"],
    stored_as_scd_type=1,
)


@dp.table(
    name="silver.title_cast_quarantine",
    comment="Rows of netflix_cast that silver rejects, as they came, with the rules they break.",
    schema=rules.rejected_schema(RAW_COLUMNS),
    table_properties={"quality": "quarantine"},
)
def title_cast_quarantine():
    bronze = spark.readStream.table("bronze.netflix_cast")
    return rules.rejected(bronze, pairs.cleaned("cast", "cast_member"), RAW_COLUMNS, rules.pair("cast_member"))


@dp.temporary_view(
    name="title_cast_checked",
    comment="Rows with whether their title is known: one without stays in silver, is counted, and goes no further.",
)
@dp.expect("title_exists", "title_exists")
def title_cast_checked():
    known = spark.read.table("silver.titles").select("show_id", F.lit(True).alias("title_exists"))
    rows = spark.read.table("silver.title_cast").join(known, "show_id", "left")
    return rows.select("show_id", "cast_member", F.coalesce("title_exists", F.lit(False)).alias("title_exists"))
