"""Triggers and the REST interface of a project in one process."""

from __future__ import annotations

import fcntl
import functools
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import uvicorn

from reelhouse.adf.trigger.run import TriggerRunner
from reelhouse.adf.trigger.state import TriggerRun
from reelhouse.errors import UserError
from reelhouse.project import Project
from reelhouse.runs.database import open_database
from reelhouse.server.app import make_app
from reelhouse.server.blobs import list_blobs
from reelhouse.server.runs import PipelineRuns
from reelhouse.server.trigger_store import DatabaseTriggers

LOOK_EVERY_SECONDS = 0.25
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Up:
    """What `reelhouse up` runs. `start`, then `look` again and again, then `stop`."""

    def __init__(
        self,
        project: Project,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        tell: Callable[[TriggerRun], None] = lambda run: None,
    ) -> None:
        """Raises `UserError` for an address beyond this machine without a token, and when another one is up."""
        if host not in LOOPBACK and not token:
            raise UserError(
                f"Beyond this machine ({host}) a token is required", remedy="Set REELHOUSE_TOKEN to a long random text."
            )
        self._project = project
        project.factory  # noqa: B018 (read before anything starts)
        self._lock = _locked(project.state)
        try:
            self._socket = _bound(host, port)
        except UserError:
            self._lock.close()
            raise
        self.host, self.port = host, self._socket.getsockname()[1]
        self.runs = PipelineRuns(project)
        project.runs  # noqa: B018 (marks what a killed process left)
        self._store = DatabaseTriggers(open_database(f"sqlite:///{project.state / 'triggers.db'}"))
        listing = functools.partial(list_blobs, project.lake)
        self.triggers = TriggerRunner(project.factory, self._store, self.runs, listing, project.clock, tell)
        app = make_app(project, self.runs, self.triggers, token=token)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="REST interface", daemon=True
        )

    @property
    def address(self) -> str:
        """Where the REST interface is."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread.start()

    def look(self) -> None:
        """Start what is due."""
        self.triggers.look()

    def close(self) -> None:
        """Start nothing more and stop in order what runs; `is_over` says when that is done."""
        self.triggers.stopping()
        self.runs.close()

    def is_over(self) -> bool:
        """Whether everything that ran has ended."""
        self.triggers.look()
        return self.runs.is_idle()

    def stop(self) -> None:
        """End the REST interface and give up files."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(10)
        self._socket.close()
        self._store.close()
        self._lock.close()


def _locked(state: Path) -> IO[str]:
    """The lock that only one process of a project has: two would start everything twice."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / "up.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UserError(
            f"`reelhouse up` runs already for the state in '{state}'", remedy="End it, or name another --state."
        ) from None
    return file


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UserError(f"Cannot listen on {host}:{port}: {error.strerror}", remedy="Name another --port.") from error
    bound.set_inheritable(True)
    return bound
