import { resources } from "../../objects/index.ts";
import { allAnswered, countBy, countsText, eventually, must, Unmet } from "./demo-lab.ts";
import type { Answer, DemoLab, Row } from "./demo-lab.ts";

/** The address that a LoadBalancer Service was given. */
export async function loadBalancerAddress(lab: DemoLab, name: string): Promise<string> {
  const service = await lab.api.get(resources.services, lab.namespace, name);
  const address = service.status?.loadBalancer?.ingress?.[0]?.ip;
  if (address === undefined) throw new Unmet(`${name} has no address`);
  return address;
}

async function ingressAddress(lab: DemoLab): Promise<string> {
  const ingress = await lab.api.get(resources.ingresses, lab.namespace, "front");
  const address = ingress.status?.loadBalancer?.ingress?.[0]?.ip;
  if (address === undefined) throw new Unmet("the Ingress has no address");
  return address;
}

async function askIngress(lab: DemoLab, host: string, path: string): Promise<Answer | undefined> {
  const url = `http://${await ingressAddress(lab)}${path}`;
  return allAnswered(await lab.ask("client", url, { headers: { host } }))[0];
}

/** Traffic from the client outside: node ports, LoadBalancer addresses, Ingress. */
export const rowsOutside: readonly Row[] = [
  {
    from: "client",
    to: "web, port 30080",
    must: "every node answers; the pod sees a node, not the client (Cluster)",
    async prove(lab) {
      const seen: Answer[] = [];
      for (const { address, name } of lab.nodes) {
        const replies = allAnswered(await lab.ask("client", `http://${address}:30080/`, { count: 6 }));
        must(
          replies.every(({ client }) => client !== lab.clientAddress),
          `${name}: a pod saw the client's own address`,
        );
        seen.push(...replies);
      }
      return `${lab.nodes.length} nodes answered; seen as ${[...countBy(seen, ({ client }) => client).keys()].sort().join(", ")}`;
    },
  },
  {
    from: "client",
    to: "shop (LoadBalancer, Local)",
    must: "the pod sees the client's own address",
    async prove(lab) {
      const address = await loadBalancerAddress(lab, "shop");
      const replies = allAnswered(await lab.ask("client", `http://${address}/`, { count: 12 }));
      const clients = countBy(replies, ({ client }) => client);
      must(clients.size === 1 && clients.has(lab.clientAddress), `seen as ${countsText(clients)}`);
      return `${address}: ${lab.clientAddress} in 12 of 12`;
    },
  },
  {
    from: "client, pod multi-0",
    to: "shop-lan-only (ranges)",
    must: "the LAN gets through, a pod's address does not",
    async prove(lab) {
      const url = `http://${await loadBalancerAddress(lab, "shop-lan-only")}/`;
      const inside = allAnswered(await lab.ask("client", url, { count: 3 }));
      const [outside] = await lab.ask("pod/multi-0", url, { timeoutMs: 400 });
      must(outside?.kind === "failed" && outside.code === "ETIMEDOUT", "the pod was not dropped");
      return `client ${inside.length} of 3, pod dropped`;
    },
  },
  {
    from: "client",
    to: "shop's health check port",
    must: "200 where a pod is ready, 503 elsewhere",
    async prove(lab) {
      const service = await lab.api.get(resources.services, lab.namespace, "shop");
      const { items } = await lab.api.list(resources.pods, {
        namespace: lab.namespace,
        labelSelector: "type=back-end",
      });
      const seen: string[] = [];
      for (const { name, address } of lab.nodes) {
        const [reply] = await lab.ask("client", `http://${address}:${service.spec.healthCheckNodePort}/healthz`);
        const status = reply?.kind === "answer" ? reply.status : 0;
        const local = items.some((pod) => pod.spec.nodeName === name);
        must(status === (local ? 200 : 503), `${name} ${status}`);
        seen.push(`${name} ${status}`);
      }
      return seen.join(", ");
    },
  },
  {
    from: "client",
    to: "Ingress front, two hosts",
    must: "host and path choose the application",
    async prove(lab) {
      const routes = [
        ["shop.example.com", "/", "back-end"],
        ["shop.example.com", "/api/v1", "multi"],
        ["admin.example.com", "/", "multi"],
        ["unknown.example.com", "/", "back-end"],
      ] as const;
      for (const [host, path, wanted] of routes) {
        await eventually(2000, async () => {
          const answer = await askIngress(lab, host, path);
          must(answer?.pod.startsWith(wanted) ?? false, `${host}${path} -> ${answer?.pod}`);
        });
      }
      return `${await ingressAddress(lab)}: shop / back-end, /api multi, admin multi, else back-end`;
    },
  },
  {
    from: "client",
    to: "Ingress front",
    must: "X-Forwarded-For has the client's address",
    async prove(lab) {
      const answer = await askIngress(lab, "shop.example.com", "/");
      const forwarded = answer?.headers["x-forwarded-for"] ?? "";
      must(forwarded === lab.clientAddress, `X-Forwarded-For: ${forwarded || "absent"}`);
      return `X-Forwarded-For: ${forwarded}`;
    },
  },
];
