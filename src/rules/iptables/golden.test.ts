import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { IptablesBook } from "./iptables-book.ts";
import type { IptablesBookOptions } from "./iptables-book.ts";
import { scriptText } from "../../../test/support/iptables-script.ts";

const usual = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("fd00:244::/64")] },
  localhostNodePorts: true,
});
/** All that is not usual. */
const unusual = nodeNetwork({
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("10.245.1.0/24")] },
  masqueradeBit: 20,
  nodePortAddresses: [cidr("192.168.100.0/24"), cidr("fd00:64::/64")],
});

function bookWith(network: NodeNetwork, options: IptablesBookOptions = {}): IptablesBook {
  const book = new IptablesBook(options);
  book.setNetwork(network);
  for (const [service, plans] of goldenPlans) book.want(service, plans);
  return book;
}

// Each of these files is given to both variants of the real tool in golden.kernel.test.ts.
describe("IptablesBook.full()", () => {
  it("writes everything that the rules can say", async () => {
    await expect(scriptText(bookWith(usual).full().script)).toMatchFileSnapshot("testdata/everything.rules");
  });

  it("writes other rules for a network that is not usual", async () => {
    const book = bookWith(unusual, { tcpBeLiberal: true });
    await expect(scriptText(book.full().script)).toMatchFileSnapshot("testdata/unusual.rules");
  });

  it("tells local traffic by links", async () => {
    const book = bookWith(
      nodeNetwork({ localTraffic: { kind: "interface-prefix", prefix: "veth" }, masqueradeAll: false }),
    );
    await expect(scriptText(book.full().script)).toMatchFileSnapshot("testdata/links.rules");
  });

  it("gives the same bytes for the same input", () => {
    expect(scriptText(bookWith(usual).full().script)).toBe(scriptText(bookWith(usual).full().script));
  });
});
