import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RoutingPolicy, routingPolicies } from '../../crds/modeldeployment/routing.ts';
import type { Replica } from '../catalog/model.ts';
import { type Balancer, createBalancer, type Placement } from './balancer.ts';
import type { PromptTracker } from './replica-load.ts';
import { ReplicaLoads } from './replica-loads.ts';

const replica = (id: string): Replica => ({
  ...{ id, pod: id, namespace: 'default', revision: 'r1', host: '127.0.0.1', port: 80 },
});
const [a, b, c] = [replica('a'), replica('b'), replica('c')];

/** A request whose prompt is all of its body. */
function prompt(text: string, rest: { sessionKey?: string; adapter?: string } = {}) {
  const body = Buffer.from(text);
  return { model: 'm', body, promptSpans: [{ start: 0, end: body.length }], ...rest };
}

const long = (topic: string) => `${topic}: `.repeat(2_000).slice(0, 8_000);

function place(balancer: Balancer, text: string, candidates = [a, b, c]): Placement {
  const placement = balancer.place(prompt(text), 'PrefixAware', candidates);
  if (!placement) throw new Error('there is no placement');
  return placement;
}

test('a conversation stays where it began, others are spread', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const first = place(balancer, long('first'));
  expect(first).toMatchObject({ policy: 'PrefixAware', reason: 'cold', candidates: 3 });
  const other = place(balancer, long('other'));
  expect(other.replica).not.toBe(first.replica);
  for (const each of [first, other]) {
    each.firstByte();
    each.release({ inputTokens: 2_000 });
  }
  const next = place(balancer, `${long('first')} and then something new`);
  expect(next).toMatchObject({ replica: first.replica, reason: 'prefix', prefixMatchRatio: 1 });
});

test('a replica that tells of its prefix cache is told of each prompt, and of its tokens at the end', () => {
  const loads = new ReplicaLoads();
  const balancer = createBalancer(Math.random, () => 0, {}, loads);
  balancer.retain([a]);
  expect(place(balancer, long('before'), [a]).session).toBeUndefined();
  const told: unknown[] = [];
  const track: PromptTracker['track'] = (blocks, bytes) => {
    told.push([blocks.length, bytes]);
    return { session: 's-1', ended: (tokens) => told.push(tokens) };
  };
  loads.setTracker('a', { track });
  const placement = place(balancer, long('then'), [a]);
  expect(placement.session).toBe('s-1');
  placement.release({ inputTokens: 1_234 });
  placement.release({ inputTokens: 1 });
  expect(told).toEqual([[31, 8_000], 1_234]);
  loads.setTracker('a', undefined);
  expect(place(balancer, long('after'), [a]).session).toBeUndefined();
});

test('a prompt goes elsewhere when those before it take longer than computing it again', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const first = place(balancer, long('shared'));
  first.firstByte();
  // Sent, not answered: 64,000 bytes wait at the replica that has the shared prompt.
  for (let sent = 0; sent < 8; sent++) place(balancer, long(`own ${sent}`), [first.replica]);
  const second = place(balancer, `${long('shared')}?`);
  expect(second.replica).not.toBe(first.replica);
  expect(second).toMatchObject({ reason: 'load', prefixMatchRatio: 0 });
});

test('what is forgotten with a pod is not remembered for another', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const first = place(balancer, long('text'), [a]);
  expect(first.reason).toBe('only');
  first.release();
  expect(place(balancer, long('text'), [a]).prefixMatchRatio).toBe(1);
  balancer.retain([b]);
  expect(balancer.inFlight('a')).toBe(1);
  expect(place(balancer, long('text'), [b]).prefixMatchRatio).toBe(0);
});

test('a pod that left is forgotten as soon as its last request is over', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const last = place(balancer, long('text'), [a]);
  balancer.retain([]);
  last.release();
  balancer.retain([a]);
  expect(place(balancer, long('text'), [a]).prefixMatchRatio).toBe(0);
});

