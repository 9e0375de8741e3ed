"""Take the pictures of the README from a running `./run` with sample data.

    ./run --port 8123 &   then   PYTHONPATH=. .venv/bin/python docs/tour.py http://127.0.0.1:8123 docs/pictures

Signs in as the sample people. It begins a control visit and sends a file of areas, and changes nothing else. Pictures at 360×740 (-m) and 1440×900 (-d).
"""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pyotp
import pypdfium2
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from trace import demo

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
# Whose page, its address, the name of the picture, and a link to follow first.
PUBLIC = [
    ("/gallery/verdict/valid", "verdict-valid"),
    ("/gallery/verdict/suspected_copy", "verdict-copy"),
    ("/", "home"),
    ("/nhap-ma?code=7K4M-92QD", "malformed"),
    ("/report", "report"),
    ("/dang-nhap", "sign-in"),
]
# The first screens that the sheet of states shows, in the order of the README.
STATES = (
    "valid-first", "valid", "unusual", "suspected_copy", "copied_opened", "voided", "recalled", "holder_suspended", "holder_suspended-before",
    "not_activated", "expired", "several", "unknown", "malformed", "lot_code", "not_checked", "sample", "valid?answer=differs",
    "valid?answer=match", "hidden?hidden=again",
)  # fmt: skip
STATES_IN_ENGLISH = ("valid", "suspected_copy", "not_activated", "unknown")
ACROSS, SMALL, GAP = 8, (216, 444), 10
STAFF = [
    ("htx.thanhha", "/trang-chinh", "clerk-home", None),
    ("htx.thanhha", "/tem/don/moi", "order-lot", None),
    ("htx.thanhha", "/tem/don", "orders", None),
    ("htx.thanhha", "/tem/don", "order", "tbody th a"),
    ("htx.thanhha", "/tem/doi-soat", "reconcile", None),
    ("htx.thanhha", "/tem/ban-giao", "handovers", None),
    ("quanly", "/giay-chung-nhan", "certificates", None),
    ("quanly", "/giay-chung-nhan", "certificate", "tbody th a"),
    ("quanly", "/vung-trong", "areas", None),
    ("quanly", "/vung-trong", "area", "tbody th a"),
    ("quanly", "/vung-trong/ban-do", "area-map", None),
    ("quanly", "/vung-trong/nhap", "area-imports", None),
    ("quanly", "/don-cap-quyen", "applications", None),
    ("quanly", "/don-cap-quyen", "application", "tbody th a"),
    ("quanly", "/kiem-soat", "controls", None),
    ("quanly", "/lo", "lots", None),
    ("quanly", "/van-bang", "titles", None),
    ("quanly", "/van-bang", "title", "tbody th a"),
    ("kiemtra", "/quan-sat/moi", "observation-new", None),
    ("canbo", "/hang-doi", "queue", None),
    ("canbo", "/hang-doi", "signal", "tbody th a"),
    ("canbo", "/vu-viec", "cases", None),
    ("canbo", "/vu-viec", "case", "tbody th a"),
    ("canbo", "/hang-doi?q=combo", "signal-group", "tbody th a"),
    ("canbo", "/tiep-nhan", "intake", None),
    ("canbo", "/thoi-han", "deadlines", None),
    ("canbo", "/tim?q=cam+giang", "search", None),
    ("doitruong", "/vu-viec?q=ba+sap", "case-offenders", "tbody th a"),
    ("chicuctruong", "/bao-cao-vu-viec", "desk-report", None),
    ("quanly", "/bao-cao-vu-viec/yeu-cau-xu-ly", "requests-followed", None),
    ("giukin", "/trang-chinh", "custodian", None),
    ("giukin", "/nguoi-bao", "informants", None),
    ("quantri", "/quan-tri/nguoi-dung", "people", None),
]


def shoot(page: Page, folder: Path, name: str) -> None:
    """One page at both sizes."""
    for suffix, size in (("d", DESK), ("m", PHONE)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=folder / f"{name}-{suffix}.png")
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    if wide:
        print(f"{name}: sideways scroll at 360 px")


