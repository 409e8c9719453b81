"""Copy of files as bytes: HTTP to the lake, and within the lake.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview and
https://learn.microsoft.com/azure/data-factory/format-binary
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, wrong
from reelhouse.adf.activity.copy_packed import copy_packed, is_packed
from reelhouse.adf.activity.copy_rows import check_copy_rows, prepare_copy_rows
from reelhouse.adf.activity.store import (
    INTEGRATION_RUNTIME,
    evaluated_read_settings,
    file_filter,
    http_request,
    http_source,
    lake_location,
    local_of,
)
from reelhouse.adf.dataset import HttpFile, LakeFile, OpenDataset, open_dataset
from reelhouse.adf.errors import SYSTEM_ERROR, ActivityFailed
from reelhouse.adf.expression.evaluate import is_expression
from reelhouse.adf.expression.values import text
from reelhouse.adf.files import FileFilter, content_md5, copy_whole, find_files, put_whole, remove_leftovers
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.http import download
from reelhouse.adf.movement.faults import Faults, check_faults, open_faults
from reelhouse.adf.movement.files_check import check_unpacking, check_write_settings
from reelhouse.adf.settings import AzureBlobFSReadSettings, BinarySink, BinarySource, Copy, ReadSettings
from reelhouse.adf.settings.files import SkipErrorFile
from reelhouse.errors import Place, Unsupported
from reelhouse.lineage.event import Dataset, LineageEvent

BEHAVIORS = ("PreserveHierarchy", "FlattenHierarchy", "MergeFiles")
LEFTOVER_AGE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class _Transfer:
    """One file to bring to `target`: from the lake (`path`), or from a URL when `path` is None."""

    source: str
    path: Path | None
    target: Path


def check_copy(settings: Copy, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a Copy before it runs: its kinds, and properties that are not supported."""
    if settings.enable_staging not in (False, None, "false"):
        findings.append(problem(place.at("enableStaging"), "'enableStaging' of Copy is not supported"))
    if settings.source.get("type") != "BinarySource" and settings.sink.get("type") != "BinarySink":
        check_copy_rows(settings, place, findings)
    else:
        _check_binary(settings, place, findings)


def _check_binary(settings: Copy, place: Place, findings: list[Finding]) -> None:
    for name, key in (
        ("enableSkipIncompatibleRow", "enable_skip_incompatible_row"),
        ("translator", "translator"),
        ("redirectIncompatibleRowSettings", "redirect_incompatible_row_settings"),
    ):
        if getattr(settings, key) not in (None, False, "false", {}):
            findings.append(problem(place.at(name), f"'{name}' is for copies of rows, this one is binary"))
    for name, key in (
        ("preserve", "preserve"),
        ("preserveRules", "preserve_rules"),
    ):
        if getattr(settings, key) not in (None, [], {}):
            findings.append(problem(place.at(name), f"'{name}' of a binary Copy is not supported"))
    check_faults(settings, place, findings)
    if isinstance(settings.skip_error_file, Mapping) and not is_expression(settings.skip_error_file):
        checked(SkipErrorFile, settings.skip_error_file, place.at("skipErrorFile"), "'skipErrorFile'", findings)
    kinds = (settings.source.get("type"), settings.sink.get("type"))
    if kinds != ("BinarySource", "BinarySink"):
        what = f"Copy from {kinds[0]} to {kinds[1]} is not supported"
        findings.append(problem(place, what, "A BinarySource needs a BinarySink."))
        return
    source = checked(BinarySource, settings.source, place.at("source"), "A BinarySource", findings)
    sink = checked(BinarySink, settings.sink, place.at("sink"), "A BinarySink", findings)
    unpack = source.format_settings.get("compressionProperties") if source and source.format_settings else None
    if isinstance(unpack, Mapping):
        check_unpacking(unpack, place.at("source").at("formatSettings").at("compressionProperties"), findings)
    if sink is not None and sink.store_settings is not None:
        check_write_settings(sink.store_settings, place.at("sink").at("storeSettings"), findings)


def prepare_copy(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Copy)
    findings: list[Finding] = []
    check_copy(settings, ctx.properties, findings)
    if findings:
        raise findings[0].error()
    if settings.source.get("type") != "BinarySource":
        return prepare_copy_rows(ctx)
    source = _only(ctx, "inputs")
    sink = _only(ctx, "outputs")
    target = lake_location(sink, "Writing", ctx.activity.place.at("outputs"))
    store = evaluated_read_settings(ctx, settings.source.get("storeSettings"), "source", "storeSettings")
    sink_store = ctx.value(settings.sink.get("storeSettings") or {}, "sink", "storeSettings")
    behavior = text(sink_store.get("copyBehavior")) or "PreserveHierarchy"
    if behavior not in BEHAVIORS:
        raise wrong(ctx, f"'{behavior}' is no copyBehavior. Known: {', '.join(BEHAVIORS)}.", "sink", "storeSettings")
    verify = as_boolean(ctx, ctx.value(settings.validate_data_consistency), "validateDataConsistency")
    chosen = file_filter(ctx, store, source.location, recursive=True) if isinstance(source.location, LakeFile) else None
    shown = {
        "source": source.location.url() if isinstance(source.location, LakeFile) else source.location.url,
        "sink": target.url(),
        "copyBehavior": behavior,
    }
    skips = _skips(ctx, settings.skip_error_file)
    if is_packed(source) or is_packed(sink):
        for name, raw in (("skipErrorFile", settings.skip_error_file), ("logSettings", settings.log_settings)):
            if raw:
                what = f"'{name}' of a copy of compressed files is not supported"
                raise Unsupported(what, where=ctx.properties.at(name))
        return Work(shown, lambda: copy_packed(ctx, settings.source, source, sink, behavior, verify))

    def act() -> dict[str, Any]:
        with open_faults(ctx, settings) as faults:
            return _copy(ctx, source, chosen, store, target, behavior, verify, skips, faults)

    return Work(shown, act)


