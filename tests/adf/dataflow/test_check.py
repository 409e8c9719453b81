"""What is refused before a run, by name and line; and the parameters of a data flow."""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import pytest

ENDS = {"s": "df_csv:in/a.csv", "k": "df_json:out"}
SOURCE = "source(output(id as integer)) ~> s\n"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("s parse(a = id ? string) ~> p\np sink() ~> k", "The transformation 'parse' ('p') is not supported"),
        ("s derive(x = uper('a')) ~> d\nd sink() ~> k", "The function 'uper' is not supported. Did you mean 'upper'?"),
        ("s derive(x = left('a')) ~> d\nd sink() ~> k", "'left' takes 2 arguments, not 1"),
        ("s filter(x == cache#lookup(id).a) ~> d\nd sink() ~> k", "Cached lookups (cache#lookup) are not supported"),
        ("x filter(true()) ~> d\nd sink() ~> k", "There is no stream 'x'"),
        ("s filter($n > 1) ~> d\nd sink() ~> k", "The data flow has no parameter 'n'"),
        ("s sink(truncat: true) ~> k", "The option 'truncat' of sink 'k' is not supported. Did you mean 'truncate'?"),
        ("s sink(preCommands: ['rm']) ~> k", "The value of the option 'preCommands' of sink 'k' is not supported"),
        ("s, s join(true(), joinType: 'fuzzy') ~> j\nj sink() ~> k", "The value 'fuzzy' of the option 'joinType' of join 'j'"),
        ("s, s join(true(), matchType: 'fuzzy') ~> j\nj sink() ~> k", "The value 'fuzzy' of the option 'matchType'"),
        ("s join(true()) ~> j\nj sink() ~> k", "join 'j' reads 2 streams, not 1"),
        ("s filter(true()) ~> k", "Data flow 'flow' has no sink"),
        ("s sink() ~> other", "The sink 'other' is not among the sinks of the JSON"),
        ("b filter(true()) ~> a\na filter(true()) ~> b\na sink() ~> k", "reads itself, by way of others or directly"),
        ("s filter(a = 1) ~> d\nd sink() ~> k", "filter 'd' takes no name = value"),
        ("s select(upper(id)) ~> d\nd sink() ~> k", "select 'd' does not take 'upper(…)' here"),
        ("s filter(id >) ~> d\nd sink() ~> k", "An expression is missing, there is )"),
    ],
)  # fmt: skip
def test_what_is_not_translated_is_refused_before_the_run(flows, steps: str, message: str) -> None:
    found = [text for text in flows.findings(SOURCE + steps, ENDS) if message in text]
    assert found
    assert "dataflow/flow.json, properties.typeProperties" in found[0]
    flows.refusal(SOURCE + steps, ENDS)
    assert not (flows.raw / "out").exists()


def test_an_error_stands_at_its_line_of_the_script(flows) -> None:
    text = flows.refusal(SOURCE + "s derive(a = 1,\n  b = nope(2)) ~> d\nd sink() ~> k", ENDS)
    assert text.endswith("(factory/dataflow/flow.json, properties.typeProperties.scriptLines[2])")


def test_an_unknown_column_is_told_with_its_line_and_the_nearest_one(flows) -> None:
    flows.write("in/a.csv", "id\n1\n")
    done = flows(SOURCE + "s derive(a = idd + 1) ~> d\nd sink() ~> k", ENDS)
    assert "There is no column 'idd'. Did you mean 'id'?" in done.message
    assert "scriptLines[1]" in done.message


def test_parameters_have_defaults_and_take_expressions_of_both_languages(flows) -> None:
    flows.write("in/a.csv", "id\n1\n2\n3\n")
    script = """parameters{
        least as integer (2),
        who as string ('nobody'),
        run as string
    }
    source(output(id as integer)) ~> s
    s filter(id >= $least) ~> f
    f derive(who = $who, run = $run) ~> d
    d sink(truncate: true) ~> k"""
    flows.output(script, ENDS, {"run": "'@{pipeline().Pipeline}'"})
    assert flows.rows("out") == [{"id": 2, "who": "nobody", "run": "main"}, {"id": 3, "who": "nobody", "run": "main"}]
    flows.output(script, ENDS, {"run": "upper('x')", "least": 3, "who": {"value": "'it'", "type": "Expression"}})
    assert flows.rows("out") == [{"id": 3, "who": "it", "run": "X"}]


