// A control visit on a phone. Every tap and every letter is kept on the device first and sent whenever there is a net; a photo or an
// answer leaves the device only when the server has said that it has it. The cards are plain forms and work without this file.
// Words come from data attributes. What an answer lacks is said here early, and judged by the server.

const root = document.getElementById("visit");
const id = root.dataset.visit;
const words = root.dataset;
const page = location.pathname;
const all = (selector, from = root) => [...from.querySelectorAll(selector)];
const cards = all("form[data-item]");
const end = root.querySelector("form[data-finish]");
const steps = [...cards, end];
const status = root.querySelector("[data-state]");
const untouched = `<!doctype html>${document.documentElement.outerHTML}`;

// ------------------------------------------------------------------------------------------------ what is kept on the device

const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("visits", 1);
  asked.onupgradeneeded = () => {
    asked.result.createObjectStore("state");
    asked.result.createObjectStore("photos", { keyPath: "id" });
  };
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});
const store = async (name, mode, deed) => {
  const transaction = (await opened).transaction(name, mode, { durability: "strict" });
  const asked = deed(transaction.objectStore(name));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
    if (mode === "readwrite") transaction.commit?.();
  });
};
const mine = `visit ${id}`;
const parsed = (text) => { try { return JSON.parse(text); } catch { return null; } };

let state = { saves: 0, items: {}, ending: null, at: 0 };
// Twice: the one survives a reload in the very next instant, the other an application that is killed.
const keep = () => {
  state.saves += 1;
  const text = JSON.stringify(state);
  try { localStorage.setItem(mine, text); } catch { /* full: the other one holds it */ }
  store("state", "readwrite", (shelf) => shelf.put(text, id)).catch(() => {});
  tell();
};
const photosHere = async () => (await store("photos", "readonly", (shelf) => shelf.getAll())).filter((photo) => photo.visit === id);
let photos = [];

// ------------------------------------------------------------------------------------------------ cards

const said = (card) => ({
  outcome: card.querySelector("[name=outcome]:checked")?.value ?? null,
  note: card.elements.note.value,
  action: card.elements.action.value,
  due: card.elements.due_on.value,
  as_before: card.dataset.asBefore === "1",
});
const differs = (one, other) => ["outcome", "note", "action", "due", "as_before"].some((name) => one[name] !== other[name]);
const write = (card, answer) => {
  all("[name=outcome]", card).forEach((radio) => { radio.checked = radio.value === answer.outcome; });
  card.elements.note.value = answer.note;
  card.elements.action.value = answer.action;
  card.elements.due_on.value = answer.due;
  card.dataset.asBefore = answer.as_before ? "1" : "";
};
const dress = (card) => {
  const chosen = card.querySelector("[name=outcome]:checked")?.value;
  all(".outcomes label", card).forEach((label) => label.classList.toggle("on", label.dataset.outcome === chosen));
  card.querySelector(".when-fails").hidden = chosen !== "fails";
};
const changed = (card) => {
  const known = state.items[card.dataset.item];
  const now = said(card);
  if (!differs(known, now)) return;
  Object.assign(known, now, { sequence: known.sequence + 1, at: new Date().toISOString() });
  keep();
  later();
};

const tell = () => {
  const answers = Object.values(state.items);
  const waiting = answers.filter((answer) => answer.sequence > answer.acked).length + photos.length + (state.ending ? 1 : 0);
  const done = answers.filter((answer) => answer.outcome).length;
  const net = signedOut ? words.signedOut : navigator.onLine && reached ? words.online : words.offline;
  status.textContent = `${done}/${cards.length} · ${net} · ${waiting ? words.unsent.replace("{n}", waiting) : words.allSent}`;
  status.dataset.tone = waiting || signedOut ? "waiting" : "";
  status.dataset.unsent = waiting;
  if (signedOut) {
    const link = document.createElement("a");
    link.href = words.signIn;
    link.textContent = " →";
    status.append(link);
  }
};

