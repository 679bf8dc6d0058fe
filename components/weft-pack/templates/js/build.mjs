// Makes package/app.wasm of app.js.
import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize(await readFile("app.js", "utf8"), {
  witPath: "wit",
  worldName: "component",
  // Apps reach the network by weft:app/fetch only.
  disableFeatures: ["http", "fetch-event"],
});
await writeFile("package/app.wasm", component);
