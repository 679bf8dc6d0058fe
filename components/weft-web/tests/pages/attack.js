// Shared by the pages that try to leave their package. `outside` is where a listener of the runner waits.
"use strict";
const outside = "http://127.0.0.1:7999";
const name = location.pathname.replace(/^.*\/|\.html$/g, "");
let reported = false;

function report(outcome, detail) {
  if (reported) return;
  reported = true;
  weftIpc.send(JSON.stringify({ attack: name, outcome, detail: String(detail ?? "") }));
}

const refused = (detail) => report("refused", detail);
const leaked = (detail) => report("leaked", detail);

// A way out that reports nothing by itself: refused as long as nothing came of it.
const silent = (ms = 700) => setTimeout(() => refused("nothing happened"), ms);

// Tries several ways at once: each is a function that throws, or gives a promise which is fulfilled only if the way leads out.
function each(ways, ms) {
  for (const [way, go] of Object.entries(ways)) {
    (async () => leaked(`${way}: ${await go()}`))().catch(() => {});
  }
  silent(ms);
}

// An element in the page, as a way out: fulfilled once it has loaded.
function element(tag, attributes, parent = document.documentElement) {
  const made = document.createElement(tag);
  return new Promise((fulfil, reject) => {
    for (const event of ["load", "loadeddata", "canplay"]) made.addEventListener(event, () => fulfil(event));
    made.addEventListener("error", reject);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
  });
}

// The runner asks afterwards whether the page is still where it was.
weftIpc.onmessage = () => weftIpc.send(JSON.stringify({ here: location.href }));
