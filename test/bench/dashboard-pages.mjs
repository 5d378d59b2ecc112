/**
 * Ten open pages, as the browser's end of them: each has its stream, and asks for what it shows anew when that says that it
 * changed: at most once a second, figures that count many rows once in five (lib/dashboard/ui/src/lib/stream.ts).
 */
const [base] = process.argv.slice(2);
const PACE = 1_000;
const FIGURES_PACE = 5_000;
const TOPICS = 'stream?topics=runs,inputs,schedules,queues';
const recent = 'q=since%3A24h';
const PAGES = [
  ...Array.from({ length: 3 }, () => ({ rows: [], figures: ['overview?window=24h', 'inputs/count'] })),
  ...Array.from({ length: 3 }, () => ({
    rows: [`runs?${recent}&limit=50`],
    figures: [
      `runs/series?${recent}`,
      `runs/count?${recent}`,
      `runs/count?q=status%3Afailed%2Ccompensated%2Ccompensation_failed+since%3A24h`,
      'runs/count?q=retrying%3Ayes',
      'runs/count?q=took%3A%3E1h',
      'inputs/count',
    ],
  })),
  { rows: ['inputs?order=timeout&limit=100'], figures: ['inputs/count'] },
  ...Array.from({ length: 2 }, () => ({ rows: ['queues', 'workers'], figures: ['inputs/count'] })),
  { rows: [], figures: ['inputs/count'] },
];

let open = [];
let requests = 0;
let bytes = 0;

class Page {
  stop = new AbortController();
  etags = new Map();
  dirty = false;

  constructor({ rows, figures }, n) {
    // Each is somebody else's: one person has six streams at most.
    this.headers = { 'x-actor': `person-${n}` };
    this.begun = this.listen();
    this.timers = [
      setInterval(() => this.dirty && this.read(rows), PACE),
      setInterval(() => this.dirty && this.read(figures).then(() => (this.dirty = false)), FIGURES_PACE),
    ];
    this.first = Promise.all([this.read(rows), this.read(figures)]);
  }

  async listen() {
    const { body, ok } = await fetch(base + TOPICS, { headers: this.headers, signal: this.stop.signal });
    if (!ok) throw new Error('no stream');
    for await (const chunk of body) {
      bytes += chunk.length;
      if (Buffer.from(chunk).includes('event:')) this.dirty = true;
    }
  }

  async read(paths) {
    for (const path of paths) {
      const etag = this.etags.get(path);
      const answer = await fetch(base + path, {
        headers: { ...this.headers, ...(etag && { 'if-none-match': etag }) },
      });
      if (!answer.ok && answer.status !== 304) throw new Error(`${path}: ${answer.status}`);
      this.etags.set(path, answer.headers.get('etag'));
      requests += 1;
      bytes += (await answer.arrayBuffer()).byteLength;
    }
  }

  close() {
    for (const timer of this.timers) clearInterval(timer);
    this.begun.catch(() => {});
    this.stop.abort();
  }
}

process.on('message', async (message) => {
  if (message.do === 'open') {
    open = PAGES.map((page, n) => new Page(page, n));
    await Promise.all(open.map(({ first }) => first));
    [requests, bytes] = [0, 0];
    process.send({});
  } else {
    for (const page of open) page.close();
    process.send({ requests, bytes });
  }
});
process.once('disconnect', () => process.exit(1));
process.send({});
