"""The files of a bundle: read, checked each by itself, and put together.

https://docs.databricks.com/aws/en/dev-tools/bundles/settings
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from reelhouse.errors import Place, ReelhouseError, UserError
from reelhouse.jobs.fields import INCLUDED, ROOT
from reelhouse.jobs.problems import RAISED, Problems
from reelhouse.jobs.shapes import Fields, wrongs

ROOT_FILE = "databricks.yml"


@dataclass
class Documents:
    """What all files of a bundle say together, with relative paths made absolute, and where each resource stands."""

    root: Path
    content: dict[str, Any]
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    faulty: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Resources that were left out because something is wrong with them, by kind and key."""
    without_effect: list[Place] = field(default_factory=list)


def read_documents(folder: Path, name: str, problems: Problems = RAISED) -> Documents:
    """Read `databricks.yml` of a folder and what it includes; `name` is what messages call the folder ("" is none).

    Raises `UserError` for files that are missing, are not YAML, or hold unknown fields. With `problems` that keep
    errors, resources that have one are left out, and only what is wrong with the root file itself is raised, last.
    """
    folder = folder.absolute()
    candidates = [folder / ROOT_FILE, folder / "databricks.yaml", folder / "bundle.yml", folder / "bundle.yaml"]
    root_file = next((f for f in candidates if f.is_file()), None)
    if root_file is None:
        raise UserError(f"'{folder}' is not an asset bundle", remedy=f"It has no {ROOT_FILE}.")
    root, general = _read(root_file, ROOT, folder, name, problems)
    if problems.kept is None:
        problems.add(general)
    patterns = root.content.get("include") or ()
    for pattern_index, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        place = Place(_name(root_file, folder, name)).at("include").at(pattern_index)
        files: list[Path] = []
        with problems.caught():
            files = _included(str(pattern), folder, root_file, place)
        for file in files:
            with problems.caught():
                included, wrong = _read(file, INCLUDED, folder, name, problems)
                if problems.add(wrong):
                    root.faulty.update(
                        {(kind, key): r for kind, key, r in _resources(included.content.get("resources"))}
                    )
                else:
                    _add(root, included)
    if general:
        problems.add(general[:-1])
        raise general[-1]
    return root


def _included(pattern: str, folder: Path, root_file: Path, place: Place) -> list[Path]:
    found = sorted(glob.glob(os.path.join(glob.escape(str(folder)), pattern), recursive=True))
    if not found and not glob.has_magic(pattern):
        raise UserError(f"'{pattern}' does not exist", where=place)
    files = [Path(f) for f in found if os.path.isfile(f) and Path(f) != root_file]
    for file in files:
        if file.suffix not in (".yml", ".yaml", ".json"):
            raise UserError(f"'{file.name}' is included and is neither YAML nor JSON", where=place)
    return files


def _name(file: Path, folder: Path, name: str) -> str:
    relative = file.relative_to(folder).as_posix()
    return f"{name}/{relative}" if name else relative


def _read(
    file: Path, shape: Fields, folder: Path, name: str, problems: Problems
) -> tuple[Documents, list[ReelhouseError]]:
    """A file without its faulty resources, and what is wrong with it beside them."""
    place = Place(_name(file, folder, name))
    content = load_yaml(file, place)
    if shape is INCLUDED and isinstance(content, dict) and "include" in content:
        raise UserError("'include' stands in an included file", where=place, remedy=f"Only {ROOT_FILE} includes files.")
    document = Documents(folder, content)
    general = _take_out_faulty(document, list(wrongs(content, shape, place, document.without_effect)), place, problems)
    if general:
        return document, general
    for kind, key, resource in _resources(content.get("resources")):
        document.places[kind, key] = place.at("resources").at(kind).at(key)
        _anchor(kind, resource, file.parent)
    for target in (content.get("targets") or {}).values():
        for kind, _, resource in _resources((target or {}).get("resources")):
            _anchor(kind, resource, file.parent)
    return document, []


