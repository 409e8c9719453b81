"""Which source columns each column of a plan comes from. Pure: what a leaf holds is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelhouse.lineage.event import Dataset
from reelhouse.plans import plan

Source = tuple[str, str, str]
"""Type and name of a dataset, and a column of it."""

_SAME = {
    "filter": "input",
    "sort": "input",
    "limit": "input",
    "offset": "input",
    "tail": "input",
    "deduplicate": "input",
    "sample": "input",
    "repartition": "input",
    "repartition_by_expression": "input",
    "hint": "input",
    "with_watermark": "input",
    "drop_na": "input",
    "fill_na": "input",
    "replace": "input",
    "collect_metrics": "input",
}
_LONGEST_SQL = 50_000


@dataclass(frozen=True)
class Column:
    """A column. `name` is None when the engine makes one up, `sources` when they cannot be told."""

    name: str | None
    sources: frozenset[Source] | None
    qualifiers: frozenset[str] = frozenset()
    plan_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Scope:
    """The columns of a relation, in order. `whole` says whether these are all."""

    columns: tuple[Column, ...]
    whole: bool = True

    @staticmethod
    def unknown() -> Scope:
        """A relation of which nothing is known."""
        return Scope((), False)

    @staticmethod
    def of(names: Sequence[str], dataset: Dataset, qualifier: str) -> Scope:
        """The columns of a dataset."""
        return Scope(
            tuple(
                Column(name, frozenset({(dataset.type, dataset.name, name)}), frozenset({qualifier.lower()}))
                for name in names
            )
        )

    def find(self, parts: Sequence[str], plan_id: int | None = None) -> frozenset[Source] | None:
        """The sources of a column by its name, qualified or not; of its struct when the name leads into one."""
        columns = [c for c in self.columns if plan_id is None or plan_id in c.plan_ids]
        lower = [part.lower() for part in parts]
        for skipped in (1, 2, 3):
            if len(lower) > skipped:
                qualified = [
                    c
                    for c in columns
                    if c.name and c.name.lower() == lower[skipped] and lower[skipped - 1] in c.qualifiers
                ]
                if qualified:
                    return _united(qualified)
        return _united([c for c in columns if c.name and c.name.lower() == lower[0]])

    def named(self, qualifier: str) -> Scope:
        """The same columns under one qualifier."""
        return replace(self, columns=tuple(replace(c, qualifiers=frozenset({qualifier.lower()})) for c in self.columns))

    def marked(self, plan_id: int) -> Scope:
        """The same columns, which may also be named by a relation's id."""
        return replace(self, columns=tuple(replace(c, plan_ids=c.plan_ids | {plan_id}) for c in self.columns))


def columns_of(relation: plan.Relation, leaf: Callable[[plan.Relation], Scope]) -> Scope:
    """The columns of a plan whose SQL text stands over named references; `leaf` tells those of a read."""
    scope = _scope(relation, leaf)
    if relation.HasField("common") and relation.common.HasField("plan_id"):
        scope = scope.marked(relation.common.plan_id)
    return scope


def _scope(relation: plan.Relation, leaf: Callable[[plan.Relation], Scope]) -> Scope:
    kind = plan.kind(relation)
    if kind == "read":
        return leaf(relation)
    if kind in _SAME:
        return columns_of(getattr(relation, kind).input, leaf)
    rule = _RULES.get(kind)
    return rule(getattr(relation, kind), leaf) if rule else Scope.unknown()


Leaf = Callable[[plan.Relation], Scope]


def _alias(node: Any, leaf: Leaf) -> Scope:
    return columns_of(node.input, leaf).named(node.alias)


