import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { chown, copyFile, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { canEnter, locatePostgres, serverEnvironment } from '../../lib/storage/embedded/postgres-binaries.js';
import { DEBIAN_POSTGRES } from '../chaos/needs.js';
import type { GuardedCluster, NodePorts } from './cluster.js';

/**
 * A process that holds one throw-away cluster (run by cluster.ts): etcd, Patroni with its servers, and HAProxy, in a folder
 * of their own and under an account without rights. It reads commands, one a line, on stdin and answers each with a line of
 * JSON. When stdin closes, which is also what happens when the process that asked for it is killed with -9, it ends all of
 * them and removes their files; with HA_KEEP=1 the files stay, logs among them.
 */
const settings = JSON.parse(process.argv[2] ?? '{}') as GuardedCluster;
const { account } = await locatePostgres();
const home = [tmpdir(), '/tmp'].find((dir) => canEnter(account, dir)) ?? tmpdir();
const root = await mkdtemp(join(home, 'nest-durable-ha-'));
if ('uid' in account) await chown(root, account.uid, account.gid);
const setup = (name: string): string => fileURLToPath(new URL(`./setup/${name}`, import.meta.url));
const environment = { ...serverEnvironment(), PATH: `${process.env['PATH']}:/usr/sbin`, HOME: root };
const PATRONI_YML = join(root, 'patroni.yml');

const running = new Map<string, ChildProcess>();
const log = (name: string): string => join(root, `${name}.log`);
const data = ({ name }: NodePorts): string => join(root, name);

function launch(name: string, file: string, args: string[], env: NodeJS.ProcessEnv): void {
  const out = openSync(log(name), 'a');
  const child = spawn(file, args, { ...account, cwd: root, env, stdio: ['ignore', out, out] });
  closeSync(out);
  child.on('error', (error) => appendFileSync(log(name), `${error.message}\n`));
  running.set(name, child);
}

/** The end of each program's log. */
async function lastWords(): Promise<Record<string, string>> {
  const names = [...running.keys()];
  const ends = names.map(async (name) => [name, (await readFile(log(name), 'utf8')).slice(-8_000)] as const);
  return Object.fromEntries(await Promise.all(ends));
}

function startEtcd(): void {
  const { client, peer } = settings.etcd;
  const [to, between] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const named = ['--name', 'only', '--initial-cluster', `only=${between}`, '--data-dir', join(root, 'etcd')];
  const clients = ['--listen-client-urls', to, '--advertise-client-urls', to];
  const peers = ['--listen-peer-urls', between, '--initial-advertise-peer-urls', between];
  // By the API of version 3 Patroni 3.0.2, which Debian 12 has, takes the lead from whoever has it when it wakes up again.
  launch('etcd', 'etcd', ['--enable-v2', ...named, ...clients, ...peers], environment);
}

/** As node.env has it, but that the others reach it through the network of the test. */
function patroniEnvironment(node: NodePorts): NodeJS.ProcessEnv {
  return {
    ...environment,
    PATRONI_NAME: node.name,
    PATRONI_ETCD_HOSTS: `127.0.0.1:${node.toEtcd}`,
    // Else Patroni asks etcd for its addresses, and goes past that network.
    PATRONI_ETCD_USE_PROXIES: 'true',
    PATRONI_RESTAPI_LISTEN: `127.0.0.1:${node.rest}`,
    PATRONI_RESTAPI_CONNECT_ADDRESS: `127.0.0.1:${node.restSeen}`,
    PATRONI_POSTGRESQL_LISTEN: `127.0.0.1:${node.server}`,
    PATRONI_POSTGRESQL_CONNECT_ADDRESS: `127.0.0.1:${node.serverSeen}`,
    PATRONI_POSTGRESQL_DATA_DIR: data(node),
    PATRONI_POSTGRESQL_BIN_DIR: DEBIAN_POSTGRES,
    // One machine has one of these, which Patroni writes again for each server that it connects to.
    PATRONI_POSTGRESQL_PGPASS: join(root, `${node.name}.pgpass`),
    PATRONI_SUPERUSER_USERNAME: 'postgres',
    PATRONI_SUPERUSER_PASSWORD: settings.password,
    PATRONI_REPLICATION_USERNAME: 'replicator',
    PATRONI_REPLICATION_PASSWORD: settings.password,
  };
}

function startNode(node: NodePorts): void {
  launch(node.name, 'patroni', [PATRONI_YML], patroniEnvironment(node));
}

function startProxy(): void {
  const address = (port: number): string => `127.0.0.1:${port}`;
  const env: NodeJS.ProcessEnv = { ...environment, HA_LISTEN: address(settings.leader) };
  for (const { name, serverSeen, restSeen } of settings.nodes) {
    env[`HA_${name.toUpperCase()}`] = address(serverSeen);
    env[`HA_${name.toUpperCase()}_REST`] = String(restSeen);
  }
  launch('haproxy', 'haproxy', ['-db', '-f', setup('haproxy.cfg')], env);
}

/** Processes of a node: Patroni, its server, and what that has forked. */
async function processesOf(node: NodePorts): Promise<number[]> {
  const patroni = running.get(node.name);
  const pids = patroni?.exitCode === null && patroni.signalCode === null && patroni.pid ? [patroni.pid] : [];
  const postmaster = Number(
    (await readFile(join(data(node), 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0],
  );
  // A file of a server that is gone may name somebody else's process by now.
  if (!(postmaster > 0) || !(await ofNode(postmaster, node))) return pids;
  const children: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    if (Number(/^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1]) === postmaster) children.push(Number(entry));
  }
  return [...pids, postmaster, ...children];
}

async function ofNode(pid: number, node: NodePorts): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(data(node));
}

