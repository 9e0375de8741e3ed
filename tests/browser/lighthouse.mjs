// Lighthouse over pages in sequence, in a Chromium that somebody else has started. What it is to do comes as JSON in the first argument,
// what it found goes out as JSON; limits are the business of test_lighthouse.py.
//
//   {port, headers, runs: [{url, categories: [...], skip: [audit, ...]}]}

import lighthouse, { defaultConfig } from "lighthouse";

const TIMINGS = {
  lcp: "largest-contentful-paint", tti: "interactive", tbt: "total-blocking-time", cls: "cumulative-layout-shift",
};
const KEPT = new Set([...Object.values(TIMINGS), "network-requests"]);
// Advice that counts for no score, and takes longer than what does.
const ADVICE = defaultConfig.categories.performance.auditRefs.filter(({ id, weight }) => !weight && !KEPT.has(id)).map(({ id }) => id);
const TRIES = 3;
const asked = JSON.parse(process.argv[2]);

async function once({ url, categories, skip }) {
  const { lhr } = await lighthouse(url, { port: asked.port, logLevel: "error", output: "json" }, {
    extends: "lighthouse:default",
    settings: {
      onlyCategories: categories,
      skipAudits: [...ADVICE, ...skip],
      formFactor: "mobile",
      screenEmulation: { mobile: true, width: 360, height: 740, deviceScaleFactor: 2, disabled: false },
      throttlingMethod: "simulate",
      extraHeaders: asked.headers,
      disableFullPageScreenshot: true,
      // An unknown code is answered with 404, and its page is read like any other.
      ignoreStatusCode: true,
      maxWaitForLoad: 20000,
      // What is judged here is there when it is loaded: nothing comes in later, for which it would pay to wait.
      pauseAfterFcpMs: 300,
      pauseAfterLoadMs: 300,
      networkQuietThresholdMs: 500,
      cpuQuietThresholdMs: 500,
    },
  });
  return lhr;
}

// A browser that is starved of its processor sometimes loses its own trace; that says nothing of the page.
function torn(lhr) {
  return lhr.runtimeError || Object.values(TIMINGS).some((id) => typeof lhr.audits[id]?.numericValue !== "number");
}

function summary(lhr) {
  const sent = lhr.audits["network-requests"].details.items;
  return {
    url: lhr.requestedUrl,
    scores: Object.fromEntries(Object.entries(lhr.categories).map(([name, one]) => [name, Math.round(one.score * 100)])),
    timings: Object.fromEntries(Object.entries(TIMINGS).map(([name, id]) => [name, lhr.audits[id].numericValue])),
    faults: Object.values(lhr.categories).flatMap(({ auditRefs }) => auditRefs)
      .filter(({ id, weight }) => weight && lhr.audits[id].score !== null && lhr.audits[id].score < 1)
      .map(({ id }) => `${id}: ${lhr.audits[id].displayValue || lhr.audits[id].title}`),
    sent: sent.map(({ url, transferSize }) => [url, transferSize]),
  };
}

const found = [];
for (const run of asked.runs) {
  let lhr;
  for (let turn = 0; turn < TRIES && (!lhr || torn(lhr)); turn += 1) lhr = await once(run);
  if (torn(lhr)) throw new Error(`${run.url}: ${lhr.runtimeError?.message ?? "no timings"}`);
  found.push(summary(lhr));
}
process.stdout.write(JSON.stringify(found));
