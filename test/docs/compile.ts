import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { type Block, fileOf, type Page, repository } from './pages.js';

/**
 * Compiles the TypeScript blocks of the pages in one program, with nothing written to disk. How a block comes to be a file:
 * CONTRIBUTING.md, "Docs".
 */

/** Where a line of a made file comes from. */
interface Source {
  readonly page: string;
  readonly block: Block;
  /** Lines that stand before the block's own. */
  readonly added: number;
}

/** What fragments may use without importing it: everything of this package, and what Nest apps are made of. */
const FROM: readonly (readonly [module: string, names: readonly string[]])[] = [
  ['nest-durable', exportsOf('lib/index.ts')],
  ['nest-durable/helpers', exportsOf('lib/core/helpers.ts')],
  ['nest-durable/testing', exportsOf('lib/testing/index.ts')],
  ['nest-durable/dashboard', exportsOf('lib/dashboard/index.ts')],
  ['@nestjs/common', ['Body', 'Controller', 'Get', 'Inject', 'Injectable', 'Logger', 'Module', 'Param', 'Post']],
  ['typeorm', ['Column', 'DataSource', 'Entity', 'EntityManager', 'PrimaryColumn']],
];

/** What is wrong with them, a line each: `page:line: message`. */
export function compilePages(pages: readonly Page[]): string[] {
  const files = new Map<string, string>();
  const sources = new Map<string, Source>();
  const faults: string[] = [];
  for (const { path, blocks } of pages) {
    const folder = join(repository, 'test/docs/made', path.replaceAll(/[^\w-]/g, '_'));
    blocks.forEach((block, index) => {
      if (!['ts', 'typescript', 'tsx'].includes(block.language)) return;
      const name = fileOf(block);
      const file = name === null ? join(folder, `fragment-${index}.ts`) : resolve(folder, name);
      if (files.has(file)) faults.push(`${path}:${block.line}: ${name} is on this page twice`);
      const before = name === null ? preambleOf(block) : '';
      files.set(file, `${before}${block.text}\n`);
      sources.set(file, { page: path, block, added: before.split('\n').length - 1 });
    });
  }
  const program = ts.createProgram([...files.keys()], options(), host(files));
  for (const [file, source] of sources) {
    const made = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(made), ...program.getSemanticDiagnostics(made)];
    faults.push(...found.map((one) => describe(one, source)));
  }
  return faults;
}

/** As `tsc --strict` of a fresh Nest 12 app, on the sources of this package. */
function options(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(repository, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object };
  };
  const relaxed = { noUncheckedIndexedAccess: false, noUnusedLocals: false, noUnusedParameters: false };
  const json = { ...config.compilerOptions, ...relaxed, declaration: false };
  return ts.convertCompilerOptionsFromJson(json, repository).options;
}

/** What was read from the disk, for further programs of this process. */
const read = new Map<string, ts.SourceFile | undefined>();

function host(files: ReadonlyMap<string, string>): ts.CompilerHost {
  const made = ts.createCompilerHost(options(), true);
  const { fileExists, readFile, getSourceFile, directoryExists } = made;
  const folders = new Set([...files.keys()].map((file) => dirname(file)));
  made.fileExists = (path) => files.has(path) || fileExists(path);
  made.readFile = (path) => files.get(path) ?? readFile(path);
  made.directoryExists = (path) => folders.has(path) || (directoryExists?.(path) ?? true);
  made.getSourceFile = (path, target, onError) => {
    const text = files.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, target, true);
    if (!read.has(path)) read.set(path, getSourceFile(path, target, onError));
    return read.get(path);
  };
  return made;
}

/** What a fragment is given: its page's setup, and imports of what it names and does not import or declare itself. */
function preambleOf({ setup, text }: Block): string {
  const source = ts.createSourceFile('fragment.ts', `${setup}\n${text}`, ts.ScriptTarget.ESNext, true);
  const named = new Set<string>();
  const declared = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) named.add(node.text);
    ts.forEachChild(node, look);
  };
  look(source);
  for (const statement of source.statements) {
    for (const name of namesOf(statement)) declared.add(name);
  }
  const lines = FROM.map(([module, names]) => {
    const wanted = names.filter((name) => {
      const bare = name.replace('type ', '');
      return named.has(bare) && !declared.has(bare);
    });
    return wanted.length === 0 ? '' : `import { ${wanted.join(', ')} } from '${module}';`;
  });
  return `${[...lines, setup, 'export {};'].filter((line) => line !== '').join('\n')}\n`;
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isImportDeclaration(statement)) {
    const { importClause } = statement;
    const bindings = importClause?.namedBindings;
    const named = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
    return [importClause?.name, ...named.map(({ name }) => name)].flatMap((name) => name?.text ?? []);
  }
  if (ts.isVariableStatement(statement)) {
    const { declarations } = statement.declarationList;
    return declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? name.text : []));
  }
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

/** The names that a module exports, by its text; types as an import names them (`type Order`). */
function exportsOf(path: string): string[] {
  const file = join(repository, path);
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ESNext, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) {
      const isExported = (ts.getCombinedModifierFlags(statement as never) & ts.ModifierFlags.Export) !== 0;
      const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      return isExported ? namesOf(statement).map((name) => (isType ? `type ${name}` : name)) : [];
    }
    const { exportClause, moduleSpecifier, isTypeOnly } = statement;
    if (exportClause !== undefined && ts.isNamedExports(exportClause)) {
      return exportClause.elements.map((one) => `${isTypeOnly || one.isTypeOnly ? 'type ' : ''}${one.name.text}`);
    }
    const from = (moduleSpecifier as ts.StringLiteral).text.replace(/\.js$/, '.ts');
    return exportsOf(join(dirname(path), from));
  });
}

function describe({ file, start, messageText }: ts.Diagnostic, { page, block, added }: Source): string {
  const text = ts.flattenDiagnosticMessageText(messageText, '\n  ');
  if (file === undefined || start === undefined) return `${page}: ${text}`;
  const line = file.getLineAndCharacterOfPosition(start).line - added;
  return line < 0 ? `${page}:${block.line}: (in its setup) ${text}` : `${page}:${block.line + line}: ${text}`;
}
