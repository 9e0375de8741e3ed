"""The forms of a violation file, and what each of them says to the rules.

What must not live here: routes, and what happens to the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from enforcement import goods, measures, orders
from enforcement.acts import ActFacts, PartyFacts
from enforcement.casebook import TEXT_MOST
from enforcement.competence import LegalQualification
from enforcement.exhibits import BY_HAND, FOR_HEADS, DeedFacts, ExhibitFacts
from enforcement.goods import GoodsFacts
from enforcement.measures import MeasureFacts
from enforcement.models import (
    CasePartyRole,
    ExhibitDeed,
    ExhibitState,
    MeasureKind,
    MeasureResult,
    ObligationKind,
    ObligationState,
    ValuationMethod,
)
from enforcement.transitions import HEADS
from enforcement.views.case_deeds import moment_of
from enforcement.views.forms import EXPLAINED, LINE_MOST, may_be, needed
from enforcement.views.offers import OfferedField
from enforcement.views.words import duties
from trace.forms import EnumField, VietnameseDate, VietnameseDecimal, VietnameseInteger, WardField, clean
from trace.words import say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from enforcement.casework import CaseworkView
    from enforcement.models import Measure

_DAY = InputRequired(_l("Write the day."))
_CHOOSE = InputRequired(_l("Choose one."))
_AMOUNT = [
    InputRequired(_l("Write the amount.")),
    NumberRange(0, goods.VALUE_MOST, message=_l("Write an amount in đồng, from 1 up.")),
]


def _compact(text: str | None) -> str | None:
    """A number of a person or firm without the spaces and points people write between its digits."""
    return "".join((clean(text) or "").split()).replace(".", "").upper() or None


def _text(label: Any, *, most: int = LINE_MOST, required: bool = True, long: bool = False) -> Any:
    kind = TextAreaField if long else StringField
    return kind(label, needed(most) if required else may_be(most), filters=[clean])


class Sheet(FlaskForm):
    """A form among others on the page: its fields carry its name in their ids. `OFFERS`: the registered forms that carry a number asked for."""

    NAME = ""
    OFFERS: Mapping[str, tuple[str, ...]] = {}

    class Meta(FlaskForm.Meta):
        """Ids that do not collide."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Give each field the id `form-field`."""
            return unbound_field.bind(form=form, **{"id": f"{form.NAME}-{options['name']}", **options})

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:
        """Fill in what is chosen from."""


def _choices(rows: Collection[Any], name: str) -> list[tuple[str, str]]:
    return [("", "–"), *((str(row.id), str(getattr(row, name))[:80]) for row in rows)]


def _id(chosen: str | None) -> UUID | None:
    return UUID(chosen) if chosen else None


class PartyForm(Sheet):
    """A person or organisation."""

    NAME = "party"
    revision = HiddenField()
    role = EnumField(_l("In what part"), [_CHOOSE], kind=CasePartyRole)
    is_organisation = BooleanField(_l("An organisation"))
    name = _text(_l("Name"))
    represents = SelectField(_l("Speaks for"), [Optional()])
    tax_code = StringField(_l("Tax code"), may_be(20), filters=[_compact])
    id_number = StringField(_l("Number of identity card or passport"), may_be(20), filters=[_compact])
    id_issued = _text(_l("Issued on, by"), required=False)
    born_on = VietnameseDate(_l("Born on"), [Optional()])
    occupation = _text(_l("Occupation or position"), required=False)
    phone = StringField(_l("Telephone"), may_be(20), filters=[_compact])
    address = _text(_l("House, street, village"), required=False)
    commune = WardField(_l("Ward or commune"))

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:
        """Whom they may speak for."""
        self.represents.choices = _choices(view.parties, "name")
        self.commune.offer(wards)

    def facts(self) -> PartyFacts:
        """What was filled in."""
        return PartyFacts(
            role=self.role.data, is_organisation=self.is_organisation.data, name=self.name.data, represents_id=_id(self.represents.data),
            id_number=self.id_number.data or None, id_issued=self.id_issued.data or None, tax_code=self.tax_code.data or None,
            born_on=self.born_on.data, occupation=self.occupation.data or None, phone=self.phone.data or None,
            address=self.address.data or None, commune_code=self.commune.data,
        )  # fmt: skip


