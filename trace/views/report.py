"""Reporting a suspicion: one question a page, no account, no cookie, no script. Photos follow once the text is safe.

The answers travel in hidden fields and are all judged again at the end. What must not live here: where a report goes (`tips`,
`enforcement.intake`) and how a contact is sealed (`enforcement.informants`).
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Form, RadioField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from enforcement import informants, intake
from labels import code as label_code
from labels.code import Parsed
from labels.errors import Malformed
from trace import clock
from trace.access import needs, network_hash
from trace.db import scan_connection, session
from trace.errors import TemThatError
from trace.forms import WardField, clean
from trace.models.tips import TipReason
from trace.services import files, scanning, tips
from trace.views import lists
from trace.views.once import once
from trace.views.verify import keep_language
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import FileStorage
    from wtforms import Field

    from trace.models.tips import Tip
    from trace.services.tips import Throttle

bp = Blueprint("report", __name__)
bp.url_defaults(keep_language)
throttle: Throttle = tips.Throttle()
# Reading a picture is the dearest thing that anybody may ask of us without a sign-in.
photo_throttle: Throttle = tips.Throttle(most=tips.REPORTS_PER_HOUR * tips.MOST_PHOTOS, refusal=tips.TooManyPictures)

LONGEST_PLACE = 200
LONGEST_URL = 2000
LONGEST_CODE = 80
WEB = ("http", "https")


def no_nul(_form: Form, field: Field) -> None:
    """Refuse text that no keyboard makes."""
    if any("\x00" in str(value) for value in field.raw_data or ()):
        raise ValidationError(_("This text holds a character that cannot be kept. Type it anew."))


def web_address(_form: Form, field: Field) -> None:
    """Refuse what is no address of a page on the web."""
    if not field.data:
        return
    try:
        parts = urlsplit(field.data)
        good = parts.scheme in WEB and "." in (parts.hostname or "") and not any(sign.isspace() for sign in field.data)
    except ValueError:
        good = False
    if not good:
        raise ValidationError(_("Write the address of the page, for example https://example.com/goods."))


def with_scheme(text: str | None) -> str | None:
    """An address as people write it, without https:// in front, is completed."""
    return f"https://{text}" if text and "://" not in text and "." in text.split("/")[0] and ":" not in text else text


class ReportForm(Form):
    """All questions. Each page shows some; the rest are carried along hidden."""

    reason = RadioField(_l("Why do you suspect it?"), choices=[], validate_choice=False)
    description = TextAreaField(
        _l("What did you see?"),
        [no_nul, Length(max=tips.LONGEST_TEXT, message=_l("Write at most 4,000 characters."))],
        filters=[clean],
    )
    code = StringField(
        _l("Code on the label"), [no_nul, Length(max=LONGEST_CODE, message=_l("A code is shorter."))], filters=[clean]
    )
    commune = WardField(_l("Ward or commune"), [Optional()])
    place = StringField(
        _l("Shop, market or stall"),
        [no_nul, Length(max=LONGEST_PLACE, message=_l("Write at most 200 characters."))],
        filters=[clean],
    )
    listing_url = StringField(
        _l("Address of the page, if bought online"),
        [no_nul, Length(max=LONGEST_URL, message=_l("The address is too long.")), web_address],
        filters=[clean, with_scheme],
    )
    contact = StringField(
        _l("Telephone or e-mail"),
        [no_nul, Length(max=informants.CONTACT_MOST, message=_l("Write at most 200 characters."))],
        filters=[clean],
    )
    consent = BooleanField(_l("I agree that the officer who handles this report may contact me"))

    def validate_reason(self, field: Field) -> None:
        """One of the five reasons."""
        if field.data not in set(TipReason):
            raise ValidationError(_("Choose the reason that fits best."))

    def validate_description(self, field: Field) -> None:
        """Somebody who chooses "other" says what."""
        if self.reason.data == TipReason.OTHER and not field.data:
            raise ValidationError(_("Say in a few words what you saw."))

    def validate_place(self, field: Field) -> None:
        """Somewhere, in the world or on the web."""
        if not (field.data or self.commune.data or self.listing_url.data):
            raise ValidationError(_("Say where: a ward or commune, a shop, or the address of a page."))

    def validate_consent(self, field: Field) -> None:
        """No contact is kept without consent."""
        if self.contact.data and not field.data:
            raise ValidationError(_("Tick the box, or leave the contact empty."))

    def offer(self) -> None:
        """Reasons and communes in the reader's language."""
        self.reason.choices = [(reason.value, say(reason)) for reason in TipReason]
        self.commune.offer(lists.wards())

    def judge(self, names: tuple[str, ...]) -> bool:
        """Check some of the questions; every fault is found at once."""
        good = True
        for name in names:
            own = getattr(type(self), f"validate_{name}", None)
            good &= self[name].validate(self, [own] if own else [])
        return good


STEPS: dict[str, tuple[str, ...]] = {
    "why": ("reason", "description", "code"),
    "where": ("commune", "place", "listing_url"),
    "contact": ("contact", "consent"),
}
CHECK = "check"
ORDER = (*STEPS, CHECK)
EVERYTHING = tuple(name for names in STEPS.values() for name in names)


