import { dnsName, prependLabels, recordTypes, writeRecordData } from "../../codec/index.ts";
import { ipToBytes, parseIp } from "../../core/index.ts";
import { positive, records } from "../resolver.ts";
import type { Reply, Request, Resolve } from "../resolver.ts";
import type { Layer } from "./layer.ts";

const text = new TextEncoder();
const obsolete = [Uint8Array.from([...labelled("ANY obsoleted"), ...labelled("See RFC 8482")])];

/** RFC 8482: who asks for everything gets one record that says why not. */
export const anyLayer: Layer = (next) => (request) =>
  request.type === recordTypes.ANY
    ? { ...positive([records(0, recordTypes.HINFO, 8482, obsolete)]), plugin: "any" }
    : next(request);

/** Tells clients who they are: their address, and their port as an SRV record, in the additional section. */
export const whoami: Resolve = (request) => ({ ...positive([], whoIs(request)), plugin: "whoami" });

function whoIs({ client, transport, name }: Request): Reply["additional"] {
  const address = parseIp(client?.address ?? "");
  if (client === undefined || address === undefined) return [];
  const bytes = ipToBytes(address);
  const type = bytes.length === 4 ? recordTypes.A : recordTypes.AAAA;
  const owner = name.length < 240 ? prependLabels([`_${transport}`], name) : 0;
  const target = dnsName(".");
  return [
    records(0, type, 0, [bytes]),
    records(owner, recordTypes.SRV, 0, [
      writeRecordData({ kind: "SRV", priority: 0, weight: 0, port: client.port, target }),
    ]),
  ];
}

function labelled(words: string): readonly number[] {
  return [words.length, ...text.encode(words)];
}
