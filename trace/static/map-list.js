// The map beside the list of growing areas: outlines where there are few, counts where there are many.

import { boxOf, element, fetchWindow, fill, number, open, settled, whenSeen } from "./map-base.js";

const frame = document.querySelector('[data-map="list"]');
const status = document.querySelector("[data-map-status]");
const FAR = 16;

const start = async () => {
  const opened = await open(frame, frame.dataset.box ? boxOf(frame.dataset.box) : undefined, { maxZoom: FAR, padding: [24, 24] });
  if (!opened) return;
  const { L, map, words } = opened;
  const page = (id) => frame.dataset.page.replace("00000000-0000-0000-0000-000000000000", id);

  const outline = (feature, layer) => {
    const { name, ha } = feature.properties;
    const link = element("a", { href: page(feature.id), textContent: words.open });
    layer.bindPopup(element("div", {}, element("b", { textContent: name }), element("p", { textContent: fill(words.one, { ha: number(ha, 2) }) }), link));
    layer.bindTooltip(element("span", { textContent: name }), { sticky: true });
  };
  const count = ({ properties }, place) => {
    const said = fill(words.areas, { n: number(properties.count), ha: number(properties.ha, 0) });
    const size = Math.min(64, 30 + 8 * Math.log10(properties.count));
    const icon = L.divIcon({ className: "map-count", html: element("span", { textContent: number(properties.count) }), iconSize: [size, size] });
    return L.marker(place, { icon, title: said, alt: said }).on("click", () => map.setView(place, Math.min(FAR, map.getZoom() + 2)));
  };
  // Land too small to be seen from so far above is marked by a dot.
  const dots = L.layerGroup().addTo(map);
  const dot = (feature, layer) => {
    const bounds = layer.getBounds();
    if (map.latLngToContainerPoint(bounds.getNorthWest()).distanceTo(map.latLngToContainerPoint(bounds.getSouthEast())) > 14) return;
    const mark = L.circleMarker(bounds.getCenter(), { radius: 6, color: "#fff", weight: 2, fillColor: "#0b5394", fillOpacity: 1 });
    outline(feature, mark);
    dots.addLayer(mark);
  };
  const areas = L.geoJSON(null, {
    style: { color: "#0b5394", weight: 2, fillColor: "#0b5394", fillOpacity: .22 },
    onEachFeature: (feature, layer) => {
      if (feature.geometry.type === "Point") return;
      outline(feature, layer);
      dot(feature, layer);
    },
    pointToLayer: count,
  }).addTo(map);

  const draw = settled(async (current) => {
    let found;
    try {
      found = await fetchWindow(frame.dataset.layer, map);
    } catch {
      return;
    }
    if (!current()) return;
    areas.clearLayers();
    dots.clearLayers();
    areas.addData(found);
    const total = found.features.reduce((sum, { properties }) => sum + (properties.count ?? 1), 0);
    status.hidden = false;
    status.textContent = total ? fill(words.window, { n: number(total) }) : words.none;
    frame.dataset.drawn = String(total);
  }, 150);
  map.on("moveend", draw);
  draw();

  document.querySelectorAll("[data-show-box]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      map.fitBounds(boxOf(button.dataset.showBox), { maxZoom: FAR });
      frame.scrollIntoView({ block: "nearest" });
    });
  });
};

whenSeen(frame, start);
