// Comforts for the questions of a report: a draft kept on this device for a day, and the position, asked for only by a tap.
// Every page works without this file. Words come from data attributes.

const KEY = "report-draft";
const DAY = 24 * 60 * 60 * 1000;
// Never the contact, and never where somebody is.
const KEPT = ["reason", "description", "code", "bought", "commune", "place", "listing_url", "seller", "price", "seen_on"];

// Storage may be refused or full: then there is no draft, and nothing else changes.
const read = () => {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (kept && Date.now() - kept.at < DAY && kept.at <= Date.now()) return kept;
    localStorage.removeItem(KEY);
  } catch { /* refused */ }
  return null;
};
const drop = () => { try { localStorage.removeItem(KEY); } catch { /* refused */ } };
const write = (draft) => {
  try { localStorage.setItem(KEY, JSON.stringify(draft)); return true; } catch { return false; }
};

const form = document.querySelector("form[data-report]");
if (!form) drop(); // the receipt: what was kept has arrived

const answers = () => {
  const data = new FormData(form);
  return Object.fromEntries(KEPT.map((name) => [name, data.get(name) ?? ""]).filter(([, value]) => value));
};
const keep = () => {
  const said = answers();
  const own = form.dataset.report;
  if (own && said.code === own) delete said.code;
  return Object.keys(said).length > 0 && write({ at: Date.now(), about: own, said });
};
const put = (said) => {
  for (const [name, value] of Object.entries(said)) {
    const fields = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    if (name === "code" && form.dataset.report) continue;
    if (!fields.length) {
      const hidden = document.createElement("input");
      Object.assign(hidden, { type: "hidden", name, value });
      form.append(hidden);
    } else if (fields[0].type === "radio") fields.forEach((field) => { field.checked = field.value === value; });
    else fields[0].value = value;
  }
};
const button = (text, kind, deed) => {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: `button ${kind}`, textContent: text });
  made.addEventListener("click", deed);
  return made;
};
const offer = (box, draft) => {
  const words = document.createElement("p");
  const when = new Date(draft.at);
  const two = (number) => String(number).padStart(2, "0");
  words.textContent = box.dataset.draft.replace("{when}", `${two(when.getHours())}:${two(when.getMinutes())} ${two(when.getDate())}/${two(when.getMonth() + 1)}`);
  const done = () => { box.hidden = true; form.querySelector("input[type=radio], textarea").focus(); };
  box.replaceChildren(
    words,
    button(box.dataset.take, "secondary", () => { put(draft.said); keep(); done(); }),
    button(box.dataset.drop, "quiet", () => { drop(); done(); }),
  );
  box.hidden = false;
};

const position = (box) => {
  const consent = box.querySelector("[name=cell_consent]");
  const field = box.querySelector("[name=cell]");
  const [locate, forget, said] = ["[data-locate]", "[data-forget]", "[data-said]"].map((each) => box.querySelector(each));
  const set = (value, words) => {
    field.value = value;
    forget.hidden = !value;
    said.textContent = words;
  };
  const cells = Number(box.dataset.cells);
  const middle = (degrees) => ((Math.floor(degrees * cells) + 0.5) / cells).toFixed(3);
  box.hidden = false;
  locate.disabled = !consent.checked;
  consent.addEventListener("change", () => {
    locate.disabled = !consent.checked;
    if (!consent.checked) set("", "");
  });
  forget.addEventListener("click", () => { set("", ""); consent.checked = false; locate.disabled = true; consent.focus(); });
  locate.addEventListener("click", () => {
    said.textContent = box.dataset.asking;
    navigator.geolocation.getCurrentPosition(
      // Only the middle of the cell leaves the device, never the point itself.
      ({ coords }) => set(`${middle(coords.latitude)},${middle(coords.longitude)}`, box.dataset.found),
      () => set("", box.dataset.refused),
      { enableHighAccuracy: false, timeout: 15000, maximumAge: 300000 },
    );
  });
};

if (form) {
  const box = form.querySelector("[data-draft]");
  const draft = read();
  const fresh = box && !document.getElementById("errors") && !form.querySelector("input[type=hidden][name=changing]")
    && !Object.keys(answers()).some((name) => !["code", "reason"].includes(name));
  if (draft && fresh && (draft.about ?? "") === form.dataset.report) offer(box, draft);
  else if (!fresh) keep();
  form.addEventListener("input", () => {
    const kept = keep();
    const told = form.querySelector(".draft-kept");
    if (told) told.hidden = !kept;
  });
  const place = form.querySelector(".position");
  if (place && navigator.geolocation && window.isSecureContext) position(place);
}
