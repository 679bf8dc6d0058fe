// The counter's page. The count lives in the component: the page sends what was pressed and shows what the component says, nothing else.
//
// To the component: {"op":"get"|"inc"|"dec"|"reset"}. From it: {"count":n}.
"use strict";
(() => {
  const SILENT_MS = 3000; // unanswered for so long, the page says so
  const ASK_AGAIN_MS = 2000;
  const at = (id) => document.getElementById(id);
  const controls = ["minus", "plus", "reset"].map(at);
  let waiting = 0;
  const layoutChanged = window.weftUiKit.layoutReporter(() => ["minus", "plus", "count", "reset"].map((what) => [what, at(what)]));

  function send(op) {
    window.weftIpc?.send(JSON.stringify({ op }));
    if (!waiting) waiting = setTimeout(notAnswering, SILENT_MS);
  }

  function notAnswering() {
    show("silent", "Not answering, trying again…");
    window.weftIpc?.send(JSON.stringify({ op: "get" }));
    waiting = setTimeout(notAnswering, ASK_AGAIN_MS);
  }

  function show(state, text) {
    document.body.className = state;
    at("status-text").textContent = text;
    for (const control of controls) control.disabled = state !== "answering";
    layoutChanged();
  }

  function showCount(count) {
    const text = String(count).replace("-", "\u2212");
    const box = at("count");
    box.className = text.length > 7 ? "longer" : text.length > 4 ? "long" : "";
    box.setAttribute("aria-label", `Count ${count}`);
    box.replaceChildren(...[...text].map((digit) => {
      const cell = document.createElement("span");
      cell.textContent = digit;
      return cell;
    }));
  }

  function onMessage(payload) {
    let message;
    try {
      message = JSON.parse(payload);
    } catch {
      console.error(`the component sent something that is not JSON: ${payload}`);
      return;
    }
    if (!Number.isInteger(message?.count)) return;
    clearTimeout(waiting);
    waiting = 0;
    showCount(message.count);
    if (document.body.className !== "answering") show("answering", "Ready");
  }

  at("minus").addEventListener("click", () => send("dec"));
  at("plus").addEventListener("click", () => send("inc"));
  at("reset").addEventListener("click", () => send("reset"));
  document.addEventListener("keydown", (event) => {
    const op = { "+": "inc", "=": "inc", ArrowUp: "inc", "-": "dec", ArrowDown: "dec", "0": "reset" }[event.key];
    if (op && !event.ctrlKey && !event.altKey && document.body.className === "answering") send(op);
  });
  window.addEventListener("resize", layoutChanged);

  show("unknown", "Starting…");
  at("count").append("–");
  if (window.weftIpc) {
    window.weftIpc.onmessage = onMessage;
    send("get");
  } else {
    show("silent", "This page runs only inside WEFT OS");
  }
})();
