"""Where which title was made."""

from netflix import pairs, rules
from netflix.releases import release_after
from pyspark import pipelines as dp
from pyspark.sql import functions as F

RAW_COLUMNS = ("country", "show_id")

dp.create_streaming_table(
    name="silver.title_countries",
    comment="Where which title was made, each pair once.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix, 6 to 8 digits',
        country STRING NOT NULL COMMENT 'Name of a country',
        CONSTRAINT title_countries_pk PRIMARY KEY (show_id, country)
    """,
    table_properties={"quality": "silver", "pipelines.autoOptimize.zOrderCols": "show_id"},
    expect_all_or_drop=rules.pair("country"),
)

dp.create_auto_cdc_from_snapshot_flow(
    target="silver.title_countries",
    source=release_after(spark, "bronze.netflix_countries", pairs.of_release("country", "country")),
    keys=["show_id", "country"],
    stored_as_scd_type=1,
)


@dp.table(
    name="silver.title_countries_quarantine",
    comment="Rows of netflix_countries that silver rejects, as they came, with the rules they break.",
    schema=rules.rejected_schema(RAW_COLUMNS),
    table_properties={"quality": "quarantine"},
)
def title_countries_quarantine():
    bronze = spark.readStream.table("bronze.netflix_countries")
    return rules.rejected(bronze, pairs.cleaned("country", "country"), RAW_COLUMNS, rules.pair("country"))


@dp.temporary_view(
    name="title_countries_checked",
    comment="Rows with whether their title is known: one without stays in silver, is counted, and goes no further.",
)
@dp.expect("title_exists", "title_exists")
def title_countries_checked():
    known = spark.read.table("silver.titles").select("show_id", F.lit(True).alias("title_exists"))
    rows = spark.read.table("silver.title_countries").join(known, "show_id", "left")
    return rows.select("show_id", "country", F.coalesce("title_exists", F.lit(False)).alias("title_exists"))
