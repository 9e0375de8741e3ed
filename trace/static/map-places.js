// The places of a case on the map of communes: a dot where somebody stood, a ring where a place is known only roughly.

import { element, open, whenSeen } from "./map-base.js";

const frame = document.querySelector('[data-map="places"]');

const start = async () => {
  const points = JSON.parse(frame.dataset.points);
  const around = points.map(({ at }) => at);
  const opened = await open(frame, around.length > 1 ? around : [[around[0][0] - .03, around[0][1] - .03], [around[0][0] + .03, around[0][1] + .03]], { maxZoom: 14, padding: [32, 32] });
  if (!opened) return;
  const { L, map, words } = opened;
  for (const { at, name, number, source, coarse, url } of points) {
    const mark = coarse
      ? L.circleMarker(at, { radius: 14, color: "#0b5394", weight: 2, dashArray: "4 4", fillColor: "#0b5394", fillOpacity: .12 })
      : L.circleMarker(at, { radius: 7, color: "#fff", weight: 2, fillColor: "#0b5394", fillOpacity: 1 });
    const lines = [element("b", { textContent: name }), element("p", { textContent: `${number} · ${source}${coarse ? ` · ${words.rough}` : ""}` })];
    if (url) lines.push(element("a", { href: url, textContent: words.open }));
    mark.bindPopup(element("div", {}, ...lines)).bindTooltip(element("span", { textContent: name })).addTo(map);
  }
  frame.dataset.drawn = String(points.length);
};

if (frame) whenSeen(frame, start);
