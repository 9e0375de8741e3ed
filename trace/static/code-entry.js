// Grouping a code while it is typed, and naming a character that cannot be in one before anything is sent. The server judges anew.
// Whether a label's code is right only the server can tell; of a lot's code the last character checks the others.
// Words come from data attributes, so that this file has no language.

const SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LABEL = 12;
const LOT = 8;

// What the server folds too: width, case, look-alikes, separators.
const folded = (text) => [...text.normalize("NFKC").toUpperCase().replace(/[\s\-\u2010-\u2015\u2212]/g, "")]
  .map((sign) => ({ O: "0", I: "1", L: "1" })[sign] ?? sign);

const timesX = (value) => ((value << 1) & 31) ^ (9 * (value >> 4));
const checks = (signs) => signs.reduce((sum, sign) => timesX(sum) ^ SIGNS.indexOf(sign), 0) === 0;

const fault = (signs, { impossible, long, lot }, left) => {
  const place = signs.findIndex((sign) => !SIGNS.includes(sign));
  if (place >= 0) return impossible.replace("{place}", place + 1).replace("{sign}", signs[place]);
  if (signs.length > LABEL) return long.replace("{count}", signs.length);
  return left && signs.length === LOT && !checks(signs) ? lot : "";
};

// Hyphens are put in as the typing goes; the caret stays behind the character it stood behind.
const group = (input) => {
  const { value, selectionStart: caret } = input;
  const before = folded(value.slice(0, caret)).length;
  const signs = folded(value);
  const shown = signs.join("").match(/.{1,4}/gu)?.join("-") ?? "";
  if (shown === value) return;
  input.value = shown;
  const place = before + Math.max(0, Math.ceil(before / 4) - 1);
  input.setSelectionRange(place, place);
};

const watch = (input) => {
  const said = document.querySelector("#code-said");
  const judge = (left) => {
    const pasted = /[/:?]/.test(input.value);
    said.textContent = pasted ? "" : fault(folded(input.value), input.dataset, left);
    input.toggleAttribute("data-wrong", said.textContent !== "");
    return pasted;
  };
  input.addEventListener("input", (event) => {
    // While an input method composes a letter, its text is not ours to change.
    if (!event.isComposing && !judge(false)) group(input);
  });
  input.addEventListener("change", () => judge(true));
};

document.querySelectorAll("[data-impossible]").forEach(watch);
