"""A plan as a DataFrame of the user's session, for `foreachBatch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelhouse.errors import InternalError
from reelhouse.streaming.port import Session
from reelhouse.streaming.source import Relation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def data_frame(session: Session, relation: Relation) -> DataFrame:
    """The plan as a DataFrame of the session that is active in this thread, which has to be `session`'s."""
    from pyspark.sql.connect.dataframe import DataFrame as ConnectDataFrame
    from pyspark.sql.connect.plan import LogicalPlan
    from pyspark.sql.connect.session import SparkSession

    class Ready(LogicalPlan):  # type: ignore[misc]  # the client carries no types
        """A plan that is a message already."""

        def plan(self, session: Any) -> Any:
            made = self._create_proto_relation()
            plan_id = made.common.plan_id
            made.CopyFrom(relation)
            made.common.plan_id = plan_id
            return made

    spark: Any = SparkSession.getActiveSession()
    if spark is None or spark.session_id != session.session_id:
        raise InternalError("A streaming query runs in a thread that does not have its session")
    frame: Any = ConnectDataFrame(Ready(None), spark)
    return frame
