import { nothing, route } from '../http/call.js';
import { RequestError } from '../http/errors.js';

const doctor = route({
  method: 'GET',
  path: 'doctor',
  action: 'doctor.read',
  input: nothing,
  handle: (call) => call.services.looks.examine(),
});

const verify = route({
  method: 'POST',
  path: 'doctor/verify',
  action: 'doctor.verify',
  input: nothing,
  async handle(call) {
    const { services } = call;
    // It reads whole tables.
    if (services.verifying) throw new RequestError(409, 'BUSY', 'Somebody has it verified at this moment.');
    services.verifying = true;
    try {
      const violations = await services.looks.verify();
      call.note({ violations: violations.length });
      return { violations };
    } finally {
      services.verifying = false;
    }
  },
});

export const doctorRoutes = [doctor, verify];
