"""Which release of a source comes next.

Every file of a full source is a whole release: what it lacks is gone. Bronze holds all releases one after the other, so
silver has to take them in order, and to refuse one that has lost far more than a release usually loses. The functions
that `release_after` makes are what `create_auto_cdc_from_snapshot_flow` asks for the next snapshot.
https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-apply-changes-from-snapshot
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Release:
    """One file of a source. `valid_from` is when it was written to raw."""

    source_file: str
    valid_from: datetime


class ReleaseRefused(Exception):
    """The newest release has lost more keys than its source may lose; the tables keep what they have."""


def in_order(files: list[tuple[str, datetime]]) -> list[Release]:
    """Releases by the time they were written to raw, no two at the same moment.

    Stores tell that time to the second, so two releases may share it: then the numbers in their paths decide, and the
    later one counts as written a microsecond after the former.
    """
    releases: list[Release] = []
    for source_file, modified_at in sorted(files, key=lambda file: (file[1], _natural(file[0]))):
        earliest = releases[-1].valid_from + MICROSECOND if releases else modified_at
        releases.append(Release(source_file, max(modified_at, earliest)))
    return releases


def smallest_accepted(keys: int, max_shrinkage: float) -> int:
    """How many keys a release needs after one with `keys` keys."""
    return math.ceil(keys * (1 - max_shrinkage) - 1e-9)


def first_acceptable(
    source: str, previous: Release, newer: list[Release], keys: dict[str, int], max_shrinkage: float
) -> Release:
    """The oldest of the newer releases that is not much smaller than the previous one. `keys` counts by file.

    Raises `ReleaseRefused` when all are.
    """
    before = keys.get(previous.source_file, 0)
    needed = smallest_accepted(before, max_shrinkage)
    for release in newer:
        if keys.get(release.source_file, 0) >= needed:
            return release
    newest = newer[-1]
    raise ReleaseRefused(
        f"Source {source}: the release {newest.source_file} has {keys.get(newest.source_file, 0)} keys, "
        f"the one before had {before}, and at least {needed} are needed (max_shrinkage {max_shrinkage}). "
        "Nothing was changed. "
        "If the source has really become that small, raise max_shrinkage in pipeline_config.json for one run."
    )


def release_after(
    spark: SparkSession, bronze_table: str, prepare: Callable[[DataFrame], DataFrame]
) -> Callable[[datetime | None], tuple[DataFrame, datetime] | None]:
    """A function that gives the rows of the release after a version, and that release's own version.

    `prepare` turns rows of bronze into rows of the target. It is called for one release at a time.
    """

    def following(last_version: datetime | None) -> tuple[DataFrame, datetime] | None:
        bronze = spark.read.table(bronze_table)
        releases = _list_releases(bronze)
        taken = [release for release in releases if last_version and release.valid_from <= _utc(last_version)]
        newer = releases[len(taken) :]
        if not newer:
            return None
        release = newer[0]
        if taken:
            source = _source_of(spark, bronze_table)
            keys = _count_keys(bronze, [taken[-1], *newer], source["keys"])
            release = first_acceptable(source["name"], taken[-1], newer, keys, source["max_shrinkage"])
        return prepare(bronze.where(F.col("_source_file") == release.source_file)), release.valid_from

    return following


def _list_releases(bronze: DataFrame) -> list[Release]:
    modified_at = F.unix_micros(F.max("_source_modified_at")).alias("modified_at")
    rows = bronze.groupBy("_source_file").agg(modified_at).collect()
    return in_order([(row["_source_file"], EPOCH + row["modified_at"] * MICROSECOND) for row in rows])


def _count_keys(bronze: DataFrame, releases: list[Release], keys: list[str]) -> dict[str, int]:
    of_these = bronze.where(F.col("_source_file").isin([release.source_file for release in releases]))
    complete = of_these.where(" AND ".join(f"`{key}` IS NOT NULL" for key in keys))
    # Of several columns, distinct rows are counted much faster than distinct structs.
    counts = complete.select("_source_file", *keys).distinct().groupBy("_source_file").count()
    return {row["_source_file"]: row["count"] for row in counts.collect()}


def _source_of(spark: SparkSession, bronze_table: str) -> dict:
    path = spark.conf.get("netflix.config_path")
    text = "\n".join(row["value"] for row in spark.read.text(path, wholetext=True).collect())
    for source in json.loads(text)["sources"]:
        if source["bronze_table"] == bronze_table.rpartition(".")[2]:
            return source
    raise ValueError(f"No source in {path} fills the table {bronze_table}.")


def _utc(moment: datetime) -> datetime:
    # A version without a zone is in the driver's zone, as all of PySpark's datetimes are.
    return moment.astimezone(UTC)


def _natural(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path))
