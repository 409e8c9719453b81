"""The embedded engine: Sail, a Spark Connect server in Rust, in this process.

https://docs.lakesail.com/sail/latest/
"""

from __future__ import annotations

import os
import threading
from typing import Any

from reelhouse.spark.engines.signals import keep_interrupts


class SailEngine:
    """Sail on a free port of the loopback interface."""

    name = "sail"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Any = None

    def start(self) -> str:
        with self._lock:
            if self._server is None:
                prepare_environment()
                from pysail.spark import SparkConnectServer

                server = SparkConnectServer()
                keep_interrupts(lambda: server.start(background=True))
                self._server = server
            host, port = self._server.listening_address
        return f"sc://{host}:{port}"

    def stop(self) -> None:
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop()


def prepare_environment() -> None:
    """Set what Sail and the client read from the environment when they are first imported."""
    os.environ.setdefault("RUST_LOG", "error")
    # Without it the client, where `__main__` has no file, looks for an installation of Spark and ends the process.
    os.environ.setdefault("SPARK_HOME", os.devnull)
