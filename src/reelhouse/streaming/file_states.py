"""The table function `cloud_files_state`, for a checkpoint's address."""

from __future__ import annotations

import os
from typing import Any

from reelhouse.autoloader import state
from reelhouse.errors import UserError
from reelhouse.storage.lake import Lake
from reelhouse.streaming.checkpoint import Checkpoint
from reelhouse.streaming.selection import selection_of
from reelhouse.streaming.source import remembered_address


def cloud_files_state(checkpoint: str, lake: Lake) -> list[dict[str, Any]]:
    """A row for each file that the streams of a checkpoint have found. `path` is its address.

    Raises `UserError` when there is no checkpoint.
    https://docs.databricks.com/aws/en/sql/language-manual/functions/cloud_files_state
    """
    folder = lake.local(checkpoint)
    if not os.path.exists(os.path.join(folder, "metadata")):
        raise UserError(f"There is no checkpoint at '{checkpoint}'", remedy=f"It would lie at {folder}.")
    roots: dict[int, str] = {}
    sources = os.path.join(folder, "sources")
    for name in os.listdir(sources) if os.path.isdir(sources) else []:
        known = remembered_address(Checkpoint(folder).source_folder(int(name))) if name.isdigit() else None
        if known is not None and known[0].format.lower() not in ("delta", ""):
            spec, address = known
            roots[int(name)] = lake.url(selection_of(spec, lake.local(address)).root)
    return state.cloud_files_state(folder, root_of=roots)
