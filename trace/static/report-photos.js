// Photos of a report, sent in the background: made smaller on the device, cut into pieces, and sent on from where the last connection
// was lost, also after a reload. Without this file the form sends them as any form does. Words come from data attributes.

const form = document.querySelector("form[data-photos]");
const MOST_SIDE = 1600;
const MOST_BYTES = 300 * 1024;
const HEAVIEST = 25 * 1024 * 1024;
const PIECE = 64 * 1024;
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;
const words = form?.dataset ?? {};

// ------------------------------------------------------------------------------------------------ what is kept on the device until it has arrived

const page = async () => hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(form.dataset.photos.split("?")[0])));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const opened = () => new Promise((resolve, reject) => {
  const asked = indexedDB.open("report-photos", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { keyPath: "key" });
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});
// Storage may be refused: then photos wait in memory alone, and a reload loses those that have not arrived.
const shelf = async (mode, deed) => {
  try {
    const base = await opened();
    const transaction = base.transaction("photos", mode);
    const asked = deed(transaction.objectStore("photos"));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => { base.close(); resolve(asked.result); };
      transaction.onerror = transaction.onabort = () => { base.close(); reject(transaction.error); };
    });
  } catch { return null; }
};

// ------------------------------------------------------------------------------------------------ smaller, and without what a camera writes along

const drawn = async (file) => {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  for (const [side, quality] of [[MOST_SIDE, 0.82], [MOST_SIDE, 0.65], [1280, 0.6], [1024, 0.5], [800, 0.4]]) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (made && made.size <= MOST_BYTES) return made;
  }
  throw new Error("still too large");
};
// What this device cannot read is sent as it is; the server judges it.
const smaller = async (file) => { try { return await drawn(file); } catch { return file; } };

// ------------------------------------------------------------------------------------------------ one line a photo

let photos = [];
let number = Number(words.held);
const list = form?.querySelector(".sending");
const said = form?.querySelector("[data-said]");
const show = (photo) => {
  if (!photo.line) {
    photo.line = document.createElement("li");
    photo.line.dataset.key = photo.key;
    const text = document.createElement("div");
    const [name, state] = [document.createElement("b"), document.createElement("p")];
    name.textContent = photo.number ? words.photo.replace("{n}", photo.number) : words.others;
    photo.bar = document.createElement("progress");
    photo.bar.max = 100;
    photo.bar.setAttribute("aria-label", name.textContent);
    photo.again = document.createElement("button");
    Object.assign(photo.again, { type: "button", className: "button secondary", textContent: words.again });
    photo.again.addEventListener("click", () => { Object.assign(photo, { state: "waiting", why: "", wait: 0 }); show(photo); send(); });
    text.append(name, state, photo.bar, photo.again);
    if (photo.blob) {
      const picture = new Image();
      picture.alt = "";
      picture.src = URL.createObjectURL(photo.blob);
      picture.onload = () => URL.revokeObjectURL(picture.src);
      picture.onerror = () => { URL.revokeObjectURL(picture.src); picture.remove(); };
      photo.line.append(picture);
    }
    photo.line.append(text);
    photo.told = state;
    list.append(photo.line);
  }
  const percent = photo.size ? Math.floor((100 * photo.offset) / photo.size) : 0;
  photo.line.dataset.state = photo.state;
  photo.bar.hidden = photo.state !== "sending" && !(photo.state === "waiting" && percent);
  photo.bar.value = percent;
  photo.again.hidden = !(photo.state === "waiting" && photo.why) && !(photo.state === "failed" && photo.retry);
  const state = { waiting: words.waiting, sending: words.sending.replace("{n}", percent), sent: `✓ ${words.arrived}`, failed: words.failed, out: "" }[photo.state];
  const told = [state, photo.why].filter(Boolean).join(". ");
  if (photo.told.textContent !== told) photo.told.textContent = told;
};

// ------------------------------------------------------------------------------------------------ sending

