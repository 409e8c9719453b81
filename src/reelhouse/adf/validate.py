"""Finds what is wrong with a factory without running it: all of it at once, each with its file and JSON path.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reelhouse.adf.definition import Activity, LinkedService, Pipeline
from reelhouse.adf.expression.names import Names
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, Severity, problem, warning
from reelhouse.adf.pipeline_check import validate_pipeline
from reelhouse.adf.reference_check import check_expressions, check_reference, references_of, validate_dataset
from reelhouse.adf.services import StandIn
from reelhouse.adf.settings import LINKED_SERVICE_SETTINGS
from reelhouse.adf.trigger.definition import Trigger
from reelhouse.adf.type_check import LINKED_SERVICE_TYPES, is_typo, nearest_type
from reelhouse.errors import did_you_mean


def validate(factory: Factory, known_job_ids: Collection[str] | None = None) -> list[Finding]:
    """Everything that is wrong. With `known_job_ids`, jobs by other ids are wrong too."""
    findings = list(factory.findings)
    for pipeline in factory.pipelines.values():
        findings.extend(validate_pipeline(factory, pipeline, known_job_ids))
    for dataset in factory.datasets.values():
        findings.extend(validate_dataset(factory, dataset))
    for service in factory.linked_services.values():
        if service.settings is None and service.type not in LINKED_SERVICE_SETTINGS:
            findings.append(_service_type(service))
        names = Names(linked_service=service.parameters, scope="a linked service")
        findings.extend(check_expressions(service.raw, service.place.at("typeProperties"), names))
    for trigger in factory.triggers.values():
        findings.extend(_window_dependencies(factory, trigger))
        for reference in trigger.pipelines:
            findings.extend(check_reference(reference, "pipeline", "Pipeline", factory.pipelines, factory))
            names = Names(trigger=True, scope="a trigger")
            findings.extend(check_expressions(reference.parameters, reference.place.at("parameters"), names))
    return _distinct(findings)


def _service_type(service: LinkedService) -> Finding:
    """Why a linked service cannot be used: its type is no type at all, or one that does not run here."""
    place, kind = service.place.at("type"), service.type
    remedy = nearest_type(kind, LINKED_SERVICE_TYPES, LINKED_SERVICE_SETTINGS)
    if is_typo(kind, LINKED_SERVICE_TYPES, LINKED_SERVICE_SETTINGS):
        return problem(place, f"Data Factory has no linked service of type '{kind}' ('{service.name}')", remedy)
    what = f"Linked services of type '{kind}' are not supported, '{service.name}' cannot be used"
    return warning(place, what, remedy)


def _window_dependencies(factory: Factory, trigger: Trigger) -> Iterator[Finding]:
    """What is wrong with the triggers whose windows a trigger depends on."""
    names = [other.name for other in factory.triggers.values() if other.window is not None]
    for index, dependency in enumerate(trigger.window.depends_on if trigger.window else ()):
        if dependency.trigger is not None and dependency.trigger not in names:
            place = trigger.place.at("typeProperties").at("dependsOn").at(index).at("referenceTrigger")
            what = f"The factory has no tumbling window trigger '{dependency.trigger}'"
            yield problem(place, what, did_you_mean(dependency.trigger, names))


def validate_for_run(factory: Factory, pipeline: Pipeline, stand_in: StandIn | None = None) -> list[Pipeline]:
    """A pipeline and all that it starts, checked. Raises the first error as `UserError`, before anything has run.

    What `stand_in` plays need not be able to run here.
    """
    seen: dict[str, Pipeline] = {}
    open_pipelines = [pipeline]
    while open_pipelines:
        current = open_pipelines.pop(0)
        if current.name in seen:
            continue
        seen[current.name] = current
        fault = factory.faulty.get(("pipeline", current.name))
        if fault is not None:
            raise fault.error()
        for finding in validate_pipeline(factory, current, None, stand_in):
            if finding.severity is Severity.ERROR:
                raise finding.error()
        for activity in _really_run(current.activities, current.name, stand_in):
            for reference in references_of(activity):
                if reference.type == "PipelineReference" and activity.inactive_as is None:
                    open_pipelines.append(factory.pipeline(reference.name, reference.place))
                elif reference.type == "DatasetReference" and activity.inactive_as is None:
                    dataset = factory.dataset(reference.name, reference.place)
                    for finding in validate_dataset(factory, dataset):
                        if finding.severity is Severity.ERROR:
                            raise finding.error()
    return list(seen.values())


def _really_run(activities: Iterable[Activity], pipeline: str, stand_in: StandIn | None) -> Iterator[Activity]:
    """All activities but those that `stand_in` plays, with what is inside of them."""
    for activity in activities:
        if stand_in is None or not stand_in.plays(pipeline, activity.name):
            yield activity
            for branch in activity.branches.values():
                yield from _really_run(branch, pipeline, stand_in)


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))
