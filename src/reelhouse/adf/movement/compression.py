"""Compressed files: streams that unpack while they are read and pack while they are written.

https://learn.microsoft.com/azure/data-factory/supported-file-formats-and-compression-codecs
"""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from reelhouse.adf.expression.values import text
from reelhouse.adf.settings import DelimitedText, Settings
from reelhouse.errors import Place, Unsupported, did_you_mean

CODECS = ("none", "bzip2", "gzip", "deflate", "ZipDeflate", "Tar", "TarGzip")
ARCHIVES = ("ZipDeflate", "Tar", "TarGzip")
LEVELS = {"optimal": 6, "fastest": 1, "nocompression": 0, "smallestsize": 9}
EXTENSIONS = {"bzip2": ".bz2", "gzip": ".gz", "deflate": ".deflate", "ZipDeflate": ".zip", "Tar": ".tar",
              "TarGzip": ".tar.gz"}  # fmt: skip
_CHUNK = 1 << 20


def codec_of(settings: Settings, place: Place) -> tuple[str, int]:
    """The codec of a dataset's files and its level. Raises `Unsupported` for one that is not read here.

    Parquet and Avro compress inside of their files: those have the codec none.
    """
    raw, spot = getattr(settings, "compression", None), place.at("compression")
    name, level = (raw.get("type"), raw.get("level")) if isinstance(raw, Mapping) else (raw, None)
    if isinstance(settings, DelimitedText):
        name, level = settings.compression_codec, settings.compression_level
        spot = place.at("compressionCodec")
    return codec_named(name, spot), _level(level, place)


def codec_named(name: Any, place: Place) -> str:
    """The documented spelling of a codec. Raises `Unsupported`."""
    for known in CODECS:
        if known.lower() == (text(name).lower() or "none"):
            return known
    raise Unsupported(f"The compression '{text(name)}' is not supported", where=place,
                      remedy=did_you_mean(text(name), CODECS))  # fmt: skip


def _level(raw: Any, place: Place) -> int:
    name = text(raw).lower() or "fastest"
    if name not in LEVELS:
        raise Unsupported(f"'{raw}' is no level of compression", where=place, remedy="Known: Optimal, Fastest.")
    return LEVELS[name]


def entries(file: BinaryIO, codec: str) -> Iterator[tuple[str | None, BinaryIO]]:
    """What a file holds: its content unpacked (named None), or the files of an archive with their paths."""
    if codec == "ZipDeflate":
        with zipfile.ZipFile(file) as archive:
            for item in archive.infolist():
                if not item.is_dir():
                    with archive.open(item) as entry:
                        yield _safe(item.filename), cast(BinaryIO, entry)
    elif codec in ("Tar", "TarGzip"):
        with tarfile.open(fileobj=file, mode="r|" if codec == "Tar" else "r|gz") as tar:
            for member in tar:
                found = tar.extractfile(member) if member.isfile() else None
                if found is not None:
                    yield _safe(member.name), cast(BinaryIO, found)
    else:
        yield None, unpacked(file, codec)


def _safe(name: str) -> str:
    """The path of an entry below the archive. Raises `ValueError` for one that leaves it."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise ValueError(f"the entry '{name}' leaves its archive")
    return "/".join(parts)


def unpacked(file: BinaryIO, codec: str) -> BinaryIO:
    """The content of a file that is one compressed stream."""
    if codec == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    if codec == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(file, "rb"))
    if codec == "deflate":
        return cast(BinaryIO, io.BufferedReader(_Inflated(file)))
    return file


class _Inflated(io.RawIOBase):
    """A raw deflate stream, as .NET's DeflateStream writes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._engine = zlib.decompressobj(-zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._engine.eof:
            data = self._engine.unconsumed_tail or self._file.read(_CHUNK)
            if not data:
                raise EOFError("the deflate stream breaks off")
            found = self._engine.decompress(data, len(buffer))
            if found:
                buffer[: len(found)] = found
                return len(found)
        return 0


class _Deflater:
    def __init__(self, file: BinaryIO, level: int) -> None:
        self._file = file
        self._engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)

    def write(self, data: bytes) -> int:
        self._file.write(self._engine.compress(data))
        return len(data)

    def close(self) -> None:
        self._file.write(self._engine.flush())


@contextmanager
def packed(file: BinaryIO, codec: str, level: int, name: str) -> Iterator[BinaryIO]:
    """A stream to write that ends compressed in `file`. `name` is that of the one entry of an archive."""
    if codec == "none":
        yield file
    elif codec == "gzip":
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=level, mtime=0) as stream:
            yield cast(BinaryIO, stream)
    elif codec == "bzip2":
        with bz2.BZ2File(file, "wb", compresslevel=max(level, 1)) as packer:
            yield cast(BinaryIO, packer)
    elif codec == "deflate":
        deflater = _Deflater(file, level)
        yield cast(BinaryIO, deflater)
        deflater.close()
    elif codec == "ZipDeflate":
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive,
            archive.open(name, "w", force_zip64=True) as entry,
        ):
            yield cast(BinaryIO, entry)
    else:
        raise Unsupported(f"Writing {codec} archives is not supported")


def plain_name(name: str, codec: str) -> str:
    """The name of a file without the extension of its compression."""
    end = EXTENSIONS.get(codec, "")
    for candidate in (end, ".tgz" if codec == "TarGzip" else end):
        if candidate and name.lower().endswith(candidate) and len(name) > len(candidate):
            return name[: -len(candidate)]
    return name
