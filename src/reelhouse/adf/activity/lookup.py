"""Lookup of JSON and delimited text.

https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, size_of, wrong
from reelhouse.adf.activity.store import (
    evaluated_read_settings,
    file_filter,
    http_request,
    http_source,
    lines_to_skip,
    local_of,
)
from reelhouse.adf.dataset import HttpFile, LakeFile, OpenDataset, open_dataset
from reelhouse.adf.delimited import column_names, dialect_of, read_rows
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import find_files
from reelhouse.adf.finding import Finding, checked
from reelhouse.adf.http import download
from reelhouse.adf.rest.source import rest_documents
from reelhouse.adf.settings import SOURCES, DelimitedText, Json, Lookup, TextSource
from reelhouse.errors import Unsupported

MAX_ROWS = 5000
MAX_SIZE = 4 * 1024 * 1024
_SOURCE_OF = {"DelimitedText": "DelimitedTextSource", "Json": "JsonSource"}


def prepare_lookup(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Lookup)
    dataset = open_dataset(ctx, settings.dataset, ctx.properties.at("dataset"))
    if dataset.type == "RestResource":
        return _prepare_rest(ctx, settings, dataset)
    kind = settings.source.get("type")
    if dataset.type not in _SOURCE_OF:
        raise Unsupported(
            f"Lookup of a {dataset.type} dataset is not supported",
            where=ctx.properties.at("dataset"),
            remedy="Supported: DelimitedText, Json, RestResource.",
        )
    if kind != _SOURCE_OF[dataset.type]:
        raise wrong(ctx, f"The source '{kind}' does not fit a {dataset.type} dataset", "source", "type")
    findings: list[Finding] = []
    source = checked(SOURCES[kind], settings.source, ctx.properties.at("source"), f"A source ({kind})", findings)
    if source is None:
        raise findings[0].error()
    if isinstance(source, TextSource) and source.additional_columns:
        raise Unsupported(
            "additionalColumns is not supported", where=ctx.properties.at("source").at("additionalColumns")
        )
    first_only = as_boolean(ctx, ctx.value(settings.first_row_only, "firstRowOnly"), "firstRowOnly")
    skip = lines_to_skip(ctx, source.format_settings, "source", "formatSettings")
    store = evaluated_read_settings(ctx, source.store_settings, "source", "storeSettings")

    def opened() -> Iterator[BinaryIO]:
        location = dataset.location
        if isinstance(location, HttpFile):
            buffer = io.BytesIO()
            download(http_source(ctx), http_request(ctx, location, store), buffer, ctx.waiting())
            buffer.seek(0)
            yield buffer
            return
        assert isinstance(location, LakeFile)
        for path in _paths(ctx, location, store):
            with path.open("rb") as file:
                yield file

    def act() -> Any:
        return _output(_rows(dataset, opened(), skip), first_only)

    where = dataset.location.url() if isinstance(dataset.location, LakeFile) else dataset.location.url
    return Work({"dataset": dataset.name, "path": where, "firstRowOnly": first_only}, act)


def _prepare_rest(ctx: ActivityContext, settings: Lookup, dataset: OpenDataset) -> Work:
    """A Lookup of what a REST endpoint answers: each object is a row."""
    place = ctx.properties.at("source")
    raw = ctx.value(dict(settings.source), "source")
    if raw.get("type") != "RestSource":
        raise wrong(ctx, f"The source '{raw.get('type')}' does not fit a RestResource dataset", "source", "type")
    if raw.get("additionalColumns"):
        raise Unsupported("additionalColumns is not supported", where=place.at("additionalColumns"))
    documents = rest_documents(ctx, raw, dataset, place)
    first_only = as_boolean(ctx, ctx.value(settings.first_row_only, "firstRowOnly"), "firstRowOnly")
    shown = {"dataset": dataset.name, "path": documents.endpoint.url, "firstRowOnly": first_only}
    return Work(shown, lambda: _output(iter(documents), first_only))


def _output(found: Iterator[dict[str, Any]], first_only: bool) -> dict[str, Any]:
    rows = list(islice(found, 1 if first_only else MAX_ROWS))
    output: dict[str, Any]
    if first_only:
        output = {"firstRow": rows[0]} if rows else {}
    else:
        output = {"count": len(rows), "value": rows}
    if size_of(output) > MAX_SIZE:
        raise ActivityFailed("2100", "The result of the lookup is larger than 4 MB")
    return output


def _paths(ctx: ActivityContext, location: LakeFile, store: Any) -> list[Any]:
    chosen = file_filter(ctx, store, location, recursive=True)
    _, files = find_files(local_of(ctx, location), location.folder, location.file, chosen)
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ActivityFailed("2100", f"ErrorCode=UserErrorFileNotFound,{location.url()} does not exist")
    return files


def _rows(dataset: OpenDataset, files: Iterator[BinaryIO], skip: int) -> Iterator[dict[str, Any]]:
    for file in files:
        if isinstance(dataset.settings, DelimitedText):
            yield from _delimited(dataset, dataset.settings, file, skip)
        else:
            assert isinstance(dataset.settings, Json)
            yield from _json(dataset, file)


def _delimited(dataset: OpenDataset, settings: DelimitedText, file: BinaryIO, skip: int) -> Iterator[dict[str, Any]]:
    dialect = dialect_of(settings, dataset.place.at("typeProperties"), skip)
    rows = read_rows(file, dialect)
    first = next(rows, None)
    if first is None:
        return
    names = column_names(first, dialect.first_row_as_header)
    if not dialect.first_row_as_header:
        yield dict(zip(names, first, strict=True))
    for row in rows:
        if len(row) > len(names):
            raise ActivityFailed(
                "2100",
                f"ErrorCode=DelimitedTextMoreColumnsThanDefined,A row has {len(row)} columns, expected {len(names)}",
            )
        yield dict(zip(names, [*row, *[None] * (len(names) - len(row))], strict=True))


def _json(dataset: OpenDataset, file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The objects of a file: one, several one after another, or an array."""
    name = text(dataset.settings.encoding_name) if isinstance(dataset.settings, Json) else "UTF-8"
    source = file.read().decode("utf-8-sig" if name.lower().startswith("utf-8") else name)
    decoder = json.JSONDecoder()
    position = 0
    while True:
        while position < len(source) and source[position].isspace():
            position += 1
        if position == len(source):
            return
        try:
            value, position = decoder.raw_decode(source, position)
        except ValueError as error:
            raise ActivityFailed("2100", f"ErrorCode=JsonInvalidDataFormat,The file is not JSON: {error}") from None
        for row in value if isinstance(value, list) else [value]:
            if not isinstance(row, Mapping):
                raise ActivityFailed("2100", "ErrorCode=JsonInvalidDataFormat,A row of a JSON file must be an object")
            yield dict(row)
