"""What a parsed expression costs: `python -m bench.expressions` over the documented examples of all functions.

The examples are those of the tests. XML, XPath and time zones are left out of the median, and printed apart.
"""

from __future__ import annotations

import importlib.util
import re
import statistics
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

EXAMPLES = Path(__file__).resolve().parents[1] / "tests" / "adf" / "test_functions.py"
APART = re.compile(r"\b(xml|xpath|convertFromUtc|convertToUtc|convertTimeZone)\(", re.IGNORECASE)
LIMIT_US = 20.0
ROUNDS, TIMES = 5, 100


class Cost(NamedTuple):
    """`microseconds` is the best of some rounds."""

    expression: str
    microseconds: float


def measure(rounds: int = ROUNDS, times: int = TIMES) -> list[Cost]:
    """What every example costs, parsed before."""
    from reelhouse.adf.expression.evaluate import evaluate

    examples = _examples()
    scope: Any = examples.SCOPE
    costs = []
    for expression, _ in examples.VALUES:
        text = f"@{expression}"
        evaluate(text, scope)
        best = float("inf")
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(times):
                evaluate(text, scope)
            best = min(best, time.perf_counter() - start)
        costs.append(Cost(expression, best / times * 1e6))
    return costs


def _examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("documented_examples", EXAMPLES)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print the median, and the dearest of both groups."""
    costs = measure()
    for title, apart in (("All but XML, XPath and time zones", False), ("XML, XPath and time zones", True)):
        group = [cost for cost in costs if bool(APART.search(cost.expression)) is apart]
        median = statistics.median(cost.microseconds for cost in group)
        print(f"{title}: median {median:.1f} µs of {len(group)} expressions")
        for cost in sorted(group, key=lambda cost: -cost.microseconds)[:5]:
            print(f"  {cost.microseconds:7.1f} µs  {cost.expression}")
        if not apart:
            print(f"  (wanted: {LIMIT_US:g} µs or less; {sum(c.microseconds > LIMIT_US for c in group)} are dearer)")


if __name__ == "__main__":
    main()
