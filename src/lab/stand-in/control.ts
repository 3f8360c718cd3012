/** How a stand-in behaves at the moment. Shared by all ports of the pod. */
export interface StandInState {
  /** False: readiness probes fail, everything else is answered as before. */
  readonly ready: boolean;
  /** Every answer comes this many milliseconds late. */
  readonly slowMs: number;
  /** True: nothing listens, connections are refused. */
  readonly dead: boolean;
}

export const initialState: StandInState = { ready: true, slowMs: 0, dead: false };

/** Paths under which a stand-in is steered over the wire. */
export const controlPrefix = "/_sealane/";

/** Where a dead stand-in, whose own ports refuse connections, can still be told to live again. */
export const controlPort = 15999;

/** What a control request asks for. */
export type ControlResult =
  | { readonly kind: "state"; readonly state: StandInState; readonly reviveAfterMs?: number }
  | { readonly kind: "refused"; readonly message: string };

const usage = "ready, unready, slow?ms=500, dead, dead?ms=3000, alive or reset";
const maxDelayMs = 3_600_000;

/** The state after `POST /_sealane/<action>`; a GET of any of them only shows it. */
export function control(state: StandInState, method: string, path: string): ControlResult {
  const [action = "", query = ""] = path.slice(controlPrefix.length).split("?");
  if (method === "GET" || method === "HEAD") return { kind: "state", state };
  if (method !== "POST" && method !== "PUT") return { kind: "refused", message: `use POST, not ${method}` };
  const text = /(?:^|&)ms=([0-9]+)(?:&|$)/.exec(query)?.[1];
  const milliseconds = text === undefined ? undefined : Number(text);
  if ((query !== "" && milliseconds === undefined) || (milliseconds ?? 0) > maxDelayMs) {
    return { kind: "refused", message: `the query must be ms=0 to ms=${maxDelayMs}` };
  }
  switch (action) {
    case "ready":
      return { kind: "state", state: { ...state, ready: true } };
    case "unready":
      return { kind: "state", state: { ...state, ready: false } };
    case "slow":
      return { kind: "state", state: { ...state, slowMs: milliseconds ?? 1000 } };
    case "dead":
      return {
        kind: "state",
        state: { ...state, dead: true },
        ...(milliseconds === undefined ? {} : { reviveAfterMs: milliseconds }),
      };
    case "alive":
      return { kind: "state", state: { ...state, dead: false } };
    case "reset":
      return { kind: "state", state: initialState };
    default:
      return { kind: "refused", message: `there is no ${controlPrefix}${action}; there is ${usage}` };
  }
}
