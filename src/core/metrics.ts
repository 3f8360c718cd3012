/** The content type of `Metrics.expose()`: the text format of Prometheus, version 0.0.4. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** One number that only grows. */
export interface Counter {
  /** Adds `amount` (1 unless given). Throws `RangeError` when it is negative. */
  add(amount?: number): void;
  readonly value: number;
}

/** One number that goes up and down. */
export interface Gauge {
  set(value: number): void;
  add(amount: number): void;
  readonly value: number;
}

/** How often values fell into which range, their number and their sum. */
export interface Histogram {
  observe(value: number): void;
  readonly count: number;
  readonly sum: number;
}

/** One value for each label, in the order of the labels' names. */
export type LabelValues<Labels extends readonly string[]> = { readonly [Index in keyof Labels]: string };

/** All numbers of one name, one for each combination of label values. */
export interface MetricFamily<Labels extends readonly string[], One> {
  /**
   * The number with these label values, made with the first call. Hot paths keep what this returns: looking it up costs
   * much more than adding to it. Whoever takes label values from outside must bound how many there are.
   */
  with(...values: LabelValues<Labels>): One;
  /** Forgets one number, so that it is no longer exposed. */
  remove(...values: LabelValues<Labels>): void;
}

/** A number that is read at the time of exposition, with its label values. */
export type MetricReading<Labels extends readonly string[]> = readonly [...values: LabelValues<Labels>, value: number];

/** What a metric is called and what it means. */
export interface MetricDescription<Labels extends readonly string[]> {
  /** `[a-zA-Z_:][a-zA-Z0-9_:]*`, with the unit as suffix, `_total` for counters. */
  readonly name: string;
  readonly help: string;
  /** The names of the labels; none unless given. */
  readonly labels?: Labels;
}

/**
 * The metrics of one process. Declaring a name again gives the same family, so that several parts may count into it;
 * declaring it as something else throws `TypeError`, as do names that Prometheus does not take.
 */
export interface Metrics {
  counter<const Labels extends readonly string[] = []>(
    description: MetricDescription<Labels>,
  ): MetricFamily<Labels, Counter>;
  gauge<const Labels extends readonly string[] = []>(
    description: MetricDescription<Labels>,
  ): MetricFamily<Labels, Gauge>;
  /** `buckets` are upper bounds (inclusive), ascending, without infinity. */
  histogram<const Labels extends readonly string[] = []>(
    description: MetricDescription<Labels> & { readonly buckets: readonly number[] },
  ): MetricFamily<Labels, Histogram>;
  /**
   * A metric that is read only when it is exposed, for what somebody counts already. Several may read for one name.
   * Returns how to stop.
   */
  read<const Labels extends readonly string[] = []>(
    description: MetricDescription<Labels> & { readonly kind: "counter" | "gauge" },
    readings: () => Iterable<MetricReading<Labels>>,
  ): () => void;
  /** All numbers as text, families by name. */
  expose(): string;
}

/** `count` bounds from `start`, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, exponent) => start * factor ** exponent);
}

/** `count` bounds from `start`, each `width` more than the one before. */
export function linearBuckets(start: number, width: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + width * index);
}

type Kind = "counter" | "gauge" | "histogram";

class CounterValue implements Counter {
  value = 0;

  add(amount = 1): void {
    if (!(amount >= 0)) throw new RangeError(`A counter cannot grow by ${amount}: use a gauge`);
    this.value += amount;
  }
}

class GaugeValue implements Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
  }

  add(amount: number): void {
    this.value += amount;
  }
}

class HistogramValue implements Histogram {
  readonly bounds: readonly number[];
  /** How many values fell between a bound and the one before it; the last is for those above all bounds. */
  readonly counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && !(value <= (bounds[index] ?? Infinity))) index++;
    counts[index] = (counts[index] ?? 0) + 1;
    this.count++;
    this.sum += value;
  }
}

/** A family without the types of its labels. */
class Family<One> {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly labels: readonly string[];
  readonly readers = new Set<() => Iterable<readonly (string | number)[]>>();
  readonly #numbers = new Map<string, { readonly values: readonly string[]; readonly one: One }>();
  readonly #make: () => One;

  constructor({ name, help, labels = [] }: MetricDescription<readonly string[]>, kind: Kind, make: () => One) {
    this.name = name;
    this.help = help;
    this.kind = kind;
    this.labels = labels;
    this.#make = make;
    // What has no labels is exposed from the start: a missing line and a 0 are different for alerts.
    if (labels.length === 0 && kind !== "gauge") this.with();
  }

  with(...values: readonly string[]): One {
    const key = values.join("\u0000");
    const known = this.#numbers.get(key);
    if (known !== undefined) return known.one;
    if (values.length !== this.labels.length) {
      throw new TypeError(`${this.name} has the labels ${JSON.stringify(this.labels)}, not ${values.length}`);
    }
    const one = this.#make();
    this.#numbers.set(key, { values, one });
    return one;
  }

  remove(...values: readonly string[]): void {
    this.#numbers.delete(values.join("\u0000"));
  }

