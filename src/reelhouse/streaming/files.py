"""Small files that appear whole or not at all, and never in the place of another.

What a checkpoint is made of. A kill at any instruction leaves either no file or the complete one; a temporary name
begins with a dot, so that no reader takes it for an entry.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid


def put_if_absent(path: str, text: str) -> bool:
    """Write a new file; False when one is there already, which is left alone."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    temporary = _write_temporary(folder, text)
    try:
        os.link(temporary, path)  # unlike rename, never replaces
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    _sync_folder(folder)
    return True


def replace(path: str, text: str) -> None:
    """Write a file, in the place of the one that may be there."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    os.replace(_write_temporary(folder, text), path)
    _sync_folder(folder)


def temporary_folder(what: str) -> str:
    """A new folder that is gone when the process ends, and harmless when it is not."""
    folder = tempfile.mkdtemp(prefix=f"reelhouse-{what}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def read(path: str) -> str | None:
    """The content, or None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write_temporary(folder: str, text: str) -> str:
    temporary = os.path.join(folder, f".{uuid.uuid4().hex}.tmp")
    with open(temporary, "x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: str) -> None:
    """Make the new name itself survive a power cut, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
