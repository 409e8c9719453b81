"""The options of a stream on a Delta table.

https://docs.databricks.com/aws/en/structured-streaming/delta-lake
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.streaming.source import Limit

_DEFAULT_MAX_FILES = 1000
_DEFAULT_LIMIT = Limit(_DEFAULT_MAX_FILES)
_REFUSED = {"witheventtimeorder", "schematrackinglocation", "schemalocation"}


@dataclass(frozen=True)
class Options:
    """The options of a stream on a Delta table."""

    limit: Limit = _DEFAULT_LIMIT
    skip_change_commits: bool = False
    ignore_deletes: bool = False
    ignore_changes: bool = False
    starting_version: str | None = None
    starting_timestamp: str | None = None
    fail_on_data_loss: bool = True
    read_changes: bool = False
    """Rows of the change data feed instead of the table's."""


def parse_options(options: Mapping[str, str]) -> Options:
    """Read the options, whose names are case-insensitive. Raises for one that is unknown or not supported."""
    known = {
        "maxfilespertrigger": "maxFilesPerTrigger",
        "maxbytespertrigger": "maxBytesPerTrigger",
        "skipchangecommits": "skipChangeCommits",
        "ignoredeletes": "ignoreDeletes",
        "ignorechanges": "ignoreChanges",
        "startingversion": "startingVersion",
        "startingtimestamp": "startingTimestamp",
        "failondataloss": "failOnDataLoss",
        "readchangefeed": "readChangeFeed",
        "readchangedata": "readChangeData",
    }
    given: dict[str, str] = {}
    for name, value in options.items():
        lower = name.lower()
        if lower in _REFUSED and value.strip().lower() != "false":
            raise Unsupported(
                f"The option '{name}' of a stream on a Delta table is not supported",
                remedy=f"Supported: {', '.join(known.values())}.",
            )
        if lower not in known and lower not in _REFUSED and lower != "path":
            raise Unsupported(
                f"A stream on a Delta table has no option '{name}'", remedy=did_you_mean(name, known.values())
            )
        given[lower] = value
    if "startingversion" in given and "startingtimestamp" in given:
        raise UserError("'startingVersion' and 'startingTimestamp' exclude each other", remedy="Give one of them.")
    reads_changes = flag(given, "readchangefeed") or flag(given, "readchangedata")
    for name in ("skipchangecommits", "ignoredeletes", "ignorechanges"):
        if reads_changes and flag(given, name):
            raise Unsupported(
                f"The option '{known[name]}' has no meaning beside 'readChangeFeed', which tells every change",
                remedy="Leave one of the two out.",
            )
    return Options(
        limit=Limit(
            positive("maxFilesPerTrigger", given.get("maxfilespertrigger")) or _DEFAULT_MAX_FILES,
            byte_count("maxBytesPerTrigger", given.get("maxbytespertrigger")),
        ),
        skip_change_commits=flag(given, "skipchangecommits"),
        ignore_deletes=flag(given, "ignoredeletes"),
        ignore_changes=flag(given, "ignorechanges"),
        starting_version=given.get("startingversion"),
        starting_timestamp=given.get("startingtimestamp"),
        fail_on_data_loss=given.get("failondataloss", "true").strip().lower() != "false",
        read_changes=reads_changes,
    )


def byte_count(name: str, text: str | None) -> int | None:
    """A size as Spark writes it.

    >>> byte_count("maxBytesPerTrigger", "10g"), byte_count("maxBytesPerTrigger", "512")
    (10737418240, 512)
    """
    if text is None:
        return None
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
    digits = text.strip().lower().removesuffix("b")
    factor = units.get(digits[-1:], 1)
    try:
        count = int(digits[:-1] if digits[-1:] in units else digits) * factor
    except ValueError:
        count = 0
    if count <= 0:
        raise UserError(f"'{name}' is '{text}'", remedy="Write a size, for instance 10g or 512m.")
    return count


def positive(name: str, text: str | None) -> int | None:
    """A positive whole number, None when it is not given. Raises `UserError` for anything else."""
    if text is None:
        return None
    if not text.strip().isdigit() or int(text) == 0:
        raise UserError(f"'{name}' is '{text}'", remedy="Give a positive whole number.")
    return int(text)


def flag(options: Mapping[str, str], name: str) -> bool:
    """A true or false option (names in lower case), false when not given. Raises `UserError` for anything else."""
    value = options.get(name, "false").strip().lower()
    if value not in ("true", "false"):
        raise UserError(f"'{name}' is '{value}'", remedy="Give true or false.")
    return value == "true"
