// Makes the one file that is shipped: bundle.ts [OUT]; default dist/serin.mjs. Takes part of a second.
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const out = resolve(process.argv[2] ?? join(root, 'dist/serin.mjs'));

/** What packages written for `require` expect to find in a module. */
const REQUIRE = [
  "import { createRequire as requireFrom } from 'node:module';",
  'const require = requireFrom(import.meta.url);',
].join('\n');

await mkdir(dirname(out), { recursive: true });
const { warnings } = await build({
  entryPoints: [join(root, 'src/main.ts')],
  outfile: out,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  // Stacks and `constructor.name` keep their words.
  keepNames: true,
  legalComments: 'external',
  banner: { js: `#!/usr/bin/env node\n${REQUIRE}` },
  logLevel: 'warning',
});
await chmod(out, 0o755);
if (warnings.length > 0) process.exit(1);
process.stdout.write(`${out}\n`);
