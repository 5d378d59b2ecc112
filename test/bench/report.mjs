import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { RATIOS } from './contestants.mjs';

/** Markdown that reads well in a terminal too. */
export function render({ about: whole, contestants, results, parts = {} }) {
  const about = { ...whole, ...only(parts.throughput, ['steps', 'backlog']) };
  const keys = Object.keys(contestants);
  const name = (key) => contestants[key].name;
  const has = (kind) => results.some((row) => row.kind === kind);
  const insertOf = (part) => (part ?? whole).committedInsertMs;
  const pick = (key, kind, field, where = {}) =>
    results
      .filter((row) => row.contestant === key && row.kind === kind)
      .filter((row) => Object.entries(where).every(([column, value]) => row[column] === value))
      .map((row) => row[field])
      .filter((value) => value !== null);
  const costSteps = about.steps.includes(3) ? 3 : about.steps[0];
  const modes = keys.flatMap((key) => Object.keys(contestants[key].latency ?? {}).map((mode) => [key, mode]));
  const ratios = RATIOS.filter((pair) => pair.every((key) => keys.includes(key)));

  const throughput = table(
    ['runs/s', ...about.steps.map(stepsOf)],
    keys
      .filter((key) => pick(key, 'throughput', 'cpu').length > 0)
      .map((key) => [
        name(key),
        ...about.steps.map((steps) => range(pick(key, 'throughput', 'runsPerSecond', { steps }))),
      ]),
  );
  const cost = (steps) =>
    table(
      [
        '',
        'statements',
        'commits',
        'WAL kB',
        'of it page images',
        'disk kB',
        'CPU s per 1 000',
        'node',
        'server',
        'starts/s',
      ],
      keys
        .filter((key) => pick(key, 'throughput', 'cpu', { steps }).length > 0)
        .map((key) => {
          const figure = (field, scale = 1) =>
            range(pick(key, 'throughput', field, { steps }).map((value) => value * scale));
          return [
            name(key),
            figure('statements'),
            figure('commits'),
            figure('walBytes', 1e-3),
            figure('walImageBytes', 1e-3),
            figure('diskBytes', 1e-3),
            figure('cpu'),
            figure('nodeCpu'),
            figure('serverCpu'),
            figure('startsPerSecond'),
          ];
        }),
    );
  const idle = table(
    ['ms', 'p50', 'p99', 'p50 / a committed INSERT'],
    modes.map(([key, mode]) => {
      const rows = results.filter((row) => row.contestant === key && row.kind === 'latency' && row.mode === mode);
      return [
        `${name(key)}, ${mode === 'queued' ? 'through its queue' : 'started directly'}`,
        range(rows.map(({ p50 }) => p50)),
        range(rows.map(({ p99 }) => p99)),
        range(rows.map(({ p50, round }) => p50 / insertOf(parts.latency)[round - 1])),
      ];
    }),
  );
  const compared = table(
    ['runs/s, ratio', ...about.steps.map(stepsOf), `CPU, ${costSteps} steps`],
    ratios.map(([first, second]) => {
      // Round by round, so that only neighbours in time are compared.
      const ratio = (field, steps) => {
        const divisors = pick(second, 'throughput', field, { steps });
        const values = pick(first, 'throughput', field, { steps }).slice(0, divisors.length);
        return range(values.map((value, round) => value / divisors[round]));
      };
      return [
        `${name(first)} / ${name(second)}`,
        ...about.steps.map((steps) => ratio('runsPerSecond', steps)),
        ratio('cpu', costSteps),
      ];
    }),
  );

  return [
    '# Benchmarks',
    `Written by \`${about.command}\` on ${about.date}, but for what says otherwise. ${about.rounds === 1 ? 'One round.' : `Medians of ${about.rounds} rounds, lowest and highest in brackets.`}`,
    ...(has('throughput')
      ? [
          '## Runs per second',
          `A backlog of ${number(about.backlog)} runs of trivial steps, one worker process.`,
          ...measured(parts.throughput),
          throughput,
          ...about.steps
            .filter((steps) => steps <= 3)
            .flatMap((steps) => [`## What one run of ${stepsOf(steps)} costs under that load`, cost(steps)]),
        ]
      : []),
    ...(has('latency')
      ? ['## One run of 3 steps on an idle system, start to result', ...measured(parts.latency), idle]
      : []),
    ...(has('throughput') && ratios.length > 0 ? ['## Ratios', compared] : []),
    ...features(results, insertOf(parts.features), parts),
    ...history(results, parts.history),
    ...idleProcess(results, parts.idle),
    ...memory(results, parts.memory),
    ...manyProcesses(results, parts.processes),
    ...reads(results, parts.reads),
    ...commandLine(results, parts.cli),
    ...dashboard(results, parts.dashboard),
    '## How it is measured',
    method({ ...about, versions: { ...about.versions, ...parts.throughput?.versions } }, contestants),
  ].join('\n\n');
}

