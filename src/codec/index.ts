export { broadcastMac, decodeArp, encodeArp, etherTypeArp, parseMac } from "./arp/frame.ts";
export type { ArpFrame, MacAddress } from "./arp/frame.ts";
export { certificateToSign, signedCertificate } from "./x509/certificate.ts";
export type { CertificateRequest } from "./x509/certificate.ts";
export { decodeMessage } from "./dns/decode.ts";
export { ednsBytes, encodeMessage, writeEdns } from "./dns/encode.ts";
export { headerBits } from "./dns/message.ts";
export type { Edns, EdnsOption, Malformed, Message, Question, ResourceRecord } from "./dns/message.ts";
export {
  dnsName,
  formatName,
  joinedName,
  labelIs,
  labelText,
  lowerByte,
  nameFrom,
  nameKey,
  parseName,
  prependLabels,
  rootName,
  sameName,
  zoneOffset,
} from "./dns/name.ts";
export type { DnsName } from "./dns/name.ts";
export { decodeQuery } from "./dns/query.ts";
export { queryMessage } from "./dns/query-message.ts";
export type { IgnoredQuery, Query, RejectedQuery } from "./dns/query.ts";
export { formatRecord, formatRecordData, readRecordData, writeRecordData } from "./dns/record-data.ts";
export type { RecordData, Soa } from "./dns/record-data.ts";
export {
  dnsClasses,
  ednsOptions,
  opcodes,
  recordTypeName,
  recordTypes,
  responseCodeName,
  responseCodes,
} from "./dns/registry.ts";
export { MessageWriter, maxMessageBytes } from "./dns/writer.ts";
export { readProtobuf } from "./protobuf/wire.ts";
export type { WireField } from "./protobuf/wire.ts";
