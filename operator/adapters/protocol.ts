import { z } from 'zod';

/**
 * What the operator and the agent of a pod say to each other: the operator writes what is wanted into an
 * annotation of the pod, which the kubelet brings to the agent as a file, and asks it over HTTP how far it is.
 * Nothing that reaches the agent over the network can make it load anything.
 */
export const reportPort = 8091;
export const reportPath = '/adapters';

/** The file of the annotation, in the agent's container. */
export const wantedFile = '/wanted/adapters';
/** Where the agent loads to; the engine reads there. */
export const adaptersFolder = '/lora';
/** Each key of each Secret that adapters are loaded with is a file below it. */
export const secretsFolder = '/secrets';

/** An adapter that a pod must serve. */
const wantedAdapter = z.object({
  /** The name that the router asks by. */
  name: z.string(),
  /** Its folder, where it is mounted. */
  path: z.string().optional(),
  /** Else where it is loaded from, and the Secret that it takes. */
  uri: z.string().optional(),
  secret: z.string().optional(),
});
export type WantedAdapter = z.output<typeof wantedAdapter>;

/** How far one is. `message` says why it failed. */
const adapterReport = z.object({
  name: z.string(),
  state: z.enum(['loading', 'loaded', 'failed']),
  message: z.string().optional(),
});
export type AdapterReport = z.output<typeof adapterReport>;

const report = z.object({
  /** The annotation that it is about, as the agent has read it. */
  wanted: z.string(),
  adapters: z.array(adapterReport),
});
export type Report = z.output<typeof report>;

/** @throws Error when it is none */
export function parseReport(text: string): Report {
  return report.parse(JSON.parse(text));
}

/** @throws Error when it is none; what the kubelet writes before there is an annotation is an empty list */
export function parseWanted(text: string): WantedAdapter[] {
  return text.trim() === '' ? [] : z.array(wantedAdapter).parse(JSON.parse(text));
}