class ActForm(Sheet):
    """An act."""

    NAME = "act"
    revision = HiddenField()
    description = _text(_l("What was done"), most=TEXT_MOST, long=True)
    qualification = EnumField(_l("Legal qualification"), [_CHOOSE], kind=LegalQualification)
    making = BooleanField(_l("Made, packed, printed or imported the goods, not only sold them"))
    began_on = VietnameseDate(_l("From"), [_DAY])
    ended_on = VietnameseDate(_l("Until"), [Optional()])
    place = _text(_l("Where"))
    commune = WardField(_l("Ward or commune"))
    offender = SelectField(_l("By whom"), [Optional()])

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:
        """Who is suspected."""
        self.offender.choices = _choices(view.suspected, "name")
        self.commune.offer(wards)

    def facts(self) -> ActFacts:
        """What was filled in."""
        return ActFacts(
            description=self.description.data, qualification=self.qualification.data, making=self.making.data,
            began_on=self.began_on.data, ended_on=self.ended_on.data, place=self.place.data, commune_code=self.commune.data,
            offender_id=_id(self.offender.data),
        )  # fmt: skip


class GoodsForm(Sheet):
    """A line of goods."""

    NAME = "goods"
    revision = HiddenField()
    name = _text(_l("Goods"))
    quantity = VietnameseDecimal(_l("Quantity"), [InputRequired(_l("Write the quantity."))])
    unit = _text(_l("Unit"), most=40)
    unit_value = VietnameseInteger(_l("Price of one unit (đồng)"), _AMOUNT)
    method = EnumField(_l("Valued by"), [_CHOOSE], kind=ValuationMethod)
    valued_on = VietnameseDate(_l("Valued on"), [_DAY])
    valuation_note = _text(_l("What the value rests on"), required=False)
    origin = _text(_l("Origin as written on the goods"), required=False)
    act = SelectField(_l("Belongs to the act"), [Optional()])

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:  # noqa: ARG002  every sheet is offered the same
        """To which act they may belong."""
        self.act.choices = _choices(view.acts, "description")

    def facts(self) -> GoodsFacts:
        """What was filled in."""
        return GoodsFacts(
            name=self.name.data, quantity=self.quantity.data, unit=self.unit.data, unit_value=self.unit_value.data or 0, method=self.method.data,
            valued_on=self.valued_on.data, valuation_note=self.valuation_note.data or None, origin=self.origin.data or None,
            act_id=_id(self.act.data),
        )  # fmt: skip


class ExhibitForm(Sheet):
    """An exhibit, with the seal that was put on it at once."""

    NAME = "exhibit"
    revision = HiddenField()
    description = _text(_l("Exhibit"), most=400)
    quantity = VietnameseDecimal(_l("Quantity"), [InputRequired(_l("Write the quantity."))])
    unit = _text(_l("Unit"), most=40)
    condition = _text(_l("Condition"))
    kept_at = _text(_l("Kept at"))
    keeper = _text(_l("Keeper"))
    goods = SelectField(_l("From the goods"), [Optional()])
    seal_number = _text(_l("Number of the seal"), most=60, required=False)
    document_number = _text(_l("Number of the sealing minutes"), most=60, required=False)

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:  # noqa: ARG002  every sheet is offered the same
        """Of which goods it may be."""
        self.goods.choices = _choices(view.goods, "name")

    def facts(self) -> ExhibitFacts:
        """What was filled in."""
        return ExhibitFacts(
            description=self.description.data, quantity=self.quantity.data, unit=self.unit.data, condition=self.condition.data,
            kept_at=self.kept_at.data, keeper=self.keeper.data, goods_id=_id(self.goods.data),
        )  # fmt: skip