def _only(ctx: ActivityContext, key: str) -> OpenDataset:
    references = ctx.activity.inputs if key == "inputs" else ctx.activity.outputs
    place = ctx.activity.place.at(key)
    if len(references) != 1:
        raise ActivityFailed(
            "InvalidTemplate", f"Copy has exactly one dataset in its {key}, not {len(references)} ({place})"
        )
    dataset = open_dataset(ctx, references[0], place.at(0))
    if dataset.type != "Binary":
        raise Unsupported(
            f"A binary Copy of a {dataset.type} dataset is not supported",
            where=place.at(0),
            remedy="Supported: Binary.",
        )
    return dataset


def _copy(
    ctx: ActivityContext,
    source: OpenDataset,
    chosen: FileFilter | None,
    store: ReadSettings | None,
    target: LakeFile,
    behavior: str,
    verify: bool,
    skips: SkipErrorFile | None,
    faults: Faults,
) -> dict[str, Any]:
    clock = ctx.services.clock
    started = clock.monotonic()
    transfers = _transfers(ctx, source, chosen, target, behavior, skips)
    several = len(transfers) > 1
    removes = isinstance(store, AzureBlobFSReadSettings) and as_boolean(
        ctx, store.delete_files_after_completion, "deleteFilesAfterCompletion"
    )
    read = skipped = 0
    if behavior == "MergeFiles" and transfers:
        read = _merge(ctx, transfers)
        written = 1
    else:
        brought = []
        for transfer in transfers:
            ctx.waiting().check()
            size = _bring_or_skip(ctx, source, store, transfer, verify, skips if several else None, faults)
            if size is not None:
                read += size
                brought.append(transfer)
        skipped = len(transfers) - len(brought)
        transfers = brought
        written = len(transfers)
    for transfer in transfers:
        _record_lineage(ctx, transfer)
        if removes and transfer.path is not None:
            transfer.path.unlink(missing_ok=True)
    seconds = clock.monotonic() - started
    verified = verify and all(transfer.path is not None for transfer in transfers)
    verification = "Verified" if verified else "Unsupported" if verify else "NotVerified"
    inconsistent = {"InconsistentData": "Skipped" if skipped else "None"} if verified else {}
    return {
        "dataRead": read,
        "dataWritten": read,
        "filesRead": len(transfers),
        "filesWritten": written,
        **({"filesSkipped": skipped} if skips is not None else {}),
        **faults.output(),
        "sourcePeakConnections": 1,
        "sinkPeakConnections": 1,
        "copyDuration": round(seconds),
        "throughput": round(read / 1024 / seconds, 3) if seconds > 0 else 0.0,
        "errors": [],
        "effectiveIntegrationRuntime": INTEGRATION_RUNTIME,
        "usedParallelCopies": 1,
        "dataConsistencyVerification": {"VerificationResult": verification, **inconsistent},
    }


def _skips(ctx: ActivityContext, raw: Any) -> SkipErrorFile | None:
    """Which files that cannot be copied are passed over; None when each of them fails the copy."""
    value = ctx.value(raw, "skipErrorFile")
    if not value:
        return None
    findings: list[Finding] = []
    settings = checked(SkipErrorFile, value, ctx.properties.at("skipErrorFile"), "'skipErrorFile'", findings)
    if settings is None:
        raise findings[0].error()
    return SkipErrorFile.model_validate(
        {name: as_boolean(ctx, flag, name) for name, flag in settings.model_dump(by_alias=True).items()}
    )


