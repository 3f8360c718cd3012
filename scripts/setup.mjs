// Makes a clone ready to run: `node scripts/setup.mjs [demo|test|check]`.
// Installs npm packages from the lockfile, builds, checks for the programs of the lab. Depends on nothing but Node and npm;
// when there is nothing to do it ends within a few milliseconds.

const purposes = ["demo", "test", "check"];

/** Stops with one line that says what to do. */
function stop(message) {
  process.stderr.write(`sealane: ${message}\n`);
  process.exit(1);
}

const version = process.versions.node.split(".").map(Number);
if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  stop(`Node ${process.versions.node} is too old: install Node 20.19 or newer (22 or newer is advised)`);
}
if (process.platform !== "linux") {
  stop(`a lab is made of Linux network namespaces, and this is ${process.platform}: use a Linux machine or VM`);
}
const purpose = process.argv[2] ?? "demo";
if (!purposes.includes(purpose)) {
  stop(`there is no set-up for "${purpose}"; use one of: ${purposes.join(", ")}`);
}

// Imported only now: an old Node must be able to say that it is old.
const { setUp } = await import("./setup/set-up.mjs");
try {
  await setUp(purpose);
} catch (error) {
  stop(error instanceof Error ? error.message : String(error));
}