class ExhibitDeedForm(Sheet):
    """Something done with an exhibit."""

    NAME = "deed"
    revision = HiddenField()
    deed = EnumField(_l("What was done"), [_CHOOSE], kind=ExhibitDeed)
    done_on = VietnameseDate(_l("Done on"), [_DAY])
    done_time = _text(_l("At"), most=5, required=False)
    document_number = _text(_l("Number of the paper"), most=60, required=False)
    seal_number = _text(_l("Number of the seal"), most=60, required=False)
    kept_at = _text(_l("Kept at"), required=False)
    keeper = _text(_l("Keeper"), required=False)
    note = _text(_l("Note"), required=False)

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:  # noqa: ARG002  every sheet is offered the same
        """What a person does with one exhibit; the rest comes with a hand-over. Heads take back what another agency has."""
        away = any(each.state is ExhibitState.HANDED_OVER for each in view.exhibits)
        more = FOR_HEADS if away and not HEADS.isdisjoint(duties()) else ()
        self.deed.choices = [(each.value, say(each)) for each in (*BY_HAND, *more)]

    def facts(self, at: datetime) -> DeedFacts:
        """What was filled in."""
        return DeedFacts(
            deed=self.deed.data, done_at=moment_of(self.done_on.data, self.done_time.data, at), seal_number=self.seal_number.data or None,
            document_number=self.document_number.data or None, kept_at=self.kept_at.data or None, keeper=self.keeper.data or None,
            note=self.note.data or None,
        )  # fmt: skip


