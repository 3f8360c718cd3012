import { resources } from "../../objects/index.ts";
import type { AnyObject, ConfigMap, ServiceAccount } from "../../objects/index.ts";
import { immutable } from "../apps-v1/template.ts";
import { defineKind } from "../define-kind.ts";
import { asFields, fieldsOf, itemsOf, textOf, without } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";
import { forbidden, invalid, required, tooLong } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { configKeyProblems } from "../validation/names.ts";
import { isSame, problemsAt } from "../validation/values.ts";

const sizeLimit = 1024 * 1024;

/** `v1.ConfigMap`. */
export const configMapKind: Kind = defineKind<ConfigMap>({
  resource: resources.configMaps,
  actedOn: true,
  shortNames: ["cm"],
  columns: [nameColumn, column("Data", "Number of keys."), ageColumn],
  row: (map, nowMs) => [map.metadata.name, String(keys(map).length), ageCell(map, nowMs)],
  validate: validateConfigMap,
  validateUpdate: (map, old) => [...frozenErrors(map, old, ["data", "binaryData"]), ...validateConfigMap(map)],
});

function validateConfigMap(map: ConfigMap): readonly FieldError[] {
  const { data = {}, binaryData = {} } = map;
  const size = [...Object.values(data), ...Object.values(binaryData)].reduce((sum, text) => sum + text.length, 0);
  return [
    ...Object.keys(data).flatMap((key) => problemsAt(`data[${key}]`, key, configKeyProblems(key))),
    ...Object.keys(data)
      .filter((key) => key in binaryData)
      .map((key) => invalid(`data[${key}]`, key, "duplicate of key present in binaryData")),
    ...Object.keys(binaryData).flatMap((key) => problemsAt(`binaryData[${key}]`, key, configKeyProblems(key))),
    ...(size > sizeLimit ? [tooLong("", sizeLimit)] : []),
  ];
}

function keys({ data = {}, binaryData = {} }: ConfigMap): readonly string[] {
  return [...Object.keys(data), ...Object.keys(binaryData)];
}

/** The keys that a Secret of a well-known type must have. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

/** `v1.Secret`. `stringData` is written into `data` and never read back. */
export const secretKind: Kind = defineKind<AnyObject>({
  resource: resources.secrets,
  actedOn: true,
  columns: [nameColumn, column("Type", "Who the Secret is for."), column("Data", "Number of keys."), ageColumn],
  row: (secret, nowMs) => {
    const count = Object.keys(fieldsOf(secret.data)).length;
    return [secret.metadata.name, textOf(secret.type), String(count), ageCell(secret, nowMs)];
  },
  selectableFields: (secret) => ({ type: textOf(secret.type) }),
  applyDefaults: (secret) => {
    const type = textOf(secret.type) === "" ? "Opaque" : textOf(secret.type);
    const given = Object.entries(fieldsOf(secret.stringData)).map(([key, text]): [string, string] => [
      key,
      base64(textOf(text)),
    ]);
    if (secret.stringData === undefined) return secret.type === type ? secret : { ...secret, type };
    const data = { ...fieldsOf(secret.data), ...Object.fromEntries(given) };
    return { ...without(secret, "stringData"), type, data };
  },
  validate: validateSecret,
  validateUpdate: (secret, old) => [
    ...immutable("type", secret.type, old.type),
    ...frozenErrors(secret, old, ["data"]),
    ...validateSecret(secret),
  ],
});

function validateSecret(secret: AnyObject): readonly FieldError[] {
  const data = fieldsOf(secret.data);
  const size = Object.values(data).reduce<number>((sum, text) => sum + Math.floor((textOf(text).length * 3) / 4), 0);
  const type = textOf(secret.type);
  const needed = Object.hasOwn(requiredKeys, type) ? (requiredKeys[type] ?? []) : [];
  const annotation = "kubernetes.io/service-account.name";
  const lacksAccount =
    type === "kubernetes.io/service-account-token" && (secret.metadata.annotations?.[annotation] ?? "") === "";
  return [
    ...Object.keys(data).flatMap((key) => problemsAt(`data[${key}]`, key, configKeyProblems(key))),
    ...(size > sizeLimit ? [tooLong("data", sizeLimit)] : []),
    ...needed.filter((key) => data[key] === undefined).map((key) => required(`data[${key}]`)),
    ...(lacksAccount ? [required(`metadata.annotations[${annotation}]`)] : []),
  ];
}

function frozenErrors(object: object, old: object, fields: readonly string[]): readonly FieldError[] {
  const now = asFields(object);
  const before = asFields(old);
  if (before.immutable !== true) return [];
  const frozen = "field is immutable when `immutable` is set";
  return [
    ...(now.immutable === true ? [] : [forbidden("immutable", frozen)]),
    ...fields.filter((name) => !isSame(now[name], before[name])).map((name) => forbidden(name, frozen)),
  ];
}

/** `v1.ServiceAccount`. */
export const serviceAccountKind: Kind = defineKind<ServiceAccount>({
  resource: resources.serviceAccounts,
  actedOn: true,
  shortNames: ["sa"],
  columns: [nameColumn, column("Secrets", "Number of Secrets that pods of the account may use."), ageColumn],
  row: (account, nowMs) => [
    account.metadata.name,
    String(itemsOf(asFields(account).secrets).length),
    ageCell(account, nowMs),
  ],
});

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** UTF-8 in base64 (RFC 4648, section 4). */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let result = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const count = Math.min(3, bytes.length - i) + 1;
    for (let j = 0; j < 4; j++) result += j < count ? alphabet[(bits >> (18 - 6 * j)) & 63] : "=";
  }
  return result;
}
