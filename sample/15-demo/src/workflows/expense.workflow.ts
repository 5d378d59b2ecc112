import { Branch, days, DurableWorkflow, Step, waitForApproval, waitForText, Workflow } from 'nest-durable';
import { World } from '../world.js';

export interface ExpenseInput {
  employee: string;
  amount: number;
  purpose: string;
}

interface Expense extends ExpenseInput {
  decision?: 'approved' | 'rejected' | 'expired';
  reason?: string;
}

/** Small expenses are paid at once; for the others a person decides, within three days. */
@Workflow({ name: 'expense_approval', description: 'Asks the lead, and pays.' })
export class ExpenseWorkflow extends DurableWorkflow<ExpenseInput, Expense> {
  constructor(private readonly world: World) {
    super();
  }

  @Branch({ small: 'waveThrough', default: ['askLead', 'askWhy'] })
  bySize({ amount }: Expense): string {
    return amount <= 100 ? 'small' : 'large';
  }

  @Step()
  waveThrough(expense: Expense): Expense {
    return { ...expense, decision: 'approved' };
  }

  @Step()
  async askLead(expense: Expense): Promise<Expense> {
    const { employee, amount, purpose } = expense;
    const decision = await waitForApproval('approve', {
      prompt: `May ${employee} have ${amount} EUR for ${purpose}?`,
      metadata: { employee, amount, purpose, policy: 'https://wiki.example/travel-policy' },
      timeout: days(3),
      timeoutValue: 'expired' as const,
    });
    return { ...expense, decision };
  }

  @Step()
  async askWhy(expense: Expense): Promise<Expense> {
    if (expense.decision !== 'rejected') return expense;
    const reason = await waitForText('reason', {
      prompt: `Why may ${expense.employee} not?`,
      timeout: days(1),
      timeoutValue: 'No reason was given.',
    });
    return { ...expense, reason };
  }

  @Step({ queue: 'payments' })
  async pay({ decision }: Expense): Promise<void> {
    if (decision === 'approved') await this.world.takes(3);
  }
}
