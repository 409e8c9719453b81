"""ExecuteDataFlow: a mapping data flow, run on the project's Spark.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-data-flow-activity
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reelhouse.adf.activity.context import ActivityContext, Work, wrong
from reelhouse.adf.definition import Reference
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.reference_check import check_reference, check_supported
from reelhouse.adf.settings.dataflow import DataFlowReference, ExecuteDataFlow
from reelhouse.adf.settings.sql import DATASETS as TABLES
from reelhouse.errors import Place, Unsupported, did_you_mean

if TYPE_CHECKING:
    from reelhouse.adf.dataflow.definition import DataFlow
    from reelhouse.adf.dataflow.syntax import Node

# What data flows need is imported where it is used: most runs have none.


def prepare_execute_data_flow(ctx: ActivityContext) -> Work:
    from reelhouse.adf.dataflow.definition import require_flow

    settings = ctx.activity.settings
    assert isinstance(settings, ExecuteDataFlow)
    reference = _reference(settings.data_flow, _place(ctx.properties, ctx.activity.raw))
    flow = require_flow(ctx.run.factory, reference.reference_name, ctx.properties.at("dataFlow"))
    given = ctx.value(reference.parameters, "dataFlow", "parameters")
    datasets = ctx.value(reference.dataset_parameters, "dataFlow", "datasetParameters")
    parameters = {**_defaults(flow), **{name: _parsed(ctx, name, value) for name, value in given.items()}}
    open_spark = ctx.services.spark
    if open_spark is None:
        raise Unsupported("Data flows are not available in this run", where=ctx.activity.place)

    def act() -> dict[str, Any]:
        from reelhouse.adf.dataflow.run import run_flow

        with open_spark() as spark:
            return run_flow(ctx, flow, parameters, datasets, spark)

    shown = {"dataFlow": flow.name, "parameters": given, "datasetParameters": datasets}
    return Work(shown, act)


def _place(properties: Place, raw: Mapping[str, Any]) -> Place:
    return properties.at("dataflow" if "dataflow" in raw else "dataFlow")


def _reference(raw: Any, place: Place) -> DataFlowReference:
    findings: list[Finding] = []
    model = checked(DataFlowReference, raw, place, "A reference to a data flow", findings)
    if model is None:
        raise findings[0].error()
    return model


def _defaults(flow: DataFlow) -> dict[str, Node]:
    from reelhouse.adf.dataflow.syntax import Literal

    return {
        item.name: item.default if item.default is not None else Literal(None, "null")
        for item in flow.script.parameters
    }


def _parsed(ctx: ActivityContext, name: str, value: Any) -> Node:
    """The expression that a value is: a text is one in the language of data flows, others are values of their own."""
    from reelhouse.adf.dataflow.parse import parse_expression
    from reelhouse.adf.dataflow.syntax import Literal
    from reelhouse.adf.dataflow.tokens import ScriptError

    kinds = {bool: "boolean", int: "integer", float: "double"}
    if type(value) in kinds:
        return Literal(value, kinds[type(value)])
    if isinstance(value, list | Mapping):
        raise wrong(ctx, f"The parameter '{name}' of a data flow is a text or a number", "dataFlow", "parameters", name)
    if value is None:
        return Literal(None, "null")
    try:
        return parse_expression(text(value))
    except ScriptError as error:
        raise ActivityFailed(
            "InvalidTemplate",
            f"The parameter '{name}' is no expression of a data flow: {error.what}. Texts stand in quotes: '…'",
        ) from None


def check_execute_data_flow(
    factory: Factory, settings: ExecuteDataFlow, properties: Place, raw: Mapping[str, Any], findings: list[Finding]
) -> None:
    """What is wrong with the activity and with its data flow."""
    from reelhouse.adf.dataflow.check import check_flow
    from reelhouse.adf.dataflow.definition import find_flow

    place = _place(properties, raw)
    reference = checked(DataFlowReference, settings.data_flow, place, "A reference to a data flow", findings)
    if settings.continue_on_error not in (None, False):
        findings.append(problem(properties.at("continueOnError"), "continueOnError is not supported"))
    for name, value in (
        ("cacheSinks", settings.cache_sinks),
        ("continuationSettings", settings.continuation_settings),
    ):
        if value:
            findings.append(problem(properties.at(name), f"{name} is not supported"))
    if reference is None:
        return
    flow = find_flow(factory, reference.reference_name, place.at("referenceName"), findings)
    if flow is None:
        return
    findings.extend(check_flow(flow))
    _check_parameters(flow, reference, place, findings)
    _check_datasets(factory, flow, reference, place, findings)


def _check_parameters(flow: DataFlow, reference: DataFlowReference, place: Place, findings: list[Finding]) -> None:
    declared = {item.name: item for item in flow.script.parameters}
    for name in reference.parameters:
        if name not in declared:
            findings.append(
                problem(
                    place.at("parameters").at(name),
                    f"Data flow '{flow.name}' has no parameter '{name}'",
                    did_you_mean(name, declared),
                )
            )
    for name, item in declared.items():
        if item.default is None and name not in reference.parameters:
            findings.append(problem(place, f"Data flow '{flow.name}' needs a value for its parameter '{name}'"))


def _check_datasets(
    factory: Factory, flow: DataFlow, reference: DataFlowReference, place: Place, findings: list[Finding]
) -> None:
    from reelhouse.adf.dataflow.ends import FORMATS

    ends = {**flow.sources, **flow.sinks}
    for name in reference.dataset_parameters:
        if name not in ends:
            findings.append(
                problem(
                    place.at("datasetParameters").at(name),
                    f"Data flow '{flow.name}' has no source or sink '{name}'",
                    did_you_mean(name, ends),
                )
            )
    for name, end in ends.items():
        given = reference.dataset_parameters.get(name)
        parameters = given if isinstance(given, Mapping) else {}
        if end.dataset is not None:
            asked = Reference(
                end.dataset.name, end.dataset.type, {**end.dataset.parameters, **parameters}, end.dataset.place
            )
            findings.extend(check_reference(asked, "dataset", "Dataset", factory.datasets, factory))
            dataset = factory.datasets.get(asked.name)
            if dataset is None:
                continue
            if dataset.type not in FORMATS and dataset.type not in TABLES:
                remedy = f"Supported: {', '.join(FORMATS)}."
                what = f"Data flows do not work on the {dataset.type} dataset '{dataset.name}' here"
                findings.append(problem(end.place.at("dataset"), what, remedy))
            else:
                findings.extend(check_supported(asked, dataset, "Dataset", factory))
        elif end.linked_service is not None:
            services = factory.linked_services
            findings.extend(check_reference(end.linked_service, "linkedService", "Linked service", services, factory))
        else:
            findings.append(
                problem(end.place, f"'{name}' has neither a dataset nor a linked service: caches are not supported")
            )
