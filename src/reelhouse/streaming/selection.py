"""From the options of a stream of files to the files that belong to it. Pure but for asking the options' tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from reelhouse.autoloader.discovery import Selection
from reelhouse.errors import UserError
from reelhouse.streaming.source import SourceSpec

STREAM_OPTIONS = (
    "maxFilesPerTrigger",
    "maxBytesPerTrigger",
    "maxFileAge",
    "latestFirst",
    "fileNameOnly",
    "cleanSource",
)
"""Options of a plain file stream that are not its reader's."""


def selection_of(spec: SourceSpec, path: str) -> Selection:
    """Which files a `cloudFiles` or plain file stream reads. `path` is the local one; options are checked before."""
    from reelhouse.autoloader.options import cloud_files, parse_interval

    if spec.format.lower() != "cloudfiles":
        given = {name.lower(): value for name, value in spec.options.items()}
        age = given.get("maxfileage")
        return Selection(
            path,
            name_glob=given.get("pathglobfilter"),
            modified_after=_moment("modifiedAfter", given),
            modified_before=_moment("modifiedBefore", given),
            strict_globs=True,
            recursive=given.get("recursivefilelookup", "false").strip().lower() == "true",
            max_age=parse_interval(age) if age else None,
        )
    options = cloud_files(spec.options)
    given = {name.lower(): value for name, value in options.reader.items()}
    return Selection(
        path,
        name_glob=given.get("pathglobfilter", given.get("filenamepattern")),
        modified_after=_moment("modifiedAfter", given),
        modified_before=_moment("modifiedBefore", given),
        strict_globs=options.flag("useStrictGlobber"),
        max_age=options.max_file_age,
        allow_overwrites=options.flag("allowOverwrites"),
        include_existing=options.flag("includeExistingFiles"),
    )


def _moment(name: str, given: Mapping[str, str]) -> datetime | None:
    text = given.get(name.lower())
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"'{name}' is '{text}'", remedy="Write 2026-01-31T12:00:00.") from None
    # Spark takes the session's zone, which this process does not know without its engine: say it with timeZone.
    zone = given.get("timezone")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
