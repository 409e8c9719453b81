"""What a session does with the messages of the DeltaTable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported
from reelhouse.plans import plan
from reelhouse.spark.delta_api.messages import is_delta, unpacked
from reelhouse.spark.delta_api.statements import SOURCE, Call, of_command, of_merge_into, of_relation, table_name

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext

_READS = ("scan", "describe_history", "describe_detail", "is_delta_table")


def acts(relation: plan.Relation) -> bool:
    """Whether the relation is a call that changes a table, which is to be done once and not looked at."""
    if plan.kind(relation) != "extension" or not is_delta(relation.extension):
        return False
    return unpacked(relation.extension).WhichOneof("relation_type") not in _READS


def act(context: SessionContext, relation: plan.Relation) -> pa.Table:
    """Do the call of a relation for which `acts` holds; the rows that it gives."""
    call = of_relation(unpacked(relation.extension), unpacked)
    assert call is not None
    return _do(context, call)


def command(context: SessionContext, extension: Any) -> None:
    """Do the call of a command."""
    _do(context, of_command(unpacked(extension)))


def merge_into(context: SessionContext, message: Any) -> None:
    """Do a `MergeIntoTableCommand`."""
    _do(context, of_merge_into(message))


def without_extensions(context: SessionContext, message: Any) -> Any:
    """A plan, or anything else that holds relations, with tables in the place of the API's reads of them.

    The message itself comes back when there are none. Raises `Unsupported` for a call that changes a table.
    """
    if not any(plan.kind(node) == "extension" for child in plan.children(message) for node in plan.walk(child)):
        return message
    return plan.replace_within(message, lambda node: _read(context, node))


def _read(context: SessionContext, node: plan.Relation) -> plan.Relation | None:
    if plan.kind(node) != "extension" or not is_delta(node.extension):
        return None
    message = unpacked(node.extension)
    kind = message.WhichOneof("relation_type")
    if kind == "scan":
        name = table_name(message.scan.table)
        if name[0].lower() == "delta" and len(name) == 2:
            return plan.read_data_source("delta", paths=[name[1]])
        return plan.named_table(".".join(plan.quote(part) for part in name))
    from reelhouse.spark.replies import to_relation

    if kind == "is_delta_table":
        import pyarrow as pa

        found = context.snapshot(context.lake.local(message.is_delta_table.path)) is not None
        return to_relation(pa.table({"value": [found]}))
    if kind not in _READS:
        raise Unsupported(f"'{kind}' of the DeltaTable API is no part of a query")
    call = of_relation(message, unpacked)
    assert call is not None
    return to_relation(_do(context, call))


def _do(context: SessionContext, call: Call) -> pa.Table:
    from reelhouse.spark.statements.run import perform

    references = []
    if call.source is not None:
        # A source of the API's own (`target.toDF()`) is a table to the statement.
        holder = plan.alias(call.source, SOURCE)
        references.append(without_extensions(context, holder))
    return perform(context, call.statement, references)
