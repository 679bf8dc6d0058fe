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
