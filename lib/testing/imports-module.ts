import type { ModuleMetadata } from '@nestjs/common';

type Import = NonNullable<ModuleMetadata['imports']>[number];

/** True when the imports bring a module of that kind, also through their own imports and where it is promised. */
export async function importsModule(
  imports: readonly Import[],
  isWanted: (module: unknown) => boolean,
): Promise<boolean> {
  const seen = new Set<unknown>();
  const oneBrings = async (all: readonly unknown[]): Promise<boolean> => {
    for (const one of await Promise.all(all)) if (await brings(one)) return true;
    return false;
  };
  const brings = async (one: unknown): Promise<boolean> => {
    if (one === null || (typeof one !== 'object' && typeof one !== 'function') || seen.has(one)) return false;
    seen.add(one);
    if (isWanted(one)) return true;
    if (typeof one === 'function') return oneBrings(ofClass(one));
    if ('forwardRef' in one && typeof one.forwardRef === 'function') return brings(one.forwardRef());
    const { module, imports: more } = one as { module?: unknown; imports?: unknown };
    return (await brings(module)) || (Array.isArray(more) && oneBrings(more));
  };
  return oneBrings(imports);
}

function ofClass(type: Function): unknown[] {
  const imports: unknown = Reflect.getMetadata('imports', type);
  return Array.isArray(imports) ? imports : [];
}
