"""CREATE TABLE, CREATE VIEW and ALTER TABLE, from text to statements. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-table-using
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reelhouse.errors import Unsupported
from reelhouse.spark.statements.statement import (
    AddColumns,
    AddConstraint,
    AlterColumn,
    ColumnDefinition,
    ConstraintDefinition,
    CreateTable,
    CreateView,
    DropConstraint,
    SetProperties,
    Statement,
    UnsetProperties,
)
from reelhouse.spark.statements.tokens import Cursor, Kind
from reelhouse.spark.statements.types import parse_type

_REFUSED_COLUMN_CLAUSES = ("DEFAULT", "GENERATED", "MASK", "COLLATE")


@dataclass
class _Clauses:
    location: str | None = None
    comment: str | None = None
    partition_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


def create(cursor: Cursor) -> Statement | None:
    """CREATE … TABLE or VIEW, the cursor behind CREATE; None for what is neither."""
    or_replace = cursor.accept("OR", "REPLACE")
    is_global = cursor.accept("GLOBAL")
    temporary = cursor.accept("TEMPORARY") or cursor.accept("TEMP")
    if cursor.accept("VIEW"):
        return _create_view(cursor, or_replace, temporary, is_global)
    if temporary or is_global:
        raise Unsupported("CREATE TEMPORARY TABLE is not supported here", remedy="Use CREATE TEMPORARY VIEW.")
    if cursor.accept("EXTERNAL"):
        cursor.expect("TABLE")
    elif not cursor.accept("TABLE"):
        return None
    return _create_table(cursor, or_replace)


def replace(cursor: Cursor) -> Statement:
    """REPLACE TABLE."""
    cursor.expect("REPLACE", "TABLE")
    return _create_table(cursor, True)


def _create_table(cursor: Cursor, or_replace: bool) -> CreateTable:
    exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    if cursor.at("LIKE") or cursor.at("SHALLOW") or cursor.at("DEEP") or cursor.at("CLONE"):
        raise Unsupported(f"CREATE TABLE … {cursor.token.text.upper()} is not supported here")
    columns, constraints = _definitions(cursor)
    clauses, query = _Clauses(), None
    while not cursor.at_end():
        if cursor.accept("AS") or cursor.token.is_word("SELECT", "WITH", "VALUES"):
            query = cursor.rest()
        else:
            _clause(cursor, clauses)
    return CreateTable(
        name,
        columns,
        constraints,
        clauses.location,
        clauses.partition_by,
        clauses.comment,
        clauses.properties,
        exists,
        or_replace,
        query,
    )


def _clause(cursor: Cursor, clauses: _Clauses) -> None:
    if cursor.accept("USING"):
        form = cursor.identifier()
        if form.upper() != "DELTA":
            raise Unsupported(f"CREATE TABLE … USING {form} is not supported here", remedy="Tables are Delta tables.")
    elif cursor.accept("LOCATION"):
        clauses.location = cursor.string()
    elif cursor.accept("COMMENT"):
        clauses.comment = cursor.string()
    elif cursor.accept("PARTITIONED", "BY"):
        clauses.partition_by = column_list(cursor)
    elif cursor.accept("TBLPROPERTIES"):
        clauses.properties = properties(cursor)
    elif cursor.at("CLUSTER") or cursor.at("CLUSTERED") or cursor.at("OPTIONS") or cursor.at("WITH"):
        raise Unsupported(
            f"CREATE TABLE … {cursor.token.text.upper()} is not supported here",
            remedy="Supported are USING DELTA, LOCATION, COMMENT, PARTITIONED BY, TBLPROPERTIES, AS.",
        )
    else:
        raise cursor.error("USING, LOCATION, COMMENT, PARTITIONED BY, TBLPROPERTIES or AS")


def _definitions(cursor: Cursor) -> tuple[tuple[ColumnDefinition, ...], tuple[ConstraintDefinition, ...]]:
    columns: list[ColumnDefinition] = []
    constraints: list[ConstraintDefinition] = []
    if cursor.accept_symbol("("):
        while True:
            if _at_constraint(cursor):
                constraints.append(constraint(cursor))
            else:
                column, own = _column(cursor)
                columns.append(column)
                constraints += own
            if not cursor.accept_symbol(","):
                break
        cursor.expect_symbol(")")
    return tuple(columns), tuple(constraints)


def _at_constraint(cursor: Cursor) -> bool:
    return any(cursor.at(*words) for words in (("CONSTRAINT",), ("PRIMARY", "KEY"), ("FOREIGN", "KEY"))) or (
        cursor.at("CHECK") and cursor.peek().text == "("
    )


def _column(cursor: Cursor) -> tuple[ColumnDefinition, list[ConstraintDefinition]]:
    name = cursor.identifier()
    kind = parse_type(cursor)
    not_null, comment = False, None
    constraints: list[ConstraintDefinition] = []
    while True:
        if cursor.accept("NOT", "NULL"):
            not_null = True
        elif cursor.accept("COMMENT"):
            comment = cursor.string()
        elif cursor.at("CONSTRAINT") or cursor.at("PRIMARY") or cursor.at("CHECK"):
            own = constraint(cursor, column=name)
            constraints.append(own)
        elif cursor.token.is_word(*_REFUSED_COLUMN_CLAUSES):
            raise Unsupported(
                f"Column '{name}': {cursor.token.text.upper()} is not supported here",
                remedy="Supported are NOT NULL, COMMENT and constraints.",
            )
        else:
            return ColumnDefinition(name, kind, not_null, comment), constraints


def constraint(cursor: Cursor, column: str | None = None) -> ConstraintDefinition:
    """A constraint; of one `column` when it stands behind that column's type."""
    name = cursor.identifier() if cursor.accept("CONSTRAINT") else None
    if cursor.accept("CHECK"):
        found = ConstraintDefinition(name, "CHECK", cursor.bracketed())
        cursor.accept("ENFORCED")
        return found
    if cursor.accept("PRIMARY", "KEY"):
        columns = (column,) if column else column_list(cursor)
        _key_options(cursor)
        return ConstraintDefinition(name, "PRIMARY KEY", columns=columns)
    columns = (column,) if column else ()
    if cursor.accept("FOREIGN", "KEY") and not column:
        columns = column_list(cursor)
    cursor.expect("REFERENCES")
    references = cursor.name()
    to = column_list(cursor) if cursor.token.text == "(" else ()
    _key_options(cursor)
    return ConstraintDefinition(name, "FOREIGN KEY", columns=columns, references=references, reference_columns=to)


