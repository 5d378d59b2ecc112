/** What the measurements of this engine alone have in common. */

export const SAMPLES = 200;
/** Calls before the first that counts: until then much of the code is interpreted, which is no figure of the engine's. */
const WARM_UP = 500;

/** ms that each of many calls took, the first ones left out. */
export async function times(work) {
  const taken = [];
  for (let n = 0; n < SAMPLES + WARM_UP; n += 1) {
    const begun = performance.now();
    await work();
    if (n >= WARM_UP) taken.push(performance.now() - begun);
  }
  return taken;
}

export function quantile(values, at) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))];
}

/** The same figures, each name with a prefix. */
export function prefixed(prefix, values) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${prefix}${key[0].toUpperCase()}${key.slice(1)}`, value]),
  );
}

/** A workflow class; its decorators are called the way compiled TypeScript calls them. */
export function workflow(Workflow, name, members) {
  class Bench {}
  for (const [member, [decorator, method]] of Object.entries(members)) {
    const descriptor = { value: method, writable: true, configurable: true };
    Object.defineProperty(Bench.prototype, member, descriptor);
    decorator(Bench.prototype, member, descriptor);
  }
  return Workflow({ name })(Bench) ?? Bench;
}
