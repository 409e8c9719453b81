"""Errors on their way to a Spark Connect client, which makes the exceptions of stock PySpark of them again."""

from __future__ import annotations

import json
import uuid
from typing import Any

import grpc

from reelhouse.plans import plan
from reelhouse.spark.errors import to_stock

_LONGEST_MESSAGE = 1024
"""Characters in the status itself, which travels in headers. The whole text is fetched by its id."""
_MOST_KEPT = 1000

_PACKAGES = {
    "AnalysisException": "org.apache.spark.sql.AnalysisException",
    "ParseException": "org.apache.spark.sql.catalyst.parser.ParseException",
    "StreamingQueryException": "org.apache.spark.sql.streaming.StreamingQueryException",
    "IllegalArgumentException": "java.lang.IllegalArgumentException",
    "ArithmeticException": "java.lang.ArithmeticException",
    "UnsupportedOperationException": "java.lang.UnsupportedOperationException",
    "ArrayIndexOutOfBoundsException": "java.lang.ArrayIndexOutOfBoundsException",
    "DateTimeException": "java.time.DateTimeException",
    "NumberFormatException": "java.lang.NumberFormatException",
    "SparkRuntimeException": "org.apache.spark.SparkRuntimeException",
    "SparkUpgradeException": "org.apache.spark.SparkUpgradeException",
    "SparkNoSuchElementException": "org.apache.spark.SparkNoSuchElementException",
    "PythonException": "org.apache.spark.api.python.PythonException",
}
"""The names by which the client knows its exceptions."""
_ANY = "org.apache.spark.SparkException"


class Errors:
    """The last errors, so that clients can ask for their whole text."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def status(self, error: Exception) -> Any:
        """The gRPC status of an error: the engine's own is passed on as it is."""
        if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
            return _Status(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))
        from google.protobuf.any_pb2 import Any as AnyMessage
        from google.rpc.error_details_pb2 import ErrorInfo
        from google.rpc.status_pb2 import Status
        from grpc_status import rpc_status

        detail = self._keep(to_stock(error))
        info = ErrorInfo(reason=detail.error_type_hierarchy[0], domain="org.apache.spark")
        info.metadata["classes"] = json.dumps(list(detail.error_type_hierarchy))
        info.metadata["errorId"] = next(reversed(self._kept))
        if detail.spark_throwable.error_class:
            info.metadata["errorClass"] = detail.spark_throwable.error_class
        packed = AnyMessage()
        packed.Pack(info)
        status = Status(
            code=grpc.StatusCode.INTERNAL.value[0], message=detail.message[:_LONGEST_MESSAGE], details=[packed]
        )
        return rpc_status.to_status(status)

    def details(self, request: Any) -> Any:
        """The reply to `FetchErrorDetails`; None for an error that is not one of these."""
        detail = self._kept.get(request.error_id)
        if detail is None:
            return None
        return plan.proto.FetchErrorDetailsResponse(session_id=request.session_id, root_error_idx=0, errors=[detail])

    def _keep(self, error: Exception) -> Any:
        detail = plan.proto.FetchErrorDetailsResponse.Error(message=_text(error))
        for kind in type(error).__mro__:
            if kind.__name__ in _PACKAGES:
                detail.error_type_hierarchy.append(_PACKAGES[kind.__name__])
        detail.error_type_hierarchy.append(_ANY)
        condition = getattr(error, "getCondition", lambda: None)()
        if condition:
            detail.spark_throwable.error_class = condition
        if len(self._kept) >= _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[str(uuid.uuid4())] = detail
        return detail


class _Status(grpc.Status):  # type: ignore[misc]  # a plain marker class
    def __init__(self, code: Any, details: str, trailing_metadata: Any) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


def _text(error: Exception) -> str:
    message = getattr(error, "_message", None)
    return str(message) if message else str(error) or type(error).__name__
