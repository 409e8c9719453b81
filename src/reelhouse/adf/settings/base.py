"""The base of all models of `typeProperties`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """Base of all models: camel case on the wire, unknown names forbidden."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class CopySource(Settings):
    """What the sources of all stores of rows have in a Copy."""

    type: str
    source_retry_count: Any = None
    source_retry_wait: Any = None
    max_concurrent_connections: Any = None
    disable_metrics_collection: Any = None


class CopySink(Settings):
    """What the sinks of all stores of rows have in a Copy."""

    type: str
    write_batch_size: Any = None
    write_batch_timeout: Any = None
    sink_retry_count: Any = None
    sink_retry_wait: Any = None
    max_concurrent_connections: Any = None
    disable_metrics_collection: Any = None
