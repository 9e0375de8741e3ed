"""The points to compare of a product, kept by those who edit its title: listed, added, changed, ordered, retired, seen as buyers see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from trace import clock
from trace.access import May, needs, person
from trace.db import session
from trace.errors import Refused, TemThatError
from trace.models.scans import VerdictKind
from trace.services import comparison_points, editing, files
from trace.services.comparison_points import MOST, NEEDED, Facts
from trace.services.scanning import ComparePoint, Verdict
from trace.views import lists, past, verify
from trace.views.faults import at_fields
from trace.views.once import once
from trace.views.title_forms import ComparisonPointForm
from trace.views.title_page import bp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from trace.models.titles import ComparisonPoint, Product
    from trace.services.reach import Reach

FIELDS: Mapping[type[TemThatError], str] = {
    comparison_points.PeriodBackward: "shown_until",
    comparison_points.HiddenCodeNotHard: "hard_to_copy",
    files.FileTooLarge: "picture",
    files.FileEmpty: "picture",
    files.NotAnImage: "picture",
    files.TooManyPixels: "picture",
    files.UnknownFileKind: "picture",
}
FILE_FAULTS = (files.FileTooLarge, files.FileEmpty, files.NotAnImage, files.TooManyPixels, files.UnknownFileKind)


@bp.get("/san-pham/<uuid:product_id>/doi-chieu")
@needs(May.TITLE_EDIT)
def points_page(product_id: UUID) -> ResponseReturnValue:
    """All points of a product in order, what is missing, and what buyers see today."""
    product = comparison_points.of(session(), product_id, reach=_reach())
    return _list(product)


@bp.route("/san-pham/<uuid:product_id>/doi-chieu/moi", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def new_point(product_id: UUID) -> ResponseReturnValue:
    """Add a point."""
    product = comparison_points.of(session(), product_id, reach=_reach())
    form = ComparisonPointForm()
    try:
        if request.method == "GET":
            return _form_page(form, product)
        if not form.validate():
            return _form_page(form, product), 422
        with once("titles.new_point") as key:
            if key.done:
                return redirect(key.location, 303)
            try:
                comparison_points.add(
                    session(), product_id, _facts(form), by=person().id, at=clock.now(), reach=_reach()
                )
            except (Refused, *FILE_FAULTS) as exc:
                session().rollback()
                reasons = at_fields(form, exc, FIELDS)
                return _form_page(
                    form, comparison_points.of(session(), product_id, reach=_reach()), None, reasons
                ), exc.status
            key.settle(url_for(".points_page", product_id=product_id))
        session().commit()
    finally:
        _close_files()
    flash(_("The point has been added."), "success")
    return redirect(key.location, 303)


@bp.route("/doi-chieu/<int:point_id>/sua", methods=["GET", "POST"])
@needs(May.TITLE_EDIT)
def edit_point(point_id: int) -> ResponseReturnValue:
    """Change a point."""
    point = comparison_points.get(session(), point_id, reach=_reach())
    product_id = point.product_id
    product = comparison_points.of(session(), product_id, reach=_reach())
    form = ComparisonPointForm(
        data={
            "kind": point.kind, "vi": point.text_vi, "en": point.text_en, "zh": point.text_zh, "ja": point.text_ja,
            "hard_to_copy": point.hard_to_copy, "covert": point.covert, "shown_from": point.shown_from, "shown_until": point.shown_until,
            "revision": str(product.revision),
        }
    )  # fmt: skip
    try:
        if request.method == "GET":
            return _form_page(form, product, point)
        if not form.validate():
            return _form_page(form, product, point), 422
        try:
            comparison_points.edit(
                session(), point_id, _facts(form), revision=form.seen, by=person().id, at=clock.now(), reach=_reach()
            )
        except editing.EditedMeanwhile as exc:
            meanwhile = past.told(exc.deeds)
            form.look_again(exc)
            session().rollback()
            return _form_page(form, *_again(point_id), meanwhile=meanwhile), exc.status
        except (Refused, *FILE_FAULTS) as exc:
            session().rollback()
            reasons = at_fields(form, exc, FIELDS)
            return _form_page(form, *_again(point_id), reasons), exc.status
        session().commit()
    finally:
        _close_files()
    flash(_("The point has been changed."), "success")
    return redirect(url_for(".points_page", product_id=product_id), 303)


@bp.post("/doi-chieu/<int:point_id>/<any(len, xuong):way>")
@needs(May.TITLE_EDIT)
def move_point(point_id: int, way: str) -> ResponseReturnValue:
    """Let a point change places with its neighbour."""
    point = comparison_points.move(session(), point_id, up=way == "len", by=person().id, at=clock.now(), reach=_reach())
    location = url_for(".points_page", product_id=point.product_id, _anchor=f"point-{point_id}")
    session().commit()
    return redirect(location, 303)


@bp.post("/doi-chieu/<int:point_id>/thoi")
@needs(May.TITLE_EDIT)
def retire_point(point_id: int) -> ResponseReturnValue:
    """Show a point no more."""
    point = comparison_points.retire(session(), point_id, by=person().id, at=clock.now(), reach=_reach())
    location = url_for(".points_page", product_id=point.product_id)
    session().commit()
    flash(_("The point is shown no more. It stays on record."), "success")
    return redirect(location, 303)


def _list(product: Product) -> str:
    today = lists.today()
    points = product.comparison_points
    shown = comparison_points.shown_on(points, today)
    return render_template(
        "titles/points.html",
        product=product,
        points=points,
        waiting=[point for point in points if point not in shown],
        complete=comparison_points.is_complete(points, today),
        lacking=max(0, NEEDED - len(shown)),
        has_hard=any(point.hard_to_copy for point in shown),
        most=MOST,
        preview=verify.three_points(_as_buyers_get_it(product, shown)),
        events=past.of(product.id),
    )


def _as_buyers_get_it(product: Product, shown: Sequence[ComparisonPoint]) -> Verdict:
    """What a scan of these goods would bring to the page."""
    return Verdict(
        kind=VerdictKind.VALID,
        checked_at=clock.now(),
        product_name=product.name,
        compare=tuple(
            ComparePoint(
                point.text_vi, point.text_en, point.hard_to_copy, point.kind, point.text_zh, point.text_ja,
                point.picture.copy_sha256 if point.picture else None,
            )
            for point in shown
        ),
    )  # fmt: skip


def _form_page(
    form: ComparisonPointForm,
    product: Product,
    point: ComparisonPoint | None = None,
    reasons: Sequence[Any] = (),
    *,
    meanwhile: Any = None,
) -> str:
    return render_template(
        "titles/point.html", form=form, product=product, point=point, reasons=reasons, meanwhile=meanwhile
    )


def _again(point_id: int) -> tuple[Product, ComparisonPoint]:
    """The product and the point as they are now, after what was tried has been undone."""
    point = comparison_points.get(session(), point_id, reach=_reach())
    return comparison_points.of(session(), point.product_id, reach=_reach()), point


def _facts(form: ComparisonPointForm) -> Facts:
    """What was typed, and the picture taken in if one was sent."""
    upload = form.picture.data
    stored = None
    if upload and getattr(upload, "filename", ""):
        stored = files.receive(
            session(), current_app.config["TEMTHAT"].files_dir, cast("BinaryIO", upload.stream), name=upload.filename, at=clock.now(),
            by=person().id, kinds=files.IMAGES,
        )  # fmt: skip
    return Facts(
        kind=form.kind.data, vi=form.vi.data, en=form.en.data, zh=form.zh.data, ja=form.ja.data, hard_to_copy=form.hard_to_copy.data,
        covert=form.covert.data,        shown_from=form.shown_from.data, shown_until=form.shown_until.data, picture_id=stored.id if stored else None,
        without_picture=form.without_picture.data and stored is None,
    )  # fmt: skip


def _close_files() -> None:
    for each in request.files.values():
        each.close()  # a large one lies in a temporary file


def _reach() -> Reach:
    return person().reach(May.TITLE_EDIT)
