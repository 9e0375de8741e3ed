"""The forms of what comes in at the desk, one for each kind of message. What must not live here: what is done with what they hold."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, MultipleFileField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from enforcement import complaints, handoffs, informants, observations, records, requests
from enforcement.models import ComplaintAgainst, ComplaintResult, IntakeChannel, IntakeKind, RequestMeasure
from enforcement.views.observations import CLOCK
from trace import clock
from trace.forms import EnumField, VietnameseDate, VietnameseInteger, WardField, clean, enum_choices
from trace.models.tips import TipReason
from trace.services import tips
from trace.views.lists import Choice, at_most
from trace.views.report_form import web_address, with_scheme

if TYPE_CHECKING:
    from wtforms import Field

PICTURES = "image/jpeg,image/png,image/webp,image/heic"
FILES = f"{PICTURES},application/pdf"
URL_MOST = 2000


def needed(message: Any) -> list[Any]:
    """A line that has to be filled in."""
    return [DataRequired(message), at_most(records.LINE_MOST)]


class HeardForm(FlaskForm):
    """How and when something reached the desk."""

    COMES_BY = IntakeChannel.PHONE
    """How most of its kind come: what is offered first."""
    MOST_FILES = records.FILES_MOST
    ACCEPTED = FILES

    channel = EnumField(
        _l("How it came"), [InputRequired(_l("Choose how it came."))], kind=IntakeChannel, default=IntakeChannel.PHONE
    )
    received_on = VietnameseDate(_l("Day on which it came"), [InputRequired(_l("Write the day."))])
    received_time = StringField(_l("Hour at which it came"), [DataRequired(_l("Write the time."))], filters=[clean])
    files = MultipleFileField(_l("Photos, scans"))

    def validate_received_time(self, field: Field) -> None:
        """14:05, 14h05 or 14.05."""
        if not CLOCK.fullmatch(field.data or ""):
            raise ValidationError(_("Write the time as hours and minutes, for example 14:05."))

    def validate_received_on(self, field: Field) -> None:
        """Nothing has come tomorrow."""
        if field.data is not None and field.data > clock.now().astimezone(clock.CITY).date():
            raise ValidationError(_("This day has not come yet. Check the date."))

    def validate_files(self, field: Field) -> None:
        """Not too many of them."""
        if len(chosen(field)) > self.MOST_FILES:
            raise ValidationError(_("Choose at most %(most)s files.", most=self.MOST_FILES))

    @property
    def received_at(self) -> datetime:
        """Day and time together, in the city."""
        return moment_of(self.received_on, self.received_time)

    def begin(self) -> None:
        """Offer the present moment."""
        here = clock.now().astimezone(clock.CITY)
        self.received_on.data, self.received_time.data = here.date(), f"{here:%H:%M}"
        self.channel.data = self.COMES_BY


def chosen(field: Field) -> list[Any]:
    """The files that were chosen; a browser sends an empty one for none."""
    return [upload for upload in field.data or [] if upload and upload.filename]


def moment_of(day: Field, clock_time: Field) -> datetime:
    """A day and a time of two fields that were found good."""
    found = CLOCK.fullmatch(clock_time.data)
    hour, minute = (int(part) for part in found.groups()) if found else (0, 0)
    return datetime.combine(day.data, time(hour, minute), clock.CITY)


class PlaceForm(HeardForm):
    """Something that was seen somewhere."""

    commune = WardField(_l("Ward or commune"), [Optional()])
    place = StringField(_l("Shop, stall or address"), [at_most(records.LINE_MOST)], filters=[clean])
    shop_phone = StringField(_l("Telephone of the shop"), [at_most(20)], filters=[clean])
    code = StringField(_l("Label code"), [at_most(observations.CODE_MOST)], filters=[clean])
    listing_url = StringField(
        _l("Address of the page on the web"), [at_most(URL_MOST), web_address], filters=[clean, with_scheme]
    )
    seen_on = VietnameseDate(_l("Day on which it was seen"), [Optional()])

    def validate_shop_phone(self, field: Field) -> None:
        """A number as shops show them."""
        if field.data and records.phone(field.data) is None:
            raise ValidationError(_("Write a telephone number with 9 to 11 digits, for example 0225 3123456."))

    def validate_seen_on(self, field: Field) -> None:
        """Nobody saw it after telling of it."""
        if field.data is not None and self.received_on.data is not None and field.data > self.received_on.data:
            raise ValidationError(_("This day lies after the day on which the message came."))


class TipForm(PlaceForm):
    """A call or a letter of the public. No name is needed, but somebody must be able to go and look."""

    MOST_FILES = tips.MOST_PHOTOS
    ACCEPTED = PICTURES

    reason = EnumField(
        _l("What is suspected"), [InputRequired(_l("Choose what is suspected."))], kind=TipReason, blank="–"
    )
    body = TextAreaField(_l("What was seen"), [at_most(records.BODY_MOST)], filters=[clean])
    seller = StringField(_l("Name of the seller or the page"), [at_most(records.LINE_MOST)], filters=[clean])
    seen_on = VietnameseDate(_l("Day on which it was seen"), [InputRequired(_l("Say when it was seen."))])
    contact = StringField(_l("Telephone or e-mail of the caller"), [at_most(informants.CONTACT_MOST)], filters=[clean])
    consent = BooleanField(_l("The caller agrees to be contacted by the officer who handles the report"))

    def validate_body(self, field: Field) -> None:
        """Concrete: what."""
        if len(field.data or "") < records.SHORTEST_BODY:
            raise ValidationError(
                _("Say what was seen, in at least %(least)s characters.", least=records.SHORTEST_BODY)
            )

    def validate_place(self, field: Field) -> None:
        """Concrete: where."""
        if not (field.data or self.commune.data or self.listing_url.data or self.seller.data):
            raise ValidationError(_("Say where: a ward or commune, a shop, or the address of a page."))

    def validate_contact(self, field: Field) -> None:
        """Kept sealed, and only if the caller agrees."""
        if field.data and not self.consent.data:
            raise ValidationError(_("Ask the caller for consent and tick the box, or leave the contact out."))


class TransferForm(PlaceForm):
    """What another agency passes on."""

    COMES_BY = IntakeChannel.LETTER

    agency = StringField(_l("Agency"), needed(_l("Write which agency.")), filters=[clean])
    agency_number = StringField(_l("Number of its letter"), needed(_l("Write the number.")), filters=[clean])
    agency_dated = VietnameseDate(_l("Date of its letter"), [InputRequired(_l("Write the day."))])
    body = TextAreaField(
        _l("What it is about"),
        [DataRequired(_l("Write what it is about.")), Length(min=records.SHORTEST_BODY, message=_l("Write at least %(min)d characters.")), at_most(records.BODY_MOST)],
        filters=[clean],
    )  # fmt: skip

    def validate_agency_dated(self, field: Field) -> None:
        """A letter is written before it comes."""
        if field.data is not None and self.received_on.data is not None and field.data > self.received_on.data:
            raise ValidationError(_("This day lies after the day on which the message came."))


class ListingForm(PlaceForm):
    """An offer found on the web."""

    COMES_BY = IntakeChannel.ONLINE

    body = TextAreaField(
        _l("What is offered there"),
        [DataRequired(_l("Write what is offered.")), Length(min=records.SHORTEST_BODY, message=_l("Write at least %(min)d characters.")), at_most(records.BODY_MOST)],
        filters=[clean],
    )  # fmt: skip

    def validate_listing_url(self, field: Field) -> None:
        """It is all about this address."""
        if not field.data:
            raise ValidationError(_("Write the address of the page."))


class RequestForm(PlaceForm):
    """A right holder's request (Decree 65/2023 Articles 89–90)."""

    COMES_BY = IntakeChannel.LETTER

    dated = VietnameseDate(_l("Date of the request"), [InputRequired(_l("Write the day."))])
    authority = StringField(_l("Authority it is addressed to"), needed(_l("Write the authority.")), filters=[clean])
    requester = StringField(_l("Requester (right holder)"), needed(_l("Write the name.")), filters=[clean])
    requester_address = StringField(_l("Address of the requester"), needed(_l("Write the address.")), filters=[clean])
    agent = StringField(_l("Agent acting for the requester"), [at_most(records.LINE_MOST)], filters=[clean])
    poa_number = StringField(_l("Power of attorney, number"), [at_most(80)], filters=[clean])
    poa_dated = VietnameseDate(_l("Date of the power of attorney"), [Optional()])
    poa_certified = BooleanField(_l("The power of attorney is notarised or certified"))
    infringer = StringField(
        _l("Who is said to infringe"), needed(_l("Write the name, or “unknown” if it is not known.")), filters=[clean]
    )
    infringer_address = StringField(
        _l("Address of who is said to infringe"), [at_most(records.LINE_MOST)], filters=[clean]
    )
    title = Choice(_l("Title in the register"), choices=[], default="")
    right_in_words = StringField(
        _l("Right in words, if the title is not in the register"), [at_most(records.LINE_MOST)], filters=[clean]
    )
    acted_on = VietnameseDate(_l("Day of the act"), [InputRequired(_l("Write the day."))])
    body = TextAreaField(
        _l("Facts: what was done, where and when"),
        [DataRequired(_l("Write the facts.")), Length(min=records.SHORTEST_BODY, message=_l("Write at least %(min)d characters.")), at_most(records.BODY_MOST)],
        filters=[clean],
    )  # fmt: skip
    measures = SelectMultipleField(
        _l("Measures asked for"), choices=lambda: enum_choices(RequestMeasure), widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(), validate_choice=False,
    )  # fmt: skip
    evidence = TextAreaField(_l("List of evidence, one piece a line"), [at_most(records.BODY_MOST)], filters=[clean])
    signed_by = StringField(_l("Signed by"), needed(_l("Write who signed.")), filters=[clean])

    def validate_poa_number(self, field: Field) -> None:
        """An agent shows a power of attorney."""
        if self.agent.data and not (field.data and self.poa_dated.data):
            raise ValidationError(_("An agent needs a power of attorney: write its number and its date."))

    def validate_poa_dated(self, field: Field) -> None:
        """Given before it was used."""
        if field.data is not None and self.dated.data is not None and field.data > self.dated.data:
            raise ValidationError(_("The power of attorney is younger than the request."))

    def validate_title(self, field: Field) -> None:
        """Some right, in the register or in words."""
        if not field.data and not self.right_in_words.data:
            raise ValidationError(_("Choose the title, or write the right in words."))

    def validate_acted_on(self, field: Field) -> None:
        """The act, then the request."""
        if field.data is not None and self.dated.data is not None and field.data > self.dated.data:
            raise ValidationError(_("The act lies after the date of the request. Check both days."))

    def validate_dated(self, field: Field) -> None:
        """A paper is written before it comes."""
        if field.data is not None and self.received_on.data is not None and field.data > self.received_on.data:
            raise ValidationError(_("This day lies after the day on which the message came."))

    def validate_measures(self, field: Field) -> None:
        """At least one, and of those there are."""
        if not field.data or not set(field.data) <= {measure.value for measure in RequestMeasure}:
            raise ValidationError(_("Choose at least one measure."))

    def validate_evidence(self, field: Field) -> None:
        """At least one piece."""
        lines = [line for line in (field.data or "").splitlines() if line.strip()]
        if not 1 <= len(lines) <= requests.EVIDENCE_MOST:
            raise ValidationError(_("Write between 1 and %(most)s pieces of evidence.", most=requests.EVIDENCE_MOST))


