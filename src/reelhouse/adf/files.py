"""Files of the lake on this machine: which ones a dataset and its `storeSettings` mean, and putting them where readers
look only when they are whole.

https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{32}\.part")


@dataclass(frozen=True)
class FileFilter:
    """Which files below a folder. `folder_pattern` starts at the container, as `wildcardFolderPath` does.

    `modified_start` is included, `modified_end` is not. `names` are relative paths from a list of files.
    """

    recursive: bool = True
    folder_pattern: str | None = None
    file_pattern: str | None = None
    prefix: str | None = None
    modified_start: datetime | None = None
    modified_end: datetime | None = None
    names: tuple[str, ...] | None = None

    @property
    def has_wildcard(self) -> bool:
        return self.folder_pattern is not None or self.file_pattern is not None


def find_files(
    local: Callable[[str], Path], folder: str, file: str | None, chosen: FileFilter
) -> tuple[Path, list[Path]]:
    """The base folder, and the files in it that are meant, sorted. A file that is named is returned unseen.

    `local` gives the local path of a path below the container.
    """
    if chosen.names is not None:
        base = local(folder)
        return base, [base / name for name in chosen.names]
    if chosen.prefix is not None:
        base = local("")
        found = [
            path for path in _walk(base, recursive=True) if path.relative_to(base).as_posix().startswith(chosen.prefix)
        ]
        return base, [path for path in found if _in_time(path, chosen)]
    if file is not None and not chosen.has_wildcard:
        path = local(f"{folder}/{file}" if folder else file)
        return path.parent, [path] if not path.is_file() or _in_time(path, chosen) else []
    if chosen.folder_pattern is None:
        base = local(folder)
        bases = [base]
    else:
        before, rest = _at_wildcard(chosen.folder_pattern)
        base = local(before)
        bases = _folders(base, rest)
    matches = re.compile(wildcard(chosen.file_pattern or "*"))
    found = [
        path
        for start in bases
        for path in _walk(start, recursive=chosen.recursive)
        if matches.fullmatch(path.name) and _in_time(path, chosen)
    ]
    return base, sorted(set(found))


def _walk(folder: Path, *, recursive: bool) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_dir():
            if recursive:
                yield from _walk(Path(entry.path), recursive=True)
        elif not is_temporary(entry.name):
            yield Path(entry.path)


def _folders(base: Path, parts: list[str]) -> list[Path]:
    """Folders below a base whose path matches, part by part."""
    level = [base]
    for part in parts:
        matches = re.compile(wildcard(part))
        level = [
            Path(entry.path)
            for folder in level
            if folder.is_dir()
            for entry in sorted(os.scandir(folder), key=lambda e: e.name)
            if entry.is_dir() and matches.fullmatch(entry.name)
        ]
    return level


def _at_wildcard(pattern: str) -> tuple[str, list[str]]:
    """The path before the first wildcard, and the parts from it on."""
    parts = pattern.strip("/").split("/")
    index = next((number for number, part in enumerate(parts) if re.search(r"[*?^]", part)), len(parts))
    return "/".join(parts[:index]), parts[index:]


def wildcard(pattern: str) -> str:
    """The regular expression of a wildcard: `*` any characters, `?` none or one, `^` escapes."""
    parts: list[str] = []
    escaped = False
    for char in pattern:
        if escaped:
            parts.append(re.escape(char))
            escaped = False
        elif char == "^":
            escaped = True
        else:
            parts.append({"*": "[^/]*", "?": "[^/]?"}.get(char, re.escape(char)))
    return "".join(parts)


def _in_time(path: Path, chosen: FileFilter) -> bool:
    if chosen.modified_start is None and chosen.modified_end is None:
        return True
    modified = modified_at(path)
    return (chosen.modified_start is None or modified >= chosen.modified_start) and (
        chosen.modified_end is None or modified < chosen.modified_end
    )


def modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def is_temporary(name: str) -> bool:
    """Whether a name is that of a file which is still being written here."""
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def put_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that appears at `path` when the block ends well, and never before; nothing stays otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("w+b") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class PutTogether:
    """Files to write that appear together, when all are whole: `commit` renames them, `abort` removes them."""

    def __init__(self) -> None:
        self._pending: list[tuple[Path, Path]] = []
        self._last: BinaryIO | None = None

    def create(self, path: Path) -> BinaryIO:
        """A new file that will be at `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        self._pending.append((temporary, path))
        self._last = temporary.open("w+b")
        return self._last

    def commit(self) -> int:
        """Show all files; the number of bytes in them comes back."""
        size = sum(temporary.stat().st_size for temporary, _ in self._pending)
        for temporary, path in self._pending:
            os.replace(temporary, path)
        self._pending.clear()
        return size

    def abort(self) -> None:
        """Remove what is not shown."""
        if self._last is not None:
            self._last.close()
        for temporary, _ in self._pending:
            temporary.unlink(missing_ok=True)


def copy_whole(source: Path, target: Path) -> int:
    """Copy a file, visible when whole; the number of bytes comes back."""
    with source.open("rb") as reader, put_whole(target) as writer:
        copied = _copy_inside_kernel(reader.fileno(), writer.fileno())
        if copied:
            writer.seek(copied)
            reader.seek(copied)
        shutil.copyfileobj(reader, writer, 1 << 20)
        return writer.tell()


def _copy_inside_kernel(source: int, target: int) -> int:
    """Copy as much as the system does without handing the bytes to this process; the number of bytes comes back."""
    copied = 0
    if not hasattr(os, "copy_file_range"):
        return copied
    try:
        while count := os.copy_file_range(source, target, 1 << 30, copied, copied):
            copied += count
    except OSError as error:
        # Between file systems, from pipes, or on old kernels the rest is copied in the ordinary way.
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ESPIPE, errno.EPERM):
            raise
    return copied


def content_md5(path: Path) -> str:
    """The MD5 of a file in base64, as Azure gives it."""
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "md5").digest()).decode("ascii")


def remove_leftovers(folder: Path, older_than_seconds: float, now: datetime) -> None:
    """Remove what a process that was killed left of files it was writing into a folder."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name) and _age(Path(entry.path), now) > older_than_seconds:
                Path(entry.path).unlink(missing_ok=True)


def _age(path: Path, now: datetime) -> float:
    try:
        return now.timestamp() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # whoever wrote it has just ended
