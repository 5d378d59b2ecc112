/* Checked by `tsc`, never run: the types of `@Workflow()`, and what a client makes of a workflow class. */
import { DurableWorkflow, type InputOf, type ResultOf, type WorkflowRef } from '../../lib/core/durable-workflow.js';
import { Schedule } from '../../lib/decorators/schedule.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';
import type { WorkflowOptions } from '../../lib/decorators/types.js';
import { Workflow } from '../../lib/decorators/workflow.decorator.js';

interface OrderInput {
  id: string;
  note?: string;
}
interface Receipt {
  chargeId: string;
}
class OrderDto {
  id!: string;
}
class OtherDto {
  name!: string;
}
class ConstructedDto {
  readonly id: string;
  constructor(source: { id: string }) {
    this.id = source.id;
  }
}

@Workflow({ name: 'process_order', timeout: 1_000, maxRetries: 1, priority: -5, instance: 'billing' })
@Schedule({ cron: '0 9 * * MON-FRI', overlap: 'skip', catchUp: 'none', input: { id: 'daily' } })
@Schedule({ cron: '@daily', name: 'second' })
export class Plain {
  @Step()
  run(): void {}
}

@Workflow()
export class Typed extends DurableWorkflow<OrderInput, Receipt> {
  constructor(readonly service: OrderDto) {
    super();
  }
}

@Workflow({ input: OrderDto, concurrency: { key: (input) => input.id, limit: 1 } })
export class Checked extends DurableWorkflow<OrderInput, Receipt> {}

@Workflow({ input: ConstructedDto })
export class CheckedByConstructed extends DurableWorkflow<OrderInput> {}

@Workflow({ input: OtherDto })
export class CheckedUntyped {}

@Workflow({ concurrency: { key: (input: OrderInput) => input.id, limit: 2 } })
export class KeyTyped extends DurableWorkflow<OrderInput> {}

@Workflow({ concurrency: { key: (input) => String(input['id']), limit: 2 } })
export class KeyUntyped extends DurableWorkflow<OrderInput> {}

@Workflow({ concurrency: { key: (input) => String(input['id']), limit: 2 } })
export class KeyUntypedPlain {}

@Workflow({ concurrency: { limit: 2 } })
export class LimitOnly extends DurableWorkflow<OrderInput> {}

// @ts-expect-error the workflow takes { id }, the class gives { name }
@Workflow({ input: OtherDto })
export class WrongInput extends DurableWorkflow<OrderInput> {}

// @ts-expect-error the key is for another input
@Workflow({ concurrency: { key: (input: OtherDto) => input.name, limit: 1 } })
export class WrongKey extends DurableWorkflow<OrderInput> {}

// @ts-expect-error a limit it must have
@Workflow({ concurrency: { key: () => 'all' } })
export class NoLimit {}

@Workflow({ concurrency: { key: () => 1, limit: 1, hold: 'run' } })
export class NumberKey {}

// @ts-expect-error no such way to hold a place
@Workflow({ concurrency: { limit: 1, hold: 'always' } })
export class WrongHold {}

// @ts-expect-error no such option
@Workflow({ retries: 1 })
export class UnknownOption {}

// @ts-expect-error the input is a class
@Workflow({ input: { id: 'string' } })
export class InputNoClass {}

// @ts-expect-error a schedule needs its cron
@Schedule({ timezone: 'UTC' })
@Workflow()
export class NoCron {}

export const kept: WorkflowOptions = { name: 'kept', queue: 'slow', input: OrderDto };

/** As the client's `start` is written: one signature. */
declare function start<W extends WorkflowRef>(workflow: W, input: InputOf<W>): Promise<ResultOf<W>>;

export async function client(name: string): Promise<void> {
  const receipt: Receipt = await start(Typed, { id: '1' });
  const unknownResult: unknown = await start(Plain, { whatever: 1 });
  await start('order', { any: 'object' });
  await start(name, new OrderDto());
  await start(Checked, new OrderDto());
  await start(Typed, { id: '1', note: 'fragile' });

  // @ts-expect-error id is missing
  await start(Typed, {});
  // @ts-expect-error id is a string
  await start(Typed, { id: 1 });
  // @ts-expect-error there is no such field
  await start(Typed, { id: '1', nota: 'x' });
  // @ts-expect-error an input is an object
  await start(Plain, 'text');
  // @ts-expect-error also by name
  await start('order', 1);
  // @ts-expect-error the result of an untyped workflow is unknown
  const guessed: Receipt = await start(Plain, {});
  // @ts-expect-error of a typed one it is what the class says
  const wrong: OrderDto = await start(Typed, { id: '1' });
  // @ts-expect-error an instance is no class
  await start(new Typed(new OrderDto()), { id: '1' });
  void [receipt, unknownResult, guessed, wrong];
}
