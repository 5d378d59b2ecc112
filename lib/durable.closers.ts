import { textOf } from './core/text-of.js';
/** What was opened, to be closed in the opposite order, each once, whatever happens to the others. */
export class Closers {
  private readonly open: { readonly what: string; readonly close: () => Promise<unknown> }[] = [];

  constructor(private readonly onFailure: (message: string) => void) {}

  add(what: string, close: () => Promise<unknown>): void {
    this.open.push({ what, close });
  }

  async closeAll(): Promise<void> {
    for (let next = this.open.pop(); next !== undefined; next = this.open.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.onFailure(`Closing ${next.what} failed: ${textOf(error)}`);
      }
    }
  }
}
