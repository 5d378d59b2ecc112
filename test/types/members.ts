/*
 * Checked by `tsc`, never run: what the compiler accepts and refuses in the decorators of members. A line that it
 * would no longer refuse makes its `@ts-expect-error` the error.
 */
import { finish, goto, type Goto, type ItemContext, type ParallelResults } from '../../lib/core/run/results.js';
import { Branch } from '../../lib/decorators/branch.decorator.js';
import { Compensate } from '../../lib/decorators/compensate.decorator.js';
import { Decision } from '../../lib/decorators/decision.decorator.js';
import { ForEach } from '../../lib/decorators/for-each.decorator.js';
import { Parallel } from '../../lib/decorators/parallel.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';

interface Order {
  id: string;
  total: number;
}
interface Charge extends Order {
  chargeId: string;
}
interface Booking {
  bookingId: string;
}

export class Steps {
  @Step()
  plain(order: Order): Order {
    return order;
  }

  @Step({ retry: { maxAttempts: 3, backoff: 'linear', retryIf: (error) => error instanceof Error } })
  async asynchronous(order: Order): Promise<Order> {
    return order;
  }

  @Step({ compensate: 'refund', compensateWhen: 'started', queue: 'slow', timeout: 5 })
  returnsNothing(order: Order): void {
    void order;
  }

  @Step()
  returnsAny(order: Order) {
    return JSON.parse(order.id);
  }

  @Step()
  async mayReturnNothing(order: Order) {
    return order.total > 1 ? { ...order, big: true } : undefined;
  }

  // @ts-expect-error there is no method "refnd"
  @Step({ compensate: 'refnd' })
  unknownCompensation(): void {}

  // @ts-expect-error a field is no method
  @Step({ compensate: 'field' })
  fieldAsCompensation(): void {}

  // @ts-expect-error the engine calls members from outside
  @Step({ compensate: 'hidden' })
  privateCompensation(): void {}

  // @ts-expect-error only a decision jumps
  @Step()
  jumps() {
    return goto('plain');
  }

  // @ts-expect-error only a decision ends the run
  @Step()
  async ends(order: Order) {
    return order.total > 1 ? finish(order) : order;
  }

  // @ts-expect-error no such backoff
  @Step({ retry: { backoff: 'quadratic' } })
  badBackoff(): void {}

  // @ts-expect-error no such option
  @Step({ retries: 3 })
  badOption(): void {}

  // @ts-expect-error goto is an option of @Decision()
  @Step({ goto: ['plain'] })
  gotoOnStep(): void {}

  @Compensate({ name: 'give_back', retry: { maxAttempts: 5 }, timeout: 100 })
  refund(order: Order): void {
    void order;
  }

  // @ts-expect-error a compensation is undone by nothing
  @Compensate({ compensate: 'refund' })
  compensatedCompensation(): void {}

  // @ts-expect-error a field that holds a function is no method
  @Step()
  arrow = () => ({});

  // @ts-expect-error neither is a getter that gives an object
  @Step()
  get getter(): Order {
    return { id: '', total: this.hidden().length };
  }

  field = 1;

  private hidden(): string {
    return '';
  }
}

export class Decisions {
  @Decision({ goto: ['approve', 'reject'] })
  review(order: Order) {
    if (order.total > 100) {
      return goto('approve', order);
    }
    return order.total > 10 ? goto('reject', order) : finish(order);
  }

  @Decision({ goto: ['approve'], compensate: 'undo', maxVisits: 5 })
  async asynchronous(order: Order): Promise<Goto<'approve'> | Order> {
    return order.total > 1 ? goto('approve') : order;
  }

  @Decision()
  endsOrGoesOn(order: Order) {
    return order.total > 1 ? finish(order) : undefined;
  }

  @Decision({ goto: ['approve'] })
  neverJumps(order: Order): Order {
    return order;
  }

  // @ts-expect-error "reject" is not declared
  @Decision({ goto: ['approve'] })
  undeclared(order: Order) {
    return order.total > 1 ? goto('approve') : goto('reject');
  }

