"""Finds what is wrong with a factory without running it: all of it at once, each with its file and JSON path.

https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reelhouse.adf.definition import Pipeline, walk
from reelhouse.adf.expression.names import Names
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, Severity, warning
from reelhouse.adf.pipeline_check import validate_pipeline
from reelhouse.adf.reference_check import check_expressions, check_reference, references_of, validate_dataset
from reelhouse.adf.settings import LINKED_SERVICE_SETTINGS


def validate(factory: Factory, known_job_ids: Collection[str] | None = None) -> list[Finding]:
    """Everything that is wrong. With `known_job_ids`, jobs by other ids are wrong too."""
    findings = list(factory.findings)
    for pipeline in factory.pipelines.values():
        findings.extend(validate_pipeline(factory, pipeline, known_job_ids))
    for dataset in factory.datasets.values():
        findings.extend(validate_dataset(factory, dataset))
    for service in factory.linked_services.values():
        if service.settings is None and service.type not in LINKED_SERVICE_SETTINGS:
            findings.append(
                warning(
                    service.place.at("type"),
                    f"Linked services of type '{service.type}' are not supported, '{service.name}' cannot be used",
                    f"Supported: {', '.join(sorted(LINKED_SERVICE_SETTINGS))}.",
                )
            )
        names = Names(linked_service=service.parameters, scope="a linked service")
        findings.extend(check_expressions(service.raw, service.place.at("typeProperties"), names))
    for trigger in factory.triggers.values():
        for reference in trigger.pipelines:
            findings.extend(check_reference(reference, "pipeline", "Pipeline", factory.pipelines, factory))
            names = Names(trigger=True, scope="a trigger")
            findings.extend(check_expressions(reference.parameters, reference.place.at("parameters"), names))
    return _distinct(findings)


def validate_for_run(factory: Factory, pipeline: Pipeline) -> list[Pipeline]:
    """A pipeline and all that it starts, checked. Raises the first error as `UserError`, before anything has run."""
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
        for finding in validate_pipeline(factory, current, None):
            if finding.severity is Severity.ERROR:
                raise finding.error()
        for activity in walk(current.activities):
            for reference in references_of(activity):
                if reference.type == "PipelineReference" and activity.inactive_as is None:
                    open_pipelines.append(factory.pipeline(reference.name, reference.place))
                elif reference.type == "DatasetReference" and activity.inactive_as is None:
                    dataset = factory.dataset(reference.name, reference.place)
                    for finding in validate_dataset(factory, dataset):
                        if finding.severity is Severity.ERROR:
                            raise finding.error()
    return list(seen.values())


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))
