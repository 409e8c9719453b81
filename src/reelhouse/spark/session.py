"""Spark sessions of a project: stock PySpark over an engine, with the runtime on the wire between them."""

from __future__ import annotations

import os
import threading
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from reelhouse.clock import Clock, SystemClock
from reelhouse.errors import InternalError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from reelhouse.catalog.catalog import Catalog
    from reelhouse.lineage.event import LineagePort
    from reelhouse.runs.record import RunLog
    from reelhouse.spark.context import SessionContext
    from reelhouse.spark.dispatch import StreamingPort
    from reelhouse.spark.engines.engine import Engine
    from reelhouse.storage.lake import Lake

USER = "reelhouse"

_active: ContextVar[Any] = ContextVar("active_spark_session", default=None)


class Sessions:
    """All Spark sessions of one project. The engine starts with the first.

    Set `streaming` to what runs streaming queries before the first one is started.
    """

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        lake: Lake,
        *,
        lineage: LineagePort | None = None,
        runs: RunLog | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.engine = engine
        self.streaming: StreamingPort | None = None
        self._catalog = catalog
        self._lake = lake
        self._lineage = lineage
        self._runs = runs
        self.clock = clock or SystemClock()
        self._contexts: dict[str, SessionContext] = {}
        self._sessions: dict[str, SparkSession] = {}
        self._before: dict[str, Any] = {}
        """What was active when a session was opened, to be active again once it is closed."""
        self._snapshots: Any = None
        self._global_views: dict[str, Any] = {}
        self._lock = threading.RLock()

    def open(self, session_id: str | None = None) -> SparkSession:
        """A new session with temporary views and configuration of its own, active in this thread.

        Clients of other processes bring a `session_id` of theirs.
        `SparkSession.builder.getOrCreate()` finds it here, and in threads that run in a copy of this context.
        """
        with self._lock:
            address = self.engine.start()
            from pyspark.sql.connect.client import DefaultChannelBuilder
            from pyspark.sql.connect.session import SparkSession as ConnectSession

            from reelhouse.plans.tables import Snapshots
            from reelhouse.spark.context import SessionContext
            from reelhouse.spark.interceptor import Interceptor
            from reelhouse.spark.wire import Wire

            self._snapshots = self._snapshots or Snapshots()
            session_id = session_id or str(uuid.uuid4())
            context = SessionContext(
                session_id,
                Wire(address, session_id, USER),
                self._catalog,
                self._lake,
                engine=self.engine.name,
                clock=self.clock,
                lineage=self._lineage,
                runs=self._runs,
                snapshots=self._snapshots,
                global_views=self._global_views,
            )
            separator = ";" if "/;" in address else "/;"
            # Databricks' default. The host's own zone would also end up in the Parquet files.
            context.conf.set("spark.sql.session.timeZone", "UTC")
            builder = DefaultChannelBuilder(f"{address}{separator}session_id={session_id};user_id={USER}")
            builder.add_interceptor(Interceptor(context, lambda: self.streaming))
            _keep_active_sessions_in_the_context(ConnectSession)
            spark: Any = ConnectSession(connection=builder)
            self._contexts[session_id] = context
            self._sessions[session_id] = spark
            self._before[session_id] = _active.get()
        self.activate(spark)
        return spark

    def activate(self, spark: SparkSession) -> None:
        """Make a session the one that `getOrCreate()` finds in this thread."""
        connect: Any = type(spark)
        # `getOrCreate` of `pyspark.sql` asks for an address before it looks for a session that is there.
        os.environ["SPARK_REMOTE"] = f"{self.engine.start()}/;user_id={USER}"
        connect._active_session.session = spark
        if connect._default_session is None or connect._default_session.is_stopped:
            connect._default_session = spark

    def context(self, spark: SparkSession) -> SessionContext:
        """What the runtime knows of a session that `open` gave."""
        session_id = spark.session_id
        try:
            return self._contexts[session_id]
        except KeyError:
            raise InternalError(f"Session {session_id} is not, or no longer, one of this project") from None

    def close(self, spark: SparkSession) -> None:
        """End a session, its streaming queries first. Closing it again does nothing."""
        session_id = spark.session_id
        if self.streaming is not None and session_id in self._contexts:
            self.streaming.stop(session_id)  # a query in the middle of a batch needs the session
        with self._lock:
            context = self._contexts.pop(session_id, None)
            self._sessions.pop(session_id, None)
            before = self._before.pop(session_id, None)
            is_open = before is not None and any(before is other for other in self._sessions.values())
        if context is None:
            return
        was_active = spark is _active.get()
        _close(spark)
        if was_active and is_open:
            _active.set(before)
        _release(context)

    def stop(self) -> None:
        """End all sessions, and the engine."""
        with self._lock:
            sessions = list(self._sessions.values())
        for spark in sessions:
            self.close(spark)
        os.environ.pop("SPARK_REMOTE", None)
        self.engine.stop()


def _close(spark: Any) -> None:
    """Close the client's channel without asking the server, which the client would do again at exit."""
    spark.release_session_on_close = False
    spark.stop()
    if spark is _active.get():
        _active.set(None)


def _release(context: SessionContext) -> None:
    from pyspark.errors import PySparkException

    try:
        context.wire.release()
    except PySparkException:
        pass  # user code has stopped the session already, or the engine is gone


class _ActiveSession:
    """Where PySpark keeps the active session of a thread: here, of the context, so that copies of it carry it on."""

    @property
    def session(self) -> Any:
        return _active.get()

    @session.setter
    def session(self, value: Any) -> None:
        _active.set(value)


def _keep_active_sessions_in_the_context(connect: Any) -> None:
    if not isinstance(connect._active_session, _ActiveSession):
        connect._active_session = _ActiveSession()
