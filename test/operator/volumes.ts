/** A volume that is a folder of the node. */
export const volume = (name: string, path: string, mode: string, storageClassName = '') => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: [mode],
    storageClassName,
    hostPath: { path },
  },
});

/** A claim of the volume of the same name. */
export const claim = (name: string, mode: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: {
    accessModes: [mode],
    storageClassName: '',
    volumeName: name,
    resources: { requests: { storage: '1Gi' } },
  },
});

/** A Secret of plain texts. */
export const secret = (name: string, stringData: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});
