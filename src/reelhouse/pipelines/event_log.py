"""The event log of a pipeline: one JSON record a line, in the words of Databricks.

https://docs.databricks.com/aws/en/ldp/monitor-event-log-schema
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelhouse.clock import Clock
from reelhouse.pipelines.definitions import EventHook

FILE_NAME = "event_log.jsonl"
_ORIGIN = {"cloud": "local", "host": "localhost"}


class EventLog:
    """Writes the records of one update. From any thread."""

    def __init__(self, folder: Path, clock: Clock, origin: Mapping[str, Any], hooks: Sequence[EventHook] = ()) -> None:
        self._path = folder / FILE_NAME
        self._clock = clock
        self._origin = {**_ORIGIN, **origin}
        self._lock = threading.RLock()
        self._number = 0
        self._failures: dict[str, int] = {}
        self.hooks = list(hooks)

    def write(
        self,
        event_type: str,
        message: str,
        details: Mapping[str, Any],
        *,
        level: str = "INFO",
        error: str | None = None,
        **origin: Any,
    ) -> None:
        """Append a record. `origin` adds to it which dataset, flow or batch it is about."""
        with self._lock:
            self._number += 1
            record = {
                "id": str(uuid.uuid4()),
                "sequence": {"data_plane_id": {"seq_no": self._number}},
                "origin": {**self._origin, **{k: v for k, v in origin.items() if v is not None}},
                "timestamp": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "message": message,
                "level": level,
                "maturity_level": "STABLE",
                "error": None if error is None else {"fatal": True, "exceptions": [{"message": error}]},
                "details": {event_type: dict(details)},
                "event_type": event_type,
            }
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record, default=str) + "\n")
        self._call_hooks(record)

    def _call_hooks(self, record: dict[str, Any]) -> None:
        """Call the pipeline's hooks. One that fails too often in a row is called no more; none fails an update."""
        if record["event_type"] == "hook_progress":
            return
        for hook in list(self.hooks):
            try:
                hook.function(record)
                self._failures[hook.name] = 0
            except Exception as error:
                failures = self._failures[hook.name] = self._failures.get(hook.name, 0) + 1
                limit = hook.max_allowable_consecutive_failures
                state = "DISABLED" if limit is not None and failures > limit else "FAILED"
                if state == "DISABLED":
                    self.hooks.remove(hook)
                self.write(
                    "hook_progress",
                    f"Event hook '{hook.name}' failed: {error}",
                    {"name": hook.name, "status": state},
                    level="WARN",
                )


def read_event_log(folder: Path) -> list[dict[str, Any]]:
    """All records of a pipeline whose state lies in `folder`, oldest first. A line cut by a crash is left out."""
    try:
        lines = (folder / FILE_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records
