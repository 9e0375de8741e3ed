"""Deeds done to titles, their regulations, products and seasons, as `past` tells them."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from trace.models.parties import PartyKind
from trace.models.showcase import PairFinding, PairState
from trace.models.title_records import AmendmentKind
from trace.models.titles import PointKind, SourceKind, TitleKind
from trace.shown import grams
from trace.words import day, number, say


class TitleDeed(StrEnum):
    """Deeds done to titles and what belongs to them."""

    TITLE_RECORD = "title:record"
    TITLE_EDIT = "title:edit"
    TITLE_AREA = "title:area"
    TITLE_AMEND = "title:amend"
    TITLE_RENEW = "title:renew"
    TITLE_ADD_IMAGE = "title:add_image"
    TITLE_WITHDRAW_IMAGE = "title:withdraw_image"
    TITLE_APPOINT = "title:appoint"
    TITLE_END_ROLE = "title:end_role"
    TITLE_SUCCEED = "title:succeed"
    REGULATION_RECORD = "regulation:record"
    REGULATION_EDIT = "regulation:edit"
    PRODUCT_RECORD = "product:record"
    PRODUCT_EDIT = "product:edit"
    PRODUCT_POINT_ADD = "product:point_add"
    PRODUCT_POINT_EDIT = "product:point_edit"
    PRODUCT_POINT_MOVE = "product:point_move"
    PRODUCT_POINT_RETIRE = "product:point_retire"
    PRODUCT_LABEL = "product:label"
    PAIR_DRAFT = "pair:draft"
    PAIR_EDIT = "pair:edit"
    PAIR_PUBLISH = "pair:publish"
    PAIR_WITHDRAW = "pair:withdraw"
    SEASON_RECORD = "season:record"
    SEASON_EDIT = "season:edit"
    SEASON_CLOSE = "season:close"
    SEASON_CONFIRM_VOLUME = "season:confirm_volume"
    PARTY_RECORD = "party:record"
    PARTY_COMPLETE = "party:complete"


def _day(value: str) -> str:
    return day(date.fromisoformat(value))


def _list(value: str) -> str:
    return str(value).strip("[]").replace("'", "") or "–"


def _weights(value: str) -> str:
    return ", ".join(grams(int(part)) for part in _list(value).split(", ") if part.isdigit()) or "–"


def _yes(value: object) -> str:
    return str(_("Yes") if value else _("No"))


def period(value: str) -> str:
    """A period in words, from what the history keeps of it: the first day, and the day after the last or nothing."""
    first, _dash, after = value.partition("–")
    if first[4:5] != "-":  # written in words already
        return value
    last = day(date.fromisoformat(after) - timedelta(days=1)) if after[:1].isdigit() else _("now")
    return f"{_day(first)} – {last}"


FIELDS: dict[tuple[str, str], tuple[Any, Any]] = {
    ("title", "kind"): (_l("Kind"), lambda value: say(TitleKind(value))),
    ("title", "name"): (_l("Name of the title"), str),
    ("title", "title_number"): (_l("Title number"), str),
    ("title", "application_number"): (_l("Application number"), str),
    ("title", "filed_on"): (_l("Filed"), _day),
    ("title", "granted_on"): (_l("Granted"), _day),
    ("title", "expires_on"): (_l("Last day of the term"), _day),
    ("title", "nice_classes"): (_l("Nice classes"), _list),
    ("title", "goods_in_words"): (_l("Goods in words"), str),
    ("title", "characteristics"): (_l("Protected characteristics"), str),
    ("title", "area_in_words"): (_l("Area in words"), str),
    ("title", "communes"): (_l("Territory"), str),
    ("title", "amended"): (_l("What is amended"), lambda value: say(AmendmentKind(value))),
    ("title", "text"): (_l("Text"), str),
    ("title", "caption"): (_l("Picture"), str),
    ("title", "owner"): (_l("Owner"), str),
    ("title", "registrant"): (_l("Registrant"), str),
    ("title", "managing_body"): (_l("Managing body"), str),
    ("title", "control_body"): (_l("Control body"), str),
    ("title", "since"): (_l("First day"), _day),
    ("title", "until"): (_l("Last day"), _day),
    ("title", "document"): (_l("Deciding document"), str),
    ("regulation", "version"): (_l("Version"), str),
    ("regulation", "valid_from"): (_l("In force from"), _day),
    ("regulation", "valid_during"): (_l("In force"), period),
    ("regulation", "summary"): (_l("Summary"), str),
    ("regulation", "deciding_document"): (_l("Deciding document"), str),
    ("regulation", "requires_area_code"): (_l("A growing-area code is required"), _yes),
    ("regulation", "pack_weights_g"): (_l("Pack weights"), _weights),
    ("regulation", "certificate_number"): (_l("Pattern of certificate numbers"), str),
    ("regulation", "validity_months"): (_l("Months of validity"), number),
    ("regulation", "renew_before_days"): (_l("Renewal is asked for before the end"), number),
    ("regulation", "completeness_days"): (_l("Check that an application is complete"), number),
    ("regulation", "evaluation_days"): (_l("Evaluate in the field"), number),
    ("regulation", "decision_days"): (_l("Decide on the application"), number),
    ("regulation", "evaluation_criteria"): (_l("What a field evaluation looks at"), _list),
    ("regulation", "gate_checks"): (_l("Checks that gate labels"), _list),
    ("regulation", "visit_within_days"): (_l("A passed control is no older than"), number),
    ("regulation", "external_release"): (_l("Every lot is released by an external certifier"), _yes),
    ("regulation", "suspend_grounds"): (_l("Grounds to suspend a certificate"), _list),
    ("regulation", "revoke_grounds"): (_l("Grounds to revoke a certificate"), _list),
    ("product", "name"): (_l("Name of the product"), str),
    ("product", "name_en"): (_l("Name in English"), str),
    ("product", "description"): (_l("Description for buyers"), str),
    ("product", "source_kind"): (_l("Where it comes from"), lambda value: say(SourceKind(value))),
    ("product", "gtin"): ("GTIN", str),
    ("product", "points"): (_l("Points to compare"), str),
    ("product", "point"): (_l("Point to compare"), str),
    ("product", "point_kind"): (_l("What buyers look at"), lambda value: say(PointKind(value))),
    ("product", "point_order"): (_l("Place in the order"), number),
    ("product", "point_picture"): (_l("Picture"), str),
    ("product", "point_far"): (_l("In Chinese and Japanese"), str),
    ("product", "version"): (_l("Version"), str),
    ("product", "valid_from"): (_l("In force from"), _day),
    ("pair", "angle_vi"): (_l("What is shown"), str),
    ("pair", "found_on"): (_l("Found on"), _day),
    ("pair", "finding"): (_l("Finding"), lambda value: say(PairFinding(value))),
    ("pair", "document"): (_l("Number of the decision or expert conclusion"), str),
    ("pair", "source_vi"): (_l("Source, in Vietnamese"), str),
    ("pair", "state"): (_l("Status"), lambda value: say(PairState(value))),
    ("season", "name"): (_l("Name of the season"), str),
    ("season", "runs_during"): (_l("Days"), period),
    ("season", "yield_cap_kg_per_ha"): (_l("Yield cap"), lambda value: _("%(n)s kg/ha", n=number(value))),
    ("season", "holder"): (_l("Holder"), str),
    ("season", "eligible_g"): (_l("Confirmed"), grams),
    ("season", "computed_g"): (_l("Reckoned"), grams),
    ("party", "name"): (_l("Organisation"), str),
    ("party", "kind"): (_l("Kind"), lambda value: say(PartyKind(value))),
    ("party", "tax_code"): (_l("Tax code"), str),
    ("party", "phone"): (_l("Telephone"), str),
    ("party", "address"): (_l("Address"), str),
}
