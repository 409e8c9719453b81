"""GetMetadata and Validation.

https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity and
https://learn.microsoft.com/azure/data-factory/control-flow-validation-activity
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, as_integer, as_seconds, size_of, wrong
from reelhouse.adf.activity.store import evaluated_read_settings, file_filter, lake_location, lines_to_skip, local_path
from reelhouse.adf.dataset import LakeFile, OpenDataset, SqlTable, open_dataset
from reelhouse.adf.delimited import column_names, dialect_of, read_rows
from reelhouse.adf.errors import SYSTEM_ERROR, ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import FileFilter, content_md5, find_files, is_temporary, modified_at
from reelhouse.adf.movement.compression import ARCHIVES, codec_of, unpacked
from reelhouse.adf.settings import DelimitedText, GetMetadata, Validation
from reelhouse.adf.sql.metadata import prepare_sql_metadata
from reelhouse.errors import Unsupported, did_you_mean

FIELDS = ("itemName", "itemType", "size", "created", "lastModified", "childItems", "contentMD5", "structure",
          "columnCount", "exists")  # fmt: skip
FILE_ONLY = frozenset(("size", "contentMD5", "structure", "columnCount"))
MAX_SIZE = 4 * 1024 * 1024


def prepare_get_metadata(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, GetMetadata)
    dataset = open_dataset(ctx, settings.dataset, ctx.properties.at("dataset"))
    if isinstance(dataset.location, SqlTable):
        return prepare_sql_metadata(ctx, settings, dataset, dataset.location)
    location = lake_location(dataset, "GetMetadata", ctx.properties.at("dataset"))
    fields = [_field(ctx, ctx.value(raw, "fieldList", index), index) for index, raw in enumerate(settings.field_list)]
    if not fields:
        raise wrong(ctx, "GetMetadata asks for no field", "fieldList")
    store = evaluated_read_settings(ctx, settings.store_settings, "storeSettings")
    chosen = file_filter(ctx, store, location, recursive=False)
    if chosen.has_wildcard:
        raise wrong(ctx, "GetMetadata takes no wildcards", "storeSettings")

    skip = lines_to_skip(ctx, settings.format_settings, "formatSettings")

    def act() -> Any:
        output = _metadata(ctx, dataset, location, fields, chosen, skip)
        if size_of(output) > MAX_SIZE:
            raise ActivityFailed("2011", "The metadata is larger than 4 MB")
        return output

    return Work({"dataset": dataset.name, "path": location.url(), "fieldList": fields}, act)


def _field(ctx: ActivityContext, value: Any, index: int) -> str:
    name = next((known for known in FIELDS if known.lower() == text(value).lower()), None)
    if name is None:
        raise wrong(
            ctx, f"'{text(value)}' is no field of metadata. {did_you_mean(text(value), FIELDS)}", "fieldList", index
        )
    if name == "created":
        raise wrong(ctx, "The lake has no 'created'; lastModified is there", "fieldList", index)
    return name


def exists(path: Path, location: LakeFile) -> bool:
    """Whether a file or folder is there. A container always is: it is made with the account, not by writing."""
    if location.file:
        return path.is_file()
    return path.exists() or not location.folder


def _metadata(
    ctx: ActivityContext, dataset: OpenDataset, location: LakeFile, fields: list[str], chosen: FileFilter, skip: int
) -> dict[str, Any]:
    path = local_path(ctx, location)
    if not exists(path, location):
        if "exists" in fields:
            return {"exists": False}
        raise ActivityFailed("2011", f"ErrorCode=UserErrorFileNotFound,{location.url()} does not exist")
    is_file = path.is_file()
    output: dict[str, Any] = {}
    for name in fields:
        if (name in FILE_ONLY and not is_file) or (name == "childItems" and is_file):
            kind = "file" if is_file else "folder"
            raise ActivityFailed("2011", f"The field '{name}' does not apply to a {kind}, {location.url()} is one")
        if name == "exists":
            output["exists"] = True
        elif name == "itemName":
            output["itemName"] = path.name
        elif name == "itemType":
            output["itemType"] = "File" if is_file else "Folder"
        elif name == "size":
            output["size"] = path.stat().st_size
        elif name == "contentMD5":
            output["contentMD5"] = content_md5(path)
        elif name == "lastModified":
            output["lastModified"] = f"{modified_at(path):%Y-%m-%dT%H:%M:%SZ}" if path.exists() else None
        elif name == "childItems":
            output["childItems"] = _children(path, chosen)
        else:
            columns = _columns(dataset, path, name, skip)
            if name == "columnCount":
                output["columnCount"] = len(columns)
            else:
                output["structure"] = [{"name": column, "type": "String"} for column in columns]
    return output


def _children(folder: Path, chosen: FileFilter) -> list[dict[str, str]]:
    if not folder.is_dir():
        return []
    timed = chosen.modified_start is not None or chosen.modified_end is not None
    kept = None
    if timed:
        timed_only = FileFilter(False, modified_start=chosen.modified_start, modified_end=chosen.modified_end)
        kept = set(find_files(folder.joinpath, "", None, timed_only)[1])
    items = []
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if is_temporary(entry.name) or (kept is not None and (entry.is_dir() or Path(entry.path) not in kept)):
            continue
        items.append({"name": entry.name, "type": "Folder" if entry.is_dir() else "File"})
    return items


def _columns(dataset: OpenDataset, path: Path, field: str, skip: int) -> list[str]:
    if not isinstance(dataset.settings, DelimitedText):
        raise Unsupported(
            f"The field '{field}' of a {dataset.type} file is not supported",
            where=dataset.place.at("type"),
            remedy="Supported: DelimitedText.",
        )
    dialect = dialect_of(dataset.settings, dataset.place.at("typeProperties"), skip)
    codec, _ = codec_of(dataset.settings, dataset.place.at("typeProperties"))
    if codec in ARCHIVES:
        raise Unsupported(
            f"The field '{field}' of files in a {codec} archive is not supported",
            where=dataset.place.at("typeProperties").at("compressionCodec"),
        )
    with path.open("rb") as file:
        rows = read_rows(unpacked(file, codec), dialect)
        return column_names(next(rows, None), dialect.first_row_as_header)


def prepare_validation(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Validation)
    dataset = open_dataset(ctx, settings.dataset, ctx.properties.at("dataset"))
    location = lake_location(dataset, "Validation", ctx.properties.at("dataset"))
    timeout = as_seconds(ctx, ctx.value(settings.timeout, "timeout"), "timeout")
    pause = as_integer(ctx, ctx.value(settings.sleep, "sleep"), "sleep", 1)
    least = children = None
    if settings.minimum_size is not None:
        least = as_integer(ctx, ctx.value(settings.minimum_size, "minimumSize"), "minimumSize")
    if settings.child_items is not None:
        children = as_boolean(ctx, ctx.value(settings.child_items, "childItems"), "childItems")
    path = local_path(ctx, location)

    def act() -> Any:
        clock = ctx.services.clock
        end = clock.monotonic() + timeout
        while True:
            output, lacking = _validated(path, location, least, children)
            if not lacking:
                return output
            rest = end - clock.monotonic()
            if rest <= 0:
                raise ActivityFailed(
                    "ActivityTimedOut",
                    f"ErrorCode=ValidationTimedOut,{location.url()} {lacking} after {timeout:g} s",
                    failure_type=SYSTEM_ERROR,
                )
            ctx.sleep(min(pause, rest))

    return Work({"dataset": dataset.name, "path": location.url(), "minimumSize": least, "childItems": children}, act)


def _validated(path: Path, location: LakeFile, least: int | None, children: bool | None) -> tuple[dict[str, Any], str]:
    """The metadata found, and what is still lacking (nothing when valid)."""
    if not exists(path, location):
        return {"exists": False}, "does not exist"
    if path.is_file():
        size = path.stat().st_size
        output = {
            "exists": True,
            "itemName": path.name,
            "itemType": "File",
            "lastModified": f"{modified_at(path):%Y-%m-%dT%H:%M:%SZ}",
            "size": size,
        }
        return output, f"has {size} bytes, less than {least}," if least is not None and size < least else ""
    items = _children(path, FileFilter())
    output = {"exists": True, "itemName": path.name, "itemType": "Folder"}
    if children is None:
        return output, ""
    output["childItems"] = items
    if children and not items:
        return output, "is an empty folder"
    return output, "is not an empty folder" if not children and items else ""
