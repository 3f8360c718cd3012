import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enterOwnNamespaces } from "../../test/lab/own-namespaces.ts";
import { ip, ipFamily } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { createNamespace, inNamespace, removeNamespace } from "./index.ts";
import type { LinkStep } from "./index.ts";
import { applyLinkSteps, applyStepsOf } from "./ip.ts";
import { areLocal, localRoutes } from "./local-routes.ts";

const folder = mkdtempSync(join(tmpdir(), "sealane-ip-"));
const path = join(folder, "node");
const ipCommand = (...args: readonly string[]): string => execFileSync("ip", args, { encoding: "utf8" });
/** The source of a call to an address. */
const sourceTowards = (address: string): string | undefined =>
  / src (\S+)/.exec(ipCommand("route", "get", address))?.[1];
const bitsOf = (address: Ip): number => (ipFamily(address) === "IPv4" ? 32 : 128);
const ofServices = (): readonly Ip[] => localRoutes("services").filter((address) => !address.startsWith("fe80:"));

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

describe("applyStepsOf()", () => {
  const addresses = [ip("10.96.0.1"), ip("10.96.0.2"), ip("fd00:96::1")];
  const link = "services";
  const own = (address: Ip): Ip => ip(ipFamily(address) === "IPv4" ? "192.168.5.1" : "fd00:5::1");

  it("lets the machine take addresses as its own, told once or twice", () => {
    inNamespace(path, () => {
      expect(areLocal(addresses)).toBe(false);
      for (let times = 0; times < 2; times++) {
        applyStepsOf(
          link,
          addresses.map((address) => ({ kind: "local-route", address, link })),
        );
        expect(ofServices()).toEqual(addresses);
        expect(areLocal([...addresses, ip("192.168.5.1")])).toBe(true);
      }
      expect(sourceTowards("10.96.0.1")).toBe("10.96.0.1");
      expect(areLocal([ip("10.96.0.3")])).toBe(false);
    });
  });

  it("lets calls to them come from another address", () => {
    inNamespace(path, () => {
      applyStepsOf(
        link,
        addresses.map((address) => ({ kind: "local-route", address, link, source: own(address) })),
      );
      expect(addresses.map(sourceTowards)).toEqual(addresses.map(own));
      expect(ofServices()).toEqual(addresses);
    });
  });

  it("puts routes in the place of addresses", () => {
    inNamespace(path, () => {
      const former = [ip("10.96.0.7"), ip("fd00:96::7")];
      applyLinkSteps(former.map((address) => ({ kind: "address", address, prefix: bitsOf(address), link })));
      const routes = [...addresses, ...former].map((address): LinkStep => ({ kind: "local-route", address, link }));
      const removal = former.map((address): LinkStep => {
        return { kind: "delete-address", address, prefix: bitsOf(address), link };
      });
      applyStepsOf(link, [...removal, ...routes]);
      expect(ipCommand("address", "show", "dev", link)).not.toMatch(/10\.96\.|fd00:96:/);
      expect(areLocal(former)).toBe(true);
    });
  });

  it("takes them away, and minds none that is not there", () => {
    inNamespace(path, () => {
      const former = [ip("10.96.0.7"), ip("10.96.0.99"), ip("fd00:96::7"), ip("fd00:96::99")];
      applyStepsOf(
        link,
        former.map((address) => ({ kind: "delete-local-route", address, link })),
      );
      applyStepsOf(link, [{ kind: "delete-address", address: ip("10.96.0.99"), prefix: 32, link }]);
      expect(ofServices()).toEqual(addresses);
    });
  });

  it("says which step the kernel refused", () => {
    inNamespace(path, () => {
      const step = { kind: "local-route", address: ip("10.96.0.1"), link, source: ip("192.0.2.7") } as const;
      expect(() => applyStepsOf(link, [step])).toThrow(
        "ip route replace local 10.96.0.1 dev services table local src 192.0.2.7",
      );
      expect(() => applyStepsOf("nowhere", [step])).toThrow("there is no link nowhere");
    });
  });
});

describe("localRoutes()", () => {
  it("finds none of a link that is not there", () => {
    inNamespace(path, () => expect(localRoutes("nowhere")).toEqual([]));
  });

  it("finds those of other links than the one with all the addresses", () => {
    inNamespace(path, () => expect(localRoutes("eth0")).toEqual(expect.arrayContaining(["192.168.5.1", "fd00:5::1"])));
  });
});
