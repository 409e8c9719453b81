"""The file formats: rows of text by the file's own column names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelhouse.autoloader import columnar, csv, json
from reelhouse.autoloader.arrow import read_binary
from reelhouse.autoloader.csv_lines import Span
from reelhouse.autoloader.dialect import boolean, dialect
from reelhouse.autoloader.request import FileEntry, Request
from reelhouse.autoloader.shape import Rows
from reelhouse.autoloader.text import read_text
from reelhouse.errors import Unsupported

SUPPORTED = ("csv", "json", "text", "parquet", "orc", "avro", "binaryFile")


def read(request: Request, file: FileEntry, span: tuple[int, int]) -> Iterator[Rows]:
    """The rows of a file, or of a part of it, some thousands at a time."""
    if request.format == "csv":
        return _csv(request, file, span)
    if request.format == "json":
        return _json(request, file)
    if request.format == "text":
        return _text(request, file)
    if request.format in columnar.FORMATS:
        return _columnar(request, file)
    if request.format == "binaryfile":
        batch = read_binary(file.path, file.address, file.modified_ms)
        return iter([Rows(batch.schema.names, batch.columns, batch.num_rows, typed=True)])
    raise unknown_format(request.format)


def can_split(request: Request, file: FileEntry) -> bool:
    """Whether parts of the file can be read on their own."""
    return request.format == "csv" and csv.can_split(file.path, dialect(request.options))


def unknown_format(name: str) -> Unsupported:
    """The refusal of a file format."""
    return Unsupported(f"File format '{name}'", remedy=f"Supported: {', '.join(SUPPORTED)}.")


def _csv(request: Request, file: FileEntry, span: tuple[int, int]) -> Iterator[Rows]:
    how = dialect(request.options)
    names = csv.read_header(file.path, how)
    if not names:
        return
    width = len(names)
    if not request.by_name:
        names = [column.name for column in request.columns if not column.partition]
        width = len(names)
    elif not how.header:
        names = _by_place(names, request)
    part = None if span == (0, file.size) else Span(*span)
    for block in csv.read_blocks(file.path, how, width, part):
        yield Rows(names, block.columns, block.rows, block.corrupt, block.raws)


def _by_place(names: Sequence[str], request: Request) -> list[str]:
    """The names of columns without header: the schema's by position, unless that numbers them as the file does."""
    known = [column.name for column in request.columns if not column.partition]
    return list(names) if "_c0" in known else [*known, *names[len(known) :]][: len(names)]


def _json(request: Request, file: FileEntry) -> Iterator[Rows]:
    kinds = {column.name: column.type.lower() for column in request.columns if not column.partition}
    return json.read_json(file.path, dialect(request.options), kinds, quick=request.rescued is None)


def _columnar(request: Request, file: FileEntry) -> Iterator[Rows]:
    names = None if request.rescued else [column.name for column in request.columns]
    for batch in columnar.read(request.format, file.path, names):
        yield Rows(batch.schema.names, batch.columns, batch.num_rows, typed=True)


def _text(request: Request, file: FileEntry) -> Iterator[Rows]:
    given = {name.lower(): value for name, value in request.options.items()}
    encoding = dialect(request.options).encoding
    for lines in read_text(
        file.path,
        whole=boolean(given, "wholetext", False),
        line_separator=given.get("linesep", ""),
        encoding=encoding,
    ):
        yield Rows(["value"], [lines], len(lines))
