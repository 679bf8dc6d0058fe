// The system itself: which version runs, what an update is at, what failed, and the factory reset with its question.
"use strict";
(() => {
  const weft = globalThis.weft;
  const at = (id) => document.getElementById(id);

  function renderSystem(state) {
    const { line, done, failure } = weft.systemText(state);
    weft.setHidden(at("system"), !line);
    weft.setText(at("system-line"), line);
    at("system-line").dataset.phase = state.update?.phase || "";
    weft.setHidden(at("system-progress"), done === null);
    if (done !== null) weft.setAttribute(at("system-progress"), "value", done.toFixed(3));
    weft.setHidden(at("system-failure"), !failure);
    weft.setText(at("system-failure"), weft.shorten(failure, 320));
    renderReset(state);
  }

  function renderReset(state) {
    const dialog = at("reset-dialog"), open = state.resetting !== null, running = state.resetting === "running";
    weft.setText(at("reset-text"), running
      ? "The device restarts and erases its data."
      : "Every app that was installed, all its data, and all settings are erased. The system stays as it is. This cannot be undone.");
    weft.setHidden(at("reset-no"), running);
    weft.setHidden(at("reset-yes"), running);
    if (dialog.hasAttribute("open") !== open) dialog.toggleAttribute("open", open);
  }

  Object.assign(weft, { renderSystem });
})();
