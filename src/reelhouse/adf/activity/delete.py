"""Delete.

https://learn.microsoft.com/azure/data-factory/delete-activity
"""

from __future__ import annotations

import shutil
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, Work, as_boolean
from reelhouse.adf.activity.store import (
    INTEGRATION_RUNTIME,
    evaluated_read_settings,
    file_filter,
    lake_location,
    local_of,
    local_path,
)
from reelhouse.adf.dataset import open_dataset
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.files import find_files
from reelhouse.adf.settings import Delete
from reelhouse.errors import Unsupported


def prepare_delete(ctx: ActivityContext) -> Work:
    settings = ctx.activity.settings
    assert isinstance(settings, Delete)
    dataset = open_dataset(ctx, settings.dataset, ctx.properties.at("dataset"))
    location = lake_location(dataset, "Delete", ctx.properties.at("dataset"))
    if as_boolean(ctx, ctx.value(settings.enable_logging, "enableLogging"), "enableLogging"):
        raise Unsupported("The log of Delete is not supported", where=ctx.properties.at("enableLogging"))
    store = evaluated_read_settings(ctx, settings.store_settings, "storeSettings")
    legacy = (
        as_boolean(ctx, ctx.value(settings.recursive, "recursive"), "recursive")
        if settings.recursive is not None
        else False
    )
    chosen = file_filter(ctx, store, location, recursive=legacy)
    whole_folder = location.file is None and not chosen.has_wildcard and chosen.recursive and chosen.names is None
    whole_folder = (
        whole_folder and chosen.prefix is None and chosen.modified_start is None and chosen.modified_end is None
    )

    def act() -> Any:
        clock = ctx.services.clock
        started = clock.monotonic()
        _, files = find_files(local_of(ctx, location), location.folder, location.file, chosen)
        deleted = 0
        for file in files:
            ctx.waiting().check()
            if file.is_dir():
                raise ActivityFailed("2011", f"{location.url()} is a folder, the dataset says that it is a file")
            if file.exists():
                file.unlink()
                deleted += 1
        if whole_folder and location.folder:
            shutil.rmtree(local_path(ctx, location), ignore_errors=True)
        return {
            "datasetName": dataset.name,
            "type": type(store).__name__ if store else "AzureBlobFSReadSettings",
            "recursive": chosen.recursive,
            "isWildcardUsed": chosen.has_wildcard,
            "maxConcurrentConnections": settings.max_concurrent_connections or 0,
            "filesDeleted": deleted,
            "executionDuration": round(clock.monotonic() - started),
            "effectiveIntegrationRuntime": INTEGRATION_RUNTIME,
        }

    return Work({"dataset": dataset.name, "path": location.url(), "recursive": chosen.recursive}, act)
