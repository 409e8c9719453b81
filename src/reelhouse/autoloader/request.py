"""What a data source is asked to read, as plain data that travels in one option of a plan."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from reelhouse.errors import Place, UserError

_COMPRESS_ABOVE = 8 << 10


@dataclass(frozen=True)
class FileEntry:
    """A file to read: its local path, size and time of change; `url` is the address a reader of rows is told."""

    path: str
    size: int
    modified_ms: int
    url: str = ""
    partition: Mapping[str, str | None] = field(default_factory=dict)
    """Values of the partition columns, read off the folders' names."""

    @property
    def address(self) -> str:
        return self.url or self.path


@contextmanager
def blamed_on(file: FileEntry) -> Iterator[None]:
    """Within this an error of the user's names the file by the address that the user knows."""
    try:
        yield
    except UserError as error:
        raise type(error)(error.what, where=error.where or Place(file.address), remedy=error.remedy) from None


@dataclass(frozen=True)
class Column:
    """A column of data, with its type as DDL and whether it is one of the folders' names."""

    name: str
    type: str = "string"
    partition: bool = False


@dataclass(frozen=True)
class Request:
    """Which files to read, how, and into which columns."""

    files: tuple[FileEntry, ...]
    format: str
    options: Mapping[str, str]
    columns: tuple[Column, ...]
    rescued: str | None = None
    """Name of the rescued data column; None leaves unexpected data out."""
    corrupt: str | None = None
    """Name of the column for the raw text of malformed records."""
    metadata: bool = False
    by_name: bool = True
    """Whether a CSV header says which column is which (Auto Loader), or the position does (a plain Spark read)."""
    parallel: int = 2
    session_time_zone: str = "UTC"

    def encode(self) -> str:
        """The request as text; large ones are compressed."""
        document = {
            **{name: getattr(self, name) for name in _PLAIN},
            "options": dict(self.options),
            "columns": [[column.name, column.type, column.partition] for column in self.columns],
            "files": [[file.path, file.size, file.modified_ms, file.url, dict(file.partition)] for file in self.files],
        }
        text = json.dumps(document, separators=(",", ":"))
        return text if len(text) < _COMPRESS_ABOVE else "z" + base64.b64encode(zlib.compress(text.encode(), 3)).decode()


_PLAIN = ("format", "rescued", "corrupt", "metadata", "by_name", "parallel", "session_time_zone")


def decode(text: str) -> Request:
    """The request that `Request.encode` wrote."""
    if text.startswith("z"):
        text = zlib.decompress(base64.b64decode(text[1:])).decode()
    document = json.loads(text)
    return Request(
        files=tuple(FileEntry(*entry) for entry in document["files"]),
        columns=tuple(Column(*column) for column in document["columns"]),
        options=document["options"],
        **{name: document[name] for name in _PLAIN},
    )
