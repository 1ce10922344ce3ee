import type { z } from 'zod';
import type { condition } from './kubernetes.ts';

/** metav1.Condition as the API server sends it. */
export type Condition = z.output<typeof condition>;

/** What a condition type means, for the reference page. */
export interface ConditionText {
  meaning: string;
}

/** The condition types of a ModelDeployment; an ExternalModel has `Accepted` alone. */
export const conditionTypes = {
  Accepted: { meaning: 'The spec, and everything it refers to, is sound.' },
  Scheduled: { meaning: 'Every replica has a node.' },
  WeightsReady: { meaning: 'An engine has its weights, and no replica fails to load them.' },
  AdaptersReady: {
    meaning: 'Every replica that serves has every adapter. Only where spec.adapters has any.',
  },
  Available: {
    meaning:
      'At least one replica serves, and spec.autoscaling.minReplicas of them, or there are none by choice.',
  },
  Progressing: { meaning: 'Replicas are on their way to the current revision, or have arrived.' },
  Stalled: {
    meaning: 'It will not get further by itself: someone has to change something.',
  },
  Ready: { meaning: 'All of it in one: every replica serves at the current revision.' },
  ScalingLimited: {
    meaning:
      'The number of replicas does not follow the requests as it would. Only with spec.autoscaling.',
  },
} as const satisfies Record<string, ConditionText>;

export type ConditionType = keyof typeof conditionTypes;

/** What a reason means and what to do about it, for the reference page. */
export interface ReasonText {
  /** The condition types it stands on. */
  on: readonly ConditionType[];
  meaning: string;
  remedy: string;
}

const none = 'Nothing.';
const waits = 'Nothing: it goes on by itself.';

/**
 * Every reason that a condition of a ModelDeployment or an ExternalModel can have. `Ready` takes over the reason of what
 * keeps it False.
 */
