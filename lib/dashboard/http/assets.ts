import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, html, withETag } from './answer.js';
import { type DashboardRequest, header } from './request.js';

interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  readonly br: Buffer | null;
  readonly gzip: Buffer | null;
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
};

/** Named by what is in them: they never change. */
const FOREVER = 'public, max-age=31536000, immutable';

/** The built pages: read once, looked up by exact name, so that no path leads anywhere else. */
export class Assets {
  private constructor(
    private readonly page: string | null,
    private readonly files: ReadonlyMap<string, Asset>,
  ) {}

  /** Reads what the build of the pages has left: `index.html` and `assets/*`, with `.br` and `.gz` beside them. */
  static load(folder: string): Assets {
    const page = join(folder, 'index.html');
    const assets = join(folder, 'assets');
    if (!existsSync(page) || !existsSync(assets)) return new Assets(null, new Map());
    const names = readdirSync(assets);
    const present = new Set(names);
    const read = (name: string): Buffer | null => (present.has(name) ? readFileSync(join(assets, name)) : null);
    const files = new Map<string, Asset>();
    for (const name of names) {
      const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
      if (type === undefined) continue;
      const plain = readFileSync(join(assets, name));
      files.set(name, { type, plain, br: read(`${name}.br`), gzip: read(`${name}.gz`) });
    }
    return new Assets(readFileSync(page, 'utf8'), files);
  }

  /** The file of that name; null: there is none. */
  file(name: string, request: DashboardRequest): Answer | null {
    const asset = this.files.get(name);
    if (asset === undefined) return null;
    const accepted = acceptedEncodings(header(request, 'accept-encoding'));
    const [encoding, body] =
      asset.br !== null && accepted.has('br')
        ? ['br', asset.br]
        : asset.gzip !== null && accepted.has('gzip')
          ? ['gzip', asset.gzip]
          : [null, asset.plain];
    return {
      status: 200,
      headers: {
        'Content-Type': asset.type,
        'Cache-Control': FOREVER,
        Vary: 'Accept-Encoding',
        ...(encoding !== null && { 'Content-Encoding': encoding }),
      },
      body,
    };
  }

  /** The page, so many levels below its base. */
  index(depth: number): Answer {
    if (this.page === null) return html(503, NOT_BUILT);
    const base = depth === 0 ? './' : '../'.repeat(depth);
    return withETag(html(200, this.page.replace(/<base\s[^>]*>/i, `<base href="${base}">`)));
  }
}

/** In the sources of this package, where nobody has run the build. */
const NOT_BUILT =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dashboard</title></head><body>' +
  '<p>The pages of the dashboard are not built: run <code>npm run build</code>. Its API is served.</p></body></html>';

function acceptedEncodings(accept: string | undefined): ReadonlySet<string> {
  const accepted = (accept ?? '').split(',').flatMap((part) => {
    const [name = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    return parameters.some((one) => /^q=0(\.0*)?$/.test(one)) ? [] : [name];
  });
  return new Set(accepted.includes('*') ? [...accepted, 'br', 'gzip'] : accepted);
}
