// Drawing a boundary: the map, the table of points and the text are three views of one outline. The text is what the form sends.

import { CITY, element, fetchWindow, fill, number, open, settled, whenSeen } from "./map-base.js";
import { Outline } from "./map-outline.js";
import { makeTable } from "./map-table.js";
import { makeWalk } from "./map-walk.js";
import { keepDraft } from "./map-draft.js";

const MOST_HANDLES = 250;
const frame = document.querySelector('[data-map="draw"]');
const form = frame.closest("form");
const words = JSON.parse(frame.dataset.words);
const part = (name) => form.querySelector(`[data-${name}]`);
const text = form.elements[frame.dataset.field];
const outline = new Outline();
const size = part("size");
const said = part("said");
let marks = null;

const tool = (name) => form.querySelector(`[data-do="${name}"]`);

// ------------------------------------------------------------------------------------------------------------ the check

const line = ({ message, way_out: way }) => element("li", {}, element("b", { textContent: message }), way ? ` ${way}` : "");

const tell = ({ faults, remarks }) => {
  const lists = [[faults, words.faults, "error"], [remarks, words.remarks, "warning"]].filter(([found]) => found.length)
    .map(([found, heading, kind]) => {
      const box = element("div", { className: "flash" }, element("div", {}, element("p", { textContent: heading }), element("ul", {}, ...found.map(line))));
      box.dataset.kind = kind;
      return box;
    });
  said.replaceChildren(...(lists.length ? lists : [element("p", { textContent: words.good })]));
  marks?.([...faults, ...remarks].filter(({ at }) => at).map(({ at }) => at));
};

const measure = (hectares, exact) => { size.textContent = hectares ? fill(words.hectares, { ha: `${exact ? "" : "≈ "}${number(hectares, 2)}` }) : ""; };

