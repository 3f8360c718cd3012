import { once } from "node:events";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdentity } from "../../apiserver/index.ts";
import { createStaticZone } from "../../dns/index.ts";
import { listenDns, systemClock } from "../../net/index.ts";
import { DnsWorkplace, connectTls, freePort } from "../../../test/dns/served-dns.ts";
import type { TlsClient } from "../../../test/dns/served-dns.ts";

const identities = [1, 2, 3].map(() => createIdentity(1_790_000_000_000));
const [first, second, third] = identities as [(typeof identities)[0], (typeof identities)[0], (typeof identities)[0]];
const shown = ({ certificatePem }: { readonly certificatePem: string }) =>
  new X509Certificate(certificatePem).fingerprint256;

let work: DnsWorkplace;
beforeEach(() => {
  work = new DnsWorkplace();
});
afterEach(() => work.end());

const hosts = "hosts {\n 192.0.2.7 seven.test\n }";
const name = "seven.test";

async function tlsClient(port: number): Promise<TlsClient> {
  const client = await connectTls(port);
  work.atEnd(() => client.socket.destroy());
  return client;
}

/** DNS over TLS with the first certificate, and what writes another one. */
async function served() {
  const port = await freePort();
  const certificate = work.file("tls.crt", first.certificatePem);
  const key = work.file("tls.key", first.keyPem);
  const corefile = `tls://.:${port} {\n tls ${certificate} ${key}\n reload 2s 1s\n ${hosts}\n}\n`;
  const dns = await work.serve(corefile);
  const replace = ({ certificatePem, keyPem }: { readonly certificatePem: string; readonly keyPem: string }) => {
    work.file("tls.crt", certificatePem);
    work.file("tls.key", keyPem);
  };
  const failed = () => /^coredns_reload_failed_total ([0-9]+)$/m.exec(dns.metrics.expose())?.[1];
  return { ...dns, port, certificate, key, replace, failed };
}

describe("a certificate that is replaced on the disk", () => {
  it("is shown to new clients, while the connections of others go on", async () => {
    const { service, port, replace } = await served();
    const before = await tlsClient(port);
    expect(before.fingerprint).toBe(shown(first));
    expect(await service.reload()).toBe("unchanged");
    replace(second);
    expect(await service.reload()).toBe("reloaded");
    const after = await tlsClient(port);
    expect(after.fingerprint).toBe(shown(second));
    expect(await after.ask(name)).toBe("192.0.2.7");
    expect(await before.ask(name)).toBe("192.0.2.7");
    expect(await service.reload()).toBe("unchanged");
  });

  it("is noticed by the periodic look", async () => {
    const { clock, port, replace, logged } = await served();
    replace(second);
    clock.advance(3000);
    await expect.poll(() => logged.join("\n")).toContain("DNS configuration reloaded");
    const client = await tlsClient(port);
    expect(client.fingerprint).toBe(shown(second));
    expect(await client.ask(name)).toBe("192.0.2.7");
  });

  it("loses no client and no question, however often it changes", async () => {
    const { service, port, replace } = await served();
    const end = new AbortController();
    const seen = new Set<string>();
    const answers = new Set<string>();
    const asking = (async () => {
      while (!end.signal.aborted) {
        const { socket, fingerprint, ask } = await tlsClient(port);
        seen.add(fingerprint);
        answers.add(await ask(name));
        socket.destroy();
      }
    })();
    for (const identity of [second, third, first, second]) {
      replace(identity);
      expect(await service.reload()).toBe("reloaded");
      await expect.poll(() => seen.has(shown(identity))).toBe(true);
    }
    end.abort();
    await asking;
    expect([...answers]).toEqual(["192.0.2.7"]);
  });

  it("is not used before its key is there, and the former one goes on", async () => {
    const { service, port, certificate, key, failed, logged, write } = await served();
    work.file("tls.crt", second.certificatePem);
    expect(await service.reload()).toBe("failed");
    expect(await service.reload()).toBe("failed");
    expect(failed()).toBe("2");
    // Once for each content, not for each look.
    expect(logged.filter((line) => line.includes("not used"))).toEqual([
      expect.stringMatching(`:2: tls: ${certificate} and ${key} cannot be used together \\(.+\\): replace both$`),
    ]);
    expect((await tlsClient(port)).fingerprint).toBe(shown(first));
    work.file("tls.key", second.keyPem.slice(0, 100));
    expect(await service.reload()).toBe("failed");
    expect(logged.at(-1)).toContain(`${key} holds no usable private key`);
    work.file("tls.key", second.keyPem);
    expect(await service.reload()).toBe("reloaded");
    expect((await tlsClient(port)).fingerprint).toBe(shown(second));
    write(`tls://.:${port} {\n tls ${certificate} ${work.folder}/none.key\n}\n`);
    expect(await service.reload()).toBe("failed");
    expect(logged.at(-1)).toContain(`Corefile:2: tls: ${work.folder}/none.key cannot be read: check the path`);
    expect(await (await tlsClient(port)).ask(name)).toBe("192.0.2.7");
  });

  it("stays with its socket when another place of the same configuration is taken", async () => {
    const { service, port, certificate, key, replace, write } = await served();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    work.atEnd(() => taken.close());
    replace(second);
    const block = (at: number) => `tls://.:${at} {\n tls ${certificate} ${key}\n ${hosts}\n}\n`;
    write(block(port) + block((taken.address() as AddressInfo).port));
    expect(await service.reload()).toBe("failed");
    const client = await tlsClient(port);
    expect(client.fingerprint).toBe(shown(first));
    expect(await client.ask(name)).toBe("192.0.2.7");
  });
});

describe("the authority of forward's servers", () => {
  it("is trusted when its file is replaced", async () => {
    const zone = createStaticZone({ [name]: ["192.0.2.7"] }, { clock: systemClock, random: () => 0.5 });
    const upstream = listenDns({
      addresses: ["127.0.0.1"],
      port: 0,
      answer: (query, transport) => zone.answer(query, transport),
      tls: second,
    });
    work.atEnd(() => upstream.close(0));
    const ca = work.file("ca.crt", first.caPem);
    const forward = `forward . tls://127.0.0.1:${await upstream.ready} {\n tls ${ca}\n tls_servername localhost\n }`;
    const { service, ask, logged } = await work.serve(`.:${await freePort()} {\n ${forward}\n}\n`, {
      clock: systemClock,
    });
    expect(await ask(name)).toBe("code 2");
    work.file("ca.crt", second.caPem.slice(0, -40));
    expect(await service.reload()).toBe("failed");
    expect(logged.at(-1)).toContain(`Corefile:3: tls: ${ca} holds no usable certificate of an authority`);
    work.file("ca.crt", second.caPem);
    expect(await service.reload()).toBe("reloaded");
    expect(await ask(name)).toBe("192.0.2.7");
  });
});
