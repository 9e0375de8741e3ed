"""A sheet as PDF/A. The same sheet and state give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trace.services import papers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PAGE_SIGNERS = ("Đoàn kiểm tra", "Cơ sở được kiểm tra", "Người chứng kiến")
DRAFT, CANCELLED, SUPERSEDED = "DỰ THẢO", "ĐÃ HỦY", "ĐÃ THAY THẾ"


@dataclass(frozen=True)
class Look:
    """What the state of a document adds to its sheet: a mark across the page with its reason, blanks dotted or struck out."""

    mark: str = ""
    why: str = ""

    @property
    def draft(self) -> bool:
        """Blanks may still be filled in, and what is not confirmed is shown."""
        return self.mark == DRAFT


def draw(sheet: Mapping[str, Any], look: Look, *, at: datetime) -> bytes:
    """The pages of a document."""
    data = {
        "sheet": dict(sheet), "mark": look.mark, "why": look.why, "struck": not look.draft, "page_signers": PAGE_SIGNERS,
        "doubts": sheet["doubts"] if look.draft else [],
    }  # fmt: skip
    return papers.drawn("case_document.typ", data, at=at)
