"""Pagination rules and JSON paths: which request follows which answer, without a server."""

from __future__ import annotations

import pytest

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.finding import Severity
from reelhouse.adf.rest.json_path import parse_path
from reelhouse.adf.rest.pagination import Page, first, following, next_url, with_query
from reelhouse.adf.rest.rules import read_rules
from reelhouse.errors import Place, Unsupported, UserError

BASE = "https://h/api"
PLACE = Place("p.json")


def rules(raw):
    findings = []
    read = read_rules(raw, PLACE, findings)
    assert not [finding for finding in findings if finding.severity is Severity.ERROR], findings
    return read


def walk(raw, *answers, url=f"{BASE}/t", headers=None):
    """The URLs (and headers) that are asked for when these answers come, at most one more than there are."""
    read = rules(raw)
    ask = first(read, url, headers or {})
    asked = []
    for answer in answers:
        if ask is None:
            break
        asked.append((ask.final_url(), ask.final_headers()))
        page = answer if isinstance(answer, Page) else Page(200, {}, answer)
        ask = following(read, BASE, ask, page)
    if ask is not None:
        asked.append((ask.final_url(), ask.final_headers()))
    return asked if headers else [url for url, _ in asked]


def head(status=200, document=None, **headers):
    return Page(status, {name.lower(): value for name, value in headers.items()}, {} if document is None else document)


@pytest.mark.parametrize(
    ("path", "document", "found"),
    [
        ("$", 5, [5]),
        ("$.a.b", {"a": {"b": 1}}, [1]),
        ("$.a.b", {"a": 1}, []),
        ("$.A", {"a": 1}, []),
        ("$['@odata.nextLink']", {"@odata.nextLink": "u"}, ["u"]),
        ("$.['a b']", {"a b": 1}, [1]),
        ('$["a"].b', {"a": {"b": None}}, [None]),
        ("$.items[1].id", {"items": [{"id": 1}, {"id": 2}]}, [2]),
        ("$.items[-1:].id", {"items": [{"id": 1}, {"id": 2}]}, [2]),
        ("$[-1].id", [{"id": 1}, {"id": 2}], [2]),
        ("$[9]", [1], []),
        ("$.items[*].id", {"items": [{"id": 1}, {"id": 2}]}, [1, 2]),
        ("$.*.id", {"x": {"id": 1}, "y": {"id": 2}}, [1, 2]),
        ("$..next", {"a": {"next": 1}, "b": [{"next": 2}]}, [1, 2]),
        ("$.next-page_1", {"next-page_1": 3}, [3]),
    ],
)
def test_a_path_finds_values(path, document, found):
    assert parse_path(path).find(document) == found


@pytest.mark.parametrize("path", ["a.b", "$a", "$.", "$.a[", "$.a[x]", "$.a..", "$[]"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(UserError, match="is no JSON path"):
        parse_path(path)


def test_filters_are_refused_by_name():
    with pytest.raises(Unsupported, match="Filters"):
        parse_path("$.items[?(@.last)].id")


def test_without_rules_links_are_followed():
    link = head(link='<https://h/api/t?page=1>; rel="prev", <https://h/api/t?page=3>; title="a, b"; rel="next"')
    assert walk(None, link, head()) == [f"{BASE}/t", "https://h/api/t?page=3"]
    assert walk({"supportRFC5988": "true"}, head(link="</next>; rel=next")) == [f"{BASE}/t", "https://h/next"]


@pytest.mark.parametrize("raw", [{}, {"supportRFC5988": "false"}, {"MaxRequestNumber": "5"}])
def test_links_may_be_turned_off(raw):
    assert walk(raw, head(link='<https://h/2>; rel="next"')) == [f"{BASE}/t"]


def test_another_rule_beats_links():
    answer = head(document={"next": None}, link='<https://h/2>; rel="next"')
    assert walk({"AbsoluteUrl": "$.next", "supportRFC5988": "true"}, answer) == [f"{BASE}/t"]


@pytest.mark.parametrize("last", [{}, {"paging": {"next": None}}, {"paging": {"next": ""}}])
def test_the_url_of_the_body_is_followed_until_there_is_none(last):
    first_page = {"paging": {"next": "https://other/2?x=1"}}
    assert walk({"AbsoluteUrl": "$.paging.next"}, first_page, last) == [f"{BASE}/t", "https://other/2?x=1"]


def test_the_url_of_a_header_is_followed():
    assert walk({"AbsoluteUrl": "Headers.X-Next"}, head(**{"X-Next": "t?page=2"}), head()) == [
        f"{BASE}/t", f"{BASE}/t?page=2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://x/y", "https://x/y"),
        ("/v2/t", "https://h/v2/t"),
        ("?page=2", "https://h/api/t?page=2"),
        ("t/2", "https://h/api/t/2"),
    ],
)
def test_a_relative_url_has_a_place_to_start_from(value, url):
    assert next_url(BASE, "https://h/api/t?page=1", value) == url


