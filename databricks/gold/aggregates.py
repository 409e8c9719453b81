"""Answers to the questions that are asked most."""

from pyspark import pipelines as dp
from pyspark.sql import Column, Window
from pyspark.sql import functions as F

TOP = 100


def count_where(condition: Column) -> Column:
    """How many rows meet a condition."""
    return F.count(F.when(condition, F.lit(1)))


MOVIES = count_where(F.col("type") == "Movie").alias("movies")
TV_SHOWS = count_where(F.col("type") == "TV Show").alias("tv_shows")
TITLES = F.count(F.lit(1)).alias("titles")
# All rows in one partition, on purpose and so without a warning: there are few.
WHOLE = Window.partitionBy(F.lit("all"))


@dp.materialized_view(
    name="gold.titles_by_year_genre",
    comment="How many current titles of each genre each year of release has.",
    schema="""
        release_year INT NOT NULL COMMENT 'Year of release',
        genre STRING NOT NULL COMMENT 'Genre; a title counts in each of its genres',
        titles BIGINT NOT NULL COMMENT 'Titles',
        movies BIGINT NOT NULL COMMENT 'Movies among them',
        tv_shows BIGINT NOT NULL COMMENT 'TV shows among them',
        average_minutes DOUBLE COMMENT 'Average length of the movies in minutes',
        CONSTRAINT titles_by_year_genre_pk PRIMARY KEY (release_year, genre)
    """,
    table_properties={"quality": "gold"},
)
def titles_by_year_genre():
    genres = spark.read.table("silver.title_genres")
    titles = spark.read.table("silver.titles").join(genres, "show_id")
    average = F.avg("duration_minutes").alias("average_minutes")
    return titles.groupBy("release_year", "genre").agg(TITLES, MOVIES, TV_SHOWS, average)


@dp.materialized_view(
    name="gold.titles_by_country",
    comment="How many current titles were made in each country. Titles without a country are counted as Unknown.",
    schema="""
        country STRING NOT NULL COMMENT 'Country; a title counts in each of its countries',
        titles BIGINT NOT NULL COMMENT 'Titles',
        movies BIGINT NOT NULL COMMENT 'Movies among them',
        tv_shows BIGINT NOT NULL COMMENT 'TV shows among them',
        first_release_year INT COMMENT 'Earliest year of release',
        last_release_year INT COMMENT 'Latest year of release',
        CONSTRAINT titles_by_country_pk PRIMARY KEY (country)
    """,
    table_properties={"quality": "gold"},
)
def titles_by_country():
    countries = spark.read.table("silver.title_countries")
    titles = spark.read.table("silver.titles").join(countries, "show_id", "left")
    return (
        titles.withColumn("country", F.coalesce("country", F.lit("Unknown")))
        .groupBy("country")
        .agg(
            TITLES,
            MOVIES,
            TV_SHOWS,
            F.min("release_year").alias("first_release_year"),
            F.max("release_year").alias("last_release_year"),
        )
    )


@dp.materialized_view(
    name="gold.titles_by_rating",
    comment="How many current titles have each rating. Titles without one are counted as Unknown.",
    schema="""
        rating STRING NOT NULL COMMENT 'Whom the titles are meant for',
        titles BIGINT NOT NULL COMMENT 'Titles',
        movies BIGINT NOT NULL COMMENT 'Movies among them',
        tv_shows BIGINT NOT NULL COMMENT 'TV shows among them',
        CONSTRAINT titles_by_rating_pk PRIMARY KEY (rating)
    """,
    table_properties={"quality": "gold"},
)
def titles_by_rating():
    titles = spark.read.table("silver.titles").withColumn("rating", F.coalesce("rating", F.lit("Unknown")))
    return titles.groupBy("rating").agg(TITLES, MOVIES, TV_SHOWS)


