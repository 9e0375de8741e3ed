"""Public pages of the protected titles, their users as of a day, their areas and sites; the lists as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import redirect, request, url_for
from flask_babel import gettext as _

from trace.access import needs
from trace.db import session
from trace.services import public_titles
from trace.views import lists, public_goods, public_lists
from trace.views.public_pages import asked_day, bp, csv, found, gently, paged, shown
from trace.words import day, say

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.services.public_titles import Place, User

__all__ = ["bp", "public_goods", "public_lists"]


@bp.get("/nhan-hieu")
@needs(None)
def titles() -> ResponseReturnValue:
    """All protected titles."""
    return shown("public/titles.html", lines=public_titles.listing(session(), on=lists.today()))


@bp.get("/nhan-hieu/<key>")
@needs(None)
def title(key: str) -> ResponseReturnValue:
    """One title."""
    the = public_titles.find(session(), key)
    if right := found(key, the.name, the.id):
        return redirect(right, 301)
    page = public_titles.page(session(), the, on=lists.today())
    return shown("public/title.html", page=page, title=page.title, today=lists.today())


@bp.get("/nhan-hieu/<key>/nguoi-su-dung")
@needs(None)
def users(key: str) -> ResponseReturnValue:
    """Who may use a title's sign, as of a day."""
    the, q = public_titles.find(session(), key), lists.text()
    if right := found(key, the.name, the.id):
        return redirect(right, 301)
    if q:
        gently()
    on, wrong = asked_day()
    rows, total, number = paged(
        lambda page, size: public_titles.users(session(), the.id, on=on, q=q, page=page, size=size)
    )
    return shown(
        "public/users.html", 422 if wrong else 200, title=the, rows=rows, total=total, number=number, on=on, wrong=wrong, q=q,
        pages=lists.pages(total), is_today=on == lists.today(), canonical=[("ngay", "" if on == lists.today() else day(on))],
    )  # fmt: skip


@bp.get("/nhan-hieu/<key>/nguoi-su-dung.csv")
@needs(None)
def users_file(key: str) -> ResponseReturnValue:
    """The same as a file, all pages of it."""
    the, q = public_titles.find(session(), key), lists.text()
    on, wrong = asked_day()
    if wrong:
        return redirect(url_for(".users", key=key, ngay=request.args["ngay"]), 303)
    headings = [
        _("Organisation"), _("Number of the certificate"), _("Products"), _("Areas and sites"), _("Valid from"), _("Valid until"),
        _("Status on %(day)s", day=day(on)),
    ]  # fmt: skip
    return csv(
        "nguoi-su-dung",
        headings,
        lambda page, size: public_titles.users(session(), the.id, on=on, q=q, page=page, size=size),
        _user,
    )


@bp.get("/nhan-hieu/<key>/vung-trong")
@needs(None)
def sources(key: str) -> ResponseReturnValue:
    """Growing areas and sites of a title by name and code."""
    the, q = public_titles.find(session(), key), lists.text()
    if right := found(key, the.name, the.id):
        return redirect(right, 301)
    if q:
        gently()
    rows, total, number = paged(
        lambda page, size: public_titles.sources(session(), the.id, on=lists.today(), q=q, page=page, size=size)
    )
    return shown("public/sources.html", title=the, rows=rows, total=total, number=number, q=q, pages=lists.pages(total))


@bp.get("/nhan-hieu/<key>/vung-trong.csv")
@needs(None)
def sources_file(key: str) -> ResponseReturnValue:
    """The same as a file, all pages of it."""
    the, q, on = public_titles.find(session(), key), lists.text(), lists.today()
    headings = [_("Growing area or site"), _("Commune"), _("Codes by market")]
    return csv(
        "vung-trong", headings, lambda page, size: public_titles.sources(session(), the.id, on=on, q=q, page=page, size=size), _place
    )  # fmt: skip


def _user(user: User) -> list[Any]:
    period = user.certificate.valid_during
    return [
        user.certificate.holder.name, user.certificate.number, "; ".join(user.products), user.sources, period.lower,
        lists.day_before(period.upper) if period.upper else None, say(user.stood),
    ]  # fmt: skip


def _place(place: Place) -> list[Any]:
    return [
        place.name,
        place.commune,
        "; ".join(f"{code.market}: {code.code} ({say(code.status)})" for code in place.codes),
    ]
