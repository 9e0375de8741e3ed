"""Telling where one is when looking at a label, seeing what was kept, and taking it back. Nobody has to.

The phone rounds its position to a cell before it sends; without a script a place is chosen from lists.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Form, HiddenField, SelectField

from labels.errors import Malformed
from trace import clock
from trace.access import needs, network_hash
from trace.db import session
from trace.errors import Refused, TemThatError, TooMany
from trace.forms import WardField
from trace.models.scans import VerdictKind
from trace.services import provinces, scan_places, scanning
from trace.services.limits import Limited
from trace.services.scan_places import Cell, ConsentMissing, NoPlace, OutsideTheCity
from trace.services.scanning import Verdict
from trace.views import lists
from trace.views.verify import answer_page, caller, desk, keep_language
from trace.words import explain, way_out

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from labels.code import Parsed

bp = Blueprint("scan_places", __name__)
bp.url_defaults(keep_language)

_CELL = re.compile(r"(-?\d{1,4}),(-?\d{1,4})")


class TooManyPlaces(TooMany):
    """Many people of your network have told where they are in a short time.

    Nothing was kept. You need not tell; or try again later.
    """


class PlaceForm(Form):
    """Where somebody is. Nothing is ticked or chosen beforehand."""

    consent = BooleanField(_l("I agree that this area is kept together with my check of this label"))
    cell = HiddenField()
    commune = WardField(_l("Ward or commune of Hải Phòng"))
    province = SelectField(
        _l("Another province"), coerce=lambda value: int(value) if value else None, validate_choice=False
    )

    def offer(self) -> None:
        """Communes and the other provinces."""
        self.commune.offer(lists.wards())
        others = [(str(code), name) for code, name in provinces.NAMES.items() if code != provinces.HOME]
        self.province.choices = [("", "–"), *others]

    @property
    def chosen_cell(self) -> Cell | None:
        """The cell that the phone sent; nothing if it is none."""
        found = _CELL.fullmatch(self.cell.data or "")
        if found is None:
            return None
        cell = Cell(int(found[1]), int(found[2]))
        latitude, longitude = cell.centre
        return cell if -90 < latitude < 90 and -180 < longitude < 180 else None


@bp.route("/t/<path:code>/vi-tri", methods=["GET", "POST"])
@bp.route("/T/<path:code>/vi-tri", methods=["GET", "POST"])
@needs(None)
def ask(code: str) -> ResponseReturnValue:
    """The question, and its answer."""
    at = clock.now()
    parsed = _parsed(code, at)
    if isinstance(parsed, Verdict):
        return answer_page(parsed)
    form = PlaceForm(request.form)
    form.offer()
    if request.method == "POST":
        try:
            secret = _tell(form, parsed.serial, at)
        except TemThatError as exc:
            return _page(form, parsed, exc), exc.status
        session().commit()
        return redirect(url_for(".told", secret=secret, code=parsed.text), 303)
    return _page(form, parsed)


@bp.get("/vi-tri/<secret>")
@needs(None)
def told(secret: str) -> ResponseReturnValue:
    """What is kept under a secret, with the button that takes it back."""
    found = scan_places.find(session(), secret)
    return render_template(
        "public/place_told.html", position=found, secret=secret, province=provinces.NAMES.get(found.province or 0),
        centre=Cell(found.cell_row, found.cell_column).centre if found.cell_row is not None and found.cell_column is not None else None,
        code=request.args.get("code", "")[:20],
    )  # fmt: skip


@bp.post("/vi-tri/<secret>/rut-lai")
@needs(None)
def withdraw(secret: str) -> ResponseReturnValue:
    """Take it back."""
    scan_places.withdraw(session(), secret, at=clock.now())
    session().commit()
    return redirect(url_for(".told", secret=secret), 303)


def _parsed(code: str, at: datetime) -> Parsed | Verdict:
    try:
        keyring = desk().keyring.judge(code, desk().connect, at=at)
    except Malformed:
        return Verdict(kind=VerdictKind.MALFORMED, checked_at=at)
    return scanning.read(code, keyring=keyring, at=at)


def _tell(form: PlaceForm, serial: int, at: datetime) -> str:
    wait = current_app.extensions["limits"].take(Limited.PLACE, network_hash(), at=at)
    if wait:
        raise TooManyPlaces(seconds=wait)
    device = desk().device(caller(), at=at)
    return scan_places.tell(
        session(), serial, device=device, agreed=form.consent.data, at=at, cell=form.chosen_cell, commune_code=form.commune.data,
        province=None if form.commune.data else form.province.data,
    )  # fmt: skip


def _page(form: PlaceForm, parsed: Parsed, refused: TemThatError | None = None) -> str:
    """The question, with each fault at its field and what belongs to none above."""
    beside = []
    for each in refused.reasons if isinstance(refused, Refused) else [refused] if refused else []:
        words = " ".join(part for part in (explain(each), way_out(each)) if part)
        if isinstance(each, ConsentMissing):
            form.consent.errors = (words,)
        elif isinstance(each, (NoPlace, OutsideTheCity)):
            form.commune.errors = (words,)
        else:
            beside.append({"message": explain(each), "way_out": way_out(each)})
    return render_template("public/place.html", form=form, code=parsed.text, beside=beside)
