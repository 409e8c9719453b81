"""What a target's mode and presets do to jobs and pipelines.

https://docs.databricks.com/aws/en/dev-tools/bundles/deployment-modes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reelhouse.errors import Place, UserError

_DEVELOPMENT_CONCURRENCY = 4


def short_name(user: str) -> str:
    """A user's name as it stands in prefixes.

    >>> short_name("ada.lovelace@example.com")
    'ada_lovelace'
    """
    return re.sub(r"[^A-Za-z0-9]", "_", user.split("@")[0]).strip("_").lower() or "user"


def apply_mode(resources: dict[str, Any], mode: str | None, presets: Mapping[str, Any], user_short_name: str) -> None:
    """Change the resources (in place) as the mode and the presets, which win, demand."""
    development = mode == "development"
    prefix = presets.get("name_prefix", f"[dev {user_short_name}] " if development else "")
    pause = presets.get("trigger_pause_status", "PAUSED" if development else None)
    concurrency = presets.get("jobs_max_concurrent_runs", _DEVELOPMENT_CONCURRENCY if development else None)
    tags = {**({"dev": user_short_name} if development else {}), **(presets.get("tags") or {})}
    for job in (resources.get("jobs") or {}).values():
        job["name"] = f"{prefix}{job.get('name') or 'Untitled'}"
        job["tags"] = {**tags, **(job.get("tags") or {})}
        if concurrency is not None and job.get("max_concurrent_runs") in (None, 1):
            job["max_concurrent_runs"] = concurrency
        for trigger in ("schedule", "trigger", "continuous"):
            if job.get(trigger) and pause and job[trigger].get("pause_status") is None:
                job[trigger] = {**job[trigger], "pause_status": pause}
    for key, pipeline in (resources.get("pipelines") or {}).items():
        pipeline["name"] = f"{prefix}{pipeline.get('name') or key}"
        if presets.get("pipelines_development", development):
            pipeline["development"] = True
        if development:
            pipeline["continuous"] = False
    schema_prefix = re.sub(r"\W+", "_", prefix).strip("_")
    for schema in (resources.get("schemas") or {}).values():
        if schema_prefix and isinstance(schema, dict) and schema.get("name"):
            schema["name"] = f"{schema_prefix}_{schema['name']}"


def check_production(
    target: str, resources: Mapping[str, Any], *, has_root_path: bool, has_run_as: bool, place: Place
) -> None:
    """Raise `UserError` where a production target would be refused on deployment."""
    for key, pipeline in (resources.get("pipelines") or {}).items():
        if pipeline.get("development") is True:
            raise UserError(
                f"Pipeline '{key}' is a development pipeline, and target '{target}' has mode production",
                where=place,
                remedy="Set 'development: false', or leave it out.",
            )
    if not has_root_path and not has_run_as:
        raise UserError(
            f"Target '{target}' has mode production, and neither 'workspace.root_path' nor 'run_as'",
            where=place,
            remedy="Set one of them, so that only one copy is deployed.",
        )
