"""Keys of days."""

from pyspark.sql import Column
from pyspark.sql import functions as F

UNKNOWN_DATE_KEY = -1


def date_key(name: str) -> Column:
    """A day as the number yyyymmdd; the key of the unknown date when there is none."""
    day = F.col(name)
    number = F.year(day) * 10000 + F.month(day) * 100 + F.dayofmonth(day)
    return F.coalesce(number, F.lit(UNKNOWN_DATE_KEY)).cast("int")