  // @ts-expect-error nor behind a promise
  @Decision({ goto: ['approve'] })
  async undeclaredLater() {
    return goto('reject');
  }

  // @ts-expect-error nothing is declared
  @Decision()
  declaresNothing() {
    return goto('approve');
  }

  // @ts-expect-error a name that is known only at run time
  @Decision({ goto: ['approve'] })
  anyName(order: Order) {
    return goto(order.id);
  }

  // @ts-expect-error there is no method "aprove"
  @Decision({ goto: ['aprove'] })
  unknownTarget(): void {}

  // @ts-expect-error the good target does not hide the bad one
  @Decision({ goto: ['approve', 'aprove'] })
  oneUnknownTarget(): void {}

  // @ts-expect-error names in `compensate` are checked here too
  @Decision({ goto: ['approve'], compensate: 'und' })
  unknownCompensation(): void {}

  @Step()
  approve(): void {}

  @Step()
  reject(): void {}

  @Compensate()
  undo(): void {}
}

export class Branches {
  @Branch({ invoice: ['extract', 'validate'], contract: 'extract', default: 'flag' })
  byType(doc: { type: string }) {
    return doc.type;
  }

  @Branch({ true: 'extract', false: 'flag' }, { name: 'is_new', retry: { maxAttempts: 2 } })
  async byFlag(doc: { isNew: boolean }) {
    return doc.isNew;
  }

  // @ts-expect-error there is no method "extrac"
  @Branch({ invoice: 'extrac', default: 'flag' })
  unknownMember(): string {
    return '';
  }

  // @ts-expect-error nor in a list
  @Branch({ invoice: ['extract', 'validat'], default: 'flag' })
  unknownInList(): string {
    return '';
  }

  // @ts-expect-error nor in `default`
  @Branch({ invoice: 'extract', default: 'flga' })
  unknownDefault(): string {
    return '';
  }

  // @ts-expect-error a selector picks, it does not jump
  @Branch({ invoice: 'extract' })
  jumps() {
    return goto('extract');
  }

  @Step()
  extract(): void {}

  @Step()
  validate(): void {}

  @Step()
  flag(): void {}
}

export class Parallels {
  @Parallel({ payment: 'charge', delivery: ['quote', 'book'] }, { onError: 'completeAll', concurrency: 2 })
  fulfil(order: Order, results: ParallelResults<{ payment: Charge; delivery: Booking }>) {
    return { ...order, ok: results.payment.status === 'fulfilled' };
  }

  @Parallel(['charge', 'book'])
  short(order: Order, results: ParallelResults<{ charge: Charge; book: Booking }>): void {
    void [order, results];
  }

  @Parallel({ payment: 'charge' })
  withoutResults(order: Order): Order {
    return order;
  }

  @Parallel({ payment: 'charge', delivery: 'book' })
  someResults(_order: Order, results: ParallelResults<{ payment: Order }>): void {
    void results;
  }

  @Parallel({ payment: 'charge' }, { goto: ['fulfil'] })
  jumps(_order: Order, results: ParallelResults<{ payment: Charge }>) {
    return results.payment.status === 'fulfilled' ? goto('fulfil') : finish();
  }

  // A member that returns nothing leaves the data as it got it.
  @Parallel({ note: 'note', maybe: 'maybeNote' })
  keepsData(_order: Order, results: ParallelResults<{ note: Order; maybe: Order }>): void {
    void results;
  }

  // What a branch or a loop at the end of an arm leaves is beyond the types.
  @Parallel({ picked: 'pick', each: 'recipients', unknown: 'parsed' })
  endsInSelector(_order: Order, results: ParallelResults<{ picked: Booking; each: Charge; unknown: Order }>): void {
    void results;
  }

  // @ts-expect-error there is no method "chrage"
  @Parallel({ payment: 'chrage' })
  unknownMember(): void {}

  // @ts-expect-error nor in the short form
  @Parallel(['charge', 'bok'])
  unknownInShort(): void {}

  // @ts-expect-error the last member of the arm "delivery" gives a Booking
  @Parallel({ payment: 'charge', delivery: ['quote', 'book'] })
  wrongType(_order: Order, results: ParallelResults<{ delivery: Charge }>): void {
    void results;
  }