def states(page: Page, base: str, folder: Path) -> None:
    """One picture of every answer on a phone, the first screen of each: Vietnamese, then a few in English."""
    shots = []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for state, lang in [*((state, "vi") for state in STATES), *((state, "en") for state in STATES_IN_ENGLISH)]:
        page.goto(f"{base}/gallery/verdict/{state}{'&' if '?' in state else '?'}lang={lang}")
        shots.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SMALL, Image.Resampling.LANCZOS))
    rows = -(-len(shots) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (SMALL[0] + GAP) + GAP, rows * (SMALL[1] + GAP) + GAP), "#8a949c")
    for number, shot in enumerate(shots):
        sheet.paste(shot, (GAP + number % ACROSS * (SMALL[0] + GAP), GAP + number // ACROSS * (SMALL[1] + GAP)))
    sheet.quantize(128).save(folder / "verdict-states.png", optimize=True)


def enter(browser: Browser, base: str, account: Any) -> Page:
    """A signed-in page."""
    page = browser.new_context(viewport=DESK, locale="vi-VN").new_page()  # type: ignore[arg-type]
    page.goto(base + "/dang-nhap")
    page.fill("[name=login]", account.login)
    page.fill("[name=password]", account.password)
    page.click("main button")
    if account.totp_secret:
        page.fill("[name=digits]", pyotp.TOTP(account.totp_secret).now())
        page.click("main button")
    page.wait_for_url("**/trang-chinh")
    return page


def area_with_faults() -> dict[str, Any]:
    """A file of areas as it may come: one that crosses itself, one far from the territory."""
    corners = {
        "Vùng mẫu 1": [(106.41, 20.91), (106.413, 20.913), (106.413, 20.91), (106.41, 20.913)],
        "Vùng mẫu 2": [(106.7, 20.82), (106.703, 20.82), (106.703, 20.823), (106.7, 20.823)],
    }
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": name},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
            for name, ring in corners.items()
        ],
    }


def steps(pages: dict[str, Page], base: str, folder: Path) -> None:
    """Pictures that need more than an address."""
    page = pages["quanly"]
    page.goto(base + "/giay-chung-nhan")
    page.locator("tbody th a").first.click()
    page.goto(str(page.locator("a[href*='/gcn/']").first.evaluate("each => each.href")))
    shoot(page, folder, "certificate-status")
    page.goto(base + "/vung-trong")
    page.locator("tbody th a").first.click()
    page.locator("main a[href$='/sua']").first.click()
    page.wait_for_load_state("networkidle")
    shoot(page, folder, "area-edit")
    page.goto(base + "/vung-trong/nhap")
    page.locator("input[type=file]").set_input_files(
        {
            "name": "vung-mau.geojson",
            "mimeType": "application/geo+json",
            "buffer": json.dumps(area_with_faults()).encode(),
        }
    )
    for name in ("title", "holder"):
        if page.locator(f"select[name={name}]").count():
            page.locator(f"select[name={name}]").select_option(index=1)
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    shoot(page, folder, "area-imports")
    page = pages["canbo"]
    page.goto(base + "/vu-viec?state=executing")
    page.locator("tbody th a").first.click()
    page.goto(page.url + "/ho-so")
    shoot(page, folder, "case-file")
    page.goto(base + "/vu-viec?state=post_verification")
    page.locator("tbody th a").first.click()
    page.goto(page.url + "/chung-cu")
    shoot(page, folder, "case-evidence")
    page.locator("main ul a[href*='/chung-cu/']").first.click()
    page.wait_for_load_state()
    shoot(page, folder, "evidence")
    page.goto(base + "/vu-viec?q=sap+mau+so+5")
    page.locator("tbody th a").first.click()
    page.goto(page.url + "/tuong-tu")
    shoot(page, folder, "case-similar")
    page.locator("main a[href*='/ghep?']").first.click()
    page.wait_for_load_state()
    shoot(page, folder, "case-merge")
    page.goto(base + "/van-ban?form=MBB02")
    page.locator("tbody th a").first.click()
    drawn = pypdfium2.PdfDocument(page.request.get(page.url + ".pdf").body())
    drawn[0].render(scale=1.4).to_pil().convert("L").quantize(16).save(folder / "case-document.png", optimize=True)
    page = pages["kiemsoat"]
    page.goto(base + "/kiem-soat/moi")
    page.locator("select[name=source]").select_option(index=1)
    page.locator("select[name=level]").select_option("internal")
    page.locator("main form button").first.click()
    page.wait_for_load_state("networkidle")
    shoot(page, folder, "visit")


def main(base: str, folder: Path) -> int:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    accounts = {account.login: account for account in demo.accounts()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.QUIET)
        page = browser.new_context(locale="vi-VN").new_page()
        for path, name in PUBLIC:
            page.goto(base + path)
            shoot(page, folder, name)
        states(page, base, folder)
        signed: dict[str, Page] = {}
        for login, path, name, link in STAFF:
            if login not in signed:
                signed[login] = enter(browser, base, accounts[login])
                time.sleep(0.2)
            page = signed[login]
            page.set_viewport_size(DESK)  # type: ignore[arg-type]
            answer = page.goto(base + path)
            if answer is not None and answer.status >= 400:
                print(f"{name}: {answer.status}")
            if link:
                page.locator(link).first.click()
                page.wait_for_load_state()
            shoot(page, folder, name)
        signed["kiemsoat"] = enter(browser, base, accounts["kiemsoat"])
        steps(signed, base, folder)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
