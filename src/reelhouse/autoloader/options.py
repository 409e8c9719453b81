"""Every option of Auto Loader and of its readers: default, type, effect, or why it is refused.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from reelhouse.errors import Unsupported, UserError, did_you_mean


class Effect(Enum):
    """What comes of an option."""

    HERE = auto()
    SERVICE = auto()
    """It only places or sizes a cloud service: its form is checked, and it is reported as having no effect here."""
    REFUSED = auto()
    """Documented, and not done here."""


@dataclass(frozen=True)
class Option:
    """An option as documented. `name` has no `cloudFiles.` prefix; `default` is its text, None when there is none."""

    name: str
    kind: str = "text"
    default: str | None = None
    effect: Effect = Effect.HERE
    choices: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    """The formats it is for; empty for all."""


def _named(*options: Option) -> dict[str, Option]:
    return {option.name.lower(): option for option in options}


_BOOL, _INT, _COUNT, _POSITIVE = "boolean", "integer", "count", "positive"
_MODES = ("PERMISSIVE", "DROPMALFORMED", "FAILFAST")
FORMATS = ("csv", "json", "text", "parquet", "orc", "avro", "binaryfile")
_KNOWN_FORMATS = ("avro", "binaryFile", "csv", "json", "orc", "parquet", "text", "xml")
EVOLUTION_MODES = ("addNewColumns", "addNewColumnsWithTypeWidening", "rescue", "failOnNewColumns", "none")

CLOUD_FILES = _named(
    Option("format", choices=_KNOWN_FORMATS),
    Option("schemaLocation"),
    Option("inferColumnTypes", _BOOL, "false"),
    Option("schemaEvolutionMode", choices=EVOLUTION_MODES),
    Option("schemaHints"),
    Option("rescuedDataColumn"),
    Option("partitionColumns"),
    Option("includeExistingFiles", _BOOL, "true"),
    Option("allowOverwrites", _BOOL, "false"),
    Option("maxFilesPerTrigger", _POSITIVE, "1000"),
    Option("maxBytesPerTrigger", "bytes"),
    Option("maxFileAge", "interval"),
    Option("useStrictGlobber", _BOOL, "false"),
    Option("validateOptions", _BOOL, "true"),
    Option("cleanSource", default="OFF", choices=("OFF", "DELETE", "MOVE")),
    Option("cleanSource.retentionDuration", "interval", "30 days"),
    Option("cleanSource.moveDestination"),
    Option("backfillInterval", "interval", effect=Effect.SERVICE),
    Option("useManagedFileEvents", _BOOL, "false", Effect.SERVICE),
    Option("useNotifications", _BOOL, "false", Effect.SERVICE),
    Option("useIncrementalListing", default="auto", effect=Effect.SERVICE, choices=("auto", "true", "false")),
    Option("fetchParallelism", _POSITIVE, "1", Effect.SERVICE),
    Option("pathRewrites", effect=Effect.SERVICE),
    Option("queueName", effect=Effect.SERVICE),
    Option("connectionString", effect=Effect.SERVICE),
    Option("resourceGroup", effect=Effect.SERVICE),
    Option("subscriptionId", effect=Effect.SERVICE),
    Option("tenantId", effect=Effect.SERVICE),
    Option("clientId", effect=Effect.SERVICE),
    Option("clientSecret", effect=Effect.SERVICE),
    Option("region", effect=Effect.SERVICE),
    Option("queueUrl", effect=Effect.SERVICE),
    Option("roleArn", effect=Effect.SERVICE),
    Option("projectId", effect=Effect.SERVICE),
    Option("subscription", effect=Effect.SERVICE),
)
"""Options with the prefix `cloudFiles.`; `cloudFiles.resourceTag.*` is one as well."""

COMMON = _named(
    Option("path"),
    Option("pathGlobFilter"),
    Option("fileNamePattern"),
    Option("recursiveFileLookup", _BOOL, "false"),
    Option("modifiedAfter"),
    Option("modifiedBefore"),
    Option("basePath"),
    Option("ignoreCorruptFiles", _BOOL, "false"),
    Option("ignoreMissingFiles", _BOOL, "false"),
    Option("rescuedDataColumn"),
    Option("badRecordsPath", effect=Effect.REFUSED),
    Option("readerCaseSensitive", _BOOL, "true"),
    Option("timeZone"),
    Option("mergeSchema", _BOOL, "false"),
    Option("encoding", default="UTF-8"),
    Option("charset"),
    Option("lineSep"),
    Option("multiLine", _BOOL, "false"),
    Option("mode", default="PERMISSIVE", choices=_MODES),
    Option("columnNameOfCorruptRecord", default="_corrupt_record"),
    Option("dateFormat"),
    Option("timestampFormat"),
    Option("timestampNTZFormat"),
    Option("inferSchema", _BOOL, "false"),
    Option("compression", effect=Effect.REFUSED),
    Option("samplingRatio", effect=Effect.REFUSED),
    Option("locale", default="en-US", choices=("en-US",)),
    Option("singleVariantColumn", effect=Effect.REFUSED),
)
"""Options of several readers. Spark accepts an option of one format in a read of another, so do we."""

CSV = _named(
    Option("header", _BOOL, "false"),
    Option("sep", default=","),
    Option("delimiter", default=","),
    Option("quote", default='"'),
    Option("escape", default="\\"),
    Option("charToEscapeQuoteEscaping"),
    Option("comment"),
    Option("nullValue", default=""),
    Option("emptyValue", default=""),
    Option("nanValue", default="NaN"),
    Option("positiveInf", default="Inf"),
    Option("negativeInf", default="-Inf"),
    Option("ignoreLeadingWhiteSpace", _BOOL, "false"),
    Option("ignoreTrailingWhiteSpace", _BOOL, "false"),
    Option("skipRows", _COUNT, "0"),
    Option("maxColumns", _POSITIVE, "20480"),
    Option("maxCharsPerColumn", _INT, "-1"),
    Option(
        "unescapedQuoteHandling",
        default="STOP_AT_DELIMITER",
        choices=("STOP_AT_DELIMITER", "STOP_AT_CLOSING_QUOTE", "SKIP_VALUE", "RAISE_ERROR"),
    ),
    Option("enforceSchema", default="true", choices=("true",)),
    Option("preferDate", default="true", choices=("true",)),
    Option("enableDateTimeParsingFallback", effect=Effect.REFUSED),
    Option("inputBufferSize", _POSITIVE, effect=Effect.SERVICE),
)

JSON = _named(
    Option("primitivesAsString", _BOOL, "false"),
    Option("prefersDecimal", _BOOL, "false"),
    Option("inferTimestamp", _BOOL, "false"),
    Option("allowComments", default="false", choices=("false",)),
    Option("allowUnquotedFieldNames", default="false", choices=("false",)),
    Option("allowSingleQuotes", default="true", choices=("true",)),
    Option("allowNumericLeadingZeros", default="false", choices=("false",)),
    Option("allowBackslashEscapingAnyCharacter", default="false", choices=("false",)),
    Option("allowUnquotedControlChars", default="false", choices=("false",)),
    Option("allowNonNumericNumbers", default="true", choices=("true",)),
    Option("dropFieldIfAllNull", default="false", choices=("false",)),
)

TEXT = _named(Option("wholetext", _BOOL, "false"))

ORC = _named(Option("mergeSchema", _BOOL, "false"))

AVRO = _named(
    Option("mergeSchema", _BOOL, "false"),
    Option("ignoreExtension", default="true", choices=("true",)),
    Option("avroSchema", effect=Effect.REFUSED),
    Option("avroSchemaUrl", effect=Effect.REFUSED),
    Option("datetimeRebaseMode", default="CORRECTED", choices=("CORRECTED",)),
)

READERS: Mapping[str, Mapping[str, Option]] = {
    "csv": CSV,
    "json": JSON,
    "text": TEXT,
    "parquet": {},
    "orc": ORC,
    "avro": AVRO,
    "binaryfile": {},
}


@dataclass(frozen=True)
class CloudFiles:
    """The options of a `cloudFiles` source, checked. Names of `reader` have no prefix."""

    format: str
    cloud: Mapping[str, str]
    """Given `cloudFiles.` options by lower-case name without prefix."""
    reader: Mapping[str, str]
    no_effect: tuple[str, ...] = field(default=())
    """Given options that only place or size cloud services."""
    has_user_schema: bool = False

    @property
    def reader_options(self) -> Mapping[str, str]:
        """The options for the reader. Auto Loader takes a CSV file to have a header when it infers the schema."""
        named = {name.lower() for name in self.reader}
        if self.format == "csv" and not self.has_user_schema and "header" not in named:
            return {**self.reader, "header": "true"}
        return self.reader

    @property
    def typed(self) -> bool:
        """Whether columns are inferred with types."""
        return self.format not in ("csv", "json") or self.flag("inferColumnTypes")

    def text(self, name: str) -> str | None:
        """A `cloudFiles.` option, or its default."""
        return self.cloud.get(name.lower(), CLOUD_FILES[name.lower()].default)

    def flag(self, name: str) -> bool:
        """A `cloudFiles.` option that is true or false."""
        return (self.text(name) or "false").lower() == "true"

    @property
    def max_files(self) -> int:
        return int(self.text("maxFilesPerTrigger") or 1000)

    @property
    def max_bytes(self) -> int | None:
        text = self.text("maxBytesPerTrigger")
        return None if text is None else parse_bytes(text)

    @property
    def max_file_age(self) -> timedelta | None:
        text = self.text("maxFileAge")
        return None if text is None else parse_interval(text)

    @property
    def rescued_data_column(self) -> str | None:
        """The name that was asked for, with or without prefix."""
        given = {name.lower(): value for name, value in self.reader.items()}
        return given.get("rescueddatacolumn", self.cloud.get("rescueddatacolumn"))

    @property
    def partition_columns(self) -> tuple[str, ...] | None:
        """The columns to take from folders' names; None when they are found by themselves."""
        text = self.text("partitionColumns")
        return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def cloud_files(options: Mapping[str, str], *, has_user_schema: bool = False) -> CloudFiles:
    """The options of `readStream.format("cloudFiles")`, checked.

    Raises `UserError` for an unknown option (unless `cloudFiles.validateOptions` is false), a value of the wrong type
    or options that contradict each other; `Unsupported` for what is documented and not done here.
    """
    cloud: dict[str, str] = {}
    reader: dict[str, str] = {}
    for name, value in options.items():
        if name.lower().startswith("cloudfiles."):
            cloud[name[len("cloudFiles.") :].lower()] = value
        else:
            reader[name] = value
    if "format" not in cloud:
        raise UserError("Option 'cloudFiles.format' is missing", remedy=f"Give one of {', '.join(FORMATS)}.")
    name = cloud["format"].lower()
    if name not in FORMATS:
        if name in (known.lower() for known in _KNOWN_FORMATS):
            raise Unsupported(f"cloudFiles.format '{cloud['format']}'", remedy=f"Supported: {', '.join(FORMATS)}.")
        raise UserError(f"cloudFiles.format is '{cloud['format']}'", remedy=did_you_mean(name, _KNOWN_FORMATS))
    strict = cloud.get("validateoptions", "true").lower() != "false"
    no_effect = [f"cloudFiles.{found}" for found in _check(cloud, CLOUD_FILES, "cloudFiles.", strict)]
    no_effect += _check(reader, {**COMMON, **READERS[name]}, "", strict)
    if any(name.lower() == "inferschema" for name in reader):
        raise UserError(
            "Option 'inferSchema' does nothing in Auto Loader", remedy="Set cloudFiles.inferColumnTypes in its place."
        )
    if not has_user_schema and any(n.lower() == "mergeschema" and v.lower() == "false" for n, v in reader.items()):
        raise Unsupported(
            "Option 'mergeSchema' is false: Auto Loader merges the columns of all files here",
            remedy="Leave the option out, or give the schema.",
        )
    _agree(cloud)
    return CloudFiles(name, cloud, reader, tuple(no_effect), has_user_schema)