  // @ts-expect-error there is no arm "shipping"
  @Parallel({ payment: 'charge' })
  wrongKey(_order: Order, results: ParallelResults<{ shipping: Charge }>): void {
    void results;
  }

  // @ts-expect-error results are settled results, not values
  @Parallel({ payment: 'charge' })
  values(_order: Order, results: { payment: Charge }): void {
    void results;
  }

  // @ts-expect-error "short" is not declared
  @Parallel({ payment: 'charge' }, { goto: ['fulfil'] })
  undeclared() {
    return goto('short');
  }

  // @ts-expect-error there is no method "fulfill"
  @Parallel({ payment: 'charge' }, { goto: ['fulfill'] })
  unknownTarget(): void {}

  // @ts-expect-error what it got is an Order, no Charge
  @Parallel({ note: 'note' })
  notWhatItGot(_order: Order, results: ParallelResults<{ note: Charge }>): void {
    void results;
  }

  @Step()
  async charge(order: Order): Promise<Charge> {
    return { ...order, chargeId: '1' };
  }

  @Step()
  quote(order: Order): Order {
    return order;
  }

  @Step()
  book(order: Order): Booking {
    return { bookingId: order.id };
  }

  @Step()
  note(order: Order): void {
    void order;
  }

  @Step()
  async maybeNote(order: Order): Promise<Order | undefined> {
    return order.total > 1 ? order : undefined;
  }

  @Branch({ a: 'quote' })
  pick(): string {
    return 'a';
  }

  @ForEach('sendOne')
  recipients(): string[] {
    return [];
  }

  @Step()
  parsed(order: Order) {
    return JSON.parse(order.id);
  }

  @Step()
  sendOne(): void {}
}

export class Loops {
  @ForEach('sendOne', { concurrency: 10, onError: 'completeAll', results: 'none' })
  recipients(campaign: { recipients: string[] }) {
    return campaign.recipients;
  }

  @ForEach(['sendOne', 'log'])
  async later(campaign: { recipients: readonly string[] }): Promise<readonly string[]> {
    return campaign.recipients;
  }

  @ForEach('sendOne')
  returnsAny(text: string) {
    return JSON.parse(text);
  }

  // @ts-expect-error there is no method "sendone"
  @ForEach('sendone')
  unknownMember(): string[] {
    return [];
  }

  // @ts-expect-error nor in a list
  @ForEach(['sendOne', 'logg'])
  unknownInList(): string[] {
    return [];
  }

  // @ts-expect-error items come in an array
  @ForEach('sendOne')
  noArray(): string {
    return '';
  }

  // @ts-expect-error nor is a promise of one thing an array
  @ForEach('sendOne')
  async noArrayLater(): Promise<string> {
    return '';
  }

  @Step()
  async sendOne(recipient: string, { index, data }: ItemContext<{ recipients: string[] }>): Promise<object> {
    return { recipient, index, of: data.recipients.length };
  }

  @Step()
  log(): void {}
}

export class Base {
  @Step()
  inherited(order: Order): Order {
    return order;
  }
}

export class Derived extends Base {
  @Decision({ goto: ['inherited'] })
  again(order: Order) {
    return order.total > 1 ? goto('inherited') : order;
  }

  @Parallel(['inherited'])
  both(_order: Order, results: ParallelResults<{ inherited: Order }>): void {
    void results;
  }
}

/** Arms of type `any`, such as those read from elsewhere: the boot checks them. */
const unchecked = (arms: string): ReturnType<typeof JSON.parse> => JSON.parse(arms);

export class Unchecked {
  @Parallel(unchecked('["one"]'))
  both(): void {}

  @Parallel(unchecked('{"a":"two"}'))
  collected(order: Order, results: ParallelResults<{ a: Order }>): Order {
    void results;
    return order;
  }

  @Branch(unchecked('{"a":"three"}'))
  pick(): string {
    return 'a';
  }

  @ForEach(unchecked('"four"'))
  each(): number[] {
    return [];
  }
}
