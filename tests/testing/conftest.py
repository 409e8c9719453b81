"""Small factories of dictionaries, for the plugin to work on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

_TOP = {"policy", "inputs", "outputs", "linkedServiceName", "state", "onInactiveMarkAs"}


@pytest.fixture
def act() -> Callable[..., dict[str, Any]]:
    """A function that makes an activity. `after` is a name (Succeeded), or a mapping of names to a condition."""

    def make(name: str, kind: str, after: Any = (), **properties: Any) -> dict[str, Any]:
        if isinstance(after, str):
            after = {after: "Succeeded"}
        dependencies = [{"activity": key, "dependencyConditions": [value]} for key, value in dict(after).items()]
        top = {key: properties.pop(key) for key in list(properties) if key in _TOP}
        return {"name": name, "type": kind, "dependsOn": dependencies, "typeProperties": properties, **top}

    return make
