import { Logger } from '@nestjs/common';
import { Compensate, DurableWorkflow, Parallel, type ParallelResults, Step, unwrap, Workflow } from 'nest-durable';
import { World } from '../world.js';

export interface TripInput {
  id: string;
  traveller: string;
  to: string;
}

interface Trip extends TripInput {
  flight?: string;
  hotel?: string;
  car?: string;
  payment?: string;
}

/** A saga: when the card is declined, everything that was booked is cancelled, the last first. */
@Workflow({ name: 'trip_booking', description: 'Flight, hotel, car; all of them or none.' })
export class TripWorkflow extends DurableWorkflow<TripInput, Trip> {
  private readonly log = new Logger('Trips');

  constructor(private readonly world: World) {
    super();
  }

  @Step({ compensate: 'cancelFlight' })
  async bookFlight(trip: Trip): Promise<Trip> {
    await this.world.takes(12);
    return { ...trip, flight: `F-${trip.id}` };
  }

  @Parallel({ hotel: 'bookHotel', car: 'bookCar' })
  stay(trip: Trip, results: ParallelResults<{ hotel: Trip; car: Trip }>): Trip {
    const { hotel, car } = unwrap(results);
    return { ...trip, ...hotel, ...car };
  }

  @Step({ compensate: 'cancelHotel' })
  async bookHotel(trip: Trip): Promise<Trip> {
    await this.world.takes(22);
    return { ...trip, hotel: `H-${trip.id}` };
  }

  @Step({ compensate: 'cancelCar' })
  async bookCar(trip: Trip): Promise<Trip> {
    await this.world.takes(9);
    return { ...trip, car: `C-${trip.id}` };
  }

  @Step()
  async pay(trip: Trip): Promise<Trip> {
    await this.world.takes(5);
    return { ...trip, payment: this.world.payTrip(trip.id) };
  }

  @Compensate()
  async cancelFlight({ flight }: Trip): Promise<void> {
    await this.world.takes(6);
    this.log.warn(`${flight} is cancelled`);
  }

  @Compensate()
  async cancelHotel({ hotel }: Trip): Promise<void> {
    await this.world.takes(6);
    this.log.warn(`${hotel} is cancelled`);
  }

  @Compensate({ retry: { maxAttempts: 2, initialDelay: 500 } })
  async cancelCar({ id, car }: Trip): Promise<void> {
    await this.world.takes(6);
    this.world.cancelCar(id);
    this.log.warn(`${car} is cancelled`);
  }
}
