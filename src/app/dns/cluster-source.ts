import type { ClusterDnsSource, DnsConfiguration } from "../../dns/index.ts";

/** Which cluster the names of a configuration come from. */
export interface ClusterSource {
  /**
   * Undefined when no block is about a cluster. Reads the files that say where it is and who asks. Rejects with `CodedError` when they
   * cannot be used.
   */
  choose(configuration: DnsConfiguration): Promise<ClusterChoice | undefined>;
}

/** A cluster that can be followed. */
export interface ClusterChoice {
  /** The same for the same API and the same credentials. */
  readonly identity: string;
  follow(): Promise<FollowedCluster>;
}

/** A cluster whose objects are watched when names need them. */
export interface FollowedCluster {
  readonly caches: ClusterDnsSource;
  /** Why objects do not arrive; undefined when nothing is known against it. */
  problem(): string | undefined;
  /** Told when many objects begin to arrive; `names` resolves when all are there. */
  loading(names: Promise<void>): void;
  /** Ends the watches. What was read stays as it is. */
  close(): void;
}

/** One cluster for every configuration, whose caches are somebody else's. */
export function givenCluster(caches: ClusterDnsSource): ClusterSource {
  const cluster: FollowedCluster = {
    caches,
    problem: () => undefined,
    loading: () => undefined,
    close: () => undefined,
  };
  return { choose: () => Promise.resolve({ identity: "given", follow: () => Promise.resolve(cluster) }) };
}
