// What the page asks and what it is told.
//
// From the page: {"op":"start"}, {"op":"convert","kind","from","to","value"}, {"op":"keep","kind","from","to"}, {"op":"drop","index"}.
// To the page: {"kinds","kept","problem"} once; {"converted":{"kind","from","to","value","result"}}; {"kept"}; {"error"}.
import { KINDS, convert, find } from "./units.js";

const FILE = "kept.json";
const MOST = 12;

export class Session {
  // `folder` has read(name) -> text or null, and write(name, text); both throw an Error with a reason.
  constructor(folder) {
    this.folder = folder;
    this.kept = [];
    this.problem = "";
    try {
      this.kept = JSON.parse(folder.read(FILE) ?? "[]").filter(isKnown).slice(0, MOST);
    } catch (reason) {
      this.problem = `The kept conversions cannot be read: ${reason.message}`;
    }
  }

  answer(message) {
    let reply;
    try {
      reply = this.obey(JSON.parse(message));
    } catch (reason) {
      reply = { error: reason.message };
    }
    return JSON.stringify(reply);
  }

  obey(request) {
    const { kind, from, to } = request ?? {};
    switch (request?.op) {
      case "start": {
        const kinds = KINDS.map(({ id, name, units }) => ({ id, name, units: units.map((unit) => ({ id: unit.id, name: unit.name })) }));
        return { kinds, kept: this.kept, problem: this.problem };
      }
      case "convert": {
        const value = String(request.value);
        const result = convert(value, ...find(kind, from, to));
        console.log(`converted ${value} ${from} to ${result} ${to}`);
        return { converted: { kind, from, to, value, result } };
      }
      case "keep":
        find(kind, from, to);
        return this.keep([{ kind, from, to }, ...this.kept.filter((one) => one.from !== from || one.to !== to)].slice(0, MOST));
      case "drop":
        return this.keep(this.kept.filter((_, index) => index !== request.index));
      default:
        throw new Error("The page asked for what is not known");
    }
  }

  keep(kept) {
    try {
      this.folder.write(FILE, JSON.stringify(kept));
    } catch (reason) {
      throw new Error(`This is not kept: ${reason.message}`);
    }
    this.kept = kept;
    this.problem = "";
    return { kept };
  }
}

function isKnown(entry) {
  try {
    find(entry.kind, entry.from, entry.to);
    return true;
  } catch {
    return false;
  }
}
