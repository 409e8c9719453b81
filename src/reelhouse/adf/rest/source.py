"""The documents of a REST source, page by page.

https://learn.microsoft.com/azure/data-factory/connector-rest#rest-as-source
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reelhouse.adf.activity.context import ActivityContext
from reelhouse.adf.dataset import OpenDataset, RestEndpoint
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.rest.pages import RestRead, documents, endpoint_of, pages, read_rest_source
from reelhouse.errors import Place


@dataclass
class RestDocuments:
    """The documents of an endpoint, and what was read of it so far."""

    ctx: ActivityContext
    endpoint: RestEndpoint
    read: RestRead
    requests: int = 0
    size: int = 0
    """Bytes."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """One page at a time is in memory. Raises `ActivityFailed`."""
        for page in pages(self.ctx, self.endpoint, self.read):
            self.requests += 1
            self.size += page.size
            for document in documents(page):
                if not isinstance(document, dict):
                    raise ActivityFailed(
                        "2200",
                        f"ErrorCode=JsonInvalidDataFormat,{self.endpoint.url} answered with values that are no objects",
                    )
                yield document


def rest_documents(ctx: ActivityContext, raw: Any, dataset: OpenDataset, place: Place) -> RestDocuments:
    """The documents that a RestSource (its evaluated JSON) reads of a dataset. Nothing is asked for yet.

    Raises `UserError`.
    """
    read = read_rest_source(ctx, dataset, raw, place)
    return RestDocuments(ctx, endpoint_of(dataset, place), read)
