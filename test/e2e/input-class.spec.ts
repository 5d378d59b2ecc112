import { ValidationPipe } from '@nestjs/common';
import { callWorkflow, type InvalidInputError, Step, Workflow } from 'nest-durable';
import { Transform, Type } from 'class-transformer';
import { IsArray, IsDate, IsInt, IsObject, IsString, Min, ValidateNested } from 'class-validator';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';

/** The class of a workflow's input, whose transforms take the form of a query string or a form post, as many do. */

class Line {
  @Transform(({ value }) => Number.parseInt(value as string, 10))
  @IsInt()
  @Min(1)
  quantity!: number;
}

class Circle {
  kind!: 'circle';
  @IsInt()
  radius!: number;
}

class Square {
  kind!: 'square';
  @IsInt()
  side!: number;
}

const SHAPES = [
  { name: 'circle', value: Circle },
  { name: 'square', value: Square },
];

class ReportRequest {
  @Transform(({ value }) => (value as string).split(','))
  @IsArray()
  @IsString({ each: true })
  tags!: string[];

  @Transform(({ value }) => JSON.parse(value as string) as object)
  @IsObject()
  filter!: object;

  @Type(() => Line)
  @ValidateNested({ each: true })
  lines!: Line[];

  @Type(() => Object, { discriminator: { property: 'kind', subTypes: SHAPES }, keepDiscriminatorProperty: true })
  @ValidateNested()
  shape!: Circle | Square;

  @Type(() => Date)
  @IsDate()
  since!: Date;
}

@Workflow({ name: 'report', input: ReportRequest })
class ReportWorkflow {
  @Step()
  make() {}
}

@Workflow({ name: 'calls' })
class CallsWorkflow {
  @Step()
  async call() {
    return { made: await callWorkflow(ReportWorkflow, await transformed()) };
  }
}

const BODY = {
  tags: 'a,b',
  filter: '{"x":1}',
  lines: [{ quantity: '2' }],
  shape: { kind: 'circle', radius: 3 },
  since: '2030-01-01T00:00:00.000Z',
};
const STORED = {
  tags: ['a', 'b'],
  filter: { x: 1 },
  lines: [{ quantity: 2 }],
  shape: { kind: 'circle', radius: 3 },
  since: new Date(BODY.since),
};

function transformed(body: object = BODY): Promise<ReportRequest> {
  const pipe = new ValidationPipe({ transform: true });
  return pipe.transform(body, { type: 'body', metatype: ReportRequest }) as Promise<ReportRequest>;
}

let app: FaultApp;
/** Knows the workflows by their definitions only. */
let api: FaultApp;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  app = await openApp({ database: { url } }, [ReportWorkflow, CallsWorkflow]);
  api = await openApp({ database: { url }, workers: false });
});

afterAll(async () => {
  await api.close();
  await app.close();
});

async function violationsOf(work: Promise<unknown>): Promise<string[]> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  const { code, violations } = error as InvalidInputError;
  expect(code).toBe('INVALID_INPUT');
  return violations.map(({ path }) => path).toSorted();
}

it('an instance, as ValidationPipe({ transform: true }) gives it, is taken as it is, and again by the first step', async () => {
  const run = await app.client.start(ReportWorkflow, await transformed());
  expect(await run.result()).toEqual(STORED);
});

it('so it is of a child, of many runs and of a schedule', async () => {
  expect(await (await app.client.start(CallsWorkflow, {})).result()).toEqual({ made: STORED });
  const [many] = await app.client.startMany(ReportWorkflow, [{ input: await transformed() }]);
  expect(await many?.result()).toEqual(STORED);
  await app.client.schedule(ReportWorkflow, '@yearly', { input: await transformed() });
  expect(await (await app.client.triggerSchedule('report')).result()).toEqual(STORED);
});

it('a plain object is taken in either form, and stays as it was given', async () => {
  for (const input of [BODY, STORED]) {
    const run = await app.client.start(ReportWorkflow, input);
    expect(await run.result()).toEqual(input);
    const byName = await api.client.start('report', input);
    expect(await app.client.handle(byName.id).result()).toEqual(input);
  }
});

it('an instance with faults is refused with all of them', async () => {
  const wrong = Object.assign(await transformed(), { tags: [1], lines: [Object.assign(new Line(), { quantity: 0 })] });
  expect(await violationsOf(app.client.start(ReportWorkflow, wrong))).toEqual(['lines[0].quantity', 'tags']);
});

it.each([
  ['in the form of the body', { ...BODY, lines: [{ quantity: '0' }] }],
  ['as it is stored', { ...STORED, lines: [{ quantity: 0 }] }],
  ['as it is stored, in another class', { ...STORED, shape: { kind: 'square', radius: 3 } }],
])(
  'a plain object with a fault is refused by start, and by the first claim of a start by name: %s',
  async (_, input) => {
    await violationsOf(app.client.start(ReportWorkflow, input));
    const run = await api.client.start('report', input);
    await expect(app.client.handle(run.id).result()).rejects.toMatchObject({ cause: { code: 'INVALID_INPUT' } });
  },
);
