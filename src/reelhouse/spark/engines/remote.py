"""An engine elsewhere: any Spark Connect endpoint, such as Apache Spark 4.2.

https://spark.apache.org/docs/latest/spark-connect-overview.html
"""

from __future__ import annotations

from reelhouse.errors import UserError
from reelhouse.spark.engines.sail import prepare_environment


class RemoteEngine:
    """A server that someone else runs. It has to reach the lake under the same paths."""

    name = "spark"

    def __init__(self, address: str) -> None:
        if not address.startswith("sc://"):
            raise UserError(f"'{address}' is not a Spark Connect address", remedy="Write sc://host:port.")
        self._address = address

    def start(self) -> str:
        prepare_environment()
        return self._address

    def stop(self) -> None:
        """Nothing: the server is not ours."""