/** What only this engine is measured for. */
function features(results, insertMs, parts) {
  const rows = results.filter((row) => row.kind === 'features');
  if (rows.length === 0) return [];
  const figure = (field) => range(rows.map((row) => row[field]));
  const ratio = (a, b) => range(rows.map((row) => row[a] / row[b]));
  const plain = results.filter((row) => row.kind === 'throughput' && row.contestant === 'ours100' && row.steps === 3);
  // Of one run of the benchmark alone.
  const perStep = (parts.throughput === parts.features ? rows : []).flatMap((row) =>
    plain.filter(({ round }) => round === row.round).map((one) => row.loopItemsPerSecond / (3 * one.runsPerSecond)),
  );
  const beside = `beside ${number(rows[0].waiting)} waiting runs`;
  return [
    '## Waits, events and fan-outs',
    ...measured(parts.features),
    table(
      ['ms', 'idle', beside, 'ratio'],
      [
        [
          'sendEvent → the step runs again, p50',
          figure('idleEventP50'),
          figure('fullEventP50'),
          ratio('fullEventP50', 'idleEventP50'),
        ],
        ['the same, p99', figure('idleEventP99'), figure('fullEventP99'), ratio('fullEventP99', 'idleEventP99')],
        [
          '1 s sleep, 1 000 sleepers spread over a second, lateness p50',
          figure('idleLateP50'),
          figure('fullLateP50'),
          ratio('fullLateP50', 'idleLateP50'),
        ],
        ['the same, p99', figure('idleLateP99'), figure('fullLateP99'), ratio('fullLateP99', 'idleLateP99')],
        [
          '1 000 sleepers that are due within 300 ms, lateness p50',
          figure('idleBurstP50'),
          figure('fullBurstP50'),
          ratio('fullBurstP50', 'idleBurstP50'),
        ],
        ['the same, p99', figure('idleBurstP99'), figure('fullBurstP99'), ratio('fullBurstP99', 'idleBurstP99')],
        [
          'one step, through the queue, start to result, p50',
          figure('idleQueuedP50'),
          figure('fullQueuedP50'),
          ratio('fullQueuedP50', 'idleQueuedP50'),
        ],
      ],
    ),
    table(
      ['', 'figure'],
      [
        ['run of one step, start to result, p50 ms', figure('singleP50')],
        ['run of a parallel of 100 arms, p50 ms', figure('parallelP50')],
        ['ratio of the two', ratio('parallelP50', 'singleP50')],
        [
          'sendEvent → the step runs again, p50 / a committed INSERT',
          range(rows.map(({ idleEventP50, round }) => idleEventP50 / insertMs[round - 1])),
        ],
        ['loop of 10 000 items, 100 at a time, items/s', figure('loopItemsPerSecond')],
        ['ratio to the steps/s of runs of 3 steps, 100 in flight', range(perStep)],
      ],
    ),
  ];
}

