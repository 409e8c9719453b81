"""What is wrong with one pipeline: its names, dependencies, nesting, limits, and the rules of each activity.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities and
https://learn.microsoft.com/azure/data-factory/concepts-nested-activities
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelhouse.adf.activity.azure_function import check_azure_function
from reelhouse.adf.activity.copy import check_copy
from reelhouse.adf.activity.copy_rows import check_dataset_types
from reelhouse.adf.activity.databricks import check_databricks_python
from reelhouse.adf.activity.execute_data_flow import check_execute_data_flow
from reelhouse.adf.activity.metadata import FIELDS
from reelhouse.adf.activity.script import check_script
from reelhouse.adf.activity.store import read_settings
from reelhouse.adf.activity.stored_procedure import check_linked_service
from reelhouse.adf.activity.variables import RETURN_VALUE
from reelhouse.adf.activity.web import check_web
from reelhouse.adf.activity.webhook import check_webhook
from reelhouse.adf.definition import NO_DEFAULT, Activity, Dataset, Pipeline, Reference, seen_inside, walk
from reelhouse.adf.errors import ExpressionError
from reelhouse.adf.expression.evaluate import evaluate
from reelhouse.adf.expression.names import Names, variables_read
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.values import text
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, problem, warning
from reelhouse.adf.limit_check import check_limits
from reelhouse.adf.movement.registry import CHECKS, SOURCES
from reelhouse.adf.reference_check import check_expressions, check_reference, check_supported, references_of, texts_in
from reelhouse.adf.rest.pages import check_rest_source
from reelhouse.adf.services import StandIn
from reelhouse.adf.settings import (
    ACTIVITY_SETTINGS,
    DATASET_SETTINGS,
    AppendVariable,
    AzureFunctionActivity,
    Copy,
    DatabricksJob,
    DatabricksSparkPython,
    Delete,
    ExecuteDataFlow,
    GetMetadata,
    Lookup,
    Script,
    SetVariable,
    SqlServerStoredProcedure,
    Validation,
    WebActivity,
    WebHook,
)
from reelhouse.adf.settings.sql import DATASETS as TABLES
from reelhouse.adf.type_check import ACTIVITY_TYPES, is_typo, nearest_type
from reelhouse.errors import Place, did_you_mean

MAX_ACTIVITIES = 80
MAX_PARAMETERS = 50
MAX_PIPELINE_NAME = 140
MAX_ACTIVITY_NAME = 55
_NAME = re.compile(r"[A-Za-z0-9_][^.+?/<>*%&:\\]*")
_NAME_RULE = (
    "A name has 1 to {} characters, begins with a letter, a digit or '_', and has none of . + ? / < > * % & : and \\."
)
_INNER = frozenset(("activities", "ifTrueActivities", "ifFalseActivities", "cases", "defaultActivities"))
_LOOPS = ("ForEach", "Until")
_BRANCHES = ("IfCondition", "Switch")


def validate_pipeline(
    factory: Factory, pipeline: Pipeline, known_job_ids: Collection[str] | None, stand_in: StandIn | None = None
) -> list[Finding]:
    """What is wrong with one pipeline. Of the activities that `stand_in` plays, the expressions are checked alone."""
    findings: list[Finding] = []
    everything = list(walk(pipeline.activities))
    if len(pipeline.name) > MAX_PIPELINE_NAME or not _NAME.fullmatch(pipeline.name):
        remedy = _NAME_RULE.format(MAX_PIPELINE_NAME)
        findings.append(problem(pipeline.place, f"'{pipeline.name}' is not a valid name of a pipeline", remedy))
    if not everything:
        findings.append(warning(pipeline.place.at("activities"), f"Pipeline '{pipeline.name}' has no activities"))
    if len(everything) > MAX_ACTIVITIES:
        findings.append(
            warning(
                pipeline.place.at("activities"),
                f"{len(everything)} activities are more than the limit of {MAX_ACTIVITIES}",
            )
        )
    if len(pipeline.parameters) > MAX_PARAMETERS:
        findings.append(warning(pipeline.place.at("parameters"), f"More than {MAX_PARAMETERS} parameters"))
    if pipeline.concurrency is not None and pipeline.concurrency < 1:
        findings.append(problem(pipeline.place.at("concurrency"), "concurrency must be at least 1"))
    findings.extend(_defaults(pipeline))
    findings.extend(_duplicates(everything))
    names = Names(
        parameters=pipeline.parameters,
        global_parameters=factory.global_parameters,
        variables=pipeline.variables,
        activities=(),
        all_activities=[activity.name for activity in everything],
        scope="a pipeline outside of a loop",
    )
    check = _PipelineCheck(factory, pipeline, known_job_ids, findings, stand_in)
    check.scope(pipeline.activities, names, ())
    return findings


def _defaults(pipeline: Pipeline) -> Iterator[Finding]:
    kinds: Mapping[str, tuple[type, ...]] = {
        "Int": (int,), "Float": (int, float), "Bool": (bool,), "Array": (list,), "Object": (dict,), "String": (str,),
        "SecureString": (str,), "Boolean": (bool,), "Integer": (int,),
    }  # fmt: skip
    for key, group in (("parameters", pipeline.parameters), ("variables", pipeline.variables)):
        for name, item in group.items():
            if item.default is NO_DEFAULT or item.default is None:
                continue
            right = isinstance(item.default, kinds[item.type])
            if item.type in ("Int", "Float", "Integer") and isinstance(item.default, bool):
                right = False
            if not right:
                yield warning(
                    pipeline.place.at(key).at(name).at("defaultValue"),
                    f"The default of '{name}' is not of its type {item.type}, expressions see it as it is written",
                )


def _duplicates(activities: Sequence[Activity]) -> Iterator[Finding]:
    seen: dict[str, Activity] = {}
    for activity in activities:
        twin = seen.setdefault(activity.name.lower(), activity)
        if twin is not activity:
            yield problem(
                activity.place.at("name"),
                f"There are two activities named '{activity.name}'",
                f"Names are unique in the whole pipeline; the other one is at {twin.place.path}.",
            )


@dataclass
class _PipelineCheck:
    factory: Factory
    pipeline: Pipeline
    known_job_ids: Collection[str] | None
    findings: list[Finding]
    stand_in: StandIn | None = None

    def scope(self, activities: Sequence[Activity], names: Names, inside: tuple[str, ...]) -> None:
        """The activities of one scope. `inside` names the types of the containers around it."""
        by_name = {activity.name: activity for activity in activities}
        self._dependencies(activities, by_name)
        for activity in activities:
            upstream = _upstream(activity, by_name)
            upstream |= {inner.name for name in upstream for inner in seen_inside(by_name[name])}
            own = replace(names, activities=[*(names.activities or ()), *sorted(upstream)])
            self._activity(activity, own, inside)

    def _dependencies(self, activities: Sequence[Activity], by_name: Mapping[str, Activity]) -> None:
        for activity in activities:
            for index, dependency in enumerate(activity.depends_on):
                if dependency.activity not in by_name:
                    self.findings.append(
                        problem(
                            activity.place.at("dependsOn").at(index).at("activity"),
                            f"'{activity.name}' depends on '{dependency.activity}', which is not an activity beside it",
                            did_you_mean(dependency.activity, [name for name in by_name if name != activity.name]),
                        )
                    )
        for activity in activities:
            if activity.name in _upstream(activity, by_name):
                self.findings.append(
                    problem(
                        activity.place.at("dependsOn"),
                        f"'{activity.name}' depends on itself, by way of others or directly",
                    )
                )
                return

    def _activity(self, activity: Activity, names: Names, inside: tuple[str, ...]) -> None:
        if activity.inactive_as is not None:
            return
        place = activity.place
        if len(activity.name) > MAX_ACTIVITY_NAME or not _NAME.fullmatch(activity.name):
            remedy = _NAME_RULE.format(MAX_ACTIVITY_NAME)
            self.findings.append(
                problem(place.at("name"), f"'{activity.name}' is not a valid name of an activity", remedy)
            )
        if self.stand_in is not None and self.stand_in.plays(self.pipeline.name, activity.name):
            self._names(activity, names)
            return
        if activity.type not in ACTIVITY_SETTINGS:
            remedy = nearest_type(activity.type, ACTIVITY_TYPES, ACTIVITY_SETTINGS)
            what = f"Activities of type '{activity.type}' are not supported ('{activity.name}')"
            if is_typo(activity.type, ACTIVITY_TYPES, ACTIVITY_SETTINGS):
                what = f"Data Factory has no activity of type '{activity.type}' ('{activity.name}')"
            self.findings.append(problem(place.at("type"), what, remedy))
            return
        if activity.settings is None:
            return  # what is wrong with its properties was said when the file was read
        self._nesting(activity, inside)
        self.findings.extend(check_limits(self.factory, activity))
        self._names(activity, names)
        for reference in references_of(activity):
            self._reference(reference)
        self._own_rules(activity)
        within = (*inside, activity.type)
        for key, branch in activity.branches.items():
            inner = replace(names, item=names.item or activity.type == "ForEach")
            if activity.type == "Switch" and key == "default" and not branch:
                continue
            self.scope(branch, inner, within)

    def _nesting(self, activity: Activity, inside: tuple[str, ...]) -> None:
        kind = activity.type
        outer = next((name for name in inside if name in _LOOPS), None)
        reason = ""
        if kind in _LOOPS and inside:
            reason = f"{kind} inside of {inside[-1]}"
        elif kind in _BRANCHES and any(name in _BRANCHES for name in inside):
            reason = f"{kind} inside of {next(name for name in inside if name in _BRANCHES)}"
        elif kind == "Validation" and inside:
            reason = f"Validation inside of {outer or inside[-1]}"
        if reason:
            self.findings.append(
                problem(
                    activity.place, f"Data Factory does not allow {reason} ('{activity.name}')", "Use ExecutePipeline."
                )
            )

    def _names(self, activity: Activity, names: Names) -> None:
        place = activity.place
        for key, value in activity.raw.items():
            if key in _INNER and activity.branches:
                continue
            scope = names
            if activity.type == "Filter" and key == "condition":
                scope = replace(names, item=True)
            if activity.type == "Until" and key == "expression":
                inner = [item.name for item in walk(activity.branches["body"])]
                scope = replace(names, activities=[*(names.activities or ()), *inner])
            self.findings.extend(check_expressions(value, place.at("typeProperties").at(key), scope))
        for key, references in (("inputs", activity.inputs), ("outputs", activity.outputs)):
            for index, reference in enumerate(references):
                spot = place.at(key).at(index).at("parameters")
                self.findings.extend(check_expressions(reference.parameters, spot, names))
        if activity.linked_service is not None:
            spot = place.at("linkedServiceName").at("parameters")
            self.findings.extend(check_expressions(activity.linked_service.parameters, spot, names))
        self.findings.extend(check_expressions(dict(activity.user_properties), place.at("userProperties"), names))
        self.findings.extend(check_expressions(activity.policy.timeout, place.at("policy").at("timeout"), names))
        self.findings.extend(check_expressions(activity.policy.retry, place.at("policy").at("retry"), names))

    def _reference(self, reference: Reference) -> None:
        kinds: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
            "DatasetReference": ("dataset", "Dataset", self.factory.datasets),
            "LinkedServiceReference": ("linkedService", "Linked service", self.factory.linked_services),
            "PipelineReference": ("pipeline", "Pipeline", self.factory.pipelines),
        }
        if reference.type not in kinds:
            self.findings.append(
                problem(
                    reference.place.at("type"),
                    f"'{reference.type}' is no type of a reference",
                    did_you_mean(reference.type, kinds),
                )
            )
            return
        kind, word, known = kinds[reference.type]
        self.findings.extend(check_reference(reference, kind, word, known, self.factory))
        if reference.name in known and kind != "pipeline":
            self.findings.extend(check_supported(reference, known[reference.name], word, self.factory))

    def _own_rules(self, activity: Activity) -> None:
        settings, place = activity.settings, activity.properties
        if isinstance(settings, SetVariable | AppendVariable):
            self._variable(activity, settings, place)
        elif isinstance(settings, Copy):
            check_copy(settings, place, self.findings)
            self._datasets_of_copy(activity)
            self._store(settings.source.get("storeSettings"), place.at("source").at("storeSettings"))
        elif isinstance(settings, GetMetadata | Validation | Delete):
            self._not_http(activity, settings.dataset, place.at("dataset"))
            if not isinstance(settings, Validation):
                self._store(settings.store_settings, place.at("storeSettings"))
        if isinstance(settings, GetMetadata):
            for index, name in enumerate(settings.field_list):
                if isinstance(name, str) and "@" not in name and name.lower() not in {f.lower() for f in FIELDS}:
                    self.findings.append(
                        problem(
                            place.at("fieldList").at(index),
                            f"'{name}' is no field of metadata",
                            did_you_mean(name, FIELDS),
                        )
                    )
        if isinstance(settings, Lookup):
            self._store(settings.source.get("storeSettings"), place.at("source").at("storeSettings"))
            self._lookup_source(settings, place)
        if isinstance(settings, DatabricksJob):
            self._job(settings, place)
        if isinstance(settings, ExecuteDataFlow):
            check_execute_data_flow(self.factory, settings, place, activity.raw, self.findings)
        if isinstance(settings, DatabricksSparkPython):
            check_databricks_python(settings, place, self.findings)
        if isinstance(settings, Script):
            check_script(activity, settings, self.findings)
        elif isinstance(settings, SqlServerStoredProcedure):
            check_linked_service(activity, self.findings)
        if isinstance(settings, WebActivity):
            check_web(self.factory, activity, settings, self.findings)
        elif isinstance(settings, WebHook):
            check_webhook(activity, settings, self.findings)
        elif isinstance(settings, AzureFunctionActivity):
            check_azure_function(activity, settings, self.findings)

    def _store(self, raw: Any, place: Place) -> None:
        if raw is not None:
            read_settings(raw, place, self.findings)

    def _lookup_source(self, settings: Lookup, place: Place) -> None:
        kind = settings.source.get("type")
        if kind == "RestSource":
            check_rest_source(settings.source, place.at("source"), self.findings)
        elif kind in SOURCES:
            CHECKS[kind](settings.source, place.at("source"), self.findings)
        else:
            what = f"Lookup from '{kind}' is not supported"
            known = ", ".join(sorted({*SOURCES, "RestSource"}))
            self.findings.append(problem(place.at("source").at("type"), what, f"Supported: {known}."))

    def _variable(self, activity: Activity, settings: SetVariable | AppendVariable, place: Place) -> None:
        if isinstance(settings, SetVariable) and settings.set_system_variable:
            if settings.variable_name != RETURN_VALUE:
                self.findings.append(
                    problem(place.at("variableName"), f"The only system variable to set is '{RETURN_VALUE}'")
                )
            return
        by_lower = {name.lower(): item for name, item in self.pipeline.variables.items()}
        declared = by_lower.get(settings.variable_name.lower())
        if declared is None:
            self.findings.append(
                problem(
                    place.at("variableName"),
                    f"The pipeline has no variable '{settings.variable_name}'",
                    did_you_mean(settings.variable_name, self.pipeline.variables),
                )
            )
            return
        if isinstance(settings, AppendVariable):
            if declared.type != "Array":
                self.findings.append(
                    problem(
                        place.at("variableName"),
                        f"The variable '{declared.name}' is of type {declared.type}, not an Array",
                    )
                )
        elif any(declared.name.lower() in variables_read(item) for item in texts_in(settings.value)):
            self.findings.append(
                problem(
                    place.at("value"),
                    f"The variable '{declared.name}' must not use itself in its value",
                    "Use a second variable.",
                )
            )

    def _datasets_of_copy(self, activity: Activity) -> None:
        for key, references in (("inputs", activity.inputs), ("outputs", activity.outputs)):
            place = activity.place.at(key)
            if len(references) != 1:
                self.findings.append(
                    problem(place, f"Copy has exactly one dataset in its {key}, not {len(references)}")
                )
                continue
            dataset = self.factory.datasets.get(references[0].name)
            if dataset is None or dataset.type not in DATASET_SETTINGS:
                continue  # said where the reference is checked
            assert isinstance(activity.settings, Copy)
            owner = activity.settings.source if key == "inputs" else activity.settings.sink
            check_dataset_types(owner.get("type"), dataset.type, place.at(0), self.findings)
            if key == "outputs" and _is_http(dataset) and dataset.type != "RestResource":
                self.findings.append(problem(place.at(0), f"'{dataset.name}' is HTTP, which cannot be written"))

    def _not_http(self, activity: Activity, raw: Any, place: Place) -> None:
        name = raw.get("referenceName") if isinstance(raw, Mapping) else None
        dataset = self.factory.datasets.get(name) if isinstance(name, str) else None
        if dataset is not None and dataset.type in TABLES and activity.type != "GetMetadata":
            message = f"{activity.type} of a table is not supported: '{dataset.name}' is a {dataset.type}"
            self.findings.append(problem(place, message, "Use Script or GetMetadata."))
        if dataset is not None and _is_http(dataset):
            self.findings.append(
                problem(
                    place,
                    f"{activity.type} does not work on the HTTP dataset '{dataset.name}', on Azure neither",
                    "Copy the file to the lake first.",
                )
            )

    def _job(self, settings: DatabricksJob, place: Place) -> None:
        raw, key = (settings.job_id, "jobId") if settings.job_id is not None else (settings.job_path, "jobPath")
        if raw is None:
            self.findings.append(problem(place, "The activity names no job", "Give jobId."))
            return
        if self.known_job_ids is None:
            return
        try:
            job_id = text(evaluate(raw, Scope(pipeline={"globalParameters": self.factory.global_parameters})))
        except ExpressionError:
            return  # it depends on the run
        if job_id not in self.known_job_ids:
            self.findings.append(
                problem(place.at(key), f"No job has the id '{job_id}'", did_you_mean(job_id, self.known_job_ids))
            )


def _upstream(activity: Activity, by_name: Mapping[str, Activity]) -> set[str]:
    """The names of all activities of the scope that have ended before this one starts."""
    seen: set[str] = set()
    names = [dependency.activity for dependency in activity.depends_on]
    while names:
        name = names.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        names.extend(dependency.activity for dependency in by_name[name].depends_on)
    return seen


def _is_http(dataset: Dataset) -> bool:
    location = dataset.raw.get("location")
    if dataset.type == "RestResource":
        return True
    return isinstance(location, Mapping) and location.get("type") == "HttpServerLocation"
