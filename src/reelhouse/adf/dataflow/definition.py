"""A data flow as its JSON says: its script, and which dataset or linked service each stream has.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-json and
https://learn.microsoft.com/azure/data-factory/data-flow-script
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from reelhouse.adf.dataflow.parse import parse_script
from reelhouse.adf.dataflow.syntax import Script
from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.definition import Reference, read_reference
from reelhouse.adf.factory import Factory
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings.base import Settings
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean


class FlowModel(Settings):
    type: str
    type_properties: dict[str, Any]
    description: str = ""
    annotations: list[Any] = Field(default_factory=list)
    folder: Any = None


class FlowPropertiesModel(Settings):
    sources: list[Any] = Field(default_factory=list)
    sinks: list[Any] = Field(default_factory=list)
    transformations: list[Any] = Field(default_factory=list)
    script: str | None = None
    script_lines: list[str] | None = None


class EndModel(Settings):
    name: str
    description: str = ""
    dataset: Any = None
    linked_service: Any = None
    schema_linked_service: Any = None
    rejected_data_linked_service: Any = None
    """Used only with an `errorHandlingOption` that lets rows fail, which is refused."""
    flowlet: Any = None
    script: Any = None


@dataclass(frozen=True)
class End:
    """A source or a sink. One of `dataset` and `linked_service` is given; neither with a cache."""

    name: str
    place: Place
    dataset: Reference | None = None
    linked_service: Reference | None = None


@dataclass(frozen=True)
class DataFlow:
    """`lines` tells whether the script is a list of lines, so that an error can point into it."""

    name: str
    place: Place
    sources: Mapping[str, End]
    sinks: Mapping[str, End]
    script: Script
    text: str
    lines: bool

    def at(self, line: int) -> Place:
        """The place of a line of the script."""
        properties = self.place.at("typeProperties")
        if self.lines:
            return properties.at("scriptLines").at(max(line - 1, 0))
        place = properties.at("script")
        return Place(place.file, f"{place.path}, line {line}")

    def placed(self, error: ScriptError) -> UserError:
        """An error of the script, with its place."""
        return UserError(error.what, where=self.at(error.line), remedy=error.remedy)


def find_flow(factory: Factory, name: str, where: Place, findings: list[Finding]) -> DataFlow | None:
    """The data flow of a name, or None with what is wrong in `findings`."""
    properties = factory.others.get(("dataflow", name))
    if properties is None:
        known = [other for kind, other in factory.others if kind == "dataflow"]
        findings.append(problem(where, f"The factory has no data flow '{name}'", did_you_mean(name, known)))
        return None
    place = factory.other_places.get(("dataflow", name)) or Place(f"dataflow/{name}.json", "properties")
    return read_flow(name, properties, place, findings)


def read_flow(name: str, properties: Any, place: Place, findings: list[Finding]) -> DataFlow | None:
    """The data flow of a JSON object `properties`, or None with what is wrong in `findings`."""
    before = len(findings)
    model = checked(FlowModel, properties, place, f"Data flow '{name}'", findings)
    if model is None:
        return None
    if model.type != "MappingDataFlow":
        findings.append(
            problem(place.at("type"), f"Data flows of type '{model.type}' are not supported", "Use MappingDataFlow.")
        )
        return None
    spot = place.at("typeProperties")
    inner = checked(FlowPropertiesModel, model.type_properties, spot, f"Data flow '{name}'", findings)
    if inner is None:
        return None
    sources = _ends(inner.sources, spot.at("sources"), findings)
    sinks = _ends(inner.sinks, spot.at("sinks"), findings)
    _ends(inner.transformations, spot.at("transformations"), findings)
    lines = inner.script_lines is not None
    text = "\n".join(inner.script_lines or ()) if lines else inner.script or ""
    flow = DataFlow(name, place, sources, sinks, Script((), ()), text, lines)
    if not text.strip():
        findings.append(problem(spot, f"Data flow '{name}' has no script", "Give scriptLines."))
        return None
    try:
        script = parse_script(text)
    except ScriptError as error:
        findings.append(problem(flow.at(error.line), error.what, error.remedy))
        return None
    if len(findings) > before:
        return None
    return DataFlow(name, place, sources, sinks, script, text, lines)


def _ends(raw: list[Any], place: Place, findings: list[Finding]) -> dict[str, End]:
    found: dict[str, End] = {}
    for index, item in enumerate(raw):
        spot = place.at(index)
        model = checked(EndModel, item, spot, "A part of a data flow", findings)
        if model is None:
            continue
        if model.flowlet is not None:
            findings.append(problem(spot.at("flowlet"), "Flowlets are not supported", "Write its transformations out."))
        references = [
            None if raw is None else read_reference(raw, spot.at(key), findings)
            for key, raw in (("dataset", model.dataset), ("linkedService", model.linked_service))
        ]
        found[model.name] = End(model.name, spot, *references)
    return found


def require_flow(factory: Factory, name: str, where: Place) -> DataFlow:
    """The data flow of a name. Raises `UserError` with the first thing that is wrong."""
    findings: list[Finding] = []
    flow = find_flow(factory, name, where, findings)
    if flow is None:
        raise findings[0].error()
    if findings:
        raise Unsupported(findings[0].message, where=findings[0].place)
    return flow
