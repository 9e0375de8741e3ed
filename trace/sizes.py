"""How a size of land is rounded, once for every page, export, map, refusal and reckoning. No units but hectares, no texts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_HUNDREDTH = Decimal("0.01")


def hectares(value: float | Decimal) -> Decimal:
    """Hectares to the hundredth (100 m²), halves up, as people reckon: 4,605 is 4,61 whether it came as a float or to the digit."""
    return Decimal(str(value)).quantize(_HUNDREDTH, ROUND_HALF_UP)
