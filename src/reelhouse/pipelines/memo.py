"""Remembers that an update left nothing to do, so that the next one need not even load the pipeline.

The memo holds as long as the files of the pipeline, its settings, every input and every output are what they were. It
is only written when that is all an update depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from reelhouse.pipelines.inputs import Inputs, table_fingerprint
from reelhouse.pipelines.settings import PipelineSettings
from reelhouse.pipelines.state import PipelineState

_KIND = "up_to_date"


def key_of(settings: PipelineSettings, files_hash: str) -> str:
    """A hash of what a pipeline is: its files, its settings, the release of this package."""
    own = [
        files_hash,
        settings.catalog,
        settings.schema,
        settings.storage,
        sorted(settings.configuration.items()),
        settings.edition,
        settings.serverless,
        str(settings.root_path),
        _release(),
    ]
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()


def _release() -> str:
    try:
        return version("reelhouse")
    except PackageNotFoundError:
        return ""


def is_up_to_date(state: PipelineState, key: str, inputs: Inputs) -> bool:
    """Whether nothing changed since an update that left nothing to do."""
    memo = state.read(_KIND)
    if memo.get("key") != key:
        return False
    if any(table_fingerprint(location) != known for location, known in memo["outputs"].items()):
        return False
    known: dict[str, str | None] = memo["inputs"]
    return inputs.again(known) == known


def remember(state: PipelineState, key: str, inputs: dict[str, str], outputs: Iterable[str]) -> None:
    """Write the memo of an update after which nothing was left to do."""
    known = {location: table_fingerprint(location) for location in outputs}
    state.write(_KIND, "", {"key": key, "inputs": inputs, "outputs": known})


def forget(state: PipelineState) -> None:
    """An update begins: until it succeeded nothing is known."""
    state.forget(_KIND)
