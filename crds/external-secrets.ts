import type { ExternalModel } from './externalmodel.ts';

/** What is read of a Secret: base64 by field, as the API server sends it. */
export interface SecretData {
  data?: Readonly<Record<string, string>>;
}

/** What an ExternalModel is reached with. */
export interface Credentials {
  /** Undefined: none is sent. */
  readonly key: string | undefined;
  /** PEM; undefined: public authorities. */
  readonly ca: string | undefined;
}

/**
 * Reads the Secrets that an ExternalModel names, by the same rules in operator and router.
 * @param secretOf a Secret of the object's namespace that has the label; undefined: there is none
 * @returns what is wrong, with the field and the fix, but nothing of what the Secrets hold
 */
export function readCredentials(
  { spec }: Pick<ExternalModel, 'spec'>,
  secretOf: (name: string) => SecretData | undefined,
): Credentials | { problem: string } {
  const read = (specField: string, name: string, field: string, valid: RegExp, what: string) => {
    const secret = secretOf(name);
    const missing = `${specField}: there is no Secret "${name}" with the label fairlead.dev/kind=external-model in this namespace; create it, or label it`;
    if (!secret) return { problem: missing };
    const text = Buffer.from(secret.data?.[field] ?? '', 'base64')
      .toString('utf8')
      .trim();
    if (valid.test(text)) return text;
    return {
      problem: `${specField}: the field ${field} of the Secret "${name}" must hold ${what}`,
    };
  };
  const { secretName, tls } = spec;
  const key = secretName && read('spec.secretName', secretName, 'key', visible, 'the API key');
  if (typeof key === 'object') return key;
  const ca =
    tls &&
    read('spec.tls.caSecretName', tls.caSecretName, 'ca.crt', certificate, 'certificates as PEM');
  if (typeof ca === 'object') return ca;
  return { key, ca };
}

const visible = /^[\x21-\x7e]+$/;
const certificate = /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/m;
