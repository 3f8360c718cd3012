import { describe, expect, test } from "vitest";
import type { Ingress, IngressClass, IngressPath, IngressRule, PathType } from "../objects/index.ts";
import { servesIngress } from "../objects/index.ts";
import { buildRouteTable } from "./route-table.ts";

const ingressClass = (
  name: string,
  controller: string,
  isDefault = false,
  creationTimestamp?: string,
): IngressClass => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "IngressClass",
  metadata: {
    name,
    ...(isDefault ? { annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } } : {}),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
  },
  spec: { controller },
});
const ours = ingressClass("sealane", "sealane.dev/ingress");
const theirs = ingressClass("nginx", "k8s.io/ingress-nginx");

const ingress = (name: string, spec: Ingress["spec"], creationTimestamp?: string, annotations = {}): Ingress => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: {
    name,
    namespace: "default",
    annotations,
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
  },
  spec,
});
const sealane = { ingressClassName: "sealane" };
const to = (name: string) => ({ service: { name, port: { number: 80 } } });
/** `["Prefix /foo", "web"]` */
const paths = (...entries: readonly (readonly [string, string])[]): { readonly paths: IngressPath[] } => ({
  paths: entries.map(([what, service]) => {
    const [pathType = "", path] = what.split(" ");
    return { pathType: pathType as PathType, ...(path === undefined ? {} : { path }), backend: to(service) };
  }),
});
const rule = (host: string, ...entries: readonly (readonly [string, string])[]): IngressRule => ({
  ...(host === "" ? {} : { host }),
  http: paths(...entries),
});
const tableOf = (...ingresses: Ingress[]) => buildRouteTable(ingresses, [ours, theirs]);
const served = (table: ReturnType<typeof tableOf>, url: string) => {
  const slash = url.indexOf("/");
  const backend = table.match(url.slice(0, slash), url.slice(slash))?.backend;
  return backend?.kind === "service" ? backend.name : backend?.kind;
};

describe("servesIngress()", () => {
  const oursByDefault = ingressClass("sealane", "sealane.dev/ingress", true, "2026-01-02T00:00:00Z");
  const nginxByDefault = ingressClass("nginx", "k8s.io/ingress-nginx", true, "2026-01-01T00:00:00Z");
  const newestNginx = ingressClass("nginx", "k8s.io/ingress-nginx", true, "2026-01-03T00:00:00Z");
  const annotated = (value: string) => ingress("a", {}, undefined, { "kubernetes.io/ingress.class": value });

  test.each<[string, Ingress, IngressClass[], boolean]>([
    ["one of our class", ingress("a", sealane), [ours], true],
    [
      "one of a class of another name with our controller",
      ingress("a", { ingressClassName: "web" }),
      [ingressClass("web", "sealane.dev/ingress")],
      true,
    ],
    ["one of another controller's class", ingress("a", { ingressClassName: "nginx" }), [ours, theirs], false],
    ["one of an unknown class", ingress("a", { ingressClassName: "web" }), [ours], false],
    ["one of our class when the class is gone", ingress("a", sealane), [], false],
    ["one without class, ours being no default", ingress("a", {}), [ours], false],
    ["one without class, ours being the default", ingress("a", {}), [theirs, oursByDefault], true],
    ["one without class, ours being the newest default", ingress("a", {}), [nginxByDefault, oursByDefault], true],
    ["one without class, another default being newer", ingress("a", {}), [oursByDefault, newestNginx], false],
    ["one with our class in the old annotation", annotated("sealane"), [], true],
    ["one with another class in the old annotation", annotated("nginx"), [oursByDefault, theirs], false],
    [
      "one whose annotation names a class of ours",
      annotated("web"),
      [ingressClass("web", "sealane.dev/ingress")],
      true,
    ],
  ])("judges %s", (_, object, classes, expected) => expect(servesIngress(object, classes)).toBe(expected));
});

