// The notes page. The notes live in the component; the page holds only the text that is being written, until the component has saved it.
//
// To the component: {"op":"list"|"search"|"read"|"create"|"save"|"delete"|"remind",…}. From it: see the component's main.rs.
"use strict";
(() => {
  const view = window.notesView;
  const at = (id) => document.getElementById(id);
  const SAVE_AFTER_MS = 500; // after the last key
  const SAVE_AT_LEAST_MS = 3000; // while keys go on
  const SILENT_MS = 3000;
  let list = { notes: [], total: 0, query: "", open: null, problems: [], more: 0, longest: 24576 };
  let note = null; // {id, revision, text}: what the component has
  let sent = null; // the text that is being saved
  let typedSince = 0, saveTimer = 0, silentTimer = 0, searchTimer = 0;
  let next = null; // what to ask for once everything is saved
  let started = false;

  const text = () => at("text").value;
  const dirty = () => note !== null && (sent !== null || text() !== note.text);

  function send(message) {
    try {
      window.weftIpc?.send(JSON.stringify(message));
    } catch (error) {
      console.error(`could not send ${message.op}: ${error}`);
    }
    silentTimer ||= setTimeout(silent, SILENT_MS);
  }

  function silent() {
    view.status("silent", "Not answering, trying again…");
    sent = null; // the answer may be lost: save again, which is harmless
    silentTimer = setTimeout(silent, SILENT_MS);
    if (dirty()) save();
    else window.weftIpc?.send(JSON.stringify({ op: "list" }));
  }

  function save() {
    clearTimeout(saveTimer);
    saveTimer = typedSince = 0;
    if (note === null || sent !== null || text() === note.text) return;
    // Control characters cannot be typed, only pasted; they have no place in a note.
    const clean = text().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
    if (clean !== text()) at("text").value = clean;
    if (new TextEncoder().encode(clean).length > list.longest) {
      view.say(`Too long: a note has at most ${Math.floor(list.longest / 1024)} KiB. Make it shorter to save it.`);
      return show("unsaved", "Not saved");
    }
    if (clean === note.text) return;
    sent = clean;
    send({ op: "save", id: note.id, revision: note.revision, text: clean });
  }

  function typed() {
    const now = Date.now();
    typedSince ||= now;
    clearTimeout(saveTimer);
    saveTimer = setTimeout(save, Math.max(0, Math.min(SAVE_AFTER_MS, typedSince + SAVE_AT_LEAST_MS - now)));
    show();
  }

  // Saves what is being written first; its answer comes before that of `message`.
  function ask(message) {
    view.say("");
    save();
    if (dirty()) next = message;
    else send(message);
  }

  function show(state, words) {
    const ready = started && document.body.className !== "silent";
    if (state) view.status(state, words);
    else if (ready && document.body.className !== "unsaved") view.status(dirty() ? "saving" : "saved", dirty() ? "Saving…" : note ? "Saved" : "Ready");
    at("new").disabled = !started;
    for (const id of ["remind", "delete", "text"]) if (at(id).disabled !== (note === null)) at(id).disabled = note === null;
    view.layoutChanged();
  }

  function open(opened) {
    note = opened;
    sent = null;
    at("text").value = opened ? opened.text : "";
    view.renderList(list, note?.id, choose);
    show("saved", opened ? "Saved" : "Ready");
  }

  function choose(id) {
    if (id !== note?.id) ask({ op: "read", id });
  }

  const on = {
    notes(message) {
      const first = !started;
      started = true;
      list = message;
      view.renderEmpty(list);
      view.renderProblems(list);
      if (first && note === null && list.notes.length) send({ op: "read", id: list.notes[0].id });
      if (first) show("saved", "Ready");
      if (note !== null && list.open?.id === note.id && sent === null) follow(list.open.revision);
      view.renderList(list, note?.id, choose);
      show();
    },
    // The note in front of the person was changed by another window.
    follow(revision) {
      if (revision === note.revision || dirty()) return; // what is unsaved here is saved as a copy
      if (revision !== null) return send({ op: "read", id: note.id });
      open(null);
      view.say("The note was deleted in another window.");
    },
    note(message) {
      const created = message.note.revision === 1 && message.note.text === "";
      if (dirty() && message.note.id === note.id) return; // typed meanwhile: saving it finds out
      if (dirty()) { next = { op: "read", id: message.note.id }; return save(); }
      open(message.note);
      if (created) at("text").focus();
    },
    saved({ saved }) {
      if (note?.id !== saved.from) return;
      note = { id: saved.id, revision: saved.revision, text: sent ?? text() };
      sent = null;
      if (saved.conflict) view.say("The note was changed in another window. What you wrote here is kept in this copy.");
      show("saved", "Saved");
      if (text() !== note.text) return typed();
      const message = next;
      next = null;
      if (message) send(message.op === "delete" || message.op === "remind" ? { ...message, id: note.id, revision: message.op === "delete" ? note.revision : undefined } : message);
    },
    deleted(message) {
      if (note?.id === message.deleted) open(null);
    },
    reminding({ reminding }) {
      view.say(reminding ? `You will be reminded in ${reminding === 60 ? "an hour" : `${reminding} minutes`}, as long as Notes is open.` : "");
      show();
    },
    error(message) {
      view.say(message.error);
      if (sent !== null) {
        sent = null;
        next = null;
        saveTimer = setTimeout(save, SAVE_AT_LEAST_MS);
        show("unsaved", "Not saved");
      }
      view.layoutChanged();
    },
  };
  const follow = on.follow;

  function onMessage(payload) {
    let message;
    try {
      message = JSON.parse(payload);
    } catch {
      return console.error(`the component sent something that is not JSON: ${payload}`);
    }
    clearTimeout(silentTimer);
    silentTimer = 0;
    if (document.body.className === "silent") view.status("saved", "Ready");
    const kind = ["notes", "note", "saved", "deleted", "reminding", "error"].find((name) => Object.hasOwn(message, name));
    if (kind) on[kind](message);
    return undefined;
  }

  function remind(minutes) {
    view.dialog("remind-dialog", false);
    if (note) ask({ op: "remind", id: note.id, minutes });
    view.layoutChanged();
  }

  function askDelete() {
    at("delete-text").textContent = "It is gone for good, in every window.";
    view.dialog("delete-dialog", true);
    view.layoutChanged();
  }

  function close(id) {
    view.dialog(id, false);
    view.layoutChanged();
  }

  at("text").addEventListener("input", typed);
  at("text").addEventListener("blur", save);
  at("new").addEventListener("click", () => { if (started) { at("search").value = ""; ask({ op: "create" }); } });
  at("search").addEventListener("input", () => {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => send({ op: "search", text: at("search").value }), 150);
  });
  at("remind").addEventListener("click", () => { view.dialog("remind-dialog", true); view.layoutChanged(); });
  for (const minutes of [0, 5, 60]) at(`remind-${minutes}`).addEventListener("click", () => remind(minutes));
  at("delete").addEventListener("click", askDelete);
  at("delete-yes").addEventListener("click", () => { close("delete-dialog"); if (note) ask({ op: "delete", id: note.id, revision: note.revision }); });
  for (const [button, dialog] of [["remind-cancel", "remind-dialog"], ["delete-no", "delete-dialog"]]) at(button).addEventListener("click", () => close(dialog));
  for (const dialog of ["remind-dialog", "delete-dialog"]) at(dialog).addEventListener("weft:cancel", () => close(dialog));
  window.addEventListener("pagehide", save);
  window.addEventListener("resize", view.layoutChanged);
  at("list").addEventListener("scroll", view.layoutChanged);

  if (window.weftIpc) {
    window.weftIpc.onmessage = onMessage;
    send({ op: "list" });
  } else {
    view.status("silent", "This page runs only inside WEFT OS");
  }
  view.layoutChanged();
})();
