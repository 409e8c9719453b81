"""Whether a query would have anything to do: asked of its checkpoint alone, in milliseconds.

Neither the engine nor the client is needed, nor the code that defines the query. So whoever runs a query again and
again (a pipeline, a notebook task) can leave all that unstarted when nothing is new. The answer is about sources only:
whether the query itself has changed is for the caller to know.
"""

from __future__ import annotations

import os

from reelhouse.clock import Clock, SystemClock
from reelhouse.storage.lake import Lake
from reelhouse.streaming.checkpoint import Checkpoint, Offset
from reelhouse.streaming.source import remembered_address


def has_news(checkpoint: str, lake: Lake, clock: Clock | None = None) -> bool:
    """Whether a run of the query with this checkpoint (an address) would read anything.

    True also when that cannot be told: the query never ran, its last batch was not committed, or a source is of a kind
    that has to be asked in full. Nothing is written.
    """
    query = Checkpoint(lake.local(checkpoint))
    newest = query.last_offsets()
    if newest is None or query.last_commit() != newest[0]:
        return True
    clock = clock or SystemClock()
    return any(
        _has_news(query.source_folder(index), offset, lake, clock) for index, offset in enumerate(newest[1].sources)
    )


def _has_news(folder: str, offset: Offset | None, lake: Lake, clock: Clock) -> bool:
    known = remembered_address(folder)
    if known is None:
        return True
    spec, address = known
    if spec.format.lower() in ("delta", ""):
        return _table_has_news(lake.local(address), offset)
    from reelhouse.autoloader.discovery import new_files
    from reelhouse.autoloader.state import FILE_NAME, FileState
    from reelhouse.streaming.selection import selection_of

    if not os.path.exists(os.path.join(folder, FILE_NAME)):
        return True
    state = FileState(folder)
    try:
        number = 0 if offset is None else int(offset.get("seqNum", offset.get("logOffset", 0)))
        if state.outstanding(number)[0]:
            return True
        return bool(new_files(selection_of(spec, lake.local(address)), state, clock.now()))
    finally:
        state.close()


def _table_has_news(location: str, offset: Offset | None) -> bool:
    from reelhouse.delta import log

    newest = log.current_version(location)
    # A table that has fewer versions than were read is another one, which the run will say.
    return offset is None or offset["isStartingVersion"] or newest != offset["reservoirVersion"] - 1
