"""Public pages of the products: what each is and how to recognise it, its electronic label with all versions, the poster for shops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app, redirect, request, send_file, url_for

from trace import clock
from trace.access import needs
from trace.db import session
from trace.errors import NotFound
from trace.services import files, label_versions, posters, public_products, slugs
from trace.services.posters import Paper
from trace.views import lists
from trace.views.public_pages import asked_day, bp, found, shown
from trace.words import day

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from trace.models.files import StoredFile
    from trace.models.titles import Product


@bp.get("/san-pham")
@needs(None)
def products() -> ResponseReturnValue:
    """All products."""
    rows = public_products.listing(session())
    return shown("public/products.html", products=rows, pairs=public_products.pairs_by_product(session()))


@bp.get("/SP/<key>")
@bp.get("/sp/<key>")
@needs(None)
def product_by_code(key: str) -> ResponseReturnValue:
    """The short address in the QR of a poster."""
    the = public_products.find(session(), key)
    return redirect(url_for(".product", key=slugs.slug(the.name, the.id)), 302)


@bp.get("/san-pham/<key>")
@needs(None)
def product(key: str) -> ResponseReturnValue:
    """One product."""
    the = public_products.find(session(), key)
    if right := found(key, the.name, the.id):
        return redirect(right, 301)
    return shown("public/product.html", page=public_products.page(session(), the, on=lists.today()), product=the)


@bp.get("/san-pham/<key>/nhan-dien-tu")
@needs(None)
def label(key: str) -> ResponseReturnValue:
    """The electronic label of a product as of a day, with its versions."""
    the = public_products.find(session(), key)
    if right := found(key, the.name, the.id):
        return redirect(right, 301)
    on, wrong = asked_day()
    is_today = on == lists.today()
    return shown(
        "public/label.html", 422 if wrong else 200, product=the, label=label_versions.shown(session(), the, on=on), on=on, wrong=wrong,
        is_today=is_today, key=key, today=lists.today(), canonical=[("ngay", "" if is_today else day(on))],
    )  # fmt: skip


@bp.get("/san-pham/<key>/nhan-dien-tu/<int:number>/tep")
@needs(None)
def label_file(key: str, number: int) -> ResponseReturnValue:
    """The document that goes with a version, to keep: a PDF as it came, a picture as its copy without metadata."""
    the = public_products.find(session(), key)
    version = next((each for each in label_versions.of(session(), the.id) if each.version == number), None)
    if version is None or version.file is None:
        raise NotFound
    return document(version.file, f"nhan-{slugs.slug(the.name, the.id)}-{number}")


@bp.get("/san-pham/<key>/to-dan.pdf")
@needs(None)
def poster(key: str) -> ResponseReturnValue:
    """A poster for shops: scan, and compare in three steps."""
    return posted(public_products.find(session(), key), request.args.get("kho"), None)


def posted(the: Product, size: str | None, holder: str | None) -> Response:
    """The poster of a product as a download."""
    paper = Paper.A5 if size == Paper.A5.value else Paper.A4
    content = posters.pdf(
        session(), the, paper=paper, holder=holder, host=current_app.config["TEMTHAT"].host, at=clock.now()
    )
    answer = current_app.response_class(content, mimetype="application/pdf")
    name = f"to-dan-{slugs.slug(the.name, the.id)}-{paper.value}.pdf"
    answer.headers.set("Content-Disposition", "inline", filename=name)
    answer.headers["Cache-Control"] = "private, max-age=300" if holder else "public, max-age=3600"
    return answer


def document(file: StoredFile, name: str) -> Response:
    """A file of the register to keep: never shown in a page of ours."""
    store = current_app.config["TEMTHAT"].files_dir
    copy = files.copy_path(store, file)
    path, kind, ending = (
        (copy, files.COPY_MEDIA_TYPE, "jpg") if copy else (files.original_path(store, file), file.media_type, "pdf")
    )
    if not path.exists():
        raise NotFound
    answer = send_file(
        path, mimetype=kind, as_attachment=True, download_name=f"{name}.{ending}", etag=False, max_age=300
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
