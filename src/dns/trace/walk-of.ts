import { glibcWalk } from "./glibc-walk.ts";
import { muslWalk } from "./musl-walk.ts";
import type { ResolverSettings } from "./resolver-settings.ts";
import type { Lookup, ResolverWalk } from "./resolver-step.ts";

/** How a resolver with these settings looks a name up. `firstServer` is where `rotate` begins. */
export function walkOf(settings: ResolverSettings, lookup: Lookup, firstServer = 0): ResolverWalk {
  return settings.kind === "glibc" ? glibcWalk(settings, lookup, firstServer) : muslWalk(settings, lookup);
}
