"""What a source and a sink of a data flow may say in the script, and where their data lies.

https://learn.microsoft.com/azure/data-factory/data-flow-source,
https://learn.microsoft.com/azure/data-factory/data-flow-sink and
https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage#mapping-data-flow-properties
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.activity.store import local_of
from reelhouse.adf.dataflow.compile import Scope
from reelhouse.adf.dataflow.definition import DataFlow, End
from reelhouse.adf.dataflow.syntax import Transformation
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.transform.spec import ANY, FLAG, Kind
from reelhouse.adf.dataset import LakeFile, SqlTable, inline_location, open_dataset
from reelhouse.adf.definition import Reference
from reelhouse.adf.delimited import Dialect, dialect_of
from reelhouse.adf.expression.values import text
from reelhouse.adf.settings import DelimitedText, Json, Parquet, Settings
from reelhouse.errors import Place, Unsupported

FORMATS = {"DelimitedText": "delimited", "Json": "json", "Parquet": "parquet"}
"""The types of datasets, and what an inline dataset calls them."""
INLINE = ("delimited", "json", "parquet", "delta")
SQL_FORMATS = ("table", "query")
_INLINE_OPTIONS: dict[str, tuple[Any, ...] | None] = {
    "store": ANY,
    "format": (*INLINE, *SQL_FORMATS),
    "fileSystem": ANY,
    "container": ANY,
    "folderPath": ANY,
    "fileName": ANY,
    "columnDelimiter": ANY,
    "rowDelimiter": ("\n", "\r\n", "\r", "\\n", "\\r\\n", "\\r"),
    "escapeChar": ANY,
    "quoteChar": ANY,
    "nullValue": ANY,
    "columnNamesAsHeader": FLAG,
    "encoding": ("UTF-8",),
    "encodingName": ("UTF-8",),
    "compressionType": ("snappy", "none"),
    "compressionCodec": ("snappy", "none"),
    "compressionLevel": ANY,
}
SOURCE = Kind(
    "source",
    "Source",
    (0, 0),
    lambda *_: None,
    {
        **_INLINE_OPTIONS,
        "allowSchemaDrift": FLAG,
        "validateSchema": FLAG,
        "inferDriftedColumnTypes": (False,),
        "ignoreNoFilesFound": FLAG,
        "wildcardPaths": ANY,
        "rowUrlColumn": ANY,
        "limit": ANY,
        "multiLineRow": FLAG,
        "purgeFiles": (False,),
        "enableCdc": (False,),
        "mode": ("read",),
        "isolationLevel": ANY,
        "singleDocument": FLAG,
        "documentForm": ("documentPerLine", "arrayOfDocuments", "singleDocument"),
        "versionAsOf": ANY,
        "timestampAsOf": ANY,
        "query": ANY,
        "batchSize": ANY,
        "staged": ANY,
        "partitionOption": ANY,
    },
    clauses=("output",),
)
SINK = Kind(
    "sink",
    "Sink",
    (1, 1),
    lambda *_: None,
    {
        **_INLINE_OPTIONS,
        "allowSchemaDrift": FLAG,
        "validateSchema": (False,),
        "skipDuplicateMapInputs": FLAG,
        "skipDuplicateMapOutputs": FLAG,
        "partitionFileNames": ANY,
        "truncate": FLAG,
        "deltaTruncate": FLAG,
        "overwrite": FLAG,
        "umask": ANY,
        "preCommands": ((),),
        "postCommands": ((),),
        "saveOrder": ANY,
        "insertable": FLAG,
        "updateable": FLAG,
        "upsertable": FLAG,
        "deletable": FLAG,
        "keys": ANY,
        "mergeSchema": FLAG,
        "autoCompact": FLAG,
        "optimizedWrite": FLAG,
        "vacuum": (0,),
        "errorHandlingOption": ("stopOnFirstError",),
        "quoteAll": FLAG,
        "recreate": FLAG,
        "preSQLs": ANY,
        "postSQLs": ((),),
        "batchSize": ANY,
        "staged": ANY,
        "allowCopyCommand": ANY,
        "stageInsert": ANY,
        "skipKeyWrites": (False,),
    },
    clauses=("input", "mapColumn"),
)


@dataclass(frozen=True)
class Store:
    """Where a stream's data lies. `local` gives the local path of a path below the container.

    `table` is that of a database, whose format is `sql`.
    """

    name: str
    format: str
    location: LakeFile
    local: Callable[[str], Path]
    dialect: Dialect
    codec: str = "snappy"
    table: SqlTable | None = None

    @property
    def path(self) -> str:
        """The folder or file, below the container."""
        return "/".join(part for part in (self.location.folder, self.location.file) if part)


def open_end(
    ctx: ActivityContext,
    flow: DataFlow,
    end: End,
    item: Transformation,
    scope: Scope,
    parameters: Mapping[str, Any],
) -> Store:
    """The store of a source or a sink. `parameters` are those of its dataset. Raises `UserError`."""
    if end.dataset is not None:
        reference = Reference(
            end.dataset.name, end.dataset.type, {**end.dataset.parameters, **parameters}, end.dataset.place
        )
        opened = open_dataset(ctx, reference, end.dataset.place)
        if isinstance(opened.location, SqlTable):
            nowhere = LakeFile("", "", "", None)
            return Store(item.name, "sql", nowhere, Path, Dialect(), table=opened.location)
        if opened.type not in FORMATS or not isinstance(opened.location, LakeFile):
            raise Unsupported(
                f"Data flows do not work on the {opened.type} dataset '{opened.name}' here",
                where=end.dataset.place,
                remedy=f"Supported: files of the lake as {', '.join(FORMATS)}.",
            )
        settings = opened.settings
        _not_compressed(settings, opened.place.at("typeProperties"))
        dialect, codec = Dialect(), "snappy"
        if isinstance(settings, DelimitedText):
            dialect = dialect_of(settings, opened.place.at("typeProperties"))
        elif isinstance(settings, Parquet):
            codec = text(settings.compression_codec).lower() or "snappy"
        else:
            assert isinstance(settings, Json)
        return Store(item.name, FORMATS[opened.type], opened.location, local_of(ctx, opened.location), dialect, codec)
    if end.linked_service is None:
        raise Unsupported(
            f"'{item.name}' has neither a dataset nor a linked service: cache sinks are not supported",
            where=flow.at(item.line),
        )
    return _inline(ctx, end.linked_service, item, scope)


def _not_compressed(settings: Settings, place: Place) -> None:
    """Parquet compresses inside of its files, others are read and written as they are."""
    key = "compressionCodec" if isinstance(settings, DelimitedText) else "compression"
    raw = getattr(settings, "compression_codec" if isinstance(settings, DelimitedText) else "compression", None)
    name = raw.get("type") if isinstance(raw, Mapping) else raw
    if text(name).lower() not in ("", "none"):
        raise Unsupported("Data flows do not work on compressed files here", where=place.at(key))


def _inline(ctx: ActivityContext, service: Reference, item: Transformation, scope: Scope) -> Store:
    options = _Options(item, scope)
    format = options.text("format")
    if format not in INLINE:
        raise ScriptError(f"The format '{format}' of '{item.name}' is not supported", item.line)
    location = inline_location(
        ctx,
        service,
        options.text("fileSystem") or options.text("container"),
        options.text("folderPath"),
        options.text("fileName"),
    )
    dialect = Dialect(
        options.text("columnDelimiter", ","),
        None,
        options.text("quoteChar", '"'),
        options.text("escapeChar", "\\"),
        first_row_as_header=options.text("columnNamesAsHeader").lower() == "true",
        null_value=options.text("nullValue"),
    )
    codec = options.text("compressionCodec", "snappy").lower()
    return Store(item.name, format, location, local_of(ctx, location), dialect, codec)


@dataclass(frozen=True)
class _Options:
    item: Transformation
    scope: Scope

    def text(self, name: str, default: str = "") -> str:
        node = self.item.option(name)
        return default if node is None else text(self.scope.constant(node))
