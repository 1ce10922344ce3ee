import { engineContainer, managedByLabel } from '../../crds/labels.ts';
import type { PodTemplateSpec } from '../../crds/modeldeployment/pod-template.ts';
import type { Pod } from '../../kube/resources.ts';
import { adaptersFolder } from '../adapters/protocol.ts';
import type { Container } from '../engines/engine.ts';
import type { PodTemplate } from './replica-pod.ts';

type TemplateContainer = NonNullable<NonNullable<PodTemplateSpec['spec']>['containers']>[number];

/** Of the engine's container, what the user may say in podTemplate; all else has a field of its own. */
const mergeable = ['name', 'volumeMounts', 'securityContext'];
const instead: Readonly<Record<string, string>> = {
  image: 'Use spec.engine.image.',
  command: 'Use spec.engine.command, with the type Custom.',
  args: 'Use spec.engine.args.',
  env: 'Use spec.engine.env.',
  envFrom: 'Use spec.engine.envFrom.',
  resources: 'Use spec.resources.',
};
/** Where weights are; what else the engine writes to may be a volume of the user's. */
const weightsPaths = ['/models', '/adapters', adaptersFolder];

/**
 * What in `template` Fairlead needs as it is.
 * @param hostPaths folders of the nodes that pods may mount
 * @returns a message that names the field and the remedy
 */
export function templateProblem(
  { metadata, spec }: PodTemplateSpec,
  isHostPathAllowed: (path: string) => boolean,
): string | undefined {
  for (const part of ['labels', 'annotations'] as const) {
    const ours = Object.keys(metadata?.[part] ?? {}).find(isOurs);
    if (ours !== undefined)
      return `spec.podTemplate.metadata.${part}: ${ours} is Fairlead's; remove it`;
  }
  const engine = spec?.containers?.find(({ name }) => name === engineContainer);
  const field = Object.keys(engine ?? {}).find((name) => !mergeable.includes(name));
  const at = `spec.podTemplate.spec.containers[${engineContainer}]`;
  if (field !== undefined)
    return `${at}.${field} is refused. ${instead[field] ?? 'Fairlead sets it; remove it.'}`;
  const taken = mountsOf(engine).find(({ mountPath }) =>
    weightsPaths.some((path) => isInside(mountPath, path)),
  );
  if (taken) return `${at}.volumeMounts: ${taken.mountPath} holds the weights; mount it elsewhere`;
  for (const { name, hostPath } of (spec?.volumes ?? []) as HostPathVolume[]) {
    if (hostPath && !isHostPathAllowed(hostPath.path ?? ''))
      return `spec.podTemplate.spec.volumes[${name}].hostPath: ${hostPath.path} is not below a folder that the chart's weights.hostPaths allows`;
  }
  return undefined;
}

interface HostPathVolume {
  name: string;
  hostPath?: { path?: string };
}

/** Where the user mounts volumes of their own in the engine's container. */
export function mountPathsOf(template: PodTemplateSpec | undefined): string[] {
  const engine = template?.spec?.containers?.find(({ name }) => name === engineContainer);
  return mountsOf(engine).map(({ mountPath }) => mountPath);
}

/**
 * `pod` with the user's template merged in as `kubectl patch` would: maps by key, lists of named things by
 * name, tolerations and the mounts of the engine appended.
 */
export function withTemplate(
  pod: PodTemplate,
  { metadata = {}, spec = {} }: PodTemplateSpec,
): PodTemplate {
  const { containers = [], initContainers = [], volumes = [], ...rest } = spec;
  const { nodeSelector, tolerations, securityContext, ...replaced } = rest;
  const isEngine = ({ name }: { name: string }) => name === engineContainer;
  const [engine, ...others] = pod.spec.containers;
  const sidecars = containers.filter((container) => !isEngine(container));
  const merged = {
    ...pod.spec,
    ...replaced,
    containers: [merge(engine, containers.find(isEngine)), ...others, ...sidecars],
    ...((initContainers.length > 0 || pod.spec.initContainers) && {
      initContainers: [...initContainers, ...(pod.spec.initContainers ?? [])],
    }),
    volumes: [...(pod.spec.volumes ?? []), ...volumes],
    ...((nodeSelector || pod.spec.nodeSelector) && {
      nodeSelector: { ...pod.spec.nodeSelector, ...nodeSelector },
    }),
    ...((tolerations || pod.spec.tolerations) && {
      tolerations: [...(pod.spec.tolerations ?? []), ...(tolerations ?? [])],
    }),
    securityContext: { ...pod.spec.securityContext, ...securityContext },
  };
  const { labels } = metadata;
  const annotations = { ...pod.metadata.annotations, ...metadata.annotations };
  return {
    metadata: {
      ...(labels && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: merged as Pod['spec'],
  };
}

function merge(engine: Container | undefined, more: TemplateContainer | undefined) {
  const { securityContext } = (more ?? {}) as { securityContext?: object };
  return {
    ...engine,
    volumeMounts: [...(engine?.volumeMounts ?? []), ...mountsOf(more)],
    securityContext: { ...engine?.securityContext, ...securityContext },
  };
}

function mountsOf(container: TemplateContainer | undefined): { mountPath: string }[] {
  const { volumeMounts } = (container ?? {}) as { volumeMounts?: { mountPath: string }[] };
  return volumeMounts ?? [];
}

function isOurs(name: string): boolean {
  return name.startsWith('fairlead.dev/') || name === managedByLabel;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