class Refused extends Error {}
const ask = (method, address, { body, headers = {}, moved } = {}) => new Promise((resolve, reject) => {
  const asked = new XMLHttpRequest();
  asked.open(method, address);
  asked.timeout = 60000;
  asked.responseType = "json";
  asked.setRequestHeader("Accept", "application/json");
  for (const [name, value] of Object.entries(headers)) asked.setRequestHeader(name, value);
  if (moved) asked.upload.onprogress = (event) => moved(event.loaded);
  asked.onload = () => {
    if (asked.status >= 500 || asked.status === 429 || asked.status === 408) {
      const failure = new Error("not now");
      failure.wait = Number(asked.getResponseHeader("Retry-After")) * 1000;
      failure.why = asked.response?.title;
      reject(failure);
    } else resolve(asked);
  };
  asked.onerror = asked.ontimeout = () => reject(new Error("no connection"));
  asked.send(body);
});
const addressOf = (photo) => {
  const [path, query] = form.dataset.photos.split("?");
  return `${path}/${photo.id}${query ? `?${query}` : ""}`;
};
const announce = async (photo) => {
  const answer = await ask("POST", form.dataset.photos, {
    body: JSON.stringify({ size: photo.blob.size, sha256: photo.key }), headers: { "Content-Type": "application/json" },
  });
  if (answer.status !== 200) throw new Refused([answer.response?.title, answer.response?.detail].filter(Boolean).join(" "));
  Object.assign(photo, { id: answer.response.id, offset: answer.response.offset, size: answer.response.size });
  return answer.response.done;
};
const sendOne = async (photo) => {
  let done = await announce(photo);
  for (let tries = 0; !done;) {
    const from = photo.offset;
    const piece = photo.blob.slice(from, from + PIECE);
    const answer = await ask("PATCH", addressOf(photo), {
      body: piece,
      headers: { "Upload-Offset": String(from), "Content-Type": "application/octet-stream" },
      moved: (bytes) => { photo.offset = from + Math.min(bytes, piece.size - 1); show(photo); },
    }).catch((failure) => { photo.offset = from; throw failure; });
    if (answer.status === 404) {
      if ((tries += 1) > 3) throw new Refused();
      done = await announce(photo);
    } else if (answer.status === 200 || answer.status === 409) {
      if (answer.response.offset <= from && !answer.response.done && (tries += 1) > 3) throw new Refused();
      photo.offset = answer.response.offset;
      done = answer.response.done;
      photo.wait = 0;
    } else throw new Refused([answer.response?.title, answer.response?.detail].filter(Boolean).join(" "));
    show(photo);
  }
};
let sending = false;
let timer = null;
const send = async () => {
  clearTimeout(timer);
  if (sending) return;
  sending = true;
  for (let photo; (photo = photos.find((each) => each.state === "waiting"));) {
    Object.assign(photo, { state: "sending", why: "" });
    show(photo);
    try {
      await sendOne(photo);
      Object.assign(photo, { state: "sent", offset: photo.size });
      await shelf("readwrite", (store) => store.delete(photo.key));
    } catch (failure) {
      if (failure instanceof Refused) {
        Object.assign(photo, { state: "failed", why: failure.message, retry: !failure.message });
        await shelf("readwrite", (store) => store.delete(photo.key));
      } else {
        photo.wait = Math.min(failure.wait || (photo.wait || FIRST_WAIT / 2) * 2, 20 * LONGEST_WAIT);
        if (!failure.wait) photo.wait = Math.min(photo.wait, LONGEST_WAIT);
        Object.assign(photo, { state: "waiting", why: failure.why || words.offline });
        show(photo);
        timer = setTimeout(send, photo.wait);
        break;
      }
    }
    show(photo);
  }
  sending = false;
  const here = photos.filter((each) => each.state !== "out");
  said.textContent = here.length && here.every((each) => each.state === "sent") ? words.all : "";
};

// ------------------------------------------------------------------------------------------------ choosing

const enter = (photo) => {
  photos.push(photo);
  show(photo);
};
const choose = async (input) => {
  const files = [...input.files];
  input.value = "";
  const where = await page();
  for (const file of files) {
    const room = Number(words.most) - Number(words.held) - photos.filter((each) => !["out", "failed"].includes(each.state)).length;
    if (room <= 0) {
      if (!photos.some((each) => each.key === "full")) enter({ key: "full", state: "out", why: words.full, size: 0, offset: 0 });
      break;
    }
    const blob = await smaller(file);
    if (blob.size > HEAVIEST || !blob.size) {
      enter({ key: `heavy ${photos.length}`, number: (number += 1), state: "out", why: words.heavy, size: 0, offset: 0 });
      continue;
    }
    const key = hex(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    const known = photos.find((each) => each.key === key);
    if (known) {
      if (known.state === "failed") known.again.click();
      continue;
    }
    const kept = { key, page: where, blob, at: Date.now() };
    await shelf("readwrite", (store) => store.put(kept));
    enter({ ...kept, number: (number += 1), state: "waiting", size: blob.size, offset: 0 });
    send();
  }
};
const goOn = async () => {
  const where = await page();
  const all = (await shelf("readonly", (store) => store.getAll())) ?? [];
  for (const kept of all) {
    if (Date.now() - kept.at > 24 * 60 * 60 * 1000) await shelf("readwrite", (store) => store.delete(kept.key));
    else if (kept.page === where) enter({ ...kept, number: (number += 1), state: "waiting", size: kept.blob.size, offset: 0 });
  }
  if (photos.length) send();
};

// Hashes need a secure page; elsewhere the plain form does the work.
if (form && window.crypto?.subtle) {
  const input = form.querySelector("input[type=file]");
  form.querySelector("button[type=submit]").hidden = true;
  input.className = "sr";
  form.querySelector("[data-pick]").hidden = false;
  input.addEventListener("change", () => choose(input));
  window.addEventListener("online", () => {
    photos.forEach((photo) => { photo.wait = 0; });
    send();
  });
  goOn();
  form.dataset.ready = "1";
}
