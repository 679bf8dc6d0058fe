// Makes package/app.wasm of app.js and what it imports.
import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: "app.js",
  witPath: "wit",
  worldName: "component",
  // Apps reach the network by weft:app/fetch only.
  disableFeatures: ["http", "fetch-event"],
});
await writeFile("package/app.wasm", component);
