// Rectangles on a picture by drawing: from where the pointer goes down to where it goes up. The number boxes do the same without a script.

const frame = document.querySelector("#picture");
const svg = frame.querySelector("svg");
const boxes = [...document.querySelectorAll("fieldset[data-box]")];
const NAMES = ["left", "top", "width", "height"];
const field = (box, name) => box.querySelector(`[name$="-${name}"]`);
const figures = (box) => NAMES.map((name) => Number.parseFloat(field(box, name).value.replace(",", ".")));
const told = (value) => String(Math.round(value * 10) / 10).replace(".", ",");
const rect = ([x, y, width, height]) => {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ x, y, width, height })) drawn.setAttribute(name, value);
  return drawn;
};

const draw = (underway) => {
  svg.replaceChildren(...[...boxes.map(figures), ...(underway ? [underway] : [])].filter((each) => !each.some(Number.isNaN)).map(rect));
  for (const box of boxes) box.querySelector("[data-clear]").hidden = figures(box).some(Number.isNaN);
};

const point = ({ clientX, clientY }) => {
  const { left, top, width, height } = frame.getBoundingClientRect();
  const within = (value) => Math.min(100, Math.max(0, value));
  return [within(((clientX - left) / width) * 100), within(((clientY - top) / height) * 100)];
};
const between = ([a, b], [c, d]) => [Math.min(a, c), Math.min(b, d), Math.abs(a - c), Math.abs(b - d)];

let began = null;
frame.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  frame.setPointerCapture(event.pointerId);
  began = point(event);
});
frame.addEventListener("pointermove", (event) => {
  if (began) draw(between(began, point(event)));
});
frame.addEventListener("pointerup", (event) => {
  if (!began) return;
  const [left, top, width, height] = between(began, point(event)).map((value) => Math.round(value * 10) / 10);
  began = null;
  const free = boxes.find((box) => figures(box).every(Number.isNaN));
  if (free && width >= 0.5 && height >= 0.5) {
    const kept = [left, top, Math.min(width, 100 - left), Math.min(height, 100 - top)];
    for (const [place, name] of NAMES.entries()) field(free, name).value = told(kept[place]);
  }
  draw();
});
frame.addEventListener("pointercancel", () => {
  began = null;
  draw();
});

for (const box of boxes) {
  box.addEventListener("input", () => draw());
  box.querySelector("[data-clear]").addEventListener("click", () => {
    for (const name of NAMES) field(box, name).value = "";
    draw();
  });
}
frame.classList.add("drawing");
document.querySelector("[data-draws]").hidden = false;
draw();
