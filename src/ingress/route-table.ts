import { keyOf, objectKey } from "../objects/index.ts";
import type { Ingress, IngressBackend, IngressClass, PathType } from "../objects/index.ts";
import { servesIngress } from "../objects/index.ts";
import { canonicalPath } from "./request-target.ts";

/** Where a route leads: a port of a Service, or a kind of resource that this router does not know. */
export type Backend =
  | { readonly kind: "service"; readonly namespace: string; readonly name: string; readonly port: BackendPort }
  | { readonly kind: "unsupported"; readonly resource: string };

/** A Service port by its number or its name. */
export type BackendPort =
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "name"; readonly name: string };

/** One path of one Ingress, or an Ingress's default backend. */
export interface Route {
  /** `namespace/name` of the Ingress. */
  readonly ingress: string;
  /** As the rule says it: empty for every host. */
  readonly host: string;
  readonly path: string;
  readonly pathType: PathType | "Default";
  readonly backend: Backend;
}

/** A certificate that an Ingress asks for. */
export interface TlsRequest {
  readonly ingress: string;
  readonly namespace: string;
  readonly secretName: string;
}

/** An immutable table; a change of any Ingress makes a new one. */
export interface RouteTable {
  /** How many routes can be reached. */
  readonly size: number;
  /** Routes that an older Ingress, or a more exact spelling, keeps from ever matching. */
  readonly shadowed: readonly Route[];
  /** The route for a host and path as `readTarget` gives them. */
  match(host: string, path: string): Route | undefined;
  /** The certificate for a server name. */
  tlsFor(serverName: string): TlsRequest | undefined;
}

/** Prefixes are filed without their trailing slash. */
interface HostRoutes {
  readonly exact: Map<string, Route>;
  readonly prefix: Map<string, Route>;
  fallback?: Route;
}

/**
 * Compiles the Ingresses that are ours to one table. The host is chosen first (exact, then wildcard for one label, then
 * rules without host), then the path (Exact, then the longest prefix by elements), then the default backend of
 * an Ingress with rules for that host, then that of an Ingress without rules. Where two Ingresses claim the same, the
 * older one wins, then the smaller `namespace/name`.
 */
export function buildRouteTable(ingresses: readonly Ingress[], classes: readonly IngressClass[]): RouteTable {
  const hosts = new Map<string, HostRoutes>();
  const certificates = new Map<string, TlsRequest>();
  const shadowed: Route[] = [];
  let catchAll: Route | undefined;
  let unknownHost: Route | undefined;

  for (const ingress of ingresses.filter((candidate) => servesIngress(candidate, classes)).sort(byAgeThenName)) {
    const key = objectKey(ingress);
    const namespace = ingress.metadata.namespace ?? "";
    const { defaultBackend, rules = [], tls = [] } = ingress.spec;
    const fallback = defaultBackend && defaultRoute(key, resolveBackend(defaultBackend, namespace));
    if (rules.length === 0) catchAll ??= fallback;
    else unknownHost ??= fallback;
    for (const rule of rules) {
      const host = rule.host?.toLowerCase() ?? "";
      const routes: HostRoutes = hosts.get(host) ?? { exact: new Map(), prefix: new Map() };
      hosts.set(host, routes);
      if (fallback !== undefined) routes.fallback ??= { ...fallback, host };
      for (const { path = "", pathType, backend } of rule.http?.paths ?? []) {
        const route = { ingress: key, host, path, pathType, backend: resolveBackend(backend, namespace) };
        const loser = addRoute(routes, route);
        if (loser !== undefined) shadowed.push(loser);
      }
    }
    for (const { hosts: names, secretName } of tls) {
      if (secretName === undefined || secretName === "") continue;
      const asked = names ?? rules.map((rule) => rule.host ?? "");
      for (const name of asked.map((each) => each.toLowerCase())) {
        if (!certificates.has(name)) certificates.set(name, { ingress: key, namespace, secretName });
      }
    }
  }

  let size = catchAll === undefined ? 0 : 1;
  for (const { exact, prefix, fallback } of hosts.values()) {
    size += exact.size + prefix.size + (fallback === undefined ? 0 : 1);
  }
  return {
    size,
    shadowed,
    match(host, path) {
      const routes = hosts.get(host) ?? hosts.get(wildcardOf(host)) ?? hosts.get("");
      if (routes === undefined) return catchAll ?? unknownHost;
      return matchPath(routes, path) ?? routes.fallback ?? catchAll;
    },
    tlsFor(serverName) {
      const name = serverName.toLowerCase();
      return certificates.get(name) ?? certificates.get(wildcardOf(name)) ?? certificates.get("");
    },
  };
}

/** `*.example.com` for `www.example.com`: in an Ingress a wildcard stands for exactly one label. */
function wildcardOf(host: string): string {
  const dot = host.indexOf(".");
  return dot <= 0 ? "*" : `*${host.slice(dot)}`;
}

function matchPath(routes: HostRoutes, path: string): Route | undefined {
  const exact = routes.exact.get(path);
  if (exact !== undefined || routes.prefix.size === 0) return exact;
  let prefix = withoutTrailingSlash(path);
  for (;;) {
    const route = routes.prefix.get(prefix);
    if (route !== undefined) return route;
    const slash = prefix.lastIndexOf("/");
    if (slash < 0) return undefined;
    prefix = prefix.slice(0, slash);
  }
}

/** Files the route unless its place is taken; returns the one that loses. */
function addRoute(routes: HostRoutes, route: Route): Route | undefined {
  const exact = route.pathType === "Exact";
  const places = exact ? routes.exact : routes.prefix;
  const path = canonicalPath(route.path === "" ? "/" : route.path) ?? route.path;
  const place = exact ? path : withoutTrailingSlash(path);
  const holder = places.get(place);
  // `/foo` and `/foo/` match the same requests as prefixes; the longer spelling comes first, whoever wrote it.
  if (holder !== undefined && holder.path.length >= route.path.length) return route;
  places.set(place, route);
  return holder;
}

function withoutTrailingSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function defaultRoute(ingress: string, backend: Backend): Route {
  return { ingress, host: "", path: "", pathType: "Default", backend };
}

function resolveBackend({ service, resource }: IngressBackend, namespace: string): Backend {
  if (service !== undefined) {
    const { name, port } = service;
    if (port?.name !== undefined) {
      return { kind: "service", namespace, name, port: { kind: "name", name: port.name } };
    }
    return { kind: "service", namespace, name, port: { kind: "number", number: port?.number ?? 0 } };
  }
  return { kind: "unsupported", resource: keyOf(resource?.kind ?? "nothing", resource?.name ?? "") };
}

function byAgeThenName(a: Ingress, b: Ingress): number {
  const timeA = a.metadata.creationTimestamp ?? "";
  const timeB = b.metadata.creationTimestamp ?? "";
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return objectKey(a) < objectKey(b) ? -1 : 1;
}
