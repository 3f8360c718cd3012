export { broadcastMac, decodeArp, encodeArp, etherTypeArp, parseMac } from "./arp/frame.ts";
export type { ArpFrame, MacAddress } from "./arp/frame.ts";
export { certificateToSign, signedCertificate } from "./x509/certificate.ts";
export type { CertificateRequest } from "./x509/certificate.ts";
