// Writes src/apiserver/protobuf/messages.generated.ts: field numbers, names and types of the Kubernetes messages that
// clients send as protobuf.
//
//   go mod download k8s.io/api@v0.36.0 k8s.io/apimachinery@v0.36.0
//   node scripts/generate-protobuf.mjs "$(go env GOMODCACHE)/k8s.io"
//
// Types come from the modules' generated.proto, JSON names and what may be left out from the tags in types.go.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const version = "v0.36.0";
const modules = process.argv[2];
if (modules === undefined) throw new Error("usage: node scripts/generate-protobuf.mjs DIRECTORY-OF-k8s.io-MODULES");

const meta = "meta/v1";
const packages = new Map(
  ["core/v1", "apps/v1", "batch/v1", "autoscaling/v1", "autoscaling/v2", "networking/v1", "discovery/v1", "policy/v1"]
    .concat(["rbac/v1", "scheduling/v1", "storage/v1", "coordination/v1", "events/v1", "authorization/v1"])
    .concat(["authentication/v1", "certificates/v1", "admissionregistration/v1", "node/v1"])
    .map((name) => [name, join(modules, `api@${version}`, name)]),
);
packages.set(meta, join(modules, `apimachinery@${version}`, "pkg/apis/meta/v1"));

/** What a client may send, by API group as URLs and envelopes write it. */
const roots = {
  "core/v1":
    "Namespace Node Pod Service Endpoints ReplicationController ConfigMap Secret ServiceAccount Event PodTemplate ResourceQuota LimitRange PersistentVolume PersistentVolumeClaim Binding",
  "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision",
  "batch/v1": "Job CronJob",
  "autoscaling/v1": "HorizontalPodAutoscaler Scale",
  "autoscaling/v2": "HorizontalPodAutoscaler",
  "networking/v1": "Ingress IngressClass NetworkPolicy ServiceCIDR IPAddress",
  "discovery/v1": "EndpointSlice",
  "policy/v1": "PodDisruptionBudget Eviction",
  "rbac/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
  "scheduling/v1": "PriorityClass",
  "storage/v1": "StorageClass CSIDriver CSINode VolumeAttachment CSIStorageCapacity",
  "coordination/v1": "Lease",
  "events/v1": "Event",
  "node/v1": "RuntimeClass",
  "certificates/v1": "CertificateSigningRequest",
  "admissionregistration/v1": "ValidatingWebhookConfiguration MutatingWebhookConfiguration",
  "authorization/v1": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview LocalSubjectAccessReview",
  "authentication/v1": "SelfSubjectReview TokenRequest",
  [meta]: "DeleteOptions",
};

const scalars = { string: "s", bool: "b", int32: "i", int64: "i", double: "d", bytes: "B" };
const special = {
  [`${meta}.Time`]: "t",
  [`${meta}.MicroTime`]: "u",
  [`${meta}.FieldsV1`]: "r",
  Quantity: "q",
  IntOrString: "o",
  RawExtension: "r",
};

/** Tags of all struct fields of a package: Type -> field number -> { name, inline, optional }. */
function readTags(directory) {
  const structs = new Map();
  const source = readFileSync(join(directory, "types.go"), "utf8");
  for (const [, name, body] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields = new Map();
    for (const line of body.split("\n")) {
      const tags = /`([^`]*protobuf:[^`]*)`/.exec(line)?.[1];
      if (tags === undefined) continue;
      const number = Number(/protobuf:"\w+,(\d+)/.exec(tags)?.[1]);
      const [json = "", ...options] = (/json:"([^"]*)"/.exec(tags)?.[1] ?? "").split(",");
      const type = line.trim().split(/\s+/)[1] ?? "";
      fields.set(number, {
        name: json,
        inline: options.includes("inline"),
        dropsZero: options.includes("omitempty") && !type.startsWith("*"),
      });
    }
    structs.set(name, fields);
  }
  return structs;
}

/** Messages of a package: name -> [number, repeated, type]. */
function readMessages(directory) {
  const messages = new Map();
  const source = readFileSync(join(directory, "generated.proto"), "utf8").replace(/\/\/.*$/gm, "");
  for (const [, name, body] of source.matchAll(/^message (\w+) \{([\s\S]*?)^\}/gm)) {
    const fields = [];
    for (const [, label, type, , number] of body.matchAll(
      /(optional|repeated|map)\s*((?:<[^>]+>)|[.\w]+)\s+(\w+)\s*=\s*(\d+)/g,
    )) {
      fields.push({ label, type, number: Number(number) });
    }
    messages.set(name, fields);
  }
  return messages;
}

const tags = new Map([...packages].map(([name, directory]) => [name, readTags(directory)]));
const protos = new Map([...packages].map(([name, directory]) => [name, readMessages(directory)]));
const written = new Map();

function typeCode(owner, type) {
  if (type in scalars) return scalars[type];
  const qualified = /^\.?k8s\.io\.(?:api|apimachinery\.pkg\.apis)\.(\w+)\.(\w+)\.(\w+)$/.exec(type);
  const simple = type.split(".").at(-1);
  const name = qualified === null ? `${owner}.${simple}` : `${qualified[1]}/${qualified[2]}.${qualified[3]}`;
  if (special[name] !== undefined) return special[name];
  if (qualified === null && type.includes(".") && special[simple] !== undefined) return special[simple];
  write(name);
  const fields = protos.get(name.slice(0, name.lastIndexOf("."))).get(simple);
  // A named list (ExtraValue, Verbs) travels as a message with the only field "items".
  if (!tags.get(name.slice(0, name.lastIndexOf("."))).has(simple) && fields.length === 1) return "e";
  return `.${name}`;
}

function write(name) {
  if (written.has(name)) return;
  written.set(name, "");
  const dot = name.lastIndexOf(".");
  const [owner, simple] = [name.slice(0, dot), name.slice(dot + 1)];
  const messages = protos.get(owner);
  const fields = messages?.get(simple);
  if (fields === undefined) throw new Error(`no message ${name}`);
  const known = tags.get(owner).get(simple);
  const texts = fields.flatMap(({ label, type, number }) => {
    const tag = known?.get(number);
    if (tag === undefined) return [];
    const value = label === "map" ? /<\s*string\s*,\s*([.\w]+)\s*>/.exec(type)[1] : type;
    const code = typeCode(owner, value);
    const shape = label === "map" ? "{" : label === "repeated" ? "[" : "";
    return [`${number}${tag.dropsZero ? "?" : "!"}${tag.inline ? "" : tag.name}:${shape}${code}`];
  });
  written.set(name, texts.join(" "));
}

for (const [name, kinds] of Object.entries(roots)) for (const kind of kinds.split(" ")) write(`${name}.${kind}`);

const entries = [...written]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)},`);
const output = join(dirname(fileURLToPath(import.meta.url)), "../src/apiserver/protobuf/messages.generated.ts");
writeFileSync(
  output,
  `// Written by scripts/generate-protobuf.mjs from k8s.io/api ${version}; do not edit.

/**
 * Messages by package and name. A field is \`NUMBER?NAME:TYPE\` (\`!\` instead of \`?\`: zero values count). Types: s string,
 * b bool, i integer, d double, B bytes, t Time, u MicroTime, q Quantity, o IntOrString, r raw JSON, e list of strings
 * in a message, .NAME message; after [ a list, after { a map. A field without a name is inlined.
 */
export const messages: Readonly<Record<string, string>> = {
${entries.join("\n")}
};
`,
);
