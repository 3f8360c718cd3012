import { arch, release } from "node:os";
import type { NodeDescription } from "../controllers/index.ts";

/** What the lab's nodes say of themselves; architecture and kernel are the host's. */
export function nodeDescription(node: {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly podCidr: string;
}): NodeDescription {
  const goNames: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return {
    name: node.name,
    zone: node.zone,
    addresses: [node.address],
    podCIDRs: [node.podCidr],
    architecture: goNames[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: "sealane lab",
  };
}
