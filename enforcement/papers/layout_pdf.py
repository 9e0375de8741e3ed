"""A sheet as PDF/A. The same sheet and state give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from enforcement.papers.sheet import kept, whole
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
        "sheet": {**sheet, **_headings(sheet)}, "mark": look.mark, "why": look.why, "struck": not look.draft, "page_signers": PAGE_SIGNERS,
        "doubts": sheet["doubts"] if look.draft else [], "kept": kept(sheet["blocks"]),
    }  # fmt: skip
    return papers.drawn("case_document.typ", data, at=at)


def _headings(sheet: Mapping[str, Any]) -> dict[str, Any]:
    """What stands centred, broken between words only."""
    plain = {name: whole(sheet[name]) for name in ("parent", "organisation", "abstract", "authority")}
    roles = [{**each, "role": whole(each["role"])} for each in sheet["signatures"]]
    return {**plain, "signatures": roles, "capacity": [whole(line) for line in sheet["capacity"]]}
