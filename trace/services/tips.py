"""What the public reports: taking a tip in, its photos, and what the reporter may be told.

What must not live here: who reported (`enforcement.informants`), and what the case desk makes of it (`enforcement.intake`).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict, deque
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from trace.errors import Invalid, NotFound, TooMany
from trace.models.files import StoredFile
from trace.models.tips import Tip, TipPhoto, TipReason, TipState
from trace.services import history
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST_PHOTOS = 5
LONGEST_TEXT = 4000
REPORTS_PER_HOUR = 20


class TooManyPhotos(Invalid):
    """A report holds at most %(most)s photos.

    The ones already sent are kept.
    """


class TooManyReports(TooMany):
    """Many reports came from your network in the last hour, so this one was not taken yet.

    Nothing that you wrote is lost. Wait a few minutes and send it again.
    """


class TooManyPictures(TooMany):
    """Many photos came from your network in the last hour, so this one was not taken yet.

    Your report is safe. Send the photo again in a few minutes.
    """


def submit(
    session: Session,
    *,
    reason: TipReason,
    description: str,
    code_text: str | None,
    serial: int | None,
    commune_code: str | None,
    place: str | None,
    listing_url: str | None,
    at: datetime,
    secret: str | None = None,
) -> tuple[Tip, str]:
    """Take a report in. Returns it with the secret that opens its follow-up page; only the secret's hash is kept.

    `code_text` is what the label says, right or wrong; `serial` is set only for a code with a right tag. `secret` is given by
    callers that can make the same one again for a form sent twice: then the report of the first time is given back. Without it
    a random one is drawn.
    """
    secret = secret or secrets.token_urlsafe(24)
    earlier = session.scalars(select(Tip).where(Tip.follow_hash == _hash(secret))).one_or_none()
    if earlier is not None:
        return earlier, secret
    tip = Tip(
        number=next_number(session, "PA", at=at),
        received_at=at,
        reason=reason,
        description=description,
        code_text=code_text,
        serial=serial,
        commune_code=commune_code,
        place=place,
        listing_url=listing_url,
        state=TipState.RECEIVED,
        follow_hash=_hash(secret),
    )
    session.add(tip)
    session.flush()
    history.record(session, "tip:receive", tip.id, by=None, at=at, changes={"state": (None, TipState.RECEIVED)})
    return tip, secret


def find_by_secret(session: Session, secret: str) -> Tip:
    """The report behind a follow-up page."""
    found = session.scalars(select(Tip).where(Tip.follow_hash == _hash(secret))).one_or_none()
    if found is None:
        raise NotFound
    return found


def room_for_photos(session: Session, tip: Tip) -> int:
    """How many more photos a report takes. Its row stays locked until the transaction ends."""
    session.execute(select(Tip.id).where(Tip.id == tip.id).with_for_update())
    held = session.scalars(select(func.count()).select_from(TipPhoto).where(TipPhoto.tip_id == tip.id)).one()
    return MOST_PHOTOS - held


def add_photo(session: Session, tip: Tip, stored_file: StoredFile, *, at: datetime) -> TipPhoto:
    """Put a photo to a report. The same picture sent again is the same photo."""
    known = select(TipPhoto).join(StoredFile).where(TipPhoto.tip_id == tip.id, StoredFile.sha256 == stored_file.sha256)
    earlier = session.scalars(known).first()
    if earlier is not None:
        if earlier.file_id != stored_file.id:
            # The bytes lie under the same hash as the first one's, and its row stands for them.
            session.delete(stored_file)
            session.flush()
        return earlier
    if room_for_photos(session, tip) <= 0:
        raise TooManyPhotos(most=MOST_PHOTOS)
    photo = TipPhoto(tip_id=tip.id, file_id=stored_file.id)
    session.add(photo)
    session.flush()
    session.expire(tip, ["photos"])
    history.record(session, "tip:add_photo", tip.id, by=None, at=at, changes={"file": (None, stored_file.sha256)})
    return photo


def tell(session: Session, tip: Tip, state: TipState, *, answer: str | None, by: UUID, at: datetime) -> None:
    """Change what the reporter reads on the follow-up page. `answer` must name nobody: the page opens to whoever has its address."""
    changes: dict[str, tuple[object, object]] = {"state": (tip.state, state), "answer": (tip.answer, answer)}
    tip.state, tip.answer = state, answer
    history.record(session, "tip:tell", tip.id, by=by, at=at, changes=changes)
    session.flush()


def similar(session: Session, tip: Tip) -> int:
    """How many other reports there are on the same label."""
    if tip.serial is None:
        return 0
    others = select(func.count()).select_from(Tip).where(Tip.serial == tip.serial, Tip.id != tip.id)
    return session.scalars(others).one()


class Throttle:
    """At most so many reports or photos an hour from one network, counted in this process: w workers let through at most w times as many.

    Enough against a script left running; the desk's triage handles what comes through. Nothing is stored.
    """

    def __init__(
        self, *, most: int = REPORTS_PER_HOUR, networks: int = 10_000, refusal: type[TooMany] = TooManyReports
    ) -> None:
        self._refusal = refusal
        self._most = most
        self._networks = networks
        self._taken: OrderedDict[bytes, deque[datetime]] = OrderedDict()
        self._counting = threading.Lock()

    def take(self, network: bytes, *, at: datetime) -> None:
        """Count one, or raise the refusal. `network` is a salted hash."""
        with self._counting:
            taken = self._taken.setdefault(network, deque())
            self._taken.move_to_end(network)
            while taken and taken[0] <= at - timedelta(hours=1):
                taken.popleft()
            if len(taken) >= self._most:
                raise self._refusal
            taken.append(at)
            while len(self._taken) > self._networks:
                self._taken.popitem(last=False)

    def forget(self) -> None:
        """Count from nothing, as at the start of the process."""
        with self._counting:
            self._taken.clear()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
