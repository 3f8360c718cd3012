import type { Cancel } from "../../core/index.ts";
import type { KubeObject, WatchEvent } from "../../objects/index.ts";
import { apiVersionOf } from "../../objects/index.ts";
import type { Kind } from "../../kinds/index.ts";
import type { StoreWatch } from "../../store/index.ts";
import { asApiError } from "../errors.ts";
import type { Pipeline, WatchRequest } from "../pipeline/pipeline.ts";
import { flag, parameter } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { representEvent } from "./representation.ts";
import type { Representation } from "./representation.ts";

const bookmarkEveryMs = 60_000;
const longestWatchSeconds = 3600;
/** A client that is this far behind, in bytes, is cut off: it lists and watches again. */
const mostBuffered = 64 * 1024 * 1024;

/** What all watches of a server share. */
export interface WatchServices {
  readonly pipeline: Pipeline;
  readonly lines: EventLines;
}

/** Serves a watch as JSON lines until the client leaves, the time is over or the server stops. */
export function streamWatch(
  services: WatchServices,
  kind: Kind,
  request: WatchRequest,
  form: Representation,
  exchange: Exchange,
): void {
  new WatchStream(services, kind, form, exchange).start(request);
}

class WatchStream {
  readonly #pipeline: Pipeline;
  readonly #lines: EventLines;
  readonly #kind: Kind;
  readonly #form: Representation;
  readonly #exchange: Exchange;
  #watch: StoreWatch | undefined;
  #timers: Cancel[] = [];
  #first = true;
  #open = true;

  constructor({ pipeline, lines }: WatchServices, kind: Kind, form: Representation, exchange: Exchange) {
    this.#pipeline = pipeline;
    this.#lines = lines;
    this.#kind = kind;
    this.#form = form;
    this.#exchange = exchange;
  }

  start(request: WatchRequest): void {
    const { response } = this.#exchange;
    const { clock } = this.#pipeline.context;
    // A bad selector is refused with a plain Status; a version that is too old becomes an ERROR event, as upstream does.
    const sendsInitial = flag(this.#exchange, "sendInitialEvents");
    const from = sendsInitial ? { ...request, resourceVersion: undefined } : request;
    try {
      this.#watch = this.#pipeline.watch(this.#kind, from, {
        event: (event) => this.#send(event),
        closed: () => this.#end(),
      });
    } catch (error) {
      const { status } = asApiError(error);
      if (status.code !== 410) throw error;
      this.#begin();
      this.#write({ type: "ERROR", object: status });
      this.#end();
      return;
    }
    this.#begin();
    response.on("close", () => this.#end());
    if (sendsInitial) this.#bookmark({ "k8s.io/initial-events-end": "true" });
    if (flag(this.#exchange, "allowWatchBookmarks")) this.#bookmarkLater();
    this.#timers.push(clock.schedule(this.#seconds() * 1000, () => this.#end()));
  }

  #begin(): void {
    this.#exchange.response.writeHead(200, {
      "Content-Type": "application/json",
      "Cache-Control": "no-cache, private",
    });
    this.#exchange.response.flushHeaders();
  }

  #seconds(): number {
    const seconds = Number(parameter(this.#exchange, "timeoutSeconds") ?? longestWatchSeconds);
    return seconds > 0 ? Math.min(seconds, 24 * longestWatchSeconds) : longestWatchSeconds;
  }

  #bookmarkLater(): void {
    const { clock } = this.#pipeline.context;
    const cancel = clock.schedule(bookmarkEveryMs, () => {
      this.#timers = this.#timers.filter((timer) => timer !== cancel);
      this.#bookmark(undefined);
      this.#bookmarkLater();
    });
    this.#timers.push(cancel);
  }

  #bookmark(annotations: Readonly<Record<string, string>> | undefined): void {
    this.#watch?.afterPending((version) => {
      const { resource } = this.#kind;
      const metadata = { resourceVersion: String(version), ...(annotations === undefined ? {} : { annotations }) };
      const object =
        this.#form.kind === "table"
          ? { kind: "Table", apiVersion: this.#form.apiVersion, metadata, columnDefinitions: null, rows: [] }
          : { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
      this.#write({ type: "BOOKMARK", object });
    });
  }

  #send(event: WatchEvent<KubeObject>): void {
    if (!this.#open) return;
    if (this.#form.kind === "object") this.#writeLine(this.#lines.of(event));
    else this.#write(representEvent(this.#kind, event, this.#form, this.#pipeline.context.clock.now(), this.#first));
    this.#first = false;
    if (this.#exchange.response.writableLength > mostBuffered) {
      this.#exchange.response.destroy();
      this.#end();
    }
  }

  #write(value: unknown): void {
    this.#writeLine(`${JSON.stringify(value)}\n`);
  }

  #writeLine(line: string): void {
    if (this.#open) this.#exchange.response.write(line);
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch?.close();
    for (const cancel of this.#timers) cancel();
    this.#exchange.response.end();
  }
}

/** Many watches see the same event one after the other: its text is made once. */
export class EventLines {
  #last: { readonly event: WatchEvent<KubeObject>; readonly line: string } | undefined;

  of(event: WatchEvent<KubeObject>): string {
    if (this.#last?.event.object === event.object && this.#last.event.type === event.type) return this.#last.line;
    const line = `${JSON.stringify({ type: event.type, object: event.object })}\n`;
    this.#last = { event, line };
    return line;
  }
}
