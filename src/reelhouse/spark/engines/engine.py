"""The port of engines: something that speaks Spark Connect."""

from __future__ import annotations

from typing import Protocol


class Engine(Protocol):
    """Computes plans and writes Parquet files; it never commits."""

    @property
    def name(self) -> str:
        """`sail` or `spark`."""

    def start(self) -> str:
        """The `sc://host:port` to connect to. Starts the engine at the first call."""

    def stop(self) -> None:
        """Free what `start` took. Quick, and harmless when nothing was started."""
