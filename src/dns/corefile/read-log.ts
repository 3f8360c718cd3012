import { commonLogFormat, combinedLogFormat, unknownLogField } from "../query-log.ts";
import {
  expectArguments,
  onlyArgument,
  readChoice,
  readDuration,
  readInteger,
  readPattern,
  readProperties,
  readZoneList,
} from "./arguments.ts";
import type { Directive } from "./blocks.ts";
import type { ErrorsSettings, LogLevelName, LogSettings, ResponseClass } from "./configuration.ts";
import { corefileError } from "./place.ts";

const levels: readonly LogLevelName[] = ["debug", "info", "warning", "error"];

/** `log [NAMES...] [FORMAT] { class CLASS...; sample N }` */
export function readLog(plugin: Directive): LogSettings {
  const last = plugin.args.at(-1);
  const hasFormat = last?.text.includes("{") === true;
  const names = hasFormat ? plugin.args.slice(0, -1) : plugin.args;
  const format = (hasFormat ? last.text : "{common}")
    .replaceAll("{common}", commonLogFormat)
    .replaceAll("{combined}", combinedLogFormat);
  const unknown = unknownLogField(format);
  if (unknown !== undefined && last !== undefined) {
    throw corefileError(last, `log: the field ${unknown} is not known`);
  }
  const classes = new Set<ResponseClass>();
  let sample = 1;
  readProperties(plugin, {
    class: (property) => {
      expectArguments(property, 1, 4, "class all|success|denial|error...");
      for (const word of property.args) classes.add(readChoice(word, ["all", "success", "denial", "error"]));
    },
    sample: (property) => {
      sample = readInteger(onlyArgument(property, "sample N (one of N answers is written)"), 1, 1e9);
    },
  });
  return { zones: readZoneList(names), format, classes: classes.size === 0 ? ["all"] : [...classes], sample };
}

/** `errors { consolidate DURATION PATTERN [LEVEL] [show_first] }` */
export function readErrors(plugin: Directive): ErrorsSettings {
  expectArguments(plugin, 0, 1, "errors { ... }");
  const [target] = plugin.args;
  if (target !== undefined && target.text !== "stdout") {
    throw corefileError(target, `errors: lines go to the log, not to ${target.text}; remove the argument`);
  }
  const consolidate: ErrorsSettings["consolidate"][number][] = [];
  readProperties(plugin, {
    consolidate: (property) => {
      expectArguments(property, 2, 3, "consolidate DURATION PATTERN [debug|info|warning|error]");
      const [every, pattern, level] = property.args;
      if (every === undefined || pattern === undefined) throw new TypeError("Arguments were counted before");
      const everyMs = readDuration(every);
      if (everyMs <= 0) throw corefileError(every, "errors: the duration must be longer than 0");
      consolidate.push({
        everyMs,
        pattern: readPattern(pattern),
        level: level === undefined ? "error" : readChoice(level, levels),
      });
    },
  });
  return { consolidate };
}
