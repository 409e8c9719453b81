"""Files of the lake, as `dbutils.fs` shows them.

https://docs.databricks.com/aws/en/dev-tools/databricks-utils#dbutils-fs
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

from reelhouse.errors import UserError
from reelhouse.storage.lake import Lake


class FileInfo(NamedTuple):
    """One file or folder of a listing. Folders end in `/` and have size 0; times are milliseconds since 1970."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        return self.name.endswith("/")

    def isFile(self) -> bool:
        return not self.isDir()


class MountInfo(NamedTuple):
    mountPoint: str
    source: str
    encryptionType: str


class Files:
    """The verbs of `dbutils.fs` over the lake's folders. A write is seen whole or not at all."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def ls(self, url: str) -> list[FileInfo]:
        """What lies in a folder, by name; of a file, itself."""
        path = self._existing(url)
        base = _spelled(url).rstrip("/")
        if path.is_file():
            return [_info(path, base)]
        entries = sorted((e for e in os.scandir(path) if not _unfinished(e.name)), key=lambda e: e.name)
        return [_info(Path(e.path), f"{base}/{e.name}") for e in entries]

    def head(self, url: str, max_bytes: int = 65536) -> str:
        """The first bytes of a file, as UTF-8 text."""
        path = self._existing(url)
        if path.is_dir():
            raise UserError(f"'{url}' is a folder, and head reads a file")
        with path.open("rb") as file:
            return file.read(max_bytes).decode("utf-8", errors="replace")

    def put(self, url: str, contents: str, overwrite: bool = False) -> int:
        """Write a text. Returns the bytes written. Raises `UserError` when the file is there and must not be."""
        path = self._path(url)
        if path.exists() and not overwrite:
            raise UserError(f"'{url}' exists", remedy="Pass overwrite=True to replace it.")
        data = contents.encode("utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = _temporary(path)
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
        return len(data)

    def mkdirs(self, url: str) -> None:
        path = self._path(url)
        if path.is_file():
            raise UserError(f"'{url}' is a file")
        path.mkdir(parents=True, exist_ok=True)

    def rm(self, url: str, recurse: bool = False) -> bool:
        """Remove a file, or a folder with all in it. False when there was nothing."""
        path = self._path(url)
        if not path.exists():
            return False
        if path.is_file():
            path.unlink()
        elif recurse:
            shutil.rmtree(path)
        elif any(path.iterdir()):
            raise UserError(
                f"'{url}' is a folder that is not empty", remedy="Pass recurse=True to remove what it holds."
            )
        else:
            path.rmdir()
        return True

    def cp(self, source: str, target: str, recurse: bool = False) -> None:
        """Copy a file (into a folder, when the target is one), or a folder's content."""
        origin, goal = self._existing(source), self._path(target)
        if origin.is_dir():
            if not recurse:
                raise UserError(f"'{source}' is a folder", remedy="Pass recurse=True to copy what it holds.")
            for file in sorted(p for p in origin.rglob("*") if p.is_file() and not _unfinished(p.name)):
                _copy(file, goal / file.relative_to(origin))
        else:
            _copy(origin, goal / origin.name if goal.is_dir() else goal)

    def mv(self, source: str, target: str, recurse: bool = False) -> None:
        """Move, which on the platform too is a copy and a removal."""
        self.cp(source, target, recurse)
        self.rm(source, recurse)

    def mounts(self) -> list[MountInfo]:
        return [MountInfo(f"/mnt/{name}", source, "") for name, source in sorted(self._lake.mounts.items())]

    def _path(self, url: str) -> Path:
        return Path(self._lake.local(url))

    def _existing(self, url: str) -> Path:
        path = self._path(url)
        if not path.exists():
            raise UserError(
                f"java.io.FileNotFoundException: '{url}' does not exist",
                remedy=f"It was looked for at '{path}'.",
            )
        return path


def _spelled(url: str) -> str:
    """An address as listings spell it: paths without a scheme are of the Databricks file system."""
    if "://" in url or url.startswith(("dbfs:", "file:")):
        return url
    if url.startswith(("/Volumes/", "/mnt/", "/Workspace/")):
        return f"dbfs:{url}"
    return f"file:{os.path.abspath(url)}"


def _info(path: Path, url: str) -> FileInfo:
    status = path.stat()
    millis = status.st_mtime_ns // 1_000_000
    if path.is_dir():
        return FileInfo(f"{url}/", f"{path.name}/", 0, millis)
    return FileInfo(url, path.name, status.st_size, millis)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def _unfinished(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _temporary(target)
    shutil.copyfile(source, unfinished)
    os.replace(unfinished, target)
