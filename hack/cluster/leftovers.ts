import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { type Layout, layOut } from './local/layout.ts';
import { listProcesses, pidNamespace } from './local/processes.ts';

type SnapshotPart =
  | 'processes'
  | 'addresses'
  | 'links'
  | 'routes'
  | 'networkNamespaces'
  | 'nftables'
  | 'mounts'
  | 'cgroups'
  | 'settings';

/** What a machine shows of clusters: everything that must be as before once they are gone. */
export type MachineSnapshot = Record<SnapshotPart, readonly string[]>;

// What the kubelet and the network would like to set for the whole machine.
const settings = [
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'net/ipv4/ip_forward',
];

// Programs that only clusters run; others come and go on any machine.
const clusterProgram =
  /^(\S*\/)?(etcd|kube-\w+|kubelet|containerd\S*|coredns|pause|unshare|runc)( |$)|init-(cluster|node)\.sh/;

/**
 * Looks at the machine. What belongs to other clusters than those named is left out, as they may
 * come and go at the same time. Needs root.
 */
export async function snapshotMachine(clusterNames: readonly string[]): Promise<MachineSnapshot> {
  const own = clusterNames.map((name) => layOut(name, 0));
  const clusterOf = (line: string): string | undefined =>
    /\bfairlead-?([0-9a-f]{7})/.exec(line)?.[1];
  const isOwn = (line: string): boolean => {
    const id = clusterOf(line);
    return id !== undefined && own.some((layout) => layout.id.startsWith(id));
  };
  const isForeign = (line: string): boolean => clusterOf(line) !== undefined && !isOwn(line);
  const keep = (lines: readonly string[]): string[] =>
    lines.filter((line) => line !== '' && !isForeign(line)).sort();
  const lines = async (program: string, ...args: string[]): Promise<string[]> =>
    keep((await runCommand(program, args)).split('\n'));
  return {
    processes: clusterProcesses(own),
    addresses: await lines('ip', '-oneline', 'address', 'show'),
    links: await lines('ip', '-brief', 'link', 'show'),
    routes: await lines('ip', 'route', 'show', 'table', 'all'),
    networkNamespaces: await lines('ip', 'netns', 'list'),
    nftables: await lines('nft', 'list', 'tables'),
    mounts: keep(readFileSync('/proc/self/mounts', 'utf8').split('\n')),
    cgroups: keep(folders('/sys/fs/cgroup').filter((path) => isOwn(path) || isIdle(path))),
    settings: settings.map((name) => `${name} ${readFileSync(`/proc/sys/${name}`, 'utf8').trim()}`),
  };
}

/**
 * What is in one snapshot only, as lines that begin with the part and + (now) or - (before).
 * That a process has ended or a control group has gone is no difference: others' do.
 */
export function compareSnapshots(before: MachineSnapshot, after: MachineSnapshot): string[] {
  const parts = Object.keys(before) as SnapshotPart[];
  const onlyIn = (one: MachineSnapshot, other: MachineSnapshot, part: SnapshotPart): string[] =>
    one[part].filter((line) => !other[part].includes(line));
  return parts.flatMap((part) => [
    ...onlyIn(after, before, part).map((line) => `${part} + ${line}`),
    ...(part === 'processes' || part === 'cgroups' ? [] : onlyIn(before, after, part)).map(
      (line) => `${part} - ${line}`,
    ),
  ]);
}

/**
 * Programs of clusters: those in PID namespaces below this one, and what holds the namespaces. Left
 * out are those that descend from the namespaces of other clusters.
 */
function clusterProcesses(own: readonly Layout[]): string[] {
  const all = listProcesses();
  const foreign = new Set(
    all.flatMap(({ pid, argv }) => {
      const script = argv.findIndex((part) => part.endsWith('/init-cluster.sh'));
      const isOwn = own.some(({ dir }) => dir === argv[script + 1]);
      return script === -1 || isOwn ? [] : [pid];
    }),
  );
  const parents = new Map(all.map(({ pid }) => [pid, parentOf(pid)]));
  const isForeign = (pid: number | undefined): boolean =>
    pid !== undefined && (foreign.has(pid) || isForeign(parents.get(pid)));
  return all
    .filter(({ pid, argv }) => {
      const holds = argv.some((part) => part.endsWith('/init-cluster.sh'));
      return (holds || isInner(pid)) && clusterProgram.test(argv.join(' ')) && !isForeign(pid);
    })
    .map(({ argv }) => argv.join(' '))
    .sort();
}

/** Whether the process is in a PID namespace other than this process's. */
function isInner(pid: number): boolean {
  const namespace = pidNamespace(pid);
  return namespace !== undefined && namespace !== pidNamespace(process.pid);
}

function parentOf(pid: number): number | undefined {
  try {
    const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined; // It has ended meanwhile.
  }
}

/** Whether neither the control group nor one below it has a process. */
function isIdle(folder: string): boolean {
  try {
    return [folder, ...folders(folder)].every(
      (group) => readFileSync(join(group, 'cgroup.procs'), 'utf8') === '',
    );
  } catch {
    return false; // It has gone meanwhile, or is no control group.
  }
}

function folders(root: string): string[] {
  return subfolders(root).flatMap((name) => [join(root, name), ...folders(join(root, name))]);
}

function subfolders(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return []; // It has gone meanwhile.
  }
}