@dp.materialized_view(
    name="gold.durations",
    comment="How long movies are in minutes, and TV shows in seasons.",
    schema="""
        type STRING NOT NULL COMMENT 'Movie or TV Show',
        unit STRING NOT NULL COMMENT 'minutes or seasons',
        titles BIGINT NOT NULL COMMENT 'Titles that have a duration',
        shortest INT COMMENT 'Smallest duration',
        median DOUBLE COMMENT 'Duration that half of the titles do not exceed',
        average DOUBLE COMMENT 'Average duration',
        longest INT COMMENT 'Largest duration',
        CONSTRAINT durations_pk PRIMARY KEY (type)
    """,
    table_properties={"quality": "gold"},
)
def durations():
    titles = spark.read.table("silver.titles").select(
        "type",
        F.when(F.col("type") == "Movie", "minutes").otherwise("seasons").alias("unit"),
        F.when(F.col("type") == "Movie", F.col("duration_minutes"))
        .otherwise(F.col("duration_seasons"))
        .alias("duration"),
    )
    return (
        titles.where("duration IS NOT NULL")
        .groupBy("type", "unit")
        .agg(
            TITLES,
            F.min("duration").alias("shortest"),
            F.median("duration").alias("median"),
            F.avg("duration").alias("average"),
            F.max("duration").alias("longest"),
        )
    )


TOP_SCHEMA = """
    rank INT NOT NULL COMMENT 'Place, 1 for the one with most titles; equal numbers are ordered by name',
    name STRING NOT NULL COMMENT 'Name as the source spells it',
    titles BIGINT NOT NULL COMMENT 'Current titles',
    first_release_year INT COMMENT 'Earliest year of release',
    last_release_year INT COMMENT 'Latest year of release',
"""


def top_persons(pairs, name):
    """The persons with most titles, of a table of (show_id, person)."""
    by_person = (
        spark.read.table("silver.titles")
        .join(pairs.select("show_id", F.col(name).alias("name")), "show_id")
        .groupBy("name")
        .agg(
            TITLES,
            F.min("release_year").alias("first_release_year"),
            F.max("release_year").alias("last_release_year"),
        )
    )
    # Limited before it is ranked: what is ranked as a whole is ranked on one machine.
    top = by_person.orderBy(F.desc("titles"), F.asc("name")).limit(TOP)
    place = F.row_number().over(WHOLE.orderBy(F.desc("titles"), F.asc("name"))).cast("int").alias("rank")
    return top.select(place, "name", "titles", "first_release_year", "last_release_year")


@dp.materialized_view(
    name="gold.top_directors",
    comment="The hundred directors with most current titles.",
    schema=f"{TOP_SCHEMA} CONSTRAINT top_directors_pk PRIMARY KEY (rank)",
    table_properties={"quality": "gold"},
)
def top_directors():
    return top_persons(spark.read.table("silver.title_directors"), "director")


@dp.materialized_view(
    name="gold.top_actors",
    comment="The hundred actors and actresses with most current titles.",
    schema=f"{TOP_SCHEMA} CONSTRAINT top_actors_pk PRIMARY KEY (rank)",
    table_properties={"quality": "gold"},
)
def top_actors():
    return top_persons(spark.read.table("silver.title_cast"), "cast_member")


@dp.materialized_view(
    name="gold.additions_by_month",
    comment="How many titles were added in which month, and which months had most. Titles without a date are left out.",
    schema="""
        year INT NOT NULL COMMENT 'Year of addition',
        month INT NOT NULL COMMENT 'Month of addition, 1 to 12',
        titles BIGINT NOT NULL COMMENT 'Titles added',
        movies BIGINT NOT NULL COMMENT 'Movies among them',
        tv_shows BIGINT NOT NULL COMMENT 'TV shows among them',
        rank INT NOT NULL COMMENT 'Place of the month, 1 for the one with most additions; equal numbers share a place',
        CONSTRAINT additions_by_month_pk PRIMARY KEY (year, month)
    """,
    table_properties={"quality": "gold"},
)
def additions_by_month():
    dated = spark.read.table("silver.titles").where("date_added IS NOT NULL")
    months = dated.groupBy(F.year("date_added").alias("year"), F.month("date_added").alias("month"))
    place = F.rank().over(WHOLE.orderBy(F.desc("titles"))).alias("rank")
    return months.agg(TITLES, MOVIES, TV_SHOWS).select("*", place)
