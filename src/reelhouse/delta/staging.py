"""Where an engine puts the files of a write before they are committed: a hidden folder of the table.

`_staged/<host>-<pid>-<id>/[<mask>=3/][<partition>=x/]file.parquet`. Readers and VACUUM pass over names that begin with
`_`. A crash leaves nothing but such a folder, which a later write of any process clears away.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

_FOLDER = "_staged"
_FOREIGN_STALE_SECONDS = 7 * 24 * 3600
_NULL = ("__HIVE_DEFAULT_PARTITION__", "")


@dataclass(frozen=True)
class StagedFile:
    """A file that waits for its commit. `mask` says which expectations its rows break, bit by bit."""

    path: str
    mask: int = 0
    partition_values: dict[str, str | None] = field(default_factory=dict)


def new_stage(location: str) -> str:
    """A fresh name for a staging folder of the table, after stale ones are cleared away. It is not created."""
    clean_stale(location)
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    return str(Path(location) / _FOLDER / name)


def discard(folder: str) -> None:
    """Remove a staging folder, and the folder of all of them if it was the last."""
    path = Path(folder)
    shutil.rmtree(path, ignore_errors=True)
    if path.parent.name == _FOLDER:
        try:
            path.parent.rmdir()
        except OSError:
            pass  # others are at work


def clean_stale(location: str) -> list[str]:
    """Remove what crashed writes left behind, and return the folders removed.

    A folder is stale when its process was of this machine and has ended, or when it is a week old.
    """
    try:
        names = os.listdir(Path(location) / _FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return []
    stale = [str(Path(location) / _FOLDER / name) for name in names if _is_stale(Path(location) / _FOLDER / name)]
    for folder in stale:
        discard(folder)
    return stale


def _is_stale(folder: Path) -> bool:
    host, _, rest = folder.name.rpartition("-")[0].rpartition("-")
    if host == socket.gethostname() and rest.isdigit():
        return not _is_alive(int(rest))
    try:
        return time.time() - folder.stat().st_mtime > _FOREIGN_STALE_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def staged_files(folder: str, mask_column: str | None, partition_by: Sequence[str]) -> list[StagedFile]:
    """The files that an engine left in a staging folder, in order of their paths; none when it wrote no row."""
    found = []
    for path in sorted(Path(folder).rglob("*.parquet")):
        if path.name.startswith((".", "_")):
            continue
        values = _folder_values(path.relative_to(folder).parts[:-1])
        mask = int(values.get(mask_column.lower()) or 0) if mask_column else 0
        found.append(StagedFile(str(path), mask, {name: values.get(name.lower()) for name in partition_by}))
    return found


def _folder_values(parts: Sequence[str]) -> dict[str, str | None]:
    """The values that folders like `country=US` spell."""
    values: dict[str, str | None] = {}
    for part in parts:
        name, _, text = part.partition("=")
        values[unquote(name).lower()] = None if text in _NULL else unquote(text)
    return values
