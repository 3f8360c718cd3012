import { defineConfig } from "vitest/config";

// The tests that need IPVS or SCTP, inside a user-mode kernel: `inUml()` in test/support/uml.ts boots it and starts vitest there.
export default defineConfig({
  test: {
    setupFiles: ["test/support/fixed-seed.ts"],
    include: ["{src,test}/**/*.uml.test.ts"],
    // One processor: processes beside each other would only wait for each other.
    pool: "forks",
    maxWorkers: 1,
    // It is several times slower than the machine itself.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
