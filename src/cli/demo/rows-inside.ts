import { isPodReady, resources } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { allAnswered, countBy, countsText, eventually, must, tellStandIn } from "./demo-lab.ts";
import type { DemoLab, Row } from "./demo-lab.ts";

/** The ready pods with this label, by name. */
export async function readyPods(lab: DemoLab, labelSelector: string): Promise<readonly Pod[]> {
  const { items } = await lab.api.list(resources.pods, { namespace: lab.namespace, labelSelector });
  return items
    .filter((pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The place of a pod. */
export function placeOf(pod: Pod | undefined): string {
  return `pod/${pod?.metadata.name ?? ""}`;
}

/** Zone of the node that a pod runs on. */
function zoneOf(lab: DemoLab, pod: Pod | undefined): string {
  return lab.nodes.find(({ name }) => name === pod?.spec.nodeName)?.zone ?? "";
}

/** Traffic between pods: names, virtual addresses, policies. */
export const rowsInside: readonly Row[] = [
  {
    from: "pod multi-0",
    to: "back-end (ClusterIP)",
    must: "60 requests spread over the 3 ready pods",
    async prove(lab) {
      const replies = allAnswered(await lab.ask("pod/multi-0", "http://back-end/", { count: 60 }));
      const counts = countBy(replies, ({ pod }) => pod);
      must(counts.size === 3 && [...counts.values()].every((count) => count >= 6), countsText(counts));
      return countsText(counts);
    },
  },
  {
    from: "back-end pods",
    to: "back-end, themselves",
    must: "a pod reaches itself through its own Service",
    async prove(lab) {
      const pods = await readyPods(lab, "type=back-end");
      const name = pods[0]?.metadata.name ?? "";
      const replies = allAnswered(await lab.ask(placeOf(pods[0]), "http://back-end/", { count: 30 }));
      const own = replies.filter(({ pod }) => pod === name);
      must(own.length > 0, `30 answers, none from itself: ${countsText(countBy(replies, ({ pod }) => pod))}`);
      return `30 answers, ${own.length} from itself`;
    },
  },
  {
    from: "pod multi-0",
    to: "sticky (affinity)",
    must: "20 requests stay on one pod",
    async prove(lab) {
      const counts = countBy(
        allAnswered(await lab.ask("pod/multi-0", "http://sticky/", { count: 20 })),
        ({ pod }) => pod,
      );
      must(counts.size === 1, countsText(counts));
      return countsText(counts);
    },
  },
  {
    from: "each back-end pod",
    to: "node-local (internal Local)",
    must: "only the pod on the caller's node answers",
    async prove(lab) {
      const pods = await readyPods(lab, "type=back-end");
      const seen: string[] = [];
      for (const caller of pods) {
        const counts = countBy(
          allAnswered(await lab.ask(placeOf(caller), "http://node-local/", { count: 10 })),
          ({ node }) => node,
        );
        must(
          counts.size === 1 && counts.has(caller.spec.nodeName ?? ""),
          `${caller.spec.nodeName} -> ${countsText(counts)}`,
        );
        seen.push(`${caller.spec.nodeName} 10`);
      }
      return seen.sort().join(", ");
    },
  },
  {
    from: "a pod in zone b",
    to: "near (same zone first)",
    must: "only pods in zone b answer",
    async prove(lab) {
      const caller = (await readyPods(lab, "type=back-end")).find((pod) => zoneOf(lab, pod) === "b");
      must(caller !== undefined, "no pod runs in zone b");
      const replies = allAnswered(await lab.ask(placeOf(caller), "http://near/", { count: 20 }));
      const zones = countBy(replies, ({ node }) => lab.nodes.find(({ name }) => name === node)?.zone ?? "?");
      must(zones.size === 1 && zones.has("b"), `zones ${countsText(zones)}`);
      return `zone b 20, ${countsText(countBy(replies, ({ node }) => node))}`;
    },
  },
  {
    from: "pod multi-0",
    to: "db (headless)",
    must: "the name gives both pods' own addresses",
    async prove(lab) {
      const pods = await readyPods(lab, "app=db");
      const { answers } = await lab.resolve("pod/multi-0", "db", "A");
      const wanted = pods.map((pod) => pod.status?.podIP ?? "").sort();
      must(wanted.length === 2 && wanted.join() === [...answers].sort().join(), answers.join(", "));
      const [one] = allAnswered(await lab.ask("pod/multi-0", "http://db-1.db:5432/"));
      must(one?.pod === "db-1", `db-1.db was answered by ${one?.pod}`);
      return `${[...answers].sort().join(", ")}; db-1.db is db-1`;
    },
  },
  {
    from: "pod multi-0",
    to: "db-peers (not ready too)",
    must: "it lists db-1 while db-1 is not ready; db does not",
    async prove(lab) {
      const addressesOf = async (name: string) => (await lab.resolve("pod/multi-0", name, "A")).answers;
      const pod = await lab.api.get(resources.pods, lab.namespace, "db-1");
      const tell = (order: "ready" | "unready") => tellStandIn(lab, `${pod.status?.podIP}:5432`, order);
      await tell("unready");
      const listed = await eventually(3000, async () => {
        const [ready, all] = [await addressesOf("db"), await addressesOf("db-peers")];
        must(ready.length === 1 && all.length === 2, `db ${ready.length}, db-peers ${all.length}`);
        return `db ${ready.length} address, db-peers ${all.length}`;
      });
      await tell("ready");
      await eventually(3000, async () => must((await addressesOf("db")).length === 2, "db-1 did not come back"));
      return listed;
    },
  },
  {
    from: "pod multi-0",
    to: "by-external-ip, port 8088",
    must: "the nodes take the address as the Service's own",
    async prove(lab) {
      const replies = allAnswered(await lab.ask("pod/multi-0", "http://192.168.100.60:8088/", { count: 12 }));
      return `192.168.100.60: ${countsText(countBy(replies, ({ pod }) => pod))}`;
    },
  },
  {
    from: "pod multi-0",
    to: "_sql._tcp.db (SRV)",
    must: "port and name of each pod",
    async prove(lab) {
      const { answers } = await lab.resolve("pod/multi-0", `_sql._tcp.db.${lab.namespace}.svc.cluster.local.`, "SRV");
      const names = answers.map((answer) => answer.split(" ").slice(2).join(" ")).sort();
      const wanted = [0, 1].map((n) => `5432 db-${n}.db.${lab.namespace}.svc.cluster.local.`);
      must(names.join() === wanted.join(), answers.join("; "));
      return "5432 db-0.db, 5432 db-1.db";
    },
  },
  {
    from: "pod multi-0",
    to: "legacy-db (ExternalName)",
    must: "a CNAME to the outside host, which answers",
    async prove(lab) {
      const { answers } = await lab.resolve("pod/multi-0", "legacy-db", "CNAME");
      must(answers.includes("db.example.com."), answers.join(", ") || "no CNAME");
      const [reply] = await lab.ask("pod/multi-0", "http://legacy-db:5432/");
      must(reply?.kind === "answer", reply?.kind === "failed" ? reply.code : "no answer");
      return "CNAME db.example.com., 5432 answered";
    },
  },
  {
    from: "pod multi-0",
    to: "legacy-api (no selector)",
    must: "the hand-written endpoint outside answers",
    async prove(lab) {
      const [reply] = allAnswered(await lab.ask("pod/multi-0", "http://legacy-api/"));
      const { host, port } = JSON.parse(reply?.body ?? "{}") as { readonly host?: string; readonly port?: number };
      must(host === "db.example.com" && port === 8080, `${host} answered on port ${port}`);
      return `${host} answered on port ${port}`;
    },
  },
  {
    from: "back-end pod",
    to: "multi 80/TCP, 53/UDP",
    must: "both protocols under one name",
    async prove(lab) {
      const [caller] = await readyPods(lab, "type=back-end");
      const [reply] = allAnswered(await lab.ask(placeOf(caller), "http://multi/"));
      const echo = await lab.askUdp(placeOf(caller), "multi", 53, "hello");
      must(
        reply?.pod === "multi-0" && (echo?.includes("multi-0") ?? false),
        `TCP ${reply?.pod}, UDP ${echo ?? "silent"}`,
      );
      return "TCP multi-0, UDP multi-0";
    },
  },
  {
    from: "pod multi-0",
    to: "a Service without pods",
    must: "refused at once, not a time-out",
    async prove(lab) {
      await lab.api.create(resources.services, {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "empty", namespace: lab.namespace },
        spec: { selector: { app: "nobody" }, ports: [{ port: 80 }] },
      });
      const [reply] = await lab.ask("pod/multi-0", "http://empty/", { timeoutMs: 3000 });
      await lab.api.delete(resources.services, lab.namespace, "empty");
      const seen = reply?.kind === "failed" ? `${reply.code} after ${Math.round(reply.ms)} ms` : "an answer";
      must(reply?.kind === "failed" && reply.code === "ECONNREFUSED" && reply.ms < 500, seen);
      return seen;
    },
  },
];
