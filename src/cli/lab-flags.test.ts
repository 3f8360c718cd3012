import { parseArgs } from "node:util";
import { describe, expect, it } from "vitest";
import { labFlags, labOptions } from "./lab-flags.ts";

function options(...args: string[]) {
  return labOptions(parseArgs({ args, options: labFlags }).values, "/home/me");
}

describe("labOptions()", () => {
  it("has the defaults of the design", () => {
    expect(options()).toMatchObject({
      name: "default",
      nodes: 3,
      zones: ["a", "a", "b"],
      loadBalancerPool: "192.168.100.200-192.168.100.250",
      outsideHosts: [{ name: "db.example.com", address: "192.168.100.50" }],
    });
  });

  it("keeps pool and outside hosts inside the LAN it was given", () => {
    const { loadBalancerPool, outsideHosts } = options("--lan", "10.7.0.0/24");
    expect(loadBalancerPool).toBe("10.7.0.200-10.7.0.250");
    expect(outsideHosts[0]?.address).toBe("10.7.0.50");
  });

  it("takes a relative state directory from where the command was typed", () => {
    expect(options("--state", "objects").stateDirectory).toBe("/home/me/objects");
  });

  it("reads proxy modes of all nodes and of single ones", () => {
    const { proxy, proxyModes } = options("--proxy-mode", "iptables", "--proxy-mode", "node-2=ipvs", "--reset-removed");
    expect([proxy.mode, proxy.resetRemoved, proxyModes]).toEqual(["iptables", true, { "node-2": "ipvs" }]);
    expect(options("--ipvs-scheduler", "lc").proxy.scheduler).toBe("lc");
  });

  it.each([
    [["--proxy-mode", "ipvs"]],
    [["--proxy-mode", "node-3=ipvs"]],
    [["--proxy-mode", "userspace", "--proxy-mode", "node-1=ipvs"]],
  ])("refuses the scheduler random with %j", (modes) => {
    expect(() => options("--ipvs-scheduler", "random", ...modes)).toThrow("IPVS has no scheduler random: name another");
    expect(options("--ipvs-scheduler", "random", "--proxy-mode", "userspace").proxy.scheduler).toBe("random");
  });

  it.each([
    ["--proxy-mode", "fast", 'There is no proxy mode "fast"; use one of nftables, iptables, ipvs, userspace'],
    ["--proxy-mode", "ebpf", "The proxy mode ebpf is planned, but not there yet"],
    ["--proxy-mode", "node-4=ipvs", "this lab has the nodes node-1 to node-3"],
    ["--proxy-mode", "a=b=c", "--proxy-mode must be MODE or NODE=MODE"],
    ["--proxy-config", "/no/such/file", "/no/such/file: cannot be read"],
    ["--ipvs-scheduler", "best", "--ipvs-scheduler must be one of random, rr"],
    ["--nodes", "0", "--nodes must be a number from 1 to 39"],
    ["--nodes", "three", "--nodes must be a number"],
    ["--zones", "a,,b", "--zones must be names"],
    ["--lan", "192.168.0.0", "--lan must be an IPv4 network"],
    ["--lan", "192.168.0.0/28", "at least /24"],
    ["--lb-pool", "10.0.0.1-10.0.0.9", "inside 192.168.100.0/24"],
    ["--outside-host", "db=1.2.3.4", "--outside-host must be NAME=IP"],
    ["--dns-upstream", "dns.example", "--dns-upstream must be an IP address"],
    ["--node-port-range", "40000-30000", "--node-port-range must be FIRST-LAST"],
    ["--lan", "192.168.0.0/16", "--lan must be a network of 24 bits"],
    ["--pod-cidr", "10.96.0.0/16", "--pod-cidr 10.96.0.0/16 and --service-cidr 10.96.0.0/16 overlap"],
    ["--service-cidr", "192.168.0.0/16", "--lan 192.168.100.0/24 and --service-cidr 192.168.0.0/16 overlap"],
    ["--node-grace", "soon", "--node-grace must be a duration"],
    ["--name", "No/Way", "cannot be the name of a lab"],
  ])("refuses %s %s", (flag, value, message) => {
    expect(() => options(flag, value)).toThrow(message);
  });
});