const check = settled(async (current) => {
  const title = form.elements.title.value;
  if (!outline.count) {
    said.replaceChildren();
    return;
  }
  if (!outline.complete || !title) {
    said.replaceChildren(element("p", { className: "hint", textContent: outline.complete ? words.title : words.few }));
    return;
  }
  said.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(frame.dataset.check, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
      body: JSON.stringify({ shape: outline.shape, title, declared: form.elements.declared_ha.value, area: frame.dataset.area ?? null }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    if (!current()) return;
    tell(found);
    if (found.hectares) measure(found.hectares, true);
    const commune = form.elements.commune;
    if (found.commune && !commune.value && commune.querySelector(`option[value="${found.commune}"]`)) commune.value = found.commune;
  } catch {
    if (current()) said.replaceChildren(element("p", { className: "hint", textContent: words.offline }));
  } finally {
    if (current()) said.removeAttribute("aria-busy");
  }
}, 500);

// ------------------------------------------------------------------------------------------------------------- the map

const start = async () => {
  const opened = await open(frame, CITY);
  if (!opened) return;
  const { L, map } = opened;
  let adding = outline.count < 3;
  const neighbours = L.geoJSON(null, {
    style: { color: "#7a4b00", weight: 2, fillColor: "#ffc14d", fillOpacity: .25 },
    onEachFeature: (feature, layer) => feature.geometry.type !== "Point" && layer.bindTooltip(element("span", { textContent: feature.properties.name }), { sticky: true }),
    pointToLayer: ({ properties }, place) => L.marker(place, { interactive: false, keyboard: false, icon: L.divIcon({ className: "map-count", html: element("span", { textContent: number(properties.count) }), iconSize: [34, 34] }) }),
  }).addTo(map);
  const shape = L.layerGroup().addTo(map);
  const handles = L.layerGroup().addTo(map);
  const problems = L.layerGroup().addTo(map);
  const own = L.layerGroup().addTo(map);

  const around = settled(async (current) => {
    try {
      const found = await fetchWindow(frame.dataset.layer, map, { title: form.elements.title.value });
      if (!current()) return;
      neighbours.clearLayers();
      neighbours.addData(found);
    } catch { /* the neighbours' borders help; the check names them anyway */ }
  }, 200);

  const icon = (name, extent) => L.divIcon({ className: name, iconSize: [extent, extent] });
  const same = (place) => JSON.stringify(place) === JSON.stringify(outline.chosen);

  const handle = (place, at) => {
    const marker = L.marker(at, { icon: icon(`map-handle${same(place) ? " chosen" : ""}`, 24), draggable: true, keyboard: false, autoPan: true });
    marker.on("click", () => outline.choose(place));
    marker.on("dragstart", () => outline.remember());
    marker.on("drag", ({ latlng }) => { outline.at(place)[0] = latlng.lat; outline.at(place)[1] = latlng.lng; drawShape(); measure(outline.hectares, false); });
    marker.on("dragend", () => { outline.chosen = place; outline.change(() => {}, { remember: false }); });
    return marker;
  };
  const between = (place, one, other) => L.marker([(one[0] + other[0]) / 2, (one[1] + other[1]) / 2], { icon: icon("map-between", 18), keyboard: false })
    .on("click", () => outline.insertAfter(place));

  const drawShape = () => {
    shape.clearLayers();
    for (const piece of outline.pieces.filter(([ring]) => ring.length)) {
      const style = { color: "#12324f", weight: 3, fillColor: "#0b5394", fillOpacity: .25, interactive: false };
      shape.addLayer(piece[0].length > 2 ? L.polygon(piece, style) : L.polyline(piece[0], style));
    }
  };
  const drawHandles = () => {
    handles.clearLayers();
    const view = map.getBounds().pad(.1);
    let left = MOST_HANDLES;
    outline.pieces.forEach((rings, piece) => rings.forEach((ring, number_) => ring.forEach((at, point) => {
      if (left <= 0 || !view.contains(at)) return;
      left -= 1;
      const place = { piece, ring: number_, point };
      handles.addLayer(handle(place, at));
      const next = ring[(point + 1) % ring.length];
      if (ring.length > 2 && map.latLngToContainerPoint(at).distanceTo(map.latLngToContainerPoint(next)) > 60) handles.addLayer(between(place, at, next));
    })));
  };
  const draw = () => { drawShape(); drawHandles(); };

  marks = (places) => {
    problems.clearLayers();
    for (const at of places) problems.addLayer(L.circleMarker(at, { radius: 12, color: "#8c1118", weight: 4, fill: false, interactive: false }));
  };
  const press = (on) => {
    adding = on;
    tool("add").setAttribute("aria-pressed", String(on));
    frame.classList.toggle("adding", on);
  };
  const showOwn = (at, accuracy) => {
    own.clearLayers();
    if (!at) return;
    own.addLayer(L.circle(at, { radius: accuracy, color: "#0b7a75", weight: 1, fillOpacity: .12, interactive: false }));
    own.addLayer(L.circleMarker(at, { radius: 6, color: "#fff", weight: 2, fillColor: "#0b7a75", fillOpacity: 1, interactive: false }));
    if (!map.getBounds().pad(-.2).contains(at) || map.getZoom() < 15) map.setView(at, Math.max(17, map.getZoom()), { animate: false });
  };

  const fit = () => {
    const points = outline.pieces.flat(2);
    if (points.length > 1) map.fitBounds(L.latLngBounds(points).pad(.4), { maxZoom: 18, animate: false });
  };
  fit();
  press(adding);
  draw();
  around();
  map.on("click", ({ latlng }) => { if (adding) outline.add([latlng.lat, latlng.lng]); });
  map.on("moveend", () => { around(); drawHandles(); });
  outline.addEventListener("change", draw);
  outline.addEventListener("choose", drawHandles);
  outline.addEventListener("fit", fit);
  form.elements.title.addEventListener("change", around);
  tool("add").addEventListener("click", () => press(!adding));
  makeWalk({ outline, words, panel: part("walk"), toggle: tool("walk"), show: showOwn });
  frame.dataset.ready = "yes";
  part("tools").hidden = false;
};

// ---------------------------------------------------------------------------------------------------- the three together

outline.readText(text.value, { remember: false });
part("table-part").hidden = false;
part("table-part").open = true;
part("text-part").open = form.querySelector(".errors") !== null && !outline.count;
makeTable({ outline, words, body: part("points") });
const draft = keepDraft({ outline, words, box: part("draft"), text, key: frame.dataset.key, form });
outline.addEventListener("change", () => {
  text.value = outline.text;
  measure(outline.hectares, false);
  draft();
  check();
});
text.addEventListener("change", () => outline.readText(text.value) && outline.dispatchEvent(new Event("fit")));
for (const name of ["title", "declared_ha"]) form.elements[name].addEventListener("change", check);
tool("undo").addEventListener("click", () => outline.undo());
tool("remove").addEventListener("click", () => outline.chosen && outline.at(outline.chosen) && outline.remove(outline.chosen));
tool("piece").addEventListener("click", () => outline.startPiece());
tool("clear").addEventListener("click", () => outline.count && outline.clear());
if (outline.count) {
  measure(outline.hectares, false);
  check();
}
whenSeen(frame, start);
