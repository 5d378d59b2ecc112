import { fault } from './fault.js';
import { INJECTIONS, suffer } from './outage.js';

fault(
  {
    name: 'refused',
    title: 'connections reset, and refused for a minute',
    bar: '0; no step of a living worker twice; `close()` within its bound',
    how:
      'A proxy between the server and everybody else reset every connection and took no new one: for a minute, which is two ' +
      'leases, then twice for 10 s, and once while the workers were told to end.',
    times: 'from the end of the outage to the next step that begins',
    injections: INJECTIONS,
    runs: { full: 60, short: 20 },
  },
  (trial) => suffer(trial, 'everything refused', { away: (proxy) => proxy.down(), back: (proxy) => proxy.up() }),
);
