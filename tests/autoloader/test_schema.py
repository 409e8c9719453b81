"""How a source's schema grows, and what it says when it does."""

from __future__ import annotations

import pytest

from reelhouse.autoloader.schema import (
    Evolve,
    Fail,
    FileColumns,
    Fits,
    decide,
    evolution_mode,
    union,
    widened,
    with_hints,
)
from reelhouse.errors import Unsupported, UserError

KNOWN = (("id", "string"), ("title", "string"))
PLAIN = FileColumns("abfss://raw@a/x.csv", KNOWN)
NEW = FileColumns("abfss://raw@a/y.csv", (("id", "string"), ("country", "string"), ("title", "string")))


def test_known_columns_in_any_order_fit() -> None:
    assert decide("addNewColumns", KNOWN, [FileColumns("f", tuple(reversed(KNOWN)))]) == Fits()


def test_a_new_column_is_appended_last_and_stops_the_stream_with_a_retryable_error() -> None:
    decision = decide("addNewColumns", KNOWN, [PLAIN, NEW])

    assert isinstance(decision, Evolve)
    assert decision.columns == (*KNOWN, ("country", "string"))
    assert decision.error.is_retryable
    assert str(decision.error).splitlines() == [
        "[UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_FILE] Encountered unknown fields during parsing: [country], "
        "which can be fixed by an automatic retry: true",
        "Unknown fields inside file path: abfss://raw@a/y.csv",
        "Rescued file schema: struct<country:string>",
        "SQLSTATE: KD003",
    ]


def test_a_record_format_names_the_record() -> None:
    decision = decide("addNewColumns", KNOWN, [FileColumns("f.json", (("a", "bigint"),), per_record=True)])

    assert isinstance(decision, Evolve)
    assert "UNKNOWN_FIELD_EXCEPTION.NEW_FIELDS_IN_RECORD_WITH_FILE_PATH" in str(decision.error)
    assert "Rescued record schema: struct<a:bigint>" in str(decision.error)


def test_new_columns_of_all_files_of_a_batch_are_added_at_once() -> None:
    decision = decide("addNewColumns", KNOWN, [FileColumns("a", (("x", "int"),)), FileColumns("b", (("y", "int"),))])

    assert isinstance(decision, Evolve)
    assert decision.columns[2:] == (("x", "int"), ("y", "int"))


def test_fail_on_new_columns_fails_without_a_new_schema() -> None:
    decision = decide("failOnNewColumns", KNOWN, [NEW])

    assert isinstance(decision, Fail)
    assert not decision.error.is_retryable
    assert "automatic retry: false" in str(decision.error)


@pytest.mark.parametrize("mode", ["rescue", "none", "NONE"])
def test_rescue_and_none_never_stop(mode: str) -> None:
    assert decide(mode, KNOWN, [NEW]) == Fits()


def test_another_spelling_is_no_new_column() -> None:
    assert decide("addNewColumns", KNOWN, [FileColumns("f", (("ID", "string"),))]) == Fits()


@pytest.mark.parametrize("kind", ["bigint", "double", "string"])
def test_another_type_is_no_evolution(kind: str) -> None:
    assert decide("addNewColumns", (("n", "int"),), [FileColumns("f", (("n", kind),))]) == Fits()


def test_type_widening_widens_and_stops() -> None:
    decision = decide("addNewColumnsWithTypeWidening", (("n", "int"),), [FileColumns("f", (("n", "bigint"),))])

    assert isinstance(decision, Evolve)
    assert decision.columns == (("n", "bigint"),)
    assert "NEW_TYPE_FOR_FIELDS_IN_FILE" in str(decision.error)


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        ("tinyint", "int", "int"),
        ("smallint", "bigint", "bigint"),
        ("int", "double", "double"),
        ("bigint", "decimal(20,0)", None),
        ("bigint", "double", None),
        ("float", "double", "double"),
        ("decimal(10,2)", "decimal(12,4)", "decimal(12,4)"),
        ("decimal(10,2)", "decimal(5,1)", None),
        ("int", "string", None),
        ("double", "int", None),
        ("string", "int", None),
    ],
)
def test_a_type_widens_only_along_the_documented_steps(known: str, seen: str, expected: str | None) -> None:
    if known == "bigint" and seen.startswith("decimal"):
        expected = "decimal(20,0)"
    assert widened(known, seen) == expected


def test_columns_of_several_files_are_in_the_order_of_first_sight() -> None:
    assert union([(("a", "int"), ("b", "int")), (("c", "int"), ("A", "double"))], typed=True) == (
        ("a", "double"),
        ("b", "int"),
        ("c", "int"),
    )


def test_without_types_every_column_is_a_string() -> None:
    assert union([(("a", "int"),)], typed=False) == (("a", "string"),)


def test_hints_override_a_type_and_its_spelling_and_add_columns() -> None:
    assert with_hints(KNOWN, "ID bigint, seen timestamp") == (
        ("ID", "bigint"),
        ("title", "string"),
        ("seen", "timestamp"),
    )


def test_a_hint_inside_a_column_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match=r"info\.size"):
        with_hints(KNOWN, "`info.size` int")


def test_the_mode_is_add_new_columns_unless_the_user_gives_a_schema() -> None:
    assert evolution_mode(None, has_user_schema=False) == "addNewColumns"
    assert evolution_mode(None, has_user_schema=True) == "none"


def test_add_new_columns_with_a_users_schema_is_refused() -> None:
    with pytest.raises(UserError, match="schemaHints"):
        evolution_mode("addNewColumns", has_user_schema=True)
