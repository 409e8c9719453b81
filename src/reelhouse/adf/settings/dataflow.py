"""The activity that runs a data flow.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-data-flow-activity
"""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field

from reelhouse.adf.settings.base import Settings


class ExecuteDataFlow(Settings):
    data_flow: Any = Field(validation_alias=AliasChoices("dataFlow", "dataflow"))
    compute: Any = None
    trace_level: Any = None
    staging: Any = None
    integration_runtime: Any = None
    continue_on_error: Any = False
    run_concurrently: Any = None
    source_staging_concurrency: Any = None
    continuation_settings: Any = None
    cache_sinks: Any = None


class DataFlowReference(Settings):
    reference_name: str
    type: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    dataset_parameters: dict[str, Any] = Field(default_factory=dict)


ACTIVITIES: dict[str, type[Settings]] = {"ExecuteDataFlow": ExecuteDataFlow}
