import { CodedError } from "../core/index.ts";

/** Why DNS does not listen somewhere: `AddressInUse`, `AddressNotAvailable`, `PermissionDenied` or `CannotListen`. */
export function cannotListen(error: Error, address: string, port: number, transport: string): CodedError {
  const where = `DNS cannot listen on ${address} port ${port} (${transport})`;
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return new CodedError("AddressInUse", `${where}: something else listens there; stop it or choose another port`, {
        cause: error,
      });
    case "EADDRNOTAVAIL":
      return new CodedError("AddressNotAvailable", `${where}: no interface has this address; add it first`, {
        cause: error,
      });
    case "EACCES":
      return new CodedError("PermissionDenied", `${where}: ports below 1024 need CAP_NET_BIND_SERVICE`, {
        cause: error,
      });
    default:
      return new CodedError("CannotListen", `${where}: ${error.message}`, { cause: error });
  }
}
