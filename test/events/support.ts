import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Compensate,
  DurableClient,
  type DurableEvent,
  DurableEvents,
  DurableModule,
  type DurableModuleOptions,
  Schedule,
  Step,
  waitForEvent,
  waitForInput,
  Workflow,
} from 'nest-durable';
import { EventEmitter, once } from 'node:events';
import type { Observable } from 'rxjs';
import type { EventHub } from '../../lib/events/hub.js';
import { DurableRunner } from '../../lib/lifecycle/durable.runner.js';

/** Waits for an answer and an event, tries twice, then fails and is undone, if it is told to. */
@Workflow({ name: 'everything' })
@Schedule({ cron: '0 0 1 1 *', name: 'yearly' })
export class EverythingWorkflow {
  @Step({ compensate: 'undo' })
  async ask({ fails = false, broken = false }: { fails?: boolean; broken?: boolean }) {
    const answer = await waitForInput('colour', { type: 'free_text' });
    return { fails, broken, answer, event: await waitForEvent('paid') };
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  flaky({ fails }: { fails: boolean }) {
    if (fails) throw new Error('no');
  }

  @Compensate()
  undo(_: object, { current }: { current: { broken?: boolean } }) {
    if (current.broken === true) throw new Error('cannot be undone');
  }
}

@Workflow({ name: 'plain' })
export class PlainWorkflow {
  @Step()
  only() {
    return { done: true };
  }
}

export interface EventNode {
  readonly app: INestApplicationContext;
  readonly client: DurableClient;
  readonly events: DurableEvents;
  readonly hub: EventHub;
  readonly warnings: string[];
}

const open: INestApplicationContext[] = [];

export async function openNode(url: string, options: DurableModuleOptions = {}): Promise<EventNode> {
  const warnings: string[] = [];
  const nothing = (): void => {};
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, ...options })],
    providers: [EverythingWorkflow, PlainWorkflow],
  })
    .setLogger({ log: nothing, error: nothing, warn: (message: string) => warnings.push(message) })
    .compile();
  const app = await module.init();
  open.push(app);
  const { events: hub } = await app.get(DurableRunner, { strict: false }).ready();
  return { app, client: app.get(DurableClient), events: app.get(DurableEvents), hub, warnings };
}

export async function closeNodes(): Promise<void> {
  await Promise.all(open.splice(0).map((app) => app.close()));
}

/** What a subscription has got, and a way to wait for more. */
export class Heard {
  readonly events: DurableEvent[] = [];
  completed = false;
  private readonly changed = new EventEmitter().setMaxListeners(0);
  private readonly subscription;

  constructor(observable: Observable<DurableEvent>) {
    this.subscription = observable.subscribe({
      next: (event) => {
        this.events.push(event);
        this.changed.emit('change');
      },
      complete: () => {
        this.completed = true;
        this.changed.emit('change');
      },
    });
  }

  kinds(executionId?: string): string[] {
    return this.events.filter((one) => executionId === undefined || one.executionId === executionId).map((e) => e.kind);
  }

  async until(fits: (events: DurableEvent[]) => boolean): Promise<void> {
    while (!fits(this.events)) await once(this.changed, 'change');
  }

  end(): void {
    this.subscription.unsubscribe();
  }
}
