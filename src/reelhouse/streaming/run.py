"""Streaming queries as the stock client asks for them: start, watch, stop.

The shell of this package: answers the streaming commands of a session, and runs queries for pipelines.
https://docs.databricks.com/aws/en/structured-streaming/
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from reelhouse.delta.write import Target, WriteSpec
from reelhouse.errors import Unsupported
from reelhouse.streaming import progress
from reelhouse.streaming.errors import QueryFailed, StreamingError
from reelhouse.streaming.port import Session
from reelhouse.streaming.query import BatchResult, MicroBatches, drain
from reelhouse.streaming.running import RunningQuery
from reelhouse.streaming.source import Relation

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

_ENDED_KEPT = 1000


class Streaming:
    """All queries of one project. The adapter of `spark.sessions.StreamingPort`."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._queries: dict[str, RunningQuery] = {}
        """By run id, in the order of their starts."""
        self._ended: list[RunningQuery] = []
        """Those that have ended since the last `resetTerminated`."""

    # --- commands of the client

    def start(self, context: Session, op: Any) -> Any:
        """Answer `writeStream.start()` and `toTable()`: the query runs in a thread when this returns.

        Raises what keeps it from starting (`Unsupported`, `UserError`); what happens later is told to who waits.
        """
        from pyspark.sql.connect import proto

        from reelhouse.streaming.start import prepare
        from reelhouse.streaming.trigger import from_start

        trigger = from_start(op)
        self._check_name(context.session_id, op.query_name)
        prepared = prepare(context, op)
        query = RunningQuery(
            prepared.checkpoint,
            prepared.sources,
            prepared.sink,
            trigger,
            name=op.query_name or None,
            session_id=context.session_id,
            clock=context.clock,
            runs=context.runs,
            on_end=lambda: self._has_ended(query),
        )
        with self._lock:
            self._queries[query.identity.run_id] = query
        query.start()
        event = json.dumps(progress.started(query.identity, query.started_at))
        result = proto.WriteStreamOperationStartResult(name=op.query_name, query_started_event_json=event)
        result.query_id.CopyFrom(_instance_id(query))
        return result

    def query_command(self, context: Session, cmd: Any) -> Any:
        """Answer a `StreamingQueryCommand`. `awaitTermination` raises the stock `StreamingQueryException`."""
        from pyspark.sql.connect import proto

        query = self._query(cmd.query_id.run_id)
        result = proto.StreamingQueryCommandResult(query_id=cmd.query_id)
        match cmd.WhichOneof("command"):
            case "status":
                message, available, active = query.status()
                result.status.status_message = message
                result.status.is_data_available = available
                result.status.is_trigger_active = active
                result.status.is_active = query.is_active
            case "last_progress":
                result.recent_progress.recent_progress_json.extend(map(json.dumps, query.progress()[-1:]))
                result.recent_progress.SetInParent()
            case "recent_progress":
                result.recent_progress.recent_progress_json.extend(map(json.dumps, query.progress()))
                result.recent_progress.SetInParent()
            case "stop":
                query.stop()
            case "process_all_available":
                _as_stock(query.process_all_available)
            case "explain":
                result.explain.result = query.explain()
            case "exception":
                result.exception.SetInParent()
                if failure := query.failure:
                    result.exception.exception_message = f"{_STOCK_CLASS}: {failure}"
                    result.exception.error_class = failure.error_class
            case "await_termination":
                wait = cmd.await_termination
                seconds = wait.timeout_ms / 1000 if wait.HasField("timeout_ms") else None
                result.await_termination.terminated = _as_stock(lambda: query.await_termination(seconds))
            case other:
                raise Unsupported(f"The streaming command '{other}' is not supported")
        return result

    def manager_command(self, context: Session, cmd: Any) -> Any:
        """Answer a `StreamingQueryManagerCommand`, for the queries of this session."""
        from pyspark.sql.connect import proto

        result = proto.StreamingQueryManagerCommandResult()
        match cmd.WhichOneof("command"):
            case "active":
                result.active.SetInParent()
                for query in self.active(context.session_id):
                    result.active.active_queries.add(id=_instance_id(query), name=query.identity.name)
            case "get_query":
                for query in self.active(context.session_id):
                    if query.identity.query_id == cmd.get_query:
                        result.query.id.CopyFrom(_instance_id(query))
                        if query.identity.name:
                            result.query.name = query.identity.name
            case "await_any_termination":
                wait = cmd.await_any_termination
                seconds = wait.timeout_ms / 1000 if wait.HasField("timeout_ms") else None
                result.await_any_termination.terminated = _as_stock(
                    lambda: self._await_any(context.session_id, seconds)
                )
            case "reset_terminated":
                with self._lock:
                    self._ended = [query for query in self._ended if query.session_id != context.session_id]
                result.reset_terminated = True
            case "list_listeners":
                result.list_listeners.SetInParent()
            case other:
                raise Unsupported(
                    f"StreamingQueryManager '{other}' is not supported", remedy="Read query.lastProgress instead."
                )
        return result

    def schema(self, context: Session, relation: Relation) -> StructType:
        """The schema of a plan with streams in it. Looks into the data where a schema has to be inferred."""
        from reelhouse.streaming.start import schema_of

        return schema_of(context, relation)

    # --- for the project

    def active(self, session_id: str | None = None) -> list[RunningQuery]:
        """The queries that run, of one session or of all."""
        with self._lock:
            queries = list(self._queries.values())
        return [query for query in queries if query.is_active and session_id in (None, query.session_id)]

    def stop(self, session_id: str | None = None) -> None:
        """End all queries, of one session or of all, each after the batch it is at."""
        for query in self.active(session_id):
            query.stop()

    # --- within

    def _check_name(self, session_id: str, name: str) -> None:
        if name and any(query.identity.name == name for query in self.active(session_id)):
            raise StreamingError(
                "STREAMING_QUERY_NAME_IN_USE",
                f"Cannot start query with name {name} as a query with that name is already active in this session.",
                remedy="Stop that query, or give this one another name.",
            )

    def _query(self, run_id: str) -> RunningQuery:
        with self._lock:
            query = self._queries.get(run_id)
        if query is None:
            raise StreamingError(
                "INVALID_STREAMING_QUERY", f"Streaming query with run id {run_id} was not started in this process."
            )
        return query

    def _has_ended(self, query: RunningQuery) -> None:
        with self._lock:
            self._ended.append(query)
            for old in self._ended[:-_ENDED_KEPT]:
                self._queries.pop(old.identity.run_id, None)
            self._ended = self._ended[-_ENDED_KEPT:]
            self._lock.notify_all()

    def _await_any(self, session_id: str, seconds: float | None) -> bool:
        def ended() -> list[RunningQuery]:
            return [query for query in self._ended if query.session_id == session_id]

        with self._lock:
            if not self._lock.wait_for(ended, seconds):
                return False
            failures = [failure for query in ended() if (failure := query.failure)]
        if failures:
            raise failures[-1]
        return True


