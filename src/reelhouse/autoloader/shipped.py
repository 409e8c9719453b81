"""The data source for executors that do not have this package: its code travels with the class.

The classes are made inside a function, so they are pickled as they are and not by name; everything else they need is in
a zip archive of this folder that they unpack where they run.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

_SHELL = ("batch.py", "cleaning.py", "discovery.py", "reader.py", "run.py", "schema_log.py", "shipped.py", "state.py")
"""What only runs beside the session, and needs more than executors have."""


def archive() -> bytes:
    """The code that reads files, as a zip archive that Python can import from; the same bytes for the same code."""
    here = Path(__file__).parent
    files = {f"reelhouse/autoloader/{path.name}": path for path in sorted(here.glob("*.py")) if path.name not in _SHELL}
    files["reelhouse/errors.py"] = here.parent / "errors.py"
    contents = {name: path.read_bytes() for name, path in files.items()}
    digest = hashlib.sha256(b"".join(name.encode() + text for name, text in contents.items())).hexdigest()
    contents["reelhouse/__init__.py"] = f'SHIPPED = "{digest}"\n'.encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in contents.items():
            packed.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def shipped_data_source(code: bytes) -> type[Any]:
    """A class with the behaviour of `source.FilesDataSource` that brings its code along."""

    def source() -> Any:
        import hashlib
        import importlib
        import os
        import sys
        import tempfile

        path = os.path.join(tempfile.gettempdir(), f"reelhouse-{hashlib.sha256(code).hexdigest()[:16]}.zip")
        if path not in sys.path:
            # A worker may have served a session with other code before.
            for name in [name for name in sys.modules if name == "reelhouse" or name.startswith("reelhouse.")]:
                del sys.modules[name]
            if not os.path.exists(path):
                handle, temporary = tempfile.mkstemp(suffix=".zip")
                with os.fdopen(handle, "wb") as file:
                    file.write(code)
                os.replace(temporary, path)
            sys.path[:] = [path, *(entry for entry in sys.path if not os.path.basename(entry).startswith("reelhouse-"))]
            importlib.invalidate_caches()
        return importlib.import_module("reelhouse.autoloader.source")

    class ShippedReader(DataSourceReader):  # type: ignore[misc]  # pyspark has no types here
        def __init__(self, request: str) -> None:
            self._request = request

        def partitions(self) -> Sequence[InputPartition]:
            return list(source().reader_of(self._request).partitions())

        def read(self, partition: InputPartition) -> Iterator[Any]:
            return iter(source().reader_of(self._request).read(partition))

    class ShippedFiles(DataSource):  # type: ignore[misc]  # pyspark has no types here
        @classmethod
        def name(cls) -> str:
            return "reelhouse_files"

        def schema(self) -> str:
            return str(source().schema_of(self.options["request"]))

        def reader(self, schema: Any) -> DataSourceReader:
            return ShippedReader(self.options["request"])

    return ShippedFiles
