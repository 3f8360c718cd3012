import { networkInterfaces } from "node:os";
import { CodedError, parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";

/**
 * The addresses of this network namespace, those of one interface when its name is given. Link-local IPv6 addresses are
 * left out: they mean nothing without an interface.
 */
export function ownAddresses(name?: string): readonly Ip[] {
  const all = networkInterfaces();
  const lists = name === undefined ? Object.values(all) : [all[name]];
  return lists
    .flatMap((list) => list ?? [])
    .map(({ address }) => parseIp(address))
    .filter((address) => address !== undefined)
    .filter((address) => !address.startsWith("fe80:"));
}

/**
 * Where `bind` wants to listen: an address itself, an interface's addresses, every address when there is no `bind`. One
 * socket for each, so that answers come from the address that was asked. Throws `CodedError` code `NoSuchInterface`.
 */
export function listenAddresses(host: string | undefined, except: readonly string[]): readonly string[] {
  const chosen = host === undefined ? ownAddresses() : parseIp(host) === undefined ? ownAddresses(host) : [host];
  const out = new Set<string>(
    except.flatMap((one): readonly string[] => (parseIp(one) === undefined ? ownAddresses(one) : [one])),
  );
  const left = chosen.filter((address) => !out.has(address));
  if (left.length === 0) {
    const what =
      host === undefined
        ? "no address is left to listen on"
        : `bind ${host}: there is no such interface with an address`;
    throw new CodedError("NoSuchInterface", `${what}; "ip addr" shows what there is`);
  }
  return left;
}
