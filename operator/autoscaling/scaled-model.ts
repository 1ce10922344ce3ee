import type { AutoscalingSpec } from '../../crds/modeldeployment/autoscaling.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { wantedReplicas } from '../../crds/replicas.ts';
import { backoffMs } from '../../kube/clock.ts';
import type { ModelLoad } from '../demand/routers.ts';
import { policyConfigOf } from './config.ts';
import { type Decision, decide, type Memory, type PolicyConfig, remember } from './policy.ts';
import { type Schedules, schedulesOf } from './schedules.ts';
import type { ScalingVerdict } from './words.ts';

/** A decision with what it was made by. */
export interface Look {
  decision: Decision;
  config: PolicyConfig;
  schedules: Schedules;
  /** What `spec.replicas` is, or will be when what was written is seen. */
  asked: number;
  /** When to look again though nothing has changed but time; may be infinite. */
  againInMs: number;
}

export interface Times {
  /** Monotonic. */
  nowMs: number;
  /** Since 1970. */
  wallMs: number;
}

const [leastPauseMs, mostPauseMs] = [500, 30_000];

/** One ModelDeployment with `autoscaling`: what is remembered of it between two looks. */
export class ScaledModel {
  readonly servedName: string;
  readonly #uid: string;
  verdict: ScalingVerdict | undefined;
  /** Ends the wait for the next look. */
  cancelTimer: (() => void) | undefined;
  #memory: Memory | undefined;
  #read: { generation: number; config: PolicyConfig; schedules: Schedules } | undefined;
  /** What was written last, until the watch brings a later generation. */
  #written: { generation: number; replicas: number } | undefined;
  #isWriting = false;
  /** Writes that failed in a row. */
  #failures = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(deployment: ModelDeployment) {
    this.#uid = deployment.metadata.uid;
    this.servedName = servedNameOf(deployment);
  }

  /** False for a namesake that was made later, or when it is served under another name now. */
  isOf(deployment: ModelDeployment): boolean {
    return deployment.metadata.uid === this.#uid && servedNameOf(deployment) === this.servedName;
  }

  /** Decides anew. @param isActive a request came or went since the last look */
  look(
    deployment: ModelDeployment,
    autoscaling: AutoscalingSpec,
    load: ModelLoad,
    isActive: boolean,
    { nowMs, wallMs }: Times,
  ): Look {
    const { config, schedules } = this.#settingsOf(deployment, autoscaling);
    const asked = this.#askedOf(deployment);
    const floor = schedules.floorAt(wallMs);
    const seen = {
      signal: load.inFlight + load.held,
      isActive,
      isComplete: load.isComplete,
      current: asked ?? wantedReplicas(deployment),
      ready: deployment.status?.readyReplicas ?? 0,
      floor: floor.replicas,
      nowMs,
    };
    this.#memory ??= remember(seen, config);
    const decision = decide(this.#memory, config, seen);
    const againInMs = Math.min(
      decision.lookAgainInMs ?? Number.POSITIVE_INFINITY,
      floor.changesInMs ?? Number.POSITIVE_INFINITY,
    );
    return { decision, config, schedules, asked: asked ?? deployment.spec.replicas, againInMs };
  }

  /** Not while another write is under way, nor soon after one that failed. */
  mayWrite(nowMs: number): boolean {
    return !this.#isWriting && nowMs >= this.#pausedUntilMs;
  }

  /** How long not, after a write that failed; infinite when none did. */
  pauseLeftMs(nowMs: number): number {
    return this.#pausedUntilMs > nowMs ? this.#pausedUntilMs - nowMs : Number.POSITIVE_INFINITY;
  }

  /** These replicas are being written. */
  writes({ metadata }: ModelDeployment, replicas: number): void {
    this.#written = { generation: metadata.generation ?? 0, replicas };
    this.#isWriting = true;
  }

  wrote(): void {
    this.#isWriting = false;
    this.#failures = 0;
  }

  failed(nowMs: number): void {
    this.#written = undefined;
    this.#isWriting = false;
    this.#pausedUntilMs = nowMs + backoffMs(this.#failures++, leastPauseMs, mostPauseMs);
  }

  #askedOf({ metadata }: ModelDeployment): number | undefined {
    const written = this.#written;
    return written && (metadata.generation ?? 0) <= written.generation
      ? written.replicas
      : undefined;
  }

  #settingsOf(deployment: ModelDeployment, autoscaling: AutoscalingSpec) {
    const generation = deployment.metadata.generation ?? 0;
    if (this.#read?.generation !== generation) {
      const config = policyConfigOf(autoscaling, deployment.spec);
      this.#read = { generation, config, schedules: schedulesOf(autoscaling.schedules ?? []) };
    }
    return this.#read;
  }
}
