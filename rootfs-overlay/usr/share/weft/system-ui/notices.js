// Notifications: toasts on the home screen, a line in the task bar while an app covers it, and the centre that keeps them.
"use strict";
(() => {
  const weft = globalThis.weft;
  const at = (id) => document.getElementById(id);

  function makeToast(notice, act) {
    const toast = weft.make("weft-toast", { heading: notice.title, tone: notice.tone, dismissable: "" });
    if (notice.app) toast.append(weft.make("weft-app-icon", { slot: "start", size: "36", "app-id": notice.app }));
    toast.append(weft.make("span", {}, notice.body), weft.make("span", { class: "when" }));
    toast.addEventListener("weft:dismiss", () => act({ type: "ui:dismiss", id: notice.id }));
    return toast;
  }

  function updateToast(toast, notice, state, withTime) {
    const icon = toast.querySelector("weft-app-icon");
    if (icon) weft.setAttribute(icon, "name", weft.appName(state, notice.app));
    const when = withTime ? weft.clock(new Date(notice.at)).time : "";
    weft.setText(toast.querySelector(".when"), [notice.app ? weft.appName(state, notice.app) : "System", when].filter(Boolean).join(" · "));
  }

  function renderNotices(state, act) {
    const current = state.toasts.map((toast) => state.notices.find((notice) => notice.id === toast.id)).filter(Boolean);
    const covered = weft.front(state) !== null && !weft.overlay(state);
    weft.keyed(at("toasts"), covered ? [] : current, (notice) => notice.id, (notice) => makeToast(notice, act), (toast, notice) => updateToast(toast, notice, state, false));

    const last = covered ? current[current.length - 1] : null;
    weft.setHidden(at("ticker"), !last);
    if (last) {
      weft.setClass(at("ticker"), "danger", last.tone === "danger");
      weft.setText(at("ticker"), weft.shorten(last.tone === "danger" ? last.body : [last.title, last.body].filter(Boolean).join(": "), 64));
    }

    weft.setHidden(at("centre"), !state.centre);
    if (!state.centre) return;
    weft.setHidden(at("centre-empty"), state.notices.length > 0);
    weft.setHidden(at("centre-list"), state.notices.length === 0);
    weft.setHidden(at("centre-clear"), state.notices.length === 0);
    weft.keyed(at("centre-list"), state.notices, (notice) => notice.id, (notice) => makeToast(notice, act), (toast, notice) => updateToast(toast, notice, state, true));
  }

  Object.assign(weft, { renderNotices });
})();