@bp.route("/t/<path:code>/report", methods=["GET", "POST"])
@bp.route("/T/<path:code>/report", methods=["GET", "POST"])
@bp.route("/report", methods=["GET", "POST"])
@needs(None)
def start(code: str | None = None) -> ResponseReturnValue:
    """The questions. `step` is the page that was filled in, `go` the button that was pressed."""
    known = (clean(code) or "")[:LONGEST_CODE] or None
    form = ReportForm(request.form if request.method == "POST" else None, code=known)
    form.offer()
    if request.method != "POST":
        return _ask(form, "why", known)
    step, go = request.form.get("step", ""), request.form.get("go", "next")
    if step not in ORDER:
        step = "why"
    if go in STEPS:  # back, or a change from the last page: nothing is judged on the way
        return _ask(form, go, known)
    if step == CHECK:
        return _send(form, known)
    if not form.judge(STEPS[step]):
        return _ask(form, step, known), 422
    later = ORDER[ORDER.index(step) + 1]
    return _ask(form, CHECK if request.form.get("changing") else later, known)


@bp.get("/phan-anh/<secret>")
@needs(None)
def follow(secret: str) -> ResponseReturnValue:
    """What became of a report, for whoever has its address."""
    return _receipt(tips.find_by_secret(session(), secret), secret)


@bp.post("/phan-anh/<secret>")
@needs(None)
def photos(secret: str) -> ResponseReturnValue:
    """Photos for a report. Good ones are kept even if others are refused; each refusal is said by file."""
    at = clock.now()
    tip = tips.find_by_secret(session(), secret)
    sent = [upload for upload in request.files.getlist("photo") if upload.filename]
    refused = [] if sent else [{"message": _("Choose a photo first."), "way_out": None, "url": "#photo"}]
    for upload in sent:
        try:
            _take(tip, upload, at)
        except TemThatError as error:
            name = files.clean_name(upload.filename or "")
            refused.append({"message": f"{name}: {explain(error)}", "way_out": way_out(error), "url": "#photo"})
        finally:
            upload.close()  # a large one lies in a temporary file
    session().commit()
    if refused:
        return _receipt(tip, secret, refused=refused), 422
    return redirect(url_for(".follow", secret=secret), 303)


def _ask(form: ReportForm, step: str, known: str | None) -> str:
    asked = STEPS.get(step, ())
    return render_template(
        f"report/{step}.html",
        form=form,
        step=step,
        known_code=known,
        carried=[(name, value) for name in EVERYTHING if name not in asked for value in _typed(form, name)],
        position=ORDER.index(step) + 1,
        grouped=grouped,
        changing=bool(request.form.get("changing")) or request.form.get("step") == CHECK,
    )


def _typed(form: ReportForm, name: str) -> list[str]:
    """What was typed into a field, as it goes into the next page."""
    if name == "consent":
        return ["y"] if form.consent.data else []
    return [form[name].data] if form[name].data else []


def _send(form: ReportForm, known: str | None) -> ResponseReturnValue:
    if not form.judge(EVERYTHING):
        return _ask(form, CHECK, known), 422
    at = clock.now()
    with once("report.start", anonymous=True) as key:
        # The secret of the follow-up page is made from the form's key, so that a form sent twice leads to the same page although
        # the secret itself is stored nowhere.
        secret = _secret_for(key.key)
        if key.done:
            return redirect(url_for(".follow", secret=secret), 303)
        try:
            throttle.take(network_hash(), at=at)
        except tips.TooManyReports as error:
            session().rollback()
            form.form_errors.append(f"{explain(error)} {way_out(error)}")
            return _ask(form, CHECK, known), error.status
        tip, secret = tips.submit(
            session(),
            reason=TipReason(form.reason.data),
            description=form.description.data or "",
            code_text=form.code.data or None,
            serial=_serial(form.code.data or "", at),
            commune_code=form.commune.data,
            place=form.place.data or None,
            listing_url=form.listing_url.data or None,
            at=at,
            secret=secret,
        )
        if form.contact.data and form.consent.data:
            informants.keep(
                session(), tip.id, form.contact.data, key=current_app.config["TEMTHAT"].derived("informant"), at=at
            )
        intake.from_tip(session(), tip, at=at)
        key.settle(url_for(".start"))
    session().commit()
    return redirect(url_for(".follow", secret=secret), 303)


def _serial(code_text: str, at: Any) -> int | None:
    """The serial behind a code with a right tag."""
    try:
        keyring = current_app.extensions["keyring"].judge(code_text, scan_connection, at=at)
    except Malformed:
        return None
    found = scanning.read(code_text, keyring=keyring, at=at)
    return found.serial if isinstance(found, Parsed) else None


def grouped(code_text: str) -> str:
    """A code in groups of four, as on the label; what is no code stays as it was written."""
    try:
        return label_code.show(label_code.parse(code_text).text)
    except Malformed:
        return code_text


def _secret_for(key: str) -> str:
    made = hmac.digest(current_app.config["TEMTHAT"].derived("tip-follow"), key.encode(), "sha256")
    return base64.urlsafe_b64encode(made[:24]).decode()


def _take(tip: Tip, upload: FileStorage, at: Any) -> None:
    if tips.room_for_photos(session(), tip) <= 0:
        raise tips.TooManyPhotos(most=tips.MOST_PHOTOS)
    photo_throttle.take(network_hash(), at=at)
    store = current_app.config["TEMTHAT"].files_dir
    stored = files.receive(
        session(),
        store,
        cast("BinaryIO", upload.stream),
        name=tip.number,  # the file's own name may say who sent it
        at=at,
        by=None,
        kinds=files.IMAGES,
    )
    tips.add_photo(session(), tip, stored, at=at)


def _receipt(tip: Tip, secret: str, refused: list[dict[str, str | None]] | None = None) -> str:
    return render_template(
        "report/receipt.html",
        tip=tip,
        secret=secret,
        refused=refused or [],
        room=tips.MOST_PHOTOS - len(tip.photos),
        similar=tips.similar(session(), tip),
        grouped=grouped,
    )
