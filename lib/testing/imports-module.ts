import type { ModuleMetadata } from '@nestjs/common';

type Import = NonNullable<ModuleMetadata['imports']>[number];

/** True when the imports bring a module of that kind, also through their own imports. Promised modules are not seen. */
export function importsModule(imports: readonly Import[], isWanted: (module: unknown) => boolean): boolean {
  const seen = new Set<unknown>();
  const brings = (one: unknown): boolean => {
    if (one === null || (typeof one !== 'object' && typeof one !== 'function') || seen.has(one)) return false;
    seen.add(one);
    if (isWanted(one)) return true;
    if (typeof one === 'function') return ofClass(one).some(brings);
    if ('forwardRef' in one && typeof one.forwardRef === 'function') return brings(one.forwardRef());
    const { module, imports: more } = one as { module?: unknown; imports?: unknown };
    return brings(module) || (Array.isArray(more) && more.some(brings));
  };
  return imports.some(brings);
}

function ofClass(type: Function): unknown[] {
  const imports: unknown = Reflect.getMetadata('imports', type);
  return Array.isArray(imports) ? imports : [];
}
