import { spawn } from 'node:child_process';
import { actor } from '../acts/actor.js';
import { type Context, flag, type Options, text } from '../command.js';
import { openDatabase } from '../database/database.js';
import { Failure, usage } from '../failure.js';
import { LOOPBACK } from '../loopback.js';
import { tone } from '../output/text.js';
import { integer } from '../values.js';
import { read } from '../../core/text-of.js';
import { urlFault } from '../../storage/connection/database-target.js';
import { type Standalone, serveAlone } from '../../dashboard/standalone.js';

const PORT = 4_000;
const MOST_PORTS = 65_535;
const LONGEST_TITLE = 100;

export async function run(context: Context, _: readonly string[], options: Options): Promise<number> {
  const { screen, signal } = context;
  const given = { port: text(options, 'port'), host: text(options, 'host'), title: text(options, 'title') };
  const port = given.port === undefined ? PORT : integer('--port', given.port, 0, MOST_PORTS);
  const host = hostOf(given.host ?? '127.0.0.1');
  const replica = replicaOf(text(options, 'replica'));
  const title = given.title === undefined ? null : titleOf(given.title);
  const reached = await context.reach();
  try {
    // Says at once what is wrong with the database, and looks whether the tables are those of this version.
    const database = await openDatabase({ ...reached, release: async () => {} });
    await database.close();
    const { url, schema } = reached;
    const readOnly = flag(options, 'readOnly');
    const warn = (message: string): void => screen.say(message);
    const serving = await serve({ url, replica, schema, host, port, readOnly, title, actor: actor(), warn });
    try {
      if (screen.isJson) screen.json({ url: serving.url, database: database.name, schema, readOnly });
      else {
        screen.line(tone('bold', serving.url), ` shows schema ${schema} of ${database.name}`);
        screen.say('Ctrl-C ends it.');
      }
      if (options['open'] !== false) openBrowser(serving.url, context.env);
      await ended(signal);
      return 0;
    } finally {
      await serving.close();
    }
  } finally {
    await reached.release();
  }
}

function hostOf(host: string): string {
  if (LOOPBACK.includes(host)) return host;
  throw usage(
    `--host: expected ${LOOPBACK.join(', ')}, got "${host}": whoever reaches it may do everything. ` +
      'For others mount DurableDashboardModule in an app, which says who may come in.',
  );
}

function replicaOf(url: string | undefined): string | undefined {
  if (url === undefined || urlFault(url) === null) return url;
  throw usage(
    '--replica is not the URL of a PostgreSQL database: expected postgres://user:password@host:5432/database, ' +
      'with special characters of user and password percent-encoded.',
  );
}

function titleOf(title: string): string {
  if (title.trim() !== '' && title.length <= LONGEST_TITLE) return title;
  throw usage(`--title: expected a text of 1 to ${LONGEST_TITLE} characters, got ${title.length}.`);
}

async function serve(options: Parameters<typeof serveAlone>[0]): Promise<Standalone> {
  try {
    return await serveAlone(options);
  } catch (error) {
    const { host, port } = options;
    const code = read(error, 'code');
    if (code === 'EADDRINUSE') {
      throw new Failure(`Port ${port} of ${host} is taken: give another with --port, or 0 for any that is free.`);
    }
    if (code === 'EACCES') throw new Failure(`Port ${port} of ${host} may not be used: give --port 1024 or above.`);
    if (code === 'EADDRNOTAVAIL') throw new Failure(`This machine has no address ${host}: leave --host out.`);
    throw error;
  }
}

/** As the system opens what is clicked on. That there is no browser is nothing to tell: the address stands on the screen. */
function openBrowser(url: string, env: NodeJS.ProcessEnv): void {
  const [command = '', ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '""', url]
        : ['xdg-open', url];
  const child = spawn(command, args, { env, stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
