/** A place and a request from it, as other commands send them to the supervisor. */
export interface HttpProbe {
  /** `client`, `router`, `node/NAME` or `pod/NAME`. */
  readonly from: string;
  /** Namespace of a pod place. */
  readonly namespace: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many requests, one after the other, each on its own connection. */
  readonly count: number;
  readonly timeoutMs: number;
}

export type HttpProbeResult =
  | { readonly kind: "answer"; readonly status: number; readonly body: string; readonly ms: number }
  | { readonly kind: "failed"; readonly code: string; readonly ms: number };

export interface UdpProbe {
  readonly from: string;
  readonly namespace: string;
  readonly host: string;
  readonly port: number;
  readonly text: string;
  readonly timeoutMs: number;
}

export interface DnsProbe {
  readonly from: string;
  readonly namespace: string;
  readonly name: string;
  readonly type: "A" | "SRV" | "CNAME" | "PTR";
  readonly timeoutMs: number;
}

export interface DnsProbeResult {
  /** `NOERROR`, `NXDOMAIN`, ... of the last question asked. */
  readonly rcode: string;
  /** Record data as in a zone file, without owner and TTL. */
  readonly answers: readonly string[];
}
