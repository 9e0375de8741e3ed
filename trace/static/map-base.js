// What every map shares: fetching Leaflet when it is needed, the ground it stands on, and words with gaps.
// No tiles of anybody else's are asked for: communes and territories come from our own server.

export const CITY = [[20.6, 106.1], [21.2, 107.1]];

export const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_gap, name) => facts[name]);

export const locale = document.documentElement.lang === "vi" ? "vi-VN" : "en-GB";

export const number = (value, digits = 0) =>
  value.toLocaleString("vi-VN", { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const element = (name, facts = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key in node && key !== "list") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
};

const style = (address) => new Promise((done) => {
  const link = element("link", { rel: "stylesheet", href: address });
  link.addEventListener("load", done);
  link.addEventListener("error", done);
  document.head.prepend(link);
});

// Leaflet, or nothing if this installation could not fetch it.
const leaflet = async (frame) => {
  if (!frame.dataset.leaflet) return null;
  await Promise.all([import(frame.dataset.leaflet), style(frame.dataset.leafletCss)]);
  return globalThis.L;
};

const windowOf = (map) => {
  const bounds = map.getBounds();
  const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  return { box: box.map((value) => value.toFixed(5)).join(","), zoom: Math.round(map.getZoom()) };
};

export const fetchWindow = async (address, map, more = {}) => {
  const asked = new URL(address, location);
  for (const [name, value] of Object.entries({ ...windowOf(map), ...more })) {
    if (value) asked.searchParams.set(name, value);
  }
  const answer = await fetch(asked);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
};

// Runs the latest wish only, a moment after the last one; what came too late is dropped.
export const settled = (work, wait) => {
  let timer = 0;
  let turn = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = (turn += 1);
      await work(() => mine === turn);
    }, wait);
  };
};

const ground = (L, map, frame) => {
  const layer = L.geoJSON(null, {
    interactive: false,
    style: ({ properties }) => (properties.kind === "territory"
      ? { color: "#16202a", weight: 2, dashArray: "6 5", fillColor: "#0b7a75", fillOpacity: .08 }
      : { color: "#6b7680", weight: 1, fillColor: "#fff", fillOpacity: .55 }),
  }).addTo(map);
  const names = L.layerGroup().addTo(map);
  const draw = settled(async (current) => {
    let found;
    try {
      found = await fetchWindow(frame.dataset.backdrop, map, { title: frame.dataset.title });
    } catch {
      return;
    }
    if (!current()) return;
    layer.clearLayers();
    names.clearLayers();
    layer.addData(found);
    layer.bringToBack();
    if (map.getZoom() < 11) return;
    for (const { properties } of found.features) {
      if (properties.at) names.addLayer(L.marker(properties.at, { interactive: false, keyboard: false, icon: L.divIcon({ className: "map-name", html: element("span", { textContent: properties.name }), iconSize: null }) }));
    }
  }, 120);
  map.on("moveend", draw);
  draw();
  return draw;
};

// The map of a frame with its ground; null where there is no Leaflet, with the words for it shown in the frame's place.
export const open = async (frame, view = CITY, how = {}) => {
  const words = JSON.parse(frame.dataset.words);
  let L = null;
  try {
    L = await leaflet(frame);
  } catch {
    L = null;
  }
  if (!L) {
    frame.replaceWith(element("p", { className: "hint", textContent: words.failed }));
    return null;
  }
  frame.hidden = false;
  const map = L.map(frame.querySelector(".map-canvas"), {
    attributionControl: false, zoomControl: false, maxZoom: 20, minZoom: 8, zoomSnap: .5, zoomDelta: 1,
    zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches, fadeAnimation: false,
  });
  L.control.zoom({ zoomInTitle: words.zoomIn, zoomOutTitle: words.zoomOut }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.fitBounds(view, how);
  const redraw = ground(L, map, frame);
  return { L, map, words, redraw };
};

// Maps wait until somebody could see them: the list comes first.
export const whenSeen = (frame, work) => {
  frame.hidden = false;
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    work();
  }, { rootMargin: "100px" });
  watch.observe(frame);
};

export const boxOf = (text) => {
  const [west, south, east, north] = text.split(",").map(Number);
  return [[south, west], [north, east]];
};
