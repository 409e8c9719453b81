"""Which function opens which source and sink of a row copy, by the type names of the wire.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview#supported-data-stores-and-formats
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.dataset import OpenDataset
from reelhouse.adf.finding import Finding
from reelhouse.adf.movement.files_check import check_file_sink, check_file_source
from reelhouse.adf.movement.formats.sinks import open_file_sink
from reelhouse.adf.movement.formats.sources import open_file_source
from reelhouse.adf.movement.rows import Documents, RowSink, RowStream
from reelhouse.adf.rest.pages import check_rest_source
from reelhouse.adf.rest.sink import check_rest_sink, open_rest_sink
from reelhouse.adf.rest.source import open_rest_source
from reelhouse.adf.settings import sql
from reelhouse.adf.sql.sink import check_sql_sink, open_sql_sink
from reelhouse.adf.sql.source import check_sql_source, open_sql_source
from reelhouse.errors import Place

OpenSource = Callable[[ActivityContext, Mapping[str, Any], OpenDataset, Place], RowStream | Documents]
"""From the raw settings of a source (not evaluated), its dataset and its place to its rows. Nothing is read yet."""

OpenSink = Callable[[ActivityContext, Mapping[str, Any], OpenDataset, Place], RowSink]
"""From the raw settings of a sink (not evaluated), its dataset and its place to where rows go. Nothing is written."""

Check = Callable[[Mapping[str, Any], Place, list[Finding]], None]
"""Adds to the findings what is wrong with raw settings, seen before the run."""

SOURCES: dict[str, OpenSource] = {
    "AvroSource": open_file_source,
    "DelimitedTextSource": open_file_source,
    "ExcelSource": open_file_source,
    "JsonSource": open_file_source,
    "ParquetSource": open_file_source,
    "RestSource": open_rest_source,
    "XmlSource": open_file_source,
    **dict.fromkeys(sql.SOURCES, open_sql_source),
}
SINKS: dict[str, OpenSink] = {
    "AvroSink": open_file_sink,
    "DelimitedTextSink": open_file_sink,
    "JsonSink": open_file_sink,
    "ParquetSink": open_file_sink,
    "RestSink": open_rest_sink,
    **dict.fromkeys(sql.SINKS, open_sql_sink),
}
CHECKS: dict[str, Check] = {
    **dict.fromkeys(SOURCES, check_file_source),
    **dict.fromkeys(SINKS, check_file_sink),
    "RestSource": check_rest_source,
    "RestSink": check_rest_sink,
    **dict.fromkeys(sql.SOURCES, check_sql_source),
    **dict.fromkeys(sql.SINKS, check_sql_sink),
}
"""By the type of a source or a sink."""

DATASETS: dict[str, tuple[str, ...]] = {
    "BinarySource": ("Binary",),
    "BinarySink": ("Binary",),
    **{name: (name.removesuffix("Source"),) for name in SOURCES},
    **{name: (name.removesuffix("Sink"),) for name in SINKS},
    "RestSource": ("RestResource",),
    "RestSink": ("RestResource",),
    **{name: sql.DATASETS_OF[name.removesuffix("Source")] for name in sql.SOURCES},
    **{name: sql.DATASETS_OF[name.removesuffix("Sink")] for name in sql.SINKS},
}
"""The types of datasets that a source or a sink takes."""
