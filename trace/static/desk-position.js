// Writes the phone's position into a field, when somebody at work taps for it. Words come from data attributes.

for (const block of document.querySelectorAll("[data-locate]")) {
  const field = document.getElementById(block.dataset.locate);
  const said = block.querySelector("[role=status]");
  if (!field || !navigator.geolocation || !window.isSecureContext) continue;
  block.hidden = false;
  block.querySelector("button").addEventListener("click", () => {
    said.textContent = block.dataset.asking;
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      field.value = `${coords.latitude.toFixed(6)} ${coords.longitude.toFixed(6)} ±${Math.round(coords.accuracy)}`;
      said.textContent = "";
    }, () => { said.textContent = block.dataset.refused; }, { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 });
  });
}
