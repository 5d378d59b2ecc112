/** How much a test of many random trials does: all of it with TEST_FULL=1, a share in every other run. */
export function fullOr(full: number, share: number): number {
  return process.env['TEST_FULL'] === '1' ? full : share;
}
