import { withoutOwnFrames } from '../../lib/core/codec/own-frames.js';

const OWN = ['/app/node_modules/nest-durable/dist/', '/app/node_modules/nest-durable/lib/'];
const trimmed = (lines: readonly string[], isMeant = false): string[] =>
  withoutOwnFrames(lines.join('\n'), isMeant, OWN).split('\n');

const attempt = '    at Attempt.call (file:///app/node_modules/nest-durable/dist/engine/step/attempt.js:80:20)';
const mapped = '    at Attempt.call (/app/node_modules/nest-durable/lib/engine/step/attempt.ts:80:20)';
const storage = '    at AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:63:14)';
const turn = '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)';
const mine = '    at OrderWorkflow.charge (/app/src/order.workflow.ts:12:11)';

it('leaves the frames of the app, whichever build or source map names ours', () => {
  const cjs = '    at run (/app/node_modules/nest-durable/dist/cjs/engine/run/session.js:1:1)';
  const windows = '    at run (C:\\app\\node_modules\\nest-durable\\dist\\cjs\\engine\\run\\session.js:1:1)';
  expect(trimmed(['Error: x', mine, attempt, storage, mapped, cjs, turn, windows])).toEqual(['Error: x', mine]);
});

it('leaves what is above ours of Node: there the app has called it', () => {
  const open = '    at async open (node:internal/fs/promises:639:25)';
  expect(trimmed(['Error: x', open, mine, attempt, storage])).toEqual(['Error: x', open, mine]);
});

it('leaves a message of several lines, also one that looks like a frame of somebody else', () => {
  expect(trimmed(['Error: first', 'second', mine, attempt])).toEqual(['Error: first', 'second', mine]);
});

it('touches nothing where no frame is ours', () => {
  expect(trimmed(['Error: x', mine, turn])).toEqual(['Error: x', mine, turn]);
});

it('keeps a stack that is all ours, unless it is of an error that we throw on purpose', () => {
  expect(trimmed(['TypeError: x', attempt, storage])).toEqual(['TypeError: x', attempt, storage]);
  expect(trimmed(['StepTimeoutError: x', attempt, storage], true)).toEqual(['StepTimeoutError: x']);
});

it('works where nothing is known of where it lies', () => {
  expect(withoutOwnFrames('Error: x\n' + mine, false, [])).toBe('Error: x\n' + mine);
});
