"""Countries that titles were made in."""

from netflix.text import surrogate_key
from pyspark import pipelines as dp


@dp.materialized_view(
    name="gold.dim_country",
    comment="Countries that current titles were made in.",
    schema="""
        country_key BIGINT NOT NULL COMMENT 'Hash of the name',
        country STRING NOT NULL COMMENT 'Name of the country as the source spells it',
        CONSTRAINT dim_country_pk PRIMARY KEY (country_key)
    """,
    table_properties={"quality": "gold"},
)
def dim_country():
    countries = spark.read.table("title_countries_checked").where("title_exists").select("country").distinct()
    return countries.select(surrogate_key("country").alias("country_key"), "country")
