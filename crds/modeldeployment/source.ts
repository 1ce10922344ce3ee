import { z } from 'zod';
import { kubernetes } from '../kubernetes.ts';

const host = '[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?';
const repository = '(/[a-z0-9]+([._-]+[a-z0-9]+)*)+';
const version = '(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[a-f0-9]{64})?';
/** No segment of the path may begin with a dot, so that it cannot leave the volume. */
const file = '(\\?file=[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?';

const ociPattern = `^oci://${host}${repository}${version}${file}$`;

/** Where the weights come from. */
export const sourceSpec = z
  .strictObject({
    uri: z
      .string()
      .max(1024)
      .describe(
        'Where the weights are. `oci://registry/repository:tag` or `…@sha256:digest`, an image with the model file in it, mounted read-only; `?file=path/in/image` names the file, by default `model.gguf`.',
      )
      .register(kubernetes, {
        rules: [
          {
            rule: "self.startsWith('oci://')",
            message:
              'must begin with oci:// (an image that holds the model), such as "oci://registry.example/models/skiff:1"; other sources are not supported',
          },
          {
            rule: `!self.startsWith('oci://') || self.matches(r'${ociPattern}')`,
            message:
              'must have the form oci://registry/repository[:tag][@sha256:digest][?file=path/in/image]',
            pattern: ociPattern,
          },
        ],
      }),
  })
  .describe('Where the weights come from.');
