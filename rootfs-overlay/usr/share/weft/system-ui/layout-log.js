// Which parts of the system UI are told to the log with their places (`layoutReporter` of the UI kit).
"use strict";
(() => {
  const weft = globalThis.weft;

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
    const system = document.getElementById("system-line");
    yield [`system:${system.dataset.phase}`, system];
    yield one("system-failure", "system-failure");
    yield one("reset", "system-reset");
    if (document.getElementById("reset-dialog").hasAttribute("open")) {
      yield one("reset:no", "reset-no");
      yield one("reset:yes", "reset-yes");
    }
  }

  weft.layoutChanged = window.weftUiKit.layoutReporter(places);
})();
