import {
  Branch,
  days,
  DurableWorkflow,
  ForEach,
  type ItemContext,
  seconds,
  type SettledResult,
  Step,
  unwrap,
  waitForForm,
  Workflow,
} from 'nest-durable';
import { World } from '../world.js';

export interface DocumentInput {
  name: string;
  kind: 'invoice' | 'letter';
  pages: string[];
}

interface Page {
  vendor: string;
  total: number;
  confidence: number;
  paidOn?: Date;
}

interface Document extends DocumentInput {
  total?: number;
  summary?: string;
}

const MODEL = { retry: { maxAttempts: 4, initialDelay: 2_000 }, timeout: seconds(60), queue: 'ai' } as const;

/** Reads documents with a language model, which is slow and limited; where it is unsure of a page, a person is asked. */
@Workflow({ name: 'document', description: 'Reads a document, routes it by kind, sums up.' })
export class DocumentWorkflow extends DurableWorkflow<DocumentInput, Document> {
  constructor(private readonly world: World) {
    super();
  }

  @Step(MODEL)
  async classify(): Promise<void> {
    await this.world.takes(10);
  }

  @Branch({ invoice: ['pages', 'addUp'], default: 'summarise' })
  byKind({ kind }: Document): string {
    return kind;
  }

  @ForEach(['extract', 'review'], { concurrency: 4 })
  pages({ pages }: Document): string[] {
    return pages;
  }

  @Step(MODEL)
  async extract(page: string): Promise<Page> {
    await this.world.takes(14);
    return this.world.read(page);
  }

  /** A page that waits for a person holds no place. */
  @Step()
  async review(page: Page, { index, data }: ItemContext<Document>): Promise<Page> {
    if (page.confidence > 0.8) return page;
    const answer = await waitForForm<Omit<Page, 'confidence'>>('review_page', {
      prompt: `What stands on page ${index + 1} of ${data.name}?\nThe model is not sure of it.`,
      metadata: {
        document: data.name,
        page: index + 1,
        guess: page,
        scan: `https://files.example/${data.name}#${index + 1}`,
      },
      fields: [
        { name: 'vendor', type: 'text', label: 'Vendor', required: true },
        { name: 'total', type: 'number', label: 'Total in EUR', required: true },
        { name: 'paidOn', type: 'date', label: 'Paid on' },
        { name: 'currency', type: 'select', label: 'Currency', options: ['EUR', 'NOK', 'USD'] },
        { name: 'signed', type: 'boolean', label: 'Signed' },
      ],
      timeout: days(2),
      timeoutValue: { vendor: '', total: 0 },
    });
    return { ...answer, confidence: 1 };
  }

  @Step()
  addUp({ __results__, ...document }: Document & { __results__: SettledResult<Page>[] }): Document {
    return { ...document, total: unwrap(__results__).reduce((sum, { total }) => sum + total, 0) };
  }

  @Step(MODEL)
  async summarise(document: Document): Promise<Document> {
    await this.world.takes(16);
    return { ...document, summary: `${document.pages.length} pages of thanks` };
  }
}
