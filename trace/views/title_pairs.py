"""Pairs of pictures for the public gallery as their title's keepers draw them up: two pictures, circles, words, and who publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FieldList, FileField, Form, FormField, StringField
from wtforms.validators import DataRequired, InputRequired

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.forms import EnumField, PostForm, VietnameseDate, VietnameseDecimal, clean
from trace.models.showcase import PairFinding, PairState
from trace.services import files, pairs, pictures, products
from trace.services.pairs import MOST_DIFFERENCES, Difference, Picture
from trace.views import lists, past
from trace.views.faults import RevisedForm, at_fields
from trace.views.once import once
from trace.views.title_edits import carry_out
from trace.views.title_page import bp
from trace.words import explain, way_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import BinaryIO
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.showcase import ComparisonPair
    from trace.services.reach import Reach

FIELDS: Mapping[type[TemThatError], str] = {
    pairs.CounterfeitNeedsDocument: "document",
    pairs.FoundInFuture: "found_on",
    pairs.CircleOutside: "differences",
    pairs.WordsMissing: "differences",
}
PLAIN = ("angle_vi", "angle_en", "found_on", "finding", "document", "source_vi", "source_en")


class DifferenceForm(Form):
    """One circled difference; an empty one is left out."""

    x = VietnameseDecimal(_l("From the left, %"))
    y = VietnameseDecimal(_l("From the top, %"))
    r = VietnameseDecimal(_l("Radius, %"))
    side = lists.Choice(_l("On"), default="both")
    vi = StringField(_l("In Vietnamese"), [lists.at_most(200)], filters=[clean])
    en = StringField(_l("In English"), [lists.at_most(200)], filters=[clean])
    covert = BooleanField(_l("Covert feature"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.side.choices = [
            ("both", _("Both pictures")),
            ("genuine", _("The genuine one")),
            ("suspect", _("The other one")),
        ]

    @property
    def empty(self) -> bool:
        """Whether nothing was written here."""
        return not (self.vi.data or self.en.data or self.x.data is not None or self.y.data is not None)


class PairForm(RevisedForm):
    """The words and circles of a pair."""

    angle_vi = StringField(
        _l("What both pictures show, in Vietnamese"),
        [DataRequired(_l("Say what it shows.")), lists.at_most(120)],
        filters=[clean],
    )
    angle_en = StringField(
        _l("The same in English"), [DataRequired(_l("Say what it shows.")), lists.at_most(120)], filters=[clean]
    )
    found_on = VietnameseDate(_l("Day on which the other goods were found"), [InputRequired(_l("Write the date."))])
    finding = EnumField(
        _l("What the other goods are"),
        [InputRequired(_l("Choose from the list."))],
        kind=PairFinding,
        blank=_l("Choose"),
    )
    document = StringField(_l("Number of the decision or expert conclusion"), [lists.at_most(200)], filters=[clean])
    source_vi = StringField(
        _l("Source, in Vietnamese"), [DataRequired(_l("Say where it comes from.")), lists.at_most(200)], filters=[clean]
    )
    source_en = StringField(
        _l("Source, in English"), [DataRequired(_l("Say where it comes from.")), lists.at_most(200)], filters=[clean]
    )
    differences = FieldList(FormField(DifferenceForm), min_entries=MOST_DIFFERENCES, max_entries=MOST_DIFFERENCES)

    def facts(self) -> pairs.Facts:
        """What was written."""
        return pairs.Facts(
            angle_vi=self.angle_vi.data, angle_en=self.angle_en.data, found_on=self.found_on.data, finding=self.finding.data,
            source_vi=self.source_vi.data, source_en=self.source_en.data, document=self.document.data or None,
            differences=[_difference(entry.form) for entry in self.differences if not entry.form.empty],
        )  # fmt: skip


class NewPairForm(PairForm):
    """The same with its two pictures."""

    genuine = FileField(_l("Picture of the genuine goods"))
    suspect = FileField(_l("Picture of the other goods"))


class WithdrawForm(PostForm):
    """Why a pair is withdrawn."""

    reason = StringField(_l("Reason"), [DataRequired(_l("Say why.")), lists.at_most(500)], filters=[clean])


@bp.get("/san-pham/<uuid:product_id>/that-gia")
@needs(May.TITLE_EDIT)
def pairs_of(product_id: UUID) -> ResponseReturnValue:
    """The pairs of a product in all their states."""
    product = products.get(session(), product_id, reach=_reach())
    return render_template(
        "titles/pairs.html", product=product, title=product.title, rows=pairs.of(session(), product_id, reach=_reach())
    )


@bp.route("/san-pham/<uuid:product_id>/that-gia/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def new_pair(product_id: UUID) -> ResponseReturnValue:
    """Enter a pair with its pictures."""
    products.get(session(), product_id, reach=_reach())
    form = NewPairForm()

    def page(reasons: Sequence[Any] = ()) -> str:
        product = products.get(session(), product_id, reach=_reach())
        return render_template(
            "titles/pair.html",
            form=form,
            product=product,
            title=product.title,
            pair=None,
            meanwhile=None,
            reasons=reasons,
            events=[],
        )

    if request.method == "GET":
        return page()
    try:
        good = form.validate()
        for field in (form.genuine, form.suspect):
            if not field.data or not field.data.filename:
                field.errors = [_("Choose a picture.")]
                good = False
        if not good:
            return page(), 422
        with once("titles.new_pair") as key:
            if key.done:
                return redirect(key.location, 303)
            at, taking = clock.now(), "genuine"
            try:
                genuine = _taken(form.genuine.data, at)
                taking = "suspect"
                suspect = _taken(form.suspect.data, at)
                made = pairs.draft(
                    session(),
                    product_id,
                    form.facts(),
                    genuine=genuine,
                    suspect=suspect,
                    by=person().id,
                    at=at,
                    reach=_reach(),
                )
            except Refused as exc:
                session().rollback()
                return page(at_fields(form, exc, FIELDS)), exc.status
            except (
                files.FileTooLarge,
                files.FileEmpty,
                files.NotAnImage,
                files.TooManyPixels,
                files.UnknownFileKind,
            ) as exc:
                session().rollback()
                at_fields(form, exc, {type(exc): taking})
                return page(), exc.status
            key.settle(url_for(".pair", pair_id=made.id))
        session().commit()
    finally:
        for each in request.files.values():
            each.close()
    flash(_("The pair is kept as a draft. Mark the differences; then another person publishes it."), "success")
    return redirect(key.location, 303)


@bp.route("/that-gia/<uuid:pair_id>", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def pair(pair_id: UUID) -> ResponseReturnValue:
    """One pair: a draft to work on, or what became of it."""
    found = pairs.get(session(), pair_id, reach=_reach())
    form = PairForm(data=_data(found))

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        return _pair_page(pair_id, form=form, reasons=reasons, meanwhile=meanwhile)

    def deed() -> None:
        pairs.edit(session(), pair_id, form.facts(), revision=form.seen, by=person().id, at=clock.now(), reach=_reach())

    return carry_out(form, deed, page, _("The draft has been saved."), url_for(".pair", pair_id=pair_id), fields=FIELDS)


@bp.post("/that-gia/<uuid:pair_id>/cong-bo")
@needs(May.TITLE_EDIT)
def publish_pair(pair_id: UUID) -> ResponseReturnValue:
    """Show a pair to everybody."""
    form = RevisedForm()
    try:
        pairs.publish(session(), pair_id, revision=form.seen, by=person().id, at=clock.now(), reach=_reach())
    except TemThatError as exc:
        if exc.status == 404:
            raise
        session().rollback()
        return _pair_page(pair_id, reasons=[_said(exc)]), exc.status
    session().commit()
    flash(_("The pair is in the public gallery now."), "success")
    return redirect(url_for(".pair", pair_id=pair_id), 303)


@bp.post("/that-gia/<uuid:pair_id>/rut")
@needs(May.TITLE_EDIT)
def withdraw_pair(pair_id: UUID) -> ResponseReturnValue:
    """Show a pair no more."""
    form = WithdrawForm()
    if not form.validate():
        return _pair_page(pair_id, withdrawing=form), 422
    try:
        pairs.withdraw(session(), pair_id, reason=form.reason.data, by=person().id, at=clock.now(), reach=_reach())
    except pairs.PairNotInState as exc:
        session().rollback()
        return _pair_page(pair_id, reasons=[_said(exc)]), exc.status
    session().commit()
    flash(_("The pair is shown no more. It stays on record."), "success")
    return redirect(url_for(".pair", pair_id=pair_id), 303)


def _pair_page(
    pair_id: UUID,
    *,
    form: PairForm | None = None,
    reasons: Sequence[Any] = (),
    meanwhile: Any = None,
    withdrawing: WithdrawForm | None = None,
) -> str:
    found = pairs.get(session(), pair_id, reach=_reach())
    if form is None:
        form = PairForm(formdata=None, data=_data(found))
    product = products.get(session(), found.product_id, reach=_reach())
    return render_template(
        "titles/pair.html", form=form, product=product, title=product.title, pair=found, meanwhile=meanwhile, reasons=reasons,
        withdrawing=withdrawing or WithdrawForm(formdata=None), is_draft=found.state is PairState.DRAFT, events=past.of(pair_id),
    )  # fmt: skip


def _data(found: ComparisonPair) -> dict[str, Any]:
    """A pair as the form begins with it."""
    plain = {name: getattr(found, name) for name in PLAIN}
    return plain | {"revision": str(found.revision), "differences": [dict(each) for each in found.differences]}


def _taken(upload: Any, at: datetime) -> Picture:
    """Take a picture in: checked, re-encoded without metadata, measured."""
    store = current_app.config["TEMTHAT"].files_dir
    stored = files.receive(
        session(),
        store,
        cast("BinaryIO", upload.stream),
        name=upload.filename,
        at=at,
        by=person().id,
        kinds=files.IMAGES,
    )
    wide, high = pictures.measure(store, stored)
    return Picture(stored.id, wide, high)


def _difference(form: DifferenceForm) -> Difference:
    return Difference(
        x=_figure(form.x.data), y=_figure(form.y.data), r=_figure(form.r.data), vi=form.vi.data or "", en=form.en.data or "",
        side=form.side.data or "both", covert=bool(form.covert.data),
    )  # fmt: skip


def _figure(value: Any) -> float:
    """A number of the form; what is missing lies outside of every picture and is refused as such."""
    return -1.0 if value is None else round(float(value), 1)


def _said(exc: TemThatError) -> dict[str, str | None]:
    return {"message": explain(exc), "way_out": way_out(exc)}


def _reach() -> Reach:
    return person().reach(May.TITLE_EDIT)