def check_reader_options(format: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """Check the options of a batch read; returns those that have no effect here.

    Spark ignores an option that no reader knows. One that is spelled nearly like a known one is refused here, and so is
    any other unknown one, since it would change nothing on Azure either.
    """
    name = format.lower()
    if name not in READERS:
        raise Unsupported(f"File format '{format}'", remedy=f"Supported: {', '.join(FORMATS)}.")
    everything = {**COMMON, **{key: option for reader in READERS.values() for key, option in reader.items()}}
    return tuple(_check(options, everything, "", True))


def _check(given: Mapping[str, str], table: Mapping[str, Option], prefix: str, strict: bool) -> list[str]:
    """Check given options against a table; returns the names of those without effect here."""
    no_effect = []
    for name, value in given.items():
        option = table.get(name.lower())
        if option is None and name.lower().startswith("resourcetag."):
            option = Option(name, effect=Effect.SERVICE)
        if option is None:
            if not strict:
                no_effect.append(name)
                continue
            raise UserError(
                f"[CF_UNKNOWN_OPTION_KEYS_ERROR] Unknown option '{prefix}{name}'",
                remedy=did_you_mean(name, (known.name for known in table.values())),
            )
        _check_value(option, value, prefix)
        if option.effect is Effect.REFUSED:
            raise Unsupported(f"Option '{prefix}{option.name}'", remedy=_INSTEAD.get(option.name, "Leave it out."))
        if option.effect is Effect.SERVICE:
            no_effect.append(option.name)
    return no_effect


_INSTEAD = {
    "badRecordsPath": "Keep malformed records in columnNameOfCorruptRecord and unexpected data in rescuedDataColumn.",
    "compression": "Files are read as they are; unpack them first.",
}


def _check_value(option: Option, value: str, prefix: str) -> None:
    name = f"{prefix}{option.name}"
    if option.choices:
        if value.lower() not in (choice.lower() for choice in option.choices):
            raise UserError(f"Option '{name}' is '{value}'", remedy=f"Supported: {', '.join(option.choices)}.")
        return
    check = _KINDS.get(option.kind)
    if check is None:
        return
    try:
        check(value)
    except ValueError:
        raise UserError(f"Option '{name}' is '{value}'", remedy=f"Give {_EXAMPLES[option.kind]}.") from None


def _agree(cloud: Mapping[str, str]) -> None:
    mode = cloud.get("cleansource", "OFF").upper()
    if mode == "MOVE" and "cleansource.movedestination" not in cloud:
        raise UserError(
            "cloudFiles.cleanSource is MOVE", remedy="Give the folder in cloudFiles.cleanSource.moveDestination."
        )
    if mode == "DELETE":
        kept = parse_interval(cloud.get("cleansource.retentionduration", "30 days"))
        if kept <= timedelta(days=7):
            raise UserError(
                "cloudFiles.cleanSource.retentionDuration is 7 days or less", remedy="DELETE needs more than 7 days."
            )
    if "maxfileage" in cloud and parse_interval(cloud["maxfileage"]) < timedelta(days=14):
        raise UserError("cloudFiles.maxFileAge is less than 14 days", remedy="90 days are advised.")


def _boolean(value: str) -> None:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)


