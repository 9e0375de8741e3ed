// Small comforts for pages that already work without any script. Nothing here is needed to finish a task.
// Words come from data attributes, so that this file has no language.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Vietnamese letters without their marks: "Hải An" is found by "hai an".
const plain = (text) =>
  text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/gi, "d").toLowerCase();

// A label code is grouped while it is typed; the caret is left alone in the middle of a text.
const groupCode = (input) => {
  const atEnd = input.selectionStart === input.value.length;
  if (!atEnd) return;
  const bare = input.value.toUpperCase().replace(/[^0-9A-Z]/g, "").slice(0, 12);
  input.value = bare.match(/.{1,4}/g)?.join("-") ?? "";
};

const copy = async (button) => {
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.innerHTML;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.innerHTML = before; }, 2000);
};

// A form goes out once. The server refuses a second time anyway, by its idempotency key; this spares the visitor the wait.
// The button is disabled after the event, or its own name and value would be left out of what is sent.
const sendOnce = (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => all("button", form).forEach((button) => {
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
  }));
};

// Coming back through the browser's history must not leave dead buttons behind.
const reopenForms = () => all("form[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  all("button[aria-busy]", form).forEach((button) => {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  });
});

// The box of a file says in our words what was chosen; the browser's own words, in its own language, are hidden from the eye.
const wordsOfFile = (box) => {
  const input = box.querySelector("input[type=file]");
  const said = document.createElement("output");
  const tell = () => {
    const names = [...input.files].map((file) => file.name).join(", ") || box.dataset.none;
    said.textContent = input.files.length && "preview" in input.dataset ? "" : names;  // a preview names them already
  };
  box.classList.add("told");
  said.htmlFor = input.id;
  box.append(said);
  input.addEventListener("change", () => setTimeout(tell));  // whoever takes the files away at once leaves none to name
  tell();
};

const preview = (input) => {
  const box = input.closest(".file-pick") ?? input;
  let list = box.nextElementSibling;
  if (!list?.matches("ul.files")) {
    list = document.createElement("ul");
    list.className = "files";
    box.after(list);
  }
  list.replaceChildren(...[...input.files].map((file) => {
    const item = document.createElement("li");
    const card = document.createElement("div");
    card.className = "file";
    if (file.type.startsWith("image/")) {
      const image = new Image(80, 80);
      image.alt = "";
      image.src = URL.createObjectURL(file);
      image.onload = () => URL.revokeObjectURL(image.src);
      card.append(image);
    }
    const words = document.createElement("div");
    const name = document.createElement("b");
    const size = document.createElement("small");
    name.textContent = file.name;
    size.textContent = `${Math.ceil(file.size / 1024).toLocaleString(document.documentElement.lang)} KB`;
    words.append(name, size);
    card.append(words);
    item.append(card);
    return item;
  }));
};

// Options are taken out and put back rather than hidden: iOS shows hidden options.
const narrow = (box) => {
  const select = document.getElementById(box.dataset.narrows);
  const whole = [...select.children];
  const options = all("option", select).map((option) => option.cloneNode(true));
  box.hidden = false;
  box.addEventListener("input", () => {
    const wanted = plain(box.value.trim());
    const chosen = select.value;
    const fitting = options.filter((option) => !option.value || plain(option.text).includes(wanted));
    select.replaceChildren(...(wanted ? fitting : whole));
    const kept = !wanted || fitting.some((option) => option.value && option.value === chosen);
    select.value = kept ? chosen : fitting.find((option) => option.value)?.value ?? "";
  });
};

const pickAll = (box) => {
  const boxes = all(`input[name="${box.dataset.picks}"]`, box.closest("table"));
  box.hidden = false;
  box.addEventListener("change", () => boxes.forEach((each) => { each.checked = box.checked; }));
};

document.addEventListener("submit", sendOnce);
window.addEventListener("pageshow", reopenForms);
all("[data-code]").forEach((input) => input.addEventListener("input", () => groupCode(input)));
all("[data-narrows]").forEach(narrow);
all("[data-picks]").forEach(pickAll);
all(".file-pick").forEach(wordsOfFile);
all("input[type=file][data-preview]").forEach((input) => input.addEventListener("change", () => preview(input)));
if (navigator.clipboard) {
  all("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });
}
const [job] = all("[data-refresh]");
if (job) setTimeout(() => location.reload(), Number(job.dataset.refresh) * 1000);
document.getElementById("errors")?.focus();
