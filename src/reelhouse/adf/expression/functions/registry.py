"""All functions by their names in lower case: the 84 that Data Factory documents, and the names written as calls."""

from __future__ import annotations

from reelhouse.adf.expression.functions.collections import COLLECTION_FUNCTIONS
from reelhouse.adf.expression.functions.conversion import CONVERSION_FUNCTIONS
from reelhouse.adf.expression.functions.dates import DATE_FUNCTIONS
from reelhouse.adf.expression.functions.function import Function
from reelhouse.adf.expression.functions.logic import LOGICAL_FUNCTIONS
from reelhouse.adf.expression.functions.math import MATH_FUNCTIONS
from reelhouse.adf.expression.functions.references import REFERENCES
from reelhouse.adf.expression.functions.strings import STRING_FUNCTIONS
from reelhouse.adf.expression.functions.xml import XML_FUNCTIONS

DOCUMENTED: tuple[Function, ...] = (
    *STRING_FUNCTIONS,
    *COLLECTION_FUNCTIONS,
    *LOGICAL_FUNCTIONS,
    *CONVERSION_FUNCTIONS,
    *XML_FUNCTIONS,
    *MATH_FUNCTIONS,
    *DATE_FUNCTIONS,
)

FUNCTIONS: dict[str, Function] = {function.name.lower(): function for function in (*DOCUMENTED, *REFERENCES)}
