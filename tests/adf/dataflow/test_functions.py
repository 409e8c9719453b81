"""Functions and operators, by the examples of the documentation.

https://learn.microsoft.com/azure/data-factory/data-flow-expressions-usage
"""

# ruff: noqa: E501 (a case reads best on one line)

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reelhouse.adf.dataflow.compile import Flow, Scope
from reelhouse.adf.dataflow.functions import FUNCTIONS
from reelhouse.adf.dataflow.parse import parse_expression
from reelhouse.adf.dataflow.syntax import Call, walk
from reelhouse.adf.dataflow.tokens import ScriptError

NOW = datetime(2026, 1, 2, 23, 4, 5, 678000, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


CASES = [
    ("abs(-20)", 20),
    ("acos(1)", 0.0),
    ("add(10, 20)", 30),
    ("'ice' + 'cream' + ' cone'", "icecream cone"),
    ("add(toDate('2012-12-12'), 3)", date(2012, 12, 15)),
    ("[10, 20] + [30, 40]", [10, 20, 30, 40]),
    ("toTimestamp('2019-02-03 05:19:28.871', 'yyyy-MM-dd HH:mm:ss.SSS') + (days(1) + hours(2) - seconds(10))", moment("2019-02-04 07:19:18.871")),
    ("addDays(toDate('2016-08-08'), 1)", date(2016, 8, 9)),
    ("addMonths(toDate('2016-08-31'), 1)", date(2016, 9, 30)),
    ("addMonths(toTimestamp('2016-09-30 10:10:10'), -1)", moment("2016-08-31 10:10:10")),
    ("and(true, false)", False),
    ("array('Seattle', 'Washington')", ["Seattle", "Washington"]),
    ("['Seattle', 'Washington'][1]", "Seattle"),
    ("ascii('A')", 65),
    ("asin(0)", 0.0),
    ("at(associate('fruit', 'apple', 'vegetable', 'carrot'), 'vegetable')", "carrot"),
    ("at(['apples', 'pears'], 1)", "apples"),
    ("at(['fruit' -> 'apples', 'vegetable' -> 'carrot'], 'fruit')", "apples"),
    ("atan(0)", 0.0),
    ("atan2(0, 0)", 0.0),
    ("between(10, 5, 24)", True),
    ("bitwiseAnd(0xf4, 0xef)", 0xE4),
    ("bitwiseOr(0xf4, 0xef)", 0xFF),
    ("bitwiseXor(0xf4, 0xef)", 0x1B),
    ("true ^ true", False),
    ("case(10 + 20 == 30, 'dumbo', 'gumbo')", "dumbo"),
    ("case(10 + 20 == 25, 'bojjus', 'do' < 'go', 'gunchus')", "gunchus"),
    ("isNull(case(10 + 20 == 25, 'bojjus', 'do' > 'go', 'gunchus'))", True),
    ("case(10 + 20 == 25, 'bojjus', 'do' > 'go', 'gunchus', 'dumbo')", "dumbo"),
    ("cbrt(8)", 2.0),
    ("toInteger(ceil(-0.1))", 0),
    ("char(97)", "a"),
    ("coalesce(toString(null), toString(null), 'dumbo', 'bo', 'go')", "dumbo"),
    ("compare('dumbo', 'dum') > 0", True),
    ("concat('dataflow', 'is', 'awesome')", "dataflowisawesome"),
    ("isNull('sql' + null)", True),
    ("concatWS(' is ', 'dataflow', 'awesome')", "dataflow is awesome"),
    ("isNull(concatWS(null, 'dataflow', 'is', 'awesome'))", True),
    ("contains([1, 2, 3, 4], #item == 3)", True),
    ("contains([1, 2, 3, 4], #item > 5)", False),
    ("cos(10)", -0.8390715290764524),
    ("cosh(0)", 1.0),
    ("dayOfMonth(toDate('2018-06-08'))", 8),
    ("dayOfWeek(toDate('2018-06-08'))", 6),
    ("dayOfYear(toDate('2016-04-09'))", 100),
    ("days(2)", 172800000),
    ("degrees(3.141592653589793)", 180.0),
    ("distinct([10, 20, 30, 10])", [10, 20, 30]),
    ("divide(20, 10)", 2.0),
    ("isNull(10/0)", True),
    ("dropLeft('bojjus', 2)", "jjus"),
    ("dropLeft('cake', 10)", ""),
    ("dropRight('bojjus', 2)", "bojj"),
    ("dropRight('cake', 10)", ""),
    ("endsWith('dumbo', 'mbo')", True),
    ("isNull(null == null)", True),
    ("equals(12, 24)", False),
    ("'abc' <=> 'Abc'", True),
    ("equalsIgnoreCase('abc', 'Abc')", True),
    ("1 === toInteger(null)", False),
    ("except([10, 20, 30], [20, 40])", [10, 30]),
    ("factorial(5)", 120),
    ("filter(['a', 'b', 'c', 'd'], #item == 'a' || #item == 'b')", ["a", "b"]),
    ("find(['azure', 'data', 'factory'], length(#item) > 4)", "azure"),
    ("flatten([['bojjus', 'girl'], ['gunchus', 'boy']])", ["bojjus", "girl", "gunchus", "boy"]),
    ("toInteger(floor(-0.1))", -1),
    ("fromBase64('Z3VuY2h1cw==')", "gunchus"),
    ("fromUTC(toTimestamp('2020-01-01 00:00:00'), 'Asia/Seoul')", moment("2020-01-01 09:00")),
    ("greater('dumbo', 'dum')", True),
    ("greaterOrEqual(12, 12)", True),
    ("greatest(10, toInteger(null), 20)", 20),
    ("hex(unhex('1fadbe'))", "1fadbe"),
    ("hour(toTimestamp('2009-07-30 12:58:59'))", 12),
    ("hours(2)", 7200000),
    ("iif(month(toDate('2018-12-01')) == 12, 345.12, 102.67)", 345.12),
    ("isNull(iif(10 > 30, 'dumbo'))", True),
    ("iifNull(null, 'data', 'factory')", "data"),
    ("in([10, 20, 30], 10)", True),
    ("initCap('cool iceCREAM')", "Cool Icecream"),
    ("instr('microsoft', 'o')", 5),
    ("instr('good', 'bad')", 0),
    ("intersect([10, 20, 30], [20, 40])", [20]),
    ("isBoolean('no')", True),
    ("isBoolean('microsoft')", False),
    ("isByte('chocolate')", False),
    ("isDate('2012-8-18')", True),
    ("isDate('12/18--234234', 'MM/dd/yyyy')", False),
    ("isDecimal('123.45')", True),
    ("isDouble('$123.45', '$###.00')", True),
    ("isDouble('icecream')", False),
    ("isInteger('microsoft')", False),
    ("isLong('$123', '$###')", True),
    ("isTimestamp('2016-12-31 00:12:00')", True),
    ("isTimestamp('2012-8222.18')", False),
    ("isNan(10.2)", False),
    ("isNull('')", False),
    ("at(keyValues(['bojjus', 'appa'], ['gunchus', 'ammi']), 'appa')", "ammi"),
    ("lastDayOfMonth(toDate('2009-01-12'))", date(2009, 1, 31)),
    ("least(10, 30, 15, 20)", 10),
    ("left('bojjus', 20)", "bojjus"),
    ("left('bojjus', 2)", "bo"),
    ("left('bojjus', -4)", ""),
    ("7 / 2", 3.5),
    ("7.5 / 2", 3.75),
    ("isNull(7.5 / 0)", True),
    ("length('dumbo')", 5),
    ("lesser('abcd', 'abc')", False),
    ("lesserOrEqual(12, 12)", True),
    ("levenshtein('boys', 'girls')", 4),
    ("like('icecream', 'ice%')", True),
    ("locate('o', 'microsoft', 6)", 7),
    ("locate('mbo', 'dumbo')", 3),
    ("log(100, 10)", 2.0),
    ("log10(100)", 2.0),
    ("lower('GunChus')", "gunchus"),
    ("lpad('dumbo', 10, '-')", "-----dumbo"),
    ("lpad('dumbo', 4, '-')", "dumb"),
    ("ltrim('!--!du!mbo!', '-!')", "du!mbo!"),
    ("map(['a', 'b'], #item + '_processed')", ["a_processed", "b_processed"]),
    ("mapIf([10, 20, 30], #item > 10, #item + 5)", [25, 35]),
    ("mapIndex([1, 2, 3, 4], #item + 2 + #index)", [4, 6, 8, 10]),
    ("mapLoop(3, #index * 10)", [10, 20, 30]),
    ("md5('gunchus')", hashlib.md5(b"gunchus").hexdigest()),
    ("millisecond(toTimestamp('2009-07-30 12:58:59.871', 'yyyy-MM-dd HH:mm:ss.SSS'))", 871),
    ("milliseconds(2)", 2),
    ("toTimestamp('2019-02-03 05:21:34.851', 'yyyy-MM-dd HH:mm:ss.SSS') - toTimestamp('2019-02-03 05:21:36.923', 'yyyy-MM-dd HH:mm:ss.SSS')", -2072),
    ("toDate('2012-12-15') - 3", date(2012, 12, 12)),
    ("toDate('2012-12-15') - toDate('2012-12-10')", 5),
    ("minute(toTimestamp('2009-07-30 12:58:59'))", 58),
    ("minutes(2)", 120000),
    ("mod(20, 8)", 4),
    ("isNull(5 % 0)", True),
    ("month(toDate('2012-8-8'))", 8),
    ("monthsBetween(toTimestamp('1997-02-28 10:30:00'), toDate('1996-10-30'))", 3.94959677),
    ("multiply(20, 10)", 200),
    ("negate(13)", -13),
    ("not(10 == 20)", True),
    ("'bojjus' != 'bo' + 'jjus'", False),
    ("isNull('dumbo' + null)", True),
    ("isNull(10 * null)", True),
    ("or(true, false)", True),
    ("pmod(-20, 8)", 4),
    ("power(10, 2)", 100.0),
    ("radians(180)", 3.141592653589793),
    ("toString(reduce(['1', '2', '3', '4'], '0', #acc + #item, #result))", "01234"),
    ("regexExtract('Cost is between 600 and 800 dollars', `(\\d+) and (\\d+)`, 2)", "800"),
    ("regexExtract('Cost is between 600 and 800 dollars', '(\\\\d+) and (\\\\d+)', 2)", "800"),
    ("regexMatch('200.50', `(\\d+).(\\d+)`)", True),
    ("regexReplace('100 and 200', `(\\d+)`, 'gunchus')", "gunchus and gunchus"),
    ("regexSplit('bojjusAgunchusBdumboC', `[CAB]`)", ["bojjus", "gunchus", "dumbo", ""]),
    ("isNull(regexSplit('bojjusAgunchusBdumboC', `[CAB]`)[20])", True),
    ("replace('doggie dog', 'dog')", "gie "),
    ("replace('doggie dog', 'dog', 'cat')", "catgie cat"),
    ("reverse('gunchus')", "suhcnug"),
    ("right('bojjus', 2)", "us"),
    ("right('bojjus', 20)", "bojjus"),
    ("rlike('bogus', `M[0-9]+.*`)", False),
    ("round(100.123)", 100.0),
    ("round(2.5, 0)", 3.0),
    ("round(-1.1, 0, 3)", -1.0),
    ("round(-1.1, 0, 1)", -2.0),
    ("round(1.29, 1, 2)", 1.2),
    ("rpad('dumbo', 8, '<>')", "dumbo<><"),
    ("rtrim('  dumbo  ')", "  dumbo"),
    ("second(toTimestamp('2009-07-30 12:58:59'))", 59),
    ("sha1('gunchus')", hashlib.sha1(b"gunchus").hexdigest()),
    ("size(['element1', 'element2'])", 2),
    ("slice([10, 20, 30, 40], 1, 2)", [10, 20]),
    ("slice([10, 20, 30, 40], 2)", [20, 30, 40]),
    ("isNull(slice([10, 20, 30, 40], 2)[0])", True),
    ("slice(['a', 'b', 'c', 'd'], 8)", []),
    ("sort([4, 8, 2, 3], compare(#item1, #item2))", [2, 3, 4, 8]),
    ("sort(['a3', 'b2', 'c1'], iif(right(#item1, 1) >= right(#item2, 1), 1, -1))", ["c1", "b2", "a3"]),
    ("soundex('genius')", "G520"),
    ("split('bojjus,guchus,dumbo', '|')", ["bojjus,guchus,dumbo"]),
    ("split('a|b', '|')", ["a", "b"]),
    ("split('bojjus, guchus, dumbo', ', ')[1]", "bojjus"),
    ("isNull(split('bojjus, guchus, dumbo', ', ')[0])", True),
    ("sqrt(9)", 3.0),
    ("startsWith('dumbo', 'du')", True),
    ("subDays(toDate('2016-08-08'), 1)", date(2016, 8, 7)),
    ("subMonths(toDate('2016-09-30'), 1)", date(2016, 8, 31)),
    ("substring('Cat in the hat', 5, 2)", "in"),
    ("substring('Cat in the hat', 5)", "in the hat"),
    ("substring('Cat in the hat', 100, 100)", ""),
    ("substring('Cat in the hat', 1, -1)", ""),
    ("substringIndex('111-222-333', '-', -2)", "222-333"),
    ("toBase64('bojjus')", "Ym9qanVz"),
    ("toBoolean('n')", False),
    ("isNull(toBoolean('truthy'))", True),
    ("toByte('123')", 123),
    ("toDate('2012-8-18')", date(2012, 8, 18)),
    ("toDate('2012')", date(2012, 1, 1)),
    ("toDate('2012-08-18T10:00:00')", date(2012, 8, 18)),
    ("toDate('12/18/2012', 'MM/dd/yyyy')", date(2012, 12, 18)),
    ("toDate('1/2/2012', 'MM/dd/yyyy')", date(2012, 1, 2)),
    ("toDecimal(123.45)", Decimal("123.45")),
    ("toDecimal('123.45', 8, 4)", Decimal("123.4500")),
    ("toDecimal('$123.45', 8, 4, '$###.00')", Decimal("123.4500")),
    ("toDouble('$123.45', '$###.00')", 123.45),
    ("toInteger('$123', '$###')", 123),
    ("toInteger(12.9)", 12),
    ("isNull(toInteger('12x'))", True),
    ("toLong('123')", 123),
    ("toShort('123')", 123),
    ("toString(10)", "10"),
    ("toString(123456.789, '##,###.##')", "123,456.79"),
    ("toString(123.78, '000000.000')", "000123.780"),
    ("toString(toDate('2018-12-31'))", "2018-12-31"),
    ("toString(toDate('2018-12-31'), 'dd.MM.yy')", "31.12.18"),
    ("isNull(toString(toDate('2018-12-31', 'MM/dd/yy')))", True),
    ("toString(4 == 20)", "false"),
    ("toTimestamp('12/31/2016T00:12:00', 'MM/dd/yyyy\\'T\\'HH:mm:ss')", moment("2016-12-31 00:12")),
    ("toUTC(toTimestamp('2020-07-01 00:00:00'), 'America/New_York')", moment("2020-07-01 04:00")),
    ("translate('(gunchus)', '()', '[')", "[gunchus"),
    ("trim('!--!du!mbo!', '-!')", "du!mbo"),
    ("typeMatch('date', 'datetime')", True),
    ("union([10, 20, 30], [20, 40])", [10, 20, 30, 40]),
    ("upper('bojjus')", "BOJJUS"),
    ("weekOfYear(toDate('2008-02-20'))", 8),
    ("weeks(2)", 1209600000),
    ("xor(true, true)", False),
    ("year(toDate('2012-8-8'))", 2012),
    ("currentDate()", date(2026, 1, 2)),
    ("currentDate('Asia/Tokyo')", date(2026, 1, 3)),
    ("currentTimestamp()", moment("2026-01-02 23:04:05.678")),
    ("currentUTC('Asia/Tokyo')", moment("2026-01-03 08:04:05.678")),
    ('"1 + 1 = {1 + 1}, {upper(\'x\')}"', "1 + 1 = 2, X"),
    ("@(a = 1, b = 'x').b", "x"),
    ("'7' ? integer", 7),
    ("$greeting + ' you'", "hello you"),
    ("length(uuid())", 36),
    ("tan(0)", 0.0), ("tanh(0)", 0.0), ("sin(2)", 0.9092974268256817), ("sinh(0)", 0.0), ("random(1) == 1", False),
    ("toBinary('a')", bytearray(b"a")), ("toFloat('1.5')", 1.5), ("isFloat('1.5')", True), ("isShort('123')", True),
    ("crc32('x')", 2363233923), ("sha2(256, 'x')", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    ("minus(20, 10)", 10), ("true()", True), ("false()", False), ("isNull(null())", True), ("size(array())", 0),
    ("byItem(@(a = 5), 'a')", 5), ("hasColumn('x')", False), ("isNull(byName('x'))", True), ("isNull(byPosition(1))", True),
    ("isInsert()", True), ("isError()", False), ("hasError('x')", False), ("isUpdate()", False), ("pMod(-20, 8)", 4), ("notEquals(12, 24)", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def scope(engine, tmp_path_factory):
    from reelhouse.catalog.catalog import Catalog
    from reelhouse.spark.session import Sessions
    from reelhouse.storage.lake import Lake

    folder = tmp_path_factory.mktemp("functions")
    lake = Lake(folder / "lake")
    sessions = Sessions(engine, Catalog(folder / "catalog.db", lake), lake)
    spark = sessions.open()
    yield Scope(Flow(spark, {"greeting": parse_expression("'hello'")}, NOW))
    sessions.close(spark)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_a_documented_example_gives_its_result(scope, text: str, expected: object) -> None:
    value = scope.constants([(scope, parse_expression(text))])[0]
    assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


ELSEWHERE = {
    "columns", "columnNames", "byOrigin", "isDelete", "isUpsert", "isMatch", "nextSequence", "partitionId",
}  # fmt: skip
"""Functions that need a stream; the tests of transformations have them."""


def test_every_function_that_is_no_aggregate_has_an_example() -> None:
    from reelhouse.adf.dataflow.functions import aggregates

    shown = {node.name for text, _ in CASES for node in walk(parse_expression(text)) if isinstance(node, Call)}
    assert set(FUNCTIONS) - set(aggregates.FUNCTIONS) - ELSEWHERE - shown == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toTimestamp('x', 'y', 'PST')", "'toTimestamp' takes 1 to 2 arguments, not 3"),
        ("uper('x')", "The function 'uper' is not supported"),
        ("cache#lookup(1)", "Cached lookups (cache#lookup) are not supported"),
        ("fromUTC(currentUTC(), 'Mars/Base')", "'Mars/Base' is no time zone"),
        ("toString(1, '0.#E0')", "The number format '0.#E0' is not supported"),
        ("rowNumber()", "'rowNumber' works only in a window"),
        ("$other", "The data flow has no parameter 'other'"),
        ("nothing + 1", "There is no column 'nothing'"),
        (":x", "There is no local ':x'"),
        ("round(1.5, 0, 7)", "The rounding mode 7 is not supported"),
    ],
)
def test_what_is_not_done_is_refused_by_name(scope, text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        scope.constants([(scope, parse_expression(text))])
    assert message in str(caught.value)