/** What finished runs cost that are kept, and their deletion. */
function history(results, about) {
  const row = results.find((one) => one.kind === 'history');
  if (row === undefined) return [];
  const line = (what, field) => [
    what,
    number(row[`empty${field}`]),
    number(row[`full${field}`]),
    number(row[`during${field}`]),
    number(row[`full${field}`] / row[`empty${field}`]),
    number(row[`during${field}`] / row[`full${field}`]),
  ];
  return [
    '## History and retention',
    `In one process, runs of 3 steps, 100 in flight: on an empty database, beside ${number(row.finished)} finished runs, and while \`cleanup()\` deletes these (${number(row.deletedPerSecond)} runs a second). Medians within one round.`,
    ...measured(about),
    table(
      ['', 'empty', 'beside the history', 'while it is deleted', 'history / empty', 'deletion / history'],
      [
        line('runs/s, backlog of 3 000', 'RunsPerSecond'),
        line('through the queue, start to result, p50 ms', 'QueuedP50'),
        line('the same, p99 ms', 'QueuedP99'),
      ],
    ),
  ];
}

/** What a process of this engine costs that has nothing to do, and its boot. */
function idleProcess(results, about) {
  const rows = results.filter((row) => row.kind === 'idle');
  if (rows.length === 0) return [];
  const figure = (field) => range(rows.map((row) => row[field]));
  return [
    '## An idle process, and its boot',
    ...measured(about),
    table(
      ['default options', 'figure'],
      [
        ['boot on a schema that is there → first step of a run that waits in the queue, p50 ms', figure('bootP50')],
        ['statements a second with nothing to do', figure('statementsPerSecond')],
        ['sessions of the server that it keeps', figure('sessions')],
      ],
    ),
  ];
}

/** What is kept alive in one process. */
function memory(results, about) {
  const rows = results.filter((row) => row.kind === 'memory');
  if (rows.length === 0) return [];
  const figure = (field, scale = 1) => range(rows.map((row) => row[field] * scale));
  const ratio = (a, b) => range(rows.map((row) => row[a] / row[b]));
  return [
    '## Memory of a process',
    ...measured(about),
    table(
      ['after a collection', 'figure'],
      [
        ['10 000 runs in flight, in a step: kB of the heap a run', figure('bytesPerRun', 1e-3)],
        ['loop of 100 000 items, 1 000 at a time: heap after 95 000 / after 10 000', ratio('heapLate', 'heapEarly')],
        ['items/s of a loop of 100 000', figure('itemsPerSecondLong')],
        ['the same / of one of 10 000', ratio('itemsPerSecondLong', 'itemsPerSecond')],
      ],
    ),
  ];
}

/** What the same load costs a server with more worker processes on it. */
function manyProcesses(results, about) {
  const rows = results.filter((row) => row.kind === 'processes');
  const counts = [...new Set(rows.map(({ processes }) => processes))];
  const [one] = counts;
  const lines = (load) =>
    counts.map((count) => {
      const own = rows.filter(({ processes }) => processes === count);
      const figure = (field) => range(own.map((row) => row[load][field]));
      // Round by round.
      const ratio = own.map(({ round, [load]: { serverCpu } }) => {
        const single = rows.find((row) => row.processes === one && row.round === round);
        return serverCpu / single[load].serverCpu;
      });
      const fields = ['runsPerSecond', 'serverCpu', 'claims', 'emptyClaims', 'notifies', 'statements'];
      return [String(count), ...fields.map(figure), range(ratio)];
    });
  const head = (first) => [
    first,
    'runs/s',
    'server CPU s per 1 000',
    'claims a run',
    'of these empty',
    'NOTIFYs',
    'statements',
    'CPU, ratio',
  ];
  if (rows.length === 0) return [];
  return [
    '## Many processes on one database',
    'Worker processes of 100 in flight each that were up before; first with a backlog that all drain, then with one start at a time, 100 a second, while all are idle.',
    ...measured(about),
    table(head('processes, a backlog'), lines('backlog')),
    table(head('processes, idle'), lines('trickle')),
  ];
}

