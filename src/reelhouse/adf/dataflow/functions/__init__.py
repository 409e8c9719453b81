"""The functions of the data flow expression language, by name. What is not here is refused by name.

https://learn.microsoft.com/azure/data-factory/data-flow-expressions-usage
"""

from __future__ import annotations

from reelhouse.adf.dataflow.functions import aggregates, arrays, conversions, meta, moments, numbers, text
from reelhouse.adf.dataflow.functions.signature import Function

FUNCTIONS: dict[str, Function] = {
    **text.FUNCTIONS,
    **numbers.FUNCTIONS,
    **moments.FUNCTIONS,
    **conversions.FUNCTIONS,
    **arrays.FUNCTIONS,
    **aggregates.FUNCTIONS,
    **meta.FUNCTIONS,
}
"""Names are those of the documentation; the case of letters counts."""
