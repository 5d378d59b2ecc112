import { apiUrl, get } from '../../lib/api.js';
import { refused } from '../../lib/acts.js';
import { copy } from '../../lib/clipboard.js';
import type { Run } from '../../lib/types.js';
import { Menu } from '../../parts/float.js';
import { Icon } from '../../parts/icon.js';

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
        copy(await response.text(), 'A test of this run is copied');
      })
      .catch(refused);
  };
  const journal = (): void => {
    get<unknown>(`runs/${run.id}/export`, { as: 'journal' })
      .then((body) => copy(JSON.stringify(body, null, 2), 'The journal is copied'))
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
        {
          text: 'curl that starts the same',
          icon: <Icon name="copy" />,
          act: () => copy(start(), 'The command is copied'),
        },
        {
          text: 'CLI that starts the same',
          icon: <Icon name="copy" />,
          act: () =>
            copy(
              `npx nest-durable run ${run.workflow} --input ${quoted(JSON.stringify(run.input))}`,
              'The command is copied',
            ),
        },
        {
          text: 'CLI that inspects it',
          icon: <Icon name="copy" />,
          act: () => copy(`npx nest-durable inspect ${run.id}`, 'The command is copied'),
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
