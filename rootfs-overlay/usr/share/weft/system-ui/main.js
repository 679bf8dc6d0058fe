// The system UI's edge: the bridge to the shell, the clock, keys and touches on one side, state and view on the other.
"use strict";
(() => {
  const weft = globalThis.weft;
  const at = (id) => document.getElementById(id);
  const bridge = window.weftSystem;
  const OVERDUE_MS = 10000;
  let state = weft.initialState, tick = 0;

  // The shell refuses a message that it has no room for; the screen goes on all the same.
  function tell(message) {
    try {
      bridge?.send(message);
    } catch (error) {
      console.error(`could not send ${message.type}: ${error}`);
    }
  }

  function act(event) {
    const { state: next, send } = weft.reduce(state, { now: Date.now(), ...event });
    send.forEach(tell);
    if (next === state) return;
    state = next;
    render();
  }

  function render() {
    weft.renderHome(state, act);
    weft.renderClock(new Date(), state);
    weft.renderTaskbar(state, act);
    weft.renderNotices(state, act);
    weft.renderSystem(state);
    weft.layoutChanged();
    if (state.apps !== null || state.link === "lost") document.documentElement.classList.remove("reftest-wait");
    clearTimeout(tick);
    const due = weft.nextTick(state);
    if (due !== null) tick = setTimeout(() => act({ type: "ui:tick" }), Math.max(0, due - Date.now()) + 20);
  }

  // Shows hours and minutes: wakes once a minute, just after it has begun.
  function runClock() {
    const now = new Date();
    weft.renderClock(now, state);
    setTimeout(runClock, 60000 - (now.getSeconds() * 1000 + now.getMilliseconds()) + 50);
  }

  function launchFirst() {
    const first = weft.matches(state)[0];
    if (first && state.query.trim()) act({ type: "ui:launch", app: first.id });
  }

  // Typing anywhere on the home screen searches, whether the field has the focus or not.
  function onKey(event) {
    if (event.key === "Escape") return act({ type: "ui:escape" });
    if (event.ctrlKey || event.altKey || event.metaKey || state.closing !== null || state.resetting !== null) return undefined;
    const inField = event.composedPath().some((node) => node === at("search")), focused = document.activeElement;
    if (event.key === "Enter" && (inField || !focused || focused === document.body)) return launchFirst();
    if (event.key.startsWith("Arrow") && state.home && (!inField || event.key === "ArrowDown")) {
      event.preventDefault();
      return weft.moveInGrid(focused, event.key)?.focus();
    }
    if ((event.key === "Enter" || event.key === " ") && focused?.classList.contains("tile")) {
      event.preventDefault();
      return act({ type: "ui:launch", app: focused.dataset.key });
    }
    if (inField || !state.home || state.centre) return undefined;
    const erases = event.key === "Backspace";
    if (!erases && ([...event.key].length !== 1 || (event.key === " " && !state.query))) return undefined;
    event.preventDefault();
    focused?.blur(); // what is typed is not for the button that was pressed last
    return act({ type: "ui:query", query: erases ? [...state.query].slice(0, -1).join("") : state.query + event.key });
  }

  at("home-button").addEventListener("click", () => act({ type: "ui:home" }));
  at("bell").addEventListener("click", () => act({ type: "ui:centre" }));
  at("ticker").addEventListener("click", () => act({ type: "ui:centre" }));
  at("centre-clear").addEventListener("click", () => act({ type: "ui:clear" }));
  at("search").addEventListener("input", () => act({ type: "ui:query", query: at("search").value }));
  at("close-no").addEventListener("click", () => act({ type: "ui:keep" }));
  at("close-yes").addEventListener("click", () => act({ type: "ui:close", session: state.closing }));
  at("close-dialog").addEventListener("weft:cancel", () => act({ type: "ui:keep" }));
  at("system-reset").addEventListener("click", () => act({ type: "ui:ask-reset" }));
  at("reset-no").addEventListener("click", () => act({ type: "ui:keep-data" }));
  at("reset-yes").addEventListener("click", () => act({ type: "ui:reset" }));
  at("reset-dialog").addEventListener("weft:cancel", () => act({ type: "ui:keep-data" }));
  at("home").addEventListener("click", () => { if (state.centre) act({ type: "ui:centre" }); });
  document.addEventListener("keydown", onKey);
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  window.addEventListener("resize", render);

  runClock();
  render();
  if (bridge) {
    bridge.onmessage = act;
    act({ type: "ui:start" });
    setTimeout(() => act({ type: "ui:overdue" }), OVERDUE_MS);
  } else {
    console.error("the system UI has no bridge: window.weftSystem is missing");
  }
})();
