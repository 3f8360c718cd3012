// A client that a DNS server does not deserve: `node dns-bad-client.mjs MODE ADDRESS PORT ...` prints what it saw as JSON.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const [mode, address, portText, ...rest] = process.argv.slice(2);
const port = Number(portText);

/** The message of a question for an A record. */
function query(name, id = 4711) {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}

const good = query("web.tour.svc.cluster.local");
const frame = (message) => Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);

/** The messages in a stream of frames. */
function messagesOf(stream) {
  const messages = [];
  for (let at = 0; at + 2 <= stream.length;) {
    const length = stream.readUInt16BE(at);
    if (at + 2 + length > stream.length) break;
    messages.push(stream.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return messages;
}

/** Whether a good question gets its answer over UDP, tried again when a datagram was lost. */
async function isAnswered(socket) {
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), 1000);
      const listener = (message) => {
        if (message.readUInt16BE(0) !== 4711 || message.length < good.length + 16) return;
        clearTimeout(timer);
        socket.off("message", listener);
        resolve(message);
      };
      socket.on("message", listener);
      socket.send(good, port, address);
    });
    if (answer !== undefined) return (answer[3] & 15) === 0 && answer.readUInt16BE(6) === 1;
  }
  return false;
}

/** Sends all of `bytes` over TCP, and gives what came until the connection was closed, by which side. */
function overTcp(bytes, { end = true, timeoutMs = 8000 } = {}) {
  return new Promise((resolve) => {
    const chunks = [];
    let how = "closed";
    const socket = connect({ port, host: address, allowHalfOpen: true });
    const timer = setTimeout(() => {
      how = "timeout";
      socket.destroy();
    }, timeoutMs);
    socket.on("connect", () => (end ? socket.end(bytes) : socket.write(bytes)));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => socket.end());
    socket.on("error", () => (how = "reset"));
    socket.on("close", () => {
      clearTimeout(timer);
      resolve({ how, messages: messagesOf(Buffer.concat(chunks)) });
    });
  });
}

const isGood = (message) =>
  message.readUInt16BE(0) === 4711 && (message[3] & 15) === 0 && message.readUInt16BE(6) === 1;

let state = 20_261_121;
/** Pseudo-random, so that a failure can be seen again. */
function upTo(limit) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 0x1_0000_0000) * limit);
}
const noise = (length) => Buffer.from(Array.from({ length }, () => upTo(256)));

