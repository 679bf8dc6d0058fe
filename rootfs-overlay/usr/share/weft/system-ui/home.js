// The home screen: clock, search field and the grid of apps.
"use strict";
(() => {
  const weft = globalThis.weft;
  const at = (id) => document.getElementById(id);
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

  function makeTile(app, act) {
    const icon = weft.make("weft-app-icon", { size: "88" });
    const tile = weft.make("div", { class: "tile", role: "button", tabindex: "0" }, weft.make("div", { class: "face" }, icon), weft.make("div", { class: "name" }));
    weft.press(tile, () => act({ type: "ui:launch", app: tile.dataset.key }));
    return tile;
  }

  function updateTile(tile, app, state, first) {
    const icon = tile.querySelector("weft-app-icon"), face = tile.querySelector(".face"), busy = app.id in state.launching;
    weft.setAttribute(icon, "app-id", app.id);
    weft.setAttribute(icon, "name", app.name);
    weft.setText(tile.querySelector(".name"), weft.shorten(app.name, 22));
    weft.setAttribute(tile, "aria-label", busy ? `${app.name}, starting` : app.name);
    weft.setClass(tile, "first", first);
    weft.setClass(tile, "launching", busy);
    const ring = face.querySelector(".busy");
    if (busy && !ring) face.append(weft.make("div", { class: "busy" }, weft.make("weft-progress", { size: "24" })));
    if (!busy && ring) ring.remove();
  }

  function showEmpty(state, shown) {
    const none = state.apps !== null && shown.length === 0;
    weft.setHidden(at("empty"), !none);
    if (!none) return;
    const searching = state.apps.length > 0;
    weft.setAttribute(at("empty-icon"), "name", searching ? "search" : "apps");
    weft.setText(at("empty-title"), searching ? `No app matches “${weft.shorten(state.query.trim(), 40)}”` : "No apps installed");
    weft.setText(at("empty-text"), searching ? "Press Escape to see all apps." : "Install a package and it appears here.");
  }

  function renderHome(state, act) {
    const shown = weft.matches(state), searching = state.query.trim() !== "";
    weft.setHidden(at("skeleton"), state.apps !== null);
    weft.setHidden(at("grid"), shown.length === 0);
    weft.setHidden(at("lost"), state.link !== "lost");
    weft.setClass(at("home"), "offline", state.link === "lost");
    weft.keyed(at("grid"), shown, (app) => app.id, (app) => makeTile(app, act), (tile, app) => updateTile(tile, app, state, searching && app === shown[0]));
    showEmpty(state, shown);
    if (at("search").value !== state.query) at("search").value = state.query;
  }

  // A clock that nobody has set says 1970, or what weft-netd made of that: rather no time than a wrong one.
  function clock(date, state) {
    if (date.getFullYear() < 2024 || state?.network?.clock === "unset") return { time: "–:–", date: "The time is not set" };
    const two = (n) => String(n).padStart(2, "0");
    return { time: `${two(date.getHours())}:${two(date.getMinutes())}`, date: `${DAYS[date.getDay()]}, ${date.getDate()} ${MONTHS[date.getMonth()]}` };
  }

  function renderClock(date, state) {
    const now = clock(date, state);
    weft.setText(at("time"), now.time);
    weft.setText(at("date"), now.date);
    weft.setText(at("bar-clock"), now.time);
  }

  // Arrow keys go through the grid as it is laid out.
  function moveInGrid(from, key) {
    const tiles = [...at("grid").children], index = tiles.indexOf(from);
    if (index < 0) return tiles[0];
    const perRow = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }[key];
    return tiles[index + by] || from;
  }

  Object.assign(weft, { renderHome, renderClock, clock, moveInGrid });
})();
