import { z } from 'zod';
import { kubernetes, matching } from './kubernetes.ts';

const characters = matching(
  '[A-Za-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?',
  'letters, digits and . _ : / @ - are allowed, with a letter or digit at both ends, such as "org/name:tag"',
);

/** A name that clients send as `model`. */
export const servedName = () =>
  z
    .string()
    .min(1)
    .max(200)
    .register(kubernetes, { rules: [characters] });

/** `spec.servedName` of every kind that serves a model. */
export const servedNameField = servedName()
  .describe(
    'The `model` that clients send. Default: metadata.name. Of two objects with one name, in whatever namespaces and of whatever kind, the older serves it and the newer gets Accepted=False, reason NameConflict.',
  )
  .optional();

/** `spec.aliases` of every kind that serves a model. */
export const aliasesField = z
  .array(servedName())
  .max(16)
  .describe('Further names that clients may send for it, under the same rule as servedName.')
  .register(kubernetes, { listType: 'set' })
  .optional();