class MeasureForm(Sheet):
    """A measure to begin."""

    NAME = "measure"
    OFFERS = {"number": ("MQĐ20", "MQĐ41", "CVSAN")}
    version = HiddenField()
    kind = EnumField(_l("Measure"), [_CHOOSE], kind=MeasureKind)
    number = OfferedField(_l("Number of the decision or request"), needed(LINE_MOST), filters=[clean])
    subject = _text(_l("What it covers"), most=TEXT_MOST, long=True)
    addressee = _text(_l("Whose goods, which assessor or platform, who is served"))
    began_on = VietnameseDate(_l("Carried out or sent on"), [_DAY])
    began_time = _text(_l("At"), most=5, required=False)
    due_on = VietnameseDate(_l("Result of the assessor due on"), [Optional()])
    exhibits = SelectMultipleField(
        _l("Exhibits seized"), [Optional()], widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:  # noqa: ARG002  every sheet is offered the same
        """Which exhibits a seizure may take."""
        self.exhibits.choices = [(str(each.id), f"{each.seq}. {each.description[:80]}") for each in view.exhibits]

    def facts(self, at: datetime) -> MeasureFacts:
        """What was filled in."""
        return MeasureFacts(
            kind=self.kind.data, number=self.number.data, subject=self.subject.data, addressee=self.addressee.data,
            began_at=moment_of(self.began_on.data, self.began_time.data, at), due_on=self.due_on.data,
            exhibit_ids=tuple(UUID(each) for each in self.exhibits.data or ()) if self.kind.data is MeasureKind.SEIZURE else (),
        )  # fmt: skip


class MeasureEndForm(Sheet):
    """How a measure ended."""

    NAME = "end"
    OFFERS = {"document_number": ("MQĐ24", "MBB17", "MBB20", "MBB21")}
    version = HiddenField()
    result = EnumField(_l("Result"), [_CHOOSE], kind=MeasureResult)
    ended_on = VietnameseDate(_l("Ended on"), [_DAY])
    ended_time = _text(_l("At"), most=5, required=False)
    document_number = OfferedField(_l("Number of the paper"), needed(LINE_MOST), filters=[clean])
    note = _text(_l("Note"), required=False)

    def of(self, measure: Measure) -> None:
        """Only the results that such a measure can have."""
        self.result.choices = [(each.value, say(each)) for each in measures.RESULTS[measure.kind]]


class AgreeForm(Sheet):
    """Another day agreed with an assessor."""

    NAME = "agree"
    version = HiddenField()
    due_on = VietnameseDate(_l("Result of the assessor due on"), [_DAY])
    document_number = _text(_l("Number of the paper"))
    reason = _text(_l("Why another day"))


class RedateForm(Sheet):
    """The right day of a paper, or of a measure with its hour."""

    NAME = "redate"
    version = HiddenField()
    signed_on = VietnameseDate(_l("Day on the paper"), [_DAY])
    began_time = _text(_l("At"), most=5, required=False)
    reason = _text(_l("Why another day"), most=TEXT_MOST, long=True)


class OrderForm(Sheet):
    """Something more that the decision orders."""

    NAME = "order"
    several = False
    kind = SelectField(_l("Kind"), [_CHOOSE])
    whose = SelectField(_l("Of whom"), [Optional()])
    what = _text(_l("What is ordered"), most=1000)
    value = VietnameseInteger(
        _l("Value of the goods to be confiscated (đồng)"),
        [Optional(), NumberRange(0, goods.VALUE_MOST, message=_l("Write an amount in đồng, from 1 up."))],
    )

    def offer(self, view: CaseworkView, wards: list[tuple[str, str]]) -> None:  # noqa: ARG002  every sheet is offered the same
        """All but a fine: that comes from the decision alone. Of whom, where it was decided on several."""
        ordering = [each for each in view.rulings if each.paper.kind in orders.DECISIONS]
        self.whose.choices = [("", "–"), *((str(each.id), each.party.name) for each in ordering)]
        self.several = len(ordering) > 1
        self.kind.choices = [(each.value, say(each)) for each in ObligationKind if each is not ObligationKind.FINE]


class PayForm(Sheet):
    """A payment of a fine."""

    NAME = "pay"
    revision = HiddenField()
    amount = VietnameseInteger(_l("Paid (đồng)"), _AMOUNT)
    paid_on = VietnameseDate(_l("Paid on"), [_DAY])
    document_number = _text(_l("Number of the receipt"))


class SettleForm(Sheet):
    """How an order was settled."""

    NAME = "settle"
    revision = HiddenField()
    state = SelectField(_l("How"), [_CHOOSE])
    settled_on = VietnameseDate(_l("On"), [_DAY])
    document_number = _text(_l("Number of the paper"))
    note = _text(_l("Ground or note"), required=False)

    def of(self, *, fine: bool) -> None:
        """A fine is paid, given to enforcement or lapses; the rest can be carried out."""
        wanted = [each for each in ObligationState if each is not ObligationState.OPEN]
        self.state.choices = [
            (each.value, say(each)) for each in wanted if not (fine and each is ObligationState.DONE)
        ]  # fmt: skip


class ReceiveForm(Sheet):
    """Who received a file that was handed over."""

    NAME = "receive"
    OFFERS = {"record_number": ("MBB28",)}
    received_by = _text(_l("Received by"))
    received_on = VietnameseDate(_l("Received on"), [_DAY])
    record_number = OfferedField(_l("Number of the hand-over minutes"), needed(LINE_MOST), filters=[clean])


class ExplainForm(Sheet):
    """What an offender made of the right to explain."""

    NAME = "explain"
    version = HiddenField()
    outcome = SelectField(_l("How"), [_CHOOSE])
    explained_on = VietnameseDate(_l("On"), [_DAY])
    document_number = _text(_l("Number of the letter, minutes or waiver"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcome.choices = [(each.value, say(each)) for each in EXPLAINED]


class ServeForm(Sheet):
    """That a decision was handed over to one offender."""

    NAME = "serve"
    version = HiddenField()
    served_on = VietnameseDate(_l("Handed over on"), [_DAY])
    served_to = _text(_l("Received by"))


class StrikeForm(Sheet):
    """Why an entry is struck."""

    NAME = "strike"
    revision = HiddenField()
    reason = _text(_l("Why it is struck"))
