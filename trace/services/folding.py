"""Text without diacritics, case and signs, to compare what people call things. The database has `fold()` for what it holds."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """ "Diện tích (ha)" becomes "dien tich ha"."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D")).lower()
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^0-9a-z]+", " ", bare).split())
