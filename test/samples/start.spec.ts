import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

it('says which samples there are where somebody asks for another', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/start.mjs', 'demos'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(status).toBe(2);
  expect(stderr).toContain('There is no sample "demos"');
  for (const name of readdirSync(join(root, 'sample'))) expect(stderr).toContain(name);
});