const show = (at, focus = true) => {
  state.at = Math.max(0, Math.min(at, steps.length - 1));
  steps.forEach((step, index) => step.classList.toggle("now", index === state.at));
  if (focus) {
    window.scrollTo(0, 0);
    const heading = steps[state.at].querySelector("h2");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
};

// ------------------------------------------------------------------------------------------------ photos

const MOST = 1280;
const smaller = async (file) => {
  if (!file.type.startsWith("image/")) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, MOST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
    return made && made.size < file.size ? made : file;
  } catch {
    return file;
  }
};
const listed = (photo) => {
  const line = document.createElement("li");
  line.dataset.file = photo.id;
  if (photo.blob.type.startsWith("image/")) {
    const image = new Image(64, 64);
    image.alt = photo.name;
    image.src = URL.createObjectURL(photo.blob);
    line.append(image);
  } else line.append(photo.name);
  const note = document.createElement("small");
  note.textContent = photo.fault ?? words.waiting;
  line.append(note);
  document.querySelector(`form[data-item="${photo.item}"] .visit-files`).append(line);
};
const newId = () => crypto.randomUUID?.() ?? "10000000-1000-4000-8000-100000000000".replace(/[018]/g,
  (digit) => (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
const takePhotos = async (card, input) => {
  const chosen = [...input.files];
  input.value = "";
  for (const file of chosen) {
    const photo = { id: newId(), visit: id, item: card.dataset.item, name: file.name || "anh.jpg", at: new Date().toISOString(), blob: await smaller(file) };
    await store("photos", "readwrite", (shelf) => shelf.put(photo));
    photos.push(photo);
    listed(photo);
  }
  tell();
  later();
};

// ------------------------------------------------------------------------------------------------ sending

let token = root.querySelector("[name=csrf_token]").value;
let reached = true;
let signedOut = false;
let sending = false;
let again = null;
const later = (wait = 400) => {
  clearTimeout(again);
  again = setTimeout(send, wait);
};
const ask = async (path, body, json = false) => {
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  if (json) headers["Content-Type"] = "application/json";
  return fetch(page + path, { method: "POST", body, headers });
};
// The token ends with the sign-in; a new one stands in the page itself.
const renewed = async () => {
  const answer = await fetch(page, { headers: { Accept: "text/html" } });
  const found = answer.ok && !answer.redirected ? (await answer.text()).match(/name="csrf_token" value="([^"]+)"/) : null;
  signedOut = !found;
  if (found) token = found[1];
  return Boolean(found);
};
const sent = async (path, body, json) => {
  let answer = await ask(path, body, json);
  if ((answer.status === 401 || answer.status === 403) && await renewed()) answer = await ask(path, body, json);
  if (answer.status >= 500 || answer.status === 429) throw new TypeError("not now");
  if (answer.status !== 401) signedOut = false;
  return answer;
};

const sendAnswers = async () => {
  const waiting = Object.entries(state.items).filter(([, answer]) => answer.sequence > answer.acked);
  if (!waiting.length) return true;
  const answers = waiting.map(([item, { sequence, outcome, note, action, due, as_before, at }]) =>
    ({ item, sequence, outcome, note, action, due, as_before, at }));
  const answer = await sent("/tra-loi", JSON.stringify({ answers }), true);
  if (!answer.ok) return false;
  const { saved, overtaken } = await answer.json();
  for (const [item, sequence] of Object.entries(saved)) state.items[item].acked = Math.max(state.items[item].acked, sequence);
  // Written on another device too: this one wrote last, both stay on record.
  for (const [item, sequence] of Object.entries(overtaken)) state.items[item].sequence = sequence + 1;
  keep();
  return Object.keys(overtaken).length ? sendAnswers() : true;
};
const sendPhotos = async () => {
  for (const photo of photos.filter((each) => !each.fault)) {
    const form = new FormData();
    form.set("item", photo.item);
    form.set("id", photo.id);
    form.set("taken_at", photo.at);
    form.set("file", photo.blob, photo.name);
    const answer = await sent("/anh", form);
    const line = root.querySelector(`[data-file="${photo.id}"] small`);
    if (answer.ok) {
      await store("photos", "readwrite", (shelf) => shelf.delete(photo.id));
      photos = photos.filter((each) => each !== photo);
      steps.forEach((card) => { if (card.dataset.item === photo.item) card.dataset.files = "1"; });
      line.textContent = "✓";
    } else if (answer.status === 413 || answer.status === 422) {
      photo.fault = words.refused;
      line.textContent = photo.fault;
      await store("photos", "readwrite", (shelf) => shelf.delete(photo.id));
      photos = photos.filter((each) => each !== photo);
    } else return false;
    tell();
  }
  return photos.length === 0;
};
const sendEnding = async () => {
  if (!state.ending) return;
  const form = new FormData();
  for (const name of ["how", "name", "code", "reason"]) form.set(name, state.ending[name] ?? "");
  if (state.ending.signature) {
    const bytes = Uint8Array.from(atob(state.ending.signature.split(",")[1]), (sign) => sign.charCodeAt(0));
    form.set("signature", new Blob([bytes], { type: "image/png" }), "chu-ky.png");
  }
  const answer = await sent("/ket-thuc", form);
  if (answer.ok) {
    const { location: place } = await answer.json();
    await forget();
    location.assign(place);
  } else if (answer.status !== 401 && answer.status !== 403) {
    const problem = await answer.json().catch(() => ({}));
    state.ending = null;
    keep();
    faults((problem.errors ?? [{ message: problem.title }]).map((each) => [each.url ?? "#ket-thuc", `${each.message} ${each.way_out ?? ""}`]));
  }
};
const send = async () => {
  if (sending) return later();
  sending = true;
  try {
    const good = await sendAnswers() && await sendPhotos();
    reached = true;
    if (good) await sendEnding();
  } catch {
    reached = false;
  }
  sending = false;
  tell();
  if (Number(status.dataset.unsent) && !signedOut) later(reached ? 2000 : 8000);
};
const forget = async () => {
  localStorage.removeItem(mine);
  await store("state", "readwrite", (shelf) => shelf.delete(id));
  await (await caches.open("visits")).delete(page);
};

// ------------------------------------------------------------------------------------------------ the end

const faults = (list) => {
  root.querySelector(".visit-errors")?.remove();
  if (!list.length) return;
  const box = document.createElement("div");
  box.className = "visit-errors";
  box.setAttribute("role", "alert");
  const title = document.createElement("h2");
  title.textContent = words.missing;
  const lines = document.createElement("ul");
  lines.append(...list.map(([place, text]) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = place;
    link.textContent = text;
    line.append(link);
    return line;
  }));
  box.append(title, lines);
  end.prepend(box);
  end.classList.remove("closed");
  show(steps.length - 1);
};
const DAY = /^\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\s*$/;
const lacking = () => cards.flatMap((card) => {
  const { outcome, note, action, due, as_before: before } = said(card);
  const has = card.dataset.files || card.querySelector(".visit-files li");
  const found = [];
  if (!outcome) found.push(words.unanswered);
  if (outcome === "fails" && !action.trim()) found.push(words.noAction);
  if (outcome === "fails" && !DAY.test(due)) found.push(words.noDue);
  if (outcome && outcome !== "not_applicable" && !before) {
    if (card.dataset.evidence === "note" && !note.trim()) found.push(words.noNote);
    if (["photo", "file"].includes(card.dataset.evidence) && !has) found.push(words.noFile);
  }
  return found.map((text) => [`#${card.id}`, `${card.dataset.check}: ${text}`]);
});
const canvas = end.querySelector("canvas");
let drawn = false;
const clear = () => {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  drawn = false;
};
const signing = () => {
  const pen = canvas.getContext("2d");
  let down = false;
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down = true;
    Object.assign(pen, { lineWidth: 4, lineCap: "round", lineJoin: "round", strokeStyle: "#16202a" });
    pen.beginPath();
    pen.moveTo(...point(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    pen.lineTo(...point(event));
    pen.stroke();
    drawn = true;
  });
  ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, () => { down = false; }));
};
const finish = (event) => {
  event.preventDefault();
  const how = end.querySelector("[name=how]:checked")?.value ?? "own";
  const missing = lacking();
  const value = (name) => end.elements[name]?.value ?? "";
  if (how === "signed" && (!drawn || !value("name").trim())) missing.push(["#sign-name", end.querySelector("label[for=sign-name]").textContent]);
  if (how === "declined" && !value("reason").trim()) missing.push(["#sign-reason", end.querySelector("label[for=sign-reason]").textContent]);
  faults(missing);
  if (missing.length) return;
  state.ending = { how, name: value("name"), code: value("code"), reason: value("reason"), signature: how === "signed" ? canvas.toDataURL("image/png") : null };
  keep();
  const note = document.createElement("p");
  note.className = "flash";
  note.setAttribute("role", "status");
  note.textContent = words.closed;
  end.querySelector(".flash")?.remove();
  end.prepend(note);
  later(0);
};