def _take_out_faulty(
    document: Documents, errors: Sequence[ReelhouseError], place: Place, problems: Problems
) -> list[ReelhouseError]:
    """Take the resources with errors out of a file, and note both. Returns the errors that lie elsewhere."""
    general = list(errors)
    targets = document.content.get("targets")
    holders = [(document.content, place)]
    if isinstance(targets, dict):
        holders += [(target, place.at("targets").at(str(key))) for key, target in targets.items()]
    for holder, where in holders:
        resources = holder.get("resources") if isinstance(holder, dict) else None
        for kind, entries in resources.items() if isinstance(resources, dict) else ():
            for key in list(entries) if isinstance(entries, dict) else ():
                spot = where.at("resources").at(str(kind)).at(str(key)).path
                own = [error for error in general if error.where and _within(error.where.path, spot)]
                if problems.add(own):
                    general = [error for error in general if error not in own]
                    resource = entries.pop(key)
                    document.faulty[kind, key] = resource if isinstance(resource, dict) else {}
    return general


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _resources(resources: Mapping[str, Any] | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind, entries in resources.items() if isinstance(resources, dict) else ():
        for key, resource in entries.items() if isinstance(entries, dict) else ():
            yield kind, key, resource if isinstance(resource, dict) else {}


def _add(into: Documents, other: Documents) -> None:
    """Put the content of an included file to that of the root file."""
    for (kind, key), place in other.places.items():
        if (kind, key) in into.places:
            raise UserError(
                f"{kind} resource '{key}' is defined twice", where=place, remedy=f"See {into.places[kind, key]}."
            )
    into.places.update(other.places)
    into.faulty.update(other.faulty)
    into.without_effect.extend(other.without_effect)
    for section, value in other.content.items():
        if section == "resources":
            for kind, key, resource in _resources(value):
                into.content.setdefault("resources", {}).setdefault(kind, {})[key] = resource
        elif isinstance(value, dict):
            present = into.content.get(section) or {}
            into.content[section] = _joined(present, value)
        else:
            into.content[section] = value


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    joined = dict(one)
    for key, value in other.items():
        present = joined.get(key)
        joined[key] = _joined(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return joined


# -- paths


def _anchor(kind: str, resource: dict[str, Any], folder: Path) -> None:
    """Make the paths of a resource absolute: they are relative to the file that holds them."""
    if kind == "jobs":
        for task in resource.get("tasks") or ():
            _anchor_task(task, folder)
    elif kind == "pipelines":
        _anchor_field(resource, "root_path", folder)
        for library in resource.get("libraries") or ():
            _anchor_field(library.get("notebook"), "path", folder)
            _anchor_field(library.get("file"), "path", folder)
            _anchor_field(library.get("glob"), "include", folder)


def _anchor_task(task: Any, folder: Path) -> None:
    if not isinstance(task, dict):
        return
    _anchor_field(task.get("notebook_task"), "notebook_path", folder)
    _anchor_field(task.get("spark_python_task"), "python_file", folder)
    sql = task.get("sql_task")
    _anchor_field(sql.get("file") if isinstance(sql, dict) else None, "path", folder)
    nested = task.get("for_each_task")
    _anchor_task(nested.get("task") if isinstance(nested, dict) else None, folder)


def _anchor_field(holder: Any, name: str, folder: Path) -> None:
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, str) and not value.startswith(("/", "${", "~")) and ":/" not in value:
        holder[name] = os.path.normpath(folder / value)


# -- YAML


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """A safe loader for plain values as YAML 1.2 and the platform's tool read them, so that `yes`, `12:30` and
    `2020-01-31` are texts. It refuses a key that stands twice in one mapping."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' stands twice", key_node.start_mark)
            seen.add(key)
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("float", r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def load_yaml(file: Path, place: Place) -> dict[str, Any]:
    """The mapping in a YAML (or JSON) file. Raises `UserError` with the line."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"Not YAML: {error.problem}", where=Place(place.file, line)) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError("The file does not hold a mapping", where=place)
    return content
