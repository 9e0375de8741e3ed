"""What every page owes its reader, whoever it is for: usable without eyes, no sideways scroll, no words of another language."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from trace import words
from trace.config import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
NARROW = (360, 320)

# English words that no Vietnamese text written without marks contains, and what a program says when it forgot to speak.
FOREIGN = re.compile(
    r"\b(?i:the|and|of|with|without|for|from|this|that|these|there|was|has|have|been|were|are|is|by|your|you|not|none|null|undefined"
    r"|error|order|label|labels|case|signal|lot|area|certificate|state|reason|file|page|search|back|next|save|send|open|close)\b"
    r"|%\(\w+\)|\b[A-Z][A-Za-z]+\.[a-z_]+\b|\bTrue\b|\bFalse\b"
)
READ = """() => {
  const shown = [], hidden = (node) => node.closest("script,style,[lang]:not(html),.mono,code,time,select[data-any]");
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim();
    if (text && !hidden(walk.currentNode.parentElement)) shown.push(text);
  }
  for (const node of document.querySelectorAll("[aria-label],[placeholder],[title],[alt],[data-label],[data-copied]"))
    if (!hidden(node))
      for (const name of ["aria-label", "placeholder", "title", "alt", "data-label", "data-copied"])
        if (node.getAttribute(name)) shown.push(node.getAttribute(name).trim());
  return [document.title, ...shown];
}"""
WIDE = """() => {
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= edge) return [];
  const out = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > edge + 1);
  return [`scrolls to ${document.documentElement.scrollWidth}`, ...out.slice(-2).map((node) => node.outerHTML.slice(0, 160))];
}"""
PARTS = """() => [...new Set([...document.querySelectorAll("body *")].map((node) =>
  `${node.parentElement.tagName} ${node.tagName}.${node.className} ${node.getAttributeNames()}`))].sort().join()"""
RUN_AXE = """async (rules) => {
  if (!window.axe && !window.bringAxe) return null;
  window.axe || window.bringAxe();
  const found = await axe.run(document, {resultTypes: ["violations"], rules});
  return found.violations.map((one) => `${one.id}: ${one.help} – ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`);
}"""


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


@cache
def _wording(locale: str) -> dict[Any, str]:
    return words.read(locale)


def bring_axe(context: BrowserContext) -> None:
    """Let every page of a context hold axe ready: sent with each look it takes half as long as the look itself."""
    context.add_init_script(f"window.bringAxe = () => {{{_axe()}\n}};")


_coloured: set[str] = set()
"""Kinds of page whose colours were judged by this process. The style sheets are the same for everybody, and colours take half the time."""
_judged: set[tuple[str, str]] = set()
"""Kinds of page with the parts that they were built of when judged: the same list for a second person has nothing new to object to."""


def violations(page: Page, kind: str = "") -> list[str]:
    """What axe-core objects to on the page as it stands. A named kind of page built of the same parts is judged once."""
    if kind:
        built = (kind, page.evaluate(PARTS))
        if built in _judged:
            return []
        _judged.add(built)
    rules = {"color-contrast": {"enabled": False}} if kind in _coloured else {}
    found: list[str] | None = page.evaluate(RUN_AXE, rules)
    if found is None:
        page.evaluate(_axe())
        found = page.evaluate(RUN_AXE, rules)
    assert found is not None
    if kind:
        _coloured.add(kind)
    return found


def sideways(page: Page) -> list[str]:
    """What sticks out at the right edge on a phone, if anything scrolls sideways. Leaves the page at its size."""
    size = page.viewport_size
    found: list[str] = []
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 740})
        found += [f"{width} px: {node}" for node in page.evaluate(WIDE)]
    if size:
        page.set_viewport_size(size)
    return found


def foreign_words(page: Page, locale: str) -> list[str]:
    """Texts on the page that are not of its language: ids that nobody translated, and words only a program would say."""
    other = "en" if locale == "vi" else "vi"
    elsewhere = {text for message, text in _wording(other).items() if text and text != _wording(locale).get(message)}
    elsewhere -= set(_wording(locale).values())
    shown: list[str] = page.evaluate(READ)
    return [text for text in shown if text in elsewhere or (locale == "vi" and FOREIGN.search(text))]


def faults(page: Page, locale: str = "vi", kind: str = "") -> list[str]:
    """All of the above."""
    return [*violations(page, kind), *sideways(page), *foreign_words(page, locale)]
