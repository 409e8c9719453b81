"""How a target's values are put over those of the bundle.

https://docs.databricks.com/aws/en/dev-tools/bundles/overrides
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LIST_KEYS: Mapping[tuple[str, str], str] = {
    ("jobs", "tasks"): "task_key",
    ("jobs", "job_clusters"): "job_cluster_key",
    ("jobs", "parameters"): "name",
    ("jobs", "environments"): "environment_key",
    ("pipelines", "clusters"): "label",
}


def merge_resources(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Resources with those of a target put over them: mappings key by key, keyed lists by their key, others replaced.

    >>> merge_resources({"jobs": {"j": {"name": "a", "timeout_seconds": 5}}}, {"jobs": {"j": {"name": "b"}}})
    {'jobs': {'j': {'name': 'b', 'timeout_seconds': 5}}}
    """
    kinds = dict(base)
    for kind, resources in override.items():
        present = dict(kinds.get(kind) or {})
        for key, resource in (resources or {}).items():
            present[key] = _merge_resource(kind, present.get(key) or {}, resource or {})
        kinds[kind] = present
    return kinds


def _merge_resource(kind: str, base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in override.items():
        key = _LIST_KEYS.get((kind, name))
        if key is not None and isinstance(value, list) and isinstance(merged.get(name), list):
            merged[name] = _merge_keyed(merged[name], value, key)
        else:
            merged[name] = merge_values(merged.get(name), value)
    return merged


def _merge_keyed(base: Sequence[Any], override: Sequence[Any], key: str) -> list[Any]:
    """Two lists of mappings that are told apart by one of their fields."""
    merged = list(base)
    index = {item.get(key): i for i, item in enumerate(merged)}
    for item in override:
        at = index.get(item.get(key))
        if at is None:
            index[item.get(key)] = len(merged)
            merged.append(item)
        else:
            merged[at] = merge_values(merged[at], item)
    return merged


def merge_values(base: Any, override: Any) -> Any:
    """Mappings key by key; anything else is replaced."""
    if isinstance(base, Mapping) and isinstance(override, Mapping):
        keys = [*base, *(k for k in override if k not in base)]
        return {k: merge_values(base.get(k), override[k]) if k in override else base[k] for k in keys}
    return override
