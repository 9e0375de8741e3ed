// Circles on a pair of pictures by a click: the difference chosen last gets its middle there. The number boxes do the same without a script.

const boxes = [...document.querySelectorAll("fieldset[data-mark]")];
const shots = [...document.querySelectorAll("#pictures .shot")];
const SVG = "http://www.w3.org/2000/svg";
const field = (box, name) => box.querySelector(`[name$="-${name}"]`);
const figure = (box, name) => Number.parseFloat(field(box, name).value.replace(",", "."));
const told = (value) => String(Math.round(value * 10) / 10).replace(".", ",");
let chosen = boxes.find((box) => Number.isNaN(figure(box, "x"))) ?? boxes[0];

const choose = (box) => {
  chosen?.classList.remove("chosen");
  chosen = box;
  box.classList.add("chosen");
};

const draw = () => {
  for (const [place, shot] of shots.entries()) {
    const svg = shot.querySelector("svg");
    const [, , wide, high] = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.replaceChildren();
    for (const box of boxes) {
      const [x, y, r] = ["x", "y", "r"].map((name) => figure(box, name));
      const side = field(box, "side").value;
      if ([x, y, r].some(Number.isNaN) || (side !== "both" && side !== ["genuine", "suspect"][place])) continue;
      for (let twice = 0; twice < 2; twice += 1) {
        const circle = document.createElementNS(SVG, "circle");
        for (const [name, value] of [["cx", (x * wide) / 100], ["cy", (y * high) / 100], ["r", (r * wide) / 100]]) circle.setAttribute(name, value);
        svg.append(circle);
      }
      const text = document.createElementNS(SVG, "text");
      const top = (y * high - r * wide) / 100 - wide * 0.02;
      for (const [name, value] of [["x", (x * wide) / 100], ["y", Math.max(top, wide * 0.08)], ["font-size", wide * 0.08], ["stroke-width", wide * 0.015]]) text.setAttribute(name, value);
      text.textContent = box.dataset.mark;
      svg.append(text);
    }
  }
};

for (const box of boxes) {
  box.addEventListener("focusin", () => choose(box));
  box.addEventListener("input", draw);
}
for (const shot of shots) {
  shot.addEventListener("click", (event) => {
    event.preventDefault();
    const frame = shot.getBoundingClientRect();
    field(chosen, "x").value = told(((event.clientX - frame.left) / frame.width) * 100);
    field(chosen, "y").value = told(((event.clientY - frame.top) / frame.height) * 100);
    if (!field(chosen, "r").value.trim()) field(chosen, "r").value = "8";
    draw();
  });
}
document.getElementById("pictures").parentElement.classList.add("marking");
document.querySelector("[data-clicks]").hidden = false;
choose(chosen);
