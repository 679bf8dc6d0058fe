// The component of {{name}}: answers what its page sends.
import { ready } from "weft:app/notify@0.2.0";
import { recv, send, subscribe } from "weft:app/ipc@0.2.0";

export const run = {
  run() {
    const messages = subscribe();
    ready();
    for (;;) {
      for (let message = recv(); message !== undefined; message = recv()) {
        try {
          send(answer(message));
        } catch (reason) {
          console.error(`an answer is lost: ${reason.payload ?? reason}`);
        }
      }
      messages.block();
    }
  },
};

function answer(message) {
  return message.toUpperCase();
}
