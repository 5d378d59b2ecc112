import { read } from '../core/text-of.js';

/** `@Type()` of a property. */
export interface TypeMetadata {
  readonly typeFunction: (help: object) => unknown;
  readonly options?: { readonly discriminator?: Discriminator };
}

export interface Discriminator {
  readonly property: string;
  readonly subTypes: readonly { readonly name: string; readonly value: Function }[];
}

export interface TypeStorage {
  findTypeMetadata(type: Function, property: string): TypeMetadata | undefined;
  findTransformMetadatas?(type: Function, property: string, transformation: number): readonly unknown[];
}

/** class-transformer tells of it only where Nest's mapped types look too; null: it does not. */
export async function typeMetadata(): Promise<TypeStorage | null> {
  // @ts-expect-error: this file of the package has no types.
  const found: unknown = await import('class-transformer/cjs/storage.js').catch(() => null);
  const storage = read(found, 'defaultMetadataStorage') ?? read(read(found, 'default'), 'defaultMetadataStorage');
  return typeof read(storage, 'findTypeMetadata') === 'function' ? (storage as TypeStorage) : null;
}
