"""What is done with each request of a session: passed on, passed on rewritten, or answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reelhouse.errors import Unsupported, UserError
from reelhouse.plans import plan
from reelhouse.spark.replies import Replies, Stream

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from reelhouse.spark.context import SessionContext


class StreamingPort(Protocol):
    """What runs streaming queries. All messages are of `pyspark.sql.connect.proto`."""

    def start(self, context: SessionContext, op: Any) -> Any:
        """Start a query (`WriteStreamOperationStart` → `WriteStreamOperationStartResult`)."""

    def query_command(self, context: SessionContext, cmd: Any) -> Any:
        """Answer a `StreamingQueryCommand` with its result."""

    def manager_command(self, context: SessionContext, cmd: Any) -> Any:
        """Answer a `StreamingQueryManagerCommand` with its result."""

    def schema(self, context: SessionContext, relation: plan.Relation) -> StructType:
        """The schema of a plan that reads streams."""

    def stop(self, session_id: str | None = None) -> None:
        """End the queries of a session, or of all."""

    def active(self, session_id: str | None = None) -> list[Any]:
        """The queries of a session that run, or of all."""


@dataclass(frozen=True)
class Forward:
    """Send this request to the server."""

    request: Any


_PASSED = frozenset({"register_function", "register_table_function", "get_resources_command"})

_REFUSED: Mapping[str, str] = {
    "create_resource_profile_command": "Resource profiles are",
    "ml_command": "pyspark.ml is",
    "execute_external_command": "External commands are",
    "pipeline_command": "Pipeline commands outside of a pipeline are",
    "streaming_query_listener_bus_command": "Streaming query listeners are",
}


def execute(context: SessionContext, streaming: StreamingPort | None, request: Any, replies: Replies) -> Any:
    """A `Forward`, or the stream of responses to an `ExecutePlanRequest`."""
    request = _without_extensions(context, request)
    message = request.plan
    if message.WhichOneof("op_type") == "root":
        return _query(context, streaming, request, replies)
    if message.WhichOneof("op_type") != "command":
        raise Unsupported(f"A plan with '{message.WhichOneof('op_type')}' is not known here")
    command = message.command
    kind = command.WhichOneof("command_type") or "nothing"
    if kind in _PASSED:
        return Forward(request)
    handler = _COMMANDS.get(kind)
    if handler is not None:
        return replies.stream(*handler(context, command, replies))
    if kind in ("write_stream_operation_start", "streaming_query_command", "streaming_query_manager_command"):
        return replies.stream(_stream_command(context, _port(streaming), kind, command, replies))
    if kind in _REFUSED:
        raise Unsupported(f"{_REFUSED[kind]} not supported here")
    raise Unsupported(f"The command '{kind}' is not known here")


# --- queries ----------------------------------------------------------------------------------------------------------


def _query(context: SessionContext, streaming: StreamingPort | None, request: Any, replies: Replies) -> Any:
    relation = request.plan.root
    if plan.kind(relation) == "extension":
        from reelhouse.spark.delta_api import answer

        if answer.acts(relation):
            return replies.stream(*replies.rows(answer.act(context, relation)))
    if plan.kind(relation) == "catalog":
        from reelhouse.spark.catalog_calls import call

        return replies.stream(*replies.rows(call(context, relation.catalog)))
    if _is_streaming(context, relation):
        raise Unsupported(
            "Queries with streaming sources must be executed with writeStream.start()",
            remedy="Use df.writeStream, or read the table with spark.read.",
        )
    from reelhouse.spark.lineage import record_read

    resolved = context.resolve(relation)
    record_read(context, relation)
    return Forward(_with_root(request, resolved))


def _without_extensions(context: SessionContext, request: Any) -> Any:
    """The request with tables in the place of `DeltaTable.toDF()` and other reads of the DeltaTable API."""
    if not any(plan.kind(node) == "extension" for child in plan.children(request) for node in plan.walk(child)):
        return request
    from reelhouse.spark.delta_api import answer

    is_act = request.DESCRIPTOR.name == "ExecutePlanRequest" and answer.acts(request.plan.root)
    return request if is_act else answer.without_extensions(context, request)


def _extension(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    from reelhouse.spark.delta_api import answer

    answer.command(context, command.extension)
    return []


def _merge_into(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    from reelhouse.spark.delta_api import answer

    answer.merge_into(context, command.merge_into_table_command)
    return []


def _with_root(request: Any, relation: plan.Relation) -> Any:
    changed = plan.proto.ExecutePlanRequest()
    changed.CopyFrom(request)
    changed.plan.root.CopyFrom(relation)
    return changed


def _is_streaming(context: SessionContext, relation: plan.Relation) -> bool:
    return plan.is_streaming(relation) or (
        bool(context.temporary_views) and plan.is_streaming(context.inline_views(relation))
    )


# --- commands ---------------------------------------------------------------------------------------------------------


def _sql_command(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    from reelhouse.spark.sql_command import run

    return [replies.relation(run(context, command.sql_command))]


def _create_view(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    view = command.create_dataframe_view
    inlined = context.inline_views(view.input)
    if not plan.is_streaming(inlined):
        context.wire.schema(context.resolve(inlined))
    context.set_view(view.name, view.input, is_global=view.is_global, replace=view.replace)
    return []


def _write(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    from reelhouse.spark.batch_write import write_operation

    _refuse_stream(context, command.write_operation.input)
    write_operation(context, command.write_operation)
    return []


def _write_v2(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    from reelhouse.spark.batch_write import write_operation_v2

    _refuse_stream(context, command.write_operation_v2.input)
    write_operation_v2(context, command.write_operation_v2)
    return []


def _refuse_stream(context: SessionContext, relation: plan.Relation) -> None:
    if _is_streaming(context, relation):
        raise UserError("'write' can not be called on streaming Dataset/DataFrame", remedy="Use df.writeStream.")


def _register_data_source(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    context.wire.command(command)
    context.data_sources.add(command.register_data_source.name)
    return []


def _checkpoint(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    """`df.localCheckpoint()`: what is read is fixed to the tables' present versions; nothing is copied."""
    relation_id = str(uuid.uuid4())
    context.checkpoints[relation_id] = context.resolve(command.checkpoint_command.relation)
    response = replies.response()
    response.checkpoint_command_result.relation.relation_id = relation_id
    return [response]


