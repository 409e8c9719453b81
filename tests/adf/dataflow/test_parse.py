"""The script: what is read, how it is written again, where it is wrong."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.adf.dataflow.parse import LEVELS, parse_expression, parse_script
from reelhouse.adf.dataflow.render import render, render_script
from reelhouse.adf.dataflow.syntax import (
    Array,
    Assign,
    Binary,
    Call,
    Cast,
    Column,
    Field,
    Index,
    Interpolated,
    Item,
    Literal,
    Local,
    Map,
    Option,
    Parameter,
    Script,
    Struct,
    This,
    Transformation,
    Type,
    Typed,
    Unary,
)
from reelhouse.adf.dataflow.tokens import ScriptError

names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: name not in ("true", "false", "null", "as", "parameters")
)
any_names = names | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=0, max_size=8)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=10)
literals = st.one_of(
    texts.map(lambda text: Literal(text, "string")),
    st.text("ab\\d+.*", min_size=1).map(lambda text: Literal(text, "regex")),
    st.integers(0, 2**31 - 1).map(lambda value: Literal(value, "integer")),
    st.integers(0, 2**60).map(lambda value: Literal(value, "long")),
    st.floats(0, 1e15, allow_nan=False).map(lambda value: Literal(value, "double")),
    st.booleans().map(lambda value: Literal(value, "boolean")),
    st.just(Literal(None, "null")),
)
leaves = st.one_of(
    literals,
    any_names.map(Column),
    st.builds(Column, any_names, names),
    names.map(Parameter),
    names.map(Item),
    names.map(Local),
    st.just(This()),
)
primitives = st.sampled_from(("string", "integer", "double", "date")).map(Type) | st.just(Type("decimal", (10, 2)))
types = st.recursive(
    primitives,
    lambda inner: st.one_of(
        inner.map(lambda kind: Type("array", items=(kind,))),
        st.tuples(inner, inner).map(lambda pair: Type("map", items=pair)),
        st.lists(st.builds(Typed, any_names, inner), min_size=1, max_size=3).map(
            lambda parts: Type("complex", parts=tuple(parts))
        ),
    ),
    max_leaves=4,
)
operators = st.sampled_from([sign for level in LEVELS for sign in level])


def _more(inner):
    lists = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.sampled_from(("!", "-", "~")), inner),
        st.builds(Call, names, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Index, inner, inner),
        st.builds(Field, inner, names),
        st.builds(Cast, inner, types),
        lists.map(Array),
        st.lists(st.tuples(inner, inner), min_size=1, max_size=2).map(lambda pairs: Map(tuple(pairs))),
        st.lists(st.builds(Assign, names.map(Column), inner), max_size=2).map(lambda parts: Struct(tuple(parts))),
    )


expressions = st.recursive(leaves, _more, max_leaves=8)
arguments = st.one_of(
    expressions,
    st.builds(Assign, any_names.map(Column), expressions),
    st.builds(Option, names, expressions),
    st.builds(Typed, any_names, types),
)
transformations = st.builds(
    Transformation,
    names,
    names,
    st.lists(names, max_size=2).map(tuple),
    st.lists(arguments, max_size=3).map(tuple),
    st.lists(names, max_size=2).map(tuple),
)
scripts = st.builds(
    Script,
    st.lists(st.builds(Typed, names, primitives, st.none() | literals), max_size=2).map(tuple),
    st.lists(transformations, max_size=3).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_an_expression_that_is_written_reads_the_same(node) -> None:
    assert parse_expression(render(node)) == node


@settings(max_examples=100, deadline=None)
@given(scripts)
def test_a_script_that_is_written_reads_the_same(script) -> None:
    assert parse_script(render_script(script)) == script


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab1'\"`{}()[]@#$:,.=<>!&|~+-*/%? \n\\"), max_size=30))
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    try:
        parse_script(text)
    except ScriptError as error:
        assert 1 <= error.line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", Binary("+", Column("a"), Binary("*", Column("b"), Column("c")))),
        ("a == 1 && b || c", Binary("||", Binary("&&", Binary("==", Column("a"), Literal(1, "integer")), Column("b")), Column("c"))),
        ("left@{some name}", Column("some name", "left")),
        ("Split1@one@id", Column("id", "Split1@one")),
        ("goods.orders[1]", Index(Field(Column("goods"), "orders"), Literal(1, "integer"))),
        ("byName('x') ? integer", Cast(Call("byName", (Literal("x", "string"),)), Type("integer"))),
        ('"a {b} {upper(c)}"', Interpolated(("a ", Column("b"), " ", Call("upper", (Column("c"),))))),
        ("0022", Literal(18, "octal")),
        ("7L", Literal(7, "long")),
        (r"'it\'s (\\d)'", Literal(r"it's (\d)", "string")),
        ("['a' -> 1]", Map(((Literal("a", "string"), Literal(1, "integer")),))),
        ("f(1) /* why */ // and so", Call("f", (Literal(1, "integer"),))),
    ],
)  # fmt: skip
def test_expressions_are_read_as_documented(text: str, tree) -> None:
    assert parse_expression(text) == tree


def test_a_script_has_parameters_streams_and_split_outputs() -> None:
    script = parse_script(
        """parameters{
            who as string ('me'),
            count as integer
        }
        source(output({a b} as string, d as date 'yyyy/MM/dd'), allowSchemaDrift: true) ~> s
        s, other@one join(s@x == {y}, joinType:'inner') ~> j
        j split(a > 1, disjoint: false) ~> cut@(big, small)"""
    )
    assert [(item.name, item.default) for item in script.parameters] == [
        ("who", Literal("me", "string")),
        ("count", None),
    ]
    source, join, split = script.transformations
    assert source.arguments[0].arguments[1] == Typed("d", Type("date", format="yyyy/MM/dd"))
    assert (source.line, join.inputs, split.outputs) == (5, ("s", "other@one"), ("big", "small"))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("source() ~> a\na filter(x == ) ~> b", 2, "An expression is missing, there is )"),
        ("a filter(x ~> b", 1, "')' is missing after the arguments of filter, there is ~>"),
        ("a filter(\nx == 'y) ~> b", 2, "A text is not closed"),
        ("a filter(x)", 1, "'~>' is missing after filter(…), the script ends here"),
        ("source(output(a as strin)) ~> s", 1, "'strin' is no type"),
        ("a derive(x = [1, 'k' -> 2]) ~> b", 1, "A list has either items or pairs"),
        ("a filter(x \u00a7 y) ~> b", 1, "The character '\u00a7' does not belong in a script"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(text)
    assert caught.value.line == line
    assert message in str(caught.value)
