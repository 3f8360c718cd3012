import { describe, expect, it } from "vitest";
import type { ConntrackSettings } from "../../proxy/index.ts";
import { conntrackSysctls } from "./conntrack-sysctls.ts";

describe("conntrackSysctls()", () => {
  const day = 86_400_000;
  const rows: readonly (readonly [Partial<ConntrackSettings>, number, Readonly<Record<string, number>>])[] = [
    [{}, 4, {}],
    // kube-proxy's own defaults.
    [{ maxPerCore: 32_768, min: 131_072 }, 2, { max: 131_072 }],
    [{ maxPerCore: 32_768, min: 131_072 }, 8, { max: 262_144 }],
    [{ maxPerCore: 1000 }, 4, { max: 4000 }],
    [{ maxPerCore: 0, min: 131_072 }, 4, {}],
    [{ min: 131_072 }, 4, {}],
    [
      { tcpEstablishedMs: day, tcpCloseWaitMs: 3_600_000 },
      4,
      { tcp_timeout_established: 86_400, tcp_timeout_close_wait: 3600 },
    ],
    [{ udpMs: 30_000, udpStreamMs: 1500 }, 4, { udp_timeout: 30, udp_timeout_stream: 2 }],
    [{ tcpBeLiberal: true }, 4, { tcp_be_liberal: 1 }],
  ];
  it.each(rows)("makes of %j on %d cores %j", (settings, cores, expected) => {
    const named = Object.entries(expected).map(([name, value]) => [`net/netfilter/nf_conntrack_${name}`, value]);
    expect(conntrackSysctls({ tcpBeLiberal: false, ...settings }, cores)).toEqual(Object.fromEntries(named));
  });
});
