import { findKind } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";
import { resources } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { badRequest, conflict, methodNotAllowed, noSuchResource, notImplemented } from "../errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { readBody } from "./body.ts";
import { deleteRequestOf } from "./delete-requests.ts";
import { sendJson, success } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { writeOptions } from "./object-requests.ts";
import type { ObjectTarget } from "./route.ts";

const missing: Readonly<Record<string, string>> = {
  log: "Sealane has no logs for stand-ins yet; what a stand-in saw is in its answers (sealane exec client -- curl ...)",
  exec: "Sealane cannot run commands through the API yet; use: sealane exec pod/NAME -n NAMESPACE -- COMMAND",
  attach: "Sealane cannot attach to pods: stand-ins have no terminal",
  portforward: "Sealane has no port-forward through the API yet; use: sealane forward svc/NAME",
  proxy: "Sealane has no proxy through the API yet; use: sealane forward svc/NAME",
  ephemeralcontainers: "Sealane has no ephemeral containers: pods are stand-ins",
  resize: "Sealane does not resize pods: stand-ins use no resources of their own",
};

/** What the API of upstream offers for running objects and this server does not: a clear 501. */
export function missingFeature({ group, plural, subresource = "" }: ObjectTarget): string | undefined {
  const running =
    group === "" && (plural === "pods" || (["services", "nodes"].includes(plural) && subresource === "proxy"));
  return running ? missing[subresource] : undefined;
}

/** Answers the subresources of pods that are requests rather than parts: `eviction` and `binding`. */
export async function servePodRequest(pipeline: Pipeline, target: ObjectTarget, exchange: Exchange): Promise<boolean> {
  const unavailable = missingFeature(target);
  if (unavailable !== undefined) throw notImplemented(unavailable);
  const { group, plural, namespace, name, subresource } = target;
  if (group !== "" || plural !== "pods" || (subresource !== "eviction" && subresource !== "binding")) return false;
  const pods = findKind("", "v1", "pods");
  if (pods === undefined || namespace === undefined || name === undefined) throw noSuchResource();
  if (exchange.method !== "POST") throw methodNotAllowed();
  const body = fieldsOf((await readBody(exchange)).value);
  if (subresource === "binding") bind(pipeline, pods, namespace, name, body, exchange);
  else {
    const request = deleteRequestOf(fieldsOf(body.deleteOptions), exchange);
    pipeline.delete(pods, namespace, name, request);
  }
  await pipeline.durable();
  sendJson(exchange, 201, { ...success(undefined), code: 201 });
  return true;
}

function bind(
  pipeline: Pipeline,
  pods: Kind,
  namespace: string,
  name: string,
  body: Readonly<Record<string, unknown>>,
  exchange: Exchange,
): void {
  const { name: nodeName } = fieldsOf(body.target);
  if (typeof nodeName !== "string" || nodeName === "") throw badRequest("target.name: Required value");
  const pod = pipeline.get(pods, namespace, name) as Pod;
  const { nodeName: present = "" } = pod.spec;
  if (present !== "") throw conflict(resources.pods, name, `pod ${name} is already assigned to node "${present}"`);
  const bound: Pod = { ...pod, spec: { ...pod.spec, nodeName } };
  pipeline.update(pods, namespace, name, bound, undefined, writeOptions(exchange));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
