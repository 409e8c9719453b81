"""Which persons, countries and genres belong to which title. Rows whose title is unknown go no further than silver."""

from netflix.text import surrogate_key
from pyspark import pipelines as dp
from pyspark.sql import functions as F


@dp.materialized_view(
    name="gold.bridge_title_person",
    comment="Who takes part in which title, and as what.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix',
        person_key BIGINT NOT NULL COMMENT 'Key of the person in gold.dim_person',
        role STRING NOT NULL COMMENT 'actor or director',
        CONSTRAINT bridge_title_person_pk PRIMARY KEY (show_id, person_key, role),
        CONSTRAINT bridge_title_person_title FOREIGN KEY (show_id) REFERENCES silver.titles (show_id),
        CONSTRAINT bridge_title_person_person FOREIGN KEY (person_key) REFERENCES gold.dim_person (person_key)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "show_id"},
)
def bridge_title_person():
    cast = spark.read.table("title_cast_checked").where("title_exists")
    directors = spark.read.table("title_directors_checked").where("title_exists")
    actors = cast.select("show_id", surrogate_key("cast_member").alias("person_key"), F.lit("actor").alias("role"))
    return actors.union(
        directors.select("show_id", surrogate_key("director").alias("person_key"), F.lit("director").alias("role"))
    )


@dp.materialized_view(
    name="gold.bridge_title_country",
    comment="Where which title was made.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix',
        country_key BIGINT NOT NULL COMMENT 'Key of the country in gold.dim_country',
        CONSTRAINT bridge_title_country_pk PRIMARY KEY (show_id, country_key),
        CONSTRAINT bridge_title_country_title FOREIGN KEY (show_id) REFERENCES silver.titles (show_id),
        CONSTRAINT bridge_title_country_country FOREIGN KEY (country_key) REFERENCES gold.dim_country (country_key)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "show_id"},
)
def bridge_title_country():
    rows = spark.read.table("title_countries_checked").where("title_exists")
    return rows.select("show_id", surrogate_key("country").alias("country_key"))


@dp.materialized_view(
    name="gold.bridge_title_genre",
    comment="Under which genres which title is listed.",
    schema="""
        show_id STRING NOT NULL COMMENT 'Id of the title at Netflix',
        genre_key BIGINT NOT NULL COMMENT 'Key of the genre in gold.dim_genre',
        CONSTRAINT bridge_title_genre_pk PRIMARY KEY (show_id, genre_key),
        CONSTRAINT bridge_title_genre_title FOREIGN KEY (show_id) REFERENCES silver.titles (show_id),
        CONSTRAINT bridge_title_genre_genre FOREIGN KEY (genre_key) REFERENCES gold.dim_genre (genre_key)
    """,
    table_properties={"quality": "gold", "pipelines.autoOptimize.zOrderCols": "show_id"},
)
def bridge_title_genre():
    rows = spark.read.table("title_genres_checked").where("title_exists")
    return rows.select("show_id", surrogate_key("genre").alias("genre_key"))
