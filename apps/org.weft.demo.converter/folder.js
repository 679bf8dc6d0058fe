// A folder that the system granted, through wasi:filesystem: what a JavaScript engine has no files of its own for.
import { getDirectories } from "wasi:filesystem/preopens@0.2.0";

const LONGEST = 65536n;

export class Folder {
  constructor(path) {
    this.descriptor = getDirectories().find(([, name]) => name === path)?.[0];
  }

  // The file's text, or null where there is none. Throws an Error that says why it cannot be read.
  read(name) {
    return said(() => {
      const file = this.open(name, {}, { read: true });
      if (file === null) return null;
      const [bytes] = file.read(LONGEST, 0n);
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    });
  }

  // The old file or the new one, whenever the power goes. Throws an Error that says why it is not written.
  write(name, text) {
    said(() => {
      const file = this.open(`${name}.new`, { create: true, truncate: true }, { write: true });
      let bytes = new TextEncoder().encode(text);
      for (let at = 0n; bytes.length > 0;) {
        const written = file.write(bytes, at);
        at += written;
        bytes = bytes.subarray(Number(written));
      }
      file.sync();
      this.descriptor.renameAt(`${name}.new`, this.descriptor, name);
    });
  }

  open(name, how, rights) {
    if (this.descriptor === undefined) throw new Error("no folder is granted");
    try {
      return this.descriptor.openAt({}, name, how, rights);
    } catch (reason) {
      if (reason.payload === "no-entry") return null;
      throw reason;
    }
  }
}

// Errors of the system carry their code in `payload`.
function said(act) {
  try {
    return act();
  } catch (reason) {
    throw new Error(reason.payload ?? reason.message);
  }
}
