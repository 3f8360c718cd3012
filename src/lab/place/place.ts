import { existsSync } from "node:fs";
import { CodedError } from "../../core/index.ts";
import type { Pod } from "../../objects/index.ts";
import { podPlaceName } from "../pod/network.ts";
import { placeFolder } from "./files.ts";

/** A place in the lab's network from which commands can be run and connections made. Paths are the lab's. */
export interface Place {
  /** As people write it: `client`, `node/node-1`, `pod/web-0`. */
  readonly text: string;
  /** Path of the network namespace, inside the lab. */
  readonly namespace: string;
  /** Folder with the place's resolv.conf and hosts, inside the lab. */
  readonly files: string;
  readonly hostname: string;
}

/** Finds a pod by name; undefined when there is none. */
export type PodLookup = (namespace: string, name: string) => Pod | undefined | Promise<Pod | undefined>;

const usage = 'a place is "client", "router", "node/N" or "pod/NAME"';

/**
 * Reads a place: `client`, `router`, `node/2`, `node/node-2`, `pod/NAME` (or `pods/NAME`) in `namespace`. Meant for the
 * supervisor, which sees the lab's namespaces; elsewhere `exists` must say whether there is one at a path.
 * Throws `CodedError` code `Place` when there is no such place.
 */
export async function resolvePlace(
  text: string,
  namespace: string,
  findPod: PodLookup,
  exists: (path: string) => boolean = existsSync,
): Promise<Place> {
  const place = await readPlace(text, namespace, findPod);
  if (!exists(place.namespace)) {
    throw new CodedError("Place", `There is no ${text} in this lab: "sealane status" shows its nodes`);
  }
  return place;
}

async function readPlace(text: string, namespace: string, findPod: PodLookup): Promise<Place> {
  const [kind = "", name, ...rest] = text.split("/");
  if (rest.length > 0) throw new CodedError("Place", `There is no place ${JSON.stringify(text)}: ${usage}`);
  if (name === undefined && (kind === "client" || kind === "router")) return machinePlace(text, kind);
  if (name !== undefined && ["node", "nodes", "no"].includes(kind) && /^(node-)?[1-9][0-9]?$/.test(name)) {
    return machinePlace(text, name.startsWith("node-") ? name : `node-${name}`);
  }
  if (name !== undefined && name !== "" && ["pod", "pods", "po"].includes(kind)) {
    const pod = await findPod(namespace, name);
    if (pod === undefined) {
      const hint = '"kubectl get pods -A" shows all';
      throw new CodedError("Place", `There is no pod ${name} in namespace ${namespace}: ${hint}`);
    }
    return podPlace(text, pod);
  }
  throw new CodedError("Place", `There is no place ${JSON.stringify(text)}: ${usage}`);
}

function machinePlace(text: string, machine: string): Place {
  return { text, namespace: `/run/netns/${machine}`, files: placeFolder(machine), hostname: machine };
}

function podPlace(text: string, pod: Pod): Place {
  const { nodeName, hostNetwork = false, hostname } = pod.spec;
  if (nodeName === undefined || pod.status?.podIP === undefined) {
    throw new CodedError("Place", `Pod ${pod.metadata.name} does not run yet: "kubectl describe pod" says why`);
  }
  const place = podPlaceName(pod);
  return {
    text,
    namespace: `/run/netns/${hostNetwork ? nodeName : place}`,
    files: placeFolder(place),
    hostname: hostNetwork ? nodeName : (hostname ?? pod.metadata.name),
  };
}
