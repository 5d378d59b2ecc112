import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs a webhook's body as the provider does: `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">`. */
export function sign(body: string | Buffer, secret: string, at = new Date()): string {
  const seconds = Math.floor(at.getTime() / 1000);
  return `t=${seconds},v1=${digest(seconds, body, secret).toString('hex')}`;
}

/** Whether the header signs the body, at most five minutes ago: who has recorded a call cannot send it for ever. */
export function isSigned(body: Buffer, header: string | undefined, secret: string, now = new Date()): boolean {
  const [, time, hex] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (time === undefined || hex === undefined) return false;
  const seconds = Number(time);
  if (Math.abs(now.getTime() / 1000 - seconds) > 300) return false;
  return timingSafeEqual(Buffer.from(hex, 'hex'), digest(seconds, body, secret));
}

function digest(seconds: number, body: string | Buffer, secret: string): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
}
