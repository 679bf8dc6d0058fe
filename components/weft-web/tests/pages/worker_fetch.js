// Runs in a worker: tries the ways out that workers have, and says which led there.
const outside = "http://127.0.0.1:7999";
const ways = {
  fetch: () => fetch(`${outside}/worker-fetch`),
  importScripts: () => importScripts(`${outside}/worker-import.js`),
  module: () => import(`${outside}/worker-module.js`),
  socket: () => new Promise((fulfil, reject) => {
    const socket = new WebSocket("ws://127.0.0.1:7999/worker-socket");
    socket.onopen = fulfil;
    socket.onerror = reject;
  }),
  xhr: () => {
    const request = new XMLHttpRequest();
    request.open("GET", `${outside}/worker-xhr`, false);
    request.send();
  },
  nested: () => new Promise((fulfil) => { new Worker(`${outside}/worker-nested.js`).onmessage = fulfil; }),
  file: () => importScripts("file:///etc/passwd"),
  other: () => importScripts("weft-app://org.weft.demo.counter/ui/app.js"),
  system: () => importScripts("weft-system://kit/weft-ui-kit.js"),
};
for (const [way, go] of Object.entries(ways)) {
  (async () => { await go(); postMessage(way); })().catch(() => {});
}
