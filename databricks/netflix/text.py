"""Text of the sources made comparable, and numbers and dates made of it. Expressions only."""

from pyspark.sql import Column
from pyspark.sql import functions as F

ZERO_WIDTH_SPACE = "\u200b"
# Spelled out, because \s means other characters on other engines: all of Unicode's white space but the blank.
ODD_SPACES = "\\t\\n\\x0B\\f\\r\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Few texts need more than trimming, and asking is cheaper than replacing.
UNTIDY = f"[{ODD_SPACES}{ZERO_WIDTH_SPACE}]|  "


def fold(name: str) -> Column:
    """A text column without invisible characters, each run of white space (line breaks too) one blank, trimmed.

    Empty text becomes null. Upper and lower case stay apart.
    """
    text = F.col(name)
    visible = F.regexp_replace(text, ZERO_WIDTH_SPACE, "")
    tidy = F.when(text.rlike(UNTIDY), F.regexp_replace(visible, f"[ {ODD_SPACES}]+", " ")).otherwise(text)
    return F.nullif(F.trim(tidy), F.lit(""))


def list_item(name: str) -> Column:
    """An item of what was a comma separated list: folded, without commas at its ends; null when nothing is left."""
    return F.nullif(F.btrim(fold(name), F.lit(", ")), F.lit(""))


def number(name: str) -> Column:
    """The integer that a text column holds, or null when it holds something else."""
    return fold(name).try_cast("int")


def us_date(name: str) -> Column:
    """The date that a text column holds as month/day/year, or null when it holds something else."""
    return F.to_date(F.try_to_timestamp(fold(name), F.lit("M/d/yyyy")))


def conformed(name: str) -> Column:
    """A name without case, hyphens, apostrophes and full stops: what two spellings of one name have in common."""
    return F.regexp_replace(F.lower(F.col(name)), "[-\u2010\u2011'\u2018\u2019`.]", "")


def surrogate_key(*names: str) -> Column:
    """A key that depends on the business key alone, so that it is the same in every run and every environment."""
    return F.xxhash64(*[F.col(name) for name in names])
