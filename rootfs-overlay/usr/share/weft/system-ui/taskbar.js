// The task bar: home, running apps, notifications, clock.
"use strict";
(() => {
  const weft = globalThis.weft;
  const at = (id) => document.getElementById(id);

  // How much each running app may show in `width` px: its name and a cross, a cross, or its icon alone.
  const taskMode = (width, count) => (count === 0 || width / count >= 150 ? "full" : width / count >= 96 ? "compact" : "tight");

  function makeTask(act) {
    const main = weft.make("button", { class: "task-main", type: "button" }, weft.make("weft-app-icon", { size: "28" }), weft.make("span", { class: "label" }));
    const close = weft.make("button", { class: "task-close", type: "button" }, weft.make("weft-icon", { name: "close", size: "16", color: "#a9b5cc" }));
    const task = weft.make("div", { class: "task", role: "listitem" }, main, close);
    const session = () => Number(task.dataset.key);
    weft.press(main, () => act({ type: "ui:activate", session: session() }), () => act({ type: "ui:ask-close", session: session() }));
    close.addEventListener("click", () => act({ type: "ui:close", session: session() }));
    main.addEventListener("keydown", (event) => { if (event.key === "Delete") act({ type: "ui:ask-close", session: session() }); });
    return task;
  }

  // How many letters of a name fit beside icon and cross, with Inter's wide ones in mind: 8 px each at 14 px.
  const labelLetters = (width, count) => Math.max(4, Math.floor((Math.min(208, width / count) - 108) / 8));

  function updateTask(element, task, state, letters) {
    const name = weft.appName(state, task.app), [main, close] = element.children;
    weft.setAttribute(main.firstChild, "app-id", task.app);
    weft.setAttribute(main.firstChild, "name", name);
    const label = { starting: "Starting…", stopping: "Closing…" }[task.state] || weft.shorten(name, letters);
    weft.setText(main.lastChild, label);
    weft.setAttribute(main, "aria-label", task.state === "running" ? name : `${name}, ${task.state}`);
    weft.setAttribute(close, "aria-label", `Close ${name}`);
    weft.setClass(element, "front", !state.home && weft.front(state) === task.session);
    weft.setClass(element, "busy", task.state !== "running");
  }

  function renderTaskbar(state, act) {
    const tasks = at("tasks"), width = tasks.clientWidth - 16, mode = taskMode(width, state.tasks.length);
    const letters = labelLetters(width, state.tasks.length);
    weft.setClass(tasks, "compact", mode === "compact");
    weft.setClass(tasks, "tight", mode === "tight");
    weft.keyed(tasks, state.tasks, (task) => task.session, () => makeTask(act), (element, task) => updateTask(element, task, state, letters));
    weft.setClass(at("home-button"), "on", state.home && !state.centre);
    weft.setClass(at("bell"), "on", state.centre);
    weft.setHidden(at("badge"), state.unread === 0);
    weft.setText(at("badge"), state.unread > 9 ? "9+" : String(state.unread));
    weft.setAttribute(at("bell"), "aria-label", state.unread ? `Notifications, ${state.unread} new` : "Notifications");
    renderNetwork(state);
    renderClosing(state);
  }

  function renderNetwork(state) {
    const [text, sentence] = weft.networkText(state);
    weft.setText(at("network-text"), text);
    weft.setAttribute(at("network"), "aria-label", sentence);
    weft.setClass(at("network"), "on", Boolean(state.network?.online));
    weft.setClass(at("network"), "known", state.network !== null);
  }

  function renderClosing(state) {
    const dialog = at("close-dialog"), task = state.closing === null ? null : weft.task(state, state.closing);
    if (task) {
      weft.setAttribute(dialog, "heading", `Close ${weft.shorten(weft.appName(state, task.app), 40)}?`);
      weft.setText(at("close-text"), "What it has not saved is lost.");
    }
    if (dialog.hasAttribute("open") !== Boolean(task)) dialog.toggleAttribute("open", Boolean(task));
  }

  Object.assign(weft, { renderTaskbar, taskMode });
})();
