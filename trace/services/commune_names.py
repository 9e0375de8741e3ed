"""What a commune is called in files and on paper: its name, its code, or an old name that leads to one or several of today.

What must not live here: searching (`places`), and loading them (`communes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from trace.models.parties import Commune, CommuneAlias
from trace.services.area_import_rows import bare_commune
from trace.services.folding import fold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class CommuneNames:
    """The communes that stand, by what they are called."""

    names: Mapping[str, str]
    """Code to name."""
    exact: Mapping[str, set[str]]
    folded: Mapping[str, set[str]]

    def called(self, words: str) -> set[str]:
        """The codes that a name may mean; with the right diacritics first, for Cẩm Giang is not Cẩm Giàng."""
        bare = bare_commune(words)
        if words in self.names:
            return {words}
        return self.exact.get(bare.lower()) or self.folded.get(fold(bare)) or set()

    def current(self, words: str) -> set[str]:
        """The same, where the name that a commune bears today outweighs an old one (Thanh Hà is a commune, and was a district)."""
        found = self.called(words)
        bare = bare_commune(words).lower()
        named = {code for code in found if self.names[code].lower() == bare}
        return named or {code for code in found if fold(self.names[code]) == fold(bare)} or found


def standing(session: Session, on: date) -> CommuneNames:
    """The communes that stand on a day."""
    stands = Commune.valid_during.contains(on)
    names = {row.code: row.name for row in session.execute(select(Commune.code, Commune.name).where(stands))}
    called = [(name, code) for code, name in names.items()]
    aliases = session.execute(select(CommuneAlias.name, CommuneAlias.commune_code))
    called += [(name, code) for name, code in aliases if code in names]
    exact: dict[str, set[str]] = {}
    folded: dict[str, set[str]] = {}
    for name, code in called:
        exact.setdefault(name.lower(), set()).add(code)
        folded.setdefault(fold(name), set()).add(code)
    return CommuneNames(names, exact, folded)
