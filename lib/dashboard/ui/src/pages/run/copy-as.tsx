import { apiUrl, get } from '../../lib/api.js';
import { refused } from '../../lib/acts.js';
import { tell } from '../../lib/toasts.js';
import type { Run } from '../../lib/types.js';
import { Menu } from '../../parts/float.js';
import { Icon } from '../../parts/icon.js';

function copy(text: string, what: string): void {
  navigator.clipboard.writeText(text).then(
    () => tell({ text: `${what} is copied`, tone: 'done' }, 4000),
    (error: unknown) => refused(error),
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** A run as a command, for a colleague or a test. */
export function CopyAs({ run, mayRead }: { run: Run; mayRead: boolean }) {
  const start = (): string =>
    [
      `curl -X POST ${quoted(apiUrl('runs'))}`,
      `  -H 'Content-Type: application/json'`,
      `  -d ${quoted(JSON.stringify({ workflow: run.workflow, input: run.input }))}`,
    ].join(' \\\n');
  const test = (): void => {
    fetch(apiUrl(`runs/${run.id}/export`, { as: 'test' }))
      .then(async (response) => {
        if (!response.ok) throw new Error(`The server answered ${response.status}`);
        copy(await response.text(), 'A test of this run');
      })
      .catch(refused);
  };
  const journal = (): void => {
    get<unknown>(`runs/${run.id}/export`, { as: 'journal' })
      .then((body) => copy(JSON.stringify(body, null, 2), 'The journal'))
      .catch(refused);
  };
  return (
    <Menu
      label="Copy as"
      testId="act-copy"
      button={
        <>
          <Icon name="copy" />
          Copy as
        </>
      }
      items={[
        { text: 'curl that starts the same', icon: <Icon name="copy" />, act: () => copy(start(), 'The command') },
        {
          text: 'CLI that starts the same',
          icon: <Icon name="copy" />,
          act: () =>
            copy(`npx nest-durable run ${run.workflow} --input ${quoted(JSON.stringify(run.input))}`, 'The command'),
        },
        {
          text: 'CLI that inspects it',
          icon: <Icon name="copy" />,
          act: () => copy(`npx nest-durable inspect ${run.id}`, 'The command'),
        },
        ...(mayRead
          ? [
              null,
              { text: 'test', icon: <Icon name="copy" />, act: test },
              { text: 'journal', icon: <Icon name="copy" />, act: journal },
            ]
          : []),
      ]}
    />
  );
}
