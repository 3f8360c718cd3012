/** Transport protocols of Service ports, in Kubernetes' spelling. */
export type Protocol = "TCP" | "UDP" | "SCTP";

/** A transport port, 1 to 65535. */
export type Port = number;

/** Whether `value` is an integer from 1 to 65535. */
export function isPort(value: unknown): value is Port {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535;
}
