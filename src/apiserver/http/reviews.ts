import { badRequest, methodNotAllowed } from "../errors.ts";
import { readBody } from "./body.ts";
import { sendJson } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** A kind that is answered at once and never stored. */
export interface ReviewKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly status: (spec: Readonly<Record<string, unknown>>) => unknown;
}

const user = { username: "sealane:admin", groups: ["system:masters", "system:authenticated"] };
const everything = {
  resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  incomplete: false,
};
const allowed = { allowed: true };

function review(group: string, kind: string, namespaced: boolean, status: ReviewKind["status"]): ReviewKind {
  return { group, version: "v1", kind, plural: `${kind.toLowerCase()}s`, namespaced, status };
}

/** There is one user, who may do everything. */
export const reviewKinds: readonly ReviewKind[] = [
  review("authorization.k8s.io", "SelfSubjectAccessReview", false, () => allowed),
  review("authorization.k8s.io", "SelfSubjectRulesReview", false, () => everything),
  review("authorization.k8s.io", "SubjectAccessReview", false, () => allowed),
  review("authorization.k8s.io", "LocalSubjectAccessReview", true, () => allowed),
  review("authentication.k8s.io", "SelfSubjectReview", false, () => ({ userInfo: user })),
];

export function findReview(group: string, version: string, plural: string): ReviewKind | undefined {
  return reviewKinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural);
}

/** Answers a review with its own body and the verdict. */
export async function serveReview(kind: ReviewKind, exchange: Exchange): Promise<void> {
  if (exchange.method !== "POST") throw methodNotAllowed();
  const { value } = await readBody(exchange);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(`The body of a ${kind.kind} must be an object`);
  }
  const body: Readonly<Record<string, unknown>> = { ...value };
  const spec = typeof body.spec === "object" && body.spec !== null ? { ...body.spec } : {};
  sendJson(exchange, 201, {
    kind: kind.kind,
    apiVersion: `${kind.group}/${kind.version}`,
    metadata: { creationTimestamp: null },
    spec,
    status: kind.status(spec),
  });
}
