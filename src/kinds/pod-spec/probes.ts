import { fieldsOf, itemsOf, textOf, textsOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { forbidden, invalid, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { portNumberProblems } from "../validation/names.ts";
import { nonEmpty, nonNegative, oneOf, portReference, problemsAt } from "../validation/values.ts";

/** What is wrong with the three probes of a container. */
export function validateProbes(container: Fields, path: string): readonly FieldError[] {
  return ["livenessProbe", "readinessProbe", "startupProbe"].flatMap((name) => {
    if (container[name] === undefined) return [];
    const probe = fieldsOf(container[name]);
    const field = `${path}.${name}`;
    const errors = [...handlerErrors(probe, field, ["exec", "httpGet", "tcpSocket", "grpc"])];
    for (const count of [
      "initialDelaySeconds",
      "timeoutSeconds",
      "periodSeconds",
      "successThreshold",
      "failureThreshold",
    ]) {
      errors.push(...nonNegative(`${field}.${count}`, probe[count]));
    }
    if (name !== "readinessProbe" && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
      errors.push(invalid(`${field}.successThreshold`, probe.successThreshold, "must be 1"));
    }
    return errors;
  });
}

/** What is wrong with the hooks of a container. */
export function validateLifecycle(lifecycle: Fields, path: string): readonly FieldError[] {
  return ["postStart", "preStop"].flatMap((name) =>
    lifecycle[name] === undefined
      ? []
      : handlerErrors(fieldsOf(lifecycle[name]), `${path}.${name}`, ["exec", "httpGet", "tcpSocket", "sleep"]),
  );
}

function handlerErrors(handler: Fields, path: string, kinds: readonly string[]): readonly FieldError[] {
  const present = kinds.filter((kind) => handler[kind] !== undefined);
  if (present.length === 0) return [required(path, "must specify a handler type")];
  const more = present.slice(1).map((kind) => forbidden(`${path}.${kind}`, "may not specify more than 1 handler type"));
  const exec = handler.exec === undefined ? [] : execErrors(fieldsOf(handler.exec), `${path}.exec`);
  const http = handler.httpGet === undefined ? [] : httpErrors(fieldsOf(handler.httpGet), `${path}.httpGet`);
  const tcp =
    handler.tcpSocket === undefined ? [] : portReference(`${path}.tcpSocket.port`, fieldsOf(handler.tcpSocket).port);
  return [...more, ...exec, ...http, ...tcp, ...grpcErrors(handler, path)];
}

function execErrors(exec: Fields, path: string): readonly FieldError[] {
  return textsOf(exec.command).length === 0 ? [required(`${path}.command`)] : [];
}

function httpErrors(get: Fields, path: string): readonly FieldError[] {
  return [
    ...nonEmpty(`${path}.path`, get.path),
    ...portReference(`${path}.port`, get.port),
    ...oneOf(`${path}.scheme`, get.scheme, ["HTTP", "HTTPS"]),
    ...itemsOf(get.httpHeaders).flatMap(({ name }, i) => {
      if (/^[-A-Za-z0-9]+$/.test(textOf(name))) return [];
      const detail =
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation " +
        "is '[-A-Za-z0-9]+')";
      return [invalid(`${path}.httpHeaders[${i}].name`, textOf(name), detail)];
    }),
  ];
}

function grpcErrors(handler: Fields, path: string): readonly FieldError[] {
  if (handler.grpc === undefined) return [];
  const { port } = fieldsOf(handler.grpc);
  return problemsAt(`${path}.grpc.port`, port ?? 0, portNumberProblems(typeof port === "number" ? port : 0));
}
