import { expect, test } from 'vitest';
import { weightsOf } from './schemes.ts';

test.each([
  ['oci://local.test/skiff:1', 'local.test/skiff:1', '/models/model.gguf'],
  ['oci://localhost:5000/a/b', 'localhost:5000/a/b', '/models/model.gguf'],
  ['oci://r.example/a@sha256:0f', 'r.example/a@sha256:0f', '/models/model.gguf'],
  ['oci://r.example/a:1@sha256:0f?file=w/q4.gguf', 'r.example/a:1@sha256:0f', '/models/w/q4.gguf'],
])('%s', (uri, reference, modelPath) => {
  expect(weightsOf(uri)).toEqual({
    volumes: [{ name: 'model', image: { reference, pullPolicy: 'IfNotPresent' } }],
    volumeMounts: [{ name: 'model', mountPath: '/models', readOnly: true }],
    modelPath,
  });
});

test.each(['ftp://example.com/model', 'model.gguf', ''])('%j is no source', (uri) => {
  expect(weightsOf(uri)).toBeUndefined();
});
