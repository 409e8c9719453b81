"""`reelhouse connect`: the project's Spark for clients in other processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer

from reelhouse.cli.command import INTERRUPTED, opened_project
from reelhouse.cli.options import EngineOption, ProjectOption, StateOption
from reelhouse.errors import UserError

TOKEN_VARIABLE = "REELHOUSE_TOKEN"
_LOOK_EVERY_SECONDS = 0.2
"""The system may hand Ctrl-C to any thread, and one that waits without end does not see it then."""


def connect(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.")] = 15002,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    certificate: Annotated[Path | None, typer.Option(help="A certificate chain in PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key in PEM.")] = None,
    project: ProjectOption = Path(),
    state: StateOption = None,
    engine: EngineOption = "sail",
) -> None:
    """Offer the project's Spark to any Spark Connect client, until Ctrl-C.

    Clients must show the token in REELHOUSE_TOKEN when it is set; beyond this machine it has to be.
    """
    if (certificate is None) != (key is None):
        raise UserError("--certificate and --key go together")
    from reelhouse.spark.engines.sail import prepare_environment

    prepare_environment()
    from reelhouse.spark.server import Certificate, ConnectServer

    pair = Certificate(certificate, key) if certificate is not None and key is not None else None
    token = os.environ.get(TOKEN_VARIABLE) or None
    with opened_project(project, state, None, engine, None, None) as opened:
        server = ConnectServer(opened.sessions, host=host, port=port, token=token, certificate=pair)
        server.start()
        try:
            parameters = [*(["use_ssl=true"] if pair else []), *([f"token=${TOKEN_VARIABLE}"] if token else [])]
            address = server.address + (f"/;{';'.join(parameters)}" if parameters else "")
            print(f"Spark Connect at {address}", flush=True)
            print(f'  SparkSession.builder.remote("{address}").getOrCreate()', flush=True)
            print("Ctrl-C ends it.", flush=True)
            over = threading.Event()
            while not over.wait(_LOOK_EVERY_SECONDS):
                pass
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        finally:
            server.stop()
