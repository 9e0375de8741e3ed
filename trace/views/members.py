"""Members of a collective: the list, the page of one, recording, changing, leaving. For staff of the collective and its titles' bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional, ValidationError

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused
from trace.forms import PostForm, VietnameseDate, VietnameseDecimal, WardField, clean
from trace.models.parties import PartyKind
from trace.services import area_edits, editing, members, table_cells
from trace.services.members import MemberFacts, MemberStanding
from trace.views import lists, past
from trace.views.once import once
from trace.words import explain, say, way_out

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from trace.models.members import Membership

bp = Blueprint("members", __name__, url_prefix="/thanh-vien")

FIELD_OF = {
    area_edits.CommuneGone: "commune",
    members.CollectiveNotYours: "collective",
    members.JoinedInFuture: "joined_on",
    members.KeptElsewhere: "name",
    members.LeftAlready: "last_day",
    members.LeftBeforeJoining: "joined_on",
    members.LeftInFuture: "last_day",
    members.MemberAlready: "name",
    members.MemberCodeTaken: "code",
    members.NationalIdTaken: "national_id",
    members.TaxCodeOfAnother: "tax_code",
}


class Digits(StringField):
    """A number that is a name (identity, tax, telephone), kept as text and read as tables of members are."""

    data: Any

    def __init__(self, label: Any = None, validators: Any = None, *, read: Any = None, **kwargs: Any) -> None:
        self.read = read
        super().__init__(label, validators, filters=[clean, lambda value: value or None], **kwargs)

    def pre_validate(self, _form: Any) -> None:
        """Say what is wrong with it, and put it into its one form."""
        if not self.data:
            return
        found, wrong, _remark = self.read(self.data, str(self.label.text))
        if wrong is not None:
            raise ValidationError(" ".join(filter(None, (explain(wrong), way_out(wrong)))))
        self.data = found


class MemberForm(PostForm):
    """A member about to be recorded or changed."""

    revision = HiddenField()
    collective = lists.Choice(_l("Collective"), [InputRequired(_l("Choose the collective."))])
    name = StringField(
        _l("Name of the member"),
        [DataRequired(_l("Write the name of the member.")), lists.at_most(200)],
        filters=[clean],
    )
    kind = lists.Choice(_l("Kind"), [InputRequired(_l("Choose the kind."))])
    code = Digits(_l("Member code"), [Optional()], read=table_cells.code)
    national_id = Digits(_l("Identity number (CCCD)"), [Optional()], read=table_cells.national_id)
    tax_code = Digits(_l("Tax code"), [Optional()], read=table_cells.tax_code)
    phone = Digits(_l("Telephone"), [Optional()], read=table_cells.phone)
    address = StringField(_l("Address"), [Optional(), lists.at_most(200)], filters=[clean])
    commune = WardField(_l("Ward or commune"), [InputRequired(_l("Choose a ward or commune."))])
    declared_ha = VietnameseDecimal(
        _l("Declared land"),
        [Optional(), NumberRange(0.0001, 100_000, _l("Write hectares between 0,0001 and 100.000."))],
    )
    joined_on = VietnameseDate(_l("Joined on"), [InputRequired(_l("Write the day of joining."))])
    why = StringField(_l("Reason for the change"), [Optional(), lists.at_most(500)], filters=[clean])

    def offer(self, made: Membership | None = None) -> None:
        """Collectives, kinds and communes that this person may choose."""
        known = members.collectives(session(), reach=_reach(May.MEMBER_EDIT)) if made is None else [made.collective]
        self.collective.choices = [("", "–"), *((str(party.id), party.name) for party in known)]
        self.kind.choices = [(each.value, say(each)) for each in (PartyKind.HOUSEHOLD, PartyKind.PERSON)]
        self.commune.offer(lists.wards(lists.today()))
        if request.method == "GET" and made is None:
            if len(known) == 1:
                self.collective.data = str(known[0].id)
            self.joined_on.data = lists.today()

    def facts(self) -> MemberFacts:
        """What was entered. Only after it was found valid."""
        return MemberFacts(
            collective_id=UUID(self.collective.data), code=self.code.data, name=self.name.data, kind=PartyKind(self.kind.data),
            national_id=self.national_id.data, tax_code=self.tax_code.data, phone=self.phone.data, address=self.address.data or None,
            commune_code=self.commune.data, declared_ha=self.declared_ha.data, joined_on=self.joined_on.data,
        )  # fmt: skip


class LeaveForm(PostForm):
    """A member about to leave."""

    revision = HiddenField()
    last_day = VietnameseDate(_l("Last day as a member"), [InputRequired(_l("Write the last day."))])
    reason = StringField(
        _l("Reason for leaving"), [DataRequired(_l("Write the reason.")), lists.at_most(500)], filters=[clean]
    )


@bp.get("")
@needs(May.MEMBER_READ)
def index() -> ResponseReturnValue:
    """Members within reach; `?standing=former` shows those who left."""
    wanted, chips, known = filters()
    page = lists.page()
    rows, total = members.listing(
        session(), reach=_reach(May.MEMBER_READ), on=lists.today(), page=page, size=lists.SIZE, **wanted
    )
    return render_template(
        "members/index.html", rows=rows, total=total, chips=chips, page=page, pages=lists.pages(total), masked=members.masked,
        wards=lists.wards(lists.today()), collectives=known, last_day=lists.last_day,
        standings=[(each.value, say(each)) for each in MemberStanding if each is not MemberStanding.PRESENT],
    )  # fmt: skip


def filters() -> tuple[dict[str, Any], list[tuple[str, str, None]], list[tuple[str, str]]]:
    """What the address asks of the list, in words too, and the collectives to choose from."""
    q, commune, collective = lists.text(), lists.text("commune"), lists.identity("collective")
    standing = lists.member(MemberStanding, "standing") or MemberStanding.PRESENT
    known = [(str(party.id), party.name) for party in members.collectives(session(), reach=_reach(May.MEMBER_READ))]
    chips: list[tuple[str, str, None]] = [(_("Search: %(text)s", text=q), "q", None)] if q else []
    chips += [(name, "commune", None) for code, name in lists.wards() if code == commune]
    chips += [(name, "collective", None) for key, name in known if key == str(collective)]
    if standing is not MemberStanding.PRESENT:
        chips.append((say(standing), "standing", None))
    return {"q": q, "commune": commune, "collective_id": collective, "standing": standing}, chips, known


@bp.get("/<uuid:membership_id>")
@needs(May.MEMBER_READ)
def show(membership_id: UUID) -> ResponseReturnValue:
    """One member: particulars, areas, history."""
    return _show(membership_id)


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.MEMBER_EDIT)
def new() -> ResponseReturnValue:
    """Record a member."""
    form = MemberForm()
    form.offer()
    if request.method != "POST":
        return _page(form)
    if not form.validate():
        return _page(form), 422
    with once("members.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = members.record(
                session(), form.facts(), by=person().id, at=clock.now(), reach=_reach(May.MEMBER_EDIT)
            )
        except Refused as exc:
            session().rollback()
            _object(form, exc.reasons)
            return _page(form), 422
        location = url_for(".show", membership_id=made.id)
        key.settle(location)
        session().commit()
    flash(_("The member was recorded."), "success")
    return redirect(location, 303)


@bp.route("/<uuid:membership_id>/sua", methods=["GET", "POST"])
@needs(May.MEMBER_EDIT)
def edit(membership_id: UUID) -> ResponseReturnValue:
    """Change a member from the revision that the form was drawn from."""
    made = members.get(session(), membership_id, reach=_reach(May.MEMBER_EDIT))
    party = made.member
    form = MemberForm(
        data={
            "revision": made.revision, "collective": str(made.collective_id), "name": party.name, "kind": party.kind.value,
            "code": made.code, "national_id": made.national_id, "tax_code": party.tax_code, "phone": party.phone,
            "address": party.address, "commune": party.commune_code, "declared_ha": _hectares(made), "joined_on": made.member_during.lower,
        }
    )  # fmt: skip
    form.offer(made)
    if request.method != "POST":
        return _page(form, made)
    if not form.validate():
        return _page(form, made), 422
    try:
        members.revise(
            session(), membership_id, form.facts(), revision=_revision(form), why=form.why.data or None, by=person().id,
            at=clock.now(), reach=_reach(May.MEMBER_EDIT),
        )  # fmt: skip
    except editing.EditedMeanwhile as exc:
        told, now = past.told(exc.deeds), exc.record.revision
        session().rollback()
        form.revision.data = now
        return _page(form, _again(membership_id), told), 409
    except Refused as exc:
        session().rollback()
        _object(form, exc.reasons)
        return _page(form, _again(membership_id)), 422
    session().commit()
    flash(_("The member was changed."), "success")
    return redirect(url_for(".show", membership_id=membership_id), 303)


@bp.post("/<uuid:membership_id>/roi")
@needs(May.MEMBER_EDIT)
def leave(membership_id: UUID) -> ResponseReturnValue:
    """Record that a member left."""
    form = LeaveForm()
    if not form.validate():
        return _show(membership_id, form), 422
    try:
        members.leave(
            session(), membership_id, last_day=form.last_day.data, reason=form.reason.data, revision=_revision(form),
            by=person().id, at=clock.now(), reach=_reach(May.MEMBER_EDIT),
        )  # fmt: skip
    except editing.EditedMeanwhile as exc:
        told, now = past.told(exc.deeds), exc.record.revision
        session().rollback()
        form.revision.data = now
        return _show(membership_id, form, told), 409
    except Refused as exc:
        session().rollback()
        _object(form, exc.reasons, otherwise="last_day")
        return _show(membership_id, form), 422
    session().commit()
    flash(_("The leaving was recorded."), "success")
    return redirect(url_for(".show", membership_id=membership_id), 303)


@bp.post("/<uuid:membership_id>/ho/<int:household_id>/<any(la,khong):whether>")
@needs(May.MEMBER_EDIT)
def household(membership_id: UUID, household_id: int, whether: str) -> ResponseReturnValue:
    """Say that a household of an area is this member, or that it is not."""
    members.place_household(
        session(), membership_id, household_id, is_member=whether == "la", by=person().id, at=clock.now(), reach=_reach(May.MEMBER_EDIT)
    )  # fmt: skip
    session().commit()
    return redirect(url_for(".show", membership_id=membership_id), 303)


def _show(membership_id: UUID, form: LeaveForm | None = None, meanwhile: Any = ()) -> str:
    who = person()
    made = members.get(session(), membership_id, reach=who.reach(May.MEMBER_READ))
    placed, alike = members.households(session(), made)
    may_edit = who.may(May.MEMBER_EDIT) and made.collective_id in {
        party.id for party in members.collectives(session(), reach=who.reach(May.MEMBER_EDIT))
    }
    return render_template(
        "members/show.html", made=made, member=made.member, placed=placed, alike=alike, may_edit=may_edit, meanwhile=meanwhile,
        form=form or LeaveForm(formdata=None, data={"revision": made.revision}), masked=members.masked, last_day=lists.last_day,
        kept_elsewhere=may_edit and members.kept_elsewhere(session(), made.member_id, made.collective_id), events=past.of(made.id),
    )  # fmt: skip


def _page(form: MemberForm, made: Any = None, meanwhile: Any = ()) -> str:
    return render_template("members/edit.html", form=form, made=made, meanwhile=meanwhile)


def _object(form: Any, reasons: Any, otherwise: str = "name") -> None:
    """Say each refusal at the field that it belongs to."""
    for reason in reasons:
        asked = FIELD_OF.get(type(reason), otherwise)
        field = form[asked if asked in form else otherwise]
        field.errors = [*field.errors, " ".join(filter(None, (explain(reason), way_out(reason))))]


def _revision(form: Any) -> int:
    asked = str(form.revision.data or "")
    return int(asked) if asked.isdecimal() else 0


def _again(membership_id: UUID) -> Membership:
    return members.get(session(), membership_id, reach=_reach(May.MEMBER_EDIT))


def _hectares(made: Membership) -> Any:
    return None if made.declared_ha is None else made.declared_ha.normalize()


def _reach(permission: May) -> Any:
    return person().reach(permission)
