"""Engines: what computes plans. One of them is chosen where the program starts."""

from __future__ import annotations

from reelhouse.errors import UserError
from reelhouse.spark.engines.engine import Engine


def choose_engine(name: str | None) -> Engine:
    """The engine of a name: `sail` (or nothing), or the `sc://host:port` of a Spark Connect server."""
    if name is None or name == "sail":
        from reelhouse.spark.engines.sail import SailEngine

        return SailEngine()
    if name.startswith("sc://"):
        from reelhouse.spark.engines.remote import RemoteEngine

        return RemoteEngine(name)
    raise UserError(f"There is no engine '{name}'", remedy="Known: sail, and sc://host:port.")
