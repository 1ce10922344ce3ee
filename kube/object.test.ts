import { describe, expect, it } from 'vitest';
import { controllerOf, controllerReference, type KubeObject, keyOf, parseKey } from './object.ts';
import { Events, Pods } from './resources.ts';
import { Nodes } from './testing/objects.ts';

const owner: KubeObject = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'w', uid: 'u1', resourceVersion: '1', creationTimestamp: '' },
};

describe('objects', () => {
  it('has a key that parseKey undoes', () => {
    for (const ref of [{ name: 'a' }, { namespace: 'n', name: 'a' }]) {
      expect(parseKey(keyOf({ metadata: ref }))).toEqual(ref);
    }
    expect(keyOf({ metadata: { namespace: 'n', name: 'a' } })).toBe('n/a');
  });

  it('finds the controller among the owners', () => {
    const reference = controllerReference(owner);
    expect(reference).toEqual({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      name: 'w',
      uid: 'u1',
      controller: true,
      blockOwnerDeletion: true,
    });
    const other = { ...reference, uid: 'u2', controller: false };
    const child = {
      ...owner,
      metadata: { ...owner.metadata, ownerReferences: [other, reference] },
    };
    expect(controllerOf(child)).toBe(reference);
    expect(controllerOf(owner)).toBeUndefined();
  });

  it('says where built-in kinds are served', () => {
    expect(Pods).toMatchObject({ group: '', version: 'v1', plural: 'pods', namespaced: true });
    expect(Events).toMatchObject({ group: 'events.k8s.io', version: 'v1', plural: 'events' });
    expect(Nodes).toMatchObject({ plural: 'nodes', namespaced: false });
  });
});
