// The converter's page. Units, arithmetic and what is kept live in the component; the page holds what is chosen.
//
// To the component and from it: see session.js.
"use strict";
(() => {
  const SILENT_MS = 5000; // unanswered for so long, the page says so
  const at = (id) => document.getElementById(id);
  let kinds = [], kept = [], chosen = null, silentTimer = 0;
  const layoutChanged = window.weftUiKit.layoutReporter(() => {
    const ids = ["value", "result", "swap", "keep"].map((id) => [id, at(id)]);
    const groups = ["kinds", "from", "to", "kept"];
    return ids.concat(groups.flatMap((group) => [...at(group).children].map((item, index) => [`${group}:${index}`, item])));
  });

  function send(message) {
    window.weftIpc?.send(JSON.stringify(message));
    silentTimer ||= setTimeout(silent, SILENT_MS);
  }

  function silent() {
    status("silent", "Not answering, trying again…");
    window.weftIpc?.send(JSON.stringify({ op: "start" }));
    silentTimer = setTimeout(silent, SILENT_MS);
  }

  function status(name, text) {
    document.body.className = name;
    at("status-text").textContent = text;
    layoutChanged();
  }

  function choice(text, label, isChosen, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = isChosen ? "choice chosen" : "choice";
    button.setAttribute("aria-pressed", String(isChosen));
    if (label) button.setAttribute("aria-label", label);
    button.textContent = text;
    button.addEventListener("click", act);
    return button;
  }

  function choose(change) {
    chosen = { ...chosen, ...change };
    render();
    convert();
  }

  function chooseKind(kind) {
    const [first, second] = kind.units;
    choose({ kind: kind.id, from: second.id, to: first.id });
  }

  function convert() {
    send({ op: "convert", ...chosen, value: at("value").value });
  }

  function render() {
    at("kinds").replaceChildren(...kinds.map((kind) => choice(kind.name, "", kind.id === chosen.kind, () => chooseKind(kind))));
    const units = kinds.find((kind) => kind.id === chosen.kind).units;
    for (const side of ["from", "to"]) {
      at(side).replaceChildren(...units.map((unit) => choice(unit.id, unit.name, unit.id === chosen[side], () => choose({ [side]: unit.id }))));
    }
    renderKept();
  }

  function renderKept() {
    at("none").hidden = kept.length > 0;
    at("kept").replaceChildren(...kept.map((one, index) => {
      const pair = document.createElement("div");
      pair.className = "pair";
      pair.setAttribute("role", "listitem");
      const isChosen = one.from === chosen.from && one.to === chosen.to;
      pair.append(choice(`${one.from} to ${one.to}`, "", isChosen, () => choose(one)));
      pair.append(choice("×", `Drop ${one.from} to ${one.to}`, false, () => send({ op: "drop", index })));
      return pair;
    }));
    layoutChanged();
  }

  function showResult(text, wrong) {
    at("result").textContent = text;
    at("result").className = wrong ? "wrong" : "";
  }

  function start(message) {
    ({ kinds, kept } = message);
    at("problem").hidden = !message.problem;
    at("problem").textContent = message.problem;
    if (chosen) render();
    else if (kept.length) choose(kept[0]);
    else chooseKind(kinds[0]);
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
    status("answering", "Ready");
    if (message.kinds) return start(message);
    if (message.error) return showResult(message.error, true);
    if (message.kept) {
      kept = message.kept;
      at("problem").hidden = true;
      return renderKept();
    }
    const { from, to, value, result } = message.converted;
    // An answer to what was asked before is not shown.
    if (from === chosen.from && to === chosen.to && value === at("value").value) showResult(`${value} ${from} = ${result} ${to}`);
  }

  at("value").addEventListener("input", convert);
  at("swap").addEventListener("click", () => choose({ from: chosen.to, to: chosen.from }));
  at("keep").addEventListener("click", () => send({ op: "keep", ...chosen }));

  window.addEventListener("resize", layoutChanged);

  if (window.weftIpc) {
    window.weftIpc.onmessage = onMessage;
    send({ op: "start" });
  } else {
    status("silent", "This page runs only inside WEFT OS");
  }
})();
