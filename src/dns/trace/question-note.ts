/** What a part of the server did with a question, for people. Names have their final dot, types their mnemonics. */
export type QuestionNote =
  /** Somebody knew, or was sure that nobody does. */
  | {
      readonly kind: "answered";
      /** As a Corefile calls it; "reverse" for the part of `kubernetes` that knows addresses, "none" for nobody. */
      readonly plugin: string;
      readonly name: string;
      readonly type: string;
      readonly rcode: string;
    }
  /** A plugin asks the others for something else than the client did. */
  | { readonly kind: "looks-up"; readonly plugin: string; readonly name: string; readonly type: string }
  /** The answer was remembered. `ageSeconds` ago it came, for `leftSeconds` it may be used; below 0 it is stale. */
  | { readonly kind: "remembered"; readonly ageSeconds: number; readonly leftSeconds: number }
  /** Another server was asked. `outcome` is a response code, "timeout" or "error". */
  | {
      readonly kind: "upstream";
      readonly server: string;
      readonly transport: string;
      readonly outcome: string;
      readonly ms: number;
    };

/** Hears what happens to a question. It must not throw. */
export type NoteTaker = (note: QuestionNote) => void;
