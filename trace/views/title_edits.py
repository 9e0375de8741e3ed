"""A title entered and changed: its facts, its territory, amendments on record, renewal, pictures of the sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from flask import current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Forbidden, NotFound, Refused, TemThatError
from trace.models.parties import Role
from trace.models.title_records import AmendmentKind
from trace.services import editing, files, places, title_edits, title_parties, titles
from trace.views import lists, past, title_page
from trace.views.faults import RevisedForm, at_fields
from trace.views.once import once
from trace.views.title_forms import AmendForm, AreaForm, ImageForm, NewTitleForm, RenewForm, TitleForm
from trace.views.title_page import bp
from trace.words import day, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from flask.typing import ResponseReturnValue

    from trace.models.titles import ProtectionTitle

TITLE_FIELDS: Mapping[type[TemThatError], str] = {
    title_edits.TitleNumberTaken: "title_number",
    title_edits.GrantedBeforeFiled: "granted_on",
    title_edits.EndBeforeGrant: "expires_on",
    title_edits.NeverExpires: "expires_on",
    title_edits.KindKept: "kind",
    title_edits.NotYourBody: "managing_body",
    title_edits.DecidedInFuture: "decided_on",
    title_edits.NothingAmended: "becomes",
    title_edits.DocumentNeeded: "document",
}
PLAIN = (
    "kind", "name", "title_number", "application_number", "filed_on", "granted_on", "expires_on", "nice_classes", "goods_in_words",
    "characteristics", "area_in_words",
)  # fmt: skip


@bp.route("/moi", methods=["GET", "POST"])
@needs(May.TITLE_RECORD)
def new() -> ResponseReturnValue:
    """Enter a title."""
    form = NewTitleForm()
    bodies = _bodies()
    parties = [each for each in title_parties.organisations(session()) if bodies is None or each.id in bodies]
    form.managing_body.choices = [("", "–"), *((str(each.id), each.name) for each in parties)]

    def page(reasons: Sequence[Any] = ()) -> str:
        return render_template("titles/edit.html", form=form, title=None, reasons=reasons, meanwhile=None)

    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    with once("titles.new") as key:
        if key.done:
            return redirect(key.location, 303)
        try:
            made = title_edits.record(
                session(), _facts(form), managing_body_id=UUID(form.managing_body.data), since=form.since.data,
                document=form.document.data, by=person().id, at=clock.now(), bodies=bodies,
            )  # fmt: skip
        except Refused as exc:
            session().rollback()
            return page(at_fields(form, exc, TITLE_FIELDS)), exc.status
        key.settle(url_for(".show", title_id=made.id))
    session().commit()
    flash(_("The title has been entered. Next: its use regulation, its territory and its products."), "success")
    return redirect(key.location, 303)


@bp.route("/<uuid:title_id>/sua", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def edit(title_id: UUID) -> ResponseReturnValue:
    """Put a title's facts right."""
    title = _editable(title_id)
    form = TitleForm(data={name: getattr(title, name) for name in PLAIN} | {"revision": str(title.revision)})

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        return render_template(
            "titles/edit.html", form=form, title=titles.get(session(), title_id), reasons=reasons, meanwhile=meanwhile
        )

    def deed() -> None:
        title_edits.edit(
            session(), title_id, _facts(form), revision=form.seen, by=person().id, at=clock.now(), reach=_reach()
        )

    return carry_out(form, deed, page, _("The title has been changed."), url_for(".show", title_id=title_id))


