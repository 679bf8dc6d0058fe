// What the system UI knows, and how every message and every touch changes it. Pure: no page, no clock, no bridge in here.
//
// reduce(state, event) -> { state, send }: `event` is a message of appd (`type` in capitals, see components/weft-ipc/src/appd.rs) or
// something the person did (`type` begins with "ui:"); `event.now` is milliseconds. `send` are the messages to hand to the shell.
"use strict";
(() => {
  const weft = (globalThis.weft ??= {});

  const TOAST_MS = 6000;
  const ERROR_TOAST_MS = 10000;
  const LAUNCH_LIMIT_MS = 90000;
  const NOTICES_KEPT = 50;

  weft.initialState = Object.freeze({
    link: "connecting",   // connecting, up, lost
    apps: null,           // null until appd has told
    tasks: [],            // {session, app, state}: in the order they were started
    recent: [],           // sessions with a window, the one in front last
    launching: {},        // app id -> {since, session}
    home: true,           // the home screen was asked for; it shows over an app in front
    query: "",
    centre: false,
    closing: null,        // session whose closing waits for an answer
    notices: [],          // {id, app, title, body, tone, at}: newest first
    toasts: [],           // {id, until}
    unread: 0,
    network: null,        // null until told, then {online, addresses, clock}
    update: null,         // null until told, then what UPDATE_STATUS says (components/weft-ipc/src/update.rs)
    resetting: null,      // "asking" while the factory reset waits for an answer, "running" once it was confirmed
    nextNotice: 1,
  });

  const front = (state) => (state.recent.length ? state.recent[state.recent.length - 1] : null);
  const task = (state, session) => state.tasks.find((each) => each.session === session);
  const appName = (state, id) => state.apps?.find((each) => each.id === id)?.name || id.split(".").pop();
  // The panel must be above the app in front to show anything but its task bar.
  const overlay = (state) => front(state) !== null && (state.home || state.centre || state.closing !== null || state.resetting !== null);
  const matches = (state) => {
    const wanted = state.query.trim().toLowerCase(), apps = state.apps || [];
    if (!wanted) return apps;
    const rank = (each) => (each.name.toLowerCase().startsWith(wanted) ? 0 : each.name.toLowerCase().includes(wanted) ? 1 : 2);
    return apps.filter((each) => each.name.toLowerCase().includes(wanted) || each.id.toLowerCase().includes(wanted))
      .sort((a, b) => rank(a) - rank(b));
  };

  const without = (map, key) => Object.fromEntries(Object.entries(map).filter(([each]) => each !== key));
  const toFront = (state, session) => ({ ...state, recent: [...state.recent.filter((each) => each !== session), session], home: false, centre: false, closing: null, query: "" });
  const withTask = (state, session, app, to) => ({
    ...state,
    tasks: task(state, session)
      ? state.tasks.map((each) => (each.session === session ? { ...each, app, state: to } : each))
      : [...state.tasks, { session, app, state: to }],
  });

  function gone(state, session) {
    const ended = task(state, session);
    if (!ended) return state;
    const recent = state.recent.filter((each) => each !== session);
    return {
      ...state,
      recent,
      tasks: state.tasks.filter((each) => each.session !== session),
      launching: state.launching[ended.app]?.session === session ? without(state.launching, ended.app) : state.launching,
      closing: state.closing === session ? null : state.closing,
      home: state.home || recent.length === 0,
    };
  }

  function notify(state, now, { app = "", title, body = "", tone = "info" }) {
    const id = state.nextNotice;
    return {
      ...state,
      nextNotice: id + 1,
      notices: [{ id, app, title, body, tone, at: now }, ...state.notices].slice(0, NOTICES_KEPT),
      toasts: state.centre ? state.toasts : [...state.toasts, { id, until: now + (tone === "danger" ? ERROR_TOAST_MS : TOAST_MS) }].slice(-3),
      unread: state.centre ? 0 : state.unread + 1,
    };
  }

  const QUERIES = [{ type: "QUERY_INSTALLED_APPS" }, { type: "QUERY_RUNNING" }, { type: "QUERY_NETWORK" }, { type: "QUERY_UPDATE" }];

  const messages = {
    CONNECTION(state, event) {
      // Before the first connection there is nothing to be lost: the page still waits.
      if (!event.connected) return { state: { ...state, link: state.link === "connecting" ? "connecting" : "lost", launching: {} } };
      return { state: { ...state, link: "up" }, send: QUERIES };
    },
    INSTALLED_APPS(state, { apps }) {
      const listed = apps.map((each) => ({ id: each.app_id, name: each.name || each.app_id, version: each.version }));
      listed.sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : a.name.toLowerCase() > b.name.toLowerCase() ? 1 : 0));
      return { state: { ...state, link: "up", apps: listed } };
    },
    // Sessions this page was not told of (it was started anew, or the link was lost) count as running until appd says otherwise.
    RUNNING_APPS(state, { sessions }) {
      const alive = new Set(sessions.map((each) => each.session_id));
      const unknown = sessions.filter((each) => !task(state, each.session_id));
      let next = { ...state, link: "up" };
      for (const each of state.tasks) if (!alive.has(each.session)) next = gone(next, each.session);
      for (const each of unknown) next = withTask(next, each.session_id, each.app_id, "running");
      const before = next.recent;
      next = { ...next, recent: [...unknown.map((each) => each.session_id), ...before] };
      if (!before.length && unknown.length) next = { ...next, home: false };
      return { state: next, send: unknown.map((each) => ({ type: "QUERY_APP_STATE", session_id: each.session_id })) };
    },
    LAUNCH_ACK(state, { session_id, app_id }) {
      const known = task(state, session_id);
      const next = known ? state : withTask(state, session_id, app_id, "starting");
      const waiting = next.launching[app_id];
      if (!waiting) return { state: next };
      if (known?.state === "running") return { state: toFront({ ...next, launching: without(next.launching, app_id) }, session_id) };
      return { state: { ...next, launching: { ...next.launching, [app_id]: { ...waiting, session: session_id } } } };
    },
    // An app that was asked for here comes to the front, and so does one that is started again after it crashed in front.
    APP_READY(state, { session_id, app_id }) {
      const wanted = state.launching[app_id] || front(state) === null || task(state, front(state))?.app === app_id;
      const next = { ...withTask(state, session_id, app_id, "running"), launching: without(state.launching, app_id) };
      if (wanted) return { state: toFront(next, session_id) };
      return { state: next.recent.includes(session_id) ? next : { ...next, recent: [session_id, ...next.recent] } };
    },
    APP_STATE(state, { session_id, state: to }) {
      if (to === "stopped" || to === "not_found") return { state: gone(state, session_id) };
      const known = task(state, session_id);
      if (!known) return { state, send: [{ type: "QUERY_RUNNING" }] };
      const next = withTask(state, session_id, known.app, to);
      if (to !== "starting") return { state: next };
      const recent = next.recent.filter((each) => each !== session_id);
      return { state: { ...next, recent, home: next.home || recent.length === 0 } };
    },
    // Up (dy < 0) is home; sideways goes through the running apps.
    NAVIGATION_GESTURE(state, { gesture_type, fingers, dx, dy }) {
      if (gesture_type !== 0 || fingers < 3) return { state };
      if (Math.abs(dy) >= Math.abs(dx)) return { state: dy < 0 ? { ...state, home: true, centre: false, closing: null } : state };
      const open = state.tasks.filter((each) => state.recent.includes(each.session));
      const at = open.findIndex((each) => each.session === front(state));
      const next = open[at + (dx < 0 ? 1 : -1)];
      return next && !state.home ? messages["ui:activate"](state, { session: next.session }) : { state };
    },
    NETWORK_STATUS(state, { online, links, clock }) {
      const addresses = links.flatMap((each) => each.addresses).map((each) => each.split("/")[0]);
      return { state: { ...state, network: { online, addresses, clock } } };
    },
    // A release that failed and an update that could not be had are told once, when they are new.
    UPDATE_STATUS(state, { type, now, ...status }) {
      const before = state.update, failed = status.failure;
      let next = { ...state, update: status };
      if (failed && (before?.failure?.version !== failed.version || before.failure.reason !== failed.reason)) {
        next = notify(next, now, { title: `Version ${failed.version} did not work`, body: `The device went back to ${status.version}: ${failed.reason}.`, tone: "danger" });
      }
      if (status.error && before && before.error !== status.error) next = notify(next, now, { title: "No update", body: status.error, tone: "warn" });
      if (!status.state_kept && before?.state_kept !== false) next = notify(next, now, { title: "Nothing is kept", body: "The storage cannot be used. What you do now is lost at the next start.", tone: "danger" });
      if (status.repaired && !before?.repaired) next = notify(next, now, { title: "The storage may be failing", body: "A damaged block of the system was repaired. Have the device looked at.", tone: "warn" });
      return { state: next };
    },
    NOTIFICATION(state, { app_id, title, body, now }) {
      return { state: notify(state, now, { app: app_id, title, body }) };
    },
    ERROR(state, { message, now }) {
      const launching = Object.fromEntries(Object.entries(state.launching).filter(([, each]) => each.session !== null));
      return { state: notify({ ...state, launching, resetting: null }, now, { title: "Something went wrong", body: message, tone: "danger" }) };
    },

    "ui:start": (state) => ({ state, send: QUERIES }),
    // Nobody has answered since the page was loaded.
    "ui:overdue": (state) => ({ state: state.link === "connecting" ? { ...state, link: "lost" } : state }),
    "ui:home"(state) {
      const showing = state.home && !state.centre;
      return { state: { ...state, home: !(showing && front(state) !== null), centre: false, closing: null, query: "" } };
    },
    "ui:launch"(state, { app, now }) {
      if (state.link === "lost") return { state: notify(state, now, { title: "Not connected", body: "The system is reconnecting. Try again in a moment.", tone: "warn" }) };
      if (state.launching[app]) return { state };
      const running = state.tasks.find((each) => each.app === app && state.recent.includes(each.session));
      if (running) return messages["ui:activate"](state, { session: running.session });
      return { state: { ...state, launching: { ...state.launching, [app]: { since: now, session: null } } }, send: [{ type: "LAUNCH_APP", app_id: app, surface_id: 0 }] };
    },
    "ui:activate"(state, { session }) {
      if (!state.recent.includes(session)) return { state };
      return { state: toFront(state, session), send: [{ type: "ACTIVATE_APP", session_id: session }] };
    },
    "ui:ask-close": (state, { session }) => ({ state: task(state, session) ? { ...state, closing: session, centre: false } : state }),
    "ui:keep": (state) => ({ state: { ...state, closing: null } }),
    "ui:close"(state, { session }) {
      const known = task(state, session);
      if (!known) return { state };
      return { state: { ...withTask(state, session, known.app, "stopping"), closing: null }, send: [{ type: "TERMINATE_APP", session_id: session }] };
    },
    "ui:ask-reset": (state) => ({ state: { ...state, resetting: "asking", centre: false } }),
    "ui:keep-data": (state) => ({ state: { ...state, resetting: null } }),
    "ui:reset"(state) {
      if (state.resetting !== "asking") return { state };
      return { state: { ...state, resetting: "running" }, send: [{ type: "FACTORY_RESET" }] };
    },
    "ui:query": (state, { query }) => ({ state: { ...state, query } }),
    "ui:centre": (state) => ({ state: { ...state, centre: !state.centre, unread: 0, toasts: [], closing: null } }),
    "ui:dismiss": (state, { id }) => ({
      state: { ...state, notices: state.notices.filter((each) => each.id !== id), toasts: state.toasts.filter((each) => each.id !== id),
        unread: state.toasts.some((each) => each.id === id) ? Math.max(0, state.unread - 1) : state.unread },
    }),
    "ui:clear": (state) => ({ state: { ...state, notices: [], toasts: [], unread: 0, centre: false } }),
    "ui:escape"(state) {
      if (state.resetting !== null) return { state: { ...state, resetting: state.resetting === "asking" ? null : state.resetting } };
      if (state.closing !== null) return { state: { ...state, closing: null } };
      if (state.centre) return { state: { ...state, centre: false } };
      if (state.query) return { state: { ...state, query: "" } };
      return { state: { ...state, home: front(state) === null } };
    },
    // Time passed: toasts end, and a launch that nothing was heard of is given up.
    "ui:tick"(state, { now }) {
      let next = { ...state, toasts: state.toasts.filter((each) => each.until > now) };
      if (next.toasts.length === state.toasts.length) next = state;
      for (const [app, each] of Object.entries(state.launching)) {
        if (now - each.since < LAUNCH_LIMIT_MS) continue;
        next = notify({ ...next, launching: without(next.launching, app) }, now, { app, title: `${appName(state, app)} did not start`, body: "It gave no sign of life. Try again.", tone: "danger" });
      }
      return { state: next };
    },
  };

  function reduce(state, event) {
    const handle = Object.hasOwn(messages, event.type) ? messages[event.type] : null;
    if (!handle) return { state, send: [] };
    const { state: next, send = [] } = handle(state, event);
    const on = overlay(next);
    return { state: next, send: on === overlay(state) ? send : [...send, { type: "SHELL_OVERLAY", on }] };
  }

  // When the next "ui:tick" is due, or null.
  function nextTick(state) {
    const due = [...state.toasts.map((each) => each.until), ...Object.values(state.launching).map((each) => each.since + LAUNCH_LIMIT_MS)];
    return due.length ? Math.min(...due) : null;
  }

  // What the task bar says of the network: a short text, and a sentence.
  function networkText({ network }) {
    if (!network) return ["", ""];
    const [first, ...others] = network.addresses;
    if (!first) return ["No network", "There is no network"];
    const list = [first, ...others].join(", ");
    // An address of IPv6 is too long for the bar.
    const short = first.includes(":") ? "IPv6" : first;
    return [short, network.online ? `The network address is ${list}` : `The network address is ${list}, with no way out`];
  }

  // What the notification centre says of the system: a line, the share of an update that is done or null, and what failed last.
  function systemText({ update }) {
    if (!update) return { line: "", done: null, failure: "" };
    const target = update.target ? ` ${update.target}` : "";
    const doing = {
      available: `Version${target} can be had`, downloading: `Loading version${target}`, staged: `Version${target} is ready`, activated: `Version${target} starts with the next restart`,
    }[update.phase] || (update.trial === "running" ? "Being tried" : "");
    const done = update.phase === "downloading" && update.progress?.total ? update.progress.done / update.progress.total : null;
    const percent = done === null ? "" : `, ${Math.floor(done * 100)} %`;
    const rotten = update.repaired ? `${update.repaired} damaged ${update.repaired === 1 ? "block" : "blocks"} of the system repaired: the storage may be failing` : "";
    const failed = update.failure ? `Version ${update.failure.version} did not work: ${update.failure.reason}` : update.error || "";
    const failure = [failed, rotten].filter(Boolean).join(" · ");
    return { line: [`Version ${update.version}`, doing && doing + percent].filter(Boolean).join(" · "), done, failure };
  }

  Object.assign(weft, { reduce, systemText, nextTick, networkText, front, task, appName, overlay, matches });
})();
