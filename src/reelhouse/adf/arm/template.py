"""An exported template, or a folder of linked ones, as the objects of a factory.

https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery-linked-templates
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelhouse.adf.arm.expression import Template
from reelhouse.errors import Place, UserError

WHOLE = ("ARMTemplateForFactory.json", "ARMTemplateParametersForFactory.json")
LINKED = re.compile(r"ArmTemplate_\d+\.json", re.IGNORECASE)
MASTER = "armtemplate_master.json"
LINKED_PARAMETERS = "ArmTemplateParameters_master.json"
_TYPE = "microsoft.datafactory/factories"


@dataclass(frozen=True)
class Resource:
    """One object of the factory. `type` is the last part of the resource's type, `factories` for the factory itself."""

    type: str
    name: str
    properties: Mapping[str, Any]
    place: Place


@dataclass
class Resources:
    """All objects, and parameters of the template that have no value, with the place that asks for them."""

    found: list[Resource] = field(default_factory=list)
    missing: dict[str, Place] = field(default_factory=dict)


def templates_of(path: Path) -> list[Path]:
    """The templates that a path means: the file itself, the one in a folder, or linked ones; [] when there is none."""
    if path.name.lower() == MASTER and path.is_file():
        return _linked(path.parent)  # the master only says where the linked ones are; they lie beside it
    if path.is_file():
        return [path] if _is_template(path) else []
    whole = path / WHOLE[0]
    if whole.is_file():
        return [whole]
    for folder in (path, path / "linkedTemplates"):
        linked = _linked(folder)
        if linked:
            return linked
    return []


def _linked(folder: Path) -> list[Path]:
    linked = [file for file in folder.glob("*.json") if LINKED.fullmatch(file.name)]
    return sorted(linked, key=lambda file: int(re.sub(r"\D", "", file.stem)))


def read_templates(paths: list[Path], *, parameters: Path | None = None) -> Resources:
    """The objects of templates, with the values of their parameter file.

    `parameters` names that file; without it, it is the one that lies beside the template. Raises `UserError` for what
    is no template, and for expressions that cannot be evaluated.
    """
    given = _given(parameters or _beside(paths[0]))
    resources = Resources()
    for path in paths:
        raw = _json(path)
        if not isinstance(raw.get("resources"), list):
            raise UserError("This is not an ARM template: it has no resources", where=Place(path.name))
        declared = raw.get("parameters") or {}
        defaults = {
            name: spec["defaultValue"]
            for name, spec in declared.items()
            if isinstance(spec, Mapping) and "defaultValue" in spec
        }
        template = Template({**defaults, **given}, raw.get("variables") or {}, declared)
        resources.found += _resources(raw["resources"], template, Place(path.name, "resources"))
        resources.missing |= template.missing
    return resources


def _resources(raw: list[Any], template: Template, place: Place) -> Iterator[Resource]:
    for index, resource in enumerate(raw):
        spot = place.at(index)
        kind = str(resource.get("type", ""))
        if not kind.lower().startswith(_TYPE):
            raise UserError(f"A resource of type '{kind}' is none of Data Factory", where=spot.at("type"))
        name = str(template.value(resource.get("name", ""), spot.at("name")))
        properties = template.value(resource.get("properties") or {}, spot.at("properties"))
        tail = kind[len(_TYPE) :].strip("/")
        yield Resource(tail or "factories", name.rpartition("/")[2] if tail else name, properties, spot)


def _is_template(path: Path) -> bool:
    raw = _json(path)
    return "deploymentTemplate.json" in str(raw.get("$schema", "")) or isinstance(raw.get("resources"), list)


def _beside(template: Path) -> Path | None:
    names = [LINKED_PARAMETERS] if LINKED.fullmatch(template.name) else [WHOLE[1]]
    names.append(f"{template.stem}.parameters.json")
    return next((template.parent / name for name in names if (template.parent / name).is_file()), None)


def _given(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    raw = _json(path).get("parameters") or {}
    return {name: spec["value"] for name, spec in raw.items() if isinstance(spec, Mapping) and _has_value(spec)}


def _has_value(spec: Mapping[str, Any]) -> bool:
    """Exports leave parameters of secrets, and those without a default, with an empty value."""
    return spec.get("value") not in (None, "")


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"The file cannot be read: {error.strerror}", where=Place(path.name)) from error
    except ValueError as error:
        raise UserError(f"The file is not JSON: {error}", where=Place(path.name)) from error
    if not isinstance(raw, dict):
        raise UserError("The file holds no JSON object", where=Place(path.name))
    return raw
