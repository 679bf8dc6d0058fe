// Small helpers between state and page.
"use strict";
(() => {
  const weft = globalThis.weft;

  // Makes `parent`'s children follow `items` in order, keeping the element of every key that stays.
  function keyed(parent, items, key, create, update) {
    const old = new Map([...parent.children].map((element) => [element.dataset.key, element]));
    let place = parent.firstElementChild;
    for (const item of items) {
      const name = String(key(item));
      let element = old.get(name);
      old.delete(name);
      if (!element) {
        element = create(item);
        element.dataset.key = name;
      }
      if (element === place) place = place.nextElementSibling;
      else parent.insertBefore(element, place);
      update(element, item);
    }
    for (const element of old.values()) element.remove();
  }

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // Writing what is there already would still cost a restyle.
  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const setAttribute = (element, name, value) => { if (element.getAttribute(name) !== value) element.setAttribute(name, value); };
  const setClass = (element, name, on) => { if (element.classList.contains(name) !== on) element.classList.toggle(name, on); };
  const setHidden = (element, hidden) => { if (element.hidden !== hidden) element.hidden = hidden; };

  // The engine has no text-overflow: long texts are shortened by characters.
  function shorten(text, most) {
    const letters = [...text];
    return letters.length <= most ? text : `${letters.slice(0, most - 1).join("").trimEnd()}…`;
  }

  // `tap` on click, `hold` after 600 ms in one place; the click that follows a hold is swallowed. One path for mouse, touch and pen:
  // the engine sends pointer events for all of them and makes the click of a tap itself.
  function press(element, tap, hold) {
    let timer = 0, held = false, from = null;
    const stop = () => { clearTimeout(timer); timer = 0; from = null; element.classList.remove("pressed"); };
    element.addEventListener("pointerdown", (event) => {
      stop();
      held = false;
      from = event;
      element.classList.add("pressed");
      if (hold) timer = setTimeout(() => { held = true; stop(); hold(); }, 600);
    });
    element.addEventListener("pointermove", (event) => { if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > 12) stop(); });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) element.addEventListener(end, stop);
    // The click of a hold may go elsewhere, to a dialog that has opened under the finger: then do not swallow a later one.
    element.addEventListener("pointerup", () => { if (held) setTimeout(() => { held = false; }, 400); });
    element.addEventListener("click", () => { if (held) held = false; else tap(); });
  }

  Object.assign(weft, { keyed, make, setText, setAttribute, setClass, setHidden, shorten, press });
})();
