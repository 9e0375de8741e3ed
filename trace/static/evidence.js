// One piece of evidence: enlarge and turn without loading anew, and go to the neighbours with the arrow keys. The links do the same.

const picture = document.querySelector(".viewer img");
const tools = document.querySelector(".viewer-tools");

tools?.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || !picture || !("zoom" in link.dataset || "turn" in link.dataset)) return;
  event.preventDefault();
  if ("turn" in link.dataset) {
    picture.dataset.turned = (Number(picture.dataset.turned) + 90) % 360;
    return;
  }
  picture.dataset.zoomed = link.dataset.zoom;
  for (const each of tools.querySelectorAll("[data-zoom]")) each.toggleAttribute("aria-current", each === link);
  link.setAttribute("aria-current", "true");
});

addEventListener("keydown", (event) => {
  const { target } = event;
  const typing = target.closest("input, textarea, select, video, .viewer, .map-frame, [contenteditable]");
  if (typing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  document.querySelector(`a[data-key="${event.key}"]`)?.click();
});
