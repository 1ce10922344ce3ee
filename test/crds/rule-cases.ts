/** One rule: what it lets pass, what it refuses, on which field and with which words. */
export interface RuleCase {
  rule: string;
  accepted: readonly object[];
  refused: readonly object[];
  field: string;
  says: RegExp;
}

const url = (baseURL: string) => ({ baseURL });
const header = (keyHeader: string) => ({ secretName: 's', keyHeader });

export const externalModelRules: readonly RuleCase[] = [
  {
    rule: 'baseURL is a plain http or https URL',
    accepted: [
      url('https://openrouter.ai/api/v1'),
      url('http://vllm.lab:8000'),
      url('http://[fd00::1]:8000/v1/'),
    ],
    refused: [
      url('openrouter.ai/api/v1'),
      url('ftp://a.example'),
      url('https://user:secret@a.example/v1'),
      url('https://a.example/v1?key=x'),
      url('https://a.example/v1#x'),
      url('https://'),
    ],
    field: 'spec.baseURL',
    says: /must be an http or https URL without user, query or fragment/,
  },
  {
    rule: 'keyHeader is a header name in lower case',
    accepted: [header('x-api-key')],
    refused: [header('X-Api-Key'), header('x api'), header('-x')],
    field: 'spec.keyHeader',
    says: /lower-case letters, digits and - are allowed/,
  },
  {
    rule: 'keyHeader is none that HTTP needs',
    accepted: [header('authorization')],
    refused: [header('host'), header('content-length'), header('transfer-encoding')],
    field: 'spec.keyHeader',
    says: /may not be one of host, connection, content-length, transfer-encoding, te/,
  },
  {
    rule: 'keyHeader has a key to carry',
    accepted: [header('x-api-key')],
    refused: [{ keyHeader: 'x-api-key' }],
    field: 'spec.keyHeader',
    says: /needs secretName, the Secret with the key to send/,
  },
  {
    rule: 'tls is of https',
    accepted: [{ tls: { caSecretName: 'ca' } }],
    refused: [{ baseURL: 'http://a.example', tls: { caSecretName: 'ca' } }],
    field: 'spec.tls',
    says: /needs a baseURL that begins with https:/,
  },
];
