import { z } from 'zod';
import { kubernetes, matching } from '../kubernetes.ts';
import { sourceSpec } from './source.ts';

/** LoRA adapters that are served beside the model. */
export const adaptersSpec = z
  .array(
    z
      .strictObject({
        name: z
          .string()
          .min(1)
          .max(63)
          .describe('Clients ask for it as `<servedName>:<name>`.')
          .register(kubernetes, {
            rules: [
              matching(
                '[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?',
                'letters, digits and . _ - are allowed, with a letter or digit at both ends',
              ),
            ],
          }),
        source: sourceSpec.describe(
          'Where the adapter is: a folder with adapter_config.json; for LlamaCpp a GGUF file.',
        ),
      })
      .describe('A LoRA adapter.'),
  )
  .max(16)
  .describe(
    'LoRA adapters that are served beside the model, each under a name of its own. For vLLM and LlamaCpp. vLLM: those from hf, s3 and gs come and go while the pods run; others are mounted and make a new revision, and so does the first list; an empty list prepares the pods for adapters that come later; ranks above 16 need the argument --max-lora-rank. LlamaCpp loads its adapters when it starts, so that a changed list makes a new revision.',
  )
  .register(kubernetes, { listType: 'map', listMapKeys: ['name'] });

/** Which adapters are where; the pods' annotations have it one by one. */
export const adaptersStatus = z
  .array(
    z
      .strictObject({
        name: z.string().max(63).describe('As in the spec.'),
        loadedReplicas: z.int32().min(0).describe('Replicas whose engines serve it.'),
      })
      .describe('An adapter.'),
  )
  .max(16)
  .describe('How many replicas have which adapter.')
  .register(kubernetes, { listType: 'map', listMapKeys: ['name'] });

export type AdapterStatus = z.output<typeof adaptersStatus>[number];
