import { availableParallelism } from "node:os";
import type { Logger } from "../../core/index.ts";
import { messageOf } from "../../core/index.ts";
import { writeSysctls } from "../../kernel/index.ts";
import type { ConntrackSettings } from "../../proxy/index.ts";

/** The kernel settings that a configuration of connection tracking asks for; none for what it does not say. */
export function conntrackSysctls(settings: ConntrackSettings, cores: number): Readonly<Record<string, number>> {
  const { maxPerCore, min = 0, tcpEstablishedMs, tcpCloseWaitMs, tcpBeLiberal, udpMs, udpStreamMs } = settings;
  // 0 leaves the limit as it is, whatever the minimum says.
  const max = maxPerCore === undefined || maxPerCore === 0 ? undefined : Math.max(min, maxPerCore * cores);
  const wanted: Readonly<Record<string, number | undefined>> = {
    nf_conntrack_max: max,
    nf_conntrack_tcp_timeout_established: seconds(tcpEstablishedMs),
    nf_conntrack_tcp_timeout_close_wait: seconds(tcpCloseWaitMs),
    nf_conntrack_tcp_be_liberal: tcpBeLiberal ? 1 : undefined,
    nf_conntrack_udp_timeout: seconds(udpMs),
    nf_conntrack_udp_timeout_stream: seconds(udpStreamMs),
  };
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [[`net/netfilter/${name}`, value]])),
  );
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
}

/** Writes them; one that may not be written is a warning, as in kube-proxy on a read-only /sys. */
export function writeConntrackSysctls(settings: ConntrackSettings, log: Logger): void {
  for (const [name, value] of Object.entries(conntrackSysctls(settings, availableParallelism()))) {
    try {
      writeSysctls({ [name]: value });
    } catch (error) {
      log.warn("a setting of connection tracking stays as it is", { setting: name, error: messageOf(error) });
    }
  }
}
