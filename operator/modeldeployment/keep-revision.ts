import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound, unless } from '../../kube/errors.ts';
import { ControllerRevisions, ResourceClaimTemplates } from '../../kube/resources.ts';
import { fieldManager, isRefusal, words } from './apply.ts';
import { claimTemplateOf } from './claim-template.ts';
import { controllerRevisionOf, historyOf, type StoredRevision } from './history.ts';
import { type Resolved, renderTemplate } from './pod.ts';

interface Using {
  client: KubeClient;
  signal: AbortSignal;
}

/**
 * Renders the present spec and keeps the result as a revision, with the claim template that its pods refer
 * to, so that all pods of the revision are ever made of this one template.
 * @returns undefined when the revision is kept already and the cache has yet to learn of it; as `refusal`
 *   the API server's words when it will not have it
 */
export async function keepRevision(
  deployment: ModelDeployment,
  resolved: Resolved,
  revision: string,
  history: ReadonlyMap<string, StoredRevision>,
  { client, signal }: Using,
): Promise<StoredRevision | { refusal: string } | undefined> {
  const options = { signal, fieldManager };
  const claims = claimTemplateOf(deployment, resolved.profile);
  try {
    if (claims) await client.create(ResourceClaimTemplates, claims, options);
  } catch (error) {
    if (isNotFound(error)) return { refusal: 'this cluster serves no ResourceClaimTemplates' };
    if (isRefusal(error)) return { refusal: words(error) };
    if (!isAlreadyExists(error)) throw error;
  }
  const template = renderTemplate(deployment, resolved);
  const intent = controllerRevisionOf(deployment, revision, template, history, resolved.profile);
  try {
    const created = await client.create(ControllerRevisions, intent, options);
    return historyOf([created]).get(revision);
  } catch (error) {
    if (isAlreadyExists(error)) return undefined;
    if (isRefusal(error)) return { refusal: words(error) };
    throw error;
  }
}

/** Deletes these revisions, as far as they are still there. */
export async function forgetRevisions(
  deployment: ModelDeployment,
  revisions: readonly StoredRevision[],
  { client, signal }: Using,
): Promise<void> {
  const { namespace } = deployment.metadata;
  for (const { name, uid } of revisions) {
    const deletion = client.delete(ControllerRevisions, { namespace, name }, { uid, signal });
    await unless(isNotFound, deletion);
  }
}
