import type { z } from 'zod';
import { AcceleratorProfiles, acceleratorProfileSpec } from '../acceleratorprofile.ts';
import { ExternalModels, externalModelSpec, externalModelStatus } from '../externalmodel.ts';
import type { Rule } from '../kubernetes.ts';
import { cpuProfile } from '../modeldeployment/accelerator.ts';
import {
  ModelDeployments,
  modelDeploymentSpec,
  modelDeploymentStatus,
} from '../modeldeployment.ts';
import type { ResourceCoordinates } from '../object.ts';

/** A column of `kubectl get`. */
export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  /** 1: only with `-o wide`. */
  priority?: 1;
}

/** All that makes one CustomResourceDefinition. */
export interface Definition {
  resource: ResourceCoordinates<unknown>;
  singular: string;
  shortNames: readonly string[];
  description: string;
  spec: z.ZodType;
  status?: z.ZodType;
  /** Where the scale subresource finds its three numbers. */
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
  columns: readonly Column[];
  /** On the object as a whole; of the metadata, CEL sees the name alone. */
  rules: readonly Rule[];
}

const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};
const condition = (type: string, field: string) =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

/** Every kind, in the order of the reference page. */
export const definitions: readonly Definition[] = [
  {
    resource: ModelDeployments,
    singular: 'modeldeployment',
    shortNames: ['mdep'],
    description:
      'One served model: what it is, which engine serves it, on what, and how many replicas.',
    spec: modelDeploymentSpec,
    status: modelDeploymentStatus,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
    columns: [
      column('Model', '.status.servedNames[0]', 'The name that clients send.'),
      column('Engine', '.spec.engine.type', 'What serves it.'),
      number('Desired', '.spec.replicas', 'Replicas asked for.'),
      number('Ready', '.status.readyReplicas', 'Replicas that serve.'),
      number('Updated', '.status.updatedReplicas', 'Replicas of the current revision.'),
      age,
      column('Status', condition('Ready', 'reason'), 'Reason of the condition Ready.'),
      wide('Source', '.spec.source.uri', 'Where the weights come from.'),
      wide('Accelerator', '.spec.accelerator.profile', 'What each replica runs on.'),
      wide('Message', condition('Ready', 'message'), 'Message of the condition Ready.'),
    ],
    rules: [
      {
        rule: 'self.metadata.name.size() <= 40',
        message:
          'metadata.name may have at most 40 characters, for the names of pods begin with it; spec.servedName may be longer',
        fieldPath: '.metadata.name',
      },
      {
        rule: "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
        message:
          'metadata.name: lower-case letters, digits and - are allowed, beginning with a letter; spec.servedName may hold others',
        fieldPath: '.metadata.name',
      },
    ],
  },
  {
    resource: AcceleratorProfiles,
    singular: 'acceleratorprofile',
    shortNames: [],
    description: 'One kind of accelerator in this cluster, and how replicas get it.',
    spec: acceleratorProfileSpec,
    columns: [
      column('Resource', '.spec.resourceName', 'The extended resource of one accelerator.'),
      column('Device class', '.spec.deviceClassName', 'Or its DeviceClass.'),
      age,
    ],
    rules: [
      {
        rule: `self.metadata.name != '${cpuProfile}'`,
        message: `metadata.name: the profile ${cpuProfile} is built in and cannot be replaced; choose another name`,
        fieldPath: '.metadata.name',
      },
      {
        rule: 'self.metadata.name.size() <= 63',
        message: 'metadata.name may have at most 63 characters',
        fieldPath: '.metadata.name',
      },
    ],
  },
  {
    resource: ExternalModels,
    singular: 'externalmodel',
    shortNames: ['xmodel'],
    description:
      'A model served outside of Fairlead behind an OpenAI-compatible API. Serves where the chart value externalModels.namespaces has its namespace.',
    spec: externalModelSpec,
    status: externalModelStatus,
    columns: [
      column('Model', '.status.servedNames[0]', 'The name that clients send.'),
      column('URL', '.spec.baseURL', 'Where it is served.'),
      age,
      column('Status', condition('Accepted', 'reason'), 'Reason of the condition Accepted.'),
      wide('Upstream', '.spec.upstreamModel', 'The name that is sent there.'),
      wide('Message', condition('Accepted', 'message'), 'Message of the condition Accepted.'),
    ],
    rules: [],
  },
];

function column(name: string, jsonPath: string, description: string): Column {
  return { name, type: 'string', jsonPath, description };
}

function number(name: string, jsonPath: string, description: string): Column {
  return { name, type: 'integer', jsonPath, description };
}

function wide(name: string, jsonPath: string, description: string): Column {
  return { ...column(name, jsonPath, description), priority: 1 };
}
