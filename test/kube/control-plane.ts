import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ensureBinaries } from '../../hack/cluster/local/binaries.ts';
import { createClient } from '../../kube/client.ts';
import type { ClusterConfig } from '../../kube/config.ts';
import { type Authority, createAuthority, type KeyPair } from '../../kube/testing/certificates.ts';
import { eventually } from '../../kube/testing/wait.ts';

const token = 'test-token';

/** A real etcd and kube-apiserver on loopback, with nothing else: no nodes, no controllers, no root. */
export interface ControlPlane {
  readonly config: ClusterConfig;
  readonly port: number;
  /** For @kubernetes/client-node, whose users give it files. */
  readonly kubeconfigPath: string;
  /** Throws away etcd's history up to now. */
  compact(): Promise<void>;
  killApiServer(): Promise<void>;
  /** Resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** Lets the running API server serve with a certificate of this authority from now on. */
  serveWith(authority: Authority): Promise<void>;
  stop(): Promise<void>;
}

/** Starts both from the cache of hack/cluster, which builds them when they are missing (minutes). */
export async function startControlPlane(): Promise<ControlPlane> {
  const binaries = await ensureBinaries((line) => process.stderr.write(`${line}\n`));
  const folder = mkdtempSync(join(tmpdir(), 'kube-control-plane-'));
  const file = (name: string) => join(folder, name);
  const authority = createAuthority('test-ca');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const writeCertificate = ({ cert, key }: KeyPair) => {
    writeFileSync(file('server.crt'), cert);
    writeFileSync(file('server.key'), key, { mode: 0o600 });
  };
  writeCertificate(authority.issue());
  writeFileSync(file('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), {
    mode: 0o600,
  });
  writeFileSync(file('tokens.csv'), `${token},tester,tester,system:masters\n`);
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()];
  const url = `https://127.0.0.1:${port}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  writeFileSync(file('kubeconfig'), kubeconfig(url, authority.ca));

  const running = new Set<ChildProcess>();
  const killAll = () => {
    for (const child of running) child.kill('SIGKILL');
  };
  process.on('exit', killAll);
  const run = (program: string, args: string[]) => {
    const log = openSync(file(`${program}.log`), 'a');
    const child = spawn(join(binaries.dir, program), args, { stdio: ['ignore', log, log] });
    closeSync(log);
    running.add(child);
    child.on('exit', () => running.delete(child));
    return child;
  };
  const end = async (child: ChildProcess | undefined) => {
    child?.kill('SIGKILL');
    await eventually('the end of a process', () => !child || !running.has(child));
  };

  run('etcd', [
    `--data-dir=${file('etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]);
  let apiServer: ChildProcess | undefined;
  const config = {
    server: url,
    namespace: 'default',
    credentials: async () => ({
      headers: { authorization: `Bearer ${token}` },
      ca: authority.ca,
    }),
  };
  const client = createClient(config);

  async function startApiServer(): Promise<void> {
    apiServer = run('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${file('server.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      `--service-account-key-file=${file('sa.key')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/24',
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
      '--enable-priority-and-fairness=false',
      '--max-requests-inflight=2000',
      '--max-mutating-requests-inflight=2000',
    ]);
    const started = apiServer;
    await eventually(
      `the API server to be ready, see ${folder}`,
      async () => {
        if (!running.has(started)) throw new Error(tail(file('kube-apiserver.log')));
        const options = { timeoutMs: 1_000 };
        return client.getPath('/api/v1/namespaces/default', options).then(
          () => true,
          () => false,
        );
      },
      60_000,
    );
  }

  await startApiServer();
  return {
    config,
    port,
    kubeconfigPath: file('kubeconfig'),
    async compact() {
      // etcd's JSON gateway: no etcdctl is needed. Any read tells the present revision.
      const post = async (path: string, body: object): Promise<unknown> => {
        const answer = await fetch(etcdUrl + path, { method: 'POST', body: JSON.stringify(body) });
        if (!answer.ok) throw new Error(await answer.text());
        return answer.json();
      };
      const read = (await post('/v3/kv/range', { key: btoa('none') })) as {
        header: { revision: string };
      };
      await post('/v3/kv/compaction', { revision: read.header.revision, physical: true });
    },
    killApiServer: () => end(apiServer),
    startApiServer,
    async serveWith({ ca, issue }) {
      writeCertificate(issue());
      await eventually('the new certificate is served', () => isTrusted(port, ca), 120_000);
    },
    async stop() {
      await client.close();
      process.off('exit', killAll);
      for (const child of [...running]) await end(child);
      rmSync(folder, { recursive: true });
    },
  };
}

function kubeconfig(server: string, ca: string): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return JSON.stringify({
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

/** Whether the certificate that a new connection to `port` gets is of this CA. */
function isTrusted(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, rejectUnauthorized: false }, () => {
      resolve(socket.authorized);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
  });
}

function tail(path: string): string {
  return readFileSync(path, 'utf8').slice(-2_000);
}

/**
 * A port that nobody listens on, below those that the kernel gives to outgoing connections: a server that
 * is started again must find its port free.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
