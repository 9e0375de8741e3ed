// The phone's position, rounded to a cell of 0.05 degrees before anything is sent. Only a tap asks, and only with the box ticked.
// Words come from data attributes, so that this file has no language.

const CELLS_PER_DEGREE = 20;
const block = document.querySelector("#by-phone");
const consent = document.querySelector("#consent");
const said = document.querySelector("#said");

const found = ({ coords }) => {
  const cell = [coords.latitude, coords.longitude].map((degrees) => Math.floor(degrees * CELLS_PER_DEGREE));
  const input = document.querySelector("#cell");
  input.value = cell.join(",");
  input.form.requestSubmit();
};

const ask = () => {
  if (!consent.checked) {
    said.textContent = block.dataset.consent;
    consent.focus();
    return;
  }
  said.textContent = block.dataset.asking;
  navigator.geolocation.getCurrentPosition(found, () => { said.textContent = block.dataset.refused; }, {
    enableHighAccuracy: false, timeout: 15000, maximumAge: 600000,
  });
};

if (navigator.geolocation && window.isSecureContext) {
  block.hidden = false;
  document.querySelector("#locate").addEventListener("click", ask);
}
