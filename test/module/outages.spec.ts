import { jest } from '@jest/globals';
import { guarded } from '../../lib/report/limited-log.js';
import { Outages } from '../../lib/report/outages.js';

const heard: string[] = [];
const log = {
  log: (line: string) => void heard.push(`log ${line}`),
  warn: (line: string) => void heard.push(`warn ${line}`),
  error: (line: string) => void heard.push(`error ${line}`),
};
const WHERE = 'db.internal:5432/shop';
const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });
const answer = (code: string, message: string) => Object.assign(new Error(message), { code, severity: 'FATAL' });

let outages: Outages;
let closing: AbortController;

beforeEach(() => {
  jest.useFakeTimers();
  heard.splice(0);
  closing = new AbortController();
  outages = new Outages(log, WHERE, closing.signal);
});

afterEach(() => {
  outages.close();
  jest.useRealTimers();
});

it('a logger that throws breaks no session that is being opened', () => {
  const broken = (): never => {
    throw new Error('EPIPE');
  };
  const watched = new Outages(guarded({ log: broken, warn: broken, error: broken }), WHERE, closing.signal);
  const open = () => [refused, null].forEach((failure) => watched.opened(failure));
  expect(open).not.toThrow();
});

it('says each loss and each return once', () => {
  outages.opened(null);
  for (let times = 0; times < 2; times++) {
    for (let n = 0; n < 3; n++) outages.opened(refused);
    jest.advanceTimersByTime(3_000);
    for (let n = 0; n < 3; n++) outages.opened(null);
  }
  const lost = `error The database at ${WHERE} is lost: connect ECONNREFUSED 10.0.0.1:5432. Runs go on when it is back; nothing has to be done here.`;
  const back = `warn The database at ${WHERE} is back after 3 s.`;
  expect(heard).toEqual([lost, back, lost, back]);
});

it('does not name the user when the password is another', () => {
  outages.opened(answer('28P01', 'password authentication failed for user "ada"'));
  expect(heard).toEqual([expect.stringContaining('is lost: it refused user or password (28P01). Runs go on')]);
});

it('is not said where a server has no more sessions, nor of sessions that a shutdown ends', () => {
  outages.opened(answer('53300', 'sorry, too many clients already'));
  closing.abort();
  outages.opened(refused);
  outages.opened(null);
  expect(heard).toEqual([]);
});

describe('trouble', () => {
  it('of a connection that is told of after all was closed is none, and leaves no timer behind', () => {
    outages.close();
    outages.trouble('Waking what is due failed; retrying', refused);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(60_000);
    expect(heard).toEqual([]);
  });

  it('that has nothing to do with the connection is said at once', () => {
    outages.trouble('Retention failed\nand will be tried again', new Error('no such table'));
    outages.trouble('Schedule "x" could not start its run', undefined);
    expect(heard).toEqual([
      'warn Retention failed and will be tried again',
      'warn Schedule "x" could not start its run',
    ]);
  });

  it('of an outage is not said beside it, whichever is noticed first', () => {
    outages.trouble('Heartbeat failed and will be tried again', refused);
    jest.advanceTimersByTime(1_000);
    outages.opened(refused);
    outages.trouble('Pulse failed and will be tried again', refused);
    jest.advanceTimersByTime(60_000);
    outages.opened(null);
    jest.advanceTimersByTime(60_000);
    expect(heard.map((line) => line.split(' ')[0])).toEqual(['error', 'warn']);
    expect(heard.join()).not.toContain('failed');
  });

  it('of a connection that was cut and came back is said when it is known to be that', () => {
    outages.trouble('Heartbeat failed and will be tried again', refused);
    outages.opened(null);
    expect(heard).toEqual([]);
    jest.advanceTimersByTime(6_000);
    expect(heard).toEqual(['warn Heartbeat failed and will be tried again']);
  });

  it('is not said any more after the end', () => {
    outages.trouble('Heartbeat failed and will be tried again', refused);
    outages.close();
    jest.advanceTimersByTime(60_000);
    expect(heard).toEqual([]);
  });
});