def run_available_now(
    context: Session,
    relation: Relation,
    target: Target,
    spec: WriteSpec,
    checkpoint: str,
    *,
    name: str | None = None,
) -> list[BatchResult]:
    """Bring what is there now to a table, in this thread, and return what came of each batch; [] without news.

    Args:
        relation: a plan with streams in it.
        spec: how to append; its transaction is set here, its expectations and the rest stand.
        checkpoint: the query's checkpoint, an address or local path.
        name: the query's name, for messages.

    Raises whatever ends the query; batches before it are committed, the one at fault is not.
    """
    from reelhouse.streaming.sinks import DeltaSink
    from reelhouse.streaming.start import open_query, runnable

    runs = runnable(context, relation)
    sink = DeltaSink(context, runs, target, spec)
    prepared = open_query(context, runs, sink, context.lake.local(checkpoint))
    try:
        return list(drain(MicroBatches(prepared.checkpoint, prepared.sources, sink, clock=context.clock)))
    finally:
        for source in prepared.sources:
            source.close()
        prepared.checkpoint.release()


_STOCK_CLASS = "org.apache.spark.sql.streaming.StreamingQueryException"


def _as_stock(wait: Any) -> Any:
    """What `wait` returns; a query's failure as the exception that stock PySpark raises."""
    try:
        return wait()
    except QueryFailed as failure:
        from pyspark.errors.exceptions.connect import StreamingQueryException

        raise StreamingQueryException(message=str(failure), errorClass=failure.error_class) from failure


def _instance_id(query: RunningQuery) -> Any:
    from pyspark.sql.connect import proto

    return proto.StreamingQueryInstanceId(id=query.identity.query_id, run_id=query.identity.run_id)
