"""Functions of texts. Positions count from 1.

https://learn.microsoft.com/azure/data-factory/data-flow-expression-functions
"""

from __future__ import annotations

import re
from typing import Any

from reelhouse.adf.dataflow.functions.signature import table


def _literal_regex(text: str) -> str:
    return re.sub(r"([\\^$.|?*+()\[\]{}])", r"\\\1", text)


def _split(a: Any) -> Any:
    return a.F.split(a[0], _literal_regex(str(a.constant(1))))


def _substring(a: Any) -> Any:
    length = a[2] if len(a) == 3 else a.F.length(a[0])
    return a.F.substring(a[0], a[1], a.F.greatest(length, a.F.lit(0)))


def _like(a: Any) -> Any:
    return a.F.like(a[0], a[1])


def _concat_ws(a: Any) -> Any:
    first, *rest = a.all()
    joined = a.F.array_join(
        a.F.filter(a.F.array(*(item.cast("string") for item in rest)), lambda x: x.isNotNull()), "\0"
    )
    return a.F.replace(joined, a.F.lit("\0"), first)


def _trim(side: str) -> Any:
    def build(a: Any) -> Any:
        plain = {"both": a.F.btrim, "left": a.F.ltrim, "right": a.F.rtrim}[side]
        return plain(a[0]) if len(a) == 1 else plain(a[0], a[1])

    return build


def _drop_right(a: Any) -> Any:
    rest = a.F.greatest(a.F.length(a[0]) - a[1], a.F.lit(0))
    return a.F.substring(a[0], a.F.lit(1), rest)


def _right(a: Any) -> Any:
    start = a.F.greatest(a.F.length(a[0]) - a[1] + 1, a.F.lit(1))
    return a.F.substring(a[0], start, a.F.length(a[0]))


def _char(a: Any) -> Any:
    return a.F.chr(a[0] % 256)


def _encoded(a: Any, position: int) -> None:
    if len(a) > position and str(a.constant(position)).upper().replace("-", "") != "UTF8":
        raise a.wrong(f"'{a.call.name}' knows no other charset than UTF-8 here")


def _to_base64(a: Any) -> Any:
    _encoded(a, 1)
    return a.F.base64(a[0].cast("binary"))


def _from_base64(a: Any) -> Any:
    _encoded(a, 1)
    return a.F.unbase64(a[0]).cast("string")


def _digest(name: str) -> Any:
    """The digest of one text is Azure's; how Azure puts several values together is not documented."""

    def build(a: Any) -> Any:
        values = a.all()
        size = 256
        if name == "sha2":
            size = int(a.constant(0)) or 256
            values = values[1:]
        if len(values) == 1:
            text = values[0].cast("string")
        else:
            parts = [a.F.coalesce(value.cast("string"), a.F.lit("")) for value in values]
            text = a.F.array_join(a.F.array(*parts), "\x1f")
        data = a.F.coalesce(text, a.F.lit("")).cast("binary")
        if name == "md5":
            return a.F.md5(data)
        if name == "sha1":
            return a.F.sha1(data)
        if name == "crc32":
            return a.F.crc32(data)
        return a.F.sha2(data, size)

    return build


FUNCTIONS = table(
    ascii=(1, 1, lambda a: a.F.ascii(a[0])),
    char=(1, 1, _char),
    concat=(1, None, lambda a: a.F.concat(*(item.cast("string") for item in a.all()))),
    concatWS=(2, None, _concat_ws),
    crc32=(1, None, _digest("crc32")),
    dropLeft=(2, 2, lambda a: a.F.substring(a[0], a[1] + 1, a.F.length(a[0]))),
    dropRight=(2, 2, _drop_right),
    endsWith=(2, 2, lambda a: a.F.endswith(a[0], a[1])),
    equalsIgnoreCase=(2, 2, lambda a: a.F.lower(a[0]) == a.F.lower(a[1])),
    fromBase64=(1, 2, _from_base64),
    initCap=(1, 1, lambda a: a.F.initcap(a[0])),
    instr=(2, 2, lambda a: a.F.position(a[1], a[0])),
    left=(2, 2, lambda a: a.F.substring(a[0], a.F.lit(1), a.F.greatest(a[1], a.F.lit(0)))),
    length=(1, 1, lambda a: a.F.length(a[0])),
    levenshtein=(2, 2, lambda a: a.F.levenshtein(a[0], a[1])),
    like=(2, 2, _like),
    locate=(2, 3, lambda a: a.F.position(a[0], a[1]) if len(a) == 2 else a.F.position(a[0], a[1], a[2])),
    lower=(1, 1, lambda a: a.F.lower(a[0])),
    lpad=(3, 3, lambda a: a.F.lpad(a[0], a[1], a[2])),
    ltrim=(1, 2, _trim("left")),
    md5=(1, None, _digest("md5")),
    regexExtract=(
        2,
        3,
        lambda a: a.F.regexp_extract(a[0], str(a.constant(1)), int(a.constant(2)) if len(a) > 2 else 1),
    ),
    regexMatch=(2, 2, lambda a: a.F.regexp_like(a[0], a[1])),
    regexReplace=(3, 3, lambda a: a.F.regexp_replace(a[0], a[1], a[2])),
    regexSplit=(2, 2, lambda a: a.F.split(a[0], str(a.constant(1)))),
    replace=(2, 3, lambda a: a.F.replace(a[0], a[1], a[2] if len(a) > 2 else a.F.lit(""))),
    reverse=(1, 1, lambda a: a.F.reverse(a[0])),
    right=(2, 2, _right),
    rlike=(2, 2, lambda a: a.F.regexp_like(a[0], a[1])),
    rpad=(3, 3, lambda a: a.F.rpad(a[0], a[1], a[2])),
    rtrim=(1, 2, _trim("right")),
    sha1=(1, None, _digest("sha1")),
    sha2=(2, None, _digest("sha2")),
    soundex=(1, 1, lambda a: a.F.soundex(a[0])),
    split=(2, 2, _split),
    startsWith=(2, 2, lambda a: a.F.startswith(a[0], a[1])),
    substring=(2, 3, _substring),
    substringIndex=(3, 3, lambda a: a.F.substring_index(a[0], str(a.constant(1)), int(a.constant(2)))),
    toBase64=(1, 2, _to_base64),
    translate=(3, 3, lambda a: a.F.translate(a[0], str(a.constant(1)), str(a.constant(2)))),
    trim=(1, 2, _trim("both")),
    unhex=(1, 1, lambda a: a.F.unhex(a[0])),
    hex=(1, 1, lambda a: a.F.lower(a.F.hex(a[0]))),
    upper=(1, 1, lambda a: a.F.upper(a[0])),
    uuid=(0, 0, lambda a: a.F.expr("uuid()")),
)