describe("match() of paths", () => {
  // The table of the Ingress documentation, and the cases of ingress-controller-conformance.
  test.each<[string, readonly (readonly [string, string])[], string, string | undefined]>([
    ["everything", [["Prefix /", "all"]], "/x/y", "all"],
    ["the exact path", [["Exact /foo", "foo"]], "/foo", "foo"],
    ["no trailing slash on an exact path", [["Exact /foo", "foo"]], "/foo/", undefined],
    ["an exact path with trailing slash only with it", [["Exact /foo/", "foo"]], "/foo", undefined],
    ["case by case", [["Exact /foo", "foo"]], "/FOO", undefined],
    ["nothing else", [["Exact /foo", "foo"]], "/bar", undefined],
    ["a prefix itself", [["Prefix /foo", "foo"]], "/foo", "foo"],
    ["a prefix with slash", [["Prefix /foo", "foo"]], "/foo/", "foo"],
    ["a prefix written with slash, without it", [["Prefix /foo/", "foo"]], "/foo", "foo"],
    ["a prefix written with slash, with it", [["Prefix /foo/", "foo"]], "/foo/", "foo"],
    ["no part of an element", [["Prefix /aaa/bb", "b"]], "/aaa/bbb", undefined],
    ["an element below", [["Prefix /aaa/bbb", "b"]], "/aaa/bbb/ccc", "b"],
    ["an element below a prefix with slash", [["Prefix /aaa/bbb/", "b"]], "/aaa/bbb/ccc", "b"],
    ["no longer element", [["Prefix /aaa/bbb", "b"]], "/aaa/bbbxyz", undefined],
    [
      "the longest prefix",
      [
        ["Prefix /", "root"],
        ["Prefix /aaa", "a"],
        ["Prefix /aaa/bbb", "b"],
      ],
      "/aaa/bbb/x",
      "b",
    ],
    [
      "the next longest prefix",
      [
        ["Prefix /", "root"],
        ["Prefix /aaa", "a"],
        ["Prefix /aaa/bbb", "b"],
      ],
      "/aaa/ccc",
      "a",
    ],
    [
      "the root when nothing else fits",
      [
        ["Prefix /", "root"],
        ["Prefix /aaa", "a"],
      ],
      "/ccc",
      "root",
    ],
    ["nothing without a root", [["Prefix /aaa", "a"]], "/ccc", undefined],
    [
      "exact before prefix",
      [
        ["Prefix /foo", "prefix"],
        ["Exact /foo", "exact"],
      ],
      "/foo",
      "exact",
    ],
    [
      "prefix beside exact",
      [
        ["Prefix /foo", "prefix"],
        ["Exact /foo", "exact"],
      ],
      "/foo/",
      "prefix",
    ],
    [
      "exact before a longer spelled prefix",
      [
        ["Prefix /foo/", "prefix"],
        ["Exact /foo", "exact"],
      ],
      "/foo",
      "exact",
    ],
    [
      "the prefix with slash before the one without",
      [
        ["Prefix /foo", "bare"],
        ["Prefix /foo/", "slash"],
      ],
      "/foo/x",
      "slash",
    ],
    ["implementation specific as prefix", [["ImplementationSpecific /foo", "foo"]], "/foo/bar", "foo"],
    ["implementation specific without path as everything", [["ImplementationSpecific", "all"]], "/foo", "all"],
    ["the asterisk of OPTIONS by no prefix", [["Exact /foo", "foo"]], "*", undefined],
  ])("finds %s", (_, entries, path, expected) => {
    expect(served(tableOf(ingress("a", { ...sealane, rules: [rule("h", ...entries)] })), `h${path}`)).toBe(expected);
  });
});

describe("match() of hosts", () => {
  const table = tableOf(
    ingress("a", {
      ...sealane,
      rules: [
        rule("Shop.example.com", ["Prefix /", "shop"]),
        rule("*.example.com", ["Prefix /", "wild"]),
        rule("only.example.com", ["Prefix /only", "only"]),
      ],
    }),
    ingress("b", { ...sealane, rules: [rule("", ["Prefix /any", "any"])] }),
  );
  test.each([
    ["shop.example.com/", "shop"],
    ["www.example.com/", "wild"],
    ["a.b.example.com/", undefined],
    ["example.com/", undefined],
    ["only.example.com/only/x", "only"],
    // A host that has rules does not fall through to a less exact one.
    ["only.example.com/", undefined],
    ["only.example.com/any", undefined],
    ["elsewhere.org/any", "any"],
    ["/any", "any"],
    ["elsewhere.org/", undefined],
  ])("sends %s to %s", (url, expected) => expect(served(table, url)).toBe(expected));
});

