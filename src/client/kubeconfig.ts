import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CodedError, messageOf } from "../core/index.ts";
import { fileToken, fixedToken } from "./bearer-token.ts";
import type { BearerToken } from "./bearer-token.ts";

/** Where an API server is and how to prove who we are. */
export interface ServerAddress {
  readonly protocol: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Path before `/api`, without a slash at its end; empty for most servers. */
  readonly basePath: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly insecure: boolean;
  readonly token?: BearerToken;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the current context of a kubeconfig: a file, or a value already parsed. Rejects with `CodedError` code
 * `InvalidKubeconfig` that names the file and what is missing. Relative file names count from the file's folder.
 */
export async function readKubeconfig(source: string | object): Promise<ServerAddress> {
  if (typeof source !== "string") return serverAddress(fieldsOf(source), "kubeconfig", process.cwd());
  let text: string;
  try {
    text = await readFile(source, "utf8");
  } catch (error) {
    throw invalid(source, `cannot be read (${messageOf(error)}); check its path and who may read it`);
  }
  let parsed: unknown;
  try {
    // The lab's own kubeconfigs are JSON: no need to load a YAML reader for them.
    parsed = text.startsWith("{") ? JSON.parse(text) : (await import("yaml")).parse(text);
  } catch (error) {
    throw invalid(source, `is no YAML: ${messageOf(error)}`);
  }
  return serverAddress(fieldsOf(parsed), source, dirname(resolve(source)));
}

async function serverAddress(config: Fields, where: string, folder: string): Promise<ServerAddress> {
  const contextName = text(config["current-context"]);
  if (contextName === undefined)
    throw invalid(where, "has no current-context; set one with kubectl config use-context");
  const context = named(config["contexts"], contextName, "context", where);
  const cluster = named(config["clusters"], text(context["cluster"]), "cluster", where);
  const user = named(config["users"], text(context["user"]), "user", where);
  if (user["exec"] !== undefined || user["auth-provider"] !== undefined) {
    throw invalid(
      where,
      `asks for a credential plugin for user ${text(context["user"])}; only tokens and certificates work`,
    );
  }
  const server = text(cluster["server"]);
  const url = server === undefined || !URL.canParse(server) ? undefined : new URL(server);
  if (url === undefined) throw invalid(where, `has no usable server address for cluster ${text(context["cluster"])}`);
  const pem = async (fields: Fields, name: string): Promise<string | undefined> => {
    const data = text(fields[`${name}-data`]);
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    const file = text(fields[name]);
    return file === undefined ? undefined : readCredential(resolve(folder, file), where);
  };
  const token = await tokenOf(user, where, folder);
  const [ca, cert, key] = await Promise.all([
    pem(cluster, "certificate-authority"),
    pem(user, "client-certificate"),
    pem(user, "client-key"),
  ]);
  const serverName = text(cluster["tls-server-name"]);
  const protocol = url.protocol === "http:" ? "http" : "https";
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (protocol === "http" ? 80 : 443) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Of a file and a token, the file counts, as in client-go: it is kept up to date. */
async function tokenOf(user: Fields, where: string, folder: string): Promise<BearerToken | undefined> {
  const name = text(user["tokenFile"]);
  if (name !== undefined) {
    const file = resolve(folder, name);
    return fileToken(file, await readCredential(file, where));
  }
  const token = text(user["token"]);
  return token === undefined ? undefined : fixedToken(token);
}

async function readCredential(file: string, where: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw invalid(where, `names a file that cannot be read (${messageOf(error)})`);
  }
}

/** Entries look like `{name, cluster: {...}}`. */
function named(list: unknown, name: string | undefined, kind: string, where: string): Fields {
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  const entry = entries.map(fieldsOf).find((candidate) => candidate["name"] === name);
  if (entry === undefined) throw invalid(where, `has no ${kind} named ${JSON.stringify(name ?? "")}`);
  return fieldsOf(entry[kind]);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function invalid(where: string, problem: string): CodedError {
  return new CodedError("InvalidKubeconfig", `${where} ${problem}`);
}
