// One place on a map: shown, or where a form has a field for it, set by a tap. The field does the same without a map.

import { CITY, open, whenSeen } from "./map-base.js";

const frame = document.querySelector('[data-map="point"]');
const field = frame.dataset.field ? document.querySelector(`[name="${frame.dataset.field}"]`) : null;

const read = (text) => {
  const found = /^\s*([+-]?\d+(?:[.,]\d+)?)\s*[;,\s]\s*([+-]?\d+(?:[.,]\d+)?)\s*$/.exec(text ?? "");
  if (!found) return null;
  const place = [found[1], found[2]].map((part) => Number(part.replace(",", ".")));
  return Math.abs(place[0]) <= 90 && Math.abs(place[1]) <= 180 ? place : null;
};

const start = async () => {
  const opened = await open(frame, CITY);
  if (!opened) return;
  const { L, map } = opened;
  const icon = L.divIcon({ className: "map-pin", iconSize: [22, 22] });
  let pin = null;
  const put = (place) => {
    if (!pin) {
      pin = L.marker(place, { icon, draggable: Boolean(field), keyboard: false }).addTo(map);
      if (field) pin.on("dragend", () => write(pin.getLatLng()));
    }
    pin.setLatLng(place);
  };
  const write = ({ lat, lng }) => { field.value = `${lat.toFixed(6)}, ${lng.toFixed(6)}`; };
  const given = read(field ? field.value : frame.dataset.place);
  if (given) {
    put(given);
    map.setView(given, 13);
    // How far off the place may be, where a shown place says so.
    const off = Number(frame.dataset.accuracy);
    if (!field && off > 0) {
      const circle = L.circle(given, { radius: off, color: "#12324f", weight: 2, fillOpacity: .12, interactive: false }).addTo(map);
      map.fitBounds(circle.getBounds().pad(1), { maxZoom: 17 });
    }
  }
  if (!field) return;
  map.on("click", ({ latlng }) => {
    put(latlng);
    write(latlng);
  });
  field.addEventListener("change", () => {
    const place = read(field.value);
    if (!place) return;
    put(place);
    map.setView(place, Math.max(13, map.getZoom()));
  });
};

whenSeen(frame, start);
