"""Raw access to the engine: the same server session as the user's, past the interceptor.

What goes through here is never rewritten, resolved or recorded. A second channel with the same session id shares
temporary views, registered functions and data sources with the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.plans import plan

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType

WITHOUT_ZONES = {"skip_arrow_metadata": "true"}
"""An option of writes of Parquet: without it the embedded engine writes the session's time zone into the type of a
timestamp, and cannot read files of several zones together. Apache Spark passes it over."""


class Wire:
    """One engine session. All methods raise what the stock client raises (`AnalysisException`, …)."""

    def __init__(self, address: str, session_id: str, user_id: str) -> None:
        from pyspark.sql.connect.client import SparkConnectClient

        separator = ";" if "/;" in address else "/;"
        self._client = SparkConnectClient(
            f"{address}{separator}session_id={session_id};user_id={user_id}", use_reattachable_execute=False
        )
        self._server_session_id: str | None = None

    @property
    def client(self) -> Any:
        """The stock client, for what the methods here do not offer."""
        return self._client

    @property
    def server_session_id(self) -> str:
        """The id that the server gave the session; synthetic replies have to carry it."""
        if self._server_session_id is None:
            if self._client._server_session_id is None:
                self._client._analyze(method="spark_version")
            self._server_session_id = self._client._server_session_id or ""
        return self._server_session_id

    def schema(self, relation: plan.Relation) -> StructType:
        """The schema the engine gives a relation."""
        schema: StructType = self._client.schema(_root(relation))
        return schema

    def collect(self, relation: plan.Relation) -> pa.Table:
        """All rows, through gRPC: for small results only."""
        return self.execute(_root(relation))

    def execute(self, message: Any) -> Any:
        """Run a `proto.Plan`; its rows as `pyarrow.Table`, None for a command without rows."""
        request = self._client._execute_plan_request_with_metadata()
        request.plan.CopyFrom(message)
        table, schema, _, _, _ = self._client._execute_and_fetch(request, {})
        if table is None and schema is not None:
            from pyspark.sql.pandas.types import to_arrow_schema

            return to_arrow_schema(schema).empty_table()
        return table

    def command(self, command: Any) -> Any:
        """Run a `proto.Command`; its rows as `pyarrow.Table`, or None."""
        message = plan.proto.Plan()
        message.command.CopyFrom(command)
        return self.execute(message)

    def analyze(self, method: str, **arguments: Any) -> Any:
        """An `AnalyzePlan` call by the stock client's names: `explain`, `tree_string`, `ddl_parse`, …"""
        return self._client._analyze(method=method, **arguments)

    def config(self, operation: Any) -> Any:
        """A `Config` call with a `proto.ConfigRequest.Operation`; the client's `ConfigResult`."""
        return self._client.config(operation)

    def write_parquet(self, relation: plan.Relation, folder: str, partition_by: Sequence[str] = ()) -> None:
        """Write the rows as Parquet files under a folder that is not there yet. No rows may leave no folder.

        The client repeats a call whose connection broke, whether or not the server had done it. Such a repetition fails
        on the folder of the first, where appending would write every row twice.
        """
        command = plan.proto.Command()
        write = command.write_operation
        write.input.CopyFrom(relation)
        write.source = "parquet"
        write.options.update(WITHOUT_ZONES)
        write.path = folder
        write.mode = plan.proto.WriteOperation.SAVE_MODE_ERROR_IF_EXISTS
        write.partitioning_columns.extend(partition_by)
        self.command(command)

    def register_data_source(self, data_source: type[Any]) -> None:
        """Make a `pyspark.sql.datasource.DataSource` class known to the session."""
        self._client.register_data_source(data_source)

    def release(self) -> None:
        """End the server session and close the channel. A session that ran nothing is unknown to the server."""
        from pyspark.errors import PySparkException

        try:
            self._client.release_session()
        except PySparkException as error:
            if "session not found" not in str(error):
                raise
        finally:
            self._client.close()

    def close(self) -> None:
        """Close the channel; the server session lives on."""
        self._client.close()


def _root(relation: plan.Relation) -> Any:
    message = plan.proto.Plan()
    message.root.CopyFrom(relation)
    return message
