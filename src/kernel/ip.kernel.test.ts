import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enterOwnNamespaces } from "../../test/lab/own-namespaces.ts";
import { ip } from "../core/index.ts";
import { applyAddressSteps, applyLinkSteps, applySourceSteps } from "./ip.ts";
import { createNamespace, inNamespace, removeNamespace } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "sealane-ip-"));
const path = join(folder, "node");
const ipCommand = (...args: readonly string[]): string => execFileSync("ip", args, { encoding: "utf8" });
/** The source of a call to an address. */
const sourceTowards = (address: string): string | undefined =>
  / src (\S+)/.exec(ipCommand("route", "get", address))?.[1];
const localRoutes = (link: string): readonly string[] =>
  ["-4", "-6"].flatMap((family) =>
    ipCommand(family, "route", "show", "table", "local", "type", "local", "dev", link).split("\n").filter(Boolean),
  );

beforeAll(() => {
  enterOwnNamespaces();
  createNamespace(path, () =>
    applyLinkSteps([
      { kind: "link", name: "lo", state: "up" },
      { kind: "bridge", name: "eth0" },
      { kind: "address", address: ip("192.168.5.1"), prefix: 24, link: "eth0" },
      { kind: "address", address: ip("fd00:5::1"), prefix: 64, link: "eth0" },
      { kind: "bridge", name: "services" },
    ]),
  );
});
afterAll(() => {
  removeNamespace(path);
  rmSync(folder, { recursive: true });
});

describe("applySourceSteps()", () => {
  const addresses = [ip("10.96.0.1"), ip("10.96.0.2"), ip("fd00:96::1")];
  const link = "services";

  it("lets calls to own addresses come from another one, told once or twice", () => {
    inNamespace(path, () => {
      applyAddressSteps({ link, add: addresses, remove: [] });
      expect(addresses.map(sourceTowards)).toEqual(addresses);
      const source = { IPv4: ip("192.168.5.1"), IPv6: ip("fd00:5::1") };
      for (let times = 0; times < 2; times++) {
        applySourceSteps({ link, addresses, source });
        expect(addresses.map(sourceTowards)).toEqual(["192.168.5.1", "192.168.5.1", "fd00:5::1"]);
        expect(localRoutes(link).filter((route) => !route.includes("fe80:"))).toHaveLength(addresses.length);
      }
    });
  });

  it("leaves a family alone of which there is no other address", () => {
    inNamespace(path, () => {
      const address = ip("fd00:96::9");
      applyAddressSteps({ link, add: [address], remove: [] });
      applySourceSteps({ link, addresses: [address], source: { IPv4: ip("192.168.5.1"), IPv6: undefined } });
      expect(sourceTowards(address)).toBe(address);
    });
  });

  it("says which step the kernel refused", () => {
    inNamespace(path, () => {
      const source = { IPv4: ip("192.0.2.7"), IPv6: undefined };
      expect(() => applySourceSteps({ link, addresses: [ip("10.96.0.1")], source })).toThrow(
        "ip route replace local 10.96.0.1 dev services table local src 192.0.2.7",
      );
    });
  });

  it("leaves no route when link and addresses are gone", () => {
    inNamespace(path, () => {
      applyLinkSteps([{ kind: "delete-link", name: link }]);
      expect(ipCommand("-4", "route", "show", "table", "local")).not.toContain("10.96.0.");
      expect(ipCommand("-6", "route", "show", "table", "local")).not.toContain("fd00:96:");
    });
  });
});