def _key_options(cursor: Cursor) -> None:
    """Keys are informational; these words only say so, or tell an optimizer what it may believe."""
    while any(
        cursor.accept(*words)
        for words in (("NOT", "ENFORCED"), ("DEFERRABLE",), ("INITIALLY", "DEFERRED"), ("NORELY",), ("RELY",))
    ):
        pass
    if cursor.at("TIMESERIES") or cursor.at("ON") or cursor.at("MATCH"):
        raise Unsupported(f"The key option {cursor.token.text.upper()} is not supported here")


def column_list(cursor: Cursor) -> tuple[str, ...]:
    """Column names in brackets."""
    cursor.expect_symbol("(")
    names = [cursor.identifier()]
    while cursor.accept_symbol(","):
        names.append(cursor.identifier())
    if cursor.token.kind is Kind.WORD:
        raise Unsupported("Types of columns in PARTITIONED BY are not supported here", remedy="Name the columns alone.")
    cursor.expect_symbol(")")
    return tuple(names)


def property_key(cursor: Cursor) -> str:
    """The key of a property: a string, or words with dots."""
    return cursor.string() if cursor.token.kind is Kind.STRING else ".".join(cursor.name())


def properties(cursor: Cursor) -> dict[str, str]:
    """Properties in brackets."""
    found: dict[str, str] = {}
    cursor.expect_symbol("(")
    while True:
        key = property_key(cursor)
        cursor.accept_symbol("=")
        token = cursor.next()
        sign = ""
        if token.text == "-":
            sign, token = "-", cursor.next()
        if token.kind not in (Kind.STRING, Kind.NUMBER, Kind.WORD):
            raise cursor.error(f"the value of property '{key}'")
        found[key] = sign + (token.text.lower() if token.is_word("TRUE", "FALSE") else token.text)
        if not cursor.accept_symbol(","):
            break
    cursor.expect_symbol(")")
    return found


