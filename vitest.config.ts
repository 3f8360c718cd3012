import { defineConfig } from "vitest/config";

// Two projects: what needs no kernel, and what builds namespaces and sends packets.
export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    setupFiles: ["test/support/fixed-seed.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          // One process for all files halves the time; no file leaves anything behind that another one would see.
          isolate: false,
          include: ["src/**/*.test.ts", "test/{repo,dns}/**/*.test.ts"],
          exclude: ["src/**/*.kernel.test.ts", "src/**/*.uml.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "kernel",
          include: ["src/**/*.kernel.test.ts", "test/{lab,conformance}/**/*.test.ts"],
          // These run inside a user-mode kernel (vitest.uml.config.ts).
          exclude: ["**/*.uml.test.ts"],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
