"""A form sent twice counts once: the guard that every creating POST goes through."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, request
from flask_login import current_user

from trace import clock
from trace.db import session
from trace.errors import Invalid
from trace.services import idempotency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.datastructures import FileStorage

# Drawn anew with every rendering of a form, and so no part of what the form says.
NOT_CONTENT = {"csrf_token", "idempotency_key"}
KEY = re.compile(r"[A-Za-z0-9_-]{8,80}")


class KeyMissing(Invalid):
    """This form came without its one-time key, so it was not carried out.

    Load the page again and send the form once.
    """


@dataclass
class FormKey:
    """The key of the form in hand: whether it was carried out before, and where its result is shown."""

    scope: str
    key: str
    location: str = ""
    done: bool = False

    def settle(self, location: str) -> None:
        """Say where the result will be shown, before the commit."""
        self.location = location
        idempotency.settle(session(), scope=self.scope, key=self.key, location=location)


@contextmanager
def once(form: str, *, anonymous: bool = False) -> Iterator[FormKey]:
    """Carry out a creating form at most once a person and key.

    With `anonymous` nothing is kept of who sent it, even if that person is signed in. The key comes from the hidden field `idempotency_key` or the header `Idempotency-Key`. When `done` is set, answer with
    `location` and do nothing. It must be used before anything else is written in the transaction.
    """
    key = request.headers.get("Idempotency-Key") or request.form.get("idempotency_key", "")
    if not KEY.fullmatch(key):
        raise KeyMissing
    whose = "public" if anonymous or not current_user.is_authenticated else str(current_user.id)
    parts = [("path", request.path)]
    parts += [(name, value) for name, value in request.form.items(multi=True) if name not in NOT_CONTENT]
    parts += [(name, _fingerprint(upload)) for name, upload in request.files.items(multi=True)]
    if request.is_json:
        parts.append(("json", hashlib.sha256(request.get_data()).hexdigest()))
    scope = f"{form}:{whose}"
    earlier = idempotency.claim(
        session(),
        scope=scope,
        key=key,
        body_hash=_sealed(idempotency.digest(parts)),
        location=request.path,
        at=clock.now(),
    )
    yield FormKey(scope, key, location=earlier or "", done=earlier is not None)


def _fingerprint(upload: FileStorage) -> str:
    """What a file is, by name and content; its stream is read and put back to where it stood."""
    stream = upload.stream
    place = stream.tell()
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    size = stream.tell() - place
    stream.seek(place, io.SEEK_SET)
    return f"{upload.filename or ''}\x1f{size}\x1f{digest}"


def _sealed(fingerprint: bytes) -> bytes:
    """A fingerprint that tells nothing without our key: of a report all but the contact lies in clear beside it, so that a bare
    hash would let whoever reads the table try every telephone number against it.
    """
    return hmac.digest(current_app.config["TEMTHAT"].derived("form-fingerprint"), fingerprint, hashlib.sha256)
