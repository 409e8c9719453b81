"""Opens sources of files by the type of their dataset.

https://learn.microsoft.com/azure/data-factory/supported-file-formats-and-compression-codecs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, as_boolean, wrong
from reelhouse.adf.activity.store import lines_to_skip
from reelhouse.adf.dataset import OpenDataset
from reelhouse.adf.delimited import dialect_of
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked
from reelhouse.adf.movement.formats.json_reader import read_json
from reelhouse.adf.movement.formats.xml_reader import XmlRules, read_xml
from reelhouse.adf.movement.rows import Documents, LaterBadRows, NoBadRows, Progress, RowStream
from reelhouse.adf.movement.source_files import SourceFile, SourceFiles, open_source_files
from reelhouse.adf.settings.files import DelimitedText, Excel, Xml, XmlReadSettings
from reelhouse.errors import Place, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

FILE_PATH = "$$FILEPATH"
COLUMN = "$$COLUMN:"
_PARQUET_ROWS = 65_536


def open_file_source(
    ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place
) -> RowStream | Documents:
    """The rows or documents of files. The first file is looked at, for its columns."""
    files = open_source_files(ctx, raw, dataset, place)
    later = LaterBadRows()
    progress = Progress()
    if dataset.type in ("Json", "Xml"):
        return Documents(_documents(ctx, raw, files, progress, place), progress)
    progress.bad = later
    batches = _batches(ctx, raw, files, progress)
    # One batch is read ahead, for its schema; who reads the stream finds its file's name with it.
    first = next(batches, None)
    if first is None:
        import pyarrow as pa

        return RowStream(pa.schema([]), iter(()), progress)
    name = progress.file

    def again() -> Iterator[pa.RecordBatch]:
        if progress.bad is later:
            progress.bad = NoBadRows()
        later.tell(progress.bad)
        ahead, progress.file = progress.file, name
        yield first
        progress.file = ahead
        yield from batches

    return RowStream(first.schema, again(), progress)


def _batches(
    ctx: ActivityContext, raw: Mapping[str, Any], files: SourceFiles, progress: Progress
) -> Iterator[pa.RecordBatch]:
    settings, place = files.dataset.settings, files.dataset.place.at("typeProperties")
    skip = 0
    if isinstance(settings, DelimitedText):
        skip = lines_to_skip(ctx, _skipping(raw), "source", "formatSettings")
    for file in files.open(progress):
        if isinstance(settings, DelimitedText):
            from reelhouse.adf.movement.formats.text_reader import read_text

            found = read_text(file.stream, file.path, dialect_of(settings, place, skip), progress)
        elif isinstance(settings, Excel):
            from reelhouse.adf.movement.formats.excel_reader import read_excel

            found = read_excel(file.stream, settings, progress)
        elif files.dataset.type == "Avro":
            from reelhouse.adf.movement.formats.avro import read_avro

            found = read_avro(file.stream, progress)
        else:
            found = _parquet(file, progress)
        for batch in found:
            ctx.waiting().check()
            yield _with_columns(batch, file, files.columns)


def _skipping(raw: Mapping[str, Any]) -> Any:
    """The format settings without what is about compression."""
    formats = raw.get("formatSettings")
    if not isinstance(formats, Mapping):
        return formats
    return {key: value for key, value in formats.items() if key != "compressionProperties"}


def _parquet(file: SourceFile, progress: Progress) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        reader = pq.ParquetFile(file.path or file.stream)
        schema = reader.schema_arrow.remove_metadata()
        seen = False
        for batch in reader.iter_batches(batch_size=_PARQUET_ROWS):
            seen = True
            progress.rows_read += batch.num_rows
            yield pa.record_batch(batch.columns, schema=schema)
        if not seen:
            yield pa.RecordBatch.from_pylist([], schema=schema)
    except pa.ArrowInvalid as error:
        raise ActivityFailed(
            "2200", f"ErrorCode=ParquetInvalidFile,{progress.file} is no Parquet file: {error}"
        ) from error


def _with_columns(batch: pa.RecordBatch, file: SourceFile, columns: Mapping[str, str]) -> pa.RecordBatch:
    """The batch with the columns that its path and the activity give."""
    import pyarrow as pa

    if not batch.num_columns:
        return batch
    for name, value in (*file.partitions.items(), *columns.items()):
        if name in batch.schema.names:
            raise ActivityFailed("2200", f"ErrorCode=UserErrorInvalidColumnName,There is a column '{name}' already")
        if value.startswith(COLUMN):
            source = value.removeprefix(COLUMN)
            if source not in batch.schema.names:
                raise ActivityFailed(
                    "2200", f"ErrorCode=UserErrorInvalidColumnName,The source has no column '{source}'"
                )
            values = batch.column(batch.schema.names.index(source))
        else:
            values = pa.repeat(pa.scalar(file.name if value == FILE_PATH else value, pa.string()), batch.num_rows)
        batch = batch.append_column(name, values)
    return batch


def _documents(
    ctx: ActivityContext, raw: Mapping[str, Any], files: SourceFiles, progress: Progress, place: Place
) -> Iterator[dict[str, Any]]:
    settings = files.dataset.settings
    rules = _xml_rules(ctx, raw, settings, place) if isinstance(settings, Xml) else None
    encoding = text(getattr(settings, "encoding_name", None))
    for file in files.open(progress):
        if rules is not None:
            found = read_xml(file.stream, rules, file.name)
        else:
            found = read_json(file.stream, encoding, file.name)
        for number, document in enumerate(found):
            if number % 1000 == 0:
                ctx.waiting().check()
            for name, value in (*file.partitions.items(), *files.columns.items()):
                if value.startswith(COLUMN):
                    document[name] = document.get(value.removeprefix(COLUMN))
                else:
                    document[name] = file.name if value == FILE_PATH else value
            yield document


def _xml_rules(ctx: ActivityContext, raw: Mapping[str, Any], dataset: Xml, place: Place) -> XmlRules:
    spot = place.at("formatSettings")
    findings: list[Finding] = []
    formats = ctx.value(raw.get("formatSettings") or {"type": "XmlReadSettings"}, "source", "formatSettings")
    settings = checked(XmlReadSettings, formats, spot, "Format settings (XmlReadSettings)", findings)
    if settings is None:
        raise findings[0].error()
    if text(settings.validation_mode).lower() not in ("", "none"):
        raise Unsupported(
            f"validationMode '{text(settings.validation_mode)}' is not supported",
            where=spot.at("validationMode"),
            remedy="Supported: none.",
        )
    prefixes = settings.namespace_prefixes or {}
    if not isinstance(prefixes, Mapping):
        raise wrong(ctx, "namespacePrefixes is an object of namespaces and their prefixes", "source", "formatSettings")
    return XmlRules(
        as_boolean(ctx, settings.detect_data_type, "detectDataType"),
        as_boolean(ctx, settings.namespaces, "namespaces"),
        {str(uri): text(prefix) for uri, prefix in prefixes.items()},
        text(dataset.null_value),
    )