// ------------------------------------------------------------------------------------------------ beginning

const recall = async () => {
  const kept = [parsed(localStorage.getItem(mine)), parsed(await store("state", "readonly", (shelf) => shelf.get(id)).catch(() => null))];
  const local = kept.filter(Boolean).sort((one, other) => other.saves - one.saves)[0];
  for (const card of cards) {
    const server = { ...said(card), sequence: Number(card.dataset.sequence), acked: Number(card.dataset.sequence), at: new Date().toISOString() };
    const here = local?.items[card.dataset.item];
    let now = server;
    if (here && here.sequence > here.acked) {
      now = { ...here, acked: server.sequence };
      if (here.sequence <= server.sequence) now = differs(here, server) ? { ...now, sequence: server.sequence + 1 } : server;
    } else if (here && here.sequence > server.sequence) now = here; // an older copy of the page, shown without a net
    state.items[card.dataset.item] = now;
    write(card, now);
    dress(card);
  }
  if (local) Object.assign(state, { saves: local.saves, ending: local.ending, at: local.at });
  photos = await photosHere().catch(() => []);
  photos.forEach(listed);
};
const settle = async () => {
  if (!("serviceWorker" in navigator) || !window.caches) return;
  await navigator.serviceWorker.register(words.worker, { scope: words.scope });
  const shelf = await caches.open("visits");
  const parts = all("link[rel=stylesheet], link[rel=icon], script[src]", document).map((node) => node.href || node.src);
  await shelf.addAll(parts);
  if (navigator.onLine) {
    await shelf.put(page, new Response(untouched, { headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" } }));
  }
  root.dataset.ready = "yes";
};

await recall();
root.classList.add("one-card");
all("[data-clear], canvas").forEach((node) => { node.hidden = false; });
const copyOf = (name) => document.getElementById(name).content.cloneNode(true);
steps.forEach((step, index) => {
  const row = step.querySelector(".visit-steps");
  row.prepend(copyOf("visit-back"));
  if (step === end) return;
  const place = document.createElement("span");
  place.textContent = `${index + 1}/${cards.length}`;
  row.append(place, copyOf("visit-next"));
  step.elements.due_on.after(copyOf("visit-days"));
});
all("[data-save], [data-without-script]").forEach((node) => { node.hidden = true; });
cards.forEach((card, index) => {
  card.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    card.dataset.asBefore = "";
    dress(card);
    changed(card);
  });
  card.elements.file.addEventListener("change", (event) => takePhotos(card, event.target));
  card.addEventListener("submit", (event) => {
    event.preventDefault();
    const before = event.submitter?.dataset.outcome;
    if (before) {
      write(card, { ...said(card), outcome: before, note: event.submitter.dataset.note, as_before: true });
      dress(card);
      changed(card);
    }
    show(index + 1);
  });
  all("[data-days]", card).forEach((button) => button.addEventListener("click", () => {
    const day = new Date(`${words.day}T12:00`);
    day.setDate(day.getDate() + Number(button.dataset.days));
    const two = (number) => String(number).padStart(2, "0");
    card.elements.due_on.value = `${two(day.getDate())}/${two(day.getMonth() + 1)}/${day.getFullYear()}`;
    changed(card);
  }));
});
all("[data-step]").forEach((button) => button.addEventListener("click", () => {
  show(state.at + Number(button.dataset.step));
  setTimeout(keep); // nothing was written; only the place is to be found again
}));
end.addEventListener("submit", finish);
if (canvas) {
  clear();
  signing();
  end.querySelector("[data-clear]").addEventListener("click", clear);
}
root.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#m-']");
  if (!link) return;
  event.preventDefault();
  show(steps.findIndex((step) => `#${step.id}` === link.getAttribute("href")));
});
const asked = steps.findIndex((step) => `#${step.id}` === location.hash);
show(asked >= 0 ? asked : state.at, false);
window.addEventListener("online", () => later(0));
window.addEventListener("offline", () => { reached = false; tell(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) later(0); });
tell();
later(0);
await settle();
