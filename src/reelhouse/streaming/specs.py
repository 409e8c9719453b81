"""From a plan to its sources and back: which streams a plan reads, and the plan over one batch of each."""

from __future__ import annotations

from collections.abc import Sequence

from reelhouse.plans import plan
from reelhouse.streaming.source import SourceSpec


def source_specs(relation: plan.Relation) -> list[SourceSpec]:
    """The streams that a plan reads, in plan order. A stream that is read twice in one plan is one source."""
    return list({_key(leaf): _spec(leaf) for leaf in plan.streaming_leaves(relation)}.values())


def with_batches(relation: plan.Relation, batches: Sequence[plan.Relation]) -> plan.Relation:
    """The plan with each stream replaced by a batch of it, `batches` in the order of `source_specs`."""
    keys = list(dict.fromkeys(_key(leaf) for leaf in plan.streaming_leaves(relation)))
    by_key = dict(zip(keys, batches, strict=True))

    def change(node: plan.Relation) -> plan.Relation | None:
        if plan.kind(node) == "read" and node.read.is_streaming:
            return by_key[_key(node)]
        return None

    return plan.replace(relation, change)


def _key(leaf: plan.Relation) -> bytes:
    return bytes(leaf.read.SerializeToString(deterministic=True))


def _spec(leaf: plan.Relation) -> SourceSpec:
    read = leaf.read
    if read.HasField("named_table"):
        return SourceSpec("delta", table=read.named_table.unparsed_identifier, options=dict(read.named_table.options))
    source = read.data_source
    options = dict(source.options)
    path = source.paths[0] if source.paths else next((v for k, v in options.items() if k.lower() == "path"), None)
    options = {name: value for name, value in options.items() if name.lower() != "path"}
    return SourceSpec(source.format, path=path, options=options, schema=source.schema or None)
