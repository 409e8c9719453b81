"""Loading an asset bundle for one target.

https://docs.databricks.com/aws/en/dev-tools/bundles/
"""

from __future__ import annotations

import copy
import getpass
import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelhouse.errors import Place, UserError, did_you_mean
from reelhouse.jobs.build import build_job, build_pipeline
from reelhouse.jobs.definition import Bundle, JobDefinition, PipelineSettings
from reelhouse.jobs.documents import ROOT_FILE, Documents, read_documents
from reelhouse.jobs.fields import JOB, PIPELINE
from reelhouse.jobs.merge import merge_resources, merge_values
from reelhouse.jobs.modes import apply_mode, check_production, short_name
from reelhouse.jobs.problems import RAISED, Problems
from reelhouse.jobs.shapes import coerced, wrongs
from reelhouse.jobs.substitution import substitute
from reelhouse.jobs.variables import variable_values

__all__ = ["Bundle", "JobDefinition", "PipelineSettings", "job_id", "load_bundle", "pipeline_id"]


def load_bundle(
    folder: Path,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    *,
    local: Mapping[str, Any] | None = None,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    name: str | None = None,
    problems: Problems = RAISED,
) -> Bundle:
    """The bundle in a folder, for a target (None: its default one).

    `variables` are values given on the command line, `local` those of this machine's settings; `user` is who would
    deploy (None: who runs this); `name` is what messages call the folder. Raises `UserError` naming file and path of
    the first thing that is wrong. With `problems` that keep errors the bundle has only the resources without any, and
    what is raised, last, is an error of the bundle as a whole.
    """
    documents = read_documents(folder, folder.name if name is None else name, problems)
    content = documents.content
    root_place = Place(f"{folder.name if name is None else name}/{ROOT_FILE}".lstrip("/"))
    target_name, target_content = _choose_target(content.get("targets") or {}, target, root_place)
    user = user or _user()
    bundle_name = str(content["bundle"]["name"])
    mode = target_content.get("mode")
    has_root_path = bool((target_content.get("workspace") or {}).get("root_path"))
    workspace = _workspace(content, target_content, documents.root, user)
    tree: dict[str, Any] = {
        "bundle": {**content["bundle"], "target": target_name, "environment": target_name, "mode": mode or ""},
        "workspace": workspace,
    }
    values = variable_values(
        content.get("variables") or {},
        target_content.get("variables") or {},
        given=variables or {},
        local=local or {},
        environment=os.environ if environment is None else environment,
        overrides_file=documents.root / ".databricks" / "bundle" / target_name / "variable-overrides.json",
        place=root_place,
        target=target_name,
    )
    tree["var"] = values
    tree["variables"] = {name: {"value": value} for name, value in values.items()}
    tree["workspace"] = substitute(workspace, tree, root_place.at("workspace"))
    tree["var"] = substitute(values, tree, root_place.at("variables"), leave=_of_resource)

    resources = merge_resources(
        copy.deepcopy(content.get("resources") or {}), copy.deepcopy(target_content.get("resources") or {})
    )
    for kind, key in documents.faulty:
        (resources.get(kind) or {}).pop(key, None)
    resources = _resolve(resources, tree, documents, root_place, problems, leave_resources=True)
    target_place = root_place.at("targets").at(target_name)
    if mode == "production":
        has_run_as = bool(target_content.get("run_as") or content.get("run_as"))
        with problems.caught():
            check_production(
                target_name, resources, has_root_path=has_root_path, has_run_as=has_run_as, place=target_place
            )
    presets = merge_values(content.get("presets") or {}, target_content.get("presets") or {})
    apply_mode(resources, mode, presets, short_name(user))
    # A reference to a faulty resource is not at fault itself.
    known = merge_resources(_by_kind(documents.faulty), resources)
    tree["resources"] = _with_ids(known, bundle_name)
    resources = _resolve(resources, tree, documents, root_place, problems, leave_resources=False)
    return _build(bundle_name, target_name, mode, documents, tree, resources, root_place, problems)


def job_id(bundle: str, key: str) -> int:
    """The id of a job here: stable, and small enough for any reader of JSON."""
    return int(hashlib.sha256(f"{bundle}/jobs/{key}".encode()).hexdigest()[:13], 16)


