"""Take the pictures of the README from a running `./run` with sample data.

    ./run --port 8123 &   then   PYTHONPATH=. .venv/bin/python docs/tour.py http://127.0.0.1:8123 docs/pictures

Signs in as the sample people; changes nothing. Pictures at 360×740 (-m) and 1440×900 (-d).
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pyotp
from playwright.sync_api import Browser, Page, sync_playwright

from trace import demo

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Whose page, its address, the name of the picture, and a link to follow first.
PUBLIC = [
    ("/gallery/verdict/valid", "verdict-valid"),
    ("/gallery/verdict/suspected_copy", "verdict-copy"),
    ("/", "home"),
    ("/nhap-ma?code=7K4M-92QD", "malformed"),
    ("/report", "report"),
    ("/dang-nhap", "sign-in"),
]
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
    ("quanly", "/kiem-soat", "controls", None),
    ("quanly", "/lo", "lots", None),
    ("quanly", "/van-bang", "titles", None),
    ("quanly", "/van-bang", "title", "tbody th a"),
    ("kiemtra", "/quan-sat/moi", "observation-new", None),
    ("canbo", "/hang-doi", "queue", None),
    ("canbo", "/hang-doi", "signal", "tbody th a"),
    ("canbo", "/vu-viec", "cases", None),
    ("canbo", "/vu-viec", "case", "tbody th a"),
    ("canbo", "/tim?q=cam+giang", "search", None),
    ("giukin", "/trang-chinh", "custodian", None),
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


def main(base: str, folder: Path) -> int:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    accounts = {account.login: account for account in demo.accounts()}
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_context(locale="vi-VN").new_page()
        for path, name in PUBLIC:
            page.goto(base + path)
            shoot(page, folder, name)
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
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
