"""From an exported template to the folder that Data Factory keeps in Git.

https://learn.microsoft.com/azure/data-factory/source-control
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reelhouse.adf.arm.template import Resource, read_templates, templates_of
from reelhouse.errors import Place, UserError

_FOLDERS = {
    "factories": "factory",
    "pipelines": "pipeline",
    "datasets": "dataset",
    "linkedservices": "linkedService",
    "triggers": "trigger",
    "dataflows": "dataflow",
    "integrationruntimes": "integrationRuntime",
    "credentials": "credential",
    "managedvirtualnetworks": "managedVirtualNetwork",
    "managedvirtualnetworks/managedprivateendpoints": "managedVirtualNetwork/default/managedPrivateEndpoint",
}


@dataclass(frozen=True)
class Imported:
    """The files that were written, by their path in the folder, and parameters that had no value."""

    files: tuple[str, ...]
    missing: dict[str, Place]


def import_template(template: Path, folder: Path, *, parameters: Path | None = None, force: bool = False) -> Imported:
    """Write a template's objects as files into `folder`.

    Raises `UserError` when there is no template, or when a file is there already; `force` replaces such files. Either
    all files are written or none.
    """
    paths = templates_of(template)
    if not paths:
        raise UserError(
            f"There is no ARM template at '{template}'", remedy="Name ARMTemplateForFactory.json or its folder."
        )
    resources = read_templates(paths, parameters=parameters)
    files = {path: text for resource in resources.found for path, text in [_file(resource)]}
    there = [path for path in files if (folder / path).exists()]
    if there and not force:
        raise UserError(
            f"'{folder}' has {there[0]} already" + (f" and {len(there) - 1} more" if len(there) > 1 else ""),
            remedy="Name an empty folder, or replace the files with --force.",
        )
    _write(folder, files)
    return Imported(tuple(sorted(files)), resources.missing)


def _file(resource: Resource) -> tuple[str, str]:
    kind = resource.type.lower()
    if kind not in _FOLDERS:
        raise UserError(f"A '{resource.type}' has no place in a factory's folder", where=resource.place)
    content = {"name": resource.name, "properties": resource.properties}
    return f"{_FOLDERS[kind]}/{resource.name}.json", json.dumps(content, indent=4, ensure_ascii=False) + "\n"


def _write(folder: Path, files: dict[str, str]) -> None:
    """All files at once: written beside the folder first, so that a full disk leaves nothing half there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for path, text in files.items():
            target = stage / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        if not folder.exists():
            stage.chmod(0o755)
            os.rename(stage, folder)
            return
        for path in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(stage / path, folder / path)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
