import { join } from 'node:path';
import ts from 'typescript';
import { compilePages } from './compile.js';
import { type Block, type Page, repository } from './pages.js';

/** The docstrings of all that users import: there is one, it says the thing itself, its examples compile. */

const DOORS = ['index', 'helpers', 'migrations', 'testing/index', 'dashboard/index'];

/** Whose docstrings have an example. */
const SHOWN = `
  Workflow Step Decision Branch Parallel ForEach Compensate Schedule InjectDurable
  sleep scheduleAt waitForEvent waitForAny waitForAll waitForInput waitForApproval waitForChoice waitForChoices
  waitForText waitForForm callWorkflow startWorkflow once DurableClient.start createDurableTest
`
  .trim()
  .split(/\s+/);

/** What examples may use besides this package's exports. */
const SETUP = `
declare const client: DurableClient;
interface Order { id: string; total: number; chargeId?: string }
interface Trip { id: string; cities: string[] }
declare const payments: { charge(id: string): Promise<string>; refund(id: string | undefined): Promise<void> };
declare const mailer: { send(to: string): Promise<void> };
declare class AppModule {}
`;

/** The workflow that examples call, where they are not about one of that name. */
const CALLED = 'declare class OrderWorkflow extends DurableWorkflow<Order, { chargeId: string }> {}\n';

interface Documented {
  /** `DurableClient.start`, `sleep`. */
  readonly name: string;
  /** The comment as it stands in the source, null where there is none; empty where it has no text. */
  readonly comment: string | null;
  readonly file: string;
  readonly line: number;
  readonly declaration: ts.Declaration;
}

function program(): ts.Program {
  const path = join(repository, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as { config: { compilerOptions: object } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  return ts.createProgram(
    DOORS.map((door) => join(repository, `lib/${door}.ts`)),
    options,
  );
}

/** Every export of the doors, with the public members of classes and interfaces. */
function documented(): Documented[] {
  const made = program();
  const checker = made.getTypeChecker();
  const found = new Map<ts.Node, Documented>();
  for (const door of DOORS) {
    const source = made.getSourceFile(join(repository, `lib/${door}.ts`));
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`lib/${door}.ts exports nothing`);
    for (const exported of checker.getExportsOfModule(module)) {
      const alias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = alias ? checker.getAliasedSymbol(exported) : exported;
      for (const one of symbol.declarations ?? []) {
        add(found, exported.name, one);
        if (ts.isClassDeclaration(one) || ts.isInterfaceDeclaration(one)) {
          for (const member of one.members.filter(isPublic)) add(found, `${exported.name}.${member.name?.getText() ?? 'constructor'}`, member);
        }
      }
    }
  }
  return [...found.values()];
}

function isPublic(member: ts.ClassElement | ts.TypeElement): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (ts.getCombinedModifierFlags(member) & hidden) === 0 && member.name?.kind !== ts.SyntaxKind.PrivateIdentifier;
}

function add(found: Map<ts.Node, Documented>, name: string, declaration: ts.Declaration): void {
  const file = declaration.getSourceFile();
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const comment = ts.getJSDocCommentsAndTags(holder).find((one) => ts.isJSDoc(one));
  const { line } = file.getLineAndCharacterOfPosition(holder.getStart());
  found.set(declaration, {
    name,
    comment: comment === undefined ? null : comment.getText().replaceAll(/^\/\*\*\s?|\s*\*\/$|^\s*\* ?/gm, ''),
    file: file.fileName.slice(repository.length),
    line: line + 1,
    declaration,
  });
}

/** A field that callers may leave out, of what a method or a decorator is given. */
function isOption({ name, declaration }: Documented): boolean {
  return /Options|Item|Filters|Changes|^CreateDurableTest/.test(name) && ts.isPropertySignature(declaration) && declaration.questionToken !== undefined;
}

/** A number, by its type as it is written. */
function isNumber({ declaration }: Documented): boolean {
  return ts.isPropertySignature(declaration) && /\bnumber\b/.test(declaration.type?.getText() ?? '');
}

