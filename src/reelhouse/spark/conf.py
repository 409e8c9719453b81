"""`spark.conf`: what a session is configured with.

Databricks lets a notebook set any key and read it back. Keys the engine knows are forwarded to it; those that only
size a cluster are kept and have no effect here; those that would change results and are not done here are refused.
https://docs.databricks.com/aws/en/spark/conf
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from reelhouse.errors import Unsupported
from reelhouse.spark.wire import Wire

DEFAULTS: Mapping[str, str] = {
    "spark.databricks.delta.retentionDurationCheck.enabled": "true",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    "spark.databricks.delta.optimizeWrite.enabled": "false",
    "spark.databricks.delta.autoCompact.enabled": "false",
    "spark.connect.session.planCompression.threshold": "-1",
    "spark.connect.session.planCompression.defaultAlgorithm": "NONE",
    "spark.sql.connect.serverStacktrace.enabled": "false",
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",
    "spark.sql.sources.partitionOverwriteMode": "STATIC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.sources.default": "delta",
}
"""Values of keys that are answered here whatever the engine says."""

_ONLY: Mapping[str, tuple[str, ...]] = {
    "spark.sql.caseSensitive": ("false",),
    "spark.sql.storeAssignmentPolicy": ("ansi",),
    "spark.sql.sources.default": ("delta",),
}
"""Keys that change results, with the values that are done here (in lower case)."""

_OURS = ("spark.databricks.", "pipelines.", "spark.connect.", "spark.sql.sources.", "spark.sql.streaming.")


class Conf(Mapping[str, str]):
    """The configuration of one session, as a mapping of what was set and the defaults answered here."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._own: dict[str, str] = {}
        self._engine: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> str:
        with self._lock:
            return self._own[key] if key in self._own else DEFAULTS[key]

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter({**DEFAULTS, **self._own})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def read(self, key: str) -> str | None:
        """The value of a key: as set, or the engine's, or the default; None when nobody knows it."""
        if key in self:
            return self[key]
        if key.startswith(_OURS) or not key.startswith("spark."):
            return None
        if key not in self._engine:
            self._engine[key] = self._ask_engine(key)
        return self._engine[key]

    def set(self, key: str, value: str) -> None:
        """Set a key. Raises `Unsupported` for a value that would change results and is not done here."""
        allowed = _ONLY.get(key)
        if allowed is not None and value.lower() not in allowed:
            raise Unsupported(f"'{key}' cannot be '{value}' here", remedy=f"Supported: {', '.join(allowed)}.")
        if key.startswith("spark.sql.") and not key.startswith(_OURS):
            self._tell_engine(key, value)
        with self._lock:
            self._own[key] = value

    def unset(self, key: str) -> None:
        """Forget what was set."""
        with self._lock:
            known = self._own.pop(key, None) is not None
        if known and key.startswith("spark.sql.") and not key.startswith(_OURS):
            operation = _operation()
            operation.unset.keys.append(key)
            self._quietly(operation)
        self._engine.pop(key, None)

    def is_set(self, key: str) -> bool:
        """Whether the session set the key itself."""
        return key in self._own

    def all(self, prefix: str = "") -> dict[str, str]:
        """What was set, with the defaults answered here, of keys that begin with `prefix`."""
        return {key: self[key] for key in self if key.startswith(prefix)}

    def _tell_engine(self, key: str, value: str) -> None:
        operation = _operation()
        operation.set.pairs.add(key=key, value=value)
        self._quietly(operation)
        self._engine.pop(key, None)

    def _ask_engine(self, key: str) -> str | None:
        operation = _operation()
        operation.get.keys.append(key)
        result = self._quietly(operation)
        return dict(result.pairs).get(key) if result is not None else None

    def _quietly(self, operation: Any) -> Any:
        """What the engine says, None when it does not know the key: Databricks takes unknown keys too."""
        from pyspark.errors import PySparkException

        try:
            return self._wire.config(operation)
        except PySparkException:
            return None


def _operation() -> Any:
    from reelhouse.plans import plan

    return plan.proto.ConfigRequest.Operation()


def answer(conf: Conf, operation: Any) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The pairs and warnings that answer a `Config` call. Changes `conf` when it says so."""
    match operation.WhichOneof("op_type"):
        case "set":
            for pair in operation.set.pairs:
                conf.set(pair.key, pair.value)
            return [], []
        case "get":
            return [(key, _known(conf, key)) for key in operation.get.keys], []
        case "get_option":
            return [(key, conf.read(key)) for key in operation.get_option.keys], []
        case "get_with_default":
            return [(pair.key, _or_default(conf.read(pair.key), pair)) for pair in operation.get_with_default.pairs], []
        case "get_all":
            prefix = operation.get_all.prefix
            return [(key.removeprefix(prefix), value) for key, value in conf.all(prefix).items()], []
        case "unset":
            for key in operation.unset.keys:
                conf.unset(key)
            return [], []
        case "is_modifiable":
            return [(key, "true") for key in operation.is_modifiable.keys], []
        case other:
            raise Unsupported(f"The configuration call '{other}' is not known")


def _known(conf: Conf, key: str) -> str:
    value = conf.read(key)
    if value is None:
        from pyspark.errors.exceptions.connect import SparkNoSuchElementException

        raise SparkNoSuchElementException(
            message=f'[SQL_CONF_NOT_FOUND] The SQL config "{key}" cannot be found. Please verify that the config '
            "exists.",
            errorClass="SQL_CONF_NOT_FOUND",
            messageParameters={"sqlConf": key},
        )
    return value


def _or_default(value: str | None, pair: Any) -> str | None:
    if value is not None:
        return value
    return str(pair.value) if pair.HasField("value") else None
