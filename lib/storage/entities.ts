import { type ColumnType, type EntitySchemaColumnOptions, EntitySchema } from 'typeorm';

/** workflow_definitions */
export interface DefinitionRow {
  id: number;
  name: string;
  version: number;
  hash: string;
  definition: unknown;
  inputSchema: object | null;
  firstSeen: Date;
  lastSeen: Date;
}

export interface Entities {
  readonly definitions: EntitySchema<DefinitionRow>;
}

/**
 * The TypeORM entities of what is stored by TypeORM: definitions. Made for each schema, since its name is an option. The
 * migrations own the tables: `synchronize: false` keeps a host's `synchronize: true` from dropping our partial indexes and
 * CHECKs, which TypeORM cannot describe.
 */
export function createEntities(schema: string): Entities {
  const tableName = 'workflow_definitions';
  return {
    definitions: new EntitySchema<DefinitionRow>({
      name: `${tableName}_${schema}`,
      tableName,
      schema,
      synchronize: false,
      columns: {
        id: { type: 'integer', primary: true, generated: 'increment' },
        name: column('text'),
        version: column('integer'),
        hash: column('text'),
        definition: column('json'),
        inputSchema: column('json', 'input_schema', { nullable: true }),
        firstSeen: column('timestamptz', 'first_seen', { default: () => 'now()' }),
        lastSeen: column('timestamptz', 'last_seen', { default: () => 'now()' }),
      },
    }),
  };
}

/** NOT NULL; without a name the column is called like the property. */
function column(
  type: ColumnType,
  name?: string,
  more: Partial<EntitySchemaColumnOptions> = {},
): EntitySchemaColumnOptions {
  return { type, ...(name === undefined ? {} : { name }), ...more };
}
