"""SQL cells: statements and parameters."""

import pytest

from reelhouse.errors import Unsupported, UserError
from reelhouse.notebooks.statements import bind, markers, split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';'; SELECT 2", ["SELECT ';'", "SELECT 2"]),
        (r"SELECT 'it\'s;'; SELECT 2", [r"SELECT 'it\'s;'", "SELECT 2"]),
        ("SELECT 'it''s;'", ["SELECT 'it''s;'"]),
        ("SELECT `a;b` FROM t -- x; y\n; SELECT 2", ["SELECT `a;b` FROM t -- x; y", "SELECT 2"]),
        ("/* a; b */ SELECT 1;\n-- the end;\n", ["/* a; b */ SELECT 1"]),
        (" ;; \n", []),
    ],
)
def test_statements_end_at_semicolons_outside_of_strings_and_comments(text, statements):
    assert [s for s, _ in split_statements(text)] == statements


def test_a_script_is_refused():
    with pytest.raises(Unsupported, match=r"BEGIN … END"):
        split_statements("-- a script\nBEGIN\n  SELECT 1;\nEND")


def test_each_statement_knows_its_line():
    assert split_statements("SELECT 1;\n\nSELECT\n2;") == [("SELECT 1", 0), ("SELECT\n2", 2)]


def test_markers_are_not_casts_strings_or_comments():
    assert markers("SELECT :a, x::int, ':b', `:c`, :a -- :d") == ["a"]


def test_widget_values_are_bound_and_old_spellings_replaced():
    text, arguments = bind(
        "SELECT :a, '${b}', getArgument('c') FROM IDENTIFIER(:t)", {"a": "1", "b": "x", "c": "it's", "t": "v"}
    )
    assert text == "SELECT :a, 'x', 'it\\'s' FROM IDENTIFIER(:t)"
    assert arguments == {"a": "1", "t": "v"}


def test_a_parameter_without_widget_is_refused_with_the_nearest_name():
    with pytest.raises(UserError, match=r"uses parameter 'catlog'.*Did you mean 'catalog'"):
        bind("SELECT :catlog", {"catalog": "netflix"})