export const reasons = {
  Accepted: { on: ['Accepted'], meaning: 'Nothing is wrong with the spec.', remedy: none },
  NameConflict: {
    on: ['Accepted', 'Ready'],
    meaning: 'An older object serves one of the same names; this one serves nothing.',
    remedy: 'Give spec.servedName or the alias another value, or delete the older object.',
  },
  NamespaceNotEnabled: {
    on: ['Accepted'],
    meaning: 'ExternalModels of this namespace are not served: requests may not leave from there.',
    remedy: "Add the namespace to the chart's value externalModels.namespaces.",
  },
  SecretNotUsable: {
    on: ['Accepted'],
    meaning: 'A Secret that an ExternalModel names is missing, or lacks its label or its field.',
    remedy: 'Create or correct the Secret in the message; nothing is sent until then.',
  },
  ProfileNotFound: {
    on: ['Accepted', 'Ready'],
    meaning: 'There is no AcceleratorProfile of the name in spec.accelerator.profile.',
    remedy: 'Create it, or name one that `kubectl get acceleratorprofiles` lists, or `cpu`.',
  },
  FlagRefused: {
    on: ['Accepted', 'Ready'],
    meaning: 'spec.engine.args or spec.engine.env sets something that Fairlead itself sets.',
    remedy: 'Remove it; the message names the field to use instead.',
  },
  PodTemplateRefused: {
    on: ['Accepted', 'Ready'],
    meaning: 'spec.podTemplate sets something that Fairlead needs as it is.',
    remedy: 'Remove it; the message names the field to use instead.',
  },
  AcceleratorRefused: {
    on: ['Accepted', 'Ready'],
    meaning: 'The engine cannot use accelerators of this profile in this number.',
    remedy: 'Do what the message says, or name another profile.',
  },
  SourceRefused: {
    on: ['Accepted', 'Ready'],
    meaning: 'The engine cannot read what spec.source.uri names, or the operator may not mount it.',
    remedy: 'Do what the message says.',
  },
  CacheNotFound: {
    on: ['Accepted', 'Ready'],
    meaning: 'spec.source.cache names neither a cache class nor a PersistentVolumeClaim.',
    remedy: 'Create the claim in the namespace, or name one that is there.',
  },
  ImageMissing: {
    on: ['Accepted', 'Ready'],
    meaning: 'No image is known for this engine.',
    remedy: "Set spec.engine.image, images of the AcceleratorProfile, or the chart's engineImages.",
  },
  NotAccepted: {
    on: ['Scheduled', 'WeightsReady', 'Available', 'Progressing', 'Stalled'],
    meaning: 'Nothing is done because Accepted is False; running replicas are left as they are.',
    remedy: 'Do what the message of Accepted says.',
  },
  Scheduled: { on: ['Scheduled'], meaning: 'Every replica has a node.', remedy: none },
  Scheduling: {
    on: ['Scheduled'],
    meaning: 'The scheduler has not yet decided on every replica.',
    remedy: waits,
  },
  Unschedulable: {
    on: ['Scheduled', 'Available', 'Ready'],
    meaning: 'No node can take a replica; the message has its name and what the scheduler says.',
    remedy: 'Add nodes, free the resource, or ask for fewer replicas or another profile.',
  },
  PodRefused: {
    on: ['Scheduled', 'Available', 'Ready'],
    meaning: 'The API server refuses to make a pod: a quota, a limit range or an admission policy.',
    remedy: "Do what the API server's words in the message say; it is tried again every 30 s.",
  },
  UnsupportedTopology: {
    on: ['Scheduled', 'Available', 'Stalled', 'Ready'],
    meaning: 'spec.nodes is more than 1, and the cluster serves no LeaderWorkerSets.',
    remedy: 'Install LeaderWorkerSet (lws.sigs.k8s.io), or set spec.nodes to 1.',
  },
  ReplicasReady: { on: ['Available'], meaning: 'At least one replica serves.', remedy: none },
  ScaledToZero: {
    on: ['Scheduled', 'WeightsReady', 'Available', 'Ready'],
    meaning: 'spec.replicas is 0.',
    remedy:
      'Nothing with spec.autoscaling: the next request makes it serve. Without, raise spec.replicas.',
  },
  Starting: {
    on: ['WeightsReady', 'Available', 'Progressing', 'Ready'],
    meaning: 'No replica serves yet: they get a node and load their image and their model.',
    remedy: waits,
  },
  LoadingWeights: {
    on: ['WeightsReady', 'Available', 'Progressing', 'Ready'],
    meaning: 'The weights are being loaded; `kubectl logs <pod> -c weights` tells how far it is.',
    remedy: waits,
  },
  WeightsFailed: {
    on: ['WeightsReady', 'Available', 'Ready'],
    meaning:
      'The weights cannot be loaded: not there, gated, no space left, another checksum. The message has the cause and the remedy. It is tried again with growing pauses.',
    remedy: 'It is tried again with growing pauses.',
  },
  WeightsReady: {
    on: ['WeightsReady'],
    meaning: 'An engine has its weights.',
    remedy: none,
  },
  ImagePullFailed: {
    on: ['Available', 'Ready'],
    meaning: "The engine's image or the model's image cannot be pulled.",
    remedy: 'Check the image reference in the message, its registry and its pull credentials.',
  },
  ConfigMissing: {
    on: ['Available', 'Ready'],
    meaning: 'A container cannot be made, mostly for a Secret or ConfigMap that does not exist.',
    remedy:
      'Create what the message names, or correct spec.engine.env, envFrom or spec.source.secretName.',
  },
  OutOfMemory: {
    on: ['Available', 'Ready'],
    meaning: 'The kernel killed the engine because it exceeded its memory limit.',
    remedy: 'Raise spec.resources.limits.memory, or lower contextLength or maxConcurrency.',
  },
  EngineCrashed: {
    on: ['Available', 'Ready'],
    meaning: 'The engine ended; the message has its exit code and its last words.',
    remedy: 'Read its last words: mostly an unknown flag in engine.args or a file it cannot load.',
  },
  PodFailed: {
    on: ['Available', 'Ready'],
    meaning: 'A pod ended for good: evicted, refused by its node, or its node went away.',
    remedy: 'Nothing: it is replaced, with growing pauses. The message says what its node said.',
  },
  NotReady: {
    on: ['Available', 'Ready'],
    meaning: 'A replica that served answers no more: its engine hangs, or its node is away.',
    remedy:
      'Nothing at first: an engine is restarted, a pod of a lost node replaced. Then see the node.',
  },
  RollingOut: {
    on: ['Progressing', 'Ready'],
    meaning: 'Replicas are replaced by ones of the current revision, one at a time.',
    remedy: waits,
  },
  Scaling: {
    on: ['Progressing', 'Ready'],
    meaning: 'Replicas are being added or removed.',
    remedy: waits,
  },
  RolledOut: {
    on: ['Progressing'],
    meaning: 'All replicas are at the current revision and ready.',
    remedy: none,
  },
  Paused: {
    on: ['Progressing', 'Ready'],
    meaning: 'spec.paused is true: no pod is made, replaced or removed.',
    remedy: 'Remove spec.paused, or set it to false, to go on.',
  },
  Canary: {
    on: ['Progressing', 'Ready'],
    meaning:
      'The new revision gets a share of the requests, beside the old one (spec.rollout.canary); status.canary has its step.',
    remedy: waits,
  },
  CanaryFailed: {
    on: ['Progressing', 'Stalled', 'Ready'],
    meaning:
      'The new revision was worse than the old one, which has all requests again; the message has the figures.',
    remedy:
      'Correct the spec, or go back to the previous one. To try the same again, change an annotation in spec.podTemplate.',
  },
  ProgressDeadlineExceeded: {
    on: ['Progressing', 'Stalled', 'Ready'],
    meaning:
      'Replicas of the current revision do not serve within spec.rollout.startTimeout. Nothing more is replaced; what is left of the previous revision goes on serving.',
    remedy: 'See what Ready says of them. Correct the spec, or go back to the previous one.',
  },
  AdaptersLoaded: {
    on: ['AdaptersReady'],
    meaning: 'Every replica that serves has every adapter.',
    remedy: none,
  },
  LoadingAdapters: {
    on: ['AdaptersReady', 'Ready'],
    meaning: 'Adapters are on their way to replicas; requests go to those that have them.',
    remedy: waits,
  },
  AdapterFailed: {
    on: ['AdaptersReady', 'Ready'],
    meaning:
      'An adapter cannot be fetched, or the engine refuses it; the message has the cause. The model itself serves on.',
    remedy: 'Correct spec.adapters or what it names; it is tried again with growing pauses.',
  },
  NotStalled: { on: ['Stalled'], meaning: 'Nothing is stuck.', remedy: none },
  Ready: { on: ['Ready'], meaning: 'Every replica serves.', remedy: none },
  WithinBounds: {
    on: ['ScalingLimited'],
    meaning: 'The replicas follow the requests; the bounds do not hold them back.',
    remedy: none,
  },
  AtMaxReplicas: {
    on: ['ScalingLimited'],
    meaning: 'Within the scale-down window the requests asked for more than maxReplicas.',
    remedy: 'Raise spec.autoscaling.maxReplicas, or live with longer waits.',
  },
  AnotherScaler: {
    on: ['ScalingLimited'],
    meaning:
      'A HorizontalPodAutoscaler, perhaps one of KEDA, scales the same object. Fairlead leaves spec.replicas to it.',
    remedy: 'Remove it, or remove spec.autoscaling.',
  },
  ScheduleRefused: {
    on: ['ScalingLimited'],
    meaning: 'A schedule of spec.autoscaling.schedules cannot be followed and is left out.',
    remedy: 'Correct the field in the message.',
  },
} as const satisfies Record<string, ReasonText>;

export type Reason = keyof typeof reasons;
