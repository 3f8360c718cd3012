import type { Cancel, Clock } from "../../core/index.ts";
import type { Container } from "../../objects/index.ts";
import type { StandInState } from "../stand-in/control.ts";
import { dialProbe } from "./probe-dial.ts";
import type { ProbeResult, ProbeTarget } from "./probe-dial.ts";
import { afterResult, initialProgress, mustRestart, planProbe, restartDelayMs } from "./probe.ts";
import type { ProbeKind, ProbePlan, ProbeProgress } from "./probe.ts";
import type { ContainerFacts } from "./status.ts";

/** What a running container needs of its pod. */
export interface ContainerOptions {
  readonly container: Container;
  readonly clock: Clock;
  readonly target: ProbeTarget;
  /** Restarts and start time that an earlier agent wrote into the status. */
  readonly before?: { readonly restartCount: number; readonly startedAtMs: number; readonly ready: boolean };
  /** How the stand-in behaves; undefined for containers that are part of this program. */
  readonly state: () => StandInState | undefined;
  /** The facts changed. */
  readonly changed: () => void;
  readonly event: (type: "Normal" | "Warning", reason: string, message: string) => void;
  /** Stops (false) or starts again (true) what answers for the container. */
  readonly setRunning: (running: boolean) => void;
}

// A run that lasted this long makes the kubelet forget earlier restarts.
const backOffResetMs = 600_000;

/** One container of a pod: runs its probes and starts it again when they say so. */
export class RunningContainer {
  readonly #options: ContainerOptions;
  readonly #plans: ReadonlyMap<ProbeKind, ProbePlan>;
  readonly #progress = new Map<ProbeKind, ProbeProgress>();
  readonly #cancels = new Set<Cancel>();
  /** Runs that wait for their period to end, and how to make them now. */
  readonly #pending = new Map<ProbeKind, () => void>();
  #facts: ContainerFacts;
  #problems = new Set<string>();
  #backOff = 0;
  #stopped = false;

