"""Copy of rows: a source is read, its columns are mapped and converted, a sink takes them.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean, as_integer
from reelhouse.adf.activity.store import INTEGRATION_RUNTIME
from reelhouse.adf.dataset import HttpFile, LakeFile, OpenDataset, SqlTable, open_dataset
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.finding import Finding, problem
from reelhouse.adf.movement.faults import check_faults, open_faults
from reelhouse.adf.movement.mapping import Mapper
from reelhouse.adf.movement.registry import CHECKS, DATASETS, SINKS, SOURCES
from reelhouse.adf.movement.rows import Documents, RowSink, RowStream, Written
from reelhouse.adf.movement.translator import Translator, check_translator, read_translator
from reelhouse.adf.settings import Copy
from reelhouse.errors import Place, did_you_mean
from reelhouse.lineage.event import Dataset, LineageEvent


def check_copy_rows(settings: Copy, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a copy of rows before it runs."""
    for key, raw, known in (("source", settings.source, SOURCES), ("sink", settings.sink, SINKS)):
        kind = str(raw.get("type"))
        if kind not in known:
            what = f"Copy {'from' if key == 'source' else 'to'} '{kind}' is not supported"
            findings.append(problem(place.at(key).at("type"), what, did_you_mean(kind, known)))
            continue
        CHECKS[kind](raw, place.at(key), findings)
    if settings.skip_error_file not in (None, {}):
        what = "skipErrorFile is for binary copies"
        findings.append(problem(place.at("skipErrorFile"), what, "Use enableSkipIncompatibleRow for rows."))
    if settings.preserve or settings.preserve_rules:
        key = "preserve" if settings.preserve else "preserveRules"
        findings.append(problem(place.at(key), f"'{key}' of a copy of rows is not supported"))
    check_translator(settings.translator, place.at("translator"), findings)
    check_faults(settings, place, findings)


def check_dataset_types(kind: Any, dataset_type: str, place: Place, findings: list[Finding]) -> None:
    """Whether a source or a sink takes datasets of a type."""
    fitting = DATASETS.get(str(kind))
    if fitting is not None and dataset_type not in fitting:
        what = f"A {kind} does not fit a {dataset_type} dataset"
        findings.append(problem(place, what, f"It takes {', '.join(fitting)}."))


def prepare_copy_rows(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Copy)
    findings: list[Finding] = []
    check_copy_rows(settings, ctx.properties, findings)
    source, sink = _only(ctx, "inputs"), _only(ctx, "outputs")
    check_dataset_types(settings.source.get("type"), source.type, ctx.properties.at("source").at("type"), findings)
    check_dataset_types(settings.sink.get("type"), sink.type, ctx.properties.at("sink").at("type"), findings)
    if findings:
        raise findings[0].error()
    translator = read_translator(ctx, settings.translator)
    if settings.parallel_copies is not None:
        as_integer(ctx, ctx.value(settings.parallel_copies, "parallelCopies"), "parallelCopies", least=1)
    verify = as_boolean(ctx, ctx.value(settings.validate_data_consistency), "validateDataConsistency")
    shown = {"source": where_is(source), "sink": where_is(sink), "sourceType": settings.source["type"],
             "sinkType": settings.sink["type"]}  # fmt: skip
    return Work(shown, lambda: _copy(ctx, settings, source, sink, translator, verify))


def where_is(dataset: OpenDataset) -> str:
    """The address of a dataset, to be shown."""
    location = dataset.location
    if isinstance(location, LakeFile):
        return location.url()
    return location.url if isinstance(location, HttpFile) else str(getattr(location, "url", dataset.name))


def _only(ctx: ActivityContext, key: str) -> OpenDataset:
    references = ctx.activity.inputs if key == "inputs" else ctx.activity.outputs
    place = ctx.activity.place.at(key)
    if len(references) != 1:
        raise ActivityFailed(
            "InvalidTemplate", f"Copy has exactly one dataset in its {key}, not {len(references)} ({place})"
        )
    return open_dataset(ctx, references[0], place.at(0))


def _copy(
    ctx: ActivityContext, settings: Copy, source: OpenDataset, sink: OpenDataset, translator: Translator, verify: bool
) -> dict[str, Any]:
    clock = ctx.services.clock
    started, began = clock.monotonic(), clock.now()
    place = ctx.properties
    stream = SOURCES[settings.source["type"]](ctx, settings.source, source, place.at("source"))
    rows = SINKS[settings.sink["type"]](ctx, settings.sink, sink, place.at("sink"))
    with open_faults(ctx, settings) as faults:
        stream.progress.bad = faults
        written = move(stream, rows, translator)
    _record_lineage(ctx, source, sink)
    seconds = clock.monotonic() - started
    progress = stream.progress
    output = {
        "dataRead": progress.data_read,
        "dataWritten": written.data,
        "rowsRead": progress.rows_read,
        "rowsCopied": written.rows,
        **({"rowsSkipped": faults.count} if faults.enabled else {}),
        **({"filesRead": progress.files_read} if progress.file is not None or progress.files_read else {}),
        **({"filesWritten": written.files} if written.files is not None else {}),
        "sourcePeakConnections": 1,
        "sinkPeakConnections": 1,
        "copyDuration": round(seconds),
        "throughput": round(progress.data_read / 1024 / seconds, 3) if seconds > 0 else 0.0,
        **faults.output(),
        "errors": [],
        "effectiveIntegrationRuntime": INTEGRATION_RUNTIME,
        "usedDataIntegrationUnits": 4,
        "usedParallelCopies": 1,
        **written.extra,
    }
    if verify:
        output["dataConsistencyVerification"] = _verified(progress.rows_read, written.rows, faults.count)
    output["executionDetails"] = [
        {
            "source": {"type": source.type},
            "sink": {"type": sink.type},
            "status": "Succeeded",
            "start": began.isoformat(),
            "duration": round(seconds),
            "usedDataIntegrationUnits": 4,
            "usedParallelCopies": 1,
        }
    ]
    return output


def move(stream: RowStream | Documents, sink: RowSink, translator: Translator) -> Written:
    """Everything that a source has, mapped, to a sink. Raises `ActivityFailed`."""
    mapper = Mapper(translator, sink.schema())
    if isinstance(stream, Documents):
        takes_documents = getattr(sink, "write_documents", None)
        if takes_documents is not None and mapper.passes_documents:
            written: Written = takes_documents(stream)
            return written
        return sink.write(mapper.rows_of(stream, paths=takes_documents is not None))
    return sink.write(mapper.mapped(stream))


def _verified(read: int, copied: int, skipped: int) -> Mapping[str, str]:
    if read != copied + skipped:
        raise ActivityFailed(
            "2200",
            f"ErrorCode=DataConsistencyRowCountMismatch,{read} rows were read, {copied} copied, {skipped} skipped",
        )
    return {"VerificationResult": "Verified", "InconsistentData": "Skipped" if skipped else "None"}


def _record_lineage(ctx: ActivityContext, source: OpenDataset, sink: OpenDataset) -> None:
    if ctx.services.lineage is None or not isinstance(sink.location, LakeFile | SqlTable):
        return
    event = LineageEvent((lineage_of(source),), lineage_of(sink))
    ctx.services.lineage.record(event, run_id=ctx.run_id)


def lineage_of(dataset: OpenDataset) -> Dataset:
    """What a dataset is to the lineage: a table of a database by its linked service, a path of the lake, or a URL."""
    if isinstance(dataset.location, SqlTable):
        return Dataset("TABLE", where_is(dataset))
    return Dataset("PATH" if isinstance(dataset.location, LakeFile) else "URL", where_is(dataset))
