// weft-ui-kit: the controls that the system UI and the apps' pages share, as custom elements.
//
// The shell runs this file in every app page before the page's own scripts; it needs no <body>. Everything is themed by the custom
// properties below, which a page may set again on :root. `data-theme="light|dark"` on <html> overrides the system's preference.
// A control is its own host element (role, tabindex, keys), so a page listens for `click`, `input` and `change` as on HTML's controls.
"use strict";
(() => {
  if (customElements.get("weft-button")) return;

  const LIGHT = `color-scheme:light;--weft-bg:#f3f5f9;--weft-surface:#ffffff;--weft-surface-2:#e8ecf3;--weft-line:#d5dbe6;--weft-text:#121a2b;
    --weft-text-2:#4a5670;--weft-accent:#2457d6;--weft-accent-press:#1b44ab;--weft-on-accent:#ffffff;--weft-danger:#b3261e;
    --weft-good:#0f7a4f;--weft-warn:#8a5a00;--weft-off:#7c879d;`;
  const DARK = `color-scheme:dark;--weft-bg:#0d1320;--weft-surface:#182134;--weft-surface-2:#243049;--weft-line:#34425e;--weft-text:#f2f5fb;
    --weft-text-2:#a9b5cc;--weft-accent:#7aa2ff;--weft-accent-press:#9dbaff;--weft-on-accent:#0b1430;--weft-danger:#ff9a90;
    --weft-good:#67d7a4;--weft-warn:#f3c06a;--weft-off:#6b7892;`;
  const TOKENS = `:root{--weft-font:Inter,sans-serif;--weft-radius:14px;--weft-radius-large:24px;--weft-focus:#2f6bff;--weft-target:48px;${LIGHT}}
    @media (prefers-color-scheme:dark){:root{${DARK}}} :root[data-theme="light"]{${LIGHT}} :root[data-theme="dark"]{${DARK}}
    :root[data-weft-input="keys"]{--weft-focus-outline:3px solid var(--weft-focus)}`;
  const sheet = document.createElement("style");
  sheet.textContent = TOKENS;
  const head = document.head || document.documentElement;
  head.insertBefore(sheet, head.firstChild);

  // What the person uses just now: `data-weft-input` on <html> is keys, touch, mouse or pen. The engine has no :focus-visible; the ring
  // shows while it is `keys`.
  const uses = (input) => { if (document.documentElement.dataset.weftInput !== input) document.documentElement.dataset.weftInput = input; };
  document.addEventListener("keydown", (event) => { if (event.key === "Tab" || event.key.startsWith("Arrow")) uses("keys"); }, true);
  document.addEventListener("pointerdown", (event) => uses(event.pointerType || "mouse"), true);

  // Strokes on a 24 x 24 grid.
  const ICONS = {
    weft: "M8 2.5V4M8 12v9.5M16 2.5V12M16 20v1.5M2.5 8H12M20 8h1.5M2.5 16H4M12 16h9.5",
    close: "M6 6l12 12M18 6L6 18", plus: "M12 5v14M5 12h14", minus: "M5 12h14", check: "M5 12.5l4.5 4.5L19 7.5",
    reset: "M4 5v5h5M4.6 10A8 8 0 1 1 4 13.5", search: "M11 4.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M16 16l4.5 4.5",
    bell: "M6 10a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4S6 15 6 10M10 20h4", trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
    info: "M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17M12 11v5.5M12 7.5v.2", warning: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.2",
    unlinked: "M9 7H7a5 5 0 0 0 0 10h2M15 7h2a5 5 0 0 1 0 10h-2M4 4l16 16", back: "M14.5 5l-7 7l7 7", next: "M9.5 5l7 7l-7 7",
    apps: "M5 5h4v4H5zM15 5h4v4h-4zM5 15h4v4H5zM15 15h4v4h-4z", tally: "M5.5 5v14M9.8 5v14M14.2 5v14M18.5 5v14M2.5 17L21.5 7",
    network: "M9.5 3.5h5v5h-5zM3.5 15.5h5v5h-5zM15.5 15.5h5v5h-5zM12 8.5V12M6 15.5V12h12v3.5",
    note: "M6 3.5h8.5L19 8v12.5H6zM14 3.5V8.5h5M9.5 12.5h6M9.5 16h6", sliders: "M4 7h9M19 7h1M16 4.5v5M4 17h1M11 17h9M8 14.5v5",
  };
  // Marks (icon, colour of the tile) for the apps of the system itself; every other app gets its initials.
  const MARKS = { "org.weft.demo.counter": ["tally", 0], "org.weft.demo.notes": ["note", 1], "org.weft.settings": ["sliders", 8] };
  // White on each of these has a contrast of at least 4.5:1.
  const TILES = [["#2f62d9", "#1d3f9e"], ["#0e7c86", "#0a555f"], ["#b1405f", "#842a49"], ["#7a4bc4", "#52309a"], ["#a85416", "#7d3a0c"],
    ["#24764a", "#155436"], ["#5560c9", "#363f98"], ["#9a3f9c", "#6d2a74"], ["#4a6178", "#2f4257"], ["#b23a3a", "#842626"]];

  // No xmlns: the parser knows, and the engine's serialiser would write it twice.
  const svg = (name, size, color, width) => `<svg width="${size}" height="${size}" viewBox="0 0 24 24" fill="none"
    stroke="${color}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"><path d="${ICONS[name] || ICONS.apps}"/></svg>`;
  const hash = (text) => { let sum = 7; for (const c of text) sum = (sum * 31 + c.codePointAt(0)) >>> 0; return sum; };
  const initials = (name) => {
    const words = name.trim().split(/[\s._-]+/).filter(Boolean);
    const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...(words[0] || "?")].slice(0, 2).join("");
    return letters.charAt(0).toUpperCase() + letters.slice(1, words.length > 1 ? undefined : 2);
  };

  const HOST = `:host{box-sizing:border-box;font-family:var(--weft-font);-webkit-user-select:none;user-select:none}
    :host([hidden]){display:none!important} :host(:focus){outline:var(--weft-focus-outline,none);outline-offset:3px} *{box-sizing:border-box}`;

  class WeftElement extends HTMLElement {
    static css = ""; static html = "<slot></slot>"; static role = ""; static focusable = false;
    constructor() {
      super();
      this.attachShadow({ mode: "open" }).innerHTML = `<style>${HOST}${this.constructor.css}</style>${this.constructor.html}`;
    }
    inside(name) { return this.shadowRoot.getElementById(name); }
    get disabled() { return this.hasAttribute("disabled"); }
    set disabled(on) { this.toggleAttribute("disabled", Boolean(on)); }
    connectedCallback() {
      const { role, focusable } = this.constructor;
      if (role && !this.hasAttribute("role")) this.setAttribute("role", role);
      if (focusable) this.settleFocus();
      if (!this.wired) { this.wired = true; this.wire(); }
      this.update();
    }
    attributeChangedCallback(name) {
      if (!this.wired) return;
      if (name === "disabled" && this.constructor.focusable) this.settleFocus();
      this.update();
    }
    settleFocus() {
      this.setAttribute("aria-disabled", String(this.disabled));
      if (this.disabled) this.removeAttribute("tabindex");
      else if (!this.hasAttribute("tabindex")) this.setAttribute("tabindex", "0");
    }
    // Enter and Space act as a click, as on HTML's buttons; a disabled control swallows both.
    actsAsButton() {
      this.addEventListener("keydown", (event) => {
        if ((event.key !== "Enter" && event.key !== " ") || event.repeat) return;
        event.preventDefault();
        event.stopPropagation();
        this.click();
      });
      this.addEventListener("click", (event) => { if (this.disabled) event.stopImmediatePropagation(); }, true);
    }
    tell(type) { this.dispatchEvent(new Event(type, { bubbles: true })); }
    wire() {}
    update() {}
  }

  // An icon takes the colour of the text around it. SVG is painted as an image, which inherits nothing, so the colour is written into it.
  class WeftIcon extends WeftElement {
    static observedAttributes = ["name", "size", "color", "weight"];
    static css = `:host{display:inline-block;flex:none;vertical-align:middle} #box{width:100%;height:100%;display:block} svg{display:block}`;
    static html = `<span id="box" aria-hidden="true"></span>`;
    update() {
      const size = Number(this.getAttribute("size")) || 24;
      this.style.width = this.style.height = `${size}px`;
      const color = this.getAttribute("color") || getComputedStyle(this).color;
      this.inside("box").innerHTML = svg(this.getAttribute("name"), size, color, this.getAttribute("weight") || 2);
    }
  }

  // An app's tile: its mark where the system knows one, otherwise its initials, on a colour that follows from its id.
  class WeftAppIcon extends WeftElement {
    static observedAttributes = ["app-id", "name", "size"];
    static css = `:host{display:inline-block;flex:none} #tile{width:100%;height:100%;display:flex;align-items:center;justify-content:center;color:#fff;
      font-weight:600;letter-spacing:0;line-height:1} svg{display:block}`;
    static html = `<span id="tile" aria-hidden="true"></span>`;
    update() {
      const id = this.getAttribute("app-id") || "", size = Number(this.getAttribute("size") || 48);
      const [mark, color] = MARKS[id] || [null, hash(id) % TILES.length], [from, to] = TILES[color];
      const tile = this.inside("tile");
      this.style.width = this.style.height = `${size}px`;
      tile.style.background = `linear-gradient(160deg, ${from}, ${to})`;
      tile.style.borderRadius = `${Math.round(size * 0.27)}px`;
      tile.style.fontSize = `${Math.round(size * 0.36)}px`;
      if (mark) {
        tile.innerHTML = svg(mark, Math.round(size * 0.56), "#ffffff", 2);
      } else {
        tile.textContent = initials(this.getAttribute("name") || id.split(".").pop() || "?");
      }
    }
  }

  // <weft-button variant="primary|secondary|quiet|danger" size="large" disabled>
  class WeftButton extends WeftElement {
    static observedAttributes = ["disabled"];
    static role = "button"; static focusable = true;
    static css = `:host{display:inline-flex;align-items:center;justify-content:center;gap:10px;min-height:var(--weft-target);min-width:var(--weft-target);
      padding:0 22px;border-radius:var(--weft-radius);font-size:16px;font-weight:600;line-height:1.2;cursor:pointer;text-align:center;
      color:var(--weft-on-accent);background:var(--weft-accent);border:1px solid transparent}
      :host(:active){background:var(--weft-accent-press)}
      :host([variant="secondary"]){color:var(--weft-text);background:var(--weft-surface);border-color:var(--weft-line)}
      :host([variant="quiet"]){color:var(--weft-text);background:transparent}
      :host([variant="secondary"]:active),:host([variant="quiet"]:active){background:var(--weft-surface-2)}
      :host([variant="danger"]){background:#b3261e;color:#fff} :host([variant="danger"]:active){background:#8c1d17}
      :host([size="large"]){min-height:64px;padding:0 32px;font-size:19px;border-radius:20px}
      :host([disabled]){opacity:.45;cursor:default;pointer-events:none}`;
    wire() { this.actsAsButton(); }
  }

  class WeftCard extends WeftElement {
    static css = `:host{display:block;padding:24px;border-radius:var(--weft-radius-large);background:var(--weft-surface);color:var(--weft-text);
      border:1px solid var(--weft-line)}`;
  }

  class WeftList extends WeftElement {
    static role = "list";
    static css = `:host{display:block;border-radius:var(--weft-radius);overflow:hidden;background:var(--weft-surface);border:1px solid var(--weft-line)}`;
  }

  // Slots: start (an icon), the title, `detail` (a second line), end (a control). With `action` it is a button.
  class WeftListItem extends WeftElement {
    static role = "listitem";
    static css = `:host{display:flex;align-items:center;gap:16px;min-height:60px;padding:10px 20px;color:var(--weft-text);font-size:16px;
      border-bottom:1px solid var(--weft-line)} :host(:last-child){border-bottom:0} :host([action]){cursor:pointer}
      :host([action]:active){background:var(--weft-surface-2)} #text{flex:1;min-width:0;overflow-wrap:break-word}
      #detail{font-size:14px;color:var(--weft-text-2)}`;
    static html = `<slot name="start"></slot><div id="text"><slot></slot><div id="detail"><slot name="detail"></slot></div></div><slot name="end"></slot>`;
    wire() {
      if (!this.hasAttribute("action")) return;
      this.setAttribute("role", "button");
      this.setAttribute("tabindex", "0");
      this.actsAsButton();
    }
  }

  class WeftSwitch extends WeftElement {
    static observedAttributes = ["checked", "disabled"];
    static role = "switch"; static focusable = true;
    static css = `:host{display:inline-flex;align-items:center;justify-content:center;width:60px;height:var(--weft-target);border-radius:24px;cursor:pointer}
      #track{width:54px;height:32px;border-radius:16px;background:var(--weft-off);padding:3px} :host([checked]) #track{background:var(--weft-accent)}
      #knob{width:26px;height:26px;border-radius:13px;background:#fff;transition:transform .12s} :host([checked]) #knob{transform:translateX(22px)}
      :host([disabled]){opacity:.45;pointer-events:none}`;
    static html = `<div id="track"><div id="knob"></div></div>`;
    get checked() { return this.hasAttribute("checked"); }
    set checked(on) { this.toggleAttribute("checked", Boolean(on)); }
    wire() {
      this.actsAsButton();
      this.addEventListener("click", () => { if (!this.disabled) { this.checked = !this.checked; this.tell("change"); } });
    }
    update() { this.setAttribute("aria-checked", String(this.checked)); }
  }

  // <weft-slider min max step value aria-label>
  class WeftSlider extends WeftElement {
    static observedAttributes = ["min", "max", "value", "disabled"];
    static role = "slider"; static focusable = true;
    static css = `:host{display:flex;align-items:center;height:var(--weft-target);min-width:160px;padding:0 14px;cursor:pointer;touch-action:none;border-radius:14px}
      #track{position:relative;flex:1;height:6px;border-radius:3px;background:var(--weft-off)} #fill{height:6px;border-radius:3px;background:var(--weft-accent)}
      #knob{position:absolute;top:-11px;margin-left:-14px;width:28px;height:28px;border-radius:14px;background:#fff;border:2px solid var(--weft-accent)}
      :host([disabled]){opacity:.45;pointer-events:none}`;
    static html = `<div id="track"><div id="fill"></div><div id="knob"></div></div>`;
    number(name, otherwise) { const n = parseFloat(this.getAttribute(name)); return Number.isFinite(n) ? n : otherwise; }
    get min() { return this.number("min", 0); }
    get max() { return this.number("max", 100); }
    get step() { return this.number("step", 1); }
    get value() { return Math.min(this.max, Math.max(this.min, this.number("value", this.min))); }
    set value(to) { this.setAttribute("value", String(to)); }
    choose(value) {
      const stepped = this.min + Math.round((value - this.min) / this.step) * this.step;
      const next = Math.min(this.max, Math.max(this.min, Number(stepped.toFixed(6))));
      if (next !== this.value) { this.value = next; this.tell("input"); }
    }
    wire() {
      const follow = (event) => {
        const box = this.inside("track").getBoundingClientRect();
        if (box.width > 0) this.choose(this.min + ((event.clientX - box.left) / box.width) * (this.max - this.min));
      };
      const release = () => {
        document.removeEventListener("pointermove", follow);
        document.removeEventListener("pointerup", release);
        document.removeEventListener("pointercancel", release);
        this.tell("change");
      };
      this.addEventListener("pointerdown", (event) => {
        if (this.disabled) return;
        follow(event);
        document.addEventListener("pointermove", follow);
        document.addEventListener("pointerup", release);
        document.addEventListener("pointercancel", release);
      });
      this.addEventListener("keydown", (event) => {
        const page = (this.max - this.min) / 10, by = { ArrowRight: this.step, ArrowUp: this.step, ArrowLeft: -this.step, ArrowDown: -this.step,
          PageUp: page, PageDown: -page, Home: this.min - this.value, End: this.max - this.value }[event.key];
        if (by === undefined || this.disabled) return;
        event.preventDefault();
        this.choose(this.value + by);
        this.tell("change");
      });
    }
    update() {
      const part = this.max > this.min ? ((this.value - this.min) / (this.max - this.min)) * 100 : 0;
      this.inside("fill").style.width = this.inside("knob").style.left = `${part}%`;
      for (const [name, value] of [["valuemin", this.min], ["valuemax", this.max], ["valuenow", this.value]]) this.setAttribute(`aria-${name}`, String(value));
    }
  }

  // <weft-text-field label placeholder type value icon>; `input` and `change` come from it, `value` is read and written on it.
  class WeftTextField extends WeftElement {
    static observedAttributes = ["label", "placeholder", "type", "value", "icon", "disabled"];
    static css = `:host{display:block} #label{display:block;margin-bottom:6px;font-size:14px;font-weight:500;color:var(--weft-text-2)}
      #field{display:flex;align-items:center;gap:12px;height:var(--weft-target);padding:0 16px;border-radius:var(--weft-radius);
      background:var(--weft-field,var(--weft-surface));border:1px solid var(--weft-line);color:var(--weft-text-2)}
      #field.focused{border-color:var(--weft-focus);outline:2px solid var(--weft-focus)}
      input{flex:1;min-width:0;width:100%;height:100%;padding:0;border:0;outline:0;background:transparent;color:var(--weft-text);font:500 16px var(--weft-font)}
      input::placeholder{color:var(--weft-text-2)} :host([disabled]){opacity:.45;pointer-events:none}`;
    static html = `<label id="label" for="input" hidden></label><div id="field"><weft-icon id="icon" size="20" hidden></weft-icon><input id="input"></div>`;
    get value() { return this.inside("input").value; }
    set value(text) { if (this.inside("input").value !== text) this.inside("input").value = text; }
    focus() { this.inside("input").focus(); }
    blur() { this.inside("input").blur(); }
    wire() {
      const input = this.inside("input"), field = this.inside("field");
      input.addEventListener("change", () => this.tell("change"));
      input.addEventListener("focus", () => field.classList.add("focused"));
      input.addEventListener("blur", () => field.classList.remove("focused"));
    }
    update() {
      const input = this.inside("input"), label = this.inside("label"), icon = this.inside("icon"), text = this.getAttribute("label") || "";
      label.textContent = text;
      label.hidden = !text;
      input.type = this.getAttribute("type") || "text";
      input.placeholder = this.getAttribute("placeholder") || "";
      input.disabled = this.disabled;
      input.setAttribute("aria-label", text || this.getAttribute("aria-label") || input.placeholder);
      icon.hidden = !this.hasAttribute("icon");
      if (!icon.hidden) icon.setAttribute("name", this.getAttribute("icon"));
      const value = this.getAttribute("value");
      if (value !== null && value !== this.lastValue) { this.lastValue = value; input.value = value; }
    }
  }

  // Shown while it has `open`. Escape and a press outside send `weft:cancel`; the page decides. Slot `actions` for the buttons.
  class WeftDialog extends WeftElement {
    static observedAttributes = ["open", "heading"];
    static role = "dialog";
    static css = `:host{display:none;position:fixed;left:0;top:0;right:0;bottom:0;z-index:1000;align-items:center;justify-content:center;padding:24px;
      background:rgba(5,9,18,.62)} :host([open]){display:flex} #panel{width:100%;max-width:440px;padding:28px;border-radius:var(--weft-radius-large);
      background:var(--weft-surface);color:var(--weft-text);border:1px solid var(--weft-line)} h2{margin:0 0 8px;font-size:22px;font-weight:600;line-height:1.25}
      #body{font-size:16px;line-height:1.5;color:var(--weft-text-2);overflow-wrap:break-word} #actions{display:flex;justify-content:flex-end;flex-wrap:wrap;gap:12px;margin-top:28px}`;
    static html = `<div id="panel"><h2 id="heading"></h2><div id="body"><slot></slot></div><div id="actions"><slot name="actions"></slot></div></div>`;
    wire() {
      this.setAttribute("aria-modal", "true");
      this.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { event.stopPropagation(); this.tell("weft:cancel"); }
        if (event.key === "Tab") this.keepFocus(event);
      });
      // The press must have begun outside too: a long press that opened the dialog ends over it.
      let outside = false;
      this.addEventListener("pointerdown", (event) => { outside = event.composedPath()[0] === this; });
      this.addEventListener("click", (event) => { if (outside && event.composedPath()[0] === this) this.tell("weft:cancel"); });
    }
    // Tab goes round inside the dialog.
    keepFocus(event) {
      const stops = [...this.querySelectorAll("[tabindex='0'],input,button,a[href]")];
      const at = stops.indexOf(document.activeElement);
      event.preventDefault();
      if (stops.length) stops[(at + (event.shiftKey ? stops.length - 1 : 1)) % stops.length].focus();
    }
    update() {
      const heading = this.getAttribute("heading") || "";
      this.inside("heading").textContent = heading;
      this.setAttribute("aria-label", heading);
      const open = this.hasAttribute("open");
      if (open && !this.before) {
        this.before = document.activeElement || document.body;
        (this.querySelector("[autofocus]") || this.querySelector("[tabindex='0']"))?.focus();
      } else if (!open && this.before) {
        this.before.focus?.();
        this.before = null;
      }
    }
  }

  // <weft-toast tone="info|good|warn|danger" heading dismissable>; the cross sends `weft:dismiss`.
  class WeftToast extends WeftElement {
    static observedAttributes = ["heading", "tone", "dismissable"];
    static role = "status";
    static css = `:host{display:flex;align-items:flex-start;gap:14px;padding:14px 8px 14px 18px;border-radius:18px;background:var(--weft-surface);color:var(--weft-text);
      border:1px solid var(--weft-line);min-height:64px} #text{flex:1;min-width:0;padding:6px 0;overflow-wrap:anywhere} #heading{font-size:15px;font-weight:600;line-height:1.35}
      #body{font-size:14px;line-height:1.4;color:var(--weft-text-2);margin-top:2px} #bar{width:4px;align-self:stretch;border-radius:2px;background:var(--weft-accent)}
      :host([tone="danger"]) #bar{background:var(--weft-danger)} :host([tone="good"]) #bar{background:var(--weft-good)} :host([tone="warn"]) #bar{background:var(--weft-warn)}
      weft-button{--weft-target:44px;padding:0;width:44px}`;
    static html = `<div id="bar"></div><slot name="start"></slot><div id="text"><div id="heading"></div><div id="body"><slot></slot></div></div>
      <weft-button id="close" variant="quiet" aria-label="Dismiss"><weft-icon name="close" size="18"></weft-icon></weft-button>`;
    wire() { this.inside("close").addEventListener("click", (event) => { event.stopPropagation(); this.tell("weft:dismiss"); }); }
    update() {
      this.inside("heading").textContent = this.getAttribute("heading") || "";
      this.inside("close").hidden = !this.hasAttribute("dismissable");
      if (this.getAttribute("tone") === "danger") this.setAttribute("role", "alert");
    }
  }

  // A ring that turns while something is under way, or with `value` (0 to 1) a bar.
  class WeftProgress extends WeftElement {
    static observedAttributes = ["value", "size"];
    static role = "progressbar";
    static css = `:host{display:inline-block;flex:none} #ring{width:100%;height:100%;border-radius:50%;border:3px solid var(--weft-ring,var(--weft-line));
      border-top-color:var(--weft-ring-head,var(--weft-accent));animation:turn 1s steps(8) infinite} @keyframes turn{to{transform:rotate(360deg)}}
      :host([value]){display:block;height:6px;border-radius:3px;background:var(--weft-surface-2);overflow:hidden} #bar{height:100%;background:var(--weft-accent)}`;
    static html = `<div id="ring"></div><div id="bar" hidden></div>`;
    update() {
      const determinate = this.hasAttribute("value"), size = `${this.getAttribute("size") || 24}px`;
      this.inside("ring").style.display = determinate ? "none" : "block";
      this.inside("bar").style.display = determinate ? "block" : "none";
      if (determinate) {
        this.inside("bar").style.width = `${Math.min(1, Math.max(0, Number(this.getAttribute("value")) || 0)) * 100}%`;
        this.setAttribute("aria-valuenow", this.getAttribute("value"));
      } else this.style.width = this.style.height = size;
    }
  }

  const elements = { "weft-icon": WeftIcon, "weft-app-icon": WeftAppIcon, "weft-button": WeftButton, "weft-card": WeftCard, "weft-list": WeftList,
    "weft-list-item": WeftListItem, "weft-switch": WeftSwitch, "weft-slider": WeftSlider, "weft-text-field": WeftTextField, "weft-dialog": WeftDialog,
    "weft-toast": WeftToast, "weft-progress": WeftProgress };
  for (const [name, element] of Object.entries(elements)) customElements.define(name, element);

  // Tells the log where things are, for whoever operates the screen from outside: a line `weft-layout <what> <x> <y> <width> <height>` in CSS
  // px from the top left for each [what, element] of `places()` that is seen and can be used, all of them whenever one has changed. What is
  // returned is to be called at every change; it looks once per burst of them.
  function layoutReporter(places) {
    let told = "", timer = 0;
    function report() {
      timer = 0;
      const lines = [];
      for (const [what, element] of places()) {
        if (element.disabled) continue;
        const box = element.getBoundingClientRect();
        if (box.width > 0 && box.height > 0) lines.push(`weft-layout ${what} ${[box.left, box.top, box.width, box.height].map(Math.round).join(" ")}`);
      }
      const text = lines.join("\n");
      if (text === told) return;
      told = text;
      for (const line of lines) console.info(line);
    }
    return () => { timer ||= setTimeout(report, 0); };
  }
  window.weftUiKit = { layoutReporter };

  // Icons carry their colour inside: draw them again when the system turns light or dark.
  matchMedia("(prefers-color-scheme: dark)").addEventListener?.("change", () => document.querySelectorAll("weft-icon").forEach((icon) => icon.update()));
})();
