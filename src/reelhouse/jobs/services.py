"""What a job run needs from outside, as ports. Adapters are chosen where the program starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reelhouse.clock import Clock, SystemClock
from reelhouse.jobs.definition import PipelineSettings
from reelhouse.notebooks.secrets import Redactor, Secrets
from reelhouse.runs.record import RunLog
from reelhouse.storage.lake import Lake


class PipelineOutcome(Protocol):
    """How an update of a declarative pipeline ended."""

    @property
    def id(self) -> str: ...
    @property
    def succeeded(self) -> bool: ...
    @property
    def error(self) -> str | None: ...


class PipelineStarter(Protocol):
    """Declarative pipelines."""

    def __call__(
        self,
        settings: PipelineSettings,
        *,
        full_refresh: bool,
        refresh_selection: Sequence[str],
        full_refresh_selection: Sequence[str],
    ) -> PipelineOutcome:
        """Run an update to its end, in the calling thread."""


@dataclass(frozen=True)
class JobServices:
    """Everything that touches the world. `cancel`, once set, stops what runs in order.

    `open_session` gives a new Spark session, active in the calling thread; it is called only by what needs one.
    `output` takes what notebooks print, with the run's id (None: the real output). `run_pipeline` may be None where no
    job has a pipeline task; one that has is then refused.
    """

    runs: RunLog
    lake: Lake
    state_dir: Path
    open_session: Callable[[], Any]
    close_session: Callable[[Any], None]
    run_pipeline: PipelineStarter | None = None
    clock: Clock = field(default_factory=SystemClock)
    secrets: Secrets = field(default_factory=Secrets)
    redactor: Redactor = field(default_factory=Redactor)
    cancel: threading.Event = field(default_factory=threading.Event)
    output: Callable[[str, str], object] | None = None
    trigger_type: str = "one_time"