  constructor(options: ContainerOptions) {
    this.#options = options;
    const { container, before, clock } = options;
    const probes: readonly (readonly [ProbeKind, Container["readinessProbe"]])[] = [
      ["startup", container.startupProbe],
      ["readiness", container.readinessProbe],
      ["liveness", container.livenessProbe],
    ];
    this.#plans = new Map(
      probes.flatMap(([kind, probe]) => (probe === undefined ? [] : [[kind, planProbe(kind, probe, container)]])),
    );
    this.#facts = {
      name: container.name,
      ready: before?.ready ?? false,
      started: false,
      restartCount: before?.restartCount ?? 0,
      startedAtMs: before?.startedAtMs ?? clock.now(),
    };
    for (const kind of this.#plans.keys()) this.#progress.set(kind, initialProgress(kind));
    const wasReady = before?.ready === true;
    if (wasReady)
      for (const kind of this.#plans.keys()) this.#progress.set(kind, { ...initialProgress(kind), passing: true });
  }

  get facts(): ContainerFacts {
    return this.#facts;
  }

  /** Whether every first probe that runs at once has had its result: the first status need not be written before. */
  get settled(): boolean {
    return [...this.#plans.values()].every(
      ({ kind, initialDelayMs }) =>
        initialDelayMs > 0 || kind === "liveness" || this.#progress.get(kind)?.last !== undefined || this.#gated(kind),
    );
  }

  /** Starts probing. */
  start(): void {
    if (this.#plans.has("startup") && this.#progress.get("startup")?.passing !== true) this.#startProbe("startup");
    else this.#started();
    this.review();
  }

  /** Something outside the probes changed (the stand-in's state, a port that cannot be opened). */
  review(): void {
    const startup = this.#progress.get("startup");
    const readiness = this.#progress.get("readiness");
    const started = startup?.passing ?? true;
    const state = this.#options.state();
    const withoutProbe = state === undefined || (state.ready && !state.dead);
    const ready =
      started && this.#facts.waiting === undefined && this.#problems.size === 0 && (readiness?.passing ?? withoutProbe);
    if (ready === this.#facts.ready && started === this.#facts.started) return;
    this.#facts = { ...this.#facts, ready, started };
    this.#options.changed();
  }

  /**
   * The stand-in was told to behave differently: readiness is asked at once instead of at the end of the period, so that an order shows as
   * fast as the cluster can carry it. The period goes on from there.
   */
  stateChanged(): void {
    this.#pending.get("readiness")?.();
    this.review();
  }

  /** A port of this container could not be opened (or now could). */
  portProblem(port: string, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(port);
    else {
      if (!this.#problems.has(port))
        this.#options.event("Warning", "Failed", `Port ${port} cannot be opened: ${problem}`);
      this.#problems.add(port);
    }
    this.review();
  }

  /** The pod terminates: it is no longer started again, readiness is still watched. */
  terminate(): void {
    this.#plans.forEach((_plan, kind) => {
      if (kind !== "readiness") this.#progress.delete(kind);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelAll();
  }

  #gated(kind: ProbeKind): boolean {
    return kind !== "startup" && this.#progress.get("startup")?.passing === false;
  }

  #started(): void {
    for (const kind of ["readiness", "liveness"] as const) if (this.#plans.has(kind)) this.#startProbe(kind);
  }

  #startProbe(kind: ProbeKind): void {
    const plan = this.#plans.get(kind);
    if (plan === undefined) return;
    const sinceStart = this.#options.clock.now() - this.#facts.startedAtMs;
    const delay = Math.max(0, plan.initialDelayMs - sinceStart);
    if (delay === 0) this.#run(plan, this.#options.clock.monotonic());
    else this.#later(delay, () => this.#run(plan, this.#options.clock.monotonic()));
  }

  /** One run; the next one starts a whole period after this one started, however long it takes. */
  #run(plan: ProbePlan, startedAt: number): void {
    const done = (result: ProbeResult) => {
      if (this.#stopped) return;
      this.#result(plan, result);
      const goesOn =
        this.#progress.has(plan.kind) && !(plan.kind === "startup" && this.#progress.get("startup")?.passing);
      if (!goesOn || this.#facts.waiting !== undefined) return;
      const next = startedAt + plan.periodMs;
      const wait = Math.max(0, next - this.#options.clock.monotonic());
      const again = (at: number) => {
        cancelNext();
        this.#pending.delete(plan.kind);
        this.#run(plan, at);
      };
      const cancelNext = this.#later(wait, () => again(wait === 0 ? this.#options.clock.monotonic() : next));
      this.#pending.set(plan.kind, () => again(this.#options.clock.monotonic()));
    };
    const { action } = plan;
    const state = this.#options.state();
    if (action.kind === "impossible") return done({ passed: false, message: action.reason });
    if (action.kind === "assumed") {
      if (state?.dead === true) return done({ passed: false, message: "the stand-in was told to be dead" });
      if (plan.kind === "readiness" && state?.ready === false) return done(toldUnready);
      return done({ passed: true });
    }
    const judged = (result: ProbeResult) => {
      this.#cancels.delete(cancel);
      const told = plan.kind === "readiness" && action.kind === "tcp" && this.#options.state()?.ready === false;
      done(result.passed && told ? toldUnready : result);
    };
    const cancel = dialProbe(plan.kind, action, plan.timeoutMs, this.#options.target, judged);
    this.#cancels.add(cancel);
  }

  #result(plan: ProbePlan, result: ProbeResult): void {
    const before = this.#progress.get(plan.kind);
    if (before === undefined) return;
    const progress = afterResult(plan, before, result.passed);
    this.#progress.set(plan.kind, progress);
    if (!result.passed) {
      const name = `${plan.kind[0]?.toUpperCase()}${plan.kind.slice(1)}`;
      this.#options.event("Warning", "Unhealthy", `${name} probe failed: ${result.message}`);
    }
    if (mustRestart(plan, progress)) return this.#restart(plan.kind);
    if (plan.kind === "startup" && progress.passing && !before.passing) this.#started();
    this.review();
    if (before.last === undefined) this.#options.changed();
  }

  #restart(kind: ProbeKind): void {
    const { clock, container, event, setRunning, changed } = this.#options;
    event("Normal", "Killing", `Container ${container.name} failed ${kind} probe, will be restarted`);
    this.#cancelAll();
    setRunning(false);
    const now = clock.now();
    const { startedAtMs } = this.#facts;
    if (now - startedAtMs > backOffResetMs) this.#backOff = 0;
    const delay = restartDelayMs(this.#backOff++);
    for (const probe of this.#plans.keys()) this.#progress.set(probe, initialProgress(probe));
    const start = () => {
      const { waiting: _waited, ...facts } = this.#facts;
      this.#facts = {
        ...facts,
        ready: false,
        started: false,
        restartCount: facts.restartCount + 1,
        startedAtMs: clock.now(),
        lastEnd: { startedAtMs, finishedAtMs: now },
      };
      setRunning(true);
      event("Normal", "Started", "Container started");
      changed();
      this.start();
    };
    if (delay === 0) return start();
    const message = `back-off ${delay / 1000}s restarting failed container=${container.name}`;
    this.#facts = { ...this.#facts, ready: false, started: false, waiting: { reason: "CrashLoopBackOff", message } };
    event("Warning", "BackOff", `Back-off restarting failed container ${container.name}`);
    changed();
    this.#later(delay, start);
  }

  #later(delayMs: number, run: () => void): Cancel {
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancels.delete(cancel);
      if (!this.#stopped) run();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }

  #cancelAll(): void {
    this.#pending.clear();
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}

const toldUnready: ProbeResult = { passed: false, message: "the stand-in was told to be unready" };
