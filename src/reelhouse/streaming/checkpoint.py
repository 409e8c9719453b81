"""A query's memory between runs, in the layout of Spark.

    metadata          {"id": "<query id>"}
    offsets/N         v1, a line of metadata, a line for each source: where batch N ends. Written before the batch runs
    commits/N         v1, {"nextBatchWatermarkMs":0}. Written after the sink has batch N
    sources/K/        what source K keeps for itself

An entry is written once and never changed, so two runs cannot both write batch N. Offsets without a commit mean that
the batch may or may not have reached the sink: it is run again, with the very same end, and the sink recognises a
repetition by query id and batch number.
https://docs.databricks.com/aws/en/structured-streaming/checkpoints
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelhouse.failpoints import reach
from reelhouse.streaming import files
from reelhouse.streaming.errors import ConcurrentQuery, StreamingError
from reelhouse.streaming.lock import Lock

Offset = Mapping[str, Any]
"""How far a source has been read, as JSON. What it means is the source's own affair."""

_BATCHES_KEPT = 100
_NO_OFFSET = "-"


@dataclass(frozen=True)
class Offsets:
    """Where a batch ends: an offset for each source, None for one that has given nothing yet."""

    sources: tuple[Offset | None, ...]
    timestamp_ms: int = 0
    conf: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The file's content."""
        head = {"batchWatermarkMs": 0, "batchTimestampMs": self.timestamp_ms, "conf": dict(self.conf)}
        lines = [_NO_OFFSET if offset is None else _json(offset) for offset in self.sources]
        return "\n".join(["v1", _json(head), *lines])


def parse_offsets(text: str, path: str) -> Offsets:
    """Read a file's content. Raises `StreamingError` when it is not one that `Offsets.text` writes."""
    lines = text.split("\n")
    if lines[0] != "v1" or len(lines) < 2:
        raise _damaged(path)
    try:
        head = json.loads(lines[1])
        sources = tuple(None if line == _NO_OFFSET else json.loads(line) for line in lines[2:])
    except ValueError as cause:
        raise _damaged(path) from cause
    return Offsets(sources, int(head.get("batchTimestampMs", 0)), head.get("conf", {}))


class Checkpoint:
    """The checkpoint folder of one query. Opened without a lock it only answers questions."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._lock: Lock | None = None

    def acquire(self) -> None:
        """Make this process the only one that runs the query, until `release` or the end of the process.

        Raises `ConcurrentQuery` when another holds it.
        """
        os.makedirs(self.folder, exist_ok=True)
        lock = Lock(os.path.join(self.folder, ".lock"))
        if not lock.take():
            raise ConcurrentQuery(self.folder, "another run of the query is active")
        self._lock = lock

    def release(self) -> None:
        if self._lock is not None:
            self._lock.give_back()
            self._lock = None

    def query_id(self) -> str:
        """The query's id, made at its first start and the same ever after."""
        path = os.path.join(self.folder, "metadata")
        known = files.read(path)
        if known is None:
            reach("streaming.metadata")
            files.put_if_absent(path, _json({"id": str(uuid.uuid4())}))
            known = files.read(path) or ""
        try:
            return str(json.loads(known)["id"])
        except (ValueError, KeyError, TypeError) as cause:
            raise _damaged(path) from cause

    def source_folder(self, index: int) -> str:
        """Where source `index` keeps what it needs."""
        return os.path.join(self.folder, "sources", str(index))

    def last_offsets(self) -> tuple[int, Offsets] | None:
        """The newest batch that was planned, and its end."""
        batch_id = _newest(self._path("offsets"))
        return None if batch_id is None else (batch_id, self.offsets(batch_id))

    def offsets(self, batch_id: int) -> Offsets:
        """Where a batch ends. Raises `StreamingError` when it was never planned or is no longer kept."""
        path = self._path("offsets", batch_id)
        text = files.read(path)
        if text is None:
            raise StreamingError("BATCH_METADATA_NOT_FOUND", f"Unable to find batch {path}.")
        return parse_offsets(text, path)

    def last_commit(self) -> int | None:
        """The newest batch that reached the sink."""
        return _newest(self._path("commits"))

    def write_offsets(self, batch_id: int, offsets: Offsets) -> None:
        """Fix a batch. Raises `ConcurrentQuery` when another run was first."""
        if not files.put_if_absent(self._path("offsets", batch_id), offsets.text()):
            raise ConcurrentQuery(self.folder, f"batch {batch_id} was planned by another run")

    def write_commit(self, batch_id: int) -> None:
        """Say that the sink has the batch, and forget batches that no recovery needs."""
        if not files.put_if_absent(self._path("commits", batch_id), 'v1\n{"nextBatchWatermarkMs":0}'):
            raise ConcurrentQuery(self.folder, f"batch {batch_id} was committed by another run")
        for kind in ("offsets", "commits"):
            # One at a time: the entry that leaves the window. One that a crash left over harms nobody.
            if batch_id >= _BATCHES_KEPT:
                _remove(self._path(kind, batch_id - _BATCHES_KEPT))

    def _path(self, kind: str, batch_id: int | None = None) -> str:
        folder = os.path.join(self.folder, kind)
        return folder if batch_id is None else os.path.join(folder, str(batch_id))


def check_same_sources(found: Sequence[Offset | None], wanted: int, folder: str) -> None:
    """Refuse to go on with another number of sources than the checkpoint has."""
    if len(found) != wanted:
        raise StreamingError(
            "STREAMING_CHECKPOINT_MISMATCH",
            f"There are {len(found)} sources in the checkpoint offsets of '{folder}' and now there are {wanted} "
            "sources requested by the query. Cannot continue.",
            remedy="Use a new checkpointLocation for a changed query.",
        )


def _newest(folder: str) -> int | None:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return None
    return max((int(name) for name in names if name.isdigit()), default=None)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _damaged(path: str) -> StreamingError:
    return StreamingError(
        "MALFORMED_LOG_FILE",
        f"Log file was malformed: failed to read correct log version from {path}.",
        remedy="The checkpoint was changed by hand or belongs to another program; use a new checkpointLocation.",
    )
