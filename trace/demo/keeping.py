"""What sample cases keep, and through whose hands it goes: a film and an HEIC photo brought in, a hand-over confirmed and one waiting,
a redacted copy, a seal taken off and a new one put on.

The film is drawn and says that it is sample data.
"""

from __future__ import annotations

import io
import random
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import select

from enforcement import custody, evidence, exhibits, redaction
from enforcement.casebook import lock
from enforcement.evidence import Setting
from enforcement.exhibits import D, DeedFacts
from enforcement.models import Exhibit
from trace.demo import photos
from trace.services import files

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from enforcement.models import Evidence
    from trace.demo.story import Story

FILM = Path(__file__).with_name("film.webm")
SAMPLE = "dữ liệu mẫu"
STORE_ROOM = "Kho tang vật mẫu của Đội"
CAPTION = (0.0, 90.0, 100.0, 10.0)
"""The strip of a drawn photo that names the stall, in percent."""


def make(story: Story, case_id: UUID) -> None:
    """Everything in one case, in the last two days."""
    at = story.at - timedelta(hours=30)
    first = evidence.of_case(story.session, case_id)[0]
    film = _take(story, case_id, ("quay-mau.webm", FILM.read_bytes()), "Quay toàn cảnh kho mẫu khi niêm phong", at)
    photo = _take(story, case_id, ("IMG_MAU.HEIC", _heic()), "Hai lớp tem trên nắp hộp mẫu", at + timedelta(minutes=8))
    _redact(story, case_id, first, at + timedelta(hours=1))
    _hand_over(story, film, at + timedelta(hours=3), confirmed=True)
    _hand_over(story, photo, story.at - timedelta(hours=4), confirmed=False)
    _seal_anew(story, case_id, at + timedelta(hours=5))


def _take(story: Story, case_id: UUID, file: tuple[str, bytes], title: str, at: datetime) -> Evidence:
    name, content = file
    session, store, by = story.session, story.config.files_dir, story.people["officer"].id
    stored = files.receive(session, store, io.BytesIO(content), name=name, at=at, by=by, kinds=files.WITH_VIDEO)
    return evidence.take(
        session, lock(session, case_id), stored, title=f"{title} ({SAMPLE})", origin="Kiểm soát viên chụp, quay tại nơi kiểm tra",
        taken_at=at - timedelta(hours=1), taken_by=by, store=store, by=by, at=at,
        setting=Setting("Siêu thị mẫu Thành Đông", (20.9401, 106.3330), 12, "Điện thoại mẫu của Đội"),
    )  # fmt: skip


def _heic() -> bytes:
    """A drawn photo in the format of telephones."""
    drawn = photos.draw(random.Random("heic"), "Hai lớp tem trên nắp hộp mẫu")  # noqa: S311  a drawing
    saved = io.BytesIO()
    Image.open(io.BytesIO(drawn)).save(saved, "HEIF", quality=60)
    return saved.getvalue()


def _redact(story: Story, case_id: UUID, piece: Evidence, at: datetime) -> None:
    redaction.draw(
        story.session, case_id, piece.id, [CAPTION], reason="Che tên điểm bán trước khi gửi tổ chức giám định.",
        store=story.config.files_dir, by=story.people["officer"].id, at=at,
    )  # fmt: skip


def _hand_over(story: Story, piece: Evidence, at: datetime, *, confirmed: bool) -> None:
    session, to = story.session, story.people["officer-2" if confirmed else "team_head"].id
    custody.hand_over(
        session, piece.id, to, place="Trụ sở Đội", note="Bàn giao để đối chiếu với hàng giữ lại.", seen=piece.sha256,
        by=story.people["officer"].id, at=at,
    )  # fmt: skip
    if confirmed:
        custody.confirm(session, piece.id, seen=piece.sha256, by=to, at=at + timedelta(minutes=25))


def _seal_anew(story: Story, case_id: UUID, at: datetime) -> None:
    session, by = story.session, story.people["officer"].id
    thing = session.scalars(
        select(Exhibit).where(Exhibit.case_id == case_id, Exhibit.seal_number.is_not(None)).order_by(Exhibit.seq).limit(1)
    ).one()  # fmt: skip
    deeds = (
        DeedFacts(
            D.UNSEALED,
            at,
            seal_number=thing.seal_number,
            document_number="MẪU-30/MBB27",
            note="Mở để lấy mẫu gửi giám định.",
        ),
        DeedFacts(D.SEALED, at + timedelta(minutes=20), seal_number="NP-MẪU-130", document_number="MẪU-31/MBB26"),
        DeedFacts(
            D.MOVED,
            at + timedelta(hours=1),
            kept_at=STORE_ROOM,
            keeper=f"Thủ kho mẫu ca chiều ({SAMPLE})",
            note="Bàn giao ca.",
        ),
    )
    for deed in deeds:
        exhibits.do(session, case_id, thing.id, deed, by=by, at=deed.done_at)
