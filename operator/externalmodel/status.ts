import type { Reason } from '../../crds/conditions.ts';
import type { Credentials } from '../../crds/external-secrets.ts';
import type { ExternalModel, ExternalModelStatus } from '../../crds/externalmodel.ts';
import { type NameConflict, servedNamesOf } from '../../crds/names.ts';
import { conditionOf } from '../modeldeployment/status.ts';
import { type Claimant, conflictMessage } from '../names/rivals.ts';

/** All that a status is made from. */
export interface StatusInput {
  object: ExternalModel;
  /** Whether its namespace may send requests out. */
  isEnabled: boolean;
  conflict: NameConflict<Claimant> | undefined;
  credentials: Credentials | { problem: string };
  /** Milliseconds since 1970. */
  nowMs: number;
}

/** The status of an ExternalModel. Pure; the same input with a later clock gives the same status. */
export function statusOf(input: StatusInput): ExternalModelStatus {
  const { object, isEnabled, conflict, nowMs } = input;
  const { metadata, status: before } = object;
  const generation = metadata.generation ?? 0;
  const problem = problemOf(input);
  const verdict = problem
    ? ({ status: 'False', ...problem } as const)
    : ({ status: 'True', reason: 'Accepted', message: 'The spec is sound.' } as const);
  return {
    observedGeneration: generation,
    servedNames: isEnabled && !conflict ? servedNamesOf(object) : [],
    conditions: [conditionOf('Accepted', verdict, generation, before?.conditions, nowMs)],
  };
}

function problemOf({
  object,
  isEnabled,
  conflict,
  credentials,
}: StatusInput): { reason: Reason; message: string } | undefined {
  if (!isEnabled) {
    const message = `ExternalModels of the namespace ${object.metadata.namespace} are not served; add it to the chart's value externalModels.namespaces`;
    return { reason: 'NamespaceNotEnabled', message };
  }
  if (conflict) return { reason: 'NameConflict', message: conflictMessage(object, conflict) };
  if ('problem' in credentials) return { reason: 'SecretNotUsable', message: credentials.problem };
  return undefined;
}
