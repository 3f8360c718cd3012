/** Plugins of CoreDNS that do not exist here, and what to do instead. */
const advice: Readonly<Record<string, string>> = {
  auto: "serve zone files with another server and forward to it",
  azure: "forward to the cloud's own DNS servers",
  cancel: "queries end after 5 s anyway; remove the line",
  chaos: "questions of class CH are refused; remove the line",
  clouddns: "forward to the cloud's own DNS servers",
  debug: "set the log level of the command; remove the line",
  dnssec: "answers are not signed; remove the line",
  dnstap: "use log",
  erratic: "it is for tests of CoreDNS; remove the line",
  etcd: "forward to a server that reads etcd",
  federation: "it is gone from Kubernetes; remove the line",
  file: "serve zone files with another server and forward to it",
  geoip: "remove the line",
  grpc: "forward to a server over dns:// or tls://",
  header: "flags follow the RFCs; remove the line",
  https: "use forward with tls:// (DNS over TLS)",
  k8s_external: "addresses outside of the cluster need a DNS of their own; remove the line",
  local: "remove the line, or name localhost in hosts",
  metadata: "remove the line",
  minimal: "remove the line",
  multisocket: "one socket for each address is served; remove the line",
  nomad: "forward to the server of Nomad",
  nsid: "remove the line",
  on: "hooks are not run; remove the line",
  pprof: "run node with --inspect; remove the line",
  proxy: "use forward",
  quic: "use forward with tls:// (DNS over TLS)",
  root: "write whole paths; remove the line",
  route53: "forward to the cloud's own DNS servers",
  secondary: "forward to the primary server",
  sign: "answers are not signed; remove the line",
  startup: "commands are not run; remove the line",
  template: "use hosts for fixed names and rewrite for renamed ones",
  timeouts: "connections end after 10 s without a question; remove the line",
  trace: "use log",
  tsig: "restrict transfers by address with transfer",
  view: "use acl, or blocks on ports of their own",
};

/** What to say about a plugin that cannot be used. */
export function adviceFor(name: string, known: readonly string[]): string {
  const text = Object.hasOwn(advice, name) ? advice[name] : undefined;
  if (text !== undefined) return `the plugin ${name} is not supported: ${text}`;
  const similar = known.find((plugin) => isSimilar(plugin, name));
  const meant = similar === undefined ? `known plugins are ${known.join(", ")}` : `did you mean ${similar}?`;
  return `there is no plugin ${JSON.stringify(name)}: ${meant}`;
}

/** Whether one letter more, less, different or swapped makes the same word. */
function isSimilar(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const restA = a.slice(start, a.length - end);
  const restB = b.slice(start, b.length - end);
  if (restA.length <= 1 && restB.length <= 1) return true;
  return restA.length === 2 && restB.length === 2 && restA[0] === restB[1] && restA[1] === restB[0];
}
