// What the notes page shows. Knows nothing of the component.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);

  function span(name, text) {
    const element = document.createElement("span");
    element.className = name;
    element.textContent = text;
    return element;
  }

  // Makes the list anew only where it changed, so that nothing jumps under a finger.
  let shown = "";
  function renderList(list, open, choose) {
    const state = JSON.stringify([list.notes, open]);
    if (state === shown) return;
    shown = state;
    const focused = document.activeElement?.dataset?.id;
    at("list").replaceChildren(...list.notes.map((note) => {
      const item = document.createElement("button");
      item.type = "button";
      item.className = note.id === open ? "note open" : "note";
      item.dataset.id = note.id;
      const detail = span("preview", note.preview || "No more text");
      if (note.copy) detail.prepend(span("tag", "Copy · "));
      item.append(span("title", note.title), detail);
      item.addEventListener("click", () => choose(note.id));
      return item;
    }));
    if (focused) at("list").querySelector(`[data-id="${focused}"]`)?.focus();
  }

  function renderEmpty(list) {
    at("none").hidden = list.notes.length > 0;
    at("none").textContent = list.total ? `None of ${list.total} notes matches.` : "No notes yet. Press + to write one.";
  }

  // What lies in the folder of notes and is none, each in one line.
  function renderProblems(list) {
    const lines = list.more > 0 ? [...list.problems, `and ${list.more} more`] : list.problems;
    at("problems").hidden = lines.length === 0;
    at("problems").replaceChildren(...lines.map((line) => {
      const element = document.createElement("div");
      element.textContent = line;
      return element;
    }));
  }

  function status(name, text) {
    document.body.className = name;
    if (at("status-text").textContent !== text) at("status-text").textContent = text;
  }

  // A line above the text, until the next thing is done.
  function say(text) {
    at("line").hidden = !text;
    at("line").textContent = text;
    if (text) console.info(`notes: ${text}`);
  }

  const dialog = (id, open) => at(id).toggleAttribute("open", open);

  // What is told to the log with its place (`layoutReporter` of the UI kit).
  const PLACES = ["search", "new", "text", "remind", "delete", "line", "problems", "remind-0", "remind-5", "remind-60", "remind-cancel", "delete-yes", "delete-no"];
  const places = () => [...PLACES.map((what) => [what, at(what)]), ...[...at("list").children].map((item, index) => [`note:${index}`, item])];
  const layoutChanged = window.weftUiKit.layoutReporter(places);

  window.notesView = { renderList, renderEmpty, renderProblems, status, say, dialog, layoutChanged };
})();
