import { z } from 'zod';
import { kubernetes, matching, type Rule } from '../kubernetes.ts';

const host = '[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?';
/** No segment of a path may begin with a dot, so that it cannot leave the volume. */
const segment = '[A-Za-z0-9_-][A-Za-z0-9._-]*';
const path = `${segment}(/${segment})*`;
const bucket = '[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]';

interface Scheme {
  /** The whole URI. */
  pattern: string;
  /** For people. */
  form: string;
}

/** Every scheme of `source.uri`; what each does is in operator/weights. */
export const sourceSchemes = {
  oci: {
    pattern: `^oci://${host}(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[a-f0-9]{64})?(\\?file=${path})?$`,
    form: 'oci://registry/repository[:tag][@sha256:digest][?file=path/in/image]',
  },
  hf: {
    pattern: `^hf://${segment}/${path}(\\?revision=${path})?$`,
    form: 'hf://organisation/model[/path/in/model][?revision=branch, tag or commit]',
  },
  https: {
    pattern: `^https://${host}/[^#]+(#sha256=[a-f0-9]{64})?$`,
    form: 'https://host/path/file[#sha256=64 hexadecimal digits]',
  },
  s3: { pattern: `^s3://${bucket}/${path}/?$`, form: 's3://bucket/path/of/file-or-folder' },
  gs: { pattern: `^gs://${bucket}/${path}/?$`, form: 'gs://bucket/path/of/file-or-folder' },
  pvc: {
    pattern: `^pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/${path})?$`,
    form: 'pvc://claim[/path/in/volume]',
  },
  hostpath: { pattern: `^hostpath:///${path}$`, form: 'hostpath:///path/on/the/node' },
} as const satisfies Record<string, Scheme>;

/** `source.cache` of weights that each replica loads for itself; the same as no word of it. */
export const noCache = 'none';

export type SourceScheme = keyof typeof sourceSchemes;

const known = Object.keys(sourceSchemes).map((scheme) => `${scheme}://`);
const rules: Rule[] = [
  {
    rule: `[${known.map((prefix) => `'${prefix}'`).join(', ')}].exists(s, self.startsWith(s))`,
    message: `must begin with ${known.join(', ')}, such as "hf://org/model"`,
  },
  ...Object.entries(sourceSchemes).map(([scheme, { pattern, form }]) => ({
    rule: `!self.startsWith('${scheme}://') || self.matches(r'${pattern}')`,
    message: `must have the form ${form}`,
  })),
];

/** Where the weights come from. */
export const sourceSpec = z
  .strictObject({
    uri: z
      .string()
      .max(1024)
      .describe(
        'Where the weights are: a GGUF file for LlamaCpp and Ollama, a folder in Hugging Face’s layout for the others. `oci://` an image, mounted read-only; `hf://` a model of a Hugging Face hub; `https://` a file; `s3://` and `gs://` a file or folder of a bucket; `pvc://` a PersistentVolumeClaim of the same namespace; `hostpath://` a path of the node that the chart’s weights.hostPaths allows.',
      )
      .register(kubernetes, { rules }),
    secretName: z
      .string()
      .min(1)
      .max(253)
      .describe(
        'Name of a Secret in the same namespace whose keys the download gets as variables: HF_TOKEN, HF_ENDPOINT; AUTHORIZATION (a header, for https); AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL; GOOGLE_CREDENTIALS (a service account key in JSON).',
      )
      .optional(),
    cache: z
      .string()
      .min(1)
      .max(63)
      .describe(
        'Where weights that are downloaded are kept for all replicas and models: the name of a cache class of the chart’s weights.cacheClasses, or of a PersistentVolumeClaim of the same namespace. A Job loads them once, replicas mount them read-only. `none`, the default: each replica loads for itself.',
      )
      .register(kubernetes, {
        rules: [
          matching(
            '[a-z0-9]([a-z0-9.-]*[a-z0-9])?',
            'must be none, or the name of a cache class or a PersistentVolumeClaim',
          ),
        ],
      })
      .optional(),
  })
  .describe('Where the weights come from.')
  .register(kubernetes, {
    rules: [
      {
        rule: "!has(self.secretName) || ['hf://', 'https://', 's3://', 'gs://'].exists(s, self.uri.startsWith(s))",
        message:
          'secretName is for hf, https, s3 and gs; for an image use podTemplate.spec.imagePullSecrets',
        fieldPath: '.secretName',
      },
      {
        rule: "!has(self.cache) || self.cache == 'none' || ['hf://', 'https://', 's3://', 'gs://'].exists(s, self.uri.startsWith(s))",
        message:
          'a cache is for hf, https, s3 and gs; the others are not downloaded by each replica',
        fieldPath: '.cache',
      },
    ],
  });

export type SourceSpec = z.output<typeof sourceSpec>;