test('room is for fewer than may be open, over all routers; with all of it the candidates stay as they are', () => {
  const loads = new ReplicaLoads();
  // Heard before this router knew of the replicas.
  loads.hearLoads(new Map([['b', { inFlight: 1, pendingTokens: 0 }]]), 0);
  const balancer = createBalancer(Math.random, () => 0, {}, loads);
  const all = [a, b, c];
  balancer.retain(all);
  expect(balancer.withRoom(all, 2, false)).toBe(all);
  expect(balancer.withRoom(all, 1, false)).toEqual([a, c]);
  const open = place(balancer, long('text'), [a]);
  expect(balancer.withRoom(all, 1, false)).toEqual([c]);
  open.release();
  expect(balancer.withRoom(all, 1, false)).toEqual([a, c]);
  // Its replica is another one from now on.
  balancer.retain([c]);
  loads.hearLoads(new Map([['c', { inFlight: 1, pendingTokens: 0 }]]), 0);
  expect(balancer.withRoom(all, 1, false)).toEqual([a, b]);
});

test('a prompt that waits fits where its beginning is, if prompts are compared', () => {
  const balancer = createBalancer(Math.random, () => 0);
  place(balancer, long('text'), [a]);
  const waiting = prompt(`${long('text')}${long('more')}`);
  const share = balancer.fitOf(waiting, 'PrefixAware');
  expect(share([b, a])).toBeCloseTo(0.5, 1);
  expect(share([b, c])).toBe(0);
  expect(balancer.fitOf(waiting, 'LeastLoad')([a])).toBe(0);
});

test('short prompts of one session go the same way', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const chosen = Array.from({ length: 20 }, () => {
    const placement = balancer.place(prompt('hi', { sessionKey: 's' }), 'PrefixAware', [a, b, c]);
    placement?.release();
    return placement?.replica.id;
  });
  expect(new Set(chosen).size).toBe(1);
});

test('adapters of a model do not count as each other’s prefix', () => {
  const balancer = createBalancer(Math.random, () => 0);
  balancer.place(prompt(long('x'), { adapter: 'one' }), 'PrefixAware', [a]);
  const other = balancer.place(prompt(long('x'), { adapter: 'two' }), 'PrefixAware', [a]);
  expect(other?.prefixMatchRatio).toBe(0);
});

test('RoundRobin takes turns, LeastLoad the one with the fewest requests', () => {
  const balancer = createBalancer(Math.random, () => 0);
  const turns = Array.from(
    { length: 6 },
    () => balancer.place(prompt('x'), 'RoundRobin', [a, b, c])?.replica.id,
  );
  expect(turns).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  balancer.place(prompt('x'), 'RoundRobin', [a]);
  balancer.place(prompt('x'), 'RoundRobin', [b]);
  expect(balancer.place(prompt('x'), 'LeastLoad', [a, b, c])).toMatchObject({
    replica: c,
    policy: 'LeastLoad',
    reason: 'least_in_flight',
  });
});

test('no candidates, no placement', () => {
  const balancer = createBalancer(Math.random, () => 0);
  for (const policy of routingPolicies) {
    expect(balancer.place(prompt('x'), policy, [])).toBeUndefined();
  }
  expect(balancer.total).toBe(0);
});

test('slots are the requests that are open, and none in the end', () => {
  const step = fc.record({
    policy: fc.constantFrom<RoutingPolicy>(...routingPolicies),
    text: fc.string({ maxLength: 600 }),
    end: fc.option(fc.nat()),
    retain: fc.subarray([a, b, c]),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const balancer = createBalancer(
        () => 0.5,
        () => 0,
      );
      const taken: Placement[] = [];
      const open = new Set<Placement>();
      for (const { policy, text, end, retain } of steps) {
        const placement = balancer.place(prompt(text), policy, [a, b, c]);
        if (placement) open.add(placement);
        if (placement) taken.push(placement);
        const over = end === null ? undefined : taken[end % taken.length];
        over?.firstByte();
        over?.release({ inputTokens: 7 });
        if (over) open.delete(over);
        balancer.retain(retain);
        for (const { id } of [a, b, c]) {
          const here = [...open].filter(({ replica: at }) => at.id === id).length;
          expect(balancer.inFlight(id)).toBe(here);
          if (here === 0) expect(balancer.pendingTokens(id)).toBe(0);
        }
        expect(balancer.total).toBe(open.size);
      }
      for (const placement of taken) placement.release();
      expect(balancer.total).toBe(0);
    }),
  );
});
