import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from './client.ts';
import { createEventRecorder, type EventRecorder } from './events.ts';
import type { KubeObject } from './object.ts';
import type { Event } from './resources.ts';
import { createFakeClock, type FakeClock } from './testing/fake-clock.ts';
import { type ScriptedServer, startScriptedServer } from './testing/scripted-server.ts';

const collection = '/apis/events.k8s.io/v1/events';
let server: ScriptedServer;
let client: KubeClient;
let clock: FakeClock;
let recorder: EventRecorder;
beforeEach(async () => {
  server = await startScriptedServer();
  client = createClient(server.config);
  clock = createFakeClock();
  recorder = createEventRecorder({
    client,
    clock,
    reportingController: 'example.com/tester',
    reportingInstance: 'tester-0',
  });
});
afterEach(async () => {
  await client.close();
  await server.stop();
});
const subject: KubeObject = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w', namespace: 'n', uid: 'u1', resourceVersion: '7', creationTimestamp: '' },
};
const started = { type: 'Normal', reason: 'Started', action: 'Start', note: 'it runs' } as const;
const stored = () => server.state.list(collection) as Event[];

describe('event recorder', () => {
  it('writes an event in the namespace of its object', async () => {
    recorder.record(subject, started);
    await recorder.flush();
    const [event] = stored();
    expect(event).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'n', name: expect.stringMatching(/^w\.[0-9a-f]{16}$/) },
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      reportingController: 'example.com/tester',
      reportingInstance: 'tester-0',
      ...started,
      regarding: { kind: 'Widget', name: 'w', namespace: 'n', uid: 'u1', resourceVersion: '7' },
    });
    const { namespace: _, ...unnamespaced } = subject.metadata;
    recorder.record({ ...subject, metadata: { ...unnamespaced, uid: 'u2' } }, started);
    await recorder.flush();
    expect(stored()[1]?.metadata.namespace).toBe('default');
  });

  it('joins repeats into a series, written at most every 10 s', async () => {
    recorder.record(subject, started);
    for (let second = 0; second < 25; second++) {
      clock.advance(1_000);
      recorder.record(subject, started);
    }
    await recorder.flush();
    expect(stored()).toHaveLength(1);
    expect(stored()[0]?.series).toMatchObject({ count: 26 });
    expect(server.seen).toHaveLength(3);
    clock.advance(7 * 60_000);
    recorder.record(subject, started);
    recorder.record(subject, { ...started, reason: 'Other' });
    await recorder.flush();
    expect(stored()).toHaveLength(3);
  });

  it('writes a new event for a series whose event has expired', async () => {
    recorder.record(subject, started);
    await recorder.flush();
    const [{ metadata } = { metadata: { name: '' } }] = stored();
    server.state.remove(collection, `n/${metadata.name}`);
    clock.advance(10_000);
    recorder.record(subject, started);
    await recorder.flush();
    expect(stored()[0]).toMatchObject({ series: { count: 2 }, note: 'it runs' });
  });

  it('has a token bucket for each object', async () => {
    for (let note = 0; note < 40; note++) recorder.record(subject, { ...started, note: `${note}` });
    const other = { ...subject, metadata: { ...subject.metadata, uid: 'u2' } };
    recorder.record(other, started);
    await recorder.flush();
    expect(stored()).toHaveLength(26);
    clock.advance(300_000);
    for (let note = 0; note < 3; note++) recorder.record(subject, { ...started, note: `x${note}` });
    await recorder.flush();
    expect(stored()).toHaveLength(27);
  });

  it('cuts a note to 1 KiB without breaking a character', async () => {
    recorder.record(subject, { ...started, note: 'ä😀'.repeat(400) });
    await recorder.flush();
    const note = stored()[0]?.note ?? '';
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(note)).toBeGreaterThan(1010);
    expect(note).toMatch(/^(ä😀)+ä?…$/u);
  });

  it('never throws, drops what cannot be written, and goes on after that', async () => {
    server.fault = () => ({ status: 403 });
    for (let count = 0; count < 3; count++)
      recorder.record(subject, { ...started, note: `${count}` });
    await recorder.flush();
    server.fault = ({ method }) => (method === 'PATCH' ? { status: 422 } : undefined);
    clock.advance(10_000);
    recorder.record(subject, { ...started, note: '0' });
    await recorder.flush();
    for (let uid = 0; uid < 1_500; uid++)
      recorder.record({ ...subject, metadata: { ...subject.metadata, uid: `${uid}` } }, started);
    await recorder.flush();
    expect(stored()).toHaveLength(1_000);
  });

  it('forgets objects and series when it has seen very many', async () => {
    server.fault = () => ({ status: 403 });
    for (let uid = 0; uid < 5_000; uid++)
      recorder.record({ ...subject, metadata: { ...subject.metadata, uid: `${uid}` } }, started);
    await recorder.flush();
    server.fault = () => undefined;
    const first = { ...subject, metadata: { ...subject.metadata, uid: '0' } };
    recorder.record(first, started);
    await recorder.flush();
    expect(stored()).toHaveLength(1);
  });
});
