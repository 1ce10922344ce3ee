import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { revisionOf } from './revision.ts';

const none = new Set<string>();
const revision = (spec: Record<string, unknown> = {}) => revisionOf(modelDeployment(spec), none);

test('the algorithm is frozen: running pods carry these very results', () => {
  expect(revision()).toBe('5d757197');
  expect(
    revision({
      servedName: 'org/skiff:1',
      source: { uri: 'oci://registry.example/models/skiff:1?file=q4.gguf' },
      engine: {
        type: 'LlamaCpp',
        image: 'registry.example/llama:1',
        args: ['--no-mmap'],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
        contextLength: 4096,
        maxConcurrency: 8,
        features: ['Embeddings'],
      },
      accelerator: { profile: 'nvidia', count: 2 },
      resources: { requests: { cpu: 2, memory: '4Gi' } },
    }),
  ).toBe('daa6284f');
});

test.each([
  ['servedName', { servedName: 'other' }],
  ['source.uri', { source: { uri: 'oci://registry.example/models/skiff:2' } }],
  [
    'source.secretName',
    { source: { uri: 'oci://registry.example/models/skiff:1', secretName: 'hub' } },
  ],
  ['source.cache', { source: { uri: 'oci://registry.example/models/skiff:1', cache: 'shared' } }],
  ['nodes', { nodes: 2 }],
  [
    'adapters',
    { engine: { type: 'vLLM' }, adapters: [{ name: 'a', source: { uri: 'hf://o/a' } }] },
  ],
  [
    'adapters that the engine has from its start',
    { adapters: [{ name: 'a', source: { uri: 'hf://o/a/a.gguf' } }] },
  ],
  ['engine.envFrom', { engine: { type: 'LlamaCpp', envFrom: [{ secretRef: { name: 'a' } }] } }],
  ['podTemplate', { podTemplate: { metadata: { labels: { a: 'b' } } } }],
  ['engine.image', { engine: { type: 'LlamaCpp', image: 'x' } }],
  ['engine.args', { engine: { type: 'LlamaCpp', args: ['-v'] } }],
  ['engine.env', { engine: { type: 'LlamaCpp', env: [{ name: 'A', value: '1' }] } }],
  ['engine.contextLength', { engine: { type: 'LlamaCpp', contextLength: 1 } }],
  ['engine.maxConcurrency', { engine: { type: 'LlamaCpp', maxConcurrency: 1 } }],
  ['engine.features', { engine: { type: 'LlamaCpp', features: ['Chat'] } }],
  ['accelerator.profile', { accelerator: { profile: 'nvidia' } }],
  ['accelerator.count', { accelerator: { count: 2 } }],
  ['rollout.startTimeout', { rollout: { startTimeout: '2h' } }],
  ['resources', { resources: { limits: { memory: '1Gi' } } }],
])('%s belongs to the intent', (_field, spec) => {
  expect(revision(spec)).not.toBe(revision());
});

test.each([
  ['replicas', { replicas: 5 }],
  ['paused', { paused: true }],
  ['how a rollout goes', { rollout: { maxSurge: 1, maxUnavailable: 2, drainTimeout: '1m' } }],
  ['a startTimeout that is the default anyway', { rollout: { startTimeout: '1h' } }],
  ['a servedName that is the default anyway', { servedName: 'skiff' }],
  ['aliases, which only routers know', { aliases: ['gpt-4o'] }],
  ['the order of features', { engine: { type: 'LlamaCpp', features: ['Completions', 'Chat'] } }],
])('%s does not', (_field, spec) => {
  expect(revision(spec)).toBe(revision());
});

test('the order of keys does not matter, the order of arguments does', () => {
  const withResources = (requests: object) => revision({ resources: { requests } });
  expect(withResources({ cpu: 1, memory: 2 })).toBe(withResources({ memory: 2, cpu: 1 }));
  const withArgs = (args: string[]) => revision({ engine: { type: 'LlamaCpp', args } });
  expect(withArgs(['-a', '-b'])).not.toBe(withArgs(['-b', '-a']));
});

test('it is fit for a pod name and a label', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      expect(revision({ engine: { type: 'LlamaCpp', args: [text] } })).toMatch(/^[0-9a-f]{8}$/);
    }),
  );
});

test('a revision that is kept stays as long as any algorithm still gives it', () => {
  const { spec } = modelDeployment();
  const kept = new Set([revision(), 'another']);
  expect(revisionOf(modelDeployment(spec), kept)).toBe(revision());
});
