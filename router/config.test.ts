import { expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

test('without variables the documented defaults hold', () => {
  expect(readConfig({})).toEqual({
    host: '0.0.0.0',
    port: 8080,
    internalPort: 9090,
    watchNamespace: undefined,
    logLevel: 'info',
    accessLog: true,
    captureContent: 'off',
    bodyLimitBytes: 100 * 1024 * 1024,
    requestTimeoutMs: 300_000,
    corsOrigins: new Set(),
    streamUsage: true,
    auth: { mode: 'off', namespace: '' },
    holdLimitBytes: 128 * 1024 * 1024,
    ownPod: undefined,
    externalNamespaces: [],
    lameDuckMs: 5_000,
    drainTimeoutMs: 600_000,
  });
});

test('an empty variable counts as absent, a set one is read as its type', () => {
  const config = readConfig({
    FAIRLEAD_PORT: '',
    FAIRLEAD_STREAM_USAGE: 'false',
    FAIRLEAD_ACCESS_LOG: 'false',
    FAIRLEAD_WATCH_NAMESPACE: 'team-a',
  });
  expect(config).toMatchObject({
    port: 8080,
    streamUsage: false,
    accessLog: false,
    watchNamespace: 'team-a',
  });
});

test('every wrong variable is named at once', () => {
  const read = () => readConfig({ FAIRLEAD_PORT: 'http', FAIRLEAD_LOG_LEVEL: 'loud' });
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/FAIRLEAD_PORT: .*FAIRLEAD_LOG_LEVEL: /);
});

test('keys need to be looked for somewhere', () => {
  expect(() => readConfig({ FAIRLEAD_AUTH: 'optional' })).toThrow(
    /FAIRLEAD_AUTH_NAMESPACE: is needed unless FAIRLEAD_AUTH is off/,
  );
  const given = { FAIRLEAD_AUTH: 'required', FAIRLEAD_AUTH_NAMESPACE: 'keys' };
  expect(readConfig(given).auth).toEqual({ mode: 'required', namespace: 'keys' });
});

test('a router that knows its own pod looks for others', () => {
  const { ownPod } = readConfig({ FAIRLEAD_NAMESPACE: 'fairlead', FAIRLEAD_POD_NAME: 'router-1' });
  expect(ownPod).toEqual({ namespace: 'fairlead', name: 'router-1' });
});

test('namespaces of ExternalModels are a list', () => {
  expect(readConfig({ FAIRLEAD_EXTERNAL_NAMESPACES: 'a,b' }).externalNamespaces).toEqual([
    'a',
    'b',
  ]);
});
