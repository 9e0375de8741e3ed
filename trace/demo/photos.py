"""Drawn pictures in the place of photos: a market stall, a box, a label with an unreadable pattern, and DỮ LIỆU MẪU across."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from labels.fonts import BOLD, FOLDERS
from trace.services import files

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from trace.demo.story import Story
    from trace.models.files import StoredFile

SIZE = (960, 720)
MARK = "DỮ LIỆU MẪU"
_STALLS = ("#c9b79c", "#a9b8a0", "#b7a9b8", "#b8b09a", "#9fb1bd")
_GOODS = ("#8c2f39", "#6b4423", "#c58b2a", "#7a4e7a", "#d9d2b0")


def take(story: Story, caption: str, *, at: datetime, by: UUID | None) -> StoredFile:
    """A new picture in the file store."""
    number = story.rng.randrange(10_000)
    picture = io.BytesIO(draw(random.Random(f"{story.seed} {caption} {number}"), caption))  # noqa: S311  a drawing
    return files.receive(story.session, story.config.files_dir, picture, name=f"anh-mau-{number:04d}.jpg", at=at, by=by)


def draw(rng: random.Random, caption: str) -> bytes:
    """A JPEG. The same dice draw the same picture."""
    width, height = SIZE
    image = Image.new("RGB", SIZE, rng.choice(_STALLS))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, int(height * 0.62), width, height), fill="#5d5146")
    for _ in range(rng.randint(4, 7)):
        x, y, side = rng.randint(0, width - 160), rng.randint(300, 470), rng.randint(110, 190)
        pen.rectangle((x, y, x + side, y + side), fill=rng.choice(_GOODS), outline="#2b2420", width=3)
    left, top = rng.randint(300, 420), rng.randint(190, 260)
    pen.rectangle((left, top, left + 330, top + 190), fill="#fbfaf5", outline="#444444", width=2)
    # Looks like a symbol and decodes to nothing: a real code in a drawing would be a label without goods.
    for row in range(15):
        for column in range(15):
            if rng.random() < 0.5:
                x, y = left + 14 + column * 10, top + 20 + row * 10
                pen.rectangle((x, y, x + 9, y + 9), fill="#111111")
    pen.multiline_text((left + 176, top + 40), "TEM\nMẪU", font=font(40), fill="#333333", spacing=12)
    pen.rectangle((0, 40, width, 130), fill="#ffffff")
    pen.text((40, 50), MARK, font=font(60), fill="#a02020")
    pen.text((40, height - 60), caption[:70], font=font(26), fill="#ffffff")
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=80)
    return saved.getvalue()


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The bold face of the labels."""
    for folder in FOLDERS:
        if (folder / BOLD).is_file():
            return ImageFont.truetype(folder / BOLD, size)
    return ImageFont.load_default(size)
