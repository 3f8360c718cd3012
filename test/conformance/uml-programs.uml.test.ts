import { execFileSync } from "node:child_process";
import { createServer, connect } from "node:net";
import { describe, expect, it } from "vitest";

describe("the user-mode kernel", () => {
  it.each([
    ["ipvsadm -A -t 10.0.0.1:80 -s mh -b mh-port,mh-fallback"],
    ["ipset create x hash:ip,port,net family inet6"],
    ["iptables-legacy -t nat -A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE --random-fully"],
    ["ip6tables-legacy -A FORWARD -m set --match-set x dst,dst,src -j REJECT"],
    ["ip link add kube-ipvs0 type dummy"],
  ])("has what takes: %s", (command) => {
    expect(execFileSync("/bin/sh", ["-c", command], { encoding: "utf8" })).toBe("");
  });

  it("carries TCP between sockets of Node", async () => {
    const server = createServer((socket) => void socket.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
    let text = "";
    for await (const part of socket) text += String(part);
    server.close();
    expect(text).toBe("hello");
  });
});
