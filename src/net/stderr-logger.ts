import type { LogFields, Logger } from "../core/index.ts";

/** How much to say: everything from this level up. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How lines look: text for people, JSON for machines. */
export interface StderrLoggerOptions {
  readonly level?: LogLevel;
  readonly format?: "text" | "json";
  /** Fields that every line carries, e.g. `{ component: "proxy", node: "node-1" }`. */
  readonly fields?: LogFields;
  /** Where lines go; standard error when absent. */
  readonly write?: (line: string) => void;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** A logger that writes one line a message to standard error. */
export function stderrLogger(options: StderrLoggerOptions = {}): Logger {
  const { level = "info", format = "text", fields = {} } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const render = format === "json" ? jsonLine : textLine;
  const at = (lineLevel: LogLevel) => {
    if (levels.indexOf(lineLevel) < levels.indexOf(level)) return () => undefined;
    return (message: string, more: LogFields = {}) => {
      write(`${render(new Date().toISOString(), lineLevel, message, { ...fields, ...more })}\n`);
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return JSON.stringify({ time, level, message, ...fields }, (_key, value: unknown) =>
    value instanceof Error ? value.message : typeof value === "bigint" ? String(value) : value,
  );
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const values = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  return `${time.slice(11, 23)} ${level.padEnd(5)} ${message}${values.join("")}`;
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === "bigint" || value === undefined) return String(value);
  return JSON.stringify(value) ?? typeof value;
}
