import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  changesOf,
  DemandReader,
  type DemandState,
  encodeDemand,
  fullMessage,
  modelKey,
  revisionKey,
} from './demand.ts';

const anyState = fc
  .record({
    models: fc.uniqueArray(
      fc.record({
        namespace: fc.constantFrom('a', 'b'),
        name: fc.constantFrom('x', 'y', 'z'),
        inFlight: fc.nat(2),
        held: fc.nat(2),
        pendingTokens: fc.nat(2),
        arrivals: fc.integer({ min: 1, max: 3 }),
      }),
      { selector: modelKey },
    ),
    pods: fc.uniqueArray(
      fc
        .record({
          uid: fc.constantFrom('1', '2', '3', '4'),
          inFlight: fc.nat(2),
          draining: fc.boolean(),
          pendingTokens: fc.nat(2),
        })
        .filter(({ inFlight, draining }) => inFlight > 0 || draining),
      { selector: ({ uid }) => uid },
    ),
    tenants: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('t', 'u'),
        inFlight: fc.nat(2),
        requests: fc.integer({ min: 1, max: 3 }),
        tokens: fc.nat(2),
      }),
      { selector: ({ name }) => name },
    ),
    revisions: fc.uniqueArray(
      fc.record({
        ...{ namespace: fc.constantFrom('a', 'b'), name: fc.constant('x') },
        ...{ revision: fc.constantFrom('r1', 'r2'), failures: fc.nat(2) },
        requests: fc.integer({ min: 1, max: 3 }),
        ...{ ttfts: fc.nat(2), ttftMs: fc.nat(2), ttftMs2: fc.nat(2) },
        ...{ tpots: fc.nat(2), tpotMs: fc.nat(2), tpotMs2: fc.nat(2) },
      }),
      { selector: revisionKey },
    ),
  })
  .map(
    ({ models, pods, tenants, revisions }): DemandState => ({
      models: new Map(models.map((model) => [modelKey(model), model])),
      pods: new Map(pods.map((pod) => [pod.uid, pod])),
      tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])),
      revisions: new Map(revisions.map((revision) => [revisionKey(revision), revision])),
    }),
  );

const bytes = (text: string) => new TextEncoder().encode(text);

test('a reader knows what was told, however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(anyState, { minLength: 1 }), fc.nat(20), (states, size) => {
      const [first, ...later] = states;
      let known = first!;
      let text = encodeDemand(fullMessage('r', known));
      for (const state of later) {
        text += encodeDemand(changesOf(known, state));
        known = state;
      }
      const reader = new DemandReader();
      const all = bytes(text);
      for (let at = 0; at < all.length; at += size + 1) reader.push(all.slice(at, at + size + 1));
      expect(reader.pods).toEqual(known.pods);
      expect(reader.models).toEqual(known.models);
      expect(reader.tenants).toEqual(known.tenants);
      expect(reader.revisions).toEqual(known.revisions);
      expect(reader.router).toBe('r');
    }),
  );
});

test('the same state has no changes', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      expect(changesOf(state, state)).toEqual({
        full: false,
        models: [],
        pods: [],
        tenants: [],
        revisions: [],
      });
    }),
  );
});

test('a full message forgets what was before', () => {
  const reader = new DemandReader();
  const pod = { uid: '1', inFlight: 2, draining: false, pendingTokens: 0 };
  reader.push(bytes(encodeDemand({ full: true, models: [], pods: [pod] })));
  expect(reader.pods.get('1')).toEqual(pod);
  reader.push(bytes(encodeDemand({ full: true, models: [], pods: [] })));
  expect(reader.pods.size).toBe(0);
});

test.each(['nonsense', '{}', '{"full":true,"models":[],"pods":[{"uid":"1","inFlight":-1}]}'])(
  'what is no message is an error: %s',
  (line) => {
    expect(() => new DemandReader().push(bytes(`${line}\n`))).toThrow();
  },
);
