import { dnsName, recordTypes, writeRecordData } from "../../../src/codec/index.ts";
import type { RecordData, ResourceRecord } from "../../../src/codec/index.ts";
import { ip } from "../../../src/core/index.ts";

/** A record as zone files write it: `web.example.org 300 A 192.0.2.1`. */
export function record(text: string): ResourceRecord {
  const [name = "", ttl = "", type = "", ...data] = text.split(" ");
  const rdata = writeRecordData(dataOf(type, data));
  return { name: dnsName(name), type: typeNumber(type), class: 1, ttl: Number(ttl), rdata };
}

export function recordsOf(...texts: readonly string[]): readonly ResourceRecord[] {
  return texts.map(record);
}

function typeNumber(text: string): number {
  const found = Object.entries(recordTypes).find(([name]) => name === text);
  if (found === undefined) throw new TypeError(`${text} is no type of record that tests know`);
  return found[1];
}

function dataOf(type: string, data: readonly string[]): RecordData {
  const [first = "", second = ""] = data;
  const number = (at: number) => Number(data[at]);
  switch (type) {
    case "A":
    case "AAAA":
      return { kind: type, address: ip(first) };
    case "NS":
    case "CNAME":
    case "PTR":
      return { kind: type, target: dnsName(first) };
    case "MX":
      return { kind: "MX", preference: number(0), target: dnsName(second) };
    case "SRV":
      return { kind: "SRV", priority: number(0), weight: number(1), port: number(2), target: dnsName(data[3] ?? "") };
    case "SOA":
      return {
        kind: "SOA",
        mname: dnsName(first),
        rname: dnsName(second),
        serial: number(2),
        refresh: number(3),
        retry: number(4),
        expire: number(5),
        minimum: number(6),
      };
    case "RRSIG":
      return { kind: "other", type: recordTypes.RRSIG, rdata: signature(first, second, data[2] ?? "") };
    default:
      throw new TypeError(`Tests cannot write data of ${type}`);
  }
}

/** `RRSIG MX 2017-05-21 example.org`: what is signed, until when, and by whom. The signature itself is three bytes. */
function signature(covered: string, until: string, signer: string): Uint8Array {
  const name = dnsName(signer);
  const rdata = new Uint8Array(18 + name.length + 3);
  const view = new DataView(rdata.buffer);
  const seconds = Date.parse(until) / 1000;
  view.setUint16(0, typeNumber(covered));
  view.setUint8(2, 8);
  view.setUint8(3, 2);
  view.setUint32(4, 1800);
  view.setUint32(8, seconds);
  view.setUint32(12, seconds - 30 * 86_400);
  view.setUint16(16, 12_051);
  rdata.set(name, 18);
  rdata.fill(7, 18 + name.length);
  return rdata;
}
