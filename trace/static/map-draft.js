// What is drawn or walked stays on this device until the server has it: a lost page, a flat battery or a dead signal costs nothing.

import { fill, locale, number } from "./map-base.js";

const name = (key) => `temthat:outline:${key}`;
const SENT = "temthat:outline-sent";

const attempt = (work) => {
  try {
    return work();
  } catch {
    return null; // private windows keep nothing, and that must not stop anybody
  }
};

export const keepDraft = ({ outline, words, box, text, key, form }) => {
  const stored = attempt(() => JSON.parse(localStorage.getItem(name(key))));
  // The same form again means that the server refused it: its fields hold what was sent.
  attempt(() => sessionStorage.removeItem(SENT));
  if (stored?.text && stored.text !== outline.text && stored.text !== text.defaultValue) {
    box.hidden = false;
    const at = new Date(stored.at).toLocaleString(locale, { dateStyle: "short", timeStyle: "short" });
    box.querySelector("[data-draft-said]").textContent = fill(words.kept, { n: number(stored.points), at });
  }
  box.querySelector('[data-do="use"]').addEventListener("click", () => {
    box.hidden = true;
    outline.readText(stored.text);
    outline.dispatchEvent(new Event("fit"));
  });
  box.querySelector('[data-do="discard"]').addEventListener("click", () => {
    box.hidden = true;
    attempt(() => localStorage.removeItem(name(key)));
  });
  form.addEventListener("submit", () => attempt(() => sessionStorage.setItem(SENT, key)));
  return () => attempt(() => (outline.count
    ? localStorage.setItem(name(key), JSON.stringify({ text: outline.text, points: outline.count, at: Date.now() }))
    : localStorage.removeItem(name(key))));
};

// On the page of an area that was just saved.
export const forgetSent = () => attempt(() => {
  const key = sessionStorage.getItem(SENT);
  if (!key) return;
  localStorage.removeItem(name(key));
  sessionStorage.removeItem(SENT);
});
