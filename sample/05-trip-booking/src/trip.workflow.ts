import { Injectable } from '@nestjs/common';
import {
  Compensate,
  DurableWorkflow,
  FatalError,
  Parallel,
  Step,
  unwrap,
  Workflow,
  type ParallelResults,
} from 'nest-durable';

export interface TripInput {
  traveller: string;
  to: string;
  /** `declined`: the payment fails. */
  card: string;
}

interface Trip extends TripInput {
  flight?: string;
  hotel?: string;
  car?: string;
  paid?: boolean;
}

/** Stands for airlines, hotels and banks: it only remembers what it was told. */
@Injectable()
export class Agency {
  private readonly ledgers = new Map<string, string[]>();

  note({ traveller }: TripInput, entry: string): void {
    this.ledgers.set(traveller, [...this.ledger(traveller), entry]);
  }

  ledger(traveller: string): readonly string[] {
    return this.ledgers.get(traveller) ?? [];
  }
}

/** A saga: when the card is declined, everything that was booked is cancelled, also what was booked side by side. */
@Workflow({ name: 'trip' })
export class TripWorkflow extends DurableWorkflow<TripInput, Trip> {
  constructor(private readonly agency: Agency) {
    super();
  }

  @Step({ compensate: 'cancelFlight' })
  bookFlight(trip: Trip): Trip {
    this.agency.note(trip, 'flight booked');
    return { ...trip, flight: `F-${trip.to}` };
  }

  @Parallel({ hotel: 'bookHotel', car: 'bookCar' })
  stay(trip: Trip, results: ParallelResults<{ hotel: Trip; car: Trip }>): Trip {
    const { hotel, car } = unwrap(results);
    return { ...trip, ...hotel, ...car };
  }

  @Step({ compensate: 'cancelHotel' })
  bookHotel(trip: Trip): Trip {
    this.agency.note(trip, 'hotel booked');
    return { ...trip, hotel: `H-${trip.to}` };
  }

  @Step({ compensate: 'cancelCar' })
  bookCar(trip: Trip): Trip {
    this.agency.note(trip, 'car booked');
    return { ...trip, car: `C-${trip.to}` };
  }

  /** Whether a payment that broke off went through is not known, so it is undone as soon as it was begun. */
  @Step({ compensate: 'refund', compensateWhen: 'started' })
  pay(trip: Trip): Trip {
    this.agency.note(trip, 'payment begun');
    if (trip.card === 'declined') throw new FatalError('The card was declined');
    return { ...trip, paid: true };
  }

  /** Gets the data as `bookFlight` left it: the flight's number is in it. */
  @Compensate()
  cancelFlight(trip: Trip): void {
    this.agency.note(trip, `flight ${trip.flight} cancelled`);
  }

  @Compensate()
  cancelHotel(trip: Trip): void {
    this.agency.note(trip, `hotel ${trip.hotel} cancelled`);
  }

  @Compensate({ retry: { maxAttempts: 3 } })
  cancelCar(trip: Trip): void {
    this.agency.note(trip, `car ${trip.car} cancelled`);
  }

  @Compensate()
  refund(trip: Trip, { outcome }: { outcome: 'completed' | 'unknown' }): void {
    this.agency.note(trip, `payment undone (${outcome})`);
  }
}