class ComplaintForm(HeardForm):
    """A complaint against a decision or an act."""

    COMES_BY = IntakeChannel.LETTER

    complainant = StringField(_l("Complainant"), needed(_l("Write the name.")), filters=[clean])
    complainant_address = StringField(
        _l("Address of the complainant"), needed(_l("Write the address.")), filters=[clean]
    )
    agent = StringField(_l("Acting for the complainant"), [at_most(records.LINE_MOST)], filters=[clean])
    against = EnumField(
        _l("Against"), [InputRequired(_l("Choose what it is against."))], kind=ComplaintAgainst, blank="–"
    )
    body_complained_of = StringField(
        _l("Authority or officer complained of"), needed(_l("Write which authority or officer.")), filters=[clean]
    )
    decision_number = StringField(_l("Number of the decision"), [at_most(complaints.NUMBER_MOST)], filters=[clean])
    decision_dated = VietnameseDate(_l("Date of the decision"), [Optional()])
    learned_on = VietnameseDate(_l("Day on which the complainant learned of it"), [InputRequired(_l("Write the day."))])
    body = TextAreaField(
        _l("What the complaint says"),
        [DataRequired(_l("Write what it says.")), Length(min=records.SHORTEST_BODY, message=_l("Write at least %(min)d characters.")), at_most(records.BODY_MOST)],
        filters=[clean],
    )  # fmt: skip
    demand = StringField(_l("What the complainant asks for"), needed(_l("Write what is asked for.")), filters=[clean])
    case_number = StringField(_l("Number of our case, if there is one"), [at_most(40)], filters=[clean])

    def validate_decision_number(self, field: Field) -> None:
        """A decision has a number and a date."""
        if self.against.data is ComplaintAgainst.DECISION and not (field.data and self.decision_dated.data):
            raise ValidationError(_("Write the number and the date of the decision."))

    def validate_learned_on(self, field: Field) -> None:
        """Learned of before complained of, and after it was decided."""
        if field.data is None:
            return
        if self.received_on.data is not None and field.data > self.received_on.data:
            raise ValidationError(_("This day lies after the day on which the message came."))

    def validate_decision_dated(self, field: Field) -> None:
        """Decided before anybody learned of it."""
        if field.data is not None and self.learned_on.data is not None and field.data > self.learned_on.data:
            raise ValidationError(_("The decision is younger than the day on which the complainant learned of it."))


