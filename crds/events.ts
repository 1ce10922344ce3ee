/**
 * Reasons of the Events that tell what the operator did to a ModelDeployment, with what each means. When
 * Ready changes, an Event with the condition's own reason and message tells of it besides.
 */
export const eventReasons = {
  PodCreated: 'A pod was made.',
  PodDraining: 'A pod that serves gets no new request and will be deleted when it has none.',
  PodKept: 'A draining pod is needed again and gets requests as before.',
  PodDeleted: 'A pod was deleted; the note says why, and whether its drain timeout was over.',
  ScaledUp: 'The autoscaler asked for more replicas; the note says why.',
  ScaledDown: 'The autoscaler asked for fewer replicas; the note says why.',
  CanaryStep: 'The new revision gets a share of the requests, or a greater one than before.',
  CanaryPromoted: 'The new revision has passed every step of its canary and replaces the old one.',
  ObjectRefused:
    'The Service, PodDisruptionBudget or NetworkPolicy cannot be written, mostly because there is one of that name which Fairlead did not make. The model is served all the same.',
} as const satisfies Record<string, string>;

export type EventReason = keyof typeof eventReasons;