def _at_least(value: int, least: int) -> None:
    if value < least:
        raise ValueError(value)


_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400, "month": 30 * 86400}


def parse_bytes(text: str) -> int:
    """A size as Spark writes it: `10g`, `512 MB`, `1048576`. Raises `ValueError`.

    >>> parse_bytes("10m")
    10485760
    """
    lower = text.strip().lower().removesuffix("ib").removesuffix("b") or "x"
    unit = lower[-1] if lower[-1] in _UNITS else ""
    return int(lower.removesuffix(unit).strip()) * _UNITS.get(unit, 1)


def parse_interval(text: str) -> timedelta:
    """An interval as `30 days`, `1 week 2 hours` or `interval 14 days`. Raises `ValueError`."""
    words = text.strip().lower().removeprefix("interval").split()
    if not words or len(words) % 2:
        raise ValueError(text)
    total = timedelta()
    for amount, unit in zip(words[::2], words[1::2], strict=True):
        if unit.rstrip("s") not in _SECONDS:
            raise ValueError(text)
        total += timedelta(seconds=float(amount) * _SECONDS[unit.rstrip("s")])
    return total


_KINDS: Mapping[str, Callable[[str], object]] = {
    _BOOL: _boolean,
    _INT: int,
    _COUNT: lambda value: _at_least(int(value), 0),
    _POSITIVE: lambda value: _at_least(int(value), 1),
    "bytes": lambda value: _at_least(parse_bytes(value), 1),
    "interval": parse_interval,
}
_EXAMPLES = {
    _BOOL: "true or false",
    _INT: "a whole number",
    _COUNT: "a whole number that is not negative",
    _POSITIVE: "a whole number of 1 or more",
    "bytes": "a size above zero, such as 10g",
    "interval": "30 days, say",
}


def no_effect_text(names: Iterable[str]) -> str:
    """One line for a run's report on options that have no effect here; empty when there are none."""
    listed = ", ".join(sorted(set(names)))
    return f"No effect here (cloud services only): {listed}." if listed else ""
