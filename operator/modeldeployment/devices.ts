import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Container } from '../engines/engine.ts';
import { times } from '../engines/quantity.ts';
import { claimTemplateOf } from './claim-template.ts';

/** How a pod asks for its accelerators: as extended resources, or as a claim. */
export interface Devices {
  resourceClaims?: NonNullable<Pod['spec']['resourceClaims']>;
  container: { limits?: Record<string, string>; claims?: { name: string }[] };
}

const claim = 'accelerator';

export function devicesOf(
  deployment: ModelDeployment,
  profile: AcceleratorProfileSpec | undefined,
): Devices {
  const template = claimTemplateOf(deployment, profile);
  if (template) {
    const resourceClaimTemplateName = template.metadata.name;
    return {
      resourceClaims: [{ name: claim, resourceClaimTemplateName }],
      container: { claims: [{ name: claim }] },
    };
  }
  if (profile?.resourceName === undefined) return { container: {} };
  const limits = { [profile.resourceName]: String(deployment.spec.accelerator.count) };
  return { container: { limits } };
}

type Quantities = Record<string, string | number> | undefined;

/**
 * What the engine's container asks for: the profile's share for each accelerator, then the user's, name by
 * name. An extended resource's request always equals its limit, so the limit alone is given.
 */
export function resources(
  { spec }: ModelDeployment,
  profile: AcceleratorProfileSpec | undefined,
  { limits: devices, claims }: Devices['container'],
): NonNullable<Container['resources']> {
  const merged = (share: Quantities, own: Quantities): Record<string, string> => ({
    ...Object.fromEntries(
      Object.entries(share ?? {}).map(([name, of]) => [name, times(of, spec.accelerator.count)]),
    ),
    ...Object.fromEntries(Object.entries(own ?? {}).map(([name, of]) => [name, String(of)])),
  });
  const requests = merged(profile?.resources?.requests, spec.resources?.requests);
  const limits = { ...merged(profile?.resources?.limits, spec.resources?.limits), ...devices };
  return {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(claims && { claims }),
  };
}
