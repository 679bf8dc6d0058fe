// The system UI's reducer, fed with what appd says and a person does.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const context = { console };
context.globalThis = context;
runInNewContext(readFileSync(new URL("../../rootfs-overlay/usr/share/weft/system-ui/state.js", import.meta.url), "utf8"), context);
const { weft } = context;
const plain = (value) => JSON.parse(JSON.stringify(value));

function run(...events) {
  let state = weft.initialState;
  const sent = [];
  for (const event of events) {
    const step = weft.reduce(state, { now: 1000, ...event });
    state = step.state;
    sent.push(...step.send);
  }
  return { state: plain(state), sent: plain(sent), raw: state };
}

const APPS = { type: "INSTALLED_APPS", apps: [{ app_id: "org.b", name: "Notes", version: "1" }, { app_id: "org.a", name: "Counter", version: "1" }] };
const up = [{ type: "CONNECTION", connected: true }, APPS];
const launched = [...up, { type: "ui:launch", app: "org.a" }, { type: "LAUNCH_ACK", session_id: 1, app_id: "org.a" }, { type: "APP_READY", session_id: 1, app_id: "org.a" }];

test("connecting asks for everything", () => {
  assert.deepEqual(run({ type: "CONNECTION", connected: true }).sent, [{ type: "QUERY_INSTALLED_APPS" }, { type: "QUERY_RUNNING" }, { type: "QUERY_NETWORK" }, { type: "QUERY_UPDATE" }]);
});
test("a link that never was is not lost until it is overdue", () => {
  assert.equal(run({ type: "CONNECTION", connected: false }).state.link, "connecting");
  assert.equal(run({ type: "CONNECTION", connected: false }, { type: "ui:overdue" }).state.link, "lost");
  assert.equal(run(...up, { type: "CONNECTION", connected: false }).state.link, "lost");
});
test("apps are sorted by name", () => {
  assert.deepEqual(run(...up).state.apps.map((each) => each.name), ["Counter", "Notes"]);
});
test("a launch is asked for once and ends in front", () => {
  const { state, sent } = run(...up, { type: "ui:launch", app: "org.a" }, { type: "ui:launch", app: "org.a" });
  assert.equal(sent.filter((each) => each.type === "LAUNCH_APP").length, 1);
  assert.ok(state.launching["org.a"]);
  const after = run(...launched).state;
  assert.deepEqual([after.recent, after.home, after.launching, after.tasks[0].state], [[1], false, {}, "running"]);
});
test("home over an app raises the panel, the app lowers it again", () => {
  const { sent } = run(...launched, { type: "ui:home" }, { type: "ui:launch", app: "org.a" });
  assert.deepEqual(sent.slice(-3), [{ type: "SHELL_OVERLAY", on: true }, { type: "ACTIVATE_APP", session_id: 1 }, { type: "SHELL_OVERLAY", on: false }]);
  assert.deepEqual(run(...launched, { type: "ui:home" }, { type: "ui:home" }).sent.at(-1), { type: "SHELL_OVERLAY", on: false });
});
test("home stays home while no app runs", () => {
  assert.equal(run(...up, { type: "ui:home" }, { type: "ui:escape" }).state.home, true);
});
test("three fingers up go home, two do not", () => {
  const swipe = (fingers) => ({ type: "NAVIGATION_GESTURE", gesture_type: 0, fingers, dx: 3, dy: -200 });
  assert.equal(run(...launched, swipe(3)).state.home, true);
  assert.equal(run(...launched, swipe(2)).state.home, false);
});
test("the last app to end shows home", () => {
  const { state } = run(...launched, { type: "APP_STATE", session_id: 1, state: "stopped" });
  assert.deepEqual([state.home, state.tasks, state.recent], [true, [], []]);
});
test("an app that crashed in front comes back in front", () => {
  const { state, sent } = run(...launched, { type: "APP_STATE", session_id: 1, state: "stopped" }, { type: "APP_STATE", session_id: 2, state: "starting" },
    { type: "RUNNING_APPS", sessions: [{ session_id: 2, app_id: "org.a" }] }, { type: "APP_STATE", session_id: 2, state: "starting" }, { type: "APP_READY", session_id: 2, app_id: "org.a" });
  assert.ok(sent.some((each) => each.type === "QUERY_RUNNING"));
  assert.deepEqual([state.recent, state.home, state.tasks.length], [[2], false, 1]);
});
test("an app that comes back in the background stays there", () => {
  const { state } = run(...launched, { type: "APP_READY", session_id: 7, app_id: "org.b" });
  assert.deepEqual([state.recent, state.home], [[7, 1], false]);
});
test("a page started anew finds the running app in front", () => {
  const { state } = run(...up, { type: "RUNNING_APPS", sessions: [{ session_id: 4, app_id: "org.a" }] });
  assert.deepEqual([state.recent, state.home], [[4], false]);
});
test("an error ends the launch it refuses and is told", () => {
  const { state } = run(...up, { type: "ui:launch", app: "org.a" }, { type: "ERROR", code: 404, message: "org.a is not installed" });
  assert.deepEqual([state.launching, state.notices[0].body, state.toasts.length, state.unread], [{}, "org.a is not installed", 1, 1]);
});
test("a launch that nothing is heard of is given up", () => {
  const { state } = run(...up, { type: "ui:launch", app: "org.a" }, { type: "ui:tick", now: 200000 });
  assert.deepEqual([state.launching, state.notices[0].title], [{}, "Counter did not start"]);
});
test("toasts end and the centre keeps them", () => {
  const note = { type: "NOTIFICATION", app_id: "org.a", title: "t", body: "b", icon: null };
  const { state, raw } = run(...up, note, { type: "ui:tick", now: 9000 });
  assert.deepEqual([state.toasts, state.notices.length, state.unread], [[], 1, 1]);
  assert.equal(weft.nextTick(raw), null);
  assert.deepEqual([run(...up, note, { type: "ui:centre" }).state.unread, run(...up, note, { type: "ui:centre" }, { type: "ui:clear" }).state.notices], [0, []]);
});
test("closing asks appd and shows it", () => {
  const { state, sent } = run(...launched, { type: "ui:ask-close", session: 1 }, { type: "ui:close", session: 1 });
  assert.equal(state.tasks[0].state, "stopping");
  assert.deepEqual(sent.filter((each) => each.type === "TERMINATE_APP"), [{ type: "TERMINATE_APP", session_id: 1 }]);
  assert.equal(sent.at(-1).on, false);
});
test("search finds by name first, then by id", () => {
  const found = (query) => plain(weft.matches(run(...up, { type: "ui:query", query }).raw)).map((each) => each.id);
  assert.deepEqual([found("not"), found("org.a"), found("o"), found("zz")], [["org.b"], ["org.a"], ["org.a", "org.b"], []]);
});
test("the network is shown by its address, or as missing", () => {
  const told = (online, ...addresses) => weft.networkText(run(...up, { type: "NETWORK_STATUS", online, clock: "network", links: [{ name: "eth0", carrier: true, addresses }] }).raw)[0];
  assert.equal(weft.networkText(weft.initialState)[0], "");
  assert.deepEqual([told(true, "10.0.2.15/24", "2001:db8::5/64"), told(true, "2001:db8::5/64"), told(false)], ["10.0.2.15", "IPv6", "No network"]);
});
const SYSTEM = { type: "UPDATE_STATUS", version: "1.0.0", slot: "a", trial: "none", state_kept: true, phase: "idle", target: null, progress: null, error: null, failure: null };
test("the centre says which version runs and how far an update is", () => {
  const text = (...events) => plain(weft.systemText(run(...up, ...events).raw));
  assert.deepEqual(text(), { line: "", done: null, failure: "" });
  assert.equal(text(SYSTEM).line, "Version 1.0.0");
  const loading = text({ ...SYSTEM, phase: "downloading", target: "2.0.0", progress: { done: 30, total: 120 } });
  assert.deepEqual([loading.line, loading.done], ["Version 1.0.0 · Loading version 2.0.0, 25 %", 0.25]);
  assert.equal(text({ ...SYSTEM, phase: "downloading", target: "2.0.0", progress: { done: 0, total: 0 } }).done, null);
  assert.equal(text({ ...SYSTEM, trial: "running" }).line, "Version 1.0.0 · Being tried");
});
test("a release that failed is told once, with its reason", () => {
  const failed = { ...SYSTEM, failure: { version: "2.0.0", reason: "the screen is blank" } };
  const { state, raw } = run(...up, failed, failed, { ...failed, phase: "available" });
  assert.deepEqual([state.notices.length, state.notices[0].title, state.notices[0].tone], [1, "Version 2.0.0 did not work", "danger"]);
  assert.ok(state.notices[0].body.includes("went back to 1.0.0: the screen is blank"));
  assert.equal(weft.systemText(raw).failure, "Version 2.0.0 did not work: the screen is blank");
  assert.equal(run(...up, failed, { ...failed, failure: { version: "3.0.0", reason: "x" } }).state.notices.length, 2);
});
test("an update that cannot be had is told when it happens, not at every start", () => {
  const error = { ...SYSTEM, error: "the disk is full" };
  assert.equal(run(...up, error).state.notices.length, 0);
  assert.deepEqual(run(...up, SYSTEM, error, error).state.notices.map((each) => each.body), ["the disk is full"]);
});
test("a device that keeps nothing says so", () => {
  const lost = { ...SYSTEM, state_kept: false };
  assert.deepEqual(run(...up, lost, lost).state.notices.map((each) => each.title), ["Nothing is kept"]);
});
test("a block that was repaired is told once, and how many there are", () => {
  const rotten = (repaired) => ({ ...SYSTEM, repaired });
  const { state, raw } = run(...up, rotten(0), rotten(1), rotten(3));
  assert.deepEqual(state.notices.map((each) => [each.title, each.tone]), [["The storage may be failing", "warn"]]);
  assert.equal(weft.systemText(raw).failure, "3 damaged blocks of the system repaired: the storage may be failing");
  assert.ok(weft.systemText(run(...up, { ...rotten(1), error: "the disk is full" }).raw).failure.startsWith("the disk is full · 1 damaged block of"));
});
test("a factory reset is asked for only after the question", () => {
  const sent = (...events) => run(...launched, ...events).sent.filter((each) => each.type === "FACTORY_RESET").length;
  assert.equal(sent({ type: "ui:reset" }), 0);
  assert.equal(sent({ type: "ui:ask-reset" }, { type: "ui:keep-data" }, { type: "ui:reset" }), 0);
  assert.equal(sent({ type: "ui:ask-reset" }, { type: "ui:escape" }, { type: "ui:reset" }), 0);
  assert.equal(sent({ type: "ui:ask-reset" }, { type: "ui:reset" }, { type: "ui:reset" }), 1);
  assert.deepEqual(run(...launched, { type: "ui:ask-reset" }).sent.at(-1), { type: "SHELL_OVERLAY", on: true });
  const refused = run(...launched, { type: "ui:ask-reset" }, { type: "ui:reset" }, { type: "ERROR", code: 500, message: "PID 1 does not answer" }).state;
  assert.deepEqual([refused.resetting, refused.notices[0].body], [null, "PID 1 does not answer"]);
});
test("unknown messages change nothing", () => {
  assert.equal(weft.reduce(weft.initialState, { type: "toString" }).state, weft.initialState);
});
