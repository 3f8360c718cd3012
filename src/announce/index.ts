export { announcerRank, electAnnouncer, excludeLoadBalancersLabel, mayAnnounce } from "./election.ts";
export type { Candidacy } from "./election.ts";
export { addressesOf, createAnnouncer } from "./announcer.ts";
export type { AddressPort, Announcer, AnnouncerOptions } from "./announcer.ts";
export { createArpSpeaker } from "./arp-speaker.ts";
export type { ArpLink, ArpLinkHandlers, ArpSpeaker, ArpSpeakerOptions } from "./arp-speaker.ts";
