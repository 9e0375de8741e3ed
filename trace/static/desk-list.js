// Comforts for the lists of the case desk: single keys, the count of ticked rows, figures of saved filters, the seconds of an undo.
// Every one of them has a link or button that works without this file. Words come from data attributes.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const list = document.querySelector("[data-desk-list]");
const help = document.getElementById("keys-help");
const rows = all("tbody tr", list);
const linkOf = (row) => row?.querySelector("th a");
const boxOf = (row) => row?.querySelector("input[type=checkbox]");
const here = () => document.activeElement?.closest?.("[data-desk-list] tbody tr") ?? null;
const place = `desk:${location.pathname}${location.search}`;

// The row that was opened is the row in hand again when the reader comes back.
const remember = (row) => sessionStorage.setItem(place, linkOf(row)?.getAttribute("href") ?? "");
const restore = () => {
  const kept = sessionStorage.getItem(place);
  const link = kept && rows.map(linkOf).find((each) => each?.getAttribute("href") === kept);
  sessionStorage.removeItem(place);
  link?.focus();
};

const go = (step) => {
  const at = rows.indexOf(here());
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
  linkOf(next)?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

const said = document.querySelector("[data-chosen]");
const before = said?.textContent;
const whole = document.querySelector("#bulk input[name=all]");
const taken = document.querySelector("#bulk [data-export-all]");
const ticked = () => rows.filter((row) => boxOf(row)?.checked).length;
const tell = () => {
  if (!said) return;
  const count = whole?.checked ? whole.dataset.all : ticked();
  said.textContent = count ? said.dataset.chosen.replace("{n}", count) : before;
  if (taken) taken.textContent = count ? taken.dataset.exportChosen.replace("{n}", count) : taken.dataset.exportAll;
};

const tick = (row) => {
  const box = boxOf(row);
  if (!box) return;
  box.checked = !box.checked;
  tell();
};

// Every row of the filter, on all its pages; where one page holds them all, every row of it.
const tickAll = () => {
  if (whole) whole.checked = !whole.checked;
  else {
    const on = ticked() < rows.length;
    rows.map(boxOf).forEach((box) => { if (box) box.checked = on; });
  }
  tell();
};

// A deed for ticked rows; if none is ticked, for the row in hand.
const deed = (key) => {
  const button = document.querySelector(`#bulk [data-key="${key}"]`);
  if (!button) return false;
  if (!whole?.checked && !ticked() && here()) tick(here());
  if (whole?.checked || ticked()) button.click();
  else button.focus();
  return true;
};

const ACTS = {
  j: () => go(1),
  k: () => go(-1),
  x: () => tick(here()),
  X: tickAll,
  a: () => deed("a"),
  d: () => deed("d"),
  s: () => {
    if (deed("s")) return;
    const link = linkOf(here());
    if (!link) return;
    remember(here());
    location.assign(`${link.href}#${list.dataset.stateAnchor ?? ""}`);
  },
  "/": () => document.getElementById("filter-q")?.focus(),
  "?": () => help?.showModal(),
};

const writes = (node) => node?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

if (list) {
  if (list.dataset.keys === "on") {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help?.open || writes(event.target)) return;
      const act = ACTS[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }
  list.addEventListener("click", (event) => {
    const row = event.target.closest("th a")?.closest("tr");
    if (row) remember(row);
  });
  list.addEventListener("change", tell);
  whole?.addEventListener("change", tell);
  window.addEventListener("pageshow", () => { restore(); tell(); });
}

if (help) {
  all("[data-keys-help]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => help.showModal());
  });
}

// The figures of saved filters come after the page, so that a heavy filter delays nobody.
const bar = document.querySelector("[data-figures]");
if (bar?.querySelector("[data-filter]")) {
  fetch(bar.dataset.figures)
    .then((answer) => (answer.ok ? answer.json() : {}))
    .then((figures) => all("[data-filter]", bar).forEach((mark) => {
      const figure = figures[mark.dataset.filter];
      if (!figure) return;
      mark.textContent = figure;
      mark.hidden = false;
    }))
    .catch(() => {});
}

// Ten seconds to take back with one press; afterwards the link beside leads to the page of the deed, where it still can be.
const toast = document.querySelector("[data-undo]");
const left = toast?.querySelector("[data-undo-left]");
if (left) {
  const words = left.textContent;
  let seconds = Number(toast.dataset.undo);
  const count = () => {
    left.hidden = false;
    left.textContent = words.replace("{n}", seconds);
    if (seconds <= 0) {
      if (!toast.contains(document.activeElement)) toast.querySelector("form").hidden = true;
      return;
    }
    seconds -= 1;
    setTimeout(count, 1000);
  };
  count();
}
