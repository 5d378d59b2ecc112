import { Injectable } from '@nestjs/common';
import { currentAttempt } from 'nest-durable';

export interface Extraction {
  vendor: string;
  /** EUR. */
  total: number;
  /** From 0 to 1. */
  confidence: number;
}

/**
 * Stands for a language model: it reads `Vendor:` and `Total:`, is unsure of what it does not find, and is overloaded
 * at the first attempt for texts with the word "busy".
 */
@Injectable()
export class ModelService {
  /** What was paid for. */
  calls = 0;

  async classify(text: string): Promise<'invoice' | 'letter'> {
    this.calls++;
    return /total|invoice/i.test(text) ? 'invoice' : 'letter';
  }

  async extract(page: string): Promise<Extraction> {
    if (page.includes('busy') && currentAttempt() === 1) throw new Error('The model is overloaded');
    this.calls++;
    const vendor = /vendor: *(.+)/i.exec(page)?.[1]?.trim();
    const total = /total: *([\d.]+)/i.exec(page)?.[1];
    const found = [vendor, total].filter((one) => one !== undefined).length;
    return { vendor: vendor ?? 'unknown', total: Number(total ?? 0), confidence: found / 2 };
  }

  async summarise(text: string): Promise<string> {
    this.calls++;
    return text.slice(0, 40);
  }
}
