"""The questions of a report and how each is judged. What must not live here: the pages, and where a report goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Form, RadioField, StringField, TextAreaField
from wtforms.validators import Length, Optional, StopValidation, ValidationError

from enforcement import informants
from trace.forms import VietnameseDate, VietnameseInteger, WardField, clean
from trace.models.tips import Bought, TipReason
from trace.services import tips
from trace.services.scan_places import NoPlace, cell_of
from trace.views import lists
from trace.words import say

if TYPE_CHECKING:
    from wtforms import Field

LONGEST_PLACE = 200
LONGEST_SELLER = 200
LONGEST_URL = 2000
LONGEST_CODE = 80
LONGEST_DIFFERS = 200
WEB = ("http", "https")
CELL = re.compile(r"-?\d{1,2}(\.\d{1,8})?,-?\d{1,3}(\.\d{1,8})?")


def no_nul(_form: Form, field: Field) -> None:
    """Refuse text that no keyboard makes."""
    if any("\x00" in str(value) for value in field.raw_data or ()):
        raise StopValidation(_("This text holds a character that cannot be kept. Type it anew."))


def web_address(_form: Form, field: Field) -> None:
    """Refuse what is no address of a page on the web. It is only looked at, never asked for anything."""
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


def coarse(text: str | None) -> str | None:
    """A position as the middle of its cell, the same cells as for scans: what is finer is dropped before anything is kept.

    What is no position stays, to be refused.
    """
    if not text or not CELL.fullmatch(text):
        return text or None
    try:
        latitude, longitude = cell_of(*(float(part) for part in text.split(","))).centre
    except NoPlace:
        return text
    return f"{latitude:.3f},{longitude:.3f}"


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
    bought = RadioField(_l("Where are the goods on sale?"), choices=[], validate_choice=False)
    commune = WardField(_l("Ward or commune"), [Optional()])
    place = StringField(
        _l("Shop, market or stall"),
        [no_nul, Length(max=LONGEST_PLACE, message=_l("Write at most 200 characters."))],
        filters=[clean],
    )
    cell = StringField(_l("Where you are now"), filters=[clean, coarse])
    cell_consent = BooleanField(_l("I agree that this area of about 5 km is kept with my report"))
    listing_url = StringField(
        _l("Address of the page, if bought online"),
        [no_nul, Length(max=LONGEST_URL, message=_l("The address is too long.")), web_address],
        filters=[clean, with_scheme],
    )
    seller = StringField(
        _l("Name of the seller or the page"),
        [no_nul, Length(max=LONGEST_SELLER, message=_l("Write at most 200 characters."))],
        filters=[clean],
    )
    price = VietnameseInteger(_l("Price"), [Optional()])
    seen_on = VietnameseDate(_l("Day on which you bought or saw it"), [Optional()])
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

    def validate_bought(self, field: Field) -> None:
        """Left open, it is told from the other answers."""
        if field.data and field.data not in set(Bought):
            raise ValidationError(_("Choose from the list."))

    def validate_place(self, field: Field) -> None:
        """Somewhere, in the world or on the web."""
        here = field.data or self.commune.data or self.cell.data
        there = self.listing_url.data or self.seller.data
        if self.bought.data == Bought.SHOP and not here:
            raise ValidationError(_("Say where: a ward or commune, or the name of a shop or market."))
        if self.bought.data != Bought.ONLINE and not (here or there):
            raise ValidationError(_("Say where: a ward or commune, a shop, or the address of a page."))

    def validate_listing_url(self, field: Field) -> None:
        """Online means an address or at least a name."""
        if self.bought.data == Bought.ONLINE and not (field.data or self.seller.data):
            raise ValidationError(_("Give the address of the page, or the name of the seller."))

    def validate_cell(self, field: Field) -> None:
        """A position that is one."""
        if not field.data:
            return
        try:
            if CELL.fullmatch(field.data) and cell_of(*(float(part) for part in field.data.split(","))):
                return
        except NoPlace:
            pass
        raise ValidationError(_("This is no position. Choose the ward or commune instead."))

    def validate_cell_consent(self, field: Field) -> None:
        """No position is kept without consent."""
        if self.cell.data and not field.data:
            raise ValidationError(_("Tick the box, or remove the position."))

    def validate_price(self, field: Field) -> None:
        """A price that somebody may have asked."""
        if field.data is not None and not 1 <= field.data <= tips.DEAREST:
            raise ValidationError(_("Check the price: a whole number of đồng, at least 1."))

    def validate_seen_on(self, field: Field) -> None:
        """Nobody saw it tomorrow."""
        if field.data is not None and field.data > lists.today():
            raise ValidationError(_("This day lies ahead. Write a day up to today."))

    def validate_consent(self, field: Field) -> None:
        """No contact is kept without consent."""
        if self.contact.data and not field.data:
            raise ValidationError(_("Tick the box, or leave the contact empty."))

    def offer(self) -> None:
        """Reasons and communes in the reader's language."""
        self.reason.choices = [(reason.value, say(reason)) for reason in TipReason]
        self.bought.choices = [(each.value, say(each)) for each in Bought]
        self.commune.offer(lists.wards())

    def judge(self, names: tuple[str, ...]) -> bool:
        """Check some of the questions; every fault is found at once."""
        good = True
        for name in names:
            own = getattr(type(self), f"validate_{name}", None)
            good &= self[name].validate(self, [own] if own else [])
        return good

    def typed(self, name: str) -> list[str]:
        """What was typed into a field, as it goes into the next page."""
        field: Any = self[name]
        if isinstance(field, BooleanField):
            return ["y"] if field.data else []
        if isinstance(field, VietnameseDate | VietnameseInteger):
            return [str(field.raw_data[0])] if field.raw_data and field.raw_data[0] else []
        return [field.data] if field.data else []

    @property
    def sold(self) -> Bought:
        """Where the goods are on sale, told from the other answers if it was left open."""
        if self.bought.data in set(Bought):
            return Bought(self.bought.data)
        here = self.place.data or self.commune.data or self.cell.data
        return Bought.SHOP if here else Bought.ONLINE


STEPS: dict[str, tuple[str, ...]] = {
    "why": ("reason", "description", "code"),
    "where": (
        "bought", "commune", "place", "cell", "cell_consent", "listing_url", "seller", "price", "seen_on",
    ),
    "contact": ("contact", "consent"),
}  # fmt: skip
EVERYTHING = tuple(name for names in STEPS.values() for name in names)


def differing(values: list[str]) -> list[str]:
    """The comparison points that did not match, as they were shown; what is too long or too many is cut."""
    cut = [(clean(value) or "")[:LONGEST_DIFFERS] for value in values[: tips.MOST_DIFFERS]]
    return list(dict.fromkeys(value for value in cut if value))