/** What people's reads take, beside their bars. */
function reads(results, about) {
  const row = results.find((one) => one.kind === 'reads');
  if (row === undefined) return [];
  return [
    `## Reads at ${number(row.runs)} runs`,
    'Requests to the dashboard of the same process, one after the other, and calls of its client, as a page or a person makes them. CPU: of the server, and of this process, which asks and answers.',
    ...measured(about),
    table(
      ['ms', 'p50', 'p95', 'CPU of the server', 'of the process', 'bar for p95', ''],
      row.reads.map(({ name, p50, p95, serverCpu, nodeCpu, bar }) => [
        name,
        number(p50),
        number(p95),
        number(serverCpu),
        number(nodeCpu),
        String(bar),
        p95 > bar ? 'over' : '',
      ]),
    ),
  ];
}

/** What the commands of the command line take, beside their bar. */
function commandLine(results, about) {
  const row = results.find((one) => one.kind === 'cli');
  if (row === undefined) return [];
  return [
    '## The command line',
    `From the start of \`nest-durable …\` to its end, with no app running, on a database of ${number(row.runs)} runs of 3 steps; commands in turns, the first of each left out.`,
    ...measured(about),
    table(
      ['ms', 'p50', 'p95', 'bar for p50', ''],
      row.commands.map(({ name, p50, p95 }, at) => [
        name,
        number(p50),
        number(p95),
        at === 0 ? '' : String(row.bar),
        at > 0 && p50 > row.bar ? 'over' : '',
      ]),
    ),
  ];
}

function stepsOf(count) {
  return `${count} step${count === 1 ? '' : 's'}`;
}

/** What the dashboard costs the engine. */
function dashboard(results, about) {
  const row = results.find((one) => one.kind === 'dashboard');
  if (row === undefined) return [];
  const line = (what, { runsPerSecond, cpu, runsRatios, cpuRatios }) => [
    what,
    ...runsPerSecond.map(number),
    range(runsRatios),
    ...cpu.map(number),
    range(cpuRatios),
  ];
  const { idle, open } = row;
  return [
    '## What the dashboard costs',
    `Runs of 3 steps, 100 in flight: a process that has it mounted beside one without, nobody looking; and one with ten pages open (${number(open.requestsPerSecond)} requests and ${number(open.bytesPerSecond / 1000)} kB a second) beside itself with none. Medians of ${idle.cpuRatios.length} and ${open.cpuRatios.length} pairs in turns; ratios within a pair.`,
    ...measured(about),
    table(
      ['', 'runs/s without', 'with', 'ratio', 'CPU s per 1 000 without', 'with', 'ratio'],
      [line('mounted, a backlog of 3 000 runs', idle), line('ten pages open, 1 000 runs started a second', open)],
    ),
  ];
}

/** Some fields; none where there is nothing. */
function only(object, fields) {
  return object === undefined ? {} : Object.fromEntries(fields.map((field) => [field, object[field]]));
}

/** Of a section that was measured by itself. */
function measured(about) {
  if (about === undefined) return [];
  const { command, date, cpu, cores, memoryGb, node, postgres, loadBefore, remark } = about;
  const load = loadBefore === undefined ? '' : `; load average before the start ${loadBefore.toFixed(2)}`;
  return [
    `Measured by \`${command}\` on ${date}: ${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}, PostgreSQL ${postgres}${load}.${remark === undefined ? '' : ` ${remark}`}`,
  ];
}

