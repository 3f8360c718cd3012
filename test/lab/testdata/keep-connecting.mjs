// HOST PORT PAUSE: connects again and again, each time anew, with so many milliseconds between, until standard input ends; then prints what
// failed, as JSON.
import { connect } from "node:net";

const [host, port, pause] = process.argv.slice(2);
const failures = [];
let count = 0;
process.stdin.resume();
process.stdout.write("started\n");

function once() {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const timer = setTimeout(() => finish("silence"), 3000);
    let text = "";
    const finish = (failure) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    socket.once("connect", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.on("data", (chunk) => (text += chunk));
    socket.once("end", () => finish(text.includes("pod: ") ? undefined : `answer ${JSON.stringify(text)}`));
    socket.once("error", (error) => finish(error.code));
  });
}

while (!process.stdin.readableEnded) {
  const failure = await once();
  count++;
  if (failure !== undefined) failures.push(failure);
  await new Promise((resolve) => void setTimeout(resolve, Number(pause)));
}
process.stdout.write(`${JSON.stringify({ count, failures })}\n`);