def _project(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    columns: list[Column] = []
    whole = True
    for expression in node.expressions:
        star = _star(expression, inner)
        if star is not None:
            columns += star
            whole = whole and inner.whole
        else:
            columns.append(_column(expression, inner))
    return Scope(tuple(columns), whole)


def _with_columns(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    columns = list(inner.columns)
    for alias in node.aliases:
        new = Column(alias.name[0], _sources(alias.expr, inner))
        at = [i for i, column in enumerate(columns) if column.name and column.name.lower() == alias.name[0].lower()]
        for i in at:
            columns[i] = new
        if not at:
            columns.append(new)
    return Scope(tuple(columns), inner.whole)


def _renamed(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    names = {old.lower(): new for old, new in node.rename_columns_map.items()}
    names |= {rename.col_name.lower(): rename.new_col_name for rename in node.renames}
    return replace(
        inner,
        columns=tuple(replace(c, name=names.get(c.name.lower(), c.name) if c.name else None) for c in inner.columns),
    )


def _dropped(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    names = {name.lower() for name in node.column_names}
    names |= {
        plan.split_name(column.unresolved_attribute.unparsed_identifier)[-1].lower()
        for column in node.columns
        if column.HasField("unresolved_attribute")
    }
    return replace(inner, columns=tuple(c for c in inner.columns if not c.name or c.name.lower() not in names))


def _to_df(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    if not inner.whole or len(inner.columns) != len(node.column_names):
        return Scope.unknown()
    pairs = zip(inner.columns, node.column_names, strict=True)
    return Scope(tuple(replace(column, name=name) for column, name in pairs))


def _to_schema(node: Any, leaf: Leaf) -> Scope:
    inner = columns_of(node.input, leaf)
    names = [field.name for field in node.schema.struct.fields]
    return Scope(tuple(Column(name, inner.find([name])) for name in names))


def _join(node: Any, leaf: Leaf) -> Scope:
    left, right = columns_of(node.left, leaf), columns_of(node.right, leaf)
    kinds = plan.proto.Join.JoinType
    if node.join_type in (kinds.JOIN_TYPE_LEFT_SEMI, kinds.JOIN_TYPE_LEFT_ANTI):
        return left
    using = {name.lower() for name in node.using_columns}
    if not using:
        return Scope(left.columns + right.columns, left.whole and right.whole)
    first = [
        Column(name, _shared(node.join_type, left.find([name]), right.find([name]))) for name in node.using_columns
    ]
    rest = [c for c in left.columns + right.columns if not c.name or c.name.lower() not in using]
    return Scope((*first, *rest), left.whole and right.whole)


def _shared(
    join_type: int, left: frozenset[Source] | None, right: frozenset[Source] | None
) -> frozenset[Source] | None:
    """The sources of a column that a join has in common: the side that is kept whole gives its values."""
    kinds = plan.proto.Join.JoinType
    if join_type in (kinds.JOIN_TYPE_INNER, kinds.JOIN_TYPE_LEFT_OUTER, kinds.JOIN_TYPE_CROSS):
        return left
    return right if join_type == kinds.JOIN_TYPE_RIGHT_OUTER else _both(left, right)


def _set_operation(node: Any, leaf: Leaf) -> Scope:
    left, right = columns_of(node.left_input, leaf), columns_of(node.right_input, leaf)
    kinds = plan.proto.SetOperation
    if node.set_op_type != kinds.SET_OP_TYPE_UNION:
        return left
    if node.by_name:
        united = [replace(c, sources=_both(c.sources, right.find([c.name]))) for c in left.columns if c.name]
        new = {c.name.lower() for c in left.columns if c.name}
        united += [c for c in right.columns if c.name and c.name.lower() not in new]
        return Scope(tuple(united), left.whole and right.whole)
    if not (left.whole and right.whole) or len(left.columns) != len(right.columns):
        return Scope(tuple(Column(c.name, None) for c in left.columns), left.whole)
    pairs = zip(left.columns, right.columns, strict=True)
    return Scope(tuple(Column(a.name, _both(a.sources, b.sources)) for a, b in pairs))


def _aggregate(node: Any, leaf: Leaf) -> Scope:
    if node.group_type != plan.proto.Aggregate.GROUP_TYPE_GROUPBY:
        return Scope.unknown()
    inner = columns_of(node.input, leaf)
    expressions = [*node.grouping_expressions, *node.aggregate_expressions]
    return Scope(tuple(_column(expression, inner) for expression in expressions))


def _with_relations(node: Any, leaf: Leaf) -> Scope:
    if plan.kind(node.root) != "sql":
        return columns_of(node.root, leaf)
    references = {
        reference.subquery_alias.alias: columns_of(reference.subquery_alias.input, leaf)
        for reference in node.references
        if plan.kind(reference) == "subquery_alias"
    }
    text = node.root.sql.query
    if len(text) > _LONGEST_SQL or not all(scope.whole for scope in references.values()):
        return Scope.unknown()
    from reelhouse.spark.sqlcolumns import columns_of_sql

    return columns_of_sql(text, references)


_RULES: dict[str, Callable[[Any, Leaf], Scope]] = {
    "subquery_alias": _alias,
    "project": _project,
    "with_columns": _with_columns,
    "with_columns_renamed": _renamed,
    "drop": _dropped,
    "to_df": _to_df,
    "to_schema": _to_schema,
    "join": _join,
    "set_op": _set_operation,
    "aggregate": _aggregate,
    "with_relations": _with_relations,
}


# --- expressions ------------------------------------------------------------------------------------------------------


def _star(expression: Any, inner: Scope) -> list[Column] | None:
    if not expression.HasField("unresolved_star"):
        if expression.expression_string.expression.strip() == "*":
            return list(inner.columns)
        return None
    target = expression.unresolved_star.unparsed_target
    if not target:
        return list(inner.columns)
    qualifier = plan.split_name(target.removesuffix(".*"))[-1].lower()
    return [column for column in inner.columns if qualifier in column.qualifiers]


def _column(expression: Any, inner: Scope) -> Column:
    match expression.WhichOneof("expr_type"):
        case "alias":
            names = list(expression.alias.name)
            return Column(names[0] if len(names) == 1 else None, _sources(expression.alias.expr, inner))
        case "unresolved_attribute":
            parts = plan.split_name(expression.unresolved_attribute.unparsed_identifier)
            return Column(parts[-1], _sources(expression, inner))
        case "expression_string":
            from reelhouse.spark.sqlcolumns import parse_expression

            name, columns = parse_expression(expression.expression_string.expression)
            return Column(name, _all(inner.find(parts) for parts in columns) if columns is not None else None)
    return Column(None, _sources(expression, inner))


def _sources(expression: Any, inner: Scope) -> frozenset[Source] | None:
    """The sources of all columns in an expression; None when one of them cannot be told."""
    return _all(_walk(expression, inner))


def _walk(message: Any, inner: Scope) -> Iterator[frozenset[Source] | None]:
    kind = message.DESCRIPTOR.name
    if kind == "UnresolvedAttribute":
        plan_id = message.plan_id if message.HasField("plan_id") else None
        yield inner.find(plan.split_name(message.unparsed_identifier), plan_id)
        return
    if kind == "ExpressionString":
        from reelhouse.spark.sqlcolumns import parse_expression

        _, columns = parse_expression(message.expression)
        yield from [None] if columns is None else [inner.find(parts) for parts in columns]
        return
    if kind in ("UnresolvedStar", "UnresolvedRegex", "SubqueryExpression"):
        yield frozenset() if kind == "UnresolvedStar" and not message.unparsed_target else None
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else [value]:
            if item.DESCRIPTOR.name not in ("ExpressionCommon", "DataType", "Literal", "Relation"):
                yield from _walk(item, inner)


def _all(found: Any) -> frozenset[Source] | None:
    every: set[Source] = set()
    for sources in found:
        if sources is None:
            return None
        every |= sources
    return frozenset(every)


def _united(columns: Sequence[Column]) -> frozenset[Source] | None:
    return _all(column.sources for column in columns) if columns else None


def _both(one: frozenset[Source] | None, other: frozenset[Source] | None) -> frozenset[Source] | None:
    return None if one is None or other is None else one | other
