// Makes the one file that is shipped, and beside it the licences of what is in it: bundle.ts [OUT]; default dist/serin.mjs.
import { appendFile, chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const out = resolve(process.argv[2] ?? join(root, 'dist/serin.mjs'));

/** What packages written for `require` expect to find in a module. */
const REQUIRE = [
  "import { createRequire as requireFrom } from 'node:module';",
  'const require = requireFrom(import.meta.url);',
].join('\n');

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:\.(?:md|txt))?$/iu;

/**
 * Of @kubernetes/client-node only KubeConfig's credentials are used. Its five megabytes of generated calls would be read
 * and kept in memory by every start: 22 MB and a third of the time.
 */
const withoutGenerated: Plugin = {
  name: 'without-generated',
  setup(bundle) {
    const config = join(root, 'node_modules/@kubernetes/client-node/dist/config.js');
    bundle.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: config }));
    bundle.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer === config ? { path: 'generated', namespace: 'absent' } : null,
    );
    bundle.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: [
        "const absent = () => { throw new Error('generated calls are not in the bundle'); };",
        'export const createConfiguration = absent;',
        'export class ServerConfiguration { constructor() { absent(); } }',
      ].join('\n'),
    }));
  },
};

await mkdir(dirname(out), { recursive: true });
const { warnings, metafile } = await build({
  entryPoints: [join(root, 'src/main.ts')],
  outfile: out,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  // Names stay by themselves, as they are not made shorter; `keepNames` would set them anew for each closure at run time.
  minifyIdentifiers: false,
  plugins: [withoutGenerated],
  legalComments: 'external',
  banner: { js: `#!/usr/bin/env node\n${REQUIRE}` },
  logLevel: 'warning',
  metafile: true,
  absWorkingDir: root,
});
await chmod(out, 0o755);
await appendFile(`${out}.LEGAL.txt`, (await licences(Object.keys(metafile.inputs))).join('\n'));
if (warnings.length > 0) process.exit(1);
process.stdout.write(`${out}\n`);

/** Of each package that these files come from, the name and the licence that its authors ask to be passed on. */
async function licences(files: readonly string[]): Promise<string[]> {
  const folders = new Set(files.map(packageFolder).filter((folder) => folder !== null));
  const texts = [...folders].toSorted().map(async (folder) => {
    const names = (await readdir(join(root, folder))).filter((name) => LICENCE_FILE.test(name));
    const bodies = names.map((name) => readFile(join(root, folder, name), 'utf8'));
    return [`\n--- ${folder.replace(/^.*node_modules\//u, '')}`, ...(await Promise.all(bodies))];
  });
  return (await Promise.all(texts)).flat();
}

function packageFolder(file: string): string | null {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(file)?.[0] ?? null;
}
