import { z } from 'zod';
import type { EngineType } from '../crds/modeldeployment/engine.ts';
import type { Peers } from './companions/intents.ts';
import type { LoaderSettings } from './weights/download.ts';

const images = z
  .preprocess(
    (text) => parsed(text),
    z.strictObject({
      vLLM: z.string().optional(),
      LlamaCpp: z.string().optional(),
      SGLang: z.string().optional(),
      TGI: z.string().optional(),
      Ollama: z.string().optional(),
    } satisfies Partial<Record<EngineType, z.ZodType>>),
  )
  .default({});

/** What a cache class makes of a claim. */
const cacheClass = z.strictObject({
  /** Absent: the cluster's default. */
  storageClassName: z.string().optional(),
  size: z.string().min(1),
  accessModes: z
    .array(z.enum(['ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']))
    .min(1)
    .default(['ReadWriteMany']),
});

/** JSON, or the text itself where it is none, which no schema of an object accepts. */
function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** What the operator is told by its environment; the chart sets all of it. */
const environment = z.object({
  /** Where the operator runs and keeps its Lease. */
  FAIRLEAD_NAMESPACE: z.string().min(1),
  /** Different for every process; in a pod its name. */
  FAIRLEAD_POD_NAME: z.string().min(1),
  /** Base URL that `status.url` tells clients. */
  FAIRLEAD_ROUTER_URL: z.url(),
  /** Default images of the engines by type, as JSON; without one a ModelDeployment must name its own. */
  FAIRLEAD_ENGINE_IMAGES: images,
  /** The same for the built-in profile `cpu`, before those. */
  FAIRLEAD_CPU_ENGINE_IMAGES: images,
  /** Folders of the nodes, separated by commas, that model pods may mount. */
  FAIRLEAD_HOST_PATHS: z
    .string()
    .regex(/^\/[^,]*(,\/[^,]*)*$/, 'must be absolute paths separated by commas')
    .optional(),
  /** Fairlead's own image: init containers load weights with it. */
  FAIRLEAD_LOADER_IMAGE: z.string().min(1),
  /** Base URL of the hub that `hf://` means; empty: huggingface.co. */
  FAIRLEAD_HUB_ENDPOINT: z.url().optional(),
  /** As JSON, who may reach model pods: peers of a NetworkPolicy. Absent: no policies are made. */
  FAIRLEAD_PEERS: z.preprocess(parsed, z.array(z.looseObject({}))).optional(),
  /** What `source.cache` may name beside claims: as JSON, by name. */
  FAIRLEAD_CACHE_CLASSES: z.preprocess(parsed, z.record(z.string(), cacheClass)).default({}),
  /** Whether nodes mount images as volumes; `false`: an init container pulls those of `oci://`. */
  FAIRLEAD_IMAGE_VOLUMES: z.enum(['true', 'false']).default('true'),
  FAIRLEAD_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** Reconcile this namespace alone; empty: all. */
  FAIRLEAD_WATCH_NAMESPACE: z.string().optional(),
  /** Namespaces whose ExternalModels are served, separated by commas. */
  FAIRLEAD_EXTERNAL_NAMESPACES: z.string().optional(),
  /** Of the health and metrics endpoints; 0: any free one. */
  FAIRLEAD_PORT: z.coerce.number().int().min(0).max(65535).default(9090),
  /** Files of the certificate and the key to serve external metrics with; absent: they are not served. */
  FAIRLEAD_EXTERNAL_METRICS_CERT: z.string().optional(),
  FAIRLEAD_EXTERNAL_METRICS_KEY: z.string().optional(),
  /** Of the external metrics; 0: any free one. */
  FAIRLEAD_EXTERNAL_METRICS_PORT: z.coerce.number().int().min(0).max(65535).default(6443),
  /** Of the gRPC scaler for KEDA; absent: it is not served. */
  FAIRLEAD_KEDA_PORT: z.coerce.number().int().min(0).max(65535).optional(),
});

/** The operator's settings. */
export interface OperatorConfig {
  namespace: string;
  podName: string;
  routerUrl: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Absent: all namespaces. */
  watchNamespace: string | undefined;
  /** Whose ExternalModels are served. */
  externalNamespaces: readonly string[];
  port: number;
  /** Default image of each engine type, where one is set: with accelerators, and without. */
  engineImages: { accelerated: EngineImages; cpu: EngineImages };
  /** Folders of the nodes that model pods may mount, with all below them. */
  hostPaths: readonly string[];
  loader: LoaderSettings;
  /** Whether nodes mount images as volumes. */
  imageVolumes: boolean;
  /** What `source.cache` may name beside claims. */
  cacheClasses: Readonly<Record<string, z.output<typeof cacheClass>>>;
  /** Who may reach model pods; absent: everyone. */
  peers: Peers | undefined;
  /** How `external.metrics.k8s.io` is served; absent: not at all. */
  externalMetrics: { certFile: string; keyFile: string; port: number } | undefined;
  /** Of the gRPC scaler for KEDA; absent: it is not served. */
  kedaPort: number | undefined;
}

export type EngineImages = Readonly<Partial<Record<EngineType, string | undefined>>>;

/** The environment is not as it must be. The message names each variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the settings.
 * @param variables such as `process.env`; empty strings count as absent
 * @throws ConfigError
 */
export function readConfig(
  variables: Readonly<Record<string, string | undefined>>,
): OperatorConfig {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value));
  const { data, error } = environment.safeParse(given);
  if (error) {
    const problems = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new ConfigError(problems.join('; '));
  }
  const {
    FAIRLEAD_EXTERNAL_METRICS_CERT: certFile,
    FAIRLEAD_EXTERNAL_METRICS_KEY: keyFile,
    FAIRLEAD_EXTERNAL_METRICS_PORT: metricsPort,
  } = data;
  return {
    namespace: data.FAIRLEAD_NAMESPACE,
    podName: data.FAIRLEAD_POD_NAME,
    routerUrl: data.FAIRLEAD_ROUTER_URL,
    logLevel: data.FAIRLEAD_LOG_LEVEL,
    watchNamespace: data.FAIRLEAD_WATCH_NAMESPACE,
    externalNamespaces: data.FAIRLEAD_EXTERNAL_NAMESPACES?.split(',') ?? [],
    port: data.FAIRLEAD_PORT,
    engineImages: {
      accelerated: data.FAIRLEAD_ENGINE_IMAGES,
      cpu: data.FAIRLEAD_CPU_ENGINE_IMAGES,
    },
    hostPaths: data.FAIRLEAD_HOST_PATHS?.split(',') ?? [],
    peers: data.FAIRLEAD_PEERS,
    imageVolumes: data.FAIRLEAD_IMAGE_VOLUMES === 'true',
    cacheClasses: data.FAIRLEAD_CACHE_CLASSES,
    externalMetrics: certFile && keyFile ? { certFile, keyFile, port: metricsPort } : undefined,
    kedaPort: data.FAIRLEAD_KEDA_PORT,
    loader: { image: data.FAIRLEAD_LOADER_IMAGE, hubEndpoint: data.FAIRLEAD_HUB_ENDPOINT },
  };
}