def test_query_parameters_come_from_the_answer():
    raw = {"QueryParameters.after": "$.cursor", "QueryParameters['page size']": "Headers['X-Size']"}
    asked = walk(
        raw, head(document={"cursor": "a b/="}, **{"X-Size": "5"}), head(document={}), url=f"{BASE}/t?q=1&after=0"
    )
    assert asked == [f"{BASE}/t?q=1&after=0", f"{BASE}/t?q=1&after=a%20b%2F%3D&page%20size=5"]


def test_a_query_parameter_replaces_the_one_of_before():
    assert with_query("https://h/t?a=1&b=2#x", "a", "3") == "https://h/t?b=2&a=3#x"
    assert with_query("https://h/t", "$skip", "3") == "https://h/t?%24skip=3"


def test_numbers_and_booleans_are_written_as_json_has_them():
    assert walk({"QueryParameters.n": "$.n"}, {"n": 5}, {"n": True}, {"n": 1.5}) == [
        f"{BASE}/t", f"{BASE}/t?n=5", f"{BASE}/t?n=true", f"{BASE}/t?n=1.5",
    ]  # fmt: skip


def test_headers_come_from_the_answer():
    asked = walk({"Headers.X-Token": "$.token"}, {"token": "t2"}, {}, headers={"x-token": "t1"})
    assert asked == [(f"{BASE}/t", {"x-token": "t1"}), (f"{BASE}/t", {"X-Token": "t2"})]


@pytest.mark.parametrize("key", ["QueryParameters.{offset}", "AbsoluteUrl.{offset}"])
def test_a_range_fills_a_variable_of_the_url(key):
    asked = walk({key: "RANGE:0:2000:1000"}, {}, {}, {}, {}, url=f"{BASE}/t?o={{offset}}")
    assert asked == [f"{BASE}/t?o=0", f"{BASE}/t?o=1000", f"{BASE}/t?o=2000"]


def test_a_range_fills_a_variable_of_a_header():
    asked = walk({"Headers.{id}": "RANGE:0:10:10"}, {}, {}, {}, headers={"id": "{id}"})
    assert [headers for _, headers in asked] == [{"id": "0"}, {"id": "10"}]


def test_a_range_may_set_a_query_parameter_that_is_not_written():
    assert walk({"QueryParameters.page": "RANGE:1:2:1"}, {}, {}, {}) == [f"{BASE}/t?page=1", f"{BASE}/t?page=2"]


def test_a_range_may_go_down_or_be_empty():
    assert walk({"AbsoluteUrl.{i}": "RANGE:2:1:-1"}, {}, {}, {}, url="https://h/{i}") == ["https://h/2", "https://h/1"]
    assert walk({"AbsoluteUrl.{i}": "RANGE:5:1:1"}, url="https://h/{i}") == []


def test_a_range_without_an_end_goes_on_until_a_condition_holds_or_nothing_is_left():
    raw = {"AbsoluteUrl.{i}": "RANGE:0::10", "EndCondition:$.data": "Empty"}
    full, empty = {"data": [1]}, {"data": []}
    assert walk(raw, full, full, empty, url="https://h/{i}") == ["https://h/0", "https://h/10", "https://h/20"]
    assert walk(raw, full, head(204), full, url="https://h/{i}") == ["https://h/0", "https://h/10"]


