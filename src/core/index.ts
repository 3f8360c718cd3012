export { sameJson } from "./same-json.ts";
export { canonicalJson, fnv1a, spread } from "./hash.ts";
export { maglevTable } from "./maglev.ts";
export { commonDivisor } from "./common-divisor.ts";
export { sha256 } from "./sha256.ts";
export { sipHash24 } from "./siphash.ts";
export { CodedError, hasCode, messageOf } from "./errors.ts";
export {
  cidr,
  cidrAddress,
  cidrBase,
  cidrContains,
  cidrFamily,
  cidrPrefix,
  cidrSize,
  cidrsOfFamily,
  parseCidr,
} from "./cidr.ts";
export type { Cidr } from "./cidr.ts";
export { ip, ipBits, ipFamilies, ipFamily, ipFromBigInt, ipFromBytes, ipToBigInt, ipToBytes, parseIp } from "./ip.ts";
export type { Ip, IpFamily } from "./ip.ts";
export { goDuration, parseGoDuration } from "./go-duration.ts";
export { isPort } from "./port.ts";
export type { Port, Protocol } from "./port.ts";
export { kubernetesVersion, reportedVersion, version } from "./version.ts";
export { ManualClock, pause } from "./clock.ts";
export { oneAtATime } from "./one-at-a-time.ts";
export type { Cancel, Clock } from "./clock.ts";
export { randomNameSuffix, seededRandom } from "./random.ts";
export type { Random } from "./random.ts";
export { silentLogger } from "./logger.ts";
export type { LogFields, Logger } from "./logger.ts";
export { createMetrics, exponentialBuckets, linearBuckets, metricsContentType } from "./metrics.ts";
export type {
  Counter,
  Gauge,
  Histogram,
  LabelValues,
  MetricDescription,
  MetricFamily,
  MetricReading,
  Metrics,
} from "./metrics.ts";