  numbers(): Iterable<{ readonly values: readonly string[]; readonly one: One }> {
    return this.#numbers.values();
  }
}

type AnyFamily =
  | { readonly kind: "counter"; readonly family: Family<CounterValue> }
  | { readonly kind: "gauge"; readonly family: Family<GaugeValue> }
  | { readonly kind: "histogram"; readonly family: Family<HistogramValue>; readonly bounds: readonly number[] };

/** Makes an empty registry. */
export function createMetrics(): Metrics {
  const families = new Map<string, AnyFamily>();

  const declare = (description: MetricDescription<readonly string[]>, make: () => AnyFamily): AnyFamily => {
    const known = families.get(description.name);
    const made = make();
    if (known === undefined) {
      checkNames(description);
      families.set(description.name, made);
      return made;
    }
    const sameLabels = known.family.labels.join(",") === made.family.labels.join(",");
    const sameBounds =
      known.kind !== "histogram" || (made.kind === "histogram" && known.bounds.join(",") === made.bounds.join(","));
    if (known.kind !== made.kind || !sameLabels || !sameBounds) {
      throw new TypeError(`The metric ${description.name} is declared already, as another ${known.kind}`);
    }
    return known;
  };
  const counter = (description: MetricDescription<readonly string[]>) =>
    declare(description, () => ({
      kind: "counter",
      family: new Family(description, "counter", () => new CounterValue()),
    }));
  const gauge = (description: MetricDescription<readonly string[]>) =>
    declare(description, () => ({ kind: "gauge", family: new Family(description, "gauge", () => new GaugeValue()) }));

  return {
    counter: (description) => {
      const { kind, family } = counter(description);
      if (kind !== "counter") throw new TypeError(`${description.name} is no counter`);
      return family;
    },
    gauge: (description) => {
      const { kind, family } = gauge(description);
      if (kind !== "gauge") throw new TypeError(`${description.name} is no gauge`);
      return family;
    },
    histogram: (description) => {
      const bounds = description.buckets;
      if (bounds.some((bound, index) => !Number.isFinite(bound) || bound <= (bounds[index - 1] ?? -Infinity))) {
        throw new TypeError(`The buckets of ${description.name} must be finite and ascending`);
      }
      const { kind, family } = declare(description, () => ({
        kind: "histogram",
        bounds,
        family: new Family(description, "histogram", () => new HistogramValue(bounds)),
      }));
      if (kind !== "histogram") throw new TypeError(`${description.name} is no histogram`);
      return family;
    },
    read: (description, readings) => {
      const { family } = description.kind === "counter" ? counter(description) : gauge(description);
      // A number of its own would be exposed beside what is read.
      if (family.labels.length === 0) family.remove();
      family.readers.add(readings);
      return () => void family.readers.delete(readings);
    },
    expose: () =>
      [...families.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, family]) => familyText(family))
        .join(""),
  };
}

function checkNames({ name, labels = [] }: MetricDescription<readonly string[]>): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a metric`);
  for (const label of labels) {
    const isReserved = label.startsWith("__") || label === "le";
    if (isReserved || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) {
      throw new TypeError(`${JSON.stringify(label)} is no name of a label (of ${name})`);
    }
  }
}

function familyText(any: AnyFamily): string {
  const { name, help, labels } = any.family;
  const lines: string[] = [];
  if (any.kind === "histogram") {
    for (const { values, one } of any.family.numbers()) lines.push(...histogramLines(name, labels, values, one));
  } else {
    for (const { values, one } of any.family.numbers()) lines.push(sample(name, labels, values, one.value));
  }
  // Several readers may give the same labels (server blocks that share a cache): their sum is the truth.
  const read = new Map<string, { readonly values: readonly string[]; value: number }>();
  for (const readings of any.family.readers) {
    for (const reading of readings()) {
      const values = reading.slice(0, -1).map(String);
      const key = values.join("\u0000");
      const known = read.get(key);
      if (known === undefined) read.set(key, { values, value: Number(reading.at(-1)) });
      else known.value += Number(reading.at(-1));
    }
  }
  for (const { values, value } of read.values()) lines.push(sample(name, labels, values, value));
  if (lines.length === 0) return "";
  const escapedHelp = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${escapedHelp}\n# TYPE ${name} ${any.kind}\n${lines.join("")}`;
}

function histogramLines(
  name: string,
  labels: readonly string[],
  values: readonly string[],
  { bounds, counts, count, sum }: HistogramValue,
): readonly string[] {
  const names = [...labels, "le"];
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return sample(`${name}_bucket`, names, [...values, numberText(bound)], below);
  });
  return [
    ...buckets,
    sample(`${name}_bucket`, names, [...values, "+Inf"], count),
    sample(`${name}_sum`, labels, values, sum),
    sample(`${name}_count`, labels, values, count),
  ];
}

function sample(name: string, labels: readonly string[], values: readonly string[], value: number): string {
  const pairs = labels.map((label, index) => `${label}="${escapedValue(values[index] ?? "")}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}\n`;
}

function escapedValue(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}
