import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../server.mjs';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

const BOOT_TIMEOUT = 60_000;

/** The shell around the server: when this process ends, however it does, its standard input ends, and all is removed. */
const GUARD = `trap '' INT TERM; "$@" & read -r _; kill -9 $!; wait; rm -rf "$0"`;

/** Its SDK calls this; Node 20 lacks it. */
Promise.withResolvers ??= function () {
  const parts = {};
  parts.promise = new this((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

/**
 * Restate on a server of its own, one node with its own storage. A run is an invocation of a service's handler, a step
 * is a `ctx.run`. `settings` are environment variables of the server.
 *
 * The server sends an invocation to the worker as soon as it has it. The backlog is held by a worker that takes the
 * connections but does not read from them until it is started: so Restate is charged neither for retries nor for the pauses
 * between them, as it would be with a worker that cannot be reached.
 */
export async function create({ steps, onStep, settings }) {
  const restate = require('@restatedev/restate-sdk');
  const bench = restate.service({
    name: 'bench',
    handlers: {
      run: async (ctx, input) => {
        let data = input;
        for (let index = 0; index < steps; index += 1) {
          data = await ctx.run(`step${index}`, () => {
            onStep();
            return { ...data, n: data.n + 1 };
          });
        }
        return data;
      },
    },
  });
  const logger = ({ level }, ...message) => {
    if (level === 'error') console.error(...message);
  };
  const worker = gate(restate.createEndpointHandler({ services: [bench], logger }));
  const workerPort = await worker.listen();
  const { pid, ingress, admin, stop } = await startServer(settings);
  let begun;

  // To register it, the server asks the worker which handlers it has.
  worker.open();
  await post(`${admin}/deployments`, { uri: `http://127.0.0.1:${workerPort}` });
  worker.close();

  return {
    /** The server whose CPU time counts. */
    serverPid: pid,
    enqueue: async (inputs) => {
      const pending = inputs.values();
      const lane = async () => {
        for (const input of pending) await post(`${ingress}/bench/run/send`, input);
      };
      await Promise.all(Array.from({ length: 20 }, lane));
    },
    start: async () => {
      begun = performance.now();
      worker.open();
    },
    /** It has been sent the whole backlog by then and works on all of it before the first step: that counts. */
    begun: () => begun,
    // Completed invocations are kept for a day. A query costs the server more than a run does, so it is not asked before
    // it has taken all results from the worker.
    completed: async () => {
      await worker.quiet();
      const { rows } = await post(`${admin}/query`, {
        query: `SELECT count(*) AS n FROM sys_invocation_status WHERE status = 'completed' AND completion_result = 'success'`,
      });
      return rows[0].n;
    },
    stop: async () => worker.close(),
    runs: { direct: (input) => post(`${ingress}/bench/run`, input) },
    close: async () => {
      worker.end();
      await stop();
    },
  };
}

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** An HTTP/2 server that takes connections at any time, and reads from them while it is open. */
function gate(handler) {
  const http2 = createHttp2Server(handler);
  const sessions = new Set();
  const waiting = new Set();
  const streams = new Set();
  let open = false;
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('stream', (stream) => {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
    });
  });
  const admit = (socket) => {
    http2.emit('connection', socket);
    socket.resume();
  };
  const listener = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {}); // The server is killed while it is connected.
    if (open) return admit(socket);
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
  });
  const close = () => {
    open = false;
    for (const session of sessions) session.destroy();
  };
  return {
    listen: async () => {
      await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
      return listener.address().port;
    },
    open: () => {
      open = true;
      for (const socket of waiting) admit(socket);
      waiting.clear();
    },
    /** The peer connects anew for what it sends next. */
    close,
    /** Waits until no request is open. */
    quiet: async () => {
      while (streams.size > 0) await delay(1);
    },
    end: () => {
      close();
      for (const socket of waiting) socket.destroy();
      listener.close();
    },
  };
}

/** A server on free loopback ports, in a directory of its own that is gone when it stops. */
async function startServer(settings) {
  const bin = require.resolve(`@restatedev/restate-server-linux-${process.arch}/bin/restate-server`);
  const dir = mkdtempSync(join(tmpdir(), 'nest-durable-bench-restate-'));
  const ports = [await freePort(), await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    DO_NOT_TRACK: 'true',
    RESTATE_BASE_DIR: dir,
    RESTATE_NODE_NAME: 'bench',
    RESTATE_LISTEN_MODE: 'tcp',
    RESTATE_BIND_IP: '127.0.0.1',
    RESTATE_BIND_PORT: ports[0],
    RESTATE_INGRESS__BIND_PORT: ports[1],
    RESTATE_ADMIN__BIND_PORT: ports[2],
    RESTATE_ADMIN__DISABLE_WEB_UI: 'true',
    // It looks for a newer release when it starts, which no setting turns off; that it could not is no concern of ours.
    RESTATE_LOG_FILTER: 'error,octocrab=off',
    // The worker is silent while the backlog is written: by default it would be given up after a minute.
    RESTATE_WORKER__INVOKER__HTTP2_KEEP_ALIVE_INTERVAL: '15m',
    RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT: '15m',
    ...settings,
  };
  const shell = spawn('sh', ['-c', GUARD, dir, bin, '--no-logo'], { cwd: dir, env, stdio: ['pipe', 2, 2] });
  const exited = new Promise((resolve) => shell.once('close', resolve));
  const [, ingress, admin] = ports.map((port) => `http://127.0.0.1:${port}`);
  for (const url of [`${admin}/health`, `${ingress}/restate/health`]) await healthy(url);
  return {
    /** The shell's: the server is its child. */
    pid: shell.pid,
    ingress,
    admin,
    stop: async () => {
      shell.stdin.end();
      await exited;
    },
  };
}

async function healthy(url) {
  for (const deadline = Date.now() + BOOT_TIMEOUT; ; await delay(20)) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`Restate's server did not come up: ${url}`);
  }
}
