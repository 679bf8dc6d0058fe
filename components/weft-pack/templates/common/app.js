"use strict";
// The page shows; the component decides. They exchange strings: here, a text and what the component makes of it.
const at = (id) => document.getElementById(id);

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  window.weftIpc.send(at("text").value);
});

window.weftIpc.onmessage = (answer) => {
  at("answer").textContent = answer;
};
