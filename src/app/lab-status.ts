import type { ProxySettings } from "../proxy/index.ts";
import type { Waiting } from "./readiness.ts";

/** A running lab in one value: `sealane status -o json` prints it as it is. */
export interface LabStatus {
  readonly name: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly startedAt: string;
  readonly nodes: readonly NodeSummary[];
  readonly services: readonly ServiceSummary[];
  readonly ingresses: readonly IngressSummary[];
  readonly pods: PodsSummary;
  readonly outsideHosts: readonly { readonly name: string; readonly address: string }[];
  /** Objects that were stored, but that nothing acts on: `job.batch/NAS/NAME`. */
  readonly storedOnly: readonly string[];
  readonly notReady: readonly Waiting[];
  /** Services that are served otherwise than they or their pods ask for, and how; without nodes when it is so on all of them. */
  readonly limitations: readonly {
    readonly service: string;
    readonly reason: string;
    readonly nodes: readonly string[];
  }[];
  readonly serviceCidr: string;
  /** How the nodes' proxies are set up, their modes aside. */
  readonly proxy: ProxySettings;
  readonly addresses: { readonly client: string; readonly router: string; readonly pool: string };
}

export interface NodeSummary {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly podCidr: string;
  readonly ready: boolean;
  readonly pods: number;
  /** The mode of its proxy; undefined when its agent does not answer. */
  readonly proxyMode: string | undefined;
}

export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly clusterIP: string;
  readonly external: string;
  readonly ports: string;
  /** Ready endpoint addresses; undefined where there can be none (ExternalName). */
  readonly ready: number | undefined;
}

export interface IngressSummary {
  readonly namespace: string;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly address: string;
}

export interface PodsSummary {
  readonly total: number;
  readonly ready: number;
  /** Pods that are stand-ins for their images. */
  readonly standIns: number;
}
