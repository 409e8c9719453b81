"""Replies that the runtime makes itself, in the form the server would send them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reelhouse.plans import plan

if TYPE_CHECKING:
    import pyarrow as pa

proto = plan.proto


class Done:
    """A finished unary call, as the stub hands one back."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def result(self, timeout: float | None = None) -> Any:
        return self._response


class Stream:
    """A finished stream of responses, as the stub hands one back."""

    def __init__(self, responses: Iterator[Any]) -> None:
        self._responses = responses

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._responses)

    def cancel(self) -> bool:
        return False


class Replies:
    """Makes the responses to one request."""

    def __init__(self, request: Any, server_session_id: str) -> None:
        self._request = request
        self._server_session_id = server_session_id

    def stream(self, *responses: Any) -> Stream:
        """The responses, then the message that the result is complete: without it the client asks for more."""
        end = self.response()
        end.result_complete.SetInParent()
        return Stream(iter([*responses, end]))

    def response(self, **fields: Any) -> Any:
        """One `ExecutePlanResponse` holding these message fields."""
        response = proto.ExecutePlanResponse(
            session_id=self._request.session_id,
            server_side_session_id=self._server_session_id,
            operation_id=self._request.operation_id,
            response_id=str(uuid.uuid4()),
        )
        for name, value in fields.items():
            getattr(response, name).CopyFrom(value)
        return response

    def rows(self, table: pa.Table) -> list[Any]:
        """Rows as a result of a query."""
        response = self.response()
        response.arrow_batch.row_count = table.num_rows
        response.arrow_batch.data = to_ipc(table)
        return [response]

    def relation(self, relation: plan.Relation) -> Any:
        """The result of an SQL command: the relation that the client goes on with."""
        response = self.response()
        response.sql_command_result.relation.CopyFrom(relation)
        return response

    def analysis(self) -> Any:
        """An empty `AnalyzePlanResponse`."""
        return proto.AnalyzePlanResponse(
            session_id=self._request.session_id, server_side_session_id=self._server_session_id
        )

    def config(self, pairs: list[tuple[str, str | None]], warnings: list[str]) -> Any:
        """A `ConfigResponse`."""
        response = proto.ConfigResponse(
            session_id=self._request.session_id,
            server_side_session_id=self._server_session_id,
            warnings=warnings,
        )
        for key, value in pairs:
            response.pairs.add(key=key, value=value)
        return response

    def released(self) -> Any:
        """The reply to the release of an operation that the server never saw."""
        return proto.ReleaseExecuteResponse(
            session_id=self._request.session_id,
            server_side_session_id=self._server_session_id,
            operation_id=self._request.operation_id,
        )


def to_ipc(table: pa.Table) -> bytes:
    """A table as one batch of an Arrow IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    whole = table.combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        batches = whole.to_batches()
        for batch in batches:
            writer.write_batch(batch)
        if not batches:
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=whole.schema))
    return bytes(sink.getvalue().to_pybytes())


def to_relation(table: pa.Table) -> plan.Relation:
    """A table's rows as a relation."""
    return plan.local(to_ipc(table))