@bp.route("/<uuid:title_id>/dia-ban", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def area(title_id: UUID) -> ResponseReturnValue:
    """Choose the communes whose union the territory is."""
    title = _editable(title_id)
    form = AreaForm(data={"revision": str(title.revision)})
    chosen = request.form.getlist("communes") if request.method == "POST" else title.area_commune_codes

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        return render_template(
            "titles/area.html", form=form, title=titles.get(session(), title_id), reasons=reasons, meanwhile=meanwhile, chosen=chosen,
            wards=places.choices(session(), on=lists.today()), territory=titles.boundary(session(), title_id),
        )  # fmt: skip

    def deed() -> None:
        title_edits.set_area(
            session(), title_id, chosen, document=form.document.data or None, revision=form.seen, by=person().id, at=clock.now(),
            reach=_reach(),
        )  # fmt: skip

    return carry_out(form, deed, page, _("The territory has been saved."), url_for(".show", title_id=title_id))


@bp.route("/<uuid:title_id>/sua-doi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def amend(title_id: UUID) -> ResponseReturnValue:
    """Put an amendment on record."""
    title = _editable(title_id)
    form = AmendForm(data={"revision": str(title.revision), "applies": True})

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        return render_template(
            "titles/amend.html", form=form, title=titles.get(session(), title_id), reasons=reasons, meanwhile=meanwhile,
            written=[say(kind) for kind in title_edits.AMENDED],
        )  # fmt: skip

    def deed() -> None:
        title_edits.amend(
            session(), title_id, kind=AmendmentKind(form.kind.data), document=form.document.data, decided_on=form.decided_on.data,
            was=form.was.data or None, becomes=form.becomes.data, applies=form.applies.data, revision=form.seen, by=person().id,
            at=clock.now(), reach=_reach(),
        )  # fmt: skip

    return carry_out(
        form, deed, page, _("The amendment is on record."), url_for(".show", title_id=title_id, _anchor="amendments")
    )


@bp.route("/<uuid:title_id>/gia-han", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def renew(title_id: UUID) -> ResponseReturnValue:
    """Renew a mark for ten years from the end of its term."""
    title = _editable(title_id)
    form = RenewForm(data={"revision": str(title.revision)})

    def page(reasons: Sequence[Any] = (), meanwhile: Any = None) -> str:
        present = titles.get(session(), title_id)
        until = title_edits.years_after(present.expires_on, title_edits.TERM_YEARS) if present.expires_on else None
        return render_template(
            "titles/renew.html", form=form, title=present, reasons=reasons, meanwhile=meanwhile, until=until
        )

    def deed() -> None:
        done = title_edits.renew(
            session(), title_id, document=form.document.data, decided_on=form.decided_on.data, revision=form.seen, by=person().id,
            at=clock.now(), reach=_reach(),
        )  # fmt: skip
        flash(_("The title is renewed through %(day)s.", day=day(done.new_end)), "success")

    return carry_out(form, deed, page, None, url_for(".show", title_id=title_id))


@bp.post("/<uuid:title_id>/hinh")
@needs(May.TITLE_EDIT)
def add_image(title_id: UUID) -> ResponseReturnValue:
    """Take a picture of the sign."""
    _editable(title_id)
    form = ImageForm()
    upload = form.picture.data
    try:
        if not form.validate() or not upload or not upload.filename:
            if not upload or not upload.filename:
                form.picture.errors = [_("Choose a picture.")]
            return title_page.page(title_id, image_form=form)[0], 422
        with once("titles.add_image") as key:
            if key.done:
                return redirect(key.location, 303)
            try:
                at = clock.now()
                stored = files.receive(
                    session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename, at=at,
                    by=person().id, kinds=files.IMAGES,
                )  # fmt: skip
                title_edits.add_image(
                    session(), title_id, stored.id, caption=form.caption.data, by=person().id, at=at, reach=_reach()
                )
            except (
                files.FileTooLarge, files.FileEmpty, files.NotAnImage, files.TooManyPixels, files.UnknownFileKind,
            ) as exc:  # fmt: skip
                session().rollback()
                at_fields(form, exc, {type(exc): "picture"})
                return title_page.page(title_id, image_form=form)[0], exc.status
            key.settle(url_for(".show", title_id=title_id, _anchor="images"))
        session().commit()
    finally:
        for each in request.files.values():
            each.close()  # a large one lies in a temporary file
    flash(_("The picture has been added."), "success")
    return redirect(key.location, 303)


@bp.get("/<uuid:title_id>/hinh/<uuid:image_id>")
@needs(May.TITLE_READ)
def image(title_id: UUID, image_id: UUID) -> ResponseReturnValue:
    """The working copy of a picture of the sign, without its metadata."""
    stored = titles.image_file(session(), title_id, image_id)
    copy = files.copy_path(current_app.config["TEMTHAT"].files_dir, stored)
    if copy is None or not copy.exists():
        raise NotFound
    answer = send_file(copy, mimetype=files.COPY_MEDIA_TYPE, as_attachment=False, etag=False, max_age=0)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/<uuid:title_id>/hinh/<uuid:image_id>/thoi")
@needs(May.TITLE_EDIT)
def withdraw_image(title_id: UUID, image_id: UUID) -> ResponseReturnValue:
    """Show a picture no more."""
    title_edits.withdraw_image(session(), title_id, image_id, by=person().id, at=clock.now(), reach=_reach())
    session().commit()
    flash(_("The picture is shown no more. It stays on record."), "success")
    return redirect(url_for(".show", title_id=title_id, _anchor="images"), 303)


def carry_out(
    form: RevisedForm,
    deed: Callable[[], None],
    page: Callable[..., str],
    said: str | None,
    location: str,
    *,
    fields: Mapping[type[TemThatError], str] = TITLE_FIELDS,
) -> ResponseReturnValue:
    """An edit from its form to its answer: shown, refused at its fields, met by another edit (409), or saved."""
    if request.method == "GET":
        return page()
    if not form.validate():
        return page(), 422
    try:
        deed()
    except editing.EditedMeanwhile as exc:
        meanwhile = past.told(exc.deeds)
        form.look_again(exc)
        session().rollback()
        return page(meanwhile=meanwhile), exc.status
    except Refused as exc:
        session().rollback()
        return page(at_fields(form, exc, fields)), exc.status
    session().commit()
    if said:
        flash(said, "success")
    return redirect(location, 303)


def _reach() -> Any:
    return person().reach(May.TITLE_EDIT)


def _editable(title_id: UUID) -> ProtectionTitle:
    """The title, if the reader may edit it."""
    title = titles.get(session(), title_id)
    if not _reach().includes(title_id=title_id):
        raise Forbidden
    return title


def _bodies() -> frozenset[UUID] | None:
    """For which managing bodies the reader may enter titles: the department for any, others for their own."""
    if Role.SCIENCE_DEPARTMENT in person().roles:
        return None
    return frozenset(party.id for party in person().parties_for(May.TITLE_RECORD))


def _facts(form: TitleForm) -> title_edits.Facts:
    return title_edits.Facts(
        kind=form.kind.data,
        name=form.name.data,
        title_number=form.title_number.data or None,
        application_number=form.application_number.data or None,
        filed_on=form.filed_on.data,
        granted_on=form.granted_on.data,
        expires_on=form.expires_on.data,
        nice_classes=form.nice_classes.data,
        goods_in_words=form.goods_in_words.data or None,
        characteristics=form.characteristics.data or None,
        area_in_words=form.area_in_words.data or None,
    )
