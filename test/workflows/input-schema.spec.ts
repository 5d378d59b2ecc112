import { Transform, Type } from 'class-transformer';
import {
  Allow,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsDate,
  IsEmail,
  IsEnum,
  IsIn,
  IsInt,
  IsOptional,
  IsPositive,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { Step, Workflow } from 'nest-durable';
import { createDurableTest } from 'nest-durable/testing';
import { schemaViolations } from '../../lib/core/input/json-schema.js';
import { inputSchema } from '../../lib/workflows/input-schema.js';
import { inputValidator } from '../../lib/workflows/input-validator.js';
import { onTestServer } from '../testing/support.js';

enum Size {
  Small = 'S',
  Large = 'L',
}

class Address {
  @IsString()
  @Length(2, 80)
  city!: string;

  @ValidateNested()
  @Type(() => Address)
  @IsOptional()
  other?: Address;
}

class OrderInput {
  @IsInt()
  @Min(1)
  @Max(99)
  count!: number;

  @IsPositive()
  price!: number;

  @IsEmail()
  mail!: string;

  @IsIn(['card', 'invoice'])
  @IsOptional()
  pay?: string;

  @IsEnum(Size)
  size!: Size;

  @Matches(/^[A-Z]{3}$/)
  code!: string;

  @IsBoolean()
  gift!: boolean;

  @IsDate()
  @Type(() => Date)
  due!: Date;

  @IsArray()
  @ArrayMinSize(1)
  @IsString({ each: true })
  tags!: string[];

  @ValidateNested()
  @Type(() => Address)
  address!: Address;

  @ValidateNested({ each: true })
  @Type(() => Address)
  others!: Address[];

  @ValidateBy({ name: 'own', validator: { validate: () => true } })
  own!: string;
}

@Workflow({ name: 'order', input: OrderInput })
class OrderWorkflow {
  @Step()
  work() {}
}

const city = { type: 'string', minLength: 2, maxLength: 80 };

it('says of an input class what its decorators say, nested classes and lists too', async () => {
  const schema = await inputSchema(OrderInput);
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      count: { type: 'integer', minimum: 1, maximum: 99 },
      price: { type: 'number', exclusiveMinimum: 0 },
      mail: { type: 'string', format: 'email' },
      pay: { type: 'string', enum: ['card', 'invoice'] },
      size: { type: 'string', enum: ['S', 'L'] },
      code: { type: 'string', pattern: '^[A-Z]{3}$' },
      gift: { type: 'boolean' },
      due: { type: 'string', format: 'date-time' },
      tags: { type: 'array', minItems: 1, items: { type: 'string' } },
      address: { type: 'object', required: ['city'], properties: { city } },
      others: { type: 'array', items: { type: 'object', properties: { city } } },
      own: { type: 'string' },
    },
  });
  expect(schema?.required?.toSorted()).toEqual(
    ['count', 'price', 'mail', 'size', 'code', 'gift', 'due', 'tags', 'own'].toSorted(),
  );
  // `@ValidateNested()` by itself lets them be missing. A class that has itself as a field ends somewhere.
  expect(JSON.stringify(schema).length).toBeLessThan(5_000);
});

it('a class without decorators is any object', async () => {
  expect(await inputSchema(class Plain {})).toMatchObject({ type: 'object', properties: {}, required: [] });
});

it('is stored at boot with the definition, and listed with the workflow', async () => {
  const test = await createDurableTest({ providers: [OrderWorkflow] }, onTestServer);
  try {
    const [workflow] = await test.client.listWorkflows();
    expect(workflow?.inputSchema).toEqual(await inputSchema(OrderInput));
  } finally {
    await test.close();
  }
});

class LooseInput {
  @ValidateNested()
  @Type(() => Address)
  address?: Address;

  @Allow()
  note?: unknown;

  @IsOptional()
  @Matches(/^\p{Lu}\p{L}+$/u)
  name?: string;

  @IsOptional()
  @Length(2, 3)
  mark?: string;

  @IsOptional()
  @IsString({ each: true })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.split(',') : value))
  tags?: string[];

  @IsOptional()
  @IsInt()
  @Type(() => Number)
  count?: number;

  @ValidateIf((order: LooseInput) => order.note === 'pay')
  @IsInt()
  price?: unknown;
}

it.each<[object]>([
  [{}],
  [{ name: 'Ärger' }],
  [{ mark: '😀😀😀' }],
  [{ tags: 'a,b' }],
  [{ count: '7' }],
  [{ note: 'free', price: 'none' }],
])('does not refuse what the class takes: %j', async (input) => {
  await (
    await inputValidator(LooseInput, 'loose')
  )(input);
  expect(schemaViolations(await inputSchema(LooseInput), input)).toEqual([]);
});