def _bring_or_skip(
    ctx: ActivityContext,
    source: OpenDataset,
    store: ReadSettings | None,
    transfer: _Transfer,
    verify: bool,
    skips: SkipErrorFile | None,
    faults: Faults,
) -> int | None:
    """Bring a file; None for one that is passed over."""
    try:
        size = _bring_once(ctx, source, store, transfer, verify)
    except FileNotFoundError as error:
        if skips is None or not skips.file_missing:
            raise _missing(transfer.source) from error
        faults.note("Warning", "FileSkip", transfer.source, "File is skipped after the first try: it is missing")
    except PermissionError as error:
        if skips is None or not skips.file_forbidden:
            raise ActivityFailed(
                "2200", f"ErrorCode=UserErrorFileForbidden,{transfer.source} must not be read"
            ) from error
        faults.note("Warning", "FileSkip", transfer.source, "File is skipped after the first try: it is forbidden")
    except ActivityFailed as error:
        if skips is None or not skips.data_inconsistency or "DataConsistencySourceDataChanged" not in error.message:
            raise
        faults.note("Warning", "FileSkip", transfer.source, "File is skipped: it changed while it was copied")
    else:
        faults.note("Info", "FileRead", transfer.source, "Start to read file")
        faults.note("Info", "FileWrite", ctx.services.lake.url(str(transfer.target)), "Complete writing file")
        return size
    return None


def _missing(source: str) -> ActivityFailed:
    return ActivityFailed("2200", f"ErrorCode=UserErrorSourceBlobNotExist,The file {source} does not exist")


def _transfers(
    ctx: ActivityContext,
    source: OpenDataset,
    chosen: FileFilter | None,
    target: LakeFile,
    behavior: str,
    skips: SkipErrorFile | None,
) -> list[_Transfer]:
    location = source.location
    if isinstance(location, HttpFile):
        name = target.file or location.file or f"Data_{uuid.uuid4()}"
        return [_Transfer(location.url, None, _below(ctx, target, name))]
    assert chosen is not None and isinstance(location, LakeFile)
    base, files = find_files(local_of(ctx, location), location.folder, location.file, chosen)
    tolerated = skips is not None and skips.file_missing and len(files) > 1 and behavior != "MergeFiles"
    for file in files:
        if not file.is_file() and not tolerated:
            raise _missing(ctx.services.lake.url(str(file)))
    if behavior == "MergeFiles":
        name = target.file or f"Data_{uuid.uuid4()}"
        merged = _below(ctx, target, name)
        return [_Transfer(ctx.services.lake.url(str(file)), file, merged) for file in files]
    if target.file and len(files) > 1:
        raise ActivityFailed(
            "2200",
            f"{len(files)} files cannot be copied to the one file {target.url()}; leave its name empty or merge them",
        )
    result = []
    for file in files:
        name = target.file or file.relative_to(base).as_posix()
        if behavior == "FlattenHierarchy" and not target.file:
            name = f"Data_{uuid.uuid4()}{file.suffix}"
        result.append(_Transfer(ctx.services.lake.url(str(file)), file, _below(ctx, target, name)))
    return result


def _below(ctx: ActivityContext, target: LakeFile, name: str) -> Path:
    """The local path of a file in the sink's folder."""
    return Path(ctx.services.lake.local(target.url(f"{target.folder}/{name}" if target.folder else name)))


def _bring_once(
    ctx: ActivityContext, source: OpenDataset, store: ReadSettings | None, transfer: _Transfer, verify: bool
) -> int:
    """Bring one file, unless an earlier try of this activity has: a binary copy goes on at the level of files."""
    if transfer.path is None:
        return _bring(ctx, source, store, transfer, verify)
    status = transfer.path.stat()
    state = (status.st_mtime_ns, status.st_size)
    if ctx.memory.get(str(transfer.target)) == state and transfer.target.is_file():
        return status.st_size
    size = _bring(ctx, source, store, transfer, verify)
    ctx.memory[str(transfer.target)] = state
    return size


def _bring(
    ctx: ActivityContext, source: OpenDataset, store: ReadSettings | None, transfer: _Transfer, verify: bool
) -> int:
    """Bring one file, visible when whole; the number of bytes comes back."""
    target = transfer.target
    remove_leftovers(target.parent, LEFTOVER_AGE_SECONDS, ctx.services.clock.now())
    if transfer.path is None:
        assert isinstance(source.location, HttpFile)
        request = http_request(ctx, source.location, store)
        with put_whole(target) as file:
            return download(http_source(ctx), request, file, ctx.waiting())
    size = copy_whole(transfer.path, target)
    if verify and content_md5(transfer.path) != content_md5(target):
        target.unlink(missing_ok=True)
        raise ActivityFailed(
            "2200",
            f"ErrorCode=DataConsistencySourceDataChanged,{transfer.source} changed while it was copied",
            failure_type=SYSTEM_ERROR,
        )
    return size


def _merge(ctx: ActivityContext, transfers: list[_Transfer]) -> int:
    with put_whole(transfers[0].target) as merged:
        for transfer in transfers:
            assert transfer.path is not None
            ctx.waiting().check()
            with contextlib.closing(transfer.path.open("rb")) as file:
                while data := file.read(1 << 20):
                    merged.write(data)
        return merged.tell()


def _record_lineage(ctx: ActivityContext, transfer: _Transfer) -> None:
    if ctx.services.lineage is None:
        return
    kind = "URL" if transfer.path is None else "PATH"
    target = ctx.services.lake.url(str(transfer.target))
    event = LineageEvent((Dataset(kind, transfer.source),), Dataset("PATH", target))
    ctx.services.lineage.record(event, run_id=ctx.run_id)