def _create_view(cursor: Cursor, or_replace: bool, temporary: bool, is_global: bool) -> CreateView:
    exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    columns: list[tuple[str, str | None]] = []
    if cursor.accept_symbol("("):
        while True:
            column = cursor.identifier()
            columns.append((column, cursor.string() if cursor.accept("COMMENT") else None))
            if not cursor.accept_symbol(","):
                break
        cursor.expect_symbol(")")
    comment, found = None, {}
    while not cursor.accept("AS"):
        if cursor.accept("COMMENT"):
            comment = cursor.string()
        elif cursor.accept("TBLPROPERTIES"):
            found = properties(cursor)
        elif cursor.at("USING") or cursor.at("WITH") or cursor.at("DEFAULT"):
            raise Unsupported(
                f"CREATE VIEW … {cursor.token.text.upper()} is not supported here", remedy="Use CREATE VIEW … AS query."
            )
        else:
            raise cursor.error("AS")
    return CreateView(name, cursor.rest(), tuple(columns), comment, found, temporary, is_global, exists, or_replace)


def alter(cursor: Cursor) -> Statement | None:
    """ALTER TABLE; None for the ALTER of something else."""
    if not cursor.accept("ALTER", "TABLE"):
        return None
    table = cursor.name()
    if cursor.accept("SET", "TBLPROPERTIES"):
        return SetProperties(table, properties(cursor))
    if cursor.accept("UNSET", "TBLPROPERTIES"):
        exists = cursor.accept("IF", "EXISTS")
        return UnsetProperties(table, _keys(cursor), exists)
    if cursor.accept("ADD", "COLUMNS") or cursor.accept("ADD", "COLUMN"):
        return AddColumns(table, _new_columns(cursor))
    if cursor.accept("ADD"):
        return AddConstraint(table, constraint(cursor))
    if cursor.accept("DROP", "CONSTRAINT"):
        exists = cursor.accept("IF", "EXISTS")
        return DropConstraint(table, cursor.identifier(), exists)
    if cursor.accept("DROP", "PRIMARY", "KEY"):
        exists = cursor.accept("IF", "EXISTS")
        return DropConstraint(table, "", exists, "PRIMARY KEY")
    if cursor.accept("ALTER") or cursor.accept("CHANGE"):
        cursor.accept("COLUMN")
        return _alter_column(cursor, table)
    raise Unsupported(
        f"ALTER TABLE … {cursor.token.text.upper()} {cursor.peek().text.upper()} is not supported here",
        remedy="Supported are SET and UNSET TBLPROPERTIES, ADD COLUMNS, ADD and DROP CONSTRAINT, "
        "ALTER COLUMN … COMMENT, SET NOT NULL, DROP NOT NULL.",
    )


def _alter_column(cursor: Cursor, table: tuple[str, ...]) -> AlterColumn:
    column = cursor.identifier()
    if cursor.accept("COMMENT"):
        return AlterColumn(table, column, "COMMENT", cursor.string())
    for action in ("SET", "DROP"):
        if cursor.accept(action, "NOT", "NULL"):
            return AlterColumn(table, column, f"{action} NOT NULL")
    raise Unsupported(
        f"ALTER COLUMN … {cursor.token.text.upper()} is not supported here",
        remedy="Supported are COMMENT, SET NOT NULL, DROP NOT NULL.",
    )


def _keys(cursor: Cursor) -> tuple[str, ...]:
    cursor.expect_symbol("(")
    keys = [property_key(cursor)]
    while cursor.accept_symbol(","):
        keys.append(property_key(cursor))
    cursor.expect_symbol(")")
    return tuple(keys)


def _new_columns(cursor: Cursor) -> tuple[ColumnDefinition, ...]:
    bracket = cursor.accept_symbol("(")
    columns: list[ColumnDefinition] = []
    while True:
        column, constraints = _column(cursor)
        if column.not_null or constraints:
            raise Unsupported(
                f"ADD COLUMN '{column.name}' with a constraint is not supported here", remedy="Add it after."
            )
        if cursor.at("FIRST") or cursor.at("AFTER"):
            raise Unsupported("ADD COLUMN … FIRST and … AFTER are not supported here", remedy="New columns come last.")
        columns.append(column)
        if not cursor.accept_symbol(","):
            break
    if bracket:
        cursor.expect_symbol(")")
    return tuple(columns)
