"""Which request follows an answer: pure, so that it can be told without a server.

https://learn.microsoft.com/azure/data-factory/connector-rest#pagination-support
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

from reelhouse.adf.dataset import join_url
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import json_text
from reelhouse.adf.rest.rules import EndCondition, Ending, FromHeader, Range, Rule, Rules, Source, Target
from reelhouse.errors import UserError

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^;,"]+(?:"[^"]*")?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Ask:
    """One request. URL and headers may hold `{variables}`, which `position`, the place in the range, replaces."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    position: int | None = None
    variable: str | None = None

    def final_url(self) -> str:
        return self._filled(self.url)

    def final_headers(self) -> dict[str, str]:
        return {name: self._filled(value) for name, value in self.headers.items()}

    def _filled(self, value: str) -> str:
        if self.variable is None or self.position is None:
            return value
        return value.replace(self.variable, str(self.position))


@dataclass(frozen=True)
class Page:
    """An answer. `headers` have lower-case names; `document` is None for one without a body."""

    status: int
    headers: Mapping[str, str]
    document: Any
    size: int = 0


def first(rules: Rules, url: str, headers: Mapping[str, str]) -> Ask | None:
    """The first request; None when the range is empty. Raises `UserError` for a variable that stands nowhere."""
    rule = next((rule for rule in rules.rules if isinstance(rule.value, Range)), None)
    if rule is None:
        return Ask(url, dict(headers))
    assert isinstance(rule.value, Range)
    start = rule.value.start
    if not rule.value.reaches(start):
        return None
    if not rule.is_variable:
        return _made(Ask(url, dict(headers), position=start), rule, str(start), url)
    places = list(headers.values()) if rule.target is Target.HEADER else [url]
    if not any(rule.name in value for value in places):
        where = "additionalHeaders" if rule.target is Target.HEADER else "the URL"
        raise UserError(f"The variable {rule.name} of the pagination rules stands nowhere in {where}")
    return Ask(url, dict(headers), position=start, variable=rule.name)


def following(rules: Rules, base: str, ask: Ask, page: Page) -> Ask | None:
    """The request after an answer; None when that was the last page. `base` is the URL of the linked service."""
    if page.status == 204 or any(_holds(end, page) for end in rules.ends):
        return None
    if rules.max_requests is not None and ask.number >= rules.max_requests:
        return None
    if not rules.rules:
        link = _next_link(page) if rules.links else None
        return None if link is None else Ask(next_url(base, ask.final_url(), link), ask.headers, ask.number + 1)
    made = Ask(ask.url, ask.headers, ask.number + 1, ask.position, ask.variable)
    for rule in sorted(rules.rules, key=lambda rule: rule.target is not Target.URL):
        if isinstance(rule.value, Range):
            assert ask.position is not None
            position = ask.position + rule.value.step
            if not rule.value.reaches(position):
                return None
            made = Ask(made.url, made.headers, made.number, position, made.variable)
            if not rule.is_variable:
                made = _made(made, rule, str(position), base)
            continue
        value = _single(rule.value, page)
        if value is None or value == "":
            return None
        made = _made(made, rule, value, base)
    return made


def _made(ask: Ask, rule: Rule, value: str, base: str) -> Ask:
    """The request with one part of it set."""
    url, headers = ask.url, dict(ask.headers)
    if rule.target is Target.URL:
        url = next_url(base, ask.final_url(), value)
    elif rule.target is Target.QUERY:
        url = with_query(url, rule.name, value)
    else:
        headers = {name: old for name, old in headers.items() if name.lower() != rule.name.lower()}
        headers[rule.name] = value
    return Ask(url, headers, ask.number, ask.position, ask.variable)


def next_url(base: str, current: str, value: str) -> str:
    """An absolute URL as it is. What begins with `/` or `?` counts from the current one, anything else from `base`."""
    if urlsplit(value).scheme:
        return value
    if value.startswith(("/", "?")):
        return urljoin(current, value)
    return join_url(base, value)


def with_query(url: str, name: str, value: str) -> str:
    """The URL with a query parameter set; the others stay as they are written."""
    rest, hash_sign, fragment = url.partition("#")
    path, _, query = rest.partition("?")
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != name]
    parts = [*kept, f"{quote(name)}={quote(value, safe='')}"]
    return f"{path}?{'&'.join(parts)}{hash_sign}{fragment}"


def _single(source: Source, page: Page) -> str | None:
    """The one value that a rule reads off an answer; None when there is none. Raises `ActivityFailed` for more."""
    found = _found(source, page)
    if not found or found[0] is None:
        return None
    if len(found) > 1 or isinstance(found[0], Mapping | list):
        name = source.name if isinstance(source, FromHeader) else source.text
        raise ActivityFailed(
            "2200", f"ErrorCode=RestPaginationRuleInvalid,'{name}' has to give one simple value of the answer"
        )
    return _text(found[0])


def _found(source: Source, page: Page) -> list[Any]:
    if isinstance(source, FromHeader):
        return [page.headers[source.name]] if source.name in page.headers else []
    return source.find(page.document)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _holds(end: EndCondition, page: Page) -> bool:
    found = _found(end.source, page)
    match end.ending:
        case Ending.EXIST:
            return bool(found)
        case Ending.NON_EXIST:
            return not found
        case Ending.EMPTY:
            return bool(found) and all(value in (None, "", [], {}) for value in found)
        case Ending.CONST:
            return any(_equals(value, end.const) for value in found)


def _equals(value: Any, const: str) -> bool:
    if isinstance(value, bool):
        return const.lower() == _text(value)
    return _text(value) == const


def _next_link(page: Page) -> str | None:
    """The target of the Link header with the relation `next`. https://www.rfc-editor.org/rfc/rfc5988"""
    for target, parameters in _LINK.findall(page.headers.get("link", "")):
        relation = _REL.search(parameters)
        if relation and "next" in (relation[1] or relation[2]).lower().split():
            return str(target)
    return None
