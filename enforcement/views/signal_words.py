"""A signal in the reader's language: its record is Vietnamese, other languages are made from what it says and its facts.

What must not live here: anything that a reporter wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import get_locale
from flask_babel import gettext as _

from labels.code import show, show_serial
from trace.words import number, say

if TYPE_CHECKING:
    from enforcement.models import Signal


def summary(signal: Signal) -> str:
    """One line of what a signal says."""
    if str(get_locale()) == "vi":
        return signal.summary
    facts = signal.facts
    parts = [say(signal.what)]
    if "scans" in facts:
        parts[0] = _(
            "%(what)s: %(scans)s scans, %(labels)s labels, order %(order)s",
            what=parts[0],
            scans=number(facts["scans"]),
            labels=number(facts["labels"]),
            order=facts["order"],
        )
    elif "times" in facts:
        parts[0] = _("%(what)s: %(n)s times", what=parts[0], n=number(facts["times"]))
    if facts.get("order_alone"):
        parts.append(_("order %(number)s", number=signal.source_number))
    parts += [str(facts[name]) for name in ("agency", "platform", "product", "holder") if facts.get(name)]
    if facts.get("serial") is not None:
        parts.append(_("label %(serial)s", serial=show_serial(facts["serial"])))
    if facts.get("code"):
        parts.append(_("code %(code)s", code=show(facts["code"])))
    return " – ".join(str(part) for part in parts)
