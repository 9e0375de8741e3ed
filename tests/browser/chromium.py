"""Which Chromium the tests, the pictures and the measurements drive, and how it is kept from calling home."""

from __future__ import annotations

import os
import shutil

# Debian's headless shell has the same engine without the desktop around it, and takes a quarter less time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find() -> str:
    """The path of the browser: what `./test` found, or the first there is."""
    found = os.environ.get("TEMTHAT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "no Chromium on this machine: ./test installs it"
    return found
