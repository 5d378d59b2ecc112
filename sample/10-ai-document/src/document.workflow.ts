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
import { type Extraction, ModelService } from './model.service.js';

export interface DocumentInput {
  name: string;
  pages: string[];
}

interface Page extends Extraction {
  readBy: 'model' | 'person' | 'nobody';
}

interface Document extends DocumentInput {
  type?: 'invoice' | 'letter';
  summary?: string;
  read?: Page[];
  total?: number;
}

interface Answer {
  vendor: string;
  total: number;
}

const SURE_ENOUGH = 0.8;
const NOBODY: Answer = { vendor: '', total: 0 };
const MODEL = { retry: { maxAttempts: 4, initialDelay: 200 }, timeout: seconds(60), queue: 'ai' } as const;

/**
 * Reads documents with a language model. Calls of a model are slow, dear and fail: they run on a queue of their own with
 * a limit, each answer is recorded once, and where the model is unsure of a page a person is asked, for that page only.
 */
@Workflow({ name: 'document' })
export class DocumentWorkflow extends DurableWorkflow<DocumentInput, Document> {
  constructor(private readonly model: ModelService) {
    super();
  }

  @Step(MODEL)
  async classify(document: Document): Promise<Document> {
    return { ...document, type: await this.model.classify(document.pages.join('\n')) };
  }

  @Branch({ invoice: ['pages', 'addUp'], default: 'summarise' })
  byType({ type }: Document) {
    return type;
  }

  @ForEach(['extract', 'review'], { concurrency: 4 })
  pages({ pages }: Document): string[] {
    return pages;
  }

  @Step(MODEL)
  async extract(page: string): Promise<Page> {
    return { ...(await this.model.extract(page)), readBy: 'model' };
  }

  /** Other pages go on meanwhile: one that waits holds no place. */
  @Step()
  async review(page: Page, { index, data }: ItemContext<Document>): Promise<Page> {
    if (page.confidence >= SURE_ENOUGH) return page;
    const answer = await waitForForm<Answer>(`page ${index + 1}`, {
      prompt: `What stands on page ${index + 1} of ${data.name}?`,
      metadata: { page: data.pages[index], guess: page },
      fields: [
        { name: 'vendor', type: 'text', label: 'Vendor', required: true },
        { name: 'total', type: 'number', label: 'Total in EUR', required: true },
      ],
      timeout: days(2),
      timeoutValue: NOBODY,
    });
    if (answer.vendor === NOBODY.vendor) return { ...page, readBy: 'nobody' };
    return { ...answer, confidence: 1, readBy: 'person' };
  }

  @Step()
  addUp({ __results__, ...document }: Document & { __results__: SettledResult<Page>[] }): Document {
    const read = unwrap(__results__);
    return { ...document, read, total: read.reduce((sum, { total }) => sum + total, 0) };
  }

  @Step(MODEL)
  async summarise(document: Document): Promise<Document> {
    return { ...document, summary: await this.model.summarise(document.pages.join(' ')) };
  }
}
