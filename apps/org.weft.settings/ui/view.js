// What the settings page shows. Knows nothing of the component.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const STATES = { starting: "Starting…", running: "Running", stopping: "Stopping…", stopped: "Stopped" };
  const PROCESSES = { component: "Its component", page: "Its page" };

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function size(bytes) {
    if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    return bytes >= 2 ** 20 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${Math.round(bytes / 1024)} KiB`;
  }

  function span(seconds) {
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
    if (hours >= 48) return `${Math.floor(hours / 24)} days`;
    return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : "less than a minute";
  }

  function date(seconds) {
    const time = new Date(seconds * 1000), two = (number) => String(number).padStart(2, "0");
    return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`;
  }

  function facts(list, pairs) {
    list.replaceChildren(...pairs.flatMap(([what, value]) => [make("dt", "", what), make("dd", "", value)]));
  }

  // A row of a list: an icon, two lines, and what happens on a press.
  function item({ id, name, title, second, on, chosen }, choose) {
    const row = make("button", chosen ? "item chosen" : "item");
    row.type = "button";
    const icon = document.createElement("weft-app-icon"), words = make("span", "words");
    icon.setAttribute("app-id", id);
    icon.setAttribute("name", name);
    icon.setAttribute("size", "44");
    words.append(make("div", "title", title), make("div", on ? "second on" : "second", second));
    row.append(icon, words);
    row.addEventListener("click", choose);
    return row;
  }

  // Lists are made anew only where they changed, so that nothing jumps under a finger.
  const shown = new Map();
  function changed(what, ...state) {
    const text = JSON.stringify(state);
    const is = shown.get(what) !== text;
    shown.set(what, text);
    return is;
  }

  const running = (app) => app.sessions.find(({ state }) => state !== "stopped");

  function appList(list, chosen, choose) {
    if (!changed("apps", list, chosen)) return;
    const rows = list.apps.map((app) => {
      const session = running(app);
      const second = session ? STATES[session.state] : "Not running";
      return item({ id: app.id, name: app.name, title: app.name, second, on: Boolean(session), chosen: app.id === chosen }, () => choose(app.id));
    });
    if (list.more > 0) rows.push(make("p", "none", `and ${list.more} more`));
    at("app-list").replaceChildren(...rows);
  }

  function appDetail(app, about) {
    at("app-detail").hidden = !app;
    if (!app) return;
    const session = running(app);
    at("app-icon").setAttribute("app-id", app.id);
    at("app-icon").setAttribute("name", app.name);
    at("app-name").textContent = app.name;
    const from = about && !about.refused ? ` · ${about.system ? "part of the system" : "installed"}` : "";
    at("app-version").textContent = `${app.version} · ${app.id}${from}`;
    at("open").hidden = app.self || Boolean(about?.refused);
    at("open").textContent = session ? "Show" : "Open";
    at("stop").hidden = app.self || !session;
    at("stop").disabled = session?.state === "stopping";
    if (!about || !changed("about", about)) return;
    at("app-text").textContent = about.refused ? `It cannot be opened: ${about.refused}` : about.description || "Its author says nothing about it.";
    for (const id of ["app-may", "app-limits"]) at(id).hidden = at(id).previousElementSibling.hidden = Boolean(about.refused);
    if (about.refused) return;
    at("app-may").replaceChildren(...about.may.map(({ capability, meaning }) => {
      const line = make("li", "", meaning.charAt(0).toUpperCase() + meaning.slice(1));
      line.append(make("span", "code", capability));
      return line;
    }));
    facts(at("app-limits"), [["Memory", size(about.memory)], ["Its own data", size(about.storage)]]);
  }

  function appCrashes(crashes, show) {
    if (!changed("app-crashes", crashes)) return;
    const lines = crashes.slice(0, 3).map((crash) => {
      const row = make("button", "item");
      row.type = "button";
      const words = make("span", "words");
      words.append(make("div", "title", crash.reason), make("div", "second", date(crash.time)));
      row.append(words);
      row.addEventListener("click", () => show(crash.id));
      return row;
    });
    at("app-crashes").replaceChildren(...(lines.length ? lines : [make("p", "none", "None are remembered.")]));
  }

  function crashList(crashes, names, chosen, choose) {
    if (!changed("crashes", crashes, chosen, [...names])) return;
    const rows = crashes.map((crash) => {
      const name = names.get(crash.app) || crash.app;
      return item({ id: crash.app, name, title: name, second: `${date(crash.time)} · ${crash.reason}`, chosen: crash.id === chosen }, () => choose(crash.id));
    });
    at("crash-list").replaceChildren(...(rows.length ? rows : [make("p", "none", "No app has crashed.")]));
  }

  function crashDetail(crash, name, lines) {
    at("crash-detail").hidden = !crash;
    if (!crash || !changed("crash", crash, name, lines)) return;
    at("crash-title").textContent = name;
    at("crash-when").textContent = date(crash.time);
    const pairs = [["What ended", PROCESSES[crash.process] || crash.process], ["How", `It ${crash.reason}`]];
    if (crash.limits.length) pairs.push(["Limit reached", crash.limits.join(", ")]);
    if (crash.inARow > 1) pairs.push(["In a row", `${crash.inARow} times`]);
    facts(at("crash-facts"), pairs);
    at("crash-lines").textContent = lines ? lines.join("\n") || "It wrote nothing." : "…";
  }

  function device(found) {
    at("device-name").textContent = found.name;
    facts(at("device-facts"), [["Version", found.version], ["Kernel", `Linux ${found.kernel}`], ["Memory", size(found.memory)], ["Running for", span(found.uptime)]]);
    at("device-used").setAttribute("value", found.storage > 0 ? ((found.storage - found.free) / found.storage).toFixed(3) : "0");
    at("device-storage").textContent = `${size(found.free)} of ${size(found.storage)} are free for apps and their data`;
  }

  function section(name) {
    document.body.dataset.section = name;
    for (const each of ["apps", "crashes", "device"]) {
      at(each).hidden = each !== name;
      at(`nav-${each}`).classList.toggle("chosen", each === name);
      at(`nav-${each}`).setAttribute("aria-current", String(each === name));
    }
  }

  function status(name, text) {
    document.body.className = name;
    if (at("status-text").textContent !== text) at("status-text").textContent = text;
  }

  let quiet = 0;
  function say(text) {
    clearTimeout(quiet);
    at("line").hidden = !text;
    at("line").textContent = text;
    if (text) quiet = setTimeout(() => { say(""); layoutChanged(); }, 8000);
    if (text) console.info(`settings: ${text}`);
  }

  // What is told to the log with its place (`layoutReporter` of the UI kit).
  const PLACES = ["nav-apps", "nav-crashes", "nav-device", "open", "stop", "stop-yes", "stop-no", "app-may", "crash-lines", "device-name", "device-facts"];
  const icons = () => [...at("app-list").querySelectorAll("weft-app-icon")].map((icon) => [`app:${icon.getAttribute("app-id")}`, icon.parentElement]);
  const layoutChanged = window.weftUiKit.layoutReporter(() => [...PLACES.map((what) => [what, at(what)]), ...icons()]);

  window.settingsView = { appList, appDetail, appCrashes, crashList, crashDetail, device, section, status, say, running, layoutChanged };
})();
