import { planInstall } from './plan.js';
import { versions } from './versions.js';

/** The part of a schematic's tree that is needed. */
interface Tree {
  read(path: string): Buffer | null;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
}

interface SchematicContext {
  readonly logger: { info(message: string): void; warn(message: string): void };
  addTask(task: { toConfiguration(): { name: string; options: object } }): unknown;
}

/** What `nest add` gives. */
interface AddOptions {
  /** Folder of the sources of the project that was named, or picked. */
  readonly sourceRoot?: string;
}

/** `nest add nest-durable`: what `nest-durable install` does, on the schematic's tree. */
export function nestAdd({ sourceRoot }: AddOptions = {}): (tree: Tree, context: SchematicContext) => Tree {
  return (tree, context) => {
    const plan = planInstall((path) => tree.read(path)?.toString('utf8') ?? null, versions(), sourceRoot);
    if (plan === null) throw new Error('This folder is no Nest app: its package.json does not name @nestjs/core.');
    for (const { path, before, after } of plan.changes) {
      if (before === null) tree.create(path, after);
      else tree.overwrite(path, after);
    }
    for (const note of plan.notes) context.logger.warn(note);
    if (plan.changes.some(({ path }) => path === 'package.json')) {
      context.addTask({
        toConfiguration: () => ({ name: 'node-package', options: { command: 'install', quiet: true } }),
      });
    }
    return tree;
  };
}
