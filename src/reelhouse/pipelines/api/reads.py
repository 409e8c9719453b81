"""The older spellings of reading a dataset of the pipeline."""

from __future__ import annotations

from typing import Any

from reelhouse.errors import UserError
from reelhouse.pipelines.api.calls import caller


def read(name: str) -> Any:
    """The rows of a dataset of the pipeline: `spark.read.table(name)`."""
    return _reference(name, False)


def read_stream(name: str) -> Any:
    """A stream of a dataset of the pipeline: `spark.readStream.table(name)`."""
    return _reference(name, True)


readStream = read_stream


def _reference(name: str, streaming: bool) -> Any:
    registry, place = caller()
    if registry.table_reference is None:
        raise UserError(f"'{name}' is read while no pipeline is planned", where=place)
    return registry.table_reference(name, streaming)
