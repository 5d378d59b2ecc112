import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  type RawBodyRequest,
  Req,
  UnauthorizedException,
} from '@nestjs/common';
import { DurableClient, ExecutionFinishedError } from 'nest-durable';
import type { IncomingMessage } from 'node:http';
import { type Cart, CheckoutWorkflow, type Payment } from './checkout.workflow.js';
import { isSigned } from './signature.js';

/** What the provider posts. `run` is what we gave it along with the payment. */
interface Webhook {
  id: string;
  type: 'payment.succeeded' | 'payment.failed';
  run: string;
  payment: Payment;
}

@Controller('payments')
export class PaymentsController {
  private readonly secret = process.env['WEBHOOK_SECRET'] ?? 'whsec_sample';

  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() cart: Cart): Promise<{ id: string }> {
    // A customer who clicks twice has one order.
    const run = await this.durable.start(CheckoutWorkflow, cart, { idempotencyKey: cart.orderId });
    return { id: run.id };
  }

  /**
   * Answers 200 as soon as the event is kept: the provider sends again what is not answered. The same webhook may come
   * many times and on several nodes at once; its id is the dedupe key, so the run gets it once.
   */
  @Post('webhook')
  @HttpCode(200)
  async webhook(
    @Req() request: RawBodyRequest<IncomingMessage>,
    @Headers('x-signature') signature: string | undefined,
    @Body() hook: Webhook,
  ): Promise<{ accepted: boolean }> {
    if (!isSigned(request.rawBody ?? Buffer.alloc(0), signature, this.secret)) throw new UnauthorizedException();
    if (hook.type !== 'payment.succeeded' && hook.type !== 'payment.failed') return { accepted: false };
    try {
      await this.durable.sendEvent(hook.run, hook.type, hook.payment, { dedupeKey: hook.id });
      return { accepted: true };
    } catch (error) {
      // The order is done with: to send it again would change nothing.
      if (error instanceof ExecutionFinishedError) return { accepted: false };
      throw error;
    }
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<object> {
    const run = await this.durable.getExecution(id, { includeSteps: true });
    if (run === null) throw new NotFoundException();
    return run;
  }
}
