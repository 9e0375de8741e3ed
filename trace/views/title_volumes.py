"""Eligible volumes of a season: what the sources bear, with its reckoning, and the managing body's confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Conflict, Invalid, TemThatError
from trace.services import gate, harvests, products, volumes
from trace.services.reach import Reach
from trace.views import past
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_forms import VolumeForm
from trace.views.title_page import bp, confirms, edits
from trace.words import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

FIELDS: Mapping[type[TemThatError], str] = {
    volumes.BelowIssued: "kg",
    volumes.AboveComputed: "kg",
    volumes.WhyNeeded: "reason",
}


@bp.get("/mua-vu/<uuid:season_id>/khoi-luong")
@needs(May.CERTIFICATE_READ)
def volumes_page(season_id: UUID) -> ResponseReturnValue:
    """The volumes of a season. Holders see their own, whoever reads the title sees all."""
    return _page(season_id)


@bp.post("/mua-vu/<uuid:season_id>/khoi-luong/<uuid:holder_id>")
@needs(May.CERTIFICATE_DECIDE)
def confirm_volume(season_id: UUID, holder_id: UUID) -> ResponseReturnValue:
    """Confirm one holder's volume."""
    form = VolumeForm(prefix=str(holder_id))
    seen = request.form.get("seen_g", "")
    if not form.validate():
        return _page(season_id, {holder_id: form}), 422
    with once("titles.confirm_volume") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            volumes.confirm(
                session(), season_id, holder_id, grams=int(form.kg.data * 1000), seen_g=int(seen) if seen.isdigit() else -1,
                reason=form.reason.data or None, by=person().id, at=clock.now(), reach=person().reach(May.CERTIFICATE_DECIDE),
            )  # fmt: skip
        except (Invalid, Conflict) as exc:
            session().rollback()
            return _page(season_id, {holder_id: form}, at_fields(form, exc, FIELDS)), exc.status
        key.settle(url_for(".volumes_page", season_id=season_id, _anchor=f"h-{holder_id}"))
    session().commit()
    flash(_("The volume is confirmed. Labels can be ordered up to it."), "success")
    return redirect(key.location, 303)


@bp.post("/mua-vu/<uuid:season_id>/khoi-luong")
@needs(May.CERTIFICATE_DECIDE)
def confirm_volumes(season_id: UUID) -> ResponseReturnValue:
    """Confirm as reckoned all that waits."""
    seen = request.form.get("seen_g", "")
    with once("titles.confirm_volumes") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            done = volumes.confirm_all(
                session(), season_id, seen_g=int(seen) if seen.isdigit() else -1, by=person().id, at=clock.now(),
                reach=person().reach(May.CERTIFICATE_DECIDE),
            )  # fmt: skip
        except (Invalid, Conflict, volumes.OwnVolume) as exc:
            session().rollback()
            return _page(season_id, reasons=at_fields((), exc, {})), exc.status
        key.settle(url_for(".volumes_page", season_id=season_id))
    session().commit()
    flash(_("%(n)s volumes are confirmed as reckoned.", n=number(done)), "success")
    return redirect(key.location, 303)


def _page(
    season_id: UUID,
    forms: Mapping[UUID, VolumeForm] | None = None,
    reasons: Sequence[dict[str, str | None]] = (),
) -> str:
    reach = person().reach(May.CERTIFICATE_READ)
    season = products.season(session(), season_id, reach=Reach(everything=True))
    title_id = season.product.title_id
    sees_all = reach.includes(title_id=title_id)
    found = [line for line in volumes.lines(session(), season) if sees_all or line.holder.id in reach.holders]
    may = confirms(title_id) and season.closed_at is None
    plain = volumes.plain_ones(found) if may else []
    shown: list[tuple[volumes.Line, Any]] = [
        (line, (forms or {}).get(line.holder.id) or _offered(line)) for line in found
    ]
    return render_template(
        "titles/volumes.html",
        season=season,
        product=season.product,
        lines=shown,
        beside=harvests.beside(session(), season) if season.closed_at is None else (),
        confirms=may,
        edits=edits(title_id),
        plain=plain,
        plain_g=sum(line.computed_g for line in plain),
        confirmations=[
            row
            for row in volumes.confirmations(session(), season_id)
            if sees_all or row.balance.holder_id in reach.holders
        ],
        reasons=reasons,
        bad=forms or {},
        sees_all=sees_all,
        events=past.of(season_id) if sees_all else [],
    )


def _offered(line: volumes.Line) -> VolumeForm:
    exact = gate.kg(line.proposed_g)
    return VolumeForm(formdata=None, prefix=str(line.holder.id), data={"kg": exact})
