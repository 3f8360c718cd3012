export { broadcastMac, decodeArp, encodeArp, etherTypeArp, parseMac } from "./arp/frame.ts";
export type { ArpFrame, MacAddress } from "./arp/frame.ts";