@pytest.mark.parametrize(
    ("condition", "last", "before"),
    [
        ({"EndCondition:$.data": "Empty"}, {"data": []}, {"data": [1]}),
        ({"EndCondition:$.data": "Empty"}, {"data": None}, {}),
        ({"EndCondition:$.data": "NonExist"}, {}, {"data": []}),
        ({"EndCondition:$.Complete": "Exist"}, {"Complete": False}, {"complete": 1}),
        ({"EndCondition:$.Complete": "Const:true"}, {"Complete": True}, {"Complete": False}),
        ({"EndCondition:$.left": "Const:0"}, {"left": 0}, {"left": 10}),
        ({"EndCondition:headers.Complete": "Const:1"}, head(complete="1"), head(complete="0")),
        ({"EndCondition:Headers['Done-At']": "Exist"}, head(**{"Done-At": "x"}), head()),
    ],
)
def test_an_end_condition_ends_with_the_answer_that_has_it(condition, last, before):
    raw = {"QueryParameters.page": "RANGE:1::1", **condition}
    assert len(walk(raw, before, last, before)) == 2


def test_no_more_requests_are_made_than_allowed():
    assert len(walk({"AbsoluteUrl": "$.n", "MaxRequestNumber": "3"}, *[{"n": "https://h/x"}] * 9)) == 3
    assert len(walk({"AbsoluteUrl": "$.n", "MaxRequestNumber": ""}, *[{"n": "https://h/x"}] * 9)) == 10


def test_the_text_of_an_object_does_as_well():
    assert walk('{"AbsoluteUrl": "$.n"}', {"n": "https://h/2"}, {}) == [f"{BASE}/t", "https://h/2"]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"AbsoluteUri": "$.n"}, "'AbsoluteUri' is no pagination rule. Did you mean 'AbsoluteUrl'?"),
        ({"absoluteurl": "$.n"}, "'absoluteurl' is no pagination rule"),
        ({"QueryParameters.a": "fixed"}, "'fixed' is no value of a pagination rule"),
        ({"QueryParameters.a": "RANGE:1:x:1"}, "is no range"),
        ({"QueryParameters.a": "RANGE:1:5:0"}, "is no range"),
        ({"AbsoluteUrl": "RANGE:1:5:1"}, "takes a JSON path or a header"),
        ({"AbsoluteUrl.id": "RANGE:1:5:1"}, "is written in braces"),
        ({"AbsoluteUrl.{id}": "$.n"}, "needs a RANGE"),
        ({"EndCondition:$.a": "Gone"}, "'Gone' is no end condition"),
        ({"EndCondition:a": "Exist"}, "'a' is no value"),
        ({"MaxRequestNumber": "0"}, "at least 1"),
        ({"QueryParameters.a": "RANGE:1:5:1", "Headers.b": "RANGE:1:5:1"}, "More than one RANGE"),
        ({"QueryParameters.a": "RANGE:1::1"}, "goes on until the endpoint answers with status 204"),
        ("no json", "has to be a JSON object"),
    ],
)
def test_what_is_no_rule_is_said(raw, message):
    findings = []
    read_rules(raw, PLACE, findings)

    assert any(message in finding.message for finding in findings), findings


def test_a_variable_that_stands_nowhere_is_an_error():
    with pytest.raises(UserError, match="stands nowhere in the URL"):
        first(rules({"AbsoluteUrl.{id}": "RANGE:1:5:1"}), BASE, {})


@pytest.mark.parametrize("value", [{"a": 1}, [1]])
def test_a_rule_wants_one_simple_value(value):
    read = rules({"AbsoluteUrl": "$.n"})
    with pytest.raises(ActivityFailed, match="one simple value"):
        following(read, BASE, first(read, BASE, {}), Page(200, {}, {"n": value}))
