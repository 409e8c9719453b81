"""The state of what an update reads, told without an engine: newest log entries of tables, listings of files."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reelhouse.storage.lake import Lake

if TYPE_CHECKING:
    from reelhouse.catalog.catalog import Catalog

_CLOCK_STEP_NS = 10_000_000
"""How far a file's time may lie before the moment of its writing (the kernel's tick)."""


def table_fingerprint(location: str) -> str | None:
    """What tells one state of a Delta table from another: its newest log entry, with time and size."""
    newest = ""
    try:
        with os.scandir(os.path.join(location, "_delta_log")) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and entry.name[:-5].isdigit() and entry.name > newest:
                    newest = entry.name
        if not newest:
            return None
        status = os.stat(os.path.join(location, "_delta_log", newest))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{int(newest[:-5])}:{status.st_mtime_ns}:{status.st_size}"


def files_fingerprint(path: str) -> str:
    """What tells one content of a folder, file or glob from another: names, times and sizes. A table counts as one."""
    table = table_fingerprint(path)
    if table is not None:
        return table
    digest, newest, number = hashlib.sha256(), 0, 0
    for name in sorted(_files(path)):
        status = os.stat(name)
        digest.update(f"{name}\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
        newest, number = max(newest, status.st_mtime_ns), number + 1
    return f"{digest.hexdigest()}:{newest}:{number}"


def _files(path: str) -> Iterable[str]:
    for found in glob.glob(path) if glob.has_magic(path) else [path]:
        if os.path.isdir(found):
            yield from (os.path.join(folder, name) for folder, _, names in os.walk(found) for name in names)
        elif os.path.exists(found):
            yield found


class Inputs:
    """Finds tables by their names and files by their addresses."""

    def __init__(self, catalog: Catalog, lake: Lake) -> None:
        self._catalog = catalog
        self._lake = lake

    def table(self, name: str) -> str | None:
        """The state of a table of the catalog; None when there is none, or it is a view."""
        entry = self._catalog.find(name)
        if entry is None or not entry.location:
            return None
        state = table_fingerprint(entry.location)
        return None if state is None else f"{entry.location}:{state}"

    def files(self, address: str) -> str:
        """The state of files of the lake."""
        return files_fingerprint(self._lake.local(address))

    def states(self, tables: Iterable[str], addresses: Iterable[str]) -> dict[str, str] | None:
        """All their states by name; None when one cannot be told."""
        found: dict[str, str] = {}
        for name in tables:
            state = self.table(name)
            if state is None:
                return None
            found[f"table {name}"] = state
        for address in addresses:
            found[f"files {address}"] = self.files(address)
        return found

    def again(self, states: Iterable[str]) -> dict[str, str | None]:
        """The present states of what `states` returned the names of."""
        found: dict[str, str | None] = {}
        for key in states:
            kind, _, name = key.partition(" ")
            found[key] = self.table(name) if kind == "table" else self.files(name)
        return found


def is_older(state: str, moment_ns: int) -> bool:
    """Whether a state came about before a moment: that of a table (its location before it or not) or of files."""
    return int(state.rsplit(":", 2)[1]) < moment_ns - _CLOCK_STEP_NS
