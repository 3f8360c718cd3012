import { describe, expect, it } from "vitest";
import { inUml, runInUml, umlProblem } from "../support/uml.ts";

describe.skipIf(umlProblem() !== undefined)("runInUml()", () => {
  it("runs a command as root in a kernel of its own, and gives its output and exit code", async () => {
    const script = 'echo "kernel $(uname -r), user $(id -u), here: $0"; test -d src; ipvsadm -A -t 10.0.0.1:80; exit 3';
    const { exitCode, output } = await runInUml(["sh", "-c", script, "it's"]);
    expect(output).toMatch(/kernel 6\.\S+, user 0, here: it's/);
    expect(exitCode).toBe(3);
  });

  it("ends a command that takes too long, with everything in it", async () => {
    const name = `sealane-${process.pid}-sleeper`;
    const endless = runInUml(["sh", "-c", `echo ${name}; sleep 1000`], { timeoutMs: 4000 });
    await expect(endless).rejects.toThrow(/Not done within 4000 ms[^]*sleeper/);
  });
});

await inUml([
  "test/conformance/uml-programs.uml.test.ts",
  "src/kernel/fixed-rules.uml.test.ts",
  "src/kernel/ipset.uml.test.ts",
  "src/kernel/ipvs.uml.test.ts",
]);
