"""Asks Apache Spark what it makes of CSV texts, and writes the answers that the tests compare with.

    pip install pyspark==4.2.0 && python tests/autoloader/ask_spark.py

Needs Java. The texts are random, with the characters that matter to a CSV parser much more frequent than in real files.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

SEED = 7
TEXTS = 3000
KEPT_PER_OPTION_SET = 26
ALPHABET = ["a", "b", '"', '"', '"', ",", ",", "\\", " ", "x y", "\n", '""', '"a"', "\t", "'", "é", "\r\n", "1", "#"]
OPTION_SETS: list[dict[str, str]] = [
    {},
    {"escape": '"'},
    {"header": "true"},
    {"multiLine": "true"},
    {"multiLine": "true", "escape": '"'},
    {"multiLine": "true", "header": "true", "escape": '"'},
    {"ignoreLeadingWhiteSpace": "true"},
    {"ignoreTrailingWhiteSpace": "true", "escape": '"'},
    {"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"},
    {"sep": "\t"},
    {"sep": "\t", "escape": '"'},
    {"nullValue": "a"},
    {"emptyValue": "E"},
    {"nullValue": "NA", "emptyValue": "", "escape": '"'},
    {"quote": "'"},
    {"escape": "'"},
    {"charToEscapeQuoteEscaping": "\\", "escape": '"'},
    {"charToEscapeQuoteEscaping": "x"},
    {"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE"},
    {"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE", "escape": '"', "multiLine": "true"},
    {"unescapedQuoteHandling": "SKIP_VALUE"},
    {"quote": ""},
    {"comment": "#"},
    {"comment": "#", "multiLine": "true"},
    {"mode": "DROPMALFORMED"},
    {"escape": ""},
    {"sep": "||"},
]
SCHEMA = "c0 string, c1 string, c2 string, _corrupt_record string"


def text(choose: random.Random, options: dict[str, str]) -> str:
    made = "".join(choose.choice(ALPHABET) for _ in range(choose.randint(3, 25)))
    if "sep" in options:
        made = made.replace(",", options["sep"])
    kind = choose.random()
    if kind < 0.3:
        return made.replace("\r\n", "\n")
    return made.replace("\r\n", "\n").replace("\n", "\r\n") if kind < 0.6 else made


def main() -> None:
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    choose = random.Random(SEED)
    answers: dict[str, list[dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for at in range(TEXTS):
            options = choose.choice(OPTION_SETS)
            path = Path(folder) / f"{at}.csv"
            made = text(choose, options)
            path.write_bytes(made.encode())
            try:
                rows = [list(row) for row in spark.read.options(**options).schema(SCHEMA).csv(str(path)).collect()]
            except Exception:  # Spark's parser fails on some of these texts; there is no answer then
                continue
            answers.setdefault(json.dumps(options), []).append({"options": options, "text": made, "rows": rows})
    target = Path(__file__).parent / "spark_csv_answers.jsonl"
    with target.open("w", encoding="utf-8") as file:
        for found in answers.values():
            found.sort(key=lambda answer: len(str(answer["text"])))
            for answer in found[:: max(1, len(found) // KEPT_PER_OPTION_SET)][:KEPT_PER_OPTION_SET]:
                file.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
