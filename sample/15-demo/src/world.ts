import { Injectable } from '@nestjs/common';
import { currentAttempt, FatalError, stepSignal } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';

export class PaymentGatewayError extends Error {
  override readonly name = 'PaymentGatewayError';
  readonly code = 'GATEWAY_UNAVAILABLE';

  constructor(
    readonly httpStatus: number,
    readonly requestId: string,
  ) {
    super(`The gateway answered ${httpStatus} Service Unavailable`);
  }
}

export class CarrierError extends Error {
  override readonly name = 'CarrierError';
}

export class ModelOverloadedError extends Error {
  override readonly name = 'ModelOverloadedError';
}

export class FileFormatError extends FatalError {
  override readonly name = 'FileFormatError';
}

/** Stands for everything outside the shop. What fails is known by the number in an id, so that a test knows it as well. */
@Injectable()
export class World {
  /** The gateway refuses everybody while it is down. */
  gatewayDown = false;
  /** What one unit of work takes, in ms; a test sets 0. */
  unit = 100;

  /** Work: ends early when the attempt is given up. */
  async takes(units: number): Promise<void> {
    if (this.unit > 0) await pause(units * this.unit, undefined, { signal: stepSignal() });
  }

  /** @throws PaymentGatewayError at each attempt of every 23rd order, at the first one of every 5th */
  charge(orderId: string, amount: number): string {
    const number = numberOf(orderId);
    if (this.gatewayDown || number % 23 === 7 || (number % 5 === 1 && currentAttempt() === 1))
      throw new PaymentGatewayError(503, `req_${number}_${currentAttempt()}`);
    return `ch_${number}_${amount}`;
  }

  /** @throws FatalError for every 6th trip */
  payTrip(tripId: string): string {
    if (numberOf(tripId) % 6 === 4) throw new FatalError('The card was declined');
    return `pay_${tripId}`;
  }

  /** @throws CarrierError for every 24th trip: the car stays booked */
  cancelCar(tripId: string): void {
    if (numberOf(tripId) % 24 === 16) throw new CarrierError(`Booking C-${tripId} is not known here`);
  }

  /** @throws ModelOverloadedError at the first two attempts of every 4th page */
  read(page: string): { vendor: string; total: number; confidence: number } {
    const number = numberOf(page);
    if (number % 4 === 3 && currentAttempt() <= 2)
      throw new ModelOverloadedError('The model is overloaded, come later');
    return {
      vendor: ['Fjord Foods', 'Mill & Sons', 'Nordlys AS'][number % 3] ?? '',
      total: 40 + number,
      confidence: number % 7 === 2 ? 0.4 : 0.97,
    };
  }

  /** @throws FatalError for every 143rd address */
  mail(address: string): string {
    const number = numberOf(address);
    if (number % 143 === 142) throw new FatalError(`${address} bounced: no such mailbox`);
    return `mail_${number}`;
  }
}

/** The digits of an id as a number. */
export function numberOf(id: string): number {
  return Number(/\d+/.exec(id)?.[0] ?? 0);
}
