/** What is wrong with one field, and where. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** Collects what a configuration file says wrong, and what of it is not acted on. */
export interface Findings {
  readonly errors: FieldProblem[];
  readonly warnings: string[];
}

/** Reads the fields of one object; a field that nobody asks for is reported by `finish`. */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #findings: Findings;
  readonly #known = new Set<string>();

  constructor(value: unknown, path: string, findings: Findings) {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isObject && value !== undefined && value !== null) {
      findings.errors.push({ path, message: `must be an object, not ${JSON.stringify(value)}` });
    }
    this.#fields = isObject ? Object.fromEntries(Object.entries(value)) : {};
    this.#path = path;
    this.#findings = findings;
  }

  /** The fields of a nested object. */
  object(name: string): FieldReader {
    return new FieldReader(this.#take(name), this.#pathOf(name), this.#findings);
  }

  text(name: string): string | undefined {
    return this.#typed(name, (value) => (typeof value === "string" ? value : undefined), "a text");
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, (value) => (typeof value === "boolean" ? value : undefined), "true or false");
  }

  /** A whole number in this range. */
  integer(name: string, min: number, max: number): number | undefined {
    const isInRange = (value: unknown): value is number =>
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
    const expected = `a whole number from ${min} to ${max}`;
    return this.#typed(name, (value) => (isInRange(value) ? value : undefined), expected);
  }

  /** A list of texts. */
  texts(name: string): readonly string[] | undefined {
    const isText = (value: unknown): value is string => typeof value === "string";
    return this.#typed(
      name,
      (value) => (Array.isArray(value) && value.every(isText) ? value : undefined),
      "a list of texts",
    );
  }

  /** A text that `parse` understands; the empty text counts as absent. `expected` says what it must be. */
  parsed<T>(name: string, parse: (text: string) => T | undefined, expected: string): T | undefined {
    const value = this.#take(name);
    if (value === undefined || value === null || value === "") return undefined;
    const result = typeof value === "string" ? parse(value) : undefined;
    if (result === undefined) this.error(name, `must be ${expected}, not ${JSON.stringify(value)}`);
    return result;
  }

  /** Fields that are accepted and not acted on: one that asks for something gets a warning with the reason. */
  ignored(names: Readonly<Record<string, string>>): void {
    for (const [name, reason] of Object.entries(names)) {
      const value = this.#take(name);
      if (asksForSomething(value)) this.#findings.warnings.push(`${this.#pathOf(name)} is not acted on: ${reason}`);
    }
  }

  error(name: string, message: string): void {
    this.#findings.errors.push({ path: this.#pathOf(name), message });
  }

  warn(name: string, message: string): void {
    this.#findings.warnings.push(`${this.#pathOf(name)} ${message}`);
  }

  /** Warns of fields that do not exist. */
  finish(): void {
    for (const name of Object.keys(this.#fields)) {
      if (!this.#known.has(name)) this.#findings.warnings.push(`${this.#pathOf(name)}: there is no such field`);
    }
  }

  #typed<T>(name: string, read: (value: unknown) => T | undefined, expected: string): T | undefined {
    const value = this.#take(name);
    if (value === undefined || value === null) return undefined;
    const result = read(value);
    if (result === undefined) this.error(name, `must be ${expected}, not ${JSON.stringify(value)}`);
    return result;
  }

  #take(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name];
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/** Empty texts, zeros, empty lists and objects of nothing else are what a file has that leaves a field alone. */
function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === "0s" || value === false) {
    return false;
  }
  if (typeof value === "object") return Object.values(value).some(asksForSomething);
  return true;
}