class DenunciationForm(FlaskForm):
    """The receipt of a denunciation that goes on unread: there is no field for what it says or who says it."""

    receiving_body = StringField(_l("Body that receives it"), needed(_l("Write which body.")), filters=[clean])
    sheets = VietnameseInteger(_l("Envelopes or sheets handed on"), [InputRequired(_l("Write how many."))])
    received_on = VietnameseDate(_l("Day on which it came"), [InputRequired(_l("Write the day."))])
    received_time = StringField(
        _l("Hour at which it came"), [DataRequired(_l("Write the time."))], filters=[clean], id="received-time"
    )
    handed_on = VietnameseDate(_l("Day on which it was handed on"), [InputRequired(_l("Write the day."))])
    handed_time = StringField(
        _l("Hour at which it was handed on"), [DataRequired(_l("Write the time."))], filters=[clean], id="handed-time"
    )

    def validate_sheets(self, field: Field) -> None:
        """A number that can be counted."""
        if field.data is not None and not 1 <= field.data <= handoffs.SHEETS_MOST:
            raise ValidationError(_("Write a number from 1 to %(most)s.", most=handoffs.SHEETS_MOST))

    def validate_received_time(self, field: Field) -> None:
        """14:05, 14h05 or 14.05."""
        if not CLOCK.fullmatch(field.data or ""):
            raise ValidationError(_("Write the time as hours and minutes, for example 14:05."))

    def validate_handed_time(self, field: Field) -> None:
        """The same, after it came and not in the future."""
        self.validate_received_time(field)
        if (
            self.received_on.data is None
            or self.handed_on.data is None
            or not CLOCK.fullmatch(self.received_time.data or "")
        ):
            return
        if not self.received_at <= self.handed_at <= clock.now():
            raise ValidationError(_("It is handed on after it came, and not in the future."))

    @property
    def received_at(self) -> datetime:
        """When it came."""
        return moment_of(self.received_on, self.received_time)

    @property
    def handed_at(self) -> datetime:
        """When it went on."""
        return moment_of(self.handed_on, self.handed_time)

    def begin(self) -> None:
        """Offer the present moment."""
        here = clock.now().astimezone(clock.CITY)
        self.received_on.data = self.handed_on.data = here.date()
        self.received_time.data = self.handed_time.data = f"{here:%H:%M}"
        self.sheets.data = 1


