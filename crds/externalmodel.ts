import { z } from 'zod';
import { conditionList, kubernetes, matching } from './kubernetes.ts';
import { timeoutsSpec } from './modeldeployment/routing.ts';
import { groupVersion, type ObjectMeta, type ResourceCoordinates } from './object.ts';
import { aliasesField, servedNameField } from './served-name.ts';

const secretName = (what: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .describe(
      `${what} In the same namespace, with the label \`fairlead.dev/kind: external-model\`.`,
    );

/** Headers that HTTP itself needs; the rest are matters of the endpoint. */
const reservedHeaders = ['host', 'connection', 'content-length', 'transfer-encoding', 'te'];

/** A model that is served elsewhere. */
export const externalModelSpec = z
  .strictObject({
    servedName: servedNameField,
    aliases: aliasesField,
    baseURL: z
      .string()
      .max(1024)
      .describe(
        'Where an OpenAI-compatible API begins; endpoints follow it in the place of `/v1`, such as `/chat/completions`.',
      )
      .register(kubernetes, {
        rules: [
          matching(
            'https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%@:+-]+)*/?',
            'must be an http or https URL without user, query or fragment, such as "https://openrouter.ai/api/v1"',
          ),
        ],
      }),
    upstreamModel: z
      .string()
      .min(1)
      .max(256)
      .describe('The `model` that is sent there. Default: the served name.')
      .optional(),
    secretName: secretName('Secret with the API key in `key`. Default: no key is sent.').optional(),
    keyHeader: z
      .string()
      .max(64)
      .describe(
        'Header that carries the key as it is, such as `x-api-key`. Default: `Authorization: Bearer <key>`.',
      )
      .register(kubernetes, {
        rules: [
          matching('[a-z][a-z0-9-]*', 'lower-case letters, digits and - are allowed'),
          {
            rule: `!(self in [${reservedHeaders.map((name) => `'${name}'`).join(', ')}])`,
            message: `may not be one of ${reservedHeaders.join(', ')}`,
          },
        ],
      })
      .optional(),
    tls: z
      .strictObject({
        caSecretName: secretName(
          'Secret with the certificates (PEM) in `ca.crt` that the endpoint’s must be signed by. No others are trusted then.',
        ),
      })
      .describe('How the endpoint proves who it is. Default: a certificate of a public authority.')
      .optional(),
    timeouts: timeoutsSpec,
    maxInFlight: z
      .int32()
      .min(1)
      .max(100_000)
      .describe(
        'How many requests each router has open there at once. Beyond it a request goes to the next fallback, or gets 429. Default: no limit.',
      )
      .optional(),
  })
  .describe('Which model, where, and how it is reached.')
  .register(kubernetes, {
    rules: [
      {
        rule: "!has(self.tls) || self.baseURL.startsWith('https://')",
        message: 'needs a baseURL that begins with https://',
        fieldPath: '.tls',
      },
      {
        rule: '!has(self.keyHeader) || has(self.secretName)',
        message: 'needs secretName, the Secret with the key to send',
        fieldPath: '.keyHeader',
      },
    ],
  });

/** What the operator says about it. */
export const externalModelStatus = z
  .strictObject({
    observedGeneration: z.int().min(0).describe('The metadata.generation this status describes.'),
    servedNames: z
      .array(z.string().max(200))
      .max(17)
      .describe('The names that clients reach it under; empty when it serves none.'),
    conditions: conditionList('Accepted; docs/reference/conditions.md.'),
  })
  .describe('The present state, written by the operator.');

/** As the API server gives it: with defaults. */
export type ExternalModelSpec = z.output<typeof externalModelSpec>;
export type ExternalModelStatus = z.output<typeof externalModelStatus>;

/** One model that is served elsewhere. */
export interface ExternalModel {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: ExternalModelSpec;
  status?: ExternalModelStatus;
}

/** Where ExternalModels are served. */
export const ExternalModels: ResourceCoordinates<ExternalModel> = {
  ...groupVersion,
  kind: 'ExternalModel',
  plural: 'externalmodels',
  namespaced: true,
};
