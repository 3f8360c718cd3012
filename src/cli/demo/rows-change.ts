import { isNodeReady, resources } from "../../objects/index.ts";
import { allAnswered, countBy, countsText, eventually, must, tellStandIn, Unmet } from "./demo-lab.ts";
import type { DemoLab, Reply, Row } from "./demo-lab.ts";
import { placeOf, readyPods } from "./rows-inside.ts";
import { loadBalancerAddress } from "./rows-outside.ts";

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Asks again and again until `enough` holds for the replies of one round; resolves to the milliseconds it took. */
async function timeUntil(
  timeoutMs: number,
  ask: () => Promise<readonly Reply[]>,
  enough: (replies: readonly Reply[]) => boolean,
): Promise<number> {
  const start = performance.now();
  await eventually(timeoutMs, async () => {
    const replies = await ask();
    if (!enough(replies)) throw new Unmet(`still not so after ${seconds(performance.now() - start)}`);
  });
  return performance.now() - start;
}

/** What happens when things change: readiness, roll-outs, the death of a node. */
export const rowsOfChange: readonly Row[] = [
  {
    from: "pod multi-0",
    to: "back-end, a pod unready",
    must: "it leaves within 1 s, and comes back",
    async prove(lab) {
      const [victim] = await readyPods(lab, "type=back-end");
      const name = victim?.metadata.name ?? "";
      const address = victim?.status?.podIP ?? "";
      const ask = () => lab.ask("pod/multi-0", "http://back-end/", { count: 24 });
      await tellStandIn(lab, address, "unready");
      const told = performance.now();
      await eventually(5000, async () => {
        const ready = await readyPods(lab, "type=back-end");
        if (ready.some((pod) => pod.metadata.name === name)) throw new Unmet("still ready");
      });
      await timeUntil(5000, ask, (replies) => allAnswered(replies).every(({ pod }) => pod !== name));
      const left = performance.now() - told;
      await tellStandIn(lab, address, "ready");
      const back = await timeUntil(5000, ask, (replies) => allAnswered(replies).some(({ pod }) => pod === name));
      must(left <= 1000, `it left after ${seconds(left)}`);
      return `left after ${seconds(left)}, back after ${seconds(back)}`;
    },
  },
  {
    from: "client, pod multi-0",
    to: "shop, back-end in roll-out",
    must: "a rolling restart loses no request",
    async prove(lab) {
      const address = await loadBalancerAddress(lab, "shop");
      const before = new Set((await readyPods(lab, "type=back-end")).map(({ metadata }) => metadata.name));
      await lab.api.patch(resources.deployments, lab.namespace, "back-end", {
        type: "strategic",
        body: {
          spec: {
            template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() } } },
          },
        },
      });
      const replies: Reply[] = [];
      let rolledOut = false;
      const deadline = performance.now() + 30_000;
      while (!rolledOut && performance.now() < deadline) {
        replies.push(...(await lab.ask("client", `http://${address}/`, { count: 4 })));
        replies.push(...(await lab.ask("pod/multi-0", "http://back-end/", { count: 4 })));
        const pods = await lab.api.list(resources.pods, { namespace: lab.namespace, labelSelector: "type=back-end" });
        const names = pods.items.map(({ metadata }) => metadata.name);
        rolledOut =
          names.length === 3 &&
          names.every((name) => !before.has(name)) &&
          (await readyPods(lab, "type=back-end")).length === 3;
      }
      const failed = replies.filter((reply) => reply.kind === "failed" || reply.status !== 200);
      must(rolledOut, "the roll-out did not end within 30 s");
      must(
        failed.length === 0,
        `${failed.length} of ${replies.length} failed: ${countsText(countBy(failed, (reply) => (reply.kind === "failed" ? reply.code : String(reply.status))))}`,
      );
      return `3 new pods, ${replies.length} requests, 0 failed`;
    },
  },
  {
    from: "client",
    to: "shop-any, its node dies",
    must: "the LoadBalancer address moves and answers again",
    async prove(lab) {
      const address = await loadBalancerAddress(lab, "shop-any");
      const ask = () => lab.ask("client", `http://${address}/`, { count: 5, timeoutMs: 500 });
      allAnswered(await ask());
      const owner = await announcer(lab, "shop-any");
      await lab.stopNode(owner);
      const down = performance.now();
      try {
        await timeUntil(20_000, ask, (replies) =>
          replies.every((reply) => reply.kind === "answer" && reply.status === 200),
        );
        const resumed = performance.now() - down;
        return `${owner} died; answers again after ${seconds(resumed)}`;
      } finally {
        await lab.startNode(owner);
      }
    },
  },
  {
    from: "client",
    to: "the node that died",
    must: "it comes back: Ready, and its port 30080 answers",
    async prove(lab) {
      const start = performance.now();
      await eventually(15_000, async () => {
        const { items } = await lab.api.list(resources.nodes);
        const missing = items.find((node) => !isNodeReady(node));
        if (missing !== undefined) throw new Unmet(`${missing.metadata.name} is not Ready`);
        for (const { name, address } of lab.nodes) {
          const [reply] = await lab.ask("client", `http://${address}:30080/`, { timeoutMs: 500 });
          if (reply?.kind !== "answer") throw new Unmet(`${name} does not answer`);
        }
        const back = await readyPods(lab, "type=back-end");
        if (back.length < 3) throw new Unmet(`${back.length} of 3 pods ready`);
        allAnswered(await lab.ask(placeOf(back[0]), "http://back-end/", { count: 6, timeoutMs: 500 }));
      });
      return `${lab.nodes.length} nodes Ready after ${seconds(performance.now() - start)}`;
    },
  },
];

/** The node that announces a LoadBalancer Service's address, from the Service's last nodeAssigned event. */
async function announcer(lab: DemoLab, service: string): Promise<string> {
  const { items } = await lab.api.list(resources.events, {
    namespace: lab.namespace,
    fieldSelector: `involvedObject.name=${service},reason=nodeAssigned`,
  });
  const last = [...items]
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .at(-1);
  const node = /node "([^"]+)"/.exec(last?.message ?? "")?.[1];
  if (node === undefined) throw new Unmet("no node announces it");
  return node;
}
