// Run by the pipeline's tests: node --test.
import assert from "node:assert/strict";
import test from "node:test";
import { Session } from "./session.js";
import { convert, find } from "./units.js";

const through = (kind, value, from, to) => convert(value, ...find(kind, from, to));

// Stands in for /data.
class Memory {
  files = new Map();
  read(name) { return this.files.get(name) ?? null; }
  write(name, text) { this.files.set(name, text); }
}

const ask = (session, request) => JSON.parse(session.answer(JSON.stringify(request)));

test("conversions are right to eight digits", () => {
  for (const [kind, value, from, to, result] of [
    ["length", "26.2", "mi", "km", "42.164813"], ["length", "1", "in", "cm", "2.54"], ["weight", "1", "lb", "g", "453.59237"],
    ["temperature", "100", "°C", "°F", "212"], ["temperature", "-40", "°F", "°C", "−40"], ["temperature", "0", "K", "°C", "−273.15"],
    ["volume", "1", "gal", "l", "3.7854118"], ["speed", "3,6", "km/h", "m/s", "1"], ["time", "1", "wk", "h", "168"],
    ["length", "1e20", "km", "mm", "1e+26"], ["length", "0", "m", "mi", "0"], ["length", "−5", "m", "cm", "−500"],
  ]) assert.equal(through(kind, value, from, to), result, `${value} ${from} to ${to}`);
});

test("what is no number, no unit or colder than anything says why", () => {
  for (const text of ["", "x", "1..2", "0x10", "1e999", "Infinity", " "]) assert.throws(() => through("length", text, "m", "km"), /is no number/);
  assert.throws(() => through("length", "1", "m", "kg"), /cannot be converted/);
  assert.throws(() => through("temperature", "-300", "°C", "K"), /absolute zero/);
});

test("the next session knows what was kept", () => {
  const folder = new Memory();
  const first = new Session(folder);
  ask(first, { op: "keep", kind: "length", from: "mi", to: "km" });
  ask(first, { op: "keep", kind: "time", from: "h", to: "min" });
  ask(first, { op: "keep", kind: "length", from: "mi", to: "km" });
  const second = new Session(folder);
  assert.deepEqual(ask(second, { op: "start" }).kept.map((one) => one.from), ["mi", "h"]);
  assert.deepEqual(ask(second, { op: "drop", index: 0 }).kept.map((one) => one.from), ["h"]);
});

test("a broken file, a full disk and nonsense are said and end nothing", () => {
  for (const text of ["[", "3", "null", '[{"kind":"length","from":"x","to":"m"}]']) {
    const folder = new Memory();
    folder.write("kept.json", text);
    assert.deepEqual(ask(new Session(folder), { op: "start" }).kept, [], text);
  }
  const full = new Session({ read: () => null, write: () => { throw new Error("insufficient-space"); } });
  assert.match(ask(full, { op: "keep", kind: "length", from: "m", to: "km" }).error, /not kept: insufficient-space/);
  assert.deepEqual(ask(full, { op: "start" }).kept, []);
  for (const message of ["", "null", "[]", '{"op":"convert"}', '{"op":"fly"}']) assert.ok(JSON.parse(full.answer(message)).error, message);
});
