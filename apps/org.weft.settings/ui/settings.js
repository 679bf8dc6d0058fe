// The settings page: what it shows is what the component says, nothing is kept here.
//
// To the component: {"op":"apps"|"about"|"start"|"stop"|"crashes"|"crash"|"device",…}. From it: see the component's settings.rs.
"use strict";
(() => {
  const view = window.settingsView;
  const at = (id) => document.getElementById(id);
  const SILENT_MS = 3000;
  const AGAIN_MS = 700; // a crash report is written a little after the session's end
  let list = { apps: [], more: 0 }, crashes = [];
  let app = null, about = null; // chosen in the list, and what is known about it
  let crash = null, lines = null;
  let silentTimer = 0, againTimer = 0;

  // What has no answer of its own when it is done is told by the change that follows.
  function send(message) {
    try {
      window.weftIpc?.send(JSON.stringify(message));
    } catch (error) {
      console.error(`could not send ${message.op}: ${error}`);
    }
    if (message.op !== "start" && message.op !== "stop") silentTimer ||= setTimeout(silent, SILENT_MS);
  }

  function silent() {
    view.status("silent", "Not answering, trying again…");
    window.weftIpc?.send(JSON.stringify({ op: "apps" }));
    silentTimer = setTimeout(silent, SILENT_MS);
  }

  const chosenApp = () => list.apps.find(({ id }) => id === app);
  const names = () => new Map(list.apps.map(({ id, name }) => [id, name]));

  function show() {
    view.appList(list, app, chooseApp);
    view.appDetail(chosenApp(), about?.app === app ? about : null);
    view.appCrashes(crashes.filter((each) => each.app === app), (id) => { section("crashes"); chooseCrash(id); });
    const found = crashes.find(({ id }) => id === crash);
    view.crashList(crashes, names(), crash, chooseCrash);
    view.crashDetail(found, found && (names().get(found.app) || found.app), lines?.id === crash ? lines.lines : null);
    view.layoutChanged();
  }

  function chooseApp(id) {
    app = id;
    if (about?.app !== id) send({ op: "about", app: id });
    show();
  }

  function chooseCrash(id) {
    crash = id;
    if (lines?.id !== id) send({ op: "crash", id });
    show();
  }

  function section(name) {
    view.section(name);
    if (name === "device") send({ op: "device" });
    if (name === "crashes") send({ op: "crashes" });
    view.layoutChanged();
  }

  const on = {
    apps(message) {
      list = message;
      if (!chosenApp() && list.apps.length) chooseApp((list.apps.find((each) => !each.self) || list.apps[0]).id);
      clearTimeout(againTimer);
      againTimer = setTimeout(() => send({ op: "crashes" }), AGAIN_MS);
    },
    about(message) { about = message.about; },
    crashes(message) {
      crashes = message.crashes;
      if (!crashes.some(({ id }) => id === crash)) crash = null;
      if (crash === null && crashes.length) chooseCrash(crashes[0].id);
    },
    crash(message) { lines = message.crash; },
    device(message) { view.device(message.device); },
    error(message) { view.say(message.error); },
  };

  function onMessage(payload) {
    let message;
    try {
      message = JSON.parse(payload);
    } catch {
      return console.error(`the component sent something that is not JSON: ${payload}`);
    }
    clearTimeout(silentTimer);
    silentTimer = 0;
    view.status("answering", "Ready");
    const kind = Object.keys(on).find((name) => Object.hasOwn(message, name));
    if (kind) on[kind](message);
    show();
    return undefined;
  }

  function dialog(open) {
    const chosen = chosenApp();
    if (chosen) at("stop-text").textContent = `What ${chosen.name} has not saved is lost.`;
    at("stop-dialog").toggleAttribute("open", open);
    view.layoutChanged();
  }

  for (const name of ["apps", "crashes", "device"]) at(`nav-${name}`).addEventListener("click", () => section(name));
  at("open").addEventListener("click", () => { if (app) send({ op: "start", app }); });
  at("stop").addEventListener("click", () => dialog(true));
  at("stop-no").addEventListener("click", () => dialog(false));
  at("stop-dialog").addEventListener("weft:cancel", () => dialog(false));
  at("stop-yes").addEventListener("click", () => {
    dialog(false);
    const session = chosenApp() && view.running(chosenApp());
    if (session) send({ op: "stop", session: session.id });
  });
  for (const name of ["app-list", "crash-list", "app-detail"]) at(name).addEventListener("scroll", view.layoutChanged);
  window.addEventListener("resize", view.layoutChanged);

  view.section("apps");
  view.appDetail(undefined, null);
  view.crashDetail(undefined);
  if (window.weftIpc) {
    window.weftIpc.onmessage = onMessage;
    send({ op: "apps" });
  } else {
    view.status("silent", "This page runs only inside WEFT OS");
  }
  view.layoutChanged();
})();