def test_parameters_are_checked_by_name(flows) -> None:
    script = "parameters{ least as integer }\n" + SOURCE + "s filter(id > $least) ~> f\nf sink() ~> k"
    assert any("needs a value for its parameter 'least'" in text for text in flows.findings(script, ENDS))
    assert any(
        "has no parameter 'leest'. Did you mean 'least'?" in text for text in flows.findings(script, ENDS, {"leest": 1})
    )
    flows.write("in/a.csv", "id\n1\n")
    done = flows(script, ENDS, {"least": "not quoted text"})
    assert "The parameter 'least' is no expression of a data flow" in done.message


def test_the_json_of_a_data_flow_is_checked(flows) -> None:
    factory = flows.factory(SOURCE + "s sink() ~> k", {**ENDS, "gone": "df_nothing:x"})
    from reelhouse.adf.validate import validate

    found = [str(item) for item in validate(factory)]
    assert any("The script has no 'gone', which is one of the sources" in text for text in found)
    assert any("The factory has no dataset 'df_nothing'" in text for text in found)


def test_settings_of_clusters_are_accepted_and_others_refused(flows) -> None:
    flows.write("in/a.csv", "id\n1\n")
    flows.output(SOURCE + "s sink() ~> k", ENDS, traceLevel="Fine", staging={}, runConcurrently=True)
    assert "continueOnError is not supported" in flows.refusal(SOURCE + "s sink() ~> k", ENDS, continueOnError=True)


def test_streams_may_be_written_in_any_order(flows) -> None:
    flows.write("in/a.csv", "id\n1\n2\n")
    flows.output("f sink(truncate: true) ~> k\ns filter(id > 1) ~> f\n" + SOURCE, ENDS)
    assert flows.rows("out") == [{"id": 2}]


def test_sinks_are_written_in_their_save_order(flows) -> None:
    flows.write("in/a.csv", "id\n1\n")
    script = SOURCE + "s sink(saveOrder: 2) ~> k\ns sink(saveOrder: 1) ~> first"
    output = flows.output(script, {**ENDS, "first": "df_json:other"})
    assert list(output["runStatus"]["metrics"]) == ["first", "k"]


def test_functions_that_look_at_the_stream(flows) -> None:
    rows = flows.through(
        """
        t derive(names = columnNames(), first = toInteger(byPosition(1)), own = byOrigin('id', 't'),
            hash = sha1(columns()), seq = nextSequence() >= 0L, part = partitionId() >= 0,
            nulls = contains(array(columns()), isNull(#item)), up = isUpsert(), del = isDelete()) ~> d
        d select(mapColumn(each(match(!in(['id', 'title', 'hash'], name))))) ~> out
        """,
        {"t": "id:integer,title\n7,"},
    )
    assert rows == [
        {
            "names": ["id", "title"], "first": 7, "own": 7, "seq": True, "part": True, "nulls": True,
            "up": False, "del": False,
        }
    ]  # fmt: skip


def test_aggregates_of_all_kinds_compute(flows) -> None:
    rows = flows.through(
        """
        t aggregate(a = avg(x), b = avgIf(x > 1, x), c = stddev(x), d = variance(x), e = min(x), f = maxIf(x < 4, x),
            g = countIf(x > 1), h = countAll(x), i = count(x), j = sumDistinct(x), k = collectUnique(x),
            l = covarianceSample(x, x), m = last(x, true()), n = approxDistinctCount(x), o = skewness(x)) ~> g
        g derive(o = round(o, 3), k = sort(filter(k, !isNull(#item)), compare(#item1, #item2))) ~> out
        """,
        {"t": "id:integer,x:double\n1,1\n2,2\n3,4\n4,\n5,4"},
    )
    (row,) = rows
    assert row["a"] == 2.75
    assert row["b"] == pytest.approx(10 / 3)
    assert (row["e"], row["f"], row["g"], row["h"], row["i"], row["j"], row["k"]) == (1, 2, 3, 5, 4, 7, [1, 2, 4])
    assert (row["m"], row["n"]) == (4, 3)
    assert row["d"] == pytest.approx(row["l"]) == pytest.approx(row["c"] ** 2)
