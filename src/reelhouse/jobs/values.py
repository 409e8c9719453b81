"""The task values of one job run.

https://docs.databricks.com/aws/en/jobs/task-values
"""

from __future__ import annotations

import json
import threading
from typing import Any


class TaskValues:
    """JSON values by task and key. From any thread."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def set(self, task_key: str, key: str, value: Any) -> None:
        # Through JSON, so that a reader sees what the platform would give it: tuples become lists, keys become text.
        plain = json.loads(json.dumps(value))
        with self._lock:
            self._values.setdefault(task_key, {})[key] = plain

    def of(self, task_key: str) -> dict[str, Any]:
        """All values of a task."""
        with self._lock:
            return dict(self._values.get(task_key, {}))

    def seen_by(self, task_key: str) -> BoundTaskValues:
        """The values as the notebook of a task reads and sets them."""
        return BoundTaskValues(self, task_key)


class BoundTaskValues:
    """The port that `dbutils.jobs.taskValues` stands on."""

    def __init__(self, values: TaskValues, task_key: str) -> None:
        self._values = values
        self._task_key = task_key

    def set(self, key: str, value: Any) -> None:
        self._values.set(self._task_key, key, value)

    def get(self, task_key: str, key: str) -> Any:
        return self._values.of(task_key)[key]
