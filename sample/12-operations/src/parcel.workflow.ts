import { DurableWorkflow, hours, Step, waitForEvent, Workflow, workflowId } from 'nest-durable';

export interface ParcelInput {
  address: string;
  /** kg */
  weight: number;
}

export interface Parcel extends ParcelInput {
  label: string;
  signedBy?: string;
}

/** A parcel on its way: something for the operator to look at. */
@Workflow({ name: 'parcel' })
export class ParcelWorkflow extends DurableWorkflow<ParcelInput, Parcel> {
  @Step({ retry: { maxAttempts: 3, initialDelay: 500 } })
  label(parcel: ParcelInput): Parcel {
    if (parcel.weight > 30) throw new Error(`${parcel.weight} kg is too heavy for a parcel`);
    return { ...parcel, label: `P-${workflowId().slice(-8)}` };
  }

  @Step()
  async deliver(parcel: Parcel): Promise<Parcel> {
    const { signedBy } = await waitForEvent<{ signedBy: string }>('delivered', { timeout: hours(72) });
    return { ...parcel, signedBy };
  }
}
