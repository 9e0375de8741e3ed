// The table of points: the same outline for the keyboard. Enter in a field takes the value; nothing sends the form by accident.

import { element, fill, number } from "./map-base.js";
import { readNumber } from "./map-outline.js";

const MOST_ROWS = 200;
const LIMITS = [90, 180];

export const makeTable = ({ outline, words, body }) => {
  let drawing = false;

  const field = (place, axis, name) => {
    const at = outline.at(place);
    const input = element("input", { className: "input", type: "text", inputMode: "decimal", autocomplete: "off", value: at[axis].toFixed(6) });
    input.setAttribute("aria-label", fill(name, { n: place.point + 1 }));
    input.dataset.place = `${place.piece}.${place.ring}.${place.point}.${axis}`;
    const take = () => {
      const value = readNumber(input.value);
      const good = value !== null && Math.abs(value) <= LIMITS[axis];
      input.setCustomValidity(good ? "" : words.cannot);
      input.toggleAttribute("aria-invalid", !good);
      input.title = good ? "" : words.cannot;
      const now = outline.at(place);
      if (!good || !now || value.toFixed(6) === now[axis].toFixed(6)) return;
      const to = [...now];
      to[axis] = value;
      outline.chosen = place;
      outline.move(place, to);
    };
    input.addEventListener("change", take);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      take();
    });
    input.addEventListener("focus", () => { if (!drawing) outline.choose(place); });
    return input;
  };

  const button = (short, long, work) => {
    const made = element("button", { className: "button quiet", type: "button", textContent: short });
    made.setAttribute("aria-label", long);
    made.addEventListener("click", work);
    return made;
  };

  const row = (place) => {
    const n = place.point + 1;
    const name = element("th", { scope: "row", textContent: number(n) });
    const line = element("tr", {}, name,
      element("td", {}, field(place, 0, words.latitude)), element("td", {}, field(place, 1, words.longitude)),
      element("td", {}, element("span", { className: "row" },
        button(words.insertShort, fill(words.insert, { n }), () => { outline.insertAfter(place); focus(`${place.piece}.${place.ring}.${place.point + 1}.0`); }),
        button(words.removeShort, fill(words.remove, { n }), () => { outline.remove(place); focus(`${place.piece}.${place.ring}.${Math.max(0, place.point - 1)}.0`); }))));
    return line;
  };

  const focus = (place) => body.querySelector(`[data-place="${place}"]`)?.focus();

  const heading = (words_) => element("tr", {}, element("th", { scope: "rowgroup", colSpan: 4, textContent: words_ }));

  const draw = () => {
    drawing = true;
    const held = document.activeElement?.dataset?.place;
    const rows = [];
    const several = outline.pieces.length > 1 || outline.pieces.some((piece) => piece.length > 1);
    outline.pieces.forEach((rings, piece) => rings.forEach((ring, index) => {
      if (several) rows.push(heading(index ? words.hole : fill(words.piece, { n: piece + 1 })));
      ring.forEach((_at, point) => { if (rows.length < MOST_ROWS) rows.push(row({ piece, ring: index, point })); });
    }));
    if (outline.count > MOST_ROWS) rows.push(heading(fill(words.many, { n: number(outline.count) })));
    body.replaceChildren(...rows);
    // Redrawn under the reader's hands, the table keeps the place that they were in.
    if (held) focus(held);
    drawing = false;
    mark();
  };
  const mark = () => {
    const place = outline.chosen && `${outline.chosen.piece}.${outline.chosen.ring}.${outline.chosen.point}.0`;
    body.querySelectorAll("tr").forEach((line) => line.classList.toggle("chosen", Boolean(place && line.querySelector(`[data-place="${place}"]`))));
  };
  outline.addEventListener("change", draw);
  outline.addEventListener("choose", mark);
  draw();
};
