"""`xml()` and `xpath()`, and what `json()` makes of XML.

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#xml
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from reelhouse.adf.expression.functions.function import BadArgument, Function, expect_text
from reelhouse.adf.expression.values import CONTENT_TYPE, XML_TYPE, content, content_bytes, is_content, text, type_name

_DECLARATION = re.compile(r"\s*<\?xml\s+(?P<attributes>.*?)\?>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*["']([^"']*)["']""")
_NOT_FIRST = re.compile(r"[^\w:]|\d")
_NOT_IN_NAME = re.compile(r"[^\w:.-]")
TEXT, CDATA = "#text", "#cdata-section"
_FORBIDDEN = re.compile(r"<!DOCTYPE", re.IGNORECASE)


def is_xml(value: Any) -> bool:
    return is_content(value) and "xml" in str(value[CONTENT_TYPE])


def parse_xml(source: str) -> ElementTree.Element:
    """The root element. A document type is refused: entities in it can eat all memory. Raises `BadArgument`."""
    if _FORBIDDEN.search(source):
        raise BadArgument(0, "a document type (<!DOCTYPE) is not accepted")
    try:
        return ElementTree.fromstring(source)
    except (ElementTree.ParseError, ValueError) as error:
        raise BadArgument(0, f"the text is not XML: {error}") from None


def xml(value: Any) -> dict[str, Any]:
    if is_xml(value):
        return dict(value)
    if isinstance(value, str):
        parse_xml(value)
        return content(value.encode("utf-8"), XML_TYPE)
    if isinstance(value, Mapping):
        names = [key for key in value if not key.startswith("?")]
        if len(names) != 1:
            raise BadArgument(0, f"an object must have exactly one root property, it has {len(names)}")
        if isinstance(value[names[0]], list):
            raise BadArgument(0, f"the root '{names[0]}' must be one element, it is an array")
        return content(_written(names[0], value[names[0]]).encode("utf-8"), XML_TYPE)
    raise BadArgument(0, f"the first argument must be text or an object, it is {type_name(value)}")


def _xml_name(name: str) -> str:
    """A name that XML accepts: other characters are written `_xHHHH_`, as .NET does."""
    start = _NOT_FIRST.sub(_encoded, name[:1])
    return start + _NOT_IN_NAME.sub(_encoded, name[1:])


def _encoded(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _written(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_written(key, item) for item in value)
    name = _xml_name(key)
    if not isinstance(value, Mapping):
        body = _scalar(value)
        return f"<{name}>{escape(body)}</{name}>" if body else f"<{name} />"
    attributes = "".join(
        f" {_xml_name(key[1:])}={quoteattr(_scalar(item))}" for key, item in value.items() if key.startswith("@")
    )
    children = "".join(
        "".join(escape(_scalar(part)) for part in (item if isinstance(item, list) else [item]))
        if key in (TEXT, CDATA)
        else _written(key, item)
        for key, item in value.items()
        if not key.startswith("@")
    )
    return f"<{name}{attributes}>{children}</{name}>" if children else f"<{name}{attributes} />"


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else text(value)


def xml_to_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object that stands for an XML document: attributes become `@name`, repeated elements arrays. Prefixes stay in
    the names, and `xmlns` is an attribute like others.

    https://www.newtonsoft.com/json/help/html/ConvertingJSONandXML.htm
    """
    source = content_bytes(value).decode("utf-8", "replace")
    parse_xml(source)
    result: dict[str, Any] = {}
    if declaration := _DECLARATION.match(source):
        result["?xml"] = {f"@{name}": item for name, item in _ATTRIBUTE.findall(declaration["attributes"])}
    reader = _Reader()
    reader.read(source)
    result.update(reader.root)
    return result


class _Reader:
    """Builds the object while the document is read, with names as they are written."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._parser = expat.ParserCreate("utf-8")
        self._open: list[tuple[str, dict[str, Any]]] = []
        self._data = b""
        self._text: list[str] = []
        self._text_name = TEXT

    def read(self, source: str) -> None:
        parser = self._parser
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartCdataSectionHandler = lambda: self._switch(CDATA)
        parser.EndCdataSectionHandler = lambda: self._switch(TEXT)
        # The text is Unicode already, whatever encoding its declaration names.
        self._data = _DECLARATION.sub("", source, count=1).encode("utf-8")
        parser.Parse(self._data, True)

    def _switch(self, name: str) -> None:
        self._flush()
        self._text_name = name

    def _flush(self) -> None:
        """Keep the text up to here. White space alone between elements is no text."""
        body = "".join(self._text)
        self._text.clear()
        if self._open and (body.strip() or (body and self._text_name == CDATA)):
            _put(self._open[-1][1], self._text_name, body)

    def _start(self, name: str, attributes: list[str]) -> None:
        self._flush()
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        self._open.append((name, {f"@{key}": item for key, item in pairs}))

    def _end(self, _: str) -> None:
        self._flush()
        name, content_ = self._open.pop()
        value: Any = content_
        if not content_:
            # `<a/>` is null, `<a></a>` is an empty text: what stands before its end is the tag itself.
            end = self._parser.CurrentByteIndex
            value = None if self._data[max(end - 2, 0) : end] == b"/>" else ""
        elif list(content_) == [TEXT] and isinstance(content_[TEXT], str):
            value = content_[TEXT]
        _put(self._open[-1][1] if self._open else self.root, name, value)


def _put(owner: dict[str, Any], name: str, value: Any) -> None:
    if name not in owner:
        owner[name] = value
    elif isinstance(owner[name], list):
        owner[name].append(value)
    else:
        owner[name] = [owner[name], value]


def xpath(document: Any, path: Any) -> Any:
    if not is_xml(document):
        raise BadArgument(0, f"the first argument must be XML, it is {type_name(document)}", "Use xml(…).")
    # Few pipelines use XPath, so only they pay for its import.
    from xml.dom.minidom import parseString

    from reelhouse.adf.expression.xpath import XPathError, select

    source = content_bytes(document)
    parse_xml(source.decode("utf-8", "replace"))
    try:
        value = select(parseString(source), expect_text(path, 1))
    except XPathError as error:
        raise BadArgument(1, str(error)) from None
    return [_node(node) for node in value] if isinstance(value, list) else value


def _node(node: Any) -> Any:
    if node.nodeType == node.ATTRIBUTE_NODE:
        return f'{node.nodeName}="{node.value}"'
    if node.nodeType in (node.TEXT_NODE, node.CDATA_SECTION_NODE, node.COMMENT_NODE):
        return str(node.data)
    return content(node.toxml().encode("utf-8"), XML_TYPE)


XML_FUNCTIONS = (
    Function("xml", xml, 1, 1),
    Function("xpath", xpath, 2, 2),
)
