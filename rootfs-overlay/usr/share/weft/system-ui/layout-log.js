// Tells the log where things are, for whoever operates the screen from outside: one line each,
// `weft-layout <what> <x> <y> <width> <height>` in CSS px from the top left, all of them whenever one has changed.
"use strict";
(() => {
  const weft = globalThis.weft;
  let told = "", timer = 0;

  function* places() {
    const one = (what, id) => [what, document.getElementById(id)];
    yield one("home", "home-button");
    yield one("notifications", "bell");
    const network = document.getElementById("network");
    if (network.classList.contains("known")) yield [`network:${network.classList.contains("on") ? "on" : "off"}`, network];
    yield one("search", "search");
    for (const tile of document.getElementById("grid").children) yield [`icon:${tile.dataset.key}`, tile];
    for (const task of document.getElementById("tasks").children) {
      yield [`task:${task.dataset.key}`, task.firstElementChild];
      yield [`close:${task.dataset.key}`, task.lastElementChild];
    }
    // What a notification is seen as: a toast, a line in the task bar while an app is in front, an entry of the centre.
    for (const [what, list] of [["toast", "toasts"], ["notice", "centre-list"]]) {
      for (const notice of document.getElementById(list).children) yield [`${what}:${notice.querySelector("weft-app-icon")?.getAttribute("app-id") || "system"}`, notice];
    }
    yield one("ticker", "ticker");
  }

  function report() {
    timer = 0;
    const lines = [];
    for (const [what, element] of places()) {
      const box = element.getBoundingClientRect();
      if (box.width > 0 && box.height > 0) lines.push(`weft-layout ${what} ${[box.left, box.top, box.width, box.height].map(Math.round).join(" ")}`);
    }
    const text = lines.join("\n");
    if (text === told) return;
    told = text;
    for (const line of lines) console.info(line);
  }

  // Once per burst of changes.
  weft.layoutChanged = () => { if (!timer) timer = setTimeout(report, 0); };
})();
