"""The language: which texts are expressions, its grammar, its case rules, and where its errors point."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.adf.errors import ExpressionError
from reelhouse.adf.expression.evaluate import compile_template, evaluate
from reelhouse.adf.expression.functions.registry import FUNCTIONS
from reelhouse.adf.expression.names import Names, check_expression
from reelhouse.adf.expression.scope import Scope
from reelhouse.adf.expression.syntax import parse_template
from reelhouse.errors import Place

SCOPE = Scope(
    pipeline={
        "RunId": "r1",
        "TriggeredByPipelineName": None,
        "parameters": {"Name": "x", "nothing": None, "list": [10, 20], "deep": {"a b": {"c": 1}}, "flag": True},
        "globalParameters": {"g": "G"},
    },
    variables={"v": ["a"]},
    activities={"get it": {"output": {"Value": [1, 2]}, "status": "Succeeded"}},
    item={"name": "i"},
)

TEMPLATES = [
    ("plain", "plain"),
    ("", ""),
    ("@", "@"),
    ("a@b", "a@b"),
    ("x @@ y", "x @@ y"),
    (" @pipeline().RunId", " @pipeline().RunId"),
    ("@@pipeline()", "@pipeline()"),
    ("@@@x", "@@x"),
    ("@@{pipeline().RunId}", "@{pipeline().RunId}"),
    ("a @@{x} b", "a @{x} b"),
    ("@pipeline().parameters.flag", True),
    ("@{pipeline().parameters.flag}", "True"),
    ("@{pipeline().parameters.list[1]}", "20"),
    ("a @{ pipeline().RunId\n} b @{item().name}", "a r1 b i"),
    ("@{concat('}', '''')}", "}'"),
    ("@{pipeline().parameters.nothing}", ""),
    ("@pipeline().PARAMETERS.name", "x"),
    ("@PIPELINE ( ) . parameters [ 'NAME' ]", "x"),
    ("@variables('V')[0]", "a"),
    ("@activity('GET IT').output.value", [1, 2]),
    ("@pipeline().parameters.deep['a b'].c", 1),
    ("@pipeline()?.TriggeredByPipelineName", None),
    ("@pipeline().parameters.nothing?.a", None),
    ("@pipeline().parameters.nothing?['a']", None),
    ("@pipeline().parameters.list?[9]", None),
    ("@pipeline().parameters?.other", None),
    ("@pipeline().globalParameters.G", "G"),
    ("@TRUE", True),
    ("@null", None),
    ("@-12", -12),
    ("@1.5e3", 1500.0),
    ("@9223372036854775807", 9223372036854775807),
    ("@'it''s'", "it's"),
    ("@'a\\nb'", "a\\nb"),
    ("@concat(\n 'a' ,\t'b' )", "ab"),
    ("@@", "@"),
    ("@@{x} @{pipeline().RunId}", "@{x} @{pipeline().RunId}"),
    ("@{pipeline().RunId}@@{x}@{item().name}", "r1@{x}i"),
    ("me@host and @{item().name}", "me@host and i"),
    ("@{'a'}", "a"),
    ("@{1.0}|@{1e20}|@{null}|@{false}", "1|1E+20||False"),
    ("@{pipeline().parameters.list}", "[10,20]"),
    ("@{pipeline().parameters.deep}", '{"a b":{"c":1}}'),
    ("@ concat('a')", "a"),
    ("@concat('a') ", "a"),
    ("@+7", 7),
    ("@''", ""),
    ("@-0.5E-1", -0.05),
    ("@False", False),
    ("@pipeline().parameters['deep']?['a b']?['nope']?.more", None),
    ("@pipeline().parameters.list[add(0, 1)]", 20),
    ("@pipeline().parameters[concat('fl', 'ag')]", True),
    ("@activity('get it')?.error?.message", None),
    ("@ConCat('x', TOUPPER('y'))", "xY"),
]


@pytest.mark.parametrize(("text", "expected"), TEMPLATES, ids=[repr(case[0]) for case in TEMPLATES])
def test_a_text_stands_for_this_value(text, expected):
    value = evaluate(text, SCOPE)

    assert value == expected
    assert type(value) is type(expected)


WRONG = [
    ("@concat('a'", 11, "Expected ',' or ')'"),
    ("@concat('a' 'b')", 12, "Expected ',' or ')'"),
    ("@concat('a',)", 12, "Unexpected ')'"),
    ('@concat("a")', 8, "single quotes"),
    ("@concat('a)", 8, "not closed"),
    ("@1 + 2", 3, "should end here"),
    ("@(1)", 1, "Unexpected '('"),
    ("@hello", 1, "neither a function call nor a literal"),
    ("@.5", 1, "Unexpected '.'"),
    ("@0x1F", 2, "should end here"),
    ("@9223372036854775808", 1, "64 bits"),
    ("@pipeline().a-b", 13, "should end here"),
    ("@pipeline().", 12, "name of a property"),
    ("@pipeline().parameters['x'", 26, "Expected ']'"),
    ("@concat(@item())", 8, "no '@'"),
    ("a @{item()", 2, "not closed by '}'"),
    ("a @{}", 4, "Unexpected '}'"),
    ("@concat('a', frob(1))", 13, "no function 'frob'"),
    ("@toLower('a', 'b')", 1, "takes 1 argument, not 2"),
    ("@toLower(add(1, 'x'))", 16, "must be a number"),
    ("@pipeline().parameters.nope", 23, "The property 'nope' does not exist"),
    ("@pipeline().parameters.nothing.a", 31, "asked of null"),
    ("@pipeline().parameters?.other.a", 30, "asked of null"),
    ("@pipeline().parameters.list[2]", 28, "outside of the array"),
    ("@pipeline().parameters.list?[-1]", 29, "outside of the array"),
    ("@pipeline().parameters.list['0']", 28, "chosen by an integer"),
    ("@pipeline().parameters.Name[0]", 28, "has no '0'"),
    ("@variables('w')", 11, "no variable 'w'"),
    ("@activity('later').output", 10, "has not run before"),
    ("@dataset().x", 1, "only inside a dataset"),
    ("@ ", 2, "ends too early"),
    ("@concat('a'))", 12, "should end here"),
    ("@'a'.b", 4, "should end here"),
    ("@{concat('a'}", 12, "Expected ',' or ')'"),
    ("x @{", 4, "ends too early"),
    ("@pipeline().parameters[1]", 23, "chosen by text"),
    ("@pipeline().parameters.list[1.0]", 28, "chosen by an integer"),
    ("@pipeline().parameters.list?[true]", 29, "chosen by an integer"),
    ("@activity('get it').error", 20, "'error' does not exist"),
    ("@linkedService().x", 1, "only inside a linked service"),
    ("@trigger().startTime", 1, "only in the JSON of a trigger"),
    ("@pipeline", 1, "neither a function call nor a literal"),
    ("@equals(1, 1) and true", 14, "should end here"),
    ("@int('1') > 0", 10, "no operators"),
]


@pytest.mark.parametrize(("text", "position", "message"), WRONG, ids=[repr(case[0]) for case in WRONG])
def test_an_error_points_at_the_place_in_the_expression(text, position, message):
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, SCOPE)

    assert message in str(caught.value)
    assert caught.value.position == position
    assert f"at character {position + 1} of" in str(caught.value)


def test_an_error_names_the_file_and_the_json_path():
    value = {"a": [{"value": "@frob()", "type": "Expression"}]}

    with pytest.raises(ExpressionError) as caught:
        evaluate(value, SCOPE, Place("adf/pipeline/x.json", "activities[0]"))

    assert "(adf/pipeline/x.json, activities[0].a[0].value)" in str(caught.value)


def test_an_unknown_property_offers_the_nearest_and_the_available_ones():
    with pytest.raises(ExpressionError, match=r"available properties are 'Name', .*Did you mean 'Name'\?"):
        evaluate("@pipeline().parameters.Nmae", SCOPE)


def test_expressions_are_evaluated_anywhere_in_a_json_value():
    value = {"a": [{"value": "@item().name", "type": "Expression"}, "x@{item().name}"], "n": 1, "type": "Expression"}

    assert evaluate(value, SCOPE) == {"a": ["i", "xi"], "n": 1, "type": "Expression"}


def test_an_expression_longer_than_8192_characters_is_refused():
    assert evaluate("@'" + "x" * 8189 + "'", SCOPE) == "x" * 8189
    with pytest.raises(ExpressionError, match="8192"):
        evaluate("@'" + "x" * 8190 + "'", SCOPE)


def test_deep_nesting_is_refused_before_the_stack_is():
    with pytest.raises(ExpressionError, match="nested"):
        evaluate("@" + "string(" * 900 + "1" + ")" * 900, SCOPE)


def test_a_long_chain_of_accessors_is_no_nesting():
    with pytest.raises(ExpressionError, match="asked of null"):
        evaluate("@pipeline()?.x" + ".y" * 2000, SCOPE)


def test_if_evaluates_only_the_chosen_branch_and_coalesce_all():
    assert evaluate("@if(true, 1, item().nope)", SCOPE) == 1
    with pytest.raises(ExpressionError):
        evaluate("@coalesce(1, item().nope)", SCOPE)


names = st.sampled_from([*[f.name for f in FUNCTIONS.values()], "frob", "true", "null", "x"])
pieces = st.one_of(
    names.map(lambda name: name + "("),
    names,
    st.sampled_from(
        ["'", "''", "(", ")", "[", "]", "?", "?.", ".", ",", "@", "@{", "}", "@@", " ", "\n", '"', "-", "1e9", "\\"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=4),
    st.text(max_size=4).map(lambda text: "'" + text.replace("'", "''") + "'"),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_any_text_gives_a_value_or_an_error_that_points_into_it(text):
    for candidate in (text, "@" + text, "@{" + text + "}"):
        try:
            evaluate(candidate, SCOPE)
        except ExpressionError as error:
            assert 0 <= error.position <= len(candidate)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["2018-03-15T00:00:00Z", "UTC", "Day", "aGVsbG8=", "<a/>", "data:,x", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
PLAIN_FUNCTIONS = sorted(name for name in FUNCTIONS if FUNCTIONS[name].name not in ("activity", "xpath"))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLAIN_FUNCTIONS), st.lists(values, max_size=4))
def test_any_function_with_any_arguments_gives_a_value_or_an_expression_error(name, arguments):
    scope = Scope(pipeline={"parameters": {f"p{i}": value for i, value in enumerate(arguments)}}, variables={})
    written = ", ".join(f"pipeline().parameters.p{index}" for index in range(len(arguments)))

    try:
        evaluate(f"@string({name}({written}))", scope)
    except ExpressionError:
        pass


@given(st.text(alphabet=st.characters(exclude_characters="@")))
def test_a_text_without_an_at_sign_stands_for_itself(text):
    assert evaluate(text, SCOPE) == text
    assert compile_template(text)(SCOPE) == text


@given(st.text())
def test_a_quoted_text_survives_any_characters(text):
    assert evaluate("@'" + text.replace("'", "''") + "'", SCOPE) == text


def test_names_are_resolved_without_running():
    known = Names(
        parameters=["a"],
        global_parameters=["g"],
        variables=["v"],
        activities=["up"],
        all_activities=["up", "side"],
        scope="a pipeline",
    )
    cases = {
        "@pipeline().parameters.b": "no parameter 'b'",
        "@{pipeline().Parameters['A']}": None,
        "@pipeline().globalParameters.h": "no global parameter 'h'",
        "@pipeline().Runid": None,
        "@pipeline().Nope": "no system variable",
        "@concat(variables('w'))": "no variable 'w'",
        "@activity('UP').output": None,
        "@activity('side').output": "not upstream",
        "@activity('pu').output": "no activity 'pu'",
        "@pipeline().parameters[activity('x').output.y]": "no activity 'x'",
        "@item()": "item() does not exist in a pipeline",
        "@dataset().x": "dataset() does not exist",
        "@pipeline()?.parameters?.b": None,
        "@frob()": "no function",
    }

    for text, expected in cases.items():
        found = [str(error) for error in check_expression(text, known)]
        assert (expected is None and not found) or (expected and expected in found[0]), (text, found)


def test_the_template_of_a_text_is_parsed_once():
    assert compile_template("@concat('a', 'b')") is compile_template("@concat('a', 'b')")
    assert parse_template("x").value == "x"
