"""Flows that append to a table, and hooks on the event log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.errors import UserError
from reelhouse.pipelines.api.calls import F, caller, refuse, text
from reelhouse.pipelines.definitions import EventHook, Flow, FlowKind


def append_flow(
    *,
    target: str | None = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    once: bool = False,
    **unknown: Any,
) -> Callable[[F], F]:
    """Define a flow that appends to a streaming table or a sink. `once` runs a batch query a single time.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-append-flow
    """
    registry, place = caller()
    refuse("append_flow", unknown, ("target", "name", "comment", "spark_conf", "once"), place)
    if not target:
        raise UserError("append_flow() needs a target", where=place)

    def define(query: F) -> F:
        confs = {str(k): text(v) for k, v in (spark_conf or {}).items()}
        registry.flows.append(
            Flow(name or query.__name__, target, place, query, FlowKind.APPEND, once, confs, function=query)
        )
        return query

    return define


def on_event_hook(function: Any = None, /, *, max_allowable_consecutive_failures: int | None = None) -> Any:
    """Call the function with every record of the event log; switched off after that many failures in a row.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-on-event-hook
    """
    registry, place = caller()

    def define(hook: F) -> F:
        registry.hooks.append(EventHook(hook.__name__, hook, max_allowable_consecutive_failures, place))
        return hook

    return define if function is None else define(function)
