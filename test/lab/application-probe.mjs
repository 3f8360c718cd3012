// Runs at a place in the lab: asks every target on the standard input once, and prints who answered. A target is
// {protocol, host, port}; its answer is the stand-in's, or {error}.
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { text } from "node:stream/consumers";

const timeoutMs = 5000;

async function askTcp({ host, port }) {
  const url = `http://${host}:${port}/?format=json`;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), headers: { connection: "close" } });
  return response.json();
}

async function askUdp({ host, port }) {
  const { address } = await lookup(host, 4);
  const socket = createSocket("udp4");
  try {
    return await new Promise((resolve, reject) => {
      socket.on("message", (bytes) => resolve(JSON.parse(bytes.toString())));
      socket.on("error", reject);
      setTimeout(() => reject(new Error("no answer")), timeoutMs).unref();
      socket.send("hello", port, address);
    });
  } finally {
    socket.close();
  }
}

async function ask(target) {
  try {
    return await (target.protocol === "UDP" ? askUdp(target) : askTcp(target));
  } catch (error) {
    return { error: String(error.cause ?? error) };
  }
}

const targets = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await Promise.all(targets.map(ask))));
