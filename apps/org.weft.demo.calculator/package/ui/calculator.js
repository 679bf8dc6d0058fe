// The calculator's page. Arithmetic and history live in the component; the page holds only what is being typed.
//
// To the component and from it: see session.py.
"use strict";
(() => {
  const SILENT_MS = 5000; // unanswered for so long, the page says so
  const LONGEST = 200;
  const KEYS = [
    ["7"], ["8"], ["9"], ["÷", "divide"], ["⌫", "back"],
    ["4"], ["5"], ["6"], ["×", "times"], ["(", "open"],
    ["1"], ["2"], ["3"], ["−", "minus"], [")", "close"],
    ["0"], [".", "point"], ["^", "power"], ["+", "plus"], ["=", "equals"],
  ];
  const TYPED = { "*": "×", "/": "÷", "-": "−", ",": "." };
  const at = (id) => document.getElementById(id);
  let typed = "", done = false, silentTimer = 0, shown = "";
  const layoutChanged = window.weftUiKit.layoutReporter(() => {
    const ids = [...at("keys").children, at("result"), at("clear")].map((element) => [element.id, element]);
    return ids.concat([...at("history").children].slice(0, 3).map((item, index) => [`entry:${index}`, item]));
  });

  function send(message) {
    window.weftIpc?.send(JSON.stringify(message));
    silentTimer ||= setTimeout(silent, SILENT_MS);
  }

  function silent() {
    status("silent", "Not answering, trying again…");
    window.weftIpc?.send(JSON.stringify({ op: "history" }));
    silentTimer = setTimeout(silent, SILENT_MS);
  }

  function status(name, text) {
    document.body.className = name;
    at("status-text").textContent = text;
    layoutChanged();
  }

  function show(result, wrong) {
    const line = document.createElement("span");
    line.textContent = typed;
    at("typed").replaceChildren(line);
    if (result === undefined) return;
    at("result").textContent = result;
    at("result").className = wrong ? "wrong" : result.length > 18 ? "long" : "";
  }

  // After a result, a digit begins anew and a sign goes on with the result.
  function press(key) {
    if (key === "=") return typed && send({ op: "calculate", text: typed });
    if (key === "⌫") typed = done ? "" : typed.slice(0, -1);
    else if (typed.length < LONGEST) typed = (done && /[0-9.(]/.test(key) ? "" : done ? at("result").textContent : typed) + key;
    done = false;
    show(typed ? undefined : "");
  }

  function renderHistory(entries) {
    at("none").hidden = entries.length > 0;
    at("clear").disabled = entries.length === 0;
    if (JSON.stringify(entries) === shown) return;
    shown = JSON.stringify(entries);
    at("history").replaceChildren(...entries.map((entry) => {
      const item = document.createElement("button");
      item.type = "button";
      item.className = "entry";
      for (const name of ["text", "result"]) {
        const part = document.createElement("span");
        part.className = name === "text" ? "text" : "value";
        part.textContent = entry[name];
        item.append(part);
      }
      item.addEventListener("click", () => {
        typed = (done ? "" : typed) + entry.result;
        done = false;
        show("");
      });
      return item;
    }));
  }

  function onMessage(payload) {
    let message;
    try {
      message = JSON.parse(payload);
    } catch {
      return console.error(`the component sent something that is not JSON: ${payload}`);
    }
    clearTimeout(silentTimer);
    silentTimer = 0;
    if (message.error) show(message.error, true);
    if (message.result !== undefined) {
      show(message.result);
      done = true;
    }
    if (message.history) renderHistory(message.history);
    if (message.history) at("problem").hidden = !message.problem;
    at("problem").textContent = message.problem ?? "";
    status("answering", "Ready");
  }

  for (const [key, name] of KEYS) {
    const button = document.createElement("weft-button");
    button.id = `key-${name ?? key}`;
    if (name) button.setAttribute("aria-label", name);
    if (key !== "=") button.setAttribute("variant", "secondary");
    button.append(key);
    button.addEventListener("click", () => press(key));
    at("keys").append(button);
  }
  at("clear").addEventListener("click", () => send({ op: "clear" }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" && event.target.closest?.("weft-button, button")) return; // presses what has the focus
    const key = { Enter: "=", Backspace: "⌫" }[event.key] ?? TYPED[event.key] ?? event.key;
    if (key === "%" || KEYS.some(([one]) => one === key)) press(key);
  });

  window.addEventListener("resize", layoutChanged);

  if (window.weftIpc) {
    window.weftIpc.onmessage = onMessage;
    send({ op: "history" });
  } else {
    status("silent", "This page runs only inside WEFT OS");
  }
})();
