import { pagesFolder } from './door.js';
import { Assets } from './http/assets.js';

let assets: Assets | null = null;

/** The built pages of this package: read when they are first asked for, by all mounts together. */
export function builtAssets(): Assets {
  assets ??= Assets.load(pagesFolder());
  return assets;
}
