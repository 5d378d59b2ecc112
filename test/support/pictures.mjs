import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

/** Distance of two colours, of 1 for black and white, from which on they are different. */
const THRESHOLD = 0.03;

/**
 * Compares two pictures of the same size.
 *
 * @param {Buffer} kept PNG
 * @param {Buffer} taken PNG
 * @returns share of the pixels that differ, from 0 to 1, and a PNG that shows which
 */
export function comparePictures(kept, taken) {
  const [a, b] = [PNG.sync.read(kept), PNG.sync.read(taken)];
  if (a.width !== b.width || a.height !== b.height) return { share: 1, shown: taken };
  const shown = new PNG({ width: a.width, height: a.height });
  const n = pixelmatch(a.data, b.data, shown.data, a.width, a.height, { threshold: THRESHOLD, includeAA: true });
  return { share: n / (a.width * a.height), shown: PNG.sync.write(shown) };
}
