// The page's side of the bridge: window.weftIpc of an app, window.weftSystem of the system UI.
//
// Out: requests to weft-ipc:, one at a time so that messages keep their order. In: the shell calls __weftReceive.
(function (name, objects, session, limit, backlog) {
  "use strict";
  if (window !== window.top || name in window) return;

  const request = window.fetch.bind(window);
  const encoder = new TextEncoder();
  const target = new EventTarget();
  const waiting = [];
  let sending = false;
  let handler = null;
  let listening = false;

  function refused(reason) {
    console.warn(`${name}: ${reason}`);
    target.dispatchEvent(new MessageEvent("error", { data: reason }));
  }

  async function pump() {
    if (sending) return;
    sending = true;
    while (waiting.length > 0) {
      const batch = [];
      let size = 0;
      while (waiting.length > 0 && (batch.length === 0 || size + waiting[0].length < limit)) {
        size += waiting[0].length;
        batch.push(waiting.shift());
      }
      try {
        const answer = await request(`weft-ipc:send?${encodeURIComponent(JSON.stringify(batch))}`);
        for (const reason of await answer.json()) if (reason !== null) refused(reason);
      } catch (error) {
        refused(`the message could not be sent: ${error}`);
      }
    }
    sending = false;
  }

  function send(message) {
    const text = objects ? JSON.stringify(message) : message;
    if (typeof text !== "string") {
      throw new TypeError(`${name}.send takes ${objects ? "an object" : "a string"}`);
    }
    const length = encoder.encode(text).length;
    if (length > limit) throw new RangeError(`a message of ${length} bytes is over the limit of ${limit} bytes`);
    if (waiting.length >= backlog) throw new Error(`${backlog} messages wait already`);
    waiting.push(text.toWellFormed());
    pump();
  }

  function give(text) {
    const message = objects ? JSON.parse(text) : text;
    if (objects && message.type === "NAVIGATION_GESTURE") {
      window.dispatchEvent(new CustomEvent("weft:navigation-gesture", { detail: message }));
    }
    try {
      if (handler !== null) handler.call(bridge, message);
    } catch (error) {
      console.error(error);
    }
    target.dispatchEvent(new MessageEvent("message", { data: message }));
  }

  // The shell keeps messages until the page listens.
  function listen() {
    if (listening) return;
    listening = true;
    request("weft-ipc:ready").catch((error) => refused(`no messages will come: ${error}`));
  }

  function onmessage(callback) {
    handler = typeof callback === "function" ? callback : null;
    if (handler !== null) listen();
  }

  const bridge = Object.freeze(
    Object.create(null, {
      send: { value: send, enumerable: true },
      onmessage: { get: () => handler ?? onmessage, set: onmessage, enumerable: true },
      addEventListener: {
        value(type, callback, options) {
          target.addEventListener(type, callback, options);
          if (type === "message") listen();
        },
      },
      removeEventListener: { value: target.removeEventListener.bind(target) },
    }),
  );

  Object.defineProperty(window, name, { value: bridge, enumerable: true });
  Object.defineProperty(window, "__weftReceive", { value: (texts) => texts.forEach(give) });
  if (session !== null) Object.defineProperty(window, "weftSessionId", { value: session, enumerable: true });
})
