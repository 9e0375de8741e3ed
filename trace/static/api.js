// The page about the programming interface: asks at once and shows the answer. Without it the forms show the request and a link.

const element = (name, facts) => Object.assign(document.createElement(name), facts);

const addressOf = (form) => {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const field of form.querySelectorAll("[data-in]")) {
    const value = field.value.trim();
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
    else if (value) query.set(field.name, value);
  }
  const asked = query.toString();
  return path + (asked ? `?${asked}` : "");
};

const ask = async (event) => {
  event.preventDefault();
  const form = event.target;
  const place = form.querySelector(".api-answer");
  const words = place.dataset;
  const address = addressOf(form);
  const command = element("pre", {
    className: "mono", tabIndex: 0, textContent: `curl -H 'Accept: application/json' '${location.origin}${address.replaceAll("'", "%27")}'`,
  });
  let said;
  try {
    const answer = await fetch(address, {
      headers: { Accept: "application/json", "Accept-Language": document.documentElement.lang }, credentials: "omit",
    });
    const body = await answer.json();
    said = `HTTP ${answer.status}\n${answer.headers.get("content-type")}\n\n${JSON.stringify(body, null, 2)}`;
  } catch {
    said = words.wordsFailed;
  }
  place.replaceChildren(
    element("p", { className: "small", textContent: words.wordsRequest }), command,
    element("p", { className: "small", textContent: words.wordsAnswer }),
    element("pre", { className: "mono", tabIndex: 0, textContent: said }),
  );
  place.setAttribute("role", "status");
  place.hidden = false;
};

for (const form of document.querySelectorAll("form.api-try")) {
  form.addEventListener("submit", ask);
  form.querySelector("button").textContent = form.querySelector(".api-answer").dataset.wordsAsk;
}
if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
