// Walking a boundary with a phone: only positions of ten metres or better become points.

import { fill, number } from "./map-base.js";
import { metres } from "./map-outline.js";

const WORST = 10;
const STEP = 5;

export const makeWalk = ({ outline, words, panel, toggle, show }) => {
  const said = panel.querySelector("[data-walk-said]");
  const auto = panel.querySelector("[data-walk-auto]");
  let watch = null;
  let now = null;

  const take = () => {
    if (!now) {
      said.textContent = words.waiting;
      return;
    }
    const m = number(Math.ceil(now.accuracy));
    if (now.accuracy > WORST) {
      said.textContent = fill(words.coarse, { m });
      return;
    }
    outline.add([now.latitude, now.longitude]);
    said.textContent = fill(words.taken, { n: number(outline.count), m });
  };

  const arrived = ({ coords }) => {
    now = coords;
    show([coords.latitude, coords.longitude], coords.accuracy);
    const last = outline.chosen && outline.at(outline.chosen);
    if (auto.checked && coords.accuracy <= WORST && (!last || metres(last, [coords.latitude, coords.longitude]) >= STEP)) take();
    else said.textContent = fill(coords.accuracy > WORST ? words.coarse : words.accuracy, { m: number(Math.ceil(coords.accuracy)) });
  };

  const stop = () => {
    if (watch !== null) navigator.geolocation.clearWatch(watch);
    watch = null;
    now = null;
    panel.hidden = true;
    toggle.setAttribute("aria-pressed", "false");
    show(null);
  };

  const start = () => {
    panel.hidden = false;
    toggle.setAttribute("aria-pressed", "true");
    said.textContent = words.waiting;
    watch = navigator.geolocation.watchPosition(arrived, (problem) => {
      said.textContent = problem.code === problem.PERMISSION_DENIED ? words.denied : words.waiting;
    }, { enableHighAccuracy: true, maximumAge: 0, timeout: 30000 });
  };

  panel.querySelector('[data-do="take"]').addEventListener("click", take);
  toggle.addEventListener("click", () => (watch === null ? start() : stop()));
  toggle.hidden = !("geolocation" in navigator);
};
