"""The files of a source of rows, one after another, unpacked, with the columns that their paths give.

https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage#partition-discovery
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from reelhouse.adf.activity.context import ActivityContext, as_boolean
from reelhouse.adf.activity.store import evaluated_read_settings, file_filter, http_request, http_source, local_of
from reelhouse.adf.dataset import HttpFile, LakeFile, OpenDataset
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import find_files
from reelhouse.adf.finding import Finding, checked
from reelhouse.adf.http import download
from reelhouse.adf.movement.compression import ARCHIVES, codec_of, entries
from reelhouse.adf.movement.rows import Progress
from reelhouse.adf.settings import ReadSettings
from reelhouse.adf.settings.files import AzureBlobFSReadSettings, CompressionReadSettings
from reelhouse.errors import Place, Unsupported


@dataclass(frozen=True)
class SourceFile:
    """One file to read. `path` is its local path when it is no stream that is unpacked or comes over HTTP."""

    name: str
    stream: BinaryIO
    path: Path | None
    partitions: Mapping[str, str]


@dataclass(frozen=True)
class SourceFiles:
    """What a source reads. `columns` are its additional columns, evaluated."""

    ctx: ActivityContext
    dataset: OpenDataset
    store: ReadSettings | None
    codec: str = "none"
    keeps_archive_name: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)

    def open(self, progress: Progress) -> Iterator[SourceFile]:
        """All files. Each is closed when the next is asked for. Raises `ActivityFailed` for one that is missing."""
        if isinstance(self.dataset.location, HttpFile):
            with tempfile.TemporaryFile() as spool:
                request = http_request(self.ctx, self.dataset.location, self.store)
                progress.data_read += download(http_source(self.ctx), request, spool, self.ctx.waiting())
                spool.seek(0)
                progress.files_read += 1
                yield from self._unpacked(self.dataset.location.file or "Data", spool, None, {}, progress)
            return
        root, base, files = self._found()
        for path in files:
            self.ctx.waiting().check()
            if not path.is_file():
                where = self.ctx.services.lake.url(str(path))
                raise ActivityFailed("2200", f"ErrorCode=UserErrorSourceBlobNotExist,The file {where} does not exist")
            with ExitStack() as stack:
                file = stack.enter_context(path.open("rb"))
                progress.data_read += path.stat().st_size
                progress.files_read += 1
                name = path.relative_to(base).as_posix()
                local = path if self.codec == "none" else None
                yield from self._unpacked(name, file, local, _partitions(path, root), progress)

    def _found(self) -> tuple[Path | None, Path, list[Path]]:
        location = self.dataset.location
        assert isinstance(location, LakeFile)
        chosen = file_filter(self.ctx, self.store, location, recursive=True, partitions=True)
        base, files = find_files(local_of(self.ctx, location), location.folder, location.file, chosen)
        root = None
        store = self.store
        if isinstance(store, AzureBlobFSReadSettings) and as_boolean(
            self.ctx, store.enable_partition_discovery, "enablePartitionDiscovery"
        ):
            given = text(store.partition_root_path).strip("/")
            root = local_of(self.ctx, location)(given) if given else base
        return root, base, files

    def _unpacked(
        self, name: str, file: BinaryIO, path: Path | None, partitions: Mapping[str, str], progress: Progress
    ) -> Iterator[SourceFile]:
        try:
            for inner, stream in entries(file, self.codec):
                own = name if inner is None else self._entry_name(name, inner)
                progress.file = own
                yield SourceFile(own, stream, path, partitions)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            if self.codec == "none":
                raise
            raise ActivityFailed(
                "2200", f"ErrorCode=UserErrorUnzipInvalidFile,{name} is not unpacked as {self.codec}: {error}"
            ) from error

    def _entry_name(self, archive: str, inner: str) -> str:
        if self.keeps_archive_name:
            return f"{archive}/{inner}"
        return (PurePosixPath(archive).parent / inner).as_posix()


def _partitions(path: Path, root: Path | None) -> dict[str, str]:
    if root is None or not path.is_relative_to(root):
        return {}
    pairs = [part.partition("=") for part in path.relative_to(root).parts[:-1]]
    return {name: value for name, equals, value in pairs if equals and name}


def open_source_files(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> SourceFiles:
    """What the raw settings of a source say about its files. Raises `UserError`."""
    store = evaluated_read_settings(ctx, raw.get("storeSettings"), "source", "storeSettings")
    if isinstance(store, AzureBlobFSReadSettings) and as_boolean(
        ctx, store.delete_files_after_completion, "deleteFilesAfterCompletion"
    ):
        raise Unsupported(
            "deleteFilesAfterCompletion is for binary copies",
            where=place.at("storeSettings").at("deleteFilesAfterCompletion"),
        )
    codec, _ = codec_of(dataset.settings, dataset.place.at("typeProperties"))
    keeps = True
    formats = ctx.value(raw.get("formatSettings"), "source", "formatSettings")
    if isinstance(formats, Mapping) and formats.get("compressionProperties") is not None and codec in ARCHIVES:
        keeps = keeps_archive_name(ctx, formats["compressionProperties"], place.at("formatSettings"))
    columns = {}
    for item in ctx.value(raw.get("additionalColumns"), "source", "additionalColumns") or []:
        columns[text(item.get("name"))] = text(item.get("value"))
    return SourceFiles(ctx, dataset, store, codec, keeps, columns)


def keeps_archive_name(ctx: ActivityContext, raw: Any, place: Place) -> bool:
    """Whether the files of an archive go into a folder of its name. Raises `UserError`."""
    findings: list[Finding] = []
    spot = place.at("compressionProperties")
    settings = checked(CompressionReadSettings, raw, spot, "Compression properties", findings)
    if settings is None:
        raise findings[0].error()
    given = settings.preserve_zip_file_name_as_folder
    if given is None:
        given = settings.preserve_compression_file_name_as_folder
    return True if given is None else as_boolean(ctx, given, "preserveCompressionFileNameAsFolder")