class AnswerForm(FlaskForm):
    """A step with a reason."""

    reason = TextAreaField(
        _l("Reason"),
        [DataRequired(_l("Write the reason.")), at_most(requests.REASON_MOST)],
        filters=[clean],
    )


class AcceptForm(FlaskForm):
    """A step that may have a note."""

    reason = TextAreaField(_l("Note"), [at_most(requests.REASON_MOST)], filters=[clean], id="accept-note")


class PapersForm(HeardForm):
    """What a right holder brings after the request."""

    channel = None  # type: ignore[assignment]  # WTForms: this form asks for no channel
    files = MultipleFileField(_l("Papers that came"))
    poa_certified = BooleanField(_l("The power of attorney is notarised or certified"))
    title = Choice(_l("Title in the register that the papers name"), choices=[], default="")
    reason = TextAreaField(_l("Note"), [at_most(requests.REASON_MOST)], filters=[clean], id="papers-note")
    not_before: date | None = None
    """The day on which the request itself came."""

    def validate_received_on(self, field: Field) -> None:
        """After the request, and not tomorrow."""
        super().validate_received_on(field)
        if field.data is not None and self.not_before is not None and field.data < self.not_before:
            raise ValidationError(_("This day lies before the day on which the request came."))

    def validate_reason(self, field: Field) -> None:
        """Something has to have come."""
        if not (field.data or self.title.data or self.poa_certified.data or chosen(self.files)):
            raise ValidationError(_("Add what came: a file, the title, the certified power of attorney, or a note."))

    def begin(self) -> None:
        """Offer the present moment."""
        here = clock.now().astimezone(clock.CITY)
        self.received_on.data, self.received_time.data = here.date(), f"{here:%H:%M}"


