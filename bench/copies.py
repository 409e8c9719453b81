"""How fast Copy is: delimited text to Parquet beside DuckDB doing the same, a binary copy beside `cp`.

`python bench/copies.py [rows] [megabytes]`. Runs alternate, the median of each is printed.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from reelhouse.adf.factory import load_factory
from reelhouse.adf.run import run_pipeline
from reelhouse.adf.services import AdfServices
from reelhouse.runs.store import RunStore
from reelhouse.storage.lake import Lake

ROUNDS = 5


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root = Path(folder)
        container = root / "lake/acct/raw"
        container.mkdir(parents=True)
        text, blob = container / "rows.csv", container / "blob.bin"
        write_rows(text, rows)
        services = AdfServices(Lake(root / "lake"), RunStore(f"sqlite:///{root / 'runs.db'}"))
        copy = factory(root / "factory")

        def ours(name: str) -> float:
            started = time.perf_counter()
            result = run_pipeline(load_factory(copy), name, {}, services)
            assert str(result.status) == "Succeeded", result.activities
            return time.perf_counter() - started

        def duck() -> float:
            started = time.perf_counter()
            source = f"read_csv('{text}', all_varchar=true, header=true)"
            duckdb.sql(f"copy (select * from {source}) to '{root / 'duck.parquet'}' (format parquet)")
            return time.perf_counter() - started

        size = text.stat().st_size / 1e6
        pairs = [(ours("rows"), duck()) for _ in range(ROUNDS)]
        report(f"{rows:,} rows, {size:.0f} MB, to Parquet", "DuckDB", pairs)
        text.unlink()
        with blob.open("wb") as file:
            for _ in range(megabytes):
                file.write(random.randbytes(1 << 20))

        def cp() -> float:
            target = root / "cp.bin"
            target.unlink(missing_ok=True)
            started = time.perf_counter()
            subprocess.run(["cp", blob, target], check=True)
            return time.perf_counter() - started

        def binary() -> float:
            (container / "out/blob.bin").unlink(missing_ok=True)
            return ours("binary")

        report(f"{megabytes} MB binary", "cp", [(binary(), cp()) for _ in range(ROUNDS)])
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def report(what: str, other: str, pairs: list[tuple[float, float]]) -> None:
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{what}: {ours:.2f} s, {other} {theirs:.2f} s, ratio {ours / theirs:.2f}")


def write_rows(path: Path, rows: int) -> None:
    generator = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,title,kind,year,score,added,notes\n")
        for number in range(rows):
            words = " ".join(generator.choices(("dark", "river", "king", "the", "lost", "of", "night"), k=6))
            file.write(
                f's{number},"{words}, part {number % 7}",Movie,{1950 + number % 70},{generator.random():.6f},'
                f"2021-0{number % 9 + 1}-11,{words}\n"
            )


def factory(folder: Path) -> Path:
    def dataset(name: str, kind: str, file: str, path: str, **more: Any) -> dict[str, Any]:
        location = {"type": "AzureBlobFSLocation", "fileSystem": "raw", "folderPath": path, "fileName": file}
        service = {"referenceName": "ls", "type": "LinkedServiceReference"}
        return {"name": name, "properties": {"type": kind, "linkedServiceName": service,
                                             "typeProperties": {"location": location, **more}}}  # fmt: skip

    def pipeline(name: str, source: str, sink: str, inputs: str, outputs: str) -> dict[str, Any]:
        read, write = {"type": "AzureBlobFSReadSettings"}, {"type": "AzureBlobFSWriteSettings"}
        activity = {
            "name": "copy", "type": "Copy",
            "inputs": [{"referenceName": inputs, "type": "DatasetReference"}],
            "outputs": [{"referenceName": outputs, "type": "DatasetReference"}],
            "typeProperties": {"source": {"type": source, "storeSettings": read},
                               "sink": {"type": sink, "storeSettings": write}},
        }  # fmt: skip
        return {"name": name, "properties": {"activities": [activity]}}

    service = {"type": "AzureBlobFS", "typeProperties": {"url": "https://acct.dfs.core.windows.net"}}
    objects = {
        "linkedService": [{"name": "ls", "properties": service}],
        "dataset": [
            dataset("text", "DelimitedText", "rows.csv", "", firstRowAsHeader=True),
            dataset("parquet", "Parquet", "rows.parquet", "out"),
            dataset("blob", "Binary", "blob.bin", ""),
            dataset("blob_out", "Binary", "blob.bin", "out"),
        ],
        "pipeline": [
            pipeline("rows", "DelimitedTextSource", "ParquetSink", "text", "parquet"),
            pipeline("binary", "BinarySource", "BinarySink", "blob", "blob_out"),
        ],
    }
    for kind, items in objects.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for item in items:
            (folder / kind / f"{item['name']}.json").write_text(json.dumps(item), encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
