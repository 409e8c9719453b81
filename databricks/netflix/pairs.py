"""Rows that give one value to one title: cast, directors, countries, genres."""

from pyspark.sql import Column, DataFrame

from netflix.text import fold, list_item


def cleaned(raw: str, value: str) -> dict[str, Column]:
    """The columns of a pair: `value` is what the source calls `raw`."""
    return {"show_id": fold("show_id"), value: list_item(raw)}


def of_release(raw: str, value: str):
    """A function that gives the pairs of one release, each once, the ones that break a rule too."""

    def pairs(bronze: DataFrame) -> DataFrame:
        return bronze.select(*[column.alias(name) for name, column in cleaned(raw, value).items()]).distinct()

    return pairs