const modes = {
  /** Datagrams of every length with random bytes, three of each. */
  async lengths() {
    const socket = createSocket("udp4");
    let sent = 0;
    let answered = 0;
    for (let length = 0; length <= 600; length++) {
      for (let i = 0; i < 3; i++) {
        socket.send(noise(length), port, address);
        sent++;
      }
      if (length % 20 === 0 && (await isAnswered(socket))) answered++;
    }
    socket.close();
    return { sent, answered };
  },

  /** Every message of a file and everything that it begins with, over UDP, and over TCP with a good question after it. */
  async corpus() {
    const socket = createSocket("udp4");
    const lines = readFileSync(rest[0], "utf8")
      .split("\n")
      .filter((line) => line !== "");
    const result = { messages: 0, sent: 0, udp: 0, tcp: 0 };
    for (const line of lines) {
      const message = Buffer.from(line.split(": ")[1], "hex");
      for (let length = 0; length <= message.length; length++) socket.send(message.subarray(0, length), port, address);
      result.messages++;
      result.sent += message.length + 1;
      if (await isAnswered(socket)) result.udp++;
      const prefixes = Array.from({ length: message.length }, (_, i) => frame(message.subarray(0, i + 1)));
      const { messages } = await overTcp(Buffer.concat([...prefixes, frame(good)]));
      if (messages.some(isGood)) result.tcp++;
    }
    socket.close();
    return result;
  },

  /** Lengths and bytes that are no questions, on connections of their own. */
  async frames() {
    const whole = Buffer.concat([Buffer.from([0xff, 0xff]), noise(65_535)]);
    const inputs = {
      "64 KiB of noise": whole,
      "64 KiB of zeros": Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(65_535)]),
      "64 KiB announced, 3 bytes sent": Buffer.from([0xff, 0xff, 1, 2, 3]),
      "a length of zero": Buffer.from([0, 0]),
      "a length of 11": Buffer.concat([Buffer.from([0, 11]), noise(11)]),
      "half a length": Buffer.from([0]),
      nothing: Buffer.alloc(0),
      "an answer": frame(Buffer.concat([good.subarray(0, 2), Buffer.from([0x81]), good.subarray(3)])),
      HTTP: Buffer.from("GET / HTTP/1.1\r\nHost: cluster.local\r\n\r\n"),
      TLS: Buffer.from("16030100c8010000c40303", "hex"),
      "megabytes of noise": Buffer.concat(Array.from({ length: 64 }, () => whole)),
    };
    const result = {};
    for (const [label, bytes] of Object.entries(inputs)) {
      const { how, messages } = await overTcp(bytes);
      result[label] = `${how === "timeout" ? "timeout" : "closed"}, ${messages.length}`;
    }
    return result;
  },

  /** So many questions in one write; every answer once. */
  async pipeline() {
    const count = Number(rest[0]);
    const questions = Array.from({ length: count }, (_, i) => frame(query(rest[1] ?? "web.tour.svc.cluster.local", i)));
    const { how, messages } = await overTcp(Buffer.concat(questions), { timeoutMs: 30_000 });
    return { how, answers: messages.length, ids: new Set(messages.map((message) => message.readUInt16BE(0))).size };
  },

  /** Connections that send one byte of a question at a time. */
  async loris() {
    const count = Number(rest[0]);
    let closed = 0;
    let served = 0;
    const sockets = Array.from({ length: count }, () => {
      const socket = connect(port, address);
      socket.on("error", () => undefined);
      socket.on("close", () => closed++);
      return socket;
    });
    const bytes = frame(good);
    const start = performance.now();
    const udp = createSocket("udp4");
    const isOver = () => closed === count || performance.now() - start > 20_000;
    for (let i = 0; !isOver(); i++) {
      const byte = bytes.subarray(i % bytes.length, (i % bytes.length) + 1);
      // Never the last one: the question stays open.
      if (i % bytes.length !== bytes.length - 1) for (const socket of sockets) if (socket.writable) socket.write(byte);
      if (await isAnswered(udp)) served++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    udp.close();
    return { closed, served: served > 0 };
  },

  /** Connections that say nothing, until the standard input ends. */
  async idle() {
    const count = Number(rest[0]);
    const result = { connected: 0, closed: 0 };
    const sockets = [];
    for (let i = 0; i < count; i += 100) {
      await Promise.all(
        Array.from({ length: 100 }, () => {
          const socket = connect(port, address);
          sockets.push(socket);
          socket.on("close", () => result.closed++);
          return new Promise((resolve) => {
            socket.on("error", resolve);
            socket.on("connect", () => {
              result.connected++;
              resolve();
            });
          });
        }),
      );
    }
    process.stderr.write("open\n");
    await new Promise((resolve) => process.stdin.resume().on("end", resolve));
    for (const socket of sockets) socket.destroy();
    return result;
  },

  /** Connections that ask as much as they can and read nothing. */
  async greedy() {
    const [count, name] = [Number(rest[0]), rest[1]];
    const question = frame(query(name));
    const bytes = Buffer.concat(Array.from({ length: Math.floor(65_536 / question.length) }, () => question));
    const sockets = Array.from({ length: count }, () => {
      const socket = connect(port, address);
      socket.on("error", () => undefined);
      socket.pause();
      socket.on("connect", () => socket.write(Buffer.concat([bytes, bytes, bytes, bytes])));
      return socket;
    });
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("connect", resolve))));
    const udp = createSocket("udp4");
    let answered = 0;
    for (let i = 0; i < 20; i++) {
      if (await isAnswered(udp)) answered++;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    udp.close();
    process.stderr.write("open\n");
    await new Promise((resolve) => process.stdin.resume().on("end", resolve));
    for (const socket of sockets) socket.destroy();
    return { answered };
  },

  /** Connections that come and go, with and without a question, some of them torn down. */
  async churn() {
    const count = Number(rest[0]);
    let answered = 0;
    for (let i = 0; i < count; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, j) => {
          if (j % 2 === 0) {
            return overTcp(frame(good)).then(({ messages }) => {
              if (messages.some(isGood)) answered++;
            });
          }
          return new Promise((resolve) => {
            const socket = connect(port, address, () => {
              if (j % 4 === 1) socket.write(frame(good));
              socket.resetAndDestroy();
            });
            socket.on("error", () => undefined);
            socket.on("close", resolve);
          });
        }),
      );
    }
    return { answered };
  },

  /** Questions of clients that have closed their side. */
  async half() {
    const { messages } = await overTcp(Buffer.concat([frame(good), frame(good), frame(good).subarray(0, 9)]));
    return { answers: messages.filter(isGood).length };
  },
};

process.stdout.write(`${JSON.stringify(await modes[mode]())}\n`);