/** Errors that a function or a method throws in its own body. */
function thrown({ declaration }: Documented): string[] {
  const found = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isThrowStatement(node) && ts.isNewExpression(node.expression)) found.add(node.expression.expression.getText());
    if (ts.isCallExpression(node) && ['refused', 'checkText', 'readOptions'].includes(node.expression.getText())) {
      found.add('InvalidInputError');
    }
    ts.forEachChild(node, look);
  };
  if (ts.isFunctionDeclaration(declaration) || ts.isMethodDeclaration(declaration)) look(declaration);
  return [...found];
}

const all = documented();

/** The docstring of the class or interface that has it. */
function ownerOf({ name }: Documented): string {
  return all.find((one) => name.startsWith(`${one.name}.`))?.comment ?? '';
}

const where = ({ name, file, line }: Documented): string => `${file}:${line} ${name}`;

describe('the docstrings of what users import', () => {
  it('are there for every export', () => {
    const overloads = new Set(all.filter(({ comment }) => comment !== null).map(({ name }) => name));
    const without = all.filter(({ name }) => !name.includes('.') && !overloads.has(name));
    expect(without.map(where)).toEqual([]);
  });

  it('begin with a noun or a verb of the field', () => {
    const riddles = /^(What|Whether|Who|Whoever|How|Where|Why|When|That|This|It|All that|Those)\b/;
    expect(all.filter(({ comment }) => riddles.test(comment ?? '')).map(where)).toEqual([]);
  });

  it('are there for every public method, and every field of options', () => {
    const must = (one: Documented): boolean => ts.isMethodDeclaration(one.declaration) || isOption(one);
    expect(all.filter((one) => must(one) && (one.comment ?? '') === '').map(where)).toEqual([]);
  });

  it('say of an option what it is where it is left out, or the options say it of all', () => {
    const ofAll = /left out|given must fit/;
    const silent = all.filter(
      (one) => isOption(one) && !/Default|only with|[Nn]ull/.test(one.comment ?? '') && !ofAll.test(ownerOf(one)),
    );
    expect(silent.map(where)).toEqual([]);
  });

  it('say of a time or a size in which unit it is, if its name or the docstring around it does not', () => {
    const measures = /timeout|interval|delay|\bage|ageing|lag$|period|window|grace|duration|bytes|length|patience/i;
    const unit = /\bms\b|bytes|Bytes|characters/;
    const silent = all.filter(
      (one) =>
        isNumber(one) &&
        measures.test(one.name.split('.')[1] ?? '') &&
        !one.name.endsWith('Ms') &&
        !unit.test(one.comment ?? '') &&
        !unit.test(ownerOf(one)),
    );
    expect(silent.map(where)).toEqual([]);
  });

  it('name the errors that a function throws itself', () => {
    const silent = all.flatMap((one) => {
      const told = (one.comment ?? '') + ownerOf(one);
      return thrown(one).filter((error) => !told.includes(error)).map((error) => `${where(one)}: ${error}`);
    });
    expect(silent).toEqual([]);
  });

  it('have an example for each decorator and wait, start(), once() and createDurableTest()', () => {
    const shown = all.filter(({ comment }) => comment?.includes('@example')).map(({ name }) => name);
    expect(SHOWN.filter((name) => !shown.includes(name))).toEqual([]);
  });

  it('have examples that compile under strict', () => {
    const pages = all.map((one): Page => {
      const blocks = [...(one.comment ?? '').matchAll(/^```ts\n(.*?)^```/gms)].map(([, text = '']): Block => {
        const setup = text.includes('class OrderWorkflow') ? SETUP : SETUP + CALLED;
        return { language: 'ts', line: one.line, text, setup, headings: [], before: '' };
      });
      return { path: `${one.file} ${one.name}`, blocks, links: [], anchors: new Set() };
    });
    expect(compilePages(pages)).toEqual([]);
    expect(pages.flatMap(({ blocks }) => blocks).length).toBeGreaterThanOrEqual(SHOWN.length);
  });
});