class ResolveForm(AnswerForm):
    """The decision that resolves a complaint."""

    result = EnumField(_l("Result"), [InputRequired(_l("Choose the result."))], kind=ComplaintResult, blank="–")
    number = StringField(
        _l("Number of the decision"),
        [DataRequired(_l("Write the number.")), at_most(complaints.NUMBER_MOST)],
        filters=[clean],
    )


HEADINGS = {
    IntakeKind.TIP: (_l("Write down a call or letter"), _l("No name is needed. Somebody must be able to go and look: where, what, when.")),
    IntakeKind.TRANSFER: (_l("Take in a letter of another agency"), _l("The same letter is taken in once.")),
    IntakeKind.LISTING: (_l("Record an offer found on the web"), _l("The page itself is never fetched from here. Add a picture of it.")),
    IntakeKind.REQUEST: (_l("Take in a right holder's request"), _l("What the law asks of the paper. Everything missing is told at once.")),
    IntakeKind.COMPLAINT: (_l("Take in a complaint"), _l("Against a decision or an act of an authority. It opens no case.")),
}  # fmt: skip
FORMS: dict[IntakeKind, type[HeardForm]] = {
    IntakeKind.TIP: TipForm,
    IntakeKind.TRANSFER: TransferForm,
    IntakeKind.LISTING: ListingForm,
    IntakeKind.REQUEST: RequestForm,
    IntakeKind.COMPLAINT: ComplaintForm,
}
STEPS: dict[str, type[FlaskForm]] = {
    "accept": AcceptForm, "supplement": AnswerForm, "papers": PapersForm, "refuse": AnswerForm, "resolve": ResolveForm,
    "extend": AnswerForm, "recount": AnswerForm,
}  # fmt: skip
