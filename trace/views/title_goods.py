"""Products of a title and their seasons, entered and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, Refused, TemThatError
from trace.services import harvests, products, titles
from trace.services.gate import SeasonClosed
from trace.services.products import Point
from trace.views import lists, past
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_edits import carry_out
from trace.views.title_forms import ProductForm, SeasonForm
from trace.views.title_page import bp, edits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.services.reach import Reach

FIELDS: Mapping[type[TemThatError], str] = {
    products.ProductNameTaken: "name",
    products.PointsMissing: "points",
    products.NoHardPoint: "points",
    products.GtinFaulty: "gtin",
    products.GtinTaken: "gtin",
    products.GtinPrinted: "gtin",
    products.SourceKindKept: "source_kind",
    products.SeasonNameTaken: "name",
    products.SeasonEndsBeforeStart: "last_day",
    products.SeasonTooLong: "last_day",
    products.YieldCapNeeded: "yield_cap_kg_per_ha",
    products.YieldCapNotForSites: "yield_cap_kg_per_ha",
    products.LotsOutside: "last_day",
    harvests.HarvestsChangeSeason: "first_day",
}


@bp.route("/<uuid:title_id>/san-pham/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def new_product(title_id: UUID) -> ResponseReturnValue:
    """Enter a product."""
    titles.get(session(), title_id)
    if not edits(title_id):
        raise Forbidden
    form = ProductForm()

    def page(reasons: Sequence[Any] = ()) -> str:
        return render_template(
            "titles/product.html", form=form, title=titles.get(session(), title_id), product=None, meanwhile=None, reasons=reasons,
            events=[],
        )  # fmt: skip

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.new_product") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = products.record(session(), title_id, _facts(form), by=person().id, at=clock.now(), reach=_reach())
        except Refused as exc:
            session().rollback()
            return page(at_fields(form, exc, FIELDS)), exc.status
        key.settle(url_for(".show", title_id=title_id, _anchor=f"product-{made.id}"))
    session().commit()
    flash(_("The product has been entered. Next: its season."), "success")
    return redirect(key.location, 303)


@bp.route("/san-pham/<uuid:product_id>/sua", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def edit_product(product_id: UUID) -> ResponseReturnValue:
    """Change a product's catalogue facts."""
    found = products.get(session(), product_id, reach=_reach())
    title_id = found.title_id
    form = ProductForm(
        data={name: getattr(found, name) for name in ("name", "name_en", "description", "source_kind", "gtin")}
        | {"revision": str(found.revision)}
    )

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        present = products.get(session(), product_id, reach=_reach())
        return render_template(
            "titles/product.html", form=form, title=present.title, product=present, meanwhile=meanwhile, reasons=reasons,
            events=past.of(product_id),
        )  # fmt: skip

    def deed() -> None:
        products.edit(
            session(), product_id, _facts(form), revision=form.seen, by=person().id, at=clock.now(), reach=_reach()
        )

    location = url_for(".show", title_id=title_id, _anchor=f"product-{product_id}")
    return carry_out(form, deed, page, _("The product has been changed."), location, fields=FIELDS)


@bp.route("/san-pham/<uuid:product_id>/mua-vu/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def new_season(product_id: UUID) -> ResponseReturnValue:
    """Open a season of a product."""
    products.get(session(), product_id, reach=_reach())
    form = SeasonForm()

    def page(reasons: Sequence[Any] = ()) -> str:
        product = products.get(session(), product_id, reach=_reach())
        return render_template(
            "titles/season.html", form=form, product=product, season=None, meanwhile=None, reasons=reasons, events=[]
        )

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.new_season") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = products.record_season(
                session(), product_id, _season_facts(form), by=person().id, at=clock.now(), reach=_reach()
            )
        except Refused as exc:
            session().rollback()
            return page(at_fields(form, exc, FIELDS)), exc.status
        key.settle(url_for(".volumes_page", season_id=made.id))
    session().commit()
    flash(_("The season is open. Confirm the eligible volumes, so that labels can be ordered."), "success")
    return redirect(key.location, 303)


@bp.route("/mua-vu/<uuid:season_id>/sua", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def edit_season(season_id: UUID) -> ResponseReturnValue:
    """Change an open season."""
    found = products.season(session(), season_id, reach=_reach())
    upper = found.runs_during.upper
    form = SeasonForm(
        data={
            "revision": str(found.revision),
            "name": found.name,
            "first_day": found.runs_during.lower,
            "last_day": lists.day_before(upper) if upper else None,
            "yield_cap_kg_per_ha": found.yield_cap_kg_per_ha,
        }
    )

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        present = products.season(session(), season_id, reach=_reach())
        return render_template(
            "titles/season.html", form=form, product=present.product, season=present, meanwhile=meanwhile, reasons=reasons,
            events=past.of(season_id),
        )  # fmt: skip

    def deed() -> None:
        try:
            products.edit_season(
                session(),
                season_id,
                _season_facts(form),
                revision=form.seen,
                by=person().id,
                at=clock.now(),
                reach=_reach(),
            )
        except SeasonClosed as exc:
            raise Refused([exc]) from exc

    location = url_for(".volumes_page", season_id=season_id)
    return carry_out(form, deed, page, _("The season has been changed."), location, fields=FIELDS)


def _reach() -> Reach:
    return person().reach(May.TITLE_EDIT)


def _facts(form: ProductForm) -> products.Facts:
    return products.Facts(
        name=form.name.data,
        name_en=form.name_en.data,
        description=form.description.data,
        source_kind=form.source_kind.data,
        gtin="".join((form.gtin.data or "").split()) or None,
        points=[
            Point(entry.form.vi.data or "", entry.form.en.data or "", bool(entry.form.hard_to_copy.data))
            for entry in form.points
        ],
    )


def _season_facts(form: SeasonForm) -> products.SeasonFacts:
    return products.SeasonFacts(
        name=form.name.data,
        first_day=form.first_day.data,
        last_day=form.last_day.data,
        yield_cap_kg_per_ha=form.yield_cap_kg_per_ha.data,
    )
