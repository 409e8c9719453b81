"""Pipeline runs that go on beside each other, each in a thread of its own and stopped for itself."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.adf.parameters import bind
from reelhouse.adf.recovery import Recovery
from reelhouse.adf.validate import validate_for_run
from reelhouse.errors import UserError
from reelhouse.project import Project
from reelhouse.runs.record import Run, RunKind, RunStatus


class PipelineRuns:
    """The pipeline runs of this process."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._going: dict[str, tuple[str, threading.Event, threading.Thread]] = {}
        self._closed = False

    def start(
        self,
        pipeline: str,
        parameters: Mapping[str, Any],
        *,
        run_id: str | None = None,
        trigger: Mapping[str, Any] | None = None,
        recovery: Recovery | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> str:
        """Start a run; its id. Raises `UserError` for what can be seen before it runs, and once `close` was called."""
        factory = self._project.factory
        found = factory.pipeline(pipeline)
        validate_for_run(factory, found)
        bind(found.parameters, parameters, f"Pipeline '{found.name}'", found.place)
        new_id = run_id or str(uuid.uuid4())
        cancel = threading.Event()

        def work() -> None:
            try:
                self._project.run_pipeline(
                    found.name, parameters, trigger=trigger, run_id=new_id, recovery=recovery, cancel=cancel
                )
            except Exception as error:
                self._record_failure(found.name, new_id, error)
            finally:
                with self._lock:
                    self._going.pop(new_id, None)
                on_end()

        thread = threading.Thread(target=work, name=f"run of {found.name}", daemon=True)
        with self._lock:
            if self._closed:
                raise UserError("No more runs are started, the program ends")
            self._going[new_id] = (found.name, cancel, thread)
            thread.start()
        return new_id

    def find(self, run_id: str) -> Run | None:
        """The run of exactly that id as the history has it, None when it has not begun."""
        try:
            run = self._project.runs.run(run_id)
        except UserError:
            return None
        return run if run.id == run_id else None

    def queued(self) -> dict[str, str]:
        """The runs that wait for their turn, with their pipelines: `concurrency` lets them begin later."""
        with self._lock:
            going = {run_id: name for run_id, (name, _, _) in self._going.items()}
        return {run_id: name for run_id, name in going.items() if self.find(run_id) is None}

    def cancel(self, run_id: str, *, recursive: bool = True) -> None:
        """Stop a run in order, and with `recursive` what it has started; of another process too."""
        with self._lock:
            going = self._going.get(run_id)
        if going is not None and recursive:
            going[1].set()
            return
        self._project.runs.request_cancel(run_id, recursive=recursive)

    def close(self) -> None:
        """Start nothing more and stop all runs in order."""
        with self._lock:
            self._closed = True
            going = list(self._going.values())
        for _, cancel, _ in going:
            cancel.set()

    def is_idle(self) -> bool:
        """Whether nothing runs."""
        with self._lock:
            return not self._going

    def _record_failure(self, pipeline: str, run_id: str, error: Exception) -> None:
        """A run that could not even begin is in the history like any other."""
        runs = self._project.runs
        if self.find(run_id) is None:
            runs.begin(RunKind.PIPELINE, pipeline, type="Pipeline", run_id=run_id, details={"runGroupId": run_id})
            runs.end(run_id, RunStatus.FAILED, error={"message": str(error)})
