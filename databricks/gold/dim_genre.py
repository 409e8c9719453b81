"""Genres that titles are listed under."""

from netflix.text import surrogate_key
from pyspark import pipelines as dp


@dp.materialized_view(
    name="gold.dim_genre",
    comment="Genres that current titles are listed under.",
    schema="""
        genre_key BIGINT NOT NULL COMMENT 'Hash of the name',
        genre STRING NOT NULL COMMENT 'Name of the genre as the source spells it',
        CONSTRAINT dim_genre_pk PRIMARY KEY (genre_key)
    """,
    table_properties={"quality": "gold"},
)
def dim_genre():
    genres = spark.read.table("title_genres_checked").where("title_exists").select("genre").distinct()
    return genres.select(surrogate_key("genre").alias("genre_key"), "genre")
