globalThis.own = true;