def pipeline_id(bundle: str, key: str) -> str:
    """The id of a pipeline here: stable."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{bundle}/pipelines/{key}"))


def _choose_target(targets: Mapping[str, Any], wanted: str | None, place: Place) -> tuple[str, dict[str, Any]]:
    if wanted is None:
        defaults = [name for name, target in targets.items() if (target or {}).get("default")]
        if len(defaults) > 1:
            raise UserError(f"Targets {', '.join(defaults)} are all the default one", where=place.at("targets"))
        if not targets:
            return "default", {}
        if not defaults and len(targets) > 1:
            raise UserError(
                "No target is named, and none is the default one",
                where=place.at("targets"),
                remedy=f"Name one of {', '.join(targets)}.",
            )
        wanted = defaults[0] if defaults else next(iter(targets))
    if wanted not in targets:
        raise UserError(
            f"Target '{wanted}' does not exist", where=place.at("targets"), remedy=did_you_mean(wanted, targets)
        )
    return wanted, targets[wanted] or {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "user"


def _workspace(content: Mapping[str, Any], target: Mapping[str, Any], root: Path, user: str) -> dict[str, Any]:
    """The workspace's fields. Files lie in the bundle's own folder here, so `file_path` is that folder."""
    given = merge_values(content.get("workspace") or {}, target.get("workspace") or {})
    default_root = f"/Workspace/Users/{user}/.bundle/${{bundle.name}}/${{bundle.target}}"
    root_path = str(given.get("root_path") or default_root).replace("~", f"/Workspace/Users/{user}", 1)
    return {
        "host": "",
        "profile": "",
        **given,
        "root_path": root_path,
        "file_path": str(root),
        "artifact_path": f"{root_path}/artifacts",
        "state_path": f"{root_path}/state",
        "resource_path": f"{root_path}/resources",
        "current_user": {"userName": user, "short_name": short_name(user), "domain_friendly_name": short_name(user)},
    }


def _of_resource(path: str) -> bool:
    return path.startswith("resources.")


def _by_kind(resources: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (kind, key), resource in resources.items():
        found.setdefault(kind, {})[key] = resource
    return found


def _resolve(
    resources: Mapping[str, Any],
    tree: Mapping[str, Any],
    documents: Documents,
    place: Place,
    problems: Problems,
    *,
    leave_resources: bool,
) -> dict[str, Any]:
    """The resources with references replaced, and checked once more. What is wrong is taken out and noted as faulty."""
    shapes = {"jobs": JOB, "pipelines": PIPELINE}
    resolved: dict[str, Any] = {}
    for kind, entries in resources.items():
        resolved[kind] = {}
        for key, resource in entries.items():
            where = documents.places.get((kind, key), place.at("resources").at(kind).at(key))
            leave = _of_resource if leave_resources else _nothing
            documents.faulty[kind, key] = resource or {}
            with problems.caught():
                value = substitute(resource or {}, tree, where, leave=leave)
                if kind in shapes:
                    value = coerced(value, shapes[kind])
                    if problems.add(wrongs(value, shapes[kind], where, [])):
                        continue
                resolved[kind][key] = value
                del documents.faulty[kind, key]
    return resolved


def _nothing(path: str) -> bool:
    return False


def _with_ids(resources: Mapping[str, Any], bundle: str) -> dict[str, Any]:
    """The resources as references see them: with ids."""
    tree: dict[str, Any] = {}
    for kind, entries in resources.items():
        tree[kind] = {}
        for key, resource in entries.items():
            id: int | str = f"{kind}-{key}"
            if kind == "jobs":
                id = job_id(bundle, key)
            elif kind == "pipelines":
                id = pipeline_id(bundle, key)
            elif kind == "schemas":
                id = f"{resource.get('catalog_name')}.{resource.get('name')}"
            tree[kind][key] = {**resource, "id": id}
    return tree


def _build(
    name: str,
    target: str,
    mode: str | None,
    documents: Documents,
    tree: Mapping[str, Any],
    resources: Mapping[str, Any],
    root_place: Place,
    problems: Problems,
) -> Bundle:
    def place(kind: str, key: str) -> Place:
        return documents.places.get((kind, key), root_place.at("targets").at(target).at("resources").at(kind).at(key))

    jobs: dict[str, JobDefinition] = {}
    for key, raw in (resources.get("jobs") or {}).items():
        with problems.caught():
            jobs[key] = build_job(key, job_id(name, key), raw, place("jobs", key))
    pipelines: dict[str, PipelineSettings] = {}
    for key, raw in (resources.get("pipelines") or {}).items():
        with problems.caught():
            pipelines[key] = build_pipeline(key, pipeline_id(name, key), raw, place("pipelines", key), documents.root)
    faulty = [
        *documents.faulty,
        *(("jobs", key) for key in resources.get("jobs") or () if key not in jobs),
        *(("pipelines", key) for key in resources.get("pipelines") or () if key not in pipelines),
    ]
    others = [
        documents.places.get((kind, key), root_place.at("resources").at(kind).at(key))
        for kind, entries in resources.items()
        if kind not in ("jobs", "pipelines")
        for key in entries
    ]
    in_this_target = [p for p in documents.without_effect if _counts(p, target)]
    return Bundle(
        name=name,
        target=target,
        mode=mode,
        root=documents.root,
        named_from=documents.root.parent if root_place.file.count("/") else documents.root,
        workspace_folder=f"{tree['workspace']['root_path']}/files",
        jobs=jobs,
        pipelines=pipelines,
        variables=tree["var"],
        without_effect=tuple(dict.fromkeys([*in_this_target, *others])),
        faulty_ids=frozenset(
            str(job_id(name, key)) if kind == "jobs" else pipeline_id(name, key) for kind, key in faulty
        ),
    )


def _counts(place: Place, target: str) -> bool:
    """Whether a place is not one of another target."""
    return not place.path.startswith("targets.") or place.path.startswith(f"targets.{target}.")
