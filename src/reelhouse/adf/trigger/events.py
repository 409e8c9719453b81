"""Which events start a trigger, as pure functions: files of a container that came or went, and published events.

https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger
https://learn.microsoft.com/azure/data-factory/how-to-create-custom-event-trigger
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reelhouse.adf.trigger.definition import BlobEventsTrigger, CustomEventsTrigger
from reelhouse.errors import UserError

CREATED, DELETED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"


@dataclass(frozen=True)
class Blob:
    """A file of a storage account. `stamp` changes when it is written again."""

    size: int
    stamp: str


@dataclass(frozen=True)
class BlobEvent:
    """A file `path` (`container/folder/file.csv`) that came or went. `stamp` is empty for one that went."""

    event: str
    path: str
    size: int
    stamp: str

    def body(self) -> dict[str, str]:
        """What `@triggerBody()` is; the folder begins with the container."""
        folder, _, name = self.path.rpartition("/")
        return {"fileName": name, "folderPath": folder}


def changes(before: Mapping[str, Blob], now: Mapping[str, Blob]) -> list[BlobEvent]:
    """What happened between two listings of a storage account, by path."""
    found = []
    for path in sorted(before.keys() | now.keys()):
        new = now.get(path)
        if new is None:
            found.append(BlobEvent(DELETED, path, before[path].size, ""))
        elif new != before.get(path):
            found.append(BlobEvent(CREATED, path, new.size, new.stamp))
    return found


def settled(earlier: Mapping[str, Blob], now: Mapping[str, Blob], known: Mapping[str, Blob]) -> dict[str, Blob]:
    """The files of `now` that count: those that did not change since an `earlier` look.

    A file that is being written is left as it is `known`, and counts once it stays the same.
    """
    found = {}
    for path, blob in now.items():
        if earlier.get(path) == blob:
            found[path] = blob
        elif path in known:
            found[path] = known[path]
    return found


def starts_on_blob(settings: BlobEventsTrigger, event: BlobEvent) -> bool:
    """Whether a storage event trigger starts its pipelines for a change of a file."""
    if event.event not in settings.events:
        return False
    if settings.ignore_empty_blobs and event.size == 0 and event.event == CREATED:
        return False
    container, _, rest = event.path.partition("/")
    full = f"/{container}/blobs/{rest}"
    begins, ends = settings.blob_path_begins_with, settings.blob_path_ends_with
    return full.startswith(begins) and full.endswith(ends)


def container_of(settings: BlobEventsTrigger) -> str | None:
    """The container that a trigger watches, None for all of its account."""
    path = settings.blob_path_begins_with or settings.blob_path_ends_with
    container, slash, _ = path.removeprefix("/").partition("/blobs/")
    return container if path.startswith("/") and slash else None


def account_of(settings: BlobEventsTrigger) -> str:
    """The name of the storage account in `scope`."""
    return settings.scope.rstrip("/").rpartition("/")[2]


def topic_of(settings: CustomEventsTrigger) -> str:
    """The name of the Event Grid topic in `scope`."""
    return settings.scope.rstrip("/").rpartition("/")[2]


def starts_on_event(settings: CustomEventsTrigger, event: Mapping[str, Any]) -> bool:
    """Whether a custom event trigger starts its pipelines for an event. Letter case of types is ignored."""
    types = [str(name).lower() for name in settings.events]
    if str(event.get("eventType", "")).lower() not in types:
        return False
    subject = str(event.get("subject", ""))
    return subject.startswith(settings.subject_begins_with) and subject.endswith(settings.subject_ends_with)


def read_events(body: Any, topic: str) -> list[dict[str, Any]]:
    """Published events in Event Grid's schema or as CloudEvents 1.0, one or a list, in Event Grid's schema.

    Raises `UserError` for what is neither.
    """
    raw: Iterable[Any] = body if isinstance(body, list) else [body]
    return [_event(item, topic) for item in raw]


def _event(raw: Any, topic: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise UserError("An event is a JSON object")
    event = dict(raw)
    if "specversion" in raw:
        event["eventType"] = raw.get("type")
        event["eventTime"] = raw.get("time")
    for name in ("id", "eventType") if "specversion" in raw else ("id", "eventType", "subject", "eventTime"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise UserError(f"The event lacks '{'type' if name == 'eventType' and 'specversion' in raw else name}'")
    event.setdefault("topic", topic)
    return event
