/** Compares two PNGs; `share`: of the pixels that differ, from 0 to 1; `shown`: a PNG that shows which. */
export function comparePictures(kept: Buffer, taken: Buffer): { share: number; shown: Buffer };