def _remove_checkpoint(context: SessionContext, command: Any, replies: Replies) -> list[Any]:
    context.checkpoints.pop(command.remove_cached_remote_relation_command.relation.relation_id, None)
    return []


_COMMANDS: Mapping[str, Callable[[SessionContext, Any, Replies], list[Any]]] = {
    "sql_command": _sql_command,
    "create_dataframe_view": _create_view,
    "write_operation": _write,
    "write_operation_v2": _write_v2,
    "register_data_source": _register_data_source,
    "checkpoint_command": _checkpoint,
    "extension": _extension,
    "merge_into_table_command": _merge_into,
    "remove_cached_remote_relation_command": _remove_checkpoint,
}


def _stream_command(context: SessionContext, port: StreamingPort, kind: str, command: Any, replies: Replies) -> Any:
    match kind:
        case "write_stream_operation_start":
            result = port.start(context, command.write_stream_operation_start)
            return replies.response(write_stream_operation_start_result=result)
        case "streaming_query_command":
            result = port.query_command(context, command.streaming_query_command)
            return replies.response(streaming_query_command_result=result)
        case _:
            result = port.manager_command(context, command.streaming_query_manager_command)
            return replies.response(streaming_query_manager_command_result=result)


def _port(streaming: StreamingPort | None) -> StreamingPort:
    if streaming is None:
        raise Unsupported("Streaming queries are not available in this session")
    return streaming


# --- analysis ---------------------------------------------------------------------------------------------------------

_PLANS = ("schema", "explain", "tree_string", "is_local", "is_streaming", "input_files", "semantic_hash")
_RELATIONS = ("persist", "unpersist", "get_storage_level")


def analyze(context: SessionContext, streaming: StreamingPort | None, request: Any, replies: Replies) -> Any:
    """A `Forward`, or the response to an `AnalyzePlanRequest`."""
    request = _without_extensions(context, request)
    kind = request.WhichOneof("analyze")
    if kind == "same_semantics":
        return Forward(_resolved_analysis(context, request, ("target_plan", "other_plan")))
    if kind in _RELATIONS:
        return Forward(_resolved_analysis(context, request, ("relation",)))
    if kind not in _PLANS:
        return Forward(request)
    relation = getattr(request, kind).plan.root
    if kind == "is_streaming":
        response = replies.analysis()
        response.is_streaming.is_streaming = _is_streaming(context, relation)
        return response
    if plan.kind(relation) == "catalog":
        from reelhouse.spark.catalog_calls import call
        from reelhouse.spark.replies import to_relation

        changed = plan.proto.AnalyzePlanRequest()
        changed.CopyFrom(request)
        getattr(changed, kind).plan.root.CopyFrom(to_relation(call(context, relation.catalog)))
        return Forward(changed)
    if _is_streaming(context, relation):
        return _analyze_stream(context, _port(streaming), kind, relation, request, replies)
    if kind == "input_files":
        response = replies.analysis()
        response.input_files.files.extend(_input_files(context, context.resolve(relation)))
        return response
    return Forward(_resolved_analysis(context, request, ("plan",)))


def _resolved_analysis(context: SessionContext, request: Any, fields: tuple[str, ...]) -> Any:
    changed = plan.proto.AnalyzePlanRequest()
    changed.CopyFrom(request)
    holder = getattr(changed, request.WhichOneof("analyze"))
    for name in fields:
        message = getattr(holder, name)
        relation = message if name == "relation" else message.root
        relation.CopyFrom(context.resolve(relation))
    return changed


def _analyze_stream(
    context: SessionContext, port: StreamingPort, kind: str, relation: plan.Relation, request: Any, replies: Replies
) -> Any:
    from pyspark.sql.connect.types import pyspark_types_to_proto_types

    response = replies.analysis()
    match kind:
        case "schema":
            response.schema.schema.CopyFrom(pyspark_types_to_proto_types(port.schema(context, relation)))
        case "tree_string":
            schema: Any = port.schema(context, relation)
            level = request.tree_string.level if request.tree_string.HasField("level") else None
            response.tree_string.tree_string = schema.treeString(level) if level else schema.treeString()
        case "is_local":
            response.is_local.is_local = False
        case _:
            raise Unsupported(f"'{kind}' of a streaming DataFrame is not supported here")
    return response


def _input_files(context: SessionContext, relation: plan.Relation) -> list[str]:
    """The addresses of the files that a resolved plan reads."""
    paths = [
        path
        for node in plan.walk(relation)
        if plan.kind(node) == "read" and node.read.HasField("data_source")
        for path in node.read.data_source.paths
    ]
    return list(dict.fromkeys(context.lake.url(path) for path in paths))


__all__ = ["Forward", "Stream", "StreamingPort", "analyze", "execute"]
