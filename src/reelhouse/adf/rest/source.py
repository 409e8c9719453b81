"""The documents of a REST source, page by page.

https://learn.microsoft.com/azure/data-factory/connector-rest#rest-as-source
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.dataset import OpenDataset, RestEndpoint
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.movement.rows import Documents, Progress
from reelhouse.adf.rest.pages import RestRead, endpoint_of, pages, read_rest_source
from reelhouse.errors import Place, UserError

FILE_PATH = "$$FILEPATH"
COLUMN = "$$COLUMN:"


def open_rest_source(ctx: ActivityContext, raw: Mapping[str, Any], dataset: OpenDataset, place: Place) -> Documents:
    """The documents that a RestSource (its JSON, not evaluated) reads of a dataset. Nothing is asked for yet.

    Each object that a page has at its root, or in the array at its root, is a document. Raises `UserError`.
    """
    settings = ctx.value(dict(raw), "source")
    read = read_rest_source(ctx, dataset, settings, place)
    columns = _columns(settings.get("additionalColumns"), place.at("additionalColumns"))
    progress = Progress()
    return Documents(_documents(ctx, endpoint_of(dataset, place), read, columns, progress), progress)


def _columns(raw: Any, place: Place) -> dict[str, str]:
    """The additional columns by name. Raises `UserError`."""
    columns = {text(item.get("name")): text(item.get("value")) for item in raw or []}
    if FILE_PATH in columns.values():
        raise UserError(f"A REST endpoint has no {FILE_PATH}", where=place)
    return columns


def _documents(
    ctx: ActivityContext, endpoint: RestEndpoint, read: RestRead, columns: Mapping[str, str], progress: Progress
) -> Iterator[dict[str, Any]]:
    """One page at a time is in memory. Raises `ActivityFailed`."""
    for page in pages(ctx, endpoint, read):
        progress.data_read += page.size
        for document in page.document if isinstance(page.document, list) else [page.document]:
            if not isinstance(document, dict):
                raise ActivityFailed(
                    "2200", f"ErrorCode=JsonInvalidDataFormat,{endpoint.url} answered with values that are no objects"
                )
            for name, value in columns.items():
                document[name] = document.get(value.removeprefix(COLUMN)) if value.startswith(COLUMN) else value
            yield document