/** @param kinds what was measured by itself: it takes its place among what is written; none: the report is all there is */
export function write(measuredNow, kinds = []) {
  const docs = new URL('../../docs/', import.meta.url);
  mkdirSync(docs, { recursive: true });
  const file = new URL('benchmarks.json', docs);
  const known = kinds.length > 0 && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  const report =
    known === null
      ? measuredNow
      : {
          ...known,
          contestants: { ...measuredNow.contestants, ...known.contestants, ...measuredNow.contestants },
          results: [...known.results.filter(({ kind }) => !kinds.includes(kind)), ...measuredNow.results],
          parts: { ...known.parts, ...Object.fromEntries(kinds.map((kind) => [kind, measuredNow.about])) },
        };
  writeFileSync(new URL('benchmarks.md', docs), `${render(report)}\n`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

function method(about, contestants) {
  const settings = Object.entries(about.settings).map(([key, value]) => `\`${key} = ${value}\``);
  const versions = Object.entries(about.versions).map(([key, value]) => `${key} ${value}`);
  return [
    `- Machine: ${about.cpu}, ${about.cores} cores, ${about.memoryGb} GB, ${about.platform}; Node ${about.node}, PostgreSQL ${about.postgres}, ${versions.join(', ')}. Engine and server share the machine; its load average before the start was ${about.loadBefore.toFixed(2)}.`,
    `- Yardstick: one committed INSERT on this server takes ${range(about.committedInsertMs)} ms (median of 500).`,
    `- Server: one private PostgreSQL for all, stock settings (\`fsync\`, \`synchronous_commit\` and \`full_page_writes\` on) but ${settings.join(', ')}.`,
    '- Every figure comes from a process and a database of its own. Contestants take turns within a round; ratios are taken within a round.',
    '- A step adds one to a number in an object of two fields and returns the object. For throughput each engine first works for at least two seconds on runs that do not count, so that a fast one has more rows in its tables when the clock starts.',
    '- The backlog is written while nothing is processed. The clock runs from the first step to the recorded end of the last run: boot and the first claim are in no engine’s time. All runs are checked to be recorded as completed, each step to have run once.',
    '- Statements: calls in `pg_stat_statements`, `BEGIN` and `COMMIT` included. Commits: commit records in the WAL, so reads are not counted. WAL: all bytes between start and end after a `CHECKPOINT`; page images are what `full_page_writes` adds at the first touch of a page, their share depends on when checkpoints come.',
    '- Disk: how much the database has grown by a run, indexes and free space in its pages included.',
    '- Statements, commits, WAL and CPU count from before the workers start, boot included. CPU: `process.cpuUsage()` of the worker process, and user and system time of all processes of the server (PostgreSQL, or the engine’s own), those that ended included.',
    '- Starts/s: how fast the backlog was written; `startMany` in chunks of 500 here, 20 concurrent single enqueues for DBOS and Restate (they have no bulk call), batches for bare `pg` and the job queues.',
    '- Idle latency: runs one after the other in the worker process, nothing else going on.',
    '- Waits and events: one process with an app on an empty database and one on a database with the waiting runs, measured in turns, each after as many samples that do not count. Nobody awaits the results of sleepers, nor that of a run that an event is sent to, before it is measured.',
    '- Dashboard: each app is a process with a schema of its own on one server, the pages are another process: each has a stream, and asks for what it shows as the browser does. CPU is that of the app measured and of the server, while the others stand still.',
    '- A figure with no range was measured once.',
    ...Object.values(contestants).map(({ name, note }) => `- ${name}: ${note}.`),
  ].join('\n');
}

function table([head, ...heads], rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const widths = [head, ...heads].map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column].length)),
  );
  const pad = (cells) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(pad([head, ...heads])), line(rule), ...rows.map((row) => line(pad(row)))].join('\n');
}

/** Median (lowest–highest); the median alone when there is one value. */
function range(values) {
  if (values.length === 0) return '–';
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  if (sorted.length === 1) return number(median);
  return `${number(median)} (${number(sorted[0])}–${number(sorted.at(-1))})`;
}

/** Three digits that matter, thousands apart. */
function number(value) {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const [whole, fraction] = value.toFixed(Math.min(digits, 3)).split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, ' ') + (fraction ? `.${fraction}` : '');
}
