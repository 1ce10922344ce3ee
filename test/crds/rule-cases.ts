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

const autoscaling = (rest: object) => ({ autoscaling: { maxReplicas: 4, ...rest } });
const schedule = (rest: object) =>
  autoscaling({ schedules: [{ start: '0 8 * * *', duration: '1h', minReplicas: 2, ...rest }] });

export const autoscalingRules: readonly RuleCase[] = [
  {
    rule: 'autoscaling.minReplicas is at most maxReplicas',
    accepted: [autoscaling({ minReplicas: 0 }), autoscaling({ minReplicas: 4 })],
    refused: [autoscaling({ minReplicas: 5 }), { autoscaling: { minReplicas: 2, maxReplicas: 1 } }],
    field: 'spec.autoscaling.minReplicas',
    says: /minReplicas must be at most maxReplicas/,
  },
  {
    rule: 'autoscaling.scaleUpWindow is at most an hour',
    accepted: [autoscaling({ scaleUpWindow: '0s' }), autoscaling({ scaleUpWindow: '1h' })],
    refused: [
      autoscaling({ scaleUpWindow: '1h1ms' }),
      autoscaling({ scaleUpWindow: '61m' }),
      autoscaling({ scaleUpWindow: '99999h' }),
    ],
    field: 'spec.autoscaling.scaleUpWindow',
    says: /must be at most 1h/,
  },
  ...['scaleUpWindow', 'scaleDownWindow', 'idleTimeout'].map((name) => ({
    rule: `autoscaling.${name} is a length of time`,
    accepted: [autoscaling({ [name]: '90s' })],
    refused: [autoscaling({ [name]: '90' }), autoscaling({ [name]: '1d' })],
    field: `spec.autoscaling.${name}`,
    says: /must be a length of time, such as "5s" or "1h30m"/,
  })),
  {
    rule: 'autoscaling.hold.timeout is a length of time',
    accepted: [autoscaling({ hold: { timeout: '0s', maxRequests: 0 } })],
    refused: [autoscaling({ hold: { timeout: 'forever' } })],
    field: 'spec.autoscaling.hold.timeout',
    says: /must be a length of time, such as "5s" or "1h30m"/,
  },
  {
    rule: 'a schedule begins as in a crontab',
    accepted: [
      '0 8 * * MON-FRI',
      '*/15 0-23/2 1,15 JAN,6-8 0',
      '59 23 31 12 7',
      '00 08 01 01 *',
      '0  8 * * *',
    ].map((start) => schedule({ start })),
    refused: [
      '0 8 * *',
      '60 8 * * *',
      '0 24 * * *',
      '0 8 0 * *',
      '0 8 32 * *',
      '0 8 * 13 *',
      '0 8 * * 8',
      '0 8 * * Mon',
      '*/0 8 * * *',
      '5/10 8 * * *',
      '@daily',
      '0 0 8 * * *',
      '',
    ].map((start) => schedule({ start })),
    field: 'spec.autoscaling.schedules[0].start',
    says: /must have five fields \(minute, hour, day of the month, month, day of the week\)/,
  },
  {
    rule: 'a schedule has a duration',
    accepted: [],
    refused: [schedule({ duration: '8' })],
    field: 'spec.autoscaling.schedules[0].duration',
    says: /must be a length of time/,
  },
  {
    rule: 'a schedule is of a time zone',
    accepted: [
      schedule({ timeZone: 'America/Argentina/Buenos_Aires' }),
      schedule({ timeZone: 'UTC' }),
    ],
    refused: [
      schedule({ timeZone: 'Europe/Atlantis' }),
      schedule({ timeZone: '+01:00' }),
      schedule({ timeZone: '' }),
    ],
    field: 'spec.autoscaling.schedules[0].timeZone',
    says: /must be the IANA name of a time zone, such as "Europe\/Berlin"/,
  },
  {
    rule: 'a schedule keeps to maxReplicas',
    accepted: [schedule({ minReplicas: 4 })],
    refused: [schedule({ minReplicas: 5 })],
    field: 'spec.autoscaling.schedules',
    says: /minReplicas of a schedule must be at most maxReplicas/,
  },
];

export const profileRules: readonly RuleCase[] = [
  {
    rule: 'it has a resource or a device class',
    accepted: [{ resourceName: undefined, deviceClassName: 'gpu.nvidia.com' }],
    refused: [{ resourceName: undefined }, { deviceClassName: 'gpu.nvidia.com' }],
    field: 'spec',
    says: /exactly one of resourceName and deviceClassName must be set/,
  },
  {
    rule: 'deviceClassName is the name of a DeviceClass',
    accepted: [],
    refused: [{ resourceName: undefined, deviceClassName: 'GPU' }],
    field: 'spec.deviceClassName',
    says: /must be the name of a DeviceClass, such as "gpu\.nvidia\.com"/,
  },
  {
    rule: 'resourceName is an extended resource',
    accepted: [{ resourceName: 'nvidia.com/gpu' }, { resourceName: 'nvidia.com/mig-1g.10gb' }],
    refused: [
      { resourceName: 'gpu' },
      { resourceName: 'nvidia.com/' },
      { resourceName: 'A.com/x' },
    ],
    field: 'spec.resourceName',
    says: /must be the name of an extended resource with its domain, such as "nvidia\.com\/gpu"/,
  },
  {
    rule: 'pricePerHour is a price',
    accepted: [{ pricePerHour: 2 }, { pricePerHour: '2.49' }],
    refused: [{ pricePerHour: -1 }, { pricePerHour: '2,49' }, { pricePerHour: '$2' }],
    field: 'spec.pricePerHour',
    says: /must be a price, such as 2 or "2\.49"/,
  },
];
