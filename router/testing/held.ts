import { eventually } from '../../kube/testing/wait.ts';
import { DemandFollowers } from '../../protocol/followers.ts';
import { openRaw, post, type RawClient } from './raw-client.ts';
import type { ScriptedUpstream, UpstreamRequest } from './scripted-upstream.ts';
import type { TestRouter } from './test-router.ts';

const chat = '/v1/chat/completions';

/** What a request carries so that the upstream can tell it from others. */
export interface Marked {
  model: string;
  mark: string;
  stream?: boolean;
}

/** Sends a request and waits until the router has it, held or in flight. */
export async function ask(
  router: TestRouter,
  body: Marked,
  { headers = [], path = chat }: { headers?: readonly string[]; path?: string } = {},
): Promise<RawClient> {
  const before = router.inFlight();
  const client = openRaw(router.address, post(path, JSON.stringify(body), headers));
  await eventually(`the router has ${body.mark}`, () => router.inFlight() > before);
  return client;
}

/** The mark of a request as the upstream got it. */
export const markOf = ({ body }: UpstreamRequest): string => JSON.parse(body.toString()).mark;

/** Lets requests stay open at an upstream until they are answered one by one. */
export function openAt(upstream: ScriptedUpstream) {
  const open: UpstreamRequest[] = [];
  let most = 0;
  upstream.answer = (request) => {
    open.push(request);
    most = Math.max(most, open.length);
  };
  return {
    open,
    /** The most that were open at once. */
    most: () => most,
    /** The first that is open, once there is one. */
    next: async () => {
      await eventually('a request has come to the upstream', () => open.length > 0);
      return open.shift() as UpstreamRequest;
    },
  };
}

/** Follows a router's demand stream; `told` is what it last said of a model. */
export function demandOf(router: TestRouter, model: string) {
  const followers = new DemandFollowers({}, () => performance.now());
  followers.set('router', router.internalAddress);
  return {
    told: () => followers.live()[0]?.state?.models.get(`default/${model}`),
    stop: () => followers.stop(),
  };
}