async function signal(node: NodePorts, name: NodeJS.Signals): Promise<void> {
  for (const pid of await processesOf(node)) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ESRCH') throw error;
    }
  }
}

/** @throws Error with what patronictl said */
function switchOver(from: NodePorts, to: string): void {
  const args = ['-c', PATRONI_YML, 'switchover', 'shop', '--master', from.name, '--candidate', to, '--force'];
  const other = settings.nodes.find(({ name }) => name === to) ?? from;
  const env = { ...patroniEnvironment(other), LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8' };
  const told = spawnSync('patronictl', args, { ...account, cwd: root, env, encoding: 'utf8', timeout: 60_000 });
  if (told.status !== 0 || !told.stdout.includes('Successfully switched over'))
    throw new Error(`patronictl: ${told.stdout}${told.stderr}`);
}

async function obey([verb, name, other]: string[]): Promise<object> {
  if (verb === 'start') {
    await mkdir(join(root, 'etcd'), { mode: 0o700 });
    if ('uid' in account) await chown(join(root, 'etcd'), account.uid, account.gid);
    await copyFile(setup('patroni.yml'), PATRONI_YML);
    startEtcd();
    settings.nodes.forEach(startNode);
    startProxy();
    return {};
  }
  if (verb === 'said') return { said: await lastWords() };
  const node = settings.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node is called ${name}`);
  if (verb === 'kill') await signal(node, 'SIGKILL');
  else if (verb === 'freeze') await signal(node, 'SIGSTOP');
  else if (verb === 'thaw') await signal(node, 'SIGCONT');
  else if (verb === 'restart') startNode(node);
  else if (verb === 'switch') switchOver(node, other ?? '');
  else throw new Error(`unknown command: ${verb}`);
  return {};
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});
process.stdout.on('error', () => {});

try {
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      answer(await obey(line.split(' ')));
    } catch (error) {
      answer({ error: (error as Error).message });
    }
  }
} finally {
  for (const name of ['haproxy', 'etcd']) running.get(name)?.kill('SIGKILL');
  // Patroni first: it brings a server up again that has died.
  for (const { name } of settings.nodes) running.get(name)?.kill('SIGKILL');
  for (const node of settings.nodes) await signal(node, 'SIGKILL');
  if (process.env['HA_KEEP'] !== '1') await rm(root, { recursive: true, force: true, maxRetries: 5 });
}
