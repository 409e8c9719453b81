"""Properties that only place or size cloud services: accepted, and named once per run as having no effect here.

Everything else that is not supported is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reelhouse.adf.definition import Activity, LinkedService, Pipeline, walk
from reelhouse.adf.factory import Factory

ACTIVITY_PROPERTIES = frozenset(
    (
        "parallelCopies",
        "dataIntegrationUnits",
        "stagingSettings",
        "maxConcurrentConnections",
        "disableMetricsCollection",
        "blockSizeInMB",
        "libraries",
        "compute",
        "traceLevel",
        "staging",
        "integrationRuntime",
        "runConcurrently",
        "sourceStagingConcurrency",
        "connectVia",
        "sqlWriterUseTableLock",
        "allowPolyBase",
        "polyBaseSettings",
        "allowCopyCommand",
        "copyCommandSettings",
        "exportSettings",
        "importSettings",
    )
)
_RETRIES = ("sourceRetryCount", "sourceRetryWait", "sinkRetryCount", "sinkRetryWait")
FILE_PROPERTIES = frozenset((*_RETRIES, "writeBatchSize", "writeBatchTimeout", "enableReliableLogging"))
"""Of the sides of a Copy that are files: they are read and written once, as a whole."""
TABLE_PROPERTIES = frozenset((*_RETRIES, "writeBatchSize", "interimSchemaName", "useTempDB"))
"""Of a Copy into a table: it is one transaction, its interim table always a temporary one. REST endpoints keep to
theirs."""
_FILE_KINDS = ("Binary", "DelimitedText", "Json", "Parquet", "Avro", "Excel", "Xml")
LINKED_SERVICE_PROPERTIES = frozenset(
    (
        "existingClusterId",
        "instancePoolId",
        "newClusterVersion",
        "newClusterNumOfWorker",
        "newClusterNodeType",
        "newClusterSparkConf",
        "newClusterSparkEnvVars",
        "newClusterCustomTags",
        "newClusterLogDestination",
        "newClusterDriverNodeType",
        "newClusterInitScripts",
        "newClusterEnableElasticDisk",
        "policyId",
        "dataSecurityMode",
    )
)


def without_effect(factory: Factory, pipelines: Iterable[Pipeline]) -> list[str]:
    """The properties without effect that these pipelines use, each with who has it."""
    found: dict[str, None] = {}
    services: dict[str, LinkedService] = {}
    for pipeline in pipelines:
        for activity in walk(pipeline.activities):
            if activity.inactive_as is not None:
                continue
            for name in (*_named(_own(activity), ACTIVITY_PROPERTIES), *_of_copy(activity)):
                found[f"{name} of {activity.type} '{activity.name}'"] = None
            reference = activity.linked_service
            if reference is not None and reference.name in factory.linked_services:
                services[reference.name] = factory.linked_services[reference.name]
    for service in services.values():
        for name in _named(service.raw, LINKED_SERVICE_PROPERTIES):
            found[f"{name} of linked service '{service.name}'"] = None
    return list(found)


def _own(activity: Activity) -> Mapping[str, Any]:
    """The properties of an activity without the activities inside it."""
    inner = ("activities", "ifTrueActivities", "ifFalseActivities", "cases", "defaultActivities")
    return {key: value for key, value in activity.raw.items() if key not in inner}


def _of_copy(activity: Activity) -> Iterator[str]:
    if activity.type != "Copy":
        return
    yield from _named(activity.raw.get("logSettings"), FILE_PROPERTIES)
    for side in ("source", "sink"):
        held = activity.raw.get(side)
        kind = str(held.get("type", "")) if isinstance(held, Mapping) else ""
        if kind.removesuffix("Source").removesuffix("Sink") in _FILE_KINDS:
            yield from _named(held, FILE_PROPERTIES)
        elif kind.endswith("Sink") and kind != "RestSink":
            yield from _named(held, TABLE_PROPERTIES)


def _named(value: Any, names: frozenset[str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in names and item not in (None, [], {}):
                yield key
            else:
                yield from _named(item, names)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, names)
