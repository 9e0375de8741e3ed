"""What the public reports: taking a tip in, its photos, what is added later, and what the reporter may be told.

What must not live here: who reported (`enforcement.informants`), what the case desk makes of it (`enforcement.intake`), photos that
arrive piece by piece (`tip_uploads`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from trace.errors import Conflict, Invalid, NotFound, TooMany
from trace.models.files import StoredFile
from trace.models.history import History
from trace.models.tips import Bought, Tip, TipMessage, TipPhoto, TipReason, TipState
from trace.services import history, listings
from trace.services.numbers import next_number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST_PHOTOS = 5
MOST_MESSAGES = 20
MOST_DIFFERS = 5
LONGEST_TEXT = 4000
LONGEST_MESSAGE = 2000
DEAREST = 10**12
TWIN_WITHIN = timedelta(hours=1)
NOWHERE = "–"
ANSWER_WITHIN = 2
"""Working days until the reporter reads an answer."""


class TooManyPhotos(Invalid):
    """A report holds at most %(most)s photos.

    The ones already sent are kept.
    """


class TooManyReports(TooMany):
    """Many reports came from your network just now, so this one was not taken yet.

    Nothing that you wrote is lost. Send it again after %(until)s.
    """


class PhotosMustWait(TooMany):
    """Many photos came from your network just now, so this one was not taken yet.

    Your report is safe. Send the photo again after %(until)s.
    """


class MessageMissing(Invalid):
    """Write what you want to add, in at most %(most)s characters."""


class TooManyMessages(Invalid):
    """A report takes at most %(most)s additions.

    Those already sent are kept. For something new, send a new report.
    """


class TipIsClosed(Conflict):
    """This report has been answered, so nothing can be added to it.

    For something new, send a new report.
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
    bought: Bought | None = None,
    seller: str | None = None,
    price_vnd: int | None = None,
    seen_on: date | None = None,
    cell: str | None = None,
    differs: Sequence[str] = (),
    twin_hash: bytes | None = None,
) -> tuple[Tip, str]:
    """Take a report in. Returns it with the secret that opens its follow-up page; only the secret's hash is kept.

    `code_text` is what the label says, right or wrong; `serial` is set only for a code with a right tag. `cell` is a coarse cell of
    the map, `differs` the points that did not match when comparing, `twin_hash` comes from `fingerprint`. `secret` is given by
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
        bought=bought or (Bought.ONLINE if listing_url and not place else Bought.SHOP),
        listing_url=listing_url,
        platform=listings.platform_of(listing_url) if listing_url else None,
        seller=seller,
        price_vnd=price_vnd,
        seen_on=seen_on,
        cell=cell,
        differs=list(differs)[:MOST_DIFFERS],
        twin_hash=twin_hash,
        state=TipState.RECEIVED,
        follow_hash=_hash(secret),
    )
    session.add(tip)
    session.flush()
    history.record(session, "tip:receive", tip.id, by=None, at=at, changes={"state": (None, TipState.RECEIVED)})
    return tip, secret


def fingerprint(key: bytes, network: bytes, *, code_text: str | None, description: str) -> bytes | None:
    """What two reports have in common that one person sent twice in anger: the code and the very words, from one network.

    None without words: many people may report one label from one market, or from behind one address of a carrier.
    """
    said = " ".join(description.split()).casefold()
    if not said:
        return None
    return hmac.digest(key, b"\x1f".join((network, (code_text or "").encode(), said.encode())), "sha256")


def find_twin(session: Session, twin_hash: bytes, *, at: datetime) -> Tip | None:
    """The report that said the same from the same network within the hour."""
    same = select(Tip).where(Tip.twin_hash == twin_hash, Tip.received_at > at - TWIN_WITHIN)
    return session.scalars(same.order_by(Tip.received_at.desc()).limit(1)).one_or_none()


def forget_twins(session: Session, *, at: datetime) -> int:
    """Empty the fingerprints that have done their work; returns how many."""
    old = update(Tip).where(Tip.twin_hash.is_not(None), Tip.received_at <= at - TWIN_WITHIN)
    return len(session.execute(old.values(twin_hash=None).returning(Tip.id)).all())


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


def tell_many(
    session: Session, tip_ids: Collection[UUID], state: TipState, *, answer: str | None, by: UUID, at: datetime
) -> None:
    """The same for many reports in one statement. One that is closed stays as it is, one that stands so already too."""
    if not tip_ids:
        return
    found = session.execute(
        select(Tip.id, Tip.state, Tip.answer)
        .where(Tip.id.in_(tip_ids), Tip.state.not_in([TipState.CLOSED, state]))
        .order_by(Tip.id)
        .with_for_update()
    ).all()
    if not found:
        return
    rows = [
        {
            "deed": "tip:tell",
            "subject_id": row.id,
            "by": by,
            "at": at,
            "changes": {"state": [row.state.value, state.value], "answer": [row.answer, answer]},
        }
        for row in found
    ]
    session.execute(insert(History), rows)
    session.execute(
        update(Tip).where(Tip.id.in_([row.id for row in found])).values(state=state, answer=answer),
        execution_options={"synchronize_session": "evaluate" if len(found) < 50 else False},
    )


def add_message(session: Session, tip: Tip, body: str, *, at: datetime) -> TipMessage:
    """Keep what the reporter adds later. The same words sent twice in a row are one message."""
    said = body.strip()
    if not said or len(said) > LONGEST_MESSAGE:
        raise MessageMissing(most=LONGEST_MESSAGE)
    session.execute(select(Tip.id).where(Tip.id == tip.id).with_for_update())
    session.refresh(tip, ["state"])
    if tip.state is TipState.CLOSED:
        raise TipIsClosed
    earlier = session.scalars(select(TipMessage).where(TipMessage.tip_id == tip.id).order_by(TipMessage.id)).all()
    if earlier and earlier[-1].body == said:
        return earlier[-1]
    if len(earlier) >= MOST_MESSAGES:
        raise TooManyMessages(most=MOST_MESSAGES)
    message = TipMessage(tip_id=tip.id, at=at, body=said)
    session.add(message)
    session.flush()
    session.expire(tip, ["messages"])
    history.record(
        session, "tip:add_message", tip.id, by=None, at=at, changes={"messages": (len(earlier), len(earlier) + 1)}
    )
    return message


def forget_cell(session: Session, tip: Tip, *, at: datetime) -> bool:
    """Drop where the reporter was, because the consent was taken back. Says whether there was something to drop.

    A report that told nothing else of where keeps a dash in its place.
    """
    session.refresh(tip, with_for_update=True)
    if tip.cell is None:
        return False
    if not (tip.place or tip.listing_url or tip.commune_code or tip.seller):
        tip.place = NOWHERE
    tip.cell = None
    history.record(session, "tip:withdraw_position", tip.id, by=None, at=at)
    session.flush()
    return True


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
