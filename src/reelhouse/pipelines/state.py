"""What a pipeline remembers between updates, as small JSON files: progress of flows, and what tables were made from.

A file is replaced whole, so a crash leaves the former content. Everything here may be behind the tables by what one
crash loses, never ahead of them.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reelhouse.errors import InternalError, UserError
from reelhouse.failpoints import reach


class PipelineState:
    """The folder of one pipeline's state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the pipeline for one update. Raises `UserError` when another process or thread holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "update.lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(
                    f"Pipeline '{name}' has an active update already",
                    remedy="Wait for it to end; a pipeline runs one update at a time.",
                ) from error
            yield

    def read(self, kind: str, name: str = "") -> dict[str, Any]:
        """A remembered document, empty when there is none."""
        try:
            content = json.loads(self._path(kind, name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, kind: str, name: str, content: Mapping[str, Any]) -> None:
        """Remember a document instead of the former one."""
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        reach(f"pipelines.before_{kind}")
        os.replace(temporary, path)
        reach(f"pipelines.after_{kind}")

    def forget(self, kind: str, name: str = "") -> None:
        """Forget a document, if there is one."""
        self._path(kind, name).unlink(missing_ok=True)

    def checkpoint(self, table: str, flow: str, generation: int) -> str:
        """Where the checkpoint of a streaming flow lies. A full refresh begins another generation."""
        return str(self.folder / "checkpoints" / _file_name(table) / _file_name(flow) / str(generation))

    def hidden_table(self, kind: str, name: str) -> str:
        """Where a table lies that nobody but the pipeline reads."""
        return str(self.folder / kind / _file_name(name))

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{_file_name(name)}.json" if name else self.folder / f"{kind}.json"


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", lambda m: f"%{ord(m[0]):02x}", name)


def to_json(version: Any) -> dict[str, Any] | None:
    """A snapshot's version as JSON that `from_json` gives back with its type."""
    if version is None:
        return None
    if isinstance(version, datetime):
        return {"type": "datetime", "value": version.isoformat()}
    if isinstance(version, date):
        return {"type": "date", "value": version.isoformat()}
    return {"type": type(version).__name__, "value": version}


def from_json(stored: Mapping[str, Any] | None) -> Any:
    """The version that `to_json` stored."""
    if stored is None:
        return None
    if stored["type"] == "datetime":
        return datetime.fromisoformat(stored["value"])
    if stored["type"] == "date":
        return date.fromisoformat(stored["value"])
    if stored["type"] not in ("int", "str", "float"):
        raise InternalError(f"A snapshot's version of type {stored['type']} was stored")
    return stored["value"]
