// The component of Converter: answers what its page sends.
import { ready } from "weft:app/notify@0.2.0";
import { recv, send, subscribe } from "weft:app/ipc@0.2.0";
import { Folder } from "./folder.js";
import { Session } from "./session.js";

export const run = {
  run() {
    const session = new Session(new Folder("/data"));
    const messages = subscribe();
    ready();
    for (;;) {
      for (let message = recv(); message !== undefined; message = recv()) {
        try {
          send(session.answer(message));
        } catch (reason) {
          console.error(`an answer is lost: ${reason.payload ?? reason}`);
        }
      }
      messages.block();
    }
  },
};
