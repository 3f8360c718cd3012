import { mkdirSync, rmSync, writeFileSync } from "node:fs";

/** Where the lab keeps what belongs to places; private to the lab, as all of its /run. */
export const placesFolder = "/run/sealane/places";

/** The files of a place that commands run there see instead of the host's. */
export interface PlaceFiles {
  readonly resolvConf: string;
  readonly hosts: string;
}

/** The folder of a place's files. Outside hosts are named by their DNS name, pods by their namespace's name. */
export function placeFolder(name: string): string {
  return `${placesFolder}/${name}`;
}

/** Writes `/etc/resolv.conf` and `/etc/hosts` as commands at this place shall see them. */
export function writePlaceFiles(name: string, files: PlaceFiles): void {
  const folder = placeFolder(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/resolv.conf`, files.resolvConf);
  writeFileSync(`${folder}/hosts`, files.hosts);
}

/** Forgets a place's files. */
export function removePlaceFiles(name: string): void {
  rmSync(placeFolder(name), { recursive: true, force: true });
}
