import { z } from 'zod';
import { conditionList, kubernetes } from './kubernetes.ts';
import { acceleratorSpec, nodesField, resourcesSpec } from './modeldeployment/accelerator.ts';
import { adaptersSpec, adaptersStatus } from './modeldeployment/adapters.ts';
import { autoscalingSpec } from './modeldeployment/autoscaling.ts';
import { canaryStatus } from './modeldeployment/canary.ts';
import { capabilitiesStatus } from './modeldeployment/capabilities.ts';
import { coldStart } from './modeldeployment/cold-start.ts';
import { engineSpec } from './modeldeployment/engine.ts';
import { podTemplateSpec } from './modeldeployment/pod-template.ts';
import { rolloutSpec } from './modeldeployment/rollout.ts';
import { routingSpec } from './modeldeployment/routing.ts';
import { sourceSpec } from './modeldeployment/source.ts';
import { groupVersion, type ObjectMeta, type ResourceCoordinates } from './object.ts';
import { aliasesField, servedNameField } from './served-name.ts';

/** What a user says about one served model. Defaults are filled in by the API server. */
export const modelDeploymentSpec = z
  .strictObject({
    servedName: servedNameField,
    aliases: aliasesField,
    source: sourceSpec,
    adapters: adaptersSpec.optional(),
    engine: engineSpec,
    accelerator: acceleratorSpec,
    nodes: nodesField,
    resources: resourcesSpec.optional(),
    podTemplate: podTemplateSpec.optional(),
    replicas: z
      .int32()
      .min(0)
      .max(1000)
      .default(1)
      .describe(
        'How many pods serve the model. Written by `kubectl scale`, a HorizontalPodAutoscaler or you. With `autoscaling` Fairlead writes it, so leave it out; a new object then begins with autoscaling.minReplicas.',
      ),
    autoscaling: autoscalingSpec.optional(),
    routing: routingSpec,
    rollout: rolloutSpec,
    warmNodes: z
      .int32()
      .min(0)
      .max(100)
      .describe(
        'While the model is at zero: on how many nodes a small pod keeps the images that a replica needs, of the engine and, with an oci:// source, of the weights, so that none is pulled when it wakes up. Nodes are chosen as for replicas, except that no accelerator is asked for. Default: 0.',
      )
      .optional(),
    paused: z
      .boolean()
      .describe(
        'Leave everything as it is: no pod is made, replaced or removed, a replica that was to go serves on, and only the status is kept up. Deleting the object still deletes its pods.',
      )
      .optional(),
  })
  .describe('What is served, by which engine, on what, and how often.')
  .register(kubernetes, {
    rules: [
      {
        rule: "!has(self.adapters) || self.adapters.size() == 0 || self.engine.type in ['vLLM', 'LlamaCpp']",
        message: 'adapters are for vLLM and LlamaCpp',
        fieldPath: '.adapters',
      },
      {
        rule: "self.nodes == 1 || self.engine.type in ['vLLM', 'Custom']",
        message: 'several nodes for a replica are for vLLM and Custom',
        fieldPath: '.nodes',
      },
    ],
  });

const count = z.int32().min(0);

/** What the operator says about it. */
export const modelDeploymentStatus = z
  .strictObject({
    observedGeneration: z.int().min(0).describe('The metadata.generation this status describes.'),
    replicas: count.describe('Pods that exist and are not on their way out.'),
    readyReplicas: count.describe('Of these, how many serve.'),
    updatedReplicas: count.describe('Of these, how many are of the current revision.'),
    availableReplicas: count.describe('Of these, how many can take requests.'),
    terminatingReplicas: count.describe('Pods that finish their requests before they end.'),
    selector: z
      .string()
      .max(256)
      .describe('Label selector of the pods, for the scale subresource.'),
    currentRevision: z
      .string()
      .max(63)
      .describe('The revision that all replicas were last brought to.')
      .optional(),
    updateRevision: z.string().max(63).describe('The revision of the present spec.').optional(),
    url: z
      .string()
      .max(1024)
      .describe('Base URL for OpenAI clients inside the cluster.')
      .optional(),
    servedNames: z
      .array(z.string().max(300))
      .max(128)
      .describe('The names that clients reach it under; empty when it serves none.'),
    canary: canaryStatus.optional(),
    adapters: adaptersStatus.optional(),
    capabilities: capabilitiesStatus.optional(),
    lastColdStart: coldStart.optional(),
    conditions: conditionList('What is true of it now; docs/reference/conditions.md.'),
  })
  .describe('The present state, written by the operator.');

/** As the API server gives it: with defaults. */
export type ModelDeploymentSpec = z.output<typeof modelDeploymentSpec>;
export type ModelDeploymentStatus = z.output<typeof modelDeploymentStatus>;

/** One served model. */
export interface ModelDeployment {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: ModelDeploymentSpec;
  status?: ModelDeploymentStatus;
}

/** Where ModelDeployments are served. */
export const ModelDeployments: ResourceCoordinates<ModelDeployment> = {
  ...groupVersion,
  kind: 'ModelDeployment',
  plural: 'modeldeployments',
  namespaced: true,
};
