import { matrix } from "./matrix.ts";
import type { Setting } from "./packet-case.ts";

export const settings: readonly Setting[] = [{ name: "the usual settings", network: {}, cases: matrix() }];
