"""Everybody who plays in or directs a title."""

from netflix.text import conformed, surrogate_key
from pyspark import pipelines as dp
from pyspark.sql import functions as F


@dp.materialized_view(
    name="gold.dim_person",
    comment="Everybody who plays in or directs a current title, one row for each spelling of a name.",
    schema="""
        person_key BIGINT NOT NULL COMMENT 'Hash of the name',
        name STRING NOT NULL COMMENT 'Name as the source spells it',
        conformed_name STRING COMMENT 'Name without case, hyphens, apostrophes and full stops: what spellings share',
        CONSTRAINT dim_person_pk PRIMARY KEY (person_key)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "person_key"},
)
def dim_person():
    cast = spark.read.table("title_cast_checked").where("title_exists").select(F.col("cast_member").alias("name"))
    directors = (
        spark.read.table("title_directors_checked").where("title_exists").select(F.col("director").alias("name"))
    )
    names = cast.union(directors).distinct()
    return names.select(surrogate_key("name").alias("person_key"), "name", conformed("name").alias("conformed_name"))
