"""What a micro-batch query asks of its sources.

A source knows positions (offsets) in what it reads and turns a range of them into rows. It starts no engine and reads
no data until rows are asked for, so that a run without news costs a look and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from reelhouse.streaming import files
from reelhouse.streaming.checkpoint import Offset
from reelhouse.streaming.errors import StreamingError

Relation = Any
"""A `pyspark.sql.connect.proto.Relation`, whose import costs half a second and is left to those who build one."""


@dataclass(frozen=True)
class SourceSpec:
    """A streaming read as the user wrote it. `path` is an address, `table` a name; one of them is set."""

    format: str
    path: str | None = None
    table: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    schema: str | None = None

    @property
    def address(self) -> str:
        return self.table or self.path or ""


@dataclass(frozen=True)
class Limit:
    """How much one batch may take. None is no limit. The byte limit is soft: the file that passes it is still taken."""

    files: int | None = None
    bytes: int | None = None

    def reached(self, files: int, bytes: int) -> bool:
        """Whether a batch that holds so much takes no further file.

        >>> Limit(files=2).reached(1, 10_000), Limit(bytes=10).reached(1, 10)
        (False, True)
        """
        return (self.files is not None and files >= self.files) or (self.bytes is not None and bytes >= self.bytes)


NO_LIMIT = Limit()


@dataclass(frozen=True)
class Batch:
    """What a source gives to one batch. `relation` builds the read; `rows` is known to some sources only.

    `of_table` tells files of a Delta table from files that came into the lake from outside.
    """

    files: int
    bytes: int
    relation: Callable[[], Relation]
    rows: int | None = None
    of_table: bool = False


class Source(Protocol):
    """A place that rows keep coming from."""

    kind: str
    description: str

    def prepare(self) -> None:
        """Raise what would keep the query from starting."""

    def refresh(self, start: Offset | None) -> None:
        """Look for news. `start` is the end of the last planned batch, None before the first."""

    def next_offset(self, start: Offset | None, *, limited: bool = True) -> Offset | None:
        """Where a batch that begins at `start` ends, within what `refresh` saw; `start` itself when nothing is new."""

    def batch(self, start: Offset | None, end: Offset) -> Batch:
        """The rows after `start` up to `end`. The same range gives the same rows in any process."""

    def nothing(self) -> Batch:
        """No rows, of the source's schema."""

    def committed(self, end: Offset) -> None:
        """All up to `end` has reached the sink."""

    def outstanding(self, end: Offset | None) -> tuple[int, int] | None:
        """Files and bytes that are known and lie after `end`, when the source counts them."""

    def close(self) -> None:
        """Let go of what is open."""


def remember(folder: str, spec: SourceSpec, address: str) -> None:
    """Keep in `sources/<n>/` what is read there; refuse when it was something else.

    Offsets are positions in one source, so they say nothing in another. Options may change between runs. `address` is
    where the source lies, in a spelling that does not change when the lake is moved to another folder.
    """
    path = f"{folder}/source.json"
    now = {"format": spec.format, "address": address}
    text = files.read(path)
    if text is not None:
        before = json.loads(text)
        if {name: before.get(name) for name in now} != now:
            raise StreamingError(
                "STREAMING_CHECKPOINT_MISMATCH",
                f"The checkpoint source '{folder}' has read {before.get('format')} '{before.get('address')}' and now "
                f"{now['format']} '{now['address']}' is asked for. Cannot continue.",
                remedy="Use a new checkpointLocation for another source.",
            )
        if before == {**now, "spec": asdict(spec)}:
            return
    files.replace(path, json.dumps({**now, "spec": {**asdict(spec), "options": dict(spec.options)}}))


def remembered_address(folder: str) -> tuple[SourceSpec, str] | None:
    """The source as it was last started and its address, None when it never was."""
    text = files.read(f"{folder}/source.json")
    if text is None:
        return None
    kept = json.loads(text)
    return SourceSpec(**kept["spec"]), kept["address"]