describe("match() of default backends", () => {
  const own = ingress("own", {
    ...sealane,
    defaultBackend: to("own-default"),
    rules: [rule("a.com", ["Prefix /x", "x"]), { host: "bare.com" }],
  });
  const catchAll = ingress("zz", { ...sealane, defaultBackend: to("catch-all") });
  const plain = ingress("plain", { ...sealane, rules: [rule("b.com", ["Prefix /x", "x"])] });

  test.each<[string, Ingress[], string, string | undefined]>([
    ["a known host without a path", [own], "a.com/y", "own-default"],
    ["a host without paths", [own], "bare.com/y", "own-default"],
    ["an unknown host", [own], "z.com/", "own-default"],
    ["an unknown host, preferring an Ingress without rules", [own, catchAll], "z.com/", "catch-all"],
    ["a known host, preferring its own Ingress", [own, catchAll], "a.com/y", "own-default"],
    ["another Ingress's host by nobody's default", [own, plain], "b.com/y", undefined],
    ["another Ingress's host by the one without rules", [plain, catchAll], "b.com/y", "catch-all"],
    [
      "a resource backend",
      [ingress("r", { ...sealane, defaultBackend: { resource: { kind: "Bucket", name: "b" } } })],
      "z.com/",
      "unsupported",
    ],
    ["nobody", [plain], "z.com/", undefined],
  ])("serves %s", (_, ingresses, url, expected) => expect(served(tableOf(...ingresses), url)).toBe(expected));
});

describe("buildRouteTable()", () => {
  const old = ingress(
    "z-old",
    { ...sealane, rules: [rule("h", ["Prefix /a", "old"], ["Prefix /old", "old"])] },
    "2026-01-01T00:00:00Z",
  );
  const young = ingress(
    "a-young",
    { ...sealane, rules: [rule("h", ["Prefix /a", "young"], ["Prefix /young", "young"])] },
    "2026-01-02T00:00:00Z",
  );

  test("merges paths of one host, and lets the older Ingress keep what both claim", () => {
    for (const table of [tableOf(old, young), tableOf(young, old)]) {
      expect(["h/a", "h/old", "h/young"].map((url) => served(table, url))).toEqual(["old", "old", "young"]);
      expect(table.shadowed.map(({ ingress: key, path }) => `${key} ${path}`)).toEqual(["default/a-young /a"]);
      expect(table.size).toBe(3);
    }
  });

  test("decides by name between Ingresses of one age", () => {
    const first = ingress("a", { ...sealane, rules: [rule("h", ["Prefix /a", "first"])] });
    const second = ingress("b", { ...sealane, rules: [rule("h", ["Prefix /a", "second"])] });
    expect(served(tableOf(second, first), "h/a")).toBe("first");
  });

  test("leaves out what is not ours", () => {
    const foreign = ingress("f", { ingressClassName: "nginx", rules: [rule("h", ["Prefix /", "web"])] });
    expect(tableOf(foreign).size).toBe(0);
  });

  test("keeps ports by number and by name", () => {
    const backend = { service: { name: "web", port: { name: "http" } } };
    const named = ingress("n", { ...sealane, defaultBackend: backend });
    expect(tableOf(named).match("h", "/")?.backend).toMatchObject({ port: { kind: "name", name: "http" } });
    expect(tableOf(old).match("h", "/a")?.backend).toMatchObject({ port: { kind: "number", number: 80 } });
  });

  test("finds certificates by server name", () => {
    const tls = ingress("t", {
      ...sealane,
      tls: [{ hosts: ["A.com", "*.a.com"], secretName: "a" }, { secretName: "rest" }, { hosts: ["none.com"] }],
      rules: [rule("b.com", ["Prefix /", "b"])],
    });
    const table = tableOf(tls);
    const found = ["a.com", "x.a.com", "y.x.a.com", "B.com", "none.com"].map((name) => table.tlsFor(name)?.secretName);
    expect(found).toEqual(["a", "a", undefined, "rest", undefined]);
  });

  test("matches among 10,000 hosts without looking through them", () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      ingress(`i${i}`, { ...sealane, rules: [rule(`h${i}.com`, ["Prefix /", `s${i}`])] }),
    );
    const table = tableOf(...many);
    expect(served(table, "h9999.com/x")).toBe("s9999");
  });
});
