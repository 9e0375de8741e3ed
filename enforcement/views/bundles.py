"""The bundle of a case: asked for, waited for, fetched; and the receipt with the one number that a stranger compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, send_file, url_for
from flask_babel import gettext as _

from enforcement import bundles, cases, evidence
from enforcement.bundle_check import SUMS
from enforcement.models import BundleState
from enforcement.views import readings
from enforcement.views.evidence_forms import BundleForm
from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import NotFound, TemThatError
from trace.views.once import once
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from enforcement.models import CaseBundle

bp = Blueprint("case_bundles", __name__, url_prefix="/vu-viec")


@bp.get("/<uuid:case_id>/goi-ho-so")
@needs(May.CASE_READ)
def show(case_id: UUID) -> ResponseReturnValue:
    """All bundles of a case, and the form for another."""
    return _page(case_id, BundleForm(formdata=None))


@bp.post("/<uuid:case_id>/goi-ho-so")
@needs(May.CASE_MOVE)
def ask(case_id: UUID) -> ResponseReturnValue:
    """Ask for a bundle."""
    form = BundleForm()
    if not form.validate():
        return _page(case_id, form), 422
    with once("cases.bundle") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = bundles.ask(
                session(), case_id, reason=form.reason.data, shared=form.shared.data, by=person().id, at=clock.now()
            )
        except TemThatError as exc:
            session().rollback()
            return _page(case_id, form, [exc]), exc.status
        key.settle(url_for(".receipt", case_id=case_id, number=made.number))
    session().commit()
    flash(_("The bundle is being made. You may close this page."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:case_id>/goi-ho-so/<int:number>")
@needs(May.CASE_READ)
def receipt(case_id: UUID, number: int) -> ResponseReturnValue:
    """One bundle: how far it is, then its receipt, to print and to hand over apart from the file."""
    found = bundles.get(session(), case_id, number)
    return render_template(
        "desk/evidence_bundle.html", case=cases.get(session(), case_id), bundle=found, name=_name(case_id, found), sums=SUMS,
        fault=fault_words(found.fault), waiting=found.state is BundleState.WAITING,
    )  # fmt: skip


@bp.get("/<uuid:case_id>/goi-ho-so/<int:number>/tai")
@needs(May.CASE_MOVE)
def fetch(case_id: UUID, number: int) -> ResponseReturnValue:
    """The ZIP, hashed just now. That it was taken out is written into the case, once for all parts in which a tool asks for it."""
    found = bundles.get(session(), case_id, number)
    if found.state is not BundleState.MADE:
        raise NotFound
    path, due = bundles.path_of(current_app.config["TEMTHAT"].bundles_dir, found), found.sha256
    name, marked = _name(case_id, found), readings.mark(path, found.id)
    session().commit()  # gigabytes take longer to hash than a transaction may pause
    if readings.only_head() or readings.goes_on(marked):
        if not path.is_file():
            raise bundles.BundleGone
    elif evidence.hash_of(path) != due:
        raise bundles.BundleGone
    else:
        readings.begun(marked)
    if not readings.only_head():
        bundles.taken_out(session(), found, by=person().id, at=clock.now())
        session().commit()
    answer = send_file(path, mimetype="application/zip", as_attachment=True, download_name=name, etag=False, max_age=0)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def fault_words(fault: str | None) -> str:
    """Why a bundle could not be made."""
    kind, _space, which = (fault or "").partition(" ")
    words = {
        "changed": _("The originals of these folios are not what was taken in: %(folios)s. The administrator has been told.", folios=which),
        "documents": _("The files of these issued documents are not what was put away: %(names)s. The administrator has been told.", names=which),
        "unscanned": _("No virus scanner has looked at these folios yet: %(folios)s. Ask again in some minutes.", folios=which),
        "disk": _("There was no room or no access on the disk. Tell the administrator, then ask again."),
        "crashed": _("It could not be made. Tell the administrator, then ask again."),
    }  # fmt: skip
    return str(words.get(kind, ""))


def _name(case_id: UUID, found: CaseBundle) -> str:
    return f"{cases.get(session(), case_id).number}-goi-{found.number}.zip"


def _page(case_id: UUID, form: BundleForm, reasons: Sequence[TemThatError] = ()) -> str:
    session().expire_all()
    case = cases.get(session(), case_id)
    return render_template(
        "desk/evidence_bundles.html", case=case, bundles=bundles.of_case(session(), case_id), form=form,
        failed=form if form.errors else None, may_ask=person().may(May.CASE_MOVE) and case.merged_into_id is None,
        reasons=[{"message": explain(exc), "way_out": way_out(exc)} for exc in reasons],
    )  # fmt: skip
