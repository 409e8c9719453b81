"""Lists the files of a storage account of the local lake, for triggers of storage events."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reelhouse.adf.trigger.events import Blob
from reelhouse.storage.lake import Lake


def list_blobs(lake: Lake, account: str, container: str | None) -> dict[str, Blob]:
    """The files by `container/path`. Names that begin with a dot are files in the making, and left out."""
    root = lake.root / account
    if container is None:
        names = [entry.name for entry in _entries(root) if entry.is_dir() and not entry.name.startswith(".")]
    else:
        names = [container]
    found = {}
    for name in names:
        for entry in _files(root / name):
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # gone since it was listed
            stamp = f"{status.st_mtime_ns}-{status.st_ino}"
            found[Path(entry.path).relative_to(root).as_posix()] = Blob(status.st_size, stamp)
    return found


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.is_file():
            yield entry


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
