import type { Context } from '../command.js';

/** Characters that name a run which was not started in the same moment as others. */
const LEAST = 18;

/** How the ids of a table are shortened: to what names one run alone, of all that there are. */
export class ShortIds {
  private readonly shortened = new Map<string, string>();

  constructor(private readonly context: Context) {}

  /** Asked for before the ids are printed; only a terminal that is narrow shortens any. */
  async learn(ids: readonly string[]): Promise<void> {
    const { screen } = this.context;
    const unknown = ids.filter((id) => !this.shortened.has(id));
    if (screen.width === null || screen.isJson || unknown.length === 0) return;
    const database = await this.context.database();
    const rows = await database.rows<Neighbours>('id-neighbours', [unknown]);
    for (const { id, before, behind } of rows) {
      const length = Math.max(LEAST, shared(id, before) + 1, shared(id, behind) + 1);
      this.shortened.set(id, id.slice(0, length));
    }
  }

  of(id: string): string {
    return this.shortened.get(id) ?? id;
  }
}

interface Neighbours {
  readonly id: string;
  readonly before: string | null;
  readonly behind: string | null;
}

/** Characters that both begin with. */
function shared(id: string, other: string | null): number {
  if (other === null) return 0;
  let length = 0;
  while (length < id.length && id[length] === other[length]) length++;
  return length;
}
