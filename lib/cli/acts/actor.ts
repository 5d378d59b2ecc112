import { hostname, userInfo } from 'node:os';

/** Whom audit rows of the command line name: `cli:USER@HOST`. */
export function actor(): string {
  let user = process.env['USER'] ?? '?';
  try {
    user = userInfo().username;
  } catch {
    // A container may run as a user without a name.
  }
  return `cli:${user}@${hostname()}`;
}
