"""The versions of the forms in the database: put there from the seeds, changed by heads as new versions, found for a day.

A version is never edited: documents keep the one they were made from. What must not live here: reading the text of a form (`forms`).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from enforcement.models import DocumentTemplate
from enforcement.papers import faults, forms
from trace.config import ROOT
from trace.errors import Conflict, Invalid, NotFound, Refused, broken_constraint
from trace.services import history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from enforcement.papers.forms import Form

SEEDS = ROOT / "enforcement" / "papers" / "seeds"
SEEDED_AT = datetime(2026, 1, 1, tzinfo=UTC)
SEEDED_FROM = date(2025, 7, 1)
FIRST = "Bản đầu, cần kiểm chứng với mẫu đang có hiệu lực"
AGAIN = "Sửa câu chữ, bố cục của bản trước; cần kiểm chứng với mẫu đang có hiệu lực"
CODE = re.compile(r"[A-ZĐ]{2,10}[0-9]{0,3}")


class TemplateChanged(Conflict):
    """Somebody saved version %(version)s of this form while you were writing, so yours was not saved.

    Look at that version, then save yours again as the next one.
    """


class BadFormCode(Invalid):
    """%(code)s cannot be the code of a form.

    Use capital letters, then up to three digits, for example MBB29.
    """


class NoSuchForm(Invalid):
    """There is no version of the form %(code)s that holds on this day.

    Ask a head to enter one, or choose another form.
    """


@cache
def seeds() -> dict[str, Form]:
    """The forms in our own words, by code."""
    found = {}
    for path in sorted(SEEDS.glob("*.txt")):
        parts = forms.sections(path.read_text(encoding="utf-8"))
        form, wrong = forms.parse(parts)
        if form is None:
            raise Refused(wrong)
        found[parts["form"]] = form
    return found


def seed(session: Session) -> None:
    """Bring every form into the database that has no version there yet, and the next version of those whose seed reads otherwise now.

    What a head changed stays.
    """
    known = {row.form: row for row in latest(session)}
    for code, form in seeds().items():
        newest, kept = known.get(code), json.loads(json.dumps(forms.content(form)))
        if newest is not None and (newest.drawn_by is not None or newest.content == kept):
            continue
        session.add(
            DocumentTemplate(
                form=code, version=newest.version + 1 if newest else 1, valid_from=newest.valid_from if newest else SEEDED_FROM, name=form.name,
                symbol=form.symbol, content=kept, note=AGAIN if newest else FIRST, drawn_at=SEEDED_AT,
            )
        )  # fmt: skip
    session.flush()


def in_force(session: Session, on: date) -> list[DocumentTemplate]:
    """The version of every form that holds on a day, by code."""
    newest = (
        select(DocumentTemplate)
        .where(DocumentTemplate.valid_from <= on)
        .ext(distinct_on(DocumentTemplate.form))
        .order_by(DocumentTemplate.form, DocumentTemplate.valid_from.desc(), DocumentTemplate.version.desc())
    )
    return sorted(session.scalars(newest), key=lambda each: each.form)


def for_day(session: Session, code: str, on: date) -> DocumentTemplate:
    """The version of one form that holds on a day."""
    found = session.scalars(
        select(DocumentTemplate)
        .where(DocumentTemplate.form == code, DocumentTemplate.valid_from <= on)
        .order_by(DocumentTemplate.valid_from.desc(), DocumentTemplate.version.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchForm(code=code)
    return found


def versions(session: Session, code: str) -> Sequence[DocumentTemplate]:
    """All versions of a form, newest first."""
    found = session.scalars(
        select(DocumentTemplate)
        .where(DocumentTemplate.form == code)
        .order_by(DocumentTemplate.version.desc())
        .options(joinedload(DocumentTemplate.author))
    ).all()
    if not found:
        raise NotFound
    return found


def get(session: Session, code: str, version: int) -> DocumentTemplate:
    """One version of a form."""
    found = next((each for each in versions(session, code) if each.version == version), None)
    if found is None:
        raise NotFound
    return found


def latest(session: Session) -> Sequence[DocumentTemplate]:
    """The newest version of every form, also those that hold only later."""
    top = (
        select(DocumentTemplate.form, func.max(DocumentTemplate.version).label("version"))
        .group_by(DocumentTemplate.form)
        .subquery()
    )
    return session.scalars(
        select(DocumentTemplate)
        .join(top, (top.c.form == DocumentTemplate.form) & (top.c.version == DocumentTemplate.version))
        .order_by(DocumentTemplate.form)
        .options(joinedload(DocumentTemplate.author))
    ).all()  # fmt: skip


def check(session: Session, code: str, parts: Mapping[str, str], *, valid_from: date | None) -> Form:
    """A form as a head wrote it, read; `Refused` with everything that is wrong with it."""
    form, wrong = forms.parse(parts)
    if not CODE.fullmatch(code):
        wrong.append(BadFormCode(code=code or "–", box="code"))
    known = latest(session)
    symbol = parts.get("symbol", "").strip()
    wrong += [
        faults.SymbolTaken(symbol=symbol, form=each.form, box="symbol")
        for each in known
        if each.symbol == symbol and each.form != code
    ]
    own = next((each for each in known if each.form == code), None)
    if own is not None and valid_from is not None and valid_from < own.valid_from:
        wrong.append(faults.ValidTooEarly(day=valid_from, since=own.valid_from, box="valid_from"))
    if wrong or form is None:
        raise Refused(wrong)
    return form


def save(
    session: Session, code: str, parts: Mapping[str, str], *, valid_from: date, note: str, seen: int, by: UUID, at: datetime
) -> DocumentTemplate:  # fmt: skip
    """Save the next version of a form. `seen`: the newest version on the page the head saw; 0 for a new form."""
    form = check(session, code, parts, valid_from=valid_from)
    newest = session.scalar(select(func.max(DocumentTemplate.version)).where(DocumentTemplate.form == code)) or 0
    if newest != seen:
        raise TemplateChanged(version=str(newest))
    made = DocumentTemplate(
        form=code, version=newest + 1, valid_from=valid_from, name=form.name, symbol=form.symbol, content=forms.content(form), note=note,
        drawn_at=at, drawn_by=by,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as exc:
        if broken_constraint(exc) == "uq_document_template_form_version":
            raise TemplateChanged(version=str(newest + 1)) from exc
        raise
    history.record(session, "template:save", made.id, by=by, at=at, changes={"version": (newest, newest + 1)}, why=note)
    return made
