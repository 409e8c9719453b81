"""Where rows become files: which file a row goes to, and that all files appear together.

https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage#azure-data-lake-storage-gen2-as-a-sink-type
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from reelhouse.adf.activity.context import ActivityContext, as_boolean, as_integer, wrong
from reelhouse.adf.activity.store import lake_location
from reelhouse.adf.dataset import LakeFile, OpenDataset
from reelhouse.adf.delimited import dialect_of, encoding_named
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import PutTogether, remove_leftovers
from reelhouse.adf.movement.compression import EXTENSIONS, codec_of, packed
from reelhouse.adf.movement.files_check import check_file_sink
from reelhouse.adf.movement.formats.writers import JsonWriter, ParquetFileWriter, TextWriter, Writer
from reelhouse.adf.movement.rows import Documents, RowStream, Written
from reelhouse.adf.settings.files import Avro, DelimitedText, Json, Parquet
from reelhouse.errors import Place, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

BEHAVIORS = ("PreserveHierarchy", "FlattenHierarchy", "MergeFiles")
PARQUET_CODECS = ("none", "snappy", "gzip")
LEFTOVER_AGE_SECONDS = 24 * 3600
_CHUNK = 5_000
_CHUNK_BYTES = 8 << 20
"""Documents may be large, such as the pages of an API: no more than that is read ahead of what is written."""
Make = Callable[[BinaryIO, Any], Writer]


@dataclass(frozen=True)
class FilePlan:
    """Which files a sink makes. `extension` has a dot, and that of the compression behind it."""

    folder: Path
    file: str | None
    behavior: str
    extension: str
    max_rows: int | None = None
    prefix: str | None = None
    codec: str = "none"
    level: int = 6


def open_file_sink(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> FileRows:
    """The sink of a dataset in the lake. Nothing is written yet. Raises `UserError`, `ActivityFailed`."""
    location = lake_location(dataset, "Writing", ctx.activity.place.at("outputs"))
    value = ctx.value(dict(raw), "sink")
    findings: list[Any] = []
    check_file_sink(value, place, findings)
    if findings:
        raise findings[0].error()
    formats = value.get("formatSettings") or {}
    make, extension = _format(ctx, dataset, formats, place)
    behavior = text((value.get("storeSettings") or {}).get("copyBehavior")) or "PreserveHierarchy"
    if behavior not in BEHAVIORS:
        raise wrong(ctx, f"'{behavior}' is no copyBehavior. Known: {', '.join(BEHAVIORS)}.", "sink", "storeSettings")
    codec, level = codec_of(dataset.settings, dataset.place.at("typeProperties"))
    if codec in ("Tar", "TarGzip"):
        raise Unsupported(f"Writing {codec} archives is not supported", where=dataset.place.at("typeProperties"))
    most = formats.get("maxRowsPerFile")
    if most is not None and location.file:
        raise wrong(ctx, "With maxRowsPerFile the dataset names a folder, no file", "sink", "formatSettings")
    plan = FilePlan(
        _folder(ctx, location),
        location.file,
        behavior,
        extension + EXTENSIONS.get(codec, ""),
        None if most is None else as_integer(ctx, most, "maxRowsPerFile", least=1),
        text(formats.get("fileNamePrefix")) or None,
        codec,
        level,
    )
    remove_leftovers(plan.folder, LEFTOVER_AGE_SECONDS, ctx.services.clock.now())
    return JsonRows(plan, make) if dataset.type == "Json" else FileRows(plan, make)


def _folder(ctx: ActivityContext, location: LakeFile) -> Path:
    return Path(ctx.services.lake.local(location.url(location.folder)))


def _format(ctx: ActivityContext, dataset: OpenDataset, formats: Mapping[str, Any], place: Place) -> tuple[Make, str]:
    """What makes the writer of a file, and the extension of its name."""
    settings, spot = dataset.settings, dataset.place.at("typeProperties")
    if isinstance(settings, DelimitedText):
        dialect = dialect_of(settings, spot)
        quote_all = as_boolean(ctx, formats.get("quoteAllText", False), "quoteAllText")
        extension = text(formats.get("fileExtension"))
        extension = extension if not extension or extension.startswith(".") else f".{extension}"
        return lambda file, schema: TextWriter(file, schema, dialect, quote_all), extension or ".txt"
    if isinstance(settings, Json):
        encoding = encoding_named(text(settings.encoding_name), spot.at("encodingName"))
        as_array = text(formats.get("filePattern")) == "arrayOfObjects"
        return lambda file, schema: JsonWriter(file, encoding, as_array), ".json"
    if isinstance(settings, Avro):
        from reelhouse.adf.movement.formats.avro import CODECS, AvroWriter

        codec = text(settings.avro_compression_codec).lower() or "none"
        if codec not in CODECS:
            raise Unsupported(
                f"The compression '{codec}' of Avro is not supported",
                where=spot.at("avroCompressionCodec"),
                remedy=f"Supported: {', '.join(CODECS)}.",
            )
        name, space = text(formats.get("recordName")) or "Record", text(formats.get("recordNamespace")) or None
        return lambda file, schema: AvroWriter(file, schema, codec, name, space), ".avro"
    assert isinstance(settings, Parquet)
    codec = text(settings.compression_codec).lower() or "snappy"
    if codec not in PARQUET_CODECS:
        raise Unsupported(
            f"The compression '{codec}' of Parquet is not supported",
            where=spot.at("compressionCodec"),
            remedy=f"Supported: {', '.join(PARQUET_CODECS)}.",
        )
    return lambda file, schema: ParquetFileWriter(file, schema, codec), ".parquet"


@dataclass
class _Open:
    """A file that is being written, for the rows of `source`."""

    writer: Writer
    schema: pa.Schema
    source: str | None
    close: Callable[[], None]
    rows: int = 0


@dataclass
class FileRows:
    """A sink of files."""

    plan: FilePlan
    make: Make
    _number: int = field(default=0, init=False)
    _files: int = field(default=0, init=False)
    _open: _Open | None = field(default=None, init=False)

    def schema(self) -> pa.Schema | None:
        """Files take what comes."""
        return None

    def write(self, stream: RowStream) -> Written:
        """All rows. Files appear when the last one is whole. Raises `ActivityFailed`."""
        rows = 0
        together = PutTogether()
        try:
            for batch in stream.batches:
                if batch.num_columns:
                    rows += batch.num_rows
                    self._take(together, batch, stream.progress.file)
            if not self._files and stream.progress.file is None and len(stream.schema):
                # A table without rows gives a file without rows; no file gives none.
                self._switch(together, stream.schema, None)
            self._finish()
            return Written(rows, together.commit(), self._files)
        finally:
            self._drop()
            together.abort()

    def _take(self, together: PutTogether, batch: pa.RecordBatch, source: str | None) -> None:
        most = self.plan.max_rows
        if self._open is None or self._is_other(source):
            self._switch(together, batch.schema, source)
        assert self._open is not None
        position = 0
        while True:
            if most is not None and self._open.rows >= most and position < batch.num_rows:
                self._switch(together, batch.schema, source)
            room = batch.num_rows - position if most is None else most - self._open.rows
            part = batch.slice(position, room)
            self._open.writer.write(_fitting(part, self._open.schema, source))
            self._open.rows += part.num_rows
            position += part.num_rows
            if position >= batch.num_rows:
                return

    def _is_other(self, source: str | None) -> bool:
        """Whether the rows of this file go to another file than those of before."""
        assert self._open is not None
        if source == self._open.source or self.plan.behavior == "MergeFiles" or self.plan.max_rows is not None:
            return False
        if self.plan.file:
            raise ActivityFailed(
                "2200",
                "ErrorCode=UserErrorInvalidCopyBehaviorBlobNameNotAllowedWithPreserveOrFlattenHierarchy,Several files "
                f"cannot be copied to the one file '{self.plan.file}'; leave its name empty or use MergeFiles",
            )
        return True

    def _switch(self, together: PutTogether, schema: pa.Schema, source: str | None) -> None:
        self._finish()
        path = self.plan.folder / self._name(source)
        file = together.create(path)
        inner = path.name.removesuffix(EXTENSIONS.get(self.plan.codec, ""))
        packing: AbstractContextManager[BinaryIO] = packed(file, self.plan.codec, self.plan.level, inner)
        stream = packing.__enter__()

        def close() -> None:
            packing.__exit__(None, None, None)
            file.close()

        try:
            self._open = _Open(self.make(stream, schema), schema, source, close)
        except BaseException:
            file.close()
            raise
        self._files += 1

    def _finish(self) -> None:
        if self._open is not None:
            self._open.writer.close()
            self._open.close()
            self._open = None

    def _drop(self) -> None:
        """Close a file that is not to be shown; what closing it says is of no interest."""
        if self._open is not None:
            with contextlib.suppress(Exception):
                self._open.writer.close()
            with contextlib.suppress(Exception):
                self._open.close()
            self._open = None

    def _name(self, source: str | None) -> str:
        plan = self.plan
        if plan.max_rows is not None:
            number, self._number = self._number, self._number + 1
            stem = plan.prefix or (PurePosixPath(source).stem if source else f"Data_{uuid.uuid4()}")
            return f"{stem}_{number:05d}{plan.extension}"
        if plan.file:
            return plan.file
        if source is None or plan.behavior != "PreserveHierarchy":
            return f"Data_{uuid.uuid4()}{plan.extension}"
        path = PurePosixPath(source)
        name = path.name
        while PurePosixPath(name).suffix in (".gz", ".bz2", ".deflate", ".zip"):
            name = PurePosixPath(name).stem
        stem = PurePosixPath(name).stem
        return (path.parent / f"{stem}{plan.extension}").as_posix()


class JsonRows(FileRows):
    """A sink of JSON files, which takes documents as they are."""

    def write_documents(self, documents: Documents) -> Written:
        """All documents, nested ones too. Files appear when the last one is whole. Raises `ActivityFailed`."""
        rows = 0
        together = PutTogether()
        try:
            for source, chunk in _chunks(documents):
                if self._open is None or self._is_other(source):
                    self._switch(together, None, source)
                assert self._open is not None and isinstance(self._open.writer, JsonWriter)
                self._open.writer.write_objects(chunk)
                rows += len(chunk)
                documents.progress.rows_read += len(chunk)
            self._finish()
            return Written(rows, together.commit(), self._files)
        finally:
            self._drop()
            together.abort()


def _chunks(documents: Documents) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    """The documents by thousands, those of one file together."""
    held: list[dict[str, Any]] = []
    source: str | None = None
    start = 0
    for document in documents.items:
        full = len(held) >= _CHUNK or documents.progress.data_read - start > _CHUNK_BYTES
        if held and (documents.progress.file != source or full):
            yield source, held
            held = []
        if not held:
            start = documents.progress.data_read
        source = documents.progress.file
        held.append(document)
    if held:
        yield source, held


def _fitting(batch: pa.RecordBatch, schema: pa.Schema, source: str | None) -> pa.RecordBatch:
    """A batch of a file whose columns are those of before, by name."""
    import pyarrow as pa

    if batch.schema.equals(schema):
        return batch
    if set(batch.schema.names) != set(schema.names):
        raise ActivityFailed(
            "2200",
            f"ErrorCode=UserErrorSchemaMismatch,{source} has the columns {', '.join(batch.schema.names)}, "
            f"the files before have {', '.join(schema.names)}; name them in a mapping",
        )
    return pa.record_batch([batch.column(field.name).cast(field.type) for field in schema], schema=schema)
