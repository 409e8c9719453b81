"""Binary copies that unpack what they read, or pack what they write.

https://learn.microsoft.com/azure/data-factory/format-binary
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.activity.store import INTEGRATION_RUNTIME
from reelhouse.adf.dataset import LakeFile, OpenDataset
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.files import put_whole
from reelhouse.adf.movement.compression import ARCHIVES, EXTENSIONS, codec_of, packed, plain_name
from reelhouse.adf.movement.rows import Progress
from reelhouse.adf.movement.source_files import SourceFiles, open_source_files
from reelhouse.errors import Place, Unsupported

_CHUNK = 1 << 20


def is_packed(dataset: OpenDataset) -> bool:
    """Whether the files of a dataset are compressed."""
    return codec_of(dataset.settings, dataset.place.at("typeProperties"))[0] != "none"


def copy_packed(
    ctx: ActivityContext,
    raw: Mapping[str, Any],
    source: OpenDataset,
    sink: OpenDataset,
    behavior: str,
    verify: bool,
) -> dict[str, Any]:
    """Copy all files, each visible when whole; the activity's output comes back. Raises `ActivityFailed`."""
    target = sink.location
    assert isinstance(target, LakeFile)
    place = ctx.properties.at("source")
    codec, level = codec_of(sink.settings, sink.place.at("typeProperties"))
    if codec in ("Tar", "TarGzip"):
        raise Unsupported(f"Writing {codec} archives is not supported", where=sink.place.at("typeProperties"))
    if behavior == "MergeFiles":
        raise Unsupported("MergeFiles of compressed files is not supported", where=_place_of_behavior(ctx))
    clock = ctx.services.clock
    started = clock.monotonic()
    progress = Progress()
    files = open_source_files(ctx, raw, source, place)
    written = size = 0
    for file in files.open(progress):
        ctx.waiting().check()
        if target.file and written:
            raise ActivityFailed(
                "2200", f"Several files cannot be copied to the one file {target.url()}; leave its name empty"
            )
        path = _target(ctx, target, files, file.name, codec, behavior)
        size += _write(file.stream, path, codec, level)
        written += 1
    seconds = clock.monotonic() - started
    return {
        "dataRead": progress.data_read,
        "dataWritten": size,
        "filesRead": progress.files_read,
        "filesWritten": written,
        "sourcePeakConnections": 1,
        "sinkPeakConnections": 1,
        "copyDuration": round(seconds),
        "throughput": round(progress.data_read / 1024 / seconds, 3) if seconds > 0 else 0.0,
        "errors": [],
        "effectiveIntegrationRuntime": INTEGRATION_RUNTIME,
        "usedParallelCopies": 1,
        "dataConsistencyVerification": {"VerificationResult": "Unsupported" if verify else "NotVerified"},
    }


def _place_of_behavior(ctx: ActivityContext) -> Place:
    return ctx.properties.at("sink").at("storeSettings").at("copyBehavior")


def _write(stream: BinaryIO, path: Path, codec: str, level: int) -> int:
    with put_whole(path) as file:
        with packed(file, codec, level, path.name.removesuffix(EXTENSIONS.get(codec, ""))) as out:
            shutil.copyfileobj(stream, out, _CHUNK)
        return file.tell()


def _target(ctx: ActivityContext, target: LakeFile, files: SourceFiles, name: str, codec: str, behavior: str) -> Path:
    """Where a file goes: under its name, without the extension of what is unpacked, with that of what is packed."""
    if target.file:
        own = target.file
    else:
        own = name if files.codec in ARCHIVES else plain_name(name, files.codec)
        if behavior == "FlattenHierarchy":
            own = f"Data_{uuid.uuid4()}{PurePosixPath(own).suffix}"
        own += EXTENSIONS.get(codec, "")
    return Path(ctx.services.lake.local(target.url(f"{target.folder}/{own}" if target.folder else own)))
