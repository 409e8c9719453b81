"""What the activities on files share: their `storeSettings`, and which local files those mean.

https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, as_boolean, as_integer, as_seconds, wrong
from reelhouse.adf.dataset import HttpFile, LakeFile, OpenDataset, SqlTable
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.moment import MomentError, parse_moment
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import FileFilter
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.http import HttpRequest, HttpSource
from reelhouse.adf.settings import (
    READ_SETTINGS,
    AzureBlobFSReadSettings,
    AzureBlobStorageReadSettings,
    FormatSettings,
    HttpReadSettings,
    ReadSettings,
)
from reelhouse.errors import Place, Unsupported

INTEGRATION_RUNTIME = "AutoResolveIntegrationRuntime (Local)"
DEFAULT_REQUEST_TIMEOUT = "00:01:40"
"""ADF Studio writes an empty text for it."""


def lake_location(dataset: OpenDataset, what: str, place: Place) -> LakeFile:
    """The location of a dataset in the lake. Raises `Unsupported` for HTTP, which has no files to look at."""
    if isinstance(dataset.location, LakeFile):
        return dataset.location
    if isinstance(dataset.location, SqlTable):
        raise Unsupported(f"{what} of a table is not supported: the dataset is '{dataset.name}'", where=place)
    raise Unsupported(
        f"{what} does not work on HTTP: the dataset '{dataset.name}' has no file store, on Azure neither",
        where=place,
        remedy="Copy the file to the lake first.",
    )


def local_of(ctx: ActivityContext, location: LakeFile) -> Callable[[str], Path]:
    """The local path of any path below the container of a location."""
    return lambda path: Path(ctx.services.lake.local(location.url(path)))


def local_path(ctx: ActivityContext, location: LakeFile) -> Path:
    return Path(ctx.services.lake.local(location.url()))


def read_settings(raw: Any, place: Place, findings: list[Finding]) -> ReadSettings | None:
    """The `storeSettings` of a source, or None with what is wrong in `findings`."""
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind not in READ_SETTINGS:
        findings.append(
            problem(
                place.at("type"),
                f"Store settings '{kind}' are not supported",
                f"Supported: {', '.join(READ_SETTINGS)}.",
            )
        )
        return None
    return checked(READ_SETTINGS[kind], raw, place, f"Store settings ({kind})", findings)


def evaluated_read_settings(ctx: ActivityContext, raw: Any, *steps: str) -> ReadSettings | None:
    """The evaluated `storeSettings` of an activity; None without any. Raises `UserError`."""
    if raw is None:
        return None
    place = ctx.properties
    for part in steps:
        place = place.at(part)
    findings: list[Finding] = []
    settings = read_settings(ctx.value(raw, *steps), place, findings)
    if settings is None:
        raise findings[0].error()
    return settings


def file_filter(
    ctx: ActivityContext,
    settings: ReadSettings | None,
    location: LakeFile,
    *,
    recursive: bool,
    partitions: bool = False,
) -> FileFilter:
    """Which files the evaluated settings choose. `recursive` is the activity's default.

    `partitions` tells that the caller makes columns of the folders of a path.
    """
    if settings is None:
        return FileFilter(recursive=recursive)
    if not isinstance(settings, AzureBlobFSReadSettings):
        raise wrong(ctx, f"'{settings.type}' does not fit a dataset of the lake")
    if as_boolean(ctx, settings.enable_partition_discovery, "enablePartitionDiscovery") and not partitions:
        raise Unsupported("enablePartitionDiscovery is for sources of rows", where=ctx.properties)
    if settings.partition_root_path and not partitions:
        raise Unsupported("partitionRootPath is for sources of rows", where=ctx.properties)
    names = None
    if settings.file_list_path:
        names = _listed(ctx, text(settings.file_list_path), location)
    given = "recursive" in settings.model_fields_set
    return FileFilter(
        as_boolean(ctx, settings.recursive, "recursive") if given else recursive,
        _optional(settings.wildcard_folder_path),
        _optional(settings.wildcard_file_name),
        _optional(settings.prefix) if isinstance(settings, AzureBlobStorageReadSettings) else None,
        _time(ctx, settings.modified_datetime_start, "modifiedDatetimeStart"),
        _time(ctx, settings.modified_datetime_end, "modifiedDatetimeEnd"),
        names,
    )


def _optional(value: Any) -> str | None:
    return text(value) or None


def _time(ctx: ActivityContext, value: Any, name: str) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        return parse_moment(text(value)).when.replace(tzinfo=UTC)
    except MomentError as error:
        raise wrong(ctx, f"'{name}': {error}") from None


def _listed(ctx: ActivityContext, path: str, location: LakeFile) -> tuple[str, ...]:
    """The lines of a list of files; its path starts with the container."""
    container, _, rest = path.strip("/").partition("/")
    local = Path(ctx.services.lake.local(LakeFile(location.account, container, rest, None).url()))
    if not local.is_file():
        raise ActivityFailed("2200", f"ErrorCode=UserErrorSourceBlobNotExist,The list of files {path} does not exist")
    return tuple(line.strip() for line in local.read_text(encoding="utf-8-sig").splitlines() if line.strip())


def http_request(ctx: ActivityContext, location: HttpFile, settings: ReadSettings | None) -> HttpRequest:
    """The request for a file behind a URL."""
    if settings is None:
        settings = HttpReadSettings(type="HttpReadSettings")
    if not isinstance(settings, HttpReadSettings):
        raise wrong(ctx, f"'{settings.type}' does not fit an HTTP dataset")
    if settings.additional_columns or as_boolean(ctx, settings.enable_partition_discovery, "enablePartitionDiscovery"):
        raise Unsupported("Columns from paths or constants are not supported in an HTTP source", where=ctx.properties)
    method = text(settings.request_method).upper() or "GET"
    if method not in ("GET", "POST"):
        raise wrong(ctx, f"requestMethod must be GET or POST, it is '{method}'")
    headers = dict(location.access.headers())
    if settings.additional_headers:
        headers.update(_header_lines(settings.additional_headers))
    body = text(settings.request_body).encode() or None
    return HttpRequest(
        location.url,
        method,
        headers,
        body,
        as_seconds(ctx, settings.request_timeout or DEFAULT_REQUEST_TIMEOUT, "requestTimeout"),
        location.verify,
        location.access.login,
    )


def _header_lines(raw: Any) -> dict[str, str]:
    if isinstance(raw, Mapping):
        return {str(name): text(value) for name, value in raw.items()}
    pairs = [line.partition(":") for line in text(raw).splitlines() if line.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs}


def lines_to_skip(ctx: ActivityContext, raw: Any, *steps: str) -> int:
    """`skipLineCount` of the `formatSettings` of an activity. Raises `UserError` for properties that are not known."""
    if raw is None:
        return 0
    place = ctx.properties
    for part in steps:
        place = place.at(part)
    findings: list[Finding] = []
    settings = checked(FormatSettings, ctx.value(raw, *steps), place, "Format settings", findings)
    if settings is None:
        raise findings[0].error()
    return as_integer(ctx, settings.skip_line_count or 0, "skipLineCount")


def http_source(ctx: ActivityContext) -> HttpSource:
    if ctx.services.http is None:
        raise Unsupported("HTTP is not available in this run", where=ctx.activity.place)
    return ctx.services.http
