// Keeps visits that were opened on this device open without a net. It watches only the pages below its own address.
// What to keep is decided by the page (visit.js); here it is only found again.

const PATIENCE = 4000; // ms: one bar of signal is worse than none, so a page that is at hand does not wait for ever

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const kept = (request) => caches.match(request.mode === "navigate" ? new URL(request.url).pathname : request);

const freshOrKept = async (request) => {
  const known = await kept(request);
  if (!known) return fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, known));
  return Promise.race([fetch(request).catch(() => known), late]);
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(freshOrKept(request));
  else if (["style", "script", "image"].includes(request.destination)) {
    event.respondWith(kept(request).then((found) => found ?? fetch(request)));
  }
});
