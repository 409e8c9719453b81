"""`reelhouse up`: triggers run, and Data Factory's REST interface answers, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from reelhouse.cli.command import INTERRUPTED, opened_project
from reelhouse.cli.options import (
    EngineOption,
    MirrorOption,
    ProjectOption,
    StateOption,
    TargetOption,
    VariableOption,
)

TOKEN_VARIABLE = "REELHOUSE_TOKEN"


def up(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.")] = 8318,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    mirror: MirrorOption = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    target: TargetOption = None,
    engine: EngineOption = "sail",
    var: VariableOption = None,
) -> None:
    """Run the factory's triggers and answer Data Factory's REST interface, until Ctrl-C.

    Beyond this machine clients must show the token in REELHOUSE_TOKEN.
    """
    from reelhouse.server.up import LOOK_EVERY_SECONDS, Up

    with opened_project(project, state, target, engine, mirror, var) as opened:
        token = os.environ.get(TOKEN_VARIABLE) or None
        service = Up(opened, host=host, port=port, token=token, tell=_told())
        opened.runs.subscribe(_say_run)
        over = threading.Event()
        # What ends services (SIGTERM) ends this one in order too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            service.start()
            print(f"Data Factory's REST interface at {service.address}", flush=True)
            for name in sorted(opened.factory.triggers):
                if ("trigger", name) in opened.factory.faulty:
                    continue
                word = "started" if service.triggers.is_started(name) else "stopped"
                print(f"  trigger {name} ({opened.factory.triggers[name].type}): {word}", flush=True)
            for (kind, name), wrong in sorted(opened.factory.faulty.items()):
                if kind == "trigger":
                    print(f"  trigger {name}: not run, it is wrong: {wrong}", flush=True)
            print("Ctrl-C ends it in order.", flush=True)
            while not over.wait(LOOK_EVERY_SECONDS):
                service.look()
        except KeyboardInterrupt:
            print("Stopping what runs; Ctrl-C again ends at once.", flush=True)
            service.close()
            while not service.is_over():
                over.wait(LOOK_EVERY_SECONDS)
            raise typer.Exit(INTERRUPTED) from None
        finally:
            service.stop()


def _told() -> Any:
    """Prints each new state of a trigger run."""
    said: dict[str, str] = {}

    def tell(run: Any) -> None:
        words = f"{run.status.value}{f': {run.message}' if run.message else ''}"
        if said.get(run.id) != words:
            said[run.id] = words
            window = f" {run.key}" if run.window is not None else ""
            print(f"trigger {run.name}{window} ({run.id[:8]}): {words}", flush=True)

    return tell


def _say_run(event: Any) -> None:
    """Prints the begin and end of pipeline runs."""
    from reelhouse.runs.record import Run, RunKind

    if isinstance(event, Run) and event.kind is RunKind.PIPELINE:
        print(f"pipeline {event.name} ({event.id[:8]}): {event.status.value}", flush=True)
