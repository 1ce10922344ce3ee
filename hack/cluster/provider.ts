/** Where a cluster comes from: built here from source packages, or kind in Docker. */
export type ProviderName = 'local' | 'kind';

/** What every provider of clusters can do. `log` gets lines for people. */
export interface Provider {
  /** Brings the cluster to health, whatever state it is in; returns the kubeconfig file's path. */
  up(name: string, nodeCount: number, log: (line: string) => void): Promise<string>;
  /** Removes the cluster with all it left; no error when there is none. */
  down(name: string): Promise<void>;
  /** Imports docker or OCI archives into every node. */
  load(name: string, archivePaths: readonly string[]): Promise<void>;
  /** What is there, as lines for people; `healthy` when nothing is missing. */
  status(name: string): Promise<{ healthy: boolean; lines: string[] }>;
  kubeconfigPath(name: string): string;
  /** The folder with each component's log. */
  logsDir(name: string): string;
}
