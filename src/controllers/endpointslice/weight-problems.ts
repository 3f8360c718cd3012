import { isPodFinished, matchesLabels, objectKey } from "../../objects/index.ts";
import type { Pod, Service } from "../../objects/index.ts";
import { hasSelector } from "../service-pods.ts";
import { podWeight } from "./pod-weight.ts";

/** So many are named; the rest is counted. */
const mostNamed = 3;

/** What is wrong with the weights of a Service's pods, in one text; empty for none. */
export function weightProblemText(problems: readonly string[]): string {
  const named = problems.slice(0, mostNamed).join("; ");
  return problems.length > mostNamed ? `${named}; and ${problems.length - mostNamed} more` : named;
}

/** The Services with pods whose weights are not as they say, by key, with what their Events `InvalidWeight` say. */
export function weightProblems(
  services: readonly Service[],
  pods: readonly Pod[],
): readonly { readonly service: string; readonly reason: string }[] {
  const wrong = pods.flatMap((pod) => {
    const { problem } = podWeight(pod);
    return problem === undefined || isPodFinished(pod) ? [] : [{ pod, problem }];
  });
  if (wrong.length === 0) return [];
  return services.filter(hasSelector).flatMap((service) => {
    const { spec, metadata } = service;
    const problems = wrong
      .filter(({ pod }) => pod.metadata.namespace === metadata.namespace)
      .filter(({ pod }) => matchesLabels(spec.selector ?? {}, pod.metadata.labels))
      .map(({ problem }) => problem);
    return problems.length === 0 ? [] : [{ service: objectKey(service), reason: weightProblemText(problems) }];
  });
}
