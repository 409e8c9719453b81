"""What a Copy's `translator` says: which column of the source becomes which column of the sink, and of what type.

https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.adf.activity.context import ActivityContext, as_boolean, as_integer
from reelhouse.adf.expression.evaluate import is_expression
from reelhouse.adf.expression.values import text
from reelhouse.adf.finding import Finding, checked, problem
from reelhouse.adf.movement.conversion import Rules, interim_type, known_culture
from reelhouse.adf.rest.json_path import JsonPath, parse_path
from reelhouse.adf.settings.files import ColumnSide, TabularTranslator, TypeConversionSettings
from reelhouse.errors import Place, Unsupported, UserError


@dataclass(frozen=True)
class Column:
    """One column of the sink. The source is named, counted from 1, or a path into a document.

    `from_root` tells a path that starts at the document from one that starts at an item of the collection. `sink` has
    more than one name for a nested property. Types are interim types, None to keep what is there.
    """

    sink: tuple[str, ...]
    name: str | None = None
    ordinal: int | None = None
    path: JsonPath | None = None
    from_root: bool = True
    type: str | None = None
    source_type: str | None = None
    source_format: str | None = None
    sink_format: str | None = None
    culture: str | None = None
    precision: tuple[int, int] | None = None

    @property
    def shown(self) -> str:
        return self.path.text if self.path else self.name if self.name is not None else f"number {self.ordinal}"


@dataclass(frozen=True)
class Translator:
    """`columns` is None for the default mapping, by name."""

    columns: tuple[Column, ...] | None = None
    collection: JsonPath | None = None
    complex_to_text: bool = False
    rules: Rules = field(default_factory=Rules)


def check_translator(raw: Any, place: Place, findings: list[Finding]) -> None:
    """What can be seen of a translator before the run; one that an expression gives is checked when it is there."""
    if raw is None or isinstance(raw, str) or (isinstance(raw, Mapping) and is_expression(raw)):
        return
    settings = checked(TabularTranslator, raw, place, "A translator", findings)
    if settings is None:
        return
    if settings.type != "TabularTranslator":
        findings.append(problem(place.at("type"), f"Translator '{settings.type}' is not supported",
                                "Supported: TabularTranslator."))  # fmt: skip
    if isinstance(settings.type_conversion_settings, Mapping) and not is_expression(settings.type_conversion_settings):
        spot = place.at("typeConversionSettings")
        checked(TypeConversionSettings, settings.type_conversion_settings, spot, "Type conversion settings", findings)
    if isinstance(settings.mappings, list):
        for index, item in enumerate(settings.mappings):
            _check_mapping(item, place.at("mappings").at(index), findings)


def _check_mapping(item: Any, place: Place, findings: list[Finding]) -> None:
    if not isinstance(item, Mapping) or set(item) - {"source", "sink"} or not {"source", "sink"} <= set(item):
        findings.append(problem(place, "A mapping is an object of source and sink"))
        return
    for key in ("source", "sink"):
        side = checked(ColumnSide, item[key], place.at(key), f"The {key} of a mapping", findings)
        if side is None:
            continue
        if side.name is None and side.ordinal is None and side.path is None:
            findings.append(problem(place.at(key), f"The {key} of a mapping needs a name, ordinal or path"))
        for name, value in (("type", side.type), ("path", side.path)):
            if isinstance(value, str) and "@" not in value:
                try:
                    interim_type(value) if name == "type" else _path(value)
                except UserError as error:
                    findings.append(problem(place.at(key).at(name), error.what, error.remedy))


def read_translator(ctx: ActivityContext, raw: Any) -> Translator:
    """The evaluated translator of a Copy; the default mapping without one. Raises `UserError`."""
    place = ctx.properties.at("translator")
    value = ctx.value(raw, "translator")
    if value is None or value == "":
        return Translator()
    findings: list[Finding] = []
    check_translator(value, place, findings)
    settings = checked(TabularTranslator, value, place, "A translator", findings)
    if findings or settings is None:
        raise findings[0].error()
    rules = Rules()
    if settings.type_conversion is not None and as_boolean(ctx, settings.type_conversion, "typeConversion"):
        rules = _rules(ctx, settings.type_conversion_settings or {}, place.at("typeConversionSettings"))
    collection = text(settings.collection_reference)
    columns: tuple[Column, ...] | None = None
    if settings.mappings:
        columns = tuple(
            _column(ctx, item, bool(collection), place.at("mappings").at(index))
            for index, item in enumerate(settings.mappings)
        )
    elif settings.column_mappings:
        pairs = _pairs(settings.column_mappings, place.at("columnMappings"))
        columns = tuple(Column((sink,), name=source) for source, sink in pairs)
    elif settings.schema_mapping:
        pairs = _pairs(settings.schema_mapping, place.at("schemaMapping"))
        columns = tuple(_legacy_column(source, sink, bool(collection)) for source, sink in pairs)
    complex_to_text = settings.map_complex_values_to_string
    return Translator(
        columns,
        _path(collection) if collection else None,
        complex_to_text is not None and as_boolean(ctx, complex_to_text, "mapComplexValuesToString"),
        rules,
    )


def _rules(ctx: ActivityContext, raw: Any, place: Place) -> Rules:
    findings: list[Finding] = []
    settings = checked(TypeConversionSettings, raw, place, "Type conversion settings", findings)
    if settings is None:
        raise findings[0].error()
    if settings.time_span_format:
        raise Unsupported("Formats of time spans are not supported", where=place.at("timeSpanFormat"))
    return Rules(
        as_boolean(ctx, settings.allow_data_truncation, "allowDataTruncation"),
        as_boolean(ctx, settings.treat_boolean_as_number, "treatBooleanAsNumber"),
        text(settings.date_time_format) or None,
        text(settings.date_time_offset_format) or None,
        known_culture(text(settings.culture) or "en-US"),
    )


def _column(ctx: ActivityContext, item: Mapping[str, Any], in_collection: bool, place: Place) -> Column:
    source, sink = ColumnSide.model_validate(item["source"]), ColumnSide.model_validate(item["sink"])
    path = text(source.path) or None
    precision = None
    if sink.precision is not None:
        scale = as_integer(ctx, sink.scale or 0, "scale")
        precision = (as_integer(ctx, sink.precision, "precision", least=1), scale)
    return Column(
        _sink_names(sink, place.at("sink")),
        None if source.name is None else text(source.name),
        None if source.ordinal is None else as_integer(ctx, source.ordinal, "ordinal", least=1),
        _path(path) if path else None,
        not in_collection or (path or "").startswith("$"),
        text(sink.type) or None,
        text(source.type) or None,
        text(source.format) or None,
        text(sink.format) or None,
        known_culture(text(source.culture) or text(sink.culture)) or None,
        precision,
    )


def _legacy_column(source: str, sink: str, in_collection: bool) -> Column:
    names = _names_of(sink) if sink.startswith("$") else (sink,)
    if source.startswith("$"):
        return Column(names, path=_path(source))
    return Column(names, name=source, path=_path(source) if in_collection else None, from_root=not in_collection)


def _sink_names(sink: ColumnSide, place: Place) -> tuple[str, ...]:
    if sink.path is not None:
        return _names_of(text(sink.path))
    if sink.name is None:
        if sink.ordinal is not None:
            return (f"Prop_{int(text(sink.ordinal)) - 1}",)
        raise UserError("The sink of a mapping needs a name or a path", where=place)
    return (text(sink.name),)


def _names_of(path: str) -> tuple[str, ...]:
    names = tuple(step.key for step in _path(path).steps)
    if not names or not all(isinstance(name, str) for name in names):
        raise Unsupported(f"A sink's path leads to properties, '{path}' does not")
    return tuple(str(name) for name in names)


def _path(source: str) -> JsonPath:
    """A path; one without '$' is relative."""
    if source.startswith("$"):
        return parse_path(source)
    return parse_path(f"${source}" if source.startswith("[") else f"$.{source}")


def _pairs(raw: Any, place: Place) -> list[tuple[str, str]]:
    """Source and sink of the legacy forms: an object, or `a: b, c: d`."""
    if isinstance(raw, Mapping):
        return [(str(source), text(sink)) for source, sink in raw.items()]
    pairs = [part.partition(":") for part in text(raw).split(",")]
    if not all(middle for _, middle, _ in pairs):
        raise UserError("A text of mappings reads 'source: sink, …'", where=place)
    return [(source.strip(), sink.strip()) for source, _, sink in pairs]
