import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { count, ms, tableOf, total, withAbout } from '../chaos/report.mjs';

const FIGURES = fileURLToPath(new URL('../../docs/high-availability.json', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/how-to/high-availability.md', import.meta.url));
/** The part of the page that is written. */
const PART = /(<!-- measured -->\n)[^]*(<!-- end of measured -->)/;

/** Puts rows into docs/high-availability.json in place of what was known of those faults, and the figures into the page. */
export function write(rows) {
  const known = existsSync(FIGURES) ? JSON.parse(readFileSync(FIGURES, 'utf8')) : [];
  const all = withAbout(known, rows, versions()).toSorted((one, other) => one.name.localeCompare(other.name));
  writeFileSync(FIGURES, `${JSON.stringify(all, null, 2)}\n`);
  const page = readFileSync(PAGE, 'utf8');
  if (!PART.test(page)) throw new Error(`${PAGE} has lost the marks of what is measured`);
  writeFileSync(
    PAGE,
    page.replace(PART, (_, begin, end) => `${begin}\n${measured(all)}\n\n${end}`),
  );
}

export function measured(rows) {
  const tried = rows.filter(({ skipped }) => skipped === undefined);
  const table = tableOf(
    ['the leader was', 'times', 'runs', 'lost', 'doubled', 'stuck', 'no step began for p50', 'p99'],
    tried.map((row) => [
      row.title.replace(/^leader /, ''),
      total(row),
      row.runs,
      row.lost,
      row.doubled,
      row.stuck,
      ms(row.p50),
      ms(row.p99),
    ]),
  );
  const details = tried.map((row) => `- ${count(row)}: ${row.how} ${row.seen.join(' ')}`);
  const taken = [...new Set(tried.map(({ date, machine, versions: of }) => `${date}, ${machine}: ${of}.`))];
  return [table, '', ...details, '', ...taken].join('\n');
}

function versions() {
  const said = (file, args) => {
    const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
    return `${stdout ?? ''}${stderr ?? ''}`.split('\n')[0]?.trim();
  };
  return [
    said('/usr/lib/postgresql/15/bin/postgres', ['--version']),
    said('/usr/bin/patroni', ['--version']),
    said('/usr/bin/etcd', ['--version']),
    said('/usr/sbin/haproxy', ['-v'])?.replace(/ \d{4}.*$/, ''),
  ];
}
