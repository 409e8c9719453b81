"""Reads XML files as documents: elements are properties, attributes are properties with '@' in front, the text beside
them is `_value_`, elements of one name are an array. One file is in memory at a time.

https://learn.microsoft.com/azure/data-factory/format-xml
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree import ElementTree

from reelhouse.adf.errors import ActivityFailed

VALUE = "_value_"
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class XmlRules:
    """`formatSettings` of an XML source. `prefixes` are by namespace."""

    detect_types: bool = True
    namespaces: bool = True
    prefixes: Mapping[str, str] = field(default_factory=dict)
    null_value: str = ""


def read_xml(file: BinaryIO, rules: XmlRules, name: str) -> Iterator[dict[str, Any]]:
    """The one document of a file. Raises `ActivityFailed` for what is not well-formed."""
    prefixes: dict[str, str] = {}
    root = None
    try:
        for event, item in ElementTree.iterparse(file, events=("start-ns", "start")):
            if event == "start-ns":
                prefix, uri = item
                prefixes.setdefault(uri, prefix)
            elif root is None:
                root = item
    except ElementTree.ParseError as error:
        raise ActivityFailed("2200", f"ErrorCode=XmlInvalid,Input XML file '{name}' is invalid: {error}") from error
    assert root is not None
    reader = _Reader(rules, {**prefixes, **rules.prefixes})
    yield {reader.name(root.tag): reader.value(root)}


@dataclass(frozen=True)
class _Reader:
    rules: XmlRules
    prefixes: Mapping[str, str]

    def name(self, tag: str, mark: str = "") -> str:
        uri, _, local = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
        prefix = self.prefixes.get(uri, "") if self.rules.namespaces else ""
        return f"{prefix}:{mark}{local}" if prefix else f"{mark}{local}"

    def value(self, element: ElementTree.Element) -> Any:
        """The text of an element without attributes and children, else an object."""
        found: dict[str, Any] = {}
        for key, value in element.attrib.items():
            found[self.name(key, "@")] = self.plain(value)
        for child in element:
            name, value = self.name(child.tag), self.value(child)
            if name not in found:
                found[name] = value
            elif isinstance(found[name], list):
                found[name].append(value)
            else:
                found[name] = [found[name], value]
        own = (element.text or "").strip()
        if not found:
            return self.plain(own)
        if own:
            found[VALUE] = self.plain(own)
        return found

    def plain(self, text: str) -> Any:
        if text == self.rules.null_value:
            return None
        if not self.rules.detect_types:
            return text
        if text in ("true", "false"):
            return text == "true"
        if _WHOLE.fullmatch(text):
            return int(text)
        return float(text) if _NUMBER.fullmatch(text) else text
