import type { Pod } from '../../kube/resources.ts';

/**
 * A pod with what the operator reads of it: where it is, how its containers are reached and bounded, and what
 * was mounted as an image. Its template is kept in its revision, so that thousands of pods do not fill the memory.
 */
export function slimPod(pod: Pod): Pod {
  const { nodeName, containers, initContainers, volumes } = pod.spec;
  const images = volumes?.flatMap(({ name, image }) => (image ? { name, image } : []));
  return {
    ...pod,
    spec: {
      ...(nodeName !== undefined && { nodeName }),
      containers: containers.map(({ name, ports, resources }) => ({
        name,
        ...(ports && { ports }),
        ...(resources && { resources }),
      })),
      ...(initContainers && { initContainers: initContainers.map(({ name }) => ({ name })) }),
      ...(images && images.length > 0 && { volumes: images }),
    },
  };
}
