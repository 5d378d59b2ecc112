import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { DurableClient, DurableQueues, type PendingInput } from 'nest-durable';
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ExportWorkflow, ImportWorkflow } from './workflows/back-office.workflows.js';
import { CampaignWorkflow } from './workflows/campaign.workflow.js';
import { ComplaintWorkflow } from './workflows/complaint.workflow.js';
import { DocumentWorkflow } from './workflows/document.workflow.js';
import { ExpenseWorkflow } from './workflows/expense.workflow.js';
import { OrderWorkflow } from './workflows/order.workflow.js';
import { PipelineWorkflow } from './workflows/pipeline.workflow.js';
import { TrialWorkflow } from './workflows/trial.workflow.js';
import { TripWorkflow } from './workflows/trip.workflow.js';
import { World } from './world.js';

const PEOPLE = ['Mara Lind', 'Jonas Weber', 'Aiko Mori', 'Lena Horn', 'Tom Baker', 'Inès Roux'];
const ITEMS = ['lamp', 'chair', 'desk', 'teapot', 'rug', 'clock', 'mirror'];
const CITIES = ['Oslo', 'Lisbon', 'Kyoto', 'Paris', 'Bergen'];
const PURPOSES = ['a train to Oslo', 'a new monitor', 'a dinner with Fjord Foods', 'a course on sagas'];
const COMPLAINTS = ['The lamp came in two pieces.', 'I ordered a chair and got a rug.', 'It has been a week.'];
const MOST_QUESTIONS = 14;

/** Customers and staff: they order, book, ask, pack and answer, so that there is always something going on. */
@Injectable()
export class ShopService implements BeforeApplicationShutdown {
  private readonly log = new Logger('Shop');
  private readonly closing = new AbortController();
  private readonly people: Promise<void>[] = [];
  private number = 1_000;

  constructor(
    private readonly durable: DurableClient,
    private readonly queues: DurableQueues,
    private readonly world: World,
  ) {}

