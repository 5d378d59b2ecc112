import type { CompensationNode, WorkflowDefinition } from '../definition/definition.js';
import { findNode } from '../definition/definition-path.js';
import { DefinitionChangedError } from '../errors/errors.js';
import type { DataRef } from './run-state.js';

/** A record of a round that its rollback goes by. */
export interface UndoRecord {
  readonly seq: number;
  readonly path: string;
  readonly visit: number;
  readonly type: 'step' | 'decision' | 'intent' | 'compensate';
  readonly status: 'completed' | 'failed';
  readonly input: DataRef;
  readonly hasOutput: boolean;
  /** True: the last attempt. */
  readonly final: boolean;
}

/** A step that is to be undone. */
export interface UndoEntry {
  readonly path: string;
  readonly visit: number;
  readonly step: string;
  readonly compensation: CompensationNode;
  /** 'unknown': it began, and has no record of its end. */
  readonly outcome: 'completed' | 'unknown';
  readonly data: DataRef;
}

/** True: the code has no place any more for a step that has completed or begun. */
export function hasLostSteps(definition: WorkflowDefinition, records: readonly UndoRecord[]): boolean {
  return records.some((record) => record.type !== 'compensate' && findNode(definition, record.path) === null);
}

/**
 * The compensations left to run for a round, in the order of its records (the last one first): of the steps that completed
 * or, with `compensateWhen: 'started'`, began. An error where one of these steps is gone from the code.
 * @param stored the definitions that say whether a step that is gone from the code had anything to undo
 */
export function undoList(
  definition: WorkflowDefinition,
  records: readonly UndoRecord[],
  stored: readonly WorkflowDefinition[],
): UndoEntry[] | DefinitionChangedError {
  const undone = new Set(records.filter((r) => r.type === 'compensate' && r.final).map(undoneKey));
  const done = new Set(
    records.filter((r) => r.type !== 'intent' && r.type !== 'compensate' && r.status === 'completed').map(keyOf),
  );
  const seen = new Set<string>();
  const entries: UndoEntry[] = [];
  for (const record of records) {
    if (record.type === 'compensate' || record.status !== 'completed') continue;
    const key = keyOf(record);
    if (seen.has(key) || undone.has(key)) continue;
    const node = findNode(definition, record.path);
    if (node === null) {
      if (!stored.some((one) => isUndoneBy(one, record))) continue;
      return new DefinitionChangedError(definition.name, record.path, 'is gone, and may have to be undone');
    }
    const { compensate, compensateWhen } = node.settings;
    const compensation = definition.compensations.find(({ name }) => name === compensate);
    if (compensation === undefined) continue;
    const completed = done.has(key);
    if (record.type === 'intent' && (completed || compensateWhen !== 'started')) continue;
    seen.add(key);
    const data = completed && record.hasOutput ? record.seq : record.input;
    const outcome = completed ? 'completed' : 'unknown';
    entries.push({ path: record.path, visit: record.visit, step: node.name, compensation, outcome, data });
  }
  return entries;
}

function isUndoneBy(definition: WorkflowDefinition, { path, type }: UndoRecord): boolean {
  const settings = findNode(definition, path)?.settings;
  return (
    settings !== undefined &&
    settings.compensate !== null &&
    (type !== 'intent' || settings.compensateWhen === 'started')
  );
}

function keyOf({ path, visit }: UndoRecord): string {
  return `${visit} ${path}`;
}

function undoneKey({ path, visit }: UndoRecord): string {
  return `${visit} ${path.slice(0, path.lastIndexOf('~'))}`;
}
