"""What can be seen of file sources and sinks before a run.

https://learn.microsoft.com/azure/data-factory/supported-file-formats-and-compression-codecs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelhouse.adf.expression.evaluate import is_expression
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.settings import SOURCES, WRITE_SETTINGS
from reelhouse.adf.settings.files import READ_FORMATS, WRITE_FORMATS, CompressionReadSettings, FileSink
from reelhouse.errors import Place

_UNPACKERS = ("ZipDeflateReadSettings", "TarReadSettings", "TarGZipReadSettings")
_PATTERNS = ("setOfObjects", "arrayOfObjects")


def check_file_source(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """Its properties, its format settings and its additional columns."""
    kind = raw["type"]
    source = checked(SOURCES[kind], raw, place, f"A source ({kind})", findings)
    if source is None:
        return
    formats = source.format_settings
    if formats is not None and not is_expression(formats):
        spot = place.at("formatSettings")
        _check_format(formats, kind.removesuffix("Source") + "ReadSettings", READ_FORMATS, spot, findings)
        mode = formats.get("validationMode")
        if isinstance(mode, str) and "@" not in mode and mode.lower() not in ("", "none"):
            what = f"validationMode '{mode}' is not supported"
            findings.append(problem(spot.at("validationMode"), what, "Supported: none."))
        unpack = formats.get("compressionProperties")
        if isinstance(unpack, Mapping) and not is_expression(unpack):
            check_unpacking(unpack, spot.at("compressionProperties"), findings)
    check_columns(getattr(source, "additional_columns", None), place.at("additionalColumns"), findings)


def check_unpacking(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """The `compressionProperties` of a source."""
    settings = checked(CompressionReadSettings, raw, place, "Compression properties", findings)
    if settings is not None and settings.type not in _UNPACKERS:
        what = f"Compression properties '{settings.type}' are not supported"
        findings.append(problem(place.at("type"), what, f"Supported: {', '.join(_UNPACKERS)}."))


def check_columns(raw: Any, place: Place, findings: list[Finding]) -> None:
    """Whether these are additional columns."""
    if raw is None or isinstance(raw, str) or is_expression(raw):
        return
    if not isinstance(raw, list):
        findings.append(problem(place, "additionalColumns is a list of name and value"))
        return
    for index, item in enumerate(raw):
        if not isinstance(item, Mapping) or set(item) != {"name", "value"}:
            findings.append(problem(place.at(index), "An additional column has a name and a value, and nothing else"))
        elif isinstance(item["value"], str) and item["value"].startswith("$$") and not _is_reserved(item["value"]):
            what = f"'{item['value']}' is no reserved value of an additional column"
            findings.append(problem(place.at(index).at("value"), what, "Known: $$FILEPATH, $$COLUMN:<name>."))


def _is_reserved(value: str) -> bool:
    return value == "$$FILEPATH" or value.startswith("$$COLUMN:")


def check_file_sink(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """Its properties, its store settings and its format settings."""
    kind = raw["type"]
    sink = checked(FileSink, raw, place, f"A sink ({kind})", findings)
    if sink is None:
        return
    if sink.store_settings is not None:
        check_write_settings(sink.store_settings, place.at("storeSettings"), findings)
    formats = sink.format_settings
    if formats is None or is_expression(formats):
        return
    spot = place.at("formatSettings")
    _check_format(formats, kind.removesuffix("Sink") + "WriteSettings", WRITE_FORMATS, spot, findings)
    pattern = formats.get("filePattern")
    if isinstance(pattern, str) and "@" not in pattern and pattern not in _PATTERNS:
        known = f"Known: {', '.join(_PATTERNS)}."
        findings.append(problem(spot.at("filePattern"), f"'{pattern}' is no filePattern", known))


def check_write_settings(raw: Mapping[str, Any], place: Place, findings: list[Finding]) -> None:
    """The `storeSettings` of a sink."""
    kind = raw.get("type")
    if kind not in WRITE_SETTINGS:
        what = f"Store settings '{kind}' of a sink are not supported"
        findings.append(problem(place.at("type"), what, f"Supported: {', '.join(WRITE_SETTINGS)}."))
    else:
        checked(WRITE_SETTINGS[kind], raw, place, f"Store settings ({kind})", findings)


def _check_format(
    raw: Mapping[str, Any], expected: str, known: Mapping[str, Any], place: Place, findings: list[Finding]
) -> None:
    kind = raw.get("type")
    if kind != expected or expected not in known:
        findings.append(problem(place.at("type"), f"Format settings '{kind}' do not fit here", f"Use {expected}."))
    else:
        checked(known[expected], raw, place, f"Format settings ({kind})", findings)