  /** Opens the shop: until the app is shut down, something happens every second. */
  async open(): Promise<void> {
    // Each of the people looks at the clock by it.
    setMaxListeners(0, this.closing.signal);
    const before = await this.durable.countExecutions();
    this.number += before;
    if (before === 0) await this.firstDay();
    this.every(1_500, () => this.order());
    this.every(9_000, () => this.trip());
    this.every(8_000, () => this.document());
    this.every(20_000, () => this.importFile());
    this.every(25_000, () => this.pipeline());
    this.every(7_000, () => this.pack());
    this.every(30_000, () => this.ask());
    this.every(4_000, () => this.answer());
    this.every(60_000, () => this.fewerThan(60, 'trial_reminder', () => this.trial()));
    this.every(10_000, () => this.fewerThan(1, 'campaign', () => this.campaign(2_000)));
    this.every(1_000, () => this.outage());
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.people);
  }

  /** What a shop has when nobody has tidied up yet: a queue that is paused, and questions that nobody has answered. */
  async firstDay(): Promise<void> {
    await this.campaign(2_000);
    for (let n = 0; n < 30; n++) await this.order();
    for (let n = 0; n < 8; n++) await this.trip();
    for (let n = 0; n < 8; n++) await this.document();
    for (let n = 0; n < 4; n++) await this.pipeline();
    for (let n = 0; n < 8; n++) await this.ask();
    for (let n = 0; n < 25; n++) await this.trial();
    const tables = ['orders', 'customers', 'parcels', 'invoices', 'trips', 'mails'];
    await this.durable.startMany(
      ExportWorkflow,
      tables.map((table) => ({ input: { table } })),
    );
    await this.queues.pause('exports');
  }

  async order(): Promise<void> {
    const n = this.next();
    const items = ITEMS.slice(n % 4, (n % 4) + 1 + (n % 3));
    const country = n % 9 === 4 ? 'US' : (['DE', 'NO', 'FR'][n % 3] ?? 'DE');
    await this.durable.start(
      OrderWorkflow,
      { id: `A-${n}`, items, amount: 20 + ((n * 37) % 480), country, express: n % 4 === 0 },
      { tags: { customer: `c-${n % 40}`, country } },
    );
  }

  async trip(): Promise<void> {
    const n = this.next();
    const traveller = this.pick(PEOPLE);
    await this.durable.start(TripWorkflow, { id: `T-${n}`, traveller, to: this.pick(CITIES) }, { tags: { traveller } });
  }

  async document(): Promise<void> {
    const n = this.next();
    const pages = Array.from({ length: 2 + (n % 4) }, (_, page) => `page ${n + page}`);
    await this.durable.start(DocumentWorkflow, {
      name: `scan-${n}.pdf`,
      kind: n % 3 === 0 ? 'letter' : 'invoice',
      pages,
    });
  }

  async pipeline(): Promise<void> {
    const n = this.next();
    const warehouses = ['north', 'south', 'harbour'].slice(0, 1 + (n % 3));
    await this.durable.start(PipelineWorkflow, { orderId: `A-${n}`, warehouses });
  }

  async importFile(): Promise<void> {
    const n = this.next();
    await this.durable.start(ImportWorkflow, { file: `invoices-${n}.csv`, lines: 3 + (n % 5) });
  }

  async trial(): Promise<void> {
    await this.durable.start(TrialWorkflow, { user: `user-${this.next()}@shop.example` });
  }

  async campaign(recipients: number): Promise<void> {
    await this.durable.start(CampaignWorkflow, { subject: `Spring sale, part ${this.next()}`, recipients });
  }

  /** A new question. */
  async ask(): Promise<void> {
    const n = this.next();
    const [employee, customer] = [this.pick(PEOPLE), this.pick(PEOPLE)];
    if (n % 2 === 0)
      await this.durable.start(ExpenseWorkflow, { employee, amount: 80 + (n % 400), purpose: this.pick(PURPOSES) });
    else await this.durable.start(ComplaintWorkflow, { orderId: `A-${n - 20}`, customer, text: this.pick(COMPLAINTS) });
  }

  /** A clerk, who answers the oldest question once too many are open. */
  async answer(): Promise<void> {
    const open = await this.durable.listPendingInputs({ limit: 100 });
    const oldest = open.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())[0];
    if (open.length > MOST_QUESTIONS && oldest !== undefined)
      await this.durable.provideInput(oldest.executionId, { inputId: oldest.id }, answerTo(oldest));
  }

  /** The scanner of a warehouse; the last ones lie there until the next comes in. */
  async pack(): Promise<void> {
    const waiting = await this.durable.listPendingEvents({ eventName: 'parcel_packed', limit: 100 });
    const oldest = waiting.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())[0];
    if (waiting.length > 4 && oldest !== undefined)
      await this.durable.sendEvent(oldest.executionId, 'parcel_packed', `P-${this.next()}`);
  }

  /** For a minute of every ten the payment gateway is down. */
  private async outage(): Promise<void> {
    const down = Math.floor(Date.now() / 60_000) % 10 === 3;
    if (down !== this.world.gatewayDown)
      this.log.warn(down ? 'The payment gateway is down' : 'The payment gateway is back');
    this.world.gatewayDown = down;
  }

  private async fewerThan(most: number, workflow: string, act: () => Promise<void>): Promise<void> {
    const unfinished = await this.durable.countExecutions({ workflow, status: ['pending', 'running', 'waiting'] });
    if (unfinished < most) await act();
  }

  private every(ms: number, act: () => Promise<void>): void {
    const { signal } = this.closing;
    const live = async (): Promise<void> => {
      while (!signal.aborted) {
        await pause(ms, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        // Somebody else may have answered, cancelled or paused what this one meant.
        await act().catch((error: unknown) => this.log.debug(String(error)));
      }
    };
    this.people.push(live());
  }

  private next(): number {
    return this.number++;
  }

  private pick(from: readonly string[]): string {
    return from[(this.number * 7) % from.length] ?? '';
  }
}

function answerTo({ type, choices }: PendingInput): unknown {
  const value = choices?.[0]?.value;
  switch (type) {
    case 'approval':
      return true;
    case 'single_choice':
      return value;
    case 'multi_choice':
      return [value];
    case 'form':
      return { vendor: 'Mill & Sons', total: 120 };
    default:
      return 'It was not agreed beforehand.';
  }
}
