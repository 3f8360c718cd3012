import { formatLabelSelector } from "../../objects/index.ts";
import type { AnyObject } from "../../objects/index.ts";
import type { KindDefinition } from "../define-kind.ts";
import { fieldsOf, itemsOf, mapField, numberOf, textOf, withDefaults } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { defaultPodTemplate } from "../pod-spec/defaults.ts";
import { labelsOf, validatePodSpec } from "../pod-spec/validation.ts";
import { orNone, sinceCell } from "../printing/column.ts";
import { formatAge } from "../printing/duration.ts";
import { required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { nonEmpty, nonNegative } from "../validation/values.ts";
import { age, shown, storedTable, wide } from "./stored-table.ts";

type Details = Omit<KindDefinition<AnyObject>, "resource" | "actedOn">;

/** `batch/v1.Job`. */
export const jobDetails: Details = {
  categories: ["all"],
  subresources: ["status"],
  selectableFields: (job) => ({ "status.successful": String(numberOf(fieldsOf(job.status).succeeded)) }),
  applyDefaults: (job) => mapField(job, "spec", (spec) => defaultJobSpec(fieldsOf(spec))),
  validate: (job) => validateJobSpec(fieldsOf(job.spec), "spec"),
  ...storedTable([
    shown("Status", jobStatus),
    shown("Completions", completions),
    shown("Duration", duration),
    age,
    wide("Containers", (job) => containerTexts(fieldsOf(job.spec), "name")),
    wide("Images", (job) => containerTexts(fieldsOf(job.spec), "image")),
    wide("Selector", (job) =>
      orNone(formatLabelSelector({ matchLabels: labelsOf(fieldsOf(fieldsOf(job.spec).selector).matchLabels) })),
    ),
  ]),
};

/** `batch/v1.CronJob`. */
export const cronJobDetails: Details = {
  shortNames: ["cj"],
  categories: ["all"],
  subresources: ["status"],
  applyDefaults: (cronJob) =>
    mapField(cronJob, "spec", (value) => {
      const spec = withDefaults(fieldsOf(value), {
        concurrencyPolicy: "Allow",
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      });
      return mapField(spec, "jobTemplate", (job) =>
        mapField(fieldsOf(job), "spec", (inner) => defaultTemplate(fieldsOf(inner))),
      );
    }),
  validate: (cronJob) => {
    const spec = fieldsOf(cronJob.spec);
    const job = fieldsOf(fieldsOf(spec.jobTemplate).spec);
    return [...nonEmpty("spec.schedule", spec.schedule), ...validateJobSpec(job, "spec.jobTemplate.spec")];
  },
  ...storedTable([
    shown("Schedule", (cronJob) => textOf(fieldsOf(cronJob.spec).schedule)),
    shown("Timezone", (cronJob) => orNone(textOf(fieldsOf(cronJob.spec).timeZone))),
    shown("Suspend", (cronJob) => (fieldsOf(cronJob.spec).suspend === true ? "True" : "False")),
    shown("Active", (cronJob) => itemsOf(fieldsOf(cronJob.status).active).length),
    shown("Last Schedule", (cronJob, nowMs) => {
      const last = textOf(fieldsOf(cronJob.status).lastScheduleTime);
      return last === "" ? "<none>" : sinceCell(last, nowMs);
    }),
    age,
    wide("Containers", (cronJob) => containerTexts(jobSpec(cronJob), "name")),
    wide("Images", (cronJob) => containerTexts(jobSpec(cronJob), "image")),
  ]),
};

function jobSpec(cronJob: AnyObject): Fields {
  return fieldsOf(fieldsOf(fieldsOf(cronJob.spec).jobTemplate).spec);
}

function defaultJobSpec(spec: Fields): Fields {
  const single = spec.completions === undefined && spec.parallelism === undefined;
  const result = withDefaults(spec, {
    completions: single ? 1 : undefined,
    parallelism: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
  });
  return defaultTemplate(result);
}

function defaultTemplate(spec: Fields): Fields {
  return mapField(spec, "template", defaultPodTemplate);
}

function validateJobSpec(spec: Fields, path: string): readonly FieldError[] {
  const template = fieldsOf(fieldsOf(spec.template).spec);
  const restarts = template.restartPolicy === "Always";
  return [
    ...nonNegative(`${path}.parallelism`, spec.parallelism),
    ...nonNegative(`${path}.completions`, spec.completions),
    ...nonNegative(`${path}.backoffLimit`, spec.backoffLimit),
    ...validatePodSpec(template, `${path}.template.spec`),
    ...(restarts ? [required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')] : []),
  ];
}

function jobStatus(job: AnyObject): string {
  const conditions = itemsOf(fieldsOf(job.status).conditions);
  const holds = (type: string) =>
    conditions.some((condition) => condition.type === type && condition.status === "True");
  if (holds("Complete")) return "Complete";
  if (holds("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (holds("Suspended")) return "Suspended";
  if (holds("FailureTarget")) return "FailureTarget";
  return holds("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

function completions(job: AnyObject): string {
  const spec = fieldsOf(job.spec);
  const done = numberOf(fieldsOf(job.status).succeeded);
  if (spec.completions !== undefined) return `${done}/${numberOf(spec.completions)}`;
  const parallelism = numberOf(spec.parallelism);
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function duration(job: AnyObject, nowMs: number): string {
  const { startTime, completionTime } = fieldsOf(job.status);
  const start = textOf(startTime);
  if (start === "") return "";
  const end = textOf(completionTime);
  return formatAge((end === "" ? nowMs : Date.parse(end)) - Date.parse(start));
}

function containerTexts(spec: Fields, field: "name" | "image"): string {
  const containers = itemsOf(fieldsOf(fieldsOf(spec.template).spec).containers);
  return containers.map((container) => textOf(container[field])).join(",");
}
