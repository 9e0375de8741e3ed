"""What all public pages of the register share: the blueprint, how they are cached, what search engines are told, and their lists as CSV.

No sign-in, no cookie, no script, no nonce: such a page is the same for everybody and may be kept by any cache for some minutes.
What must not live here: what any page shows.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms.validators import ValidationError

from trace import clock, tongues
from trace.access import needs, network_hash
from trace.db import session
from trace.errors import TooLarge, TooMany
from trace.forms import VietnameseDate
from trace.services import public_products, public_titles, sheets, slugs
from trace.services.limits import Limited
from trace.services.sheets import Format
from trace.views import lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from flask.typing import ResponseReturnValue

bp = Blueprint("public", __name__)
bp.add_app_template_filter(slugs.slug, "slug")

KEPT_SECONDS = 300
AT_ONCE = 1000
MOST_ROWS = 20_000
T = TypeVar("T")


class TooManySearches(TooMany):
    """Too many questions to the register from your network in a short time.

    Wait %(seconds)s seconds and try again. A label can always be checked.
    """


class PublicListTooLong(TooLarge):
    """The list has %(rows)s rows; at most %(most)s go into one file.

    Narrow the list first.
    """


@bp.url_defaults
def keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """Links between public pages carry the chosen language in the address, so that it needs no cookie."""
    del endpoint
    if request and request.args.get("lang") in tongues.NAMES:
        values.setdefault("lang", request.args["lang"])


@bp.get("/robots.txt")
@needs(None)
def robots() -> ResponseReturnValue:
    """What crawlers may read: the register, not single labels, whose looks are counted."""
    shut = ("/T/", "/t/", "/01/", "/L/", "/nhap-ma", "/dang-nhap", "/report", "/api/")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in shut), f"Sitemap: {origin()}{url_for('.sitemap')}", ""]
    return cached(Response("\n".join(lines), mimetype="text/plain"))


@bp.get("/sitemap.xml")
@needs(None)
def sitemap() -> ResponseReturnValue:
    """All public pages in both languages."""
    plain = (".titles", ".products", ".pairs", ".voided", ".search", "verify.home", "certificate_status.search")
    paths = [url_for(endpoint) for endpoint in plain]
    for line in public_titles.listing(session(), on=lists.today()):
        key = slugs.slug(line.title.name, line.title.id)
        paths += [url_for(endpoint, key=key) for endpoint in (".title", ".users", ".sources")]
    for product in public_products.listing(session()):
        key = slugs.slug(product.name, product.id)
        paths += [url_for(endpoint, key=key) for endpoint in (".product", ".label")]
    return cached(
        Response(render_template("public/sitemap.xml", origin=origin(), paths=paths), mimetype="application/xml")
    )


def shown(template: str, status: int = 200, **context: Any) -> Response:
    """A public page. What is wrong with the address or the form (`status` 400 and above) is kept by nobody."""
    english = str(get_locale()) == "en"
    path = context.pop("path", None) or request.path
    kept = [(name, value) for name, value in context.pop("canonical", ()) if value]
    page = render_template(
        template,
        canonical=origin() + path + _query([*kept, ("lang", "en")] if english else kept),
        alternates={"vi": origin() + path + _query(kept), "en": origin() + path + _query([*kept, ("lang", "en")])},
        **context,
    )
    answer = make_response(page, status)
    return answer if status >= 400 else cached(answer)


def cached(answer: Response) -> Response:
    """Let caches keep an answer for some minutes and ask with its fingerprint after that."""
    # With a cookie the page may be in the language of its bearer, or a sign-in ride along: then it is for that browser alone.
    kind = "private" if request.cookies else "public"
    answer.headers["Cache-Control"] = f"{kind}, max-age={KEPT_SECONDS}"
    answer.vary.add("Accept-Encoding")
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:32], weak=True)
    answer.make_conditional(request)
    return answer


def origin() -> str:
    """The address of this service as it stands on labels and posters."""
    return f"https://{current_app.config['TEMTHAT'].host.lower()}"


def paged(read: Callable[[int, int], tuple[Sequence[T], int]], size: int = lists.SIZE) -> tuple[Sequence[T], int, int]:
    """The page of a list that the address asks for, or the last one: rows, how many in all, and its number."""
    number = lists.page()
    rows, total = read(number, size)
    if not rows and total:
        number = lists.pages(total, size)
        rows, total = read(number, size)
    return rows, total, number


def csv(
    name: str,
    headings: Sequence[str],
    read: Callable[[int, int], tuple[Sequence[T], int]],
    cells: Callable[[T], list[Any]],
) -> ResponseReturnValue:
    """A list of the register as CSV: no cell is ever a formula."""
    gently()

    def rows() -> Iterator[list[Any]]:
        page = 1
        while True:
            found, total = read(page, AT_ONCE)
            if total > MOST_ROWS:
                raise PublicListTooLong(rows=total, most=MOST_ROWS)
            yield from (cells(row) for row in found)
            if page * AT_ONCE >= total:
                return
            page += 1

    file = io.BytesIO()
    sheets.write(file, Format.CSV, name=name, headings=headings, rows=rows())
    answer = Response(file.getvalue(), content_type=sheets.MEDIA_TYPES[Format.CSV])
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}-{lists.today():%Y-%m-%d}.csv")
    return cached(answer)


def gently() -> None:
    """Count a question to the register; raises `TooManySearches` when a network asks too often."""
    wait = current_app.extensions["limits"].take(Limited.REGISTER, network_hash(), at=clock.now())
    if wait:
        raise TooManySearches(seconds=wait)


def found(key: str, name: str, thing_id: Any) -> str | None:
    """Where a page really stands, if its address is only nearly right."""
    right = slugs.slug(name, thing_id)
    if key == right:
        return None
    assert request.endpoint is not None  # noqa: S101  only a matched route gets here
    values = dict(request.args.items()) | (request.view_args or {}) | {"key": right}
    return url_for(request.endpoint, **values)


class DayForm(FlaskForm):
    """The day as of which a list is shown."""

    class Meta:
        csrf = False

    ngay = VietnameseDate(_l("Day"))

    def validate_ngay(self, field: Any) -> None:
        """What will stand on a day to come, nobody can know."""
        if field.data and field.data > lists.today():
            raise ValidationError(_("Choose today or an earlier day."))


def asked_day() -> tuple[date, str]:
    """The day that the address asks for, today if none, and what is wrong with it."""
    form = DayForm(formdata=request.args)
    if not form.validate():
        return lists.today(), " ".join(map(str, form.ngay.errors))
    return form.ngay.data or lists.today(), ""


def _query(pairs: list[tuple[str, str]]) -> str:
    return f"?{urlencode(pairs)}" if pairs else ""


__all__ = ["asked_day", "bp", "cached", "csv", "found", "gently", "origin", "paged", "shown"]
